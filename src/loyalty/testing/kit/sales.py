"""Gift cards bought in orders: one per unit whatever arrives how often, and nothing minted when a sale is undone."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from typing import Any, Final

import attrs
import pytest

from loyalty.errors import (
    AmountNotOffered,
    ConcurrentUpdate,
    OrderNotFound,
)
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.order import GiftCardLine, GiftCardOrder
from loyalty.gift_cards.sale import GiftCardSale, ReversalCause
from loyalty.gift_cards.term import LastDay, Term
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ports.changes import Changes, ProductChange
from loyalty.reports.gift_cards import CardsOfOrder, GetBalance
from loyalty.reports.liability import Liability, Movements
from loyalty.testing.kit.case import DAY, KitCase, Stand
from loyalty.testing.programs import AnyCommand, answer, minor, money
from loyalty.use_cases.activate_gift_cards import ActivateGiftCards
from loyalty.use_cases.issue_gift_cards_for_order import IssueGiftCardsForOrder, OrderGiftCards
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.reverse_gift_card_sale import ReverseGiftCardSale, SaleReversal
from loyalty.use_cases.revise_denominations import ReviseDenominations

__all__ = ["SaleTests", "bought", "issue", "order_of", "reverse"]

PLACED: Final = "placed"
PAID: Final = "paid"
REFUNDED: Final = "refunded"


def order_of(stand: Stand, *lines: GiftCardLine, order_id: str = "sold", **more: Any) -> GiftCardOrder:
    """Return an order of two lines: two cards of 25.00 for 39.99, and one of 7.00."""
    both = (
        GiftCardLine(line_id="a", product_id="card", variant_id="25", quantity=2, paid=money(3999)),
        GiftCardLine(line_id="b", product_id="card", amount=money(700), paid=money(700)),
    )
    more.setdefault("placed_at", stand.clock())
    return GiftCardOrder(order_id=order_id, lines=lines or both, **more)


def issue(stand: Stand, *lines: GiftCardLine, **more: Any) -> OrderGiftCards:
    """Issue the cards of such an order."""
    order = order_of(stand, *lines, **more)
    return stand.loyalty.execute(IssueGiftCardsForOrder(order=order, idempotency_key=stand.key()))


def reverse(stand: Stand, **more: Any) -> SaleReversal:
    """Undo the sale."""
    command = ReverseGiftCardSale(order_id="sold", cause=ReversalCause.REFUND, idempotency_key=stand.key(), **more)
    return stand.loyalty.execute(command)


def bought(stand: Stand) -> list[GiftCardView]:
    """Return the cards of the order by line and unit."""
    cards = stand.loyalty.ask(CardsOfOrder(order_id="sold")).bought
    return sorted(cards, key=lambda card: (card.line_id or "", card.unit or 0))


class SaleTests(KitCase):
    """Sales on one storage."""

    def test_a_sold_card_is_stored_with_all_that_is_known_of_it(self, stand: Stand) -> None:
        """Pending, with its place in the order, what was paid for it, and no value; then active, with a last day."""
        stand.product(term=Term(years=1, time_zone="Pacific/Auckland"), tax_rate="9")
        issued = issue(stand, buyer_id="ada", region="eu")
        pending = bought(stand)

        assert [one.gift_card for one in issued.gift_cards] == pending
        assert [("a", 1, 2000, 2500), ("a", 2, 1999, 2500), ("b", 1, 700, 700)] == [
            (card.line_id, card.unit, minor(card.price or money(1)), minor(card.value)) for card in pending
        ]
        assert {(GiftCardStatus.PENDING, money(0), "ada", "eu", "card", None)} == {
            (card.status, card.posted, card.buyer_id, card.region, card.product_id, card.expires_at) for card in pending
        }
        assert () == stand.books().transfers
        stand.clock.advance(DAY)
        stand.execute(ActivateGiftCards(order_id="sold", idempotency_key="paid"))
        active = bought(stand)

        assert {(GiftCardStatus.ACTIVE, stand.clock())} == {(card.status, card.loaded_at) for card in active}
        assert {LastDay(day=date(2027, 3, 2), time_zone="Pacific/Auckland")} == {card.last_day for card in active}
        assert [money(2500), money(2500), money(700)] == [
            stand.loyalty.ask(GetBalance(code=one.code)).available for one in issued.gift_cards
        ]
        (sale,) = stand.books().sales
        assert ("sold", 2, stand.clock(), None) == (sale.order_id, sale.version, sale.paid_at, sale.reversed_at)
        stand.require_sound()

    def test_face_value_beyond_the_price_is_a_promotion(self, stand: Stand) -> None:
        """Sales give what was paid, the shop the rest, and that is all that is owed."""
        stand.product()
        issue(stand, is_paid=True)
        given = {HouseAccount.SALES: 0, HouseAccount.PROMOTION: 0}
        for transfer in stand.books().transfers:
            given[transfer.debit.house or HouseAccount.LOSS] += transfer.amount

        assert {HouseAccount.SALES: 2000 + 1999 + 700, HouseAccount.PROMOTION: 500 + 501} == given
        assert money(5700) == stand.loyalty.ask(Liability()).total["USD"]
        stand.require_sound()

    def test_only_what_is_missing_is_issued(self, stand: Stand) -> None:
        """Again with another key, and with more lines, the same cards are answered with their codes."""
        stand.product()
        line = GiftCardLine(line_id="a", product_id="card", variant_id="10", paid=money(1000))
        first = issue(stand, line)
        again = issue(stand, attrs.evolve(line, quantity=3, paid=money(2999)))

        assert (first.gift_cards[0], 2) == (again.gift_cards[0], again.issued)
        assert [1000, 1000, 999] == [minor(card.price or money(1)) for card in bought(stand)]
        assert 3 == len({one.code for one in again.gift_cards})
        assert 0 == issue(stand, attrs.evolve(line, quantity=3, paid=money(2999))).issued
        stand.require_sound()

    def test_what_was_not_on_sale_is_refused(self, stand: Stand) -> None:
        """And an order that nobody placed has nothing to activate or to undo."""
        stand.product()
        wrong = GiftCardLine(line_id="a", product_id="card", variant_id="11", paid=money(1))
        with stand.refuses(AmountNotOffered):
            issue(stand, wrong)
        for command in (
            ActivateGiftCards(order_id="sold", idempotency_key="paid"),
            ReverseGiftCardSale(order_id="sold", cause=ReversalCause.CANCEL, idempotency_key="refunded"),
        ):
            with stand.refuses(OrderNotFound):
                stand.execute(command)

    def test_a_retired_denomination_is_sold_to_orders_from_before(self, stand: Stand) -> None:
        """Those that were placed at the instant are too late."""
        stand.product()
        placed_at = stand.clock()
        stand.clock.advance(DAY)
        stand.execute(ReviseDenominations(product_id="card", version=1, retire=("25",), idempotency_key="revise"))
        with stand.refuses(AmountNotOffered):
            issue(stand)

        assert 3 == issue(stand, placed_at=placed_at).issued

    def test_an_undone_sale_leaves_nothing_owed(self, stand: Stand) -> None:
        """Unspent value goes back to where it came from, spent value is a loss, and both are the face value."""
        stand.product()
        cards = issue(stand, is_paid=True).gift_cards
        stand.execute(RedeemGiftCard(code=cards[0].code, amount=money(2100), order_id="1", idempotency_key="spend"))
        undone = reverse(stand)

        assert [(400, 2100), (2500, 0), (700, 0)] == [
            (minor(card.clawed_back), minor(card.spent)) for card in undone.cards
        ]
        assert (money(3600), money(2100)) == (undone.clawed_back, undone.lost)
        assert money(0) == stand.loyalty.ask(Liability()).total["USD"]
        assert {GiftCardStatus.DEACTIVATED} == {card.status for card in bought(stand)}
        (moved,) = stand.loyalty.ask(Movements())
        assert (money(5700), money(3600), money(2100)) == (moved.issued, moved.clawed_back, moved.redeemed)
        stand.require_sound()
        before = stand.books()
        again = reverse(stand)
        assert (undone.cards, money(0), money(0)) == (again.cards, again.clawed_back, again.lost)
        assert before.transfers == stand.books().transfers

    def test_held_value_is_taken_back_when_the_hold_is_over(self, stand: Stand) -> None:
        """Until then the card is blocked."""
        stand.product()
        cards = issue(stand, is_paid=True).gift_cards
        stand.hold(1000, cards[2], cards[1])
        first = reverse(stand)

        assert 1000 == sum(minor(card.held) for card in first.cards)
        assert [GiftCardStatus.BLOCKED if minor(card.held) else GiftCardStatus.DEACTIVATED for card in first.cards] == [
            card.status for card in first.cards
        ]
        stand.require_sound()
        stand.clock.advance(DAY)
        second = reverse(stand)
        assert [minor(card.value) for card in second.cards] == [minor(card.clawed_back) for card in second.cards]
        stand.require_sound()

    @pytest.mark.parametrize("delivery", sorted(set(permutations([PLACED, PLACED, PAID, PAID, REFUNDED]))))
    def test_messages_may_come_in_any_order_and_again(self, stand: Stand, delivery: tuple[str, ...]) -> None:
        """Placed, paid and refunded, shuffled and doubled: what is too early is told, tried again, and then it fits."""
        stand.product()
        commands: dict[str, AnyCommand] = {
            PLACED: IssueGiftCardsForOrder(order=order_of(stand), idempotency_key=PLACED),
            PAID: ActivateGiftCards(order_id="sold", idempotency_key=PAID),
            REFUNDED: ReverseGiftCardSale(order_id="sold", cause=ReversalCause.REFUND, idempotency_key=REFUNDED),
        }
        waiting = list(delivery)
        while waiting:
            _, error = answer(stand.loyalty, commands[name := waiting.pop(0)])
            if error is not None:
                assert OrderNotFound is type(error)
                assert name in {PAID, REFUNDED}
                waiting.append(name)

        assert [GiftCardStatus.DEACTIVATED] * 3 == [card.status for card in bought(stand)]
        assert {money(0)} == {card.posted for card in bought(stand)}
        stand.require_sound()

    def test_a_sale_or_product_that_changed_meanwhile_is_not_written(self, stand: Stand) -> None:
        """Whoever decided on an older version has lost the race, and nothing of his is kept."""
        product = stand.product()
        issue(stand)
        revised = product.revised((), (), stand.clock(), retired_variants=("10",))
        stale = attrs.evolve(product, version=7)
        before = stand.books()
        for changes in (
            Changes(sales=(GiftCardSale(order_id="sold", version=0),)),
            Changes(sales=(GiftCardSale(order_id="sold", version=2),)),
            Changes(products=(ProductChange(stale, revised),)),
            Changes(new_products=(product,)),
        ):
            with pytest.raises(ConcurrentUpdate):
                stand.storage.run(lambda uow, changes=changes: uow.write(changes))  # type: ignore[misc]  # bound early
            assert before == stand.books()

        assert stand.storage.run(lambda uow: uow.write(Changes(sales=(uow.lock_sale("sold"),))))
        assert [2] == [sale.version for sale in stand.books().sales]
