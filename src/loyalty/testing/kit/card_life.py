"""The life of a card after its issue: what each command changes, keeps and refuses."""

from __future__ import annotations

import attrs
import pytest

from loyalty.errors import ChangedMeanwhile, GiftCardNotFound, NotSpendable
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.reports.gift_cards import GetBalance, GetGiftCard
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import KitCase, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.deactivate_gift_card import DeactivateGiftCard
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.replace_gift_card_code import ReplaceGiftCardCode
from loyalty.use_cases.unblock_gift_card import UnblockGiftCard
from loyalty.use_cases.update_gift_card import UpdateGiftCard

__all__ = ["CardLifeTests"]


class CardLifeTests(KitCase):
    """What staff do with cards."""

    # --- deactivating -------------------------------------------------------

    def test_a_deactivated_card_is_over_and_its_value_is_still_owed(self, stand: Stand) -> None:
        """Nothing is spent from it, nothing brings it back, and no value moved."""
        card = stand.card(100)
        transfers = stand.books().transfers
        view = stand.execute(DeactivateGiftCard(gift_card_id=card.gift_card.id, idempotency_key="deactivate"))

        assert (GiftCardStatus.DEACTIVATED, money(100), money(0)) == (view.status, view.posted, view.available)
        assert transfers == stand.books().transfers
        for command in (
            UnblockGiftCard(gift_card_id=card.gift_card.id, idempotency_key="unblock"),
            _redeem(card.code, "redeem"),
        ):
            with stand.refuses(NotSpendable) as caught:
                stand.execute(command)
            assert "deactivated" == caught.value.reason
        stand.require_sound()

    # --- another code -------------------------------------------------------

    def test_a_replaced_code_is_dead_and_the_card_lives_on(self, stand: Stand) -> None:
        """The new code leads to the same card with all it had, the old one leads nowhere."""
        card, other = stand.card(100), stand.card(5)
        stand.execute(_redeem(card.code, "redeem"))
        stand.execute(ClaimGiftCard(code=card.code, customer_id="ada", idempotency_key="claim"))
        before = _view(stand, card)
        replaced = _replace(stand, card)

        assert replaced.gift_card == _view(stand, card)
        assert before == attrs.evolve(replaced.gift_card, last_four=before.last_four, masked_code=before.masked_code)
        with stand.refuses(GiftCardNotFound):
            stand.execute(_redeem(card.code, "by the old code"))
        with stand.refuses(GiftCardNotFound):
            stand.loyalty.ask(GetBalance(code=card.code, customer_id="ada"))
        assert money(99) == stand.loyalty.ask(GetBalance(code=replaced.code, customer_id="ada")).available
        assert money(5) == stand.loyalty.ask(GetBalance(code=other.code)).available
        stand.require_sound()

    def test_every_earlier_code_stays_dead(self, stand: Stand) -> None:
        """However often a code is replaced, one code leads to the card, and versions count them."""
        card = stand.card(100)
        codes = [card, *(_replace(stand, card, f"replace {number}") for number in range(3))]

        assert [1, 2, 3, 4] == [one.code_version for one in codes]
        assert 4 == stand.books().gift_cards[0].code_version
        for dead in codes[:-1]:
            with stand.refuses(GiftCardNotFound):
                stand.loyalty.ask(GetBalance(code=dead.code))
        assert money(100) == stand.loyalty.ask(GetBalance(code=codes[-1].code)).available
        assert not any(one.code in repr(stand.books()) for one in codes)

    @needs("second_handle")
    def test_a_second_handle_knows_the_new_code_only(self, stand: Stand) -> None:
        """It is stored, and not only remembered."""
        card = stand.card(100)
        replaced = _replace(stand, card)
        second = stand.on(self.reopen(stand.storage))

        assert money(100) == second.ask(GetBalance(code=replaced.code)).available
        with pytest.raises(GiftCardNotFound):
            second.ask(GetBalance(code=card.code))

    # --- what staff note ----------------------------------------------------

    def test_an_update_needs_the_present_edition(self, stand: Stand) -> None:
        """Then all three free facts are as given; the edition before and the one after are refused."""
        card = stand.card(100, note="old", tags=("a",), metadata={"a": 1})
        updated = stand.execute(_update(card, 1, "new"))

        assert ("new", ("b",), {"b": 2}, 2) == (updated.note, updated.tags, updated.metadata, updated.edition)
        assert updated == _view(stand, card)
        for edition in (1, 3):
            with stand.refuses(ChangedMeanwhile) as caught:
                stand.execute(_update(card, edition, "newer"))
            assert (edition, 2) == (caught.value.given, caught.value.current)
        assert 3 == stand.execute(_update(card, 2, None)).edition
        assert _view(stand, card).note is None
        stand.require_sound()


def _view(stand: Stand, card: IssuedGiftCard) -> GiftCardView:
    return stand.loyalty.ask(GetGiftCard(id=card.gift_card.id))


def _redeem(code: str, key: str) -> RedeemGiftCard:
    return RedeemGiftCard(code=code, amount=money(1), order_id="order", idempotency_key=key)


def _replace(stand: Stand, card: IssuedGiftCard, key: str = "replace") -> IssuedGiftCard:
    return stand.loyalty.execute(ReplaceGiftCardCode(gift_card_id=card.gift_card.id, idempotency_key=key))


def _update(card: IssuedGiftCard, edition: int, note: str | None) -> UpdateGiftCard:
    return UpdateGiftCard(
        gift_card_id=card.gift_card.id,
        edition=edition,
        note=note,
        tags=("b",),
        metadata={"b": 2},
        idempotency_key=f"update {edition} {note}",
    )
