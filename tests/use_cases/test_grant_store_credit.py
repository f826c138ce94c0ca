"""Granting store credit: one lot, with its origin and its term."""

from __future__ import annotations

import pytest
from moneyed import Currency, Money

from loyalty import (
    Audit,
    CodeKeys,
    DebitStoreCredit,
    Direction,
    GrantStoreCredit,
    HouseAccount,
    LotOrigin,
    Movements,
    OpenStoreCreditAccount,
    Reference,
    Statement,
    StoreCreditStatus,
    TransferKind,
)
from loyalty.errors import (
    CurrencyMismatch,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    InvalidRequest,
    InvalidTime,
    NotSpendable,
    StoreCreditAccountNotFound,
)
from tests.use_cases.shop import DAY, MICROSECOND, NOW, SECRET, Shop, usd

POINTS = Currency(code="PTS", sub_unit=1, name="Points")
UNKNOWN = "nobody"


def debit(shop: Shop, amount: str) -> object:
    """Take store credit from Ada."""
    return shop.execute(DebitStoreCredit(customer_id="ada", amount=usd(amount), idempotency_key=shop.key()))


def test_a_grant_opens_the_account_and_fills_it() -> None:
    """The first grant in a currency opens the customer's account."""
    shop = Shop()
    grant = shop.grant("10.00", actor="staff/7", reason="late parcel", note="n", reference=Reference("ticket", "77"))
    assert (usd("10.00"), "ada") == (grant.account.available, grant.account.customer_id)
    entry = grant.transfer
    assert (1, Direction.CREDIT, TransferKind.GRANT) == (entry.sequence, entry.direction, entry.kind)
    assert (usd("10.00"), usd("10.00")) == (entry.amount, entry.balance_after)
    assert ("staff/7", "late parcel", "n", Reference("ticket", "77")) == (
        entry.actor, entry.reason, entry.note, entry.reference,
    )  # fmt: skip
    assert (entry,) == shop.ask(Statement(account_id=grant.account.id)).entries


def test_a_grant_names_its_account_by_id() -> None:
    """An account that is there may be named by its id."""
    shop = Shop()
    account = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="open"))
    grant = shop.execute(
        GrantStoreCredit(account_id=account.id, amount=usd("3"), origin=LotOrigin.REFUND, idempotency_key="g")
    )
    assert (account.id, usd("3.00")) == (grant.account.id, grant.account.available)


def test_grants_add_up() -> None:
    """Each grant is one lot and one entry, and the balance is their sum."""
    shop = Shop()
    for cents in range(1, 11):
        shop.grant(f"0.{cents:02d}")
    account = shop.credit()
    entries = shop.ask(Statement(account_id=account.id)).entries
    assert usd("0.55") == account.available == entries[-1].balance_after
    assert list(range(1, 11)) == [entry.sequence for entry in entries]


@pytest.mark.parametrize(
    ("origin", "house"),
    [
        (LotOrigin.GOODWILL, HouseAccount.GOODWILL),
        (LotOrigin.PROMOTIONAL, HouseAccount.PROMOTION),
        (LotOrigin.REFUND, HouseAccount.REFUNDS),
        (LotOrigin.PURCHASED, HouseAccount.SALES),
        (LotOrigin.MIGRATION, HouseAccount.MIGRATION),
    ],
)
def test_each_origin_is_funded_by_its_house_account(origin: LotOrigin, house: HouseAccount) -> None:
    """The value of a grant comes from the house account of its origin."""
    shop = Shop()
    shop.grant("10.00", origin=origin)
    assert usd("-10.00") == shop.ask(Movements())[0].house[house]


@pytest.mark.parametrize(
    "amount", [Money(1, "JPY"), Money("0.001", "KWD"), Money("0.0001", "CLF"), Money(1, POINTS)], ids=str
)
def test_the_smallest_amount_of_any_currency_can_be_granted(amount: Money) -> None:
    """One minor unit of a currency with any number of decimals is exact."""
    shop = Shop()
    assert amount == shop.grant(amount).account.available
    assert () == shop.ask(Audit()).findings


def test_value_expires_at_its_time() -> None:
    """Granted value is available until its expiry, and not at it."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert (usd("10.00"), NOW + DAY) == (shop.credit().available, shop.credit().expires_next)
    for instant in (NOW + DAY, NOW + DAY + MICROSECOND):
        shop.clock.now = instant
        assert (usd("0.00"), usd("10.00"), None) == (
            shop.credit().available, shop.credit().posted, shop.credit().expires_next,
        )  # fmt: skip
        with pytest.raises(InsufficientBalance):
            debit(shop, "0.01")


def test_value_begins_at_its_time() -> None:
    """Granted value with a start is available from that instant on, and not before."""
    shop = Shop()
    shop.grant("10.00", not_before=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    assert (usd("0.00"), usd("10.00")) == (shop.credit().available, shop.credit().posted)
    with pytest.raises(InsufficientBalance):
        debit(shop, "0.01")
    for instant in (NOW + DAY, NOW + DAY + MICROSECOND):
        shop.clock.now = instant
        debit(shop, "1.00")
    assert usd("8.00") == shop.credit().available


def test_the_lowest_priority_is_spent_first() -> None:
    """Value of a lower priority number goes first, whatever its expiry."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + DAY)
    shop.grant("10.00", priority=-1)
    debit(shop, "10.00")
    shop.clock.advance(DAY)
    assert usd("0.00") == shop.credit().available


def test_an_expiry_that_is_over_is_refused() -> None:
    """Value must expire in the future; now is too late, one microsecond later is not."""
    shop = Shop()
    before = shop.books()
    for instant in (NOW, NOW - MICROSECOND):
        with pytest.raises(InvalidTime):
            shop.grant("10.00", expires_at=instant)
    assert before == shop.books()
    assert usd("10.00") == shop.grant("10.00", expires_at=NOW + MICROSECOND).account.available


def test_value_must_end_after_it_begins() -> None:
    """A term without length is refused by the constructor."""
    for start in (NOW + DAY, NOW + 2 * DAY):
        with pytest.raises(InvalidTime):
            GrantStoreCredit(
                customer_id="ada",
                amount=usd("1"),
                origin=LotOrigin.GOODWILL,
                expires_at=NOW + DAY,
                not_before=start,
                idempotency_key="k",
            )


def test_an_unknown_account_is_not_found() -> None:
    """An id that no account has is not found; a gift card's account is no store credit."""
    shop = Shop()
    for account_id in (UNKNOWN, shop.issue().gift_card.account_id):
        before = shop.books()
        with pytest.raises(StoreCreditAccountNotFound):
            shop.execute(
                GrantStoreCredit(
                    account_id=account_id,
                    amount=usd("1"),
                    origin=LotOrigin.GOODWILL,
                    idempotency_key="k",
                )
            )
        assert before == shop.books()


def test_an_account_in_another_currency_is_refused() -> None:
    """Euros do not go into an account of dollars."""
    shop = Shop()
    account = shop.grant("10.00").account
    before = shop.books()
    with pytest.raises(CurrencyMismatch) as caught:
        shop.execute(
            GrantStoreCredit(
                account_id=account.id, amount=Money(1, "EUR"), origin=LotOrigin.GOODWILL, idempotency_key="k"
            )
        )
    assert ("USD", "EUR") == (caught.value.expected, caught.value.actual)
    assert before == shop.books()


def test_a_closed_account_takes_nothing_and_a_blocked_one_does() -> None:
    """A closed account refuses value; a blocked one keeps it until it is unblocked."""
    shop = Shop()
    account = shop.grant("10.00").account
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)
    with pytest.raises(NotSpendable) as caught:
        shop.grant("1.00")
    assert "closed" == caught.value.reason
    shop.set_credit_status(account.id, StoreCreditStatus.BLOCKED)
    assert (usd("11.00"), usd("0.00")) == (shop.grant("1.00").account.posted, shop.credit().available)


def test_the_account_is_named_exactly_once() -> None:
    """Account and customer together, or neither, is an invalid request."""
    with pytest.raises(InvalidRequest):
        GrantStoreCredit(amount=usd("1"), origin=LotOrigin.GOODWILL, idempotency_key="k")
    with pytest.raises(InvalidRequest):
        GrantStoreCredit(
            account_id=UNKNOWN,
            customer_id="ada",
            amount=usd("1"),
            origin=LotOrigin.GOODWILL,
            idempotency_key="k",
        )


@pytest.mark.parametrize("amount", ["0", "-5", "0.001", "NaN", "-Infinity"])
def test_bad_amounts_never_become_a_command(amount: str) -> None:
    """Zero, negative, inexact and infinite amounts are refused by the constructor."""
    with pytest.raises(InvalidAmount):
        GrantStoreCredit(customer_id="ada", amount=usd(amount), origin=LotOrigin.GOODWILL, idempotency_key="k")


def test_a_balance_has_a_largest_size() -> None:
    """A balance above 10^18 minor units is refused, and the last balance stays."""
    shop = Shop()
    largest = Money(10**15, "JPY")
    for number in range(1000):
        shop.grant(largest, origin=LotOrigin.MIGRATION, note=str(number))
    before = shop.credit(currency="JPY")
    assert Money(10**18, "JPY") == before.available
    with pytest.raises(InvalidAmount):
        shop.grant(Money(1, "JPY"))
    assert before == shop.credit(currency="JPY")


def test_a_replay_answers_again_and_grants_nothing() -> None:
    """The same grant twice is one grant, also after its term is over and under a new secret."""
    shop = Shop()
    command = GrantStoreCredit(
        customer_id="ada",
        amount=usd("10.00"),
        origin=LotOrigin.GOODWILL,
        expires_at=NOW + DAY,
        idempotency_key="ticket-77",
    )
    first = shop.execute_twice(command)
    shop.clock.advance(2 * DAY)
    assert first == shop.execute(command)
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    assert first == rotated.execute(command)
    assert usd("10.00") == shop.credit().posted


@pytest.mark.parametrize(
    "other",
    [
        {"amount": usd("10.01")},
        {"amount": Money("10.00", "EUR")},
        {"customer_id": "bob"},
        {"origin": LotOrigin.REFUND},
        {"priority": 1},
        {"not_before": NOW},
        {"reason": "x"},
        {"reference": Reference("ticket", "78")},
    ],
    ids=lambda other: next(iter(other)),
)
def test_other_content_under_the_same_key_is_a_conflict(other: dict[str, object]) -> None:
    """Every field of a grant belongs to what its key stands for."""
    shop = Shop()
    base = {"customer_id": "ada", "amount": usd("10"), "origin": LotOrigin.GOODWILL, "idempotency_key": "once"}
    shop.execute(GrantStoreCredit(**base))  # type: ignore[arg-type]
    before = shop.books()
    with pytest.raises(IdempotencyConflict):
        shop.execute(GrantStoreCredit(**{**base, **other}))  # type: ignore[arg-type]
    assert before == shop.books()


def test_ten_dollars_are_ten_dollars_however_written() -> None:
    """10, 10.0 and 10.00 are the same content."""
    shop = Shop()
    grants = [
        shop.execute(
            GrantStoreCredit(customer_id="ada", amount=usd(text), origin=LotOrigin.GOODWILL, idempotency_key="once")
        )
        for text in ("10", "10.0", "10.00", "1E+1")
    ]
    assert [grants[0]] * 4 == grants


# --- order of errors --------------------------------------------------------


def test_a_bad_time_is_told_before_an_unknown_account() -> None:
    """Errors come in the order in which they are documented: the time first."""
    with pytest.raises(InvalidTime):
        Shop().execute(
            GrantStoreCredit(
                account_id=UNKNOWN,
                amount=usd("1"),
                origin=LotOrigin.GOODWILL,
                expires_at=NOW,
                idempotency_key="k",
            )
        )


def test_a_closed_account_is_told_before_its_currency() -> None:
    """Errors come in the order in which they are documented: closed before currency."""
    shop = Shop()
    account = shop.grant("10.00").account
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)
    with pytest.raises(NotSpendable):
        shop.execute(
            GrantStoreCredit(
                account_id=account.id, amount=Money(1, "EUR"), origin=LotOrigin.GOODWILL, idempotency_key="k"
            )
        )


def test_an_account_with_a_later_clock_keeps_its_order() -> None:
    """A clock that goes back never puts an entry before the last one, and never revives a term."""
    shop = Shop()
    shop.clock.advance(DAY)
    shop.grant("1.00")
    shop.clock.advance(-DAY)
    assert NOW + DAY == shop.grant("1.00").transfer.recorded_at
    with pytest.raises(InvalidTime):
        shop.grant("1.00", expires_at=NOW + DAY)
