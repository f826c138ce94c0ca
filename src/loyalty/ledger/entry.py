"""Entries: a transfer as one account sees it, in money, with its direction and the balance after it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs
from moneyed import Money

from loyalty.errors import CorruptLedger
from loyalty.identifiers import AccountId, Metadata, TransferId
from loyalty.ledger.transfer import Reference, Transfer, TransferKind
from loyalty.money import to_money

__all__ = ["Direction", "Entry"]


class Direction(StrEnum):
    """A credit raises what the account is owed, a debit lowers it."""

    CREDIT = "credit"
    DEBIT = "debit"


@attrs.frozen(kw_only=True)
class Entry:
    """
    One line of an account's history. ``amount`` is positive; ``direction`` is its sign.

    ``id`` is the transfer's. Order is by ``sequence``, which has no gaps.
    """

    id: TransferId
    account_id: AccountId
    sequence: int
    direction: Direction
    kind: TransferKind
    amount: Money
    balance_after: Money
    order_id: str | None
    refunds: TransferId | None
    actor: str | None
    reason: str | None
    note: str | None
    reference: Reference | None
    metadata: Metadata | None
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, transfer: Transfer, account_id: AccountId) -> Entry:
        """Return *transfer* as *account_id* sees it."""
        side = transfer.side_of(account_id)
        if side.sequence is None or side.balance_after is None:
            raise CorruptLedger(f"transfer {transfer.id} has no customer side for account {account_id}")
        return cls(
            id=transfer.id,
            account_id=account_id,
            sequence=side.sequence,
            direction=Direction.DEBIT if side is transfer.debit else Direction.CREDIT,
            kind=transfer.kind,
            amount=transfer.money,
            balance_after=to_money(side.balance_after, transfer.currency, transfer.exponent),
            order_id=transfer.order_id,
            refunds=transfer.refunds,
            actor=transfer.actor,
            reason=transfer.reason,
            note=transfer.note,
            reference=transfer.reference,
            metadata=transfer.metadata,
            occurred_at=transfer.occurred_at,
            recorded_at=transfer.recorded_at,
        )
