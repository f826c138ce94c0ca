"""Move a gift card's value into store credit."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import NotSpendable
from loyalty.events import GiftCardConverted
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import GiftCardId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.lot import LotMove
from loyalty.ledger.transfer import Side, TransferKind
from loyalty.ports.changes import AccountChange
from loyalty.ports.storage import UnitOfWork
from loyalty.store_credit.account import StoreCreditAccount, StoreCreditView
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import changed_credit, credit_in, new_credit
from loyalty.use_cases.moving import lots_like

__all__ = ["Conversion", "ConvertGiftCard"]


@attrs.frozen(kw_only=True)
class Conversion:
    """What became store credit, and the account after it."""

    amount: Money
    gift_card_id: GiftCardId
    account: StoreCreditView
    transfer_id: TransferId


@attrs.frozen(kw_only=True)
class ConvertGiftCard(Command[Conversion]):
    """
    Move all that is spendable on a card into the customer's store credit, lot by lot.

    Each lot keeps its expiry, origin, start and tax treatment. The card becomes
    the customer's, so that a later refund to it is his too. The account is
    opened if the customer has none in the card's currency. Value that is held
    for an order stays on the card.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.ClaimedByAnother: If another customer claimed it.
        loyalty.errors.NotSpendable: If it is pending, blocked, deactivated, expired
            or exhausted, or if the store credit account is closed.
    """

    result_type: ClassVar[type] = Conversion

    customer_id: str = attrs.field(validator=fields.is_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)
    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Conversion]:
        """Decide the conversion on both locked accounts."""
        wanted = wanted_card(context, self.code, self.gift_card_id)
        found = uow.lock(attrs.evolve(wanted, customers=((self.customer_id, None),)))
        card = the_card(context, found, self.code)
        source, at = card.account, card.account.instant(context.now)
        card.require_spendable(self.customer_id, at)
        target, is_new = self._target(context, credit_in(found, source.currency), source, at)
        at = target.account.instant(at)
        moves = _all_that_lives(source, at)
        emptied, debit = source.debit(moves, at)
        filled, credit = target.account.credit(lots_like(context, source, moves, at), at)
        return self._outcome(context, card, emptied, debit, (target, filled, credit), is_new=is_new, at=at)

    def _target(
        self, context: Context, known: StoreCreditAccount | None, source: Account, at: datetime
    ) -> tuple[StoreCreditAccount, bool]:
        if known is None:
            return new_credit(context, self.customer_id, source.currency, source.exponent, at), True
        known.require_not_closed()
        return known, False

    def _outcome(
        self,
        context: Context,
        card: GiftCard,
        emptied: Account,
        debit: Side,
        target: tuple[StoreCreditAccount, Account, Side],
        *,
        is_new: bool,
        at: datetime,
    ) -> Outcome[Conversion]:
        credited, filled, credit = target
        amount = card.account.posted - emptied.posted
        transfer = self.transfer(
            context, TransferKind.CONVERSION, filled, amount=amount, debit=debit, credit=credit, at=at
        )
        claimed = card.claim(self.customer_id, at).with_account(emptied)
        changes = changed_credit(credited, filled, is_new=is_new)
        return Outcome(
            result=Conversion(
                amount=filled.money(amount),
                gift_card_id=card.id,
                account=StoreCreditView.of(credited.with_account(filled), at),
                transfer_id=transfer.id,
            ),
            event=GiftCardConverted(
                gift_card_id=card.id,
                customer_id=self.customer_id,
                account_id=filled.id,
                amount=filled.money(amount),
            ),
            changes=attrs.evolve(
                changes,
                gift_cards=(claimed,) if card.customer_id is None else (),
                accounts=(*changes.accounts, AccountChange(card.account, emptied)),
                transfers=(transfer,),
            ),
        )


def _all_that_lives(source: Account, at: datetime) -> tuple[LotMove, ...]:
    """Return moves of every free, unexpired part; value that has not begun yet moves too."""
    moves = tuple(
        LotMove(lot_id=lot.id, amount=lot.free, origin=lot.origin)
        for lot in source.standing(at).lots
        if lot.free > 0 and not lot.is_expired(at)
    )
    if not moves:
        raise NotSpendable("there is no value left on the gift card", reason="exhausted")
    return moves
