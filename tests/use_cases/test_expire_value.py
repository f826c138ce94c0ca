"""The sweep that posts expired value: bookkeeping, never the guard."""

from __future__ import annotations

from moneyed import Money

from loyalty import (
    Audit,
    ConvertGiftCard,
    ExpireValue,
    HouseAccount,
    Liability,
    LotOrigin,
    Movements,
    Statement,
    TransferKind,
)
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd


def test_expired_value_moves_to_breakage() -> None:
    """At its expiry the value leaves the liability and becomes breakage."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.redeem(issued, "20.00")
    shop.clock.now = NOW + DAY
    expired = shop.execute(ExpireValue())
    assert ((usd("30.00"),), 1, True) == (expired.amounts, expired.accounts, expired.is_done)
    assert usd("0.00") == shop.card(issued).posted == shop.ask(Liability()).total["USD"]
    movements = shop.ask(Movements())[0]
    assert usd("30.00") == movements.house[HouseAccount.BREAKAGE] == movements.expired
    entry = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries[-1]
    assert (TransferKind.EXPIRY, usd("30.00"), usd("0.00")) == (entry.kind, entry.amount, entry.balance_after)
    assert () == shop.ask(Audit()).findings


def test_one_microsecond_before_nothing_is_due() -> None:
    """The sweep takes nothing before the expiry, and takes it from that instant on."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + DAY)
    shop.clock.now = NOW + DAY - MICROSECOND
    before = shop.books()
    expired = shop.execute(ExpireValue())
    assert ((), 0, True) == (expired.amounts, expired.accounts, expired.is_done)
    assert before == shop.books()
    shop.clock.now = NOW + DAY
    assert (usd("10.00"),) == shop.execute(ExpireValue()).amounts


def test_a_second_sweep_finds_nothing() -> None:
    """Sweeping again changes nothing and writes neither receipt nor event."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    shop.execute(ExpireValue())
    before = shop.books()
    assert ((), True) == (shop.execute(ExpireValue()).amounts, shop.execute(ExpireValue()).is_done)
    assert before == shop.books()


def test_only_expired_lots_are_taken() -> None:
    """Value of the same account with a later expiry, without one, or not yet begun stays."""
    shop = Shop()
    shop.grant("1.00", expires_at=NOW + DAY)
    shop.grant("2.00", expires_at=NOW + DAY)
    shop.grant("4.00", expires_at=NOW + 2 * DAY)
    shop.grant("8.00")
    shop.grant("16.00", not_before=NOW + 9 * DAY)
    shop.clock.advance(DAY)
    expired = shop.execute(ExpireValue())
    assert ((usd("3.00"),), 1) == (expired.amounts, expired.accounts)
    assert usd("28.00") == shop.credit().posted


def test_sums_are_told_per_currency() -> None:
    """One sweep over several currencies answers one sum for each."""
    shop = Shop()
    for amount in (usd("1.00"), usd("2.00"), Money(7, "JPY"), Money("0.125", "KWD")):
        shop.issue(amount, expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    assert (Money(7, "JPY"), Money("0.125", "KWD"), usd("3.00")) == shop.execute(ExpireValue()).amounts


def test_a_limit_works_through_in_batches() -> None:
    """Batches of two finish five accounts in three sweeps, the soonest expired first."""
    shop = Shop()
    for day in range(5, 0, -1):
        shop.grant(f"{day}.00", f"customer-{day}", expires_at=NOW + day * DAY)
    shop.clock.advance(9 * DAY)
    batches = [shop.execute(ExpireValue(limit=2)) for _ in range(3)]
    assert [(2, usd("3.00")), (2, usd("7.00")), (1, usd("5.00"))] == [
        (batch.accounts, batch.amounts[0]) for batch in batches
    ]
    assert [False, False, True] == [batch.is_done for batch in batches]


def test_spending_ends_without_any_sweep() -> None:
    """What the sweep has not posted yet is posted but not available."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    account = shop.credit()
    assert (usd("10.00"), usd("0.00")) == (account.posted, account.available)


def test_a_clock_that_goes_back_expires_nothing_early() -> None:
    """A sweep by a clock that is behind takes only what has expired at that time."""
    shop = Shop()
    shop.grant("10.00", expires_at=NOW + DAY)
    shop.clock.now = NOW - 10 * DAY
    assert () == shop.execute(ExpireValue()).amounts


def test_converted_value_expires_in_its_new_account() -> None:
    """A conversion carries the expiry along, and the sweep finds it there."""
    shop = Shop()
    issued = shop.issue("10.00", expires_at=NOW + DAY)
    shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="c"))
    shop.clock.advance(DAY)
    assert ((usd("10.00"),), 1) == (shop.execute(ExpireValue()).amounts, len(shop.books().found.store_credit_accounts))  # type: ignore[attr-defined]
    assert usd("0.00") == shop.credit().posted


def test_the_liability_by_origin_follows() -> None:
    """What expires leaves its own origin."""
    shop = Shop()
    shop.issue("10.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED)
    shop.issue("5.00")
    shop.clock.advance(DAY)
    shop.execute(ExpireValue(actor="cron", reason="nightly"))
    assert {LotOrigin.PROMOTIONAL: usd("5.00"), LotOrigin.PURCHASED: usd("0.00")} == dict(
        shop.ask(Liability()).by_origin["USD"]
    )


def test_one_sweep_writes_one_event() -> None:
    """All of a sweep is one event, and it has no key."""
    shop = Shop()
    shop.grant("1.00", "ada", expires_at=NOW + DAY)
    shop.grant("1.00", "bob", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    count = len(shop.books().receipts)
    shop.execute(ExpireValue())
    assert count + 1 == len(shop.books().receipts)
    receipt = shop.last_receipt()
    assert ("ValueExpired", None, None) == (receipt.event, receipt.idempotency_key, receipt.fingerprint)
