"""All gift cards in one view: filtered, sorted, page by page, and summed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs
from moneyed import Money

from loyalty import fields
from loyalty.clock import to_micros
from loyalty.codes.code import GiftCardCode
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.listing import GiftCardFilter, GiftCardSort
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.listing import AmountRange, CurrencySums, TextSearch
from loyalty.money import to_money
from loyalty.ports.storage import Reader
from loyalty.reports.paged import Page, PagedQuery
from loyalty.reports.query import QueryContext

__all__ = [
    "ExpiringGiftCard",
    "ExpiringGiftCardPage",
    "GiftCardPage",
    "GiftCardTotals",
    "ListExpiringGiftCards",
    "ListGiftCards",
]

_SHORTEST, _LONGEST = timedelta(microseconds=1), timedelta(days=3660)


@attrs.frozen(kw_only=True)
class GiftCardTotals:
    """
    What all cards of a list sum to in one currency, not only those on a page.

    ``value`` sums the face values, ``posted`` what is on the books, ``available``
    what may be spent now. All are exact.
    """

    currency: str
    count: int
    value: Money
    posted: Money
    available: Money

    @classmethod
    def of(cls, sums: CurrencySums) -> GiftCardTotals:
        """Return *sums* as money."""
        return cls(
            currency=sums.currency,
            count=sums.count,
            value=to_money(sums.value, sums.currency, sums.exponent),
            posted=to_money(sums.posted, sums.currency, sums.exponent),
            available=to_money(sums.available, sums.currency, sums.exponent),
        )


@attrs.frozen(kw_only=True)
class GiftCardPage(Page[GiftCardView]):
    """A page of a list of gift cards. ``totals`` are there if they were asked for, sorted by currency."""

    gift_cards: tuple[GiftCardView, ...]
    totals: tuple[GiftCardTotals, ...] | None = None

    def __iter__(self) -> Iterator[GiftCardView]:
        """Yield the cards, in their order."""
        return iter(self.gift_cards)


@attrs.frozen(kw_only=True)
class ListGiftCards(PagedQuery[GiftCardPage, GiftCardView]):
    """
    Return the gift cards that all of the given filters keep, a page at a time; for staff.

    ``..._since`` is included and ``..._until`` is not; all times are aware and
    UTC. ``..._from`` and ``..._to`` are both included, may be zero, and keep cards
    of their currency only; *balance* is what is posted. *expiring_before* keeps
    cards with value left that has not ended yet and ends before that instant.
    *is_expired*, *is_exhausted* and *is_partly_used* keep cards for which
    :class:`loyalty.GiftCardView` says so, or with False does not. *last_four*
    may be in lower case. *code* finds the card with exactly this code; one that
    leads to no card of the list is a wrong attempt. *text* finds cards that have
    it in their note, recipient, or one of their ids, or in the name, address or
    sender of their gift, in upper or lower case.

    Sorted by *sort*, backwards if *descending*; equal ones by their ids. Cards
    that are there all the time come on exactly one page, however many are issued
    meanwhile; only those whose balance changes may be missed or come twice, and
    only when sorted by balance. A page is read from an index, except when it is
    sorted by balance or when the filters keep few of many cards.

    *with_totals* adds what all cards of the list sum to, which reads them all.

    Raises:
        loyalty.errors.InvalidTime: If an *until* is before its *since*.
        loyalty.errors.CurrencyMismatch: If amounts or *currency* differ in currency.
        loyalty.errors.InvalidAmount: If a *to* is below its *from*.
        loyalty.errors.InvalidRequest: If *after* is no place in this list: it was
            changed, or belongs to other filters or another order.
        loyalty.errors.MalformedCode: If *code* cannot be one of this shop.

    Guarantees:
        Every storage shows what a search through all cards would
        (``tests/properties/test_lists_are_what_a_search_finds.py``).
    """

    status: GiftCardStatus | None = attrs.field(default=None, validator=fields.is_one_of(GiftCardStatus, optional=True))
    is_expired: bool | None = attrs.field(default=None, validator=fields.is_optional_flag)
    is_exhausted: bool | None = attrs.field(default=None, validator=fields.is_optional_flag)
    is_partly_used: bool | None = attrs.field(default=None, validator=fields.is_optional_flag)
    expiring_before: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    currency: str | None = attrs.field(default=None, converter=fields.to_optional_currency_code)
    region: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    value_from: Money | None = attrs.field(default=None, validator=fields.is_optional_balance)
    value_to: Money | None = attrs.field(default=None, validator=fields.is_optional_balance)
    balance_from: Money | None = attrs.field(default=None, validator=fields.is_optional_balance)
    balance_to: Money | None = attrs.field(default=None, validator=fields.is_optional_balance)
    issued_since: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    issued_until: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    expires_since: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    expires_until: datetime | None = attrs.field(default=None, converter=fields.to_utc)
    customer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    buyer_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    product_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    batch_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    tag: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    last_four: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    code: GiftCardCode | None = attrs.field(default=None, converter=fields.to_optional_code)
    text: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    sort: GiftCardSort = attrs.field(default=GiftCardSort.ISSUED, validator=fields.is_one_of(GiftCardSort))
    descending: bool = attrs.field(default=False, validator=fields.is_flag)
    with_totals: bool = attrs.field(default=False, validator=fields.is_flag)

    def __attrs_post_init__(self) -> None:
        """Check what belongs together."""
        fields.require_order(self.issued_since, self.issued_until)
        fields.require_order(self.expires_since, self.expires_until)
        fields.require_one_currency(self.currency, self.value_from, self.value_to, self.balance_from, self.balance_to)
        AmountRange.between(self.value_from, self.value_to)
        AmountRange.between(self.balance_from, self.balance_to)

    def answer(self, reader: Reader, context: QueryContext) -> GiftCardPage:
        """Answer from the books; the page and the totals are of one instant."""
        wanted = self._filter(context)
        after = self.begins_after(context)
        found = reader.gift_cards(wanted, self.sort, descending=self.descending, after=after, limit=self.limit + 1)
        if self.code is not None:
            context.require(self.code)
        shown, next_after = self.cut(found, self.sort.place, context)
        return GiftCardPage(
            gift_cards=tuple([GiftCardView.of(card, card.account.instant(context.now)) for card in shown]),
            next_after=next_after,
            totals=tuple(map(GiftCardTotals.of, reader.gift_card_sums(wanted))) if self.with_totals else None,
        )

    def wrong_codes(self, answer: GiftCardPage) -> int:
        """Return one for a code that led to no card of the list."""
        return int(self.code is not None and not answer.gift_cards)

    def _filter(self, context: QueryContext) -> GiftCardFilter:
        return GiftCardFilter(
            now=context.now,
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
            value=AmountRange.between(self.value_from, self.value_to),
            balance=AmountRange.between(self.balance_from, self.balance_to),
            last_four=None if self.last_four is None else self.last_four.upper(),
            digests=None if self.code is None else context.digests(self.code),
            text=None if self.text is None else TextSearch(self.text),
        )


_AS_THEY_ARE = (
    "status", "is_expired", "is_exhausted", "is_partly_used", "expiring_before", "currency", "region", "issued_since",
    "issued_until", "expires_since", "expires_until", "customer_id", "buyer_id", "order_id", "product_id", "batch_id",
    "tag",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class ExpiringGiftCard:
    """
    A card of which value will end, as it stands now.

    ``ends_at`` is when the first part of it ends (aware, UTC; spendable before
    this instant and not at it), ``ending`` how much ends within the time that was
    asked for, held or not: what an order holds comes back if the hold lapses.
    """

    gift_card: GiftCardView
    ends_at: datetime
    ending: Money


@attrs.frozen(kw_only=True)
class ExpiringGiftCardPage(Page[ExpiringGiftCard]):
    """A page of the cards of which value will end."""

    expiring: tuple[ExpiringGiftCard, ...]

    def __iter__(self) -> Iterator[ExpiringGiftCard]:
        """Yield the cards, the soonest end first."""
        return iter(self.expiring)


@attrs.frozen(kw_only=True)
class ListExpiringGiftCards(PagedQuery[ExpiringGiftCardPage, ExpiringGiftCard]):
    """
    Return the active cards of which value ends soon, the soonest first; equal ones by the ids of their accounts.

    Soon is after now, and *within* from now at the latest; both ends of that are
    decided to the microsecond. Pages are read from an index.

    Raises:
        loyalty.errors.InvalidRequest: If *after* is no place in this list: it was
            changed, or belongs to another one.
    """

    within: timedelta = attrs.field(validator=fields.is_duration(_SHORTEST, _LONGEST))

    def answer(self, reader: Reader, context: QueryContext) -> ExpiringGiftCardPage:
        """Answer from the books."""
        until = context.now + self.within
        after = self.begins_after(context)
        found = reader.expiring_gift_cards(context.now, until, after=after, limit=self.limit + 1)
        shown = tuple([_expiring(card, card.account.instant(context.now), until) for card in found[: self.limit]])
        if len(shown) == len(found):
            return ExpiringGiftCardPage(expiring=shown, next_after=None)
        place = (to_micros(shown[-1].ends_at), shown[-1].gift_card.account_id)
        return ExpiringGiftCardPage(expiring=shown, next_after=self.continues_at(place, context))


def _expiring(card: GiftCard, at: datetime, until: datetime) -> ExpiringGiftCard:
    ending = [lot for lot in card.account.lots if lot.expires_at is not None and at < lot.expires_at <= until]
    return ExpiringGiftCard(
        gift_card=GiftCardView.of(card, at),
        ends_at=min([lot.expires_at for lot in ending if lot.expires_at is not None]),
        ending=card.account.money(sum([lot.remaining for lot in ending])),
    )
