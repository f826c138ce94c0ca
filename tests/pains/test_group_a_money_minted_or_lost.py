"""PAINS.md, group A: money minted or lost. One test per pain that this part of the library touches."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import moneyed
import pytest
from moneyed import Currency, Money

import loyalty
from loyalty import (
    ALL,
    Audit,
    BlockGiftCard,
    CaptureHold,
    CardsOfOrder,
    ConvertGiftCard,
    DebitStoreCredit,
    ExpireValue,
    GetBalance,
    GrantStoreCredit,
    IssueGiftCard,
    Liability,
    LotOrigin,
    PayWithBalances,
    PlaceHold,
    RedeemGiftCard,
    RefundRedemption,
    Statement,
    VoidHold,
)
from loyalty.errors import (
    HoldClosed,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidAmount,
    LoyaltyError,
    NotSpendable,
    RedemptionNotFound,
    RefundTooLarge,
)
from loyalty.use_cases.command import Command
from tests.use_cases.shop import DAY, NOW, Shop, usd


def test_pain_01_concurrent_double_spend() -> None:
    """However many spend one card at once, exactly as many succeed as the balance allows, and no cent more leaves."""
    shop = Shop()
    issued = shop.issue("10.00")

    def spend(number: int) -> bool:
        try:
            shop.execute(
                RedeemGiftCard(code=issued.code, amount=usd("3.00"), order_id="1", idempotency_key=f"k{number}")
            )
        except InsufficientBalance:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        successes = sum(pool.map(spend, range(32)))
    assert (3, usd("1.00")) == (successes, shop.card(issued).posted)


def test_pain_02_the_same_request_applied_twice() -> None:
    """Thirty-two calls with one key at once have one effect and thirty-two equal answers."""
    shop = Shop()
    issued = shop.issue("100.00")
    command = RedeemGiftCard(code=issued.code, amount=usd("3.00"), order_id="1", idempotency_key="the key")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.execute(command), range(32)))
    assert [answers[0]] * 32 == answers
    assert usd("97.00") == shop.card(issued).posted


def test_pain_02_the_key_is_required() -> None:
    """No command that moves money can be constructed without a key."""
    commands = [
        thing
        for name in loyalty.__all__
        if isinstance(thing := getattr(loyalty, name), type) and issubclass(thing, Command)
    ]
    for command in commands:
        assert attrs.fields_dict(command)["idempotency_key"].default is attrs.NOTHING
    assert 11 <= len(commands)


def test_pain_02_keys_are_never_forgotten() -> None:
    """A key is a replay after years and thousands of other calls."""
    shop = Shop()
    command = GrantStoreCredit(customer_id="ada", amount=usd("1"), origin=LotOrigin.REFUND, idempotency_key="old")
    first = shop.execute(command)
    for _ in range(2000):
        shop.grant("0.01", "bob")
    shop.clock.advance(3650 * DAY)
    assert first == shop.execute(command)


def test_pain_03_refund_gives_back_more_than_was_taken() -> None:
    """Sixteen full refunds at once under sixteen keys give back once."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")

    def give_back(number: int) -> bool:
        try:
            shop.execute(RefundRedemption(order_id="1001", amount=usd("30"), idempotency_key=f"r{number}"))
        except RefundTooLarge:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert 1 == sum(pool.map(give_back, range(16)))
    assert usd("50.00") == shop.card(issued).posted


def test_pain_03_the_ceiling_is_cumulative() -> None:
    """Refunds that are each below what was redeemed stop together at what was redeemed."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    given = 0
    for number in range(10):
        try:
            shop.execute(RefundRedemption(order_id="1001", amount=usd("7"), idempotency_key=f"r{number}"))
            given += 7
        except RefundTooLarge:
            break
    assert (28, usd("48.00")) == (given, shop.card(issued).posted)


def test_pain_04_money_taken_and_not_given_back() -> None:
    """A checkout that holds and is never heard of again loses nobody anything: its time comes, and all is free."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.grant("10.00")
    hold = shop.execute(
        PlaceHold(
            order_id="1001", amount_due=usd("55"), codes=(issued.code,), customer_id="ada", idempotency_key="hold"
        )
    )
    assert (usd("0.00"), usd("5.00")) == (shop.card(issued).available, shop.credit().available)
    shop.clock.now = hold.lapses_at
    assert (usd("50.00"), usd("10.00")) == (shop.card(issued).available, shop.credit().available)
    assert (usd("50.00"), usd("10.00")) == (shop.card(issued).posted, shop.credit().posted)


def test_pain_05_holds_that_eat_each_other() -> None:
    """A capture takes of its own hold only, once, and a void that is repeated creates nothing."""
    shop = Shop()
    issued = shop.issue("100.00")
    one, two = [
        shop.execute(
            PlaceHold(order_id=order, amount_due=usd(due), codes=(issued.code,), idempotency_key=f"hold {order}")
        )
        for order, due in (("1001", "30"), ("1002", "40"))
    ]
    with pytest.raises(InsufficientBalance):
        shop.execute(CaptureHold(hold_id=one.id, amount=usd("30.01"), idempotency_key="too much"))
    shop.execute(CaptureHold(hold_id=one.id, idempotency_key="capture"))
    for number in range(3):
        with pytest.raises(HoldClosed):
            shop.execute(CaptureHold(hold_id=one.id, idempotency_key=f"capture {number}"))
        with pytest.raises(HoldClosed):
            shop.execute(VoidHold(hold_id=one.id, idempotency_key=f"void {number}"))
    assert (usd("70.00"), usd("30.00")) == (shop.card(issued).posted, shop.card(issued).available)
    shop.execute(VoidHold(hold_id=two.id, idempotency_key="void"))
    for number in range(3):
        with pytest.raises(HoldClosed):
            shop.execute(VoidHold(hold_id=two.id, idempotency_key=f"void again {number}"))
    assert usd("70.00") == shop.card(issued).posted == shop.card(issued).available


def test_pain_05_one_of_many_ends_a_hold() -> None:
    """Sixteen captures and sixteen voids at once end it once, and the balance is where that one put it."""
    shop = Shop()
    issued = shop.issue("100.00")
    hold = shop.execute(PlaceHold(order_id="1001", amount_due=usd("60"), codes=(issued.code,), idempotency_key="hold"))

    def end(number: int) -> bool:
        kind: Any = VoidHold if number % 2 else CaptureHold
        try:
            shop.execute(kind(hold_id=hold.id, idempotency_key=f"end {number}"))
        except HoldClosed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number, won in enumerate(pool.map(end, range(32))) if won]
    left = usd("100.00") if winners[0] % 2 else usd("40.00")
    assert (1, left, left) == (len(winners), shop.card(issued).posted, shop.card(issued).available)


def test_pain_06_coverage_recomputed_from_the_live_balance() -> None:
    """What stored value paid on an order is what was recorded for it, whatever became of the card since."""
    shop = Shop()
    issued = shop.issue("50.00")
    payment = shop.execute(
        PayWithBalances(order_id="1001", amount_due=usd("40"), codes=(issued.code,), idempotency_key="p")
    )
    shop.redeem(issued, "10.00", "1002")
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    shop.clock.advance(DAY)
    spent = shop.ask(CardsOfOrder(order_id="1001")).spent
    assert (usd("40.00"), usd("0.00")) == (payment.amount, payment.remaining_due)
    assert [usd("40.00")] == [line.redeemed for line in spent]


def test_pain_07_cards_issued_twice() -> None:
    """One key per order, line and unit gives one card per unit, delivered once or five times, in any order."""
    shop = Shop()
    deliveries = [0, 1, 2, 2, 1, 0, 1, 1, 0, 2]
    for unit in deliveries:
        shop.execute(IssueGiftCard(value=usd("25"), order_id="1001", idempotency_key=f"1001/1/{unit}/issue"))
    assert 3 == len(shop.ask(CardsOfOrder(order_id="1001")).bought)
    assert usd("75.00") == shop.ask(Liability()).total["USD"]


def test_pain_10_value_loops() -> None:
    """Converting, spending, refunding and expiring in circles never makes the shop owe more than was funded."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + 3 * DAY, origin=LotOrigin.PURCHASED)
    for number in range(12):
        shop.clock.advance(DAY)
        order_id = f"order-{number}"
        command: Any
        for command in (
            RedeemGiftCard(
                code=issued.code, customer_id="ada", amount=usd("10"), order_id=order_id, idempotency_key=f"1/{number}"
            ),
            ConvertGiftCard(gift_card_id=issued.gift_card.id, customer_id="ada", idempotency_key=f"2/{number}"),
            DebitStoreCredit(customer_id="ada", amount=usd("7"), order_id=order_id, idempotency_key=f"3/{number}"),
            RefundRedemption(order_id=order_id, amount=ALL, idempotency_key=f"4/{number}"),
        ):
            try:
                shop.execute(command)
            except LoyaltyError:
                continue
            assert shop.ask(Liability()).total["USD"] <= usd("50.00")
        shop.execute(ExpireValue())
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize("nothing", [None, 0, Money(0, "USD"), Money(-1, "USD"), "", False], ids=repr)
def test_pain_11_zero_none_and_negative_mistaken_for_something_else(nothing: Any) -> None:
    """Nothing and less than nothing are no amounts in any command, and never mean everything."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "5.00")
    shop.grant("5.00")
    before = shop.books()
    for make in (
        lambda: IssueGiftCard(value=nothing, idempotency_key="k"),
        lambda: RedeemGiftCard(code=issued.code, amount=nothing, order_id="1", idempotency_key="k"),
        lambda: RefundRedemption(order_id="1001", amount=nothing, idempotency_key="k"),
        lambda: GrantStoreCredit(customer_id="ada", amount=nothing, origin=LotOrigin.REFUND, idempotency_key="k"),
        lambda: DebitStoreCredit(customer_id="ada", amount=nothing, idempotency_key="k"),
        lambda: PayWithBalances(order_id="1", amount_due=nothing, customer_id="ada", idempotency_key="k"),
    ):
        with pytest.raises(InvalidAmount):
            make()
    assert before == shop.books()


def test_pain_12_binary_floats_and_less_than_a_minor_unit() -> None:
    """Everything that is stored is a whole number of minor units."""
    shop = Shop()
    shop.redeem(shop.issue("98.90"), "98.89")
    shop.grant(Money("2.376", "KWD"))
    with pytest.raises(InvalidAmount):
        shop.grant("2.376")
    amounts = [transfer.amount for transfer in shop.storage._books.transfers.values()]
    assert [9890, 9889, 2376] == amounts
    assert {int} == {type(amount) for amount in amounts}


@pytest.mark.parametrize(
    ("code", "decimals"),
    [
        ("JPY", 0), ("KRW", 0), ("USD", 2), ("EUR", 2), ("HUF", 2), ("MGA", 2), ("MRU", 2), ("KWD", 3), ("BHD", 3),
        ("TND", 3), ("CLF", 4), ("UYW", 4),
    ],
)  # fmt: skip
def test_pain_13_wrong_currency_exponent(code: str, decimals: int) -> None:
    """Each currency has the decimals of the pinned list, and they are recorded with the account."""
    shop = Shop()
    smallest = Money(f"{10**-decimals:.{decimals}f}", code)
    account = shop.grant(smallest).account
    assert decimals == shop.storage._books.accounts[account.id].exponent
    assert smallest == account.available


def test_pain_13_a_changed_table_never_re_scales_stored_money() -> None:
    """An account keeps the decimals it was opened with, and money with others is refused."""
    shop = Shop()
    shop.grant(Money(5, Currency(code="PTS", sub_unit=1)))
    hundredths = Money("5.00", Currency(code="PTS", sub_unit=100))
    with pytest.raises(LoyaltyError):
        shop.grant(hundredths)
    assert "5" == str(shop.credit(currency="PTS").posted.amount)
    assert moneyed.get_currency("USD").sub_unit == 100


def test_pain_14_lost_or_invented_pennies() -> None:
    """Two lines of 1.00 refunded 1.03 together give back 1.03, and the rest later closes both."""
    shop = Shop()
    one, two = shop.issue("1.00"), shop.issue("1.00")
    shop.execute(PayWithBalances(order_id="1001", amount_due=usd("2"), codes=(one.code, two.code), idempotency_key="p"))
    back = shop.execute(RefundRedemption(order_id="1001", amount=usd("1.03"), idempotency_key="r1"))
    assert usd("1.03") == back.amount == sum((part.amount for part in back.parts), usd("0"))
    shop.execute(RefundRedemption(order_id="1001", amount=usd("0.97"), idempotency_key="r2"))
    assert [usd("1.00")] * 2 == [shop.card(card).posted for card in (one, two)]


def test_pain_15_several_cards_and_tenders_on_one_order() -> None:
    """Two cards are not both emptied: together they pay what is due, the soonest expiring first."""
    shop = Shop()
    one, two = shop.issue("50.00", expires_at=NOW + DAY), shop.issue("50.00")
    payment = shop.execute(
        PayWithBalances(order_id="1", amount_due=usd("65"), codes=(two.code, one.code), idempotency_key="p")
    )
    assert usd("65.00") == payment.amount
    assert (usd("0.00"), usd("35.00")) == (shop.card(one).posted, shop.card(two).posted)


def test_pain_16_half_done_work() -> None:
    """If the second of two tenders is bad, the first is untouched, and so is everything else."""
    shop = Shop()
    good, bad = shop.issue("50.00"), shop.issue("50.00")
    shop.execute(BlockGiftCard(gift_card_id=bad.gift_card.id, idempotency_key="b"))
    before = shop.books()
    with pytest.raises(NotSpendable):
        shop.execute(
            PayWithBalances(order_id="1", amount_due=usd("99"), codes=(good.code, bad.code), idempotency_key="p")
        )
    assert before == shop.books()


def test_pain_16_a_refund_undoes_only_its_own() -> None:
    """A refund of one order never gives back what another, successful order paid."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "20.00", "successful")
    with pytest.raises(RedemptionNotFound):
        shop.execute(RefundRedemption(order_id="failed", amount=ALL, idempotency_key="r"))
    assert usd("30.00") == shop.card(issued).posted


def test_pain_17_history_edited_or_deleted() -> None:
    """Every entry that was ever seen is still there, identical, after everything that came later."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    seen: dict[str, object] = {}
    for step in (
        lambda: shop.redeem(issued, "30.00"),
        lambda: shop.execute(RefundRedemption(order_id="1001", amount=usd("10"), idempotency_key="r")),
        lambda: shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b")),
        lambda: shop.clock.advance(DAY),
        lambda: shop.execute(ExpireValue()),
    ):
        step()
        now = {str(entry.id): entry for entry in shop.ask(Statement(account_id=issued.gift_card.account_id)).entries}
        assert seen == {id_: now[id_] for id_ in seen}
        seen.update(now)
    assert 4 == len(seen)


def test_pain_18_cached_balance_drifts_from_entries() -> None:
    """After every step the balance, the sum of the entries and the last balance after are one number."""
    shop = Shop()
    account_id = shop.grant("10.00").account.id
    for cents in (1, 250, 7, 300):
        shop.execute(
            DebitStoreCredit(
                customer_id="ada", amount=usd(f"{cents / 100:.2f}"), order_id=str(cents), idempotency_key=shop.key()
            )
        )
        shop.execute(RefundRedemption(order_id=str(cents), amount=usd("0.01"), idempotency_key=shop.key()))
        entries = shop.ask(Statement(account_id=account_id)).entries
        signed = [entry.amount if entry.direction.value == "credit" else -entry.amount for entry in entries]
        assert sum(signed, usd("0")) == entries[-1].balance_after == shop.credit().posted
        assert () == shop.ask(Audit()).findings


def test_pain_18_a_corrupted_balance_is_named() -> None:
    """If one stored balance is changed behind the library's back, the audit names that account."""
    shop = Shop()
    account_id = shop.grant("10.00").account.id
    shop.grant("10.00", "bob")
    books = shop.storage._books
    books.accounts[account_id] = attrs.evolve(books.accounts[account_id], posted=100_000)
    assert account_id == shop.ask(Audit()).findings[0].id


def test_pain_22_sums_that_overflow_are_refused() -> None:
    """Bounds are checked before anything is stored: 2^53 and 2^63 are no movements."""
    shop = Shop()
    for amount in (2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 10**15 + 1):
        with pytest.raises(InvalidAmount):
            shop.grant(Money(amount, "JPY"))
    assert Money(10**15, "JPY") == shop.grant(Money(10**15, "JPY")).account.posted


def test_pain_02_another_payload_under_the_key() -> None:
    """A key that is known with another content is a conflict even where the rules would refuse anyway."""
    shop = Shop()
    issued = shop.issue("5.00")
    shop.redeem(issued, "5.00")
    with pytest.raises(IdempotencyConflict):
        shop.execute(RedeemGiftCard(code=issued.code, amount=usd("9"), order_id="9", idempotency_key="key-2"))
    assert usd("0.00") == shop.ask(GetBalance(code=issued.code)).available
