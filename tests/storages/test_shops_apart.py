"""
Two shops in one database, by a prefix or by a schema: no statement of one touches a row of the other.

It is not read off the texts of statements but refused by the database: on PostgreSQL each shop connects as a role that
owns its own tables and has no right on any other; on SQLite every access of a statement is asked for, and those to
other tables than the shop's are denied. Both shops have the same customers, orders, keys, codes and ids of everything.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from loyalty import Audit, CodeKeys, GetBalance, Loyalty, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import GiftCardNotFound, StorageUnavailable
from loyalty.testing import FakeSink
from tests.bad_input.scene import Scene, requests
from tests.servers.postgresql import fresh_role
from tests.use_cases.shop import KEYS, usd

GUIDE: Final = Path(__file__).parents[2] / "docs" / "guides" / "many-shops.md"
Rows = dict[str, list[str]]

CATALOGUE: Final = frozenset(
    {"sqlite_master", "sqlite_schema", "sqlite_temp_master", "json_each", "pragma_database_list"}
)
"""What belongs to no shop."""

ABOUT_A_TABLE: Final = {
    getattr(sqlite3, f"SQLITE_{name}"): place
    for name, place in {
        "READ": 0, "INSERT": 0, "UPDATE": 0, "DELETE": 0, "CREATE_TABLE": 0, "DROP_TABLE": 0, "CREATE_INDEX": 1,
        "DROP_INDEX": 1, "CREATE_TRIGGER": 1, "DROP_TRIGGER": 1, "ALTER_TABLE": 1,
    }.items()
}  # fmt: skip
"""The accesses that SQLite asks about, and which of the two names it tells is the table's."""


@attrs.frozen(kw_only=True)
class Pair:
    """Two shops with the same content, and a look at the rows of the second that no guard stands before."""

    first: SqlAlchemyStorage
    second: SqlAlchemyStorage
    another_url: str

    def rows(self) -> Rows:
        """Return every row of the second shop, as the database writes it."""
        engine = create_engine(self.another_url)
        tables = self.second._transactions.tables
        quoted = engine.dialect.identifier_preparer.format_table
        with engine.connect() as connection:
            found = {
                table.name: sorted(map(repr, connection.execute(text(f"SELECT * FROM {quoted(table)}"))))
                for table in tables.metadata.sorted_tables
            }
        engine.dispose()
        return found


@pytest.fixture(params=["prefix on SQLite", "prefix on PostgreSQL", "schema on PostgreSQL"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Give two shops that have no way to each other, in one database."""
    if request.param == "prefix on SQLite":
        with in_one_file(request.getfixturevalue("sqlite_url")) as pair:
            yield pair
    else:
        names = "prefix" if request.param.startswith("prefix") else "schema"
        with on_one_server(request.getfixturevalue("postgresql_database"), names) as pair:
            yield pair


@contextmanager
def in_one_file(url: str) -> Iterator[Pair]:
    """Give two shops in one SQLite file, each denied what is not its own."""
    shops = []
    for prefix in ("north_", "south_"):
        shops.append(SqlAlchemyStorage(url, prefix=prefix))
        event.listen(shops[-1].engine, "connect", denying_all_but(prefix))
        shops[-1].upgrade()
    yield Pair(first=shops[0], second=shops[1], another_url=url)
    for shop in shops:
        shop.dispose()


def denying_all_but(prefix: str) -> Any:
    """Return a listener that has SQLite deny every table without this prefix."""

    def decide(action: int, *names: str | None) -> int:
        place = ABOUT_A_TABLE.get(action)
        if place is None or str(names[place]).startswith(prefix) or names[place] in CATALOGUE:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    def listen(connection: sqlite3.Connection, _: object) -> None:
        connection.set_authorizer(decide)

    return listen


@contextmanager
def on_one_server(url: str, names: str) -> Iterator[Pair]:
    """Give two shops in one PostgreSQL database, each as a role that owns its tables and nothing else."""
    with fresh_role(url) as first, fresh_role(url) as second:
        owner = create_engine(url)
        shops = []
        for role, name in ((first, "north"), (second, "south")):
            user = make_url(role).username
            with owner.begin() as connection:
                if names == "prefix":
                    connection.execute(text(f"GRANT USAGE, CREATE ON SCHEMA public TO {user}"))
                    shops.append(SqlAlchemyStorage(role, prefix=f"{name}_"))
                else:
                    connection.execute(text(f"CREATE SCHEMA {name} AUTHORIZATION {user}"))
                    shops.append(SqlAlchemyStorage(role, schema=name))
            shops[-1].upgrade()
        owner.dispose()
        yield Pair(first=shops[0], second=shops[1], another_url=url)
        for shop in shops:
            shop.dispose()


def test_the_role_of_the_guide_is_all_that_a_shop_needs(postgresql_database: str) -> None:
    """It makes its tables itself, and works on them."""
    (statements,) = re.findall(r"^```sql\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    with fresh_role(postgresql_database) as url:
        name = str(make_url(url).username).replace("guarded", "guarded_shop")
        owner = create_engine(postgresql_database)
        with owner.begin() as connection:
            for statement in statements.replace("shop_north", name).splitlines():
                connection.execute(text(statement))
        role = make_url(url).set(username=name, password="from where you keep secrets")
        shop = SqlAlchemyStorage(role.render_as_string(hide_password=False), schema=name)
        shop.upgrade()
        shop.require_ready(durable=False)
        Scene(shop)
        assert Loyalty(shop, code_keys=KEYS).ask(Audit()).is_clean
        shop.dispose()
        with owner.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {name} CASCADE"))
            connection.execute(text(f"DROP ROLE {name}"))
        owner.dispose()


def test_the_guard_has_teeth(pair: Pair) -> None:
    """The first shop's connections cannot read or write a table of the second, whoever asks."""
    quoted = pair.first.engine.dialect.identifier_preparer.format_table
    table = quoted(pair.second._transactions.tables.account)
    for statement in (f"SELECT * FROM {table}", f"UPDATE {table} SET version = 1", f"DELETE FROM {table}"):
        with (
            pair.first.engine.connect() as connection,
            pytest.raises(DBAPIError, match=r"denied|prohibited|authorized"),
        ):
            connection.execute(text(statement))


def test_a_statement_that_strays_is_noticed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were one table of the other shop named by mistake, a command would fail."""
    Scene(pair.first)
    monkeypatch.setattr(pair.first._transactions, "statements", pair.second._transactions.statements)
    with pytest.raises(StorageUnavailable):
        Loyalty(pair.first, code_keys=KEYS).ask(Audit())


def test_no_statement_of_one_shop_touches_a_row_of_the_other(pair: Pair) -> None:
    """Whatever is commanded, asked, swept, delivered or upgraded; the other shop's rows stay as they are."""
    Scene(pair.second)
    before = pair.rows()
    assert 10 < len([name for name, rows in before.items() if rows])

    scene = Scene(pair.first)
    door = scene.shop.loyalty
    for name in requests():
        with pair.first.engine.connect() as connection:
            scene.shop.loyalty = door.using(pair.first.joining(connection))
            scene.send(name)
            connection.rollback()
    scene.shop.loyalty = door
    scene.send("EraseCustomer")
    sink = FakeSink()
    door.deliver_events(sink)
    assert sink.taken
    pair.first.upgrade()
    pair.first.require_ready(durable=False)
    assert () == pair.first.missing()
    assert door.ask(Audit()).is_clean
    assert before == pair.rows()


def test_the_same_names_in_two_shops_do_not_meet(pair: Pair) -> None:
    """The same customer, order, code and key: each shop answers by what happened there, and spends its own."""
    scenes = [Scene(storage) for storage in (pair.first, pair.second)]
    north, south = (scene.shop.loyalty for scene in scenes)
    code = scenes[0].issued.code
    assert scenes[1].issued.code == code
    before = pair.rows()
    pay = RedeemGiftCard(code=code, amount=usd("9.00"), order_id="1002", customer_id="ada", idempotency_key="1002/pay")
    left = south.ask(GetBalance(code=code)).posted

    paid = north.execute(pay)
    assert before == pair.rows()
    assert left == south.ask(GetBalance(code=code)).posted
    assert left - usd("9.00") == north.ask(GetBalance(code=code)).posted == paid.balance_after
    again = south.execute(attrs.evolve(pay, amount=usd("8.00")))
    assert left - usd("8.00") == again.balance_after == south.ask(GetBalance(code=code)).posted
    assert paid == north.execute(pay)


def test_with_a_secret_of_its_own_a_shop_does_not_know_the_codes_of_another(pair: Pair) -> None:
    """Not even where an id is the same; which is why each shop should have its own."""
    north, south = Scene(pair.first), Scene(pair.second)
    south.shop.loyalty = south.shop.with_keys(CodeKeys.from_secret("the secret of the shop in the south"))
    card = south.shop.issue("5.00")

    assert usd("5.00") == south.shop.loyalty.ask(GetBalance(code=card.code)).available
    with pytest.raises(GiftCardNotFound):
        north.shop.loyalty.ask(GetBalance(code=card.code))
    with pytest.raises(GiftCardNotFound):
        south.shop.loyalty.ask(GetBalance(code=north.paid.code))
