from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from moneyed import Money

from loyalty import FindGiftCard, Liability, ListGiftCards, Loyalty
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.testing.books import books_of
from loyalty.use_cases.reveal_batch_codes import RevealBatchCodes
from tests.cli.terminal import Done, at_terminal, call, run

HEADER = ["number", "gift_card_id", "code", "amount", "currency", "expires_at"]


def key_in(done: Done) -> str:
    """Return the key under which a command says that it is done."""
    found = re.search(r"^key: (\S+)$", done.err, re.MULTILINE)
    assert found is not None, done.err
    return found[1]


def rows_of(text: str) -> list[list[str]]:
    """Read a CSV text."""
    return list(csv.reader(io.StringIO(text)))


def test_codes_go_into_a_new_file_that_only_its_owner_reads(
    env: dict[str, str], loyalty: Loyalty, tmp_path: Path
) -> None:
    """As many cards as were asked for, each with a code that leads to it; nothing else shows a code."""
    path = tmp_path / "codes.csv"
    said = ("batch", "3", "25.00", "usd", "--name", "fair", "--expires", "2099-01-01", "--tag", "fair")
    done = call(*said, "--output", str(path), "--json", env=env)

    assert 0 == done.code, done.err
    answer = json.loads(done.out)
    header, *rows = rows_of(path.read_text())
    assert HEADER == header
    assert ["1", "2", "3"] == [row[0] for row in rows]
    assert (3, 3, 3, str(path)) == (
        *(answer["batch"][name] for name in ("count", "issued", "revealed")),
        answer["codes"],
    )
    for _, card_id, code, *same in rows:
        card = loyalty.ask(FindGiftCard(code=code))
        assert (card_id, Money("25.00", "USD"), ("fair",)) == (card.id, card.value, card.tags)
        assert ["25.00", "USD", "2099-01-01T00:00:00Z"] == same
        assert code not in done.all
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert ["codes.csv"] == [one.name for one in tmp_path.iterdir() if "codes" in one.name]
    listed = json.loads(call("list", "--batch", answer["batch"]["id"], "--json", env=env).out)
    assert [row[1] for row in rows] == [card["id"] for card in listed["gift_cards"]]


def test_a_batch_without_a_file_hands_its_codes_out_later(
    env: dict[str, str], loyalty: Loyalty, tmp_path: Path
) -> None:
    """The same command again, with the key that was shown and a file, issues nothing and writes the codes."""
    first = call("batch", "2", "5", "USD", env=env)
    path = tmp_path / "codes.csv"
    again = ("batch", "2", "5", "USD", "--key", key_in(first), "--output")
    later = call(*again, str(path), env=env)
    twice = call(*again, str(tmp_path / "again.csv"), env=env)

    assert (0, 0, 0) == (first.code, later.code, twice.code), later.err
    assert f"--key {key_in(first)} --output codes.csv hands out the codes" in first.err
    assert "GIFT-" not in first.all + later.all
    assert 3 == len(rows_of(path.read_text()))
    assert path.read_text() == (tmp_path / "again.csv").read_text()
    assert Money("10.00", "USD") == loyalty.ask(Liability()).total["USD"]


def test_codes_are_shown_only_if_that_is_said_twice(env: dict[str, str], storage: SqlAlchemyStorage) -> None:
    """`--output -` without --reveal issues nothing; with it standard output holds the codes and nothing else."""
    before = books_of(storage)
    refused = [call("batch", "2", "5", "USD", "--output", "-", *more, env=env) for more in ((), ("--reveal", "--json"))]
    assert before == books_of(storage)
    shown = run("batch", "2", "5", "USD", "--output", "-", "--reveal", env=env)

    assert [(2, ""), (2, "")] == [(done.code, done.out) for done in refused]
    assert "if that is wanted, say --reveal" in refused[0].err
    assert 0 == shown.code, shown.err
    header, *rows = rows_of(shown.out)
    assert (HEADER, 2) == (header, len(rows))


def test_a_file_that_is_there_is_never_overwritten(
    env: dict[str, str], storage: SqlAlchemyStorage, tmp_path: Path
) -> None:
    """Nor is one begun where it cannot be written; no card is issued for it."""
    before = books_of(storage)
    there, link = tmp_path / "there.csv", tmp_path / "link.csv"
    there.write_text("precious")
    link.symlink_to(tmp_path / "nothing")
    (tmp_path / "cut.csv.part").write_text("codes")
    for path, problem in {
        there: "is there already, and is not overwritten",
        link: "is there already, and is not overwritten",
        tmp_path: "is there already, and is not overwritten",
        tmp_path / "cut.csv": "is there from a run that was cut off; remove it first",
        tmp_path / "nowhere" / "codes.csv": "No such file or directory",
        there / "codes.csv": "Not a directory",
        Path("a\0b"): "null byte",
    }.items():
        done = call("batch", "2", "5", "USD", "--output", str(path), env=env)
        assert (2, "") == (done.code, done.out)
        assert problem in done.err
    assert before == books_of(storage)
    assert ("precious", "codes") == (there.read_text(), (tmp_path / "cut.csv.part").read_text())


def test_what_was_cut_off_leaves_no_file_and_is_continued(
    env: dict[str, str], loyalty: Loyalty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C among the codes: the half-written file is gone, and the same again gives each code once."""
    path = tmp_path / "codes.csv"
    execute = Loyalty.execute

    def interrupted(self: Loyalty, command: Any, **more: Any) -> Any:
        if isinstance(command, RevealBatchCodes):
            raise KeyboardInterrupt
        return execute(self, command, **more)

    monkeypatch.setattr(Loyalty, "execute", interrupted)
    first = call("batch", "3", "5", "USD", "--output", str(path), env=env)
    assert 130 == first.code
    assert f"interrupted. The same again with --key {key_in(first)} is safe" in first.err
    assert not [one for one in tmp_path.iterdir() if "codes" in one.name]
    monkeypatch.undo()
    again = call("batch", "3", "5", "USD", "--output", str(path), "--key", key_in(first), env=env)

    assert 0 == again.code, again.err
    codes = {row[2] for row in rows_of(path.read_text())[1:]}
    assert 3 == len(codes)
    assert {loyalty.ask(FindGiftCard(code=code)).id for code in codes} == {
        card.id for card in loyalty.stream(ListGiftCards())
    }


def test_codes_that_were_handed_out_before_are_not_handed_out_again(
    env: dict[str, str], loyalty: Loyalty, tmp_path: Path
) -> None:
    """What the shop took is missing in the file, and that is said."""
    first = call("batch", "3", "5", "USD", "--json", env=env)
    answer = json.loads(first.out)
    taken = loyalty.execute(
        RevealBatchCodes(batch_id=answer["batch"]["id"], actor="shop", limit=2, idempotency_key="taken")
    )
    path = tmp_path / "codes.csv"
    done = call("batch", "3", "5", "USD", "--key", answer["idempotency_key"], "--output", str(path), env=env)

    assert 0 == done.code, done.err
    assert ["3"] == [row[0] for row in rows_of(path.read_text())[1:]]
    assert taken.codes[0].code not in path.read_text()
    assert "Only 1 codes are here; the others were handed out or replaced before." in done.err


def test_many_pages_of_codes_are_one_file(env: dict[str, str], tmp_path: Path) -> None:
    """More than a thousand codes come in several pages, without one missing or doubled; progress is on the terminal."""
    path = tmp_path / "codes.csv"
    with at_terminal("batch", "2100", "5", "USD", "--output", str(path), env=env) as terminal:
        assert 0 == terminal.ended(), terminal.shown
    rows = rows_of(path.read_text())[1:]

    assert [str(number) for number in range(1, 2101)] == [row[0] for row in rows]
    assert 2100 == len({row[2] for row in rows})
    assert "2,100 of 2,100" in terminal.shown
    assert rows[0][2] not in terminal.raw


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "Missing argument 'COUNT'"),
        (("two", "5", "USD"), "COUNT"),
        (("0", "5", "USD"), "count must be"),
        (("1000001", "5", "USD"), "count must be"),
        (("2", "0", "USD"), "more than zero"),
        (("2", "5", "XYZ"), "there is no such currency"),
        (("2", "5", "USD", "--expires", "2001-01-01"), "must expire in the future"),
        (("2", "5", "USD", "--name", "n" * 201), "name must have"),
        (("2", "5", "USD", "--tax-rate", "-1"), "tax rate"),
        (("2", "5", "USD", "--key", "k" * 181, "--output", "never.csv"), "at most 180 characters"),
        (("2", "5", "USD", "--code-prefix", "*"), "the prefix of codes"),
    ],
)
def test_a_wrong_batch_is_told_in_one_line(
    env: dict[str, str], storage: SqlAlchemyStorage, arguments: tuple[str, ...], problem: str
) -> None:
    """Exit code 2, no card, and no file."""
    before = books_of(storage)
    done = call("batch", *arguments, env=env)

    assert (2, "") == (done.code, done.out)
    assert problem in done.err
    assert before == books_of(storage)
    assert not os.path.lexists("never.csv")
