"""Inside an async host's own transaction: all of it stays, or nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import pytest
from moneyed import Money
from sqlalchemy import Column, MetaData, String, Table, event, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import QueuePool

from loyalty import AsyncLoyalty, Audit, CodeKeys, GetGiftCard, IssuedGiftCard, IssueGiftCard, RedeemGiftCard
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage
from loyalty.errors import ConcurrentUpdate, InsufficientBalance, InvalidRequest
from loyalty.ports.storage import UnitOfWork
from loyalty.testing import Moment, is_cancelled_at

ORDERS = Table("orders", MetaData(), Column("id", String(36), primary_key=True))


@attrs.frozen
class Host:
    """A shop with tables of its own and an engine that it made as SQLAlchemy makes it by default."""

    engine: AsyncEngine
    storage: AsyncSqlAlchemyStorage
    loyalty: AsyncLoyalty
    card: IssuedGiftCard

    def joined(self, connection: AsyncConnection | AsyncSession) -> AsyncLoyalty:
        """Return the library inside the host's transaction."""
        return self.loyalty.using(self.storage.joining(connection))

    def redeeming(self, amount: str = "30.00", key: str = "pay") -> RedeemGiftCard:
        """Return a redemption of the host's card."""
        return RedeemGiftCard(code=self.card.code, amount=Money(amount, "USD"), order_id="1", idempotency_key=key)

    async def state(self) -> tuple[int, Money]:
        """Return the number of the shop's orders, and what is left on the card; the books are clean."""
        assert isinstance(self.engine.pool, QueuePool)
        assert 0 == self.engine.pool.checkedout()
        async with self.engine.connect() as connection:
            orders = (await connection.execute(select(func.count()).select_from(ORDERS))).scalar_one()
        assert () == (await self.loyalty.ask(Audit())).findings
        return orders, (await self.loyalty.ask(GetGiftCard(id=self.card.gift_card.id))).available


Hosts = Callable[[], AbstractAsyncContextManager[Host]]


@pytest.fixture(params=["sqlite+aiosqlite", "postgresql+asyncpg", "mariadb+asyncmy"])
def open_host(request: pytest.FixtureRequest) -> Hosts:
    """Give what opens a shop on a new database that holds one card of 50.00."""
    name = request.param.partition("+")[0]
    url = request.getfixturevalue("sqlite_url" if name == "sqlite" else f"{name}_database")
    _, _, rest = url.partition("://")

    @asynccontextmanager
    async def opened() -> AsyncIterator[Host]:
        """Open it."""
        engine = create_async_engine(f"{request.param}://{rest}")
        storage = AsyncSqlAlchemyStorage(engine)
        await storage.upgrade()
        async with engine.begin() as connection:
            await connection.run_sync(ORDERS.create)
        loyalty = AsyncLoyalty(storage, code_keys=CodeKeys.generate())
        card = await loyalty.execute(IssueGiftCard(value=Money("50.00", "USD"), idempotency_key="card"))
        yield Host(engine, storage, loyalty, card)
        await engine.dispose()

    return opened


def in_a_connection(host: Host) -> AbstractAsyncContextManager[Any]:
    """Begin a transaction of SQLAlchemy Core."""
    return host.engine.begin()


@asynccontextmanager
async def in_a_session(host: Host) -> AsyncIterator[AsyncSession]:
    """Begin a transaction of an ORM session."""
    async with AsyncSession(host.engine) as session, session.begin():
        yield session


Begin = Callable[[Host], AbstractAsyncContextManager[Any]]


@pytest.mark.parametrize("begin", [in_a_connection, in_a_session])
def test_the_order_and_the_payment_commit_together(open_host: Hosts, begin: Begin) -> None:
    """What the host commits holds both its order and our redemption."""

    async def main() -> None:
        async with open_host() as host:
            async with begin(host) as connection:
                await connection.execute(ORDERS.insert().values(id="1"))
                redemption = await host.joined(connection).execute(host.redeeming())
                assert redemption == await host.joined(connection).execute(host.redeeming())

            assert (1, Money("20.00", "USD")) == await host.state()

    asyncio.run(main())


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("begin", [in_a_connection, in_a_session])
def test_the_order_and_the_payment_roll_back_together(open_host: Hosts, begin: Begin, ours_first: bool) -> None:
    """If the host rolls back, neither stays, whichever wrote first."""

    async def sell(host: Host) -> None:
        """Sell in one transaction, and fail."""
        async with begin(host) as connection:
            if ours_first:
                await host.joined(connection).execute(host.redeeming())
            await connection.execute(ORDERS.insert().values(id="1"))
            if not ours_first:
                await host.joined(connection).execute(host.redeeming())
            raise ZeroDivisionError

    async def main() -> None:
        async with open_host() as host:
            with pytest.raises(ZeroDivisionError):
                await sell(host)

            assert (0, Money("50.00", "USD")) == await host.state()

    asyncio.run(main())


def test_the_library_never_ends_the_hosts_transaction(open_host: Hosts) -> None:
    """It neither commits nor rolls it back, also where it refuses."""

    async def main() -> None:
        ends: list[str] = []
        async with open_host() as host:
            event.listen(host.engine.sync_engine, "commit", lambda _: ends.append("commit"))
            event.listen(host.engine.sync_engine, "rollback", lambda _: ends.append("rollback"))
            async with host.engine.connect() as connection, connection.begin():
                await host.joined(connection).execute(host.redeeming())
                with pytest.raises(InsufficientBalance):
                    await host.joined(connection).execute(host.redeeming("40.00", "more"))
                seen = await host.joined(connection).ask(GetGiftCard(id=host.card.gift_card.id))
                assert [] == ends
                assert Money("20.00", "USD") == seen.available
                assert connection.in_transaction()

    asyncio.run(main())


def test_a_lost_race_is_not_tried_again_inside_the_hosts_transaction(open_host: Hosts) -> None:
    """Only the host may repeat what else is in it; in a transaction of our own, the same work is repeated."""
    attempts: list[str] = []

    def lose(_: UnitOfWork) -> None:
        attempts.append("an attempt")
        raise ConcurrentUpdate

    async def main() -> None:
        async with open_host() as host:
            async with host.engine.begin() as connection:
                with pytest.raises(ConcurrentUpdate):
                    await host.storage.joining(connection).run(lose)
            assert 1 == len(attempts)
            with pytest.raises(ConcurrentUpdate):
                await AsyncSqlAlchemyStorage(host.engine, attempts=3).run(lose)
            assert 1 + 3 == len(attempts)

    asyncio.run(main())


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.value)
def test_a_host_cancelled_anywhere_keeps_both_or_neither(open_host: Hosts, moment: Moment) -> None:
    """Whichever await of its transaction is cancelled, ours or its own."""

    async def sell(host: Host, number: int) -> None:
        """Sell in one transaction."""
        async with host.engine.begin() as connection:
            await connection.execute(ORDERS.insert().values(id=str(number)))
            await host.joined(connection).execute(host.redeeming("0.01", f"pay {number}"))

    async def main() -> None:
        async with open_host() as host:
            for number in range(1, 200):
                is_cancelled = await is_cancelled_at(sell(host, number), number, moment)
                # SQLAlchemy leaves the cursor of the host's own cancelled statement to the garbage collector, and
                # SQLite keeps its lock as long.
                gc.collect()
                orders, left = await host.state()

                assert Money("50.00", "USD") == left + orders * Money("0.01", "USD")
                if not is_cancelled:
                    break
            assert 5 < number < 199

    asyncio.run(main())


def test_a_connection_that_commits_every_statement_is_refused(open_host: Hosts) -> None:
    """Where there is no transaction to join, nothing is done."""

    async def main() -> None:
        async with open_host() as host:
            async with host.engine.connect() as connection:
                automatic = await connection.execution_options(isolation_level="AUTOCOMMIT")
                with pytest.raises(InvalidRequest):
                    await host.joined(automatic).execute(host.redeeming())

            assert (0, Money("50.00", "USD")) == await host.state()

    asyncio.run(main())


@pytest.mark.parametrize("wrong", [None, "sqlite+aiosqlite://", 1])
def test_only_async_connections_and_sessions_are_joined(open_host: Hosts, wrong: Any) -> None:  # wrong on purpose
    """Joining anything else is told at once."""

    async def main() -> None:
        async with open_host() as host:
            with pytest.raises(InvalidRequest):
                await host.joined(wrong).execute(host.redeeming())
            with pytest.raises(InvalidRequest):
                await host.joined(host.engine.connect()).execute(host.redeeming())
            async with host.engine.connect() as connection:
                blocking: Any = connection.sync_connection
                with pytest.raises(InvalidRequest):
                    await host.joined(blocking).execute(host.redeeming())

    asyncio.run(main())
