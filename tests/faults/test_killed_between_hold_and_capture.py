"""PAINS.md, pain 4: a process that dies between taking value and being paid keeps nothing; no hook has to give back."""

from __future__ import annotations

import itertools
import os
import signal
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, Final

from sqlalchemy import event

from loyalty import CaptureHold, GetHold, HoldStatus, IssuedGiftCard, LapseHolds, Loyalty, PlaceHold, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import HoldClosed
from loyalty.testing import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.kit.case import MICROSECOND, START, Stand
from loyalty.testing.programs import money
from tests.faults.processes import context, url_of

NEVER: Final = 0
"""Not at any statement."""


class Checkout:
    """A process that holds 60 for an order, says so, and captures when told to; it dies at one statement of that."""

    def __init__(self, stand: Stand, card: IssuedGiftCard, *, dies_at: int) -> None:
        """Start it and wait until it holds."""
        self._end, theirs = context().Pipe()
        given = (theirs, url_of(stand), card.code, dies_at)
        self.process = context().Process(target=_check_out, args=given, daemon=True)
        self.process.start()
        theirs.close()
        self.hold_id: str = self._end.recv()

    def capture(self) -> bool:
        """Tell it to capture; return whether it lived to say that it did."""
        self._end.send("paid elsewhere")
        self.process.join()
        return bool(self.process.exitcode == 0)


def _check_out(end: Connection, url: str, code: str, dies_at: int) -> None:
    storage = SqlAlchemyStorage(url)
    loyalty = Loyalty(storage, code_keys=fake_code_keys(), clock=FakeClock(START), new_id=CountingIds(f"{dies_at}-"))
    hold = loyalty.execute(
        PlaceHold(codes=(code,), order_id=f"{dies_at}", amount_due=money(60), idempotency_key=f"{dies_at}/hold")
    )
    statements = itertools.count(1)

    def die(*_: Any) -> None:
        if next(statements) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(storage.engine, "before_cursor_execute", die)
    event.listen(storage.engine, "commit", die)
    end.send(str(hold.id))
    end.recv()
    loyalty.execute(CaptureHold(hold_id=hold.id, idempotency_key=f"{dies_at}/capture"))


def test_pain_04_a_process_killed_between_hold_and_capture(stand: Stand) -> None:
    """What it held is nobody's until its time, and then available is the balance again, though nothing ever ran."""
    card = stand.card(100)
    checkout = Checkout(stand, card, dies_at=NEVER)
    checkout.process.kill()
    checkout.process.join()
    hold = stand.loyalty.ask(GetHold(id=checkout.hold_id))

    assert -signal.SIGKILL == checkout.process.exitcode
    assert (HoldStatus.OPEN, START + timedelta(minutes=15)) == (hold.status, hold.lapses_at)
    stand.clock.set(hold.lapses_at - MICROSECOND)
    assert money(40) == stand.available_on(card)
    stand.clock.set(hold.lapses_at)
    assert money(100) == stand.available_on(card) == stand.left_on(card)
    with stand.refuses(HoldClosed) as caught:
        stand.execute(CaptureHold(hold_id=hold.id, idempotency_key="0/capture"))
    assert "lapsed" == caught.value.status
    stand.execute(RedeemGiftCard(code=card.code, amount=money(100), order_id="next", idempotency_key="next"))
    assert 1 == stand.execute(LapseHolds()).holds
    stand.require_sound()


def test_pain_04_a_process_killed_while_it_captures(stand: Stand) -> None:
    """At whatever statement: nothing was captured; a retry has its effect once, or the value comes back by itself."""
    for number in itertools.count(1):
        card = stand.card(100)
        checkout = Checkout(stand, card, dies_at=number)
        if checkout.capture():
            assert money(40) == stand.left_on(card) == stand.available_on(card)
            assert 2 < number
            break
        assert -signal.SIGKILL == checkout.process.exitcode
        hold = stand.loyalty.ask(GetHold(id=checkout.hold_id))
        assert (HoldStatus.OPEN, money(100)) == (hold.status, stand.left_on(card))
        stand.require_sound()
        again = CaptureHold(hold_id=hold.id, idempotency_key=f"{number}/capture")
        if number % 2:
            assert money(60) == stand.execute(again).amount
        else:
            stand.clock.set(hold.lapses_at)
            assert money(100) == stand.available_on(card)
            stand.clock.set(START)
        stand.require_sound()
