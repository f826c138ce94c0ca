"""Of a sold card whose sale was reversed, spent, clawed back and held are the face value (PAINS 8, 9)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from loyalty import (
    ALL,
    CaptureHold,
    ConvertGiftCard,
    ExpireValue,
    IssuedGiftCard,
    PlaceHold,
    RedeemGiftCard,
    RefundRedemption,
    Term,
    UnblockGiftCard,
    VoidHold,
)
from loyalty.errors import LoyaltyError
from loyalty.testing.books import books_of
from loyalty.testing.invariants import require_sound
from tests.use_cases.sales import bought, define, issue, line, reverse
from tests.use_cases.shop import DAY, Shop, usd

ORDERS = st.integers(0, 4).map(lambda number: f"order {number}")
AMOUNTS = st.integers(1, 30).map(lambda dollars: usd(f"{dollars}.00"))


def something(shop: Shop, data: st.DataObject, issued: IssuedGiftCard) -> Any:
    """Return a command that may happen to a card."""
    order_id, amount, code = data.draw(ORDERS), data.draw(AMOUNTS), issued.code
    key: dict[str, Any] = {"idempotency_key": shop.key()}
    holds = [str(placed.id) for placed in books_of(shop.storage).holds] or ["none"]
    return data.draw(
        st.sampled_from(
            [
                RedeemGiftCard(code=code, amount=amount, order_id=order_id, **key),
                RefundRedemption(order_id=order_id, amount=amount, **key),
                RefundRedemption(order_id=order_id, amount=ALL, **key),
                PlaceHold(order_id=order_id, amount_due=amount, codes=(code,), **key),
                CaptureHold(hold_id=data.draw(st.sampled_from(holds)), **key),
                VoidHold(hold_id=data.draw(st.sampled_from(holds)), **key),
                ConvertGiftCard(code=code, customer_id="ada", **key),
                UnblockGiftCard(gift_card_id=issued.gift_card.id, **key),
                ExpireValue(),
                None,
            ]
        )
    )


@given(data=st.data(), paid=st.integers(0, 30))
def test_spent_clawed_back_and_held_are_the_face_value(data: st.DataObject, paid: int) -> None:
    """Whatever happened to the card before, between and after reversals, and nothing free is left on it."""
    shop = Shop()
    define(shop, term=data.draw(st.sampled_from([None, Term(days=2, time_zone="UTC")])))
    (issued,) = issue(shop, line("b", "25", f"{paid}.00"), is_paid=True).gift_cards
    written_off = usd("0.00")
    for _ in range(data.draw(st.integers(1, 8))):
        if data.draw(st.integers(0, 4)) == 0:
            written_off += reverse(shop).lost
        elif (command := something(shop, data, issued)) is None:
            shop.clock.advance(data.draw(st.sampled_from([DAY, 40 * DAY])))
        else:
            with suppress(LoyaltyError):
                shop.execute(command)
    answer = reverse(shop)
    (card,), (view,) = answer.cards, bought(shop)

    assert usd("25.00") == card.value == card.clawed_back + card.spent + card.held
    assert card.spent <= written_off + answer.lost
    assert card.held == view.posted == view.held
    require_sound(books_of(shop.storage))
