"""
Races on one storage: all start at one barrier, and only counts are asserted.

The racers are threads. A subclass that replaces :meth:`RaceTests.race` may race
the same scenarios from separate processes.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import attrs
import pytest

from loyalty.errors import (
    AlreadyClaimed,
    AlreadyReversed,
    InsufficientBalance,
    LoyaltyError,
    NotReversible,
    RefundTooLarge,
)
from loyalty.facade import Loyalty
from loyalty.ledger.lot import LotOrigin
from loyalty.money import ALL
from loyalty.testing.capabilities import needs
from loyalty.testing.fakes import FakeClock
from loyalty.testing.kit.case import KitCase, Stand
from loyalty.testing.programs import AnyCommand, answer, money
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.refund_as_gift_card import RefundAsGiftCard
from loyalty.use_cases.refund_order_to_store_credit import RefundOrderToStoreCredit
from loyalty.use_cases.refund_redemption import RefundRedemption
from loyalty.use_cases.reverse_transfer import ReverseTransfer

__all__ = ["Outcome", "RaceCase", "RaceTests", "kinds", "race"]

Outcome = tuple[object, LoyaltyError | None]


def race(doors: Sequence[Loyalty], commands: Sequence[AnyCommand]) -> list[Outcome]:
    """
    Execute each command in a thread of its own, all at once; return what each came to, in the same order.

    Each has its door, for racers may have different clocks.
    """
    barrier = threading.Barrier(len(commands))
    outcomes: list[Outcome | BaseException] = [AssertionError("a thread did not finish")] * len(commands)

    def run(place: int) -> None:
        try:
            barrier.wait()
            outcomes[place] = answer(doors[place], commands[place])
        except BaseException as error:  # noqa: BLE001 - handed to the test, which raises it
            outcomes[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(commands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [_outcome(one) for one in outcomes]


def _outcome(outcome: Outcome | BaseException) -> Outcome:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def kinds(outcomes: Sequence[Outcome]) -> Counter[str]:
    """Count what the racers came to."""
    return Counter("done" if error is None else type(error).__name__ for _, error in outcomes)


class RaceCase(KitCase):
    """The ground of all tests that race."""

    def race(
        self, stand: Stand, commands: Sequence[AnyCommand], times: Sequence[datetime] | None = None
    ) -> list[Outcome]:
        """Execute all commands at once, each at its time; return what each came to, in the same order."""
        doors = {time: attrs.evolve(stand, clock=FakeClock(time)).loyalty for time in {stand.clock(), *(times or ())}}
        return race([doors[time] for time in times or [stand.clock()] * len(commands)], commands)


class RaceTests(RaceCase):
    """Many at once."""

    @needs("threads")
    @pytest.mark.parametrize(("buyers", "units"), [(2, 1), (8, 3), (32, 10)])
    def test_the_last_dollar_is_spent_once(self, stand: Stand, buyers: int, units: int) -> None:
        """As many buyers as there are units win, everybody else is told that the balance is short."""
        card = stand.card(100 * units)
        outcomes = self.race(stand, [_redeem(card.code, 100, f"buyer {number}") for number in range(buyers)])

        assert {"done": units, InsufficientBalance.__name__: buyers - units} == kinds(outcomes)
        assert money(0) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("claimers", [2, 8, 32])
    def test_a_card_is_claimed_by_one_of_many(self, stand: Stand, claimers: int) -> None:
        """Everybody else is told that it is claimed, and it is the winner's."""
        card = stand.card()
        outcomes = self.race(
            stand,
            [
                ClaimGiftCard(code=card.code, customer_id=f"customer {number}", idempotency_key=f"claim {number}")
                for number in range(claimers)
            ],
        )
        winners = [number for number, (_, error) in enumerate(outcomes) if error is None]

        assert {"done": 1, AlreadyClaimed.__name__: claimers - 1} == kinds(outcomes)
        assert f"customer {winners[0]}" == stand.books().gift_cards[0].customer_id

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8, 32])
    def test_one_key_has_one_effect_and_one_answer(self, stand: Stand, callers: int) -> None:
        """However many send the same request at once."""
        card = stand.card(1000)
        outcomes = self.race(stand, [_redeem(card.code, 100, "the one key")] * callers)

        assert {"done": callers} == kinds(outcomes)
        assert [outcomes[0][0]] * callers == [result for result, _ in outcomes]
        assert money(900) == stand.left_on(card)
        assert 1 == sum(receipt.idempotency_key == "the one key" for receipt in stand.books().receipts)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("pairs", [1, 4, 16])
    def test_opposite_orders_of_tenders_do_not_deadlock(self, stand: Stand, pairs: int) -> None:
        """Two cards named in both orders, by many at once: all pay, and no unit is lost."""
        one, two = stand.card(100 * pairs), stand.card(100 * pairs)
        outcomes = self.race(
            stand,
            [
                PayWithBalances(
                    codes=codes, amount_due=money(100), order_id=f"{number}", idempotency_key=f"{number} {place}"
                )
                for number in range(pairs)
                for place, codes in enumerate([(one.code, two.code), (two.code, one.code)])
            ],
        )

        assert {"done": 2 * pairs} == kinds(outcomes)
        assert [money(0), money(0)] == [stand.left_on(one), stand.left_on(two)]
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("pairs", [1, 4, 16])
    def test_opposite_conversions_conserve_value(self, stand: Stand, pairs: int) -> None:
        """Two customers convert and pay with each other's kind of value at once: all is done, all is there."""
        cards = [stand.card(100) for _ in range(2 * pairs)]
        outcomes = self.race(
            stand,
            [
                ConvertGiftCard(code=card.code, customer_id=("ada", "bo")[place % 2], idempotency_key=f"{place}")
                for place, card in enumerate(cards)
            ],
        )

        assert {"done": 2 * pairs} == kinds(outcomes)
        assert [money(100 * pairs)] * 2 == [stand.credit_of("ada"), stand.credit_of("bo")]
        assert 2 == len(stand.books().store_credit_accounts)
        stand.require_sound()

    @needs("threads")
    def test_one_card_is_converted_by_one_of_many(self, stand: Stand) -> None:
        """To one of 32 customers, once, and nobody else has an account."""
        card = stand.card(100)
        outcomes = self.race(
            stand,
            [
                ConvertGiftCard(code=card.code, customer_id=f"customer {number}", idempotency_key=f"{number}")
                for number in range(32)
            ],
        )

        assert 1 == kinds(outcomes)["done"]
        assert {"USD": 100} == stand.books().owed()
        assert 1 == len(stand.books().store_credit_accounts)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("grants", [2, 8, 32])
    def test_first_grants_at_once_open_one_account(self, stand: Stand, grants: int) -> None:
        """And every one of them is on it."""
        outcomes = self.race(
            stand,
            [
                GrantStoreCredit(
                    customer_id="ada", amount=money(10), origin=LotOrigin.GOODWILL, idempotency_key=f"grant {number}"
                )
                for number in range(grants)
            ],
        )

        assert {"done": grants} == kinds(outcomes)
        assert money(10 * grants) == stand.credit_of("ada")
        assert 1 == len(stand.books().store_credit_accounts)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("amount", [ALL, money(100)])
    def test_a_full_refund_wins_once(self, stand: Stand, amount: object) -> None:
        """Of 16 at once, by order and by redemption, one gives back and 15 are too large."""
        card = stand.card(100)
        redemption = stand.execute(_redeem(card.code, 100, "redeem"))
        names = ({"order_id": "order"}, {"redemption_id": redemption.id})
        outcomes = self.race(
            stand,
            [
                RefundRedemption(amount=amount, idempotency_key=f"refund {number}", **names[number % 2])  # type: ignore[arg-type]  # the command checks itself
                for number in range(16)
            ],
        )

        assert {"done": 1, RefundTooLarge.__name__: 15} == kinds(outcomes)
        assert money(100) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    def test_one_of_many_reversals_wins(self, stand: Stand) -> None:
        """Of 16 of one redemption, one gives back and 15 come too late."""
        card = stand.card(100)
        redemption = stand.execute(_redeem(card.code, 100, "redeem"))
        outcomes = self.race(stand, [_reverse(redemption.id, f"reverse {number}") for number in range(16)])

        assert {"done": 1, AlreadyReversed.__name__: 15} == kinds(outcomes)
        assert money(100) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    def test_a_reversal_and_a_refund_of_one_redemption_exclude_each_other(self, stand: Stand) -> None:
        """Of eight of each, one of all gives back, and the others are told why not."""
        card = stand.card(100)
        redemption = stand.execute(_redeem(card.code, 100, "redeem"))
        outcomes = self.race(
            stand,
            [
                command
                for number in range(8)
                for command in (
                    _reverse(redemption.id, f"reverse {number}"),
                    RefundRedemption(redemption_id=redemption.id, amount=ALL, idempotency_key=f"refund {number}"),
                )
            ],
        )
        told = kinds(outcomes)

        assert 1 == told["done"]
        too_late = told[AlreadyReversed.__name__] + told[NotReversible.__name__] + told[RefundTooLarge.__name__]
        assert 15 == too_late
        assert money(100) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize(("refunds", "fit"), [(2, 1), (8, 3), (32, 10)])
    def test_refunds_of_an_order_stay_within_one_cap(self, stand: Stand, refunds: int, fit: int) -> None:
        """To as many accounts and cards as there are refunds: as many succeed as fit under the ceiling."""
        shared = {"order_id": "order", "amount": money(10), "refundable": money(10 * fit + 9)}
        outcomes = self.race(
            stand,
            [
                RefundAsGiftCard(idempotency_key=f"{number}", **shared)  # type: ignore[arg-type]  # the command checks itself
                if number % 2
                else RefundOrderToStoreCredit(customer_id=f"{number}", idempotency_key=f"{number}", **shared)  # type: ignore[arg-type]  # the command checks itself
                for number in range(refunds)
            ],
        )

        assert {"done": fit, RefundTooLarge.__name__: refunds - fit} == kinds(outcomes)
        assert {"USD": 10 * fit} == stand.books().owed()
        stand.require_sound()

    @needs("threads")
    def test_every_read_during_a_race_is_one_instant(self, stand: Stand) -> None:
        """While value moves from cards to credit, every reader sees all of it, never a part."""
        cards = [stand.card(100) for _ in range(16)]
        seen: list[dict[str, int]] = []
        done = threading.Event()

        def read() -> None:
            while True:
                last = done.is_set()
                seen.append(stand.books().owed())
                if last:
                    return

        reader = threading.Thread(target=read)
        reader.start()
        try:
            outcomes = self.race(
                stand,
                [
                    ConvertGiftCard(code=card.code, customer_id="ada", idempotency_key=f"{place}")
                    for place, card in enumerate(cards)
                ],
            )
        finally:
            done.set()
            reader.join()

        assert {"done": 16} == kinds(outcomes)
        assert [{"USD": 1600}] * len(seen) == seen


def _reverse(transfer_id: str, key: str) -> ReverseTransfer:
    return ReverseTransfer(transfer_id=transfer_id, actor="staff", reason="a mistake", idempotency_key=key)


def _redeem(code: str, amount: int, key: str) -> RedeemGiftCard:
    return RedeemGiftCard(code=code, amount=money(amount), order_id="order", idempotency_key=key)
