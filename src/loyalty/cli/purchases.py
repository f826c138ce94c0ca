"""
Reading a purchase log.

The whole log is read and checked before anybody acts on its first row, so a
damaged row at the end cannot leave half a replay behind. Every fault is one
:class:`UnusableLog` whose message names the file, the line and the problem.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final, TextIO, TypeVar

import attrs

from loyalty.errors import InvalidRequest
from loyalty.identifiers import require_text

__all__ = ["COLUMNS", "Purchase", "PurchaseLog", "UnusableLog", "read_log"]

COLUMNS: Final = ("customer_id", "purchased_on", "units", "amount_usd")
EARLIEST: Final = date(1970, 1, 1)
LATEST: Final = date(2099, 12, 31)
LARGEST_CENTS: Final = 10**9
LARGEST_UNITS: Final = 10**6
LONGEST_LINE: Final = 10_000

Value = TypeVar("Value")

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE: Final = re.compile(r"[0-9]{1,40}")
_AMOUNT: Final = re.compile(r"([0-9]{1,40})(?:\.([0-9]{1,40}))?")
_NEGATIVE: Final = re.compile(r"-\s*[0-9.]+")


class UnusableLog(ValueError):
    """A purchase log cannot be replayed; the message says why, in one line."""


@attrs.frozen(kw_only=True)
class Purchase:
    """
    One checked row of the log.

    ``number`` is its place in the order of the replay, from 1; ``line`` is
    where it stands in the file. ``cents`` is what it cost, zero or more.
    """

    number: int
    line: int
    customer_id: str
    purchased_on: date
    units: int
    cents: int


@attrs.frozen(kw_only=True)
class PurchaseLog:
    """
    A whole log, checked, in the order of its dates; at least one purchase.

    ``digest`` names the content: 64 hex digits, the same however the file ends
    its lines or orders its columns.
    """

    purchases: tuple[Purchase, ...]
    digest: str

    @property
    def first_day(self) -> date:
        """Return the date of the first purchase."""
        return self.purchases[0].purchased_on

    @property
    def last_day(self) -> date:
        """Return the date of the last purchase."""
        return self.purchases[-1].purchased_on

    @property
    def customers(self) -> int:
        """Return how many different customers bought."""
        return len({purchase.customer_id for purchase in self.purchases})


def read_log(path: Path) -> PurchaseLog:
    """
    Return the purchases of a CSV file, sorted by date.

    Rows of the same date keep their order in the file; CDNOW's own files are
    ordered by customer. Blank lines are passed over.

    Args:
        path:
            A text file in UTF-8 whose first line names the four columns
            ``customer_id``, ``purchased_on``, ``units`` and ``amount_usd``.

    Raises:
        loyalty.cli.purchases.UnusableLog: If the file cannot be read or is not
            such a file, if it holds no purchase, or at the first damaged row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [_purchase(line, cells) for line, cells in _cells(file)]
    except UnicodeDecodeError:
        raise UnusableLog(f"{path}: this is not a text file in UTF-8") from None
    except OSError as error:
        raise UnusableLog(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # from below, or a path that cannot be one
        raise UnusableLog(f"{path}: {error}") from None
    if not rows:
        raise UnusableLog(f"{path}: there is no purchase in it")
    return _in_order(rows)


def _in_order(rows: list[Purchase]) -> PurchaseLog:
    by_date = sorted(rows, key=lambda row: row.purchased_on)
    purchases = tuple(attrs.evolve(row, number=number) for number, row in enumerate(by_date, start=1))
    digest = hashlib.sha256()
    for one in purchases:
        digest.update(f"{one.customer_id}\t{one.purchased_on}\t{one.units}\t{one.cents}\n".encode())
    return PurchaseLog(purchases=purchases, digest=digest.hexdigest())


def _cells(file: TextIO) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield each row as the number of its first line and its cells in the order of COLUMNS."""
    reader = csv.reader(_lines(file), strict=True)
    places: tuple[int, ...] | None = None
    before = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise _fault(before + 1, f"this is not CSV ({error})") from None
        if cells is None:
            break
        line, before = before + 1, reader.line_num
        if places is None:
            places = _places(cells)
        elif cells:
            if len(cells) != len(COLUMNS):
                raise _fault(line, f"there are {len(cells)} fields, not {len(COLUMNS)}")
            yield line, tuple(cells[place] for place in places)
    if places is None:
        raise ValueError("the file is empty")


def _lines(file: TextIO) -> Iterator[str]:
    """Yield the lines, and stop at one that is too long for a purchase instead of filling the memory with it."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) >= LONGEST_LINE:
            raise _fault(number, f"the line has {LONGEST_LINE:,} characters or more; this is no purchase log")
        if "\0" in line:
            raise _fault(number, "there is a zero byte in it; this is not a text file")
        yield line


def _places(header: list[str]) -> tuple[int, ...]:
    names = [name.strip() for name in header]
    if sorted(names) != sorted(COLUMNS):
        raise _fault(1, f"the columns must be {', '.join(COLUMNS)}; found {_shown(', '.join(names))}")
    return tuple(names.index(column) for column in COLUMNS)


def _purchase(line: int, cells: tuple[str, ...]) -> Purchase:
    customer_id, purchased_on, units, amount = cells
    return Purchase(
        number=0,
        line=line,
        customer_id=_checked(line, "customer_id", customer_id, _customer),
        purchased_on=_checked(line, "purchased_on", purchased_on.strip(), _date),
        units=_checked(line, "units", units.strip(), _units),
        cents=_checked(line, "amount_usd", amount.strip(), _cents),
    )


def _checked(line: int, column: str, text: str, check: Callable[[str], Value]) -> Value:
    if not text.strip():
        raise _fault(line, f"{column} is missing")
    try:
        return check(text)
    except ValueError as error:
        raise _fault(line, f"{column} {_shown(text)} {error}") from None


def _customer(text: str) -> str:
    try:
        return require_text(text, "it")
    except InvalidRequest:
        raise ValueError("is no customer number: 1 to 200 characters, none of them a control character") from None


def _date(text: str) -> date:
    if _DATE.fullmatch(text) is None:
        raise ValueError("is no date such as 1997-01-31")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("is no day of the calendar") from None
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"is not between {EARLIEST} and {LATEST}")
    return day


def _units(text: str) -> int:
    if _WHOLE.fullmatch(text) is None or int(text) > LARGEST_UNITS:
        raise ValueError(f"is no whole number from 0 to {LARGEST_UNITS:,}")
    return int(text)


def _cents(text: str) -> int:
    if _NEGATIVE.fullmatch(text) is not None:
        raise ValueError("is negative")
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError("is no plain decimal number such as 11.77")
    dollars, decimals = match[1], match[2] or ""
    if len(decimals) > 2:  # noqa: PLR2004  # dollars have two
        raise ValueError("has more than two decimals")
    cents = int(dollars) * 100 + int(decimals.ljust(2, "0"))
    if cents > LARGEST_CENTS:
        raise ValueError(f"is more than {LARGEST_CENTS // 100:,}.00")
    return cents


def _fault(line: int, problem: str) -> ValueError:
    return ValueError(f"line {line}: {problem}")


def _shown(text: str) -> str:
    """Return the text in quotes, on one line, and cut where it is long."""
    return ascii(text if len(text) <= 60 else text[:60] + "...")  # noqa: PLR2004  # what fits beside the message
