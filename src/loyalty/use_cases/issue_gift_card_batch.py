"""Make many alike gift cards at once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import CorruptLedger, DuplicateRecord, InvalidTime
from loyalty.events import GiftCardBatchIssued
from loyalty.gift_cards.batch import GiftCardBatch, GiftCardBatchView
from loyalty.identifiers import BatchId
from loyalty.ledger.house_accounts import FUNDING
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.money import exponent_of, minor_units
from loyalty.policies.decision import Decision
from loyalty.policies.tax import Region
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.new_card import MadeCard, NewCard, taxation
from loyalty.use_cases.stepwise import Step, Stepwise

__all__ = ["IssueBatchCards", "IssueGiftCardBatch"]

MOST_CARDS: Final = 1_000_000
MOST_IN_A_STEP: Final = 1000


@attrs.frozen(kw_only=True)
class IssueGiftCardBatch(Stepwise[GiftCardBatchView]):
    """
    Issue exactly *count* gift cards of *value* each, spendable at once.

    Each card is what ``IssueGiftCard`` would make of the same fields, and knows
    its batch and its number in it, from 1. No code is answered here; they are
    handed out by ``RevealBatchCodes``. *name* is for people.

    The cards are issued in steps of *cards_per_step* (1 to 1,000), each in one
    transaction, so that a batch of any size takes little memory and locks nothing
    for long. If a step fails, what was issued before stays, and the same command
    again issues what is missing. *count* is at most 1,000,000.

    Raises:
        loyalty.errors.InvalidTime: If *expires_at* is not in the future, also
            where a batch goes on after it was cut off.

    Guarantees:
        However often and wherever it is cut off, exactly *count* cards are issued
        in the end (``tests/faults/test_cut_off_between_steps.py``). Codes have at
        least 80 random bits (:class:`loyalty.codes.format.CodeFormat`), and the
        database holds none of them (``tests/properties/test_codes_are_never_shown.py``).
    """

    result_type: ClassVar[type] = GiftCardBatchView

    count: int = attrs.field(validator=fields.is_whole_number(1, MOST_CARDS))
    value: Money = attrs.field(validator=fields.is_amount)
    name: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    expires_at: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    region: Region | str | None = attrs.field(default=None, validator=fields.is_region)
    tax_rate: Decimal | None = attrs.field(default=None, converter=fields.to_percentage)
    tax_treatment: TaxTreatment = attrs.field(
        default=TaxTreatment.MULTI_PURPOSE, validator=fields.is_one_of(TaxTreatment)
    )
    origin: LotOrigin = attrs.field(default=LotOrigin.PROMOTIONAL, validator=fields.is_one_of(LotOrigin))
    tags: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)
    cards_per_step: int = attrs.field(default=MOST_IN_A_STEP, validator=fields.is_whole_number(1, MOST_IN_A_STEP))

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardBatchView]:  # noqa: ARG002  # all is new
        """Decide the batch and its first cards."""
        self.require_future(context.now)
        expires_at, decided = context.expiry(self.origin, self.expires_at, context.now)
        batch = GiftCardBatch(
            id=BatchId(context.new_id()),
            name=self.name,
            count=self.count,
            issued=min(self.count, self.cards_per_step),
            value=minor_units(self.value),
            currency=self.value.currency.code,
            exponent=exponent_of(self.value.currency),
            expires_at=expires_at,
            code_key_id=context.code_keys.current_id,
            code_format=attrs.evolve(context.code_format, retired=()),
            opened_at=context.now,
        )
        return self.issued(context, batch, first=1, decisions=(decided,))

    def next_step(self, so_far: GiftCardBatchView) -> Command[GiftCardBatchView] | None:
        """Return the step that issues the next cards."""
        if so_far.issued == so_far.count:
            return None
        return IssueBatchCards(
            idempotency_key=self.idempotency_key, number=so_far.issued + 1, command=self, batch_id=so_far.id
        )

    def require_future(self, at: datetime) -> None:
        """Check that new cards would not have ended at *at*."""
        if self.expires_at is not None and self.expires_at <= at:
            raise InvalidTime("gift cards must expire in the future")

    def issued(
        self, context: Context, batch: GiftCardBatch, *, first: int, decisions: tuple[Decision, ...] = ()
    ) -> Outcome[GiftCardBatchView]:
        """Return the cards from number *first* to the last one that *batch* says is issued."""
        card = self._new_card(batch)
        made = [card.make(context, unit) for unit in range(first, batch.issued + 1)]
        return Outcome(
            result=GiftCardBatchView.of(batch),
            event=GiftCardBatchIssued(
                batch_id=batch.id,
                first=first,
                issued=batch.issued,
                count=batch.count,
                value=self.value,
                expires_at=batch.expires_at,
            ),
            changes=Changes(
                batches=(batch,),
                new_gift_cards=tuple([one.card for one in made]),
                transfers=tuple([self._transfer(context, one) for one in made]),
            ),
            decisions=decisions,
        )

    def _transfer(self, context: Context, made: MadeCard) -> Transfer:
        account = made.card.account
        return self.transfer(
            context,
            TransferKind.ISSUE,
            account,
            amount=account.posted,
            debit=Side(house=FUNDING[self.origin]),
            credit=made.side,
            at=context.now,
        )

    def _new_card(self, batch: GiftCardBatch) -> NewCard:
        region, rate = taxation(self.region, self.tax_rate)
        return NewCard(
            value=self.value,
            origin=self.origin,
            expires_at=batch.expires_at,
            region=region,
            tax_rate=rate,
            tax_treatment=self.tax_treatment,
            note=self.note,
            tags=self.tags,
            metadata=self.metadata,
            batch=batch,
        )


@attrs.frozen(kw_only=True)
class IssueBatchCards(Step[GiftCardBatchView]):
    """
    Issue the next cards of a batch, from the *number* of the step on.

    Raises:
        loyalty.errors.DuplicateRecord: If they are there already; then the receipt answers.
        loyalty.errors.InvalidTime: If the cards would have ended by now.
    """

    result_type: ClassVar[type] = GiftCardBatchView

    command: IssueGiftCardBatch
    batch_id: BatchId

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[GiftCardBatchView]:
        """Decide the next cards on the locked batch, so that of several callers each card has one."""
        batch = uow.lock_batch(self.batch_id)
        if batch is None or batch.issued < self.number - 1:
            raise CorruptLedger(f"batch {self.batch_id} lacks cards that a receipt tells of")
        if batch.issued >= self.number:
            raise DuplicateRecord("the cards are there already")
        self.command.require_future(context.now)
        cards = min(self.command.cards_per_step, batch.count - batch.issued)
        return self.command.issued(context, batch.issuing(cards), first=self.number)
