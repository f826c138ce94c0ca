"""A full refund of living value leaves every lot exactly as it was before the payment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from moneyed import Money

from loyalty import ALL, MemoryStorage, Payment, PayWithBalances, RefundRedemption
from loyalty.money import Everything
from loyalty.testing import Shop, Step, Verb, books_of
from loyalty.testing.programs import money
from loyalty.testing.strategies import amounts, programs


def remaining(shop: Shop) -> dict[str, int]:
    """Return what is in each lot."""
    return {lot.id: lot.remaining for account in books_of(shop.storages[0]).accounts for lot in account.lots}


@given(programs(), amounts(), st.lists(st.integers(1, 20), max_size=4))
def test_paying_and_refunding_is_as_if_nothing_happened(program: list[Step], due: int, parts: list[int]) -> None:
    """With all the cards there are and the credit of a customer, in as many refunds as one likes."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    cards = [card for card in books_of(shop.storages[0]).gift_cards if card.account.currency == "USD"]
    usable = tuple(card.id for card in cards if card.customer_id in {None, "ada"} and not card.is_disabled)
    before = remaining(shop)
    pay = PayWithBalances(
        gift_card_ids=usable, customer_id="ada", amount_due=money(due), order_id="the order", idempotency_key="pay"
    )
    payment, _ = shop.execute(pay)
    if not isinstance(payment, Payment) or not payment.parts:
        return
    refunds: list[Money | Everything] = [*map(money, parts), ALL]
    for number, part in enumerate(refunds):
        shop.execute(RefundRedemption(order_id="the order", amount=part, idempotency_key=f"refund {number}"))

    assert before == remaining(shop)


@given(programs(without=(Verb.REUSE_KEY,)))
def test_a_lot_never_holds_more_than_it_was_opened_with(program: list[Step]) -> None:
    """However often it is drawn and refilled."""
    shop = Shop(MemoryStorage())
    for step in program:
        shop.play(step)
        for account in books_of(shop.storages[0]).accounts:
            assert all(lot.remaining <= lot.amount for lot in account.lots)
