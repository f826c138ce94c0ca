from __future__ import annotations

import json
from pathlib import Path

import pytest
from moneyed import Money

from loyalty import FindGiftCard, Liability, ListGiftCards, Loyalty
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.testing.books import books_of
from tests.cli.terminal import SECRET, call, run

HEADER = "source_id,code,value,currency,balance\n"
GOOD = HEADER + "4711,OLD-SHOP-4711-AB,50.00,USD,30.00\n4712,OLD-SHOP-4712-CD,25.00,USD,\n"
BAD = GOOD + "4713,OLD-SHOP-4713-EF,ten,USD,\n"
FROM = ("--source", "old shop", "--chosen-codes")


def test_a_file_is_tried_imported_and_imported_only_once(
    env: dict[str, str], storage: SqlAlchemyStorage, tmp_path: Path
) -> None:
    """A dry run changes nothing and tells the same; the old codes then lead to their cards; again all are known."""
    path = tmp_path / "cards.csv"
    path.write_text(GOOD)
    before = books_of(storage)
    trial = call("import", str(path), *FROM, "--dry-run", "--json", env=env)
    assert before == books_of(storage)
    done = run("import", "-", *FROM, "--expect-rows", "2", "--json", env=env, typed=GOOD)
    again = call("import", str(path), *FROM, env=env)

    assert (0, 0, 0) == (trial.code, done.code, again.code), trial.err + done.err + again.err
    for answer in (json.loads(trial.out), json.loads(done.out)):
        assert (2, 0, 0) == (answer["imported"], answer["known"], answer["refused"])
        assert [{"amount": "55.00", "currency": "USD"}] == answer["report"]["totals"]
    assert "known before\t2" in again.out
    known = Loyalty(storage, code_keys=CodeKeys.from_secret(SECRET), code_format=CodeFormat(allow_chosen=True))
    card = known.ask(FindGiftCard(code="old shop 4711 ab"))
    assert (Money("50.00", "USD"), Money("30.00", "USD")) == (card.value, card.posted)
    assert Money("55.00", "USD") == known.ask(Liability()).total["USD"]
    assert "4711-AB" not in trial.all + done.all + again.all


def test_one_bad_row_stops_the_file_unless_it_is_lenient(env: dict[str, str], loyalty: Loyalty, tmp_path: Path) -> None:
    """By default nothing is imported, and the row is named; with --lenient the others are, with exit code 1."""
    path = tmp_path / "cards.csv"
    path.write_text(BAD)
    strict = call("import", str(path), *FROM, env=env)
    assert () == loyalty.ask(ListGiftCards()).gift_cards
    trial = call("import", str(path), *FROM, "--dry-run", env=env)
    lenient = call("import", str(path), *FROM, "--lenient", "--json", env=env)

    assert (2, "") == (strict.code, strict.out)
    assert "row 4: " in strict.err
    assert (1, 1) == (trial.code, lenient.code)
    assert "would be imported\t2" in trial.out
    assert "4\t4713\t" in trial.out
    assert 2 == len(loyalty.ask(ListGiftCards()).gift_cards)
    assert "4713-EF" not in strict.all + trial.all + lenient.all


@pytest.mark.parametrize(
    ("content", "arguments", "problem"),
    [
        (b"", FROM, ""),
        (b"\x89PNG\xff", FROM, ""),
        (b"a,b\n1,2\n", FROM, ""),
        (HEADER.encode(), FROM, ""),
        (GOOD.encode(), ("--source", "old shop"), "codes of another system are not allowed"),
        (GOOD.encode(), ("--chosen-codes",), "Missing option '--source'"),
        (GOOD.encode(), (*FROM, "--expect-rows", "3"), ""),
        (GOOD.encode(), (*FROM, "--delimiter", "x"), ""),
        (GOOD.encode(), ("--source", "s" * 51, "--chosen-codes"), "source must have"),
        (None, FROM, "the file cannot be read: [Errno 2] No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_imported_changes_nothing(
    env: dict[str, str],
    storage: SqlAlchemyStorage,
    tmp_path: Path,
    *,
    content: bytes | None,
    arguments: tuple[str, ...],
    problem: str,
) -> None:
    """Exit code 2, nothing on standard output, and the same books."""
    path = tmp_path / "cards.csv"
    if content is not None:
        path.write_bytes(content)
    before = books_of(storage)
    done = call("import", str(path), *arguments, env=env)

    assert (2, "") == (done.code, done.out)
    assert problem in done.err
    assert "OLD-SHOP" not in done.err
    assert before == books_of(storage)
