"""Time: microseconds survive, every expiry is exact to one of them, and a clock that goes back harms nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from loyalty.errors import InsufficientBalance, NotSpendable
from loyalty.reports.gift_cards import GetBalance, GetGiftCard
from loyalty.reports.store_credit import GetStoreCreditAccount, Statement
from loyalty.testing.kit.case import DAY, HOUR, MICROSECOND, KitCase, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard

__all__ = ["TimeTests"]

Use = Callable[[Stand, str], object]

USES: Final[dict[str, Use]] = {
    "redeem": lambda stand, code: stand.execute(
        RedeemGiftCard(code=code, amount=money(1), order_id="1", idempotency_key="use")
    ),
    "claim": lambda stand, code: stand.execute(ClaimGiftCard(code=code, customer_id="ada", idempotency_key="use")),
    "convert": lambda stand, code: stand.execute(ConvertGiftCard(code=code, customer_id="ada", idempotency_key="use")),
    "pay": lambda stand, code: stand.execute(
        PayWithBalances(codes=(code,), amount_due=money(1), order_id="1", idempotency_key="use")
    ),
    "balance": lambda stand, code: stand.loyalty.ask(GetBalance(code=code)),
}
"""Everything a bearer can do with a card that lives."""

INSTANTS: Final = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2000, 2, 29, 12, 34, 56, 1, tzinfo=UTC),
    datetime(2038, 1, 19, 3, 14, 8, 7, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)


class TimeTests(KitCase):
    """Instants."""

    @pytest.mark.parametrize("use", USES)
    def test_a_card_lives_until_its_expiry_and_not_at_it(self, stand: Stand, use: str) -> None:
        """One microsecond before it works, at the instant and one microsecond after it does not; no sweep ever ran."""
        ends = stand.clock() + DAY
        for offset in (timedelta(0), MICROSECOND):
            card = stand.card(expires_at=ends)
            start = stand.clock()
            stand.clock.set(ends + offset)
            with stand.refuses(NotSpendable) as caught:
                USES[use](stand, card.code)
            assert "expired" == caught.value.reason
            stand.clock.set(start)
        card = stand.card(expires_at=ends)
        stand.clock.set(ends - MICROSECOND)
        USES[use](stand, card.code)

    def test_credit_lives_until_its_expiry_and_not_at_it(self, stand: Stand) -> None:
        """One microsecond before it pays, at the instant and after it does not."""
        ends = stand.clock() + DAY
        stand.credit(2, expires_at=ends)
        stand.clock.set(ends - MICROSECOND)
        stand.execute(_debit("before"))
        for offset in (timedelta(0), MICROSECOND):
            stand.clock.set(ends + offset)
            with stand.refuses(InsufficientBalance) as caught:
                stand.execute(_debit("after"))
            assert money(0) == caught.value.available

    def test_credit_begins_at_its_beginning(self, stand: Stand) -> None:
        """One microsecond before it does not pay, at the instant and after it does."""
        begins = stand.clock() + DAY
        stand.credit(2, not_before=begins)
        stand.clock.set(begins - MICROSECOND)
        with stand.refuses(InsufficientBalance):
            stand.execute(_debit("before"))
        for offset in (timedelta(0), MICROSECOND):
            stand.clock.set(begins + offset)
            stand.execute(_debit(f"after {offset}"))

        assert money(0) == stand.credit_of("ada")

    def test_a_sweep_takes_what_has_expired_and_not_what_is_about_to(self, stand: Stand) -> None:
        """One microsecond before the expiry nothing is due, at the instant it is."""
        ends = stand.clock() + DAY
        stand.credit(2, expires_at=ends)
        stand.clock.set(ends - MICROSECOND)
        early = stand.loyalty.execute(ExpireValue())
        stand.clock.set(ends)
        due = stand.loyalty.execute(ExpireValue())

        assert ((), (money(2),)) == (early.amounts, due.amounts)

    def test_a_mixed_balance_loses_only_what_expired(self, stand: Stand) -> None:
        """Every part has its own end, and the account tells which comes next."""
        first, second = stand.clock() + DAY, stand.clock() + 2 * DAY
        stand.credit(1, expires_at=second)
        stand.credit(20, expires_at=first)
        stand.credit(300)
        question = GetStoreCreditAccount(customer_id="ada", currency="USD")
        for instant, available, ends_next in (
            (first - MICROSECOND, 321, first),
            (first, 301, second),
            (second - MICROSECOND, 301, second),
            (second, 300, None),
        ):
            stand.clock.set(instant)
            view = stand.loyalty.ask(question)

            assert (money(available), money(321), ends_next) == (view.available, view.posted, view.expires_next)

    @pytest.mark.parametrize("instant", INSTANTS, ids=str)
    def test_times_are_stored_to_the_microsecond(self, stand: Stand, instant: datetime) -> None:
        """The host's time and the clock's come back as they were, from year 1 to 9999."""
        grant = stand.credit(occurred_at=instant)
        entry = stand.loyalty.ask(Statement(account_id=grant.account.id)).entries[0]

        assert (instant, stand.clock()) == (entry.occurred_at, entry.recorded_at)
        assert UTC is entry.occurred_at.tzinfo

    def test_expiries_are_stored_to_the_microsecond(self, stand: Stand) -> None:
        """Also the last instant there is."""
        for instant in INSTANTS[3:]:
            card = stand.card(expires_at=instant)

            assert instant == stand.loyalty.ask(GetGiftCard(id=card.gift_card.id)).expires_at

    def test_a_clock_that_goes_back_leaves_no_gap_and_no_disorder(self, stand: Stand) -> None:
        """Sequences go on, recorded times never fall, and order is by sequence."""
        card = stand.card(1000)
        moves = (HOUR, -HOUR, -HOUR, DAY, -2 * DAY, MICROSECOND)
        for number, move in enumerate(moves):
            stand.clock.advance(move)
            stand.execute(
                RedeemGiftCard(code=card.code, amount=money(1), order_id="1", idempotency_key=f"redeem {number}")
            )
        entries = stand.loyalty.ask(Statement(account_id=card.gift_card.account_id)).entries
        recorded = [entry.recorded_at for entry in entries]

        assert list(range(1, len(moves) + 2)) == [entry.sequence for entry in entries]
        assert sorted(recorded) == recorded
        assert [1000 - done for done in range(len(moves) + 1)] == [
            int(entry.balance_after.amount * 100) for entry in entries
        ]
        stand.require_sound()

    def test_what_was_seen_to_expire_does_not_come_back_with_the_clock(self, stand: Stand) -> None:
        """Once an account has recorded a later time, its value is judged by that."""
        ends = stand.clock() + HOUR
        stand.credit(10, expires_at=ends)
        stand.clock.set(ends)
        stand.credit(5)
        stand.clock.advance(-HOUR)
        with stand.refuses(InsufficientBalance) as caught:
            stand.execute(_debit("late", 6))

        assert money(5) == caught.value.available


def _debit(key: str, amount: int = 1) -> Any:
    return DebitStoreCredit(customer_id="ada", amount=money(amount), idempotency_key=key)
