"""
Histories of processes: what each asked for and what it was told, written down before and after.

A process that is killed leaves its history behind, and the one that takes its
place goes on from there: whatever was not answered it asks again, under the
same key.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TextIO

import attrs

from loyalty import Capture, Debit, HoldStatus, HoldView, Redemption
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import TransferKind
from loyalty.ports.storage import Reader, Wanted
from tests.faults.campaign.bookings import Booking, Till, Verb, effect_of

__all__ = ["End", "Entry", "History", "Seen", "look"]


class End(StrEnum):
    """What came of a booking, as its process was told."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@attrs.frozen(kw_only=True)
class Seen:
    """What one read showed, all of one instant: balances, what is held, sequences, and what left the accounts."""

    posted: Mapping[str, int]
    held: Mapping[str, int]
    sequences: Mapping[str, int]
    redeemed: int
    transfers: int

    @property
    def total(self) -> int:
        """What is on the accounts and what was redeemed from them."""
        return sum(self.posted.values()) + self.redeemed


def look(reader: Reader, till: Till) -> Seen:
    """Read all accounts, and the sums of what left them and came back."""
    accounts = reader.find(Wanted(account_ids=till.accounts)).accounts()  # type: ignore[arg-type]  # ids as texts
    movements = reader.movements(None, None)
    redeemed = 0
    for movement in movements:
        if movement.kind in {TransferKind.REDEMPTION, TransferKind.REFUND}:
            is_back = movement.debit_house is HouseAccount.REDEMPTIONS
            redeemed += -movement.amount if is_back else movement.amount
    return Seen(
        posted={account.id: account.posted for account in accounts},
        held={account.id: account.held for account in accounts},
        sequences={account.id: account.sequence for account in accounts},
        redeemed=redeemed,
        transfers=sum(movement.count for movement in movements),
    )


@attrs.frozen(kw_only=True)
class Entry:
    """
    One line: a booking that begins, the end of one, or a read.

    ``effect`` is by how much the accounts have changed; ``hold`` is what was
    placed, ``redemptions`` are what can be refunded.
    """

    booking: Booking | None = None
    key: str | None = None
    end: End | None = None
    effect: Mapping[str, int] = attrs.field(factory=dict)
    hold: str | None = None
    redemptions: tuple[str, ...] = ()
    seen: Seen | None = None

    @classmethod
    def done(cls, booking: Booking, result: object) -> Entry:
        """Return the end of a booking that was acknowledged with this answer."""
        is_held = isinstance(result, HoldView) and result.status is HoldStatus.OPEN
        return cls(
            key=booking.key,
            end=End.DONE,
            effect=effect_of(booking, result),
            hold=result.id if is_held and isinstance(result, HoldView) else None,
            redemptions=tuple(_refundable(result)),
        )

    def line(self) -> str:
        """Return it as one line of text."""
        return json.dumps(attrs.asdict(self, filter=lambda _, value: value not in (None, {}, ()))) + "\n"

    @classmethod
    def read(cls, line: str) -> Entry:
        """Return what a line says."""
        said: dict[str, Any] = json.loads(line)
        if "booking" in said:
            said["booking"] = Booking(**{**said["booking"], "verb": Verb(said["booking"]["verb"])})
        if "seen" in said:
            said["seen"] = Seen(**said["seen"])
        if "end" in said:
            said["end"] = End(said["end"])
        return cls(**{**said, "redemptions": tuple(said.get("redemptions", ()))})


def _refundable(result: object) -> Iterator[str]:
    match result:
        case Debit(transfer=entry):
            yield entry.id
        case Redemption(id=id_):
            yield id_
        case Capture(parts=parts):
            yield from (part.id for part in parts)


class History:
    """
    The history of one place among the processes, over all the processes that took it in turn.

    Each of them has a file of its own, so a line that was torn by a kill is the last one of its file.
    """

    def __init__(self, directory: Path, place: int) -> None:
        """Read what is there."""
        self._directory: Final = directory
        self._place: Final = place
        self.entries = [entry for path in self._paths() for entry in _entries(path)]
        self.lives = len(self._paths())

    def _paths(self) -> list[Path]:
        return sorted(self._directory.glob(f"{self._place:03d}-*"))

    def begin(self) -> TextIO:
        """Open the file of one more process; every line reaches the system before the next command begins."""
        return (self._directory / f"{self._place:03d}-{self.lives:05d}").open("w", buffering=1, encoding="utf-8")

    def bookings(self) -> dict[str, Booking]:
        """Return everything that was begun, by its key."""
        return {entry.booking.key: entry.booking for entry in self.entries if entry.booking is not None}

    @property
    def begun(self) -> int:
        """How often a booking was begun; one that is asked again is begun twice."""
        return sum(entry.booking is not None for entry in self.entries)

    def ends(self) -> dict[str, Entry]:
        """Return the last that was said about each key."""
        return {entry.key: entry for entry in self.entries if entry.key is not None}

    def unsettled(self) -> list[Booking]:
        """Return what was begun, and nobody knows what came of it."""
        ends = self.ends()
        return [booking for key, booking in self.bookings().items() if key not in ends or ends[key].end is End.UNKNOWN]

    def effect(self) -> Counter[str]:
        """Return what all that was acknowledged comes to."""
        effect: Counter[str] = Counter()
        for entry in self.ends().values():
            effect.update(entry.effect)
        return effect

    def keys(self, *ends: End) -> set[str]:
        """Return the keys that came to one of these ends."""
        return {key for key, entry in self.ends().items() if entry.end in ends}

    def require_reads(self, total: int) -> int:
        """
        Check every read of this place against the total and against what it saw and was told before; return how many.

        Raises:
            AssertionError: If value appeared or vanished, if something is negative,
                or if a read shows an older state than the one before it, or than what
                was acknowledged to the same process meanwhile.
        """
        reads, least, transfers, begun = 0, Counter[str](), 0, set[str]()
        for entry in self.entries:
            if entry.booking is not None:
                begun.add(entry.booking.key)
            if entry.key in begun:
                # Each account that has changed since the last read has at least one more transfer.
                least.update(dict.fromkeys(entry.effect, 1))
            if entry.seen is None:
                continue
            seen = entry.seen
            assert total == seen.total, f"a read shows {seen.total} in place of {total}"
            assert set(seen.posted) == set(seen.held) == set(seen.sequences)
            for account_id, posted in seen.posted.items():
                assert 0 <= seen.held[account_id] <= posted
                assert least[account_id] <= seen.sequences[account_id], "a read shows an older state"
            assert transfers <= seen.transfers, "a read shows fewer transfers than the one before"
            reads, least, transfers, begun = reads + 1, Counter(seen.sequences), seen.transfers, set()
        return reads


def _entries(path: Path) -> Iterator[Entry]:
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield Entry.read(line)
