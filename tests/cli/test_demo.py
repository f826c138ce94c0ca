from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from loyalty.cli.app import app
from loyalty.cli.demo import SAMPLE
from tests.cli.demo_oracle import FIGURES, holds_of, months_of
from tests.cli.test_purchases import DAMAGED_ROWS, GOOD_ROW, HEADER

SMALL = Path(__file__).parents[1] / "data" / "small_log.csv"
DECLINED = Path(__file__).parents[1] / "data" / "declined_log.csv"
MONTH = re.compile(r"^ *([0-9]{4}-[0-9]{2})((?: +-?[0-9,]+\.[0-9]{2}){6}) *$", re.MULTILINE)


def demo(*arguments: str, env: dict[str, str | None] | None = None) -> Result:
    """Call the command in this process."""
    return CliRunner().invoke(app, ["demo", *arguments], env={"LOYALTY_CODE_SECRET": None, **(env or {})})


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command as a person would, with *folder* as the current one."""
    environment = {name: value for name, value in os.environ.items() if name != "LOYALTY_CODE_SECRET"}
    return subprocess.Popen(
        [sys.executable, "-m", "loyalty", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_ctrl_c,  # noqa: PLW1509  # no thread of this test holds a lock
    )


def _hear_ctrl_c() -> None:
    """Let the child be interrupted: what is started in the background, as by some runners, ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def table(output: str) -> dict[str, dict[str, int]]:
    """Read the printed table back, in cents."""
    return {
        month: dict(zip(FIGURES, (int(re.sub("[,.]", "", text)) for text in figures.split()), strict=True))
        for month, figures in MONTH.findall(output)
    }


def test_sample_is_replayed_interrupted_continued_and_repeated(tmp_path: Path) -> None:
    """The sample, stopped by Ctrl-C, continues to what the oracle says and is then repeated without a change."""
    first = started(tmp_path, "demo")
    assert first.stderr is not None
    assert "692 of 6,919 purchases\n" == first.stderr.readline()
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=300)
    assert "interrupted. What was done is safe; run the same again to go on." in errors
    assert "Traceback" not in errors
    assert 130 == first.returncode

    output, errors = started(tmp_path, "demo").communicate(timeout=900)
    assert months_of(SAMPLE) == table(output), errors
    assert "6,919 purchases of 2,357 customers, 1997-01-01 to 1998-06-30, 244,091.94 USD" in output
    assert "An earlier run had stopped on the way and was continued" in output
    assert "Audit: clean." in output
    assert "8 of 0.00" in output
    assert "commands per second" in output

    again = started(tmp_path, "demo")
    repeated, _ = again.communicate(timeout=900)
    assert table(output) == table(repeated)
    assert "This log was replayed before: nothing changed." in repeated
    assert 0 == again.returncode
    assert ["loyalty-demo.db"] == sorted(path.name for path in tmp_path.iterdir())


def test_small_log_is_replayed_and_repeated(sqlite_url: str) -> None:
    """A log of one's own is replayed on a database of one's own, and a second run says that nothing changed."""
    first = demo("--purchases", str(SMALL), "--database", sqlite_url)
    second = demo("--purchases", str(SMALL), "--database", sqlite_url)

    assert (0, 0) == (first.exit_code, second.exit_code)
    assert months_of(SMALL) == table(first.stdout) == table(second.stdout)
    assert "nothing changed" not in first.stdout
    assert "nothing changed. All 16 commands were answered again" in second.stdout
    assert "Liability on 1997-07-07: 13.21 USD (promotional 10.21, refund 3.00)" in first.stdout
    assert "20 of 20 purchases" in first.stderr


def test_sample_is_replayed_through_holds(sqlite_url: str) -> None:
    """The sample, paid through holds with charges that fail elsewhere, ties to the cent, and so do its holds."""
    result = demo("--checkout", "hold", "--database", sqlite_url)

    holds = holds_of(SAMPLE)
    placed, declined = sum(holds.values()), holds["voided"] + holds["lapsed"]
    closed = f"{holds['captured']:,} captured, {holds['voided']} voided and {holds['lapsed']} lapsed"
    assert 0 == result.exit_code, result.stderr
    assert months_of(SAMPLE, through_holds=True) == table(result.stdout)
    assert f"Holds: {placed:,} placed, {closed} after {declined} charges were declined elsewhere" in result.stdout
    assert "Audit: clean." in result.stdout
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        stored = dict(connection.execute("SELECT status, count(*) FROM loyalty_hold GROUP BY status").fetchall())
        held = connection.execute("SELECT sum(held) FROM loyalty_account").fetchone()
    connection.close()
    assert (holds, (0,)) == (stored, held)


def test_log_is_replayed_through_holds_and_repeated(sqlite_url: str) -> None:
    """A second run through holds says that nothing changed; a run that pays in the other way is refused."""
    arguments = ("--purchases", str(DECLINED), "--database", sqlite_url)
    first = demo(*arguments, "--checkout", "hold")
    second = demo(*arguments, "--checkout", "hold")
    other = demo(*arguments)

    assert (0, 0, 2) == (first.exit_code, second.exit_code, other.exit_code)
    assert months_of(DECLINED, through_holds=True) == table(first.stdout) == table(second.stdout)
    assert "Holds: 6 placed, 4 captured, 1 voided and 1 lapsed after 2 charges were declined" in first.stdout
    assert "Cards: 2 issued, 1 claimed at a second purchase, 0 had expired by then" in first.stdout
    assert "nothing changed. All 17 commands were answered again" in second.stdout
    assert "was paid with another --checkout. Nothing was changed" in other.stderr


@pytest.mark.parametrize(("log", "checkout"), [(SMALL, "direct"), (DECLINED, "hold")])
def test_small_log_is_replayed_on_postgresql(postgresql_database: str, log: Path, checkout: str) -> None:
    """PostgreSQL gives the same table as SQLite."""
    arguments = ("--purchases", str(log), "--database", postgresql_database, "--checkout", checkout)
    first, second = demo(*arguments), demo(*arguments)

    assert (0, 0) == (first.exit_code, second.exit_code), first.stderr
    assert months_of(log, through_holds=checkout == "hold") == table(first.stdout) == table(second.stdout)
    assert "nothing changed" in second.stdout


def test_free_purchases_move_nothing_but_the_card(tmp_path: Path, sqlite_url: str) -> None:
    """Purchases of 0.00 earn and convert the card, and neither pay, nor reward, nor return anything."""
    path = tmp_path / "log.csv"
    path.write_text(HEADER + "ada,1997-01-01,1,0.00\n" * 40)

    result = demo("--purchases", str(path), "--database", sqlite_url)

    assert 0 == result.exit_code
    assert months_of(path) == table(result.stdout)
    assert "0 paid with stored value first, 2 returned the next day, 40 of 0.00" in result.stdout
    assert "Speed: 2 commands" in result.stdout


@pytest.mark.parametrize("checkout", ["direct", "hold"])
def test_many_expired_cards_are_no_guesses(tmp_path: Path, sqlite_url: str, checkout: str) -> None:
    """More expired cards than a shop lets strangers try in a minute do not stop the replay."""
    path = tmp_path / "log.csv"
    days = ("1997-01-01", "1997-06-01")
    path.write_text(HEADER + "".join(f"{customer},{day},1,0.00\n" for day in days for customer in range(1001)))

    result = demo("--purchases", str(path), "--database", sqlite_url, "--checkout", checkout)

    assert 0 == result.exit_code, result.stderr
    assert "at a second purchase, 1,001 had expired by then" in result.stdout


@pytest.mark.parametrize(("row", "problem"), DAMAGED_ROWS)
def test_damaged_row_stops_before_the_first_command(tmp_path: Path, row: str, problem: str) -> None:
    """A damaged last row gives one line that names it and exit code 2; not even the database is made."""
    path, database = tmp_path / "log.csv", tmp_path / "demo.db"
    path.write_text(f"{HEADER}{GOOD_ROW}{row}\n")

    result = demo("--purchases", str(path), "--database", f"sqlite:///{database}")

    assert 2 == result.exit_code
    assert problem in result.stderr
    assert 1 == len(result.stderr.splitlines())
    assert "" == result.stdout
    assert not database.exists()


@pytest.mark.parametrize("content", [None, b"", HEADER.encode(), b"\x89PNG\r\n\x1a\n\xff", b"a,b\n1,2\n"])
def test_wrong_file_stops_before_the_first_command(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty, binary or foreign file gives one line and exit code 2; not even the database is made."""
    path, database = tmp_path / "log.csv", tmp_path / "demo.db"
    if content is not None:
        path.write_bytes(content)

    result = demo("--purchases", str(path), "--database", f"sqlite:///{database}")

    assert 2 == result.exit_code
    assert result.stderr.startswith(f"loyalty: {path}: ")
    assert 1 == len(result.stderr.splitlines())
    assert not database.exists()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql+psycopg://ada:hunter2@127.0.0.1:1/shop", "onnection refused"),
        ("sqlite:////nowhere/at/all/demo.db", "unable to open database file"),
        (f"sqlite:///{SMALL}", "file is not a database"),
        ("mysql+nodriver://ada:hunter2@127.0.0.1/shop", ""),
        ("mssql+pymssql://ada:hunter2@127.0.0.1/shop", ""),
        ("no url", "could not parse"),
        ("", "could not parse"),
        ("sqlite:///a\0b", ""),
        ("postgresql+psycopg://ada:hunter2@127.0.0.1:port/shop", ""),
    ],
)
def test_database_that_cannot_be_used_is_told_in_one_line(url: str, problem: str) -> None:
    """A database that cannot be reached or used gives one line without a password, and exit code 2."""
    result = demo("--purchases", str(SMALL), "--database", url)

    assert 2 == result.exit_code, result.stderr
    assert problem.lower() in result.stderr.lower()
    assert result.stderr.startswith("loyalty: ")
    assert 1 == len(result.stderr.splitlines())
    assert "hunter2" not in result.output


def test_other_log_and_other_secret_are_told_in_one_line(sqlite_url: str, tmp_path: Path) -> None:
    """A database of another log or another secret gives exit code 2 and stays as it is."""
    demo("--purchases", str(SMALL), "--database", sqlite_url)
    path = tmp_path / "log.csv"
    path.write_text(HEADER + GOOD_ROW)

    log = demo("--purchases", str(path), "--database", sqlite_url)
    secret = demo("--purchases", str(SMALL), "--database", sqlite_url, "--secret", "quite another secret")

    assert (2, 2) == (log.exit_code, secret.exit_code)
    assert "the database holds the replay of another purchase log. Nothing was changed" in log.stderr
    assert "the database was filled under another secret. Nothing was changed" in secret.stderr
    assert "nothing changed" in demo("--purchases", str(SMALL), "--database", sqlite_url).stdout


def test_secret_comes_from_the_option_or_the_environment(sqlite_url: str) -> None:
    """The secret may be given either way, must not be short, and never shows."""
    arguments = ("--purchases", str(SMALL), "--database", sqlite_url)

    first = demo(*arguments, env={"LOYALTY_CODE_SECRET": "a secret of this test"})
    second = demo(*arguments, "--secret", "a secret of this test")
    short = demo(*arguments, "--secret", "short")

    assert (0, 0, 2) == (first.exit_code, second.exit_code, short.exit_code)
    assert "nothing changed" in second.stdout
    assert "at least 16 bytes" in short.stderr
    assert "a secret of this test" not in first.output + second.output


def test_damaged_books_are_exit_code_1(sqlite_url: str) -> None:
    """If somebody changed a balance behind the library's back, the audit names it and the exit code is 1."""
    demo("--purchases", str(SMALL), "--database", sqlite_url)
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE loyalty_account SET posted = posted + 1 WHERE posted > 0")
    connection.close()

    result = demo("--purchases", str(SMALL), "--database", sqlite_url)

    assert 1 == result.exit_code
    assert "the books were damaged before this run" in result.stderr
    assert "but its transfers sum to" in result.stderr


def test_no_code_of_a_gift_card_is_printed_or_stored(sqlite_url: str) -> None:
    """Neither the output nor the database file holds the code of a card."""
    result = demo("--purchases", str(SMALL), "--database", sqlite_url)
    stored = Path(sqlite_url.removeprefix("sqlite:///")).read_bytes()

    assert "GIFT-" not in result.output
    assert b"GIFT-" not in stored


def test_help_and_wrong_options() -> None:
    """The command explains itself; an unknown option is exit code 2."""
    assert "--purchases" in demo("--help", env={"COLUMNS": "100", "TERM": "dumb"}).output
    assert 2 == demo("--bogus").exit_code


@pytest.mark.parametrize("missing", ["typer", "rich", "sqlalchemy"])
def test_missing_extra_is_told_in_one_line(missing: str) -> None:
    """Without what the extra brings, the command line says how to install it, and exits with 2."""
    program = f"import sys, runpy; sys.modules[{missing!r}] = None; runpy.run_module('loyalty', run_name='__main__')"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert 2 == done.returncode
    assert "" == done.stdout
    assert f"The command line needs the extra 'cli' ({missing} is not installed)" in done.stderr
    assert "pip install 'loyalty-core[cli]'" in done.stderr
    assert 1 == len(done.stderr.splitlines())
