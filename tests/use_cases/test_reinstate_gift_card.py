"""Bringing expired value back to a gift card."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from moneyed import Money

from loyalty import (
    ALL,
    AdjustValue,
    AtLeastYears,
    Audit,
    BlockGiftCard,
    CaptureHold,
    Direction,
    ExpireValue,
    GiftCardStatus,
    HouseAccount,
    IssuedGiftCard,
    LotOrigin,
    Movements,
    PlaceHold,
    Policies,
    ReinstateGiftCard,
    Reinstatement,
    ReverseTransfer,
    TransferKind,
    never_for_paid_value,
)
from loyalty.errors import (
    AlreadyReversed,
    CurrencyMismatch,
    GiftCardNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidRequest,
    InvalidTime,
    LoyaltyError,
    MalformedCode,
    NotReversible,
    NotSpendable,
    RefundTooLarge,
)
from loyalty.ledger.lot import Lot
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd

BY_STAFF: dict[str, Any] = {"actor": "staff/7", "reason": "a parcel that came late"}
SWEEPS = pytest.mark.parametrize("sweeps", [False, True])


def expired(shop: Shop, value: str = "50.00", *, sweeps: bool = True, **given: Any) -> IssuedGiftCard:
    """Return a card of which everything expired just now."""
    issued = shop.issue(value, expires_at=shop.clock.now + DAY, **given)
    shop.clock.advance(DAY)
    if sweeps:
        shop.execute(ExpireValue())
    return issued


def reinstate(shop: Shop, issued: IssuedGiftCard, amount: Any = ALL, **given: Any) -> Reinstatement:
    """Reinstate a card, for nine days unless said otherwise."""
    given.setdefault("expires_at", shop.clock.now + 9 * DAY)
    value = usd(amount) if isinstance(amount, str) else amount
    return shop.execute(
        ReinstateGiftCard(
            gift_card_id=issued.gift_card.id,
            amount=value,
            **{"idempotency_key": shop.key(), **BY_STAFF, **given},
        )
    )


def lots_of(shop: Shop, issued: IssuedGiftCard) -> list[Lot]:
    """Return the lots with value on a card, in the order in which they were opened."""
    return sorted(shop.storage._books.accounts[issued.gift_card.account_id].lots, key=lambda lot: lot.id)


@SWEEPS
def test_what_expired_comes_back_with_a_new_end(sweeps: bool) -> None:
    """Whether a sweep had posted it or not, the card is as it was, and ends anew."""
    shop = Shop()
    issued = expired(shop, sweeps=sweeps)
    ends = shop.clock.now + 9 * DAY
    done = reinstate(shop, issued)
    assert (usd("50.00"), usd("50.00"), usd("50.00"), ends) == (
        done.amount, done.gift_card.posted, done.gift_card.available, done.gift_card.expires_at,
    )  # fmt: skip
    assert done.gift_card == shop.card(issued)
    assert [TransferKind.EXPIRY] * (not sweeps) + [TransferKind.REINSTATEMENT] == [one.kind for one in done.entries]
    shop.clock.now = ends - MICROSECOND
    shop.redeem(issued, "1.00")
    shop.clock.advance(MICROSECOND)
    with pytest.raises(NotSpendable):
        shop.redeem(issued, "1.00")
    assert (usd("49.00"),) == shop.execute(ExpireValue()).amounts
    assert shop.ask(Audit()).is_clean


@SWEEPS
def test_the_books_tell_the_same_either_way(sweeps: bool) -> None:
    """It expired to breakage and comes back from there; nothing is owed twice, nothing is lost."""
    shop = Shop()
    issued = expired(shop, sweeps=sweeps)
    reinstate(shop, issued, "20.00")
    (movements,) = shop.ask(Movements())
    assert (usd("50.00"), usd("20.00"), usd("20.00")) == (
        movements.expired, movements.reinstated, movements.closing,
    )  # fmt: skip
    assert usd("30.00") == movements.house[HouseAccount.BREAKAGE]


def test_a_new_lot_carries_on_the_old_one() -> None:
    """Its origin, beginning, priority and tax treatment stay, and it names the lot it comes from."""
    shop = Shop()
    issued = expired(shop, origin=LotOrigin.PURCHASED)
    (old,) = shop.storage._books.empty_lots[issued.gift_card.account_id].values()
    done = reinstate(shop, issued, "20.00")
    (new,) = lots_of(shop, issued)
    assert (old.id, 2000, 2000, shop.clock.now) == (new.source_lot_id, new.amount, new.remaining, new.opened_at)
    nature = {"origin", "not_before", "priority", "tax_treatment"}
    assert {name: getattr(old, name) for name in nature} == {name: getattr(new, name) for name in nature}
    (expiry,) = (one for one in shop.storage._books.transfers.values() if one.kind is TransferKind.EXPIRY)
    assert expiry.id == done.entries[0].refunds


def test_what_comes_back_is_never_more_than_what_expired() -> None:
    """Part by part until nothing is left; then also everything is too much."""
    shop = Shop()
    issued = expired(shop)
    for amount, left in (("20.00", "30.00"), ("29.99", "0.01")):
        reinstate(shop, issued, amount)
        before = shop.books()
        with pytest.raises(RefundTooLarge) as caught:
            reinstate(shop, issued, "30.01")
        assert usd(left) == caught.value.refundable
        assert before == shop.books()
    assert usd("0.01") == reinstate(shop, issued).amount
    whatever: tuple[Any, ...] = ("0.01", ALL)
    for amount in whatever:
        with pytest.raises(RefundTooLarge) as caught:
            reinstate(shop, issued, amount)
        assert usd("0.00") == caught.value.refundable


def test_a_card_of_which_nothing_expired_is_refused() -> None:
    """There is nothing to bring back, whether or not it was spent."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.redeem(issued, "20.00")
    with pytest.raises(RefundTooLarge):
        reinstate(shop, issued)


def test_what_expired_first_comes_back_first() -> None:
    """Over several expiries, one transfer for each, and from the part that no sweep had posted last."""
    shop = Shop()
    issued = shop.issue("10.00", expires_at=NOW + DAY)
    for amount, days in (("20.00", 2), ("30.00", 3)):
        shop.execute(
            AdjustValue(
                gift_card_id=issued.gift_card.id,
                amount=usd(amount),
                direction=Direction.CREDIT,
                expires_at=NOW + days * DAY,
                idempotency_key=f"{days}",
                **BY_STAFF,
            )
        )
    for _ in range(2):
        shop.clock.advance(DAY)
        shop.execute(ExpireValue())
    shop.clock.advance(DAY)
    done = reinstate(shop, issued, "35.00")
    assert [
        (TransferKind.EXPIRY, usd("30.00")),
        (TransferKind.REINSTATEMENT, usd("10.00")),
        (TransferKind.REINSTATEMENT, usd("20.00")),
        (TransferKind.REINSTATEMENT, usd("5.00")),
    ] == [(one.kind, one.amount) for one in done.entries]
    assert usd("25.00") == reinstate(shop, issued).amount
    assert shop.ask(Audit()).is_clean


def test_what_came_back_and_expired_again_can_come_back_again() -> None:
    """Each expiry stands for itself."""
    shop = Shop()
    issued = expired(shop)
    for _ in range(3):
        assert usd("50.00") == reinstate(shop, issued).amount
        shop.clock.advance(9 * DAY)
        shop.execute(ExpireValue())
    with pytest.raises(RefundTooLarge) as caught:
        reinstate(shop, issued, "50.01")
    assert usd("50.00") == caught.value.refundable
    assert shop.ask(Audit()).is_clean


def test_value_that_lives_is_left_alone() -> None:
    """Only what expired comes back; what lives beside it keeps its end, and the card has the later one."""
    shop = Shop()
    issued = expired(shop, sweeps=False)
    shop.execute(
        AdjustValue(
            gift_card_id=issued.gift_card.id,
            amount=usd("7.00"),
            direction=Direction.CREDIT,
            expires_at=NOW + 90 * DAY,
            idempotency_key="adjust",
            **BY_STAFF,
        )
    )
    done = reinstate(shop, issued, expires_at=shop.clock.now + DAY)
    assert (usd("57.00"), shop.clock.now + DAY) == (done.gift_card.available, done.gift_card.expires_at)
    assert [NOW + 90 * DAY, shop.clock.now + DAY] == [lot.expires_at for lot in lots_of(shop, issued)]


def test_what_an_order_still_holds_has_not_expired() -> None:
    """It stays with the hold, and only the rest comes back."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    hold = shop.execute(
        PlaceHold(
            order_id="1", amount_due=usd("20.00"), codes=(issued.code,), lapses_after=2 * DAY, idempotency_key="h"
        )
    )
    shop.clock.advance(DAY)
    done = reinstate(shop, issued)
    assert (usd("30.00"), usd("20.00"), usd("30.00")) == (done.amount, done.gift_card.held, done.gift_card.available)
    assert usd("20.00") == shop.execute(CaptureHold(hold_id=hold.id, idempotency_key="c")).amount
    with pytest.raises(RefundTooLarge):
        reinstate(shop, issued)


@pytest.mark.parametrize("off", [-MICROSECOND, timedelta(0)])
def test_it_comes_back_with_an_end_in_the_future(off: timedelta) -> None:
    """The present instant is too early, one microsecond later is not; None is never."""
    shop = Shop()
    issued = expired(shop)
    before = shop.books()
    with pytest.raises(InvalidTime):
        reinstate(shop, issued, expires_at=shop.clock.now + off)
    assert before == shop.books()
    reinstate(shop, issued, "1.00", expires_at=shop.clock.now + MICROSECOND)
    assert None is reinstate(shop, issued, "1.00", expires_at=None).gift_card.expires_at


def test_the_policy_may_let_it_live_longer() -> None:
    """It is asked with the time of the last load, as if the value had been asked to end then."""
    shop = Shop(policies=Policies(expiry=AtLeastYears(5)))
    issued = shop.issue("50.00", origin=LotOrigin.PURCHASED, expires_at=NOW + DAY)
    five_years = datetime(2031, 3, 1, 12, 0, tzinfo=UTC)
    shop.clock.now = five_years
    assert five_years + DAY == reinstate(shop, issued, "1.00", expires_at=five_years + DAY).gift_card.expires_at
    shop.policies = Policies(expiry=never_for_paid_value)
    shop.loyalty = shop.with_keys(shop.loyalty._code_keys)
    assert None is reinstate(shop, issued, "1.00", expires_at=five_years + DAY).gift_card.expires_at
    assert "never_for_paid_value" in str(shop.last_receipt().decisions)


def test_a_blocked_card_is_reinstated_and_stays_blocked() -> None:
    """Value is set right while nobody may spend it."""
    shop = Shop()
    issued = expired(shop)
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    card = reinstate(shop, issued).gift_card
    assert (GiftCardStatus.BLOCKED, usd("50.00"), usd("0.00")) == (card.status, card.posted, card.available)


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.DEACTIVATED])
def test_a_card_that_waits_or_is_over_is_not_reinstated(status: GiftCardStatus) -> None:
    """There it would have no use."""
    shop = Shop()
    issued = expired(shop)
    shop.set_card_status(issued, status)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        reinstate(shop, issued)
    assert status.value == caught.value.reason
    assert before == shop.books()


def test_a_reversed_reinstatement_can_be_made_again() -> None:
    """While it is there it can be undone, whole and once; then it counts no longer."""
    shop = Shop()
    issued = expired(shop)
    (entry,) = reinstate(shop, issued).entries
    reverse: dict[str, Any] = {"transfer_id": entry.id, **BY_STAFF}
    shop.execute(ReverseTransfer(idempotency_key="r1", **reverse))
    assert usd("0.00") == shop.card(issued).posted
    with pytest.raises(AlreadyReversed):
        shop.execute(ReverseTransfer(idempotency_key="r2", **reverse))
    (again,) = reinstate(shop, issued).entries
    shop.redeem(issued, "0.01")
    with pytest.raises(InsufficientBalance):
        shop.execute(ReverseTransfer(idempotency_key="r3", **{**reverse, "transfer_id": again.id}))
    assert shop.ask(Audit()).is_clean


def test_an_expiry_is_reversed_or_reinstated_and_not_both() -> None:
    """What came back in part is not undone whole, and what was undone is nothing to bring back."""
    shop = Shop()
    one, two = expired(shop), expired(shop)
    expiries = {
        transfer.debit.account_id: transfer.id
        for transfer in shop.storage._books.transfers.values()
        if transfer.kind is TransferKind.EXPIRY
    }
    reinstate(shop, one, "1.00")
    with pytest.raises(NotReversible) as caught:
        shop.execute(ReverseTransfer(transfer_id=expiries[one.gift_card.account_id], idempotency_key="a", **BY_STAFF))
    assert "refunded" == caught.value.reason
    shop.execute(ReverseTransfer(transfer_id=expiries[two.gift_card.account_id], idempotency_key="b", **BY_STAFF))
    assert usd("50.00") == shop.card(two).posted, "forfeited again: it is promotional value"
    done = reinstate(shop, two)
    assert (usd("50.00"), TransferKind.EXPIRY) == (done.amount, done.entries[0].kind)
    assert shop.ask(Audit()).is_clean


def test_a_replay_brings_nothing_more_and_other_content_is_a_conflict() -> None:
    """A key is one reinstatement."""
    shop = Shop()
    issued = expired(shop)
    command = ReinstateGiftCard(
        code=issued.code, amount=usd("5.00"), expires_at=None, idempotency_key="once", **BY_STAFF
    )
    shop.execute_twice(command)
    with pytest.raises(IdempotencyConflict):
        shop.execute(attrs.evolve(command, amount=ALL))


def test_errors_come_in_order() -> None:
    """Malformed, unknown, deactivated, another currency, an end in the past, too much."""
    shop = Shop()
    issued = expired(shop, "5.00")
    euros: dict[str, Any] = {
        "amount": Money("9.00", "EUR"), "expires_at": NOW, "idempotency_key": "k", **BY_STAFF,
    }  # fmt: skip
    code: dict[str, Any] = {"code": issued.code}
    cases: list[tuple[dict[str, Any], type[LoyaltyError]]] = [
        ({**euros, "code": "GIFT-0000"}, MalformedCode),
        ({**euros, "gift_card_id": "nobody"}, GiftCardNotFound),
        ({**euros, **code}, CurrencyMismatch),
        ({**euros, **code, "amount": usd("9.00")}, InvalidTime),
        ({**euros, **code, "amount": usd("9.00"), "expires_at": None}, RefundTooLarge),
    ]
    before = shop.books()
    for given, error in cases:
        with pytest.raises(error):
            shop.execute(ReinstateGiftCard(**given))
    assert before == shop.books()
    shop.set_card_status(issued, GiftCardStatus.DEACTIVATED)
    with pytest.raises(NotSpendable):
        shop.execute(ReinstateGiftCard(**euros, **code))


def test_the_event_tells_who_brought_back_what_and_why() -> None:
    """Card, transfers, amount, new term, actor and reason."""
    shop = Shop()
    issued = expired(shop)
    done = reinstate(shop, issued, "20.00")
    receipt = shop.last_receipt()
    assert "GiftCardReinstated" == receipt.event
    for part in (issued.gift_card.id, done.entries[-1].id, "[2000,", "staff/7", "a parcel that came late"):
        assert part in receipt.event_data


@pytest.mark.parametrize("missing", ["actor", "reason"])
def test_somebody_says_why(missing: str) -> None:
    """A reinstatement without an actor or a reason is an invalid request."""
    with pytest.raises(InvalidRequest):
        ReinstateGiftCard(gift_card_id="card", expires_at=None, idempotency_key="k", **{**BY_STAFF, missing: None})
