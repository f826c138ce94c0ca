"""Make a gift card and its value."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.attempts.watch import CHOSEN
from loyalty.codes.code import GiftCardCode
from loyalty.errors import DuplicateRecord, InvalidTime
from loyalty.events import GiftCardIssued
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift, Recipient
from loyalty.identifiers import GiftCardId
from loyalty.ledger.house_accounts import FUNDING
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Side, TransferKind
from loyalty.policies.tax import Region
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.use_cases.command import Command, Context, Outcome
from loyalty.use_cases.new_card import IssuedGiftCard, NewCard, taxation, with_code_again

__all__ = ["IssueGiftCard"]


def is_recipient(instance: object, field: attrs.Attribute[Any], value: object) -> None:
    """Accept None, a Recipient, or a text of 1 to 200 characters."""
    if type(value) is not Recipient:
        fields.is_optional_text(instance, field, value)


@attrs.frozen(kw_only=True)
class IssueGiftCard(Command[IssuedGiftCard]):
    """
    Issue a gift card that is spendable at once.

    *value* is positive and exact in its currency. *origin* is promotional (a
    gift of the shop) unless said otherwise, and purchased if the card comes
    from an order. *expires_at* is the first instant at which the card is no
    longer spendable; without it the card never expires. The shop's expiry policy
    may let it live longer. *recipient* is a text that the card carries, or a
    ``Recipient``, to whom it is sent then. *customer_id* binds the card to that
    customer from the start. *tax_rate* is a percentage; zero is a rate, None is
    none. *region* is the region's id, or a ``Region``, which then decides whether
    the card carries a rate, and which. *code* chooses the code and needs a ``CodeFormat``
    that allows it; otherwise the code is derived from the card's id under a
    secret key, so that calling again with the same key answers with the same
    code.

    Raises:
        loyalty.errors.InvalidTime: If *expires_at* is not in the future.
        loyalty.errors.InvalidRequest: If chosen codes are not allowed.
        loyalty.errors.MalformedCode: If the chosen code is too short.
        loyalty.errors.DuplicateRecord: If the chosen code is taken.

    Guarantees:
        The database holds no code (``tests/properties/test_codes_are_never_shown.py``).
    """

    result_type: ClassVar[type] = IssuedGiftCard

    value: Money = attrs.field(validator=fields.is_amount)
    expires_at: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code, metadata=CHOSEN)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    recipient: Recipient | str | None = attrs.field(default=None, validator=is_recipient)
    region: Region | str | None = attrs.field(default=None, validator=fields.is_region)
    tax_rate: Decimal | None = attrs.field(default=None, converter=fields.to_percentage)
    tax_treatment: TaxTreatment = attrs.field(
        default=TaxTreatment.MULTI_PURPOSE, validator=fields.is_one_of(TaxTreatment)
    )
    origin: LotOrigin | None = attrs.field(default=None, validator=fields.is_one_of(LotOrigin, optional=True))
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    tags: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[IssuedGiftCard]:
        """Decide the new card."""
        at, origin = context.now, self._origin()
        if self.expires_at is not None and self.expires_at <= at:
            raise InvalidTime("a gift card must expire in the future")
        if self.code is not None:
            self._require_free(uow, context, self.code)
        expires_at, decided = context.expiry(origin, self.expires_at, at)
        made = self._new_card(origin, expires_at).make(context)
        account = made.card.account
        transfer = self.transfer(
            context,
            TransferKind.ISSUE,
            account,
            amount=account.posted,
            debit=Side(house=FUNDING[origin]),
            credit=made.side,
            at=at,
            order_id=self.order_id,
        )
        return Outcome(
            result=made.issued,
            event=self._event(made.card.id, expires_at),
            changes=Changes(new_gift_cards=(made.card,), new_gifts=self._gifts(made.card), transfers=(transfer,)),
            decisions=(decided,),
        )

    def replayed(self, result: IssuedGiftCard, context: Context) -> IssuedGiftCard:
        """Add the code again: derived codes from the card's id, a chosen one from the command."""
        return with_code_again(context, result, self.code)

    def _require_free(self, uow: UnitOfWork, context: Context, code: GiftCardCode) -> None:
        chosen = context.code_format.require_chosen(code)
        if uow.find(Wanted(digests=context.code_keys.digests(chosen))).gift_cards:
            raise DuplicateRecord("the chosen code is taken")

    def _event(self, card_id: GiftCardId, expires_at: datetime | None) -> GiftCardIssued:
        return GiftCardIssued(
            gift_card_id=card_id,
            value=self.value,
            expires_at=expires_at,
            customer_id=self.customer_id,
            recipient=self._said_of_recipient(),
            order_id=self.order_id,
        )

    def _gifts(self, card: GiftCard) -> tuple[Gift, ...]:
        """Return whom to send the card to; a text only says for whom it is."""
        return (Gift.to(self.recipient, card.id, card.issued_at),) if isinstance(self.recipient, Recipient) else ()

    def _said_of_recipient(self) -> str | None:
        """Return what the card itself says; what is known of a person to send it to stands apart."""
        return None if isinstance(self.recipient, Recipient) else self.recipient

    def _new_card(self, origin: LotOrigin, expires_at: datetime | None) -> NewCard:
        region, rate = taxation(self.region, self.tax_rate)
        return NewCard(
            value=self.value,
            origin=origin,
            expires_at=expires_at,
            chosen=self.code,
            customer_id=self.customer_id,
            recipient=self._said_of_recipient(),
            region=region,
            tax_rate=rate,
            tax_treatment=self.tax_treatment,
            order_id=self.order_id,
            note=self.note,
            tags=self.tags,
            metadata=self.metadata,
        )

    def _origin(self) -> LotOrigin:
        if self.origin is not None:
            return self.origin
        return LotOrigin.PROMOTIONAL if self.order_id is None else LotOrigin.PURCHASED
