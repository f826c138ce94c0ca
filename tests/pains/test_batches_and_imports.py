"""PAINS.md, what happens when cards are made by the thousand or come from another system."""

from __future__ import annotations

import pytest

from loyalty import (
    Audit,
    CodeFormat,
    GetBalance,
    GiftCardRow,
    ImportGiftCards,
    IssueGiftCardBatch,
    RevealBatchCodes,
)
from loyalty.errors import IdempotencyConflict, InvalidImport, InvalidRequest
from tests.use_cases.shop import Shop, usd


def test_pain_02_the_same_batch_twice() -> None:
    """The same key is the same batch, however many steps it has; with other content it is a conflict, and no crash."""
    shop = Shop()
    command = IssueGiftCardBatch(count=5, value=usd("5.00"), cards_per_step=2, idempotency_key="fair")
    assert 5 == shop.execute_twice(command).issued
    with pytest.raises(IdempotencyConflict):
        shop.execute(IssueGiftCardBatch(count=6, value=usd("5.00"), cards_per_step=2, idempotency_key="fair"))
    assert 5 == len(shop.storage._books.cards)


def test_pain_26_weak_codes_of_a_batch() -> None:
    """No format of fewer than 80 random bits exists; codes of another system need a flag and have a floor on length."""
    with pytest.raises(InvalidRequest):
        CodeFormat(symbols=16)
    shop = Shop(code_format=CodeFormat(symbols=17))
    batch = shop.execute(IssueGiftCardBatch(count=100, value=usd("5.00"), idempotency_key="fair"))
    codes = shop.execute(RevealBatchCodes(batch_id=batch.id, actor="a printer", idempotency_key="print")).codes
    assert 100 == len({one.code for one in codes})
    assert 100 == len({one.code[-18:-1] for one in codes})
    row = GiftCardRow(source_id="1", value=usd("5.00"), code="ELEVEN-LONG")
    with pytest.raises(InvalidRequest):
        shop.execute(ImportGiftCards(source="old", rows=[row], idempotency_key="import"))
    allowing = Shop(code_format=CodeFormat(allow_chosen=True))
    with pytest.raises(InvalidImport) as caught:
        allowing.execute(ImportGiftCards(source="old", rows=[row], idempotency_key="import"))
    assert ((1, "malformed_code"),) == caught.value.rows


def test_pain_28_codes_in_plain_text() -> None:
    """Neither a batch nor an import leaves a code in the books, whole or without its dashes, handed out or not."""
    shop = Shop(code_format=CodeFormat(allow_chosen=True))
    batch = shop.execute(IssueGiftCardBatch(count=3, value=usd("5.00"), idempotency_key="fair"))
    codes = [
        one.code for one in shop.execute(RevealBatchCodes(batch_id=batch.id, actor="a", idempotency_key="print")).codes
    ]
    old = "OLD-CANARY-CARD-77"
    row = GiftCardRow(source_id="1", value=usd("5.00"), code=old)
    shop.execute(ImportGiftCards(source="old", rows=[row], idempotency_key="import"))
    dump = repr(shop.storage._books)

    assert usd("5.00") == shop.ask(GetBalance(code=old)).posted
    for code in (*codes, old):
        assert code not in dump
        assert code.replace("-", "") not in dump


def test_pain_45_moving_in() -> None:
    """Imported twice is once, under whatever key; totals tie to the file; a damaged one applies no half."""
    shop = Shop(code_format=CodeFormat(allow_chosen=True))
    rows = [
        GiftCardRow(source_id=f"{number}", value=usd("9.00"), balance=usd(f"{number}.00"), code=f"OLD-CARD-{number:05}")
        for number in range(1, 6)
    ]
    first = shop.execute(ImportGiftCards(source="old", rows=rows, rows_per_step=2, idempotency_key="first"))
    again = shop.execute(
        ImportGiftCards(
            source="old", rows=rows, expected_rows=5, expected_totals=[usd("15.00")], idempotency_key="again"
        )
    )
    before = shop.books()
    with pytest.raises(InvalidImport):
        shop.execute(
            ImportGiftCards(
                source="other", rows=[*rows[:2], rows[1]], rows_per_step=1, idempotency_key="a damaged file"
            )
        )

    assert (5, 0, 0, 5) == (first.imported, first.known, again.imported, again.known)
    assert (usd("15.00"),) == first.totals == again.totals
    assert before == shop.books()
    assert shop.ask(Audit()).is_clean
