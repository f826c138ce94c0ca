"""
Which policy decided: its name, its version, and what it said.

Every decision is kept with the receipt of its command, so that later, under
newer policies, anybody can still tell why a payment came out as it did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs

__all__ = ["Decision", "decision", "policy"]

Policy = TypeVar("Policy", bound=Callable[..., Any])


@attrs.frozen
class Decision:
    """
    One policy that took part in a command.

    ``policy`` is the choice that was to be made, such as ``"spending_order"``;
    ``name`` and ``version`` tell which rule made it; ``said`` is its answer
    where the transfers and holds do not show it already.
    """

    policy: str
    name: str
    version: str
    said: str | None = None


def policy(version: str) -> Callable[[Policy], Policy]:
    """
    Mark a function as a policy of this version.

    Change the version whenever the rule changes, and never use one twice.

    Example:
        >>> @policy("2026-11")
        ... def an_hour(amount_due):
        ...     return timedelta(hours=1)
        >>> decision("hold_time", an_hour)
        Decision(policy='hold_time', name='an_hour', version='2026-11', said=None)
    """

    def mark(function: Policy) -> Policy:
        function.version = version  # type: ignore[attr-defined]  # functions take attributes
        return function

    return mark


def decision(kind: str, chosen: Callable[..., Any], said: str | None = None) -> Decision:
    """Return the record of one decision. A policy that does not say its version is ``"unversioned"``."""
    name = getattr(chosen, "name", None) or getattr(chosen, "__name__", type(chosen).__name__)
    return Decision(kind, str(name), str(getattr(chosen, "version", "unversioned")), said)
