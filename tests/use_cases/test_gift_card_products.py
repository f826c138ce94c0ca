"""Defining, revising and retiring gift card products, and looking at them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from loyalty import (
    DefineGiftCardProduct,
    Denomination,
    GetGiftCardProduct,
    GiftCardProduct,
    ListGiftCardProducts,
    OpenAmount,
    RetireGiftCardProduct,
    ReviseDenominations,
    Term,
)
from loyalty.errors import (
    AmountNotOffered,
    ChangedMeanwhile,
    DuplicateRecord,
    GiftCardProductNotFound,
    IdempotencyConflict,
    InvalidRequest,
)
from tests.use_cases.shop import DAY, NOW, Shop, usd

TEN = Denomination(variant_id="10", prices=usd("10.00"))
FIFTY = Denomination(variant_id="50", prices=usd("50.00"))


@pytest.fixture
def shop() -> Shop:
    """Give a shop with nothing on sale."""
    return Shop()


def define(shop: Shop, **given: Any) -> GiftCardProduct:
    """Define a product."""
    given = {"title": "Gift card", "product_id": "card", "denominations": [TEN], "idempotency_key": shop.key(), **given}
    return shop.execute(DefineGiftCardProduct(**given))


def revise(shop: Shop, **given: Any) -> GiftCardProduct:
    """Revise that product."""
    given = {"product_id": "card", "version": 1, "idempotency_key": shop.key(), **given}
    return shop.execute(ReviseDenominations(**given))


def test_a_product_gets_an_id_unless_the_host_has_one(shop: Shop) -> None:
    """Two products without one are two."""
    ids = {define(shop, product_id=product_id).id for product_id in (None, None, "host/7")}

    assert 3 == len(ids)
    assert "host/7" in ids


def test_a_defined_product_is_found_again(shop: Shop) -> None:
    """With everything that was said."""
    product = define(
        shop,
        open_amounts=[OpenAmount(minimum=usd("1.00"), maximum=usd("2.00"))],
        term=Term(years=3, time_zone="Europe/Berlin"),
        tax_rate="19",
    )

    assert product == shop.ask(GetGiftCardProduct(id="card"))
    assert (NOW, NOW, 1, None) == (product.defined_at, product.changed_at, product.version, product.retired_at)


def test_the_same_key_defines_once(shop: Shop) -> None:
    """Again with it answers the same, and with other content it is a conflict."""
    first = define(shop, idempotency_key="once")

    assert first == define(shop, idempotency_key="once")
    with pytest.raises(IdempotencyConflict):
        define(shop, idempotency_key="once", title="Another")
    with pytest.raises(DuplicateRecord):
        define(shop)
    assert (first,) == shop.ask(ListGiftCardProducts()).products


@pytest.mark.parametrize(
    "given",
    [
        {"denominations": [TEN, attrs.evolve(TEN, sku="x")]},
        {"denominations": [attrs.evolve(TEN, offered_from=NOW)]},
        {"denominations": [attrs.evolve(TEN, retired_at=NOW)]},
        {"denominations": TEN},
        {"denominations": [FIFTY] * 1001},
        {"open_amounts": [TEN]},
        {"open_amounts": [OpenAmount(minimum=usd("1"), maximum=usd("2"))] * 2},
        {"term": "3 years"},
        {"term": 3},
    ],
)
def test_offers_are_new_and_named_once(shop: Shop, given: dict[str, Any]) -> None:
    """Anything else is told when the command is made."""
    with pytest.raises(InvalidRequest):
        define(shop, **given)
    if "term" not in given:
        with pytest.raises(InvalidRequest):
            revise(shop, **given)


def test_revising_adds_changes_and_retires(shop: Shop) -> None:
    """What is not named stays."""
    define(shop, denominations=[TEN, FIFTY])
    shop.clock.advance(DAY)
    revised = revise(shop, denominations=[attrs.evolve(FIFTY, sku="GC-50")], retire=["10"])

    assert revised == shop.ask(GetGiftCardProduct(id="card"))
    assert ["10", "50", "50"] == [offer.variant_id for offer in revised.denominations]
    assert [NOW + DAY, NOW + DAY, None] == [offer.retired_at for offer in revised.denominations]
    assert ["GC-50"] == [offer.sku for offer in revised.denominations if offer.was_offered(NOW + DAY)]


def test_the_same_cannot_come_and_go(shop: Shop) -> None:
    """It is told when the command is made."""
    define(shop)
    with pytest.raises(InvalidRequest):
        revise(shop, denominations=[TEN], retire=["10"])
    with pytest.raises(InvalidRequest):
        revise(shop, open_amounts=[OpenAmount(minimum=usd("1"), maximum=usd("2"))], retire_open_amounts=["USD"])


def test_a_revision_refuses_in_order(shop: Shop) -> None:
    """No such product, then another version, then nothing to retire."""
    define(shop)
    with pytest.raises(GiftCardProductNotFound):
        revise(shop, product_id="other", version=7, retire=["x"])
    with pytest.raises(ChangedMeanwhile):
        revise(shop, version=7, retire=["x"])
    with pytest.raises(AmountNotOffered):
        revise(shop, retire=["x"])


def test_a_replayed_revision_answers_the_same(shop: Shop) -> None:
    """Though the product has another version by then."""
    define(shop)
    first = revise(shop, denominations=[FIFTY], idempotency_key="once")
    revise(shop, version=2, retire=["50"])

    assert first == revise(shop, denominations=[FIFTY], idempotency_key="once")
    assert 3 == shop.ask(GetGiftCardProduct(id="card")).version


def test_retiring_is_for_good_and_harmless_to_repeat(shop: Shop) -> None:
    """The first time counts; an unknown product is refused."""
    define(shop)
    first = shop.execute(RetireGiftCardProduct(product_id="card", idempotency_key="a"))
    shop.clock.advance(DAY)

    assert first == shop.execute(RetireGiftCardProduct(product_id="card", idempotency_key="b"))
    assert ["GiftCardProductDefined", "GiftCardProductRetired", "GiftCardProductRetired"] == [
        receipt.event for receipt in shop.books().receipts
    ]
    with pytest.raises(GiftCardProductNotFound):
        shop.execute(RetireGiftCardProduct(product_id="other", idempotency_key="c"))


def test_products_are_listed_in_pages(shop: Shop) -> None:
    """The last page says that it is the last, also if it is full."""
    products = [define(shop, product_id=product_id) for product_id in "abcd"]
    first = shop.ask(ListGiftCardProducts(limit=2))
    second = shop.ask(ListGiftCardProducts(limit=2, after=first.next_after))

    assert products == [*first.products, *second.products]
    assert ("b", None) == (first.next_after, second.next_after)
    assert ((), None) == attrs.astuple(shop.ask(ListGiftCardProducts(after="d")), recurse=False)


def test_an_unknown_product_is_not_found(shop: Shop) -> None:
    """With a typed error."""
    with pytest.raises(GiftCardProductNotFound):
        shop.ask(GetGiftCardProduct(id="card"))
