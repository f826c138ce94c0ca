"""What the shop owes, and how it came to that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import InvalidTime
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.origin_balance import OriginBalance
from loyalty.ledger.transfer import TransferKind
from loyalty.money import to_money
from loyalty.ports.storage import Movement, Reader
from loyalty.reports.query import Query, QueryContext

__all__ = ["CurrencyMovements", "Liability", "LiabilityReport", "Movements"]


@attrs.frozen(kw_only=True)
class LiabilityReport:
    """
    What is still owed at ``as_of`` (aware, UTC), per currency code.

    It is what the books say: expired value counts until a sweep has posted it.
    Currencies in which nothing was ever owed are missing from both mappings.
    """

    as_of: datetime
    total: Mapping[str, Money]
    by_origin: Mapping[str, Mapping[LotOrigin, Money]]


@attrs.frozen(kw_only=True)
class Liability(Query[LiabilityReport]):
    """
    Return what is owed now, or with all transfers recorded until *as_of* (aware, UTC, included).

    Guarantees:
        As of any instant it equals what an independent model held then
        (``tests/properties/test_liability_as_of.py``).
    """

    as_of: datetime | None = attrs.field(default=None, converter=fields.to_utc)

    def answer(self, reader: Reader, context: QueryContext) -> LiabilityReport:
        """Answer from the books."""
        balances = reader.balances_by_origin(self.as_of)
        return LiabilityReport(as_of=self.as_of or context.now, total=_totals(balances), by_origin=_by_origin(balances))


def _totals(balances: tuple[OriginBalance, ...]) -> dict[str, Money]:
    sums: dict[tuple[str, int], int] = {}
    for balance in balances:
        at = (balance.currency, balance.exponent)
        sums[at] = sums.get(at, 0) + balance.amount
    return {currency: to_money(amount, currency, exponent) for (currency, exponent), amount in sorted(sums.items())}


def _by_origin(balances: tuple[OriginBalance, ...]) -> dict[str, dict[LotOrigin, Money]]:
    origins: dict[str, dict[LotOrigin, Money]] = {}
    for balance in sorted(balances, key=lambda one: (one.currency, one.origin)):
        money = to_money(balance.amount, balance.currency, balance.exponent)
        origins.setdefault(balance.currency, {})[balance.origin] = money
    return origins


@attrs.frozen(kw_only=True)
class CurrencyMovements:
    """
    How what is owed changed in one currency, exactly.

    opening + issued + reloaded + imported + granted + refunded + reinstated
    - redeemed - debited - expired - cashed_out - clawed_back + adjusted + reversed
    = closing, where the last two have their own sign. Conversions and moves are
    between customers' accounts and change nothing.
    """

    currency: str
    opening: Money
    issued: Money
    reloaded: Money
    imported: Money
    granted: Money
    refunded: Money
    reinstated: Money
    redeemed: Money
    debited: Money
    expired: Money
    cashed_out: Money
    clawed_back: Money
    adjusted: Money
    reversed: Money
    converted: Money
    moved: Money
    closing: Money
    house: Mapping[HouseAccount, Money]


@attrs.frozen(kw_only=True)
class Movements(Query[tuple[CurrencyMovements, ...]]):
    """
    Return the roll-forward of what is owed, per currency.

    It counts transfers recorded from *since* (included) until *until* (not
    included); both are aware and UTC, and None does not bound.

    Raises:
        loyalty.errors.InvalidTime: If *until* is before *since*.
    """

    since: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    until: datetime | None = attrs.field(default=None, converter=fields.to_utc)

    def __attrs_post_init__(self) -> None:
        """Check the order of the two times."""
        if self.since is not None and self.until is not None and self.until < self.since:
            raise InvalidTime("movements must end after they begin")

    def answer(self, reader: Reader, context: QueryContext) -> tuple[CurrencyMovements, ...]:  # noqa: ARG002  # asked of every query
        """Answer from the books."""
        before = reader.movements(None, self.since) if self.since is not None else ()
        during = reader.movements(self.since, self.until)
        currencies = sorted({(movement.currency, movement.exponent) for movement in (*before, *during)})
        return tuple(_roll_forward(currency, exponent, before, during) for currency, exponent in currencies)


def _roll_forward(
    currency: str, exponent: int, before: tuple[Movement, ...], during: tuple[Movement, ...]
) -> CurrencyMovements:
    own = [movement for movement in during if movement.currency == currency]
    opening = sum(_change(movement) for movement in before if movement.currency == currency)
    closing = opening + sum(_change(movement) for movement in own)

    def of(kind: TransferKind) -> Money:
        return to_money(sum(movement.amount for movement in own if movement.kind is kind), currency, exponent)

    def net_of(kind: TransferKind) -> Money:
        return to_money(sum(_change(movement) for movement in own if movement.kind is kind), currency, exponent)

    return CurrencyMovements(
        currency=currency,
        opening=to_money(opening, currency, exponent),
        issued=of(TransferKind.ISSUE),
        reloaded=of(TransferKind.RELOAD),
        imported=of(TransferKind.IMPORT),
        granted=of(TransferKind.GRANT),
        refunded=of(TransferKind.REFUND),
        reinstated=of(TransferKind.REINSTATEMENT),
        redeemed=of(TransferKind.REDEMPTION),
        debited=of(TransferKind.DEBIT),
        expired=of(TransferKind.EXPIRY),
        cashed_out=of(TransferKind.CASH_OUT),
        clawed_back=of(TransferKind.CLAWBACK),
        adjusted=net_of(TransferKind.ADJUSTMENT),
        reversed=net_of(TransferKind.REVERSAL),
        converted=of(TransferKind.CONVERSION),
        moved=of(TransferKind.MOVE),
        closing=to_money(closing, currency, exponent),
        house={house: to_money(_of_house(house, own), currency, exponent) for house in HouseAccount},
    )


def _change(movement: Movement) -> int:
    """Return by how much customers are owed more afterwards."""
    gained = movement.amount if movement.credit_house is None else 0
    return gained - (movement.amount if movement.debit_house is None else 0)


def _of_house(house: HouseAccount, movements: list[Movement]) -> int:
    credited = sum(movement.amount for movement in movements if movement.credit_house is house)
    return credited - sum(movement.amount for movement in movements if movement.debit_house is house)
