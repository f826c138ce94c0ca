"""One file that is read whole and replaced whole: it holds the old books or the new ones, whatever happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from loyalty.errors import OutcomeUnknown, StorageUnavailable
from loyalty_json_file.books import Books, UnreadableBooks

__all__ = ["BooksFile"]


class BooksFile:
    """
    The file with the books, for threads and processes of one machine.

    Args:
        path:
            Where it is. It is made with the first commit; its directory is there already.
        lock_seconds:
            How long a writer waits for the others.
        durable:
            Whether a commit waits for the disk. False keeps what was committed
            when a program is killed, but not when the power goes.
    """

    def __init__(self, path: Path, *, lock_seconds: float, durable: bool) -> None:
        """Read nothing yet."""
        self._path = path
        self._new = path.with_name(f"{path.name}.new")
        self._lock_seconds = lock_seconds
        self._durable = durable
        self._known = b"", Books()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """
        Keep every other writer out, in this process and in others; the system lets go if this one dies.

        Raises:
            loyalty.errors.StorageUnavailable: If others do not let go in time.
        """
        # A lock of its own for each, so that work that calls its own storage waits in vain instead of losing a change.
        lock = FileLock(f"{self._path}.lock", timeout=self._lock_seconds, poll_interval=0.002)
        try:
            lock.acquire()
        except (OSError, Timeout) as error:
            raise StorageUnavailable from error
        try:
            yield
        finally:
            lock.release()

    def load(self) -> Books:
        """
        Return the books as they are now; no lock is needed, for the file is never changed, only replaced.

        Raises:
            loyalty.errors.StorageUnavailable: If they cannot be read.
        """
        try:
            raw = self._path.read_bytes() if self._path.exists() else b""
            # Read once: other threads put here what they find, and that may be older.
            known = self._known
            if raw != known[0]:
                self._known = known = raw, Books.from_json(raw)
        except (OSError, UnreadableBooks) as error:
            raise StorageUnavailable from error
        return known[1]

    def replace(self, books: Books) -> None:
        """
        Put other books in the place of those that are there. Only while it is locked.

        Raises:
            loyalty.errors.StorageUnavailable: If they cannot be written; the old ones are still there.
            loyalty.errors.OutcomeUnknown: If the new ones are there, and may be gone after a loss of power.
        """
        try:
            self._write(books.to_json())
            self._new.replace(self._path)
        except OSError as error:
            raise StorageUnavailable from error
        try:
            self._sync_directory()
        except OSError as error:
            raise OutcomeUnknown from error

    def _write(self, raw: bytes) -> None:
        with self._new.open("wb") as file:
            file.write(raw)
            file.flush()
            if self._durable:
                os.fsync(file.fileno())

    def _sync_directory(self) -> None:
        """Have the disk know the new name, too; only then it is committed."""
        if self._durable and os.name == "posix":
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
