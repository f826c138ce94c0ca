"""What a command decided to change, as a storage reads it."""

from __future__ import annotations

import pytest

from loyalty.identifiers import AccountId, GiftCardId, HoldId
from loyalty.ledger.hold import Hold, HoldTender
from loyalty.ports.changes import AccountChange, Changes, LotChange
from loyalty.ports.storage import Found, Wanted
from tests.unit.accounts import NOW, account_of, card_of, credit_of, lot_of, move_of


def test_a_change_yields_the_lots_that_are_new_or_differ() -> None:
    """Untouched lots are not written again; touched ones come with what they were, new ones without."""
    before = account_of(lot_of(100, "a"), lot_of(100, "b"))
    after, _ = before.debit((move_of(before.lots[0], 5),), NOW)
    after, _ = after.credit([lot_of(7, "c")], NOW)
    assert [
        LotChange(after, lot_of(100, "a"), lot_of(95, "a", amount=100)),
        LotChange(after, None, lot_of(7, "c")),
    ] == list(AccountChange(before, after).lots())


def test_an_equal_lot_is_no_change_even_if_it_was_made_anew() -> None:
    """Equality decides, not identity."""
    before, after = account_of(lot_of(100, "a")), account_of(lot_of(100, "a"))
    assert [] == list(AccountChange(before, after).lots())


def test_a_lot_taken_and_given_back_is_no_change() -> None:
    """What ends as it began is not written."""
    before = account_of(lot_of(100, "a"))
    after, _ = before.debit((move_of(before.lots[0], 5),), NOW)
    after, _ = after.give_back((move_of(before.lots[0], 5),), (), NOW)
    assert [] == list(AccountChange(before, after).lots())


def test_new_cards_and_accounts_bring_their_lots() -> None:
    """Everything new is opened with all its lots, then come the lots of known accounts."""
    card = card_of(lot_of(5, "a"))
    credit = credit_of(lot_of(6, "b"), lot_of(7, "c"))
    before = account_of(lot_of(100, "d"), id=AccountId("known"))
    after, _ = before.debit((move_of(before.lots[0], 100),), NOW)
    changes = Changes(
        new_gift_cards=(card,), new_store_credit_accounts=(credit,), accounts=(AccountChange(before, after),)
    )
    assert (card.account, credit.account) == changes.new_accounts()
    assert [("a", None), ("b", None), ("c", None), ("d", 100)] == [
        (change.after.id, change.before and change.before.remaining) for change in changes.lots()
    ]


def test_no_change_has_nothing() -> None:
    """An empty change writes nothing."""
    assert ((), ()) == (Changes().new_accounts(), Changes().lots())


def test_what_was_found_tells_its_ledger_accounts() -> None:
    """The accounts of cards come first, then store credit."""
    card, credit = card_of(lot_of()), credit_of(lot_of())
    assert (card.account, credit.account) == Found(gift_cards=(card,), store_credit_accounts=(credit,)).accounts()


HOLD = Hold(
    id=HoldId("hold"),
    order_id="1",
    customer_id=None,
    currency="USD",
    exponent=2,
    amount_due=1,
    tenders=(HoldTender(account_id=AccountId("held")),),
    placed_at=NOW,
    lapses_at=NOW,
)


@pytest.mark.parametrize(
    ("wanted", "stays"),
    [
        (Wanted(digests=("the digest",)), True),
        (Wanted(digests=("an older digest",), codes=1), False),
        (Wanted(gift_card_ids=(GiftCardId("card"),)), True),
        (Wanted(gift_card_ids=(GiftCardId("another card"),)), False),
        (Wanted(account_ids=(AccountId("account"),)), True),
        (Wanted(account_ids=(AccountId("another account"),)), False),
        (Wanted(owners=("ada",)), True),
        (Wanted(owners=("bo",)), False),
        (Wanted(bought_in=("order",)), True),
        (Wanted(bought_in=("another order",)), False),
    ],
)
def test_a_card_is_left_out_once_nothing_leads_to_it(wanted: Wanted, stays: bool) -> None:
    """A card that was found by a code, an owner or an order is still wanted only while it has them."""
    card = card_of(
        id=GiftCardId("card"),
        account=account_of(lot_of(), id=AccountId("account")),
        code_digest="the digest",
        customer_id="ada",
        order_id="order",
    )
    found = Found(gift_cards=(card,))
    assert (found if stays else Found()) == found.still(wanted)


@pytest.mark.parametrize(
    ("wanted", "stays"),
    [
        (Wanted(account_ids=(AccountId("account"),)), True),
        (Wanted(account_ids=(AccountId("another account"),)), False),
        (Wanted(customers=(("ada", "USD"),)), True),
        (Wanted(customers=(("ada", None),)), True),
        (Wanted(customers=(("ada", "EUR"), ("bo", "USD"), ("bo", None))), False),
        (Wanted(owners=("ada",)), True),
        (Wanted(owners=("bo",)), False),
    ],
)
def test_store_credit_is_left_out_once_it_is_another_customers(wanted: Wanted, stays: bool) -> None:
    """An account that was found by its customer is still wanted only while it is theirs."""
    found = Found(store_credit_accounts=(credit_of(account=account_of(lot_of(), id=AccountId("account"))),))
    assert (found if stays else Found()) == found.still(wanted)


def test_what_a_hold_lies_on_is_wanted_with_the_hold() -> None:
    """Accounts come along with the holds that are found."""
    on_it, beside = (card_of(account=account_of(lot_of(), id=AccountId(name))) for name in ("held", "beside"))
    found = Found(gift_cards=(on_it, beside), holds=(HOLD,))
    assert Found(gift_cards=(on_it,), holds=(HOLD,)) == found.still(Wanted(hold_ids=(HOLD.id,)))
