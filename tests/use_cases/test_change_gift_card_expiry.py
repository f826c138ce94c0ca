"""Changing when the value on a gift card ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from loyalty import (
    AdjustValue,
    AtLeastYears,
    CaptureHold,
    ChangeGiftCardExpiry,
    Direction,
    ExpireValue,
    GiftCardStatus,
    GiftCardView,
    IssuedGiftCard,
    LotOrigin,
    PlaceHold,
    Policies,
    RefundRedemption,
    ReloadGiftCard,
    never_for_paid_value,
)
from loyalty.errors import (
    GiftCardNotFound,
    InvalidRequest,
    InvalidTime,
    MalformedCode,
    NotSpendable,
    TermTooShort,
)
from loyalty.ledger.account import Account
from loyalty.ledger.lot import Lot
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd

LAWFUL = Policies(expiry=AtLeastYears(5))
FIVE_YEARS = datetime(2031, 3, 1, 12, 0, tzinfo=UTC)
BY_STAFF: dict[str, Any] = {"actor": "staff/7", "reason": "a mistake"}


def change(shop: Shop, issued: IssuedGiftCard, expires_at: datetime | None) -> GiftCardView:
    """Change a card's expiry, by its id."""
    return shop.execute(
        ChangeGiftCardExpiry(
            gift_card_id=issued.gift_card.id, expires_at=expires_at, idempotency_key=shop.key(), **BY_STAFF
        )
    )


def lots_of(shop: Shop, issued: IssuedGiftCard) -> tuple[Lot, ...]:
    """Return the lots with value on a card."""
    return shop.storage._books.accounts[issued.gift_card.account_id].lots


@pytest.mark.parametrize("wanted", [NOW + DAY, NOW + 90 * DAY, None])
def test_the_card_and_what_lives_on_it_end_then(wanted: datetime | None) -> None:
    """Sooner, later, or never; no value moves."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + 30 * DAY)
    transfers = shop.books().transfers
    card = change(shop, issued, wanted)
    assert (wanted, usd("50.00"), usd("50.00")) == (card.expires_at, card.posted, card.available)
    assert card == shop.card(issued)
    assert [wanted] == [lot.expires_at for lot in lots_of(shop, issued)]
    assert transfers == shop.books().transfers


def test_value_is_spendable_until_the_new_end_and_not_at_it() -> None:
    """One microsecond before, and at it; the old end means nothing any more."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    change(shop, issued, NOW + 2 * DAY)
    shop.clock.now = NOW + 2 * DAY - MICROSECOND
    assert () == shop.execute(ExpireValue()).amounts
    shop.redeem(issued, "1.00")
    shop.clock.advance(MICROSECOND)
    with pytest.raises(NotSpendable) as caught:
        shop.redeem(issued, "1.00")
    assert "expired" == caught.value.reason
    assert (usd("49.00"),) == shop.execute(ExpireValue()).amounts


@pytest.mark.parametrize("off", [-MICROSECOND, timedelta(0)])
def test_a_new_end_lies_in_the_future(off: timedelta) -> None:
    """The present instant is too early, one microsecond later is not."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    before = shop.books()
    with pytest.raises(InvalidTime):
        change(shop, issued, NOW + off)
    assert before == shop.books()
    assert NOW + MICROSECOND == change(shop, issued, NOW + MICROSECOND).expires_at


def test_the_clock_of_the_last_change_counts_if_it_went_back() -> None:
    """A clock that was set back does not make the past the future."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + 9 * DAY)
    shop.clock.advance(2 * DAY)
    change(shop, issued, NOW + 5 * DAY)
    shop.clock.now = NOW
    with pytest.raises(InvalidTime):
        change(shop, issued, NOW + 2 * DAY)


def test_an_end_below_the_legal_minimum_is_refused() -> None:
    """Five years from the issue, to the microsecond; the error says how early it may be."""
    shop = Shop(policies=LAWFUL)
    issued = shop.issue("50.00", order_id="1")
    before = shop.books()
    with pytest.raises(TermTooShort) as caught:
        change(shop, issued, FIVE_YEARS - MICROSECOND)
    assert FIVE_YEARS == caught.value.earliest
    assert before == shop.books()
    assert FIVE_YEARS == change(shop, issued, FIVE_YEARS).expires_at


def test_the_minimum_counts_from_the_last_load() -> None:
    """A reload moves it."""
    shop = Shop(policies=LAWFUL)
    issued = shop.issue("50.00", order_id="1")
    shop.clock.advance(365 * DAY)
    shop.execute(ReloadGiftCard(code=issued.code, amount=usd("5.00"), idempotency_key="reload"))
    with pytest.raises(TermTooShort) as caught:
        change(shop, issued, FIVE_YEARS)
    assert datetime(2032, 3, 1, 12, 0, tzinfo=UTC) == caught.value.earliest


def test_where_paid_value_never_expires_no_end_is_lawful() -> None:
    """Then the earliest end is none."""
    shop = Shop(policies=Policies(expiry=never_for_paid_value))
    issued = shop.issue("50.00", order_id="1")
    with pytest.raises(TermTooShort) as caught:
        change(shop, issued, datetime(9999, 1, 1, tzinfo=UTC))
    assert None is caught.value.earliest
    assert None is change(shop, issued, None).expires_at


def test_a_gift_of_the_shop_ends_when_the_shop_says() -> None:
    """The minimum is for paid value; one paid lot on the card is enough for it."""
    shop = Shop(policies=LAWFUL)
    issued = shop.issue("50.00")
    assert NOW + DAY == change(shop, issued, NOW + DAY).expires_at
    shop.execute(ReloadGiftCard(code=issued.code, amount=usd("5.00"), expires_at=NOW + DAY, idempotency_key="reload"))
    with pytest.raises(TermTooShort):
        change(shop, issued, NOW + 2 * DAY)


def test_an_empty_card_is_judged_by_what_it_was() -> None:
    """Its own term decides over what a refund brings back."""
    shop = Shop(policies=LAWFUL)
    bought, given = shop.issue("5.00", order_id="1"), shop.issue("5.00")
    for issued in (bought, given):
        shop.redeem(issued, "5.00")
    assert NOW + DAY == change(shop, given, NOW + DAY).expires_at
    with pytest.raises(TermTooShort):
        change(shop, bought, NOW + DAY)


def test_expired_value_is_not_revived() -> None:
    """What has ended stays so, whether a sweep has posted it or not; the rest ends when it is told to."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + 9 * DAY)
    shop.execute(
        AdjustValue(
            gift_card_id=issued.gift_card.id,
            amount=usd("7.00"),
            direction=Direction.CREDIT,
            expires_at=NOW + DAY,
            idempotency_key="adjust",
            **BY_STAFF,
        )
    )
    shop.clock.advance(DAY)
    card = change(shop, issued, NOW + 5 * DAY)
    assert (usd("57.00"), usd("50.00")) == (card.posted, card.available)
    assert {NOW + DAY, NOW + 5 * DAY} == {lot.expires_at for lot in lots_of(shop, issued)}


@pytest.mark.parametrize("sweeps", [False, True])
def test_a_card_of_which_nothing_lives_and_whose_term_is_over_is_not_changed(sweeps: bool) -> None:
    """It is reinstated instead; whether a sweep ran before makes no difference."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.clock.advance(DAY)
    if sweeps:
        shop.execute(ExpireValue())
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        change(shop, issued, NOW + 9 * DAY)
    assert "expired" == caught.value.reason
    assert before == shop.books()


def test_value_that_was_granted_again_can_live_longer() -> None:
    """A refund after the end of the card's term lives for a while, and staff may give it more time."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, order_id="1")
    shop.redeem(issued, "50.00", "2")
    shop.clock.advance(2 * DAY)
    shop.execute(RefundRedemption(order_id="2", amount=usd("20.00"), idempotency_key="refund"))
    card = change(shop, issued, NOW + 90 * DAY)
    assert (usd("20.00"), NOW + 90 * DAY) == (card.available, card.expires_at)


def test_what_an_order_holds_stays_held() -> None:
    """Held value gets the new end too, keeps its reservation, and is captured even after that end."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + 9 * DAY)
    hold = shop.execute(
        PlaceHold(
            order_id="1",
            amount_due=usd("20.00"),
            codes=(issued.code,),
            lapses_after=2 * DAY,
            idempotency_key="hold",
        )
    )
    card = change(shop, issued, NOW + DAY)
    assert (usd("20.00"), usd("30.00")) == (card.held, card.available)
    shop.clock.advance(DAY)
    assert usd("20.00") == shop.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture")).amount
    assert (usd("30.00"),) == shop.execute(ExpireValue()).amounts


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.BLOCKED])
def test_a_card_that_waits_or_is_blocked_is_changed_too(status: GiftCardStatus) -> None:
    """Staff may correct its term; it stays what it is."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.set_card_status(issued, status)
    assert (NOW + 2 * DAY, status) == (change(shop, issued, NOW + 2 * DAY).expires_at, shop.card(issued).status)


def test_errors_come_in_order() -> None:
    """Malformed, unknown, deactivated, ended, not in the future, below the minimum."""
    shop = Shop(policies=LAWFUL)
    issued = shop.issue("50.00", order_id="1", expires_at=FIVE_YEARS)
    late: dict[str, Any] = {"expires_at": NOW - DAY, "idempotency_key": "k", **BY_STAFF}
    unknown: dict[str, Any] = {"gift_card_id": "nobody"}
    malformed: dict[str, Any] = {"code": "GIFT-0000"}
    for given, error in ((malformed, MalformedCode), (unknown, GiftCardNotFound)):
        with pytest.raises(error):
            shop.execute(ChangeGiftCardExpiry(**given, **late))
    with pytest.raises(InvalidTime):
        shop.execute(ChangeGiftCardExpiry(code=issued.code, **late))
    with pytest.raises(TermTooShort):
        shop.execute(ChangeGiftCardExpiry(code=issued.code, **{**late, "expires_at": NOW + DAY}))
    shop.clock.now = FIVE_YEARS
    with pytest.raises(NotSpendable) as caught:
        shop.execute(ChangeGiftCardExpiry(code=issued.code, **late))
    assert "expired" == caught.value.reason
    shop.set_card_status(issued, GiftCardStatus.DEACTIVATED)
    with pytest.raises(NotSpendable) as caught:
        shop.execute(ChangeGiftCardExpiry(code=issued.code, **late))
    assert "deactivated" == caught.value.reason


def test_the_event_and_the_receipt_tell_who_changed_what_and_why() -> None:
    """Before, after, actor and reason; and which policy allowed it."""
    shop = Shop(policies=LAWFUL)
    issued = shop.issue("50.00", order_id="1", expires_at=FIVE_YEARS)
    shop.execute_twice(
        ChangeGiftCardExpiry(
            code=issued.code, expires_at=FIVE_YEARS + DAY, idempotency_key="once", actor="staff/7", reason="promised"
        )
    )
    receipt = shop.last_receipt()
    assert "GiftCardExpiryChanged" == receipt.event
    for part in (FIVE_YEARS.isoformat(), (FIVE_YEARS + DAY).isoformat(), '"staff/7"', '"promised"'):
        assert part in receipt.event_data
    assert "AtLeastYears" in str(receipt.decisions)


@pytest.mark.parametrize("missing", ["actor", "reason"])
def test_somebody_says_why(missing: str) -> None:
    """A change without an actor or a reason is an invalid request."""
    said = {**BY_STAFF, missing: None}
    with pytest.raises(InvalidRequest):
        ChangeGiftCardExpiry(gift_card_id="card", expires_at=None, idempotency_key="k", **said)


def test_value_does_not_end_before_it_begins() -> None:
    """A card whose value begins later ends after that; an end at the beginning would never let it be spent."""
    shop = Shop()
    issued = shop.issue("50.00", origin=LotOrigin.PURCHASED)
    books = shop.storage._books
    account = books.accounts[issued.gift_card.account_id]
    books.accounts[account.id] = _beginning(account, NOW + DAY)
    with pytest.raises(InvalidTime):
        change(shop, issued, NOW + DAY)
    assert NOW + DAY + MICROSECOND == change(shop, issued, NOW + DAY + MICROSECOND).expires_at


def _beginning(account: Account, not_before: datetime) -> Account:
    """Return the account with value that begins later, as an activation delay leaves it."""
    return attrs.evolve(account, lots=tuple(attrs.evolve(lot, not_before=not_before) for lot in account.lots))
