"""Changing what staff note about a gift card."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from loyalty import GiftCardStatus, GiftCardView, IssuedGiftCard, UpdateGiftCard
from loyalty.errors import ChangedMeanwhile, GiftCardNotFound, IdempotencyConflict, InvalidRequest
from tests.use_cases.shop import Shop


def update(shop: Shop, issued: IssuedGiftCard, **given: Any) -> GiftCardView:
    """Update a card, from its first edition unless said otherwise."""
    said = {"edition": 1, "note": "a note", "tags": ("a", "b"), "metadata": {"wave": 2}, **given}
    return shop.execute(UpdateGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key(), **said))


def test_note_tags_and_metadata_are_set_and_nothing_else() -> None:
    """The three are as given, the edition is the next, and the rest of the card is untouched."""
    shop = Shop()
    issued = shop.issue(note="old", tags=("c",), metadata={"wave": 1}, customer_id="ada", order_id="9")
    transfers = shop.books().transfers
    card = update(shop, issued)
    assert {"wave": 2} == card.metadata
    assert ("a note", ("a", "b"), 2) == (card.note, card.tags, card.edition)
    assert card == shop.card(issued)
    assert issued.gift_card == attrs.evolve(
        card, note="old", tags=("c",), metadata=issued.gift_card.metadata, edition=1
    )
    assert transfers == shop.books().transfers


def test_a_note_and_metadata_can_be_taken_away() -> None:
    """None and nothing mean none."""
    shop = Shop()
    issued = shop.issue(note="old", tags=("c",), metadata={"wave": 1})
    card = update(shop, issued, note=None, tags=(), metadata=None)
    assert (None, (), None) == (card.note, card.tags, card.metadata)


def test_two_who_edit_the_same_card_do_not_overwrite_each_other() -> None:
    """Who comes second is told which edition there is now, and nothing is changed."""
    shop = Shop()
    issued = shop.issue()
    update(shop, issued, note="the first")
    before = shop.books()
    with pytest.raises(ChangedMeanwhile) as caught:
        update(shop, issued, note="the second")
    assert (1, 2) == (caught.value.given, caught.value.current)
    assert before == shop.books()
    card = update(shop, issued, edition=2, note="the second")
    assert ("the second", 3) == (card.note, card.edition)


def test_an_edition_of_the_future_is_refused_too() -> None:
    """The token must be exactly the present one."""
    shop = Shop()
    issued = shop.issue()
    with pytest.raises(ChangedMeanwhile) as caught:
        update(shop, issued, edition=2)
    assert (2, 1) == (caught.value.given, caught.value.current)


@pytest.mark.parametrize("status", GiftCardStatus)
def test_a_card_is_updated_in_every_status(status: GiftCardStatus) -> None:
    """Staff may always note something."""
    shop = Shop()
    issued = shop.issue()
    shop.set_card_status(issued, status)
    assert ("a note", status) == (update(shop, issued).note, shop.card(issued).status)


def test_the_edition_counts_nothing_but_updates() -> None:
    """Paying, or another code, leaves the token as it is."""
    shop = Shop()
    issued = shop.issue()
    shop.redeem(issued, "5.00")
    assert 1 == shop.card(issued).edition
    assert 2 == update(shop, issued).edition


def test_what_is_not_given_cannot_be_forgotten() -> None:
    """All three must be said, so that no update of one takes the others away unseen."""
    for missing in ("note", "tags", "metadata", "edition"):
        said = {"edition": 1, "note": None, "tags": (), "metadata": None}
        del said[missing]
        with pytest.raises(TypeError):
            UpdateGiftCard(gift_card_id="card", idempotency_key="k", **said)  # type: ignore[arg-type]  # one is missing


def test_a_replay_answers_the_same_and_other_content_is_a_conflict() -> None:
    """Also after a later update."""
    shop = Shop()
    issued = shop.issue()
    command = UpdateGiftCard(
        gift_card_id=issued.gift_card.id, edition=1, note="one", tags=(), metadata=None, idempotency_key="once"
    )
    first = shop.execute_twice(command)
    update(shop, issued, edition=2, note="two")
    assert first == shop.execute(command)
    assert "two" == shop.card(issued).note
    with pytest.raises(IdempotencyConflict):
        shop.execute(attrs.evolve(command, note="three"))


def test_the_event_names_the_edition_and_not_what_was_noted() -> None:
    """A note may be about a person; whoever listens asks for the card."""
    shop = Shop()
    issued = shop.issue()
    update(shop, issued, note="Ada called", actor="staff/7")
    receipt = shop.last_receipt()
    assert "GiftCardUpdated" == receipt.event
    assert '"edition":2' in receipt.event_data
    assert '"actor":"staff/7"' in receipt.event_data
    assert "Ada called" not in receipt.event_data


def test_an_unknown_card_is_not_found() -> None:
    """No card of this id."""
    with pytest.raises(GiftCardNotFound):
        Shop().execute(
            UpdateGiftCard(gift_card_id="nobody", edition=1, note=None, tags=(), metadata=None, idempotency_key="a")
        )


@pytest.mark.parametrize("edition", [0, -1, True, 1.0, "1", None, 2**31])
def test_an_edition_is_a_whole_number(edition: Any) -> None:
    """From 1 to the largest of 31 bits."""
    with pytest.raises(InvalidRequest):
        UpdateGiftCard(gift_card_id="card", edition=edition, note=None, tags=(), metadata=None, idempotency_key="a")
