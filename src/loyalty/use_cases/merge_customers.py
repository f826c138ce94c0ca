"""Make one customer of two."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.errors import AccountNotEmpty, CurrencyMismatch, InvalidRequest
from loyalty.events import CustomersMerged
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import GiftCardId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.lot import LotMove
from loyalty.ledger.transfer import Transfer
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditStatus, StoreCreditView
from loyalty.use_cases.card_access import changed_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import new_credit
from loyalty.use_cases.moving import move

__all__ = ["CustomerMerge", "MergeCustomers"]


@attrs.frozen(kw_only=True)
class CustomerMerge:
    """
    What became the other customer's.

    ``amounts`` is the store credit that moved, one amount per currency, by
    ``transfer_ids``; ``accounts`` are those that took over, after it.
    """

    from_customer_id: str
    into_customer_id: str
    amounts: tuple[Money, ...]
    accounts: tuple[StoreCreditView, ...]
    transfer_ids: tuple[TransferId, ...]
    gift_card_ids: tuple[GiftCardId, ...]


@attrs.frozen(kw_only=True)
class MergeCustomers(Command[CustomerMerge]):
    """
    Give all that one customer has to another: store credit in every currency, and claimed cards.

    Store credit moves lot by lot, and every lot keeps its expiry, origin, start,
    priority and tax treatment; value that has expired and is not yet posted moves
    too and stays expired. Accounts are opened where the other customer has none.
    The old accounts are closed for good and name their successor, to which a
    later refund of what they paid goes. A card that is blocked stays blocked;
    who bought a card, and whom a past order was held for, stays as it was.

    Merging again moves what came to the old customer since. Nothing is spent by
    it, so the shop's limits do not count it.

    Raises:
        loyalty.errors.InvalidRequest: If both are the same customer.
        loyalty.errors.AccountNotEmpty: If an order holds value on an account or claimed
            card of the old customer; ``held`` says how much.
        loyalty.errors.CurrencyMismatch: If the two have accounts in one currency with
            different numbers of decimals.
        loyalty.errors.NotSpendable: If an account with value is blocked, or the one that
            would take an account over is closed.

    Guarantees:
        Merged while it is spent, not a unit is lost or doubled
        (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = CustomerMerge

    from_customer_id: str = attrs.field(validator=fields.is_text)
    into_customer_id: str = attrs.field(validator=fields.is_text)

    def __attrs_post_init__(self) -> None:
        """Check that there are two customers."""
        if self.from_customer_id == self.into_customer_id:
            raise InvalidRequest("two customers are merged; name another one")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[CustomerMerge]:
        """Decide the merge on all locked accounts of both."""
        found = uow.lock(Wanted(owners=(self.from_customer_id,), customers=((self.into_customer_id, None),)))
        at = found.instant(context.now)
        cards = [card for card in found.gift_cards if card.customer_id == self.from_customer_id]
        old = [credit for credit in found.store_credit_accounts if self._is_old(credit)]
        _require_nothing_held([*(card.account for card in cards), *(credit.account for credit in old)], at)
        others = {
            credit.account.currency: credit
            for credit in found.store_credit_accounts
            if credit.customer_id == self.into_customer_id
        }
        takeovers = [self._take_over(context, credit, others.get(credit.account.currency), at) for credit in old]
        return self._outcome(takeovers, cards, at)

    def _is_old(self, credit: StoreCreditAccount) -> bool:
        return credit.customer_id == self.from_customer_id and credit.status is not StoreCreditStatus.CLOSED

    def _take_over(
        self, context: Context, old: StoreCreditAccount, known: StoreCreditAccount | None, at: datetime
    ) -> _Takeover:
        """Return what becomes of one account. An empty one has a successor too: refunds may follow."""
        account = old.account
        new = known or new_credit(context, self.into_customer_id, account.currency, account.exponent, at)
        if new.account.exponent != account.exponent:
            raise CurrencyMismatch("the accounts count in different decimals", account.currency, new.account.currency)
        if account.posted:
            old.require_open()
        new.require_not_closed()
        if not account.posted:
            return _Takeover(old, account.touched(), known, new, None)
        moved = move(self, context, account, new.account, _all_of(account), at=at)
        return _Takeover(old, moved.source, known, new.with_account(moved.target), moved.transfer)

    def _outcome(self, takeovers: list[_Takeover], cards: list[GiftCard], at: datetime) -> Outcome[CustomerMerge]:
        transfers = tuple([one.transfer for one in takeovers if one.transfer is not None])
        merge = CustomerMerge(
            from_customer_id=self.from_customer_id,
            into_customer_id=self.into_customer_id,
            amounts=tuple([transfer.money for transfer in transfers]),
            accounts=tuple([StoreCreditView.of(one.new, at) for one in takeovers]),
            transfer_ids=tuple([transfer.id for transfer in transfers]),
            gift_card_ids=tuple([card.id for card in cards]),
        )
        return Outcome(
            result=merge,
            event=CustomersMerged(
                from_customer_id=merge.from_customer_id,
                into_customer_id=merge.into_customer_id,
                amounts=merge.amounts,
                account_ids=tuple([account.id for account in merge.accounts]),
                transfer_ids=merge.transfer_ids,
                gift_card_ids=merge.gift_card_ids,
            ),
            changes=self._changes(takeovers, cards, transfers),
        )

    def _changes(self, takeovers: list[_Takeover], cards: list[GiftCard], transfers: tuple[Transfer, ...]) -> Changes:
        handed = [changed_card(card, card.handed_to(self.into_customer_id)) for card in cards]
        credits_ = [change for one in takeovers for change in one.changed_accounts()]
        return Changes(
            new_store_credit_accounts=tuple([one.new for one in takeovers if one.known is None]),
            gift_cards=tuple([card for change in handed for card in change.gift_cards]),
            store_credit_accounts=tuple([one.closed() for one in takeovers]),
            accounts=(*credits_, *(account for change in handed for account in change.accounts)),
            transfers=transfers,
        )


@attrs.frozen
class _Takeover:
    """An account and its ledger account after it, and its successor, which may be new, before and after it."""

    old: StoreCreditAccount
    emptied: Account
    known: StoreCreditAccount | None
    new: StoreCreditAccount
    transfer: Transfer | None

    def closed(self) -> StoreCreditAccount:
        """Return the old account as it is left."""
        return self.old.with_account(self.emptied).closed_for(self.new.id)

    def changed_accounts(self) -> Iterable[AccountChange]:
        """Yield the changes of ledger accounts that were there before."""
        yield AccountChange(self.old.account, self.emptied)
        if self.known is not None and self.transfer is not None:
            yield AccountChange(self.known.account, self.new.account)


def _require_nothing_held(accounts: Iterable[Account], at: datetime) -> None:
    for account in accounts:
        standing = account.standing(at)
        if standing.held:
            raise AccountNotEmpty(
                "orders hold value of the customer; capture or void the holds first",
                posted=account.money(standing.posted),
                held=account.money(standing.held),
            )


def _all_of(account: Account) -> tuple[LotMove, ...]:
    """Return moves of all there is, expired and not yet begun included; nothing of it is held."""
    return tuple(
        [LotMove(lot_id=lot.id, amount=lot.remaining, origin=lot.origin) for lot in account.lots if lot.remaining]
    )
