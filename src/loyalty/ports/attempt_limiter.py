"""
The port that keeps strangers from guessing gift card codes.

The library asks before it looks any code up, and tells afterwards how it went.
Whom to count is the host's to say: an address, a session, a till.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["AttemptLimiter"]


@runtime_checkable
class AttemptLimiter(Protocol):
    """
    Counts wrong codes, per caller and over all callers together.

    *caller* is a text of 1 to 200 characters, or None if the host named nobody;
    then only the count over all callers is meant. One limiter serves all threads.

    Whatever else a method raises means that the limiter is broken; the request
    is then refused as ``StorageUnavailable``, and nothing is let through.
    """

    def require(self, caller: str | None) -> None:
        """
        Check that *caller* may try a code. Called before any look-up; counts nothing.

        **Concurrent:** attempts that are under way are not counted yet, so as many
        more as the host serves at once may pass.

        Raises:
            loyalty.errors.TooManyAttempts: If the caller, or all together, had too many wrong ones.
        """
        ...

    def wrong(self, caller: str | None) -> None:
        """Count one wrong code: unknown, not usable now, or somebody else's."""
        ...

    def mistyped(self, caller: str | None) -> None:
        """
        Do as much work as :meth:`wrong`, and count nothing.

        Called for a text that cannot be a code: people mistype, and whoever
        guesses learns nothing from it. Only the time must not tell the two apart.
        """
        ...
