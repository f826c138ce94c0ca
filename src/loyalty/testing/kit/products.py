"""Gift card products: what is on offer is stored whole, added to and retired, never changed."""

from __future__ import annotations

from decimal import Decimal

import attrs

from loyalty.errors import (
    AmountNotOffered,
    ChangedMeanwhile,
    DuplicateRecord,
    GiftCardProductNotFound,
)
from loyalty.gift_cards.denomination import Denomination, OpenAmount
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.term import Term
from loyalty.ledger.lot import TaxTreatment
from loyalty.reports.products import GetGiftCardProduct, ListGiftCardProducts
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import DAY, Stand
from loyalty.testing.kit.races import RaceCase, kinds
from loyalty.testing.programs import money
from loyalty.use_cases.define_gift_card_product import DefineGiftCardProduct
from loyalty.use_cases.retire_gift_card_product import RetireGiftCardProduct
from loyalty.use_cases.revise_denominations import ReviseDenominations

__all__ = ["ProductTests"]

FIFTY = Denomination(variant_id="50", prices=money(5000))


class ProductTests(RaceCase):
    """Products on one storage."""

    def test_a_product_is_stored_with_all_that_was_said_about_it(self, stand: Stand) -> None:
        """Every field of the command is found again, by its id and in the list."""
        defined = stand.product(
            "produkt/1",
            title="Geschenkkarte 🎁",
            denominations=(
                Denomination(
                    variant_id="v1",
                    sku="GC-10",
                    prices=(money(1000), money(900, "KWD"), money(3, "JPY")),
                    face_values=money(1200),
                ),
            ),
            open_amounts=(OpenAmount(minimum=money(1), maximum=money(10**15)),),
            term=Term(years=3, months=1, days=2, until_year_end=True, time_zone="Europe/Berlin"),
            tax_treatment=TaxTreatment.SINGLE_PURPOSE,
            tax_rate="7.5",
        )

        assert defined == stand.loyalty.ask(GetGiftCardProduct(id="produkt/1"))
        assert (defined,) == stand.loyalty.ask(ListGiftCardProducts()).products == stand.books().products
        assert (Decimal("7.5"), stand.clock(), 1) == (defined.tax_rate, defined.defined_at, defined.version)
        assert (money(3, "JPY"), money(900, "KWD"), money(1200)) == defined.denominations[0].face_values

    def test_a_product_without_offers_term_and_rate_is_stored_so(self, stand: Stand) -> None:
        """Nothing is nothing, and a rate of zero is a rate."""
        bare = stand.product("bare", denominations=(), open_amounts=())
        zero = stand.product("zero", denominations=(), open_amounts=(), tax_rate=0)

        assert ((), (), None, None) == (bare.denominations, bare.open_amounts, bare.term, bare.tax_rate)
        assert Decimal(0) == zero.tax_rate
        assert (bare, zero) == stand.books().products

    def test_an_id_is_taken_once(self, stand: Stand) -> None:
        """Another product under the same id is refused."""
        stand.product("one")
        with stand.refuses(DuplicateRecord):
            stand.product("one", title="Another")

    @needs("threads")
    def test_of_many_definitions_of_one_id_one_wins(self, stand: Stand) -> None:
        """Everybody else is told that it is taken."""
        commands = [
            DefineGiftCardProduct(title=f"{n}", product_id="one", denominations=(FIFTY,), idempotency_key=f"{n}")
            for n in range(8)
        ]
        outcomes = self.race(stand, commands)

        assert {"done": 1, DuplicateRecord.__name__: 7} == kinds(outcomes)
        assert 1 == len(stand.books().products) == len(stand.books().products[0].denominations)

    def test_an_offer_is_retired_and_not_changed(self, stand: Stand) -> None:
        """Another price of a variant, or an end, begins at an instant; orders from before are served as before."""
        first = stand.product()
        before = stand.clock()
        stand.clock.advance(DAY)
        dearer = Denomination(variant_id="10", prices=money(1100))
        second = stand.execute(
            ReviseDenominations(
                product_id="card",
                version=1,
                denominations=(FIFTY, dearer),
                retire=("25",),
                open_amounts=(OpenAmount(minimum=money(100, "KWD"), maximum=money(200, "KWD")),),
                retire_open_amounts=("USD",),
                idempotency_key="revise",
            )
        )
        now = stand.clock()

        assert second == stand.loyalty.ask(GetGiftCardProduct(id="card")) == stand.books().products[0]
        assert (2, now, before) == (second.version, second.changed_at, second.defined_at)
        assert set(first.offered(before)) <= {attrs.evolve(one, retired_at=None) for one in second.offered(before)}
        assert ["50", "10", "KWD"] == [offer.name for offer in second.offered(now)]
        assert (money(1000), money(1100)) == (second.worth("10", "USD", before), second.worth("10", "USD", now))

    def test_a_revision_that_changes_nothing_is_no_new_version(self, stand: Stand) -> None:
        """What is on offer already, or retired already, stays as it is."""
        first = stand.product()
        again = stand.execute(
            ReviseDenominations(
                product_id="card", version=1, denominations=first.denominations, idempotency_key="revise"
            )
        )

        assert first == again == stand.books().products[0]

    def test_a_revision_is_decided_on_the_present_version(self, stand: Stand) -> None:
        """Another version, an unknown product and an unknown variant are refused, in this order."""
        stand.product()
        with stand.refuses(GiftCardProductNotFound):
            stand.execute(ReviseDenominations(product_id="other", version=2, retire=("x",), idempotency_key="1"))
        with stand.refuses(ChangedMeanwhile) as caught:
            stand.execute(ReviseDenominations(product_id="card", version=2, retire=("x",), idempotency_key="1"))
        with stand.refuses(AmountNotOffered):
            stand.execute(ReviseDenominations(product_id="card", version=1, retire=("x",), idempotency_key="1"))

        assert (2, 1) == (caught.value.given, caught.value.current)

    @needs("threads")
    def test_of_many_revisions_of_one_version_one_wins(self, stand: Stand) -> None:
        """Two admins cannot overwrite each other: everybody else is told that it changed meanwhile."""
        stand.product()
        commands = [
            ReviseDenominations(
                product_id="card",
                version=1,
                denominations=(Denomination(variant_id="10", prices=money(1001 + n)),),
                idempotency_key=f"{n}",
            )
            for n in range(8)
        ]
        outcomes = self.race(stand, commands)
        (product,) = stand.books().products

        assert {"done": 1, ChangedMeanwhile.__name__: 7} == kinds(outcomes)
        assert (2, 3) == (product.version, len(product.denominations))
        (winner,) = [result for result, error in outcomes if error is None]
        assert winner == product

    def test_a_retired_product_serves_what_was_ordered_before(self, stand: Stand) -> None:
        """Retiring again changes nothing, and lists can leave it out."""
        stand.product("a")
        kept = stand.product("b")
        before = stand.clock()
        stand.clock.advance(DAY)
        retired = stand.execute(RetireGiftCardProduct(product_id="a", idempotency_key="retire"))
        stand.clock.advance(DAY)

        assert retired == stand.execute(RetireGiftCardProduct(product_id="a", idempotency_key="retire again"))
        assert (2, before + DAY) == (retired.version, retired.retired_at)
        assert 3 == len(retired.offered(before))
        assert () == retired.offered(before + DAY)
        assert (retired, kept) == stand.loyalty.ask(ListGiftCardProducts()).products
        assert (kept,) == stand.loyalty.ask(ListGiftCardProducts(on_sale=True)).products

    def test_products_are_listed_page_by_page(self, stand: Stand) -> None:
        """Every product once, in the order of the ids, with all its denominations, whatever the size of a page."""
        products = tuple(stand.product(product_id) for product_id in ("b", "a", "d", "c", "é"))
        stand.execute(RetireGiftCardProduct(product_id="b", idempotency_key="retire"))
        for limit in (1, 2, 5, 100):
            seen: list[GiftCardProduct] = []
            after = None
            while True:
                page = stand.loyalty.ask(ListGiftCardProducts(limit=limit, after=after, on_sale=True))
                seen += page.products
                after = page.next_after
                if after is None:
                    break

            assert [products[1], products[3], products[2], products[4]] == seen

    def test_a_product_has_any_number_of_denominations(self, stand: Stand) -> None:
        """A thousand in one call, and more in the next."""
        many = [Denomination(variant_id=f"v{n}", prices=money(n + 1)) for n in range(1500)]
        stand.product("many", denominations=many[:1000], open_amounts=())
        stand.execute(
            ReviseDenominations(product_id="many", version=1, denominations=many[1000:], idempotency_key="more")
        )

        assert tuple(many) == stand.loyalty.ask(GetGiftCardProduct(id="many")).denominations
        some = stand.storage.read(lambda reader: reader.products(("many", "none"), variants=("v3", "v1499", "x")))
        assert [("v3", "v1499")] == [tuple(one.variant_id for one in product.denominations) for product in some]
        (none,) = stand.storage.read(lambda reader: reader.products(("many",), variants=()))
        assert () == none.denominations
