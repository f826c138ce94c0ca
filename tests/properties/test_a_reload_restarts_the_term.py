"""No purchased value ends sooner after a reload, and none before the new value or the shop's legal term."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from loyalty import (
    AdjustValue,
    AtLeastYears,
    Direction,
    ExpireValue,
    LotOrigin,
    Policies,
    ReloadGiftCard,
    never_for_paid_value,
)
from loyalty.errors import NotSpendable
from loyalty.policies.expiry import ValueExpiry, as_asked
from tests.use_cases.shop import DAY, NOW, Shop, usd

MICROSECOND = timedelta(microseconds=1)
SPANS = st.none() | st.sampled_from((MICROSECOND, DAY, DAY + MICROSECOND, 30 * DAY, 2000 * DAY))
LOTS = st.lists(st.tuples(st.sampled_from(LotOrigin), SPANS), max_size=5)
RELOADS = st.lists(
    st.tuples(SPANS, st.sampled_from((timedelta(0), MICROSECOND, DAY, 400 * DAY))), min_size=1, max_size=4
)
POLICIES = st.sampled_from((as_asked, AtLeastYears(1), AtLeastYears(5), never_for_paid_value))

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def rank(end: datetime | None) -> datetime:
    """Return an end so that never is the latest."""
    return LAST if end is None else end


def after(now: datetime, span: timedelta | None) -> datetime | None:
    """Return the end of a span from now on; without one, never."""
    return None if span is None else now + span


def legal_end(policy: ValueExpiry, at: datetime) -> datetime:
    """Return the first instant at which purchased value may end, written once more."""
    if isinstance(policy, AtLeastYears):
        return at.replace(year=at.year + policy.years)
    return LAST if policy is never_for_paid_value else FIRST


@given(LOTS, RELOADS, POLICIES, SPANS)
def test_purchased_value_lives_as_long_as_before_and_as_the_new_value(
    lots: list[tuple[LotOrigin, timedelta | None]],
    reloads: list[tuple[timedelta | None, timedelta]],
    policy: ValueExpiry,
    term: timedelta | None,
) -> None:
    """Other value, and value that has ended, keeps its end."""
    shop = Shop(policies=Policies(expiry=policy))
    issued = shop.issue("5.00", order_id="1", expires_at=after(NOW, term))
    account_id = issued.gift_card.account_id
    for origin, span in lots:
        shop.execute(
            AdjustValue(
                account_id=account_id,
                amount=usd("1.00"),
                direction=Direction.CREDIT,
                origin=origin,
                expires_at=after(NOW, span),
                actor="staff",
                reason="why",
                idempotency_key=shop.key(),
            )
        )
    for span, pause in reloads:
        shop.clock.advance(pause)
        now = shop.clock.now
        before = {lot.id: lot for lot in shop.storage._books.accounts[account_id].lots}
        command = ReloadGiftCard(
            code=issued.code, amount=usd("2.00"), expires_at=after(now, span), idempotency_key=shop.key()
        )
        try:
            shop.execute(command)
        except NotSpendable:
            assert not any(lot.expires_at is None or now < lot.expires_at for lot in before.values())
            return
        later = {lot.id: lot for lot in shop.storage._books.accounts[account_id].lots}
        (new,) = (lot for lot in later.values() if lot.id not in before)
        assert rank(new.expires_at) >= rank(after(now, span))
        for lot in before.values():
            if lot.origin is LotOrigin.PURCHASED and (lot.expires_at is None or now < lot.expires_at):
                assert rank(later[lot.id].expires_at) == max(rank(lot.expires_at), rank(new.expires_at))
                assert rank(later[lot.id].expires_at) >= legal_end(policy, now) or new.expires_at is None
            else:
                assert lot == later[lot.id]
        shop.execute(ExpireValue())
