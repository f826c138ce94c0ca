"""Pay for one order with several gift cards and store credit at once."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.events import OrderPaid
from loyalty.gift_cards.card import GiftCard
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import Transfer
from loyalty.money import to_money
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import Found, UnitOfWork
from loyalty.tenders.asked import PaymentRequest
from loyalty.tenders.planning import Planned, PlannedPart, plan_request, wanted_for
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.holding import changed_accounts
from loyalty.use_cases.place_hold import resolved_for_another
from loyalty.use_cases.redemption import Redemption, redeem

__all__ = ["PayWithBalances", "Payment"]


@attrs.frozen(kw_only=True)
class Payment:
    """What stored value paid: ``amount`` is the sum of ``parts``; ``remaining_due`` is to be paid elsewhere."""

    order_id: str
    amount: Money
    remaining_due: Money
    parts: tuple[Redemption, ...]


@attrs.frozen(kw_only=True)
class PayWithBalances(PaymentRequest, Command[Payment]):
    """
    Pay as much of *amount_due* as the named cards and the customer's credit hold.

    It is ``PlaceHold`` and ``CaptureHold`` in one step. Value is drawn lot by lot
    in the shop's spending order across all tenders: what expires soonest first.
    Either all tenders are usable, or nothing is taken; a tender that is merely
    empty pays nothing. Store credit is used unless *use_store_credit* is false;
    a customer without an account has none. An open hold of the same order is
    voided, and what it reserved may pay.

    Raises:
        loyalty.errors.InvalidRequest: If no tender is named, or a bound or line is in another currency.
        loyalty.errors.MalformedCode: If a code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If a card does not exist.
        loyalty.errors.ClaimedByAnother: If another customer claimed a card.
        loyalty.errors.NotSpendable: If a card is pending, blocked, deactivated or
            expired, or the store credit account is blocked or closed.
        loyalty.errors.CurrencyMismatch: If a card is in another currency than *amount_due*.
        loyalty.errors.NotEligible: If the shop's rules let a tender pay for nothing of the order.
    """

    result_type: ClassVar[type] = Payment

    order_id: str = attrs.field(validator=fields.is_text)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Payment]:
        """Decide the payment on all locked tenders."""
        found = uow.lock(wanted_for(self, context, self.order_id))
        replaced = found.holds[0] if found.holds else None
        planned = plan_request(self, context, uow, found, order_id=self.order_id, replaced=replaced)
        planned.examined.require_all()
        accounts = _Accounts(found, replaced, planned.at)
        redeemed = [self._redeem(context, accounts, part, planned.at) for part in planned.parts if part.moves]
        return self._outcome(accounts, redeemed, planned)

    def _redeem(
        self, context: Context, accounts: _Accounts, part: PlannedPart, at: datetime
    ) -> tuple[Transfer, Redemption]:
        owner = part.tender.owner
        after, transfer, redemption = redeem(
            self,
            context,
            accounts.now[part.tender.account.id],
            part.moves,
            order_id=self.order_id,
            gift_card_id=owner.id if isinstance(owner, GiftCard) else None,
            at=at,
        )
        accounts.now[after.id] = after
        return transfer, redemption

    def _outcome(
        self, accounts: _Accounts, redeemed: list[tuple[Transfer, Redemption]], planned: Planned
    ) -> Outcome[Payment]:
        payment = Payment(
            order_id=self.order_id,
            amount=to_money(planned.amount, self.currency, self.exponent),
            remaining_due=to_money(self.due - planned.amount, self.currency, self.exponent),
            parts=tuple(redemption for _, redemption in redeemed),
        )
        return Outcome(
            result=payment,
            event=OrderPaid(
                order_id=self.order_id,
                redemption_ids=tuple(part.id for part in payment.parts),
                amount=payment.amount,
                remaining_due=payment.remaining_due,
            ),
            changes=Changes(
                accounts=accounts.changes(),
                holds=resolved_for_another(accounts.let_go, planned.at),
                transfers=tuple(transfer for transfer, _ in redeemed),
            ),
            decisions=planned.decisions,
        )


class _Accounts:
    """The accounts as they stand while the parts are taken one by one, without the order's earlier hold."""

    def __init__(self, found: Found, let_go: Hold | None, at: datetime) -> None:
        self.let_go = let_go
        self._before = {account.id: account for account in found.accounts()}
        self.now = dict(self._before)
        for change in changed_accounts(found.accounts(), at, let_go=let_go, reserve={}):
            self.now[change.after.id] = change.after

    def changes(self) -> tuple[AccountChange, ...]:
        """Return what has changed."""
        changed = [(before, self.now[id_]) for id_, before in self._before.items() if self.now[id_] is not before]
        return tuple(AccountChange(before, after) for before, after in changed)
