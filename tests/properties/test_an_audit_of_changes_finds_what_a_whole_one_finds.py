"""
Of an account that changed since a mark, an audit of what changed finds whatever a whole audit finds.

What changed is told by comparing the books before and after, and not by what events say of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import attrs
import hypothesis.strategies as st
from hypothesis import given

from loyalty import Audit, AuditReport, MemoryStorage
from loyalty.identifiers import AccountId, HoldId, LotId, TransferId
from loyalty.ledger.transfer import Transfer
from loyalty.testing import Shop, Step
from loyalty.testing.strategies import programs

SECOND: Final = timedelta(seconds=1)


def on_account(**wrong: Any) -> Callable[[MemoryStorage, AccountId], None]:
    """Return what adds to the figures of an account, or replaces its other facts."""

    def change(storage: MemoryStorage, id_: AccountId) -> None:
        account = storage._books.accounts[id_]
        new = {
            name: getattr(account, name) + value if isinstance(value, int) else value for name, value in wrong.items()
        }
        storage._books.accounts[id_] = attrs.evolve(account, **new)

    return change


def on_transfer(**wrong: Any) -> Callable[[MemoryStorage, AccountId], None]:
    """Return what changes the last transfer of an account, if it has one."""

    def change(storage: MemoryStorage, id_: AccountId) -> None:
        entries = storage._books.entries[id_]
        if entries:
            _put(storage, id_, attrs.evolve(entries[-1], **wrong))

    return change


def _put(storage: MemoryStorage, id_: AccountId, transfer: Transfer) -> None:
    storage._books.entries[id_][-1] = transfer
    storage._books.transfers[transfer.id] = transfer


def on_side(storage: MemoryStorage, id_: AccountId) -> None:
    """Have the last transfer of an account say that something else was left."""
    for transfer in storage._books.entries[id_][-1:]:
        name = "debit" if transfer.side_of(id_) is transfer.debit else "credit"
        side = getattr(transfer, name)
        _put(storage, id_, attrs.evolve(transfer, **{name: attrs.evolve(side, balance_after=side.balance_after + 1)}))


def on_lot(storage: MemoryStorage, id_: AccountId) -> None:
    """Take one unit from the first lot of an account, or give it a lot from nowhere."""
    account = storage._books.accounts[id_]
    if account.lots:
        first = attrs.evolve(account.lots[0], remaining=account.lots[0].remaining - 1)
        storage._books.accounts[id_] = attrs.evolve(account, lots=(first, *account.lots[1:]))


def on_holds(storage: MemoryStorage, id_: AccountId) -> None:
    """Have the holds that an account reserves for be captured, and say so nowhere else."""
    for reservation in storage._books.accounts[id_].reservations:
        hold = storage._books.holds[reservation.hold_id]
        storage._books.holds[hold.id] = attrs.evolve(hold, captured=hold.captured + 1)


def on_moves(storage: MemoryStorage, id_: AccountId) -> None:
    """Have the last transfer of an account move a lot that is not there."""
    for transfer in storage._books.entries[id_][-1:]:
        name = "debit" if transfer.side_of(id_) is transfer.debit else "credit"
        side = getattr(transfer, name)
        moves = tuple(attrs.evolve(move, lot_id=LotId("nowhere")) for move in side.lots)
        _put(storage, id_, attrs.evolve(transfer, **{name: attrs.evolve(side, lots=moves)}))


WRONGS: Final[dict[str, Callable[[MemoryStorage, AccountId], None]]] = {
    "posted": on_account(posted=1),
    "sequence": on_account(sequence=1),
    "held": on_account(held=1),
    "lots": on_account(lots=()),
    "reservations": on_account(reservations=()),
    "currency": on_account(currency="XTS"),
    "amount": on_transfer(amount=10**12),
    "refunds nothing": on_transfer(refunds=TransferId("nowhere")),
    "for no hold": on_transfer(hold_id=HoldId("nowhere")),
    "balance after": on_side,
    "a lot": on_lot,
    "a hold": on_holds,
    "moves": on_moves,
}


def marked(shop: Shop) -> str:
    """Audit, let time go by, audit again: the mark is of now, and goes back to nothing before."""
    mark = shop.loyalty.ask(Audit()).mark
    shop.clock.advance(2 * SECOND)
    mark = shop.loyalty.ask(Audit(since=mark, overlap=SECOND)).mark
    shop.clock.advance(2 * SECOND)
    assert mark is not None
    return mark


def accounts_of(shop: Shop) -> dict[AccountId, object]:
    """Return every account with all that a customer owns there."""
    (storage,) = shop.storages
    assert isinstance(storage, MemoryStorage)
    books = storage._books
    return {
        id_: (account, books.cards.get(id_), books.credits.get(id_), tuple(books.entries[id_]))
        for id_, account in books.accounts.items()
    }


def changed_since(before: dict[AccountId, object], shop: Shop) -> list[AccountId]:
    """Return the accounts that are new or differ."""
    return sorted(id_ for id_, account in accounts_of(shop).items() if before.get(id_) != account)


@given(programs(longest=12), programs(longest=12), st.sampled_from(sorted(WRONGS)), st.data())
def test_what_is_wrong_with_an_account_that_changed_is_found(
    first: list[Step], second: list[Step], wrong: str, data: st.DataObject
) -> None:
    """The sums over all accounts aside, which only say once more that something is wrong."""
    shop = Shop(MemoryStorage())
    shop.play_all(first)
    mark, before = marked(shop), accounts_of(shop)
    shop.play_all(second)
    clean: AuditReport = shop.loyalty.ask(Audit(since=mark, overlap=SECOND))
    assert () == clean.findings
    changed = changed_since(before, shop)
    assert clean.accounts >= len(changed)
    if not changed:
        return
    (storage,) = shop.storages
    assert isinstance(storage, MemoryStorage)
    WRONGS[wrong](storage, data.draw(st.sampled_from(changed)))

    whole = shop.loyalty.ask(Audit(limit=10_000))
    found = shop.loyalty.ask(Audit(since=mark, overlap=SECOND, limit=10_000))
    assert {one for one in whole.findings if one.subject != "currency"} == set(found.findings)
    assert whole.is_clean == found.is_clean == (found.mark is not None)


@given(programs(longest=20))
def test_after_any_program_nothing_is_found(program: list[Step]) -> None:
    """From a mark after every step to the next."""
    shop = Shop(MemoryStorage())
    mark = shop.loyalty.ask(Audit()).mark
    for step in program:
        shop.play(step)
        report = shop.loyalty.ask(Audit(since=mark))
        assert () == report.findings
        mark = report.mark
