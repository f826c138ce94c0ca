"""Mailing gift cards through a real mail server: what arrives, what does not, and what is told when it fails."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import attrs
import pytest

from loyalty import (
    BlockGiftCard,
    ChangeGiftRecipient,
    IssuedGiftCard,
    Recipient,
    ReplaceGiftCardCode,
    ResendGiftCard,
    StartDueGifts,
)
from loyalty.errors import InvalidRequest
from loyalty.events import Event, GiftCardBlocked, GiftCardSendingDue
from loyalty.mail import Letters, MailNotSent, Security, SmtpSink
from loyalty.ports.event_sink import OutgoingEvent
from tests.mail.mailbox import Mailbox
from tests.use_cases.shop import NOW, Shop

ADA = Recipient(address="ada@example.com", name="Ada Lovelace", message="For <you> & yours.\nLove", sender="Bob")


@pytest.fixture
def shop() -> Shop:
    """Give a shop."""
    return Shop()


def sink_of(shop: Shop, server: Any, **more: Any) -> SmtpSink:
    """Return the sink of a shop that mails through this server."""
    letters = more.pop("letters", None) or Letters("Tea & Co")
    return SmtpSink(
        loyalty=shop.loyalty,
        letters=letters,
        sender="cards@shop.example",
        sender_name="Tea & Co",
        host="127.0.0.1",
        port=server.port,
        security=Security.NONE,
        **more,
    )


def outgoing(event: Event, attempt: int = 1) -> OutgoingEvent:
    """Return an event on its way out."""
    return OutgoingEvent(id="event-1", event=event, recorded_at=NOW, attempt=attempt)


def give(shop: Shop, recipient: Recipient = ADA, **more: Any) -> tuple[IssuedGiftCard, OutgoingEvent]:
    """Issue a card that is due to be sent; return it and the event that says so."""
    issued = shop.issue("50.00", recipient=recipient, **more)
    started = shop.execute(StartDueGifts()).sending
    assert started is not None
    return issued, outgoing(GiftCardSendingDue(gift_card_id=issued.gift_card.id, sending=started.sending))


def parts(mail: EmailMessage) -> tuple[str, str]:
    """Return the text and the HTML of a mail."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    return str(text.get_content()), str(html.get_content())


def test_the_recipient_gets_the_code(shop: Shop, server: Any, mailbox: Mailbox) -> None:
    """In text and in HTML, in which what people wrote is escaped; the code can be spent."""
    issued, event = give(shop, expires_at=datetime(2027, 1, 1, tzinfo=UTC))
    sink_of(shop, server).deliver(event)
    (mail,) = mailbox.mails
    assert ("Ada Lovelace <ada@example.com>", "Tea & Co <cards@shop.example>") == (mail["To"], mail["From"])
    assert ("Bob sends you a gift card of Tea & Co", "<event-1@shop.example>") == (mail["Subject"], mail["Message-ID"])
    text, html = parts(mail)
    for body in (text, html):
        assert issued.code in body
        assert "$50.00" in body
        assert "Dec 31, 2026" in body
    assert "For <you> & yours.\nLove" in text.replace("\r\n", "\n")
    assert "For &lt;you&gt; &amp; yours." in html
    shop.redeem(issued, "1.00")


def test_a_mail_that_is_tried_again_is_the_same_one(shop: Shop, server: Any, mailbox: Mailbox) -> None:
    """The same Message-ID, and the code is recorded to have been seen once."""
    _, event = give(shop)
    sink = sink_of(shop, server)
    sink.deliver(event)
    receipts = len(shop.books().receipts)
    sink.deliver(attrs.evolve(event, attempt=2))
    assert 1 == len({mail["Message-ID"] for mail in mailbox.mails})
    assert 2 == len(mailbox.mails)
    assert receipts == len(shop.books().receipts)


def test_a_code_that_was_replaced_between_two_tries_is_the_new_one(shop: Shop, server: Any, mailbox: Mailbox) -> None:
    """The recipient is never sent a dead code."""
    issued, event = give(shop)
    sink = sink_of(shop, server)
    sink.deliver(event)
    replaced = shop.execute(ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()))
    sink.deliver(event)
    assert [issued.code, replaced.code] == [
        next(code for code in (issued.code, replaced.code) if code in parts(mail)[0]) for mail in mailbox.mails
    ]


def test_nothing_is_mailed_that_is_not_to_be_sent(shop: Shop, server: Any, mailbox: Mailbox) -> None:
    """Other events, a stopped card, a sending that a later one replaced, a card for nobody, one that is not there."""
    sink = sink_of(shop, server)
    blocked, of_blocked = give(shop)
    shop.execute(BlockGiftCard(gift_card_id=blocked.gift_card.id, idempotency_key=shop.key()))
    resent, of_resent = give(shop)
    shop.execute(ResendGiftCard(gift_card_id=resent.gift_card.id, idempotency_key=shop.key()))
    plain = shop.issue("5.00").gift_card.id
    receipts = len(shop.books().receipts)
    for event in (
        outgoing(GiftCardBlocked(gift_card_id=blocked.gift_card.id, reason=None)),
        of_blocked,
        of_resent,
        outgoing(GiftCardSendingDue(gift_card_id=plain, sending=1)),
        outgoing(GiftCardSendingDue(gift_card_id="nobody", sending=1)),
    ):
        sink.deliver(event)
    assert [] == mailbox.mails
    assert receipts == len(shop.books().receipts)


def test_a_wrong_recipient_is_not_mailed_after_the_change(shop: Shop, server: Any, mailbox: Mailbox) -> None:
    """P43: the mail that was due to him is dropped; the new one is mailed the new code."""
    issued, event = give(shop)
    bo = Recipient(address="bo@example.com")
    shop.execute(ChangeGiftRecipient(gift_card_id=issued.gift_card.id, recipient=bo, idempotency_key=shop.key()))
    sink = sink_of(shop, server)
    sink.deliver(event)
    assert shop.execute(StartDueGifts()).sending is not None
    sink.deliver(outgoing(GiftCardSendingDue(gift_card_id=issued.gift_card.id, sending=2)))
    (mail,) = mailbox.mails
    assert "bo@example.com" == mail["To"]
    assert issued.code not in parts(mail)[0]


@pytest.mark.parametrize("refusal", ["451 come back later", "554 no"])
def test_a_refusal_is_an_error_that_tells_nothing_of_the_mail(
    shop: Shop, server: Any, mailbox: Mailbox, refusal: str
) -> None:
    """The outbox tries again; neither the message nor the traceback holds the code, the address or a word."""
    issued, event = give(shop)
    mailbox.refusal = refusal
    with pytest.raises(MailNotSent, match=refusal[:3]) as caught:
        sink_of(shop, server).deliver(event)
    told = "".join(traceback.format_exception(caught.value))
    assert not [word for word in (issued.code, "ada@example.com", "Lovelace", "yours") if word in told]


def test_a_server_that_is_not_there_is_an_error_like_any_other(shop: Shop, server: Any) -> None:
    """And so is one that does not do what is asked of it."""
    _, event = give(shop)
    with pytest.raises(MailNotSent, match="SMTPNotSupportedError"):
        attrs.evolve(sink_of(shop, server), security=Security.STARTTLS).deliver(event)
    with pytest.raises(MailNotSent, match="ConnectionRefusedError"):
        attrs.evolve(sink_of(shop, server), port=1).deliver(event)


def test_a_shop_replaces_the_templates_it_wants(shop: Shop, server: Any, mailbox: Mailbox, tmp_path: Path) -> None:
    """The others are ours; amounts and days are written as its customers write them."""
    (tmp_path / "gift_card.txt").write_text("Hallo {{ name }}: {{ value }}, {{ code }}", encoding="utf-8")
    issued, event = give(shop)
    sink_of(shop, server, letters=Letters("Tee", folder=tmp_path, locale="de_DE")).deliver(event)
    text, html = parts(mailbox.mails[0])
    assert f"Hallo Ada Lovelace: 50,00\xa0$, {issued.code}" == text.strip()
    assert issued.code in html


def test_what_cannot_be_is_refused_when_it_is_set_up(shop: Shop, tmp_path: Path) -> None:
    """A folder that is not there, a locale that is none, and a sender that could be two."""
    with pytest.raises(InvalidRequest):
        Letters("Shop", folder=tmp_path / "nowhere")
    with pytest.raises(InvalidRequest):
        Letters("Shop", locale="xx_nowhere")
    with pytest.raises(InvalidRequest):
        SmtpSink(loyalty=shop.loyalty, letters=Letters("Shop"), sender="a@b.c\nBcc: d@e.f", host="127.0.0.1")


def test_a_letter_and_a_sink_do_not_show_what_is_secret(shop: Shop) -> None:
    """Neither the words of a mail nor a password are in what a log would print."""
    sink = SmtpSink(
        loyalty=shop.loyalty, letters=Letters("Shop"), sender="a@b.c", host="h", username="u", password="hidden"
    )
    assert "hidden" not in repr(sink)
