"""The command line as a person or a script starts it: a process of its own, at a terminal or between pipes."""

from __future__ import annotations

import atexit
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from tempfile import mkdtemp
from time import monotonic
from typing import Final

import attrs
import pytest
from typer.testing import CliRunner

from loyalty.cli.app import app

__all__ = ["SECRET", "Done", "Terminal", "at_terminal", "call", "run"]

SECRET: Final = "the secret of the shop in these tests"
PATIENCE: Final = 120
"""Seconds until a test gives up on a command; it says nothing about how long one takes."""

_STYLE: Final = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@attrs.frozen
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Return all that was written."""
        return self.out + self.err


def run(*arguments: str, env: Mapping[str, str] | None = None, typed: str | bytes = b"") -> Done:
    """Run a command between pipes, with *typed* on its standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "loyalty", *arguments],
        env=environment(env),
        input=typed.encode() if isinstance(typed, str) else typed,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def call(*arguments: str, env: Mapping[str, str] | None = None, typed: str = "") -> Done:
    """Run a command in this process, which is quicker: for all that needs no process or terminal of its own."""
    with pytest.MonkeyPatch.context() as patched:
        for name in os.environ:
            patched.delenv(name)
        for name, value in environment(env).items():
            patched.setenv(name, value)
        result = CliRunner().invoke(app, list(arguments), input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def environment(env: Mapping[str, str] | None) -> dict[str, str]:
    """Return this process's environment without what would reach the command by accident, and with *env*."""
    ours = ("LOYALTY_", "NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours) or "TEST" in name}
    return {**kept, **_compiled(), "TERM": "xterm-256color", **(env or {})}


@cache
def _compiled() -> dict[str, str]:
    """Let commands share what they compile in a place of this run, where Python may not keep it beside the sources."""
    if not sys.dont_write_bytecode:
        return {}
    folder = mkdtemp(prefix="loyalty-compiled-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}


class Terminal:
    """A command at a terminal: what is shown can be waited for, and keys can be pressed."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self._process = process
        self._master = master
        self.raw = ""

    @property
    def shown(self) -> str:
        """Return what was shown, without colors."""
        return _STYLE.sub("", self.raw).replace("\r\n", "\n")

    def wait_for(self, text: str) -> None:
        """Wait until *text* is shown."""
        until = monotonic() + PATIENCE
        while text not in self.shown:
            assert self._read(until), f"{text!r} was never shown, but: {self.shown}"

    def press(self, keys: str) -> None:
        """Press keys, such as a code and Enter, or Ctrl-C."""
        os.write(self._master, keys.encode())

    def ended(self) -> int:
        """Wait for the end, and return the exit code."""
        until = monotonic() + PATIENCE
        while self._read(until):
            pass
        return self._process.wait(PATIENCE)

    def _read(self, until: float) -> bool:
        """Take in what was shown; False at the end."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, until - monotonic()))
        assert ready, f"nothing more was shown in time after: {self.shown}"
        try:
            read = os.read(self._master, 65536)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.raw += read.decode(errors="replace")
        return bool(read)


@contextmanager
def at_terminal(*arguments: str, env: Mapping[str, str] | None = None, columns: int = 100) -> Iterator[Terminal]:
    """Start a command at a terminal of its own, and clean up whatever becomes of it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "loyalty", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(env),
        preexec_fn=_own_terminal,  # noqa: PLW1509  # no thread of this test holds a lock
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        os.close(master)


def _own_terminal() -> None:
    """Make standard input the terminal of the new session, so that Ctrl-C and hidden prompts work as for a person."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
