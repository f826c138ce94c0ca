"""Store credit accounts: one customer, one currency, and a ledger account."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs
from moneyed import Money

from loyalty.errors import AccountNotEmpty, NotSpendable
from loyalty.identifiers import AccountId
from loyalty.ledger.account import Account

__all__ = ["LEGAL_MOVES", "StoreCreditAccount", "StoreCreditStatus", "StoreCreditView"]


class StoreCreditStatus(StrEnum):
    """What somebody decided about the account."""

    OPEN = "open"
    BLOCKED = "blocked"
    CLOSED = "closed"


LEGAL_MOVES: dict[StoreCreditStatus, frozenset[StoreCreditStatus]] = {
    StoreCreditStatus.OPEN: frozenset({StoreCreditStatus.BLOCKED, StoreCreditStatus.CLOSED}),
    StoreCreditStatus.BLOCKED: frozenset({StoreCreditStatus.OPEN, StoreCreditStatus.CLOSED}),
    StoreCreditStatus.CLOSED: frozenset(),
}
"""Every legal move of an account's status; the methods below only look it up."""


@attrs.frozen(kw_only=True)
class StoreCreditAccount:
    """
    A customer's balance in one currency. There is one per customer and currency.

    ``successor_id`` names the account that took this one over when its customer
    was merged into another.
    """

    customer_id: str
    account: Account
    status: StoreCreditStatus = StoreCreditStatus.OPEN
    successor_id: AccountId | None = None

    @property
    def id(self) -> AccountId:
        """The ledger account's id."""
        return self.account.id

    def require_open(self) -> None:
        """
        Check that value may move.

        Raises:
            loyalty.errors.NotSpendable: If the account is blocked or closed.
        """
        if self.status is not StoreCreditStatus.OPEN:
            raise NotSpendable(f"the store credit account is {self.status}", reason=self.status.value)

    def require_not_closed(self) -> None:
        """
        Check that value may be credited; a blocked account still takes it.

        Raises:
            loyalty.errors.NotSpendable: If the account is closed.
        """
        if self.status is StoreCreditStatus.CLOSED:
            raise NotSpendable("the store credit account is closed", reason=self.status.value)

    def require_empty(self, at: datetime) -> None:
        """
        Check that nothing is on the account at *at*, expired or not, and that no order holds any of it.

        Raises:
            loyalty.errors.AccountNotEmpty: If there is; with what is posted and held.
        """
        account = self.account.standing(at)
        if account.posted or account.held:
            raise AccountNotEmpty(posted=account.money(account.posted), held=account.money(account.held))

    def move_to(self, status: StoreCreditStatus) -> StoreCreditAccount:
        """
        Change the status; the same status again changes nothing.

        Raises:
            loyalty.errors.NotSpendable: If the account is closed, which is final.
        """
        if status is self.status:
            return self
        if status not in LEGAL_MOVES[self.status]:
            raise NotSpendable(f"a {self.status} store credit account cannot become {status}", reason=self.status.value)
        return attrs.evolve(self, status=status)

    def available(self, at: datetime) -> int:
        """Return what may be spent at *at*, in minor units; nothing unless the account is open."""
        return self.account.available(at) if self.status is StoreCreditStatus.OPEN else 0

    def closed_for(self, successor_id: AccountId) -> StoreCreditAccount:
        """Return it closed, with the account that takes it over."""
        return attrs.evolve(self.move_to(StoreCreditStatus.CLOSED), successor_id=successor_id)

    def with_account(self, account: Account) -> StoreCreditAccount:
        """Return it with the next state of its ledger account."""
        return attrs.evolve(self, account=account)


@attrs.frozen(kw_only=True)
class StoreCreditView:
    """
    A store credit account at ``as_of`` (aware, UTC), in money.

    ``posted`` is what is on the books, ``held`` what orders have reserved,
    ``available`` what may be spent, ``expires_next`` when the soonest part of
    the available value ends. ``successor_id`` is the account that took a closed
    one over.
    """

    id: AccountId
    customer_id: str
    currency: str
    status: StoreCreditStatus
    posted: Money
    held: Money
    available: Money
    expires_next: datetime | None
    opened_at: datetime
    as_of: datetime
    successor_id: AccountId | None = None

    @classmethod
    def of(cls, credit: StoreCreditAccount, at: datetime) -> StoreCreditView:
        """Return *credit* as it stands at *at*."""
        account = credit.account.standing(at)
        ends = [lot.expires_at for lot in account.lots if lot.expires_at is not None and lot.spendable(at)]
        return cls(
            id=credit.id,
            customer_id=credit.customer_id,
            currency=account.currency,
            status=credit.status,
            posted=account.money(account.posted),
            held=account.money(account.held),
            available=account.money(credit.available(at)),
            expires_next=min(ends, default=None),
            opened_at=account.opened_at,
            as_of=at,
            successor_id=credit.successor_id,
        )
