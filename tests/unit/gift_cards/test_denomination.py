"""Denominations and open amounts: what they take, what they are worth, and when they are on offer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from moneyed import Currency, Money

from loyalty import Denomination, OpenAmount
from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest, LoyaltyError
from tests.use_cases.shop import DAY, MICROSECOND, NOW, usd

EUR = Money("8.00", "EUR")


def test_a_card_is_worth_its_price_unless_said_otherwise() -> None:
    """In each currency by itself; in a currency without a price it is not sold."""
    offer = Denomination(variant_id="a", prices=(usd("10.00"), EUR), face_values=usd("12.00"))

    assert (EUR, usd("10.00")) == offer.prices
    assert (EUR, usd("12.00")) == (offer.face_value("EUR"), offer.face_value("USD"))
    assert None is offer.face_value("JPY")


@pytest.mark.parametrize(
    "given",
    [
        {"prices": ()},
        {"prices": None},
        {"prices": "10.00"},
        {"prices": (usd("1.00"), usd("2.00"))},
        {"prices": {usd("1.00")}},
        {"prices": [None]},
        {"prices": [EUR] * 201},
        {"variant_id": ""},
        {"variant_id": None},
        {"sku": " "},
        {"sku": 5},
        {"face_values": (EUR, EUR)},
        {"offered_from": "now"},
    ],
)
def test_a_denomination_takes_one_price_per_currency(given: dict[str, Any]) -> None:
    """Anything else is told when it is made."""
    with pytest.raises(InvalidRequest):
        Denomination(**{"variant_id": "a", "prices": EUR, **given})


@pytest.mark.parametrize("amount", [usd("0"), usd("-1"), usd("0.001"), Money("0.5", "JPY"), usd("1e16")])
def test_amounts_on_offer_are_positive_and_exact(amount: Money) -> None:
    """Wherever they stand."""
    for make in (
        lambda: Denomination(variant_id="a", prices=amount),
        lambda: Denomination(variant_id="a", prices=amount.__class__("1", amount.currency), face_values=amount),
        lambda: OpenAmount(minimum=amount, maximum=amount),
        lambda: OpenAmount(minimum=usd("1"), maximum=usd("2"), step=amount),
    ):
        with pytest.raises(InvalidAmount):
            make()


def test_a_face_value_needs_a_price() -> None:
    """Otherwise nobody could buy it."""
    with pytest.raises(CurrencyMismatch) as caught:
        Denomination(variant_id="a", prices=EUR, face_values=usd("10.00"))

    assert "USD" == caught.value.actual


@pytest.mark.parametrize(
    ("step", "allowed", "refused"),
    [
        (None, ("5.00", "5.01", "499.99", "500.00"), ("4.99", "500.01")),
        ("0.01", ("5.00", "5.01", "500.00"), ("4.99", "500.01")),
        ("2.50", ("5.00", "7.50", "10.00", "500.00"), ("5.01", "7.49", "501.00", "4.99")),
        ("300.00", ("5.00", "305.00"), ("500.00", "605.00")),
    ],
)
def test_an_open_amount_lies_on_a_step_within_its_bounds(
    step: str | None, allowed: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """Both bounds included; steps count from the minimum."""
    offer = OpenAmount(minimum=usd("5.00"), maximum=usd("500.00"), step=None if step is None else usd(step))

    assert all(offer.allows(usd(amount)) for amount in allowed)
    assert not any(offer.allows(usd(amount)) for amount in refused)
    assert not offer.allows(Money("5.00", "EUR"))
    assert not offer.allows(Money("5.00", Currency(code="USD", sub_unit=1000)))


def test_an_open_amount_is_of_one_currency_and_has_room() -> None:
    """A minimum above the maximum, another currency, or the same with other decimals, is told when it is made."""
    with pytest.raises(InvalidRequest):
        OpenAmount(minimum=usd("5.01"), maximum=usd("5.00"))
    for other in (EUR, Money("5.00", Currency(code="USD", sub_unit=1000))):
        with pytest.raises(CurrencyMismatch):
            OpenAmount(minimum=usd("5.00"), maximum=other)
        with pytest.raises(CurrencyMismatch):
            OpenAmount(minimum=usd("5.00"), maximum=usd("9.00"), step=other)


def test_an_offer_holds_from_an_instant_until_another() -> None:
    """The first is included, the second is not."""
    offer = Denomination(variant_id="a", prices=EUR)
    between = attrs.evolve(offer, offered_from=NOW, retired_at=NOW + DAY)

    assert offer.was_offered(NOW)
    assert [False, True, True, False] == [
        between.was_offered(NOW + moved) for moved in (-MICROSECOND, timedelta(0), DAY - MICROSECOND, DAY)
    ]
    assert offer.is_same_as(between)
    assert not offer.is_same_as(attrs.evolve(between, sku="x"))


def test_an_offer_ends_once() -> None:
    """The first end counts."""
    ended = Denomination(variant_id="a", prices=EUR).retire(NOW)

    assert NOW == ended.retire(NOW + DAY).retired_at


@pytest.mark.parametrize("value", [None, 5, "5", [EUR], (), EUR.amount])
def test_the_bounds_of_an_open_amount_are_money(value: Any) -> None:
    """Anything else is a typed error."""
    with pytest.raises(LoyaltyError):
        OpenAmount(minimum=value, maximum=EUR)
    with pytest.raises(LoyaltyError):
        OpenAmount(minimum=EUR, maximum=value)
