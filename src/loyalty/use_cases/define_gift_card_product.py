"""Put a gift card product on sale."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

import attrs

from loyalty import fields
from loyalty.errors import DuplicateRecord
from loyalty.events import GiftCardProductDefined
from loyalty.gift_cards.denomination import Denomination, OpenAmount
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.term import Term
from loyalty.ledger.lot import TaxTreatment
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.offers import to_denominations, to_open_amounts

__all__ = ["DefineGiftCardProduct"]


@attrs.frozen(kw_only=True)
class DefineGiftCardProduct(Command[GiftCardProduct]):
    """
    Define a product of which every unit that is sold becomes a gift card.

    It has one option, "Denomination", whose values are the *denominations*, one
    per variant, at most 1,000 in one call and any number in all, and
    *open_amounts*, one per currency. *product_id* is the host's id for it; without
    one the library makes one. *term* is how long its cards are valid from the day
    they are paid; without one they never expire. *tax_rate* is the percentage that the
    merchant sets; zero is a rate, and None leaves it to the region of a sale.

    Raises:
        loyalty.errors.DuplicateRecord: If there is a product with this id.
    """

    result_type: ClassVar[type] = GiftCardProduct

    title: str = attrs.field(validator=fields.is_text)
    product_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    denominations: tuple[Denomination, ...] = attrs.field(default=(), converter=to_denominations)
    open_amounts: tuple[OpenAmount, ...] = attrs.field(default=(), converter=to_open_amounts)
    term: Term | None = attrs.field(default=None, validator=fields.is_one_of(Term, optional=True))
    tax_treatment: TaxTreatment = attrs.field(
        default=TaxTreatment.MULTI_PURPOSE, validator=fields.is_one_of(TaxTreatment)
    )
    tax_rate: Decimal | None = attrs.field(default=None, converter=fields.to_percentage)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardProduct]:
        """Decide the new product."""
        if self.product_id is not None and uow.products((self.product_id,), variants=()):
            raise DuplicateRecord("there is a gift card product with this id")
        product = GiftCardProduct(
            id=context.new_id() if self.product_id is None else self.product_id,
            title=self.title,
            denominations=self.denominations,
            open_amounts=self.open_amounts,
            term=self.term,
            tax_treatment=self.tax_treatment,
            tax_rate=self.tax_rate,
            defined_at=context.now,
            changed_at=context.now,
        )
        return Outcome(
            result=product,
            event=GiftCardProductDefined(product_id=product.id, title=product.title),
            changes=Changes(new_products=(product,)),
        )
