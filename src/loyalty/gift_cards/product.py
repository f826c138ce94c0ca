"""
Gift card products: what a shop sells before anybody has a gift card.

A product has one option, "Denomination", and its values are the variants: fixed
amounts, as many as the shop likes, and ranges of open amounts. What is on offer
is added to and retired, never changed, so that every order is served as it was
placed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, TypeVar

import attrs
from moneyed import Money

from loyalty.errors import AmountNotOffered
from loyalty.gift_cards.denomination import Denomination, OpenAmount
from loyalty.gift_cards.term import Term
from loyalty.ledger.lot import TaxTreatment

__all__ = ["GiftCardProduct", "ProductStatus"]

SomeOffer = TypeVar("SomeOffer", Denomination, OpenAmount)


class ProductStatus(StrEnum):
    """Whether a product is on sale."""

    ACTIVE = "active"
    RETIRED = "retired"


@attrs.frozen(kw_only=True)
class GiftCardProduct:
    """
    A product that becomes a gift card for each unit that is sold.

    ``denominations`` and ``open_amounts`` include what was retired.
    ``tax_rate`` is the percentage that the merchant set; zero is a rate, None
    leaves it to the region of the sale. Without a ``term`` cards never expire.
    ``version`` counts the changes of the product. Times are aware and UTC.
    """

    is_giftcard: ClassVar[bool] = True
    option: ClassVar[str] = "Denomination"

    id: str
    title: str
    denominations: tuple[Denomination, ...] = ()
    open_amounts: tuple[OpenAmount, ...] = ()
    term: Term | None = None
    tax_treatment: TaxTreatment = TaxTreatment.MULTI_PURPOSE
    tax_rate: Decimal | None = None
    version: int = 1
    defined_at: datetime
    changed_at: datetime
    retired_at: datetime | None = None

    @property
    def status(self) -> ProductStatus:
        """Whether it is on sale."""
        return ProductStatus.ACTIVE if self.retired_at is None else ProductStatus.RETIRED

    def instant(self, now: datetime) -> datetime:
        """Return the time to decide by: *now*, or that of the last change if the clock went back."""
        return max(now, self.changed_at)

    def offered(self, at: datetime) -> tuple[Denomination | OpenAmount, ...]:
        """Return what could be ordered at *at*: an order placed then is served, whatever has changed since."""
        if self.retired_at is not None and at >= self.retired_at:
            return ()
        offers: tuple[Denomination | OpenAmount, ...] = (*self.denominations, *self.open_amounts)
        return tuple([offer for offer in offers if offer.was_offered(at)])

    def worth(self, wanted: str | Money, currency: str, placed_at: datetime) -> Money:
        """
        Return the face value of a card that was ordered at *placed_at*.

        Args:
            wanted:
                The id of a variant, or an open amount.
            currency:
                The code of the currency in which the order is paid.
            placed_at:
                Aware, UTC. An offer that was retired at this instant is not
                good any more; one microsecond before it is.

        Raises:
            loyalty.errors.AmountNotOffered: If that was not on offer.
        """
        for offer in self.offered(placed_at):
            if isinstance(offer, OpenAmount):
                if isinstance(wanted, Money) and wanted.currency.code == currency and offer.allows(wanted):
                    return wanted
            elif offer.variant_id == wanted and (face_value := offer.face_value(currency)) is not None:
                return face_value
        raise AmountNotOffered(f"product {self.id} had no such denomination in {currency} when the order was placed")

    def revised(
        self,
        denominations: Iterable[Denomination],
        open_amounts: Iterable[OpenAmount],
        at: datetime,
        *,
        retired_variants: Iterable[str] = (),
        retired_currencies: Iterable[str] = (),
    ) -> GiftCardProduct:
        """
        Return the product with other offers from *at* on.

        Each new offer takes the place of the one of its name: a denomination's
        variant id, an open amount's currency. The offers of the retired variants and
        currencies end. If nothing differs, the product is the same.

        Raises:
            loyalty.errors.AmountNotOffered: If something is to be retired that never was on offer.
        """
        at = self.instant(at)
        fixed = _revised(self.denominations, denominations, set(retired_variants), at)
        ranges = _revised(self.open_amounts, open_amounts, set(retired_currencies), at)
        if (fixed, ranges) == (self.denominations, self.open_amounts):
            return self
        return attrs.evolve(self, denominations=fixed, open_amounts=ranges, version=self.version + 1, changed_at=at)

    def retire(self, at: datetime) -> GiftCardProduct:
        """Return the product, off sale from *at* on; one that is retired stays as it is."""
        if self.retired_at is not None:
            return self
        at = self.instant(at)
        return attrs.evolve(self, retired_at=at, changed_at=at, version=self.version + 1)


def _revised(
    known: tuple[SomeOffer, ...], new: Iterable[SomeOffer], ending: set[str], at: datetime
) -> tuple[SomeOffer, ...]:
    """Return *known* with the offers in *ending* retired, then *new*; what is new under a known name begins at *at*."""
    unknown = ending - {offer.name for offer in known}
    if unknown:
        raise AmountNotOffered(f"there is no denomination {min(unknown)} to retire")
    offers = [offer.retire(at) if offer.name in ending else offer for offer in known]
    for offer in new:
        current = next((one for one in offers if one.name == offer.name and one.retired_at is None), None)
        if current is not None and current.is_same_as(offer):
            continue
        is_known = any(one.name == offer.name for one in offers)
        offers = [one.retire(at) if one is current else one for one in offers]
        offers.append(attrs.evolve(offer, offered_from=at if is_known else None))
    return tuple(offers)
