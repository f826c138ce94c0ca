"""Storages broken in one way each, and the test of the kit that notices: what everybody passes proves nothing."""

from __future__ import annotations

import copy
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from operator import attrgetter
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
import pytest

from loyalty import MemoryStorage
from loyalty.errors import InvalidRequest
from loyalty.identifiers import HoldId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold
from loyalty.ledger.lot import LotMove
from loyalty.ledger.transfer import Transfer
from loyalty.ports.changes import AccountChange, Changes, HoldChange
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import Found, Storage, TransferFilter, Wanted
from loyalty.testing import Capabilities, Opener, StorageConformance
from loyalty.testing.kit.case import Stand
from loyalty.use_cases.reinstate_gift_card import _Share
from tests.storages.databases import SqliteDatabases
from tests.storages.sql_kit import opened

LEDGER: Final = "loyalty.ledger"
HOLD: Final = f"{LEDGER}.hold"
COMMANDS: Final = "loyalty.use_cases"
MEMORY: Final = "loyalty.adapters.memory._MemoryUnitOfWork"


class Broken:
    """A unit of work that does everything as memory does, but for what a subclass breaks."""

    def __init__(self, sound: Any, storage: BrokenStorage) -> None:
        """Keep what is broken."""
        self.sound = sound
        self.storage = storage

    def __getattr__(self, name: str) -> Any:
        """Do it as memory does."""
        return getattr(self.sound, name)


class BrokenStorage:
    """Memory, behind a broken unit of work."""

    def __init__(self, broken: type[Broken]) -> None:
        """Start empty."""
        self.memory = MemoryStorage()
        self.numbers = itertools.count()
        self._broken = broken

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Run work on what is broken."""
        return self.memory.run(lambda uow: work(self._broken(uow, self)))

    def read(self, question: Callable[[Any], Any]) -> Any:
        """Answer from what is broken."""
        return self.memory.read(lambda reader: question(self._broken(reader, self)))


class ForgetsKeys(Broken):
    """Writes every request as if it were the first."""

    def write(self, changes: Changes) -> Any:
        """Write under a key that nobody used."""
        receipt = changes.receipt
        if receipt is not None and receipt.idempotency_key is not None:
            receipt = attrs.evolve(receipt, idempotency_key=f"{receipt.idempotency_key}/{next(self.storage.numbers)}")
        return self.sound.write(attrs.evolve(changes, receipt=receipt))


class FoldsKeys(Broken):
    """Compares keys as a database with a tolerant collation does."""

    def write(self, changes: Changes) -> Any:
        """Write under the folded key."""
        receipt = changes.receipt
        if receipt is not None and receipt.idempotency_key is not None:
            receipt = attrs.evolve(receipt, idempotency_key=receipt.idempotency_key.lower().strip())
        return self.sound.write(attrs.evolve(changes, receipt=receipt))

    def receipt(self, key: str) -> Receipt | None:
        """Find it under the folded key."""
        found: Receipt | None = self.sound.receipt(key.lower().strip())
        return found


class LastWriterWins(Broken):
    """Never looks at versions."""

    def write(self, changes: Changes) -> Any:
        """Pretend that what is stored is what was read."""
        stored = {account.id: account for account in self.sound.find(_accounts_of(changes)).accounts()}
        current = tuple(AccountChange(stored[change.before.id], change.after) for change in changes.accounts)
        return self.sound.write(attrs.evolve(changes, accounts=current))


class WritesAtOnce(Broken):
    """Does not wait for the end of the work."""

    def write(self, changes: Changes) -> Any:
        """Apply what was written before anybody can object."""
        written = self.sound.write(changes)
        self.sound.apply()
        self.sound._written = None
        return written


class LosesTransfers(Broken):
    """Writes balances, and not what led to them."""

    def write(self, changes: Changes) -> Any:
        """Leave the transfers out."""
        return self.sound.write(attrs.evolve(changes, transfers=()))


class LosesEvents(Broken):
    """Writes everything but the receipt."""

    def write(self, changes: Changes) -> Any:
        """Leave the receipt out."""
        return self.sound.write(attrs.evolve(changes, receipt=None))


class OrdersByTime(Broken):
    """Sorts an account's history by clock."""

    def transfers(self, wanted: TransferFilter) -> Iterator[Transfer]:
        """Give the latest recorded first where times are equal."""
        found: list[Transfer] = list(self.sound.transfers(wanted))
        found.reverse()
        return iter(sorted(found, key=attrgetter("recorded_at")))


class CutsMicroseconds(Broken):
    """Keeps times as a column of seconds does."""

    def transfers(self, wanted: TransferFilter) -> Iterator[Transfer]:
        """Give times without their fraction."""
        for one in self.sound.transfers(wanted):
            yield attrs.evolve(one, occurred_at=one.occurred_at.replace(microsecond=0))


class CountsInFloats(Broken):
    """Keeps balances as a column of floats does."""

    def find(self, wanted: Wanted) -> Found:
        """Give balances that went through a float."""
        found: Found = self.sound.find(wanted)
        credits_ = tuple(
            one.with_account(attrs.evolve(one.account, posted=int(float(one.account.posted))))
            for one in found.store_credit_accounts
        )
        return attrs.evolve(found, store_credit_accounts=credits_)


class ExcludesTheInstant(Broken):
    """Answers as of just before."""

    def balances_by_origin(self, as_of: datetime | None) -> Any:
        """Miss what was recorded at the very instant."""
        return self.sound.balances_by_origin(None if as_of is None else as_of - datetime.resolution)


class KeepsOldCodes(Broken):
    """Has no index that follows the digests of cards."""

    def write(self, changes: Changes) -> Any:
        """Write, and find every card under its first code for ever."""
        first = dict(self.sound._books.digests)
        written = self.sound.write(changes)
        self.sound.apply()
        self.sound._written = None
        self.sound._books.digests.update(first)
        return written


class KeepsTerms(Broken):
    """Takes the end of a lot for something that never changes."""

    def write(self, changes: Changes) -> Any:
        """Write lots with the end they had."""
        kept = tuple(AccountChange(change.before, _with_old_terms(change)) for change in changes.accounts)
        return self.sound.write(attrs.evolve(changes, accounts=kept))


class ForgetsEmptyLots(Broken):
    """Loads only what has value, also where empty lots were asked for."""

    def lock(self, wanted: Wanted) -> Found:
        """Leave out lots that were asked for by name."""
        found: Found = self.sound.lock(attrs.evolve(wanted, lot_ids=()))
        return found


class ForgetsReservations(Broken):
    """Writes holds, and reserves nothing for them."""

    def write(self, changes: Changes) -> Any:
        """Leave accounts as if nobody held anything on them."""
        free = tuple(AccountChange(change.before, _unheld(change.after)) for change in changes.accounts)
        return self.sound.write(attrs.evolve(changes, accounts=free))


class IgnoresTheVersionsOfHolds(Broken):
    """Never looks at what a hold has become."""

    def write(self, changes: Changes) -> Any:
        """Pretend that what is stored is what was read."""
        stored = {hold.id: hold for hold in self.sound.holds()}
        current = tuple(HoldChange(stored[change.before.id], change.after) for change in changes.holds)
        return self.sound.write(attrs.evolve(changes, holds=current))


class LetsAnOrderHoldTwice(Broken):
    """Has no unique index on the open holds of an order."""

    def write(self, changes: Changes) -> Any:
        """Forget which orders hold something."""
        self.sound._books.open_holds.clear()
        return self.sound.write(changes)


class FindsNoHoldOfAnOrder(Broken):
    """Looks holds up by their ids only."""

    def lock(self, wanted: Wanted) -> Found:
        """Ignore the orders."""
        found: Found = self.sound.lock(attrs.evolve(wanted, held_for=()))
        return found


class LeavesAccountsOfHoldsOut(Broken):
    """Finds holds without what they lie on."""

    def find(self, wanted: Wanted) -> Found:
        """Give the holds alone."""
        found: Found = self.sound.find(attrs.evolve(wanted, hold_ids=(), held_for=()))
        holds: Found = self.sound.find(wanted)
        return attrs.evolve(found, holds=holds.holds)


class SweepsNoHolds(Broken):
    """Never finds a hold that has lapsed."""

    def lapsed_holds(self, _at: datetime, _limit: int) -> tuple[Hold, ...]:
        """Find none."""
        return ()


class SweepsTooLate(Broken):
    """Takes the instant at which a hold lapses for its last one."""

    def lapsed_holds(self, at: datetime, limit: int) -> Any:
        """Find those that lapsed before."""
        return self.sound.lapsed_holds(at - datetime.resolution, limit)


class ForgetsBounds(Broken):
    """Keeps what each tender holds, and not what it may."""

    def write(self, changes: Changes) -> Any:
        """Leave the bounds of tenders out."""
        unbound = tuple(
            attrs.evolve(hold, tenders=tuple(attrs.evolve(tender, at_most=None) for tender in hold.tenders))
            for hold in changes.new_holds
        )
        return self.sound.write(attrs.evolve(changes, new_holds=unbound))


class CountsWhatHasLapsed(Broken):
    """Sums what is stored as held, whatever the time."""

    def spent_since(
        self, customer_id: str, currency: str, since: datetime, *, at: datetime, without: HoldId | None = None
    ) -> Any:
        """Answer as if nothing ever lapsed."""
        return self.sound.spent_since(customer_id, currency, since, at=min(at, since), without=without)


class HandsOverByTime(Broken):
    """Has events leave in the order of the clock."""

    def undelivered(self, after: int, limit: int) -> Any:
        """Give the earliest recorded first."""
        found = self.sound.undelivered(after, limit)
        return tuple(sorted(found, key=attrgetter("recorded_at", "id")))


class NeverFindsWrongCaptures(Broken):
    """Is asked which holds were captured wrong, and says none."""

    def holds_captured_wrong(self) -> tuple[HoldId, ...]:
        """Find none."""
        return ()


def _unheld(account: Account) -> Account:
    lots = tuple(attrs.evolve(lot, held=0) for lot in account.lots)
    return attrs.evolve(account, held=0, reservations=(), lots=lots)


def _with_old_terms(change: AccountChange) -> Account:
    ends = {lot.id: lot.expires_at for lot in change.before.lots}
    lots = tuple(lot.ending(ends.get(lot.id, lot.expires_at)) for lot in change.after.lots)
    return attrs.evolve(change.after, lots=lots)


def _accounts_of(changes: Changes) -> Wanted:
    return Wanted(account_ids=tuple(change.before.id for change in changes.accounts))


MUSEUM: Final[tuple[tuple[type[Broken], str, tuple[object, ...]], ...]] = (
    (ForgetsKeys, "test_a_replay_answers_equally_and_changes_nothing", ("redeem",)),
    (ForgetsKeys, "test_other_content_under_a_known_key_is_a_conflict", ("grant",)),
    (FoldsKeys, "test_keys_are_compared_exactly", ()),
    (LastWriterWins, "test_a_stale_version_is_never_written", ()),
    (WritesAtOnce, "test_work_that_fails_after_writing_wrote_nothing", ()),
    (LosesTransfers, "test_a_grant_opens_the_account_if_it_is_missing", ()),
    (LosesEvents, "test_one_event_per_command", ("claim",)),
    (OrdersByTime, "test_a_clock_that_goes_back_leaves_no_gap_and_no_disorder", ()),
    (CutsMicroseconds, "test_times_are_stored_to_the_microsecond", (datetime.fromisoformat("2000-02-29T12:34:56.1Z"),)),
    (CountsInFloats, "test_sums_are_exact_where_floats_are_not", (2**53 + 1,)),
    (ExcludesTheInstant, "test_liability_as_of_any_instant_is_what_was_owed_then", ()),
    (KeepsOldCodes, "test_a_replaced_code_is_dead_and_the_card_lives_on", ()),
    (KeepsTerms, "test_a_changed_term_is_that_of_all_value_that_lives", (60,)),
    (KeepsTerms, "test_a_reload_adds_value_and_restarts_the_term", ()),
    (ForgetsEmptyLots, "test_accounts_carry_the_lots_that_have_value", ()),
    (ForgetsReservations, "test_held_value_cannot_be_spent_by_others", ()),
    (IgnoresTheVersionsOfHolds, "test_a_stale_hold_is_never_written", ()),
    (LetsAnOrderHoldTwice, "test_an_order_has_one_open_hold", ()),
    (FindsNoHoldOfAnOrder, "test_an_order_replaces_its_own_hold_only", ()),
    (LeavesAccountsOfHoldsOut, "test_a_hold_is_found_by_its_id_and_its_order", ()),
    (SweepsNoHolds, "test_sweeps_of_holds_come_in_batches", ()),
    (SweepsTooLate, "test_lapsed_holds_come_soonest_first", ()),
    (ForgetsBounds, "test_bounds_and_priorities_of_tenders_are_kept", ()),
    (CountsWhatHasLapsed, "test_what_a_customer_spends_counts_what_is_held", ()),
    (HandsOverByTime, "test_a_clock_that_goes_back_leaves_the_order_of_the_commits", ()),
    (NeverFindsWrongCaptures, "test_holds_that_were_captured_wrong_are_named", ()),
)


class Handle:
    """One of several storages on the same records, each with what it remembers by itself."""

    def __init__(self, memory: MemoryStorage) -> None:
        """Work on the records of *memory*."""
        self.memory = memory

    def run(self, work: Callable[[Any], Any]) -> Any:
        """Do it as memory does."""
        return self.memory.run(work)

    def read(self, question: Callable[[Any], Any]) -> Any:
        """Answer as memory does."""
        return self.memory.read(question)

    def reopened(self) -> Handle:
        """Return another one on the same records."""
        return Handle(self.memory)


class StoresNothing(Handle):
    """Remembers all of it, and stores none."""

    def reopened(self) -> Handle:
        """Find nothing."""
        return Handle(MemoryStorage())


class NeverLooksAgain(Handle):
    """Reads what is stored when it is opened, and then believes to know it."""

    def reopened(self) -> Handle:
        """Read once."""
        known = MemoryStorage()
        known._books = copy.deepcopy(self.memory._books)
        return Handle(known)


class RemembersKeys(Handle):
    """Finds receipts by their keys as long as it runs."""

    def reopened(self) -> Handle:
        """Lose the index, not the receipts."""
        other = MemoryStorage()
        other._books = attrs.evolve(self.memory._books, receipts={})
        return Handle(other)


class RemembersDeliveries(Handle):
    """Knows what has left as long as it runs."""

    def reopened(self) -> Handle:
        """Have everything leave again."""
        other, books = MemoryStorage(), self.memory._books
        again = {id_: attrs.evolve(entry, attempts=0, due_at=entry.recorded_at) for id_, entry in books.outbox.items()}
        other._books = attrs.evolve(books, outbox=again)
        return Handle(other)


class HandleKit(StorageConformance):
    """The kit on handles."""

    capabilities = Capabilities(second_handle=True)

    def reopen(self, storage: Any) -> Any:
        """Return another handle."""
        return storage.reopened()


HANDLES: Final[tuple[tuple[type[Handle], str, str], ...]] = (
    (StoresNothing, "test_what_a_command_wrote_is_stored", "issue"),
    (StoresNothing, "test_what_a_sweep_wrote_is_stored", "expire"),
    (NeverLooksAgain, "test_what_a_command_wrote_is_stored", "redeem"),
    (NeverLooksAgain, "test_what_a_sweep_wrote_is_stored", "lapse"),
    (RemembersKeys, "test_what_a_command_wrote_is_stored", "grant"),
    (RemembersDeliveries, "test_what_a_command_wrote_is_stored", "retry a dead letter"),
    (RemembersDeliveries, "test_what_a_sweep_wrote_is_stored", "deliver"),
)


@pytest.mark.parametrize(("broken", "name", "given"), HANDLES, ids=lambda part: getattr(part, "__name__", None))
def test_the_kit_notices_what_is_not_stored(broken: type[Handle], name: str, given: str) -> None:
    """Where it is read by another storage, and nowhere else."""
    test = getattr(HandleKit(), name)
    test(Stand(Handle(MemoryStorage())), given)

    assert _fails(test, Stand(broken(MemoryStorage())), given)


class AloneKit(StorageConformance):
    """The kit on processes that know nothing of each other: each has its own copy of the file."""

    capabilities = Capabilities(processes=True)

    def opener(self, storage: Any) -> Opener:
        """Copy the file first."""
        return partial(opened_copy, storage.engine.url.database)


@contextmanager
def opened_copy(path: str) -> Iterator[Storage]:
    """Give a storage on a copy of a file."""
    with TemporaryDirectory() as directory, closing(sqlite3.connect(path)) as connection:
        copied = f"{directory}/copy.db"
        with closing(sqlite3.connect(copied)) as target:
            connection.backup(target)
        with opened(f"sqlite:///{copied}") as storage:
            yield storage


@pytest.mark.parametrize(
    "name",
    [
        "test_processes_spend_each_unit_once",
        "test_processes_with_one_key_have_one_effect",
        "test_a_process_that_is_killed_leaves_whole_commands",
    ],
)
def test_the_kit_notices_processes_that_are_alone(sqlite_databases: SqliteDatabases, name: str) -> None:
    """On the very same storage the test passes where all use the one file; see the kit of SQLite."""
    storage = sqlite_databases.make()
    assert _fails(getattr(AloneKit(), name), Stand(storage))
    sqlite_databases.drop(storage)


@pytest.mark.parametrize(("broken", "name", "arguments"), MUSEUM, ids=lambda part: getattr(part, "__name__", None))
def test_the_kit_notices(broken: type[Broken], name: str, arguments: tuple[object, ...]) -> None:
    """The named test fails on the broken storage and passes on a sound one."""
    test = getattr(StorageConformance(), name)
    test(Stand(MemoryStorage()), *arguments)

    assert _fails(test, Stand(BrokenStorage(broken)), *arguments)


RULES: Final[tuple[tuple[str, object, str, tuple[object, ...]], ...]] = (
    (f"{HOLD}.Reservation.has_lapsed", lambda *_: False, "test_a_hold_lapses_by_itself", (False,)),
    (f"{HOLD}.Reservation.has_lapsed", lambda one, at: at > one.lapses_at, "test_a_hold_lapses_by_itself", (False,)),
    (f"{HOLD}.Hold.status_at", lambda hold, _: hold.status, "test_a_hold_lapses_by_itself", (False,)),
    (f"{HOLD}.Hold.require_open", lambda *_: None, "test_every_move_from_every_state", ("void", "adjust")),
    (f"{LEDGER}.lot.Lot.spendable", lambda lot, _: lot.remaining, "test_held_value_cannot_be_spent_by_others", ()),
    (
        f"{LEDGER}.lot.Lot.free",
        property(lambda lot: lot.remaining),
        "test_a_conversion_leaves_held_value_on_the_card",
        (),
    ),
    (f"{LEDGER}.account.MOST_RESERVATIONS", 101, "test_an_account_has_no_end_of_holds", ()),
    (
        f"{COMMANDS}.capture_hold._require_active",
        lambda _: None,
        "test_a_block_stops_the_capture_until_it_is_lifted",
        (),
    ),
    (
        "loyalty.gift_cards.card.GiftCard.require_active",
        lambda _: None,
        "test_a_deactivated_card_is_over_and_its_value_is_still_owed",
        (),
    ),
    (
        f"{COMMANDS}.update_gift_card.ChangedMeanwhile",
        lambda **_: InvalidRequest(),
        "test_an_update_needs_the_present_edition",
        (),
    ),
    (
        f"{COMMANDS}.change_gift_card_expiry.later",
        lambda _, wanted: wanted,
        "test_a_term_is_not_below_what_the_policy_allows",
        (),
    ),
    (
        f"{COMMANDS}.reload_gift_card._with_restarted_term",
        lambda card, *_: card,
        "test_a_reload_adds_value_and_restarts_the_term",
        (),
    ),
    (
        f"{LEDGER}.lot.Lot.lives",
        lambda lot, _: lot.remaining > 0,
        "test_a_changed_term_is_that_of_all_value_that_lives",
        (60,),
    ),
    (
        f"{COMMANDS}.reinstate_gift_card._not_back",
        lambda _, posted, new: [
            _Share(one, move.lot_id, move.amount) for one in posted + new for move in one.debit.lots
        ],
        "test_expired_value_comes_back_posted_or_not",
        (1,),
    ),
    (
        f"{COMMANDS}.reinstate_gift_card.expire",
        lambda *_: None,
        "test_expired_value_comes_back_posted_or_not",
        (0,),
    ),
    (
        f"{COMMANDS}.cash_out_gift_card.paid_moves",
        lambda card, _: tuple(LotMove(lot_id=lot.id, amount=lot.free, origin=lot.origin) for lot in card.account.lots),
        "test_a_small_remainder_is_paid_out_once",
        (),
    ),
    (
        "loyalty.policies.cash_out.CashOutRule.is_due",
        lambda *_: True,
        "test_a_small_remainder_is_paid_out_once",
        (),
    ),
    (f"{COMMANDS}.place_hold.resolved_for_another", lambda *_: (), "test_an_order_replaces_its_own_hold_only", ()),
    (f"{COMMANDS}.adjust_hold._may_give_more", lambda *_: True, "test_a_blocked_tender_gives_no_more", ()),
    (
        f"{COMMANDS}.adjust_hold.reserved_moves",
        lambda *_: (),
        "test_value_that_expires_under_a_hold_is_spent_by_it",
        (),
    ),
    (f"{MEMORY}._require_current", lambda *_: None, "test_a_batch_that_changed_meanwhile_is_a_lost_race", ()),
    (f"{MEMORY}._require_current", lambda *_: None, "test_a_card_that_somebody_else_imported_is_a_lost_race", ()),
    (f"{MEMORY}._require_unique", lambda *_: None, "test_a_card_cannot_take_the_code_of_another", ()),
    (f"{MEMORY}._require_unique", lambda *_: None, "test_what_was_bought_or_ordered_once_becomes_one_card", ()),
    (
        "loyalty.adapters.memory._MemoryReader.unattached_transfers",
        lambda _: (),
        "test_transfers_that_name_what_is_not_there_are_found",
        (),
    ),
    (
        "loyalty.adapters.memory._MemoryReader.redemptions_refunded_too_much",
        lambda _: (),
        "test_what_was_given_back_twice_is_found",
        (),
    ),
    (f"{COMMANDS}.adjust_hold.lapse_at", lambda at, _: at, "test_more_time_counts_from_now", ()),
)
"""What a rule is replaced by, and the test that notices."""


@pytest.mark.parametrize(("rule", "broken", "name", "arguments"), RULES)
def test_the_kit_notices_a_broken_rule(
    monkeypatch: pytest.MonkeyPatch, rule: str, broken: object, name: str, arguments: tuple[object, ...]
) -> None:
    """The named test passes with the rule and fails without it, on the very same storage."""
    test = getattr(StorageConformance(), name)
    test(Stand(MemoryStorage()), *arguments)
    monkeypatch.setattr(rule, broken)

    assert _fails(test, Stand(MemoryStorage()), *arguments)


def _fails(test: Callable[..., object], *arguments: object) -> bool:
    """Tell whether a test notices; however it fails, it does."""
    try:
        test(*arguments)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - see above
        return True
    return False
