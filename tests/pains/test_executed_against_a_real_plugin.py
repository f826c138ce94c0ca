"""What a real plugin did when it was executed (PAINS.md, section 6): one test per line, each impossible here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, Final

import attrs
import pytest
from moneyed import Currency, Money

import loyalty
from loyalty import (
    ALL,
    Audit,
    ClaimGiftCard,
    CodeFormat,
    CodeKeys,
    ConvertGiftCard,
    DebitStoreCredit,
    GetBalance,
    GrantStoreCredit,
    IssueGiftCard,
    Liability,
    LotOrigin,
    OpenStoreCreditAccount,
    PayWithBalances,
    RedeemGiftCard,
    RefundRedemption,
    Statement,
)
from loyalty.errors import (
    CurrencyMismatch,
    DuplicateRecord,
    GiftCardNotFound,
    InsufficientBalance,
    InvalidAmount,
    InvalidRequest,
    LoyaltyError,
    MalformedCode,
    NotSpendable,
    StoreCreditAccountNotFound,
)
from loyalty.identifiers import TransferId
from loyalty.ledger.transfer import Transfer
from loyalty.use_cases.command import Request
from tests.use_cases.shop import DAY, KEYS, NOW, Shop, usd

ADA: Final = "ada"


class KilledError(Exception):
    """Stands for the end of the process."""


def at_once(shop: Shop, *commands: Any) -> list[object]:
    """Send all commands at the same moment and return what each answered or raised."""
    barrier = Barrier(len(commands))

    def send(command: Any) -> object:
        barrier.wait(timeout=120)
        try:
            return shop.execute(command)
        except LoyaltyError as error:
            return error

    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(send, commands))


def entries(shop: Shop, account_id: Any) -> list[str]:
    """Return what an account's statement says, shortly."""
    return [str(entry.amount.amount) for entry in shop.ask(Statement(account_id=account_id)).entries]


def test_the_same_debit_twice_with_the_same_reference() -> None:
    """The second delivery of a debit answers the first and takes nothing."""
    shop = Shop()
    account = shop.grant("10.00").account
    shop.execute_twice(DebitStoreCredit(customer_id=ADA, amount=usd("4"), order_id="1", idempotency_key="ref"))
    assert ["10.00", "4.00"] == entries(shop, account.id)


def test_the_same_credit_twice_with_the_same_reference() -> None:
    """The second delivery of a credit answers the first and gives nothing."""
    shop = Shop()
    account = shop.execute_twice(
        GrantStoreCredit(customer_id=ADA, amount=usd("4"), origin=LotOrigin.REFUND, idempotency_key="ref")
    ).account
    assert ["4.00"] == entries(shop, account.id)


def test_the_paid_orders_event_delivered_twice() -> None:
    """Two cards of 25 for one paid order, delivered twice under keys of line and unit, are two cards and 50."""
    shop = Shop()
    for _delivery in range(2):
        for unit in range(2):
            shop.execute(
                IssueGiftCard(value=usd("25.00"), order_id="1001", idempotency_key=f"1001/line-1/{unit}/issue")
            )
    assert usd("50.00") == shop.ask(Liability()).total["USD"]
    assert 2 == shop.ask(Audit()).accounts


def test_the_cart_confirmed_twice() -> None:
    """A cart that is confirmed twice is debited once."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.execute_twice(
        PayWithBalances(order_id="1", amount_due=usd("20"), codes=(issued.code,), idempotency_key="cart-1")
    )
    assert usd("30.00") == shop.card(issued).available


def test_a_card_turned_into_credit_twice_at_once_20_times() -> None:
    """Of two conversions at the same moment one succeeds, twenty times out of twenty."""
    for _round in range(20):
        shop = Shop()
        issued = shop.issue("50.00")
        answers = at_once(
            shop,
            *(ConvertGiftCard(code=issued.code, customer_id=ADA, idempotency_key=key) for key in ("a", "b")),
        )
        assert 1 == sum(isinstance(answer, NotSpendable) for answer in answers)
        assert usd("50.00") == shop.credit().available == shop.ask(Liability()).total["USD"]


def test_process_killed_between_a_claims_debit_and_its_credit() -> None:
    """Wherever a conversion dies, the card still has its value, and the same call works afterwards."""
    kills = 0
    for steps in range(100):
        shop = Shop()
        issued = shop.issue("50.00")
        before = shop.books()
        left = iter(range(steps))

        def new_id(left: Any = left, shop: Shop = shop) -> str:
            if next(left, None) is None:
                raise KilledError
            return shop.new_id()

        command = ConvertGiftCard(code=issued.code, customer_id=ADA, idempotency_key="convert")
        try:
            shop.with_keys(KEYS, new_id=new_id).execute(command)
        except KilledError:
            kills += 1
            assert before == shop.books()
            assert usd("50.00") == shop.execute(command).amount
        else:
            break
        assert usd("50.00") == shop.credit().available
    assert kills >= 3


def test_two_claims_of_one_card_at_once_by_one_customer_without_an_account() -> None:
    """The one that loses loses on the card, and two different cards at once both succeed."""
    for _round in range(20):
        shop = Shop()
        one, two = shop.issue("50.00"), shop.issue("20.00")
        answers = at_once(
            shop,
            *(
                ConvertGiftCard(code=code, customer_id=ADA, idempotency_key=key)
                for code, key in ((one.code, "a"), (one.code, "b"), (two.code, "c"))
            ),
        )
        (refusal,) = [answer for answer in answers if isinstance(answer, LoyaltyError)]
        assert NotSpendable is type(refusal)
        assert usd("70.00") == shop.credit().available


def test_a_card_that_expired_in_the_past_claimed() -> None:
    """An expired card is neither claimed nor turned into credit."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.clock.advance(2 * DAY)
    before = shop.books()
    command: Any
    for command in (
        ClaimGiftCard(code=issued.code, customer_id=ADA, idempotency_key="a"),
        ConvertGiftCard(code=issued.code, customer_id=ADA, idempotency_key="b"),
    ):
        with pytest.raises(NotSpendable):
            shop.execute(command)
    assert before == shop.books()


@pytest.mark.parametrize("amount", ["-5", "-50"])
def test_a_negative_credit_on_a_balance_of_ten(amount: str) -> None:
    """A negative credit is no debit in disguise: it is no amount."""
    shop = Shop()
    shop.grant("10.00")
    with pytest.raises(InvalidAmount):
        shop.grant(amount)
    assert usd("10.00") == shop.credit().available


def test_credit_of_zero() -> None:
    """A credit of nothing is no entry."""
    shop = Shop()
    account = shop.grant("10.00").account
    with pytest.raises(InvalidAmount):
        shop.grant("0")
    assert ["10.00"] == entries(shop, account.id)


@pytest.mark.parametrize("amount", [Money("0.001", "USD"), Money("0.5", "JPY")], ids=str)
def test_debit_of_less_than_a_minor_unit(amount: Money) -> None:
    """Less than a cent or a yen is not taken and not rounded."""
    shop = Shop()
    shop.grant(Money(10, amount.currency))
    with pytest.raises(InvalidAmount):
        shop.execute(DebitStoreCredit(customer_id=ADA, amount=amount, idempotency_key="d"))
    assert Money(10, amount.currency) == shop.credit(currency=amount.currency.code).available


def test_credit_of_a_tenth_and_two_tenths_then_debit_of_three() -> None:
    """Floats do not pass, and tenths leave nothing behind."""
    shop = Shop()
    for amount in (0.1, 0.2, 0.1 + 0.2):
        with pytest.raises(InvalidAmount):
            GrantStoreCredit(customer_id=ADA, amount=amount, origin=LotOrigin.REFUND, idempotency_key="k")  # type: ignore[arg-type]
    with pytest.raises(InvalidAmount):
        shop.grant(Money(0.1 + 0.2, "USD"))
    shop.grant("0.1")
    shop.grant("0.2")
    shop.execute(DebitStoreCredit(customer_id=ADA, amount=usd("0.3"), idempotency_key="d"))
    assert ("0.00", usd("0.00")) == (str(shop.credit().posted.amount), shop.credit().available)


def test_credit_beyond_two_to_the_53_then_debit_all_of_it() -> None:
    """Balances beyond what a float can count are exact: all of it can be taken, and not one more."""
    shop = Shop()
    with pytest.raises(InvalidAmount):
        shop.grant(Money(9007199254740993, "JPY"))
    for _ in range(9):
        shop.grant(Money(10**15, "JPY"))
    shop.grant(Money(7199254740993, "JPY"))
    assert Money(9007199254740993, "JPY") == shop.credit(currency="JPY").available
    shop.execute(DebitStoreCredit(customer_id=ADA, amount=Money(7199254740992, "JPY"), idempotency_key="d"))
    for number in range(9):
        shop.execute(DebitStoreCredit(customer_id=ADA, amount=Money(10**15, "JPY"), idempotency_key=f"d{number}"))
    with pytest.raises(InsufficientBalance):
        shop.execute(DebitStoreCredit(customer_id=ADA, amount=Money(2, "JPY"), idempotency_key="two"))
    shop.execute(DebitStoreCredit(customer_id=ADA, amount=Money(1, "JPY"), idempotency_key="one"))
    assert Money(0, "JPY") == shop.credit(currency="JPY").posted


# --- behind the library's back ----------------------------------------------
# No public call changes, deletes or inserts an entry; whoever does it in the storage is named by the audit.


def tamper(shop: Shop, old: Transfer, new: Transfer | None) -> None:
    """Put another transfer in the place of one, as somebody with access to the storage could."""
    books = shop.storage._books
    for account_id, history in books.entries.items():
        books.entries[account_id] = [new if one is old else one for one in history if new or one is not old]  # type: ignore[misc]
    if new is None:
        del books.transfers[old.id]
    else:
        books.transfers[new.id] = new


def last_transfer(shop: Shop) -> Transfer:
    """Return the newest transfer."""
    return list(shop.storage._books.transfers.values())[-1]


def test_the_amount_of_a_posted_entry_changed_from_10_to_1000() -> None:
    """An entry cannot be changed, and one that was changed in the storage is named."""
    shop = Shop()
    grant = shop.grant("10.00")
    with pytest.raises(AttributeError):
        grant.transfer.amount = usd("1000")  # type: ignore[misc]
    tamper(shop, last_transfer(shop), attrs.evolve(last_transfer(shop), amount=100_000))
    findings = shop.ask(Audit()).findings
    assert grant.transfer.id == findings[0].id
    assert grant.account.id in {finding.id for finding in findings}
    assert usd("10.00") == shop.credit().available


def test_a_posted_credit_deleted_after_it_was_partly_spent() -> None:
    """Nothing is ever deleted by a public call, and a missing entry is named; the balance never falls below zero."""
    shop = Shop()
    shop.grant("10.00")
    credit = last_transfer(shop)
    shop.execute(DebitStoreCredit(customer_id=ADA, amount=usd("8"), idempotency_key="d"))
    tamper(shop, credit, None)
    assert not shop.ask(Audit()).is_clean
    assert usd("2.00") == shop.credit().available


def test_an_entry_inserted_directly_above_the_balance() -> None:
    """An entry that was slipped in is named, and it buys nothing."""
    shop = Shop()
    shop.grant("10.00")
    shop.execute(DebitStoreCredit(customer_id=ADA, amount=usd("5"), idempotency_key="d"))
    slipped = attrs.evolve(last_transfer(shop), id=TransferId("slipped in"), amount=10_000)
    shop.storage._books.transfers[slipped.id] = slipped
    shop.storage._books.entries[shop.credit().id].append(slipped)
    assert "slipped in" in {finding.id for finding in shop.ask(Audit()).findings}
    with pytest.raises(InsufficientBalance):
        shop.execute(DebitStoreCredit(customer_id=ADA, amount=usd("5.01"), idempotency_key="d2"))


def test_a_funded_account_soft_deleted() -> None:
    """No public command deletes anything, and an account that was removed from the storage is missed."""
    commands = [
        name
        for name in loyalty.__all__
        if isinstance(getattr(loyalty, name), type) and issubclass(getattr(loyalty, name), Request)
    ]
    assert [] == [name for name in commands if name.startswith(("Delete", "Remove", "Set", "Drop"))]
    shop = Shop()
    account_id = shop.grant("10.00").account.id
    books = shop.storage._books
    del books.accounts[account_id], books.credits[account_id]
    books.customers.clear()
    report = shop.ask(Audit())
    assert {"currency", "transfer"} == {finding.subject for finding in report.findings}
    assert usd("10.00") == shop.ask(Liability()).total["USD"]


def test_a_cards_value_edited_from_50_to_500() -> None:
    """No public call edits a value, a view cannot be changed, and a value that was changed in the storage is named."""
    shop = Shop()
    issued = shop.issue("50.00")
    with pytest.raises(AttributeError):
        issued.gift_card.value = usd("500")  # type: ignore[misc]
    cards = shop.storage._books.cards
    cards[issued.gift_card.account_id] = attrs.evolve(cards[issued.gift_card.account_id], value=50_000)
    assert usd("50.00") == shop.card(issued).available
    assert not shop.ask(Audit()).is_clean


# --- currencies and owners --------------------------------------------------


@pytest.mark.parametrize("currency", ["not-a-currency", "usd", "Usd", "NOTACURRENCY1"])
def test_a_currency_code_that_is_none_and_usd_beside_usd(currency: str) -> None:
    """What is no currency opens no account, and lower case is not a second dollar."""
    shop = Shop()
    shop.grant("10.00")
    with pytest.raises(InvalidRequest):
        shop.execute(OpenStoreCreditAccount(customer_id=ADA, currency=currency, idempotency_key="o"))
    with pytest.raises(InvalidRequest):
        shop.grant(Money(1, Currency(code=currency.lower(), sub_unit=100)))
    assert 1 == shop.ask(Audit()).accounts


def test_a_eur_cart_paid_from_a_usd_account() -> None:
    """Dollars do not pay for euros."""
    shop = Shop()
    account = shop.grant("10.00").account
    with pytest.raises(CurrencyMismatch):
        shop.execute(DebitStoreCredit(account_id=account.id, amount=Money(1, "EUR"), order_id="1", idempotency_key="d"))
    payment = shop.execute(
        PayWithBalances(order_id="1", amount_due=Money(1, "EUR"), customer_id=ADA, idempotency_key="p")
    )
    assert (Money(0, "EUR"), usd("10.00")) == (payment.amount, shop.credit().available)


def test_customer_bs_cart_paid_from_customer_as_account() -> None:
    """A payment for one customer never touches another's credit, and naming both is refused."""
    shop = Shop()
    account = shop.grant("10.00", ADA).account
    payment = shop.execute(PayWithBalances(order_id="1", amount_due=usd("5"), customer_id="bob", idempotency_key="p"))
    assert usd("0.00") == payment.amount
    with pytest.raises(StoreCreditAccountNotFound):
        shop.execute(DebitStoreCredit(customer_id="bob", amount=usd("5"), idempotency_key="d"))
    with pytest.raises(InvalidRequest):
        DebitStoreCredit(account_id=account.id, customer_id="bob", amount=usd("5"), idempotency_key="d")
    assert usd("10.00") == shop.credit(ADA).available


@pytest.mark.parametrize("value", ["-5", "0.001", "0"])
def test_a_card_issued_with_a_value_that_is_none(value: str) -> None:
    """A card is never issued with a negative, inexact or empty value."""
    shop = Shop()
    with pytest.raises(InvalidAmount):
        shop.issue(value)
    assert 0 == shop.ask(Audit()).accounts


# --- codes ------------------------------------------------------------------


def test_codes_abc_and_abc_in_capitals() -> None:
    """Two spellings are one code and one card, and three letters are no code at all."""
    shop = Shop(code_format=CodeFormat(allow_chosen=True))
    for code in ("abc", "ABC"):
        with pytest.raises(MalformedCode):
            shop.issue(code=code)
    shop.issue("5.00", code="abc-def-ghj-kmn")
    with pytest.raises(DuplicateRecord):
        shop.issue("7.00", code="ABC-DEF-GHJ-KMN")
    assert usd("5.00") == shop.ask(GetBalance(code="ABCDEFGHJKMN")).available


def test_1000_generated_codes() -> None:
    """No code of a thousand repeats its first six symbols as its last, and no two are the same."""
    shop = Shop()
    codes = [shop.issue("1.00").code.replace("-", "").removeprefix("GIFT") for _ in range(1000)]
    assert 1000 == len(set(codes))
    assert 0 == sum(code[:6] in {code[-6:], code[-7:-1]} for code in codes)


@pytest.mark.parametrize("kind", ["malformed", "unknown"])
def test_a_wrong_code_claimed(kind: str) -> None:
    """A wrong code gives a typed error with one public sentence, which names nothing of ours."""
    shop = Shop()
    other = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue()
    code = other.code if kind == "unknown" else "GIFT-NOT-A-CODE"
    with pytest.raises((GiftCardNotFound, MalformedCode)) as caught:
        shop.execute(ClaimGiftCard(code=code, customer_id=ADA, idempotency_key="c"))
    assert "This gift card cannot be used." == caught.value.public_message
    assert code not in str(caught.value)


def test_a_refund_slipped_in_beyond_what_was_redeemed() -> None:
    """If somebody hides earlier refunds from the storage and refunds again, the audit names the redemption."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "10.00", "1001")
    shop.redeem(issued, "10.00", "1002")
    shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="a"))
    shop.storage._books.refunds.clear()
    shop.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="b"))
    assert not shop.ask(Audit()).is_clean


def test_a_redemption_at_the_same_moment_by_many() -> None:
    """Of sixteen who spend the last dollar at once, one does."""
    shop = Shop()
    issued = shop.issue("1.00")
    answers = at_once(
        shop,
        *(
            RedeemGiftCard(code=issued.code, amount=usd("1.00"), order_id=str(number), idempotency_key=f"pay-{number}")
            for number in range(16)
        ),
    )
    assert 15 == sum(isinstance(answer, InsufficientBalance) for answer in answers)
    assert () == shop.ask(Audit()).findings
