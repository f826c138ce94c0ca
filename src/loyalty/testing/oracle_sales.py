"""
What ought to become of products and of the cards that orders buy, once more, in plain integers.

It keeps its own products and orders. Of the rest of the oracle it knows only the
plain cards and lots, and how to put value on a card and note that it moved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from moneyed import Money

from loyalty.errors import (
    AlreadyReversed,
    AmountNotOffered,
    ChangedMeanwhile,
    CurrencyMismatch,
    DuplicateRecord,
    GiftCardProductNotFound,
    IdempotencyConflict,
    OrderNotFound,
)
from loyalty.gift_cards.denomination import Denomination, OpenAmount
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.testing.oracle_records import Facts, PlainAccount, PlainCard, PlainLot, PlainPast, Refusal
from loyalty.testing.programs import minor
from loyalty.use_cases.activate_gift_cards import ActivateGiftCards, Activation
from loyalty.use_cases.define_gift_card_product import DefineGiftCardProduct
from loyalty.use_cases.issue_gift_cards_for_order import IssueGiftCardsForOrder, OrderGiftCards
from loyalty.use_cases.retire_gift_card_product import RetireGiftCardProduct
from loyalty.use_cases.reverse_gift_card_sale import ReverseGiftCardSale, SaleReversal
from loyalty.use_cases.revise_denominations import ReviseDenominations

__all__ = ["Sales", "facts_of_sale"]

Fill = Callable[[PlainAccount, list[PlainLot], datetime, str], None]
Note = Callable[[datetime, PlainAccount, PlainLot, str, int], None]
Show = Callable[[PlainCard, datetime], Facts]
Unit = tuple[str, int]


@attrs.define(kw_only=True)
class _Offer:
    """What a product offered: a variant with a face value per currency, or a range of amounts in one currency."""

    name: str
    worth: dict[str, int] = attrs.Factory(dict)
    costs: dict[str, int] = attrs.Factory(dict)
    lowest: int = 0
    highest: int = 0
    begins: datetime | None = None
    ends: datetime | None = None

    @property
    def is_range(self) -> bool:
        return self.highest > 0

    def says(self) -> object:
        return (self.name, self.worth, self.costs, self.lowest, self.highest)


@attrs.define(kw_only=True)
class _Product:
    offers: list[_Offer]
    days: int | None
    changed: datetime
    version: int = 1
    ended: datetime | None = None

    def facts(self) -> Facts:
        return {
            "version": self.version,
            "retired_at": self.ended,
            "offers": sorted([(one.name, str(one.begins), str(one.ends)) for one in self.offers]),
        }


@attrs.define(kw_only=True)
class _Loss:
    amount: int
    back: int = 0


@attrs.define(kw_only=True)
class _Load:
    """One transfer that loaded a card: its lot, what of it was taken back, and what was written off."""

    lot: PlainLot
    amount: int
    returned: int = 0
    losses: list[_Loss] = attrs.Factory(list)


@attrs.define(kw_only=True)
class _Unit:
    card: PlainCard
    product: str
    price: int
    loads: list[_Load] = attrs.Factory(list)


@attrs.define(kw_only=True)
class _Order:
    units: dict[Unit, _Unit] = attrs.Factory(dict)
    is_undone: bool = False


class Sales:
    """The products, and the orders that buy cards."""

    def __init__(
        self,
        *,
        cards: list[PlainCard],
        fill: Fill,
        note: Note,
        show: Show,
        past: Mapping[str, PlainPast],
        reversed_: set[str],
    ) -> None:
        """Begin with nothing for sale."""
        self._cards = cards
        self._fill = fill
        self._note = note
        self._show = show
        self._past = past
        self._reversed = reversed_
        self._products: dict[str, _Product] = {}
        self._orders: dict[str, _Order] = {}

    def rules(self) -> dict[type, Callable[[Any, datetime], Facts]]:
        """Return what each command about sales comes to."""
        return {
            DefineGiftCardProduct: self._define,
            ReviseDenominations: self._revise,
            RetireGiftCardProduct: self._retire,
            IssueGiftCardsForOrder: self._issue,
            ActivateGiftCards: self._activate,
            ReverseGiftCardSale: self._undo,
        }

    def learn(self, result: object) -> None:
        """Note the ids of new cards."""
        if isinstance(result, OrderGiftCards):
            for issued in result.gift_cards:
                view = issued.gift_card
                unit = self._orders[result.order_id].units[str(view.line_id), int(view.unit or 0)]
                unit.card.id, unit.card.account.id, unit.card.code = view.id, view.account_id, issued.code

    def is_undone(self, transfer_id: str) -> bool:
        """Tell whether a part of a load was taken back, or written off."""
        kinds = {"clawback", "loss"}
        return any(past.of == transfer_id and past.kind in kinds for past in self._past.values())

    # --- products -----------------------------------------------------------

    def _define(self, command: DefineGiftCardProduct, now: datetime) -> Facts:
        if command.product_id in self._products:
            raise Refusal(DuplicateRecord)
        product = _Product(
            offers=_offers(command), days=None if command.term is None else command.term.days, changed=now
        )
        self._products[str(command.product_id)] = product
        return product.facts()

    def _revise(self, command: ReviseDenominations, now: datetime) -> Facts:
        product = self._products.get(command.product_id)
        if product is None:
            raise Refusal(GiftCardProductNotFound)
        if product.version != command.version:
            raise Refusal(ChangedMeanwhile)
        names = {one.name for one in product.offers if not one.is_range}
        if set(command.retire) - names:
            raise Refusal(AmountNotOffered)
        at, changes = max(now, product.changed), False
        for name in command.retire:
            for one in _current(product, name):
                one.ends, changes = at, True
        for new in _offers(command):
            current = _current(product, new.name)
            if any(one.says() == new.says() for one in current):
                continue
            new.begins = at if any(one.name == new.name for one in product.offers) else None
            for one in current:
                one.ends = at
            product.offers.append(new)
            changes = True
        if changes:
            product.version, product.changed = product.version + 1, at
        return product.facts()

    def _retire(self, command: RetireGiftCardProduct, now: datetime) -> Facts:
        product = self._products.get(command.product_id)
        if product is None:
            raise Refusal(GiftCardProductNotFound)
        if product.ended is None:
            product.ended = product.changed = max(now, product.changed)
            product.version += 1
        return product.facts()

    def _worth(self, product: _Product, wanted: str | Money, currency: str, placed: datetime) -> int:
        if product.ended is not None and placed >= product.ended:
            raise Refusal(AmountNotOffered)
        for one in product.offers:
            early = one.begins is not None and placed < one.begins
            if early or (one.ends is not None and placed >= one.ends):
                continue
            if one.is_range and isinstance(wanted, Money) and (one.name, one.name) == (currency, wanted.currency.code):
                amount = minor(wanted)
                if one.lowest <= amount <= one.highest:
                    return amount
            elif not one.is_range and one.name == wanted and currency in one.worth:
                return one.worth[currency]
        raise Refusal(AmountNotOffered)

    # --- orders -------------------------------------------------------------

    def _issue(self, command: IssueGiftCardsForOrder, now: datetime) -> Facts:
        order = command.order
        if any(line.product_id not in self._products for line in order.lines):
            raise Refusal(GiftCardProductNotFound)
        known = self._orders.get(order.order_id, _Order())
        currency = order.lines[0].paid.currency.code
        new: dict[Unit, _Unit] = {}
        for line in order.lines:
            product = self._products[line.product_id]
            wanted: Any = line.amount if line.variant_id is None else line.variant_id
            value = self._worth(product, wanted, currency, order.placed_at)
            own = {name: unit for name, unit in known.units.items() if name[0] == line.line_id}
            if any(unit.card.account.currency != currency for unit in known.units.values()):
                raise Refusal(CurrencyMismatch)
            if any((unit.product, unit.card.value) != (line.product_id, value) for unit in own.values()):
                raise Refusal(IdempotencyConflict)
            names = [(line.line_id, number) for number in range(1, line.quantity + 1)]
            missing = [name for name in names if name not in own]
            rest = max(0, int(line.paid.amount * 10 ** _decimals(line.paid)) - sum(unit.price for unit in own.values()))
            for place, name in enumerate(missing):
                price = rest // len(missing) + (1 if place < rest % len(missing) else 0)
                card = PlainCard(
                    account=PlainAccount(currency=currency, recorded=now),
                    value=value,
                    expires=None,
                    owner=None,
                    status="pending",
                )
                new[name] = _Unit(card=card, product=line.product_id, price=price)
        if new and known.is_undone:
            raise Refusal(AlreadyReversed)
        self._orders[order.order_id] = known
        known.units.update(new)
        self._cards.extend(unit.card for unit in new.values())
        asked = [(line.line_id, number) for line in order.lines for number in range(1, line.quantity + 1)]
        for name in sorted(asked) if order.is_paid else ():
            self._load(known.units[name], command.active_from, now)
        return {"issued": len(new), "cards": [self._shown(known.units[name].card, now) for name in asked]}

    def _activate(self, command: ActivateGiftCards, now: datetime) -> Facts:
        order = self._known(command.order_id)
        loaded = [self._load(order.units[name], command.active_from, now) for name in sorted(order.units)]
        return {
            "activated": sum(loaded),
            "cards": [self._shown(order.units[name].card, now) for name in sorted(order.units)],
        }

    def _undo(self, command: ReverseGiftCardSale, now: datetime) -> Facts:
        order = self._known(command.order_id)
        names = sorted(name for name in order.units if not command.line_ids or name[0] in command.line_ids)
        if set(command.line_ids) - {line for line, _ in names}:
            raise Refusal(OrderNotFound)
        order.is_undone |= not command.line_ids
        told = [self._unload(order.units[name], now) for name in names]
        return {
            "cards": [
                {"line": line, "unit": number, **facts}
                for (line, number), (facts, _, _) in zip(names, told, strict=True)
            ],
            "clawed_back": sum(taken for _, taken, _ in told),
            "lost": sum(lost for _, _, lost in told),
        }

    def _known(self, order_id: str) -> _Order:
        if order_id not in self._orders:
            raise Refusal(OrderNotFound)
        return self._orders[order_id]

    def _shown(self, card: PlainCard, now: datetime) -> Facts:
        return self._show(card, max(now, card.account.recorded))

    def _load(self, unit: _Unit, active_from: datetime | None, now: datetime) -> bool:
        card = unit.card
        if card.status != "pending":
            return False
        at = max(now, card.account.recorded)
        begins = active_from if active_from is not None and active_from > at else None
        days = self._products[unit.product].days
        start = (begins or at).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        ends = None if days is None else start + timedelta(days=days + 1)
        bought = min(card.value, unit.price)
        for origin, amount in (("purchased", bought), ("promotional", card.value - bought)):
            if amount:
                lot = PlainLot(amount=amount, remaining=amount, origin=origin, opened=at, expires=ends, begins=begins)
                self._fill(card.account, [lot], at, "issue")
                unit.loads.append(_Load(lot=lot, amount=amount))
        card.status, card.expires = "active", ends
        return True

    def _unload(self, unit: _Unit, now: datetime) -> tuple[dict[str, object], int, int]:
        card = unit.card
        at = max(now, card.account.recorded)
        clawed_back = spent = held = taken = lost = 0
        for load in unit.loads:
            if self._is_reversed(load):
                continue
            one_taken, one_lost, one_held = self._unload_one(card.account, load, at)
            taken, lost, held = taken + one_taken, lost + one_lost, held + one_held
            back = load.returned + sum(loss.back for loss in load.losses)
            clawed_back += back
            spent += load.amount - back - one_held
        if card.status != "deactivated":
            card.status = "blocked" if card.account.posted else "deactivated"
        facts = {"status": card.status, "clawed_back": clawed_back, "spent": spent, "held": held}
        return facts, taken, lost

    def _unload_one(self, account: PlainAccount, load: _Load, at: datetime) -> tuple[int, int, int]:
        lots = [lot for lot in account.lots if _root(lot) is load.lot]
        free, held = sum(lot.unheld(at) for lot in lots), sum(lot.held(at) for lot in lots)
        undone = load.returned + sum(loss.amount for loss in load.losses)
        back = min(free, load.amount - undone)
        for lot in lots:
            part = lot.unheld(at)
            if part:
                self._note(at, account, lot, "clawback", -part)
                lot.remaining -= part
        if back:
            load.returned += back
            account.moved(at)
        rest = free - back
        for loss in load.losses:
            part = min(rest, loss.amount - loss.back)
            if part:
                loss.back += part
                account.moved(at)
            rest -= part
        lost = max(0, load.amount - undone - back - held)
        if lost:
            load.losses.append(_Loss(amount=lost))
        return free, lost, held

    def _is_reversed(self, load: _Load) -> bool:
        return any(
            id_ in self._reversed and past.kind == "issue" and any(lot == load.lot.id for lot, _, _ in past.given)
            for id_, past in self._past.items()
        )


def facts_of_sale(result: object, show: Callable[[object], Facts]) -> Facts | None:
    """Return what a real answer about sales says, in the words of the oracle; None if it is about something else."""
    if isinstance(result, GiftCardProduct):
        offers: tuple[Denomination | OpenAmount, ...] = (*result.denominations, *result.open_amounts)
        return {
            "version": result.version,
            "retired_at": result.retired_at,
            "offers": sorted([(one.name, str(one.offered_from), str(one.retired_at)) for one in offers]),
        }
    if isinstance(result, OrderGiftCards):
        return {"issued": result.issued, "cards": [show(one) for one in result.gift_cards]}
    if isinstance(result, Activation):
        return {"activated": result.activated, "cards": [show(card) for card in result.gift_cards]}
    if isinstance(result, SaleReversal):
        return {
            "cards": [
                {
                    "line": card.line_id,
                    "unit": card.unit,
                    "status": card.status.value,
                    "clawed_back": minor(card.clawed_back),
                    "spent": minor(card.spent),
                    "held": minor(card.held),
                }
                for card in result.cards
            ],
            "clawed_back": minor(result.clawed_back),
            "lost": minor(result.lost),
        }
    return None


def _offers(command: DefineGiftCardProduct | ReviseDenominations) -> list[_Offer]:
    fixed = [
        _Offer(name=one.variant_id, worth=_minors(one.face_values), costs=_minors(one.prices))
        for one in command.denominations
    ]
    ranges = [
        _Offer(name=one.minimum.currency.code, lowest=minor(one.minimum), highest=minor(one.maximum))
        for one in command.open_amounts
    ]
    return [*fixed, *ranges]


def _minors(amounts: tuple[Money, ...]) -> dict[str, int]:
    return {money.currency.code: minor(money) for money in amounts}


def _current(product: _Product, name: str) -> list[_Offer]:
    return [one for one in product.offers if one.name == name and one.ends is None]


def _root(lot: PlainLot) -> PlainLot:
    while lot.source is not None:
        lot = lot.source
    return lot


def _decimals(money: Money) -> int:
    return {"USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}[money.currency.code]
