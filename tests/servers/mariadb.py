"""
A real MariaDB server for tests, from the programs of the system's package `mariadb-server`.

No wheel brings them. Where they are missing, a test that needs them fails and says how to install them; as root on a
system with apt, such as a clean CI machine, the session `tests` of nox does it. The server has a data directory of
its own and a free port on 127.0.0.1; a server of the system, if one runs, is left alone.

Run ``python tests/servers/mariadb.py`` for a server until Ctrl-C, with its URL on the first line.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("mariadb-install-db", "mariadbd")
INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends", "mariadb-server")
START_ATTEMPTS = 3
"""Another program may take the free port between our look and the server's start."""
ONLY = ("--no-defaults",)
"""What a machine has set for servers of its own is not for ours."""
SECONDS_TO_START = 120
SECONDS_TO_STOP = 60

SETTINGS = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--max-connections=300",
    "--performance-schema=OFF",
    "--character-set-server=utf8mb4",
)
NOT_DURABLE = ("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--innodb-flush-method=nosync")
"""What a test may save: its data need not survive a power cut. Measurements are made with the defaults."""


class ServerNotStarted(RuntimeError):
    """MariaDB could not be started; the message holds what its programs said, or how to install them."""


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
        The URL of the server, for PyMySQL, without a database.

    Raises:
        ServerNotStarted: With the output of the program that failed, or how to install it.
    """
    noted = directory / "url"
    if noted.exists():
        return noted.read_text()
    home = directory / "server"
    home.mkdir(exist_ok=True)
    user = f"--user={pwd.getpwuid(os.geteuid()).pw_name}"
    accounts = ("--skip-test-db", "--auth-root-authentication-method=normal")
    _run(_program("mariadb-install-db"), *ONLY, user, f"--datadir={home / 'data'}", *accounts)
    for attempt in range(START_ATTEMPTS):
        port = _free_port()
        settings = SETTINGS if durable else SETTINGS + NOT_DURABLE
        if _serve(home, port, user, *settings):
            break
        if attempt + 1 == START_ATTEMPTS:
            raise ServerNotStarted(f"mariadbd did not start:\n{_log(home)}")
    url = f"mariadb+pymysql://root@127.0.0.1:{port}/"
    noted.write_text(url)
    return url


def stop(directory: Path) -> None:
    """Stop the server in *directory*, if one runs there, without waiting for its clients to leave."""
    noted = directory / "server" / "pid"
    if noted.exists():
        server = int(noted.read_text())
        os.kill(server, signal.SIGTERM)
        _wait_for_end(server)
    (directory / "url").unlink(missing_ok=True)


@contextmanager
def running_server(*, durable: bool = False) -> Iterator[str]:
    """Start a server in a temporary directory, give its URL, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="loyalty-mariadb-") as name:
        directory = Path(name)
        try:
            yield start(directory, durable=durable)
        finally:
            stop(directory)


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Create an empty database on the server, give its SQLAlchemy URL, and drop it."""
    server = make_url(server_url)
    name = f"loyalty_{uuid.uuid4().hex}"  # noqa: TID251 - many processes name databases on one server
    execute(server_url, f"CREATE DATABASE `{name}`")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        execute(server_url, f"DROP DATABASE `{name}`")


def execute(url: str, statement: str) -> None:
    """Run one statement on a connection of its own."""
    given = make_url(url)
    connection = pymysql.connect(
        host=given.host or "127.0.0.1",
        port=given.port or 3306,
        user=given.username or "root",
        password=given.password or "",
        database=given.database or None,
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)


def install() -> None:
    """
    Install the server's programs, if they are missing and we may.

    Where we are not root, or there is no apt, nothing happens: the tests will say what is missing.
    """
    is_there = all(found(name) for name in PROGRAMS)
    if is_there or os.environ.get("LOYALTY_TEST_MARIADB_URL") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    install_packages(INSTALL)


def install_packages(command: tuple[str, ...]) -> None:
    """Run a command of apt-get, after it has heard of the newest packages."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for one in (("apt-get", "update", "--quiet=2"), (*command, "--quiet=2")):
        subprocess.run(one, check=True, env=environment)


def _program(name: str) -> str:
    """
    Return where a program of the server is.

    Raises:
        ServerNotStarted: If it is not there, with the command that installs it.
    """
    place = found(name)
    if place is None:
        raise ServerNotStarted(
            f"{name} was not found. Install MariaDB 10.11 or newer, on Debian and Ubuntu as root:"
            f" apt-get update && {' '.join(INSTALL)}. Or name a server that runs in LOYALTY_TEST_MARIADB_URL,"
            " such as mariadb+pymysql://root@127.0.0.1/; its user must be allowed to create databases."
        )
    return place


def found(name: str) -> str | None:
    """Return where a program is, if it is; Debian keeps servers where users do not look."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))


def _serve(home: Path, port: int, *settings: str) -> bool:
    """Start the server on a port, and tell whether it accepts connections there."""
    places = (
        f"--datadir={home / 'data'}",
        f"--socket={home / 'socket'}",
        f"--pid-file={home / 'pid'}",
        f"--log-error={home / 'log.err'}",
        f"--port={port}",
    )
    # By a shell that goes at once: the server belongs to no process of the tests and outlives the one that began it.
    started = _run(
        "sh", "-c", 'nohup "$@" >/dev/null 2>&1 & echo $!', "sh", _program("mariadbd"), *ONLY, *places, *settings
    )
    server, end = int(started), time.monotonic() + SECONDS_TO_START
    while _is_running(server) and time.monotonic() < end:
        try:
            execute(f"mariadb+pymysql://root@127.0.0.1:{port}/", "SELECT 1")
        except pymysql.err.OperationalError:
            time.sleep(0.05)
        else:
            return True
    if _is_running(server):
        os.kill(server, signal.SIGKILL)
    return False


def _is_running(server: int) -> bool:
    """Tell whether a process is there that is no child of ours. What has ended, and nobody asked about, is not."""
    try:
        state = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _wait_for_end(server: int) -> None:
    end = time.monotonic() + SECONDS_TO_STOP
    while _is_running(server):
        if time.monotonic() > end:
            os.kill(server, signal.SIGKILL)
        time.sleep(0.02)


def _log(home: Path) -> str:
    log = home / "log.err"
    return log.read_text(errors="replace") if log.exists() else "no log was written"


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(program: str, *arguments: str) -> str:
    finished = subprocess.run(
        [program, *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        timeout=SECONDS_TO_START,
    )
    said = finished.stdout.decode(errors="replace")
    if finished.returncode != 0:
        raise ServerNotStarted(f"{Path(program).name} failed: {said}")
    return said


def main() -> None:
    """Run a server until Ctrl-C or SIGTERM, or only install its programs."""
    parser = argparse.ArgumentParser(description="Run a MariaDB server until Ctrl-C; print its URL first.")
    parser.add_argument("--durable", action="store_true", help="let commits reach the disk, for measurements")
    parser.add_argument("--install", action="store_true", help="install the server if it is missing, and run nothing")
    given = parser.parse_args()
    if given.install:
        install()
        return
    end = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, end)
    with running_server(durable=given.durable) as url:
        print(url, flush=True)
        signal.sigwait(end)


if __name__ == "__main__":
    main()
