from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from moneyed import Money

from loyalty import (
    BlockGiftCard,
    CodeKeys,
    GiftCardStatus,
    IssuedGiftCard,
    IssueGiftCard,
    ListGiftCards,
    Loyalty,
    RedeemGiftCard,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.cli.json_form import as_json
from loyalty.clock import system_clock
from loyalty.gift_cards.listing import GiftCardSort
from tests.cli.terminal import SECRET, at_terminal, call, run

DAY = timedelta(days=1)


@pytest.fixture
def cards(storage: SqlAlchemyStorage) -> dict[str, IssuedGiftCard]:
    """Give cards of every kind, by a word for each; all are nine days old."""
    past = Loyalty(storage, code_keys=CodeKeys.from_secret(SECRET), clock=lambda: system_clock() - 9 * DAY)
    kinds: dict[str, dict[str, Any]] = {
        "plain": {"value": Money("50.00", "USD"), "note": "for the fair", "region": "eu"},
        "expired": {"value": Money("10.00", "USD"), "expires_at": system_clock() - DAY},
        "expiring": {"value": Money("20.00", "USD"), "expires_at": system_clock() + DAY},
        "used": {"value": Money("30.00", "USD"), "customer_id": "ada", "tags": ("spring",)},
        "empty": {"value": Money("40.00", "USD"), "order_id": "1001"},
        "blocked": {"value": Money("60.00", "USD"), "recipient": "Bo"},
        "yen": {"value": Money("3000", "JPY")},
    }
    issued = {
        name: past.execute(IssueGiftCard(**said, idempotency_key=f"cards/{name}")) for name, said in kinds.items()
    }
    for name, amount in {"used": "12.50", "empty": "40.00"}.items():
        past.execute(
            RedeemGiftCard(
                gift_card_id=issued[name].gift_card.id,
                amount=Money(amount, "USD"),
                order_id="2001",
                customer_id="ada",
                idempotency_key=f"redeem/{name}",
            )
        )
    past.execute(BlockGiftCard(gift_card_id=issued["blocked"].gift_card.id, idempotency_key="block"))
    return issued


def without_time(cards: object) -> list[dict[str, object]]:
    """Return cards as JSON data without the instant at which they were looked at."""
    data = as_json(cards)
    assert isinstance(data, list)
    return [{name: value for name, value in card.items() if name != "as_of"} for card in data]


def named(cards: dict[str, IssuedGiftCard], done_out: str) -> list[str]:
    """Return the words for the cards of a page."""
    words = {issued.gift_card.id: name for name, issued in cards.items()}
    return [words[card["id"]] for card in json.loads(done_out)["gift_cards"]]


TOMORROW = (system_clock() + 2 * DAY).date().isoformat()

FILTERS = [
    (("--status", "blocked"), ["blocked"]),
    (("--expired",), ["expired"]),
    (("--not-expired", "--currency", "usd", "--status", "active"), ["plain", "expiring", "used", "empty"]),
    (("--exhausted",), ["empty"]),
    (("--not-exhausted", "--currency", "JPY"), ["yen"]),
    (("--partly-used",), ["used"]),
    (("--not-partly-used", "--order", "1001"), ["empty"]),
    (("--expiring-before", TOMORROW), ["expiring"]),
    (("--expires-since", "2001-01-01", "--expires-until", TOMORROW), ["expired", "expiring"]),
    (("--issued-since", TOMORROW), []),
    (("--issued-until", TOMORROW, "--currency", "JPY"), ["yen"]),
    (("--currency", "USD", "--value-from", "40", "--value-to", "50.00"), ["plain", "empty"]),
    (("--currency", "USD", "--balance-from", "0", "--balance-to", "17.50"), ["expired", "used", "empty"]),
    (("--customer", "ada"), ["used"]),
    (("--order", "1001"), ["empty"]),
    (("--tag", "spring"), ["used"]),
    (("--region", "eu"), ["plain"]),
    (("--text", "THE FAIR"), ["plain"]),
    (("--text", "Bo"), ["blocked"]),
    (("--buyer", "nobody"), []),
    (("--product", "none"), []),
    (("--batch", "none"), []),
    (("--currency", "USD", "--sort", "value", "--descending", "--limit", "2"), ["blocked", "plain"]),
    (("--currency", "USD", "--sort", "balance", "--limit", "2"), ["empty", "expired"]),
    (("--sort", "expires", "--limit", "2"), ["expired", "expiring"]),
]


@pytest.mark.parametrize(("arguments", "expected"), FILTERS)
def test_filters_keep_what_they_say(
    env: dict[str, str], cards: dict[str, IssuedGiftCard], arguments: tuple[str, ...], expected: list[str]
) -> None:
    """Every filter and order reaches the library."""
    done = call("list", *arguments, "--json", env=env)

    assert 0 == done.code, done.err
    assert expected == named(cards, done.out)


def test_a_card_is_found_by_its_end_and_by_its_code(env: dict[str, str], cards: dict[str, IssuedGiftCard]) -> None:
    """The last four in either case; the whole code from a pipe or a hidden prompt, and never shown."""
    card = cards["plain"]
    four = call("list", "--last-four", card.gift_card.last_four.lower(), "--json", env=env)
    piped = call("list", "--code", "-", "--json", env=env, typed=card.code)
    with at_terminal("list", "--code", "-", env=env) as terminal:
        terminal.wait_for("Code:")
        terminal.press(f"{card.code}\n")
        assert 0 == terminal.ended(), terminal.shown

    assert ["plain"] == named(cards, four.out) == named(cards, piped.out)
    assert card.gift_card.masked_code in terminal.shown
    assert card.code not in terminal.raw + piped.all


def test_a_page_is_what_the_library_answers_and_the_next_one_follows(
    env: dict[str, str], loyalty: Loyalty, cards: dict[str, IssuedGiftCard]
) -> None:
    """The cursor of one process is good for the next, and no card is skipped or repeated."""
    first = run("list", "--limit", "4", "--totals", "--json", env=env)
    page = json.loads(first.out)
    second = call("list", "--after", page["next_after"], "--json", env=env)

    answer = loyalty.ask(ListGiftCards(limit=4, with_totals=True))
    assert (0, 0) == (first.code, second.code), first.err + second.err
    assert without_time(answer.gift_cards) == without_time(page["gift_cards"])
    assert as_json(answer.totals) == page["totals"]
    assert f"--after {page['next_after']}" in first.err
    assert ("", None) == (second.err, json.loads(second.out)["next_after"])
    assert list(cards) == named(cards, first.out) + named(cards, second.out)


def test_everything_is_streamed_in_pages(
    env: dict[str, str], loyalty: Loyalty, cards: dict[str, IssuedGiftCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --all a card is a line, whatever the size of a page, and it takes no secret."""
    assert cards
    monkeypatch.setattr("loyalty.cli.pages.PAGE", 2)
    bare = {"LOYALTY_DATABASE_URL": env["LOYALTY_DATABASE_URL"]}
    done = call("list", "--all", "--json", env=bare)
    lines = [json.loads(line) for line in done.out.splitlines()]
    text = call("list", "--all", "--totals", env=env).out.splitlines()

    assert without_time(tuple(loyalty.stream(ListGiftCards()))) == without_time(lines)
    assert "id\tcode\tstate\tvalue\tavailable\texpires\tcustomer\torder" == text[0]
    assert [line["id"] for line in lines] == [row.split("\t")[0] for row in text[1:8]]
    assert ["in all\tvalue\tposted\tavailable", "1\t3000 JPY\t3000 JPY\t3000 JPY"] == text[8:10]
    assert "6\t210.00 USD\t157.50 USD\t87.50 USD" == text[10]


def test_a_list_is_a_table_in_colors_at_a_terminal(env: dict[str, str], cards: dict[str, IssuedGiftCard]) -> None:
    """States have colors; with NO_COLOR they have none; an empty list says so."""
    with at_terminal("list", env=env, columns=160) as terminal:
        assert 0 == terminal.ended(), terminal.shown
    for words in ("active, partly used", "active, exhausted", "blocked", "active, expired"):
        assert words in terminal.shown
    assert cards["plain"].gift_card.masked_code in terminal.shown
    assert "\x1b[32mactive" in terminal.raw
    with at_terminal("list", env={**env, "NO_COLOR": "1"}, columns=160) as plain:
        assert 0 == plain.ended(), plain.shown
    assert "\x1b[3" not in plain.raw
    assert terminal.shown == plain.shown
    with at_terminal("list", "--tag", "none", env=env) as nothing:
        assert 0 == nothing.ended(), nothing.shown
    assert "No cards." in nothing.shown


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--status", "lost"), "--status"),
        (("--sort", "luck"), "--sort"),
        (("--limit", "0"), "limit must be"),
        (("--limit", "1001"), "limit must be"),
        (("--after", "a-cursor-of-my-own"), "after"),
        (("--value-from", "5"), "amounts need --currency"),
        (("--value-from", "5", "--value-to", "4", "--currency", "USD"), ""),
        (("--value-from", "much", "--currency", "USD"), "must be a number"),
        (("--balance-to", "-1", "--currency", "USD"), ""),
        (("--issued-since", "soon"), "--issued-since must be a date"),
        (("--issued-since", "2002-01-01", "--issued-until", "2001-01-01"), ""),
        (("--code", "-"), "there is no code on standard input"),
        (("--code", "GIFT-NO"), "cannot be a gift card code"),
        (("--text", " "), "text"),
        (("--customer", "c" * 201), "customer_id"),
    ],
)
def test_a_wrong_filter_is_told_in_one_line(
    env: dict[str, str], cards: dict[str, IssuedGiftCard], arguments: tuple[str, ...], problem: str
) -> None:
    """Exit code 2 and nothing on standard output."""
    assert cards
    done = call("list", *arguments, env=env)

    assert (2, "") == (done.code, done.out), done.err
    assert problem in done.err
    assert 1 == len(done.err.splitlines())


def test_a_cursor_of_another_list_is_refused(env: dict[str, str], cards: dict[str, IssuedGiftCard]) -> None:
    """A place belongs to its filters and its order, and to the shop's secret."""
    assert cards
    cursor = json.loads(call("list", "--limit", "1", "--json", env=env).out)["next_after"]
    for arguments in (("--sort", "value"), ("--currency", "USD"), ("--secret", "the secret of another shop")):
        done = call("list", "--after", cursor, *arguments, env=env)
        assert (2, "") == (done.code, done.out)
    assert 2 == call("list", env={"LOYALTY_DATABASE_URL": env["LOYALTY_DATABASE_URL"]}).code


def test_every_status_and_order_is_on_offer() -> None:
    """The help names what the library knows."""
    help_ = call("list", "--help", env={"COLUMNS": "200"}).out
    for word in (*GiftCardStatus, *GiftCardSort):
        assert word.value in help_
