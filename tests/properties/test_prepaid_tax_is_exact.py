"""The tax in what cards paid is rounded once, split exactly, and stored value never changes what an order costs."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from loyalty import CardPayment, MemoryStorage, PayWithBalances, prepaid_tax
from loyalty.testing import Shop, Step, Verb
from loyalty.testing.programs import minor, money

RATES = st.sampled_from([None, Decimal(0), Decimal("5.5"), Decimal(7), Decimal(19), Decimal("7.700001"), Decimal(100)])


def paying(amounts: list[int], rates: list[Decimal | None]) -> list[CardPayment]:
    """Return one payment per amount."""
    return [
        CardPayment(gift_card_id=f"{place}", amount=money(amount), tax_rate=rate)
        for place, (amount, rate) in enumerate(zip(amounts, rates, strict=True))
    ]


@given(st.lists(st.tuples(st.integers(1, 5000), RATES), max_size=6))
def test_the_parts_sum_to_the_tax_rounded_once(paid: list[tuple[int, Decimal | None]]) -> None:
    """Half a minor unit up; one part per card, untaxed ones zero, and none more than its card paid."""
    exact = sum((amount * Fraction(rate or 0) / (100 + Fraction(rate or 0)) for amount, rate in paid), Fraction(0))
    parts = prepaid_tax(paying([amount for amount, _ in paid], [rate for _, rate in paid]))

    assert (exact + Fraction(1, 2)).__floor__() == sum(minor(part.tax) for part in parts)
    assert [f"{place}" for place in range(len(paid))] == [part.gift_card_id for part in parts]
    for (amount, rate), part in zip(paid, parts, strict=True):
        assert 0 <= minor(part.tax) <= amount
        assert rate or 0 == minor(part.tax)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=6), RATES)
def test_at_one_rate_the_tax_does_not_depend_on_how_many_cards_paid(amounts: list[int], rate: Decimal | None) -> None:
    """However the payment is divided, the sum is that of one card that paid all."""
    many = prepaid_tax(paying(amounts, [rate] * len(amounts)))
    (one,) = prepaid_tax(paying([sum(amounts)], [rate]))

    assert minor(one.tax) == sum(minor(part.tax) for part in many)


@given(
    st.lists(st.tuples(st.integers(1, 900), st.sampled_from([0, 7, 19])), min_size=1, max_size=4),
    st.lists(st.integers(1, 900), max_size=4),
    st.integers(0, 900),
)
def test_an_orders_totals_do_not_depend_on_how_it_is_paid(
    lines: list[tuple[int, int]], cards: list[int], credit: int
) -> None:
    """Net and tax are those of the lines; whatever pays, it pays the gross amount, and the rest remains due."""
    shop = Shop(MemoryStorage())
    shop.play_all([Step(verb=Verb.ISSUE, amount=amount) for amount in cards])
    shop.play_all([Step(verb=Verb.GRANT, customer="ada", amount=credit)] if credit else [])
    gross = sum(amount for amount, _ in lines)
    tax = sum(amount * rate // (100 + rate) for amount, rate in lines)
    payment = shop.loyalty.execute(
        PayWithBalances(
            order_id="1",
            amount_due=money(gross),
            codes=tuple(card.code for card in shop.cards),
            customer_id="ada",
            idempotency_key="pay",
        )
    )
    paid, due = sum(minor(part.amount) for part in payment.parts), minor(payment.remaining_due)

    assert min(gross, sum(cards) + credit) == paid == minor(payment.amount)
    assert (gross, gross - tax) == (paid + due, paid + due - tax)
