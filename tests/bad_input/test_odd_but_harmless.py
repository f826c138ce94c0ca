"""Values that are almost what they should be: either they work or the error is typed, and nothing half-way."""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any, Final

import pytest
from moneyed import Currency, Money

from loyalty import (
    ALL,
    Audit,
    ClaimGiftCard,
    DebitStoreCredit,
    GetBalance,
    GrantStoreCredit,
    IssueGiftCard,
    LotOrigin,
    OpenStoreCreditAccount,
    PayWithBalances,
    RedeemGiftCard,
    Reference,
    RefundRedemption,
)
from loyalty.errors import InvalidAmount, LoyaltyError
from tests.use_cases.shop import DAY, NOW, Shop, usd


class Markup(str):
    """A text of a host's framework, as templates and databases like to give."""

    __slots__ = ()

    def __str__(self) -> str:
        """Answer something else than the content."""
        return "<b>other</b>"


class Word(enum.StrEnum):
    """A text that is a member of an enum."""

    ADA = "ada"


class FrameworkMoney(Money):
    """Money of a host's framework, such as django-money's."""


class FrameworkTime(datetime):
    """A time of a host's library, such as pendulum's."""


class FrameworkNumber(int):
    """A whole number of a host's library."""


class UtcByAnotherName(tzinfo):
    """A zone that is UTC and says so."""

    def utcoffset(self, _moment: datetime | None) -> timedelta:
        """Answer no offset."""
        return timedelta(0)

    def dst(self, _moment: datetime | None) -> timedelta:
        """Answer no summer time."""
        return timedelta(0)

    def tzname(self, _moment: datetime | None) -> str:
        """Answer another name."""
        return "Zulu"


TEXTS: Final = [Markup("ada"), Word.ADA]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: type(text).__name__)
def test_a_text_of_another_class_is_a_text(text: str) -> None:
    """A subclass of str in any text field counts as its plain content, in results, books and replays."""
    shop = Shop()
    given: dict[str, Any] = {
        "amount": usd("5.00"), "origin": LotOrigin.REFUND, "actor": text, "reason": text, "note": text,
        "reference": Reference(text, text), "metadata": {text: text},
    }  # fmt: skip
    grant = shop.execute(GrantStoreCredit(customer_id=text, idempotency_key=text, **given))
    assert grant == shop.execute(GrantStoreCredit(customer_id="ada", idempotency_key="ada", **given))
    assert ("ada", str) == (grant.account.customer_id, type(grant.account.customer_id))
    assert ("ada", str) == (grant.transfer.actor, type(grant.transfer.actor))
    assert usd("5.00") == shop.credit("ada").available


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: type(text).__name__)
def test_a_text_of_another_class_names_cards_and_orders(text: str) -> None:
    """Orders, tags, regions, codes and ids may be subclasses of str."""
    shop = Shop()
    issued = shop.issue(order_id=text, region=text, recipient=text, tags=[text], customer_id=text)
    payment = shop.execute(
        PayWithBalances(
            order_id=text,
            amount_due=usd("5.00"),
            codes=(type(text)(issued.code) if isinstance(text, Markup) else issued.code,),
            customer_id=text,
            idempotency_key="p",
        )
    )
    assert ("ada", usd("5.00")) == (payment.order_id, payment.amount)
    assert usd("5.00") == shop.execute(RefundRedemption(order_id="ada", amount=ALL, idempotency_key="r")).amount


def test_money_of_another_class_is_money_or_refused() -> None:
    """A subclass of Money either counts as the money it is, or is an invalid amount; it never breaks the call."""
    shop = Shop()
    before = shop.books()
    try:
        grant = shop.grant(FrameworkMoney("5.00", "USD"))
    except InvalidAmount:
        assert before == shop.books()
    else:
        assert usd("5.00") == grant.account.available == shop.credit().available


def test_a_time_of_another_class_is_a_time() -> None:
    """A subclass of datetime, or UTC by another name, is the same instant."""
    shop = Shop()
    ends = FrameworkTime(2027, 1, 1, tzinfo=UTC)
    issued = shop.issue(expires_at=ends, occurred_at=datetime(2026, 1, 1, tzinfo=UtcByAnotherName()), key="k")
    assert (datetime(2027, 1, 1, tzinfo=UTC), datetime) == (
        issued.gift_card.expires_at, type(issued.gift_card.expires_at),
    )  # fmt: skip
    assert issued == shop.issue(
        expires_at=datetime(2027, 1, 1, tzinfo=UTC), occurred_at=datetime(2026, 1, 1, tzinfo=UTC), key="k"
    )


def test_a_number_of_another_class_is_a_number() -> None:
    """A subclass of int as priority is the number it is."""
    shop = Shop()
    first = shop.grant("5.00", priority=FrameworkNumber(3))
    assert usd("5.00") == first.account.available


@pytest.mark.parametrize("rate", [Decimal("-0"), Decimal("0E+1000000"), Decimal("1E+1"), Decimal("5.000")], ids=str)
def test_odd_ways_to_write_a_rate_are_plain_afterwards(rate: Decimal) -> None:
    """However a rate is written, what stands on the card is the plain number, short, and never a negative zero."""
    shop = Shop()
    kept = shop.issue(tax_rate=rate).gift_card.tax_rate
    assert kept is not None
    assert rate == kept
    assert not kept.is_signed()
    assert len(f"{kept:f}") <= 12
    assert "E" not in str(kept)


@pytest.mark.parametrize(
    "amount",
    [Decimal(5), Decimal("5.000000"), Decimal("0.5E+1"), Decimal("500E-2")],
    ids=str,
)
def test_an_amount_is_its_value_however_it_is_written(amount: Decimal) -> None:
    """Trailing zeros and exponents do not matter."""
    assert usd("5.00") == Shop().grant(Money(amount, "USD")).account.available


@pytest.mark.parametrize("code", ["HUF", "ISK", "MGA", "MRU", "KRW", "BHD", "TND", "UYW", "DEM"])
def test_disputed_and_old_currencies_have_the_decimals_of_the_table(code: str) -> None:
    """One whole unit of any currency of the table can be granted, spent and refunded, and the books tie."""
    shop = Shop()
    shop.grant(Money(1, code))
    shop.execute(DebitStoreCredit(customer_id="ada", amount=Money(1, code), order_id="1", idempotency_key="d"))
    shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="r"))
    assert Money(1, code) == shop.credit(currency=code).available
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize("at", [datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)], ids=["1", "9999"])
def test_the_first_and_the_last_year_are_times(at: datetime) -> None:
    """The host's time may lie in any year of the calendar, and an expiry in the last one."""
    shop = Shop()
    issued = shop.issue(occurred_at=at, expires_at=datetime.max.replace(tzinfo=UTC))
    assert datetime.max.replace(tzinfo=UTC) == shop.card(issued).expires_at
    assert usd("49.00") == shop.redeem(issued, "1.00").balance_after


def test_a_clock_in_the_last_year_is_no_excuse() -> None:
    """At the end of the calendar a refund of expired value still answers or refuses as documented."""
    shop = Shop()
    shop.clock.now = datetime.max.replace(tzinfo=UTC) - DAY
    issued = shop.issue(origin=LotOrigin.PURCHASED, expires_at=shop.clock.now + DAY / 2)
    shop.redeem(issued, "50.00")
    shop.clock.advance(DAY)
    before = shop.books()
    try:
        refund = shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="r"))
    except LoyaltyError:
        assert before == shop.books()
    else:
        assert usd("50.00") == refund.amount


def test_a_code_is_forgiven_spaces_tabs_dashes_and_lower_case() -> None:
    """What people do to a code while copying it is forgiven, wherever they do it."""
    shop = Shop()
    code = shop.issue().code
    plain = code.replace("-", "")
    for typed in (plain, plain.lower(), " ".join(plain), "\t" + code, "--" + code + " ", code.replace("0", "o")):
        assert usd("50.00") == shop.ask(GetBalance(code=typed)).available


def test_a_batch_of_the_same_thing_twice_is_once() -> None:
    """Fifty spellings of one code are one tender."""
    shop = Shop()
    code = shop.issue("5.00").code
    payment = shop.execute(
        PayWithBalances(order_id="1", amount_due=usd("50"), codes=(code, code.lower()) * 25, idempotency_key="k")
    )
    assert usd("5.00") == payment.amount


# --- what changes after the call --------------------------------------------


def test_metadata_changed_after_the_call_has_no_effect() -> None:
    """The library keeps its own copy, made when the command was constructed."""
    shop = Shop()
    inner: list[object] = ["a"]
    metadata: dict[str, object] = {"inner": inner, "b": {"c": 1}}
    command = GrantStoreCredit(
        customer_id="ada", amount=usd("5"), origin=LotOrigin.REFUND, metadata=metadata, idempotency_key="k"
    )
    inner.append("later")
    metadata["new"] = object()
    first = shop.execute(command)
    before = shop.books()
    inner.clear()
    metadata.clear()
    assert before == shop.books()
    assert first == shop.execute(command)
    assert {"inner": ["a"], "b": {"c": 1}} == dict(before.transfers[0].metadata)  # type: ignore[attr-defined]


def test_lists_changed_after_the_call_have_no_effect() -> None:
    """Tags and codes are copied when the command is constructed."""
    shop = Shop()
    tags = ["a"]
    issue = IssueGiftCard(value=usd("5"), tags=tags, idempotency_key="k")
    tags.append("b")
    issued = shop.execute(issue)
    assert ("a",) == issued.gift_card.tags
    codes = [issued.code]
    pay = PayWithBalances(
        order_id="1",
        amount_due=usd("1"),
        codes=codes,
        idempotency_key="p",
    )
    codes.clear()
    assert usd("1.00") == shop.execute(pay).amount


@pytest.mark.parametrize("amount", [Decimal(-5), Decimal("NaN"), Decimal("0.001"), Decimal(0), 5, None], ids=str)
def test_money_changed_after_the_call_breaks_nothing(amount: object) -> None:
    """Money can be changed behind its back; then the command is refused, or does what it said at first."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "10.00")
    shop.grant("5.00")
    before = shop.books()
    for make in (
        lambda money: IssueGiftCard(value=money, idempotency_key="k"),
        lambda money: GrantStoreCredit(customer_id="ada", amount=money, origin=LotOrigin.REFUND, idempotency_key="k"),
        lambda money: DebitStoreCredit(customer_id="ada", amount=money, idempotency_key="k"),
        lambda money: RedeemGiftCard(code=issued.code, amount=money, order_id="1", idempotency_key="k"),
        lambda money: RefundRedemption(order_id="1001", amount=money, idempotency_key="k"),
        lambda money: PayWithBalances(order_id="1", amount_due=money, codes=(issued.code,), idempotency_key="k"),
    ):
        money = usd("1.00")
        command: Any = make(money)
        vars(money)["amount"] = amount
        try:
            shop.execute(command)
        except LoyaltyError:
            assert before == shop.books()
        else:
            assert () == shop.ask(Audit()).findings
            before = shop.books()


def test_a_result_changed_by_the_host_changes_no_books() -> None:
    """Money in a result is the host's own; changing it changes nothing here, not even a replay."""
    shop = Shop()
    command = GrantStoreCredit(customer_id="ada", amount=usd("5"), origin=LotOrigin.REFUND, idempotency_key="k")
    grant = shop.execute(command)
    vars(grant.account.available)["amount"] = Decimal(5000)
    vars(grant.transfer.amount)["amount"] = Decimal(5000)
    assert usd("5.00") == shop.credit().available
    assert usd("5.00") == shop.execute(command).account.available
    assert () == shop.ask(Audit()).findings


def test_a_command_cannot_be_changed() -> None:
    """Commands and results are frozen."""
    command = ClaimGiftCard(code="GIFT-0000", customer_id="ada", idempotency_key="k")
    with pytest.raises(AttributeError):
        command.customer_id = "bob"  # type: ignore[misc]


def test_a_changed_currency_table_changes_no_stored_money() -> None:
    """If a currency's sub-unit changes after the call, stored amounts keep the decimals they were recorded with."""
    points = Currency(code="PTS", sub_unit=1)
    shop = Shop()
    account = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency=points, idempotency_key="o"))
    shop.grant(Money(5, points))
    vars(points)["sub_unit"] = 100
    assert "5" == str(shop.credit(currency=account.currency).posted.amount)
    assert NOW == shop.credit(currency="PTS").opened_at
