"""Inside the host's own transaction: all of it stays, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import attrs
import pytest
from moneyed import Money
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, create_engine, event, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from loyalty import (
    Audit,
    CodeKeys,
    GetGiftCard,
    GrantStoreCredit,
    IssuedGiftCard,
    IssueGiftCard,
    LotOrigin,
    Loyalty,
    MemoryStorage,
    PayWithBalances,
    RedeemGiftCard,
)
from loyalty.adapters.limits import LimitsAttemptLimiter
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import (
    GiftCardNotFound,
    InsufficientBalance,
    InvalidRequest,
    StorageUnavailable,
    TooManyAttempts,
)

PER_CALLER = 10
"""Wrong codes that one caller may try; each host here allows them within a day, which no test lasts."""

ORDERS = Table("orders", MetaData(), Column("id", String(36), primary_key=True))


@attrs.frozen
class Host:
    """A shop with tables of its own and an engine that it made as SQLAlchemy makes it by default."""

    engine: Engine
    storage: SqlAlchemyStorage
    loyalty: Loyalty
    card: IssuedGiftCard

    def joined(self, connection: Connection | Session) -> Loyalty:
        """Return the library inside the host's transaction."""
        return self.loyalty.using(self.storage.joining(connection))

    def orders(self) -> int:
        """Count the shop's orders."""
        with self.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(ORDERS)).scalar_one()

    def available(self) -> Money:
        """Return what is left on the card."""
        return self.loyalty.ask(GetGiftCard(id=self.card.gift_card.id)).available


@pytest.fixture(params=["sqlite_url", "postgresql_database", "mariadb_database"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Give a shop on a new database that holds one card of 50.00."""
    engine = create_engine(request.getfixturevalue(request.param))
    storage = SqlAlchemyStorage(engine)
    storage.upgrade()
    ORDERS.create(engine)
    limiter = LimitsAttemptLimiter(per_caller=f"{PER_CALLER}/day")
    loyalty = Loyalty(storage, code_keys=CodeKeys.generate(), attempt_limiter=limiter)
    card = loyalty.execute(IssueGiftCard(value=Money("50.00", "USD"), idempotency_key="card"))
    yield Host(engine, storage, loyalty, card)
    engine.dispose()


def redeem(host: Host, amount: str = "30.00", key: str = "pay") -> RedeemGiftCard:
    """Return a redemption of the host's card."""
    return RedeemGiftCard(code=host.card.code, amount=Money(amount, "USD"), order_id="1", idempotency_key=key)


Begin = Callable[[Host], AbstractContextManager[Any]]


def a_connection(host: Host) -> AbstractContextManager[Any]:
    """Begin a transaction of SQLAlchemy Core."""
    return host.engine.begin()


def a_session(host: Host) -> AbstractContextManager[Any]:
    """Begin a transaction of an ORM session."""
    return SessionScope(host.engine)


@pytest.mark.parametrize("begin", [a_connection, a_session])
def test_the_order_and_the_payment_commit_together(host: Host, begin: Begin) -> None:
    """What the host commits holds both its order and our redemption."""
    with begin(host) as connection:
        connection.execute(ORDERS.insert().values(id="1"))
        host.joined(connection).execute(redeem(host))

    assert (1, Money("20.00", "USD")) == (host.orders(), host.available())


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("begin", [a_connection, a_session])
def test_the_order_and_the_payment_roll_back_together(host: Host, begin: Begin, ours_first: bool) -> None:
    """If the host rolls back, neither stays, whichever wrote first."""

    def sell() -> None:
        with begin(host) as connection:
            if ours_first:
                host.joined(connection).execute(redeem(host))
            connection.execute(ORDERS.insert().values(id="1"))
            if not ours_first:
                host.joined(connection).execute(redeem(host))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sell()

    assert (0, Money("50.00", "USD")) == (host.orders(), host.available())
    assert () == host.loyalty.ask(Audit()).findings


def test_a_refusal_leaves_the_hosts_transaction_as_it_was(host: Host) -> None:
    """After a refusal the host goes on and commits its own work; nothing of ours is there."""
    with host.engine.begin() as connection:
        connection.execute(ORDERS.insert().values(id="1"))
        with pytest.raises(InsufficientBalance):
            host.joined(connection).execute(redeem(host, "50.01"))
        connection.execute(ORDERS.insert().values(id="2"))

    assert (2, Money("50.00", "USD")) == (host.orders(), host.available())


def test_wrong_codes_in_a_hosts_transaction_count_like_others(host: Host) -> None:
    """Guesses inside a host's transaction are throttled together with those outside, and leave it as it was."""
    another_shop = Loyalty(MemoryStorage(), code_keys=CodeKeys.generate())
    others = another_shop.execute(IssueGiftCard(value=Money("50.00", "USD"), idempotency_key="card"))
    unknown = attrs.evolve(redeem(host, key="guess"), code=others.code)
    with host.engine.begin() as connection:
        connection.execute(ORDERS.insert().values(id="1"))
        for _ in range(PER_CALLER):
            with pytest.raises(GiftCardNotFound):
                host.joined(connection).execute(unknown, caller="till-1")
        with pytest.raises(TooManyAttempts):
            host.joined(connection).execute(redeem(host), caller="till-1")
        host.joined(connection).execute(redeem(host), caller="till-2")
    with pytest.raises(TooManyAttempts):
        host.loyalty.execute(redeem(host, key="again"), caller="till-1")
    assert (1, Money("20.00", "USD")) == (host.orders(), host.available())


def test_commands_in_one_transaction_see_each_other(host: Host) -> None:
    """Two commands of one transaction build on each other, and a repeated one is answered again."""
    with host.engine.begin() as connection:
        loyalty = host.joined(connection)
        loyalty.execute(
            GrantStoreCredit(
                customer_id="ada", amount=Money("5.00", "USD"), origin=LotOrigin.GOODWILL, idempotency_key="grant"
            )
        )
        pay = PayWithBalances(
            order_id="1",
            amount_due=Money("60.00", "USD"),
            codes=(host.card.code,),
            customer_id="ada",
            idempotency_key="pay",
        )
        payment = loyalty.execute(pay)
        again = loyalty.execute(pay)
        seen = loyalty.ask(GetGiftCard(id=host.card.gift_card.id)).available

    assert payment == again
    assert (Money("55.00", "USD"), Money("0.00", "USD")) == (payment.amount, seen)
    assert () == host.loyalty.ask(Audit()).findings


def test_the_library_never_ends_the_hosts_transaction(host: Host) -> None:
    """Inside a host's transaction the library neither commits nor rolls it back."""
    ends: list[str] = []
    event.listen(host.engine, "commit", lambda _: ends.append("commit"))
    event.listen(host.engine, "rollback", lambda _: ends.append("rollback"))
    with host.engine.connect() as connection, connection.begin():
        host.joined(connection).execute(redeem(host))
        with pytest.raises(InsufficientBalance):
            host.joined(connection).execute(redeem(host, "40.00", "more"))
        assert [] == ends
        assert connection.in_transaction()


def test_a_failing_statement_of_ours_leaves_nothing_that_the_host_could_commit(host: Host) -> None:
    """Whichever of our statements fails, a host that goes on regardless commits nothing of ours."""
    failures = 0
    for number in range(1, 20):
        with host.engine.begin() as connection, failing(host.engine, number) as countdown:
            try:
                host.joined(connection).execute(redeem(host))
            except StorageUnavailable:
                failures += 1
            else:
                connection.rollback()
            countdown.clear()
        assert Money("50.00", "USD") == host.available()
        assert () == host.loyalty.ask(Audit()).findings

    assert failures >= 2


def test_a_connection_that_commits_every_statement_is_refused(host: Host) -> None:
    """Where there is no transaction to join, nothing is done."""
    with (
        host.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
        pytest.raises(InvalidRequest),
    ):
        host.joined(connection).execute(redeem(host))

    assert Money("50.00", "USD") == host.available()


@pytest.mark.parametrize("wrong", [None, "sqlite://", 1])
def test_only_connections_and_sessions_are_joined(host: Host, wrong: Any) -> None:  # wrong on purpose
    """Joining anything else is told at once."""
    with pytest.raises(InvalidRequest):
        host.joined(wrong).execute(redeem(host))


class SessionScope:
    """An ORM session in a transaction: committed at the end, rolled back on an error."""

    def __init__(self, engine: Engine) -> None:
        self._session = Session(engine)

    def __enter__(self) -> Session:
        """Begin."""
        self._session.begin()
        return self._session

    def __exit__(self, kind: object, *_: object) -> None:
        """End as a host does."""
        if kind is None:
            self._session.commit()
        else:
            self._session.rollback()
        self._session.close()


class failing:  # noqa: N801  # reads as a sentence where it is used
    """Let the n-th statement of ours fail as if the database refused it."""

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine, self._left = engine, [number]

    def __enter__(self) -> list[int]:
        """Begin to count."""
        event.listen(self._engine, "before_cursor_execute", self._count)
        return self._left

    def __exit__(self, *_: object) -> None:
        """Stop counting."""
        event.remove(self._engine, "before_cursor_execute", self._count)

    def _count(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not self._left or statement.startswith(("SAVEPOINT", "ROLLBACK", "RELEASE", "BEGIN")):
            return
        self._left[0] -= 1
        if self._left[0] == 0:
            raise OperationalError(statement, None, ConnectionError("the test says so"))
