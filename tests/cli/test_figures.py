from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from moneyed import Money

from loyalty import Audit, GrantStoreCredit, IssueGiftCard, Liability, LotOrigin, Loyalty, RedeemGiftCard, Statement
from loyalty.cli.json_form import as_json
from loyalty.clock import system_clock
from tests.cli.terminal import at_terminal, call, run

NOW = system_clock()


@pytest.fixture
def account_id(loyalty: Loyalty) -> str:
    """Give the account of a card with five entries; a customer has store credit, too, and a card is in yen."""
    card = loyalty.execute(IssueGiftCard(value=Money("50.00", "USD"), idempotency_key="i")).gift_card
    for number in range(4):
        loyalty.execute(
            RedeemGiftCard(
                gift_card_id=card.id,
                amount=Money(f"{number + 1}.50", "USD"),
                order_id=f"100{number}",
                note="two\nlines\tand a tab",
                idempotency_key=f"r{number}",
            )
        )
    loyalty.execute(IssueGiftCard(value=Money("3000", "JPY"), idempotency_key="j", order_id="1"))
    loyalty.execute(
        GrantStoreCredit(customer_id="ada", amount=Money("7.00", "USD"), origin=LotOrigin.GOODWILL, idempotency_key="g")
    )
    return card.account_id


def lines_of(text: str) -> list[dict[str, Any]]:
    """Read one JSON value per line."""
    return [json.loads(line) for line in text.splitlines()]


# --- liability --------------------------------------------------------------


def test_what_is_owed_is_what_the_library_answers(env: dict[str, str], loyalty: Loyalty, account_id: str) -> None:
    """Now, and as of an instant before anything was owed."""
    assert account_id
    done = run("liability", "--json", env=env)
    answer, expected = json.loads(done.out), as_json(loyalty.ask(Liability()))

    assert isinstance(expected, dict)
    assert (0, "") == (done.code, done.err)
    assert (expected["total"], expected["by_origin"]) == (answer["total"], answer["by_origin"])
    assert {"amount": "45.00", "currency": "USD"} == answer["total"]["USD"]
    assert {"purchased": {"amount": "3000", "currency": "JPY"}} == answer["by_origin"]["JPY"]
    assert timedelta(0) <= system_clock() - datetime.fromisoformat(answer["as_of"]) < timedelta(minutes=5)

    before = call("liability", "--as-of", "2001-02-03", "--json", env=env)
    assert {"as_of": "2001-02-03T00:00:00Z", "total": {}, "by_origin": {}} == json.loads(before.out)
    offset = call("liability", "--as-of", "2001-02-03T02:00+02:00", "--json", env=env)
    assert json.loads(before.out) == json.loads(offset.out)


def test_what_is_owed_is_lines_in_a_pipe_and_a_table_at_a_terminal(env: dict[str, str], account_id: str) -> None:
    """The same figures either way."""
    assert account_id
    done = call("liability", env=env)
    assert [
        "currency\torigin\towed",
        "JPY\tpurchased\t3000 JPY",
        "JPY\tin all\t3000 JPY",
        "USD\tgoodwill\t7.00 USD",
        "USD\tpromotional\t38.00 USD",
        "USD\tin all\t45.00 USD",
    ] == done.out.splitlines()
    with at_terminal("liability", env=env) as terminal:
        assert 0 == terminal.ended(), terminal.shown
    assert "Owed to customers as of 20" in terminal.shown
    assert re_line(terminal.shown, "USD", "in all", "45.00 USD")
    with at_terminal("liability", "--as-of", "2001-01-01", env=env) as terminal:
        assert 0 == terminal.ended(), terminal.shown
    assert "Nothing was ever owed." in terminal.shown


@pytest.mark.parametrize("when", ["", "yesterday", "2001-02-30", "2001-01-01T00:00", "1", "9999-12-31T23:59-23:00"])
def test_a_time_that_is_none_is_told_in_one_line(env: dict[str, str], when: str) -> None:
    """A wrong time is exit code 2."""
    done = call("liability", "--as-of", when, env=env)

    assert (2, "") == (done.code, done.out)
    assert "--as-of" in done.err
    assert 1 == len(done.err.splitlines())


# --- audit ------------------------------------------------------------------


def test_books_in_order_are_exit_code_0(env: dict[str, str], loyalty: Loyalty, account_id: str) -> None:
    """The verdict is on standard error, the report on standard output."""
    assert account_id
    done, text = call("audit", "--json", env=env), call("audit", env=env)

    assert (0, 0, "") == (done.code, text.code, text.out)
    expected = as_json(loyalty.ask(Audit()))
    assert isinstance(expected, dict)
    del expected["mark"]
    assert {**expected, "is_clean": True} == json.loads(done.out)
    assert "Audit: clean. 7 entries of 3 accounts were added up again, and everything fits." in text.err


def test_damaged_books_are_exit_code_1(env: dict[str, str], loyalty: Loyalty, account_id: str) -> None:
    """Each finding is named; nothing is repaired."""
    with sqlite3.connect(env["LOYALTY_DATABASE_URL"].removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE loyalty_account SET posted = posted + 1 WHERE id = ?", (account_id,))
    connection.close()
    done, text, one = (call("audit", *more, env=env) for more in (("--json",), (), ("--limit", "1", "--json")))

    report = loyalty.ask(Audit())
    assert (1, 1, 1) == (done.code, text.code, one.code)
    assert as_json(report.findings) == json.loads(done.out)["findings"]
    assert json.loads(done.out)["is_clean"] is False
    assert len(report.findings) > 1 == len(json.loads(one.out)["findings"])
    first = report.findings[0]
    assert f"{first.subject}\t{first.id}\t{first.problem}" in text.out.splitlines()
    assert f"Audit: {len(report.findings)} findings." in text.err
    assert not loyalty.ask(Audit()).is_clean


def spoil(env: dict[str, str], account_id: str, by: int) -> None:
    """Change a balance behind the library's back."""
    with sqlite3.connect(env["LOYALTY_DATABASE_URL"].removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE loyalty_account SET posted = posted + ? WHERE id = ?", (by, account_id))
    connection.close()


def test_an_audit_goes_on_from_the_last_clean_one(
    env: dict[str, str], loyalty: Loyalty, account_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run makes the file, later ones look at what changed; the mark stays where something is wrong."""
    file, hours = tmp_path / "mark", iter(range(0, 100, 2))
    monkeypatch.setattr("loyalty.cli.desk.Loyalty", partial(Loyalty, clock=lambda: NOW + timedelta(hours=next(hours))))
    first, second = (call("audit", "--since-last", f"{file}", env=env) for _ in range(2))
    assert (0, 0) == (first.code, second.code)
    assert "7 entries of 3 accounts were added up again" in first.err
    assert "accounts that changed were added up again, and everything fits." in second.err
    assert "0 entries of 0 accounts that changed" in call("audit", "--since-last", f"{file}", env=env).err

    spoil(env, account_id, 1)
    assert 0 == call("audit", "--since-last", f"{file}", env=env).code
    spoil(env, account_id, -1)
    before = file.read_text()
    card = loyalty.execute(IssueGiftCard(value=Money("50.00", "USD"), idempotency_key="i")).gift_card
    loyalty.execute(
        RedeemGiftCard(gift_card_id=card.id, amount=Money("1.00", "USD"), order_id="9", idempotency_key="9")
    )
    spoil(env, account_id, 1)
    for _ in range(2):
        done = call("audit", "--since-last", f"{file}", "--json", env=env)
        assert (1, account_id) == (done.code, json.loads(done.out)["findings"][0]["id"])
    assert before == file.read_text()
    assert 1 == call("audit", env=env).code
    spoil(env, account_id, -1)
    done = call("audit", "--since-last", f"{file}", env=env)
    assert (0, True) == (done.code, "6 entries of 1 accounts that changed" in done.err)
    assert before != file.read_text()
    assert ["mark"] == [path.name for path in tmp_path.iterdir() if path.name.startswith("mark")]


@pytest.mark.parametrize("text", [b"", b"no mark", b"\xff", b'[2,0,"",[]]'], ids=repr)
def test_a_file_that_holds_no_mark_is_exit_code_2(env: dict[str, str], tmp_path: Path, text: bytes) -> None:
    """It is not overwritten: it may be anything."""
    file = tmp_path / "mark"
    file.write_bytes(text)
    done = call("audit", "--since-last", f"{file}", env=env)
    assert (2, "", text) == (done.code, done.out, file.read_bytes())
    assert "is no mark of an audit" in done.err
    assert 1 == len(done.err.splitlines())


def test_a_file_that_cannot_be_read_or_written_is_exit_code_2(env: dict[str, str], tmp_path: Path) -> None:
    """A folder, or one in a folder that is not there."""
    for file in (tmp_path, tmp_path / "nowhere" / "mark"):
        done = call("audit", "--since-last", f"{file}", env=env)
        assert (2, "") == (done.code, done.out)
        assert 1 == len(done.err.splitlines())


def test_the_mark_of_other_books_is_exit_code_2(env: dict[str, str], account_id: str, tmp_path: Path) -> None:
    """As after a backup was restored: a whole audit is to be made, with another file or none."""
    assert account_id
    file = tmp_path / "mark"
    file.write_text('[1,7,"an event that is not there",[]]')
    done = call("audit", "--since-last", f"{file}", env=env)
    assert (2, "") == (done.code, done.out)
    assert "run a whole audit" in done.err


@pytest.mark.parametrize("limit", ["0", "-1", "10001", "many"])
def test_a_limit_out_of_bounds_is_exit_code_2(env: dict[str, str], limit: str) -> None:
    """Of the audit and of the statement alike."""
    for command in (("audit",), ("statement", "an-account")):
        done = call(*command, "--limit", limit, env=env)
        assert (2, "") == (done.code, done.out)
        assert "limit" in done.err
        assert 1 == len(done.err.splitlines())


# --- statement --------------------------------------------------------------


def test_a_statement_is_what_the_library_answers(env: dict[str, str], loyalty: Loyalty, account_id: str) -> None:
    """Of a card's account by its id, of store credit by its customer as well."""
    done = call("statement", account_id, "--json", env=env)
    assert (0, "") == (done.code, done.err)
    assert as_json(loyalty.ask(Statement(account_id=account_id))) == json.loads(done.out)

    credit = json.loads(call("statement", "--customer", "ada", "--currency", "usd", "--json", env=env).out)
    assert as_json(loyalty.ask(Statement(account_id=credit["account_id"]))) == credit
    assert [{"amount": "7.00", "currency": "USD"}] == [entry["amount"] for entry in credit["entries"]]


def test_a_long_statement_is_continued(env: dict[str, str], loyalty: Loyalty, account_id: str) -> None:
    """What does not fit is said to be there, and --after gives it, to the last entry."""
    entries = as_json(loyalty.ask(Statement(account_id=account_id)).entries)
    first = call("statement", account_id, "--limit", "2", "--json", env=env)
    rest = call("statement", account_id, "--after", "2", "--limit", "3", "--json", env=env)

    assert 2 == json.loads(first.out)["next_after"]
    assert "There is more: --after 2, or --all." in first.err
    assert (None, "") == (json.loads(rest.out)["next_after"], rest.err)
    assert entries == json.loads(first.out)["entries"] + json.loads(rest.out)["entries"]


def test_a_whole_statement_is_read_in_pages(
    env: dict[str, str], loyalty: Loyalty, account_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --all each entry is one line, whatever the size of a page, and the header comes once."""
    monkeypatch.setattr("loyalty.cli.accounts.PAGE", 2)
    done, text = (call("statement", account_id, "--all", *more, env=env) for more in (("--json",), ()))

    assert as_json(loyalty.ask(Statement(account_id=account_id)).entries) == lines_of(done.out)
    rows = [line.split("\t") for line in text.out.splitlines()]
    assert ["#", "recorded", "kind", "amount", "balance", "order", "actor", "reason", "note"] == rows[0]
    assert ["1", "2", "3", "4", "5"] == [row[0] for row in rows[1:]]
    assert ("-4.50 USD", "38.00 USD", "1003", "two lines and a tab") == (rows[5][3], rows[5][4], rows[5][5], rows[5][8])


def test_a_statement_is_a_table_at_a_terminal(env: dict[str, str], account_id: str) -> None:
    """Columns in which nothing stands are left out, and amounts and times are in one piece, however narrow it is."""
    for columns in (100, 80):
        with at_terminal("statement", account_id, env=env, columns=columns) as terminal:
            assert 0 == terminal.ended(), terminal.shown
        assert re_line(terminal.shown, "redemption", "-4.50 USD", "38.00 USD")
        assert "reason" not in terminal.shown
        assert "note" in terminal.shown


def re_line(shown: str, *words: str) -> bool:
    """Tell whether all words are on one line."""
    return any(all(word in line for word in words) for line in shown.splitlines())


def test_a_statement_within_times(env: dict[str, str], account_id: str) -> None:
    """From an instant on, and until before another; an account without entries between them has none."""
    nothing = call("statement", account_id, "--until", "2001-01-01", "--json", env=env)
    everything = call("statement", account_id, "--since", "2001-01-01", "--json", env=env)
    wrong = call("statement", account_id, "--since", "2002-01-01", "--until", "2001-01-01", env=env)

    assert ([], 5) == (json.loads(nothing.out)["entries"], len(json.loads(everything.out)["entries"]))
    assert (2, "") == (wrong.code, wrong.out)
    assert "must end after it begins" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        ((), 2, "name the account once"),
        (("an-account", "--customer", "ada"), 2, "name the account once"),
        (("--customer", "ada"), 2, "name the account once"),
        (("an-account", "--currency", "USD"), 2, "name the account once"),
        (("--customer", "ada", "--currency", "us$"), 2, "a currency code has"),
        (("--customer", "ada", "--currency", "EUR"), 1, "no such store credit account"),
        (("nobody",), 1, "no such account"),
        (("nobody", "--all"), 1, "no such account"),
        (("nobody", "--after", "-1"), 2, "after must be"),
    ],
)
def test_an_account_that_is_not_there_is_told_in_one_line(
    env: dict[str, str], arguments: tuple[str, ...], code: int, problem: str
) -> None:
    """Exit code 1 for what is not there, 2 for what cannot be asked."""
    done = call("statement", *arguments, env=env)

    assert (code, "") == (done.code, done.out)
    assert problem in done.err
    assert 1 == len(done.err.splitlines())
