"""A sink of the outbox that mails gift cards through an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from typing import Final

import attrs

from loyalty.errors import GiftCardNotFound, GiftNotFound, InvalidRequest
from loyalty.events import GiftCardSendingDue
from loyalty.facade import Loyalty
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.gift import GiftStatus, Recipient
from loyalty.mail.letters import Letters
from loyalty.ports.event_sink import OutgoingEvent
from loyalty.reports.gifts import GetGift, GiftView
from loyalty.use_cases.reveal_gift_card_code import RevealGiftCardCode

__all__ = ["MailNotSent", "Security", "SmtpSink"]

ACTOR: Final = "mail"
"""Who is recorded to have seen the code of a card that is mailed."""


class Security(StrEnum):
    """How the way to the mail server is kept from others."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MailNotSent(Exception):
    """
    A mail server did not take a mail. The outbox tries again.

    The message names the kind of failure and the server's number for it, and
    nothing of the mail: no address, no word and no code.
    """


@attrs.frozen(kw_only=True)
class SmtpSink:
    """
    Mails each gift card to its recipient, as text and HTML, when the outbox says that it is due.

    The code is derived when the mail is written, and that is recorded with the
    actor ``mail``, once per mail however often it is tried. A card that was stopped
    in the meantime, whose recipient was erased, or that is sent again by a later
    event, is passed over. A mail that is repeated, because nobody could tell
    whether the first one arrived, has the same ``Message-ID``. All other events are
    none of its business.

    Args:
        loyalty:
            The shop's books.
        letters:
            What the mails say.
        sender:
            One plain address, which the mails come from.
        sender_name:
            What stands beside it.
        host, port:
            The SMTP server.
        security:
            ``STARTTLS`` (usually on port 587) and ``TLS`` (465) check the server's
            certificate by *tls*, or by the system's authorities; ``NONE`` is for a
            server on the same machine.
        username, password:
            If the server asks who is sending.
        timeout_seconds:
            How long to wait for the server each time. A worker's lease must be longer.

    Raises:
        loyalty.errors.InvalidRequest: If the sender is no plain address.
    """

    loyalty: Loyalty = attrs.field(repr=False)
    letters: Letters = attrs.field(repr=False)
    sender: str = attrs.field()
    host: str
    port: int = 587
    sender_name: str = ""
    security: Security = Security.STARTTLS
    tls: ssl.SSLContext | None = attrs.field(default=None, repr=False)
    username: str | None = attrs.field(default=None, repr=False)
    password: str | None = attrs.field(default=None, repr=False)
    timeout_seconds: float = 20.0

    @sender.validator
    def _require_address(self, _: object, value: str) -> None:
        Recipient(address=value)
        if not value.isascii():
            raise InvalidRequest("the sender's address must be plain ASCII")

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """
        Mail the card that is due, or do nothing.

        Raises:
            MailNotSent: If the server did not take the mail.
        """
        event = outgoing.event
        if not isinstance(event, GiftCardSendingDue):
            return
        gift = self._gift(event)
        if gift is not None:
            self._send(self._mail(outgoing.id, gift), str(gift.address))

    def _gift(self, event: GiftCardSendingDue) -> GiftView | None:
        """Return whom to send the card to, if it is still to be sent."""
        try:
            gift = self.loyalty.ask(GetGift(gift_card_id=event.gift_card_id))
        except (GiftCardNotFound, GiftNotFound):
            return None
        is_on_its_way = gift.status is GiftStatus.STARTED and gift.sending == event.sending
        is_wanted = is_on_its_way and gift.address is not None
        return gift if is_wanted and gift.gift_card.status is GiftCardStatus.ACTIVE else None

    def _mail(self, id_: str, gift: GiftView) -> EmailMessage:
        card_id = gift.gift_card.id
        # A code that was replaced since the last try is another one to be seen.
        key = f"{ACTOR}/{id_}/{gift.code_version}"
        issued = self.loyalty.execute(
            RevealGiftCardCode(gift_card_id=card_id, actor=ACTOR, reason="sent to its recipient", idempotency_key=key)
        )
        letter = self.letters.write(gift, issued.code)
        mail = EmailMessage(policy=SMTP)
        mail["From"] = Address(display_name=self.sender_name, addr_spec=self.sender)
        mail["To"] = Address(display_name=gift.name or "", addr_spec=str(gift.address))
        mail["Subject"] = letter.subject
        mail["Message-ID"] = f"<{id_}@{self.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(letter.text)
        mail.add_alternative(letter.html, subtype="html")
        return mail

    def _send(self, mail: EmailMessage, address: str) -> None:
        """Hand a mail over; of what goes wrong nothing is told that stands in the mail."""
        try:
            with self._server() as server:
                server.send_message(mail, from_addr=self.sender, to_addrs=[address])
        except smtplib.SMTPRecipientsRefused as error:
            raise MailNotSent(f"the server refused the recipient ({_first_number(error)})") from None
        except smtplib.SMTPResponseException as error:
            raise MailNotSent(f"the server answered {error.smtp_code} ({type(error).__name__})") from None
        except (smtplib.SMTPException, OSError, MessageError, UnicodeError) as error:
            raise MailNotSent(f"the mail could not be handed over ({type(error).__name__})") from None

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        context = self.tls or ssl.create_default_context()
        if self.security is Security.TLS:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout_seconds, context=context
            )
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
        with connection as server:
            if self.security is Security.STARTTLS:
                server.starttls(context=context)
            if self.username is not None:
                server.login(self.username, self.password or "")
            yield server


def _first_number(error: smtplib.SMTPRecipientsRefused) -> int:
    return next(iter(error.recipients.values()))[0]
