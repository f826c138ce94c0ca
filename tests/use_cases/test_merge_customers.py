"""Making one customer of two."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from moneyed import Money

from loyalty import (
    ALL,
    Audit,
    BlockGiftCard,
    BlockStoreCreditAccount,
    CloseStoreCreditAccount,
    CustomerMerge,
    DebitStoreCredit,
    ExpireValue,
    GetStoreCreditAccount,
    GiftCardStatus,
    Liability,
    ListTenders,
    LotOrigin,
    MergeCustomers,
    Movements,
    OpenStoreCreditAccount,
    PayWithBalances,
    PlaceHold,
    Policies,
    RefundRedemption,
    ReverseTransfer,
    SpendingLimits,
    Statement,
    StoreCreditStatus,
    TaxTreatment,
    TransferKind,
    TransferStoreCredit,
    VoidHold,
)
from loyalty.errors import (
    AccountNotEmpty,
    ClaimedByAnother,
    IdempotencyConflict,
    InvalidRequest,
    LoyaltyError,
    NotSpendable,
    RefundTooLarge,
)
from loyalty.ledger.lot import Lot
from loyalty.ports.storage import Wanted
from tests.use_cases.shop import DAY, MICROSECOND, Shop, usd

EURO = Money("3.00", "EUR")


def merge(shop: Shop, old: str = "ada", new: str = "bob", **said: Any) -> CustomerMerge:
    """Merge ada into bob, unless said otherwise."""
    said.setdefault("idempotency_key", shop.key())
    return shop.execute(MergeCustomers(from_customer_id=old, into_customer_id=new, **said))


def refused(shop: Shop, kind: type[LoyaltyError], **named: Any) -> LoyaltyError:
    """Expect that a merge is refused so, and that nothing has changed."""
    before = shop.books()
    with pytest.raises(kind) as caught:
        merge(shop, **named)
    assert kind is caught.type
    assert before == shop.books()
    return caught.value


def spend(shop: Shop, amount: str, order_id: str | None = None, customer_id: str = "ada") -> str:
    """Debit a customer's account and return the transfer's id."""
    command = DebitStoreCredit(
        customer_id=customer_id, amount=usd(amount), order_id=order_id, idempotency_key=shop.key()
    )
    return shop.execute(command).transfer.id


def lots(shop: Shop, customer_id: str) -> list[Lot]:
    """Return the lots with value on a customer's account in dollars, by their ids."""
    found = shop.storage.read(lambda reader: reader.find(Wanted(customers=((customer_id, "USD"),))))
    return list(found.store_credit_accounts[0].account.lots)


# --- store credit -------------------------------------------------------------


def test_all_store_credit_moves_in_every_currency() -> None:
    """What the other customer has is added to, what he lacks is opened; what is owed stays as it was."""
    shop = Shop()
    shop.grant("20.00")
    shop.grant(EURO)
    shop.grant("5.00", "bob")
    before = shop.ask(Liability()).total
    done = merge(shop)
    assert [EURO, usd("20.00")] == sorted(done.amounts, key=lambda amount: amount.currency.code)
    assert (usd("25.00"), EURO) == (shop.credit("bob").posted, shop.credit("bob", "EUR").posted)
    assert {shop.credit("bob"), shop.credit("bob", "EUR")} == set(done.accounts)
    assert (2, ()) == (len(done.transfer_ids), done.gift_card_ids)
    assert before == shop.ask(Liability()).total
    assert shop.ask(Audit()).is_clean


def test_the_old_accounts_are_closed_and_name_their_successors() -> None:
    """They are empty, keep their history, and nothing comes to them any more."""
    shop = Shop()
    account = shop.grant("20.00").account
    done = merge(shop)
    old = shop.ask(GetStoreCreditAccount(account_id=account.id))
    assert (StoreCreditStatus.CLOSED, usd("0.00"), "ada", done.accounts[0].id) == (
        old.status, old.posted, old.customer_id, old.successor_id,
    )  # fmt: skip
    assert [TransferKind.GRANT, TransferKind.MOVE] == [
        entry.kind for entry in shop.ask(Statement(account_id=account.id)).entries
    ]
    assert None is done.accounts[0].successor_id
    with pytest.raises(NotSpendable):
        shop.grant("1.00")


def test_value_moves_lot_by_lot_and_keeps_its_nature() -> None:
    """Expiry, origin, start, priority and tax treatment stay, and each lot names the one it carries on."""
    shop = Shop()
    now = shop.clock()
    shop.grant("1.00", origin=LotOrigin.PURCHASED, tax_treatment=TaxTreatment.SINGLE_PURPOSE)
    shop.grant("2.00", origin=LotOrigin.PROMOTIONAL, expires_at=now + DAY, priority=-2)
    shop.grant("3.00", origin=LotOrigin.REFUND, not_before=now + DAY, expires_at=now + 2 * DAY)
    before = lots(shop, "ada")
    merge(shop)

    def nature(lot: Lot, of: str | None) -> tuple[object, ...]:
        return (lot.remaining, lot.origin, lot.expires_at, lot.not_before, lot.priority, lot.tax_treatment, of)

    assert [nature(lot, lot.id) for lot in before] == [nature(lot, lot.source_lot_id) for lot in lots(shop, "bob")]


@pytest.mark.parametrize("off", [-MICROSECOND, 0 * MICROSECOND, MICROSECOND])
def test_expired_value_moves_and_stays_expired(off: Any) -> None:
    """A microsecond before, at and after its end: all of it moves, and it is spendable only before."""
    shop = Shop()
    shop.grant("20.00", expires_at=shop.clock() + DAY)
    shop.clock.advance(DAY + off)
    done = merge(shop)
    available = "20.00" if off < 0 * MICROSECOND else "0.00"
    assert (usd("20.00"), usd(available)) == (done.accounts[0].posted, done.accounts[0].available)
    shop.clock.advance(DAY)
    assert (usd("20.00"),) == shop.execute(ExpireValue()).amounts
    assert shop.ask(Audit()).is_clean


def test_an_account_that_was_never_used_has_a_successor_too() -> None:
    """It may have taken over another, whose refunds go on."""
    shop = Shop()
    opened = shop.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="o"))
    done = merge(shop)
    old = shop.ask(GetStoreCreditAccount(account_id=opened.id))
    assert (StoreCreditStatus.CLOSED, done.accounts[0].id) == (old.status, old.successor_id)
    assert (shop.credit("bob"),) == done.accounts
    assert ((), ()) == (done.amounts, done.transfer_ids)


def test_a_customer_of_whom_nothing_is_known_can_be_merged() -> None:
    """A host merges its customers, whoever of them has stored value."""
    shop = Shop()
    assert ((), (), ()) == (merge(shop).accounts, merge(shop).gift_card_ids, merge(shop).amounts)
    assert "CustomersMerged" == shop.last_receipt().event


def test_one_transfer_is_one_entry_on_both_sides() -> None:
    """It is a move: nothing was earned, spent or granted."""
    shop = Shop()
    shop.grant("20.00")
    done = merge(shop, actor="staff/7", reason="the same person", note="by phone")
    entry = shop.ask(Statement(account_id=done.accounts[0].id)).entries[-1]
    assert (done.transfer_ids[0], TransferKind.MOVE, "staff/7", "by phone") == (
        entry.id, entry.kind, entry.actor, entry.note,
    )  # fmt: skip
    (movements,) = shop.ask(Movements())
    assert (usd("20.00"), usd("20.00")) == (movements.moved, movements.closing)


# --- cards --------------------------------------------------------------------


def test_claimed_cards_become_the_other_customers() -> None:
    """He spends them without the code, the old customer no more; when they were claimed stays."""
    shop = Shop()
    issued = shop.issue("50.00", customer_id="ada")
    bearer = shop.issue("9.00")
    claimed_at = shop.card(issued).claimed_at
    shop.clock.advance(DAY)
    done = merge(shop)
    assert (issued.gift_card.id,) == done.gift_card_ids
    assert ("bob", claimed_at) == (shop.card(issued).customer_id, shop.card(issued).claimed_at)
    assert None is shop.card(bearer).customer_id
    shop.redeem(issued, "1.00", customer_id="bob")
    with pytest.raises(ClaimedByAnother):
        shop.redeem(issued, "1.00", customer_id="ada")
    tenders = shop.ask(ListTenders(customer_id="bob", currency="USD"))
    assert [issued.gift_card.id] == [card.id for card in tenders.gift_cards]
    assert () == shop.ask(ListTenders(customer_id="ada", currency="USD")).gift_cards


def test_a_blocked_card_is_handed_over_and_stays_blocked() -> None:
    """A merge is no way around a block."""
    shop = Shop()
    issued = shop.issue("50.00", customer_id="ada")
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    merge(shop)
    assert ("bob", GiftCardStatus.BLOCKED) == (shop.card(issued).customer_id, shop.card(issued).status)


# --- what is refused ----------------------------------------------------------


def test_one_customer_is_not_merged_into_himself() -> None:
    """It takes two."""
    with pytest.raises(InvalidRequest):
        MergeCustomers(from_customer_id="ada", into_customer_id="ada", idempotency_key="k")


def test_held_value_stops_a_merge_until_the_hold_is_gone() -> None:
    """On an account and on a claimed card; void it, or let it lapse, and the merge goes through."""
    shop = Shop()
    shop.grant("20.00")
    card = shop.issue("50.00", customer_id="ada")
    on_account = shop.execute(PlaceHold(order_id="1", amount_due=usd("5.00"), customer_id="ada", idempotency_key="h1"))
    error = refused(shop, AccountNotEmpty)
    assert isinstance(error, AccountNotEmpty)
    assert (usd("20.00"), usd("5.00")) == (error.posted, error.held)
    shop.execute(VoidHold(hold_id=on_account.id, idempotency_key="v"))
    on_card = shop.execute(
        PlaceHold(
            order_id="2",
            amount_due=usd("50.00"),
            gift_card_ids=(card.gift_card.id,),
            customer_id="ada",
            use_store_credit=False,
            idempotency_key="h2",
        )
    )
    shop.clock.advance(on_card.lapses_at - shop.clock() - MICROSECOND)
    error = refused(shop, AccountNotEmpty)
    assert isinstance(error, AccountNotEmpty)
    assert usd("50.00") == error.held
    shop.clock.advance(MICROSECOND)
    merge(shop)
    assert shop.ask(Audit()).is_clean


def test_what_the_other_customer_holds_is_no_hindrance() -> None:
    """His accounts only gain."""
    shop = Shop()
    shop.grant("20.00")
    shop.grant("5.00", "bob")
    shop.execute(PlaceHold(order_id="1", amount_due=usd("5.00"), customer_id="bob", idempotency_key="h"))
    merge(shop)
    assert (usd("25.00"), usd("5.00")) == (shop.credit("bob").posted, shop.credit("bob").held)


def test_a_blocked_account_with_value_is_not_merged() -> None:
    """A merge is no way around a block; an empty one hinders nobody, and a blocked successor takes the value."""
    shop = Shop()
    account_id = shop.grant("20.00").account.id
    shop.grant("5.00", "bob")
    shop.execute(BlockStoreCreditAccount(account_id=account_id, idempotency_key="b1"))
    error = refused(shop, NotSpendable)
    assert isinstance(error, NotSpendable)
    assert "blocked" == error.reason
    shop.set_credit_status(account_id, StoreCreditStatus.OPEN)
    spend(shop, "20.00")
    shop.set_credit_status(account_id, StoreCreditStatus.BLOCKED)
    merge(shop)
    assert StoreCreditStatus.CLOSED is shop.credit("ada").status
    shop.execute(BlockStoreCreditAccount(customer_id="bob", currency="USD", idempotency_key="b2"))
    shop.grant("7.00", "cy")
    merge(shop, "cy")
    assert (usd("12.00"), usd("0.00")) == (shop.credit("bob").posted, shop.credit("bob").available)


def test_a_closed_account_takes_nobody_over() -> None:
    """Neither with value nor, because refunds would follow, without; and two are not merged in a circle."""
    shop = Shop()
    shop.grant("20.00")
    shop.execute(OpenStoreCreditAccount(customer_id="bob", currency="USD", idempotency_key="o"))
    shop.execute(CloseStoreCreditAccount(customer_id="bob", currency="USD", idempotency_key="c"))
    error = refused(shop, NotSpendable)
    assert isinstance(error, NotSpendable)
    assert "closed" == error.reason
    spend(shop, "20.00")
    refused(shop, NotSpendable)
    merge(shop, "ada", "cy")
    refused(shop, NotSpendable, old="cy", new="ada")


def test_an_account_that_was_closed_before_stays_as_it_is() -> None:
    """It has nothing to give and gets no successor."""
    shop = Shop()
    shop.grant("20.00")
    shop.grant(EURO)
    spend(shop, "20.00")
    shop.execute(CloseStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="c"))
    assert (EURO,) == merge(shop).amounts
    assert None is shop.credit("ada").successor_id


# --- afterwards ---------------------------------------------------------------


def test_a_refund_follows_the_customer() -> None:
    """What the old account paid comes back to the one that took it over, in lots like those it was taken from."""
    shop = Shop()
    ends = shop.clock() + 90 * DAY
    shop.grant("20.00", origin=LotOrigin.PURCHASED, expires_at=ends)
    (paid_from,) = lots(shop, "ada")
    spend(shop, "20.00", "1")
    done = merge(shop)
    assert (usd("0.00"), ()) == (done.accounts[0].posted, done.transfer_ids)
    for amount in ("5.00", "7.00"):
        refund = shop.execute(RefundRedemption(order_id="1", amount=usd(amount), idempotency_key=shop.key()))
        assert (done.accounts[0].id, usd(amount)) == (refund.parts[0].account_id, refund.amount)
    assert usd("12.00") == shop.credit("bob").available
    assert [(ends, LotOrigin.PURCHASED, paid_from.id)] * 2 == [
        (lot.expires_at, lot.origin, lot.source_lot_id) for lot in lots(shop, "bob")
    ]
    with pytest.raises(RefundTooLarge):
        shop.execute(RefundRedemption(order_id="1", amount=usd("8.01"), idempotency_key="too much"))
    shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="rest"))
    assert shop.ask(Audit()).is_clean


def test_a_refund_follows_the_customer_through_several_merges() -> None:
    """To the last of them; a closed one in the end is told."""
    shop = Shop()
    shop.grant("20.00")
    spend(shop, "20.00", "1")
    merge(shop, "ada", "bob")
    merge(shop, "bob", "cy")
    refund = shop.execute(RefundRedemption(order_id="1", amount=usd("5.00"), idempotency_key="r1"))
    assert shop.credit("cy").id == refund.parts[0].account_id
    spend(shop, "5.00", customer_id="cy")
    shop.execute(CloseStoreCreditAccount(customer_id="cy", currency="USD", idempotency_key="c"))
    with pytest.raises(NotSpendable):
        shop.execute(RefundRedemption(order_id="1", amount=usd("5.00"), idempotency_key="r2"))


@pytest.mark.parametrize(
    ("origin", "available", "forfeited", "regranted"),
    [(LotOrigin.PURCHASED, "20.00", "0.00", "20.00"), (LotOrigin.PROMOTIONAL, "0.00", "20.00", "0.00")],
)
def test_a_refund_of_expired_value_follows_the_policy_there_too(
    origin: LotOrigin, available: str, forfeited: str, regranted: str
) -> None:
    """Paid value lives again for 30 days, promotional value is as dead as before."""
    shop = Shop()
    shop.grant("20.00", origin=origin, expires_at=shop.clock() + DAY)
    spend(shop, "20.00", "1")
    merge(shop)
    shop.clock.advance(DAY)
    refund = shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="r"))
    assert (usd(forfeited), usd(regranted)) == (refund.forfeited, refund.regranted)
    assert (usd("20.00"), usd(available)) == (shop.credit("bob").posted, shop.credit("bob").available)
    shop.execute(ExpireValue())
    assert usd(available) == shop.credit("bob").posted
    assert shop.ask(Audit()).is_clean


def test_a_refund_that_followed_can_be_reversed_and_made_again() -> None:
    """It is taken from the account it went to."""
    shop = Shop()
    shop.grant("20.00")
    spend(shop, "20.00", "1")
    merge(shop)
    staff: dict[str, Any] = {"actor": "staff/7", "reason": "a mistake"}
    refund = shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="r1"))
    shop.execute(ReverseTransfer(transfer_id=refund.parts[0].id, idempotency_key="v", **staff))
    assert usd("0.00") == shop.credit("bob").posted
    shop.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="r2"))
    assert usd("20.00") == shop.credit("bob").posted
    assert shop.ask(Audit()).is_clean


def test_what_an_old_account_did_is_not_reversed_into_it() -> None:
    """Neither the move itself nor a redemption; the reason is told."""
    shop = Shop()
    shop.grant("20.00")
    redemption = spend(shop, "5.00", "1")
    done = merge(shop)
    before = shop.books()
    for transfer_id in (done.transfer_ids[0], redemption):
        with pytest.raises(NotSpendable):
            shop.execute(ReverseTransfer(transfer_id=transfer_id, actor="staff/7", reason="why", idempotency_key="v"))
    assert before == shop.books()


def test_merging_again_moves_what_came_since() -> None:
    """A card that was claimed under the old name, an account in another currency; nothing twice."""
    shop = Shop()
    shop.grant("20.00")
    merge(shop)
    shop.grant(EURO)
    late = shop.issue("5.00", customer_id="ada")
    again = merge(shop)
    assert ((EURO,), (late.gift_card.id,)) == (again.amounts, again.gift_card_ids)
    assert usd("20.00") == shop.credit("bob").posted


def test_a_replay_answers_the_same_and_another_content_conflicts() -> None:
    """However much came to the old customer since."""
    shop = Shop()
    shop.grant("20.00")
    shop.issue("5.00", customer_id="ada")
    command = MergeCustomers(from_customer_id="ada", into_customer_id="bob", idempotency_key="k")
    first = shop.execute_twice(command)
    late = shop.issue("5.00", customer_id="ada")
    assert first == shop.execute(command)
    assert "ada" == shop.card(late).customer_id
    changes: tuple[dict[str, Any], ...] = ({"into_customer_id": "cy"}, {"note": "another"})
    for change in changes:
        with pytest.raises(IdempotencyConflict):
            shop.execute(attrs.evolve(command, **change))


def test_limits_do_not_count_what_was_only_moved() -> None:
    """The other customer may pay in a day what he could before, though he has more."""
    shop = Shop(policies=Policies(limits=SpendingLimits(per_customer_and_day=usd("10"))))
    shop.grant("50.00")
    shop.grant("1.00", "bob")
    merge(shop)
    paid = PayWithBalances(order_id="1", amount_due=usd("15.00"), customer_id="bob", idempotency_key="p")
    assert usd("10.00") == shop.execute(paid).amount


def test_a_merge_after_a_transfer_finds_all_of_it() -> None:
    """Value that was sent comes along, and what was sent away does not."""
    shop = Shop()
    shop.grant("20.00")
    shop.grant("9.00", "cy")
    shop.execute(
        TransferStoreCredit(from_customer_id="cy", to_customer_id="ada", amount=usd("4.00"), idempotency_key="t1")
    )
    shop.execute(
        TransferStoreCredit(from_customer_id="ada", to_customer_id="cy", amount=usd("1.00"), idempotency_key="t2")
    )
    assert (usd("23.00"),) == merge(shop).amounts
    assert shop.ask(Audit()).is_clean


def test_the_event_tells_what_moved() -> None:
    """Both customers, and every account, transfer and card by its id."""
    shop = Shop()
    shop.grant("20.00")
    issued = shop.issue("5.00", customer_id="ada")
    done = merge(shop)
    told = shop.last_receipt().event_data
    for fact in ("ada", "bob", issued.gift_card.id, done.accounts[0].id, done.transfer_ids[0]):
        assert f'"{fact}"' in told
    assert issued.code not in told
