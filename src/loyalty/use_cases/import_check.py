"""What would become of each row of an import, as the books stand: for a dry run, and before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from loyalty.errors import MalformedCode
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.plain import dumps, encode
from loyalty.ports.storage import Reader
from loyalty.use_cases.command import Context
from loyalty.use_cases.import_row import GiftCardRow, UnreadableRow

__all__ = ["REFUSALS", "AnyRow", "Verdict", "judged", "places_of_repeats"]

AnyRow = GiftCardRow | UnreadableRow

REFUSALS: Final[Mapping[str, str]] = {
    "repeated": "an earlier row has the same source id or the same code",
    "changed": "a card of this source id was imported before, and something else was said about it",
    "malformed_code": "the code is too short, begins like a generated one, or is the number of an article",
    "unknown_key": "the row, or what is known of it, was made under a key that is not on the key ring",
    "expired": "the card has ended already",
    "code_taken": "another card of the shop has this code",
}
"""Why a row that could be read is not imported, in the order in which it is told."""

PAGE: Final = 1000


@attrs.frozen(kw_only=True)
class Verdict:
    """
    What becomes of a row: refused for a reason, known from before, or neither, and then it is imported.

    ``place`` is where it stands among the rows, from 1.
    """

    row: AnyRow
    place: int
    reason: str | None = None
    message: str | None = None
    known: ImportedCard | None = None

    @property
    def number(self) -> int:
        """Where the row stands in its file, as far as is known."""
        return self.row.number or self.place

    @property
    def is_new(self) -> bool:
        """Whether the row is to be imported."""
        return self.reason is None and self.known is None


def judged(
    source: str, numbered: Sequence[tuple[int, AnyRow]], repeats: frozenset[int], reader: Reader, context: Context
) -> Iterator[Verdict]:
    """Yield what would become of each row now, in their order. *repeats* are the places of rows that repeat others."""
    for start in range(0, len(numbered), PAGE):
        page = numbered[start : start + PAGE]
        cards = [row for _, row in page if isinstance(row, GiftCardRow)]
        digests = tuple(dict.fromkeys(digest for row in cards for digest in digests_of(row, context)))
        # First the codes, then the rows: whoever imports the same rows meanwhile is seen as that and as nobody else.
        taken = reader.digests_taken(digests)
        known = {one.source_id: one for one in reader.imported(source, tuple([row.source_id for row in cards]))}
        for place, row in page:
            if isinstance(row, UnreadableRow):
                yield Verdict(row=row, place=place, reason=row.reason, message=row.message)
            elif (before := known.get(row.source_id)) is not None and place not in repeats:
                reason = _changed(row, before, context)
                yield Verdict(row=row, place=place, known=before) if reason is None else _refused(row, place, reason)
            else:
                reason = "repeated" if place in repeats else _fault(row, taken, context)
                yield Verdict(row=row, place=place) if reason is None else _refused(row, place, reason)


def _changed(row: GiftCardRow, before: ImportedCard, context: Context) -> str | None:
    if before.fingerprint_key_id not in context.code_keys.key_ids:
        return "unknown_key"
    return None if before.fingerprint == fingerprint(row, context, before.fingerprint_key_id) else "changed"


def _fault(row: GiftCardRow, taken: frozenset[str], context: Context) -> str | None:
    if row.code is not None:
        try:
            context.code_format.require_chosen(row.code)
        except MalformedCode:
            return "malformed_code"
    elif row.code_key_id not in context.code_keys.key_ids:
        return "unknown_key"
    if row.expires_at is not None and row.expires_at <= context.now:
        return "expired"
    return None if taken.isdisjoint(digests_of(row, context)) else "code_taken"


def _refused(row: GiftCardRow, place: int, reason: str) -> Verdict:
    return Verdict(row=row, place=place, reason=reason, message=REFUSALS[reason])


def digests_of(row: GiftCardRow, context: Context) -> tuple[str, ...]:
    """Return every digest under which the shop could have this row's code."""
    return (row.code_digest or "",) if row.code is None else context.code_keys.digests(row.code)


def fingerprint(row: GiftCardRow, context: Context, key_id: str | None = None) -> str:
    """Return a keyed digest of all that a row says, but for where it stands."""
    code = None if row.code is None else row.code.reveal()
    said = encode(attrs.evolve(row, number=None, code=None, code_digest="0" * 64, code_key_id="0" * 16, last_four="0"))
    content = dumps([said, code, row.code_digest, row.code_key_id, row.last_four]).encode()
    return context.code_keys.fingerprint(content, key_id)


def places_of_repeats(numbered: Iterable[tuple[int, AnyRow]], context: Context) -> frozenset[int]:
    """Return the places of rows that have the source id or the code of an earlier one."""
    ids, digests, repeats = set[str](), set[str](), set[int]()
    for place, row in numbered:
        if isinstance(row, GiftCardRow):
            own = digests_of(row, context)
            if row.source_id in ids or not digests.isdisjoint(own):
                repeats.add(place)
            ids.add(row.source_id)
            digests.update(own)
    return frozenset(repeats)
