"""Gift cards: the table of moves, whose it is, and when it can be spent."""

from __future__ import annotations

from datetime import datetime
from itertools import product

import attrs
import pytest

from loyalty.errors import AlreadyClaimed, ClaimedByAnother, NotSpendable
from loyalty.gift_cards.card import LEGAL_MOVES, GiftCardStatus
from tests.unit.accounts import DAY, MICROSECOND, NOW, card_of, lot_of

PENDING, ACTIVE = GiftCardStatus.PENDING, GiftCardStatus.ACTIVE
BLOCKED, DEACTIVATED = GiftCardStatus.BLOCKED, GiftCardStatus.DEACTIVATED

LEGAL = {
    (PENDING, ACTIVE), (PENDING, DEACTIVATED),
    (ACTIVE, BLOCKED), (ACTIVE, DEACTIVATED),
    (BLOCKED, ACTIVE), (BLOCKED, DEACTIVATED),
}  # fmt: skip
"""Written out here once more, so that a change of the table is a decision."""


@pytest.mark.parametrize(("before", "after"), list(product(GiftCardStatus, GiftCardStatus)))
def test_every_move_is_legal_or_refused(before: GiftCardStatus, after: GiftCardStatus) -> None:
    """Of sixteen moves four change nothing, six are legal and six are refused with the status that stands."""
    card = card_of(lot_of(), status=before)
    if before is after:
        assert card is card.move_to(after)
    elif (before, after) in LEGAL:
        assert attrs.evolve(card, status=after) == card.move_to(after)
    else:
        with pytest.raises(NotSpendable) as caught:
            card.move_to(after)
        assert before.value == caught.value.reason


def test_the_table_has_every_status() -> None:
    """Each status has its moves, and what is final has none."""
    assert set(GiftCardStatus) == set(LEGAL_MOVES)
    assert frozenset() == LEGAL_MOVES[DEACTIVATED]
    assert LEGAL == {(before, after) for before, moves in LEGAL_MOVES.items() for after in moves}


@pytest.mark.parametrize("status", GiftCardStatus)
def test_only_an_active_card_can_be_spent(status: GiftCardStatus) -> None:
    """Every other status is told as the reason."""
    card = card_of(lot_of(), status=status)
    if status is ACTIVE:
        card.require_spendable(None, NOW)
        return
    for check in (card.require_active, lambda: card.require_spendable(None, NOW), lambda: card.claim("ada", NOW)):
        with pytest.raises(NotSpendable) as caught:
            check()
        assert status.value == caught.value.reason


@pytest.mark.parametrize(
    ("status", "expected"), [(PENDING, False), (ACTIVE, False), (BLOCKED, True), (DEACTIVATED, True)]
)
def test_disabled_is_what_somebody_stopped(status: GiftCardStatus, expected: bool) -> None:
    """Blocked and deactivated cards are disabled; a pending one merely waits."""
    assert expected == card_of(status=status).is_disabled


@pytest.mark.parametrize(
    ("at", "expected"),
    [(NOW + DAY - MICROSECOND, False), (NOW + DAY, True), (NOW + DAY + MICROSECOND, True)],
    ids=["before", "at", "after"],
)
@pytest.mark.parametrize("remaining", [1000, 0])
def test_a_card_expires_with_its_value_or_its_term(remaining: int, at: datetime, expected: bool) -> None:
    """A full card expires with its lots and an empty one with its term, at the same instant."""
    lots = [lot_of(remaining, expires_at=NOW + DAY)]
    card = card_of(*lots, expires_at=NOW + DAY)
    assert expected == card.is_expired(at)
    if expected:
        with pytest.raises(NotSpendable) as caught:
            card.require_spendable(None, at)
        assert "expired" == caught.value.reason
    else:
        card.require_spendable(None, at)


def test_a_card_lives_as_long_as_any_of_its_value() -> None:
    """Value granted again keeps a card alive past its own term."""
    card = card_of(lot_of(5, "a", expires_at=NOW), lot_of(5, "b", expires_at=NOW + DAY), expires_at=NOW)
    assert not card.is_expired(NOW)
    assert NOW + DAY == card.ends_at(NOW)
    assert card.is_expired(NOW + DAY)


def test_a_card_without_a_term_never_expires() -> None:
    """No expiry is no expiry, full or empty."""
    for card in (card_of(lot_of()), card_of()):
        assert not card.is_expired(NOW.replace(year=9999))
        assert card.ends_at(NOW) is None


def test_the_end_is_the_first_part_that_ends() -> None:
    """Of several living lots the soonest expiry is the end; empty and expired ones do not count."""
    card = card_of(
        lot_of(5, "a", expires_at=NOW + 3 * DAY),
        lot_of(5, "b", expires_at=NOW + 2 * DAY),
        lot_of(5, "c"),
        lot_of(0, "d", expires_at=NOW + DAY),
        lot_of(5, "e", expires_at=NOW),
    )
    assert NOW + 2 * DAY == card.ends_at(NOW)


def test_a_bearer_card_is_anybodys() -> None:
    """Nobody claimed it: whoever asks may spend it."""
    for customer_id in (None, "ada", "bob"):
        card_of(lot_of()).require_owner(customer_id)


@pytest.mark.parametrize("customer_id", [None, "bob", "ADA", "ada ", ""])
def test_a_claimed_card_is_its_customers(customer_id: str | None) -> None:
    """Only exactly the same customer may spend a claimed card."""
    card = card_of(lot_of(), customer_id="ada")
    card.require_owner("ada")
    with pytest.raises(ClaimedByAnother):
        card.require_owner(customer_id)


def test_a_claim_binds_and_changes_nothing_else() -> None:
    """Customer and time are the only new facts."""
    card = card_of(lot_of())
    assert attrs.evolve(card, customer_id="ada", claimed_at=NOW) == card.claim("ada", NOW)


@pytest.mark.parametrize("status", GiftCardStatus)
def test_the_same_customer_may_claim_again(status: GiftCardStatus) -> None:
    """Claiming one's own card changes nothing, not even its time, whatever its status and term."""
    card = card_of(lot_of(expires_at=NOW), status=status, customer_id="ada", claimed_at=NOW - DAY)
    assert card is card.claim("ada", NOW)


@pytest.mark.parametrize("status", GiftCardStatus)
def test_another_customer_is_told_that_it_is_claimed_first(status: GiftCardStatus) -> None:
    """That the card is somebody's comes before its status and term."""
    card = card_of(lot_of(expires_at=NOW), status=status, customer_id="ada")
    with pytest.raises(AlreadyClaimed):
        card.claim("bob", NOW)


def test_whose_card_it_is_comes_before_what_is_on_it() -> None:
    """A stranger learns neither of a block nor of an expiry."""
    card = card_of(lot_of(expires_at=NOW), status=BLOCKED, customer_id="ada", expires_at=NOW)
    with pytest.raises(ClaimedByAnother):
        card.require_spendable("bob", NOW)


def test_a_card_shows_its_last_four_and_hides_its_digest() -> None:
    """What is shown of the code are four symbols; the digest is in no repr."""
    card = card_of(lot_of())
    assert "••••-7KQ2" == card.masked_code
    assert "d" * 64 not in repr(card)


def test_statuses_are_their_words() -> None:
    """The stored words are stable."""
    assert ["pending", "active", "blocked", "deactivated"] == list(GiftCardStatus)
