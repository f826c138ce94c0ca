"""
The SQL of lists: pages of cards and accounts, and what whole lists sum to.

A page is chosen first, by an index where the sort has one, and only what is on
it is loaded, with its account and lots: one statement, whatever the size. A
page begins after a sort key and never counts what comes before it, so the last
one costs what the first does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from loyalty.adapters.sqlalchemy.dialects import MARIADB, PLACE_OF, POSTGRESQL, SQLITE, in_lower_case
from loyalty.adapters.sqlalchemy.driver import Parameters
from loyalty.adapters.sqlalchemy.statements import Statements
from loyalty.clock import to_micros
from loyalty.gift_cards.listing import GiftCardFilter, GiftCardSort
from loyalty.ledger.listing import AmountRange, CurrencySums, Place, TextSearch
from loyalty.store_credit.listing import StoreCreditFilter, StoreCreditSort

__all__ = ["Lists", "sums_in"]

Text = tuple[str, Parameters]
Conditions = Sequence[tuple[str, Sequence[str | int]]]
"""Conditions with ``{}`` for each of their values."""

BILLION = 10**9
"""Sums are taken of billions and of the rest apart, so that no database runs out of its 64 bits."""

DIVIDED_BY = {POSTGRESQL: "/", SQLITE: "/", MARIADB: "DIV"}
"""The division of integers that has an integer for its answer."""

HAS_TAG = {
    POSTGRESQL: "EXISTS (SELECT 1 FROM json_array_elements_text(CAST(c.tags AS json)) AS tag(name) WHERE name = {})",
    SQLITE: "EXISTS (SELECT 1 FROM json_each(c.tags) AS tag WHERE tag.value = {})",
    MARIADB: (
        "EXISTS (SELECT 1 FROM json_table(c.tags, '$[*]' COLUMNS"
        " (name LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin PATH '$')) AS tag WHERE tag.name = {})"
    ),
}

CARD_FACTS = ("status", "region", "customer_id", "buyer_id", "order_id", "product_id", "batch_id", "last_four")
CARD_TEXTS = (
    "c.note", "c.recipient", "c.id", "c.account_id", "c.order_id", "c.product_id", "c.batch_id", "c.customer_id",
    "c.buyer_id",
)  # fmt: skip
GIFT_TEXTS = ("g.name", "g.address", "g.sender")
CREDIT_TEXTS = ("s.account_id", "s.customer_id")


@attrs.frozen
class _Keys:
    """What a list is sorted by: a key, what tells equal ones apart, and whether the key may be missing."""

    key: str
    tie: str
    may_be_missing: bool = False


CARD_KEYS: Mapping[GiftCardSort, _Keys] = {
    GiftCardSort.ISSUED: _Keys("c.issued_at", "c.id"),
    GiftCardSort.EXPIRES: _Keys("c.expires_at", "c.id", may_be_missing=True),
    GiftCardSort.VALUE: _Keys("c.value", "c.id"),
    GiftCardSort.BALANCE: _Keys("a.posted", "c.id"),
}
CREDIT_KEYS: Mapping[StoreCreditSort, _Keys] = {
    StoreCreditSort.CUSTOMER: _Keys("s.customer_id", "s.currency"),
    StoreCreditSort.OPENED: _Keys("a.opened_at", "s.account_id"),
    StoreCreditSort.BALANCE: _Keys("a.posted", "s.account_id"),
}
EXPIRING_KEYS = _Keys("l.expires_at", "l.account_id")


@attrs.define
class _Marked:
    """Puts markers into texts and keeps the values, numbered in the order in which the texts follow each other."""

    marker: Callable[[int], str]
    values: list[str | int | None] = attrs.Factory(list)

    def __call__(self, text: str, *values: str | int | None) -> str:
        first = len(self.values) + 1
        self.values.extend(values)
        return text.format(*[self.marker(number) for number in range(first, first + len(values))])


@attrs.frozen
class _Source:
    """Where the accounts of a list come from: what is joined, in this order, and the column with the account's id."""

    tables: tuple[str, ...]
    joins: tuple[str, ...]
    id: str


class Lists:
    """The statements of lists on one set of tables in one dialect."""

    def __init__(self, statements: Statements) -> None:
        """Keep the names."""
        self._statements = statements
        cards, credits_ = f"{statements.gift_card} c", f"{statements.store_credit} s"
        accounts, self._lots = f"{statements.account} a", f"{statements.lot} l"
        self._cards = _Source((cards, accounts), ("a.id = c.account_id",), "c.account_id")
        self._only_cards = _Source((cards,), (), "c.account_id")
        self._credits = _Source((credits_, accounts), ("a.id = s.account_id",), "s.account_id")
        self._ending = _Source(
            (self._lots, cards, accounts), ("c.account_id = l.account_id", "a.id = l.account_id"), "l.account_id"
        )

    def cards(
        self, wanted: GiftCardFilter, sort: GiftCardSort, *, descending: bool, after: Place | None, limit: int
    ) -> Text:
        """Return the statement that loads a page of cards."""
        conditions, keys = self._of_cards(wanted), CARD_KEYS[sort]
        texts = [keys.key, *[text for text, _ in conditions]]
        source = self._cards if any("a." in text for text in texts) else self._only_cards
        return self._page(source, keys, conditions, descending=descending, after=after, limit=limit)

    def credits(
        self, wanted: StoreCreditFilter, sort: StoreCreditSort, *, descending: bool, after: Place | None, limit: int
    ) -> Text:
        """Return the statement that loads a page of store credit accounts."""
        conditions, keys = self._of_credits(wanted), CREDIT_KEYS[sort]
        return self._page(self._credits, keys, conditions, descending=descending, after=after, limit=limit)

    def expiring(self, now: datetime, until: datetime, *, after: Place | None, limit: int) -> Text:
        """Return the statement that loads a page of cards whose value ends, the soonest first."""
        at = to_micros(now)
        # Asked by what remains and not by "live", so that no database looks through all that ends sooner.
        sooner = (
            f"NOT EXISTS (SELECT 1 FROM {self._statements.lot} e WHERE e.account_id = l.account_id AND e.remaining > 0"
            " AND e.expires_at > {} AND e.expires_at > a.recorded_at AND (e.expires_at, e.id) < (l.expires_at, l.id))"
        )
        conditions: Conditions = [
            ("l.live = 1 AND l.expires_at <= {}", (to_micros(until),)),
            ("c.status = 'active' AND l.expires_at > a.recorded_at", ()),
            (sooner, (at,)),
        ]
        begin = max((at + 1, ""), _values(after or (0, "")))
        return self._page(self._ending, EXPIRING_KEYS, conditions, descending=False, after=begin, limit=limit)

    def card_sums(self, wanted: GiftCardFilter) -> Text:
        """Return the statement that sums a list of cards; what is available, of those that nothing is held on."""
        return self._sums(self._cards, "c.value", "c.status = 'active'", self._of_cards(wanted), wanted.now)

    def credit_sums(self, wanted: StoreCreditFilter) -> Text:
        """Return the statement that sums a list of accounts; what is available, of those that nothing is held on."""
        return self._sums(self._credits, "0", "s.status = 'open'", self._of_credits(wanted), wanted.now)

    def cards_with_holds(self, wanted: GiftCardFilter) -> Text:
        """Return the statement that loads those cards of a list on which something is held, lapsed or not."""
        return self._held(self._cards, CARD_KEYS[GiftCardSort.ISSUED], self._of_cards(wanted))

    def credits_with_holds(self, wanted: StoreCreditFilter) -> Text:
        """Return the statement that loads those accounts of a list on which something is held, lapsed or not."""
        return self._held(self._credits, CREDIT_KEYS[StoreCreditSort.CUSTOMER], self._of_credits(wanted))

    # --- pages --------------------------------------------------------------

    def _page(
        self,
        source: _Source,
        keys: _Keys,
        conditions: Conditions,
        *,
        descending: bool,
        after: Place | None,
        limit: int,
    ) -> Text:
        say = _Marked(self._statements.marker)
        order, parts = _order(keys, descending=descending), self._parts(keys, descending=descending, after=after)
        chosen = [
            self._chosen(source, keys, [*conditions, *part], say)
            + f" ORDER BY {_sorted((keys.key, keys.tie), descending=descending)} LIMIT {int(limit)}"
            for part in parts
        ]
        # The parts come one after the other, so that each is read from the index in its order.
        several = " UNION ALL ".join([f"SELECT * FROM ({text}) part{number}" for number, text in enumerate(chosen)])
        page = chosen[0] if len(chosen) == 1 else f"SELECT * FROM ({several}) p ORDER BY {order} LIMIT {int(limit)}"
        return self._loading(page, f"{order}, l.id"), tuple(say.values)

    def _parts(self, keys: _Keys, *, descending: bool, after: Place | None) -> list[Conditions]:
        """Return the parts that a list is read in: where keys may be missing, those with and those without one."""
        beyond = "<" if descending else ">"
        if not keys.may_be_missing:
            return [[] if after is None else [self._beyond(keys, beyond, after)]]
        with_key: Conditions = [(f"{keys.key} IS NOT NULL", ())]
        without: Conditions = [(f"{keys.key} IS NULL", ())]
        both = [without, with_key] if descending else [with_key, without]
        if after is None:
            return both
        key, id_ = after
        if key is None:
            rest: Conditions = [*without, (f"{keys.tie} {beyond} {{}}", (id_,))]
            return [rest, with_key] if descending else [rest]
        rest = [*with_key, self._beyond(keys, beyond, after)]
        return [rest] if descending else [rest, without]

    def _beyond(self, keys: _Keys, beyond: str, after: Place) -> tuple[str, Sequence[str | int]]:
        """Return the condition that a place comes after another. MariaDB finds pairs in no index."""
        key, tie = _values(after)
        if self._statements.database != MARIADB:
            return f"({keys.key}, {keys.tie}) {beyond} ({{}}, {{}})", (key, tie)
        return f"({keys.key} {beyond} {{}} OR ({keys.key} = {{}} AND {keys.tie} {beyond} {{}}))", (key, key, tie)

    def _held(self, source: _Source, keys: _Keys, conditions: Conditions) -> Text:
        say = _Marked(self._statements.marker)
        held = self._chosen(source, keys, [*conditions, ("a.reservations IS NOT NULL", ())], say)
        return self._loading(held, "a.id, l.id"), tuple(say.values)

    def _chosen(self, source: _Source, keys: _Keys, conditions: Conditions, say: _Marked) -> str:
        """Return the choice of accounts, with what they are sorted by."""
        return f"SELECT {source.id} AS id, {keys.key} AS place, {keys.tie} AS tie{_from(source, conditions, say)}"

    def _loading(self, chosen: str, order: str) -> str:
        statements = self._statements
        return (
            f"SELECT {statements.loaded('a.version')} FROM ({chosen}) p CROSS JOIN {statements.account} a"
            f"{statements.joined(' AND l.live = 1')} WHERE a.id = p.id ORDER BY {order}"
        )

    # --- sums ---------------------------------------------------------------

    def _sums(self, source: _Source, value: str, usable: str, conditions: Conditions, now: datetime) -> Text:
        """Return one statement of two: what the accounts say, and what the lots of those without holds add up to."""
        say, at = _Marked(self._statements.marker), (to_micros(now),)
        spendable: Conditions = [
            (f"l.account_id = a.id AND l.live = 1 AND a.reservations IS NULL AND {usable}", ()),
            ("(l.expires_at IS NULL OR (l.expires_at > {} AND l.expires_at > a.recorded_at))", at),
            ("(l.not_before IS NULL OR l.not_before <= {} OR l.not_before <= a.recorded_at)", at),
        ]
        with_lots = attrs.evolve(source, tables=(*source.tables, self._lots))
        accounts = f"COUNT(*), COUNT(a.reservations), {self._sum(value)}, {self._sum('a.posted')}, 0, 0"
        lots = f"0, 0, 0, 0, 0, 0, {self._sum('l.remaining - l.held')}"
        by = "a.currency, a.exponent"
        text = (
            f"SELECT {by}, {accounts}{_from(source, conditions, say)} GROUP BY {by}"
            f" UNION ALL SELECT {by}, {lots}{_from(with_lots, [*conditions, *spendable], say)} GROUP BY {by}"
        )
        return text, tuple(say.values)

    def _sum(self, amount: str) -> str:
        """Return a sum as two columns: how many billions of it, and the sum of the rests."""
        divided_by, integer = DIVIDED_BY[self._statements.database], self._statements.integer
        billions = f"({amount}) {divided_by} {BILLION}"
        rest = f"({amount}) - {billions} * {BILLION}"
        return f"CAST(SUM({billions}) AS {integer}), CAST(SUM({rest}) AS {integer})"

    # --- conditions ---------------------------------------------------------

    def _of_cards(self, wanted: GiftCardFilter) -> Conditions:
        facts = [(f"c.{fact} = {{}}", getattr(wanted, fact)) for fact in CARD_FACTS]
        return [
            *_given([*facts, ("a.currency = {}", wanted.currency), (self._has_tag, wanted.tag)]),
            *_given_times(
                ("c.issued_at >= {}", wanted.issued_since),
                ("c.issued_at < {}", wanted.issued_until),
                ("c.expires_at >= {}", wanted.expires_since),
                ("c.expires_at < {}", wanted.expires_until),
            ),
            *_within("c.value", wanted.value),
            *_within("a.posted", wanted.balance),
            *_one_of("c.code_digest", wanted.digests),
            *self._found(wanted.text, CARD_TEXTS, GIFT_TEXTS),
            *_is(self._expired, wanted.is_expired, *[to_micros(wanted.now)] * 2),
            *_is("a.posted = 0 AND c.status <> 'pending'", wanted.is_exhausted),
            *_is("a.posted > 0 AND a.posted < c.value", wanted.is_partly_used),
            *self._ending_before(wanted.now, wanted.expiring_before),
        ]

    def _of_credits(self, wanted: StoreCreditFilter) -> Conditions:
        facts = [(f"s.{fact} = {{}}", getattr(wanted, fact)) for fact in ("status", "currency", "customer_id")]
        return [
            *_given(facts),
            *_given_times(("a.opened_at >= {}", wanted.opened_since), ("a.opened_at < {}", wanted.opened_until)),
            *_within("a.posted", wanted.balance),
            *_is("a.posted = 0", wanted.is_empty),
            *self._found(wanted.text, CREDIT_TEXTS),
            *self._ending_before(wanted.now, wanted.expiring_before),
        ]

    @property
    def _has_tag(self) -> str:
        return HAS_TAG[self._statements.database]

    @property
    def _expired(self) -> str:
        """All value has ended, or without any the term has."""
        lasting = (
            f"SELECT 1 FROM {self._lots} WHERE l.account_id = a.id AND l.live = 1"
            " AND (l.expires_at IS NULL OR (l.expires_at > {} AND l.expires_at > a.recorded_at))"
        )
        over = "c.expires_at IS NOT NULL AND (c.expires_at <= {} OR c.expires_at <= a.recorded_at)"
        return f"CASE WHEN a.posted > 0 THEN NOT EXISTS ({lasting}) ELSE {over} END"

    def _ending_before(self, now: datetime, before: datetime | None) -> Conditions:
        if before is None:
            return []
        ending = (
            f"EXISTS (SELECT 1 FROM {self._lots} WHERE l.account_id = a.id AND l.live = 1"
            " AND l.expires_at > {} AND l.expires_at > a.recorded_at AND l.expires_at < {})"
        )
        return [(ending, (to_micros(now), to_micros(before)))]

    def _found(self, text: TextSearch | None, own: Sequence[str], of_gift: Sequence[str] = ()) -> Conditions:
        if text is None:
            return []
        places, columns = self._places(text, own), [*own, *of_gift]
        if of_gift:
            gift = f"SELECT 1 FROM {self._statements.gift} g WHERE g.gift_card_id = c.id"
            places = f"{places} OR EXISTS ({gift} AND ({self._places(text, of_gift)}))"
        letters = [letter for pair in text.pairs for letter in pair]
        return [(f"({places})", [*letters, text.lowered] * len(columns))]

    def _places(self, text: TextSearch, columns: Sequence[str]) -> str:
        """Return the condition that a text is in one of the columns, each with its letters in lower case."""
        database, pairs = self._statements.database, len(text.pairs)
        find = PLACE_OF[database]
        lowered = [f"{'replace(' * pairs}{in_lower_case(database, column)}{', {}, {})' * pairs}" for column in columns]
        return " OR ".join([f"{find}({column}, {{}}) > 0" for column in lowered])


def sums_in(rows: Sequence[Sequence[Any]]) -> list[CurrencySums]:
    """Return the sums that rows say."""
    return [
        CurrencySums(
            currency=currency,
            exponent=exponent,
            count=count,
            value=int(value) * BILLION + int(value_rest),
            posted=int(posted) * BILLION + int(posted_rest),
            available=int(available) * BILLION + int(available_rest),
        )
        for currency, exponent, count, _, value, value_rest, posted, posted_rest, available, available_rest in rows
    ]


def _from(source: _Source, conditions: Conditions, say: _Marked) -> str:
    """Return the rest of a choice. A cross join keeps SQLite from reading the tables in another order."""
    narrowed = [*source.joins, *[say(text, *values) for text, values in conditions]]
    where = f" WHERE {' AND '.join(narrowed)}" if narrowed else ""
    return f" FROM {' CROSS JOIN '.join(source.tables)}{where}"


def _values(place: Place) -> tuple[str | int, str]:
    key, id_ = place
    return (0 if key is None else key), id_


def _order(keys: _Keys, *, descending: bool) -> str:
    """Return how chosen accounts are sorted, wherever a database puts what is missing."""
    names = ("p.place IS NULL", "p.place", "p.tie") if keys.may_be_missing else ("p.place", "p.tie")
    return _sorted(names, descending=descending)


def _sorted(names: Sequence[str], *, descending: bool) -> str:
    return ", ".join([f"{name} DESC" if descending else name for name in names])


def _given(conditions: Sequence[tuple[str, str | int | None]]) -> Conditions:
    return [
        (text, (str(value) if isinstance(value, str) else value,)) for text, value in conditions if value is not None
    ]


def _given_times(*conditions: tuple[str, datetime | None]) -> Conditions:
    return [(text, (to_micros(moment),)) for text, moment in conditions if moment is not None]


def _within(column: str, amounts: AmountRange | None) -> Conditions:
    if amounts is None:
        return []
    return [
        ("a.currency = {} AND a.exponent = {}", (amounts.currency, amounts.exponent)),
        *_given([(f"{column} >= {{}}", amounts.lowest), (f"{column} <= {{}}", amounts.highest)]),
    ]


def _one_of(column: str, values: tuple[str, ...] | None) -> Conditions:
    return [] if values is None else [(f"{column} IN ({', '.join(['{}'] * len(values))})", values)]


def _is(condition: str, wanted: bool | None, *values: int) -> Conditions:  # noqa: FBT001  # the answer that is wanted
    return [] if wanted is None else [(f"({condition})" if wanted else f"NOT ({condition})", values)]
