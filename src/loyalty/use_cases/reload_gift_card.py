"""Add value to a gift card."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidTime, NotSpendable
from loyalty.events import GiftCardReloaded
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.entry import Entry
from loyalty.ledger.house_accounts import FUNDING
from loyalty.ledger.lot import Lot, LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Side, TransferKind
from loyalty.money import minor_units
from loyalty.policies.expiry import later
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.card_access import the_card, wanted_card
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["Reload", "ReloadGiftCard"]


@attrs.frozen(kw_only=True)
class Reload:
    """The card after its reload, and the entry that did it."""

    gift_card: GiftCardView
    transfer: Entry


@attrs.frozen(kw_only=True)
class ReloadGiftCard(Command[Reload]):
    """
    Add *amount* to a card that exists. Its face value stays what it was issued with.

    The value is purchased unless *origin* says otherwise, and ends at
    *expires_at* (aware, UTC, the first instant at which it is no longer
    spendable) or as much later as the shop's expiry policy says; without
    *expires_at*, never. Purchased value restarts the term of the card: all
    purchased value that lives on it then ends no earlier than the new value.
    Value that has ended stays so. Whoever claimed the card, anybody may add to
    it. *tax_treatment* is that of the card unless it is given. An order that
    pays for a reload is no order that stored value may pay for: name its line
    with ``is_stored_value``.

    Raises:
        loyalty.errors.MalformedCode: If the code cannot be one of this shop.
        loyalty.errors.GiftCardNotFound: If there is no such card.
        loyalty.errors.NotSpendable: If it is pending, blocked or deactivated, or if
            its term is over and nothing on it lives.
        loyalty.errors.CurrencyMismatch: If the card is in another currency.
        loyalty.errors.InvalidTime: If *expires_at* is not in the future.
        loyalty.errors.InvalidAmount: If the balance would become too large.

    Guarantees:
        No purchased value ends sooner after a reload, under any policy
        (``tests/properties/test_a_reload_restarts_the_term.py``).

    Source:
        15 U.S.C. 1693l-1 (United States): the five years of a gift card run from
        the date of issue or of the last load, whichever is later.
    """

    result_type: ClassVar[type] = Reload

    amount: Money = attrs.field(validator=fields.is_amount)
    gift_card_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)
    expires_at: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    origin: LotOrigin = attrs.field(default=LotOrigin.PURCHASED, validator=fields.is_one_of(LotOrigin))
    tax_treatment: TaxTreatment | None = attrs.field(
        default=None, validator=fields.is_one_of(TaxTreatment, optional=True)
    )
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Check that the card is named once."""
        fields.require_one_of(code=self.code, gift_card_id=self.gift_card_id)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Reload]:
        """Decide the new value on the locked card."""
        card = the_card(context, uow.lock(wanted_card(context, self.code, self.gift_card_id)), self.code)
        at = card.account.instant(context.now)
        card.require_active()
        if card.has_ended(at):
            raise NotSpendable("the gift card has expired; reinstate it", reason="expired")
        card.account.require_currency(self.amount)
        if self.expires_at is not None and self.expires_at <= at:
            raise InvalidTime("new value must expire in the future")
        expires_at, decided = context.expiry(self.origin, self.expires_at, at)
        lot = self._lot(context, card, expires_at, at)
        filled, side = card.account.credit((lot,), at)
        reloaded = card.with_account(filled)
        if self.origin is LotOrigin.PURCHASED:
            reloaded = _with_restarted_term(reloaded, expires_at, at)
        return attrs.evolve(self._outcome(context, card, reloaded, side, lot), decisions=(decided,))

    def _lot(self, context: Context, card: GiftCard, expires_at: datetime | None, at: datetime) -> Lot:
        treatment = self.tax_treatment or card.tax_treatment or TaxTreatment.MULTI_PURPOSE
        amount = minor_units(self.amount)
        return context.lot(amount, self.origin, at, expires_at=expires_at, tax_treatment=treatment)

    def _outcome(self, context: Context, before: GiftCard, after: GiftCard, side: Side, lot: Lot) -> Outcome[Reload]:
        account, at = after.account, after.account.recorded_at
        transfer = self.transfer(
            context,
            TransferKind.RELOAD,
            account,
            amount=lot.amount,
            debit=Side(house=FUNDING[self.origin]),
            credit=side,
            at=at,
            order_id=self.order_id,
        )
        return Outcome(
            result=Reload(gift_card=GiftCardView.of(after, at), transfer=Entry.of(transfer, account.id)),
            event=GiftCardReloaded(
                gift_card_id=after.id,
                transfer_id=transfer.id,
                amount=transfer.money,
                expires_at=lot.expires_at,
                order_id=self.order_id,
            ),
            changes=Changes(
                gift_cards=(after,), accounts=(AccountChange(before.account, account),), transfers=(transfer,)
            ),
        )


def _with_restarted_term(card: GiftCard, expires_at: datetime | None, at: datetime) -> GiftCard:
    """Let the card, and all purchased value that lives on it, end no earlier than the new value."""
    ends = {
        lot.id: end
        for lot in card.account.lots
        if lot.origin is LotOrigin.PURCHASED
        and lot.lives(at)
        and (end := later(lot.expires_at, expires_at)) != lot.expires_at
    }
    account = card.account.ending(ends, at) if ends else card.account
    return attrs.evolve(card, account=account, loaded_at=at, expires_at=later(card.expires_at, expires_at))
