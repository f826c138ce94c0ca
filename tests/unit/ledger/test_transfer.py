"""Transfers: two sides, one amount."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from moneyed import Money

from loyalty.identifiers import AccountId, TransferId
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Reference, Side, Transfer, TransferKind
from tests.unit.accounts import NOW

ADA = Side(account_id=AccountId("ada"), sequence=3, balance_after=700)
BOB = Side(account_id=AccountId("bob"), sequence=1, balance_after=300)
SHOP = Side(house=HouseAccount.REDEMPTIONS)


def transfer_of(debit: Side, credit: Side, **given: Any) -> Transfer:
    """Return a transfer between two sides."""
    return Transfer(
        **{
            "id": TransferId("transfer-1"),
            "kind": TransferKind.REDEMPTION,
            "currency": "USD",
            "exponent": 2,
            "amount": 300,
            "debit": debit,
            "credit": credit,
            "occurred_at": NOW,
            "recorded_at": NOW,
            **given,
        }
    )


def test_each_account_sees_its_own_side() -> None:
    """A transfer between two customers shows each the side that is his."""
    transfer = transfer_of(ADA, BOB)
    assert ADA is transfer.side_of(AccountId("ada"))
    assert BOB is transfer.side_of(AccountId("bob"))


def test_the_amount_as_money_has_the_recorded_decimals() -> None:
    """The exponent of the transfer decides, not today's table."""
    assert Money("3.00", "USD") == transfer_of(ADA, SHOP).money
    assert "0.300" == str(transfer_of(ADA, SHOP, exponent=3).money.amount)


def test_a_transfer_cannot_be_changed() -> None:
    """A correction is another transfer."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        transfer_of(ADA, SHOP).amount = 1  # type: ignore[misc]


def test_kinds_are_their_words() -> None:
    """The stored words are stable."""
    words = [
        "issue", "grant", "redemption", "refund", "conversion", "debit", "expiry", "adjustment", "reversal",
        "reload", "import", "clawback", "loss", "cash_out", "reinstatement", "move",
    ]  # fmt: skip
    assert words == list(TransferKind)


def test_references_are_values() -> None:
    """Equal references are equal and can be keys."""
    assert Reference("ticket", "77") == Reference("ticket", "77")
    assert 1 == len({Reference("ticket", "77"), Reference("ticket", "77")})
