"""What a checkout asks before it takes anything: the plan of a payment, a hold, and what a customer could use."""

from __future__ import annotations

import attrs
from moneyed import Currency, Money

from loyalty import fields
from loyalty.errors import ClaimedByAnother, GiftCardNotFound, HoldNotFound, NotSpendable
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import HoldId
from loyalty.ledger.account import Account
from loyalty.money import exponent_of, signed_minor_units, to_money
from loyalty.ports.storage import Reader, Wanted
from loyalty.reports.query import Query, QueryContext
from loyalty.store_credit.account import StoreCreditStatus, StoreCreditView
from loyalty.tenders.asked import PaymentRequest
from loyalty.tenders.hold_view import HoldView, TenderPart
from loyalty.tenders.planning import Planned, plan_request, wanted_for
from loyalty.tenders.usable import RefusedTender

__all__ = ["GetHold", "ListTenders", "PaymentPlan", "PlanPayment", "Tenders"]


_UNUSABLE = frozenset({GiftCardNotFound.code, ClaimedByAnother.code, NotSpendable.code})


@attrs.frozen(kw_only=True)
class PaymentPlan:
    """
    What would be paid: ``covered`` is the sum of ``parts``, ``remaining_due`` the rest.

    If anything is in ``refused``, a payment or hold of the same request is
    refused as a whole, for the first of these reasons.
    """

    amount_due: Money
    covered: Money
    remaining_due: Money
    parts: tuple[TenderPart, ...]
    refused: tuple[RefusedTender, ...]


@attrs.frozen(kw_only=True)
class PlanPayment(PaymentRequest, Query[PaymentPlan]):
    """
    Show what each card and the store credit would pay, without writing anything.

    ``PlaceHold`` and ``PayWithBalances`` of the same request, on the same books,
    come to exactly this. Tenders are taken by the caller's priorities, then lot
    by lot: soonest expiry, promotional before paid, smallest, oldest, id (the
    shop's spending order). *order_id* makes use of what the order's own hold
    reserves. Refused tenders pay nothing here, and the plan says why.

    Raises:
        loyalty.errors.InvalidRequest: If no tender is named.
        loyalty.errors.MalformedCode: If a text could be no shop's code at all. One that merely is none of this
            shop's is told in ``PaymentPlan.refused``, like everything else that is wrong with a single tender.
        loyalty.errors.CurrencyMismatch: If a bound or a line is in another currency than *amount_due*.
    """

    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def answer(self, reader: Reader, context: QueryContext) -> PaymentPlan:
        """Answer from the books."""
        found = reader.find(wanted_for(self, context, self.order_id))
        replaced = found.holds[0] if found.holds else None
        planned = plan_request(self, context, reader, found, order_id=self.order_id, replaced=replaced)
        return self._plan(planned)

    def wrong_codes(self, answer: PaymentPlan) -> int:
        """Count the codes that could be one, and are of no use to whoever asks."""
        by_code = {position for position, card in enumerate(self.cards()) if card.code is not None}
        return sum(tender.position in by_code and tender.code in _UNUSABLE for tender in answer.refused)

    def _plan(self, planned: Planned) -> PaymentPlan:
        def money(minor: int) -> Money:
            return to_money(minor, self.currency, self.exponent)

        return PaymentPlan(
            amount_due=self.amount_due,
            covered=money(planned.amount),
            remaining_due=money(self.due - planned.amount),
            parts=tuple(
                TenderPart(
                    account_id=part.tender.account.id,
                    gift_card_id=part.tender.owner.id if isinstance(part.tender.owner, GiftCard) else None,
                    amount=money(part.amount),
                )
                for part in planned.parts
                if part.moves
            ),
            refused=tuple(refusal.tender for refusal in planned.examined.refusals),
        )


@attrs.frozen(kw_only=True)
class Tenders:
    """What a customer could pay with now: ``available`` is the sum over all of it."""

    gift_cards: tuple[GiftCardView, ...]
    store_credit: StoreCreditView | None
    available: Money


@attrs.frozen(kw_only=True)
class ListTenders(Query[Tenders]):
    """
    Return a customer's claimed cards and store credit in a currency that can pay now.

    Left out is what is blocked, expired, pending, empty or held for orders. Cards
    come in the order in which they end: the soonest first, those without an end last.
    """

    customer_id: str = attrs.field(validator=fields.is_text)
    currency: Currency = attrs.field(converter=fields.to_currency)

    def answer(self, reader: Reader, context: QueryContext) -> Tenders:
        """Answer from the books; an unknown customer has nothing."""
        found = reader.find(Wanted(owners=(self.customer_id,)))
        cards = [card for card in found.gift_cards if self._pays(card, context)]
        credit = next((one for one in found.store_credit_accounts if self._is_in(one.account)), None)
        views = [GiftCardView.of(card, card.account.instant(context.now)) for card in cards]
        views.sort(key=lambda card: (card.expires_at is None, card.expires_at, card.issued_at, card.id))
        view = None if credit is None else StoreCreditView.of(credit, credit.account.instant(context.now))
        if view is not None and not (view.status is StoreCreditStatus.OPEN and view.available.amount > 0):
            view = None
        amounts = [card.available for card in views] + ([] if view is None else [view.available])
        return Tenders(
            gift_cards=tuple(views),
            store_credit=view,
            available=to_money(sum(map(signed_minor_units, amounts)), self.currency.code, exponent_of(self.currency)),
        )

    def _pays(self, card: GiftCard, context: QueryContext) -> bool:
        at = card.account.instant(context.now)
        is_active = card.status is GiftCardStatus.ACTIVE and self._is_in(card.account)
        return is_active and card.account.available(at) > 0

    def _is_in(self, account: Account) -> bool:
        """Tell whether the account is in the currency, with the same decimals: nothing else could pay in it."""
        return (account.currency, account.exponent) == (self.currency.code, exponent_of(self.currency))


@attrs.frozen(kw_only=True)
class GetHold(Query[HoldView]):
    """
    Return a hold by its id, or the open one of an order.

    Raises:
        loyalty.errors.HoldNotFound: If there is none.
    """

    id: str | None = attrs.field(default=None, validator=fields.is_optional_text)
    order_id: str | None = attrs.field(default=None, validator=fields.is_optional_text)

    def __attrs_post_init__(self) -> None:
        """Check that the hold is named once."""
        fields.require_one_of(id=self.id, order_id=self.order_id)

    def answer(self, reader: Reader, context: QueryContext) -> HoldView:
        """Answer from the books."""
        wanted = Wanted(held_for=(str(self.order_id),)) if self.id is None else Wanted(hold_ids=(HoldId(self.id),))
        found = reader.find(wanted)
        if not found.holds:
            raise HoldNotFound
        return HoldView.of(found.holds[0], found, context.now)
