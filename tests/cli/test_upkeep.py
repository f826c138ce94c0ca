from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from moneyed import Money

from loyalty import CodeKeys, IssueGiftCard, Loyalty, PlaceHold
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.clock import system_clock
from loyalty.testing.books import books_of
from tests.cli.terminal import SECRET, at_terminal, call, environment, run

OLDER = Path(__file__).parents[1] / "data" / "older_sqlite.sql"
DATABASES = ["sqlite_url", "postgresql_database"]

READING = [("show", "x"), ("statement", "x"), ("list", "--all"), ("accounts", "--all"), ("liability",), ("audit",)]
CHANGING = [
    ("issue", "5", "USD"),
    ("batch", "1", "5", "USD"),
    ("block", "x"),
    ("unblock", "x"),
    ("replace-code", "x"),
    ("expire",),
]


# --- upgrade ----------------------------------------------------------------


@pytest.mark.parametrize("database", DATABASES)
def test_books_are_made_and_used_from_nothing(request: pytest.FixtureRequest, database: str) -> None:
    """On an empty database: upgrade, issue, show, block, what is owed, and an audit, each a process of its own."""
    env = {"LOYALTY_DATABASE_URL": request.getfixturevalue(database), "LOYALTY_CODE_SECRET": SECRET}
    made, again = run("upgrade", "--json", env=env), run("upgrade", env=env)
    issued = run("issue", "50.00", "USD", "--reveal", "--json", env=env)
    card = json.loads(issued.out)
    blocked = run("block", "--code", "-", env=env, typed=card["code"])
    batch = call("batch", "2", "5", "JPY", "--output", "-", "--reveal", env=env)
    owed, audit = run("liability", "--json", env=env), run("audit", "--json", env=env)
    others = [call(*command, env=env) for command in (("list", "--totals"), ("accounts",), ("expire",))]
    others += [call("statement", card["gift_card"]["account_id"], env=env)]

    ended = [made, again, issued, blocked, batch, owed, audit, *others]
    assert [0] * len(ended) == [done.code for done in ended], "".join(done.err for done in ended)
    assert 4 == len(batch.out.splitlines()) + len(others[1].out.splitlines())
    assert "loyalty_account" in json.loads(made.out)["added"]
    assert ("", "nothing was missing" in again.err) == (again.out, True)
    assert "state\tblocked" in blocked.out
    assert {"amount": "50.00", "currency": "USD"} == json.loads(owed.out)["total"]["USD"]
    assert {"amount": "10", "currency": "JPY"} == json.loads(owed.out)["total"]["JPY"]
    assert "1\t50.00 USD\t50.00 USD\t0.00 USD" in others[0].out.splitlines()
    assert json.loads(audit.out)["is_clean"] is True


def tables_of(path: Path) -> list[tuple[str, str]]:
    """Return the names and definitions of all that a SQLite file holds."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return found


def test_older_tables_are_brought_up_to_date(tmp_path: Path) -> None:
    """A database of an earlier version is refused by every command but `upgrade`, and used after it."""
    path = tmp_path / "older.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(OLDER.read_text())
    connection.close()
    env = {"LOYALTY_DATABASE_URL": f"sqlite:///{path}", "LOYALTY_CODE_SECRET": SECRET}
    before = tables_of(path)
    for command in READING + CHANGING:
        done = call(*command, env=env)
        assert (2, "") == (done.code, done.out)
        assert "run 'loyalty upgrade' first" in done.err
    assert before == tables_of(path)

    upgraded = call("upgrade", "--json", env=env)
    assert 0 == upgraded.code, upgraded.err
    assert {"loyalty_hold", "loyalty_transfer.hold_id"} <= set(json.loads(upgraded.out)["added"])
    assert 0 == call("audit", env=env).code
    assert [] == json.loads(call("upgrade", "--json", env=env).out)["added"]


@pytest.mark.parametrize("command", READING + CHANGING)
def test_a_database_without_tables_is_told_to_be_upgraded(tmp_path: Path, command: tuple[str, ...]) -> None:
    """No command but `upgrade` makes a table, or a file."""
    empty = tmp_path / "empty.db"
    sqlite3.connect(empty).close()
    env = {"LOYALTY_CODE_SECRET": SECRET}
    without = call(*command, "--database", f"sqlite:///{empty}", env=env)
    missing = call(*command, "--database", f"sqlite:///{tmp_path}/missing.db", env=env)

    assert (2, 2, "", "") == (without.code, missing.code, without.out, missing.out)
    assert "run 'loyalty upgrade' first" in without.err
    assert "there is no such file; 'loyalty upgrade' makes one" in missing.err
    assert not (tmp_path / "missing.db").exists()
    assert [] == tables_of(empty)


@pytest.mark.parametrize("command", READING + CHANGING)
def test_newer_tables_are_refused(tmp_path: Path, command: tuple[str, ...]) -> None:
    """An operator with an older installation is told to bring it up to date, whatever he asks for."""
    path = tmp_path / "shop.db"
    env = {"LOYALTY_DATABASE_URL": f"sqlite:///{path}", "LOYALTY_CODE_SECRET": SECRET}
    assert 0 == call("upgrade", env=env).code
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE loyalty_version SET version_num = 'loyalty_9999'")
    connection.close()
    done = call(*command, env=env)

    assert (2, "") == (done.code, done.out)
    assert "the tables are of a newer version of this library (loyalty_9999" in done.err
    assert "install that version here" in done.err


def test_prefix_and_schema_name_other_tables(tmp_path: Path) -> None:
    """Two shops in one database have nothing to do with each other."""
    env = {"LOYALTY_DATABASE_URL": f"sqlite:///{tmp_path}/shops.db", "LOYALTY_CODE_SECRET": SECRET}
    first, second = ({**env, "LOYALTY_TABLE_PREFIX": prefix} for prefix in ("first_", "second_"))
    assert [0, 0] == [call("upgrade", env=shop).code for shop in (first, second)]
    assert 0 == call("issue", "5", "USD", env=first).code

    assert {"USD": {"amount": "5.00", "currency": "USD"}} == json.loads(call("liability", "--json", env=first).out)[
        "total"
    ]
    assert {} == json.loads(call("liability", "--json", env=second).out)["total"]
    assert 2 == call("liability", env=env).code


def test_a_schema_of_postgresql_is_made_and_used(postgresql_database: str) -> None:
    """The tables are in the schema, and nowhere else."""
    env = {"LOYALTY_DATABASE_URL": postgresql_database, "LOYALTY_CODE_SECRET": SECRET, "LOYALTY_SCHEMA": "shop"}
    assert [0, 0] == [call(*command, env=env).code for command in (("upgrade",), ("issue", "5", "USD"))]
    assert 0 == call("audit", env=env).code
    assert 2 == call("audit", env={**env, "LOYALTY_SCHEMA": "public"}).code


# --- expire -----------------------------------------------------------------


def test_what_has_expired_or_lapsed_is_written_down(env: dict[str, str], storage: SqlAlchemyStorage) -> None:
    """All of it, in as many steps as it takes; again there is nothing to do."""
    past = Loyalty(storage, code_keys=CodeKeys.from_secret(SECRET), clock=lambda: system_clock() - timedelta(days=9))
    for number in range(3):
        card = past.execute(
            IssueGiftCard(
                value=Money("5.00", "USD"),
                expires_at=system_clock() - timedelta(days=8),
                idempotency_key=f"i{number}",
            )
        )
    past.execute(
        PlaceHold(
            order_id="1",
            amount_due=Money("2.00", "USD"),
            gift_card_ids=(card.gift_card.id,),
            lapses_after=timedelta(minutes=5),
            idempotency_key="h",
        )
    )
    done, again = call("expire", "--json", env=env), call("expire", env=env)

    assert (0, 0) == (done.code, again.code), done.err
    assert {
        "holds": 1,
        "lapsed": [{"amount": "2.00", "currency": "USD"}],
        "accounts": 3,
        "expired": [{"amount": "15.00", "currency": "USD"}],
    } == json.loads(done.out)
    assert ["holds lapsed\t0", "accounts with expired value\t0"] == again.out.splitlines()
    assert {"amount": "0.00", "currency": "USD"} == json.loads(call("liability", "--json", env=env).out)["total"]["USD"]


def test_a_sweep_in_small_steps_sums_up(
    env: dict[str, str], storage: SqlAlchemyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What several sweeps posted is told as one amount per currency."""
    monkeypatch.setattr("loyalty.cli.upkeep.STEP", 1)
    past = Loyalty(storage, code_keys=CodeKeys.from_secret(SECRET), clock=lambda: system_clock() - timedelta(days=9))
    for number, currency in enumerate(["USD", "JPY", "USD"]):
        past.execute(
            IssueGiftCard(
                value=Money(number + 1, currency),
                expires_at=system_clock() - timedelta(days=8),
                idempotency_key=f"i{number}",
            )
        )
    done = call("expire", "--json", env=env)

    assert 3 == json.loads(done.out)["accounts"]
    assert [("2", "JPY"), ("4.00", "USD")] == [
        (amount["amount"], amount["currency"]) for amount in json.loads(done.out)["expired"]
    ]


# --- the database and the secret --------------------------------------------


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql+psycopg://ada:hunter2@127.0.0.1:1/shop", "onnection refused"),
        ("postgresql+psycopg://ada:hun@ter2@127.0.0.1:1/shop", "write @, : and / in a password as %40"),
        ("postgresql+psycopg://127.0.0.1:1/shop?user=ada&password=hunter2", "onnection refused"),
        ("postgresql+asyncpg://ada:hunter2@127.0.0.1:1/shop", "async"),
        ("sqlite:////nowhere/at/all/demo.db", ""),
        (f"sqlite:///{OLDER}", "file is not a database"),
        ("sqlite://", "a database in memory ends with the command"),
        ("sqlite:///:memory:", "a database in memory ends with the command"),
        ("mysql+nodriver://ada:hunter2@127.0.0.1/shop", ""),
        ("mssql+pymssql://ada:hunter2@127.0.0.1/shop", ""),
        ("no url", "could not parse"),
        ("sqlite:///a\0b", ""),
        ("postgresql+psycopg://ada:hunter2@127.0.0.1:port/shop", ""),
        ("", "which database?"),
        (None, "which database?"),
    ],
)
@pytest.mark.parametrize("command", ["liability", "upgrade"])
def test_a_database_that_cannot_be_used_is_told_in_one_line(command: str, url: str | None, problem: str) -> None:
    """Without a password or a part of one, and exit code 2."""
    arguments = () if url is None else ("--database", url)
    done = call(command, *arguments, env={"LOYALTY_CODE_SECRET": SECRET})

    assert (2, "") == (done.code, done.out)
    assert problem.lower() in done.err.lower()
    assert done.err.startswith("loyalty: ")
    assert 1 == len(done.err.splitlines())
    assert "ter2" not in done.err


@pytest.mark.parametrize("command", CHANGING[:-1])
def test_without_the_secret_nothing_is_changed(env: dict[str, str], command: tuple[str, ...]) -> None:
    """A command under another key than the shop's could not be repeated by the shop; books can be read without it."""
    bare = {"LOYALTY_DATABASE_URL": env["LOYALTY_DATABASE_URL"]}
    done = call(*command, env=bare)

    assert (2, "") == (done.code, done.out)
    assert "this needs the shop's secret: give --secret, or set LOYALTY_CODE_SECRET." in done.err
    assert [1, 1, 0, 0, 0, 0, 0] == [call(*reading, env=bare).code for reading in [*READING, ("expire",)]]
    assert 2 == call("show", "--code", "-", env=bare, typed="GIFT").code


def test_the_secret_of_an_option_wins_and_retired_ones_still_find(env: dict[str, str]) -> None:
    """After the secret was changed, a card is found by its code if the old secret is named."""
    code = json.loads(call("issue", "5", "USD", "--reveal", "--json", env=env).out)["code"]
    new = {**env, "LOYALTY_CODE_SECRET": "a new secret of the same shop"}

    assert 1 == call("show", "--code", "-", env=new, typed=code).code
    assert 0 == call("show", "--code", "-", "--secret", SECRET, env=new, typed=code).code
    assert 0 == call("show", "--code", "-", "--retired-secret", SECRET, env=new, typed=code).code
    spaceless = {**env, "LOYALTY_CODE_SECRET": "a-secret-without-spaces", "LOYALTY_RETIRED_CODE_SECRETS": ""}
    other = call("issue", "5", "USD", env=spaceless)
    assert (2, "") == (other.code, other.out)
    assert "the newest card of these books was made under another secret" in other.err
    spaceless["LOYALTY_DATABASE_URL"] = env["LOYALTY_DATABASE_URL"].replace("loyalty.db", "other.db")
    assert 0 == call("upgrade", env=spaceless).code
    code = json.loads(call("issue", "5", "USD", "--reveal", "--json", env=spaceless).out)["code"]
    retired = {**new, "LOYALTY_RETIRED_CODE_SECRETS": "another-retired-secret a-secret-without-spaces"}
    retired["LOYALTY_DATABASE_URL"] = spaceless["LOYALTY_DATABASE_URL"]
    assert 0 == call("show", "--code", "-", env=retired, typed=code).code
    assert 0 == call("issue", "5", "USD", env=retired).code
    assert 2 == call("issue", "5", "USD", env=spaceless).code


# --- the program ------------------------------------------------------------


def test_help_tells_the_exit_codes_and_every_command_explains_itself() -> None:
    """`--help` works without any setting, and says what the exit codes mean."""
    overall = run("--help", env={"COLUMNS": "120"})
    assert (0, "") == (overall.code, overall.err)
    for words in ("Exit codes: 0", "130 interrupted", "LOYALTY_DATABASE_URL", "LOYALTY_CODE_SECRET"):
        assert words in " ".join(overall.out.replace("│", " ").split())
    for command, *_ in READING + CHANGING + [("upgrade",)]:
        done = call(command, "--help", env={"LOYALTY_CODE_SECRET": SECRET, "COLUMNS": "120"})
        assert 0 == done.code
        assert "Exit codes: 0" in done.out
        assert SECRET not in done.out


def test_a_wrong_option_or_command_is_exit_code_2() -> None:
    """One line that says where help is; alone, the program shows its help."""
    for arguments in (("bogus",), ("--bogus",), ("show", "--bogus"), ("issue",)):
        done = call(*arguments)
        assert (2, "") == (done.code, done.out)
        assert 1 == len(done.err.splitlines())
        assert "--help'." in done.err
    assert 2 == call().code


def test_a_reader_that_stops_early_is_no_error(env: dict[str, str]) -> None:
    """`loyalty … | head -0` ends without a traceback."""
    with subprocess.Popen(
        [sys.executable, "-m", "loyalty", "liability", "--json"],
        env=environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read().decode()
        assert 1 == process.wait()
    assert "" == errors


def test_a_full_disk_is_told_in_one_line(env: dict[str, str]) -> None:
    """What cannot be written is said, with exit code 2."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "loyalty", "audit", "--json"],
            env=environment(env),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert 2 == done.returncode
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_old_terminal_shows_what_it_can(env: dict[str, str], encoding: str) -> None:
    """JSON is complete in every encoding; in a table a sign that is missing becomes a question mark."""
    known = {**env, "PYTHONIOENCODING": encoding}
    issued = run("issue", "5", "USD", "--note", "Grüße 🎁", "--json", env=known)

    assert 0 == issued.code, issued.err
    card = json.loads(issued.out)["gift_card"]
    assert ("Grüße 🎁", f"••••-{card['last_four']}") == (card["note"], card["masked_code"])
    assert 0 == run("show", card["id"], env=known).code


def test_interrupted_at_a_terminal_is_exit_code_130(env: dict[str, str], storage: SqlAlchemyStorage) -> None:
    """Ctrl-C while the books are locked by another ends the command at once, and nothing is changed."""
    path = env["LOYALTY_DATABASE_URL"].removeprefix("sqlite:///")
    before = books_of(storage)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with at_terminal("issue", "5", "USD", env=env) as terminal:
        terminal.wait_for("key: cli/issue/")
        terminal.press("\x03")
        other.execute("ROLLBACK")
        other.close()
        assert 130 == terminal.ended(), terminal.shown
    assert "interrupted. The same again with --key cli/issue/" in terminal.shown
    assert "Traceback" not in terminal.shown
    assert before == books_of(storage)
