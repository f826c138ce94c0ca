"""Tax rates by region, and the tax in what cards paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from moneyed import Money

from loyalty import CardPayment, IssueGiftCard, Region, prepaid_tax, resolve_tax_rate
from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest
from tests.use_cases.shop import Shop, usd


@pytest.mark.parametrize(
    ("taxes", "merchant", "own", "rate"),
    [
        (False, "19", "7", None),
        (True, "19", "7", "19"),
        (True, "0", "7", "0"),
        (True, None, "7", "7"),
        (True, None, "0", "0"),
        (True, None, None, None),
        (False, None, "7", None),
    ],
)
def test_the_rate_of_a_card(*, taxes: bool, merchant: str | None, own: str | None, rate: str | None) -> None:
    """None if the region does not tax cards, else the merchant's (zero is a rate), else the region's, else none."""
    region = Region(id="de", taxes_gift_cards=taxes, tax_rate=own)
    set_ = None if merchant is None else Decimal(merchant)
    expected = None if rate is None else Decimal(rate)
    assert expected == resolve_tax_rate(region, set_)
    shop = Shop()
    issued = shop.issue("5.00", region=region, tax_rate=merchant)
    assert ("de", expected) == (issued.gift_card.region, issued.gift_card.tax_rate)
    assert (expected is None) is (shop.card(issued).tax_rate is None)


def test_a_region_may_be_a_text_as_before() -> None:
    """Then the rate is what was said."""
    issued = Shop().issue("5.00", region="de", tax_rate="19")
    assert ("de", Decimal(19)) == (issued.gift_card.region, issued.gift_card.tax_rate)


def test_a_region_belongs_to_the_content_of_the_command() -> None:
    """The same key with the same region is a replay."""
    shop = Shop()
    region = Region(id="de", taxes_gift_cards=True, tax_rate=Decimal("19.0"))
    shop.execute_twice(IssueGiftCard(value=usd("5"), region=region, idempotency_key="k"))


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"id": ""}, InvalidRequest), ({"id": None}, InvalidRequest), ({"taxes_gift_cards": 1}, InvalidRequest),
        ({"tax_rate": "101"}, InvalidAmount), ({"tax_rate": 7.7}, InvalidAmount), ({"tax_rate": -1}, InvalidAmount),
    ],
)  # fmt: skip
def test_a_region_checks_itself(changed: dict[str, Any], error: type[Exception]) -> None:
    """A wrong one cannot be constructed."""
    with pytest.raises(error):
        Region(**{"id": "de", "taxes_gift_cards": True, **changed})


def paid(amount: str, rate: str | None, currency: str = "EUR") -> CardPayment:
    """Return what a card paid."""
    return CardPayment(gift_card_id=f"card of {rate}", amount=Money(amount, currency), tax_rate=rate)


def test_the_tax_in_what_cards_paid() -> None:
    """Each card's share, an untaxed card's and a zero rate's zero, in the order of the payments."""
    parts = prepaid_tax([paid("11.90", "19"), paid("5.00", None), paid("10.70", "7"), paid("3.00", "0")])
    assert ["1.90", "0.00", "0.70", "0.00"] == [str(part.tax.amount) for part in parts]
    assert [Decimal(19), None, Decimal(7), Decimal(0)] == [part.tax_rate for part in parts]


def test_the_sum_is_rounded_once() -> None:
    """Three times a third of a cent is one cent, not none."""
    third = [paid("0.02", "20") for _ in range(3)]
    assert ["0.01", "0.00", "0.00"] == [str(part.tax.amount) for part in prepaid_tax(third)]
    assert [Money(1, "JPY")] == [part.tax for part in prepaid_tax([paid("1", "100", "JPY")])]


def test_nothing_paid_and_nothing_taxed() -> None:
    """No payment has no parts, and untaxed payments have zeros."""
    assert () == prepaid_tax([])
    assert [Money(0, "EUR")] * 2 == [part.tax for part in prepaid_tax((paid("1", None), paid("2", "0")))]


def test_wrong_payments_are_refused() -> None:
    """Several currencies, no amount, and things that are no payments."""
    with pytest.raises(CurrencyMismatch):
        prepaid_tax([paid("1", "7"), paid("1", "7", "USD")])
    for wrong in (None, "text", [1], {"a": 1}, iter([paid("1", "7")])):
        with pytest.raises(InvalidRequest):
            prepaid_tax(wrong)  # type: ignore[arg-type]
    for amount in ("0", "-1", "0.001"):
        with pytest.raises(InvalidAmount):
            paid(amount, "7")
