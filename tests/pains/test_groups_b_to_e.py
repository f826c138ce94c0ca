"""PAINS.md, groups B to E: expiry; codes and access; amounts and currency; operations. One test per pain touched."""

from __future__ import annotations

import hashlib
import logging
import pickle
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from limits.storage import MemoryStorage
from moneyed import Money

import loyalty
from loyalty import (
    ALL,
    Audit,
    BlockGiftCard,
    CardsOfOrder,
    ClaimGiftCard,
    CodeFormat,
    CodeKeys,
    ConvertGiftCard,
    DebitStoreCredit,
    ExpireValue,
    GetBalance,
    GetGiftCard,
    GiftCardPage,
    HouseAccount,
    IssueGiftCard,
    Liability,
    ListGiftCards,
    LotOrigin,
    Movements,
    PayWithBalances,
    Policies,
    RedeemGiftCard,
    RefundRedemption,
    Statement,
)
from loyalty.adapters.limits import LimitsAttemptLimiter
from loyalty.attempts.windows import OVERALL, PER_CALLER, SlidingWindows
from loyalty.errors import (
    AlreadyClaimed,
    CurrencyMismatch,
    GiftCardNotFound,
    InsufficientBalance,
    InvalidTime,
    LoyaltyError,
    MalformedCode,
    NotSpendable,
    RedemptionNotFound,
    StorageUnavailable,
    StoreCreditAccountNotFound,
    TooManyAttempts,
)
from loyalty.ledger.lot import Lot
from loyalty.ports.storage import Reader
from loyalty.reports.query import QueryContext
from tests.unit.attempts.limiters import Broken, Tripwire, limited
from tests.unit.attempts.wrong_codes import CHARGED, WRONG, WrongCodes
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, Shop, usd

# --- B. expiry --------------------------------------------------------------


def test_pain_23_expiry_stored_but_not_enforced() -> None:
    """Without any sweep no command spends, converts or claims expired value."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.grant("50.00", expires_at=NOW + DAY)
    shop.clock.advance(3 * DAY)
    before = shop.books()
    command: Any
    for command in (
        RedeemGiftCard(code=issued.code, amount=usd("1"), order_id="1", idempotency_key="a"),
        ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="b"),
        ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="c"),
        DebitStoreCredit(customer_id="ada", amount=usd("1"), idempotency_key="d"),
        PayWithBalances(order_id="1", amount_due=usd("1"), codes=(issued.code,), idempotency_key="e"),
    ):
        with pytest.raises((NotSpendable, InsufficientBalance)):
            shop.execute(command)
    assert before == shop.books()


def test_pain_24_off_by_a_day_off_by_a_zone() -> None:
    """An expiry is one exclusive instant in UTC: a local time is refused, not guessed, and a microsecond decides."""
    shop = Shop()
    for local in (
        datetime(2026, 12, 31),  # noqa: DTZ001 - that is what is wrong with it
        datetime(2026, 12, 31, tzinfo=ZoneInfo("America/Los_Angeles")),
    ):
        with pytest.raises(InvalidTime):
            shop.issue(expires_at=local)
    issued = shop.issue("5.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    shop.redeem(issued, "1.00")
    shop.clock.now = NOW + DAY
    with pytest.raises(NotSpendable):
        shop.redeem(issued, "1.00")


def test_pain_25_one_expiry_for_a_mixed_balance() -> None:
    """Each grant keeps its own expiry, and a refund gives back to the grants that paid."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + DAY)
    shop.grant("10.00", expires_at=NOW + 2 * DAY)
    shop.grant("10.00")
    lots = shop.storage._books.accounts[shop.credit().id].lots
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("25"), order_id="1", idempotency_key="d"))
    shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="r"))
    assert lots == shop.storage._books.accounts[shop.credit().id].lots
    left = []
    for _ in range(3):
        left.append(str(shop.credit().available.amount))
        shop.clock.advance(DAY)
    assert ["30.00", "20.00", "10.00"] == left


# --- C. codes, fraud, access ------------------------------------------------


def wrong_calls(shop: Shop) -> list[Callable[[], object]]:
    """Return calls with codes that are wrong in every way there is."""
    claimed, blocked, expired = shop.issue(customer_id="ada"), shop.issue(), shop.issue(expires_at=NOW + DAY)
    shop.execute(BlockGiftCard(gift_card_id=blocked.gift_card.id, idempotency_key="block"))
    shop.clock.advance(DAY)
    unknown = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue().code
    codes = [claimed.code, blocked.code, expired.code, unknown, unknown[:-1] + "?", "GIFT", "not a code"]
    return [
        call
        for code in codes
        for call in (
            lambda code=code: shop.ask(GetBalance(code=code)),
            lambda code=code: shop.execute(
                RedeemGiftCard(code=code, amount=usd("1"), order_id="1", idempotency_key="k")
            ),
            lambda code=code: shop.execute(ClaimGiftCard(code=code, customer_id="bob", idempotency_key="k")),
            lambda code=code: shop.execute(ConvertGiftCard(code=code, customer_id="bob", idempotency_key="k")),
            lambda code=code: shop.execute(
                PayWithBalances(order_id="1", amount_due=usd("1"), codes=(code,), idempotency_key="k")
            ),
        )
    ]


def test_pain_26_typing_mistakes_do_not_lock_anybody_out() -> None:
    """The check symbol tells a mistyped code before it counts: after a hundred of them the right one is taken."""
    shop = Shop()
    code = shop.issue("50.00").code
    other = "0" if code[-1] != "0" else "1"
    for number in range(100):
        with pytest.raises(MalformedCode):
            shop.loyalty.execute(
                ClaimGiftCard(code=code[:-1] + other, customer_id="ada", idempotency_key=f"{number}"), caller="ada"
            )
    shop.loyalty.execute(ClaimGiftCard(code=code, customer_id="ada", idempotency_key="claim"), caller="ada")


@pytest.mark.parametrize("name", CHARGED)
def test_pain_27_no_throttle(name: str) -> None:
    """By default the eleventh attempt of one caller is refused before any look-up, and no other caller's is."""
    wrong = WrongCodes.made()
    loyalty = limited(wrong.shop, LimitsAttemptLimiter(per_caller=PER_CALLER.replace("minute", "day")))
    for _ in range(10):
        with pytest.raises(WRONG[name]):
            loyalty.ask(GetBalance(code=wrong.codes[name], customer_id="ada"), caller="192.0.2.1")
    unreachable = loyalty.using(Tripwire())
    for code in (wrong.codes[name], wrong.right[0]):
        with pytest.raises(TooManyAttempts) as caught:
            unreachable.ask(GetBalance(code=code), caller="192.0.2.1")
        assert code not in repr(caught.value) + str(caught.value) + repr(caught.value.args)
    assert usd("50.00") == loyalty.ask(GetBalance(code=wrong.right[0]), caller="192.0.2.2").available


def test_pain_27_many_callers_with_few_guesses_each() -> None:
    """By default a thousand wrong codes of a thousand callers are all that is heard."""
    wrong = WrongCodes.made()
    loyalty = limited(wrong.shop, LimitsAttemptLimiter(overall=OVERALL.replace("minute", "day")))
    for number in range(1000):
        with pytest.raises(GiftCardNotFound):
            loyalty.ask(GetBalance(code=wrong.codes["unknown"]), caller=f"192.0.2.{number}")
    with pytest.raises(TooManyAttempts):
        loyalty.ask(GetBalance(code=wrong.codes["unknown"]), caller="192.0.2.1000")


@pytest.mark.parametrize("method", ["require", "wrong", "mistyped"])
def test_pain_27_a_limiter_that_fails_lets_nobody_through(method: str) -> None:
    """Whatever breaks in the limiter, the answer is that the shop is not available now."""
    wrong = WrongCodes.made()
    loyalty = limited(wrong.shop, Broken(method, ConnectionError("no route to the limiter")))
    name = "malformed: the length" if method == "mistyped" else "unknown"
    with pytest.raises(StorageUnavailable):
        loyalty.ask(GetBalance(code=wrong.codes[name]), caller="192.0.2.1")


@pytest.mark.parametrize("name", WRONG)
def test_pain_27_answers_are_byte_identical(name: str) -> None:
    """What may be shown to a stranger is the same, byte for byte, and no text of the error holds the code."""
    wrong = WrongCodes.made()
    code = wrong.codes[name]
    with pytest.raises(WRONG[name]) as caught:
        wrong.shop.ask(GetBalance(code=code, customer_id="ada"))
    assert b"This gift card cannot be used." == caught.value.public_message.encode()
    told = repr((caught.value, str(caught.value), caught.value.args, caught.value.__cause__, caught.value.__context__))
    for secret in (code, code.removeprefix("GIFT"), code[4:12]):
        assert secret not in told


def test_pain_27_guessing_oracle() -> None:
    """Unknown, malformed, blocked, expired and claimed cards answer one and the same public sentence, everywhere."""
    shop = Shop()
    messages = set()
    for call in wrong_calls(shop):
        with pytest.raises(LoyaltyError) as caught:
            call()
        messages.add(caught.value.public_message)
    assert {"This gift card cannot be used."} == messages


def test_pain_27_no_balance_in_the_public_message() -> None:
    """Too little on the card is said without saying how much there is."""
    shop = Shop()
    issued = shop.issue("43.21")
    with pytest.raises(InsufficientBalance) as caught:
        shop.redeem(issued, "50.00")
    assert "43" not in caught.value.public_message


def test_pain_28_codes_in_plain_text(caplog: pytest.LogCaptureFixture) -> None:
    """A code never shows in books, receipts, events, errors, tracebacks, reprs, pickles of errors or logs."""
    caplog.set_level(logging.DEBUG)
    shop = Shop()
    issued = shop.issue("50.00")
    canary = issued.code
    command = RedeemGiftCard(code=canary, amount=usd("5"), order_id="1", idempotency_key="k")
    shown = [repr(command), str(command), repr(shop.execute(command)), repr(issued)]
    shop.execute(BlockGiftCard(code=canary, idempotency_key="b"))
    for call in (
        lambda: shop.redeem(issued, "1.00"),
        lambda: shop.ask(GetBalance(code=canary)),
        lambda: shop.execute(RedeemGiftCard(code=canary, amount=usd("6"), order_id="1", idempotency_key="k")),
        lambda: GetBalance(code=canary + "?"),
        lambda: shop.ask(GetBalance(code=canary[:-1])),
        lambda: shop.ask(GetGiftCard(id=canary)),
    ):
        try:
            call()
        except LoyaltyError as error:
            shown += [
                str(error), repr(error), error.public_message, repr(error.args), repr(error.__cause__),
                "".join(traceback.format_exception_only(error)), repr(pickle.dumps(error)),
            ]  # fmt: skip
        else:
            pytest.fail("this call should have been refused")
    shown += [repr(shop.books()), repr(vars(shop.storage)), caplog.text]
    plain = canary.replace("-", "")
    for text in shown:
        for secret in (canary, plain, plain.removeprefix("GIFT"), plain.lower()):
            assert secret not in text


def test_pain_28_the_limiter_knows_no_code() -> None:
    """What is kept to count attempts names the caller and never what he tried."""
    wrong, counted = WrongCodes.made(), MemoryStorage()
    loyalty = limited(wrong.shop, SlidingWindows(counted))
    for name, code in wrong.codes.items():
        with pytest.raises(WRONG[name]):
            loyalty.ask(GetBalance(code=code, customer_id="ada"), caller="192.0.2.1")
    kept = repr((counted.storage, counted.expirations, counted.events))
    assert "192.0.2.1" in kept
    assert not any(code[4:12] in kept for code in (*wrong.codes.values(), *wrong.right))


def test_pain_28_only_the_last_four_are_kept() -> None:
    """The stored card knows a keyed digest and four symbols, and the digest is not a plain hash."""
    shop = Shop()
    issued = shop.issue()
    card = shop.storage._books.cards[issued.gift_card.account_id]
    plain = issued.code.replace("-", "")
    assert plain[-4:] == card.last_four
    for text in (issued.code, plain, plain.replace("I", "1"), plain.replace("I", "1").replace("O", "0")):
        assert hashlib.sha256(text.encode()).hexdigest() != card.code_digest
    assert card.code_digest not in repr(card)


def test_pain_29_missing_authorisation() -> None:
    """A card that belongs to a customer is refused inside the lock to whoever is not named as that customer."""
    shop = Shop()
    issued = shop.issue(customer_id="ada")
    for customer_id in (None, "bob", "Ada", "ada\u2009"):
        with pytest.raises(LoyaltyError) as caught:
            shop.redeem(issued, "1.00", customer_id=customer_id)
        assert "claimed_by_another" == caught.value.code


def test_pain_30_code_equality() -> None:
    """Every decoration of a code is that code; what merely looks like it is malformed."""
    shop = Shop()
    code = shop.issue("5.00").code
    for typed in (code.lower(), code.replace("-", ""), f" {code} ", code.replace("0", "O").replace("1", "l")):
        assert usd("5.00") == shop.ask(GetBalance(code=typed)).available
    for typed in (
        code.replace("G", "\uff27"),
        code.replace("T", "\u0422"),
        code + "\u200b",
        code.replace("I", "\u0131"),
    ):
        with pytest.raises(MalformedCode):
            shop.ask(GetBalance(code=typed))


def test_pain_31_claiming_twice() -> None:
    """Thirty-two customers claim one card at once: one has it, and its value is what it was."""
    shop = Shop()
    issued = shop.issue("50.00")

    def claim(number: int) -> bool:
        try:
            shop.execute(ClaimGiftCard(code=issued.code, customer_id=f"customer-{number}", idempotency_key=f"{number}"))
        except AlreadyClaimed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert 1 == sum(pool.map(claim, range(32)))
    assert usd("50.00") == shop.card(issued).available


def test_pain_50_scanners_and_namespaces() -> None:
    """The bar code of a product is never a card."""
    for barcode in ("5901234123457", "4006381333931", "96385074", "036000291452", "00012345600012"):
        with pytest.raises(MalformedCode):
            Shop().ask(GetBalance(code=barcode))


def test_pain_50_a_scanner_does_not_lock_the_till_out() -> None:
    """However many products are scanned into the field for gift cards, the next card is taken."""
    shop = Shop()
    issued = shop.issue("50.00")
    for _ in range(50):
        with pytest.raises(MalformedCode):
            shop.loyalty.ask(GetBalance(code="5901234123457"), caller="till-1")
    assert usd("50.00") == shop.loyalty.ask(GetBalance(code=issued.code), caller="till-1").available


# --- D. amounts, tax, currency ----------------------------------------------


def test_pain_32_treated_as_a_discount() -> None:
    """A payment answers with tenders and what remains; it has no field that would change a price or a tax."""
    shop = Shop()
    issued = shop.issue("50.00", tax_rate="19")
    payment = shop.execute(
        PayWithBalances(order_id="1", amount_due=usd("119"), codes=(issued.code,), idempotency_key="p")
    )
    assert usd("119.00") == payment.amount + payment.remaining_due
    assert {"order_id", "amount", "remaining_due", "parts"} == {field.name for field in attrs.fields(type(payment))}


def test_pain_34_states_that_reject_honest_customers() -> None:
    """Partly used and empty are no states: any number of partial uses, down to zero, and a refund afterwards."""
    shop = Shop()
    issued = shop.issue("3.00")
    for number in range(3):
        shop.redeem(issued, "1.00", f"order-{number}")
    for number in range(3):
        shop.execute(RefundRedemption(order_id=f"order-{number}", amount=ALL, idempotency_key=f"r{number}"))
    shop.redeem(issued, "3.00", "again")
    assert ("active", True) == (shop.card(issued).status.value, shop.card(issued).is_exhausted)


def test_pain_35_guards_that_silently_pass() -> None:
    """Falsy values are not mistaken for missing ones: a tax of zero, an empty tag list, a priority of zero."""
    shop = Shop()
    issued = shop.issue(tax_rate=0, tags=())
    assert issued.gift_card.tax_rate is not None
    assert 0 == issued.gift_card.tax_rate
    statement = shop.ask(Statement(account_id=issued.gift_card.account_id, after=0, limit=1))
    assert [1] == [entry.sequence for entry in statement.entries]


def test_pain_37_neighbouring_carts_disturb_each_other() -> None:
    """Paying and refunding one order leaves what another took from the same card alone."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "20.00", "a")
    shop.redeem(issued, "20.00", "b")
    shop.execute(RefundRedemption(order_id="a", amount=ALL, idempotency_key="r"))
    (spent,) = shop.ask(CardsOfOrder(order_id="b")).spent
    assert (usd("20.00"), usd("0.00"), usd("30.00")) == (spent.redeemed, spent.refunded, shop.card(issued).posted)


def test_pain_38_currency() -> None:
    """A card of one currency is never spent 1:1 in another, and each currency balances for itself."""
    shop = Shop()
    euro = shop.issue(Money("50.00", "EUR"))
    shop.issue("20.00")
    with pytest.raises(CurrencyMismatch):
        shop.redeem(euro, Money("50.00", "DKK"))
    for movements in shop.ask(Movements()):
        zero = Money(0, movements.currency)
        assert zero == movements.closing + sum(movements.house.values(), zero)


# --- E. operations, books, people -------------------------------------------


def test_pain_39_how_much_do_we_owe() -> None:
    """The liability as of any instant equals what a plain model held then."""
    shop = Shop()
    issued = shop.issue("100.00")
    model, balance = {}, 100
    for number in range(1, 15):
        shop.clock.advance(DAY)
        shop.redeem(issued, f"{number % 4 + 1}.00", str(number))
        balance -= number % 4 + 1
        model[shop.clock.now] = usd(f"{balance}.00")
    assert model == {instant: shop.ask(Liability(as_of=instant)).total["USD"] for instant in model}


def test_pain_40_expired_value_leaves_the_books_rightly() -> None:
    """Expired value becomes breakage by a transfer, and the trial balance is zero before and after."""
    shop = Shop()
    shop.issue("50.00", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    for breakage in ("0.00", "50.00"):
        (movements,) = shop.ask(Movements())
        assert usd(breakage) == movements.house[HouseAccount.BREAKAGE]
        assert usd("0.00") == movements.closing + sum(movements.house.values(), usd("0"))
        shop.execute(ExpireValue())


def test_pain_41_late_and_out_of_order_delivery() -> None:
    """The host's time is kept apart from ours, and a refund before its redemption is refused and may be retried."""
    shop = Shop()
    issued = shop.issue("50.00")
    refund = RefundRedemption(order_id="1001", amount=usd("5"), idempotency_key="r")
    with pytest.raises(RedemptionNotFound):
        shop.execute(refund)
    shop.redeem(issued, "30.00", occurred_at=NOW - 3 * DAY)
    entry = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries[-1]
    assert (NOW - 3 * DAY, NOW) == (entry.occurred_at, entry.recorded_at)
    assert usd("5.00") == shop.execute(refund).amount


def test_pain_42_events_before_commit() -> None:
    """There is exactly one event per committed command and none for a refused or replayed one."""
    shop = Shop()
    issued = shop.issue("50.00", key="issue")
    with pytest.raises(InsufficientBalance):
        shop.redeem(issued, "51.00")
    shop.issue("50.00", key="issue")
    shop.redeem(issued, "1.00")
    assert ["GiftCardIssued", "GiftCardRedeemed"] == [receipt.event for receipt in shop.books().receipts]


def test_pain_46_adjustments_without_a_reason() -> None:
    """Nothing sets a balance: no command has a field for one, and a correction is a debit with its reason."""
    for name in loyalty.__all__:
        thing: Any = getattr(loyalty, name)
        if isinstance(thing, type) and attrs.has(thing) and "idempotency_key" in attrs.fields_dict(thing):
            assert not {"balance", "posted", "available", "held"} & set(attrs.fields_dict(thing))
    shop = Shop()
    shop.grant("10.00")
    correction = shop.execute(
        DebitStoreCredit(
            customer_id="ada", amount=usd("10"), reason="typed twice", actor="staff/7", idempotency_key="d"
        )
    )
    assert ("typed twice", "staff/7") == (correction.transfer.reason, correction.transfer.actor)
    assert usd("0.00") == shop.credit().posted


def test_pain_48_clock_and_ordering() -> None:
    """A clock that goes back an hour in the middle leaves the sequence gapless and the times in order."""
    shop = Shop()
    account_id = shop.grant("10.00").account.id
    for hours in (2, -1, -5, 3, -1):
        shop.clock.advance(hours * DAY / 24)
        shop.grant("1.00")
    entries = shop.ask(Statement(account_id=account_id)).entries
    assert list(range(1, 7)) == [entry.sequence for entry in entries]
    assert sorted(entry.recorded_at for entry in entries) == [entry.recorded_at for entry in entries]
    assert () == shop.ask(Audit()).findings


def test_pain_49_extension_points_after_the_fact() -> None:
    """Spending order and refund routing are policies from day one, asked with plain values."""
    asked: list[tuple[str, str]] = []

    def order(lot: Lot) -> str:
        asked.append(("order", lot.id))
        return lot.id

    def refund(lot: Lot, at: datetime) -> datetime | None:
        asked.append(("refund", lot.id))
        return at + DAY

    shop = Shop(policies=Policies(spending_order=order, refund_expiry=refund))
    shop.grant("1.00", expires_at=NOW + DAY)
    shop.grant("1.00", origin=LotOrigin.PROMOTIONAL)
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("2"), order_id="1", idempotency_key="d"))
    shop.clock.advance(DAY)
    back = shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="r"))
    assert usd("1.00") == back.regranted
    assert {"order", "refund"} == {what for what, _ in asked}


def test_pain_44_what_is_not_there_is_not_opened_by_accident() -> None:
    """A debit or a query for a customer without an account opens none."""
    shop = Shop()
    with pytest.raises(StoreCreditAccountNotFound):
        shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("1"), idempotency_key="d"))
    assert 0 == shop.ask(Audit()).accounts


def test_pain_47_a_balance_does_not_walk_the_history() -> None:
    """A loaded account carries its live lots only, so that reading it costs the same after a thousand transfers."""
    shop = Shop()
    issued = shop.issue("1000.00")
    for number in range(300):
        shop.redeem(issued, "1.00", str(number))
        shop.execute(IssueGiftCard(value=usd("1"), idempotency_key=f"i{number}"))
    assert 1 == len(shop.storage._books.accounts[issued.gift_card.account_id].lots)


def test_pain_47_a_list_with_balances_is_read_at_once() -> None:
    """However many cards are on a page, the storage is asked once for all of them, and never for one of them alone."""
    shop = Shop()
    for number in range(30):
        shop.redeem(shop.issue("5.00"), "1.00", str(number))
    context = QueryContext(now=shop.clock(), code_keys=KEYS, code_format=CodeFormat(), policies=Policies())
    for limit in (1, 5, 30):
        asked = list[str]()

        def listed(reader: Reader, limit: int = limit, asked: list[str] = asked) -> GiftCardPage:
            return ListGiftCards(limit=limit).answer(Counted(reader, asked), context)

        page = shop.storage.read(listed)
        assert ["gift_cards"] == asked
        assert [usd("4.00")] * limit == [card.available for card in page]


class Counted:
    """A reader that writes down what it is asked."""

    def __init__(self, reader: Any, asked: list[str]) -> None:
        """Ask *reader*."""
        self._reader, self._asked = reader, asked

    def __getattr__(self, name: str) -> Any:
        """Write the question down and pass it on."""
        self._asked.append(name)
        return getattr(self._reader, name)
