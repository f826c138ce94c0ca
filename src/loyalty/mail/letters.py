"""What a mail with a gift card says: filled in from templates that a shop can replace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import attrs
from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    select_autoescape,
)
from moneyed.l10n import format_money

from loyalty.errors import InvalidRequest
from loyalty.reports.gifts import GiftView

__all__ = ["Letter", "Letters"]

_INSTANT: Final = timedelta(microseconds=1)


@attrs.frozen(kw_only=True)
class Letter:
    """The words of one mail. They hold the code of a gift card, so they are not shown by ``repr``."""

    subject: str
    text: str = attrs.field(repr=False)
    html: str = attrs.field(repr=False)


class Letters:
    """
    The templates of a shop, in Jinja2.

    ``gift_card.subject.txt``, ``gift_card.txt`` and ``gift_card.html`` are looked
    for in *folder* first, each by itself, and otherwise are ours. They know
    ``code``, ``value`` and ``balance`` (as people write money), ``valid_through`` (the
    last day on which all of it can be spent, where the recipient is, or None),
    ``name``, ``sender`` and ``message`` (each may be None), and ``shop``. What people
    wrote is escaped in HTML.

    Args:
        shop:
            What the shop calls itself.
        folder:
            Where its own templates are, if it has any.
        locale:
            How amounts and days are written, such as ``"de_DE"``.

    Raises:
        loyalty.errors.InvalidRequest: If there is no such folder or locale.
    """

    def __init__(self, shop: str, *, folder: str | Path | None = None, locale: str = "en_US") -> None:
        """Open the templates; each is read when it is first needed."""
        self._shop = shop
        self._locale = _known_locale(locale)
        self._templates = Environment(
            loader=_loader(folder),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def write(self, gift: GiftView, code: str) -> Letter:
        """Return what to say to the recipient of *gift*, whose card has this code."""
        card = gift.gift_card
        words = {
            "code": code,
            "value": format_money(card.value, locale=str(self._locale)),
            "balance": format_money(card.available, locale=str(self._locale)),
            "valid_through": self._last_day(card.expires_at, gift.time_zone),
            "name": gift.name,
            "sender": gift.sender,
            "message": gift.message,
            "shop": self._shop,
        }
        subject, text, html = [
            self._templates.get_template(f"gift_card.{part}").render(words) for part in ("subject.txt", "txt", "html")
        ]
        return Letter(subject=" ".join(subject.split()), text=text, html=html)

    def _last_day(self, expires_at: datetime | None, time_zone: str | None) -> str | None:
        """Return the last day that is over before *expires_at*, or ends with it, in the recipient's zone."""
        if expires_at is None:
            return None
        zone = UTC if time_zone is None else ZoneInfo(time_zone)
        instant = (expires_at - _INSTANT).astimezone(zone)
        ends_here = expires_at.astimezone(zone).date() > instant.date()
        return format_date(instant.date() if ends_here else instant.date() - timedelta(days=1), locale=self._locale)


def _known_locale(name: str) -> Locale:
    try:
        return Locale.parse(name)
    except (UnknownLocaleError, ValueError, TypeError):
        raise InvalidRequest("the locale must be one that Babel knows, such as en_US or de_DE") from None


def _loader(folder: str | Path | None) -> BaseLoader:
    ours = PackageLoader("loyalty.mail", "templates")
    if folder is None:
        return ours
    if not Path(folder).is_dir():
        raise InvalidRequest("there is no such folder of templates")
    return ChoiceLoader([FileSystemLoader(folder), ours])
