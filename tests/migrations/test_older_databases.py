"""Databases of older versions: brought up to date they keep all they hold, answer old keys, and take holds."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from json import loads
from pathlib import Path
from typing import Any, Final

import attrs
import psycopg
import pytest
from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from loyalty import (
    Audit,
    CaptureHold,
    CardsOfOrder,
    Delivered,
    EraseCustomer,
    GetBalance,
    GetGiftCard,
    GetHold,
    GetStoreCreditAccount,
    GiftCardSort,
    IssueGiftCard,
    LapseHolds,
    Liability,
    ListGiftCards,
    ListStoreCreditAccounts,
    ListTenders,
    Loyalty,
    Movements,
    OrdersOfCard,
    PayWithBalances,
    PlaceHold,
    PlanPayment,
    RedeemGiftCard,
    RefundRedemption,
    RetryDeadLetter,
    Statement,
    VoidHold,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.errors import EventNotFound, IdempotencyConflict
from loyalty.plain import encode
from loyalty.ports.storage import Reader
from loyalty.testing import Books, FakeSink, books_of
from tests.migrations.older_books import END, KEYS, play, usd
from tests.use_cases.checkout import line
from tests.use_cases.shop import DAY

DATA: Final = Path(__file__).parents[1] / "data"
COMMANDS: Final = 21
NEW_TABLES: Final = {"loyalty_hold", "loyalty_hold_tender"}

UPGRADE: Final = """
import sys
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
sys.stdin.readline()
storage = SqlAlchemyStorage(sys.argv[1])
storage.upgrade()
storage.dispose()
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a database as an older version left it."""
    text = (DATA / f"older_{request.param}.sql").read_text()
    if request.param == "sqlite":
        sqlite: str = request.getfixturevalue("sqlite_url")
        connection = sqlite3.connect(str(make_url(sqlite).database))
        connection.executescript(text)
        connection.close()
        return sqlite
    postgresql: str = request.getfixturevalue("postgresql_database")
    plain = make_url(postgresql).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as server:
        server.execute(text.encode())
    return postgresql


@pytest.fixture
def storage(url: str) -> Iterator[SqlAlchemyStorage]:
    """Give that database, brought up to date."""
    made = SqlAlchemyStorage(url)
    made.upgrade()
    yield made
    made.dispose()


@pytest.fixture
def loyalty(storage: SqlAlchemyStorage) -> Loyalty:
    """Give the library on it, some days later, under the same secret."""
    return Loyalty(storage, code_keys=KEYS, clock=lambda: END)


def played_again(storage: SqlAlchemyStorage) -> list[tuple[Any, Any]]:
    """Send every old command once more; return each with its answer."""
    return play(lambda clock: Loyalty(storage, code_keys=KEYS, clock=clock), sweeps=False)


def receipts(storage: SqlAlchemyStorage) -> dict[str | None, Any]:
    """Return what is kept under each key."""

    def everything(reader: Reader) -> list[Any]:
        return list(reader.receipts())

    return {receipt.idempotency_key: receipt for receipt in storage.read(everything)}


def require_all_of(then: object, now: object) -> None:
    """Check that an answer says what it said then; it may say more, which nobody knew of yet."""
    if isinstance(then, dict):
        assert isinstance(now, dict)
        for name, value in then.items():
            require_all_of(value, now[name])
    elif isinstance(then, list):
        assert isinstance(now, list)
        for one, other in zip(then, now, strict=True):
            require_all_of(one, other)
    else:
        assert then == now


def test_the_books_tie(loyalty: Loyalty, storage: SqlAlchemyStorage) -> None:
    """Nothing is lost and nothing is wrong: the audit is clean, over all that there was."""
    report = loyalty.ask(Audit())
    assert ((), 7, 24) == (report.findings, report.accounts, report.transfers)
    assert COMMANDS + 1 == len(receipts(storage))
    assert not any(receipt.decisions for receipt in receipts(storage).values())


def test_old_keys_replay_their_answers(storage: SqlAlchemyStorage) -> None:
    """Every command of the old version answers what it answered then, codes included, and nothing is changed."""
    before, kept = books_of(storage), receipts(storage)
    done = played_again(storage)
    assert COMMANDS == len(done)
    for command, answer in done:
        require_all_of(loads(kept[command.idempotency_key].result), encode(answer))
    assert before == books_of(storage)


def test_old_keys_with_other_content_are_a_conflict(loyalty: Loyalty, storage: SqlAlchemyStorage) -> None:
    """Also if what differs is a field that the old version did not have."""
    commands = {type(command): command for command, _ in played_again(storage)}
    before = books_of(storage)
    for kind, changed in (
        (IssueGiftCard, {"value": usd(51)}),
        (RedeemGiftCard, {"lines": (line("a", usd(30)),)}),
        (PayWithBalances, {"lines": (line("a", usd(1)),)}),
        (PayWithBalances, {"store_credit_priority": 1}),
        (PayWithBalances, {"store_credit_at_most": usd(1)}),
    ):
        with pytest.raises(IdempotencyConflict):
            loyalty.execute(attrs.evolve(commands[kind], **changed))
    assert before == books_of(storage)


def test_every_query_works(loyalty: Loyalty, storage: SqlAlchemyStorage) -> None:
    """Cards, credit, statements, orders and reports are answered from old rows."""
    answers = [answer for _, answer in played_again(storage)]
    plain, soon = answers[0], answers[1]
    card = loyalty.ask(GetGiftCard(id=plain.gift_card.id))
    assert (usd(50), usd(0), "in two\nlines") == (card.value, card.held, card.note)
    assert card.available == loyalty.ask(GetBalance(code=plain.code)).available
    assert usd(0) == loyalty.ask(GetGiftCard(id=soon.gift_card.id)).available
    credit = loyalty.ask(GetStoreCreditAccount(customer_id="ada", currency="USD"))
    assert credit.held == usd(0)
    entries = loyalty.ask(Statement(account_id=credit.id)).entries
    assert (entries[-1].balance_after, len(entries)) == (credit.posted, entries[-1].sequence)
    assert loyalty.ask(CardsOfOrder(order_id="1002")).spent
    assert loyalty.ask(OrdersOfCard(gift_card_id=plain.gift_card.id)).spent_on
    assert loyalty.ask(Liability()).total["USD"] == loyalty.ask(Liability(as_of=END)).total["USD"]
    assert {"USD", "KWD"} <= {movements.currency for movements in loyalty.ask(Movements())}
    tenders = loyalty.ask(ListTenders(customer_id="ada", currency="USD"))
    assert tenders.store_credit is not None
    assert credit.available == tenders.store_credit.available


def test_old_cards_and_accounts_are_in_the_lists(loyalty: Loyalty, storage: SqlAlchemyStorage) -> None:
    """In every order, with all that is on them, found by what was written on them, and summed as what is owed."""
    cards = {answer.gift_card.id for command, answer in played_again(storage) if isinstance(command, IssueGiftCard)}
    for sort in GiftCardSort:
        assert cards == {card.id for card in loyalty.stream(ListGiftCards(sort=sort, limit=2))}
    assert ["bob"] == [card.recipient for card in loyalty.stream(ListGiftCards(text="BOB"))]
    assert [("a", "b")] == [card.tags for card in loyalty.stream(ListGiftCards(tag="b"))]
    assert {"ada", "cy"} == {account.customer_id for account in loyalty.stream(ListStoreCreditAccounts())}
    of_cards = loyalty.ask(ListGiftCards(currency="USD", with_totals=True)).totals
    of_credit = loyalty.ask(ListStoreCreditAccounts(currency="USD", with_totals=True)).totals
    assert of_cards and of_credit  # noqa: PT018  # neither may be empty
    assert loyalty.ask(Liability()).total["USD"] == of_cards[0].posted + of_credit[0].posted


def test_old_value_can_be_planned_held_captured_and_voided(loyalty: Loyalty) -> None:
    """A card and an account from before there were holds take them like new ones."""
    storage = loyalty._storage
    assert isinstance(storage, SqlAlchemyStorage)
    plain = played_again(storage)[0][1]
    there = loyalty.ask(PlanPayment(amount_due=usd(999), codes=(plain.code,), customer_id="ada")).covered
    assert there > usd(2)
    held = loyalty.execute(
        PlaceHold(order_id="2001", amount_due=usd(999), codes=(plain.code,), customer_id="ada", idempotency_key="new-1")
    )
    assert (there, 2) == (held.amount, len(held.parts))
    assert usd(0) == loyalty.ask(PlanPayment(amount_due=usd(999), codes=(plain.code,), customer_id="ada")).covered
    capture = loyalty.execute(CaptureHold(hold_id=held.id, amount=usd(2), idempotency_key="new-2"))
    assert (usd(2), there - usd(2)) == (capture.amount, capture.released)
    again = loyalty.execute(PlaceHold(order_id="2002", amount_due=usd(1), codes=(plain.code,), idempotency_key="new-3"))
    loyalty.execute(VoidHold(hold_id=again.id, idempotency_key="new-4"))
    loyalty.execute(RefundRedemption(order_id="2001", amount=usd(1), idempotency_key="new-5"))
    later = Loyalty(storage, code_keys=KEYS, clock=lambda: END + DAY)
    assert 0 == later.execute(LapseHolds()).holds
    assert later.ask(GetHold(id=held.id)).captured == usd(2)
    assert () == later.ask(Audit()).findings


def test_upgrading_twice_changes_nothing(storage: SqlAlchemyStorage) -> None:
    """The second upgrade finds nothing to do, and the tables are those of a new database."""
    shape, before = _shape(storage), books_of(storage)
    storage.upgrade()
    assert (shape, before) == (_shape(storage), books_of(storage))
    tables = Tables.named().metadata.sorted_tables
    expected = {table.name: {column.name for column in table.columns} for table in tables}
    expected["loyalty_version"] = {"version_num"}
    assert expected | {"loyalty_version": {"version_num"}} == {
        name: set(columns) for name, (columns, _) in shape.items()
    }
    assert set(shape) >= NEW_TABLES
    indexes = {index.name for table in Tables.named().metadata.sorted_tables for index in table.indexes}
    assert indexes <= {name for _, names in shape.values() for name in names}


def test_what_an_upgrade_would_add_is_told_before_it(url: str) -> None:
    """An older database lacks tables and columns, by name; after the upgrade none, and asking changes nothing."""
    storage = SqlAlchemyStorage(url)
    before = _shape(storage)
    missing = storage.missing()
    assert set(missing) >= NEW_TABLES
    assert "loyalty_transfer.hold_id" in missing
    assert not {name for name in missing if name in before}
    assert before == _shape(storage)
    storage.upgrade()
    assert () == storage.missing()
    storage.dispose()


def _shape(storage: SqlAlchemyStorage) -> dict[str, tuple[list[str], list[str]]]:
    present = inspect(storage.engine)
    return {
        table: (
            [column["name"] for column in present.get_columns(table)],
            sorted([str(index["name"]) for index in present.get_indexes(table)]),
        )
        for table in present.get_table_names()
        if table.startswith("loyalty_")
    }


def test_several_processes_upgrade_at_once(url: str) -> None:
    """Machines that start together with the new version all come through, and nothing is lost or made twice."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert [(0, "")] * 3 == [(process.returncode, text) for process, text in zip(processes, said, strict=True)]
    storage = SqlAlchemyStorage(url)
    report = Loyalty(storage, code_keys=KEYS, clock=lambda: END).ask(Audit())
    assert ((), 24) == (report.findings, report.transfers)
    storage.dispose()


def test_an_older_version_may_go_on_writing(storage: SqlAlchemyStorage) -> None:
    """A row without the new columns, as the old version inserts it, is read like any other."""
    before: Books = books_of(storage)
    with storage.engine.begin() as connection:
        names = [column for column in _shape(storage)["loyalty_receipt"][0] if column != "decisions"]
        chosen = ", ".join("'another'" if name in {"id", "idempotency_key"} else name for name in names)
        first = "SELECT id FROM loyalty_receipt ORDER BY id LIMIT 1"
        insert = f"INSERT INTO loyalty_receipt ({', '.join(names)})"
        connection.exec_driver_sql(f"{insert} SELECT {chosen} FROM loyalty_receipt WHERE id = ({first})")
    assert "another" in receipts(storage)
    assert before != books_of(storage)


def test_a_person_of_old_books_is_forgotten(loyalty: Loyalty, storage: SqlAlchemyStorage) -> None:
    """The guard of transfers is of the new version: it lets a text go, and still refuses all else."""
    credit = books_of(storage).store_credit_accounts[0]
    erasure = loyalty.execute(EraseCustomer(customer_id=credit.customer_id, known_as=("old staff",)))
    assert {erasure.customer_id} & {one.customer_id for one in books_of(storage).store_credit_accounts}
    assert loyalty.ask(Audit()).is_clean
    for statement in ("UPDATE loyalty_transfer SET amount = 1", "DELETE FROM loyalty_transfer"):
        with pytest.raises(DBAPIError, match="append-only"), storage.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    note = "UPDATE loyalty_transfer SET note = 'erased' WHERE note IS NOT NULL"
    with storage.engine.begin() as connection:
        connection.exec_driver_sql(note)


def test_events_from_before_there_was_an_outbox_never_leave(loyalty: Loyalty, storage: SqlAlchemyStorage) -> None:
    """What happens from now on does, in its order; nobody is told of what happened years ago."""
    sink = FakeSink()
    assert Delivered() == loyalty.deliver_events(sink)
    old = next(iter(receipts(storage).values()))
    with pytest.raises(EventNotFound):
        loyalty.execute(RetryDeadLetter(event_id=old.id, idempotency_key="an old event"))

    card = loyalty.execute(IssueGiftCard(value=usd(5), idempotency_key="new 1"))
    loyalty.execute(RedeemGiftCard(code=card.code, amount=usd(1), order_id="new", idempotency_key="new 2"))
    assert Delivered(delivered=2) == loyalty.deliver_events(sink)
    assert ["GiftCardIssued", "GiftCardRedeemed"] == sink.names


def test_what_an_older_version_writes_beside_this_one_stays(loyalty: Loyalty, storage: SqlAlchemyStorage) -> None:
    """It knows nothing of the outbox, so its events do not leave; its receipts answer, and the books tie."""
    issue = IssueGiftCard(value=usd(5), idempotency_key="beside")
    loyalty.execute(issue)
    forgotten = "due_at = NULL, attempts = NULL, about = NULL, position = NULL"
    with storage.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE loyalty_receipt SET {forgotten} WHERE idempotency_key = 'beside'")
    assert Delivered() == loyalty.deliver_events(FakeSink())
    assert "5.00" == f"{loyalty.execute(issue).gift_card.value.amount}"
    assert loyalty.ask(Audit()).is_clean
