"""Opening a store credit account: one per customer and currency."""

from __future__ import annotations

import moneyed
import pytest
from moneyed import Currency, Money

from loyalty import GetStoreCreditAccount, Grant, GrantStoreCredit, LotOrigin, OpenStoreCreditAccount, StoreCreditStatus
from loyalty.errors import (
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidAmount,
    InvalidRequest,
    StoreCreditAccountNotFound,
)
from tests.use_cases.shop import DAY, NOW, Shop, usd

POINTS = Currency(code="PTS", sub_unit=1, name="Points")


def open_account(shop: Shop, currency: str | Currency = "USD", customer_id: str = "ada", key: str = "open") -> object:
    """Return the account that is there afterwards."""
    return shop.execute(OpenStoreCreditAccount(customer_id=customer_id, currency=currency, idempotency_key=key))


def test_a_new_account_is_open_and_empty() -> None:
    """A new account holds nothing and belongs to one customer in one currency."""
    shop = Shop()
    account = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="k"))
    assert (StoreCreditStatus.OPEN, "ada", "USD", NOW) == (
        account.status, account.customer_id, account.currency, account.opened_at,
    )  # fmt: skip
    assert (usd("0.00"), usd("0.00"), usd("0.00"), None) == (
        account.posted, account.held, account.available, account.expires_next,
    )  # fmt: skip
    assert account == shop.ask(GetStoreCreditAccount(account_id=account.id)) == shop.credit()


def test_opening_twice_answers_the_first() -> None:
    """A second opening under another key answers the account that is there, with what is in it."""
    shop = Shop()
    first = shop.grant("10.00").account
    found = shop.books().found
    shop.clock.advance(DAY)
    again = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="k"))
    assert (first.id, usd("10.00"), NOW) == (again.id, again.available, again.opened_at)
    assert found == shop.books().found


def test_each_customer_and_currency_has_its_own() -> None:
    """Customers and currencies are kept apart."""
    shop = Shop()
    accounts = {
        shop.execute(OpenStoreCreditAccount(customer_id=who, currency=money, idempotency_key=f"{who}/{money}")).id
        for who in ("ada", "bob", "Ada")
        for money in ("USD", "EUR", "JPY")
    }
    assert 9 == len(accounts)


@pytest.mark.parametrize(("currency", "zero"), [("JPY", "0"), ("KWD", "0.000"), ("CLF", "0.0000"), ("USD", "0.00")])
def test_the_account_counts_in_the_currencys_minor_unit(currency: str, zero: str) -> None:
    """An empty account shows as many decimals as its currency has."""
    shop = Shop()
    account = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency=currency, idempotency_key="k"))
    assert zero == str(account.available.amount)


def test_a_currency_may_be_given_as_an_object() -> None:
    """A moneyed.Currency says the same as its code."""
    shop = Shop()
    by_object = shop.execute(
        OpenStoreCreditAccount(customer_id="ada", currency=moneyed.get_currency("EUR"), idempotency_key="k")
    )
    assert by_object == shop.execute(OpenStoreCreditAccount(customer_id="ada", currency="EUR", idempotency_key="k"))


def test_an_account_in_the_shops_own_points_can_be_opened() -> None:
    """A currency of the host's own making, which py-moneyed does not know, opens an account without decimals."""
    shop = Shop()
    account = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency=POINTS, idempotency_key="k"))
    assert ("PTS", "0") == (account.currency, str(account.posted.amount))
    granted: Grant = shop.execute(
        GrantStoreCredit(account_id=account.id, amount=Money(5, POINTS), origin=LotOrigin.GOODWILL, idempotency_key="g")
    )
    assert Money(5, POINTS) == granted.account.available


def test_a_currency_object_is_taken_at_its_word() -> None:
    """If the host's dollar has three decimals, so has the account; it is not quietly given the table's two."""
    shop = Shop()
    mills = Currency(code="USD", sub_unit=1000)
    account = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency=mills, idempotency_key="k"))
    assert "0.000" == str(account.posted.amount)


def test_an_account_is_found_by_its_points() -> None:
    """An account in the host's own points is found by customer and currency."""
    shop = Shop()
    account = shop.grant(Money(5, POINTS)).account
    assert account == shop.ask(GetStoreCreditAccount(customer_id="ada", currency=POINTS))
    assert account == shop.ask(GetStoreCreditAccount(account_id=account.id))


@pytest.mark.parametrize(
    "currency", ["usd", "US", "", "dollars", "USD ", "\uff35\uff33\uff24", "\ud800", "U" * 10_000, None, 840, b"USD"]
)
def test_what_is_no_currency_is_refused(currency: object) -> None:
    """Unknown codes, wrong case and other types are invalid requests."""
    with pytest.raises(InvalidRequest):
        OpenStoreCreditAccount(customer_id="ada", currency=currency, idempotency_key="k")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["XXX", "XTS"])
def test_codes_for_no_currency_are_refused(currency: str) -> None:
    """The ISO codes that mean no currency and for tests hold no value."""
    with pytest.raises(InvalidAmount):
        OpenStoreCreditAccount(customer_id="ada", currency=currency, idempotency_key="k")


def test_a_replay_answers_the_account_as_it_was() -> None:
    """The same key answers the empty account again, though it has been filled meanwhile."""
    shop = Shop()
    command = OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="once")
    first = shop.execute_twice(command)
    shop.grant("10.00")
    assert first == shop.execute(command)


def test_another_currency_under_the_same_key_is_a_conflict() -> None:
    """The currency belongs to the content."""
    shop = Shop()
    open_account(shop, "USD", key="once")
    with pytest.raises(IdempotencyConflict):
        open_account(shop, "EUR", key="once")
    with pytest.raises(StoreCreditAccountNotFound):
        shop.credit(currency="EUR")


def test_events_tell_the_first_opening_from_the_second() -> None:
    """Each committed opening has one event, and only the first says so."""
    shop = Shop()
    open_account(shop, key="a")
    assert '"first_time":true' in shop.last_receipt().event_data
    open_account(shop, key="b")
    assert '"first_time":false' in shop.last_receipt().event_data


def test_an_account_never_changes_its_decimals() -> None:
    """Money of the same code with other decimals never enters an account."""
    shop = Shop()
    open_account(shop)
    before = shop.books()
    with pytest.raises(CurrencyMismatch):
        shop.grant(Money("1.000", Currency(code="USD", sub_unit=1000)))
    assert before == shop.books()
