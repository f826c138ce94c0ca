"""The shop's side: which house accounts there are, and which one funds what."""

from __future__ import annotations

from loyalty.ledger.house_accounts import FUNDING, HouseAccount
from loyalty.ledger.lot import LotOrigin


def test_the_house_accounts_are_those_of_the_specification() -> None:
    """Sales, promotion, goodwill and the rest have stable words."""
    assert [
        "sales", "promotion", "goodwill", "refunds", "redemptions", "breakage", "unclaimed_property", "cash_out",
        "adjustments", "migration", "loss",
    ] == list(HouseAccount)  # fmt: skip


def test_every_origin_has_a_funding_account_of_its_own() -> None:
    """Value of each origin comes from one house account, and no two origins share it."""
    assert set(LotOrigin) == set(FUNDING)
    assert len(LotOrigin) == len(set(FUNDING.values()))
