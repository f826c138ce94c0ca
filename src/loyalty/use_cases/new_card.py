"""Making a gift card and its code: what issuing a card and refunding an order as a card share."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs
from moneyed import Money

from loyalty.codes.code import GiftCardCode
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import AccountId, GiftCardId, Metadata
from loyalty.ledger.account import Account
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Side
from loyalty.money import exponent_of, minor_units
from loyalty.use_cases.command import Context

__all__ = ["IssuedGiftCard", "MadeCard", "NewCard", "with_code_again"]


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


@attrs.frozen
class MadeCard:
    """A card with its value in it, its account's side of the transfer, and what the caller is told."""

    card: GiftCard
    side: Side
    issued: IssuedGiftCard


@attrs.frozen(kw_only=True)
class NewCard:
    """All that is said about a card that is to be made. ``chosen`` is its code; without one a code is derived."""

    value: Money
    origin: LotOrigin
    expires_at: datetime | None = None
    chosen: GiftCardCode | None = None
    customer_id: str | None = None
    recipient: str | None = None
    region: str | None = None
    tax_rate: Decimal | None = None
    tax_treatment: TaxTreatment = TaxTreatment.MULTI_PURPOSE
    order_id: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Metadata | None = None

    def make(self, context: Context) -> MadeCard:
        """Return the card, active and funded; nothing is written."""
        card_id = GiftCardId(context.new_id())
        key_id, code_format = context.code_keys.current_id, attrs.evolve(context.code_format, retired=())
        code = _code(context, card_id, key_id, code_format, self.chosen)
        account, side = self._funded_account(context)
        card = self._card(context, card_id, account, GiftCardCode.of(code))
        view = GiftCardView.of(card, context.now)
        return MadeCard(
            card, side, IssuedGiftCard(gift_card=view, code_key_id=key_id, code_format=code_format, code=code)
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
        lot = context.lot(amount, self.origin, at, expires_at=self.expires_at, tax_treatment=self.tax_treatment)
        return empty.credit((lot,), at)

    def _card(self, context: Context, card_id: GiftCardId, account: Account, code: GiftCardCode) -> GiftCard:
        return GiftCard(
            id=card_id,
            account=account,
            value=account.posted,
            origin=self.origin,
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


def with_code_again(context: Context, issued: IssuedGiftCard, chosen: GiftCardCode | None = None) -> IssuedGiftCard:
    """Return a stored answer with its code: derived codes from the card's id, a *chosen* one from the command."""
    code = _code(context, issued.gift_card.id, issued.code_key_id, issued.code_format, chosen)
    return attrs.evolve(issued, code=code)


def _code(
    context: Context, card_id: GiftCardId, key_id: str, code_format: CodeFormat, chosen: GiftCardCode | None
) -> str:
    if chosen is not None:
        return chosen.reveal()
    return mint(context.code_keys, code_format, card_id, 1, key_id)
