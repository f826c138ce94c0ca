"""The kit's races from separate processes, on real databases: nothing but the database coordinates them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import pytest

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.testing.kit.account_races import AccountRaceTests
from loyalty.testing.kit.card_races import CardRaceTests
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.hold_races import HoldRaceTests
from loyalty.testing.kit.racers import Racers
from loyalty.testing.kit.races import Outcome, RaceTests
from loyalty.testing.kit.sale_races import SaleRaceTests
from loyalty.testing.programs import AnyCommand
from tests.storages.databases import MariadbDatabases, PostgresqlDatabases, SqliteDatabases
from tests.storages.sql_kit import opened, url_of

PROCESSES: Final = 8


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    """Give processes that race, the same for all tests."""
    racers = Racers(PROCESSES)
    yield racers
    racers.stop()


class ProcessRaces(
    RaceTests,
    HoldRaceTests,
    AccountRaceTests,
    CardRaceTests,
    SaleRaceTests,
):
    """The races of threads, run by processes."""

    storage: SqlAlchemyStorage
    racers: Racers

    def make_storage(self) -> SqlAlchemyStorage:
        """Return the one on the test's own database."""
        return self.storage

    def race(
        self, stand: Stand, commands: Sequence[AnyCommand], times: Sequence[datetime] | None = None
    ) -> list[Outcome]:
        """Execute all commands at once, each at its time, in eight processes."""
        opener = partial(opened, url_of(self.storage))
        return self.racers.race(opener, times or [stand.clock()] * len(commands), commands)


class TestSqliteProcesses(ProcessRaces):
    """Processes on one SQLite file."""

    @pytest.fixture(autouse=True)
    def _database(self, sqlite_databases: SqliteDatabases, racers: Racers) -> Iterator[None]:
        self.racers = racers
        self.storage = sqlite_databases.make()
        yield
        sqlite_databases.drop(self.storage)


class TestPostgresqlProcesses(ProcessRaces):
    """Processes on one PostgreSQL database."""

    @pytest.fixture(autouse=True)
    def _database(self, postgresql_databases: PostgresqlDatabases, racers: Racers) -> Iterator[None]:
        self.racers = racers
        self.storage = postgresql_databases.make()
        yield
        postgresql_databases.drop(self.storage)


class TestMariadbProcesses(ProcessRaces):
    """Processes on one MariaDB database."""

    @pytest.fixture(autouse=True)
    def _database(self, mariadb_databases: MariadbDatabases, racers: Racers) -> Iterator[None]:
        self.racers = racers
        self.storage = mariadb_databases.make()
        yield
        mariadb_databases.drop(self.storage)
