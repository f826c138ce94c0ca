"""Which of the named tenders may pay, and why the others may not."""

from __future__ import annotations

from datetime import datetime

import attrs
from moneyed import Money

from loyalty.errors import (
    ClaimedByAnother,
    CurrencyMismatch,
    GiftCardNotFound,
    LoyaltyError,
    MalformedCode,
    NotEligible,
    NotSpendable,
)
from loyalty.gift_cards.card import GiftCard
from loyalty.ledger.account import Account
from loyalty.money import minor_units
from loyalty.policies.eligibility import Eligibility, OrderLine, PayingTender
from loyalty.ports.storage import Found
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.tenders.asked import GiftCardTender, PaymentRequest, ReadsCodes

__all__ = [
    "PRECEDENCE",
    "Examined",
    "RefusedTender",
    "UsableTender",
    "eligible_lines",
    "examine",
    "facts_of",
    "lines_of",
    "require_eligible",
]

PRECEDENCE: tuple[type[LoyaltyError], ...] = (
    MalformedCode,
    GiftCardNotFound,
    ClaimedByAnother,
    NotSpendable,
    CurrencyMismatch,
    NotEligible,
)
"""Of several reasons the first of these is told; whose card it is comes before what is on it."""


@attrs.frozen(kw_only=True)
class UsableTender:
    """A card or account that may pay. ``at_most`` is in minor units; ``lines`` None means all of them."""

    owner: GiftCard | StoreCreditAccount
    at_most: int | None = None
    priority: int = 0
    lines: frozenset[int] | None = None

    @property
    def account(self) -> Account:
        """The ledger account, as it was loaded."""
        return self.owner.account

    @property
    def is_card(self) -> bool:
        """Whether it is a gift card; else it is store credit."""
        return isinstance(self.owner, GiftCard)

    @property
    def is_own(self) -> bool:
        """Whether it belongs to a customer, and is not a bearer's card."""
        return self.owner.customer_id is not None


@attrs.frozen(kw_only=True)
class RefusedTender:
    """
    A tender that may not pay, and why.

    ``position`` counts the cards as they were named, from zero; it is None for
    store credit. ``code`` is the error's and ``reason`` says more, both for
    staff. ``public_message`` may be shown to anyone. ``gift_card_id`` is None
    where no card was found.
    """

    position: int | None
    gift_card_id: str | None
    code: str
    reason: str | None
    public_message: str


@attrs.frozen
class Refusal:
    """A refused tender with its error, which a payment raises."""

    tender: RefusedTender
    error: LoyaltyError


@attrs.frozen
class Examined:
    """The usable tenders, cards first and each kind by account id, and the refused ones, the first to tell first."""

    usable: tuple[UsableTender, ...]
    refusals: tuple[Refusal, ...]

    def require_all(self) -> None:
        """
        Check that nothing was refused.

        Raises:
            loyalty.errors.LoyaltyError: The first reason, in the order of :data:`PRECEDENCE`.
        """
        if self.refusals:
            raise self.refusals[0].error


def examine(
    asked: PaymentRequest, reading: ReadsCodes, found: Found, at: datetime, eligibility: Eligibility
) -> Examined:
    """Look at every named tender, once each, as it stands at *at*."""
    return _Examination(asked, reading, found, at, eligibility).examined()


class _Examination:
    def __init__(
        self, asked: PaymentRequest, reading: ReadsCodes, found: Found, at: datetime, eligibility: Eligibility
    ) -> None:
        self._asked = asked
        self._reading = reading
        self._found = found
        self._at = at
        self._eligibility = eligibility
        self._usable: list[UsableTender] = []
        self._refusals: list[Refusal] = []

    def examined(self) -> Examined:
        """Return what came of every tender."""
        seen: set[str] = set()
        for position, named in enumerate(self._asked.cards()):
            self._examine_card(position, named, seen)
        for credit in self._found.store_credit_accounts if self._asked.pays_with_credit else ():
            if (credit.customer_id, credit.account.currency) == (self._asked.customer_id, self._asked.currency):
                self._examine_credit(credit)
        self._usable.sort(key=lambda tender: (not tender.is_card, tender.account.id))
        self._refusals.sort(key=lambda refusal: _rank(refusal.error))
        return Examined(tuple(self._usable), tuple(self._refusals))

    def _examine_card(self, position: int, named: GiftCardTender, seen: set[str]) -> None:
        card: GiftCard | None = None
        try:
            card = self._card(named)
            if card.id not in seen:
                card.require_spendable(self._asked.customer_id, self._at)
                self._usable.append(self._usable_tender(card, named.at_most, named.priority))
        except PRECEDENCE as error:
            self._refusals.append(_refusal(error, position, card))
        if card is not None:
            seen.add(card.id)

    def _card(self, named: GiftCardTender) -> GiftCard:
        digests = () if named.code is None else self._reading.digests(named.code)
        cards = [
            card for card in self._found.gift_cards if card.code_digest in digests or card.id == named.gift_card_id
        ]
        if named.code is not None:
            self._reading.require(named.code)
        if not cards:
            raise GiftCardNotFound
        return cards[0]

    def _examine_credit(self, credit: StoreCreditAccount) -> None:
        try:
            credit.require_open()
            at_most, priority = self._asked.store_credit_at_most, self._asked.store_credit_priority
            self._usable.append(self._usable_tender(credit, at_most, priority))
        except PRECEDENCE as error:
            self._refusals.append(_refusal(error, None, None))

    def _usable_tender(
        self, owner: GiftCard | StoreCreditAccount, at_most: Money | None, priority: int
    ) -> UsableTender:
        owner.account.require_currency(self._asked.amount_due)
        return UsableTender(
            owner=owner,
            at_most=None if at_most is None else minor_units(at_most),
            priority=priority,
            lines=eligible_lines(self._asked, owner, self._eligibility),
        )


def facts_of(owner: GiftCard | StoreCreditAccount) -> PayingTender:
    """Return what the shop's rules may know about a tender."""
    facts = PayingTender(
        gift_card_id=None,
        customer_id=owner.customer_id,
        currency=owner.account.currency,
        issued_at=owner.account.opened_at,
    )
    if isinstance(owner, StoreCreditAccount):
        return facts
    return attrs.evolve(
        facts,
        gift_card_id=owner.id,
        region=owner.region,
        tags=owner.tags,
        metadata=owner.metadata,
        bought_in=owner.order_id,
        issued_at=owner.issued_at,
    )


def eligible_lines(
    asked: PaymentRequest, owner: GiftCard | StoreCreditAccount, eligibility: Eligibility
) -> frozenset[int] | None:
    """
    Return the places of the lines that this tender may pay for; None if it may pay for all.

    Raises:
        loyalty.errors.NotEligible: If it may pay for nothing at all; with the reason of the first veto.
    """
    vetoes = _vetoes(asked.lines, owner, eligibility)
    if len(vetoes) == len(asked.lines) > 0 and asked.due <= sum(minor_units(line.amount) for line in asked.lines):
        reason = vetoes[0]
        raise NotEligible(f"the shop's rules veto this payment: {reason}", reason=reason)
    return _lines_without(vetoes, asked.lines)


def lines_of(
    lines: tuple[OrderLine, ...], owner: GiftCard | StoreCreditAccount, eligibility: Eligibility
) -> frozenset[int] | None:
    """Return the places of the lines that this tender may pay for, perhaps none; None if it may pay for all."""
    return _lines_without(_vetoes(lines, owner, eligibility), lines)


def require_eligible(
    lines: tuple[OrderLine, ...], owner: GiftCard | StoreCreditAccount, amount: int, eligibility: Eligibility
) -> None:
    """
    Check that *owner* may pay exactly *amount* for an order of these lines.

    Raises:
        loyalty.errors.NotEligible: If that is more than the lines without a veto; with the reason of the first.
    """
    vetoes = _vetoes(lines, owner, eligibility)
    allowed = sum([minor_units(line.amount) for place, line in enumerate(lines) if place not in vetoes])
    if vetoes and amount > allowed:
        reason = vetoes[min(vetoes)]
        raise NotEligible(f"the shop's rules veto this payment: {reason}", reason=reason)


def _lines_without(vetoes: dict[int, str], lines: tuple[OrderLine, ...]) -> frozenset[int] | None:
    return frozenset(range(len(lines))) - vetoes.keys() if vetoes else None


def _vetoes(lines: tuple[OrderLine, ...], owner: GiftCard | StoreCreditAccount, rule: Eligibility) -> dict[int, str]:
    """Return the reason of every veto, by the place of its line."""
    if not lines:
        return {}
    facts = facts_of(owner)
    said = [(place, rule(line, facts)) for place, line in enumerate(lines)]
    return {place: reason for place, reason in said if reason is not None}


def _rank(error: LoyaltyError) -> int:
    return next(place for place, kind in enumerate(PRECEDENCE) if isinstance(error, kind))


def _refusal(error: LoyaltyError, position: int | None, card: GiftCard | None) -> Refusal:
    tender = RefusedTender(
        position=position,
        gift_card_id=None if card is None else card.id,
        code=error.code,
        reason=getattr(error, "reason", None),
        public_message=error.public_message,
    )
    return Refusal(tender, error)
