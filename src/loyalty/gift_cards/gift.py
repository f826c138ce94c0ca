"""
Gifts: to whom a card is sent, with which words, and when.

What is written here is about people, so it stands in one place, apart from the
card: it can be changed, and it can be erased, without a word in the books.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum

import attrs

from loyalty.clock import require_utc, zone_named
from loyalty.errors import InvalidRequest, InvalidTime
from loyalty.identifiers import GiftCardId, require_optional_text, require_text

__all__ = ["Gift", "GiftStatus", "Recipient"]

LONGEST_MESSAGE = 2000
LONGEST_ADDRESS = 254
"""
Characters of an address.

Source:
    RFC 5321, section 4.5.3.1.3: a path has at most 256 octets, two of them its brackets.
"""

_ADDRESS = re.compile(r"[^\s@<>\"(),:;\\\[\]]+@[^\s@<>\"(),:;\\\[\]]+")


def _name(value: str | None) -> str | None:
    return require_optional_text(value, "the name")


def _sender(value: str | None) -> str | None:
    return require_optional_text(value, "the sender")


def _address(value: str) -> str:
    address = require_text(value, "the address", LONGEST_ADDRESS)
    if not _ADDRESS.fullmatch(address):
        raise InvalidRequest("the address must be one plain e-mail address, such as ada@example.com")
    return address


def _message(value: str | None) -> str | None:
    return None if value is None else require_text(value, "the message", LONGEST_MESSAGE, multiline=True)


def _time_zone(value: str | None) -> str | None:
    return None if value is None else zone_named(value).key


@attrs.frozen(kw_only=True)
class Recipient:
    """
    Who gets a gift card, with which words, and when.

    Args:
        address:
            One e-mail address.
        name:
            How to call the recipient.
        message:
            At most 2,000 characters, which may have several lines.
        sender:
            Who gives the card, as the recipient knows them.
        send_at:
            Where *time_zone* is named: a local time there, without a zone of its
            own or with that one. A time that the clocks skip is taken as the same
            time before the change, so one in the hour that is missing is an hour
            later by the new clock; of a time that comes twice the first is meant.
            Otherwise aware and in UTC. None is as soon as the card is active.
        time_zone:
            The name of a zone in the IANA database, such as ``Europe/Berlin``.

    Raises:
        loyalty.errors.InvalidRequest: If a text is empty, too long or no address.
        loyalty.errors.InvalidTime: If there is no such zone, or *send_at* is not of the kind said.

    Example:
        >>> ada = Recipient(address="ada@example.com", send_at=datetime(2026, 12, 24, 18), time_zone="Europe/Berlin")
        >>> ada.sends_at
        datetime.datetime(2026, 12, 24, 17, 0, tzinfo=datetime.timezone.utc)
    """

    address: str = attrs.field(converter=_address)
    name: str | None = attrs.field(default=None, converter=_name)
    message: str | None = attrs.field(default=None, converter=_message)
    sender: str | None = attrs.field(default=None, converter=_sender)
    send_at: datetime | None = None
    time_zone: str | None = attrs.field(default=None, converter=_time_zone)

    def __attrs_post_init__(self) -> None:
        """Give the time its zone, so that it means one instant wherever it is read."""
        object.__setattr__(self, "send_at", time_to_send(self.send_at, self.time_zone))

    @property
    def sends_at(self) -> datetime | None:
        """The instant at which to send: aware, UTC; None is as soon as the card is active."""
        return None if self.send_at is None else self.send_at.astimezone(UTC)


def time_to_send(send_at: object, time_zone: str | None) -> datetime | None:
    """
    Return *send_at* in its zone, or in UTC without one; see :class:`Recipient`.

    Raises:
        loyalty.errors.InvalidTime: If there is no such zone, if a time is in another
            one, or if one without a zone is not in UTC.
    """
    if send_at is None:
        return None
    if time_zone is None:
        return require_utc(send_at, "send_at without a time_zone")
    zone = zone_named(time_zone)
    if not isinstance(send_at, datetime) or (send_at.tzinfo is not None and send_at.tzinfo is not zone):
        raise InvalidTime("send_at in a time_zone must be a datetime without another zone of its own")
    local = send_at.replace(tzinfo=zone, fold=0)
    try:
        local.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidTime("send_at is outside the years 1 to 9999") from None
    return local


class GiftStatus(StrEnum):
    """
    Where a gift is on its way.

    A started one is in the hands of the outbox, which tries until the mail is
    sent or given up; that is seen there.
    """

    WAITING = "waiting"
    STARTED = "started"


@attrs.frozen(kw_only=True)
class Gift:
    """
    The sending of one gift card to its recipient.

    ``send_at`` is aware and UTC, ``local_time`` and ``time_zone`` are how it was
    said. ``sending`` counts the times it was started, so that each has a name.
    An erased gift has no address.
    """

    gift_card_id: GiftCardId
    address: str | None
    name: str | None = None
    message: str | None = None
    sender: str | None = None
    send_at: datetime
    local_time: str | None = None
    time_zone: str | None = None
    status: GiftStatus = GiftStatus.WAITING
    sending: int = 0
    version: int = 0

    @classmethod
    def to(cls, recipient: Recipient, gift_card_id: GiftCardId, at: datetime) -> Gift:
        """Return the gift of a card to *recipient*; without a time it is due at *at*, once the card is active."""
        return cls(
            gift_card_id=gift_card_id,
            address=recipient.address,
            name=recipient.name,
            message=recipient.message,
            sender=recipient.sender,
            send_at=recipient.sends_at or at,
            local_time=_local_time(recipient),
            time_zone=recipient.time_zone,
        )

    def is_due(self, at: datetime) -> bool:
        """Tell whether it is time to send it, the instant itself included."""
        return self.status is GiftStatus.WAITING and self.address is not None and at >= self.send_at

    def started(self) -> Gift:
        """Return the gift in the hands of the outbox, once more."""
        return attrs.evolve(self, status=GiftStatus.STARTED, sending=self.sending + 1, version=self.version + 1)

    def due_at(self, send_at: datetime, local_time: str | None = None, time_zone: str | None = None) -> Gift:
        """Return the gift with another time to send it; ``local_time`` and ``time_zone`` say how it was said."""
        return attrs.evolve(self, send_at=send_at, local_time=local_time, time_zone=time_zone, version=self.version + 1)

    def given_to(self, recipient: Recipient, at: datetime) -> Gift:
        """Return the gift to another recipient, waiting to be sent; without a time it is due at *at*."""
        new = Gift.to(recipient, self.gift_card_id, at)
        return attrs.evolve(new, sending=self.sending, version=self.version + 1)

    def erased(self) -> Gift:
        """Return the gift without a word about anybody; it is not sent any more."""
        return attrs.evolve(self, address=None, name=None, message=None, sender=None, version=self.version + 1)


def _local_time(recipient: Recipient) -> str | None:
    said = recipient.send_at
    return None if said is None or recipient.time_zone is None else said.replace(tzinfo=None).isoformat()
