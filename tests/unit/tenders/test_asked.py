"""What a caller asks when stored value is to pay: the cards in the order of naming, and what is loaded for them."""

from __future__ import annotations

import pytest
from moneyed import Money

from loyalty import GiftCardTender, PlanPayment
from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidRequest, MalformedCode
from loyalty.tenders.asked import to_lines
from tests.use_cases.checkout import line
from tests.use_cases.shop import usd


class Reading:
    """Knows two keys, and no code that begins with another letter than G."""

    def digests(self, code: GiftCardCode) -> tuple[str, ...]:
        """Return a digest under each key."""
        return (f"old {code.reveal()}", f"new {code.reveal()}")

    def require(self, *codes: GiftCardCode) -> None:
        """Check the first letter."""
        if not all(code.reveal().startswith("G") for code in codes):
            raise MalformedCode


def test_cards_come_in_the_order_of_naming() -> None:
    """Codes, then ids, then tenders; a code twice is one code, however it was typed."""
    tender = GiftCardTender(gift_card_id="c", at_most=usd("1"), priority=3)
    asked = PlanPayment(
        amount_due=usd("9"), codes=["GAAA-0001", "gaaa 0001", "GBBB-0002"], gift_card_ids=["a", "b"], tenders=[tender]
    )
    named = list(asked.cards())
    assert ["GAAA0001", "GBBB0002", None, None, None] == [one.code and one.code.reveal() for one in named]
    assert [None, None, "a", "b", "c"] == [one.gift_card_id for one in named]
    assert (usd("1"), 3) == (named[-1].at_most, named[-1].priority)
    assert {(None, 0)} == {(one.at_most, one.priority) for one in named[:-1]}


def test_all_that_could_pay_is_loaded() -> None:
    """Every key of every code, every id once, and the customer's credit in the one currency, if it is to pay."""
    asked = PlanPayment(
        amount_due=Money(9, "EUR"),
        codes=["GAAA-0001"],
        gift_card_ids=["a", "a"],
        tenders=[GiftCardTender(code="GBBB-0002"), GiftCardTender(gift_card_id="b")],
        customer_id="ada",
    )
    wanted = asked.wanted(Reading())
    assert ("old GAAA0001", "new GAAA0001", "old GBBB0002", "new GBBB0002") == wanted.digests
    assert 2 == wanted.codes
    assert (("a", "b"), (("ada", "EUR"),)) == (wanted.gift_card_ids, wanted.customers)
    without = PlanPayment(amount_due=usd("9"), codes=["GAAA-0001"], customer_id="ada", use_store_credit=False)
    assert () == without.wanted(Reading()).customers


def test_a_malformed_code_is_loaded_like_any_other() -> None:
    """So that it takes the same work; it is told when the tenders are examined."""
    asked = PlanPayment(amount_due=usd("9"), codes=["XAAA-0001", "GBBB-0002"])
    assert (4, 2) == (len(asked.wanted(Reading()).digests), asked.wanted(Reading()).codes)


def test_at_most_fifty_cards_and_five_hundred_lines() -> None:
    """In whatever way the cards are named, and no line id twice."""
    tenders = [GiftCardTender(gift_card_id=str(number)) for number in range(50)]
    assert 50 == len(list(PlanPayment(amount_due=usd("9"), tenders=tenders).cards()))
    with pytest.raises(InvalidRequest):
        PlanPayment(amount_due=usd("9"), tenders=tenders, gift_card_ids=("one more",))
    lines = [line(str(number), "1.00") for number in range(500)]
    assert tuple(lines) == to_lines(lines)
    for wrong in ([*lines, line("one more", "1.00")], [lines[0], lines[0]]):
        with pytest.raises(InvalidRequest):
            to_lines(wrong)


def test_the_currency_is_the_amounts() -> None:
    """Code, decimals and minor units are those of what is due."""
    asked = PlanPayment(amount_due=Money("1.234", "KWD"), customer_id="ada")
    assert ("KWD", 3, 1234, True) == (asked.currency, asked.exponent, asked.due, asked.pays_with_credit)
