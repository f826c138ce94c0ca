"""
PAINS.md, pain 28: the code of a card is in the answer to whoever may see it, and in the mail to whoever it is for.

A canary goes through every command, query, event, log line, traceback and mail that is tried again. Afterwards it is
looked for in everything that was kept or told: the books in memory, dumps of SQLite and PostgreSQL, what was logged,
what was raised, what left. It is in the mail and nowhere else.
"""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from sqlalchemy import MetaData, create_engine, select

from loyalty import (
    ChangeGiftRecipient,
    CodeFormat,
    GetBalance,
    ListDeadLetters,
    OutgoingEvent,
    Recipient,
    Redelivery,
    ReplaceGiftCardCode,
    ResendGiftCard,
    RetryDeadLetter,
    StartDueGifts,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.codes.mint import mint
from loyalty.errors import LoyaltyError
from loyalty.gift_cards.card import GiftCard
from loyalty.mail import Letters, Security, SmtpSink
from loyalty.testing import FakeSink, books_of
from loyalty.use_cases.command import Command
from tests.bad_input.scene import Scene, requests
from tests.properties.test_codes_are_never_stored import spellings
from tests.use_cases.shop import KEYS, Shop

DATABASES: Final = ["sqlite_url", "postgresql_database"]
CHOSEN: Final = "CANARY-CHOSEN-BY-STAFF"
UNKNOWN: Final = mint(KEYS, CodeFormat(), "a card that nobody issued", 1)


@attrs.define
class Told:
    """All that was said to anybody but the one who may see the code."""

    words: list[str] = attrs.field(factory=list)

    def hear(self, *things: object) -> None:
        """Remember what can be seen of some things."""
        self.words += [f"{thing!r} {thing!s}" for thing in things]

    def attempt(self, work: Any, *given: object) -> Any:
        """Do something; remember the result, or the error with its traceback."""
        try:
            result = work(*given)
        except LoyaltyError as error:
            self.hear(error, error.args, "".join(traceback.format_exception(error)))
            return None
        self.hear(result)
        return result

    def holds(self, code: str) -> list[str]:
        """Return the spellings of a code that were told."""
        return [spelling for spelling in spellings(code) if any(spelling in word for word in self.words)]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Told:
    """Give an ear, and let everything be logged, SQL with its parameters included."""
    for name in ("", "loyalty", "sqlalchemy.engine", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    return Told()


def logged(caplog: pytest.LogCaptureFixture, but: str = "") -> list[str]:
    """Return the message of every record, but those of one logger, and all there is to our own ones."""
    ours = [vars(record) for record in caplog.records if record.name.startswith("loyalty.")]
    assert ours
    return [*(record.getMessage() for record in caplog.records if record.name != but), repr(ours)]


KINDS: Final[dict[str, Any]] = dict(requests())
COMMANDS: Final = sorted(name for name, kind in KINDS.items() if issubclass(kind, Command))
OTHERS: Final = sorted(KINDS.keys() - set(COMMANDS))
"""Queries and sweeps."""


def codes_of(cards: list[GiftCard]) -> set[str]:
    """Return every code that ever led to one of the cards, as far as it can be derived."""
    return {mint(KEYS, CodeFormat(), card.id, version) for card in cards for version in range(1, card.code_version + 1)}


def cards_in(shop: Shop) -> list[GiftCard]:
    """Return all cards of a shop."""
    return list(books_of(shop.storage).gift_cards)


def dump(url: str) -> str:
    """Return everything that a database holds, row by row; of a file the bytes as well."""
    engine = create_engine(url)
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        rows = [repr(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    path = engine.url.database if engine.dialect.name == "sqlite" else None
    engine.dispose()
    files = [] if path is None else sorted(Path(path).parent.glob(f"{Path(path).name}*"))
    assert 20 < len(rows)
    return "\n".join([*rows, *(file.read_bytes().decode("latin-1") for file in files)])


def go_through(scene: Scene, name: str, told: Told) -> None:
    """Send one command twice and wrongly once; ask every query; let every event leave, the last one after a failure."""
    told.attempt(scene.send, name)
    told.attempt(scene.send, name)
    told.attempt(lambda: scene.send(name, note="other words under the same key"))
    for other in OTHERS:
        told.attempt(scene.send, other)
    told.attempt(scene.shop.loyalty.ask, GetBalance(code=UNKNOWN))
    sink = FakeSink("GiftCardIssued")
    told.attempt(lambda: scene.shop.loyalty.deliver_events(sink, limit=1000, redelivery=Redelivery(attempts=1)))
    told.hear(*sink.taken, *sink.refused)
    told.attempt(scene.shop.loyalty.ask, ListDeadLetters())


def all_codes(scene: Scene, chosen: str = CHOSEN) -> set[str]:
    """Return every code there is in a scene, whose cards are more than a few."""
    codes = codes_of(cards_in(scene.shop))
    assert 5 < len(codes)
    assert scene.issued.code in codes
    return {*codes, chosen, UNKNOWN}


def prepared(storage: Any = None) -> Scene:
    """Return a scene in which a card also has a code that staff chose."""
    scene = Scene(storage)
    scene.shop.issue(code=CHOSEN)
    return scene


@pytest.mark.usefixtures("told")
def test_in_memory_nothing_keeps_or_tells_a_code(caplog: pytest.LogCaptureFixture) -> None:
    """Every command by itself in a shop of its own, and every query after it."""
    leaks: dict[str, list[str]] = {}
    for name in COMMANDS:
        scene, heard = prepared(), Told()
        go_through(scene, name, heard)
        heard.hear(vars(scene.shop.storage), scene.shop.books(), *logged(caplog))
        found = [spelling for code in all_codes(scene) for spelling in heard.holds(code)]
        leaks |= {name: found} if found else {}
        caplog.clear()
    assert {} == leaks
    assert 40 < len(COMMANDS)


@pytest.mark.parametrize("database", DATABASES)
def test_a_dump_of_the_database_holds_no_code(
    request: pytest.FixtureRequest, database: str, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """Every command in tables of its own, all in one database; also in what the driver logs of its statements."""
    url = request.getfixturevalue(database)
    codes: set[str] = set()
    for number, name in enumerate(COMMANDS):
        storage = SqlAlchemyStorage(url, prefix=f"shop{number}_")
        storage.upgrade()
        scene = prepared(storage)
        go_through(scene, name, told)
        codes |= all_codes(scene)
        storage.dispose()
    told.hear(dump(url))
    told.words += logged(caplog)

    assert [] == [spelling for code in codes for spelling in told.holds(code)]
    assert any("INSERT INTO shop0_receipt" in message for message in caplog.messages)
    assert 12 < len(codes)


def test_the_search_finds_what_is_there() -> None:
    """A code that was told, in whatever spelling, is found; so is one in a dump."""
    for spelling in spellings(UNKNOWN):
        told = Told()
        told.hear({"text": f"...{spelling}..."})
        assert spelling in told.holds(UNKNOWN)
    told = Told()
    told.attempt(_fails_with, UNKNOWN)
    assert [] != told.holds(UNKNOWN)


def _fails_with(code: str) -> None:
    raise LoyaltyError(f"no card has the code {code}")


# --- mail -------------------------------------------------------------------


@attrs.frozen
class Watched:
    """The sink that mails, and what is raised in it."""

    sink: SmtpSink
    told: Told

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """Mail it; remember the event, and the error with its traceback."""
        self.told.hear(outgoing)
        try:
            self.sink.deliver(outgoing)
        except Exception as error:
            self.told.hear(error, error.args, "".join(traceback.format_exception(error)))
            raise


@pytest.mark.parametrize("database", DATABASES)
def test_a_code_is_in_the_mail_and_nowhere_else(
    request: pytest.FixtureRequest,
    database: str,
    server: Any,
    told: Told,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Refused by a server that repeats what it was sent, tried again, given up, retried, sent again, and to another."""
    url, mailbox = request.getfixturevalue(database), server.handler
    storage: Any = SqlAlchemyStorage(url)
    storage.upgrade()
    shop = Shop()
    shop.storage = storage
    shop.loyalty = shop.with_keys(KEYS)
    sink = Watched(
        SmtpSink(
            loyalty=shop.loyalty,
            letters=Letters("Tea & Co"),
            sender="cards@shop.example",
            host="127.0.0.1",
            port=server.port,
            security=Security.NONE,
        ),
        told,
    )
    twice = Redelivery(first=timedelta(minutes=1), longest=timedelta(minutes=1), attempts=2)

    def turn() -> None:
        while not shop.execute(StartDueGifts()).is_done:
            pass
        told.attempt(lambda: shop.loyalty.deliver_events(sink, redelivery=twice))

    cards = [shop.issue("5.00", recipient=Recipient(address=f"{name}@example.com")) for name in ("ada", "bo")]
    ids = [card.gift_card.id for card in cards]
    mailbox.refusal = f"451 not now: {cards[0].code} {cards[1].code}"
    turn()
    shop.clock.advance(timedelta(minutes=1))
    turn()
    letters = shop.loyalty.ask(ListDeadLetters()).letters
    told.hear(*letters)
    assert ["MailNotSent"] * 2 == [letter.failure.partition(":")[0] for letter in letters]
    assert [] == mailbox.mails

    mailbox.refusal = None
    for letter in letters:
        told.attempt(shop.execute, RetryDeadLetter(event_id=letter.event_id, idempotency_key=shop.key()))
    turn()
    told.attempt(shop.execute, ResendGiftCard(gift_card_id=ids[0], idempotency_key=shop.key()))
    turn()
    cy = Recipient(address="cy@example.com")
    told.attempt(shop.execute, ChangeGiftRecipient(gift_card_id=ids[1], recipient=cy, idempotency_key=shop.key()))
    turn()
    replaced = shop.execute(ReplaceGiftCardCode(gift_card_id=ids[0], idempotency_key=shop.key()))
    told.attempt(shop.execute, ResendGiftCard(gift_card_id=ids[0], idempotency_key=shop.key()))
    turn()

    stored = {card.id: card for card in cards_in(shop)}
    newest = [mint(KEYS, CodeFormat(), id_, stored[id_].code_version) for id_ in ids]
    mailed = [(str(mail["To"]), mail.as_string()) for mail in mailbox.mails]
    expected = [
        ("ada@example.com", cards[0].code),
        ("bo@example.com", cards[1].code),
        ("ada@example.com", cards[0].code),
        ("cy@example.com", newest[1]),
        ("ada@example.com", replaced.code),
    ]
    assert [address for address, _ in expected] == [address for address, _ in mailed]
    assert all(code in text for (_, code), (_, text) in zip(expected, mailed, strict=True))
    assert replaced.code == newest[0]

    codes = codes_of(list(stored.values()))
    storage.dispose()
    told.hear(dump(url))
    # The mail server of this test logs the mails that it gets, which hold the code.
    told.words += logged(caplog, but="mail.log")
    assert 4 == len(codes)
    assert {code for _, code in expected} == codes
    assert [] == [spelling for code in codes for spelling in told.holds(code)]
    assert any("loyalty_receipt" in message for message in caplog.messages)
