from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from loyalty.cli.purchases import Purchase, UnusableLog, read_log

HEADER = "customer_id,purchased_on,units,amount_usd\n"
GOOD_ROW = "00004,1997-01-01,2,29.33\n"

DAMAGED_ROWS = [
    ("00004,1997-02-29,1,1.00", "line 3: purchased_on '1997-02-29' is no day of the calendar"),
    ("00004,1997/01/02,1,1.00", "line 3: purchased_on '1997/01/02' is no date such as 1997-01-31"),
    ("00004,19970102,1,1.00", "line 3: purchased_on '19970102' is no date"),
    ("00004,1997-01-02T00:00,1,1.00", "is no date"),
    ("00004,\u0661\u0669\u0669\u0667-01-02,1,1.00", "is no date"),
    ("00004,2997-01-02,1,1.00", "line 3: purchased_on '2997-01-02' is not between 1970-01-01 and 2099-12-31"),
    ("00004,0001-01-01,1,1.00", "is not between"),
    ("00004,,1,1.00", "line 3: purchased_on is missing"),
    (",1997-01-02,1,1.00", "line 3: customer_id is missing"),
    ("   ,1997-01-02,1,1.00", "line 3: customer_id is missing"),
    ("00004,1997-01-02,,1.00", "line 3: units is missing"),
    ("00004,1997-01-02,1,", "line 3: amount_usd is missing"),
    ("00004,1997-01-02,one,1.00", "line 3: units 'one' is no whole number"),
    ("00004,1997-01-02,1.5,1.00", "line 3: units '1.5' is no whole number"),
    ("00004,1997-01-02,-1,1.00", "line 3: units '-1' is no whole number"),
    ("00004,1997-01-02,99999999,1.00", "line 3: units '99999999' is no whole number from 0 to 1,000,000"),
    ("00004,1997-01-02,\u00b2,1.00", "is no whole number"),
    (f"00004,1997-01-02,{'9' * 5000},1.00", "is no whole number"),
    ("00004,1997-01-02,1,-1.00", "line 3: amount_usd '-1.00' is negative"),
    ("00004,1997-01-02,1,NaN", "line 3: amount_usd 'NaN' is no plain decimal number such as 11.77"),
    ("00004,1997-01-02,1,inf", "is no plain decimal number"),
    ("00004,1997-01-02,1,1e3", "is no plain decimal number"),
    ("00004,1997-01-02,1,+1.00", "is no plain decimal number"),
    ("00004,1997-01-02,1,1_0.00", "is no plain decimal number"),
    ("00004,1997-01-02,1,.50", "is no plain decimal number"),
    ("00004,1997-01-02,1,$1.00", "is no plain decimal number"),
    ('00004,1997-01-02,1,"1,000.00"', "is no plain decimal number"),
    ("00004,1997-01-02,1,\u0661.00", "is no plain decimal number"),
    ("00004,1997-01-02,1,1.001", "line 3: amount_usd '1.001' has more than two decimals"),
    ("00004,1997-01-02,1,1.000", "has more than two decimals"),
    ("00004,1997-01-02,1,10000000.01", "line 3: amount_usd '10000000.01' is more than 10,000,000.00"),
    (f"00004,1997-01-02,1,{'9' * 40}", "is more than 10,000,000.00"),
    (f"00004,1997-01-02,1,{'9' * 5000}", "is no plain decimal number"),
    ("00004,1997-01-02,1", "line 3: there are 3 fields, not 4"),
    ("00004,1997-01-02,1,1.00,2.00", "line 3: there are 5 fields, not 4"),
    (f"{'4' * 201},1997-01-02,1,1.00", "is no customer number"),
    ("0000\x1b[2J,1997-01-02,1,1.00", "is no customer number"),
    ("0000\x004,1997-01-02,1,1.00", "line 3: there is a zero byte in it"),
    ('00004,1997-01-02,1,"1.00', "line 3: this is not CSV"),
    ('00004,1997-01-02,1,"1.00"x', "line 3: this is not CSV"),
    (f"{'x' * 20_000},1997-01-02,1,1.00", "line 3: the line has 10,000 characters or more"),
]

WRONG_FILES = [
    (b"", "the file is empty"),
    (b"\n\n", "the columns must be"),
    (HEADER.encode(), "there is no purchase in it"),
    (b"a,b\n1,2\n", "line 1: the columns must be customer_id, purchased_on, units, amount_usd; found 'a, b'"),
    (b"customer_id;purchased_on;units;amount_usd\n", "line 1: the columns must be"),
    (b"customer_id,purchased_on,units\n", "line 1: the columns must be"),
    (b"customer_id,purchased_on,units,amount_usd,note\n", "line 1: the columns must be"),
    (b"customer_id,customer_id,units,amount_usd\n", "line 1: the columns must be"),
    (b"\x1f\x8b\x08\x00\xff\xfe\x00", "this is not a text file in UTF-8"),
    (b"\x00" * 100, "line 1: there is a zero byte in it"),
    (HEADER.encode("utf-16"), "this is not a text file in UTF-8"),
    (HEADER.encode() + b"\xe9,1997-01-01,1,1.00\n", "this is not a text file in UTF-8"),
    (b'{"customer_id": 4}', "line 1: the columns must be"),
    (b"x" * 1_000_000, "line 1: the line has 10,000 characters or more"),
]


def written(folder: Path, content: str | bytes) -> Path:
    """Write a log and return its path."""
    path = folder / "log.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("row", "problem"), DAMAGED_ROWS)
def test_damaged_row_is_named_by_its_line_and_problem(tmp_path: Path, row: str, problem: str) -> None:
    """A damaged row makes the whole log unusable; one line of message names the file, the line and the problem."""
    path = written(tmp_path, f"{HEADER}{GOOD_ROW}{row}\n{GOOD_ROW}")

    with pytest.raises(UnusableLog) as caught:
        read_log(path)

    message = str(caught.value)
    assert problem in message
    assert message.startswith(f"{path}: line 3: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 250


@pytest.mark.parametrize(("content", "problem"), WRONG_FILES)
def test_wrong_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    """A file that is no purchase log is refused with what is wrong about it."""
    with pytest.raises(UnusableLog) as caught:
        read_log(written(tmp_path, content))

    assert problem in str(caught.value)
    assert str(caught.value).isprintable()


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    """A path without a file, a folder, and a path that cannot be one are refused like any wrong file."""
    for path in (tmp_path / "none.csv", tmp_path, tmp_path / ("x" * 500), Path("a\0b")):
        with pytest.raises(UnusableLog):
            read_log(path)


def test_rows_are_sorted_by_date_and_keep_their_order_within_a_day(tmp_path: Path) -> None:
    """Purchases are numbered in the order of their dates; those of one day stay in the order of the file."""
    log = read_log(written(tmp_path, f"{HEADER}b,1997-01-02,1,2.00\na,1997-01-02,1,1.00\nb,1997-01-01,3,0.00\n"))

    assert [("b", 0, 4, 1), ("b", 200, 2, 2), ("a", 100, 3, 3)] == [
        (one.customer_id, one.cents, one.line, one.number) for one in log.purchases
    ]
    assert (date(1997, 1, 1), date(1997, 1, 2), 2) == (log.first_day, log.last_day, log.customers)


def test_harmless_differences_do_not_matter(tmp_path: Path) -> None:
    """A byte order mark, other line ends, blank lines, other column order and short decimals give the same log."""
    plain = read_log(written(tmp_path, f"{HEADER}a,1997-01-02,1,11.50\nb,1997-01-03,2,7.00\n"))
    other = "\ufeffunits, amount_usd ,customer_id,purchased_on\r\n1,11.5,a,1997-01-02\r\n\r\n2,7,b, 1997-01-03\r\n\r\n"

    log = read_log(written(tmp_path, other))

    assert plain.digest == log.digest
    assert (
        Purchase(number=2, line=4, customer_id="b", purchased_on=date(1997, 1, 3), units=2, cents=700)
        == log.purchases[1]
    )


def test_any_change_of_a_purchase_changes_the_digest(tmp_path: Path) -> None:
    """Two logs with different purchases never share a digest."""
    rows = ["a,1997-01-02,1,11.50", "b,1997-01-02,1,11.50", "a,1997-01-03,1,11.50", "a,1997-01-02,2,11.50"]
    rows += ["a,1997-01-02,1,11.51", "a,1997-01-02,1,11.50\na,1997-01-02,1,11.50"]

    digests = {read_log(written(tmp_path, f"{HEADER}{row}\n")).digest for row in rows}

    assert len(rows) == len(digests)
