"""
The shop's own side of every transfer.

House accounts carry no running balance, so they never become a row that every
payment waits for; their balance is a sum, made when somebody asks.
"""

from __future__ import annotations

from enum import StrEnum

from loyalty.ledger.lot import LotOrigin

__all__ = ["FUNDING", "HouseAccount"]


class HouseAccount(StrEnum):
    """Where value comes from before a customer has it, and where it goes afterwards."""

    SALES = "sales"
    PROMOTION = "promotion"
    GOODWILL = "goodwill"
    REFUNDS = "refunds"
    REDEMPTIONS = "redemptions"
    BREAKAGE = "breakage"
    UNCLAIMED_PROPERTY = "unclaimed_property"
    CASH_OUT = "cash_out"
    ADJUSTMENTS = "adjustments"
    MIGRATION = "migration"
    LOSS = "loss"


FUNDING = {
    LotOrigin.PURCHASED: HouseAccount.SALES,
    LotOrigin.PROMOTIONAL: HouseAccount.PROMOTION,
    LotOrigin.REFUND: HouseAccount.REFUNDS,
    LotOrigin.GOODWILL: HouseAccount.GOODWILL,
    LotOrigin.MIGRATION: HouseAccount.MIGRATION,
}
"""Which house account new value of each origin comes from."""
