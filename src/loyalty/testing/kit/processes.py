"""Several processes on the same books: they race, and one is killed in the middle of its work."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from contextlib import suppress
from functools import cache
from itertools import count
from multiprocessing.connection import Connection
from typing import Final

from loyalty.errors import InsufficientBalance
from loyalty.facade import Loyalty
from loyalty.testing.books import receipt_of
from loyalty.testing.capabilities import needs
from loyalty.testing.fakes import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.case import START, KitCase, Opener, Stand
from loyalty.testing.kit.racers import Racers
from loyalty.testing.kit.races import kinds
from loyalty.testing.programs import money
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard

__all__ = ["ProcessTests"]

PROCESSES: Final = 4
ROUNDS: Final = 5
ANSWERS: Final = 3


class ProcessTests(KitCase):
    """Nothing but the storage coordinates them."""

    @needs("processes")
    def test_processes_spend_each_unit_once(self, stand: Stand) -> None:
        """In each of several rounds all but one get what is on the card, and that one is told that it is short."""
        cards = [stand.card(PROCESSES - 1) for _ in range(ROUNDS)]
        outcomes = Counter[str]()
        for card in cards:
            racing = [_redeem(card.code, 1, f"{card.gift_card.id}/{number}") for number in range(PROCESSES)]
            outcomes += kinds(_racers().race(self.opener(stand.storage), [stand.clock()] * PROCESSES, racing))

        assert {"done": ROUNDS * (PROCESSES - 1), InsufficientBalance.__name__: ROUNDS} == outcomes
        assert [money(0)] * ROUNDS == [stand.left_on(card) for card in cards]
        stand.require_sound()

    @needs("processes")
    def test_processes_with_one_key_have_one_effect(self, stand: Stand) -> None:
        """And one answer, which this process is given too."""
        card = stand.card(ROUNDS)
        for number in range(ROUNDS):
            command = _redeem(card.code, 1, f"round {number}")
            times = [stand.clock()] * PROCESSES
            outcomes = _racers().race(self.opener(stand.storage), times, [command] * PROCESSES)

            assert [(stand.execute(command), None)] * PROCESSES == outcomes
            assert money(ROUNDS - number - 1) == stand.left_on(card)
        stand.require_sound()

    @needs("processes")
    def test_a_process_that_is_killed_leaves_whole_commands(self, stand: Stand) -> None:
        """What it was answered is there, the books are sound, and what it was about is done once by a retry."""
        card = stand.card(1000)
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=_spend, args=(self.opener(stand.storage), card.code, theirs), daemon=True
        )
        process.start()
        theirs.close()
        for _ in range(ANSWERS):
            ours.recv()
        process.kill()
        process.join()
        told = ANSWERS + _rest_of(ours)

        stand.require_sound()
        done = 1000 - stand.left_on(card).get_amount_in_sub_unit()
        assert done in {told, told + 1}
        assert all(receipt_of(stand.storage, f"unit {number}") is not None for number in range(done))
        for number in range(done + 1):
            stand.execute(_redeem(card.code, 1, f"unit {number}"))
        assert money(1000 - done - 1) == stand.left_on(card)
        stand.require_sound()


@cache
def _racers() -> Racers:
    """Return processes that stay until this one ends: to start them takes longer than every race."""
    return Racers(PROCESSES)


def _spend(opener: Opener, code: str, end: Connection) -> None:
    """Spend unit after unit, and tell of each, until somebody ends this process."""
    with opener() as storage:
        loyalty = Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(START), new_id=CountingIds("killed-"))
        for number in count():
            loyalty.execute(_redeem(code, 1, f"unit {number}"))
            end.send(number)


def _rest_of(end: Connection) -> int:
    """Return how many answers nobody has read yet."""
    answers = 0
    with suppress(EOFError, OSError):
        while True:
            end.recv()
            answers += 1
    return answers


def _redeem(code: str, amount: int, key: str) -> RedeemGiftCard:
    return RedeemGiftCard(code=code, amount=money(amount), order_id="order", idempotency_key=key)
