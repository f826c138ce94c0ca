"""The storage: what a host gives to `Loyalty`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from loyalty.ports.storage import Reader, UnitOfWork
from loyalty_json_file.file import BooksFile
from loyalty_json_file.reader import BooksReader
from loyalty_json_file.unit_of_work import BooksUnitOfWork

__all__ = ["JsonFileStorage"]

Result = TypeVar("Result")


class JsonFileStorage:
    """
    All books in one JSON file; for a market stall, a test, or as the beginning of a storage of your own.

    Any number of threads and processes of one machine may use the file. A commit
    writes all of it, so what a command costs grows with the books.

    Args:
        path:
            The file. It need not be there yet.
        lock_seconds:
            How long a command waits for others.
        durable:
            Whether a commit waits for the disk; see :class:`BooksFile`.
    """

    def __init__(self, path: Path | str, *, lock_seconds: float = 30.0, durable: bool = True) -> None:
        """Open nothing yet."""
        self._file = BooksFile(Path(path), lock_seconds=lock_seconds, durable=durable)

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run *work* while nobody else writes; once it has returned, commit what it wrote."""
        with self._file.locked():
            uow = BooksUnitOfWork(self._file.load())
            result = work(uow)
            if uow.written is not None:
                self._file.replace(uow.written)
            return result

    def read(self, question: Callable[[Reader], Result]) -> Result:
        """Answer *question* from the books as they are now; what others commit meanwhile is not in it."""
        return question(BooksReader(self._file.load()))
