"""Move store credit from one account to another."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import InvalidRequest, StoreCreditAccountNotFound
from loyalty.events import StoreCreditTransferred
from loyalty.identifiers import AccountId, TransferId
from loyalty.money import minor_units
from loyalty.ports.changes import AccountChange
from loyalty.ports.storage import Found, UnitOfWork, Wanted
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditView
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import changed_credit, new_credit
from loyalty.use_cases.moving import Moved, move

__all__ = ["StoreCreditTransfer", "TransferStoreCredit"]


@attrs.frozen(kw_only=True)
class StoreCreditTransfer:
    """What moved, and both accounts after it. ``transfer_id`` names the one entry that both have of it."""

    amount: Money
    source: StoreCreditView
    target: StoreCreditView
    transfer_id: TransferId


@attrs.frozen(kw_only=True)
class TransferStoreCredit(Command[StoreCreditTransfer]):
    """
    Move exactly *amount* of store credit from one account to another, in spending order, lot by lot.

    Each account is named by its id, or by its customer and the currency of
    *amount*; the one that gets the value is opened if its customer has none.
    Every lot keeps its expiry, origin, start, priority and tax treatment. A
    blocked account gives nothing and still takes; a closed one does neither.
    Nothing is spent by it, so the shop's limits do not count it; whether a
    customer may send value to another is for the shop to decide.

    Raises:
        loyalty.errors.StoreCreditAccountNotFound: If there is no account to take from,
            or none of the id to move to.
        loyalty.errors.InvalidRequest: If both are the same account.
        loyalty.errors.NotSpendable: If the account to take from is blocked or closed,
            or the other one is closed.
        loyalty.errors.CurrencyMismatch: If an account is in another currency.
        loyalty.errors.InsufficientBalance: If less is available.

    Guarantees:
        However many transfers cross each other, all end and no value is lost
        (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = StoreCreditTransfer

    amount: Money = attrs.field(validator=fields.is_amount)
    from_account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    from_customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    to_account_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    to_customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Check that both accounts are named once, and are not one by their names already."""
        fields.require_one_of(from_account_id=self.from_account_id, from_customer_id=self.from_customer_id)
        fields.require_one_of(to_account_id=self.to_account_id, to_customer_id=self.to_customer_id)
        if (self.from_account_id, self.from_customer_id) == (self.to_account_id, self.to_customer_id):
            raise InvalidRequest("value moves between two accounts; name another one")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[StoreCreditTransfer]:
        """Decide the transfer on both locked accounts."""
        found = uow.lock(self._wanted())
        source = self._named(found, self.from_account_id, self.from_customer_id)
        if source is None:
            raise StoreCreditAccountNotFound("no such account to take from")
        target, is_new = self._target(context, found, source)
        source.require_open()
        target.require_not_closed()
        for credit in (source, target):
            credit.account.require_currency(self.amount)
        at = max(source.account.instant(context.now), target.account.instant(context.now))
        moves = source.account.draw(minor_units(self.amount), at, context.policies.spending_order)
        moved = move(self, context, source.account, target.account, moves, at=at)
        return self._outcome(context, source, target, moved, is_new=is_new)

    def _wanted(self) -> Wanted:
        currency = self.amount.currency.code
        by_id = [id_ for id_ in (self.from_account_id, self.to_account_id) if id_ is not None]
        by_customer = [id_ for id_ in (self.from_customer_id, self.to_customer_id) if id_ is not None]
        return Wanted(
            account_ids=tuple(map(AccountId, by_id)), customers=tuple([(id_, currency) for id_ in by_customer])
        )

    def _named(self, found: Found, account_id: str | None, customer_id: str | None) -> StoreCreditAccount | None:
        whose = (customer_id, self.amount.currency.code)
        for credit in found.store_credit_accounts:
            if credit.id == account_id or (credit.customer_id, credit.account.currency) == whose:
                return credit
        return None

    def _target(self, context: Context, found: Found, source: StoreCreditAccount) -> tuple[StoreCreditAccount, bool]:
        """Return the account to move to, and whether nobody has seen it yet."""
        known = self._named(found, self.to_account_id, self.to_customer_id)
        if known is None and self.to_customer_id is None:
            raise StoreCreditAccountNotFound("no such account to move to")
        if known is None:
            account, customer_id = source.account, str(self.to_customer_id)
            return new_credit(context, customer_id, account.currency, account.exponent, context.now), True
        if known.id == source.id:
            raise InvalidRequest("value moves between two accounts; name another one")
        return known, False

    def _outcome(
        self, context: Context, source: StoreCreditAccount, target: StoreCreditAccount, moved: Moved, *, is_new: bool
    ) -> Outcome[StoreCreditTransfer]:
        at = moved.transfer.recorded_at
        changes = changed_credit(target, moved.target, is_new=is_new)
        return Outcome(
            result=StoreCreditTransfer(
                amount=moved.transfer.money,
                source=StoreCreditView.of(source.with_account(moved.source), at),
                target=StoreCreditView.of(target.with_account(moved.target), at),
                transfer_id=moved.transfer.id,
            ),
            event=StoreCreditTransferred(
                from_account_id=source.id,
                from_customer_id=source.customer_id,
                to_account_id=target.id,
                to_customer_id=target.customer_id,
                transfer_id=moved.transfer.id,
                amount=moved.transfer.money,
            ),
            changes=attrs.evolve(
                changes,
                accounts=(*changes.accounts, AccountChange(source.account, moved.source)),
                transfers=(moved.transfer,),
            ),
            decisions=(context.policies.decided("spending_order"),),
        )
