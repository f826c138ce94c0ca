"""Refunding what stored value paid: to the same lots, never more than was taken, closing at zero."""

from __future__ import annotations

from datetime import datetime

import pytest
from moneyed import Currency, Money

from loyalty import (
    ALL,
    Audit,
    BlockGiftCard,
    CardsOfOrder,
    CodeKeys,
    ConvertGiftCard,
    DebitStoreCredit,
    ExpireValue,
    HouseAccount,
    IssuedGiftCard,
    LotOrigin,
    Movements,
    PayWithBalances,
    Policies,
    Refund,
    RefundRedemption,
    Statement,
    TransferKind,
)
from loyalty.errors import (
    CurrencyMismatch,
    IdempotencyConflict,
    InvalidAmount,
    InvalidRequest,
    RedemptionNotFound,
    RefundTooLarge,
)
from loyalty.ledger.lot import Lot
from tests.use_cases.shop import DAY, MICROSECOND, NOW, SECRET, Shop, usd

PAID = [LotOrigin.PURCHASED, LotOrigin.REFUND, LotOrigin.GOODWILL, LotOrigin.MIGRATION]


def refund(shop: Shop, amount: object = ALL, **given: str) -> Refund:
    """Refund order 1001, or what is named."""
    money = usd(amount) if isinstance(amount, str) else amount
    named = {} if "redemption_id" in given else {"order_id": "1001"}
    return shop.execute(
        RefundRedemption(amount=money, **{"idempotency_key": shop.key(), **named, **given})  # type: ignore[arg-type]
    )


def pay(shop: Shop, due: str, *cards: IssuedGiftCard, order_id: str = "1001", customer_id: str | None = None) -> None:
    """Pay for an order with cards and a customer's credit."""
    shop.execute(
        PayWithBalances(
            order_id=order_id,
            amount_due=usd(due),
            codes=tuple(card.code for card in cards),
            customer_id=customer_id,
            idempotency_key=shop.key(),
        )
    )


def test_a_part_goes_back() -> None:
    """A partial refund raises the balance by exactly its amount."""
    shop = Shop()
    issued = shop.issue("50.00")
    redemption = shop.redeem(issued, "30.00")
    back = refund(shop, "5.00")
    assert (usd("5.00"), usd("0.00"), usd("0.00"), "1001") == (
        back.amount, back.forfeited, back.regranted, back.order_id,
    )  # fmt: skip
    (part,) = back.parts
    assert (redemption.id, issued.gift_card.id, issued.gift_card.account_id, usd("5.00"), usd("25.00")) == (
        part.redemption_id, part.gift_card_id, part.account_id, part.amount, part.balance_after,
    )  # fmt: skip
    assert usd("25.00") == shop.card(issued).available


def test_a_refund_names_the_redemption_it_reverses() -> None:
    """The entry of a refund stands under its order and names the redemption."""
    shop = Shop()
    issued = shop.issue("50.00")
    redemption = shop.redeem(issued, "30.00")
    part = refund(shop, "5.00", reason="return").parts[0]
    entry = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries[-1]
    assert (part.id, redemption.id, "1001", "return", TransferKind.REFUND) == (
        entry.id, entry.refunds, entry.order_id, entry.reason, entry.kind,
    )  # fmt: skip


def test_all_gives_back_everything_once() -> None:
    """ALL gives back what is left to give back; after that there is nothing."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    assert usd("30.00") == refund(shop, ALL).amount
    assert usd("50.00") == shop.card(issued).available
    before = shop.books()
    for amount in (ALL, "0.01"):
        with pytest.raises(RefundTooLarge) as caught:
            refund(shop, amount)
        assert usd("0.00") == caught.value.refundable
    assert before == shop.books()


def test_all_after_a_part_gives_back_the_rest() -> None:
    """ALL means what is still left, not the whole."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    refund(shop, "29.99")
    assert (usd("0.01"), usd("50.00")) == (refund(shop, ALL).amount, shop.card(issued).available)


def test_one_cent_too_much_is_refused_with_what_is_left() -> None:
    """The ceiling counts all earlier refunds, not only this call."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    refund(shop, "20.00")
    before = shop.books()
    with pytest.raises(RefundTooLarge) as caught:
        refund(shop, "10.01")
    assert usd("10.00") == caught.value.refundable
    assert before == shop.books()


def test_the_ceiling_is_the_orders_own() -> None:
    """What another order took from the same card is not given back here."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "10.00", "1001")
    shop.redeem(issued, "40.00", "1002")
    with pytest.raises(RefundTooLarge):
        refund(shop, "10.01", order_id="1001")
    assert usd("10.00") == refund(shop, order_id="1001").amount


def test_the_ceiling_by_redemption_and_by_order_is_one() -> None:
    """Refunds by redemption count against the order and the other way round."""
    shop = Shop()
    issued = shop.issue("50.00")
    first, second = shop.redeem(issued, "10.00"), shop.redeem(issued, "20.00")
    refund(shop, "10.00", redemption_id=first.id)
    with pytest.raises(RefundTooLarge) as caught:
        refund(shop, "20.01")
    assert usd("20.00") == caught.value.refundable
    refund(shop, "15.00")
    with pytest.raises(RefundTooLarge) as caught:
        refund(shop, "5.01", redemption_id=second.id)
    assert usd("5.00") == caught.value.refundable
    assert usd("5.00") == refund(shop, ALL, redemption_id=second.id).amount


def test_a_refund_is_spread_in_proportion() -> None:
    """Each tender gets back its share of what it paid."""
    shop = Shop()
    one, two = shop.issue("10.00"), shop.issue("20.00")
    pay(shop, "30.00", one, two)
    back = refund(shop, "3.00")
    assert {one.gift_card.id: usd("1.00"), two.gift_card.id: usd("2.00")} == {
        part.gift_card_id: part.amount for part in back.parts
    }


@pytest.mark.parametrize("step", ["0.01", "0.02", "0.07", "1.00", "3.33"])
def test_many_small_refunds_over_several_tenders_close_at_zero(step: str) -> None:
    """However a refund is cut up, every tender has at the end exactly what it paid."""
    shop = Shop()
    cards = [shop.issue("0.01"), shop.issue("3.33"), shop.issue("1.17", expires_at=NOW + DAY)]
    shop.grant("0.50", expires_at=NOW + 2 * DAY)
    shop.grant("0.99")
    pay(shop, "6.00", *cards, customer_id="ada")
    left = usd("6.00")
    while left >= usd(step):
        refund(shop, step)
        left -= usd(step)
    if left > usd("0"):
        refund(shop, ALL)
    assert ["0.01", "3.33", "1.17"] == [str(shop.card(card).posted.amount) for card in cards]
    assert usd("1.49") == shop.credit().posted
    with pytest.raises(RefundTooLarge):
        refund(shop, "0.01")
    assert () == shop.ask(Audit()).findings


def test_value_goes_back_to_its_own_lot() -> None:
    """Refunded value ends when it would have ended, and is of its own origin."""
    shop = Shop()
    shop.grant("5.00", expires_at=NOW + DAY, origin=LotOrigin.PROMOTIONAL)
    shop.grant("5.00", expires_at=NOW + 9 * DAY)
    lots = shop.books().found
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("7.00"), order_id="1001", idempotency_key="d"))
    refund(shop, ALL)
    after = shop.books().found
    assert _lots(lots) == _lots(after)


def _lots(found: object) -> tuple[Lot, ...]:
    (credit,) = found.store_credit_accounts  # type: ignore[attr-defined]
    lots: tuple[Lot, ...] = credit.account.lots
    return lots


def test_the_books_say_where_the_value_came_from() -> None:
    """A refund comes out of redemptions, and the roll-forward closes."""
    shop = Shop()
    shop.redeem(shop.issue("50.00"), "30.00")
    refund(shop, "12.00")
    movements = shop.ask(Movements())[0]
    assert (usd("18.00"), usd("12.00"), usd("32.00")) == (
        movements.house[HouseAccount.REDEMPTIONS], movements.refunded, movements.closing,
    )  # fmt: skip


# --- to whom ----------------------------------------------------------------


def test_a_blocked_card_takes_its_refund() -> None:
    """A block stops spending, not giving back."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    refund(shop, ALL)
    assert (usd("50.00"), usd("0.00")) == (shop.card(issued).posted, shop.card(issued).available)


def test_a_converted_card_takes_its_refund_for_its_customer() -> None:
    """What a card paid before it was converted comes back to the card, which is the customer's now."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="c1"))
    refund(shop, ALL)
    card = shop.card(issued)
    assert ("ada", usd("30.00"), usd("20.00")) == (card.customer_id, card.available, shop.credit().available)
    shop.execute(ConvertGiftCard(gift_card_id=card.id, customer_id="ada", idempotency_key="c2"))
    assert usd("50.00") == shop.credit().available
    assert () == shop.ask(Audit()).findings


def test_converted_value_that_paid_comes_back_to_store_credit() -> None:
    """What was paid from store credit comes back there, though it once was on a card."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="c1"))
    pay(shop, "30.00", customer_id="ada")
    refund(shop, ALL)
    assert (usd("50.00"), NOW + DAY, usd("0.00")) == (
        shop.credit().available, shop.credit().expires_next, shop.card(issued).posted,
    )  # fmt: skip


# --- what has expired meanwhile ---------------------------------------------


@pytest.mark.parametrize("origin", PAID)
def test_paid_value_that_expired_is_granted_again_for_thirty_days(origin: LotOrigin) -> None:
    """Refunded value that has expired, and was not a promotion, lives for thirty more days, of the same origin."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, origin=origin)
    shop.redeem(issued, "30.00")
    shop.clock.now = NOW + DAY
    back = refund(shop, "10.00")
    assert (usd("10.00"), usd("10.00"), usd("0.00")) == (back.amount, back.regranted, back.forfeited)
    assert usd("10.00") == shop.card(issued).available
    shop.clock.now = NOW + DAY + 30 * DAY - MICROSECOND
    assert usd("9.00") == shop.redeem(issued, "1.00", "next").balance_after - usd("20.00")
    shop.clock.now = NOW + DAY + 30 * DAY
    assert usd("0.00") == shop.card(issued).available
    assert () == shop.ask(Audit()).findings


def test_promotional_value_that_expired_is_forfeited() -> None:
    """A refund to an expired promotion is on the books, is not spendable, and leaves with the next sweep."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.redeem(issued, "50.00")
    shop.clock.now = NOW + DAY
    back = refund(shop, "10.00")
    assert (usd("10.00"), usd("0.00"), usd("10.00")) == (back.amount, back.regranted, back.forfeited)
    assert (usd("10.00"), usd("0.00")) == (shop.card(issued).posted, shop.card(issued).available)
    assert (usd("10.00"),) == shop.execute(ExpireValue()).amounts
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize(
    ("at", "regranted"), [(NOW + DAY - MICROSECOND, "0"), (NOW + DAY, "30"), (NOW + 2 * DAY, "30")]
)
def test_the_instant_of_expiry_decides(at: datetime, regranted: str) -> None:
    """One microsecond before its expiry value goes back to its lot; at it and after it it is granted again."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED)
    shop.redeem(issued, "30.00")
    shop.clock.now = at
    assert usd(regranted) == refund(shop, ALL).regranted


def test_a_swept_lot_is_refunded_like_any_expired_one() -> None:
    """Whether the sweep has run makes no difference to a refund."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED)
    shop.redeem(issued, "30.00")
    shop.clock.now = NOW + DAY
    shop.execute(ExpireValue())
    assert (usd("30.00"), usd("30.00")) == (refund(shop, ALL).regranted, shop.card(issued).available)
    assert () == shop.ask(Audit()).findings


def test_regranted_value_counts_against_the_ceiling() -> None:
    """Granting again is a refund too: in several calls never more than was redeemed."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED)
    shop.redeem(issued, "30.00")
    refund(shop, "5.00")
    shop.clock.now = NOW + DAY
    refund(shop, "10.00")
    with pytest.raises(RefundTooLarge) as caught:
        refund(shop, "15.01")
    assert usd("15.00") == caught.value.refundable
    assert usd("15.00") == refund(shop, ALL).regranted
    with pytest.raises(RefundTooLarge):
        refund(shop, ALL)


def test_regranted_value_that_is_spent_can_be_refunded_again() -> None:
    """Value granted again pays for a new order, and comes back from it to its new lot."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED)
    shop.redeem(issued, "50.00")
    shop.clock.now = NOW + DAY
    refund(shop, ALL)
    shop.redeem(issued, "50.00", "1002")
    assert usd("50.00") == refund(shop, ALL, order_id="1002").amount
    with pytest.raises(RefundTooLarge):
        refund(shop, ALL)
    assert usd("50.00") == shop.card(issued).available
    assert () == shop.ask(Audit()).findings


def test_paid_and_promotional_value_of_one_order_part_ways() -> None:
    """Of one order's refund the expired promotion is forfeited, the expired paid value lives, the rest goes back."""
    shop = Shop()
    shop.grant("10.00", origin=LotOrigin.PROMOTIONAL, expires_at=NOW + DAY)
    shop.grant("10.00", origin=LotOrigin.REFUND, expires_at=NOW + DAY)
    shop.grant("10.00", origin=LotOrigin.GOODWILL)
    pay(shop, "30.00", customer_id="ada")
    shop.clock.now = NOW + DAY
    back = refund(shop, ALL)
    assert (usd("30.00"), usd("10.00"), usd("10.00")) == (back.amount, back.forfeited, back.regranted)
    assert (usd("30.00"), usd("20.00")) == (shop.credit().posted, shop.credit().available)


def test_the_refund_policy_is_the_shops_choice() -> None:
    """A replaced policy decides how long refunded value lives."""

    def for_ever(_lot: Lot, at: datetime) -> datetime:
        return at + 3650 * DAY

    shop = Shop(policies=Policies(refund_expiry=for_ever))
    issued = shop.issue("50.00", expires_at=NOW + DAY)
    shop.redeem(issued, "50.00")
    shop.clock.now = NOW + DAY
    assert usd("50.00") == refund(shop, ALL).regranted
    shop.clock.now = NOW + 3650 * DAY
    assert usd("50.00") == shop.card(issued).available


# --- refusals ---------------------------------------------------------------


def test_what_was_never_redeemed_is_not_found() -> None:
    """Unknown orders and redemptions have nothing to refund, and neither have other kinds of transfers."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="900")
    grant = shop.grant("5.00")
    shop.redeem(issued, "30.00")
    back = refund(shop, "1.00").parts[0].id
    issue = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries[0].id
    before = shop.books()
    for given in (
        {"order_id": "unknown"},
        {"order_id": "900"},
        {"redemption_id": "unknown"},
        {"redemption_id": back},
        {"redemption_id": issue},
        {"redemption_id": grant.transfer.id},
    ):
        with pytest.raises(RedemptionNotFound):
            refund(shop, ALL, **given)
    assert before == shop.books()


def test_another_currency_is_refused() -> None:
    """An order paid in dollars is not refunded in euros."""
    shop = Shop()
    shop.redeem(shop.issue("50.00"), "30.00")
    with pytest.raises(CurrencyMismatch) as caught:
        refund(shop, Money("1.00", "EUR"))
    assert ("USD", "EUR") == (caught.value.expected, caught.value.actual)


def test_the_same_currency_with_other_decimals_is_refused() -> None:
    """Five dollars of three decimals are not fifty dollars of two: stored money is never re-scaled."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "50.00")
    before = shop.books()
    with pytest.raises(CurrencyMismatch):
        refund(shop, Money("5.000", Currency(code="USD", sub_unit=1000)))
    assert before == shop.books()


def test_an_order_paid_in_two_currencies_needs_an_amount() -> None:
    """ALL of two currencies is not one amount; each may be refunded in its own."""
    shop = Shop()
    dollar, euro = shop.issue("50.00"), shop.issue(Money("50.00", "EUR"))
    shop.redeem(dollar, "30.00")
    shop.redeem(euro, Money("20.00", "EUR"))
    with pytest.raises(CurrencyMismatch):
        refund(shop, ALL)
    assert Money("20.00", "EUR") == refund(shop, Money("20.00", "EUR")).amount
    with pytest.raises(RefundTooLarge) as caught:
        refund(shop, "30.01")
    assert usd("30.00") == caught.value.refundable


def test_the_redemption_is_named_exactly_once() -> None:
    """Order and redemption together, or neither, is an invalid request."""
    with pytest.raises(InvalidRequest):
        RefundRedemption(amount=ALL, idempotency_key="k")
    with pytest.raises(InvalidRequest):
        RefundRedemption(amount=ALL, order_id="1", redemption_id="2", idempotency_key="k")


@pytest.mark.parametrize("amount", [usd("0"), usd("-5"), usd("0.001"), usd("NaN"), "ALL", None, 0, -1])
def test_everything_is_its_own_symbol(amount: object) -> None:
    """Zero, None, a negative number and the text ALL never mean everything."""
    with pytest.raises(InvalidAmount):
        RefundRedemption(order_id="1", amount=amount, idempotency_key="k")  # type: ignore[arg-type]


def test_the_currency_comes_before_the_ceiling() -> None:
    """Errors come in the order in which they are documented."""
    shop = Shop()
    shop.redeem(shop.issue("50.00"), "30.00")
    with pytest.raises(CurrencyMismatch):
        refund(shop, Money("9999.00", "EUR"))


# --- once -------------------------------------------------------------------


def test_a_replay_answers_again_and_gives_nothing() -> None:
    """The same refund twice is one refund, whether it was of a part or of all."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    shop.execute_twice(RefundRedemption(order_id="1001", amount=usd("10"), idempotency_key="part"))
    command = RefundRedemption(order_id="1001", amount=ALL, idempotency_key="all")
    first = shop.execute_twice(command)
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    assert first == rotated.execute(command)
    assert usd("50.00") == shop.card(issued).available


def test_other_content_under_the_same_key_is_a_conflict() -> None:
    """Amount and order belong to what the key stands for; ALL is not the number it happened to be."""
    shop = Shop()
    issued = shop.issue("50.00")
    redemption = shop.redeem(issued, "30.00")
    refund(shop, ALL, idempotency_key="once")
    before = shop.books()
    for amount, given in (("30.00", {}), (ALL, {"order_id": "1002"}), (ALL, {"redemption_id": redemption.id})):
        with pytest.raises(IdempotencyConflict):
            refund(shop, amount, idempotency_key="once", **given)
    assert before == shop.books()


def test_a_refund_before_its_redemption_may_be_repeated() -> None:
    """A refund that arrives too early is refused, stores nothing, and works later under the same key."""
    shop = Shop()
    issued = shop.issue("50.00")
    with pytest.raises(RedemptionNotFound):
        refund(shop, ALL, idempotency_key="early")
    shop.redeem(issued, "30.00")
    assert usd("30.00") == refund(shop, ALL, idempotency_key="early").amount


def test_a_clock_that_goes_back_keeps_the_order() -> None:
    """A refund by a clock that is behind is recorded no earlier than the redemption."""
    shop = Shop()
    issued = shop.issue("50.00", expires_at=NOW + DAY, origin=LotOrigin.PURCHASED)
    shop.clock.now = NOW + DAY - MICROSECOND
    shop.redeem(issued, "30.00")
    shop.clock.now = NOW - DAY
    assert usd("0.00") == refund(shop, ALL).regranted
    entries = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries
    assert [NOW, NOW + DAY - MICROSECOND, NOW + DAY - MICROSECOND] == [entry.recorded_at for entry in entries]


def test_the_order_shows_what_was_refunded() -> None:
    """The order's own view tells redeemed and refunded apart, per tender."""
    shop = Shop()
    one, two = shop.issue("10.00"), shop.issue("20.00")
    pay(shop, "30.00", one, two)
    refund(shop, "3.00")
    spent = {line.gift_card_id: line for line in shop.ask(CardsOfOrder(order_id="1001")).spent}
    assert (usd("10.00"), usd("1.00")) == (spent[one.gift_card.id].redeemed, spent[one.gift_card.id].refunded)
    assert (usd("20.00"), usd("2.00")) == (spent[two.gift_card.id].redeemed, spent[two.gift_card.id].refunded)


@pytest.mark.parametrize("money", [Money(7, "JPY"), Money("0.007", "KWD"), Money("0.0007", "CLF")], ids=str)
def test_refunds_are_exact_in_every_currency(money: Money) -> None:
    """Seven minor units refunded one by one are seven minor units."""
    shop = Shop()
    issued = shop.issue(money)
    shop.redeem(issued, money)
    for _ in range(7):
        refund(shop, money / 7)
    assert money == shop.card(issued).available
    with pytest.raises(RefundTooLarge):
        refund(shop, ALL)


def test_one_event_tells_every_part() -> None:
    """The event names the order, all transfers and the sum."""
    shop = Shop()
    pay(shop, "30.00", shop.issue("10.00"), shop.issue("20.00"))
    back = refund(shop, "3.00")
    assert "RedemptionRefunded" == shop.last_receipt().event
    for part in (*(part.id for part in back.parts), '"1001"', '[300,"USD",2]'):
        assert part in shop.last_receipt().event_data
