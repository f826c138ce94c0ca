"""Change what a gift card product has on offer."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.errors import ChangedMeanwhile, InvalidRequest
from loyalty.events import GiftCardProductRevised
from loyalty.gift_cards.denomination import Denomination, OpenAmount
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.ports.changes import Changes, ProductChange
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.offers import the_product, to_denominations, to_open_amounts

__all__ = ["ReviseDenominations"]

LARGEST_VERSION = 10**9


@attrs.frozen(kw_only=True)
class ReviseDenominations(Command[GiftCardProduct]):
    """
    Add, change and retire what a product has on offer; everything that is not named stays.

    A denomination takes the place of the one of its variant, an open amount the
    place of the one in its currency. *retire* names variants that are taken off
    sale, *retire_open_amounts* currencies. Orders that were placed before are
    served with what was on offer then. *version* is the product's when it was
    read, so that two people cannot overwrite each other.

    Raises:
        loyalty.errors.InvalidRequest: If something is both added and retired.
        loyalty.errors.GiftCardProductNotFound: If there is no such product.
        loyalty.errors.ChangedMeanwhile: If the product has another version by now.
        loyalty.errors.AmountNotOffered: If something is to be retired that never was on offer.
    """

    result_type: ClassVar[type] = GiftCardProduct

    product_id: str = attrs.field(validator=fields.is_text)
    version: int = attrs.field(validator=fields.is_whole_number(1, LARGEST_VERSION))
    denominations: tuple[Denomination, ...] = attrs.field(default=(), converter=to_denominations)
    open_amounts: tuple[OpenAmount, ...] = attrs.field(default=(), converter=to_open_amounts)
    retire: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)
    retire_open_amounts: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)

    def __attrs_post_init__(self) -> None:
        """Check that nothing is asked to come and to go."""
        coming = {offer.name for offer in self.denominations} & set(self.retire)
        if coming or {offer.name for offer in self.open_amounts} & set(self.retire_open_amounts):
            raise InvalidRequest("the same is to be added and to be retired")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardProduct]:
        """Decide the product's next version; the write finds out if somebody else decided another one."""
        product = the_product(uow, self.product_id)
        if product.version != self.version:
            raise ChangedMeanwhile(given=self.version, current=product.version)
        revised = product.revised(
            self.denominations,
            self.open_amounts,
            context.now,
            retired_variants=self.retire,
            retired_currencies=self.retire_open_amounts,
        )
        return Outcome(
            result=revised,
            event=GiftCardProductRevised(product_id=product.id, version=revised.version),
            changes=Changes(products=() if revised is product else (ProductChange(product, revised),)),
        )
