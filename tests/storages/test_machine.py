"""
The state machine against its oracle: on memory alone, and on several storages that must agree.

The Hypothesis profile says how many programs are run; `LOYALTY_HYPOTHESIS_PROFILE=thorough` is for the night.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from loyalty import MemoryStorage
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.ports.storage import Storage
from loyalty.testing import LedgerMachine
from tests.storages.databases import Databases, MariadbDatabases, PostgresqlDatabases, SqliteDatabases


class DifferentialMachine(LedgerMachine):
    """Memory and databases, with equal answers and equal books after every command."""

    def __init__(self, *databases: Databases) -> None:
        """Take a fresh database of each kind."""
        self._databases = databases
        self._opened: list[tuple[Databases, SqlAlchemyStorage]] = []
        super().__init__()

    def make_storages(self) -> tuple[Storage, ...]:
        """Return memory and one storage per kind of database."""
        self._opened = [(databases, databases.make()) for databases in self._databases]
        return (MemoryStorage(), *(storage for _, storage in self._opened))

    def release_storages(self) -> None:
        """Close and drop the databases."""
        for databases, storage in self._opened:
            databases.drop(storage)


def machine_on(*databases: Databases) -> Any:
    """Return what makes a machine on fresh databases; Hypothesis calls it, though its types ask for a class."""
    return partial(DifferentialMachine, *databases)


def profile(*, programs: int, steps: int) -> settings:
    """Return the current profile with *programs* times its number of examples."""
    current = settings.get_profile(settings.get_current_profile_name())
    return settings(
        current,
        max_examples=programs * current.max_examples,
        stateful_step_count=steps,
        suppress_health_check=list(HealthCheck),
    )


def test_memory_does_what_the_oracle_says() -> None:
    """Any program of commands gives the answers and books of plain integers."""
    run_state_machine_as_test(LedgerMachine, settings=profile(programs=3, steps=50))


def test_all_storages_do_the_same(
    sqlite_databases: SqliteDatabases, postgresql_databases: PostgresqlDatabases, mariadb_databases: MariadbDatabases
) -> None:
    """Any program gives the same answers, errors and books in memory, in SQLite, in PostgreSQL and in MariaDB."""
    machine = machine_on(sqlite_databases, postgresql_databases, mariadb_databases)
    run_state_machine_as_test(machine, settings=profile(programs=1, steps=40))
