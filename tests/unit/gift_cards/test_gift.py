"""To whom a card is sent, and when: what a recipient may be, and where a gift is on its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import attrs
import pytest

from loyalty.errors import InvalidRequest, InvalidTime
from loyalty.gift_cards.gift import Gift, GiftStatus, Recipient
from loyalty.identifiers import GiftCardId

NOW: Final = datetime(2026, 11, 25, 12, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
CARD: Final = GiftCardId("card")
ADA: Final = Recipient(address="ada@example.com", name="Ada", message="For you.\nWith love", sender="Bob")


def test_a_recipient_without_a_time_is_sent_to_at_once() -> None:
    """The gift is due from the moment it is made."""
    gift = Gift.to(ADA, CARD, NOW)
    assert (None, NOW, True) == (ADA.sends_at, gift.send_at, gift.is_due(NOW))


def test_a_local_time_is_the_recipients() -> None:
    """Six in the evening in Tokyo is nine in the morning in UTC, and how it was said is kept."""
    recipient = attrs.evolve(ADA, send_at=datetime.fromisoformat("2026-12-24T18:00"), time_zone="Asia/Tokyo")
    gift = Gift.to(recipient, CARD, NOW)
    assert datetime(2026, 12, 24, 9, tzinfo=UTC) == gift.send_at
    assert ("2026-12-24T18:00:00", "Asia/Tokyo") == (gift.local_time, gift.time_zone)


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        pytest.param(
            datetime.fromisoformat("2027-03-28T02:30"), datetime(2027, 3, 28, 1, 30, tzinfo=UTC), id="skipped"
        ),
        pytest.param(datetime.fromisoformat("2027-10-31T02:30"), datetime(2027, 10, 31, 0, 30, tzinfo=UTC), id="twice"),
        pytest.param(
            datetime.fromisoformat("2027-10-31T02:30").replace(fold=1),
            datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
            id="second",
        ),
    ],
)
def test_local_times_around_a_change_of_clocks(said: datetime, hour: datetime) -> None:
    """A time that is skipped is taken by the old clock; of one that comes twice the first is meant."""
    assert hour == attrs.evolve(ADA, send_at=said, time_zone="Europe/Berlin").sends_at


@pytest.mark.parametrize(
    ("send_at", "time_zone"),
    [
        (datetime.fromisoformat("2026-12-24T18:00"), None),
        (datetime(2026, 12, 24, 18, tzinfo=timezone(timedelta(hours=1))), None),
        (NOW, "Europe/Berlin"),
        ("tomorrow", None),
        ("tomorrow", "Europe/Berlin"),
        (NOW.date(), "Europe/Berlin"),
        (datetime.fromisoformat("0001-01-01"), "Asia/Tokyo"),
        (None, "Mars/Olympus"),
        (None, "../../etc/passwd"),
        (None, "localtime"),
        (None, 1),
    ],
)
def test_times_that_nobody_can_mean_are_refused(send_at: Any, time_zone: Any) -> None:
    """Naive without a zone, aware with one, another kind of thing, and zones that are none."""
    with pytest.raises(InvalidTime):
        attrs.evolve(ADA, send_at=send_at, time_zone=time_zone)


@pytest.mark.parametrize(
    "address",
    ["", "ada", "@example.com", "ada@", "a@b@c", "ada@example.com\nBcc: eve@example.com", "Ada <ada@example.com>",
     "ada@example.com, eve@example.com", "a" * 251 + "@b.c", None, 1, "ada @example.com", "ada@exa\x00mple.com"],
)  # fmt: skip
def test_only_one_plain_address_is_an_address(address: Any) -> None:
    """Nothing that a mail server could read as two, or as a header."""
    with pytest.raises(InvalidRequest):
        attrs.evolve(ADA, address=address)


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("name", "A\nB"), ("sender", "x" * 201), ("message", "x" * 2001), ("message", ""), ("sender", 1)],
)
def test_texts_have_bounds(field: str, value: Any) -> None:
    """Names are one line; a message may have several and ends somewhere."""
    with pytest.raises(InvalidRequest):
        attrs.evolve(ADA, **{field: value})


def test_a_gift_is_due_from_its_instant_on() -> None:
    """Not a microsecond before."""
    gift = attrs.evolve(Gift.to(ADA, CARD, NOW), send_at=NOW)
    assert (False, True, True) == tuple(gift.is_due(at) for at in (NOW - MICROSECOND, NOW, NOW + MICROSECOND))


def test_a_started_gift_is_not_due_again() -> None:
    """It is in the hands of the outbox; starting it once more is another sending."""
    started = Gift.to(ADA, CARD, NOW).started()
    assert (GiftStatus.STARTED, 1, 1, False) == (
        started.status, started.sending, started.version, started.is_due(NOW),
    )  # fmt: skip
    assert (2, 2) == (started.started().sending, started.started().version)


def test_another_time_takes_the_place_of_the_first() -> None:
    """With how it was said, or without."""
    gift = Gift.to(ADA, CARD, NOW).due_at(NOW + MICROSECOND, "2026-12-24T18:00:00", "Asia/Tokyo")
    assert (False, True, 1) == (gift.is_due(NOW), gift.is_due(NOW + MICROSECOND), gift.version)
    assert ("2026-12-24T18:00:00", "Asia/Tokyo") == (gift.local_time, gift.time_zone)
    assert (None, None) == (gift.due_at(NOW).local_time, gift.due_at(NOW).time_zone)


def test_a_recipient_may_be_made_of_a_recipient() -> None:
    """A local time has its zone then, which is the same one."""
    recipient = attrs.evolve(ADA, send_at=datetime.fromisoformat("2026-12-24T18:00"), time_zone="Asia/Tokyo")
    assert recipient == attrs.evolve(recipient)
    with pytest.raises(InvalidTime):
        attrs.evolve(recipient, time_zone="Europe/Berlin")


def test_another_recipient_takes_everything_over_but_the_count() -> None:
    """The words and the time are the new one's."""
    bob = Recipient(address="bob@example.com")
    gift = Gift.to(ADA, CARD, NOW).started().given_to(bob, NOW)
    assert ("bob@example.com", None, None, 1, 2, GiftStatus.WAITING) == (
        gift.address, gift.name, gift.message, gift.sending, gift.version, gift.status,
    )  # fmt: skip


def test_an_erased_gift_says_nothing_about_anybody() -> None:
    """And is never due."""
    erased = Gift.to(ADA, CARD, NOW).erased()
    assert not {"ada@example.com", "Ada", "Bob", ADA.message} & set(attrs.astuple(erased))
    assert not erased.is_due(NOW)
