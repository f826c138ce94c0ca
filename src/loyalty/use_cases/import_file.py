"""
Reading a file of cards: CSV text into rows, each readable or not.

A row that cannot be read is told as such, with its place and a reason, so that
one mistyped amount does not hide the other 4,999 rows. A file that is damaged as
a whole (not text, cut off inside a quote, columns that are missing or that
nobody knows) is refused as a whole. What looks like a formula is text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any, Final, Protocol

from moneyed import Money

from loyalty import fields
from loyalty.errors import InvalidImport, InvalidRequest, InvalidTime, LoyaltyError
from loyalty.ledger.lot import LotOrigin
from loyalty.use_cases.import_row import MOST_ROWS, GiftCardRow, UnreadableRow

__all__ = ["gift_card_rows"]

ALWAYS: Final = frozenset({"source_id", "value", "currency"})
DIGESTS: Final = frozenset({"code_digest", "code_key_id", "last_four"})
DELIMITERS: Final = (",", ";", "\t", "|")
LARGEST_CELL: Final = 128 * 1024
BETWEEN_TAGS: Final = "|"

_AMOUNT: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,12})?")


class Readable(Protocol):
    """An open file, of text or of bytes."""

    def read(self) -> str | bytes:
        """Return all that is in it."""
        ...


def gift_card_rows(file: str | bytes | Readable, *, delimiter: str = ",") -> tuple[GiftCardRow | UnreadableRow, ...]:
    """
    Return the rows of a CSV file of gift cards, for ``ImportGiftCards``.

    The first line names the columns, in any order: ``source_id``, ``value`` and
    ``currency``, then ``code`` or ``code_digest``, ``code_key_id`` and
    ``last_four``, and as wished ``balance``, ``expires_at``, ``customer_id``,
    ``region``, ``tax_rate``, ``origin``, ``note`` and ``tags`` (with ``|`` between
    them). An empty cell says nothing. Amounts are plain decimals such as ``50.00``;
    times are ISO 8601 with an offset, such as ``2027-01-31T23:00:00Z``. See
    :class:`loyalty.GiftCardRow` for what each means.

    Args:
        file:
            The text, its bytes in UTF-8 (with or without a byte order mark), or an
            open file of either.
        delimiter:
            What stands between cells: comma, semicolon, tab or ``|``.

    Returns:
        One row per line of data, in the order of the file. A row's ``number`` is
        that of a spreadsheet: the line with the names is 1. Lines without any
        cell are left out.

    Raises:
        loyalty.errors.InvalidImport: If the file is not UTF-8, has no columns that
            are needed or one that is not known, names one twice, is cut off inside
            a quote, or has no row or more than 100,000.
        loyalty.errors.InvalidRequest: If *file* or *delimiter* is nothing of that.
    """
    if delimiter not in DELIMITERS:
        raise InvalidRequest("the delimiter must be a comma, a semicolon, a tab or |")
    lines = csv.reader(StringIO(_text(file), newline=""), delimiter=delimiter, strict=True)
    try:
        rows = tuple(_rows(lines))
    except csv.Error as error:
        raise InvalidImport(f"the file is no CSV at line {lines.line_num}") from error
    if not rows:
        raise InvalidImport("the file has no rows")
    return rows


def _text(file: object) -> str:
    content = file.read() if hasattr(file, "read") else file
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidImport("the file is not text in UTF-8") from error
    if not isinstance(content, str):
        raise InvalidRequest("the file must be text, bytes, or an open file")
    return content.removeprefix("\ufeff")


def _rows(lines: Iterable[list[str]]) -> Iterator[GiftCardRow | UnreadableRow]:
    numbered = enumerate(lines, start=1)
    columns = _columns(next(numbered, (1, []))[1])
    taken = 0
    for number, cells in numbered:
        if any(cells):
            taken += 1
            if taken > MOST_ROWS:
                raise InvalidImport("the file has more than 100,000 rows; divide it")
            yield _row(number, columns, cells)


def _columns(names: list[str]) -> list[str]:
    columns = [name.strip().lower() for name in names]
    missing = ALWAYS - set(columns)
    if "code" not in columns:
        missing |= DIGESTS - set(columns)
    if missing:
        raise InvalidImport(f"the file lacks columns: {', '.join(sorted(missing))}")
    if not set(columns) <= _READ.keys() | {"currency"} or len(set(columns)) != len(columns):
        raise InvalidImport("the file names a column twice, or one that is not known")
    return columns


def _row(number: int, columns: list[str], cells: list[str]) -> GiftCardRow | UnreadableRow:
    said = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if cell.strip()}
    try:
        if len(cells) != len(columns):
            raise InvalidRequest(f"the row has {len(cells)} cells, and there are {len(columns)} columns")
        currency = said.pop("currency", "")
        return GiftCardRow(number=number, **{name: _READ[name](cell, currency) for name, cell in said.items()})
    except LoyaltyError as error:
        return UnreadableRow(number=number, source_id=_source_id(said), reason=error.code, message=str(error))
    except TypeError:
        return UnreadableRow(number=number, source_id=_source_id(said), message="the row lacks what every row needs")


def _source_id(said: Mapping[str, str]) -> str | None:
    try:
        return None if "source_id" not in said else UnreadableRow(source_id=said["source_id"]).source_id
    except InvalidRequest:
        return None


def _amount(cell: str, currency: str) -> Money:
    if not _AMOUNT.fullmatch(cell):
        raise InvalidRequest("an amount must be a plain decimal such as 50.00")
    return Money(Decimal(cell), fields.to_currency(currency))


def _time(cell: str, _: str) -> datetime:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise InvalidTime("a time must be ISO 8601, such as 2027-01-31T23:00:00Z") from None
    if moment.utcoffset() is None:
        raise InvalidTime("a time must say its offset from UTC, such as 2027-01-31T23:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidTime("a time is out of range") from None


def _origin(cell: str, _: str) -> LotOrigin:
    try:
        return LotOrigin(cell)
    except ValueError:
        raise InvalidRequest(f"the origin must be one of {', '.join(LotOrigin)}") from None


def _same(cell: str, _: str) -> str:
    return cell


_READ: Final[Mapping[str, Callable[[str, str], Any]]] = {
    "source_id": _same,
    "value": _amount,
    "balance": _amount,
    "code": _same,
    "code_digest": _same,
    "code_key_id": _same,
    "last_four": _same,
    "expires_at": _time,
    "customer_id": _same,
    "region": _same,
    "tax_rate": _same,
    "origin": _origin,
    "note": _same,
    "tags": lambda cell, _: tuple(part.strip() for part in cell.split(BETWEEN_TAGS)),
}
"""How a cell of each column is read, given the currency of its row."""
