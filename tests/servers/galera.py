"""
A real MariaDB Galera cluster of three nodes for tests, on this machine alone.

Each node has a data directory and ports of its own on 127.0.0.1, and every one of them takes writes. The programs come
from the system's packages `mariadb-server`, `galera-4` and `rsync`. Where they are missing, a test that needs them
fails and says how to install them; as root on a system with apt the session `cluster` of nox does it.

Run ``python -m tests.servers.galera`` for a cluster until Ctrl-C, with the URLs of its nodes on the first lines.
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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs
import pymysql

from tests.servers import mariadb

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Cluster", "Node", "install", "running_cluster"]

NODES: Final = 3
PACKAGES: Final = ("mariadb-server", "galera-4", "rsync")
INSTALL: Final = ("apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES)
PROVIDERS: Final = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
SYNCED: Final = "4"
"""The state of a node that has all that the others have."""
SECONDS_TO_JOIN: Final = 120

SETTINGS: Final = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--max-connections=200",
    "--performance-schema=OFF",
    "--character-set-server=utf8mb4",
    "--binlog-format=ROW",
    "--innodb-autoinc-lock-mode=2",
    "--innodb-buffer-pool-size=64M",
    "--wsrep-on=ON",
    "--wsrep-cluster-name=loyalty",
    "--wsrep-sst-method=rsync",
    # A read waits until what was committed anywhere before it has arrived here.
    "--wsrep-sync-wait=7",
    # What a test may save; a node that is killed gets what it lacks from the others.
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF",
)


@attrs.define
class Node:
    """One server of the cluster."""

    name: str
    home: Path
    port: int
    group_port: int
    increments_port: int
    state_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return its SQLAlchemy URL, without a database."""
        return f"mariadb+pymysql://root@127.0.0.1:{self.port}/"

    def install(self) -> None:
        """Make its data directory."""
        options = ("--skip-test-db", "--auth-root-authentication-method=normal")
        data = self.home / "data"
        _run(_program("mariadb-install-db"), "--no-defaults", f"--user={_user()}", f"--datadir={data}", *options)

    def start(self, peers: str) -> None:
        """Start it; with no *peers* it begins a new cluster."""
        options = ";".join(
            (
                f"gmcast.listen_addr=tcp://127.0.0.1:{self.group_port}",
                f"ist.recv_addr=127.0.0.1:{self.increments_port}",
                "gcache.size=64M",
                # A node that is gone is noticed soon, so that a test need not wait.
                "evs.suspect_timeout=PT1S",
                "evs.inactive_timeout=PT3S",
                "evs.keepalive_period=PT0.3S",
                "evs.inactive_check_period=PT0.2S",
                "pc.recovery=FALSE",
            )
        )
        command = (
            _program("mariadbd"),
            "--no-defaults",
            f"--user={_user()}",
            f"--datadir={self.home / 'data'}",
            f"--socket={self.home / 'socket'}",
            f"--pid-file={self.home / 'pid'}",
            f"--log-error={self.home / 'log.err'}",
            f"--port={self.port}",
            f"--wsrep-provider={_provider()}",
            f"--wsrep-cluster-address=gcomm://{peers}",
            f"--wsrep-node-name={self.name}",
            "--wsrep-node-address=127.0.0.1",
            f"--wsrep-sst-receive-address=127.0.0.1:{self.state_port}",
            f"--wsrep-provider-options={options}",
            *SETTINGS,
        )
        with (self.home / "output").open("wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._wait_until_synced()

    def kill(self) -> None:
        """Let it die as in a power cut."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        """End it in order, or kill it if it does not go."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def status(self, name: str) -> str:
        """Return one of the server's status variables."""
        with _connected(self.port) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS WHERE variable_name = %s", (name,))
            row = cursor.fetchone()
        return "" if row is None else str(row[1])

    def _wait_until_synced(self) -> None:
        end = time.monotonic() + SECONDS_TO_JOIN
        while time.monotonic() < end:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            with suppress(pymysql.err.Error):
                if self.status("wsrep_local_state") == SYNCED:
                    return
            time.sleep(0.1)
        logs = [self.home / name for name in ("output", "log.err")]
        said = "".join(log.read_text(errors="replace")[-4000:] for log in logs if log.exists())
        raise mariadb.ServerNotStarted(f"{self.name} did not join the cluster:\n{said}")


@attrs.frozen
class Cluster:
    """All its nodes, the first of which began it."""

    nodes: tuple[Node, ...]

    def start(self) -> None:
        """Start all nodes, one after the other: each takes its state from those that are there."""
        for node in self.nodes:
            node.install()
        for number, node in enumerate(self.nodes):
            node.start(self._peers(self.nodes[:number]))

    def rejoin(self, node: Node) -> None:
        """Start a node again that was killed; it takes what it missed from the others."""
        node.start(self._peers([other for other in self.nodes if other is not node]))

    def stop(self) -> None:
        """End all nodes, the one that began last."""
        for node in reversed(self.nodes):
            node.stop()

    @staticmethod
    def _peers(nodes: tuple[Node, ...] | list[Node]) -> str:
        return ",".join(f"127.0.0.1:{node.group_port}" for node in nodes)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Start a cluster in a temporary directory, give it, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="loyalty-galera-") as name:
        cluster = Cluster(tuple(_node(Path(name), number) for number in range(1, NODES + 1)))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def install() -> None:
    """Install the programs, if they are missing and we may; elsewhere the tests say what is missing."""
    is_there = all(mariadb.found(name) for name in (*mariadb.PROGRAMS, "rsync")) and _found_provider()
    if not is_there and os.geteuid() == 0 and shutil.which("apt-get"):
        mariadb.install_packages(INSTALL)


def _node(directory: Path, number: int) -> Node:
    home = directory / f"node-{number}"
    home.mkdir()
    if os.geteuid() == 0:
        directory.chmod(0o755)
        shutil.chown(home, _user())
    port, group_port, increments_port, state_port = _free_ports(4)
    return Node(f"node-{number}", home, port, group_port, increments_port, state_port)


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now. They are held until all are found, so that none is found twice."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _program(name: str) -> str:
    place = mariadb.found(name)
    if place is None or shutil.which("rsync") is None:
        raise mariadb.ServerNotStarted(_how_to_install())
    return place


def _provider() -> str:
    found = _found_provider()
    if found is None:
        raise mariadb.ServerNotStarted(_how_to_install())
    return found


def _found_provider() -> str | None:
    return next((path for path in PROVIDERS if Path(path).exists()), None)


def _how_to_install() -> str:
    return f"Galera was not found. Install it, on Debian and Ubuntu as root: apt-get update && {' '.join(INSTALL)}"


def _user() -> str:
    """Return who the servers run as. Not root: rsync, which carries the state, would then be nobody."""
    return "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def _connected(port: int) -> pymysql.connections.Connection[pymysql.cursors.Cursor]:
    return pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True, connect_timeout=2, read_timeout=5)


def _run(*command: str) -> None:
    finished = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    if finished.returncode != 0:
        raise mariadb.ServerNotStarted(f"{command[0]} failed: {finished.stdout.decode(errors='replace')}")


def main() -> None:
    """Run a cluster until Ctrl-C or SIGTERM, or only install its programs."""
    parser = argparse.ArgumentParser(description="Run a Galera cluster until Ctrl-C; print its nodes' URLs first.")
    parser.add_argument("--install", action="store_true", help="install what is missing, and run nothing")
    if parser.parse_args().install:
        install()
        return
    end = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, end)
    with running_cluster() as cluster:
        for node in cluster.nodes:
            print(node.url, flush=True)
        signal.sigwait(end)


if __name__ == "__main__":
    main()
