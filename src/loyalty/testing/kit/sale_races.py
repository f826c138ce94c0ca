"""Many messages about one sale at once: each unit becomes one card, is loaded once, and is taken back once."""

from __future__ import annotations

import pytest

from loyalty.errors import (
    InsufficientBalance,
    NotSpendable,
    OrderNotFound,
)
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.sale import ReversalCause
from loyalty.ledger.transfer import TransferKind
from loyalty.reports.audit import Audit
from loyalty.reports.liability import Liability
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.races import RaceCase, kinds
from loyalty.testing.kit.sales import bought, issue, order_of
from loyalty.testing.programs import AnyCommand, minor, money
from loyalty.use_cases.activate_gift_cards import ActivateGiftCards
from loyalty.use_cases.issue_gift_cards_for_order import IssueGiftCardsForOrder, OrderGiftCards
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.reverse_gift_card_sale import ReverseGiftCardSale, SaleReversal

__all__ = ["SaleRaceTests"]


class SaleRaceTests(RaceCase):
    """Sales raced on one storage."""

    @needs("threads")
    @pytest.mark.parametrize("is_paid", [False, True])
    def test_an_order_that_arrives_often_at_once_is_issued_once(self, stand: Stand, is_paid: bool) -> None:  # noqa: FBT001 - read by pytest
        """Under one key and under many: cards are as many as units, and everybody is told the same codes."""
        stand.product()
        order = order_of(stand, is_paid=is_paid)
        commands = [IssueGiftCardsForOrder(order=order, idempotency_key=f"{n // 2}") for n in range(8)]
        outcomes = self.race(stand, commands)

        assert {"done": 8} == kinds(outcomes)
        assert 1 == len({tuple(one.code for one in _cards(result).gift_cards) for result, _ in outcomes})
        assert 3 == len(bought(stand))
        assert (6 if is_paid else 0) - is_paid == len(stand.books().transfers)
        stand.require_sound()

    @needs("threads")
    def test_placed_and_paid_at_once_load_each_card_once(self, stand: Stand) -> None:
        """Whichever comes first; a payment that is too early is told, and tried again."""
        stand.product()
        commands: list[AnyCommand] = []
        for number in range(4):
            commands.append(IssueGiftCardsForOrder(order=order_of(stand), idempotency_key=f"placed {number}"))
            commands.append(ActivateGiftCards(order_id="sold", idempotency_key=f"paid {number}"))
        outcomes = self.race(stand, commands)
        for number in range(4):
            stand.execute(ActivateGiftCards(order_id="sold", idempotency_key=f"paid {number}"))

        assert set(kinds(outcomes)) <= {"done", OrderNotFound.__name__}
        assert money(5700) == stand.loyalty.ask(Liability()).total["USD"]
        assert [money(2500), money(2500), money(700)] == [card.posted for card in bought(stand)]
        stand.require_sound()

    @needs("threads")
    def test_spent_and_clawed_back_are_the_face_value_in_a_race(self, stand: Stand) -> None:
        """Many spend while the sale is undone: what they got is the loss, and the rest was taken back (PAINS 8)."""
        stand.product()
        card, *_ = issue(stand, is_paid=True).gift_cards
        commands: list[AnyCommand] = [
            RedeemGiftCard(code=card.code, amount=money(300), order_id=f"{n}", idempotency_key=f"{n}") for n in range(9)
        ]
        undo = ReverseGiftCardSale(order_id="sold", cause=ReversalCause.CHARGEBACK, idempotency_key="undo")
        outcomes = self.race(stand, [*commands[:4], undo, *commands[4:]])
        undone, error = outcomes[4]
        spent = 300 * sum(one is None for place, (_, one) in enumerate(outcomes) if place != 4)

        assert error is None
        assert isinstance(undone, SaleReversal)
        assert (spent, 2500 - spent) == (minor(undone.cards[0].spent), minor(undone.cards[0].clawed_back))
        assert set(kinds(outcomes)) <= {"done", NotSpendable.__name__, InsufficientBalance.__name__}
        assert money(0) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    def test_a_sale_that_is_undone_often_at_once_is_undone_once(self, stand: Stand) -> None:
        """Never more is taken back, or written off, than was loaded."""
        stand.product()
        card, *_ = issue(stand, is_paid=True).gift_cards
        stand.execute(RedeemGiftCard(code=card.code, amount=money(2100), order_id="1", idempotency_key="spend"))
        commands = [
            ReverseGiftCardSale(order_id="sold", cause=ReversalCause.REFUND, idempotency_key=f"{n}") for n in range(8)
        ]
        outcomes = self.race(stand, commands)

        assert {"done": 8} == kinds(outcomes)
        undone = [transfer for transfer in stand.books().transfers if transfer.kind is TransferKind.LOSS]
        assert 2100 == sum(transfer.amount for transfer in undone)
        assert money(0) == stand.loyalty.ask(Liability()).total["USD"]
        assert () == stand.loyalty.ask(Audit()).findings
        stand.require_sound()

    @needs("threads")
    def test_paid_and_refunded_at_once_leave_nothing_owed(self, stand: Stand) -> None:
        """Whichever comes first."""
        stand.product()
        issue(stand)
        commands: list[AnyCommand] = []
        for number in range(3):
            commands.append(ActivateGiftCards(order_id="sold", idempotency_key=f"paid {number}"))
            commands.append(
                ReverseGiftCardSale(order_id="sold", cause=ReversalCause.CANCEL, idempotency_key=f"undo {number}")
            )
        outcomes = self.race(stand, commands)

        assert {"done": 6} == kinds(outcomes)
        assert money(0) == sum((card.posted for card in bought(stand)), money(0))
        assert {GiftCardStatus.DEACTIVATED} == {card.status for card in bought(stand)}
        stand.require_sound()


def _cards(result: object) -> OrderGiftCards:
    assert isinstance(result, OrderGiftCards)
    return result
