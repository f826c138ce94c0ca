"""Make a gift card and its value."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.attempts.watch import CHOSEN
from loyalty.codes.code import GiftCardCode
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.errors import DuplicateRecord, InvalidTime
from loyalty.events import GiftCardIssued
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import AccountId, GiftCardId
from loyalty.ledger.account import Account
from loyalty.ledger.house_accounts import FUNDING
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Side, TransferKind
from loyalty.money import exponent_of, minor_units
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["IssueGiftCard", "IssuedGiftCard"]


@attrs.frozen(kw_only=True)
class IssuedGiftCard:
    """
    The new card, and its full code: here and nowhere else.

    ``code_key_id`` and ``code_format`` say how the code was derived, so that it
    can be shown again after keys or formats have changed; they are no secret.
    """

    gift_card: GiftCardView
    code_key_id: str = attrs.field(repr=False)
    code_format: CodeFormat = attrs.field(repr=False)
    code: str = attrs.field(repr=False, default="", metadata={"secret": True})


@attrs.frozen(kw_only=True)
class IssueGiftCard(Command[IssuedGiftCard]):
    """
    Issue a gift card that is spendable at once.

    *value* is positive and exact in its currency. *origin* is promotional (a
    gift of the shop) unless said otherwise, and purchased if the card comes
    from an order. *expires_at* is the first instant at which the card is no
    longer spendable; without it the card never expires. *customer_id* binds the
    card to that customer from the start. *tax_rate* is a percentage; zero is a
    rate, None is none. *code* chooses the code and needs a ``CodeFormat`` that
    allows it; otherwise the code is derived from the card's id under a secret
    key, so that calling again with the same key answers with the same code.

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
    recipient: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    region: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    tax_rate: Decimal | None = attrs.field(default=None, converter=fields.to_percentage)
    tax_treatment: TaxTreatment = attrs.field(
        default=TaxTreatment.MULTI_PURPOSE, validator=fields.is_one_of(TaxTreatment)
    )
    origin: LotOrigin | None = attrs.field(default=None, validator=fields.is_one_of(LotOrigin, optional=True))
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    tags: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[IssuedGiftCard]:
        """Decide the new card."""
        at = context.now
        if self.expires_at is not None and self.expires_at <= at:
            raise InvalidTime("a gift card must expire in the future")
        card_id = GiftCardId(context.new_id())
        key_id, code_format = context.code_keys.current_id, attrs.evolve(context.code_format, retired=())
        if self.code is not None:
            self._require_free(uow, context, self.code)
        code = self._code(context, card_id, key_id, code_format)
        account, side = self._funded_account(context)
        card = self._card(context, card_id, account, GiftCardCode.of(code))
        transfer = self.transfer(
            context,
            TransferKind.ISSUE,
            account,
            amount=account.posted,
            debit=Side(house=FUNDING[card.origin]),
            credit=side,
            at=at,
            order_id=self.order_id,
        )
        return Outcome(
            result=IssuedGiftCard(
                gift_card=GiftCardView.of(card, at), code_key_id=key_id, code_format=code_format, code=code
            ),
            event=self._event(card_id),
            changes=Changes(new_gift_cards=(card,), transfers=(transfer,)),
        )

    def replayed(self, result: IssuedGiftCard, context: Context) -> IssuedGiftCard:
        """Add the code again: derived codes from the card's id, a chosen one from the command."""
        code = self._code(context, result.gift_card.id, result.code_key_id, result.code_format)
        return attrs.evolve(result, code=code)

    def _code(self, context: Context, card_id: GiftCardId, key_id: str, code_format: CodeFormat) -> str:
        if self.code is not None:
            return self.code.reveal()
        return mint(context.code_keys, code_format, card_id, 1, key_id)

    def _require_free(self, uow: UnitOfWork, context: Context, code: GiftCardCode) -> None:
        chosen = context.code_format.require_chosen(code)
        if uow.find(Wanted(digests=context.code_keys.digests(chosen))).gift_cards:
            raise DuplicateRecord("the chosen code is taken")

    def _event(self, card_id: GiftCardId) -> GiftCardIssued:
        return GiftCardIssued(
            gift_card_id=card_id,
            value=self.value,
            expires_at=self.expires_at,
            customer_id=self.customer_id,
            recipient=self.recipient,
            order_id=self.order_id,
        )

    def _funded_account(self, context: Context) -> tuple[Account, Side]:
        amount, currency, at = minor_units(self.value), self.value.currency, context.now
        empty = Account(
            id=AccountId(context.new_id()),
            currency=currency.code,
            exponent=exponent_of(currency),
            opened_at=at,
            recorded_at=at,
        )
        lot = context.lot(amount, self._origin(), at, expires_at=self.expires_at, tax_treatment=self.tax_treatment)
        return empty.credit((lot,), at)

    def _card(self, context: Context, card_id: GiftCardId, account: Account, code: GiftCardCode) -> GiftCard:
        return GiftCard(
            id=card_id,
            account=account,
            value=account.posted,
            origin=self._origin(),
            code_digest=context.code_keys.digest(code),
            code_key_id=context.code_keys.current_id,
            last_four=code.last_four,
            issued_at=context.now,
            expires_at=self.expires_at,
            customer_id=self.customer_id,
            claimed_at=context.now if self.customer_id is not None else None,
            region=self.region,
            tax_rate=self.tax_rate,
            order_id=self.order_id,
            recipient=self.recipient,
            note=self.note,
            tags=self.tags,
            metadata=self.metadata,
        )

    def _origin(self) -> LotOrigin:
        if self.origin is not None:
            return self.origin
        return LotOrigin.PROMOTIONAL if self.order_id is None else LotOrigin.PURCHASED
