"""Making a gift card and its codes: what issuing a card, refunding an order as a card and replacing a code share."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import attrs
from moneyed import Money

from loyalty.codes.code import GiftCardCode
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import AccountId, GiftCardId, Metadata
from loyalty.ledger.account import Account
from loyalty.ledger.lot import Lot, LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Side
from loyalty.money import exponent_of, minor_units
from loyalty.policies.tax import Region, resolve_tax_rate
from loyalty.use_cases.command import Context

__all__ = ["CodeStamp", "IssuedGiftCard", "MadeCard", "NewCard", "taxation", "with_code_again", "with_next_code"]


@attrs.frozen(kw_only=True)
class IssuedGiftCard:
    """
    The new card, and its full code: here and nowhere else.

    ``code_key_id``, ``code_format`` and ``code_version``, which counts the codes
    of this card, say how the code was derived, so that it can be shown again
    after keys or formats have changed; they are no secret.
    """

    gift_card: GiftCardView
    code_key_id: str = attrs.field(repr=False)
    code_format: CodeFormat = attrs.field(repr=False)
    code_version: int = attrs.field(repr=False, default=1)
    code: str = attrs.field(repr=False, default="", metadata={"secret": True})


@attrs.frozen
class MadeCard:
    """A card with its value in it, its account's side of the transfer, and its code and what that was derived with."""

    card: GiftCard
    side: Side
    code: str = attrs.field(repr=False)
    code_key_id: str
    code_format: CodeFormat

    @property
    def issued(self) -> IssuedGiftCard:
        """What the caller is told."""
        return IssuedGiftCard(
            gift_card=GiftCardView.of(self.card, self.card.issued_at),
            code_key_id=self.code_key_id,
            code_format=self.code_format,
            code=self.code,
        )


class CodeStamp(NamedTuple):
    """What is stored of a code: its digest, the key behind that, and its last four symbols."""

    digest: str
    key_id: str
    last_four: str

    @classmethod
    def of(cls, context: Context, code: GiftCardCode) -> CodeStamp:
        """Return what is stored of *code* under the present key."""
        return cls(context.code_keys.digest(code), context.code_keys.current_id, code.last_four)


@attrs.frozen(kw_only=True)
class NewCard:
    """
    All that is said about a card that is to be made.

    ``chosen`` is its code; without one a code is derived, as the ``batch`` says
    that the card is one of.
    """

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
    batch: GiftCardBatch | None = None

    def make(self, context: Context, unit: int | None = None) -> MadeCard:
        """Return the card, active and funded; *unit* is its number in the batch. Nothing is written."""
        card_id = GiftCardId(context.new_id())
        key_id, code_format = self._derivation(context)
        code = _code(context, card_id, key_id, code_format, self.chosen)
        account, side = self.empty_account(context).credit((self.lot(context, minor_units(self.value)),), context.now)
        card = self.card(context, card_id, account, CodeStamp.of(context, GiftCardCode.of(code)), unit)
        return MadeCard(card, side, code, key_id, code_format)

    def _derivation(self, context: Context) -> tuple[str, CodeFormat]:
        if self.batch is not None:
            return self.batch.code_key_id, self.batch.code_format
        return context.code_keys.current_id, attrs.evolve(context.code_format, retired=())

    def make_pending(self, context: Context) -> GiftCard:
        """Return the card, pending and without its value; its code is derived. Nothing is written."""
        card_id = GiftCardId(context.new_id())
        code = GiftCardCode.of(mint(context.code_keys, context.code_format, card_id, 1))
        card = self.card(context, card_id, self.empty_account(context), CodeStamp.of(context, code))
        return attrs.evolve(card, status=GiftCardStatus.PENDING, tax_treatment=self.tax_treatment)

    def empty_account(self, context: Context) -> Account:
        """Return an account for the card, without value."""
        currency, at = self.value.currency, context.now
        return Account(
            id=AccountId(context.new_id()),
            currency=currency.code,
            exponent=exponent_of(currency),
            opened_at=at,
            recorded_at=at,
        )

    def lot(self, context: Context, amount: int) -> Lot:
        """Return a lot of the card's own nature, of *amount* minor units."""
        return context.lot(
            amount, self.origin, context.now, expires_at=self.expires_at, tax_treatment=self.tax_treatment
        )

    def card(
        self, context: Context, card_id: GiftCardId, account: Account, stamp: CodeStamp, unit: int | None = None
    ) -> GiftCard:
        """Return the card, active, on *account* and under the code that *stamp* is of."""
        return GiftCard(
            id=card_id,
            account=account,
            value=minor_units(self.value),
            origin=self.origin,
            code_digest=stamp.digest,
            code_key_id=stamp.key_id,
            last_four=stamp.last_four,
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
            batch_id=None if self.batch is None else self.batch.id,
            unit=unit,
        )


def taxation(region: Region | str | None, tax_rate: Decimal | None) -> tuple[str | None, Decimal | None]:
    """Return the id of a region and the rate that a card of it carries; a ``Region`` decides the rate."""
    if isinstance(region, Region):
        return region.id, resolve_tax_rate(region, tax_rate)
    return region, tax_rate


def with_code_again(context: Context, issued: IssuedGiftCard, chosen: GiftCardCode | None = None) -> IssuedGiftCard:
    """Return a stored answer with its code: derived codes from the card's id, a *chosen* one from the command."""
    if chosen is not None:
        return attrs.evolve(issued, code=chosen.reveal())
    key_id, version = issued.code_key_id, issued.code_version
    return attrs.evolve(issued, code=mint(context.code_keys, issued.code_format, issued.gift_card.id, version, key_id))


def with_next_code(context: Context, card: GiftCard, at: datetime) -> tuple[GiftCard, IssuedGiftCard]:
    """Return *card* under its next code, derived with the present key and format, and what the caller is told."""
    version, code_format = card.code_version + 1, attrs.evolve(context.code_format, retired=())
    text = mint(context.code_keys, code_format, card.id, version)
    code = GiftCardCode.of(text)
    recoded = attrs.evolve(
        card,
        code_digest=context.code_keys.digest(code),
        code_key_id=context.code_keys.current_id,
        code_version=version,
        last_four=code.last_four,
    )
    return recoded, IssuedGiftCard(
        gift_card=GiftCardView.of(recoded, at),
        code_key_id=recoded.code_key_id,
        code_format=code_format,
        code_version=version,
        code=text,
    )


def _code(
    context: Context, card_id: GiftCardId, key_id: str, code_format: CodeFormat, chosen: GiftCardCode | None
) -> str:
    if chosen is not None:
        return chosen.reveal()
    return mint(context.code_keys, code_format, card_id, 1, key_id)
