"""Pay for one order with several gift cards and store credit at once."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import GiftCardNotFound, InvalidRequest
from loyalty.events import OrderPaid
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import GiftCardId
from loyalty.ledger.account import Account
from loyalty.ledger.lot import LotMove, draw
from loyalty.ledger.transfer import Transfer
from loyalty.money import exponent_of, minor_units, to_money
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import Found, UnitOfWork, Wanted
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.credit_access import credit_in
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
class PayWithBalances(Command[Payment]):
    """
    Pay as much of *amount_due* as the named cards and the customer's credit hold.

    Value is drawn lot by lot in the shop's spending order across all tenders:
    what expires soonest first. Either all tenders are usable, or nothing is
    taken; a tender that is merely empty pays nothing. Store credit is used
    unless *use_store_credit* is false; a customer without an account has none.

    Raises:
        loyalty.errors.MalformedCode: If a code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If a card does not exist.
        loyalty.errors.ClaimedByAnother: If another customer claimed a card.
        loyalty.errors.NotSpendable: If a card is pending, blocked, deactivated or
            expired, or the store credit account is blocked or closed.
        loyalty.errors.CurrencyMismatch: If a card is in another currency than *amount_due*.
    """

    result_type: ClassVar[type] = Payment

    order_id: str = attrs.field(validator=fields.is_text)
    amount_due: Money = attrs.field(validator=fields.is_amount)
    codes: tuple[GiftCardCode, ...] = attrs.field(default=(), converter=fields.to_codes)
    gift_card_ids: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    use_store_credit: bool = attrs.field(default=True, validator=fields.is_flag)

    def __attrs_post_init__(self) -> None:
        """Check that there is something to pay with."""
        has_credit = self.use_store_credit and self.customer_id is not None
        if not self.codes and not self.gift_card_ids and not has_credit:
            raise InvalidRequest("name at least one gift card, or a customer whose store credit is used")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Payment]:
        """Decide the payment on all locked tenders."""
        found = uow.lock(self._wanted(context))
        self._require_every_card(context, found)
        credit = credit_in(found, self.amount_due.currency.code)
        tenders: list[tuple[Account, GiftCardId | None]] = [(card.account, card.id) for card in found.gift_cards]
        tenders += [] if credit is None else [(credit.account, None)]
        at = max([context.now, *(account.recorded_at for account, _ in tenders)])
        self._require_usable(found.gift_cards, credit, at)
        lots = [lot for account, _ in tenders for lot in account.lots]
        moves = draw(lots, minor_units(self.amount_due), at, context.policies.spending_order)
        parts = [
            (account, *redeem(self, context, account, own, order_id=self.order_id, gift_card_id=card_id, at=at))
            for account, card_id in tenders
            if (own := _moves_of(account, moves))
        ]
        return self._outcome(parts)

    def _require_usable(self, cards: tuple[GiftCard, ...], credit: StoreCreditAccount | None, at: datetime) -> None:
        """Check all tenders; whose cards they are comes before what is on any of them."""
        for card in cards:
            card.require_owner(self.customer_id)
        for card in cards:
            card.require_spendable(self.customer_id, at)
        if credit is not None:
            credit.require_open()
        for account in [*(card.account for card in cards), *([] if credit is None else [credit.account])]:
            account.require_currency(self.amount_due)

    def _wanted(self, context: Context) -> Wanted:
        digests = [digest for code in self.codes for digest in context.digests(code)]
        pays_with_credit = self.use_store_credit and self.customer_id is not None
        return Wanted(
            digests=tuple(digests),
            codes=len(self.codes),
            gift_card_ids=tuple([GiftCardId(id_) for id_ in self.gift_card_ids]),
            customers=((str(self.customer_id), self.amount_due.currency.code),) if pays_with_credit else (),
        )

    def _require_every_card(self, context: Context, found: Found) -> None:
        digests = {card.code_digest for card in found.gift_cards}
        ids = {card.id for card in found.gift_cards}
        by_code = [not digests.isdisjoint(context.digests(code)) for code in self.codes]
        context.require(*self.codes)
        if not all(by_code) or not ids.issuperset(self.gift_card_ids):
            raise GiftCardNotFound

    def _outcome(self, parts: list[tuple[Account, Account, Transfer, Redemption]]) -> Outcome[Payment]:
        due, currency = minor_units(self.amount_due), self.amount_due.currency
        exponent = exponent_of(currency)
        paid = sum(before.posted - after.posted for before, after, _, _ in parts)
        payment = Payment(
            order_id=self.order_id,
            amount=to_money(paid, currency.code, exponent),
            remaining_due=to_money(due - paid, currency.code, exponent),
            parts=tuple(redemption for _, _, _, redemption in parts),
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
                accounts=tuple(AccountChange(before, after) for before, after, _, _ in parts),
                transfers=tuple(transfer for _, _, transfer, _ in parts),
            ),
        )


def _moves_of(account: Account, moves: tuple[LotMove, ...]) -> tuple[LotMove, ...]:
    own = {lot.id for lot in account.lots}
    return tuple(move for move in moves if move.lot_id in own)
