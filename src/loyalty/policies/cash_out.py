"""
When a small remainder of a gift card is paid out in money.

Some laws give the bearer a right to it, each with its own bound, and the bounds
change: so rules are data, with the place, the time and the source of each. A
policy answers with the rule under which a remainder is due, or with None. The
default pays nothing out, and neither does a place that no rule knows.

Only what was paid for counts and is paid out. None of this is legal advice: it
says what the sources said, and a shop must know its own law.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import attrs
from moneyed import Money

from loyalty.clock import require_utc
from loyalty.errors import InvalidRequest
from loyalty.identifiers import require_text
from loyalty.money import exponent_of, minor_units
from loyalty.policies.decision import policy

__all__ = ["US_RULES", "CashOutPolicy", "CashOutRule", "CashOutRules", "Remainder", "no_cash_out", "us_cash_out"]


@attrs.frozen(kw_only=True)
class Remainder:
    """
    What is left on a card when somebody asks for it in money, at ``at`` (aware, UTC).

    ``paid`` is the value that was paid for and has not ended, held or not, and
    ``face`` the face value of the card; both in minor units. ``jurisdiction`` is
    the place whose law is asked, None if nobody knows.
    """

    jurisdiction: str | None
    currency: str
    exponent: int
    paid: int
    face: int
    is_reloaded: bool
    at: datetime


def _plain_text(value: object) -> str:
    return require_text(value, "a rule's text")


def _utc_or_none(value: datetime | None) -> datetime | None:
    return None if value is None else require_utc(value, "a rule's time")


@attrs.frozen(kw_only=True)
class CashOutRule:
    """
    One rule of one place for some time.

    Args:
        jurisdiction:
            The place, for example by its code of ISO 3166-2.
        limit:
            Remainders below it are due; those of exactly as much only if
            *includes_limit*.
        used_percent:
            Also due is what is left once so much of the face value was used, of a
            card that was never reloaded. A whole number from 1 to 100, or None.
        valid_from, valid_until:
            When the rule holds, aware and UTC; the first included, the second not.
        source:
            The law it comes from.
    """

    jurisdiction: str = attrs.field(converter=_plain_text)
    limit: Money = attrs.field()
    includes_limit: bool = False
    used_percent: int | None = attrs.field(default=None)
    valid_from: datetime | None = attrs.field(default=None, converter=_utc_or_none)
    valid_until: datetime | None = attrs.field(default=None, converter=_utc_or_none)
    source: str = attrs.field(converter=_plain_text)

    def __attrs_post_init__(self) -> None:
        """Check the parts that nothing else checks."""
        minor_units(self.limit, "the limit of a rule")
        if not isinstance(self.includes_limit, bool):
            raise InvalidRequest("includes_limit must be True or False")
        if self.valid_from is not None and self.valid_until is not None and self.valid_until <= self.valid_from:
            raise InvalidRequest("a rule must end after it begins")

    @used_percent.validator
    def _require_percent(self, _: object, value: object) -> None:
        if value is not None and (type(value) is not int or not 1 <= value <= 100):  # noqa: PLR2004  # per cent
            raise InvalidRequest("used_percent must be a whole number from 1 to 100")

    @property
    def said(self) -> str:
        """The rule in a few words, for the record of a decision."""
        bound = "at most" if self.includes_limit else "below"
        used = "" if self.used_percent is None else f" or {self.used_percent} % used"
        return f"{self.jurisdiction}: {bound} {self.limit.amount} {self.limit.currency.code}{used}"

    def is_due(self, remainder: Remainder) -> bool:
        """Tell whether the rule holds there and then, and makes the remainder due."""
        has_begun = self.valid_from is None or self.valid_from <= remainder.at
        is_over = self.valid_until is not None and self.valid_until <= remainder.at
        return has_begun and not is_over and self.jurisdiction == remainder.jurisdiction and self._is_small(remainder)

    def _is_small(self, remainder: Remainder) -> bool:
        if (remainder.currency, remainder.exponent) != (self.limit.currency.code, exponent_of(self.limit.currency)):
            return False
        limit = minor_units(self.limit)
        if remainder.paid < limit or (self.includes_limit and remainder.paid == limit):
            return True
        if self.used_percent is None or remainder.is_reloaded:
            return False
        return remainder.paid * 100 <= remainder.face * (100 - self.used_percent)


CashOutPolicy = Callable[[Remainder], CashOutRule | None]
"""Answers with the rule under which a remainder is due, or with None."""


@policy("1")
def no_cash_out(remainder: Remainder) -> CashOutRule | None:  # noqa: ARG001  # whatever is left
    """Pay nothing out in money."""
    return None


def _rules(values: object) -> tuple[CashOutRule, ...]:
    if not isinstance(values, tuple | list) or not all(isinstance(value, CashOutRule) for value in values):
        raise InvalidRequest("rules must be a tuple of CashOutRule")
    return tuple(values)


@attrs.frozen(kw_only=True)
class CashOutRules:
    """
    Pay out what any of these rules makes due. Change *version* whenever a rule changes.

    Example:
        >>> california = Remainder(
        ...     jurisdiction="US-CA", currency="USD", exponent=2, paid=1499, face=5000, is_reloaded=False,
        ...     at=datetime(2026, 4, 1, 7, tzinfo=UTC),
        ... )
        >>> us_cash_out(california).said
        'US-CA: below 15 USD'
        >>> us_cash_out(attrs.evolve(california, paid=1500)) is None
        True
    """

    rules: tuple[CashOutRule, ...] = attrs.field(converter=_rules)
    version: str = attrs.field(converter=_plain_text)

    def __call__(self, remainder: Remainder) -> CashOutRule | None:
        """Return the first rule that makes the remainder due."""
        return next((rule for rule in self.rules if rule.is_due(remainder)), None)


def _below(jurisdiction: str, dollars: int, source: str) -> CashOutRule:
    return CashOutRule(jurisdiction=jurisdiction, limit=Money(dollars, "USD"), source=source)


# The first instants of 1 April 2026 and of 1 January 2008 in California.
_SB_22: Final = datetime(2026, 4, 1, 7, tzinfo=UTC)
_SINCE_2008: Final = datetime(2008, 1, 1, 8, tzinfo=UTC)

US_RULES: Final = (
    CashOutRule(
        jurisdiction="US-CA",
        limit=Money(10, "USD"),
        valid_from=_SINCE_2008,
        valid_until=_SB_22,
        source="California Civil Code 1749.5(b)(2)",
    ),
    CashOutRule(
        jurisdiction="US-CA",
        limit=Money(15, "USD"),
        valid_from=_SB_22,
        source="California Civil Code 1749.5(b)(2) as amended by Senate Bill 22",
    ),
    CashOutRule(
        jurisdiction="US-CO",
        limit=Money(5, "USD"),
        includes_limit=True,
        source="Colorado Revised Statutes 6-1-722",
    ),
    CashOutRule(
        jurisdiction="US-MA",
        limit=Money(5, "USD"),
        used_percent=90,
        source="Massachusetts General Laws chapter 200A, section 5D",
    ),
    _below("US-ME", 5, "Maine Revised Statutes title 33, section 1953(1)(G)"),
    _below("US-MT", 5, "Montana Code Annotated 30-14-108"),
    _below("US-NJ", 5, "New Jersey Statutes 56:8-110"),
    _below("US-OR", 5, "Oregon Revised Statutes 646A.276"),
    _below("US-RI", 1, "Rhode Island General Laws 6-13-12"),
    _below("US-VT", 1, "Vermont Statutes title 8, section 2704"),
    _below("US-WA", 5, "Revised Code of Washington 19.240.020"),
)
"""The states of the United States that give a right to small remainders, by their codes of ISO 3166-2."""


@policy("2026-04")
def us_cash_out(remainder: Remainder) -> CashOutRule | None:
    """
    Pay out what the law of a state of the United States makes due, as far as ``US_RULES`` knows it.

    Source:
        Connecticut General Assembly, Office of Legislative Research, report
        2015-R-0095, which names the statutes; for California from April 2026 on,
        Senate Bill 22.
    """
    return _US(remainder)


_US: Final = CashOutRules(rules=US_RULES, version="2026-04")
