"""
A state machine that runs programs against an independent oracle, on one storage or on several at once.

Subclass :class:`LedgerMachine`, give it your storage, and run its ``TestCase``:

.. code-block:: python

    class MyMachine(LedgerMachine):
        def make_storages(self) -> tuple[Storage, ...]:
            return (MemoryStorage(), my_fresh_and_empty_storage())

    TestMyStorage = MyMachine.TestCase
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from loyalty.adapters.memory import MemoryStorage
from loyalty.errors import IdempotencyConflict, InvalidRequest, InvalidTime, LoyaltyError
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.hold import Hold
from loyalty.policies.chosen import Policies
from loyalty.ports.storage import Storage
from loyalty.reports.audit import Audit
from loyalty.reports.checkout import GetHold, PaymentPlan, PlanPayment
from loyalty.reports.gift_cards import GetGiftCard
from loyalty.reports.liability import Liability
from loyalty.reports.store_credit import GetStoreCreditAccount
from loyalty.store_credit.account import StoreCreditView
from loyalty.tenders.hold_view import HoldView
from loyalty.testing.books import Books, books_of
from loyalty.testing.fakes import pays_by_product, pays_out_small_change
from loyalty.testing.invariants import require_available, require_nothing_lost, require_sound
from loyalty.testing.oracle import Oracle, Refusal, facts_of
from loyalty.testing.programs import BAD_CALLS, Played, Shop, Step, Verb, minor
from loyalty.testing.strategies import (
    CUSTOMERS,
    LARGEST_AMOUNT,
    contested_holds,
    customer_ids,
    mostly,
    some_value,
    spans,
    steps,
)
from loyalty.use_cases.command import Command
from loyalty.use_cases.expire_value import Expired
from loyalty.use_cases.lapse_holds import Lapsed
from loyalty.use_cases.pay_with_balances import Payment, PayWithBalances
from loyalty.use_cases.place_hold import PlaceHold

__all__ = ["LedgerMachine"]


class LedgerMachine(RuleBasedStateMachine):
    """
    Every command and every mistake, in any order, against plain integers.

    After each step the answer, or the error and what it says, must be what the
    oracle expects; the books must hold what the oracle holds, break no law, and
    have lost nothing. With several storages every command runs on each, and
    both answers and books must be equal.
    """

    def __init__(self) -> None:
        """Open an empty shop."""
        super().__init__()
        self.shop = Shop(
            *self.make_storages(), policies=Policies(eligibility=pays_by_product, cash_out=pays_out_small_change)
        )
        self.oracle = Oracle()
        self.books = self._books()

    def make_storages(self) -> tuple[Storage, ...]:
        """Return the storages to run on, fresh and empty. Called once per program."""
        return (MemoryStorage(),)

    def release_storages(self) -> None:
        """Let go of what :meth:`make_storages` opened. Called once per program."""

    def teardown(self) -> None:
        """Audit every storage, then release them."""
        try:
            self._require_clean_audit()
        finally:
            self.release_storages()

    # --- the rules ----------------------------------------------------------

    @initialize(some=some_value())
    def begin_with_some_value(self, some: list[Step]) -> None:
        """Have something to spend, so that the other rules are worth following."""
        for step in some:
            self.take(step)

    @rule(step=steps(Verb.ISSUE))
    def issue(self, step: Step) -> None:
        """Issue a gift card."""
        self.take(step)

    @rule(step=steps(Verb.CLAIM))
    def claim(self, step: Step) -> None:
        """Claim a card that exists, or not."""
        self.take(step)

    @rule(step=steps(Verb.CONVERT))
    def convert(self, step: Step) -> None:
        """Convert a card to store credit."""
        self.take(step)

    @rule(step=steps(Verb.REDEEM, by_id=st.just(False), customer=st.none()))  # noqa: FBT003 - a value to draw
    def redeem_as_bearer(self, step: Step) -> None:
        """Redeem a card by its code."""
        self.take(step)

    @rule(step=steps(Verb.REDEEM, by_id=st.just(True), customer=st.none()))  # noqa: FBT003 - a value to draw
    def redeem_by_id(self, step: Step) -> None:
        """Redeem a card by its id."""
        self.take(step)

    @rule(step=steps(Verb.REDEEM, customer=customer_ids()))
    def redeem_as_customer(self, step: Step) -> None:
        """Redeem a card as a customer, who may have claimed it, or somebody else did."""
        self.take(step)

    @rule(step=steps(Verb.PAY))
    def pay(self, step: Step) -> None:
        """Plan a payment, then pay an order with several cards and store credit, exactly as planned."""
        self.plan_and_take(step)

    @precondition(lambda self: self.shop.redemptions)
    @rule(step=steps(Verb.REFUND, redemption=st.none()))
    def refund_order(self, step: Step) -> None:
        """Refund a part of an order."""
        self.take(step)

    @precondition(lambda self: self.shop.redemptions)
    @rule(step=steps(Verb.REFUND, redemption=mostly(st.integers(0, 5), st.just(-1))))
    def refund_redemption(self, step: Step) -> None:
        """Refund a part of one redemption."""
        self.take(step)

    @precondition(lambda self: self.shop.redemptions)
    @rule(step=steps(Verb.REFUND, amount=st.none(), redemption=st.none() | st.integers(0, 5)))
    def refund_everything(self, step: Step) -> None:
        """Refund whatever is left."""
        self.take(step)

    @rule(step=steps(Verb.BLOCK))
    def block(self, step: Step) -> None:
        """Block a card."""
        self.take(step)

    @rule(step=steps(Verb.UNBLOCK))
    def unblock(self, step: Step) -> None:
        """Unblock a card."""
        self.take(step)

    @rule(step=steps(Verb.OPEN))
    def open_account(self, step: Step) -> None:
        """Open a store credit account, or ask for the one there is."""
        self.take(step)

    @rule(step=steps(Verb.GRANT))
    def grant(self, step: Step) -> None:
        """Grant store credit, with or without an end, a beginning and a priority."""
        self.take(step)

    @rule(step=steps(Verb.DEBIT))
    def debit(self, step: Step) -> None:
        """Debit store credit, for an order or not."""
        self.take(step)

    @rule(step=steps(Verb.TRANSFER))
    def transfer(self, step: Step) -> None:
        """Move store credit to another account, to one that is not there yet, or to itself."""
        self.take(step)

    @precondition(lambda self: self.filled_accounts())
    @rule(
        place=st.integers(0, 1000),
        amount=st.integers(1, 20),
        currency=mostly(st.none(), st.sampled_from(("JPY", "KWD")), times=3),
    )
    def transfer_what_is_there(self, place: int, amount: int, currency: str | None) -> None:
        """Move what can be spent, or a part of it, to somebody, sometimes by the name of another currency."""
        account, available, to = self.filled_account(place)
        amount = min(amount, available)
        self.take(Step(verb=Verb.TRANSFER, account=account, to=to, currency=currency, amount=amount))
        self.look_around()

    @precondition(lambda self: self.filled_accounts())
    @rule(place=st.integers(0, 1000), is_late=st.booleans())
    def transfer_and_undo(self, place: int, *, is_late: bool) -> None:
        """Move value and undo just that, at once or when it has ended."""
        account, available, to = self.filled_account(place)
        ends = self.expiries()
        self.take(Step(verb=Verb.TRANSFER, account=account, to=to, amount=available))
        if is_late and ends:
            self.take(Step(verb=Verb.MOVE_CLOCK, move=ends[-1] - self.shop.clock()))
        self.take(Step(verb=Verb.REVERSE))
        self.look_around()

    @precondition(lambda self: self.filled_accounts())
    @rule(place=st.integers(0, 1000), back=spans())
    def transfer_to_one_that_was_seen_later(self, place: int, back: timedelta) -> None:
        """Move value while the clock stands before the last change of the account that gets it."""
        account, available, to = self.filled_account(place)
        currency = self.shop.accounts[account].currency
        self.take(Step(verb=Verb.GRANT, customer=to, currency=currency))
        self.take(Step(verb=Verb.MOVE_CLOCK, move=-back))
        self.take(Step(verb=Verb.TRANSFER, account=account, to=to, amount=available))
        self.take(Step(verb=Verb.MOVE_CLOCK, move=back))

    @rule(step=steps(Verb.BLOCK_ACCOUNT))
    def block_account(self, step: Step) -> None:
        """Block a store credit account."""
        self.take(step)

    @rule(step=steps(Verb.UNBLOCK_ACCOUNT))
    def unblock_account(self, step: Step) -> None:
        """Unblock a store credit account."""
        self.take(step)

    @rule(step=steps(Verb.CLOSE_ACCOUNT))
    def close_account(self, step: Step) -> None:
        """Close a store credit account, on which there often is something."""
        self.take(step)

    @rule(step=steps(Verb.MERGE))
    def merge(self, step: Step) -> None:
        """Make one customer of two; who was merged goes on to be named, as by a host that has not heard of it."""
        self.take(step)

    @precondition(lambda self: self.filled_accounts())
    @rule(place=st.integers(0, 1000), amount=st.integers(1, 20), is_late=st.booleans())
    def merge_and_refund(self, place: int, amount: int, *, is_late: bool) -> None:
        """Let a customer pay, merge him into another, and give back what he paid, at once or when it has ended."""
        account, available, to = self.filled_account(place)
        self.take(Step(verb=Verb.DEBIT, account=account, amount=min(amount, available), order=0))
        paid, ends = len(self.shop.redemptions) - 1, self.expiries()
        self.take(Step(verb=Verb.MERGE, customer=self.shop.accounts[account].customer_id, to=to))
        if is_late and ends:
            self.take(Step(verb=Verb.MOVE_CLOCK, move=ends[-1] - self.shop.clock()))
        self.take(Step(verb=Verb.REFUND, redemption=paid, amount=1))
        self.look_around()

    @precondition(lambda self: self.filled_accounts())
    @rule(place=st.integers(0, 1000), amount=st.integers(1, 20))
    def stop_an_account(self, place: int, amount: int) -> None:
        """Block an account on which there is something, and try to take it away; then let it go again."""
        account, available, to = self.filled_account(place)
        self.take(Step(verb=Verb.BLOCK_ACCOUNT, account=account))
        self.take(Step(verb=Verb.TRANSFER, account=account, to=to, amount=min(amount, available)))
        self.take(Step(verb=Verb.MERGE, customer=self.shop.accounts[account].customer_id, to=to))
        self.take(Step(verb=Verb.UNBLOCK_ACCOUNT, account=account))

    @precondition(lambda self: self.filled_accounts())
    @rule(place=st.integers(0, 1000), amount=st.integers(1, 20))
    def stop_an_account_that_is_held(self, place: int, amount: int) -> None:
        """Hold store credit; block the account, close it and merge it away, as far as it goes, and capture the hold."""
        account, _, to = self.filled_account(place)
        owner, currency = self.shop.accounts[account].customer_id, self.shop.accounts[account].currency
        self.take(Step(verb=Verb.PLACE_HOLD, customer=owner, currency=currency, amount=amount, order=0))
        hold = len(self.shop.holds) - 1
        self.take(Step(verb=Verb.BLOCK_ACCOUNT, account=account))
        self.take(Step(verb=Verb.CAPTURE_HOLD, hold=hold, amount=None))
        self.take(Step(verb=Verb.CLOSE_ACCOUNT, account=account))
        self.take(Step(verb=Verb.UNBLOCK_ACCOUNT, account=account))
        self.take(Step(verb=Verb.MERGE, customer=owner, to=to))
        self.take(Step(verb=Verb.CAPTURE_HOLD, hold=hold, amount=None))

    @precondition(lambda self: self.filled_accounts())
    @rule(place=st.integers(0, 1000))
    def empty_and_close(self, place: int) -> None:
        """Move all that can be spent of an account, close it, if that was all, and try to undo the move."""
        account, available, to = self.filled_account(place)
        self.take(Step(verb=Verb.TRANSFER, account=account, to=to, amount=available))
        self.take(Step(verb=Verb.CLOSE_ACCOUNT, account=account))
        self.take(Step(verb=Verb.REVERSE))

    @rule(step=steps(Verb.PLACE_HOLD))
    def place_hold(self, step: Step) -> None:
        """Plan a payment, then hold it, exactly as planned; an order that holds something already replaces it."""
        self.plan_and_take(step)

    @rule(step=steps(Verb.PLACE_HOLD), orders=st.permutations((0, 1, 2)))
    def place_two_holds(self, step: Step, orders: list[int]) -> None:
        """Fill two carts side by side with the same tenders: the second gets what the first leaves."""
        for order in orders[:2]:
            self.plan_and_take(attrs.evolve(step, order=order))

    @rule(step=contested_holds())
    def place_hold_for_contested_lines(self, step: Step) -> None:
        """Let several tenders want the lines that only some of them may pay for."""
        self.plan_and_take(step)

    @precondition(lambda self: self.shop.holds)
    @rule(step=steps(Verb.ADJUST_HOLD))
    def adjust_hold(self, step: Step) -> None:
        """Change what is due, how long, or the lines of an order that holds something."""
        self.take(step)

    @precondition(lambda self: self.shop.holds)
    @rule(step=steps(Verb.ADJUST_HOLD, amount=st.integers(1, 80), order=st.none(), currency=st.none()))
    def adjust_the_last_hold(self, step: Step) -> None:
        """Change what is due of the hold that was placed last, to less or to more."""
        self.take(attrs.evolve(step, hold=len(self.shop.holds) - 1))

    @precondition(lambda self: self.shop.holds)
    @rule(step=steps(Verb.CAPTURE_HOLD))
    def capture_hold(self, step: Step) -> None:
        """Capture a part of a hold, all of it, or too much; or one that is closed, or another order's."""
        self.take(step)

    @precondition(lambda self: self.shop.holds)
    @rule(step=steps(Verb.CAPTURE_HOLD, amount=st.none() | st.integers(1, 10), order=st.none(), currency=st.none()))
    def capture_the_last_hold(self, step: Step) -> None:
        """Capture the hold that was placed last, which is often still open."""
        self.take(attrs.evolve(step, hold=len(self.shop.holds) - 1))

    @precondition(lambda self: self.shop.holds)
    @rule(step=steps(Verb.VOID_HOLD))
    def void_hold(self, step: Step) -> None:
        """Void a hold."""
        self.take(step)

    @rule(step=steps(Verb.LAPSE_HOLDS))
    def lapse_holds(self, step: Step) -> None:
        """Write down which holds have lapsed."""
        self.take(step)

    @precondition(lambda self: self.shop.holds)
    @rule(place=st.integers(0, 1000), off=st.sampled_from((-1, 0, 1)))
    def jump_to_a_lapse(self, place: int, off: int) -> None:
        """Set the clock to a microsecond before, at, or after the end of a hold, wherever it stood."""
        ends = sorted({hold.lapses_at for hold in self.books.holds})
        end = ends[place % len(ends)] + timedelta(microseconds=off)
        self.take(Step(verb=Verb.MOVE_CLOCK, move=end - self.shop.clock()))

    @rule(step=steps(Verb.ADJUST))
    def adjust(self, step: Step) -> None:
        """Correct a balance of a card or of store credit by an amount."""
        self.take(step)

    @rule(step=steps(Verb.REVERSE))
    def reverse(self, step: Step) -> None:
        """Undo an earlier transfer, of whatever kind."""
        self.take(step)

    @rule(step=steps(Verb.REVERSE, earlier=st.just(0)))
    def reverse_the_last(self, step: Step) -> None:
        """Undo what was just done, which is often still there."""
        self.take(step)

    @rule(step=steps(Verb.REFUND_TO_CREDIT))
    def refund_to_credit(self, step: Step) -> None:
        """Refund an order to store credit."""
        self.take(step)

    @rule(step=steps(Verb.REFUND_AS_CARD))
    def refund_as_card(self, step: Step) -> None:
        """Refund an order as a new gift card."""
        self.take(step)

    @rule(step=steps(Verb.DEFINE_PRODUCT))
    def define_product(self, step: Step) -> None:
        """Put a gift card product on sale, or one that is there already."""
        self.take(step)

    @precondition(lambda self: self.shop.products)
    @rule(step=steps(Verb.REVISE_PRODUCT))
    def revise_product(self, step: Step) -> None:
        """Change or retire a denomination, on the present version or on another one."""
        self.take(step)

    @precondition(lambda self: self.shop.products)
    @rule(step=steps(Verb.RETIRE_PRODUCT))
    def retire_product(self, step: Step) -> None:
        """Take a product off sale."""
        self.take(step)

    @precondition(lambda self: self.shop.products)
    @rule(step=steps(Verb.SELL))
    def sell(self, step: Step) -> None:
        """Issue the cards of an order, for the first time, again, or more of them; paid or not."""
        self.take(step)

    @rule(step=steps(Verb.ACTIVATE))
    def activate(self, step: Step) -> None:
        """Pay for the cards of an order that may not be known."""
        self.take(step)

    @rule(step=steps(Verb.IMPORT))
    def import_cards(self, step: Step) -> None:
        """Take over cards of another system, some of them known, changed, repeated or already ended."""
        self.take(step)

    @rule(step=steps(Verb.UNDO_SALE))
    def undo_sale(self, step: Step) -> None:
        """Undo a sale, or a line of it, once or more."""
        self.take(step)

    @rule(sell=steps(Verb.SELL, by_id=st.just(False), placed_ago=st.just(timedelta(0)), currency=st.just("USD")))  # noqa: FBT003 - a value to draw
    def sell_from_a_new_shelf(self, sell: Step) -> None:
        """Sell a product that was just put on sale, and spend from it what can be spent."""
        self.take(attrs.evolve(sell, verb=Verb.DEFINE_PRODUCT, begins_in=None, said={}))
        self.take(sell)
        amount = max(1, sell.ceiling // 2)
        self.take(Step(verb=Verb.REDEEM, card=len(self.shop.cards) - 1, by_id=True, amount=amount, order=0))

    @rule(step=steps(Verb.REPLACE_CODE))
    def replace_code(self, step: Step) -> None:
        """Give a card another code; programs go on to use the old one, too."""
        self.take(step)

    @rule(step=steps(Verb.UPDATE))
    def update(self, step: Step) -> None:
        """Change what is noted about a card, on its present edition or on another one."""
        self.take(step)

    @rule(step=steps(Verb.CHANGE_EXPIRY))
    def change_expiry(self, step: Step) -> None:
        """Give the value on a card another end."""
        self.take(step)

    @rule(step=steps(Verb.RELOAD))
    def reload(self, step: Step) -> None:
        """Add value to a card."""
        self.take(step)

    @rule(step=steps(Verb.REINSTATE))
    def reinstate(self, step: Step) -> None:
        """Bring back what expired on a card, or a part of it."""
        self.take(step)

    @precondition(lambda self: self.expiries())
    @rule(step=steps(Verb.REINSTATE, by_id=st.just(True), currency=st.none()), place=st.integers(0, 1000))  # noqa: FBT003 - a value to draw
    def reinstate_what_just_expired(self, step: Step, place: int) -> None:
        """Go to the end of some value, sweep it or not, and bring it back, then once more."""
        ends = self.expiries()
        self.take(Step(verb=Verb.MOVE_CLOCK, move=ends[place % len(ends)] - self.shop.clock()))
        if place % 2:
            self.take(Step(verb=Verb.EXPIRE))
        self.take(step)
        self.take(attrs.evolve(step, amount=None))

    @rule(step=steps(Verb.CASH_OUT))
    def cash_out(self, step: Step) -> None:
        """Pay out what is left on a card."""
        self.take(step)

    @rule(step=steps(Verb.RELOAD, amount=st.integers(1, 25), by_id=st.just(True), currency=st.none()))  # noqa: FBT003 - a value to draw
    def reload_and_cash_out(self, step: Step) -> None:
        """Buy a little value, and ask for it in money."""
        self.take(step)
        self.take(Step(verb=Verb.CASH_OUT, card=step.card, by_id=True))

    @precondition(lambda self: len(self.shop.cards) > 1)
    @rule(step=steps(Verb.DEACTIVATE))
    def deactivate(self, step: Step) -> None:
        """Stop a card for good."""
        self.take(step)

    @precondition(lambda self: self.open_holds())
    @rule(place=st.integers(0, 1000), order=st.integers(0, 2), amount=st.integers(1, 60))
    def see_a_hold_lapse_and_turn_back(self, place: int, order: int, amount: int) -> None:
        """Give what lapsed to another order, set the clock back, and capture the hold that was open at that time."""
        holds = self.open_holds()
        hold, now = holds[place % len(holds)], self.shop.clock()
        accounts = {tender.account_id for tender in hold.tenders}
        cards = [place for place, card in enumerate(self.shop.cards) if card.gift_card.account_id in accounts]
        self.take(Step(verb=Verb.MOVE_CLOCK, move=hold.lapses_at - now))
        self.take(Step(verb=Verb.PLACE_HOLD, cards=tuple(cards), customer="ada", order=order, amount=amount))
        self.take(Step(verb=Verb.MOVE_CLOCK, move=now - hold.lapses_at))
        known = [one.id for one in self.shop.holds].index(hold.id)
        self.take(Step(verb=Verb.CAPTURE_HOLD, hold=known, amount=None))

    @precondition(lambda self: self.expiries())
    @rule(place=st.integers(0, 1000), off=st.sampled_from((-1, 0, 1)), sweeps=st.booleans())
    def jump_to_an_expiry(self, place: int, off: int, *, sweeps: bool) -> None:
        """Set the clock to a microsecond before, at, or after the end of some value, held or not; sweep it, or not."""
        ends = self.expiries()
        end = ends[place % len(ends)] + timedelta(microseconds=off)
        self.take(Step(verb=Verb.MOVE_CLOCK, move=end - self.shop.clock()))
        if sweeps:
            self.take(Step(verb=Verb.EXPIRE))

    @precondition(lambda self: self.held_cards())
    @rule(place=st.integers(0, 1000), customer=customer_ids())
    def convert_a_held_card(self, place: int, customer: str) -> None:
        """Convert what a hold leaves on a card, as its owner, or as anybody if it has none."""
        cards = self.held_cards()
        card = cards[place % len(cards)]
        known = [one.gift_card.id for one in self.shop.cards].index(card.id)
        self.take(Step(verb=Verb.CONVERT, card=known, by_id=True, customer=card.customer_id or customer))

    @rule(step=steps(Verb.EXPIRE))
    def expire(self, step: Step) -> None:
        """Post what has expired."""
        self.take(step)

    @rule(move=spans())
    def advance_clock(self, move: timedelta) -> None:
        """Let time pass."""
        self.take(Step(verb=Verb.MOVE_CLOCK, move=move))

    @rule()
    def rewind_clock(self) -> None:
        """Set the clock back an hour, as a wrong time server does."""
        self.take(Step(verb=Verb.MOVE_CLOCK, move=-timedelta(hours=1)))

    @rule(days=st.integers(1, 40))
    def rewind_clock_by_days(self, days: int) -> None:
        """Set the clock back by days, as a machine without a battery does."""
        self.take(Step(verb=Verb.MOVE_CLOCK, move=-timedelta(days=days)))

    @precondition(lambda self: self.shop.committed)
    @rule(step=steps(Verb.REPLAY))
    def replay(self, step: Step) -> None:
        """Send a command again that was carried out before."""
        self.take(step)

    @precondition(lambda self: self.shop.committed)
    @rule(step=steps(Verb.REUSE_KEY))
    def reuse_key(self, step: Step) -> None:
        """Send another command under a key that was used before."""
        self.take(step)

    @rule(step=steps(Verb.BAD_CALL))
    def bad_call(self, step: Step) -> None:
        """Send nonsense."""
        self.take(step)

    @rule(place=st.integers(0, 1000), off=st.sampled_from((-1, 0, 1)))
    def look_back(self, place: int, off: int) -> None:
        """Ask what was owed then, a microsecond before, at, or after something was recorded."""
        instants = self.oracle.instants() or [self.shop.clock()]
        then = instants[place % len(instants)] + timedelta(microseconds=off)
        for as_of in (None, then):
            for loyalty in self.shop.loyalties:
                report = loyalty.ask(Liability(as_of=as_of))
                by_origin = {
                    (currency, origin.value): minor(amount)
                    for currency, origins in report.by_origin.items()
                    for origin, amount in origins.items()
                }

                assert self.oracle.owed(as_of) == by_origin

    @rule()
    def look_around(self) -> None:
        """Ask what every card, account and hold is now."""
        expected = self.oracle.look(self.shop.clock())
        for loyalty in self.shop.loyalties:
            views: list[GiftCardView | StoreCreditView | HoldView] = []
            views += [loyalty.ask(GetGiftCard(id=card.id)) for card in self.books.gift_cards]
            views += [loyalty.ask(GetStoreCreditAccount(account_id=one.id)) for one in self.books.store_credit_accounts]
            views += [loyalty.ask(GetHold(id=hold.id)) for hold in self.books.holds]

            assert expected == {view.id: facts_of(view) for view in views}

    # --- what rules ask of the books ----------------------------------------

    def open_holds(self) -> list[Hold]:
        """Return the holds that are open now."""
        now = self.shop.clock()
        return [hold for hold in self.books.holds if hold.status == "open" and now < hold.lapses_at]

    def held_cards(self) -> list[GiftCard]:
        """Return the cards on which an order holds some of the value, and not all; perhaps it has lapsed by now."""
        known = {card.gift_card.id for card in self.shop.cards}
        cards = [card for card in self.books.gift_cards if card.id in known]
        return [card for card in cards if 0 < card.account.held < card.account.posted]

    def filled_accounts(self) -> list[tuple[int, int]]:
        """Return which of the store credit accounts can be spent from now, and how much."""
        now, credits_ = self.shop.clock(), {credit.id: credit for credit in self.books.store_credit_accounts}
        known = enumerate(credits_[account.id] for account in self.shop.accounts)
        amounts = [(place, credit.available(max(now, credit.account.recorded_at))) for place, credit in known]
        return [(place, amount) for place, amount in amounts if amount]

    def filled_account(self, place: int) -> tuple[int, int, str]:
        """Return one of them, counting around, as much of it as one command may move, and another customer."""
        filled = self.filled_accounts()
        account, amount = filled[place % len(filled)]
        others = [one for one in CUSTOMERS if one != self.shop.accounts[account].customer_id]
        return account, min(amount, LARGEST_AMOUNT), others[place % len(others)]

    def expiries(self) -> list[datetime]:
        """Return when value ends, held value first if there is any."""
        lots = [lot for account in self.books.accounts for lot in account.lots if lot.remaining]
        held = {lot.expires_at for lot in lots if lot.held and lot.expires_at is not None}
        return sorted(held or {lot.expires_at for lot in lots if lot.expires_at is not None})

    # --- what every rule does -----------------------------------------------

    def plan_and_take(self, step: Step) -> None:
        """Ask for the plan of a payment or hold on every storage, take the step, and find exactly the plan."""
        plans: list[PaymentPlan] = []
        try:
            command, _ = self.shop.command(step)
        except InvalidRequest:
            pass  # There is nothing to plan; the step comes to the same.
        else:
            assert isinstance(command, PlaceHold | PayWithBalances)
            plans = [loyalty.ask(_plan_of(command)) for loyalty in self.shop.loyalties]
        self.take(step)
        for plan in plans:
            _require_planned(plan, self.shop.played[-1])

    def take(self, step: Step) -> None:
        """Take one step on every storage, and check everything that can be checked after it."""
        keys = {one.command.idempotency_key for one in self.shop.committed if isinstance(one.command, Command)}
        played = self.shop.play(step)
        before, self.books = self.books, self._books()
        added = self._check_answer(played, keys)
        require_sound(self.books)
        require_nothing_lost(before, self.books)
        require_available(self.books, self.shop.clock())
        self.oracle.compare(self.books)
        assert len(before.receipts) + added == len(self.books.receipts), "one event per command, none for a refused one"
        if not added:
            assert before == self.books, "what was refused or repeated must change nothing"

    def _check_answer(self, played: Played, keys: set[str]) -> int:
        """Compare the answer with what is expected; return how many receipts it must have left."""
        if played.command is None:
            self._check_refused_at_the_door(played)
            return 0
        if played.repeats is not None:
            assert (played.repeats.result, None) == (played.result, played.error)
            return 0
        if isinstance(played.command, Command) and played.command.idempotency_key in keys:
            assert type(played.error) is IdempotencyConflict
            return 0
        try:
            expected = self.oracle.expect(played.command, played.at)
        except Refusal as refusal:
            _require_refused(refusal, played.error)
            return 0
        if played.error is not None:
            raise played.error
        self.oracle.learn(played.result, self.books)
        assert _without_new_ids(expected) == _without_new_ids(facts_of(played.result))
        did_nothing = (isinstance(played.result, Expired) and not played.result.accounts) or (
            isinstance(played.result, Lapsed) and not played.result.holds
        )
        return 0 if did_nothing else 1

    def _check_refused_at_the_door(self, played: Played) -> None:
        step = played.step if played.step.inner is None else played.step.inner
        expected: type[LoyaltyError] | None = None
        if step.verb is Verb.BAD_CALL:
            expected, _ = BAD_CALLS[step.earlier % len(BAD_CALLS)]
        elif step.verb in {Verb.PAY, Verb.PLACE_HOLD, Verb.ADJUST_HOLD, Verb.TRANSFER, Verb.MERGE}:
            expected = InvalidRequest
        elif step.verb is Verb.GRANT:
            expected = InvalidTime
        assert expected is (None if played.error is None else type(played.error))

    def _books(self) -> Books:
        first, *others = [books_of(storage) for storage in self.shop.storages]
        for other in others:
            assert first == other, "the storages hold different books"
        return first

    def _require_clean_audit(self) -> None:
        for loyalty in self.shop.loyalties:
            report = loyalty.ask(Audit())
            assert () == report.findings
            assert len(self.books.accounts) == report.accounts


def _plan_of(command: PlaceHold | PayWithBalances) -> PlanPayment:
    return PlanPayment(
        amount_due=command.amount_due,
        codes=command.codes,
        gift_card_ids=command.gift_card_ids,
        tenders=command.tenders,
        customer_id=command.customer_id,
        use_store_credit=command.use_store_credit,
        store_credit_at_most=command.store_credit_at_most,
        store_credit_priority=command.store_credit_priority,
        lines=command.lines,
        order_id=command.order_id,
    )


def _require_planned(plan: PaymentPlan, played: Played) -> None:
    """Check that a payment or hold came to exactly what was planned just before."""
    if plan.refused:
        first = plan.refused[0]
        assert played.error is not None
        assert (first.code, first.reason) == (played.error.code, getattr(played.error, "reason", None))
        return
    assert isinstance(played.result, HoldView | Payment), played.error
    parts = [(part.account_id, part.gift_card_id, part.amount) for part in played.result.parts]
    assert [(part.account_id, part.gift_card_id, part.amount) for part in plan.parts] == parts
    assert (plan.covered, plan.remaining_due) == (played.result.amount, played.result.remaining_due)


def _require_refused(refusal: Refusal, error: LoyaltyError | None) -> None:
    assert refusal.kind is type(error), f"expected {refusal}, got {error!r}"
    for name, expected in refusal.facts.items():
        said = getattr(error, name)
        assert expected == (said if isinstance(said, str) else minor(said))


def _without_new_ids(facts: object) -> object:
    """Leave out ids that the oracle could not know before it was told."""
    if isinstance(facts, dict):
        return {name: _without_new_ids(value) for name, value in facts.items() if name != "account_id"}
    return [_without_new_ids(value) for value in facts] if isinstance(facts, list) else facts
