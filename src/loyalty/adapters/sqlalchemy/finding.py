"""What is found wrong with a database before money is moved on it."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

__all__ = ["Finding", "Kind", "listed"]

MOST_NAMED = 3
"""How many names a message holds. More would hide what to do."""


class Kind(enum.Enum):
    """Who may decide to begin all the same."""

    UNUSABLE = "unusable"
    """Nobody: it would not work, or mint or lose money."""

    FORGETFUL = "forgetful"
    """Whoever can live with commits that a power cut takes back."""

    NEWER = "newer"
    """Whoever runs two versions side by side, as while deploying."""


@attrs.frozen
class Finding:
    """One thing that is wrong, with what to do about it. Holds no password."""

    text: str
    kind: Kind = Kind.UNUSABLE


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, and whether there are more."""
    return ", ".join(names[:MOST_NAMED]) + (" and others" if len(names) > MOST_NAMED else "")
