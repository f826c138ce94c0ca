"""What only tasks can do to a storage: share one thread by the dozen, and be cancelled at any await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Final

import pytest

from loyalty.errors import InsufficientBalance, LoyaltyError
from loyalty.facade import AsyncLoyalty
from loyalty.ledger.lot import LotOrigin
from loyalty.ports.storage import AsyncStorage
from loyalty.reports.audit import Audit
from loyalty.testing.blocking import BlockingStorage
from loyalty.testing.fakes import fake_code_keys
from loyalty.testing.interruption import Moment, is_cancelled_at
from loyalty.testing.kit.async_case import AsyncKitCase
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.races import Outcome, kinds
from loyalty.testing.programs import AnyCommand, money
from loyalty.use_cases.capture_hold import CaptureHold
from loyalty.use_cases.command import Command
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.issue_gift_card_batch import IssueGiftCardBatch
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.place_hold import PlaceHold
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.refund_redemption import RefundRedemption

__all__ = ["TaskTests"]

TASKS: Final = 50

Make = Callable[[Stand, str], Command[Any]]


def _refunding(stand: Stand, name: str) -> Command[Any]:
    stand.execute(RedeemGiftCard(code=stand.card().code, amount=money(9), order_id=name, idempotency_key=f"pay {name}"))
    return RefundRedemption(order_id=name, amount=money(5), idempotency_key=name)


CANCELLED: Final[Mapping[str, Make]] = {
    "issue": lambda _, name: IssueGiftCard(value=money(100), idempotency_key=name),
    "redeem": lambda stand, name: _redeem(stand.card().code, 100, name),
    "convert": lambda stand, name: ConvertGiftCard(code=stand.card().code, customer_id=name, idempotency_key=name),
    "grant": lambda _, name: GrantStoreCredit(
        customer_id=name, amount=money(5), origin=LotOrigin.GOODWILL, idempotency_key=name
    ),
    "pay": lambda stand, name: PayWithBalances(
        codes=(stand.card(5).code, stand.card(5).code), amount_due=money(10), order_id=name, idempotency_key=name
    ),
    "hold": lambda stand, name: PlaceHold(
        codes=(stand.card(5).code, stand.card(5).code), amount_due=money(10), order_id=name, idempotency_key=name
    ),
    "refund": _refunding,
    "capture": lambda stand, name: CaptureHold(
        hold_id=stand.hold(9, stand.card(5), stand.card(5), order_id=name).id, idempotency_key=name
    ),
}
"""Commands that can be made again and again on one storage, each time under another name."""


class TaskTests(AsyncKitCase):
    """Commands awaited by many tasks, and by tasks that are cancelled."""

    @pytest.mark.parametrize("units", [1, 30])
    def test_fifty_tasks_spend_each_unit_once(self, stand: Stand, units: int) -> None:
        """As many as there are units on the one card win; everybody else is told that the balance is short."""
        card = stand.card(100 * units)
        outcomes = _at_once(stand, [_redeem(card.code, 100, f"task {number}") for number in range(TASKS)])

        assert {"done": units, InsufficientBalance.__name__: TASKS - units} == kinds(outcomes)
        assert money(0) == stand.left_on(card)
        stand.require_sound()
        self.require_at_rest(_lifted(stand).storage)

    def test_fifty_tasks_with_one_key_have_one_effect(self, stand: Stand) -> None:
        """And one answer."""
        card = stand.card(1000)
        outcomes = _at_once(stand, [_redeem(card.code, 100, "the one key")] * TASKS)

        assert {"done": TASKS} == kinds(outcomes)
        assert [outcomes[0]] * TASKS == outcomes
        assert money(900) == stand.left_on(card)
        stand.require_sound()
        self.require_at_rest(_lifted(stand).storage)

    @pytest.mark.parametrize("ticks", [1, 3, 10, 30])
    def test_every_other_of_fifty_tasks_is_cancelled(self, stand: Stand, ticks: int) -> None:
        """At work, or in a queue for a lock or a connection: when all are repeated, each has exactly one effect."""
        card = stand.card(100 * TASKS)
        commands = [_redeem(card.code, 100, f"task {number}") for number in range(TASKS)]
        lifted = _lifted(stand)
        door = _door(stand, lifted.storage)

        async def disturbed() -> None:
            tasks = [asyncio.create_task(door.execute(command)) for command in commands]
            for _ in range(ticks):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.wait(tasks)
            assert [None] * (TASKS // 2) == [task.exception() for task in tasks[1::2]]

        lifted.loop.call(disturbed())
        self.require_at_rest(lifted.storage)

        assert {"done": TASKS} == kinds(_at_once(stand, commands))
        assert money(0) == stand.left_on(card)
        stand.require_sound()

    @pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.value)
    @pytest.mark.parametrize("name", CANCELLED)
    def test_a_command_cancelled_at_any_await_is_whole(self, stand: Stand, name: str, moment: Moment) -> None:
        """The books are as before or as after, nothing is left open, and a retry gives exactly one effect."""
        lifted = _lifted(stand)
        for number in count(1):
            command = CANCELLED[name](stand, f"{name} {number}")
            before = stand.books()
            door = _door(stand, lifted.storage)
            is_cancelled = lifted.loop.call(is_cancelled_at(door.execute(command), number, moment))
            self.require_at_rest(lifted.storage)
            between = stand.books()
            result = stand.execute(command)
            after = stand.books()

            assert between in (before, after)
            assert len(before.receipts) + 1 == len(after.receipts)
            assert result == stand.execute(command)
            if not is_cancelled:
                assert between == after
                break
        stand.require_sound()
        assert number > 1

    @pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.value)
    def test_a_command_of_several_steps_cancelled_at_any_await_goes_on(self, stand: Stand, moment: Moment) -> None:
        """What is there are whole steps, nothing is left open, and a retry does the rest, each step once."""
        lifted, cards = _lifted(stand), 0
        for number in count(1):
            command = IssueGiftCardBatch(count=3, value=money(5), cards_per_step=1, idempotency_key=f"{number}")
            door = _door(stand, lifted.storage)
            is_cancelled = lifted.loop.call(is_cancelled_at(door.execute(command), number, moment))
            self.require_at_rest(lifted.storage)
            between = stand.books()
            assert len(between.receipts) == len(between.gift_cards)
            result = stand.execute(command)
            cards += 3
            assert cards == len(stand.books().gift_cards) == len(stand.books().receipts)
            assert result == lifted.loop.call(door.execute(command))
            if not is_cancelled:
                break
        stand.require_sound()
        assert number > 1

    @pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.value)
    def test_a_cancelled_query_leaves_nothing_open(self, stand: Stand, moment: Moment) -> None:
        """Whatever it was in the middle of, the next one is answered."""
        stand.card(100)
        lifted, books = _lifted(stand), stand.books()
        for number in count(1):
            door = _door(stand, lifted.storage)
            is_cancelled = lifted.loop.call(is_cancelled_at(door.ask(Audit()), number, moment))
            self.require_at_rest(lifted.storage)

            assert books == stand.books()
            if not is_cancelled:
                break
        stand.card(100)
        assert number > 1


def _lifted(stand: Stand) -> BlockingStorage:
    assert isinstance(stand.storage, BlockingStorage)
    return stand.storage


def _door(stand: Stand, storage: AsyncStorage) -> AsyncLoyalty:
    return AsyncLoyalty(
        storage,
        code_keys=fake_code_keys(),
        clock=stand.clock,
        new_id=stand.new_id,
        policies=stand.policies,
        code_format=stand.code_format,
    )


def _at_once(stand: Stand, commands: Sequence[AnyCommand]) -> list[Outcome]:
    """Execute each command in a task of its own; return what each came to, in the same order."""
    lifted = _lifted(stand)
    door = _door(stand, lifted.storage)

    async def outcome(command: AnyCommand) -> Outcome:
        try:
            return await door.execute(command), None
        except LoyaltyError as error:
            return None, error

    async def all_of_them() -> list[Outcome]:
        return await asyncio.gather(*(outcome(command) for command in commands))

    return lifted.loop.call(all_of_them())


def _redeem(code: str, amount: int, key: str) -> RedeemGiftCard:
    return RedeemGiftCard(code=code, amount=money(amount), order_id="order", idempotency_key=key)
