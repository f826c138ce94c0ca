"""Races in the life of a card: an old code against the new one, and staff against each other and against shoppers."""

from __future__ import annotations

import pytest
from moneyed import Money

from loyalty.errors import ChangedMeanwhile, GiftCardNotFound, NotSpendable, RefundTooLarge
from loyalty.ledger.lot import LotOrigin
from loyalty.money import ALL, Everything, to_money
from loyalty.policies.cash_out import CashOutRule, Remainder
from loyalty.policies.chosen import Policies
from loyalty.reports.gift_cards import GetBalance, GetGiftCard
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import DAY, MICROSECOND, Stand
from loyalty.testing.kit.races import RaceCase, kinds
from loyalty.testing.programs import AnyCommand, minor, money
from loyalty.use_cases.cash_out_gift_card import CashOut, CashOutGiftCard
from loyalty.use_cases.change_gift_card_expiry import ChangeGiftCardExpiry
from loyalty.use_cases.deactivate_gift_card import DeactivateGiftCard
from loyalty.use_cases.expire_value import Expired, ExpireValue
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.reinstate_gift_card import ReinstateGiftCard
from loyalty.use_cases.reload_gift_card import ReloadGiftCard
from loyalty.use_cases.replace_gift_card_code import ReplaceGiftCardCode
from loyalty.use_cases.update_gift_card import UpdateGiftCard

__all__ = ["CardRaceTests"]


class CardRaceTests(RaceCase):
    """Many at once, on one card."""

    @needs("threads")
    @pytest.mark.parametrize("thieves", [1, 7, 31])
    def test_an_old_code_pays_before_it_is_replaced_or_never(self, stand: Stand, thieves: int) -> None:
        """Whoever pays by it is recorded before the replacement; afterwards the card is as it was then."""
        card = stand.card(100)
        commands: list[AnyCommand] = [_redeem(card, number) for number in range(thieves)]
        commands.insert(thieves // 2, ReplaceGiftCardCode(gift_card_id=card.gift_card.id, idempotency_key="replace"))
        outcomes = self.race(stand, commands)
        replaced, _ = outcomes.pop(thieves // 2)
        told = kinds(outcomes)

        assert isinstance(replaced, IssuedGiftCard)
        assert thieves == told["done"] + told[GiftCardNotFound.__name__]
        # What the card had when its code was replaced is what it has: nothing was paid by the old code after it.
        assert replaced.gift_card.posted == money(100 - told["done"]) == stand.left_on(card)
        assert stand.left_on(card) == stand.loyalty.ask(GetBalance(code=replaced.code)).posted
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8, 32])
    def test_a_code_is_replaced_by_one_who_knows_only_it(self, stand: Stand, callers: int) -> None:
        """Of many who name the card by its code, one gets a new code, and to the others it is dead."""
        card = stand.card(100)
        outcomes = self.race(
            stand, [ReplaceGiftCardCode(code=card.code, idempotency_key=f"{number}") for number in range(callers)]
        )
        (replaced,) = [result for result, error in outcomes if error is None]

        assert {"done": 1, GiftCardNotFound.__name__: callers - 1} == kinds(outcomes)
        assert isinstance(replaced, IssuedGiftCard)
        assert 2 == stand.books().gift_cards[0].code_version == replaced.code_version
        assert money(100) == stand.loyalty.ask(GetBalance(code=replaced.code)).available

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8, 32])
    def test_each_replacement_by_id_gives_another_code(self, stand: Stand, callers: int) -> None:
        """Staff who name the card by its id all get a code, each another, and the last one leads to the card."""
        card = stand.card(100)
        name = card.gift_card.id
        outcomes = self.race(
            stand, [ReplaceGiftCardCode(gift_card_id=name, idempotency_key=f"{number}") for number in range(callers)]
        )
        replaced = sorted((one.code_version, one.code) for one, _ in outcomes if isinstance(one, IssuedGiftCard))

        assert {"done": callers} == kinds(outcomes)
        assert list(range(2, callers + 2)) == [version for version, _ in replaced]
        assert callers == len({code for _, code in replaced})
        assert money(100) == stand.loyalty.ask(GetBalance(code=replaced[-1][1])).available

    @needs("threads")
    @pytest.mark.parametrize("editors", [2, 8, 32])
    def test_one_of_many_updates_of_an_edition_wins(self, stand: Stand, editors: int) -> None:
        """All others are told that the card changed, and the winner's note is on it."""
        card = stand.card(100)
        outcomes = self.race(
            stand,
            [
                UpdateGiftCard(
                    gift_card_id=card.gift_card.id,
                    edition=1,
                    note=f"editor {number}",
                    tags=(),
                    metadata=None,
                    idempotency_key=f"{number}",
                )
                for number in range(editors)
            ],
        )
        (winner,) = [number for number, (_, error) in enumerate(outcomes) if error is None]
        view = stand.loyalty.ask(GetGiftCard(id=card.gift_card.id))

        assert {"done": 1, ChangedMeanwhile.__name__: editors - 1} == kinds(outcomes)
        assert (f"editor {winner}", 2) == (view.note, view.edition)

    @needs("threads")
    @pytest.mark.parametrize("buyers", [1, 7, 31])
    def test_nothing_is_paid_after_a_card_is_deactivated(self, stand: Stand, buyers: int) -> None:
        """What was on it at that moment is on it afterwards."""
        card = stand.card(100)
        commands: list[AnyCommand] = [_redeem(card, number) for number in range(buyers)]
        commands.insert(buyers // 2, DeactivateGiftCard(gift_card_id=card.gift_card.id, idempotency_key="over"))
        outcomes = self.race(stand, commands)
        deactivated, _ = outcomes.pop(buyers // 2)
        told = kinds(outcomes)

        assert buyers == told["done"] + told[NotSpendable.__name__]
        assert getattr(deactivated, "posted", None) == money(100 - told["done"]) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("reloads", [2, 8, 32])
    def test_every_one_of_many_reloads_arrives(self, stand: Stand, reloads: int) -> None:
        """While as many pay from the card: what is left is what came, less what went."""
        card = stand.card(100)
        commands: list[AnyCommand] = []
        for number in range(reloads):
            commands.append(ReloadGiftCard(code=card.code, amount=money(3), idempotency_key=f"reload {number}"))
            commands.append(_redeem(card, number))
        outcomes = self.race(stand, commands)

        assert {"done": 2 * reloads} == kinds(outcomes)
        assert money(100 + 2 * reloads) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("sweeps", [1, 7, 31])
    def test_value_is_given_more_time_or_expires(self, stand: Stand, sweeps: int) -> None:
        """A change in the last microsecond against sweeps at the end: the value lives, or it left the books."""
        ends = stand.clock() + DAY
        card = stand.card(100, expires_at=ends)
        change = ChangeGiftCardExpiry(
            gift_card_id=card.gift_card.id,
            expires_at=ends + DAY,
            actor="staff",
            reason="a promise",
            idempotency_key="change",
        )
        commands: list[AnyCommand] = [ExpireValue()] * sweeps
        commands.insert(sweeps // 2, change)
        times = [ends - MICROSECOND if command is change else ends for command in commands]
        outcomes = self.race(stand, commands, times)
        _, error = outcomes.pop(sweeps // 2)
        expired = sum(result.accounts for result, _ in outcomes if isinstance(result, Expired))

        assert {"done": sweeps} == kinds(outcomes)
        stand.clock.advance(DAY)
        if error is None:
            assert (0, money(100)) == (expired, stand.available_on(card))
        else:
            assert (NotSpendable, 1, money(0)) == (type(error), expired, stand.left_on(card))
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8, 32])
    def test_what_expired_comes_back_once(self, stand: Stand, callers: int) -> None:
        """Of many who bring everything back, while as many sweeps post it, one does; nothing comes back twice."""
        card = stand.card(100, expires_at=stand.clock() + DAY)
        stand.clock.advance(DAY)
        commands: list[AnyCommand] = []
        for number in range(callers):
            commands.extend([_reinstate(card, ALL, number), ExpireValue()])
        outcomes = self.race(stand, commands)

        assert {"done": 1, RefundTooLarge.__name__: callers - 1} == kinds(outcomes[::2])
        assert {"done": callers} == kinds(outcomes[1::2])
        assert money(100) == stand.available_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize(("callers", "fit"), [(2, 1), (8, 3), (32, 10)])
    def test_parts_of_what_expired_stay_within_it(self, stand: Stand, callers: int, fit: int) -> None:
        """As many parts come back as fit, while a sweep posts the expiry."""
        card = stand.card(10 * fit + 9, expires_at=stand.clock() + DAY)
        stand.clock.advance(DAY)
        commands: list[AnyCommand] = [_reinstate(card, money(10), number) for number in range(callers)]
        outcomes = self.race(stand, [*commands, ExpireValue()])

        assert {"done": fit, RefundTooLarge.__name__: callers - fit} == kinds(outcomes[:-1])
        assert money(10 * fit) == stand.available_on(card)
        stand.execute(ExpireValue())
        assert money(10 * fit) == stand.left_on(card)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("callers", [2, 8, 32])
    def test_a_remainder_is_paid_out_or_spent(self, stand: Stand, callers: int) -> None:
        """Whoever comes first: what was paid out and what was spent is what there was."""
        stand.policies = Policies(cash_out=_everywhere)
        card = stand.card(callers, origin=LotOrigin.PURCHASED)
        commands: list[AnyCommand] = []
        for number in range(callers):
            commands.extend([_redeem(card, number), CashOutGiftCard(code=card.code, idempotency_key=f"out {number}")])
        outcomes = self.race(stand, commands)
        paid_out = [result for result, _ in outcomes if isinstance(result, CashOut)]
        spent = kinds(outcomes[::2])["done"]

        assert callers == spent + sum(minor(one.amount) for one in paid_out)
        assert len(paid_out) <= 1
        assert money(0) == stand.left_on(card)
        stand.require_sound()


def _everywhere(remainder: Remainder) -> CashOutRule:  # whatever is left
    return CashOutRule(jurisdiction="everywhere", limit=to_money(10**9, remainder.currency, 2), source="our terms")


def _reinstate(card: IssuedGiftCard, amount: Money | Everything, number: int) -> ReinstateGiftCard:
    return ReinstateGiftCard(
        gift_card_id=card.gift_card.id,
        amount=amount,
        expires_at=None,
        actor="staff",
        reason="grace",
        idempotency_key=f"reinstate {number}",
    )


def _redeem(card: IssuedGiftCard, number: int) -> RedeemGiftCard:
    return RedeemGiftCard(code=card.code, amount=money(1), order_id=f"{number}", idempotency_key=f"pay {number}")
