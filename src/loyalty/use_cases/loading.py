"""Giving sold cards their value, once they are paid for: what issuing a paid order and activating one share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import attrs

from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.term import Term
from loyalty.ledger.house_accounts import FUNDING
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.policies.decision import Decision
from loyalty.ports.storage import Found
from loyalty.use_cases.command import Context, Request

__all__ = ["LoadedCard", "load", "sold_in"]


@attrs.frozen
class LoadedCard:
    """A card before and after it got its value, with the transfers that brought it."""

    before: GiftCard
    after: GiftCard
    transfers: tuple[Transfer, ...]
    decisions: tuple[Decision, ...]


def sold_in(found: Found) -> dict[tuple[str, int], GiftCard]:
    """Return the cards that were sold in an order by line and unit; others may only name it."""
    sold = [(card.line_id, card.unit, card) for card in found.gift_cards]
    units = [((line, unit), card) for line, unit, card in sold if line is not None and unit is not None]
    return dict(sorted(units, key=lambda pair: pair[0]))


def load(
    request: Request[Any], context: Context, card: GiftCard, term: Term | None, active_from: datetime | None
) -> LoadedCard:
    """
    Return the pending *card*, active and worth its face value.

    What was paid for it comes from sales and is purchased value; the rest of the
    face value is a promotion of the shop. What was paid beyond the face value is
    owed to nobody. The value can be spent from *active_from* on, and the term
    counts from the day on which it can.
    """
    account, at = card.account, card.account.instant(context.now)
    begins = None if active_from is None or active_from <= at else active_from
    last_day = None if term is None else term.last_day(begins or at)
    transfers: list[Transfer] = []
    ends: list[datetime | None] = []
    decisions: list[Decision] = []
    for origin, amount in _parts(card):
        expires_at, decided = context.expiry(origin, None if last_day is None else last_day.ends_at, at)
        lot = context.lot(
            amount,
            origin,
            at,
            expires_at=expires_at,
            not_before=begins,
            tax_treatment=card.tax_treatment or TaxTreatment.MULTI_PURPOSE,
        )
        account, side = account.credit((lot,), at)
        issue = request.transfer(
            context,
            TransferKind.ISSUE,
            account,
            amount=amount,
            debit=Side(house=FUNDING[origin]),
            credit=side,
            at=at,
            order_id=card.order_id,
        )
        transfers.append(issue)
        ends.append(expires_at)
        decisions.append(decided)
    active = attrs.evolve(
        card.move_to(GiftCardStatus.ACTIVE),
        account=account,
        expires_at=_latest(ends),
        last_day=last_day,
        loaded_at=None if at == card.issued_at else at,
    )
    return LoadedCard(card, active, tuple(transfers), tuple(decisions))


def _parts(card: GiftCard) -> Iterator[tuple[LotOrigin, int]]:
    """Yield how much of the face value was paid for, and how much is a gift; no part is zero."""
    paid = min(card.value, card.price or 0)
    for origin, amount in ((LotOrigin.PURCHASED, paid), (LotOrigin.PROMOTIONAL, card.value - paid)):
        if amount:
            yield origin, amount


def _latest(ends: list[datetime | None]) -> datetime | None:
    """Return when the last of them is over; None if one never is."""
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None
