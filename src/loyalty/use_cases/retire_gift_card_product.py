"""Take a gift card product off sale."""

from __future__ import annotations

from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.events import GiftCardProductRetired
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.ports.changes import Changes, ProductChange
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.offers import the_product

__all__ = ["RetireGiftCardProduct"]


@attrs.frozen(kw_only=True)
class RetireGiftCardProduct(Command[GiftCardProduct]):
    """
    Take a product off sale for good; again changes nothing.

    Orders that were placed before are still served. Cards that were sold stay as
    they are.

    Raises:
        loyalty.errors.GiftCardProductNotFound: If there is no such product.
    """

    result_type: ClassVar[type] = GiftCardProduct

    product_id: str = attrs.field(validator=fields.is_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardProduct]:
        """Decide the product's end; the write finds out if somebody else changed it meanwhile."""
        product = the_product(uow, self.product_id)
        retired = product.retire(context.now)
        is_new = retired is not product
        return Outcome(
            result=retired,
            event=GiftCardProductRetired(product_id=product.id, first_time=is_new),
            changes=Changes(products=(ProductChange(product, retired),) if is_new else ()),
        )
