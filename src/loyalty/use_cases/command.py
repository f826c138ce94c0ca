"""
The shape of a command.

A command is a frozen class that checks itself when constructed and knows how
to be carried out on the books. It loads what it needs, asks the rules, and
answers with the result, the event and everything that is to be written. It
writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import attrs

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.codes.reading import CodeReading
from loyalty.events import Event
from loyalty.identifiers import AccountId, HoldId, IdSource, LotId, Metadata, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.lot import Lot, LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Reference, Side, Transfer, TransferKind
from loyalty.plain import dumps, encode
from loyalty.policies.chosen import Policies
from loyalty.policies.decision import Decision
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork

__all__ = ["Command", "Context", "Outcome", "Request", "Sweep", "swept"]

Result = TypeVar("Result")


@attrs.frozen(kw_only=True)
class Context(CodeReading):
    """What a command may use besides the books. The time is fixed once."""

    now: datetime
    new_id: IdSource
    policies: Policies

    def lot(
        self,
        amount: int,
        origin: LotOrigin,
        at: datetime,
        *,
        expires_at: datetime | None = None,
        not_before: datetime | None = None,
        priority: int = 0,
        tax_treatment: TaxTreatment = TaxTreatment.MULTI_PURPOSE,
        source_lot_id: LotId | None = None,
    ) -> Lot:
        """Return a new, full lot."""
        return Lot(
            id=LotId(self.new_id()),
            origin=origin,
            amount=amount,
            remaining=amount,
            opened_at=at,
            expires_at=expires_at,
            not_before=not_before,
            priority=priority,
            tax_treatment=tax_treatment,
            source_lot_id=source_lot_id,
        )

    def expiry(self, origin: LotOrigin, wanted: datetime | None, at: datetime) -> tuple[datetime | None, Decision]:
        """Return when new value ends by the shop's policy, and the record of that decision."""
        expires_at = self.policies.expiry(origin, wanted, at)
        said = None if expires_at == wanted else "never" if expires_at is None else expires_at.isoformat()
        return expires_at, self.policies.decided("expiry", said)

    def lot_like(self, lot: Lot, amount: int, at: datetime, *, expires_at: datetime | None) -> Lot:
        """Return a new lot of the same nature: origin, start, priority and tax treatment stay."""
        return self.lot(
            amount,
            lot.origin,
            at,
            expires_at=expires_at,
            not_before=lot.not_before,
            priority=lot.priority,
            tax_treatment=lot.tax_treatment,
            source_lot_id=lot.id,
        )


@attrs.frozen(kw_only=True)
class Outcome(Generic[Result]):
    """
    What a command decided. ``event`` is None only if there is nothing to write.

    ``decisions`` names the policies that took part. ``also_about`` are accounts
    that the event is about although they do not change. ``once_under`` is the key
    of a sweep's receipt if what it did is to be done once; no host can give such a
    key.
    """

    result: Result
    event: Event | None
    changes: Changes
    decisions: tuple[Decision, ...] = ()
    also_about: tuple[AccountId, ...] = ()
    once_under: str | None = None


@attrs.frozen(kw_only=True)
class Request(Generic[Result]):
    """
    What commands and sweeps share.

    ``occurred_at`` is the host's time, aware and UTC, if it differs from the
    time of the call. All of this is kept with the transfers it leads to.
    """

    result_type: ClassVar[type]

    actor: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    reason: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    note: str | None = attrs.field(default=None, validator=fields.is_note)
    reference: Reference | None = attrs.field(default=None, validator=fields.is_reference)
    occurred_at: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    metadata: Metadata | None = attrs.field(default=None, converter=fields.to_metadata)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Result]:
        """Decide what is to be changed. Overridden by every command."""
        raise NotImplementedError

    def transfer(
        self,
        context: Context,
        kind: TransferKind,
        account: Account,
        *,
        amount: int,
        debit: Side,
        credit: Side,
        at: datetime,
        order_id: str | None = None,
        refunds: TransferId | None = None,
        hold_id: HoldId | None = None,
    ) -> Transfer:
        """Return the record of value that moved for this command, with all the caller said about it."""
        return Transfer(
            id=TransferId(context.new_id()),
            kind=kind,
            currency=account.currency,
            exponent=account.exponent,
            amount=amount,
            debit=debit,
            credit=credit,
            occurred_at=self.occurred_at or at,
            recorded_at=at,
            order_id=order_id,
            refunds=refunds,
            hold_id=hold_id,
            actor=self.actor,
            reason=self.reason,
            note=self.note,
            reference=self.reference,
            metadata=self.metadata,
        )


@attrs.frozen(kw_only=True)
class Command(Request[Result]):
    """
    A request that changes the books once.

    The same ``idempotency_key`` with the same content answers the same again
    and changes nothing; with other content it is an ``IdempotencyConflict``.
    Keys are kept for ever.
    """

    idempotency_key: str = attrs.field(validator=fields.is_key)

    @property
    def receipt_key(self) -> str:
        """What the receipt stands under."""
        return self.idempotency_key

    def replayed(self, result: Result, context: Context) -> Result:  # noqa: ARG002  # some commands need it
        """Complete a stored result, which holds no secret. Most need nothing."""
        return result

    def content(self) -> bytes:
        """Return what the command says, the key aside, as stable bytes for a keyed fingerprint."""
        said = {
            name: encode(value, _reveal)
            for name, default in _content_fields(type(self))
            if (value := getattr(self, name)) is not None and (default is None or value != default)
        }
        return dumps([type(self).__name__, said]).encode()


@attrs.frozen(kw_only=True)
class Sweep(Request[Result]):
    """
    Bookkeeping that is harmless to repeat, so it needs no key. Never a guard.

    Its result says with ``is_done`` whether nothing was left to do.
    """

    def following(self, result: Result) -> Sweep[Result] | None:
        """Return the sweep that goes on after what one answered, or None if nothing was left to do."""
        return None if getattr(result, "is_done", True) else self


def swept(execute: Callable[[Sweep[Result]], Result], sweep: Sweep[Result]) -> Iterator[Result]:
    """Execute a sweep, and what follows on it, until nothing is left to do; yield what each answered."""
    following: Sweep[Result] | None = sweep
    while following is not None:
        result = execute(following)
        yield result
        following = following.following(result)


_FIELDS: dict[type, tuple[tuple[str, object], ...]] = {}


def _content_fields(kind: type[Command[Any]]) -> tuple[tuple[str, object], ...]:
    """Return the fields that a fingerprint is made of, each with the default at which it is left out."""
    fields_ = _FIELDS.get(kind)
    if fields_ is None:
        names = [field for field in attrs.fields(kind) if field.name != "idempotency_key"]
        fields_ = tuple([(field.name, field.default if field.metadata.get("later") else None) for field in names])
        _FIELDS[kind] = fields_
    return fields_


def _reveal(value: object) -> object:
    """Return what a secret value says; it goes into a keyed digest and nowhere else."""
    if isinstance(value, GiftCardCode):
        return value.reveal()
    if isinstance(value, Metadata):
        return value.json
    message = f"{type(value).__qualname__} cannot be part of a command"
    raise TypeError(message)
