"""Planning a refund over several tenders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from moneyed import Money

from loyalty import ALL, RefundTender, in_proportion, other_tenders_first, plan_refund, reverse_order_of_use
from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest, LoyaltyError, RefundTooLarge
from tests.use_cases.shop import usd


def tender(id_: str, captured: str, refunded: str = "0", *, stored: bool = True) -> RefundTender:
    """Return the facts of a tender in dollars."""
    return RefundTender(id=id_, captured=usd(captured), refunded=usd(refunded), is_stored_value=stored)


ORDER = (tender("gift", "30.00"), tender("bank", "10.00", stored=False), tender("credit", "5.00"))


def planned(amount: Any, strategy: Any = other_tenders_first, tenders: Any = ORDER) -> dict[str, str]:
    """Return the plan in dollars."""
    plan = plan_refund(tenders, usd(amount) if isinstance(amount, str) else amount, strategy)
    return {part.tender_id: str(part.amount.amount) for part in plan}


def test_by_default_the_bank_card_comes_first_and_then_what_was_used_last() -> None:
    """Up to what each took; the rest goes on to the next."""
    assert {"bank": "4.00"} == planned("4.00")
    assert {"bank": "10.00", "credit": "2.00"} == planned("12.00")
    assert {"gift": "1.00", "bank": "10.00", "credit": "5.00"} == planned("16.00")
    assert {"gift": "30.00", "bank": "10.00", "credit": "5.00"} == planned(ALL)


def test_reverse_order_of_use_does_not_ask_what_it_is() -> None:
    """The last tender first, whatever it is."""
    assert {"bank": "1.00", "credit": "5.00"} == planned("6.00", reverse_order_of_use)


def test_in_proportion_counts_what_was_refunded_before() -> None:
    """After an uneven start the shares even out, to the cent."""
    assert {"gift": "6.00", "bank": "2.00", "credit": "1.00"} == planned("9.00", in_proportion)
    uneven = (tender("gift", "1.00", "0.50"), tender("bank", "1.00", stored=False))
    assert {"bank": "0.50"} == planned("0.50", in_proportion, uneven)


def test_earlier_refunds_count() -> None:
    """A tender gives back what it took, once."""
    tenders = (tender("gift", "30.00", "29.00"), tender("bank", "10.00", "10.00", stored=False))
    assert {"gift": "1.00"} == planned(ALL, tenders=tenders)
    with pytest.raises(RefundTooLarge) as caught:
        planned("1.01", tenders=tenders)
    assert usd("1.00") == caught.value.refundable
    with pytest.raises(RefundTooLarge):
        planned(ALL, tenders=(tender("gift", "5.00", "5.00"),))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: planned("1.00", tenders=()), InvalidRequest),
        (lambda: planned("1.00", tenders=(ORDER[0], ORDER[0])), InvalidRequest),
        (lambda: planned("1.00", tenders=iter(ORDER)), InvalidRequest),
        (lambda: planned("1.00", tenders=("gift",)), InvalidRequest),
        (lambda: planned(Money(1, "EUR")), CurrencyMismatch),
        (lambda: planned("0"), InvalidAmount),
        (lambda: planned("-1"), InvalidAmount),
        (lambda: planned("0.001"), InvalidAmount),
        (lambda: tender("", "1.00"), InvalidRequest),
        (lambda: tender("a", "-1.00"), InvalidAmount),
        (lambda: tender("a", "1.00", "-0.01"), InvalidAmount),
        (lambda: tender("a", "1.00", "1.01"), InvalidAmount),
        (lambda: tender("a", "1.001"), InvalidAmount),
        (lambda: tender("a", "1.00", stored="yes"), InvalidRequest),  # type: ignore[arg-type]  # wrong on purpose
        (
            lambda: RefundTender(id="a", captured=usd("1"), refunded=Money(0, "EUR"), is_stored_value=True),
            CurrencyMismatch,
        ),
        (
            lambda: planned(
                "1.00",
                tenders=(
                    ORDER[0],
                    RefundTender(id="a", captured=Money(1, "EUR"), refunded=Money(0, "EUR"), is_stored_value=True),
                ),
            ),
            CurrencyMismatch,
        ),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object], error: type[LoyaltyError]) -> None:
    """Facts that contradict each other and amounts that are none have typed errors."""
    with pytest.raises(error) as caught:
        make()
    assert error is caught.type


@pytest.mark.parametrize("parts", [(1,), (0, 0, 0), (101, 0, -1), (0, 0, 501), (0, 1001, 0), (99, 0, 0)])
def test_a_strategy_that_does_not_divide_is_refused(parts: tuple[int, ...]) -> None:
    """A shop's own strategy is checked: too few, too much, too little, negative, or above a tender's own."""
    with pytest.raises(InvalidRequest):
        planned("5.01" if sum(parts) == 501 else "1.00", lambda *_: parts)


def test_a_shops_own_strategy_divides() -> None:
    """Any pure function of the facts may be one."""
    assert {"gift": "1.00"} == planned("1.00", lambda tenders, amount: [amount] + [0] * (len(tenders) - 1))
