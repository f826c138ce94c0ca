"""Finding a store credit account, or opening the customer's first one in a currency."""

from __future__ import annotations

from datetime import datetime

from loyalty.errors import StoreCreditAccountNotFound
from loyalty.identifiers import AccountId
from loyalty.ledger.account import Account
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import Found, Wanted
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.use_cases.command import Context

__all__ = ["changed_credit", "changed_credit_facts", "credit_in", "new_credit", "the_credit", "wanted_credit"]


def wanted_credit(account_id: str | None, customer_id: str | None, currency: str | None) -> Wanted:
    """Return what to load for one account: by its id, or by its customer and currency."""
    if account_id is not None:
        return Wanted(account_ids=(AccountId(account_id),))
    return Wanted(customers=() if customer_id is None else ((customer_id, currency),))


def credit_in(found: Found, currency: str) -> StoreCreditAccount | None:
    """Return the account in *currency*, or None."""
    return next((credit for credit in found.store_credit_accounts if credit.account.currency == currency), None)


def the_credit(found: Found) -> StoreCreditAccount:
    """
    Return the account that was found.

    Raises:
        loyalty.errors.StoreCreditAccountNotFound: If there is none.
    """
    if not found.store_credit_accounts:
        raise StoreCreditAccountNotFound
    return found.store_credit_accounts[0]


def new_credit(context: Context, customer_id: str, currency: str, exponent: int, at: datetime) -> StoreCreditAccount:
    """Return a new, empty account."""
    account = Account(
        id=AccountId(context.new_id()), currency=currency, exponent=exponent, opened_at=at, recorded_at=at
    )
    return StoreCreditAccount(customer_id=customer_id, account=account)


def changed_credit(before: StoreCreditAccount, after: Account, *, is_new: bool) -> Changes:
    """Return the change of an account, or the new account if nobody has seen it yet."""
    if is_new:
        return Changes(new_store_credit_accounts=(before.with_account(after),))
    return Changes(accounts=(AccountChange(before.account, after),))


def changed_credit_facts(before: StoreCreditAccount, after: StoreCreditAccount) -> Changes:
    """
    Return the change of an account's own facts.

    The ledger account's version moves with it, so that nobody who read the
    account before can still write on what he read.
    """
    touched = before.account.touched()
    change = AccountChange(before.account, touched)
    return Changes(store_credit_accounts=(after.with_account(touched),), accounts=(change,))
