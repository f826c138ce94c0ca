"""What a shop has on sale."""

from __future__ import annotations

import attrs

from loyalty import fields
from loyalty.errors import GiftCardProductNotFound
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.ports.storage import Reader
from loyalty.reports.query import Query, QueryContext

__all__ = ["GetGiftCardProduct", "ListGiftCardProducts", "ProductPage"]


@attrs.frozen(kw_only=True)
class GetGiftCardProduct(Query[GiftCardProduct]):
    """
    Return a gift card product with everything it has, or had, on offer.

    Raises:
        loyalty.errors.GiftCardProductNotFound: If there is no such product.
    """

    id: str = attrs.field(validator=fields.is_text)

    def answer(self, reader: Reader, context: QueryContext) -> GiftCardProduct:  # noqa: ARG002  # asked of every query
        """Answer from the books."""
        for product in reader.products((self.id,)):
            return product
        raise GiftCardProductNotFound


@attrs.frozen(kw_only=True)
class ProductPage:
    """Some products, in the order of their ids. ``next_after`` is where the next page begins, None if there is none."""

    products: tuple[GiftCardProduct, ...]
    next_after: str | None


@attrs.frozen(kw_only=True)
class ListGiftCardProducts(Query[ProductPage]):
    """
    Return gift card products in the order of their ids, page by page.

    *after* is the ``next_after`` of the page before. *on_sale* leaves out what was retired.
    """

    on_sale: bool = attrs.field(default=False, validator=fields.is_flag)
    after: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    limit: int = attrs.field(default=50, validator=fields.is_whole_number(1, 100))

    def answer(self, reader: Reader, context: QueryContext) -> ProductPage:  # noqa: ARG002  # asked of every query
        """Answer from the books; one more is read, to know whether there is another page."""
        found = reader.page_of_products(self.after, self.limit + 1, on_sale=self.on_sale)
        page = found[: self.limit]
        return ProductPage(products=page, next_after=page[-1].id if len(found) > self.limit else None)
