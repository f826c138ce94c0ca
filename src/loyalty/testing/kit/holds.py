"""Holds: what they reserve, how they end, and what a storage must know about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
import pytest

from loyalty.errors import (
    ClaimedByAnother,
    ConcurrentUpdate,
    CurrencyMismatch,
    DuplicateRecord,
    GiftCardNotFound,
    HoldClosed,
    HoldNotFound,
    InsufficientBalance,
    MalformedCode,
    NotEligible,
    NotSpendable,
    TooManyHolds,
)
from loyalty.identifiers import HoldId
from loyalty.ledger.account import MOST_RESERVATIONS
from loyalty.ledger.hold import Hold, HoldStatus
from loyalty.policies.eligibility import OrderLine
from loyalty.ports.changes import Changes, HoldChange
from loyalty.ports.storage import Found, Reader, UnitOfWork, Wanted
from loyalty.reports.checkout import GetHold, ListTenders, PlanPayment
from loyalty.tenders.asked import GiftCardTender
from loyalty.tenders.hold_view import HoldView
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import DAY, HOUR, MICROSECOND, UNKNOWN_CODE, KitCase, Stand
from loyalty.testing.programs import AnyCommand, money
from loyalty.use_cases.adjust_hold import AdjustHold
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.capture_hold import CaptureHold
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.lapse_holds import Lapsed, LapseHolds
from loyalty.use_cases.open_store_credit_account import OpenStoreCreditAccount
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.unblock_gift_card import UnblockGiftCard
from loyalty.use_cases.void_hold import VoidHold

__all__ = ["HoldTests"]

QUARTER: Final = timedelta(minutes=15)
"""How long a hold lasts unless somebody says otherwise."""

MOVES: Final[Mapping[str, Callable[[HoldId, str], AnyCommand]]] = {
    "adjust": lambda hold_id, key: AdjustHold(hold_id=hold_id, amount_due=money(300), idempotency_key=key),
    "capture": lambda hold_id, key: CaptureHold(hold_id=hold_id, idempotency_key=key),
    "void": lambda hold_id, key: VoidHold(hold_id=hold_id, idempotency_key=key),
    "lapse": lambda _hold_id, _key: LapseHolds(),
}
"""Everything that may be tried on a hold."""

REACHED: Final[Mapping[str, HoldStatus]] = {
    "adjust": HoldStatus.OPEN,
    "capture": HoldStatus.CAPTURED,
    "void": HoldStatus.VOIDED,
    "lapse": HoldStatus.LAPSED,
}
"""Where an open hold is after each move."""


class HoldTests(KitCase):
    """Value that is reserved for orders."""

    # --- placing ------------------------------------------------------------

    def test_held_value_cannot_be_spent_by_others(self, stand: Stand) -> None:
        """Not redeemed, not converted, not held again; what is left can."""
        card = stand.card(1000)
        hold = stand.hold(600, card, order_id="cart")

        assert (money(600), money(0), HoldStatus.OPEN) == (hold.amount, hold.remaining_due, hold.status)
        assert (stand.clock(), stand.clock() + QUARTER) == (hold.placed_at, hold.lapses_at)
        assert (money(1000), money(400)) == (stand.left_on(card), stand.available_on(card))
        with stand.refuses(InsufficientBalance) as caught:
            stand.execute(_redeem(card.code, 401))
        assert money(400) == caught.value.available
        assert money(400) == stand.hold(500, card, order_id="another cart").amount
        assert money(0) == stand.available_on(card)
        stand.require_sound()

    def test_a_hold_lies_on_five_tenders_or_on_none(self, stand: Stand) -> None:
        """Four cards and store credit hold together what each can; a fifth card that is bad stops all of it."""
        cards = [stand.card(value, expires_at=stand.clock() + value * HOUR) for value in (10, 20, 30, 40)]
        stand.credit(50)
        bad = stand.card(10)
        stand.execute(BlockGiftCard(code=bad.code, idempotency_key="block"))
        with stand.refuses(NotSpendable) as caught:
            stand.hold(130, *cards, bad, customer_id="ada")
        assert "blocked" == caught.value.reason
        hold = stand.hold(130, *cards, customer_id="ada")

        assert [10, 20, 30, 40, 30] == [int(part.amount.amount * 100) for part in hold.parts]
        assert [card.gift_card.id for card in cards] == [part.gift_card_id for part in hold.parts[:4]]
        captured = stand.execute(CaptureHold(hold_id=hold.id, amount=money(45), idempotency_key="capture"))
        assert [10, 20, 15] == [int(part.amount.amount * 100) for part in captured.parts]
        assert (money(85), money(85)) == (captured.released, captured.remaining_due)
        assert [money(0), money(0), money(15), money(40)] == [stand.available_on(card) for card in cards]
        assert money(50) == stand.credit_of("ada")
        stand.require_sound()

    def test_bounds_and_priorities_of_tenders_are_kept(self, stand: Stand) -> None:
        """By the hold, by an adjustment of it, and by a partial capture."""
        first, second = stand.card(100), stand.card(100)
        stand.credit(100)
        hold = stand.hold(
            120,
            tenders=(
                GiftCardTender(code=first.code, at_most=money(30), priority=1),
                GiftCardTender(gift_card_id=second.gift_card.id, priority=2),
            ),
            customer_id="ada",
            store_credit_at_most=money(50),
            store_credit_priority=-1,
        )

        assert [30, 40, 50] == [int(part.amount.amount * 100) for part in hold.parts]
        adjusted = stand.execute(AdjustHold(hold_id=hold.id, amount_due=money(500), idempotency_key="more"))
        assert [30, 100, 50] == [int(part.amount.amount * 100) for part in adjusted.parts]
        captured = stand.execute(CaptureHold(hold_id=hold.id, amount=money(85), idempotency_key="capture"))
        assert [30, 5, 50] == [int(part.amount.amount * 100) for part in captured.parts]
        stand.require_sound()

    def test_a_plan_is_what_a_hold_and_a_payment_come_to(self, stand: Stand) -> None:
        """The plan writes nothing, and both that follow it come to it, exactly."""
        cards = [stand.card(100, expires_at=stand.clock() + DAY), stand.card(50)]
        stand.credit(10)
        asked: dict[str, Any] = {
            "codes": tuple(card.code for card in cards),
            "customer_id": "ada",
            "lines": (OrderLine(id="gift", amount=money(90), is_stored_value=True), OrderLine(id="b", amount=money(9))),
        }
        before = stand.books()
        plan = stand.loyalty.ask(PlanPayment(amount_due=money(205), order_id="order", **asked))
        assert before == stand.books()
        hold = stand.hold(205, **asked)
        again = stand.loyalty.ask(PlanPayment(amount_due=money(205), order_id="order", **asked))
        payment = stand.execute(
            PayWithBalances(amount_due=money(205), order_id="order", idempotency_key="pay", **asked)
        )

        assert (money(115), money(90)) == (plan.covered, plan.remaining_due)
        assert plan == again
        assert plan.parts == hold.parts
        assert [part.amount for part in plan.parts] == [part.amount for part in payment.parts]
        assert HoldStatus.VOIDED is stand.loyalty.ask(GetHold(id=hold.id)).status

    def test_an_order_replaces_its_own_hold_only(self, stand: Stand) -> None:
        """It may use what that one reserved, and the neighbour's is as it was."""
        card = stand.card(100)
        neighbour = stand.hold(30, card, order_id="neighbour")
        first = stand.hold(60, card)
        second = stand.hold(100, card)

        assert (first.id, money(70)) == (second.replaced_id, second.amount)
        assert HoldStatus.VOIDED is stand.loyalty.ask(GetHold(id=first.id)).status
        assert neighbour == stand.loyalty.ask(GetHold(order_id="neighbour"))
        assert second.id == stand.loyalty.ask(GetHold(order_id="order")).id
        stand.require_sound()

    def test_a_customer_without_an_account_holds_nothing(self, stand: Stand) -> None:
        """The hold is there, without tenders, and can be captured: nothing was taken."""
        hold = stand.hold(100, customer_id="nobody")
        captured = stand.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture"))

        assert ((), money(0), money(100)) == (hold.parts, hold.amount, hold.remaining_due)
        assert ((), money(0), money(100)) == (captured.parts, captured.amount, captured.remaining_due)
        assert () == stand.books().accounts
        stand.require_sound()

    def test_an_empty_tender_is_part_of_the_hold(self, stand: Stand) -> None:
        """It holds nothing, and an adjustment may take from it what came to it since."""
        stand.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="open"))
        hold = stand.hold(100, customer_id="ada")
        stand.credit(70)
        adjusted = stand.execute(AdjustHold(hold_id=hold.id, amount_due=money(90), idempotency_key="adjust"))

        assert (money(0), money(70)) == (hold.amount, adjusted.amount)
        stand.require_sound()

    def test_refused_holds_come_in_order(self, stand: Stand) -> None:
        """Malformed, unknown, another's, not spendable, in another currency, not eligible: the first is told."""
        ends = stand.clock() + DAY
        expired, foreign, taken = stand.card(expires_at=ends), stand.card(currency="JPY"), stand.card(customer_id="bo")
        stand.clock.set(ends)
        gift = OrderLine(id="gift", amount=money(5), is_stored_value=True)
        good = stand.card()
        named = [good.code, foreign.code, expired.code, taken.code, UNKNOWN_CODE, "GIFT-0000"]
        for kind in (MalformedCode, GiftCardNotFound, ClaimedByAnother, NotSpendable, CurrencyMismatch, NotEligible):
            with stand.refuses(kind):
                stand.hold(5, codes=tuple(named), customer_id="ada", lines=(gift,))
            plan = stand.loyalty.ask(
                PlanPayment(amount_due=money(5), codes=tuple(named), customer_id="ada", lines=(gift,))
            )
            assert kind.code == plan.refused[0].code
            named.pop()

    def test_an_account_has_no_end_of_holds(self, stand: Stand) -> None:
        """Beyond a hundred orders at once it takes no more, until one lets go or lapses."""
        card = stand.card(1000)
        holds = [stand.hold(1, card, order_id=f"cart {number}") for number in range(MOST_RESERVATIONS)]
        with stand.refuses(TooManyHolds):
            stand.hold(1, card, order_id="one more")
        stand.execute(VoidHold(hold_id=holds[0].id, idempotency_key="void"))
        stand.hold(1, card, order_id="one more")
        stand.clock.advance(QUARTER)
        assert money(1000) == stand.hold(1000, card, order_id="all").amount
        stand.require_sound()

    # --- moves --------------------------------------------------------------

    @pytest.mark.parametrize("second", MOVES)
    @pytest.mark.parametrize("first", MOVES)
    def test_every_move_from_every_state(self, stand: Stand, first: str, second: str) -> None:
        """An open hold makes each of them; a closed one none, and says how it ended."""
        card = stand.card(1000)
        hold = stand.hold(500, card)
        _move(stand, hold, first, "first")
        before = stand.books()
        if first == "adjust":
            _move(stand, hold, second, "second")
            assert REACHED[second] is stand.books().holds[0].status
        elif second == "lapse":
            _move(stand, hold, second, "second")
            assert before == stand.books()
        else:
            with stand.refuses(HoldClosed) as caught:
                _move(stand, hold, second, "second")
            assert REACHED[first].value == caught.value.status
        captured = 500 if first == "capture" else 300 * ((first, second) == ("adjust", "capture"))
        assert money(1000 - captured) == stand.left_on(card)
        stand.require_sound()

    def test_a_void_frees_everything(self, stand: Stand) -> None:
        """On every tender; no value moves, and nothing is written to the history."""
        cards = stand.card(100), stand.card(200)
        hold = stand.hold(250, *cards)
        transfers = stand.books().transfers
        voided = stand.execute(VoidHold(hold_id=hold.id, order_id="order", idempotency_key="void"))

        assert (HoldStatus.VOIDED, money(250), stand.clock()) == (voided.status, voided.amount, voided.resolved_at)
        assert [money(100), money(200)] == [stand.available_on(card) for card in cards]
        assert transfers == stand.books().transfers

    def test_refused_captures_come_in_order(self, stand: Stand) -> None:
        """Unknown, another order's, of another currency, too much, of a blocked card; then the hold is as it was."""
        card, idle = stand.card(100), stand.card(100, expires_at=stand.clock() + DAY)
        hold = stand.hold(150, card, idle)

        def capture(amount: Any, **more: Any) -> CaptureHold:
            return CaptureHold(**{"hold_id": hold.id, "idempotency_key": "capture", "amount": amount, **more})

        stand.execute(BlockGiftCard(code=card.code, idempotency_key="block"))
        with stand.refuses(HoldNotFound):
            stand.execute(capture(money(999, "JPY"), hold_id="none"))
        with stand.refuses(HoldNotFound):
            stand.execute(capture(money(999, "JPY"), order_id="another"))
        with stand.refuses(CurrencyMismatch):
            stand.execute(capture(money(999, "JPY")))
        with stand.refuses(InsufficientBalance) as caught:
            stand.execute(capture(money(151)))
        assert (money(151), money(150)) == (caught.value.requested, caught.value.available)
        with stand.refuses(NotSpendable) as stopped:
            stand.execute(capture(money(101)))
        assert "blocked" == stopped.value.reason
        assert money(100) == stand.execute(capture(money(100), idempotency_key="of the other card")).amount
        assert [money(100), money(0)] == [stand.left_on(card), stand.left_on(idle)]

    def test_a_block_stops_the_capture_until_it_is_lifted(self, stand: Stand) -> None:
        """The hold stays as it is meanwhile, and may still be voided."""
        card = stand.card(100)
        hold = stand.hold(100, card)
        capture = CaptureHold(hold_id=hold.id, idempotency_key="capture")
        stand.execute(BlockGiftCard(code=card.code, idempotency_key="block"))
        with stand.refuses(NotSpendable):
            stand.execute(capture)
        stand.execute(UnblockGiftCard(code=card.code, idempotency_key="unblock"))

        assert money(100) == stand.execute(capture).amount

    def test_a_blocked_tender_gives_no_more(self, stand: Stand) -> None:
        """What it holds already stays with the order; the rest comes from whom can still be spent."""
        blocked, good = stand.card(100, expires_at=stand.clock() + DAY), stand.card(100)
        hold = stand.hold(50, blocked, good)
        stand.execute(BlockGiftCard(code=blocked.code, idempotency_key="block"))
        adjusted = stand.execute(AdjustHold(hold_id=hold.id, amount_due=money(170), idempotency_key="adjust"))

        assert {blocked.gift_card.id: money(50), good.gift_card.id: money(100)} == {
            part.gift_card_id: part.amount for part in adjusted.parts
        }
        stand.require_sound()

    # --- time ---------------------------------------------------------------

    @pytest.mark.parametrize("is_swept", [False, True])
    def test_a_hold_lapses_by_itself(self, stand: Stand, is_swept: bool) -> None:  # noqa: FBT001  # pytest passes it by name
        """One microsecond before its time it reserves, at its time it does not, whether or not a sweep ran."""
        card = stand.card(100)
        stand.credit(10)
        hold = stand.hold(105, card, customer_id="ada")
        capture = CaptureHold(hold_id=hold.id, idempotency_key="capture")
        stand.clock.set(hold.lapses_at - MICROSECOND)
        stand.execute(LapseHolds())
        assert money(0) == stand.available_on(card)
        assert HoldStatus.OPEN is stand.loyalty.ask(GetHold(id=hold.id)).status
        stand.clock.set(hold.lapses_at)
        if is_swept:
            assert Lapsed(amounts=(money(105),), holds=1, is_done=True) == stand.execute(LapseHolds())

        assert money(100) == stand.available_on(card)
        assert HoldStatus.LAPSED is stand.loyalty.ask(GetHold(id=hold.id)).status
        with stand.refuses(HoldClosed) as caught:
            stand.execute(capture)
        assert "lapsed" == caught.value.status
        stand.execute(_redeem(card.code, 100))
        stand.execute(LapseHolds())
        assert HoldStatus.LAPSED is stand.books().holds[0].status
        stand.require_sound()

    def test_what_was_seen_to_lapse_does_not_come_back_with_the_clock(self, stand: Stand) -> None:
        """Once the value was given to somebody else, the hold has lapsed, whatever the clock says."""
        card = stand.card(100)
        hold = stand.hold(60, card)
        stand.clock.set(hold.lapses_at)
        assert money(100) == stand.hold(100, card, order_id="next").amount
        stand.clock.set(hold.placed_at)
        for command in (
            CaptureHold(hold_id=hold.id, idempotency_key="late"),
            VoidHold(hold_id=hold.id, idempotency_key="late"),
            AdjustHold(hold_id=hold.id, lapses_after=DAY, idempotency_key="late"),
        ):
            with stand.refuses(HoldClosed) as caught:
                stand.execute(command)
            assert "lapsed" == caught.value.status
        stand.require_sound()

    def test_value_that_expires_under_a_hold_is_spent_by_it(self, stand: Stand) -> None:
        """And by nobody else: no sweep takes it, no other cart gets it, and it is gone when the hold lets go."""
        ends = stand.clock() + timedelta(minutes=5)
        for number, is_captured in enumerate((True, False)):
            card = stand.card(100, expires_at=ends + number * HOUR)
            stand.clock.set(ends + number * HOUR - MICROSECOND)
            hold = stand.hold(70, card, order_id=f"cart {number}", lapses_after=HOUR)
            stand.clock.advance(MICROSECOND)
            assert (money(30),) == stand.execute(ExpireValue()).amounts
            with stand.refuses(NotSpendable):
                stand.hold(1, card, order_id="another cart")
            adjusted = stand.execute(
                AdjustHold(hold_id=hold.id, amount_due=money(60), idempotency_key=f"adjust {number}")
            )
            assert money(60) == adjusted.amount
            if is_captured:
                assert money(60) == stand.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture")).amount
            else:
                stand.execute(VoidHold(hold_id=hold.id, idempotency_key="void"))
            assert money(0) == stand.available_on(card)
            assert (money(10 if is_captured else 70),) == stand.execute(ExpireValue()).amounts
        stand.require_sound()

    def test_an_adjustment_keeps_what_expired_beside_what_lives(self, stand: Stand) -> None:
        """One account has both: the hold grows by what lives, and loses nothing of what has ended."""
        ends = stand.clock() + HOUR
        stand.credit(30, expires_at=ends)
        stand.credit(50)
        hold = stand.hold(60, customer_id="ada", lapses_after=DAY)
        stand.clock.set(ends)
        adjusted = stand.execute(AdjustHold(hold_id=hold.id, amount_due=money(70), idempotency_key="adjust"))

        assert money(70) == adjusted.amount
        assert money(70) == stand.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture")).amount
        assert money(10) == stand.credit_of("ada")
        stand.require_sound()

    def test_more_time_counts_from_now(self, stand: Stand) -> None:
        """The hold lapses then, on every tender of it."""
        card = stand.card(100)
        hold = stand.hold(60, card)
        stand.clock.set(hold.lapses_at - MICROSECOND)
        adjusted = stand.execute(AdjustHold(hold_id=hold.id, lapses_after=DAY, idempotency_key="more"))

        assert (stand.clock() + DAY, money(60)) == (adjusted.lapses_at, adjusted.amount)
        stand.clock.set(adjusted.lapses_at - MICROSECOND)
        assert money(40) == stand.available_on(card)
        stand.clock.set(adjusted.lapses_at)
        assert money(100) == stand.available_on(card)
        stand.require_sound()

    def test_sweeps_of_holds_come_in_batches(self, stand: Stand) -> None:
        """Each takes the soonest lapsed, says when it is done, and once more there is nothing to do."""
        for number in range(5):
            stand.hold(10, stand.card(), order_id=f"cart {number}", lapses_after=(5 - number) * HOUR)
        stand.clock.advance(4 * HOUR)
        done = [stand.execute(LapseHolds(limit=3)) for _ in range(3)]

        assert [(3, False), (1, True), (0, True)] == [(one.holds, one.is_done) for one in done]
        assert [(money(30),), (money(10),), ()] == [one.amounts for one in done]
        assert 1 == sum(hold.status is HoldStatus.OPEN for hold in stand.books().holds)
        stand.require_sound()

    def test_a_conversion_leaves_held_value_on_the_card(self, stand: Stand) -> None:
        """The hold can still be captured there."""
        card = stand.card(100)
        hold = stand.hold(60, card)
        conversion = stand.execute(ConvertGiftCard(code=card.code, customer_id="ada", idempotency_key="convert"))

        assert (money(40), money(60)) == (conversion.amount, stand.left_on(card))
        with stand.refuses(NotSpendable) as caught:
            stand.execute(ConvertGiftCard(code=card.code, customer_id="ada", idempotency_key="convert more"))
        assert "exhausted" == caught.value.reason
        stand.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture"))
        assert money(0) == stand.left_on(card)
        stand.require_sound()

    def test_tenders_are_listed_without_what_is_held(self, stand: Stand) -> None:
        """A card that is held whole is not listed."""
        whole, part = stand.card(100, customer_id="ada"), stand.card(100, customer_id="ada")
        stand.credit(50)
        stand.hold(100, whole, order_id="one", customer_id="ada", use_store_credit=False)
        stand.hold(140, part, order_id="two", customer_id="ada", store_credit_priority=-1)
        listed = stand.loyalty.ask(ListTenders(customer_id="ada", currency="USD"))

        assert [part.gift_card.id] == [card.id for card in listed.gift_cards]
        assert (None, money(10)) == (listed.store_credit, listed.available)

    # --- what a storage knows -----------------------------------------------

    def test_a_hold_is_found_by_its_id_and_its_order(self, stand: Stand) -> None:
        """With every account it may reserve on; by the order only while it is open; in the order of ids, each once."""
        cards = stand.card(100), stand.card(100), stand.card(100)
        first = stand.hold(50, *cards[:2], order_id="first")
        second = stand.hold(50, cards[2], order_id="second")
        third = stand.hold(50, cards[2], order_id="third")
        stand.execute(VoidHold(hold_id=third.id, idempotency_key="void"))
        everything = Wanted(
            hold_ids=(third.id, second.id, HoldId("none")), held_for=("third", "second", "first", "none")
        )
        for found in (_found(stand, everything), stand.storage.run(lambda uow: uow.lock(everything))):
            assert sorted([first.id, second.id, third.id]) == [hold.id for hold in found.holds]
            assert sorted(card.gift_card.account_id for card in cards) == [one.id for one in found.accounts()]
        assert (first.id,) == tuple(hold.id for hold in _found(stand, Wanted(held_for=("first",))).holds)
        assert Found() == _found(stand, Wanted(held_for=("third", "none"), hold_ids=(HoldId("none"),)))
        assert 2 == len(_found(stand, Wanted(hold_ids=(first.id,))).accounts())
        assert (first.id, None) == stand.storage.read(lambda reader: (_id_of(reader, "first"), _id_of(reader, "third")))
        card_alone = _found(stand, Wanted(gift_card_ids=(cards[0].gift_card.id,), held_for=("none",)))
        assert (1, ()) == (len(card_alone.accounts()), card_alone.holds)

    def test_holds_come_by_id_as_they_were_placed(self, stand: Stand) -> None:
        """With tenders, bounds, times and what became of them."""
        card = stand.card(100)
        tender = GiftCardTender(code=card.code, at_most=money(70), priority=-3)
        placed = [
            stand.hold(90, tenders=(tender,), customer_id="ada", order_id=f"grün {number}", lapses_after=number * DAY)
            for number in (3, 1, 2)
        ]
        lines = (OrderLine(id="tea", amount=money(90)),)
        placed.append(stand.hold(90, card, order_id="with lines", lines=lines))
        holds = stand.storage.read(lambda reader: tuple(reader.holds()))

        assert sorted(hold.id for hold in placed) == [hold.id for hold in holds]
        assert {placed[-1].id} == {hold.id for hold in holds if hold.has_lines}
        first = next(hold for hold in holds if hold.id == placed[0].id)
        assert ("grün 3", "ada", "USD", 2, 90, 0) == (
            first.order_id,
            first.customer_id,
            first.currency,
            first.exponent,
            first.amount_due,
            first.captured,
        )
        assert (stand.clock(), stand.clock() + 3 * DAY, None) == (
            first.placed_at,
            first.lapses_at,
            first.resolved_at,
        )
        assert [(card.gift_card.account_id, 70, -3, 70)] == [
            (one.account_id, one.at_most, one.priority, one.amount) for one in first.tenders
        ]

    def test_owners_bring_their_cards_and_credit(self, stand: Stand) -> None:
        """Every claimed card and every account, in all currencies; no bearer's card, and nobody else's."""
        own = stand.card(customer_id="ada"), stand.card(currency="JPY", customer_id="ada")
        stand.card()
        stand.card(customer_id="bo")
        credits_ = stand.credit().account.id, stand.credit(currency="KWD").account.id
        stand.credit(customer_id="bo")
        found = _found(stand, Wanted(owners=("ada", "nobody")))

        assert sorted(card.gift_card.account_id for card in own) == [card.account.id for card in found.gift_cards]
        assert sorted(credits_) == [one.id for one in found.store_credit_accounts]

    def test_what_a_customer_spends_counts_what_is_held(self, stand: Stand) -> None:
        """From an instant on, it included; what has lapsed does not count, and one hold may be left out."""
        card, bearer = stand.card(1000, customer_id="ada"), stand.card(1000)
        stand.credit(1000)
        stand.credit(1000, currency="JPY")
        start = stand.clock()
        stand.execute(_redeem(card.code, 1, customer_id="ada"))
        stand.execute(_redeem(bearer.code, 20))
        stand.execute(DebitStoreCredit(customer_id="ada", amount=money(300), order_id="1", idempotency_key="pay"))
        stand.execute(DebitStoreCredit(customer_id="ada", amount=money(5, "JPY"), order_id="1", idempotency_key="yen"))
        stand.execute(DebitStoreCredit(customer_id="ada", amount=money(600), idempotency_key="correct"))
        stand.clock.advance(HOUR)
        hold = stand.hold(340, card, customer_id="ada", store_credit_priority=-1)

        def spent(since: datetime, at: datetime, without: HoldId | None = None) -> int:
            return stand.storage.read(lambda reader: reader.spent_since("ada", "USD", since, at=at, without=without))

        assert 641 == spent(start, stand.clock())
        assert 340 == spent(start + MICROSECOND, stand.clock())
        assert 301 == spent(start, stand.clock(), hold.id)
        assert 641 == spent(start, hold.lapses_at - MICROSECOND)
        assert 301 == spent(start, hold.lapses_at)

    def test_lapsed_holds_come_soonest_first(self, stand: Stand) -> None:
        """Then by id; an instant before its time none is due; a closed one never."""
        late, soon, same = [
            stand.hold(1, stand.card(), order_id=f"cart {number}", lapses_after=after)
            for number, after in enumerate((2 * HOUR, HOUR, HOUR))
        ]
        closed = stand.hold(1, stand.card(), order_id="closed", lapses_after=HOUR)
        stand.execute(VoidHold(hold_id=closed.id, idempotency_key="void"))

        def due(at: datetime, limit: int = 10) -> list[HoldId]:
            return [hold.id for hold in stand.storage.run(lambda uow: uow.lapsed_holds(at, limit))]

        assert [] == due(soon.lapses_at - MICROSECOND)
        assert sorted([soon.id, same.id]) == due(soon.lapses_at) == due(late.lapses_at - MICROSECOND)
        assert [*sorted([soon.id, same.id]), late.id] == due(late.lapses_at)
        assert [min(soon.id, same.id)] == due(late.lapses_at, limit=1)

    def test_a_stale_hold_is_never_written(self, stand: Stand) -> None:
        """Whoever decided on what it was before somebody resolved it gets ConcurrentUpdate."""
        hold = stand.hold(50, stand.card(100))
        (stale,) = _found(stand, Wanted(hold_ids=(hold.id,))).holds
        stand.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture"))
        before = stand.books()
        with pytest.raises(ConcurrentUpdate):
            stand.storage.run(lambda uow: uow.write(_change(stale, stale.resolve("void", stand.clock()))))

        assert before == stand.books()

    def test_an_order_has_one_open_hold(self, stand: Stand) -> None:
        """A second one is a lost race, unless the first ends with the same write, or ended before."""
        stand.hold(50, stand.card(100))
        (first,) = stand.books().holds
        twin = attrs.evolve(first, id=HoldId("twin"), tenders=())
        before = stand.books()
        with pytest.raises(ConcurrentUpdate):
            stand.storage.run(lambda uow: uow.write(Changes(new_holds=(twin,))))
        assert before == stand.books()

        def both(uow: UnitOfWork) -> bool:
            empty = attrs.evolve(first, id=HoldId("empty"), order_id="another", tenders=())
            return uow.write(Changes(new_holds=(empty,)))

        assert stand.storage.run(both)
        ended = attrs.evolve(first, order_id="another", id=HoldId("empty"), tenders=())
        replacing = attrs.evolve(twin, order_id="another")
        change = HoldChange(ended, ended.resolve("void", stand.clock()))
        assert stand.storage.run(lambda uow: uow.write(Changes(holds=(change,), new_holds=(replacing,))))
        assert ["voided", "open"] == [hold.status.value for hold in stand.books().holds if hold.order_id == "another"]

    def test_the_id_of_a_hold_is_taken_once(self, stand: Stand) -> None:
        """A second one of the same id is a DuplicateRecord."""
        stand.hold(50, stand.card(100))
        (first,) = stand.books().holds
        before = stand.books()
        with pytest.raises(DuplicateRecord):
            stand.storage.run(
                lambda uow: uow.write(Changes(new_holds=(attrs.evolve(first, order_id="x", tenders=()),)))
            )

        assert before == stand.books()

    def test_holds_that_were_captured_wrong_are_named(self, stand: Stand) -> None:
        """By id; a sound ledger has none, whatever was captured, refunded or lapsed."""
        holds = [stand.hold(50, stand.card(100), order_id=f"cart {number}") for number in range(4)]
        stand.execute(CaptureHold(hold_id=holds[0].id, amount=money(20), idempotency_key="part"))
        stand.execute(CaptureHold(hold_id=holds[1].id, idempotency_key="all"))
        assert () == stand.storage.read(lambda reader: reader.holds_captured_wrong())
        stored = {hold.id: hold for hold in stand.books().holds}
        for hold in holds[2:]:
            wrong = stored[hold.id].resolve("capture", stand.clock(), captured=1)
            stand.storage.run(lambda uow, hold=hold, wrong=wrong: uow.write(_change(stored[hold.id], wrong)))  # type: ignore[misc]  # bound now

        assert tuple(sorted(hold.id for hold in holds[2:])) == stand.storage.read(
            lambda reader: reader.holds_captured_wrong()
        )

    @needs("second_handle")
    def test_another_handle_sees_and_ends_holds(self, stand: Stand) -> None:
        """What one reserved the other cannot spend, may capture, and then the first hears of it."""
        cards = stand.card(100), stand.card(100)
        hold = stand.hold(150, *cards, customer_id="ada", lapses_after=DAY)
        other = Stand(self.reopen(stand.storage), clock=stand.clock, new_id=stand.new_id)

        assert stand.books() == other.books()
        assert hold == other.loyalty.ask(GetHold(id=hold.id))
        assert money(0) == other.available_on(cards[0])
        other.execute(CaptureHold(hold_id=hold.id, amount=money(120), idempotency_key="there"))
        with stand.refuses(HoldClosed) as caught:
            stand.execute(VoidHold(hold_id=hold.id, idempotency_key="here"))
        assert "captured" == caught.value.status
        assert stand.books() == other.books()


def _move(stand: Stand, hold: HoldView, move: str, key: str) -> None:
    if move == "lapse":
        stand.clock.set(hold.lapses_at)
    stand.execute(MOVES[move](hold.id, key))


def _id_of(reader: Reader, order_id: str) -> str | None:
    hold = reader.open_hold(order_id)
    return None if hold is None else hold.id


def _found(stand: Stand, wanted: Wanted) -> Found:
    return stand.storage.read(lambda reader: reader.find(wanted))


def _change(before: Hold, after: Hold) -> Changes:
    return Changes(holds=(HoldChange(before, after),))


def _redeem(code: str, amount: int, **more: Any) -> RedeemGiftCard:
    return RedeemGiftCard(
        code=code, amount=money(amount), order_id="1", idempotency_key=f"redeem {amount} of {code[-4:]}", **more
    )
