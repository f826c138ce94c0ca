"""Take over gift cards from another system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Final

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.attempts.watch import CHOSEN
from loyalty.errors import InvalidImport, InvalidRequest
from loyalty.events import GiftCardsImported
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.identifiers import GiftCardId, require_text
from loyalty.ledger.account import Account
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Reference, Side, Transfer, TransferKind
from loyalty.money import exponent_of, minor_units, signed_minor_units, totals
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.import_check import AnyRow, Verdict, fingerprint, judged, places_of_repeats
from loyalty.use_cases.import_row import MOST_ROWS, GiftCardRow, UnreadableRow
from loyalty.use_cases.new_card import CodeStamp, NewCard
from loyalty.use_cases.stepwise import Step, Stepwise

__all__ = ["ImportGiftCards", "ImportNextRows", "ImportReport", "ImportedRow", "RowOutcome"]

MOST_IN_A_STEP: Final = 1000
MOST_TOTALS: Final = 200
MOST_TOLD: Final = 100


class RowOutcome(StrEnum):
    """What became of a row."""

    IMPORTED = "imported"
    KNOWN = "known"
    REFUSED = "refused"


@attrs.frozen(kw_only=True)
class ImportedRow:
    """
    What became of one row, or in a dry run what would become of it.

    It is imported, or known because it was imported before and said the same, or
    refused; then ``reason`` is a stable word and ``message`` a sentence for staff.
    Its code is never told.
    """

    number: int
    source_id: str | None
    outcome: RowOutcome
    gift_card_id: GiftCardId | None = None
    reason: str | None = None
    message: str | None = None


@attrs.frozen(kw_only=True)
class ImportReport:
    """
    What became of each row, in the order in which they were given.

    ``totals`` is what was left on the cards of the rows that are imported or
    known, per currency. ``is_dry_run`` tells that nothing was done. ``repeats``
    are the places of rows that repeat an earlier one, from 1.
    """

    import_id: str
    is_dry_run: bool
    rows: tuple[ImportedRow, ...]
    totals: tuple[Money, ...]
    repeats: tuple[int, ...] = attrs.field(default=(), repr=False)

    @property
    def imported(self) -> int:
        """How many rows became cards."""
        return self._count(RowOutcome.IMPORTED)

    @property
    def known(self) -> int:
        """How many rows had been imported before."""
        return self._count(RowOutcome.KNOWN)

    @property
    def refused(self) -> int:
        """How many rows were refused."""
        return self._count(RowOutcome.REFUSED)

    def _count(self, outcome: RowOutcome) -> int:
        return sum([row.outcome is outcome for row in self.rows])


def _is_source(_instance: object, _field: attrs.Attribute[Any], value: object) -> None:
    require_text(value, "source", 50)


def _to_rows(values: Iterable[AnyRow]) -> tuple[AnyRow, ...]:
    if not isinstance(values, list | tuple) or not 0 < len(values) <= MOST_ROWS:
        raise InvalidRequest("rows must be a list or a tuple of 1 to 100,000 rows")
    if not all(isinstance(value, GiftCardRow | UnreadableRow) for value in values):
        raise InvalidRequest("expected rows of gift cards")
    return tuple(values)


def _to_totals(values: Iterable[Money]) -> tuple[Money, ...]:
    given = fields.to_instances(values, Money, MOST_TOTALS)
    for one in given:
        minor_units(one, "a total")
    return tuple([Money(one.amount, one.currency) for one in given])


@attrs.frozen(kw_only=True)
class ImportGiftCards(Stepwise[ImportReport]):
    """
    Make a gift card of each row, with what is left on it, from the migration account.

    *source* names the other system (at most 50 characters). A card of it is imported
    once: a row whose source id is known is passed over if it says the same, and refused
    if not. *rows* come from a program, or from a file by ``gift_card_rows``. Codes need a
    ``CodeFormat`` that allows chosen ones; they cannot be shown again.

    All rows are checked before the first card is made. If any would be refused, nothing
    is imported, unless *is_strict* is turned off: then the others are.
    *expected_rows* and *expected_totals* (what is left on the cards of all readable rows,
    one amount per currency) are what the file should come to. With *is_dry_run* nothing
    is written, the key is not used up, and the report says what would become of each row.

    The cards are made in steps of *rows_per_step* (1 to 1,000), each in one
    transaction. If a step fails, what was imported before stays, and the same command
    again imports what is missing. A row that stopped being acceptable meanwhile, because
    somebody issued a card under its code, is refused then and reported.

    Raises:
        loyalty.errors.InvalidImport: If the number or the sum of the rows is not what was
            expected, or, where it *is_strict*, if any row would be refused.
        loyalty.errors.InvalidRequest: If rows have codes, and chosen codes are not allowed.
        loyalty.errors.DuplicateRecord: If a code was taken in that very moment; again tells which.

    Guarantees:
        Twice is once, and wherever it is cut off no card is lost and none is there
        twice (``tests/faults/test_cut_off_between_steps.py``).
    """

    result_type: ClassVar[type] = ImportReport

    source: str = attrs.field(validator=_is_source)
    rows: tuple[AnyRow, ...] = attrs.field(converter=_to_rows, repr=False, metadata=CHOSEN)
    is_dry_run: bool = attrs.field(default=False, validator=fields.is_flag)
    is_strict: bool = attrs.field(default=True, validator=fields.is_flag)
    expected_rows: int | None = attrs.field(default=None, validator=fields.is_whole_number(0, 10**9, optional=True))
    expected_totals: tuple[Money, ...] = attrs.field(default=(), converter=_to_totals)
    rows_per_step: int = attrs.field(default=MOST_IN_A_STEP, validator=fields.is_whole_number(1, MOST_IN_A_STEP))

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[ImportReport]:
        """Check all rows, and decide the first cards."""
        self._require_expected()
        self._require_codes_allowed(context)
        numbered = tuple(enumerate(self.rows, start=1))
        repeats = places_of_repeats(numbered, context)
        import_id = context.new_id()
        if self.is_dry_run:
            verdicts = list(judged(self.source, numbered, repeats, uow, context))
            return Outcome(result=self._report(import_id, verdicts, {}, repeats), event=None, changes=Changes())
        if self.is_strict:
            _require_none_refused(judged(self.source, numbered, repeats, uow, context))
        return self.imported(uow, context, import_id, 1, repeats)

    def next_step(self, so_far: ImportReport) -> Command[ImportReport] | None:
        """Return the step that imports the next rows."""
        if len(so_far.rows) == len(self.rows):
            return None
        return ImportNextRows(
            idempotency_key=self.idempotency_key,
            number=len(so_far.rows) + 1,
            command=self,
            import_id=so_far.import_id,
            repeats=so_far.repeats,
        )

    def together(self, so_far: ImportReport, step: ImportReport) -> ImportReport:
        """Return what became of all rows so far."""
        amounts = [_plain(one) for one in (*so_far.totals, *step.totals)]
        return attrs.evolve(so_far, rows=so_far.rows + step.rows, totals=totals(amounts))

    def imported(
        self, uow: UnitOfWork, context: Context, import_id: str, first: int, repeats: frozenset[int]
    ) -> Outcome[ImportReport]:
        """Decide the cards of the rows from place *first* on, as many as a step takes."""
        rows = tuple(enumerate(self.rows[first - 1 : first - 1 + self.rows_per_step], start=first))
        verdicts = list(judged(self.source, rows, repeats, uow, context))
        new = [(one.place, one.row) for one in verdicts if one.is_new]
        made = {place: self._made(context, row, import_id) for place, row in new if isinstance(row, GiftCardRow)}
        return Outcome(
            result=self._report(import_id, verdicts, made, repeats),
            event=GiftCardsImported(
                import_id=import_id,
                source=self.source,
                first=first,
                rows=len(rows),
                cards=len(made),
                amounts=totals([one.row.minor for one in made.values()]),
            ),
            changes=Changes(
                new_gift_cards=tuple([one.card for one in made.values()]),
                imported_cards=tuple([one.record for one in made.values()]),
                transfers=tuple([one.transfer for one in made.values() if one.transfer is not None]),
            ),
            decisions=(context.policies.decided("expiry"),) if made else (),
        )

    def _made(self, context: Context, row: GiftCardRow, import_id: str) -> _Made:
        new = _new_card(context, row)
        account, transfer = new.empty_account(context), None
        if row.minor[2]:
            account, side = account.credit((new.lot(context, row.minor[2]),), context.now)
            transfer = self._transfer(context, row, account, side)
        card = new.card(context, GiftCardId(context.new_id()), account, _stamp(context, row))
        record = ImportedCard(
            source=self.source,
            source_id=row.source_id,
            gift_card_id=card.id,
            import_id=import_id,
            fingerprint=fingerprint(row, context),
            fingerprint_key_id=context.code_keys.current_id,
        )
        return _Made(row, card, transfer, record)

    def _transfer(self, context: Context, row: GiftCardRow, account: Account, side: Side) -> Transfer:
        transfer = self.transfer(
            context,
            TransferKind.IMPORT,
            account,
            amount=account.posted,
            debit=Side(house=HouseAccount.MIGRATION),
            credit=side,
            at=context.now,
        )
        return transfer if self.reference else attrs.evolve(transfer, reference=Reference(self.source, row.source_id))

    def _report(
        self, import_id: str, verdicts: Sequence[Verdict], made: dict[int, _Made], repeats: frozenset[int]
    ) -> ImportReport:
        taken = [one.row for one in verdicts if one.reason is None]
        return ImportReport(
            import_id=import_id,
            is_dry_run=self.is_dry_run,
            rows=tuple([_told(verdict, made.get(verdict.place)) for verdict in verdicts]),
            totals=totals([row.minor for row in taken if isinstance(row, GiftCardRow)]),
            repeats=tuple(sorted(repeats)),
        )

    def _require_expected(self) -> None:
        if self.expected_rows is not None and self.expected_rows != len(self.rows):
            raise InvalidImport(f"there are {len(self.rows)} rows, and {self.expected_rows} were expected")
        sums = totals([row.minor for row in self.rows if isinstance(row, GiftCardRow)])
        if self.expected_totals and {one for one in sums if one} != set(self.expected_totals):
            raise InvalidImport("the rows sum to something else than was expected")

    def _require_codes_allowed(self, context: Context) -> None:
        has_codes = any(isinstance(row, GiftCardRow) and row.code is not None for row in self.rows)
        if has_codes and not context.code_format.allow_chosen:
            raise InvalidRequest("codes of another system are not allowed; the code format can allow them")


@attrs.frozen(kw_only=True)
class ImportNextRows(Step[ImportReport]):
    """Import the next rows, from the place that is the *number* of the step on. See :class:`ImportGiftCards`."""

    result_type: ClassVar[type] = ImportReport

    command: ImportGiftCards
    import_id: str
    repeats: tuple[int, ...]

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[ImportReport]:
        """Decide the next cards as the books stand now."""
        return self.command.imported(uow, context, self.import_id, self.number, frozenset(self.repeats))


@attrs.frozen
class _Made:
    """What one row becomes: its card, what fills it, and where it came from."""

    row: GiftCardRow
    card: GiftCard
    transfer: Transfer | None
    record: ImportedCard


def _new_card(context: Context, row: GiftCardRow) -> NewCard:
    return NewCard(
        value=row.value,
        origin=row.origin,
        expires_at=context.policies.expiry(row.origin, row.expires_at, context.now),
        customer_id=row.customer_id,
        region=row.region,
        tax_rate=row.tax_rate,
        note=row.note,
        tags=row.tags,
    )


def _stamp(context: Context, row: GiftCardRow) -> CodeStamp:
    if row.code is not None:
        return CodeStamp.of(context, row.code)
    return CodeStamp(str(row.code_digest), str(row.code_key_id), str(row.last_four))


def _told(verdict: Verdict, made: _Made | None) -> ImportedRow:
    outcome, card_id = RowOutcome.IMPORTED, None if made is None else made.card.id
    if verdict.reason is not None:
        outcome = RowOutcome.REFUSED
    elif verdict.known is not None:
        outcome, card_id = RowOutcome.KNOWN, verdict.known.gift_card_id
    return ImportedRow(
        number=verdict.number,
        source_id=verdict.row.source_id,
        outcome=outcome,
        gift_card_id=card_id,
        reason=verdict.reason,
        message=verdict.message,
    )


def _require_none_refused(verdicts: Iterable[Verdict]) -> None:
    refused = [(one.number, str(one.reason)) for one in verdicts if one.reason is not None]
    if refused:
        number, reason = refused[0]
        message = f"{len(refused)} rows would be refused, the first is row {number}: {reason}"
        raise InvalidImport(message, tuple(refused[:MOST_TOLD]))


def _plain(amount: Money) -> tuple[str, int, int]:
    return amount.currency.code, exponent_of(amount.currency), signed_minor_units(amount)
