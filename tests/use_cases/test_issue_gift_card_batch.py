"""Issuing a batch: what its cards are, how it is cut into steps, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loyalty import (
    Audit,
    CodeFormat,
    CodeKeys,
    GetBalance,
    GetGiftCard,
    GetGiftCardBatch,
    GiftCardStatus,
    GiftCardView,
    HouseAccount,
    IssueGiftCard,
    IssueGiftCardBatch,
    LotOrigin,
    Policies,
    RedeemGiftCard,
    Region,
    ReplaceGiftCardCode,
    RevealBatchCodes,
    TaxTreatment,
    never_for_paid_value,
)
from loyalty.errors import GiftCardNotFound, IdempotencyConflict, InvalidRequest, InvalidTime
from loyalty.ports.storage import TransferFilter
from loyalty.testing.cut_off import CutOff, CutOffStorage
from tests.use_cases.shop import DAY, MICROSECOND, NOW, SECRET, Shop, usd


def batch_of(shop: Shop, count: int = 3, **given: Any) -> str:
    """Issue a batch and return its id."""
    return shop.execute(IssueGiftCardBatch(count=count, value=usd("5.00"), idempotency_key=shop.key(), **given)).id


def codes_of(shop: Shop, batch_id: str, **given: Any) -> list[str]:
    """Return the next codes of a batch."""
    command = RevealBatchCodes(batch_id=batch_id, actor="a printer", idempotency_key=shop.key(), **given)
    return [one.code for one in shop.execute(command).codes]


def cards_of(shop: Shop) -> list[GiftCardView]:
    """Return the cards of all batches, by their numbers."""
    everything = shop.storage._books.cards.values()
    views = [shop.ask(GetGiftCard(id=card.id)) for card in everything]
    return sorted(views, key=lambda card: card.unit or 0)


def test_every_card_is_what_a_single_issue_would_make() -> None:
    """All the merchant said stands on each card, with its batch and number and nothing else different."""
    shop = Shop()
    said: dict[str, Any] = {
        "value": usd("5.00"),
        "expires_at": NOW + DAY,
        "region": Region(id="eu", taxes_gift_cards=True, tax_rate=Decimal(19)),
        "tax_treatment": TaxTreatment.SINGLE_PURPOSE,
        "origin": LotOrigin.GOODWILL,
        "tags": ["spring"],
        "note": "for the fair",
        "metadata": {"a": 1},
        "actor": "staff/7",
        "reason": "a fair",
    }
    single = shop.execute(IssueGiftCard(idempotency_key="single", **said)).gift_card
    batch = shop.execute_twice(IssueGiftCardBatch(count=2, name="fair", idempotency_key="batch", **said))
    first, second = [card for card in cards_of(shop) if card.batch_id is not None]
    own = {"id", "account_id", "masked_code", "last_four", "batch_id", "unit"}

    assert ("fair", 2, 2, 0, usd("5.00"), NOW + DAY, NOW) == (
        batch.name, batch.count, batch.issued, batch.revealed, batch.value, batch.expires_at, batch.opened_at,
    )  # fmt: skip
    for card in (first, second):
        assert {} == {
            name: value for name, value in _facts(card).items() if name not in own and value != _facts(single)[name]
        }
    assert [(batch.id, 1), (batch.id, 2)] == [(card.batch_id, card.unit) for card in (first, second)]
    assert (GiftCardStatus.ACTIVE, Decimal(19)) == (first.status, first.tax_rate)
    transfers = list(shop.storage.read(lambda reader: list(reader.transfers(TransferFilter()))))
    assert {(HouseAccount.GOODWILL, 500, "staff/7", "a fair")} == {
        (one.debit.house, one.amount, one.actor, one.reason) for one in transfers
    }
    assert shop.ask(Audit()).is_clean


def _facts(card: GiftCardView) -> dict[str, object]:
    return {name: getattr(card, name) for name in card.__slots__ if name != "__weakref__"}  # type: ignore[attr-defined]  # attrs makes them


def test_a_batch_is_a_gift_of_the_shop_unless_it_says_otherwise() -> None:
    """Its value comes from promotion."""
    shop = Shop()
    batch_of(shop)
    assert {LotOrigin.PROMOTIONAL} == {card.origin for card in cards_of(shop)}


def test_a_batch_must_expire_in_the_future() -> None:
    """One microsecond later than now is enough."""
    shop = Shop()
    for early in (NOW, NOW - MICROSECOND):
        with pytest.raises(InvalidTime):
            batch_of(shop, expires_at=early)
    batch_of(shop, expires_at=NOW + MICROSECOND)


def test_the_shops_expiry_policy_decides_once_for_all_cards() -> None:
    """Also for those that are issued later, when the shop has chosen another policy."""
    shop = Shop(policies=Policies(expiry=never_for_paid_value))
    command = IssueGiftCardBatch(
        count=2,
        value=usd("5"),
        origin=LotOrigin.PURCHASED,
        expires_at=NOW + DAY,
        cards_per_step=1,
        idempotency_key="batch",
    )
    with pytest.raises(CutOff):
        shop.loyalty.using(CutOffStorage(shop.storage, 1)).execute(command)
    later = Shop()
    later.storage, later.new_id = shop.storage, shop.new_id
    batch = later.with_keys(shop.loyalty._code_keys).execute(command)

    assert [None, None] == [card.expires_at for card in cards_of(shop)]
    assert batch.expires_at is None


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (-1, False), (1_000_001, False), (True, False)])
def test_the_number_of_cards_has_bounds(count: Any, fits: bool) -> None:
    """From 1 to 1,000,000."""
    if fits:
        assert 1 == shop_batch_count(count)
        return
    with pytest.raises(InvalidRequest):
        IssueGiftCardBatch(count=count, value=usd("5"), idempotency_key="k")


def shop_batch_count(count: int) -> int:
    """Return how many cards a batch of *count* has."""
    shop = Shop()
    batch_of(shop, count)
    return len(cards_of(shop))


@pytest.mark.parametrize("symbols", [1, 10, 16])
def test_a_format_of_less_than_80_random_bits_makes_no_batch(symbols: int) -> None:
    """Pain 26: such a format cannot even be configured."""
    with pytest.raises(InvalidRequest):
        CodeFormat(symbols=symbols)
    assert 80 == CodeFormat(symbols=17).random_bits


def test_other_content_under_the_key_of_a_batch_is_a_conflict_also_for_its_later_steps() -> None:
    """Nobody continues a batch with other terms."""
    shop = Shop()
    command = IssueGiftCardBatch(count=3, value=usd("5"), cards_per_step=1, idempotency_key="batch")
    with pytest.raises(CutOff):
        shop.loyalty.using(CutOffStorage(shop.storage, 2)).execute(command)
    for other in ({"count": 4}, {"value": usd("6")}, {"cards_per_step": 2}, {"note": "other"}):
        given: dict[str, Any] = {"count": 3, "value": usd("5"), "cards_per_step": 1, **other}
        with pytest.raises(IdempotencyConflict):
            shop.execute(IssueGiftCardBatch(idempotency_key="batch", **given))
    assert 2 == len(cards_of(shop))


def test_no_host_can_take_the_key_of_a_later_step() -> None:
    """Keys of steps have a line break, which a given key cannot have; the receipt still tells the given one."""
    shop = Shop()
    shop.execute(IssueGiftCardBatch(count=2, value=usd("5"), cards_per_step=1, idempotency_key="batch"))
    keys = [(receipt.idempotency_key, receipt.given_key) for receipt in shop.storage._books.all_receipts]

    assert [("batch", "batch"), ("batch\n2", "batch")] == keys
    with pytest.raises(InvalidRequest):
        IssueGiftCard(value=usd("5"), idempotency_key="batch\n2")


def test_each_step_tells_what_it_issued() -> None:
    """One event for each, and the last one tells that the batch is complete."""
    shop = Shop()
    shop.execute(IssueGiftCardBatch(count=5, value=usd("5"), cards_per_step=2, idempotency_key="batch"))
    events = [receipt.event_data for receipt in shop.storage._books.all_receipts]

    assert 3 == len(events)
    assert ['"first":1,', '"first":3,', '"first":5,'] == [_said(event, "first") for event in events]
    assert ['"issued":2,', '"issued":4,', '"issued":5,'] == [_said(event, "issued") for event in events]


def _said(event: str, name: str) -> str:
    start = event.index(f'"{name}":')
    return event[start : event.index(",", start) + 1]


def test_codes_of_a_batch_outlive_a_change_of_keys_and_format() -> None:
    """A batch that began under one secret and format goes on so, and all its codes are found."""
    shop = Shop()
    command = IssueGiftCardBatch(count=2, value=usd("5"), cards_per_step=1, idempotency_key="batch")
    with pytest.raises(CutOff):
        shop.loyalty.using(CutOffStorage(shop.storage, 1)).execute(command)
    shop.code_format = CodeFormat(prefix="NEW", symbols=24, retired=(CodeFormat(),))
    shop.loyalty = shop.with_keys(CodeKeys.from_secret("another secret of the shop", retired=[SECRET]))
    batch = shop.execute(command)
    codes = codes_of(shop, batch.id)

    assert ["GIFT", "GIFT"] == [code[:4] for code in codes]
    assert [usd("5"), usd("5")] == [shop.ask(GetBalance(code=code)).available for code in codes]


def test_without_the_secret_of_its_codes_a_batch_hands_out_none() -> None:
    """And counts none as handed out."""
    shop = Shop()
    batch_id = batch_of(shop)
    shop.loyalty = shop.with_keys(CodeKeys.from_secret("another secret of the shop"))
    with pytest.raises(InvalidRequest):
        codes_of(shop, batch_id)
    assert 0 == shop.ask(GetGiftCardBatch(id=batch_id)).revealed


def test_a_replaced_code_is_passed_over() -> None:
    """The old one is dead and the new one was shown then; the numbers tell which is missing."""
    shop = Shop()
    batch_id = batch_of(shop, 3)
    lost = cards_of(shop)[1]
    shop.execute(ReplaceGiftCardCode(gift_card_id=lost.id, idempotency_key="lost"))
    revealed = shop.execute(RevealBatchCodes(batch_id=batch_id, actor="a printer", idempotency_key="reveal"))

    assert ([1, 3], 3, True) == ([one.unit for one in revealed.codes], revealed.batch.revealed, revealed.is_done)
    for one in revealed.codes:
        assert usd("5") == shop.ask(GetBalance(code=one.code)).available


def test_a_reveal_is_recorded_with_its_actor() -> None:
    """Who took which codes stands in the event, and no code does; nothing shows one by accident."""
    shop = Shop()
    batch_id = batch_of(shop, 3)
    revealed = shop.execute_twice(
        RevealBatchCodes(batch_id=batch_id, limit=2, actor="staff/7", reason="a print run", idempotency_key="reveal")
    )
    receipt = shop.last_receipt()

    assert "BatchCodesRevealed" == receipt.event
    assert ('"first":1,', '"revealed":2}') == (_said(receipt.event_data, "first"), receipt.event_data[-13:])
    assert '"actor":"staff/7"' in receipt.event_data
    for one in revealed.codes:
        assert one.code not in repr(revealed)
        assert one.code not in repr(shop.books())
        assert one.code[5:] not in receipt.result


def test_a_batch_whose_codes_are_all_handed_out_has_no_more() -> None:
    """Asking on is fine and gives nothing."""
    shop = Shop()
    batch_id = batch_of(shop, 2)
    assert 2 == len(codes_of(shop, batch_id))
    assert [] == codes_of(shop, batch_id)
    assert 2 == shop.ask(GetGiftCardBatch(id=batch_id)).revealed


def test_a_card_of_a_batch_is_spent_like_any_other() -> None:
    """By its code, which nobody knows before it was handed out."""
    shop = Shop()
    (code,) = codes_of(shop, batch_of(shop, 1))
    shop.execute(RedeemGiftCard(code=code, amount=usd("5"), order_id="1", idempotency_key="k"))
    assert [usd("0")] == [card.posted for card in cards_of(shop)]
    with pytest.raises(GiftCardNotFound):
        shop.execute(RedeemGiftCard(code=CODE_OF_NOBODY, amount=usd("5"), order_id="1", idempotency_key="l"))


CODE_OF_NOBODY = Shop().issue().code
