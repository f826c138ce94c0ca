from __future__ import annotations

import json
from datetime import timedelta

import pytest
from moneyed import Money

from loyalty import (
    BlockStoreCreditAccount,
    DebitStoreCredit,
    GrantStoreCredit,
    ListStoreCreditAccounts,
    LotOrigin,
    Loyalty,
)
from loyalty.cli.json_form import as_json
from loyalty.clock import system_clock
from tests.cli.terminal import at_terminal, call

DAY = timedelta(days=1)
TOMORROW = (system_clock() + 2 * DAY).date().isoformat()


@pytest.fixture
def customers(loyalty: Loyalty) -> list[str]:
    """Give the customers of four accounts, in order: one ends soon, one is empty, one is blocked, one is in yen."""
    granted = {
        "ada": (Money("10.00", "USD"), system_clock() + DAY),
        "bob": (Money("20.00", "USD"), None),
        "cyd": (Money("30.00", "USD"), None),
        "dan": (Money("400", "JPY"), None),
    }
    for customer, (amount, ends) in granted.items():
        loyalty.execute(
            GrantStoreCredit(
                customer_id=customer,
                amount=amount,
                origin=LotOrigin.GOODWILL,
                expires_at=ends,
                idempotency_key=f"grant/{customer}",
            )
        )
    loyalty.execute(
        DebitStoreCredit(customer_id="bob", amount=Money("20.00", "USD"), order_id="1", idempotency_key="debit")
    )
    blocked = loyalty.ask(ListStoreCreditAccounts(customer_id="cyd")).accounts[0].id
    loyalty.execute(BlockStoreCreditAccount(account_id=blocked, idempotency_key="block"))
    return list(granted)


def without_time(accounts: object) -> list[dict[str, object]]:
    """Return accounts as JSON data without the instant at which they were looked at."""
    data = as_json(accounts)
    assert isinstance(data, list)
    return [{name: value for name, value in one.items() if name != "as_of"} for one in data]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["ada", "bob", "cyd", "dan"]),
        (("--status", "blocked"), ["cyd"]),
        (("--currency", "jpy"), ["dan"]),
        (("--customer", "bob"), ["bob"]),
        (("--currency", "USD", "--balance-from", "10", "--balance-to", "30.00"), ["ada", "cyd"]),
        (("--empty",), ["bob"]),
        (("--not-empty", "--descending"), ["dan", "cyd", "ada"]),
        (("--expiring-before", TOMORROW), ["ada"]),
        (("--opened-since", TOMORROW), []),
        (("--opened-until", TOMORROW, "--limit", "2"), ["ada", "bob"]),
        (("--text", "YD"), ["cyd"]),
        (("--currency", "USD", "--sort", "balance"), ["bob", "ada", "cyd"]),
    ],
)
def test_filters_keep_what_they_say(
    env: dict[str, str], customers: list[str], arguments: tuple[str, ...], expected: list[str]
) -> None:
    """Every filter and order reaches the library."""
    assert customers
    done = call("accounts", *arguments, "--json", env=env)

    assert 0 == done.code, done.err
    assert expected == [one["customer_id"] for one in json.loads(done.out)["accounts"]]


def test_pages_follow_one_another_and_everything_is_streamed(
    env: dict[str, str], loyalty: Loyalty, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page or all at once it is what the library answers, with the sums at the end."""
    monkeypatch.setattr("loyalty.cli.pages.PAGE", 3)
    first = json.loads(call("accounts", "--limit", "3", "--totals", "--json", env=env).out)
    second = json.loads(call("accounts", "--after", first["next_after"], "--json", env=env).out)
    lines = [json.loads(line) for line in call("accounts", "--all", "--json", env=env).out.splitlines()]
    text = call("accounts", "--all", "--totals", env=env).out.splitlines()

    expected = without_time(tuple(loyalty.stream(ListStoreCreditAccounts())))
    assert expected == without_time(first["accounts"] + second["accounts"]) == without_time(lines)
    assert as_json(loyalty.ask(ListStoreCreditAccounts(with_totals=True)).totals) == first["totals"]
    assert "id\tcustomer\tstate\tposted\theld\tavailable\texpires next" == text[0]
    assert customers == [row.split("\t")[1] for row in text[1:5]]
    assert ["in all\tposted\tavailable", "1\t400 JPY\t400 JPY", "3\t40.00 USD\t10.00 USD"] == text[5:]


def test_accounts_are_a_table_at_a_terminal(env: dict[str, str], customers: list[str]) -> None:
    """With the state in colors, and a sentence where there is none."""
    assert customers
    with at_terminal("accounts", env=env, columns=120) as terminal:
        assert 0 == terminal.ended(), terminal.shown
    assert "\x1b[32mopen" in terminal.raw
    assert "\x1b[31mblocked" in terminal.raw
    with at_terminal("accounts", "--customer", "eve", env=env) as nothing:
        assert 0 == nothing.ended(), nothing.shown
    assert "No accounts." in nothing.shown


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--status", "lost"), "--status"),
        (("--sort", "luck"), "--sort"),
        (("--limit", "0"), "limit must be"),
        (("--after", "a-cursor-of-my-own"), "after"),
        (("--balance-from", "5"), "amounts need --currency"),
        (("--balance-from", "5", "--balance-to", "4", "--currency", "USD"), ""),
        (("--opened-since", "soon"), "--opened-since must be a date"),
        (("--text", " "), "text"),
        (("a-customer",), "unexpected extra argument"),
    ],
)
def test_a_wrong_filter_is_told_in_one_line(env: dict[str, str], arguments: tuple[str, ...], problem: str) -> None:
    """Exit code 2 and nothing on standard output."""
    done = call("accounts", *arguments, env=env)

    assert (2, "") == (done.code, done.out), done.err
    assert problem in done.err
    assert 1 == len(done.err.splitlines())
