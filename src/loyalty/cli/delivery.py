"""Handing over what happened: gift cards by mail, or events to another program; and what was given up."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import attrs
import typer

from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.ending import FOUND_WRONG, INTERRUPTED, Cannot, stop
from loyalty.cli.options import Said
from loyalty.cli.paper import Column, Paper, Sheet, facts
from loyalty.cli.sheets import day
from loyalty.events import Event
from loyalty.ports.event_sink import EventSink, OutgoingEvent
from loyalty.reports.dead_letters import DeadLetter, ListDeadLetters
from loyalty.use_cases.announce_expiring_gift_cards import AnnounceExpiringGiftCards
from loyalty.use_cases.deliver_events import Delivered
from loyalty.use_cases.retry_dead_letter import RetryDeadLetter
from loyalty.use_cases.start_due_gifts import StartDueGifts
from loyalty.worker import EventWorker

if TYPE_CHECKING:
    from loyalty.facade import Loyalty

__all__ = ["dead_letters", "deliver", "retry"]

MAIL: Final = "Mail"


def _mail_option(metavar: str, help_: str, *names: str, variable: str | None = None) -> object:
    return typer.Option(*names, metavar=metavar, envvar=variable, show_default=False, rich_help_panel=MAIL, help=help_)


@attrs.frozen(kw_only=True)
class MailOptions:
    """The way to a mail server, and what mails say."""

    smtp_host: Annotated[
        str | None, _mail_option("NAME", "The mail server that gift cards are sent by.", variable="LOYALTY_SMTP_HOST")
    ] = None
    smtp_port: Annotated[
        int, typer.Option(metavar="NUMBER", envvar="LOYALTY_SMTP_PORT", rich_help_panel=MAIL, help="Its port.")
    ] = 587
    smtp_security: Annotated[
        str,
        typer.Option(
            metavar="starttls|tls|none",
            envvar="LOYALTY_SMTP_SECURITY",
            rich_help_panel=MAIL,
            help="How the way there is kept from others; `none` is for a server on the same machine.",
        ),
    ] = "starttls"
    smtp_user: Annotated[
        str | None, _mail_option("TEXT", "Who we are, if the server asks.", variable="LOYALTY_SMTP_USER")
    ] = attrs.field(default=None, repr=False)
    smtp_password: Annotated[
        str | None,
        _mail_option(
            "TEXT",
            "The password for it. The environment is the better place: others on this machine can read options.",
            variable="LOYALTY_SMTP_PASSWORD",
        ),
    ] = attrs.field(default=None, repr=False)
    sender: Annotated[
        str | None, _mail_option("ADDRESS", "The address that mails come from.", "--from", variable="LOYALTY_MAIL_FROM")
    ] = None
    sender_name: Annotated[
        str, _mail_option("TEXT", "The name beside it.", "--from-name", variable="LOYALTY_MAIL_FROM_NAME")
    ] = ""
    shop: Annotated[str, _mail_option("TEXT", "What the shop calls itself.", variable="LOYALTY_SHOP")] = ""
    templates: Annotated[
        str | None,
        _mail_option("FOLDER", "The shop's own templates, see the guide.", variable="LOYALTY_MAIL_TEMPLATES"),
    ] = None
    locale: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            envvar="LOYALTY_LOCALE",
            rich_help_panel=MAIL,
            help="How amounts and days are written, such as de_DE.",
        ),
    ] = "en_US"

    def sink(self, loyalty: Loyalty) -> EventSink:
        """
        Return what mails gift cards.

        Raises:
            loyalty.cli.ending.Cannot: If the sender is not given, the way to the
                server is none, or the extra for mail is not installed.
            loyalty.errors.InvalidRequest: If the sender, the locale or the folder is wrong.
        """
        if self.smtp_host is None or self.sender is None:
            raise Cannot("where to? Give --smtp-host and --from to send gift cards by mail, or --print")
        try:
            from loyalty.mail import Letters, Security, SmtpSink  # noqa: PLC0415  # needs the extra
        except ImportError as error:
            raise Cannot("mail needs the extra: pip install 'loyalty-core[mail]'") from error
        if self.smtp_security not in {*Security}:
            raise Cannot("--smtp-security must be starttls, tls or none")
        return SmtpSink(
            loyalty=loyalty,
            letters=Letters(self.shop or self.sender, folder=self.templates, locale=self.locale),
            sender=self.sender,
            sender_name=self.sender_name,
            host=self.smtp_host,
            port=self.smtp_port,
            security=Security(self.smtp_security),
            username=self.smtp_user,
            password=self.smtp_password,
        )


@attrs.frozen(kw_only=True)
class PrintedEvent:
    """An event as another program reads it."""

    id: str
    name: str
    event: Event
    recorded_at: datetime
    attempt: int


@attrs.frozen
class PrintingSink:
    """Writes events on standard output, a line of JSON each; if nobody reads them any more, it ends the work."""

    paper: Paper
    stopped: threading.Event

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """
        Write one event.

        Raises:
            OSError: If it cannot be written.
        """
        printed = PrintedEvent(
            id=outgoing.id,
            name=type(outgoing.event).__name__,
            event=outgoing.event,
            recorded_at=outgoing.recorded_at,
            attempt=outgoing.attempt,
        )
        try:
            self.paper.record(printed)
            sys.stdout.flush()
        except OSError:
            self.stopped.set()
            raise


@at_desk()
def deliver(
    desk: Desk,
    mail: MailOptions,
    *,
    print_: Annotated[
        bool, typer.Option("--print", help="Write every event as a line of JSON, in place of sending mail.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until stopped (Ctrl-C, or SIGTERM), instead of until all is done.")
    ] = False,
    expiring: Annotated[
        list[int] | None,
        typer.Option(
            "--expiring-within",
            metavar="DAYS",
            min=1,
            max=3660,
            show_default=False,
            help="Also tell once of each card whose value ends within so many days; may be repeated.",
        ),
    ] = None,
) -> None:
    """
    Start what is due and hand over every event that waits: gift cards leave by mail, or all events are printed.

    An event counts as handed over once the mail server, or whoever reads the lines, has it. What fails waits, and is
    given up after twelve attempts: see `loyalty dead-letters`. Any number of these may run. When it is stopped, it
    finishes the event at hand. Exit codes: 0 all was handed over, 1 something failed, 2 it cannot be done, 130
    interrupted.
    """
    stopped = threading.Event()
    if not print_:
        desk.require_secret()
    worker = EventWorker(
        loyalty=desk.loyalty,
        sink=PrintingSink(desk.paper, stopped) if print_ else mail.sink(desk.loyalty),
        sweeps=(StartDueGifts(), *(AnnounceExpiringGiftCards(within=timedelta(days=days)) for days in expiring or ())),
    )
    with _ended_gently(stopped), _heard(worker):
        done = worker.run(stopped) if watch else _until_done(worker, stopped)
    _tell(desk.paper, done, is_printed=print_)
    if stopped.is_set() and not watch:
        stop("interrupted. Run the same again.", INTERRUPTED)
    if done.failed or done.given_up:
        stop("not everything could be handed over; what failed is tried again later.", FOUND_WRONG)


def _until_done(worker: EventWorker, stopped: threading.Event) -> Delivered:
    done = worker.turn(stopped.is_set)
    while not done.is_done and not stopped.is_set():
        done = done.and_then(worker.turn(stopped.is_set))
    return done


def _tell(paper: Paper, done: Delivered, *, is_printed: bool) -> None:
    counts = [("delivered", done.delivered), ("failed", done.failed), ("given up", done.given_up)]
    if is_printed:
        paper.aside(", ".join(f"{name} {count:,}" for name, count in counts))
    else:
        paper.answer(done, lambda: [facts([(name, f"{count:,}") for name, count in counts])])


@contextmanager
def _ended_gently(stopped: threading.Event) -> Iterator[None]:
    """Let the first signal end the work after the event at hand; a second one ends it at once."""

    def end(number: int, _: FrameType | None) -> None:
        stopped.set()
        signal.signal(number, earlier[number])

    earlier = {int(number): signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in earlier:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def _heard(worker: EventWorker) -> Iterator[None]:
    """Show on standard error what a worker logs, such as a database that does not answer."""
    log, handler = logging.getLogger(type(worker).__module__), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("loyalty: %(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@at_desk()
def dead_letters(
    desk: Desk, *, limit: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="At most so many.")] = 100
) -> None:
    """
    Show which events were given up, and why; `loyalty retry` has them handed over again.

    Exit codes: 0 shown, 2 it cannot be done.
    """
    letters = tuple(islice(desk.loyalty.stream(ListDeadLetters(limit=min(limit, 1000))), limit))
    desk.paper.answer(letters, lambda: [_letters_sheet(letters)])


def _letters_sheet(letters: Sequence[DeadLetter]) -> Sheet:
    names = ("happened", "event", "attempts", "failure", "given up")
    return Sheet(
        columns=(Column("id", is_whole=True), *(Column(name) for name in names)),
        rows=[
            (one.event_id, day(one.recorded_at), one.event_name, f"{one.attempts}", one.failure, day(one.dead_at))
            for one in letters
        ],
        empty="Nothing was given up.",
    )


@at_desk(changes=True)
def retry(
    desk: Desk,
    *,
    event_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", show_default=False, help="The events, by their ids.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that was given up.")] = False,
) -> None:
    """
    Have events that were given up handed over again, as if they had never been tried.

    Exit codes: 0 they are due, 1 there is no such event or it was not given up, 2 it cannot be done.
    """
    if bool(event_ids) == everything:
        raise Cannot("which ones? Give their ids, or --all")
    wanted = [one.event_id for one in desk.loyalty.stream(ListDeadLetters(limit=1000))] if everything else event_ids
    retried = [desk.loyalty.execute(_retrying(desk.said, one)) for one in wanted or ()]
    desk.paper.answer(
        tuple(retried),
        lambda: [
            Sheet(
                columns=(Column("id", is_whole=True), Column("event"), Column("due")),
                rows=[(one.event_id, one.event_name, day(one.due_at)) for one in retried],
                empty="Nothing was given up.",
            )
        ],
    )


def _retrying(said: Said, event_id: str) -> RetryDeadLetter:
    """Return the command for one of many events; each has a key of its own, made of the one that was given."""
    return attrs.evolve(
        RetryDeadLetter(event_id=event_id, **said), idempotency_key=f"{said['idempotency_key']}/{event_id}"
    )
