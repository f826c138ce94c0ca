"""What keeps the books in order: their tables, and the bookkeeping of what has expired or lapsed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
from moneyed import Money

from loyalty.cli.database import named, require_lasting, without_password
from loyalty.cli.desk import Desk, at_desk
from loyalty.cli.paper import facts
from loyalty.cli.sheets import money
from loyalty.money import exponent_of, signed_minor_units, totals
from loyalty.use_cases.command import swept
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.lapse_holds import LapseHolds

__all__ = ["expire", "upgrade"]

STEP: Final = 200
"""How many accounts or holds one transaction takes on, and so keeps locked."""


@attrs.frozen(kw_only=True)
class UpgradeAnswer:
    """What was added: tables, and columns as ``table.column``."""

    database: str
    added: tuple[str, ...]


@attrs.frozen(kw_only=True)
class ExpireAnswer:
    """What was written down: how many holds and accounts, and one amount per currency."""

    holds: int
    lapsed: tuple[Money, ...]
    accounts: int
    expired: tuple[Money, ...]


@at_desk(makes_tables=True)
def upgrade(desk: Desk) -> None:
    """
    Bring the tables of the database to this version; safe to repeat.

    Tables, columns and indexes are added, nothing is rewritten. A SQLite file that is not there is made.
    Exit codes: 0 the tables are there, 2 it cannot be done.
    """
    require_lasting(desk.url)
    with named(desk.url):
        added = desk.storage.missing()
        desk.storage.upgrade()
    name = without_password(desk.url)
    desk.paper.answer(UpgradeAnswer(database=name, added=added), list)
    desk.paper.say(f"{name}: {len(added)} tables and columns were added." if added else f"{name}: nothing was missing.")


@at_desk()
def expire(desk: Desk) -> None:
    """
    Post what has expired, and write down which holds have lapsed, until nothing is left to do.

    Bookkeeping only: expired value cannot be spent, and lapsed holds reserve nothing, also if this never runs.
    Safe to run at any time and on any number of machines. Exit codes: 0 done, 2 it cannot be done, 130 interrupted.
    """
    lapsed = list(swept(desk.loyalty.execute, LapseHolds(limit=STEP)))
    expired = list(swept(desk.loyalty.execute, ExpireValue(limit=STEP)))
    answer = ExpireAnswer(
        holds=sum(one.holds for one in lapsed),
        lapsed=_summed(amount for one in lapsed for amount in one.amounts),
        accounts=sum(one.accounts for one in expired),
        expired=_summed(amount for one in expired for amount in one.amounts),
    )
    desk.paper.answer(
        answer,
        lambda: [
            facts(
                [
                    ("holds lapsed", f"{answer.holds:,}"),
                    ("freed", ", ".join(map(money, answer.lapsed))),
                    ("accounts with expired value", f"{answer.accounts:,}"),
                    ("expired", ", ".join(map(money, answer.expired))),
                ]
            )
        ],
    )


def _summed(amounts: Iterable[Money]) -> tuple[Money, ...]:
    return totals(
        (amount.currency.code, exponent_of(amount.currency), signed_minor_units(amount)) for amount in amounts
    )
