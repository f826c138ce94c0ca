"""The ways in which the demonstration pays."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["CheckoutKind"]


class CheckoutKind(StrEnum):
    """How the replay pays."""

    DIRECT = "direct"
    HOLD = "hold"
