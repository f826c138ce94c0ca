"""Sending a card to somebody: when, to whom, again, and to somebody else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from loyalty import (
    BlockGiftCard,
    ChangeGiftRecipient,
    DeactivateGiftCard,
    GetGift,
    GiftStatus,
    GiftView,
    IssuedGiftCard,
    Recipient,
    RescheduleGift,
    ResendGiftCard,
    RevealGiftCardCode,
    StartDueGifts,
    UnblockGiftCard,
)
from loyalty.errors import AlreadySent, GiftCardNotFound, GiftNotFound, LoyaltyError, NotSpendable
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.ports.changes import Changes, GiftChange
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop

ADA = Recipient(address="ada@example.com", name="Ada", message="For you.\nWith love", sender="Bob")
BO = Recipient(address="bo@example.com")


def give(shop: Shop, recipient: Recipient = ADA, **more: Any) -> IssuedGiftCard:
    """Issue a card that is to be sent."""
    return shop.issue("50.00", recipient=recipient, **more)


def gift(shop: Shop, issued: IssuedGiftCard) -> GiftView:
    """Return to whom a card is sent."""
    return shop.ask(GetGift(gift_card_id=issued.gift_card.id))


def erase(shop: Shop, issued: IssuedGiftCard) -> None:
    """Take away what is known of the recipient."""

    def change(uow: UnitOfWork) -> None:
        (known,) = uow.gifts((issued.gift_card.id,))
        uow.write(Changes(gifts=(GiftChange(known, known.erased()),)))

    shop.storage.run(change)


def test_a_card_is_issued_to_be_sent_to_somebody() -> None:
    """Who it is stands with the gift: the card, the event and the receipt say nothing of it."""
    shop = Shop()
    issued = give(shop)
    known = gift(shop, issued)
    assert ("ada@example.com", "Ada", "For you.\nWith love", "Bob") == (
        known.address, known.name, known.message, known.sender,
    )  # fmt: skip
    assert (NOW, GiftStatus.WAITING, 0, 1) == (known.send_at, known.status, known.sending, known.code_version)
    assert issued.gift_card.recipient is None
    receipt = shop.last_receipt()
    assert not [word for word in ("ada@", "Ada", "love", "Bob") if word in receipt.result + receipt.event_data]


def test_a_text_is_still_a_text() -> None:
    """It says for whom the card is, and nothing is sent."""
    shop = Shop()
    issued = shop.issue("50.00", recipient="Ada")
    assert "Ada" == issued.gift_card.recipient
    with pytest.raises(GiftNotFound):
        gift(shop, issued)
    assert shop.execute(StartDueGifts()).is_done


def test_a_gift_is_handed_over_at_its_time_and_once() -> None:
    """Not a microsecond before, in the recipient's zone, and not again."""
    shop = Shop()
    six_in_tokyo = datetime(2026, 3, 2, 9, tzinfo=UTC)
    local = datetime.fromisoformat("2026-03-02T18:00")
    issued = give(shop, Recipient(address="ada@example.com", send_at=local, time_zone="Asia/Tokyo"))
    shop.clock.now = six_in_tokyo - MICROSECOND
    assert (None, True) == (shop.execute(StartDueGifts()).sending, shop.execute(StartDueGifts()).is_done)
    shop.clock.now = six_in_tokyo
    started = shop.execute(StartDueGifts())
    assert started.sending is not None
    assert (issued.gift_card.id, GiftStatus.STARTED, 1, False) == (
        started.sending.gift_card_id, started.sending.status, started.sending.sending, started.is_done,
    )  # fmt: skip
    receipt = shop.last_receipt()
    assert ("GiftCardSendingDue", {"gift_card_id": issued.gift_card.id, "sending": 1}) == (
        receipt.event, json.loads(receipt.event_data),
    )  # fmt: skip
    before = shop.books()
    assert shop.execute(StartDueGifts()).is_done
    assert before == shop.books()


def test_gifts_are_handed_over_soonest_first() -> None:
    """One at a time."""
    shop = Shop()
    late, soon = (give(shop, Recipient(address="ada@example.com", send_at=NOW + days * DAY)) for days in (2, 1))
    shop.clock.now = NOW + 3 * DAY
    order = [shop.execute(StartDueGifts()).sending for _ in range(3)]
    assert [soon.gift_card.id, late.gift_card.id, None] == [one and one.gift_card_id for one in order]


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED])
def test_the_gift_of_a_card_that_is_not_active_waits(status: GiftCardStatus) -> None:
    """Until it is paid for, or let go again; it does not keep others from leaving."""
    shop = Shop()
    stopped, other = give(shop), give(shop)
    shop.set_card_status(stopped, status)
    first = shop.execute(StartDueGifts()).sending
    assert first is not None
    assert other.gift_card.id == first.gift_card_id
    assert shop.execute(StartDueGifts()).is_done
    if status is GiftCardStatus.BLOCKED:
        shop.execute(UnblockGiftCard(gift_card_id=stopped.gift_card.id, idempotency_key=shop.key()))
        assert shop.execute(StartDueGifts()).sending is not None


def test_resending_is_another_sending() -> None:
    """Now, whether it was sent before or not; the sweep does not send it once more."""
    shop = Shop()
    issued = give(shop, Recipient(address="ada@example.com", send_at=NOW + DAY))
    command = ResendGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="again")
    assert (1, GiftStatus.STARTED) == (shop.execute_twice(command).sending, gift(shop, issued).status)
    assert {"gift_card_id": issued.gift_card.id, "sending": 1} == json.loads(shop.last_receipt().event_data)
    assert 2 == shop.execute(ResendGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key())).sending
    shop.clock.now = NOW + DAY
    assert shop.execute(StartDueGifts()).is_done


def test_another_time_takes_the_place_of_the_first() -> None:
    """Also one in the past, which is now; once started it is too late."""
    shop = Shop()
    issued = give(shop, Recipient(address="ada@example.com", send_at=NOW + DAY))
    card_id = issued.gift_card.id
    local = datetime.fromisoformat("2026-03-01T21:00")
    moved = shop.execute_twice(
        RescheduleGift(gift_card_id=card_id, send_at=local, time_zone="Asia/Tokyo", idempotency_key="later")
    )
    assert (NOW, "2026-03-01T21:00:00", "Asia/Tokyo") == (
        moved.send_at, gift(shop, issued).local_time, gift(shop, issued).time_zone,
    )  # fmt: skip
    shop.execute(RescheduleGift(gift_card_id=card_id, send_at=NOW - DAY, idempotency_key=shop.key()))
    assert shop.execute(StartDueGifts()).sending is not None
    with pytest.raises(AlreadySent):
        shop.execute(RescheduleGift(gift_card_id=card_id, send_at=NOW + DAY, idempotency_key=shop.key()))


def test_a_wrong_recipient_who_was_not_reached_loses_nothing() -> None:
    """While it waits, another recipient takes over with his own time, and the code stays."""
    shop = Shop()
    issued = give(shop)
    changed = shop.execute_twice(
        ChangeGiftRecipient(
            gift_card_id=issued.gift_card.id,
            recipient=Recipient(address="bo@example.com", send_at=NOW + DAY),
            idempotency_key="bo",
        )
    )
    assert (NOW + DAY, GiftStatus.WAITING) == (changed.send_at, changed.status)
    known = gift(shop, issued)
    assert ("bo@example.com", None, None, 1) == (known.address, known.name, known.message, known.code_version)


def test_a_recipient_who_may_have_the_code_has_a_dead_one() -> None:
    """P43: a mistyped recipient, found out after the mail: the card goes elsewhere under another code."""
    shop = Shop()
    issued = give(shop)
    shop.execute(StartDueGifts())
    shop.execute(ChangeGiftRecipient(gift_card_id=issued.gift_card.id, recipient=BO, idempotency_key=shop.key()))
    with pytest.raises(GiftCardNotFound):
        shop.redeem(issued, "1.00")
    assert (2, GiftStatus.WAITING) == (gift(shop, issued).code_version, gift(shop, issued).status)
    started = shop.execute(StartDueGifts()).sending
    assert started is not None
    assert 2 == started.sending
    shown = shop.execute(RevealGiftCardCode(gift_card_id=issued.gift_card.id, actor="mail", idempotency_key=shop.key()))
    assert "49.00" == str(shop.redeem(shown, "1.00").balance_after.amount)


def test_the_code_is_kept_if_that_is_said() -> None:
    """For a new message to the same person."""
    shop = Shop()
    issued = give(shop)
    shop.execute(StartDueGifts())
    shop.execute(
        ChangeGiftRecipient(gift_card_id=issued.gift_card.id, recipient=ADA, keep_code=True, idempotency_key=shop.key())
    )
    shop.redeem(issued, "1.00")


def test_a_card_without_a_recipient_gets_one() -> None:
    """A code that was shown to whoever bought it stays as it is."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.execute_twice(ChangeGiftRecipient(gift_card_id=issued.gift_card.id, recipient=BO, idempotency_key="bo"))
    assert ("bo@example.com", 0, 1) == (
        gift(shop, issued).address, gift(shop, issued).sending, gift(shop, issued).code_version,
    )  # fmt: skip


def _requests(card_id: str) -> dict[str, Command[Any]]:
    return {
        "resend": ResendGiftCard(gift_card_id=card_id, idempotency_key="k"),
        "reschedule": RescheduleGift(gift_card_id=card_id, send_at=NOW, idempotency_key="k"),
        "change": ChangeGiftRecipient(gift_card_id=card_id, recipient=BO, idempotency_key="k"),
    }


@pytest.mark.parametrize("name", ["resend", "reschedule", "change"])
def test_what_cannot_be_sent_is_refused_and_nothing_changes(name: str) -> None:
    """An unknown card, a stopped one, and one for nobody."""
    shop = Shop()
    blocked, dead, plain, erased = give(shop), give(shop), shop.issue("5.00"), give(shop)
    shop.execute(BlockGiftCard(gift_card_id=blocked.gift_card.id, idempotency_key=shop.key()))
    shop.execute(DeactivateGiftCard(gift_card_id=dead.gift_card.id, idempotency_key=shop.key()))
    erase(shop, erased)
    cases: list[tuple[str, type[LoyaltyError]]] = [
        ("nobody", GiftCardNotFound),
        (blocked.gift_card.id, NotSpendable),
        (dead.gift_card.id, NotSpendable),
    ]
    if name != "change":
        cases += [(plain.gift_card.id, GiftNotFound), (erased.gift_card.id, GiftNotFound)]
    before = shop.books()
    for card_id, error in cases:
        with pytest.raises(error):
            shop.execute(_requests(card_id)[name])
    assert before == shop.books()


def test_an_erased_recipient_is_never_sent_to() -> None:
    """Though the gift is known to have been one."""
    shop = Shop()
    issued = give(shop)
    erase(shop, issued)
    assert shop.execute(StartDueGifts()).is_done
    assert (None, None) == (gift(shop, issued).address, gift(shop, issued).name)


def test_there_is_no_gift_of_an_unknown_card() -> None:
    """And none of a card that is for nobody."""
    shop = Shop()
    with pytest.raises(GiftCardNotFound):
        shop.ask(GetGift(gift_card_id="nobody"))
    with pytest.raises(GiftNotFound):
        gift(shop, shop.issue("50.00"))
