"""Gift card products: what was on offer when, and what a card of it is worth."""

from __future__ import annotations

import pytest
from moneyed import Currency, Money

from loyalty import Denomination, GiftCardProduct, OpenAmount, ProductStatus
from loyalty.errors import AmountNotOffered
from tests.use_cases.shop import DAY, MICROSECOND, NOW, usd

TEN = Denomination(variant_id="10", prices=(usd("10.00"), Money("9.00", "EUR")))
WORTH_MORE = Denomination(variant_id="25", prices=usd("20.00"), face_values=usd("25.00"))
ANY = OpenAmount(minimum=usd("5.00"), maximum=usd("500.00"), step=usd("1.00"))
PRODUCT = GiftCardProduct(
    id="card", title="Gift card", denominations=(TEN, WORTH_MORE), open_amounts=(ANY,), defined_at=NOW, changed_at=NOW
)


def test_a_product_is_a_gift_card_with_one_option() -> None:
    """As shops expect of a product (B6, B7)."""
    assert (True, "Denomination") == (PRODUCT.is_giftcard, PRODUCT.option)
    assert ProductStatus.ACTIVE is PRODUCT.status


def test_a_card_is_worth_what_was_on_offer() -> None:
    """A variant its face value in the currency of the order, an open amount itself."""
    assert usd("10.00") == PRODUCT.worth("10", "USD", NOW)
    assert Money("9.00", "EUR") == PRODUCT.worth("10", "EUR", NOW)
    assert usd("25.00") == PRODUCT.worth("25", "USD", NOW)
    assert usd("77.00") == PRODUCT.worth(usd("77.00"), "USD", NOW)


@pytest.mark.parametrize(
    ("wanted", "currency"),
    [
        ("11", "USD"),
        ("10", "JPY"),
        ("25", "EUR"),
        ("USD", "USD"),
        (usd("4.00"), "USD"),
        (usd("77.50"), "USD"),
        (usd("77.00"), "EUR"),
        (Money("77.00", "EUR"), "EUR"),
        (Money("77.00", Currency(code="USD", sub_unit=1000)), "USD"),
    ],
)
def test_what_was_not_on_offer_is_refused(wanted: str | Money, currency: str) -> None:
    """An unknown variant, a currency without a price, an amount off the range or in another currency."""
    with pytest.raises(AmountNotOffered):
        PRODUCT.worth(wanted, currency, NOW)


def test_a_retired_denomination_is_good_for_orders_from_before() -> None:
    """To the microsecond; the instant itself is too late."""
    at = NOW + DAY
    revised = PRODUCT.revised((), (), at, retired_variants=["10"], retired_currencies=["USD"])

    assert usd("10.00") == revised.worth("10", "USD", at - MICROSECOND)
    assert usd("77.00") == revised.worth(usd("77.00"), "USD", at - MICROSECOND)
    for wanted in ("10", usd("77.00")):
        with pytest.raises(AmountNotOffered):
            revised.worth(wanted, "USD", at)
    assert usd("25.00") == revised.worth("25", "USD", at)


def test_a_changed_denomination_is_two_offers() -> None:
    """Each order is worth what was on offer when it was placed, and a variant that comes back is a third."""
    at = NOW + DAY
    doubled = Denomination(variant_id="10", prices=usd("10.00"), face_values=usd("20.00"))
    revised = PRODUCT.revised((doubled,), (), at)
    ended = revised.revised((), (), at + DAY, retired_variants=["10"])
    back = ended.revised((TEN,), (), at + 2 * DAY)

    assert (usd("10.00"), usd("20.00")) == (
        back.worth("10", "USD", at - MICROSECOND),
        back.worth("10", "USD", at),
    )
    with pytest.raises(AmountNotOffered):
        back.worth("10", "USD", at + DAY)
    assert usd("10.00") == back.worth("10", "USD", at + 2 * DAY)
    assert (2, 3, 4) == (revised.version, ended.version, back.version)


def test_a_variant_that_is_new_is_good_for_any_order() -> None:
    """A clock that is a little behind must not refuse the first buyer."""
    fifty = Denomination(variant_id="50", prices=usd("50.00"))

    assert usd("50.00") == PRODUCT.revised((fifty,), (), NOW + DAY).worth("50", "USD", NOW)


def test_a_clock_that_goes_back_does_not_turn_offers_around() -> None:
    """What is revised later begins later, whatever the clock says."""
    later = PRODUCT.revised((Denomination(variant_id="10", prices=usd("11.00")),), (), NOW + DAY)
    earlier = later.revised((TEN,), (), NOW - DAY)

    assert NOW + DAY == earlier.changed_at
    assert usd("10.00") == earlier.worth("10", "USD", NOW + DAY)


def test_nothing_changed_is_no_new_version() -> None:
    """Also if what is to be retired is retired already."""
    once = PRODUCT.revised((), (), NOW, retired_variants=["10"])

    assert PRODUCT.revised((TEN, WORTH_MORE), (ANY,), NOW + DAY) is PRODUCT
    assert once.revised((), (), NOW + DAY, retired_variants=["10"]) is once


@pytest.mark.parametrize("names", [{"retired_variants": ["USD"]}, {"retired_currencies": ["10"]}])
def test_what_never_was_on_offer_cannot_be_retired(names: dict[str, list[str]]) -> None:
    """A variant is not a currency, and the other way round."""
    with pytest.raises(AmountNotOffered):
        PRODUCT.revised((), (), NOW, **names)


def test_a_retired_product_is_good_for_orders_from_before() -> None:
    """To the microsecond, and it is retired once."""
    retired = PRODUCT.retire(NOW + DAY)

    assert retired.retire(NOW + 2 * DAY) is retired
    assert (ProductStatus.RETIRED, 2, NOW + DAY) == (retired.status, retired.version, retired.retired_at)
    assert usd("10.00") == retired.worth("10", "USD", NOW + DAY - MICROSECOND)
    with pytest.raises(AmountNotOffered):
        retired.worth("10", "USD", NOW + DAY)
