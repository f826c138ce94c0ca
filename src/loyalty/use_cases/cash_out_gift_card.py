"""Pay what is left on a gift card out in money."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import CashOutNotDue
from loyalty.events import GiftCardCashedOut
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.remainder import paid_moves, remainder_of
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.account import Account
from loyalty.ledger.entry import Entry
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Side, TransferKind
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["CashOut", "CashOutGiftCard"]


@attrs.frozen(kw_only=True)
class CashOut:
    """How much is to be paid out in money, the card after it, and the entry."""

    gift_card: GiftCardView
    amount: Money
    transfer: Entry


@attrs.frozen(kw_only=True)
class CashOutGiftCard(Command[CashOut]):
    """
    Take all paid value that is spendable off a card, to be paid out in money.

    Only if the shop's policy (``Policies.cash_out``; by default it never does)
    says that it is due. It is asked for the law of *jurisdiction*, where the
    bearer stands, or of the card's region. Promotional value, refunds and goodwill
    stay on the card, and so does what an order holds. A claimed card is paid
    out to its customer only, who must be named as *customer_id*. A deactivated
    card is paid out only to staff, who name it by its id. ``ReverseTransfer``
    undoes it if the money could not be paid.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.ClaimedByAnother: If another customer claimed it.
        loyalty.errors.NotSpendable: If it is pending, blocked, expired or not yet
            active, or deactivated and named by its code.
        loyalty.errors.CashOutNotDue: If nothing was paid for, or the shop's policy
            says no.

    Guarantees:
        A remainder is paid out once, however many ask at once (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = CashOut

    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    jurisdiction: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[CashOut]:
        """Decide what is paid out of the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, self.code, self.gift_card_id)), self.code)
        account, at = card.account, card.account.instant(context.now)
        if self.gift_card_id is not None and card.status is GiftCardStatus.DEACTIVATED:
            card.require_owner(self.customer_id)
        else:
            card.require_spendable(self.customer_id, at)
        moves, remainder = paid_moves(card, at), remainder_of(card, self.jurisdiction, at)
        if not moves:
            raise CashOutNotDue("nothing on the gift card was paid for and is free", reason="nothing_paid")
        rule = context.policies.cash_out(remainder)
        if rule is None:
            raise CashOutNotDue(reason="no_rule", paid=account.money(remainder.paid))
        after, side = account.debit(moves, at)
        decided = context.policies.decided("cash_out", rule.said)
        jurisdiction = remainder.jurisdiction
        return attrs.evolve(self._outcome(context, card, after, side, jurisdiction), decisions=(decided,))

    def _outcome(
        self, context: Context, card: GiftCard, after: Account, side: Side, jurisdiction: str | None
    ) -> Outcome[CashOut]:
        transfer = self.transfer(
            context,
            TransferKind.CASH_OUT,
            after,
            amount=card.account.posted - after.posted,
            debit=side,
            credit=Side(house=HouseAccount.CASH_OUT),
            at=after.recorded_at,
        )
        return Outcome(
            result=CashOut(
                gift_card=GiftCardView.of(card.with_account(after), after.recorded_at),
                amount=transfer.money,
                transfer=Entry.of(transfer, after.id),
            ),
            event=GiftCardCashedOut(
                gift_card_id=card.id, transfer_id=transfer.id, amount=transfer.money, jurisdiction=jurisdiction
            ),
            changes=Changes(accounts=(AccountChange(card.account, after),), transfers=(transfer,)),
        )
