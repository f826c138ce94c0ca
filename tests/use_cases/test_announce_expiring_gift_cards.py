"""One event per card, window and end before value is gone."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest

from loyalty import (
    AnnounceExpiringGiftCards,
    ChangeGiftCardExpiry,
    CodeFormat,
    ExpiryAnnounced,
    IssuedGiftCard,
    ListExpiringGiftCards,
    Policies,
    ReloadGiftCard,
    UnblockGiftCard,
)
from loyalty.errors import InvalidTime
from loyalty.events import GiftCardExpiresSoon
from loyalty.ports.storage import UnitOfWork
from loyalty.testing import FakeSink, books_of
from loyalty.use_cases import announce_expiring_gift_cards
from loyalty.use_cases.command import Context, Outcome, swept
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, Shop, usd
from tests.use_cases.test_deliver_events import block

WEEK: Final = 7 * DAY
BY_STAFF: Final[dict[str, Any]] = {"actor": "staff/7", "reason": "a mistake"}


def told(shop: Shop, within: timedelta = WEEK) -> list[str]:
    """Follow the sweep to its end and return the cards that it told of."""
    cards = [one.gift_card_id for one in swept(shop.execute, AnnounceExpiringGiftCards(within=within))]
    return [card for card in cards if card is not None]


def ids(*issued: IssuedGiftCard) -> list[str]:
    """Return the ids of cards."""
    return [one.gift_card.id for one in issued]


def events(shop: Shop) -> list[GiftCardExpiresSoon]:
    """Return what was told."""
    sink = FakeSink()
    shop.loyalty.deliver_events(sink, limit=1000)
    return [outgoing.event for outgoing in sink.taken if isinstance(outgoing.event, GiftCardExpiresSoon)]


@pytest.mark.parametrize(
    ("left", "count"), [(WEEK + MICROSECOND, 0), (WEEK, 1), (MICROSECOND, 1), (timedelta(0), 0)], ids=str
)
def test_a_card_is_told_of_from_the_beginning_of_the_window_to_its_end(left: timedelta, count: int) -> None:
    """To the microsecond on both sides: at its end it has ended."""
    shop = Shop()
    shop.issue(expires_at=shop.clock.now + 9 * DAY)
    shop.clock.advance(9 * DAY - left)
    assert count == len(told(shop))


def test_it_is_told_when_how_much_ends() -> None:
    """And what was wanted to be known."""
    shop = Shop()
    card = shop.issue("50.00", expires_at=shop.clock.now + DAY)
    shop.redeem(card, "20.00")
    told(shop)
    assert [
        GiftCardExpiresSoon(
            gift_card_id=card.gift_card.id,
            ends_at=shop.clock.now + DAY,
            amount=usd("30.00"),
            window_seconds=7 * 24 * 3600,
        )
    ] == events(shop)


def test_each_window_is_told_of_once() -> None:
    """However often the sweep runs, and whatever happens to the card meanwhile."""
    shop = Shop()
    card = shop.issue(expires_at=shop.clock.now + 20 * DAY)
    assert ids(card) == told(shop, 30 * DAY)
    shop.redeem(card, "5.00")
    assert [] == told(shop, 30 * DAY)
    assert [] == told(shop, WEEK)
    shop.clock.advance(15 * DAY)
    assert [] == told(shop, 30 * DAY)
    assert ids(card) == told(shop, WEEK)
    assert [] == told(shop, WEEK)


def test_another_end_is_told_of_again() -> None:
    """If the expiry is changed to another day in the window."""
    shop = Shop()
    card = shop.issue(expires_at=shop.clock.now + DAY)
    assert ids(card) == told(shop)
    shop.execute(
        ChangeGiftCardExpiry(
            gift_card_id=card.gift_card.id,
            expires_at=shop.clock.now + 2 * DAY,
            idempotency_key=shop.key(),
            **BY_STAFF,
        )
    )
    assert ids(card) == told(shop)
    assert [] == told(shop)


def test_only_cards_that_could_be_used_are_told_of() -> None:
    """Not one that is blocked, until it is unblocked; not one without value; not one that never ends."""
    shop = Shop()
    ends = shop.clock.now + DAY
    blocked, empty, _ = shop.issue(expires_at=ends), shop.issue("5.00", expires_at=ends), shop.issue()
    block(shop, blocked)
    shop.redeem(empty, "5.00")
    assert [] == told(shop)
    shop.execute(UnblockGiftCard(gift_card_id=blocked.gift_card.id, idempotency_key=shop.key()))
    assert ids(blocked) == told(shop)


def test_a_sweep_goes_once_through_more_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was told of before is passed over page by page, and equal ends are told apart by their accounts."""
    monkeypatch.setattr(announce_expiring_gift_cards, "PAGE", 2)
    shop = Shop()
    ends = shop.clock.now + DAY
    first = [shop.issue(expires_at=ends) for _ in range(5)]
    assert sorted(ids(*first)) == sorted(told(shop))
    late = [shop.issue(expires_at=ends + timedelta(hours=hour)) for hour in (-1, 0, 1)]
    assert sorted(ids(*late)) == sorted(told(shop))
    assert [] == told(shop)
    assert 8 == len(list(shop.loyalty.stream(ListExpiringGiftCards(within=WEEK))))


def test_it_says_where_it_is() -> None:
    """Nothing to do is done at once, and writes nothing."""
    shop = Shop()
    before = shop.books()
    nothing = ExpiryAnnounced(gift_card_id=None, after_end=None, after_account_id=None, is_done=True)
    assert nothing == shop.execute(AnnounceExpiringGiftCards(within=WEEK))
    assert before == shop.books()


def test_a_time_without_a_zone_is_refused() -> None:
    """As everywhere."""
    with pytest.raises(InvalidTime):
        AnnounceExpiringGiftCards(within=WEEK, after_end=Shop().clock.now.replace(tzinfo=None))


def test_of_value_that_ends_at_other_times_each_part_is_told_of() -> None:
    """First what ends first, and when that has ended, the rest."""
    shop = Shop()
    card = shop.issue("50.00", expires_at=shop.clock.now + DAY)
    shop.execute(
        ReloadGiftCard(
            gift_card_id=card.gift_card.id,
            amount=usd("20.00"),
            expires_at=shop.clock.now + 2 * DAY,
            idempotency_key=shop.key(),
        )
    )
    assert ids(card) == told(shop)
    assert [] == told(shop)
    shop.clock.advance(DAY)
    assert ids(card) == told(shop)
    assert [usd("50.00"), usd("20.00")] == [event.amount for event in events(shop)]


@pytest.mark.parametrize("is_blocked", [True, False])
def test_it_is_decided_under_the_lock(is_blocked: bool) -> None:
    """A card that was stopped, or emptied, after it was found is passed over."""
    shop = Shop()
    card = shop.issue("50.00", expires_at=shop.clock.now + DAY)
    (found,) = books_of(shop.storage).gift_cards
    if is_blocked:
        block(shop, card)
    else:
        shop.redeem(card, "50.00")

    def tell(uow: UnitOfWork) -> Outcome[ExpiryAnnounced]:
        seen_before: Any = SimpleNamespace(
            expiring_gift_cards=lambda *_, **__: (found,), used_keys=uow.used_keys, lock=uow.lock
        )
        context = Context(
            code_keys=KEYS, code_format=CodeFormat(), now=shop.clock.now, new_id=shop.new_id, policies=Policies()
        )
        return AnnounceExpiringGiftCards(within=WEEK).carry_out(seen_before, context)

    outcome = shop.storage.run(tell)
    assert (None, None) == (outcome.event, outcome.result.gift_card_id)
    assert (found.account.id, False) == (outcome.result.after_account_id, outcome.result.is_done)
