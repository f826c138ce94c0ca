"""Races for held value: a hold is resolved once, carts share a card without waste, and nobody waits for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import pytest

from loyalty.errors import AlreadyClaimed, ClaimedByAnother, HoldClosed, RefundTooLarge
from loyalty.ledger.hold import HoldStatus
from loyalty.tenders.hold_view import HoldView
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import MICROSECOND, Stand
from loyalty.testing.kit.races import Outcome, RaceCase, kinds
from loyalty.testing.programs import AnyCommand, minor, money
from loyalty.use_cases.adjust_hold import AdjustHold
from loyalty.use_cases.capture_hold import Capture, CaptureHold
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.lapse_holds import Lapsed, LapseHolds
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.place_hold import PlaceHold
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.refund_redemption import RefundRedemption
from loyalty.use_cases.void_hold import VoidHold

__all__ = ["HoldRaceTests"]

ENDS: Final = ("capture", "void", "lapse", "replace")
"""The ways in which a hold may end."""

CONTENDERS: Final[Mapping[str, tuple[str, ...]]] = {
    **{f"{one} and {two}": (one, two) for one in ENDS for two in ENDS if one < two},
    "two captures": ("capture", "capture"),
    "all, 8": ENDS * 2,
    "all, 32": ENDS * 8,
}


class HoldRaceTests(RaceCase):
    """Many at once, on holds."""

    @needs("threads")
    @pytest.mark.parametrize("name", CONTENDERS)
    def test_a_hold_is_resolved_once(self, stand: Stand, name: str) -> None:
        """Whoever is first decides; all others hear how it ended, and value is where the one end put it."""
        card = stand.card(1000)
        hold = stand.hold(600, card)
        ends = CONTENDERS[name]
        commands = [_end(end, hold, card, place) for place, end in enumerate(ends)]
        outcomes = self.race(stand, commands, [_time_for(end, hold) for end in ends])
        (ended,) = [one for one in stand.books().holds if one.id == hold.id]

        assert 1 == sum(_times_ended(outcome, hold) for outcome in outcomes)
        closed = [error for _, error in outcomes if error is not None]
        assert [(HoldClosed, ended.status.value)] * len(closed) == [
            (type(error), getattr(error, "status", None)) for error in closed
        ]
        captured = 600 if ended.status is HoldStatus.CAPTURED else 0
        assert money(1000 - captured) == stand.left_on(card)
        open_holds = [one for one in stand.books().holds if one.status is HoldStatus.OPEN]
        assert ("replace" in ends) == len(open_holds)
        assert money(1000 - captured - sum(one.amount for one in open_holds)) == stand.available_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize(("carts", "units"), [(2, 1), (8, 3), (32, 10)])
    def test_carts_share_one_card(self, stand: Stand, carts: int, units: int) -> None:
        """As many as fit hold all they want, one holds the rest, the others nothing; and all of it can be captured."""
        card = stand.card(100 * units + 50)
        placed = self.race(stand, [_place(card, 100, order_id=f"cart {number}") for number in range(carts)])
        holds = [result for result, _ in placed if isinstance(result, HoldView)]

        assert Counter({100: units, 50: 1, 0: carts - units - 1}) == Counter(minor(hold.amount) for hold in holds)
        assert money(0) == stand.available_on(card)
        stand.require_sound()
        captured = self.race(stand, [CaptureHold(hold_id=hold.id, idempotency_key=hold.id) for hold in holds])
        assert {"done": carts} == kinds(captured)
        assert money(0) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8, 32])
    def test_one_order_has_one_open_hold(self, stand: Stand, callers: int) -> None:
        """Placed under many keys at once, the last replaces the one before it: one is open, the rest are void."""
        cards = stand.card(1000), stand.card(1000)
        outcomes = self.race(stand, [_place(cards[number % 2], 300 + number, key=number) for number in range(callers)])
        replaced = [result.replaced_id for result, _ in outcomes if isinstance(result, HoldView)]
        statuses = Counter(hold.status for hold in stand.books().holds)
        (last,) = [hold for hold in stand.books().holds if hold.status is HoldStatus.OPEN]

        assert {"done": callers} == kinds(outcomes)
        assert {HoldStatus.OPEN: 1, HoldStatus.VOIDED: callers - 1} == statuses
        assert callers == len(set(replaced))
        assert last.id not in replaced
        assert 2000 - last.amount == sum(minor(stand.available_on(card)) for card in cards)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("pairs", [1, 4, 16])
    def test_opposite_orders_of_held_tenders_do_not_deadlock(self, stand: Stand, pairs: int) -> None:
        """Two cards named in both orders, held by many at once, then captured or voided: no unit is lost."""
        one, two = stand.card(100 * pairs), stand.card(100 * pairs)
        named = [codes for _ in range(pairs) for codes in ((one.code, two.code), (two.code, one.code))]
        placed = self.race(
            stand,
            [
                PlaceHold(codes=codes, amount_due=money(100), order_id=f"{place}", idempotency_key=f"{place}")
                for place, codes in enumerate(named)
            ],
        )
        holds = [result for result, _ in placed if isinstance(result, HoldView)]

        assert [money(100)] * 2 * pairs == [hold.amount for hold in holds]
        assert [money(0), money(0)] == [stand.available_on(one), stand.available_on(two)]
        ends = (CaptureHold, VoidHold)
        ended = self.race(
            stand, [ends[place % 2](hold_id=hold.id, idempotency_key=hold.id) for place, hold in enumerate(holds)]
        )
        assert {"done": 2 * pairs} == kinds(ended)
        assert 100 * pairs == minor(stand.left_on(one)) + minor(stand.left_on(two))
        assert [stand.left_on(one), stand.left_on(two)] == [stand.available_on(one), stand.available_on(two)]
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8, 32])
    def test_a_hold_is_captured_as_it_was_adjusted_last(self, stand: Stand, callers: int) -> None:
        """One captures while others adjust: it takes the whole hold as it stands then, and whoever is late hears it."""
        card = stand.card(1000)
        hold = stand.hold(500, card)
        adjusts = [
            AdjustHold(hold_id=hold.id, amount_due=money(100 + number), idempotency_key=f"adjust {number}")
            for number in range(callers - 1)
        ]
        (captured, error), *others = self.race(stand, [CaptureHold(hold_id=hold.id, idempotency_key="all"), *adjusts])

        assert error is None
        assert isinstance(captured, Capture)
        assert set(kinds(others)) <= {"done", HoldClosed.__name__}
        wanted = {500, *(100 + place for place, (_, late) in enumerate(others) if late is None)}
        assert minor(captured.amount) in wanted
        assert money(0) == captured.released
        assert money(1000) - captured.amount == stand.left_on(card) == stand.available_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8, 32])
    def test_bearers_spend_until_one_claims(self, stand: Stand, callers: int) -> None:
        """One claim wins; who redeemed before it was paid, who came after it is told that it is another's."""
        card = stand.card(100 * callers)
        commands: list[AnyCommand] = [
            ClaimGiftCard(code=card.code, customer_id=f"customer {number}", idempotency_key=f"claim {number}")
            if number % 2
            else RedeemGiftCard(code=card.code, amount=money(100), order_id="order", idempotency_key=f"redeem {number}")
            for number in range(callers)
        ]
        outcomes = self.race(stand, commands)
        paid = kinds(outcomes[::2])["done"]

        assert Counter({"done": 1, AlreadyClaimed.__name__: callers // 2 - 1}) == kinds(outcomes[1::2])
        assert set(kinds(outcomes[::2])) <= {"done", ClaimedByAnother.__name__}
        assert money(100 * (callers - paid)) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize(("refunds", "fit"), [(2, 1), (8, 3), (32, 10)])
    def test_refunds_of_a_captured_order_stay_within_it(self, stand: Stand, refunds: int, fit: int) -> None:
        """As many as were captured give back, and the others are too large, though more was held."""
        cards = stand.card(60 * fit), stand.card(140 * fit)
        hold = stand.hold(200 * fit, *cards)
        stand.execute(CaptureHold(hold_id=hold.id, amount=money(100 * fit), idempotency_key="capture"))
        outcomes = self.race(
            stand,
            [
                RefundRedemption(order_id="order", amount=money(100), idempotency_key=f"refund {number}")
                for number in range(refunds)
            ],
        )

        assert {"done": fit, RefundTooLarge.__name__: refunds - fit} == kinds(outcomes)
        assert [money(60 * fit), money(140 * fit)] == [stand.left_on(card) for card in cards]
        stand.require_sound()


def _place(card: IssuedGiftCard, amount: int, *, order_id: str = "order", key: int = 0) -> PlaceHold:
    return PlaceHold(
        codes=(card.code,), amount_due=money(amount), order_id=order_id, idempotency_key=f"hold {key} {order_id}"
    )


def _end(end: str, hold: HoldView, card: IssuedGiftCard, place: int) -> AnyCommand:
    if end == "capture":
        return CaptureHold(hold_id=hold.id, idempotency_key=f"capture {place}")
    if end == "void":
        return VoidHold(hold_id=hold.id, idempotency_key=f"void {place}")
    return LapseHolds() if end == "lapse" else _place(card, 300, key=place)


def _time_for(end: str, hold: HoldView) -> datetime:
    """Return the last instant at which the hold is open, or for its lapse the instant after it."""
    return hold.lapses_at - (timedelta(0) if end == "lapse" else MICROSECOND)


def _times_ended(outcome: Outcome, hold: HoldView) -> int:
    """Return how often somebody is told that he ended this hold: once or not at all."""
    result, _ = outcome
    if isinstance(result, Lapsed):
        return result.holds
    if isinstance(result, HoldView):
        return hold.id in {result.replaced_id, result.id}
    return isinstance(result, Capture)
