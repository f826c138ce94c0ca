"""Which gift cards a list shows, and in which order. A storage answers as these rules say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from loyalty.clock import to_micros
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.gift import Gift
from loyalty.ledger.listing import AmountRange, CurrencySums, Place, TextSearch

__all__ = ["GiftCardFilter", "GiftCardSort"]


class GiftCardSort(StrEnum):
    """
    What a list of cards is sorted by; equal ones by their ids.

    Cards that do not expire come after all that do. Amounts are compared in
    minor units, so name a currency to compare like with like.
    """

    ISSUED = "issued"
    EXPIRES = "expires"
    VALUE = "value"
    BALANCE = "balance"

    def place(self, card: GiftCard) -> Place:
        """Return where a card stands in this order."""
        return _KEYS[self](card), card.id


_KEYS: Mapping[GiftCardSort, Callable[[GiftCard], int | None]] = {
    GiftCardSort.ISSUED: lambda card: to_micros(card.issued_at),
    GiftCardSort.EXPIRES: lambda card: None if card.expires_at is None else to_micros(card.expires_at),
    GiftCardSort.VALUE: lambda card: card.value,
    GiftCardSort.BALANCE: lambda card: card.account.posted,
}


@attrs.frozen(kw_only=True)
class GiftCardFilter:
    """
    Which cards. The fields narrow each other; None does not narrow.

    ``now`` is the time of the question; a card that changed later by its own
    books is judged as of that change. ``..._since`` is included, ``..._until``
    is not. ``expiring_before`` keeps cards with value that has not ended yet and
    ends before that instant, held or not. ``balance`` is what is posted.
    ``digests`` are those of one code under several keys. ``text`` is looked for
    in the note, the recipient, the name, address and sender of its gift, and the ids
    of the card, its account, order, product and batch, and of the customers who
    bought and claimed it.
    """

    now: datetime
    status: GiftCardStatus | None = None
    is_expired: bool | None = None
    is_exhausted: bool | None = None
    is_partly_used: bool | None = None
    expiring_before: datetime | None = None
    currency: str | None = None
    region: str | None = None
    value: AmountRange | None = None
    balance: AmountRange | None = None
    issued_since: datetime | None = None
    issued_until: datetime | None = None
    expires_since: datetime | None = None
    expires_until: datetime | None = None
    customer_id: str | None = None
    buyer_id: str | None = None
    order_id: str | None = None
    product_id: str | None = None
    batch_id: str | None = None
    tag: str | None = None
    last_four: str | None = None
    digests: tuple[str, ...] | None = None
    text: TextSearch | None = None

    def fits(self, card: GiftCard, gift: Gift | None = None) -> bool:
        """Tell whether the list shows *card*, which is sent as *gift* if that is there."""
        return (
            self._fits_facts(card)
            and self._fits_amounts(card)
            and _is_within(card.issued_at, self.issued_since, self.issued_until)
            and _is_within(card.expires_at, self.expires_since, self.expires_until)
            and self._fits_state(card, card.account.instant(self.now))
            and (self.text is None or self.text.finds([*_texts_of(card), *_texts_of_gift(gift)]))
        )

    def sums(self, card: GiftCard) -> CurrencySums:
        """Return what *card* adds to the sums of the list."""
        account = card.account
        return CurrencySums(
            currency=account.currency,
            exponent=account.exponent,
            count=1,
            value=card.value,
            posted=account.posted,
            available=card.available(account.instant(self.now)),
        )

    def _fits_facts(self, card: GiftCard) -> bool:
        facts = ("status", "region", "customer_id", "buyer_id", "order_id", "product_id", "batch_id", "last_four")
        wanted = [(getattr(self, fact), getattr(card, fact)) for fact in facts]
        return (
            all(asked is None or asked == known for asked, known in wanted)
            and (self.tag is None or self.tag in card.tags)
            and (self.digests is None or card.code_digest in self.digests)
        )

    def _fits_amounts(self, card: GiftCard) -> bool:
        account = card.account
        return (
            (self.currency is None or self.currency == account.currency)
            and (self.value is None or self.value.holds(account, card.value))
            and (self.balance is None or self.balance.holds(account, account.posted))
        )

    def _fits_state(self, card: GiftCard, at: datetime) -> bool:
        return (
            self.is_expired in {None, card.is_expired(at)}
            and self.is_exhausted in {None, card.is_exhausted}
            and self.is_partly_used in {None, card.is_partly_used}
            and (self.expiring_before is None or card.account.has_value_ending(at, self.expiring_before))
        )


def _texts_of(card: GiftCard) -> tuple[str | None, ...]:
    ids = (card.id, card.account.id, card.order_id, card.product_id, card.batch_id, card.customer_id, card.buyer_id)
    return (card.note, card.recipient, *ids)


def _texts_of_gift(gift: Gift | None) -> tuple[str | None, ...]:
    return () if gift is None else (gift.name, gift.address, gift.sender)


def _is_within(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if moment is None:
        return since is None and until is None
    return (since is None or moment >= since) and (until is None or moment < until)
