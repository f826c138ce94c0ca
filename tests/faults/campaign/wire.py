"""
A wire between a client and a database server that can be cut at a chosen message.

It reads as much of the client's messages as it takes to know a statement and a
COMMIT. After a cut it lets the server finish what it was sent, so that whoever
waits for that sees how it ended.
"""

from __future__ import annotations

import select
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Self

import attrs

__all__ = ["PROTOCOLS", "Message", "Place", "Wire", "mariadb_message", "postgresql_message"]

SECONDS_TO_FINISH: Final = 30
CHUNK: Final = 65536
MARIADB_HEAD: Final = 4
MARIADB_QUERY: Final = b"\x03"
RESET: Final = struct.pack("ii", 1, 0)
"""Close at once, and tell the other side that the connection is broken, not ended."""


class Place(StrEnum):
    """Where the wire is cut."""

    AT_A_STATEMENT = "at a statement"
    BEFORE_THE_COMMIT = "before the COMMIT"
    AFTER_THE_COMMIT = "after the COMMIT"
    BEFORE_ITS_REPLY = "before its reply"


@attrs.frozen
class Message:
    """One message of a client: how many bytes it has, and the statement in it, empty if its text came earlier."""

    size: int
    statement: str | None = None

    @property
    def is_commit(self) -> bool:
        """Whether it ends a transaction for good."""
        return self.statement is not None and self.statement.strip().upper() == "COMMIT"


def postgresql_message(received: bytes) -> Message | None:
    """
    Return the first message that was received whole.

    Source:
        PostgreSQL documentation, 54.7: a byte that says which, and the length of
        the rest; only those before the session begin with their length.
    """
    start = 0 if received[:1] == b"\0" else 1
    if len(received) < start + 4:
        return None
    size = start + int.from_bytes(received[start : start + 4])
    if len(received) < size:
        return None
    match received[:1]:
        case b"Q":
            return Message(size, received[5:size].rstrip(b"\0").decode())
        case b"B":
            return Message(size, "")
        case _:
            return Message(size)


def mariadb_message(received: bytes) -> Message | None:
    """
    Return the first message that was received whole.

    Source:
        MariaDB documentation, "0 - Packet" and "COM_QUERY": three bytes of length, a
        number that is 0 for a command, and in the payload a byte that says which.
    """
    if len(received) < MARIADB_HEAD:
        return None
    size = MARIADB_HEAD + int.from_bytes(received[:3], "little")
    if len(received) < size:
        return None
    if received[3] == 0 and received[MARIADB_HEAD : MARIADB_HEAD + 1] == MARIADB_QUERY:
        return Message(size, received[MARIADB_HEAD + 1 : size].decode())
    return Message(size)


PROTOCOLS: Final[Mapping[str, Callable[[bytes], Message | None]]] = {
    "mariadb": mariadb_message,
    "postgresql": postgresql_message,
}
"""How the first message of a client is read, by kind of database."""


class Wire(socketserver.ThreadingTCPServer):
    """
    The wire, between ``with`` and its end. Clients find it on ``port`` of 127.0.0.1.

    Args:
        server:
            The address of the database server.
        read:
            Reads the first message of what a client sent, one of ``PROTOCOLS``.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, server: tuple[str, int], read: Callable[[bytes], Message | None]) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), _Connection)
        self.server = server
        self.read = read
        self.port: int = self.server_address[1]
        self.place: Place | None = None
        self.at_statement = 0
        self.is_reset = False
        self.statements = 0
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="wire")

    def __enter__(self) -> Self:
        """Begin to carry."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Carry no more; clients should be gone by now."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def cut(self, place: Place, *, at_statement: int = 0, is_reset: bool = False) -> None:
        """Cut the next connection that comes to *place*, once. Statements are counted from one, from now on."""
        self.at_statement, self.is_reset, self.statements = at_statement, is_reset, 0
        self._finished.clear()
        self.place = place

    def wait(self) -> None:
        """
        Wait until the wire was cut and the server has finished what it was sent.

        Raises:
            AssertionError: If that does not happen.
        """
        assert self._finished.wait(SECONDS_TO_FINISH), f"the wire was not cut {self.place}"

    def is_cut_by(self, message: Message) -> bool:
        """Tell whether the wire is cut in place of carrying this message."""
        if message.statement is None or message.is_commit:
            return message.is_commit and self.place is Place.BEFORE_THE_COMMIT
        self.statements += 1
        return self.place is Place.AT_A_STATEMENT and self.statements == self.at_statement

    def finished(self) -> None:
        """Hear that the server has finished."""
        self.place = None
        self._finished.set()


class _Connection(socketserver.BaseRequestHandler):
    """One client and its own connection to the server."""

    server: Wire

    def handle(self) -> None:
        """Carry both ways until one side ends, or the wire is cut."""
        self.client: socket.socket = self.request
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.has_committed = False
        with socket.create_connection(self.server.server) as self.upstream:
            self.upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._carry():
                pass

    def _carry(self) -> bool:
        """Carry what is there; return whether there may be more."""
        ready, _, _ = select.select([self.client, self.upstream], [], [])
        return all(self._to_client() if end is self.upstream else self._to_server() for end in ready)

    def _to_client(self) -> bool:
        answer = _received(self.upstream)
        if answer and self.has_committed and self.server.place is Place.BEFORE_ITS_REPLY:
            return self._cut()
        self.client.sendall(answer)
        return bool(answer)

    def _to_server(self) -> bool:
        sent = _received(self.client)
        self.received += sent
        while self.received and (message := self.server.read(bytes(self.received))) is not None:
            if self.server.is_cut_by(message):
                return self._cut()
            self.upstream.sendall(self.received[: message.size])
            del self.received[: message.size]
            self.has_committed = message.is_commit
            if message.is_commit and self.server.place is Place.AFTER_THE_COMMIT:
                return self._cut()
        return bool(sent)

    def _cut(self) -> bool:
        """Let go of the client; let the server finish, and wait for that."""
        if self.server.is_reset:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.client.close()
        self.upstream.settimeout(SECONDS_TO_FINISH)
        self.upstream.shutdown(socket.SHUT_WR)
        while _received(self.upstream):
            pass
        self.server.finished()
        return False


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(CHUNK)
    except ConnectionError:
        return b""
