"""Giving a gift card another code."""

from __future__ import annotations

import attrs
import pytest

from loyalty import (
    BlockGiftCard,
    CaptureHold,
    ClaimGiftCard,
    CodeFormat,
    CodeKeys,
    GetBalance,
    GiftCardStatus,
    IssuedGiftCard,
    IssueGiftCard,
    PlaceHold,
    RedeemGiftCard,
    ReplaceGiftCardCode,
    Statement,
    UnblockGiftCard,
)
from loyalty.errors import (
    DuplicateRecord,
    GiftCardNotFound,
    IdempotencyConflict,
    NotSpendable,
)
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.storage import UnitOfWork, Wanted
from tests.use_cases.shop import KEYS, SECRET, Shop, usd


def replace(shop: Shop, issued: IssuedGiftCard) -> IssuedGiftCard:
    """Replace the code of a card, by its id."""
    return shop.execute(
        ReplaceGiftCardCode(
            gift_card_id=issued.gift_card.id, actor="staff/7", reason="lost letter", idempotency_key=shop.key()
        )
    )


def test_the_new_code_works_and_the_old_one_is_dead_at_once() -> None:
    """The card is the same card under another secret."""
    shop = Shop()
    issued = shop.issue("50.00")
    replaced = replace(shop, issued)
    assert issued.code != replaced.code
    assert issued.gift_card.id == replaced.gift_card.id
    assert replaced.gift_card == shop.card(issued)
    assert replaced.code.replace("-", "")[-4:] == replaced.gift_card.last_four
    assert usd("49.00") == shop.redeem(replaced, "1.00").balance_after
    for request in (lambda: shop.redeem(issued, "1.00"), lambda: shop.ask(GetBalance(code=issued.code))):
        with pytest.raises(GiftCardNotFound):
            request()


def test_balance_history_claim_and_hold_stay() -> None:
    """Only the code is another: what was spent, who claimed it and what an order holds is as before."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "20.00")
    shop.execute(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="claim"))
    hold = shop.execute(
        PlaceHold(
            order_id="1002", amount_due=usd("10.00"), codes=(issued.code,), customer_id="ada", idempotency_key="h"
        )
    )
    before, statement = shop.card(issued), shop.ask(Statement(account_id=issued.gift_card.account_id))
    replaced = replace(shop, issued).gift_card
    assert before == attrs.evolve(replaced, last_four=before.last_four, masked_code=before.masked_code)
    assert statement == shop.ask(Statement(account_id=issued.gift_card.account_id))
    assert usd("10.00") == shop.execute(CaptureHold(hold_id=hold.id, idempotency_key="c")).amount
    assert usd("20.00") == shop.card(issued).available


def test_a_code_is_replaced_any_number_of_times() -> None:
    """Each time another one, and only the last one leads to the card."""
    shop = Shop()
    codes = [shop.issue()]
    codes.extend(replace(shop, codes[0]) for _ in range(3))
    assert 4 == len({one.code for one in codes})
    assert [1, 2, 3, 4] == [one.code_version for one in codes]
    for dead in codes[:-1]:
        with pytest.raises(GiftCardNotFound):
            shop.ask(GetBalance(code=dead.code))
    assert usd("50.00") == shop.ask(GetBalance(code=codes[-1].code)).available


def test_a_replay_shows_the_new_code_again() -> None:
    """Though it is stored nowhere, by the id and by the code that is dead meanwhile."""
    shop = Shop()
    issued = shop.issue()
    by_code = ReplaceGiftCardCode(code=issued.code, idempotency_key="by its code")
    first = shop.execute_twice(by_code)
    second = shop.execute_twice(ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, idempotency_key="by its id"))
    assert first == shop.execute(by_code)
    assert 3 == len({issued.code, first.code, second.code})
    assert not {issued.code, first.code, second.code} & set(repr(shop.books()).split('"'))
    for code in (issued.code, first.code, second.code):
        assert code not in repr(shop.books())


def test_a_replay_shows_the_code_under_a_rotated_secret_and_another_format() -> None:
    """The answer remembers which key and format the code was made with; a new replacement uses the present ones."""
    shop = Shop()
    issued = shop.issue()
    command = ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, idempotency_key="once")
    first = shop.execute(command)
    shop.code_format = CodeFormat(prefix="SHOP", symbols=24, retired=(CodeFormat(),))
    shop.loyalty = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    assert first == shop.execute(command)
    later = replace(shop, issued)
    assert later.code.startswith("SHOP-")
    assert later.code_key_id != first.code_key_id
    assert usd("50.00") == shop.ask(GetBalance(code=later.code)).available


def test_a_chosen_code_dies_too() -> None:
    """A card under a chosen code gets a derived one."""
    shop = Shop(code_format=CodeFormat(allow_chosen=True))
    issued = shop.issue(code="WELCOME-TO-OUR-SHOP")
    replaced = replace(shop, issued)
    assert replaced.code.startswith("GIFT-")
    with pytest.raises(GiftCardNotFound):
        shop.ask(GetBalance(code="WELCOME-TO-OUR-SHOP"))
    again = shop.issue(code="WELCOME-TO-OUR-SHOP")
    assert usd("50.00") == shop.ask(GetBalance(code=again.code)).available


@pytest.mark.parametrize("status", [GiftCardStatus.PENDING, GiftCardStatus.BLOCKED])
def test_a_card_that_waits_or_is_blocked_gets_a_new_code_and_stays_so(status: GiftCardStatus) -> None:
    """A mistyped address is noticed before the payment, and a lost card is blocked before its code is replaced."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, status)
    replaced = replace(shop, issued)
    assert status is replaced.gift_card.status
    with pytest.raises(NotSpendable):
        shop.redeem(replaced, "1.00")


def test_a_blocked_card_is_spendable_by_its_new_code_once_unblocked() -> None:
    """The way of a lost card: block, replace, unblock."""
    shop = Shop()
    issued = shop.issue()
    shop.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="b"))
    replaced = replace(shop, issued)
    shop.execute(UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="u"))
    assert usd("49.00") == shop.redeem(replaced, "1.00").balance_after


def test_a_deactivated_card_gets_no_new_code() -> None:
    """It is over."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, GiftCardStatus.DEACTIVATED)
    before = shop.books()
    with pytest.raises(NotSpendable) as caught:
        replace(shop, issued)
    assert "deactivated" == caught.value.reason
    assert before == shop.books()


def test_other_content_under_the_key_is_a_conflict() -> None:
    """A key belongs to one replacement."""
    shop = Shop()
    issued = shop.issue()
    shop.execute(ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, idempotency_key="once"))
    with pytest.raises(IdempotencyConflict):
        shop.execute(ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, reason="other", idempotency_key="once"))


def test_a_redemption_by_the_old_code_still_answers_under_its_key() -> None:
    """What was paid by the old code was paid; a retry after the replacement tells so."""
    shop = Shop()
    issued = shop.issue("50.00")
    command = RedeemGiftCard(code=issued.code, amount=usd("5.00"), order_id="1", idempotency_key="pay")
    paid = shop.execute(command)
    replace(shop, issued)
    assert paid == shop.execute(command)
    assert usd("45.00") == shop.card(issued).posted


def test_the_event_names_card_version_actor_and_reason() -> None:
    """Who showed a code to whom can be told later, without the code."""
    shop = Shop()
    issued = shop.issue()
    replaced = replace(shop, issued)
    receipt = shop.last_receipt()
    assert "GiftCardCodeReplaced" == receipt.event
    for part in (f'"{issued.gift_card.id}"', '"version":2', '"actor":"staff/7"', '"reason":"lost letter"'):
        assert part in receipt.event_data
    assert replaced.code not in repr(receipt)
    assert replaced.code not in repr(replaced)


def test_an_issue_replayed_after_the_replacement_answers_as_before() -> None:
    """With the code of that time, which is dead."""
    shop = Shop()
    command = IssueGiftCard(value=usd("5.00"), idempotency_key="issue")
    issued = shop.execute(command)
    replace(shop, issued)
    assert issued == shop.execute(command)
    with pytest.raises(GiftCardNotFound):
        shop.ask(GetBalance(code=issued.code))


def test_no_two_cards_can_get_one_code() -> None:
    """Even if a derivation went wrong, the storage refuses a digest that leads to another card."""
    shop = Shop()
    one, two = shop.issue(), shop.issue()

    def steal(uow: UnitOfWork) -> None:
        found = uow.lock(Wanted(gift_card_ids=(one.gift_card.id, two.gift_card.id))).gift_cards
        first, second = found
        touched = second.account.touched()
        stolen = attrs.evolve(second, code_digest=first.code_digest, account=touched)
        uow.write(Changes(gift_cards=(stolen,), accounts=(AccountChange(second.account, touched),)))

    before = shop.books()
    with pytest.raises(DuplicateRecord):
        shop.storage.run(steal)
    assert before == shop.books()
    assert KEYS.current_id == one.code_key_id
