"""A shop moves to another database, as the guide to many shops says, with everything that keeps its money safe."""

from __future__ import annotations

import subprocess

import attrs
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from loyalty import Audit, GetBalance, Liability, Loyalty, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from tests.bad_input.scene import Scene
from tests.servers.postgresql import fresh_database, program
from tests.use_cases.shop import KEYS, TurnableClock, usd


def copy(given: list[str], source: str, goal: str) -> None:
    """Run ``pg_dump … | psql …``."""
    plain = [make_url(url).set(drivername="postgresql").render_as_string(hide_password=False) for url in (source, goal)]
    dumped = subprocess.run([str(program("pg_dump")), *given, plain[0]], check=True, capture_output=True)
    into = [str(program("psql")), "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", plain[1]]
    subprocess.run(into, input=dumped.stdout, check=True, capture_output=True)


@pytest.mark.parametrize("by", ["schema", "prefix"])
def test_a_shop_moves_with_its_books(postgresql_database: str, postgresql_url: str, by: str) -> None:
    """Its balances, its keys, its numbers and its guard; the other shop of the database stays where it is."""
    place = {"schema": "shop_north"} if by == "schema" else {"prefix": "north_"}
    old = SqlAlchemyStorage(postgresql_database, prefix=place.get("prefix", "loyalty_"), schema=place.get("schema"))
    other = SqlAlchemyStorage(postgresql_database, prefix="south_")
    for storage in (old, other):
        storage.upgrade()
    scene = Scene(old)
    Scene(other)
    pay = RedeemGiftCard(code=scene.issued.code, amount=usd("3.00"), order_id="1002", idempotency_key="1002/pay")
    paid = scene.shop.loyalty.execute(pay)
    owed = scene.shop.loyalty.ask(Liability())

    with fresh_database(postgresql_url) as goal:
        new = SqlAlchemyStorage(goal, prefix=place.get("prefix", "loyalty_"), schema=place.get("schema"))
        if by == "schema":
            copy(["--schema=shop_north"], postgresql_database, goal)
        else:
            new.upgrade()
            copy(
                ["--data-only", "--table=north_*", "--exclude-table=north_version"],
                postgresql_database,
                goal,
            )
        require_the_same(new, scene, pay, paid, owed)
        new.dispose()
    for storage in (old, other):
        storage.dispose()


def require_the_same(storage: SqlAlchemyStorage, scene: Scene, pay: RedeemGiftCard, paid: object, owed: object) -> None:
    """Check that the shop goes on where it was."""
    storage.require_ready(durable=False)
    shop = Loyalty(storage, code_keys=KEYS, clock=TurnableClock(scene.shop.clock.now))
    assert shop.ask(Audit()).is_clean
    assert owed == shop.ask(Liability())
    assert paid == shop.execute(pay)
    before = shop.ask(GetBalance(code=scene.issued.code)).posted
    newest = newest_number(storage)
    again = attrs.evolve(pay, amount=usd("1.00"), order_id="1003", idempotency_key="1003/pay")
    shop.execute(again)
    assert newest < newest_number(storage)
    assert before - usd("1.00") == shop.ask(GetBalance(code=scene.issued.code)).posted
    transfer = storage.engine.dialect.identifier_preparer.format_table(storage._transactions.tables.transfer)
    with storage.engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(f"UPDATE {transfer} SET amount = amount + 1"))
    assert shop.ask(Audit()).is_clean


def newest_number(storage: SqlAlchemyStorage) -> int:
    """Return the number of the last receipt, by which events leave in their order."""
    with storage.engine.connect() as connection:
        return int(connection.execute(select(func.max(storage._transactions.tables.receipt.c.position))).scalar_one())
