"""
The options that many commands share, and how texts that a person typed become values.

Each class of options is a set of fields; ``desk.py`` adds them to the commands.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, TypedDict

import attrs
import typer
from moneyed import Money

from loyalty import fields
from loyalty.cli.ending import Cannot
from loyalty.codes.code import GiftCardCode
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.errors import InvalidAmount
from loyalty.identifiers import random_id

__all__ = [
    "Amount",
    "BooksOptions",
    "CardId",
    "ChangeOptions",
    "Code",
    "CurrencyCode",
    "Expiry",
    "Reveal",
    "Said",
    "optional_moment",
    "optional_price",
    "read_code",
    "texts",
    "to_moment",
    "to_price",
]

SHORTEST_SECRET: Final = 16
LONGEST_LINE: Final = 1000

BOOKS: Final = "Books"
CHANGE: Final = "Change"

Amount = Annotated[str, typer.Argument(metavar="AMOUNT", show_default=False, help="For example 50.00.")]
CurrencyCode = Annotated[str, typer.Argument(metavar="CURRENCY", show_default=False, help="For example USD.")]
CardId = Annotated[
    str | None, typer.Argument(metavar="[ID]", show_default=False, help="The id of the card; or give --code.")
]
Code = Annotated[
    str | None,
    typer.Option(
        metavar="-",
        show_default=False,
        help="The code of the card in place of its id: `-` asks for it without showing it, or reads one line from a "
        "pipe. A code that is typed here itself stays in the history of the shell.",
    ),
]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show the whole code. Whoever reads it can spend it.")]
Expiry = Annotated[
    str | None,
    typer.Option(
        "--expires",
        metavar="WHEN",
        show_default=False,
        help="The first instant at which it cannot be spent: a date (its beginning in UTC), or a time with its zone, "
        "such as 2031-01-01T00:00Z.",
    ),
]


class Said(TypedDict):
    """What every command of the library is told by whoever gives it."""

    idempotency_key: str
    actor: str
    reason: str | None
    note: str | None


@attrs.frozen(kw_only=True)
class ChangeOptions:
    """What is said about a change, whatever it is."""

    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="TEXT",
            rich_help_panel=CHANGE,
            show_default="a new one, which is shown",
            help="The idempotency key. The same command with the same key is done once, however often it is repeated.",
        ),
    ] = None
    actor: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            rich_help_panel=CHANGE,
            show_default="your name on this machine",
            help="Who asks for this; kept with the change.",
        ),
    ] = None
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", rich_help_panel=CHANGE, show_default=False, help="Why; kept with it.")
    ] = None
    note: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", rich_help_panel=CHANGE, show_default=False, help="A note for staff; kept with it."
        ),
    ] = None

    def said(self, command: str) -> Said:
        """Return it as the library's commands take it, with what was left out."""
        return Said(
            idempotency_key=self.key or f"cli/{command}/{random_id()}",
            actor=self.actor or _user_name(),
            reason=self.reason,
            note=self.note,
        )


@attrs.frozen(kw_only=True)
class BooksOptions:
    """Where the books are, the secret behind the codes, and what kind of answer is wanted."""

    as_json: Annotated[
        bool, typer.Option("--json", help="Answer with JSON on standard output; messages go to standard error.")
    ] = False
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="LOYALTY_DATABASE_URL",
            rich_help_panel=BOOKS,
            show_default=False,
            help="Where the books are, as SQLAlchemy writes it: sqlite:///shop.db, postgresql+psycopg://…",
        ),
    ] = attrs.field(default=None, repr=False)
    secret: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="LOYALTY_CODE_SECRET",
            rich_help_panel=BOOKS,
            show_default=False,
            help="The shop's secret behind the codes. The environment is the better place for it: others on this "
            "machine can read options.",
        ),
    ] = attrs.field(default=None, repr=False)
    retired_secrets: Annotated[
        list[str] | None,
        typer.Option(
            "--retired-secret",
            metavar="TEXT",
            envvar="LOYALTY_RETIRED_CODE_SECRETS",
            rich_help_panel=BOOKS,
            show_default=False,
            help="An earlier secret under which codes are still found; may be repeated. In the environment they stand "
            "one after the other, with spaces between.",
        ),
    ] = attrs.field(default=None, repr=False)
    code_prefix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            envvar="LOYALTY_CODE_PREFIX",
            rich_help_panel=BOOKS,
            help="What the shop's codes begin with.",
        ),
    ] = "GIFT"
    chosen_codes: Annotated[
        bool,
        typer.Option(
            "--chosen-codes",
            envvar="LOYALTY_CHOSEN_CODES",
            rich_help_panel=BOOKS,
            help="The shop also has codes that it chose or imported.",
        ),
    ] = False
    chosen_length: Annotated[
        int,
        typer.Option(
            "--shortest-chosen-code",
            metavar="NUMBER",
            envvar="LOYALTY_SHORTEST_CHOSEN_CODE",
            rich_help_panel=BOOKS,
            help="How many letters and digits such a code has at least.",
        ),
    ] = 12
    table_prefix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            envvar="LOYALTY_TABLE_PREFIX",
            rich_help_panel=BOOKS,
            help="What the names of the tables begin with.",
        ),
    ] = "loyalty_"
    schema: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="LOYALTY_SCHEMA",
            rich_help_panel=BOOKS,
            show_default="the database's own",
            help="The schema of the tables.",
        ),
    ] = None

    def url(self) -> str:
        """
        Return the URL of the database.

        Raises:
            loyalty.cli.ending.Cannot: If none is given.
        """
        if not self.database:
            raise Cannot("which database? Give --database, or set LOYALTY_DATABASE_URL")
        return self.database

    def keys(self) -> CodeKeys | None:
        """
        Return the keys of the shop, or None without a secret.

        Raises:
            loyalty.cli.ending.Cannot: If a secret is too short.
        """
        if not self.secret:
            return None
        secrets = (self.secret, *(self.retired_secrets or ()))
        if min(len(secret.encode(errors="replace")) for secret in secrets) < SHORTEST_SECRET:
            raise Cannot(
                f"--secret (or LOYALTY_CODE_SECRET), and retired ones, must have at least {SHORTEST_SECRET} bytes"
            )
        return CodeKeys.from_secret(secrets[0], retired=secrets[1:])

    def code_format(self) -> CodeFormat:
        """Return how codes look."""
        return CodeFormat(
            prefix=self.code_prefix, allow_chosen=self.chosen_codes, chosen_minimum_length=self.chosen_length
        )


def _user_name() -> str:
    """Return who is logged in to this machine, or their number if they have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


# --- what was typed ---------------------------------------------------------


def to_price(amount: str, currency: str) -> Money:
    """
    Return money, exactly as it was typed.

    Raises:
        loyalty.errors.InvalidRequest: If the amount is no decimal number, or there is no such currency.
    """
    known = fields.to_currency(currency.upper())
    try:
        return Money(Decimal(amount), known)
    except InvalidOperation:
        raise InvalidAmount("the amount must be a number with a point before the decimals, such as 50.00") from None


def optional_price(amount: str | None, currency: str | None) -> Money | None:
    """
    Return what :func:`to_price` makes of an amount; None for none.

    Raises:
        loyalty.cli.ending.Cannot: If there is no currency for it.
    """
    if amount is None:
        return None
    if currency is None:
        raise Cannot("amounts need --currency")
    return to_price(amount, currency)


def to_moment(text: str, option: str) -> datetime:
    """
    Return the instant of a date (its first, in UTC) or of a time with its zone.

    Raises:
        loyalty.cli.ending.Cannot: If it is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Cannot(f"{option} must be a date such as 2031-01-01, or a time such as 2031-01-01T12:00Z") from None
    if moment.tzinfo is None and "T" not in text and ":" not in text:
        return moment.replace(tzinfo=UTC)
    if not isinstance(moment.tzinfo, timezone):
        raise Cannot(f"{option} must name its zone: 2031-01-01T12:00Z, or with an offset, 2031-01-01T12:00+02:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Cannot(f"{option} is outside the years 1 to 9999") from None


def optional_moment(text: str | None, option: str) -> datetime | None:
    """Return what :func:`to_moment` makes of a text; None for none."""
    return None if text is None else to_moment(text, option)


def read_code(given: str) -> GiftCardCode:
    """
    Return a code: *given*, or for ``-`` what is typed without being shown, or a line of a pipe.

    Raises:
        loyalty.cli.ending.Cannot: If nothing comes.
        loyalty.errors.MalformedCode: If it cannot be a code.
    """
    if given != "-":
        return GiftCardCode.of(given)
    if sys.stdin.isatty():
        typed = _typed_unseen()
    else:
        typed = sys.stdin.buffer.readline(LONGEST_LINE).decode("ascii", "replace")
    if not typed.strip():
        raise Cannot("there is no code on standard input")
    return GiftCardCode.of(typed.strip())


def _typed_unseen() -> str:
    try:
        return getpass.getpass("Code: ")
    except EOFError:
        return ""


def texts(values: Iterable[str] | None) -> tuple[str, ...]:
    """Return what was given any number of times."""
    return tuple(values or ())
