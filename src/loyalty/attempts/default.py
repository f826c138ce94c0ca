"""What limits attempts when the host chose nothing, and what a host chooses who wants no limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loyalty.attempts.windows import SlidingWindows

__all__ = ["InThisProcess", "UnlimitedGuesses"]


class InThisProcess:
    """
    The default: windows in the memory of this process.

    Each process counts for itself, and a restart begins anew. The library of
    limits is loaded with the first code somebody tries, because it takes longer
    than everything of ours together.
    """

    def __init__(self) -> None:
        """Load and count nothing yet."""
        self._made: dict[str, SlidingWindows] = {}

    def require(self, caller: str | None) -> None:
        """Check that *caller* may try a code."""
        self._windows().require(caller)

    def wrong(self, caller: str | None) -> None:
        """Count one wrong code."""
        self._windows().wrong(caller)

    def mistyped(self, caller: str | None) -> None:
        """Do as much work, and count nothing."""
        self._windows().mistyped(caller)

    def _windows(self) -> SlidingWindows:
        windows = self._made.get("windows")
        if windows is None:
            from limits.storage import MemoryStorage  # noqa: PLC0415 - loads asyncio, ssl and two hundred others

            from loyalty.attempts.windows import SlidingWindows  # noqa: PLC0415 - as above

            # Of two threads that come first at once, both go on with the same windows.
            windows = self._made.setdefault("windows", SlidingWindows(MemoryStorage()))
        return windows


class UnlimitedGuesses:
    """
    No limit: anybody may guess codes as often as he likes.

    For hosts that throttle in front of the library, and for measuring.
    """

    def require(self, caller: str | None) -> None:
        """Let everybody try."""

    def wrong(self, caller: str | None) -> None:
        """Count nothing."""

    def mistyped(self, caller: str | None) -> None:
        """Do nothing either."""
