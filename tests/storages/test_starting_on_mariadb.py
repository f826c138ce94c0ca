"""A MariaDB server that cannot be worked on is refused when a process starts, with a message that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url

from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from tests.servers import mariadb
from tests.storages.test_starting import problems, require_unreachable


@pytest.fixture
def url(mariadb_database: str) -> str:
    """Give the URL of a database with tables."""
    storage = SqlAlchemyStorage(mariadb_database)
    storage.upgrade()
    storage.dispose()
    return mariadb_database


@contextmanager
def a_user(server_url: str) -> Iterator[str]:
    """Make a user who may do nothing, and give its name."""
    name = "loyalty_guest"
    mariadb.execute(server_url, f"CREATE OR REPLACE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'hunter2'")
    try:
        yield name
    finally:
        mariadb.execute(server_url, f"DROP USER '{name}'@'127.0.0.1'")


@pytest.mark.parametrize(
    "given", [{"port": 1}, {"database": "no_such_database"}, {"username": "nobody", "password": "hunter2"}]
)
def test_a_wrong_url_is_told_with_what_to_check(mariadb_url: str, given: dict[str, Any]) -> None:
    """The password is not shown."""
    wrong = make_url(mariadb_url).set(**given).render_as_string(hide_password=False)
    require_unreachable(wrong, "check the host, the port, the name of the database")


def test_a_user_that_may_not_write_is_refused(url: str, mariadb_url: str) -> None:
    """Unless the process only asks; what is lacking is named."""
    schema = make_url(url).database
    with a_user(mariadb_url) as name:
        as_user = make_url(url).set(username=name, password="hunter2").render_as_string(hide_password=False)
        to = f"ON `{schema}`.* TO '{name}'@'127.0.0.1'"
        mariadb.execute(mariadb_url, f"GRANT SELECT {to}")
        assert () == problems(as_user, writes=False)
        (told,) = problems(as_user)
        assert "may not do all it must (loyalty_account: INSERT, loyalty_account: UPDATE, " in told
        mariadb.execute(mariadb_url, f"GRANT INSERT {to}")
        (told,) = problems(as_user)
        assert "INSERT" not in told
        mariadb.execute(mariadb_url, f"GRANT UPDATE {to}")
        assert () == problems(as_user)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("sql_mode = ''", "set sql_mode to STRICT_TRANS_TABLES"),
        ("tx_isolation = 'READ-UNCOMMITTED'", "set the isolation level to READ COMMITTED"),
        ("foreign_key_checks = OFF", "constraints are not checked; set foreign_key_checks = ON"),
        ("check_constraint_checks = OFF", "constraints are not checked; set check_constraint_checks = ON"),
        ("tx_read_only = ON", "nothing can be written here; connect to the primary"),
    ],
)
def test_a_session_of_a_host_that_would_lose_something_is_refused(url: str, setting: str, told: str) -> None:
    """Each setting by itself; a process that only asks does not care."""
    engine = create_engine(url, connect_args={"charset": "utf8mb4"})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        """Set what the host sets."""
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION {setting}")

    assert told in " ".join(problems(engine))
    assert () == problems(engine, writes=False)
    engine.dispose()


@pytest.mark.parametrize("level", ["AUTOCOMMIT"])
def test_an_engine_that_commits_every_statement_is_refused(url: str, level: str) -> None:
    """Money needs a transaction."""
    engine = create_engine(url, isolation_level=level)
    assert "commits every statement by itself" in problems(engine)[0]
    engine.dispose()


def test_a_table_without_transactions_is_refused(url: str) -> None:
    """By its name, with the statement that mends it."""
    mariadb.execute(url, "ALTER TABLE loyalty_batch ENGINE = Aria")
    (told,) = problems(url)
    assert "loyalty_batch is a table of Aria, without transactions: ALTER TABLE loyalty_batch ENGINE = InnoDB" in told
    mariadb.execute(url, "ALTER TABLE loyalty_batch ENGINE = InnoDB")
    assert () == problems(url)


def test_a_server_that_forgets_is_refused_unless_somebody_can_live_with_it(url: str) -> None:
    """The server of the tests is such a one."""
    told = problems(url, durable=True)
    assert all("a crash of the server takes commits back; set innodb_" in problem for problem in told)
    assert len(told) in {0, 1, 2}
    assert () == problems(url, durable=False)
