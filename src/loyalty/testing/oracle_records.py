"""
What the oracle keeps: cards, accounts, lots and holds once more, as plain integers and lists.

Written a second time, from SPEC and not from the source; nothing here calls the
library's arithmetic or rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import attrs

from loyalty.errors import ClaimedByAnother, LoyaltyError, NotSpendable

__all__ = [
    "Facts",
    "PlainAccount",
    "PlainCard",
    "PlainChange",
    "PlainHold",
    "PlainLot",
    "PlainPart",
    "PlainPast",
    "PlainPlan",
    "PlainRedemption",
    "PlainReserved",
    "PlainShare",
    "Refusal",
    "seen_at",
]

Facts = Mapping[str, object]

_END_OF_TIME: Final = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


class Refusal(Exception):
    """The oracle says that the command must be refused, with which error and which facts in it."""

    def __init__(self, kind: type[LoyaltyError], **facts: object) -> None:
        """Keep what is expected."""
        super().__init__(kind.__name__, facts)
        self.kind = kind
        self.facts = facts


@attrs.define(kw_only=True, eq=False)
class PlainLot:
    """A lot."""

    amount: int
    remaining: int
    origin: str
    opened: datetime
    expires: datetime | None = None
    begins: datetime | None = None
    priority: int = 0
    source: PlainLot | None = None
    reserved: list[PlainReserved] = attrs.Factory(list)
    id: str | None = None

    def lives(self, at: datetime) -> bool:
        """Tell whether the value has not expired."""
        return self.expires is None or at < self.expires

    def held(self, at: datetime) -> int:
        """Return what is held."""
        return sum(one.amount for one in self.reserved if at < one.hold.lapses)

    def unheld(self, at: datetime) -> int:
        """Return what is there and not held."""
        return self.remaining - self.held(at)

    def free(self, at: datetime) -> int:
        """Return what can be spent."""
        begun = self.begins is None or self.begins <= at
        return self.unheld(at) if begun and self.lives(at) else 0

    def rank(self) -> tuple[object, ...]:
        """Return the place in the order of spending."""
        ends = _END_OF_TIME if self.expires is None else self.expires
        promotional_first = 0 if self.origin == "promotional" else 1
        return (self.priority, ends, promotional_first, self.remaining, self.opened, self.id)


@attrs.define(kw_only=True, eq=False)
class PlainAccount:
    """The account of a card, or of store credit."""

    currency: str
    recorded: datetime
    sequence: int = 0
    customer: str | None = None
    status: str = "open"
    successor: PlainAccount | None = None
    lots: list[PlainLot] = attrs.Factory(list)
    id: str = ""

    @property
    def posted(self) -> int:
        """What is on the books."""
        return sum(lot.remaining for lot in self.lots)

    def free(self, at: datetime) -> int:
        """Return what can be spent."""
        return sum(lot.free(at) for lot in self.lots)

    def held(self, at: datetime) -> int:
        """Return what is held."""
        return sum(lot.held(at) for lot in self.lots)

    def line(self) -> list[PlainAccount]:
        """Return it and those that took it over, one after the other."""
        return [self, *([] if self.successor is None else self.successor.line())]

    def require_not_closed(self) -> None:
        """Refuse what would come to an account that was stopped for good."""
        if self.status == "closed":
            raise Refusal(NotSpendable, reason="closed")

    def moved(self, at: datetime) -> None:
        """Count a transfer."""
        self.sequence += 1
        self.recorded = at


@attrs.define(kw_only=True, eq=False)
class PlainCard:
    """A gift card."""

    account: PlainAccount
    value: int
    expires: datetime | None
    owner: str | None
    status: str = "active"
    id: str = ""
    code: str = ""

    def is_over(self, at: datetime) -> bool:
        """Tell whether the card has expired."""
        filled = [lot for lot in self.account.lots if lot.remaining]
        if filled:
            return not any(lot.lives(at) for lot in filled)
        return self.expires is not None and self.expires <= at

    def require_usable(self, customer: str | None, at: datetime) -> None:
        """Refuse what cannot be spent."""
        if self.owner is not None and self.owner != customer:
            raise Refusal(ClaimedByAnother)
        if self.status != "active":
            raise Refusal(NotSpendable, reason=self.status)
        if self.is_over(at):
            raise Refusal(NotSpendable, reason="expired")
        living = [lot for lot in self.account.lots if lot.remaining and lot.lives(at)]
        if living and all(lot.begins is not None and at < lot.begins for lot in living):
            raise Refusal(NotSpendable, reason="not yet active")


@attrs.define(kw_only=True, eq=False)
class PlainShare:
    """What a payment took from a lot, and what of it was given back."""

    lot: PlainLot
    taken: int
    given: int = 0


@attrs.define(kw_only=True, eq=False)
class PlainRedemption:
    """What one account paid for an order."""

    order: str
    account: PlainAccount
    at: datetime
    shares: list[PlainShare]
    id: str = ""


@attrs.frozen(eq=False)
class PlainReserved:
    """What a hold reserves of a lot."""

    hold: PlainHold
    lot: PlainLot
    amount: int


@attrs.define(kw_only=True, eq=False)
class PlainPart:
    """One tender of a hold: what it may give, and what of it is taken from which lot, in the order of spending."""

    account: PlainAccount
    card: PlainCard | None
    at_most: int | None
    priority: int
    shares: list[tuple[PlainLot, int]] = attrs.Factory(list)
    is_let_go: bool = False

    @property
    def amount(self) -> int:
        """What it takes in all."""
        return sum(amount for _, amount in self.shares)

    def is_usable(self, customer: str | None, at: datetime) -> bool:
        """Tell whether the tender may still pay."""
        if self.card is None:
            return self.account.status == "open"
        is_theirs = self.card.owner in {None, customer}
        return is_theirs and self.card.status == "active" and not self.card.is_over(at)


@attrs.define(kw_only=True, eq=False)
class PlainHold:
    """A hold."""

    order: str
    customer: str | None
    currency: str
    due: int
    parts: list[PlainPart]
    placed: datetime
    lapses: datetime
    status: str = "open"
    has_lines: bool = False
    captured: int = 0
    resolved: datetime | None = None
    id: str = ""

    @property
    def amount(self) -> int:
        """What it takes in all."""
        return sum(part.amount for part in self.parts)

    def status_at(self, at: datetime) -> str:
        """Return where it stands."""
        return "lapsed" if self.status == "open" and self.lapses <= at else self.status

    def reserve(self) -> None:
        """Reserve on the lots."""
        for part in self.parts:
            for lot, amount in part.shares:
                lot.reserved.append(PlainReserved(self, lot, amount))

    def reserved(self) -> dict[PlainAccount, list[tuple[PlainLot, int]]]:
        """Return what is reserved on which account."""
        kept: dict[PlainAccount, list[tuple[PlainLot, int]]] = {}
        for part in self.parts:
            own = [(lot, one.amount) for lot in part.account.lots for one in lot.reserved if one.hold is self]
            if own:
                kept[part.account] = own
        return kept

    def let_go(self, account: PlainAccount | None = None) -> None:
        """Free what is reserved, on one account or on all."""
        for part in self.parts:
            if account in {None, part.account}:
                part.is_let_go = True
                for lot in part.account.lots:
                    lot.reserved = [one for one in lot.reserved if one.hold is not self]

    def end(self, status: str, at: datetime, captured: int = 0) -> None:
        """Resolve it."""
        seen_at(at, self.reserved())
        self.let_go()
        self.status, self.resolved, self.captured = status, at, captured


@attrs.frozen
class PlainPlan:
    """What a payment or a hold comes to."""

    at: datetime
    parts: list[PlainPart]
    earlier: PlainHold | None


@attrs.frozen
class PlainPast:
    """One transfer as it happened: which lots of which account it took from and gave to. A lot may carry on another."""

    kind: str
    currency: str
    amount: int
    order: str | None
    of: str | None
    loser: str | None
    taken: list[tuple[str, int]]
    winner: str | None
    given: list[tuple[str, int, str]]


@attrs.frozen
class PlainChange:
    """What one transfer did to what customers are owed, in one currency and origin."""

    at: datetime
    currency: str
    origin: str
    kind: str
    amount: int


def seen_at(at: datetime, accounts: Iterable[PlainAccount]) -> None:
    """Move the time of accounts on which something is held or let go."""
    for account in accounts:
        account.recorded = max(at, account.recorded)
