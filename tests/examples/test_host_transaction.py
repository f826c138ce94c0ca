"""The examples of a host's own transaction, on both databases, also where they fail."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from moneyed import Money
from sqlalchemy import Engine, create_engine, event

from loyalty import (
    AdjustHold,
    Audit,
    GetGiftCard,
    GetHold,
    HoldStatus,
    HoldView,
    IssuedGiftCard,
    IssueGiftCard,
    Loyalty,
    VoidHold,
)
from loyalty.errors import ConcurrentUpdate
from loyalty.testing import FakeClock, fake_code_keys

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NAMES = ("host_transaction_core", "host_transaction_orm")


def example(name: str) -> ModuleType:
    """Load an example as Python would run it, its `main` aside."""
    specification = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


@attrs.frozen
class Stand:
    """An example's shop with one lamp on the shelf and a card of 50.00, and everything its engine was told to do."""

    module: ModuleType
    shop: Any
    clock: FakeClock
    card: IssuedGiftCard
    said: list[str]

    def reserve(self, order_id: str = "1001") -> HoldView:
        """Reserve for a lamp, and forget what was said until then."""
        hold: HoldView = self.shop.reserve(order_id, Money("30.00", "USD"), self.card.code)
        self.said.clear()
        return hold

    def ends(self) -> list[str]:
        """Return how often the transaction was ended, and how."""
        return [said for said in self.said if said in {"commit", "rollback"}]

    def left(self) -> Money:
        """Return what is on the card."""
        return self.shop.loyalty.ask(GetGiftCard(id=self.card.gift_card.id)).posted  # type: ignore[no-any-return]  # the example is loaded by its path

    def status_of(self, hold: HoldView) -> HoldStatus:
        """Return where a hold stands."""
        return self.shop.loyalty.ask(GetHold(id=hold.id)).status  # type: ignore[no-any-return]  # as above

    def orders(self) -> list[tuple[str, str]]:
        """Return the host's orders."""
        return self.shop.orders()  # type: ignore[no-any-return]  # as above


def _engine(url: str) -> Engine:
    """Make an engine that is quick to say that a race is lost."""
    if url.startswith("sqlite"):
        return create_engine(url, connect_args={"timeout": 0.05})
    return create_engine(url, isolation_level="REPEATABLE READ")


def _listened_to(engine: Engine) -> list[str]:
    """Return a list that grows with every statement and every end of a transaction on the engine."""
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    event.listen(engine, "commit", lambda _: said.append("commit"))
    event.listen(engine, "rollback", lambda _: said.append("rollback"))
    return said


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Give an empty database of each kind."""
    wanted = "sqlite_url" if request.param == "sqlite" else "postgresql_database"
    return str(request.getfixturevalue(wanted))


@pytest.fixture(params=NAMES)
def stand(request: pytest.FixtureRequest, url: str) -> Iterator[Stand]:
    """Give the shop of each example on each database."""
    module, engine, clock = example(request.param), _engine(url), FakeClock()
    shop = module.Shop(engine, fake_code_keys())
    shop.loyalty = Loyalty(shop.storage, code_keys=fake_code_keys(), clock=clock)
    shop.add_stock("lamp", 1)
    card = shop.loyalty.execute(IssueGiftCard(value=Money("50.00", "USD"), idempotency_key="card"))
    yield Stand(module, shop, clock, card, _listened_to(engine))
    assert () == shop.loyalty.ask(Audit()).findings
    engine.dispose()


@pytest.mark.parametrize("name", NAMES)
def test_example_runs_as_it_is(name: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The last piece is sold once, and paid once."""
    example(name).main(url)

    lines = capsys.readouterr().out.splitlines()
    assert "Held for 1001: 30.00; for 1002: 20.00" == lines[0]
    assert "1002 is out of stock: neither the order nor its payment is there" == lines[1]
    assert "Orders: [('1001', 'paid')]" == lines[2]


def test_order_and_capture_commit_together(stand: Stand) -> None:
    """The host's one commit keeps the order and takes the value; the library ends no transaction."""
    hold = stand.reserve()

    status = stand.shop.complete("1001", hold, "lamp")

    assert ("paid", ["commit"]) == (status, stand.ends())
    assert [("1001", "paid")] == stand.orders()
    assert (Money("20.00", "USD"), HoldStatus.CAPTURED) == (stand.left(), stand.status_of(hold))


def test_host_that_fails_after_our_capture_takes_it_back(stand: Stand) -> None:
    """Nothing is taken, the hold is still open, and the same key captures it in a later transaction."""
    hold = stand.reserve()
    stand.shop.add_stock("lamp", 0)
    stand.said.clear()

    with pytest.raises(stand.module.OutOfStock):
        stand.shop.complete("1001", hold, "lamp")

    assert ["rollback"] == stand.ends()
    assert any("loyalty_hold" in said and said.startswith(("UPDATE", "WITH")) for said in stand.said)
    assert [] == stand.orders()
    assert (Money("50.00", "USD"), HoldStatus.OPEN) == (stand.left(), stand.status_of(hold))
    stand.shop.add_stock("lamp", 1)
    assert "paid" == stand.shop.complete("1001", hold, "lamp")
    assert Money("20.00", "USD") == stand.left()


@pytest.mark.parametrize("why", ["lapsed", "voided"])
def test_host_goes_on_after_our_refusal(stand: Stand, why: str) -> None:
    """A hold that is closed refuses the capture; the host's transaction is whole, and commits its order."""
    hold = stand.reserve()
    if why == "voided":
        stand.shop.loyalty.execute(VoidHold(hold_id=hold.id, idempotency_key="void"))
    else:
        stand.clock.advance(timedelta(minutes=15))
    stand.said.clear()

    status = stand.shop.complete("1001", hold, "lamp")

    assert ("unpaid", ["commit"]) == (status, stand.ends())
    assert [("1001", "unpaid")] == stand.orders()
    assert (Money("50.00", "USD"), HoldStatus(why)) == (stand.left(), stand.status_of(hold))


def test_lost_race_reaches_the_host_and_is_not_tried_again(stand: Stand, url: str) -> None:
    """The host hears of it once, rolls back as it likes, and succeeds when it begins anew."""
    hold = stand.reserve()
    end = _interfere(stand, hold, url)

    with pytest.raises(ConcurrentUpdate):
        stand.shop.complete("1001", hold, "lamp")
    end()

    tries = [said for said in stand.said if said.startswith("BEGIN IMMEDIATE") or "FOR NO KEY UPDATE" in said]
    assert (1, ["rollback"]) == (len(tries), stand.ends())
    assert [] == stand.orders()
    assert (Money("50.00", "USD"), HoldStatus.OPEN) == (stand.left(), stand.status_of(hold))
    assert "paid" == stand.shop.complete("1001", hold, "lamp")


def _interfere(stand: Stand, hold: HoldView, url: str) -> Callable[[], None]:
    """
    Let somebody else win the race once the host has looked for the order; return how to end that.

    On SQLite somebody takes the write lock; on PostgreSQL somebody changes what the host's snapshot has seen.
    """
    engine = stand.shop.engine
    ends: list[Callable[[], None]] = []

    def win(*told: Any) -> None:  # whatever the event brings
        assert "orders" in told[2]
        ends.append(_lock_file(url) if url.startswith("sqlite") else _adjust_elsewhere(stand, hold, url))

    event.listen(engine, "after_cursor_execute", win, once=True)

    def end() -> None:
        ends.pop()()

    return end


def _lock_file(url: str) -> Callable[[], None]:
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other.close


def _adjust_elsewhere(stand: Stand, hold: HoldView, url: str) -> Callable[[], None]:
    other = create_engine(url)
    elsewhere = stand.shop.loyalty.using(type(stand.shop.storage)(other))
    adjust = AdjustHold(hold_id=hold.id, lapses_after=timedelta(minutes=30), idempotency_key="adjust")
    elsewhere.execute(adjust)
    return other.dispose
