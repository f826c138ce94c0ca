"""What a database still has of a person who was forgotten, and what else it lets anybody change: nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest
from sqlalchemy import inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from loyalty import (
    Audit,
    DebitStoreCredit,
    EraseCustomer,
    GrantStoreCredit,
    IssueGiftCard,
    LotOrigin,
    Loyalty,
    Reference,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.adapters.sqlalchemy.append_only import PERSONAL_TEXTS
from loyalty.gift_cards.gift import Gift, Recipient
from loyalty.ledger.transfer import ERASED, ERASED_METADATA
from loyalty.ports.changes import Changes
from tests.use_cases.shop import KEYS, usd

PERSON: Final = "customer-of-the-canary"
KNOWN_AS: Final = ("canary.person@example.com", 'Canary "The" Person')
SAID: Final[dict[str, Any]] = {
    "actor": PERSON,
    "reason": f"asked by {KNOWN_AS[0]}",
    "note": f"{KNOWN_AS[1]}\ncalled",
    "reference": Reference("customer", PERSON),
    "metadata": {"who": KNOWN_AS[1]},
}
TRACE: Final = "canary"
"""Is part of everything that names the person, in whatever way it is written."""

FIXED: Final = {"metadata": ERASED_METADATA.json}


DATABASES: Final = {"sqlite": "sqlite_url", "postgresql": "postgresql_database", "mariadb": "mariadb_database"}


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def storage(request: pytest.FixtureRequest) -> Iterator[SqlAlchemyStorage]:
    """Give an empty database of each kind."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgresql_database", "mariadb": "mariadb_database"}[
        request.param
    ]
    made = SqlAlchemyStorage(request.getfixturevalue(fixture))
    made.upgrade()
    yield made
    made.dispose()


@pytest.fixture
def loyalty(storage: SqlAlchemyStorage) -> Loyalty:
    """Give the library on it, after the person had a card and store credit, and talked about both."""
    made = Loyalty(storage, code_keys=KEYS)
    issued = made.execute(
        IssueGiftCard(
            value=usd("5.00"),
            customer_id=PERSON,
            recipient=f"{KNOWN_AS[1]} <{KNOWN_AS[0]}>",
            tags=(KNOWN_AS[1],),
            idempotency_key="issue",
            **SAID,
        )
    )
    grant: dict[str, Any] = {"customer_id": PERSON, "amount": usd("5.00"), "origin": LotOrigin.GOODWILL}
    made.execute(GrantStoreCredit(idempotency_key="grant", **grant, **SAID))
    paid = DebitStoreCredit(customer_id=PERSON, amount=usd("1.00"), order_id="1", idempotency_key="pay", **SAID)
    made.execute(paid)
    recipient = Recipient(address=KNOWN_AS[0], name=KNOWN_AS[1], message=f"dear {KNOWN_AS[1]}", sender=KNOWN_AS[1])
    gift = Gift.to(recipient, issued.gift_card.id, issued.gift_card.issued_at)
    storage.run(lambda uow: uow.write(Changes(new_gifts=(gift,))))
    return made


def dump(storage: SqlAlchemyStorage) -> str:
    """Return every value of every row of every table, as text."""
    if storage.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(make_url(str(storage.engine.url)).database))) as file:
            return "\n".join(file.iterdump()).lower()
    with storage.engine.connect() as connection:
        tables = inspect(storage.engine).get_table_names()
        rows = [connection.exec_driver_sql(f"SELECT * FROM {name}").fetchall() for name in tables]
    return repr(rows).lower()


def count(storage: SqlAlchemyStorage, condition: str) -> int:
    """Return how many transfers are so."""
    with storage.engine.connect() as connection:
        counted = connection.exec_driver_sql(f"SELECT count(*) FROM loyalty_transfer WHERE {condition}")
        return int(counted.scalar_one())


def refused(storage: SqlAlchemyStorage, statement: str) -> bool:
    """Tell whether the database itself refuses a change because transfers are append-only."""
    try:
        with storage.engine.begin() as connection:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        return "append-only" in str(error.orig)
    return False


def test_a_dump_of_the_database_has_the_person_nowhere(storage: SqlAlchemyStorage, loyalty: Loyalty) -> None:
    """In no column of no table, before it was in many; and the audit is clean."""
    assert dump(storage).count(TRACE) > 20
    loyalty.execute(EraseCustomer(customer_id=PERSON, known_as=KNOWN_AS, actor=PERSON))

    assert TRACE not in dump(storage)
    assert loyalty.ask(Audit()).is_clean


@pytest.mark.parametrize("is_erased", [False, True])
def test_nothing_else_about_a_transfer_can_be_changed(
    storage: SqlAlchemyStorage, loyalty: Loyalty, is_erased: bool
) -> None:
    """Not one column, by whatever program: not by another value, nor by none, and no row can be deleted."""
    if is_erased:
        loyalty.execute(EraseCustomer(customer_id=PERSON, known_as=KNOWN_AS))
    before = dump(storage)
    for column in inspect(storage.engine).get_columns("loyalty_transfer"):
        if column.get("computed"):  # what the database fills by itself, nobody sets
            continue
        name, is_number = column["name"], column["type"].python_type is int
        other = "77" if is_number else "'another'"
        assert refused(storage, f"UPDATE loyalty_transfer SET {name} = {other}"), name
        if count(storage, f"{name} IS NOT NULL"):
            assert refused(storage, f"UPDATE loyalty_transfer SET {name} = NULL WHERE {name} IS NOT NULL"), name
    assert refused(storage, "UPDATE loyalty_transfer SET amount = amount + 1, note = 'erased'")
    assert refused(storage, "DELETE FROM loyalty_transfer")

    assert before == dump(storage)


def test_only_the_fixed_words_may_stand_where_a_text_was(storage: SqlAlchemyStorage, loyalty: Loyalty) -> None:
    """For each of these columns its own word and no other, and not where no text was."""
    loyalty.execute(
        GrantStoreCredit(customer_id="bob", amount=usd("1"), origin=LotOrigin.REFUND, idempotency_key="silent")
    )
    for name in PERSONAL_TEXTS:
        word = FIXED.get(name, ERASED)
        others = {ERASED, ERASED_METADATA.json, word.upper(), f"{word} ", ""} - {word}
        for other in others:
            assert refused(storage, f"UPDATE loyalty_transfer SET {name} = '{other}' WHERE {name} IS NOT NULL")
        assert refused(storage, f"UPDATE loyalty_transfer SET {name} = '{word}' WHERE {name} IS NULL")
        assert not refused(storage, f"UPDATE loyalty_transfer SET {name} = '{word}' WHERE {name} IS NOT NULL")

    assert loyalty.ask(Audit()).is_clean


def test_a_table_of_transfers_cannot_be_emptied(postgresql_database: str) -> None:
    """Where a database has a way around single rows, that is shut, too."""
    storage = SqlAlchemyStorage(postgresql_database)
    storage.upgrade()

    assert refused(storage, "TRUNCATE loyalty_transfer")
    storage.dispose()


def test_upgrading_again_changes_nothing_about_it(storage: SqlAlchemyStorage, loyalty: Loyalty) -> None:
    """The guard stands as often as one likes to upgrade."""
    storage.upgrade()
    storage.upgrade()

    assert refused(storage, "UPDATE loyalty_transfer SET amount = 1")
    loyalty.execute(EraseCustomer(customer_id=PERSON, known_as=KNOWN_AS))
    assert TRACE not in dump(storage)
