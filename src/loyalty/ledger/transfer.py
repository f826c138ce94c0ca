"""
Transfers: the one record of value that moved. Immutable, two-sided.

The debited side owes less afterwards, the credited side is owed more; customer
accounts are the shop's liabilities. A transfer is never updated and never
deleted; a correction is another transfer. Only a person who is to be forgotten
leaves the texts beside it, and a fixed word stands there instead.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs
from moneyed import Money

from loyalty.identifiers import AccountId, HoldId, Metadata, TransferId
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import LotMove
from loyalty.money import to_money

__all__ = ["ERASED", "ERASED_METADATA", "Reference", "Side", "Transfer", "TransferKind"]

ERASED = "erased"
"""What stands where a text named a person who was forgotten."""

ERASED_METADATA = Metadata(json='{"erased":true}')
"""What stands where metadata named such a person."""


class TransferKind(StrEnum):
    """
    What a transfer is for.

    A sale that is undone is a clawback of what is unspent, and for what was spent
    a loss, which is between two house accounts and changes nothing that is owed.
    A move is between two store credit accounts.
    """

    ISSUE = "issue"
    GRANT = "grant"
    REDEMPTION = "redemption"
    REFUND = "refund"
    CONVERSION = "conversion"
    DEBIT = "debit"
    EXPIRY = "expiry"
    ADJUSTMENT = "adjustment"
    REVERSAL = "reversal"
    RELOAD = "reload"
    IMPORT = "import"
    CLAWBACK = "clawback"
    LOSS = "loss"
    CASH_OUT = "cash_out"
    REINSTATEMENT = "reinstatement"
    MOVE = "move"


@attrs.frozen
class Reference:
    """What a transfer refers to in the host's world, for example ``Reference("ticket", "77")``."""

    type: str
    id: str


@attrs.frozen(kw_only=True)
class Side:
    """
    One side of a transfer: a customer account, or a house account.

    A customer's side has the number of the transfer on that account, the
    balance after it in minor units, and the lots it touched.
    """

    account_id: AccountId | None = None
    house: HouseAccount | None = None
    sequence: int | None = None
    balance_after: int | None = None
    lots: tuple[LotMove, ...] = ()


@attrs.frozen(kw_only=True)
class Transfer:
    """
    One immutable, two-sided record. ``amount`` is in minor units, positive.

    ``occurred_at`` is the host's time, ``recorded_at`` ours; order on an account
    is by the sides' ``sequence``, never by time. ``refunds`` names the transfer
    that this one gives back: a part of a redemption (kind refund), or all of any
    transfer (kind reversal). ``hold_id`` names the hold that was captured.
    """

    id: TransferId
    kind: TransferKind
    currency: str
    exponent: int
    amount: int
    debit: Side
    credit: Side
    occurred_at: datetime
    recorded_at: datetime
    order_id: str | None = None
    refunds: TransferId | None = None
    hold_id: HoldId | None = None
    actor: str | None = None
    reason: str | None = None
    note: str | None = None
    reference: Reference | None = None
    metadata: Metadata | None = None

    @property
    def money(self) -> Money:
        """The amount as money."""
        return to_money(self.amount, self.currency, self.exponent)

    def side_of(self, account_id: AccountId) -> Side:
        """Return this account's side."""
        return self.debit if self.debit.account_id == account_id else self.credit
