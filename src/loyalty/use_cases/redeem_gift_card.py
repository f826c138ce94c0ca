"""Pay for an order with one gift card."""

from __future__ import annotations

from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.events import GiftCardRedeemed
from loyalty.money import minor_units
from loyalty.policies.eligibility import OrderLine
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.tenders.asked import to_lines
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.exact_payment import require_allowed, require_one_currency
from loyalty.use_cases.redemption import Redemption, redeem

__all__ = ["RedeemGiftCard"]


@attrs.frozen(kw_only=True)
class RedeemGiftCard(Command[Redemption]):
    """
    Take exactly *amount* from a gift card to pay for an order; the remainder stays.

    The card is named by *code* or by *gift_card_id*. A claimed card is spent
    only by its customer, who must be named as *customer_id*. *lines* say what
    the order consists of, for the shop's redemption rules.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.ClaimedByAnother: If another customer claimed it.
        loyalty.errors.NotSpendable: If it is pending, blocked, deactivated or expired.
        loyalty.errors.CurrencyMismatch: If the card is in another currency.
        loyalty.errors.NotEligible: If the shop's rules veto paying this much for the *lines*.
        loyalty.errors.LimitExceeded: If the shop's limits allow less.
        loyalty.errors.InsufficientBalance: If less is available.

    Guarantees:
        A card never pays more than it holds, however many pay at once
        (``tests/storages/test_races.py``).
    """

    result_type: ClassVar[type] = Redemption

    amount: Money = attrs.field(validator=fields.is_amount)
    order_id: str = attrs.field(validator=fields.is_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)
    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    lines: tuple[OrderLine, ...] = attrs.field(default=(), converter=to_lines, metadata=fields.LATER)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once, and that all money is of one currency."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)
        require_one_currency(self.amount, self.lines)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Redemption]:
        """Decide the redemption on the locked card."""
        found = uow.lock(wanted_card(context, self.code, self.gift_card_id))
        card = the_card(context, found, self.code)
        account, at = card.account, card.account.instant(context.now)
        card.require_spendable(self.customer_id, at)
        account.require_currency(self.amount)
        decisions = require_allowed(context, uow, card, self.amount, order_id=self.order_id, lines=self.lines)
        moves = account.draw(minor_units(self.amount), at, context.policies.spending_order)
        after, transfer, redemption = redeem(
            self, context, account, moves, order_id=self.order_id, gift_card_id=card.id, at=at
        )
        return Outcome(
            result=redemption,
            event=GiftCardRedeemed(
                gift_card_id=card.id, redemption_id=redemption.id, order_id=self.order_id, amount=redemption.amount
            ),
            changes=Changes(accounts=(AccountChange(account, after),), transfers=(transfer,)),
            decisions=decisions,
        )
