from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from moneyed import Money

from loyalty import FindGiftCard, GetGiftCard, IssuedGiftCard, IssueGiftCard, Liability, Loyalty, Statement
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.cli.json_form import as_json
from loyalty.errors import OutcomeUnknown
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.testing.books import books_of
from tests.cli.terminal import SECRET, Done, at_terminal, call, run

CODE = re.compile("GIFT-[0-9A-Z]{4}(-[0-9A-Z]{4})+")


def issued_card(loyalty: Loyalty, amount: str = "50.00") -> IssuedGiftCard:
    """Issue a card as the shop does."""
    return loyalty.execute(IssueGiftCard(value=Money(amount, "USD"), idempotency_key=f"shop/{amount}"))


def without_time(view: object) -> object:
    """Return a card as JSON data without the instant at which it was looked at."""
    data = as_json(view)
    assert isinstance(data, dict)
    return {name: value for name, value in data.items() if name != "as_of"}


def key_in(done: Done) -> str:
    """Return the key under which a command says that it is done."""
    found = re.search(r"^key: (\S+)$", done.err, re.MULTILINE)
    assert found is not None, done.err
    return found[1]


# --- issue ------------------------------------------------------------------


def test_a_card_is_issued_masked_and_revealed_by_the_same_command_again(env: dict[str, str], loyalty: Loyalty) -> None:
    """Without --reveal no code is shown; the same again with the key that was shown tells it, and issues nothing."""
    said = ("issue", "50.00", "usd", "--expires", "2099-01-01", "--customer", "ada", "--tag", "spring", "--note", "hi")
    first = run(*said, env=env)
    again = call(*said, "--key", key_in(first), "--reveal", "--json", env=env)

    assert (0, 0) == (first.code, again.code), first.err + again.err
    answer = json.loads(again.out)
    assert not CODE.search(first.all)
    assert f"--key {key_in(first)} --reveal" in first.err
    assert answer["gift_card"]["id"] in first.out
    assert answer["gift_card"]["masked_code"] in first.out
    found = loyalty.ask(FindGiftCard(code=answer["code"]))
    assert (found.id, found.customer_id, found.tags, found.note) == (
        answer["gift_card"]["id"],
        "ada",
        ("spring",),
        "hi",
    )
    assert (Money("50.00", "USD"), datetime(2099, 1, 1, tzinfo=UTC)) == (found.value, found.expires_at)
    assert without_time(found) == without_time_in(answer["gift_card"])
    assert "" == again.err
    assert key_in(first) == answer["idempotency_key"]
    assert 1 == len(loyalty.ask(Statement(account_id=found.account_id)).entries)


def without_time_in(data: dict[str, object]) -> dict[str, object]:
    """Return a card that was read as JSON without the instant at which it was looked at."""
    return {name: value for name, value in data.items() if name != "as_of"}


def test_all_that_can_be_said_of_a_card_is_kept(env: dict[str, str], loyalty: Loyalty) -> None:
    """Every option of `issue` reaches the card, or the entry of its issue."""
    done = call(
        "issue", "5", "KWD", "--recipient", "Bo", "--order", "1001", "--origin", "goodwill", "--region", "eu",
        "--tax-rate", "0", "--tax-treatment", "single_purpose", "--actor", "ada@desk", "--reason", "a late parcel",
        "--key", "k", "--expires", "2099-01-01T02:00+02:00", "--chosen-codes", "--code", "-", "--json",
        env=env, typed="WELCOME TO OUR SHOP\n",
    )  # fmt: skip

    assert 0 == done.code, done.err
    card = json.loads(done.out)["gift_card"]
    assert ("Bo", "1001", "goodwill", "eu", "0") == tuple(
        card[name] for name in ("recipient", "order_id", "origin", "region", "tax_rate")
    )
    assert ({"amount": "5.000", "currency": "KWD"}, "2099-01-01T00:00:00Z") == (card["value"], card["expires_at"])
    (entry,) = loyalty.ask(Statement(account_id=card["account_id"])).entries
    assert ("ada@desk", "a late parcel") == (entry.actor, entry.reason)
    shown = call("show", "--code", "-", "--chosen-codes", "--json", env=env, typed="welcome-to-our-shop")
    assert card["id"] == json.loads(shown.out)["gift_card"]["id"]
    assert "WELCOME" not in (done.all + shown.all).upper()


def test_the_actor_is_whoever_is_logged_in(env: dict[str, str], loyalty: Loyalty) -> None:
    """Without --actor the name of the operating system's user is kept."""
    done = call("issue", "5", "USD", "--json", env={**env, "LOGNAME": "grace"})

    (entry,) = loyalty.ask(Statement(account_id=json.loads(done.out)["gift_card"]["account_id"])).entries
    assert "grace" == entry.actor


def test_an_unknown_outcome_names_the_key_and_the_same_again_is_safe(
    env: dict[str, str], loyalty: Loyalty, storage: SqlAlchemyStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the commit: the command says how to go on, and going on issues no second card."""
    run_it = SqlAlchemyStorage.run

    def breaking(self: SqlAlchemyStorage, work: object) -> object:
        run_it(self, work)  # type: ignore[arg-type]  # whatever the door sends
        raise OutcomeUnknown

    monkeypatch.setattr(SqlAlchemyStorage, "run", breaking)
    first = call("issue", "5", "USD", env=env)
    monkeypatch.undo()
    before = books_of(storage)
    again = call("issue", "5", "USD", "--key", key_in(first), "--json", env=env)

    assert (2, 0) == (first.code, again.code)
    assert f"The same again with --key {key_in(first)} is safe" in first.err
    assert before == books_of(storage)
    assert Money("5.00", "USD") == loyalty.ask(GetGiftCard(id=json.loads(again.out)["gift_card"]["id"])).value


WRONG_ISSUES = [
    ((), "Missing argument 'AMOUNT'"),
    (("50.00",), "Missing argument 'CURRENCY'"),
    (("fifty", "USD"), "the amount must be a number"),
    (("50,00", "USD"), "the amount must be a number"),
    (("NaN", "USD"), "finite"),
    (("Infinity", "USD"), "finite"),
    (("0", "USD"), "more than zero"),
    (("1e30", "USD"), "larger than 10^15"),
    (("5.001", "USD"), "more than the 2 decimals of USD"),
    (("--", "-5", "USD"), "more than zero"),
    (("5", "XYZ"), "there is no such currency"),
    (("5", "DOLLARS"), "there is no such currency"),
    (("5", "USD", "more"), "unexpected extra argument"),
    (("5", "USD", "--expires", "tomorrow"), "--expires must be a date"),
    (("5", "USD", "--expires", "2099-01-01T00:00"), "--expires must name its zone"),
    (("5", "USD", "--expires", "2099-01-01 00:00"), "--expires must name its zone"),
    (("5", "USD", "--expires", "9999-12-31T23:59-23:00"), "outside the years"),
    (("5", "USD", "--expires", "2001-01-01"), "must expire in the future"),
    (("5", "USD", "--tax-rate", "much"), "a tax rate must be"),
    (("5", "USD", "--tax-rate", "101"), "tax rate"),
    (("5", "USD", "--origin", "stolen"), "--origin"),
    (("5", "USD", "--tax-treatment", "none"), "--tax-treatment"),
    (("5", "USD", "--key", " "), "idempotency_key must not be blank"),
    (("5", "USD", "--key", "k" * 201), "idempotency_key must have 1 to 200 characters"),
    (("5", "USD", "--note", "n" * 2001), "note must have"),
    (("5", "USD", "--reason", "\x1b[2J"), "reason must not contain control characters"),
    (("5", "USD", "--actor", "a" * 201), "actor must have"),
    (("5", "USD", "--customer", ""), "customer_id must have"),
    (("5", "USD", *("--tag=t",) * 101), "at most 100"),
    (("5", "USD", "--code", "-"), "there is no code on standard input"),
    (("5", "USD", "--code", "MY-OWN-CODE-1"), "chosen codes are not allowed"),
    (("5", "USD", "--code", "SHORT", "--chosen-codes"), "at least 12 letters and digits"),
    (("5", "USD", "--code", "§§§", "--chosen-codes"), "only letters and digits"),
    (("5", "USD", "--code-prefix", "no prefix"), "the prefix of codes"),
    (("5", "USD", "--secret", "short"), "at least 16 bytes"),
    (("5", "USD", "--retired-secret", "short"), "at least 16 bytes"),
    (("5", "USD", "--table-prefix", "Robert'); DROP TABLE"), "the prefix of tables"),
    (("5", "USD", "--schema", "nowhere"), ""),
    (("5", "USD", "--reveal=yes"), "--reveal"),
    (("5", "USD", "--bogus"), "No such option: --bogus"),
]


@pytest.mark.parametrize(("arguments", "problem"), WRONG_ISSUES)
def test_a_wrong_argument_is_told_in_one_line_and_changes_nothing(
    env: dict[str, str], storage: SqlAlchemyStorage, arguments: tuple[str, ...], problem: str
) -> None:
    """Exit code 2, nothing on standard output, one line on standard error besides the key, and the same books."""
    before = books_of(storage)
    done = call("issue", *arguments, env=env)

    assert 2 == done.code, done.all
    assert "" == done.out
    lines = [line for line in done.err.splitlines() if not line.startswith("key: ")]
    assert 1 == len(lines), done.err
    assert lines[0].startswith("loyalty: ")
    assert problem in lines[0]
    assert before == books_of(storage)


def test_a_key_that_was_used_for_something_else_is_exit_code_2(env: dict[str, str], storage: SqlAlchemyStorage) -> None:
    """The first card stays the only one."""
    assert 0 == call("issue", "5", "USD", "--key", "k", env=env).code
    before = books_of(storage)
    done = call("issue", "6", "USD", "--key", "k", env=env)

    assert (2, "") == (done.code, done.out)
    assert "used before with a different content. Nothing was changed." in done.err
    assert before == books_of(storage)


# --- show -------------------------------------------------------------------


def test_a_card_is_shown_with_its_history_as_the_library_answers(env: dict[str, str], loyalty: Loyalty) -> None:
    """By its id or by its code from a pipe, the JSON is the card and its entries."""
    issued = issued_card(loyalty)
    by_id = call("show", issued.gift_card.id, "--json", env=env)
    by_code = run("show", "--code", "-", "--json", env=env, typed=f"{issued.code.lower()}\r\n")

    assert (0, 0) == (by_id.code, by_code.code), by_id.err + by_code.err
    card = loyalty.ask(GetGiftCard(id=issued.gift_card.id))
    entries = loyalty.ask(Statement(account_id=card.account_id)).entries
    for answer in (json.loads(by_id.out), json.loads(by_code.out)):
        assert without_time(card) == without_time_in(answer["gift_card"])
        assert as_json(entries) == answer["history"]
    assert not CODE.search(by_id.all + by_code.all)
    assert "" == by_id.err == by_code.err


def test_a_card_is_plain_lines_in_a_pipe(env: dict[str, str], loyalty: Loyalty) -> None:
    """Without a terminal there are tabs and no colors, in whatever environment."""
    issued = issued_card(loyalty)
    done = call("show", issued.gift_card.id, env=env)

    assert "\x1b" not in done.all
    rows = dict(line.split("\t") for line in done.out.splitlines()[:10])
    assert ("50.00 USD", "active", "never") == (rows["available"], rows["state"], rows["expires"])
    assert done.out.splitlines()[-1].startswith("1\t20")


def test_a_code_is_asked_for_at_the_terminal_and_not_shown(env: dict[str, str], loyalty: Loyalty) -> None:
    """What is typed does not appear; the card does, in colors, and in none with NO_COLOR."""
    issued = issued_card(loyalty)
    for no_color in ({}, {"NO_COLOR": "1"}):
        with at_terminal("show", "--code", "-", env={**env, **no_color}) as terminal:
            terminal.wait_for("Code:")
            terminal.press(f"{issued.code}\n")
            assert 0 == terminal.ended(), terminal.shown
        assert "50.00 USD" in terminal.shown
        assert issued.gift_card.masked_code in terminal.shown
        assert issued.code not in terminal.raw
        assert ("\x1b[32m" in terminal.raw) is not bool(no_color)


def test_ctrl_c_at_the_hidden_prompt_ends_with_130(env: dict[str, str], storage: SqlAlchemyStorage) -> None:
    """One line, no traceback, and nothing is changed."""
    before = books_of(storage)
    with at_terminal("block", "--code", "-", env=env) as terminal:
        terminal.wait_for("Code:")
        terminal.press("\x03")
        assert 130 == terminal.ended(), terminal.shown
    assert "interrupted." in terminal.shown
    assert "Traceback" not in terminal.shown
    assert before == books_of(storage)


def test_an_end_of_input_at_the_hidden_prompt_is_exit_code_2(env: dict[str, str]) -> None:
    """Ctrl-D types nothing."""
    with at_terminal("show", "--code", "-", env=env) as terminal:
        terminal.wait_for("Code:")
        terminal.press("\x04")
        assert 2 == terminal.ended(), terminal.shown
    assert "there is no code on standard input" in terminal.shown


# --- replace-code -----------------------------------------------------------


def test_a_code_is_replaced_and_the_old_one_is_dead(env: dict[str, str], loyalty: Loyalty) -> None:
    """By the old code or the id; the new one is shown by the same command again with --reveal."""
    issued = issued_card(loyalty)
    first = run("replace-code", "--code", "-", "--reason", "seen by others", env=env, typed=issued.code)
    again = ("replace-code", "--code", "-", "--reason", "seen by others", "--key", key_in(first), "--reveal", "--json")
    shown = call(*again, env=env, typed=issued.code)

    assert (0, 0) == (first.code, shown.code), first.err + shown.err
    new = json.loads(shown.out)["code"]
    assert new != issued.code
    assert not CODE.search(first.all)
    assert issued.gift_card.id == loyalty.ask(FindGiftCard(code=new)).id
    assert 1 == call("show", "--code", "-", env=env, typed=issued.code).code
    by_id = call("replace-code", issued.gift_card.id, "--reveal", env=env)
    assert f"code\t{CODE.search(by_id.out)[0]}" in by_id.out.splitlines()  # type: ignore[index]  # it is there
    assert 1 == call("show", "--code", "-", env=env, typed=new).code


# --- block and unblock ------------------------------------------------------


def test_a_card_is_blocked_and_unblocked(env: dict[str, str], loyalty: Loyalty) -> None:
    """By its code or its id; the answer is the card as the library shows it."""
    issued = issued_card(loyalty)
    blocked = call("block", "--code", "-", "--reason", "reported stolen", "--json", env=env, typed=issued.code)
    assert 0 == blocked.code, blocked.err
    card = loyalty.ask(GetGiftCard(id=issued.gift_card.id))
    assert (GiftCardStatus.BLOCKED, without_time(card)) == (card.status, without_time_in(json.loads(blocked.out)))

    unblocked = call("unblock", issued.gift_card.id, env=env)
    assert 0 == unblocked.code, unblocked.err
    assert "state\tactive" in unblocked.out
    assert GiftCardStatus.ACTIVE is loyalty.ask(GetGiftCard(id=issued.gift_card.id)).status
    assert not CODE.search(blocked.all + unblocked.all)


WRONG_CARDS = [
    ((), 2, "name the card once"),
    (("an-id", "--code", "-"), 2, "name the card once"),
    (("nobody",), 1, "no gift card has this id; a code is given with --code -"),
    (("GIFT-WHAT-EVER-MAY-BE-HERE",), 1, "no gift card has this id; a code is given with --code -"),
    (("--code", "GIFT-WHAT-EVER-MAY-BE-HERE"), 2, "the text cannot be a gift card code"),
    (("--code", "§§§"), 2, "a gift card code has only letters and digits"),
    (("--code", "-"), 2, "there is no code on standard input"),
    (("a", "b"), 2, "unexpected extra argument"),
    ((" ",), 2, "must not be blank"),
    (("i" * 201,), 2, "must have 1 to 200 characters"),
]


@pytest.mark.parametrize("command", ["show", "block", "unblock", "replace-code"])
@pytest.mark.parametrize(("arguments", "code", "problem"), WRONG_CARDS)
def test_a_card_that_is_not_there_is_told_in_one_line(
    env: dict[str, str],
    storage: SqlAlchemyStorage,
    command: str,
    *,
    arguments: tuple[str, ...],
    code: int,
    problem: str,
) -> None:
    """Exit code 1 for what is not there and 2 for what cannot be; what was typed is not repeated."""
    before = books_of(storage)
    done = call(command, *arguments, env=env)

    assert (code, "") == (done.code, done.out), done.err
    assert problem in done.err
    assert "EVER" not in done.err
    assert before == books_of(storage)


def test_an_unknown_code_is_exit_code_1(env: dict[str, str]) -> None:
    """A code of the right shape that leads nowhere is not found, and the answer does not repeat it."""
    other = json.loads(call("issue", "5", "USD", "--reveal", "--json", env=env).out)["code"]
    elsewhere = {**env, "LOYALTY_CODE_SECRET": "the secret of quite another shop"}
    done = call("show", "--code", "-", env=elsewhere, typed=other)

    assert (1, "") == (done.code, done.out)
    assert "no such gift card" in done.err
    assert other not in done.err


def test_what_the_books_refuse_is_exit_code_1(env: dict[str, str], loyalty: Loyalty) -> None:
    """A code that is taken is told, and no second card is issued."""
    said = ("issue", "5", "USD", "--chosen-codes", "--code", "-")
    assert 0 == call(*said, env=env, typed="WELCOME TO OUR SHOP").code
    done = call(*said, env=env, typed="WELCOME TO OUR SHOP")

    assert 1 == done.code, done.err
    assert "the chosen code is taken. Nothing was changed." in done.err
    assert Money("5.00", "USD") == loyalty.ask(Liability()).total["USD"]


def test_neither_a_code_nor_the_secret_is_ever_shown_by_accident(env: dict[str, str], loyalty: Loyalty) -> None:
    """Wherever a code or the secret is typed, no output and no byte of the database repeats it."""
    canary = issued_card(loyalty).code
    calls = [
        ("show", canary), ("show", "--code", canary), ("block", "--code", canary), ("unblock", "--code", canary),
        ("show", "--code", canary + "X"), ("issue", canary, "USD"), ("issue", "5", canary), ("liability", canary),
        ("statement", canary), ("audit", canary), (canary,), ("issue", "5", "USD", "--origin", canary),
        ("statement", "a", f"--limit={canary}"), ("issue", "5", "USD", "--expires", canary),
        ("liability", "--as-of", canary), (f"--{canary}",), ("expire", SECRET), ("statement", "a", "--limit", SECRET),
        ("upgrade", "--secret", SECRET, SECRET), ("issue", "5", "USD", "--code", canary, "--chosen-codes"),
        ("list", "--code", canary + "X"), ("list", "--after", canary), ("list", canary), ("accounts", "--text", canary),
        ("batch", "1", canary, "USD"), ("batch", canary, "5", "USD"), ("list", "--status", canary),
        ("show", "x", "--table-prefix", SECRET),
    ]  # fmt: skip
    for arguments in calls:
        done = call(*arguments, env=env)
        assert canary not in done.all, arguments
        assert canary.replace("-", "") not in done.all, arguments
        assert SECRET not in done.all, arguments
