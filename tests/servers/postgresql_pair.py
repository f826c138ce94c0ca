"""
A PostgreSQL primary with a synchronous standby: a commit is acknowledged when both have it on their disks.

Both are of the same programs as the other servers of tests, and wait for their disks as in production.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import psycopg
from sqlalchemy.engine import make_url

from tests.servers import postgresql

__all__ = ["Pair", "running_pair"]

PATIENCE = 20.0
"""For how many seconds a standby may catch up."""


@attrs.frozen
class Pair:
    """Two servers, of which one follows the other until it is promoted."""

    primary: Path
    standby: Path
    primary_url: str
    standby_url: str

    @property
    def url(self) -> str:
        """The URL that leads to whichever of the two takes changes."""
        places = [make_url(url) for url in (self.primary_url, self.standby_url)]
        hosts = tuple(f"{place.host}:{place.port}" for place in places)
        query = {"host": hosts, "target_session_attrs": "read-write", "connect_timeout": "2"}
        either = places[0].set(host=None, port=None, query=query)
        return either.render_as_string(hide_password=False)

    def kill_primary(self) -> None:
        """Kill the primary in the middle of whatever it does."""
        postgresql.kill(self.primary)

    def promote(self) -> None:
        """Let the standby take over."""
        postgresql.promote(self.standby)

    @contextmanager
    def standby_deaf(self) -> Iterator[None]:
        """Have the standby receive nothing, so that commits wait for it."""
        receiver = int(str(self.asked(self.standby_url, "SELECT pid FROM pg_stat_wal_receiver")))
        os.kill(receiver, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(receiver, signal.SIGCONT)

    def asked(self, url: str, statement: str) -> object:
        """Return what one of the servers answers."""
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            row = found.fetchone() if found.description else None
            return row[0] if row else None

    def wait_for_both(self) -> None:
        """Have every commit wait for both from now on."""
        self.asked(self.primary_url, "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.asked(self.primary_url, "SELECT pg_reload_conf()")
        end = time.monotonic() + PATIENCE
        while self.asked(self.primary_url, "SELECT sync_state FROM pg_stat_replication") != "sync":
            if time.monotonic() > end:
                raise postgresql.ServerNotStarted("the standby does not follow")
            time.sleep(0.05)


@contextmanager
def running_pair() -> Iterator[Pair]:
    """Start both in a temporary directory, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="loyalty-postgresql-") as name:
        primary, standby = Path(name) / "primary", Path(name) / "standby"
        Path(name).chmod(0o755)
        primary.mkdir()
        standby.mkdir()
        try:
            primary_url = postgresql.start(primary, durable=True)
            pair = Pair(primary, standby, primary_url, postgresql.start_standby(primary, standby))
            pair.wait_for_both()
            yield pair
        finally:
            postgresql.stop(standby)
            postgresql.stop(primary)
