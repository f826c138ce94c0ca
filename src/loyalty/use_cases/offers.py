"""What the commands about gift card products share: the offers that a caller names, and the product they are about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from loyalty import fields
from loyalty.errors import GiftCardProductNotFound, InvalidRequest
from loyalty.gift_cards.denomination import Denomination, Offer, OpenAmount
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.ports.storage import UnitOfWork

__all__ = ["MOST_OFFERS", "the_product", "to_denominations", "to_open_amounts"]

SomeOffer = TypeVar("SomeOffer", Denomination, OpenAmount)

MOST_OFFERS = 1_000
"""How many denominations one call may name. A product may have any number of them."""


def to_denominations(values: Iterable[Denomination]) -> tuple[Denomination, ...]:
    """Freeze a list or tuple of new denominations, each of another variant."""
    return _new(fields.to_instances(values, Denomination, MOST_OFFERS))


def to_open_amounts(values: Iterable[OpenAmount]) -> tuple[OpenAmount, ...]:
    """Freeze a list or tuple of new open amounts, each in another currency."""
    return _new(fields.to_instances(values, OpenAmount, MOST_OFFERS))


def _new(offers: tuple[SomeOffer, ...]) -> tuple[SomeOffer, ...]:
    if len({offer.name for offer in offers}) != len(offers):
        raise InvalidRequest("a variant, and a currency of open amounts, is named once")
    if any(_has_dates(offer) for offer in offers):
        raise InvalidRequest("when something is on offer is set by the library")
    return offers


def _has_dates(offer: Offer) -> bool:
    return offer.offered_from is not None or offer.retired_at is not None


def the_product(uow: UnitOfWork, product_id: str) -> GiftCardProduct:
    """
    Return the product that a command is about, with all its denominations.

    Raises:
        loyalty.errors.GiftCardProductNotFound: If there is none.
    """
    for product in uow.products((product_id,)):
        return product
    raise GiftCardProductNotFound
