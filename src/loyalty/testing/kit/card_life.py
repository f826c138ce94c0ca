"""The life of a card after its issue: what each command changes, keeps and refuses."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import attrs
import pytest
from moneyed import Money

from loyalty.errors import (
    CashOutNotDue,
    ChangedMeanwhile,
    CurrencyMismatch,
    GiftCardNotFound,
    InvalidTime,
    NotReversible,
    NotSpendable,
    RefundTooLarge,
    TermTooShort,
)
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.entry import Direction
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import TransferKind
from loyalty.money import ALL, Everything
from loyalty.policies.cash_out import us_cash_out
from loyalty.policies.chosen import Policies
from loyalty.policies.expiry import AtLeastYears
from loyalty.reports.cash_out import CashOutDue
from loyalty.reports.gift_cards import GetBalance, GetGiftCard
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import DAY, HOUR, MICROSECOND, KitCase, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.adjust_value import AdjustValue
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.capture_hold import CaptureHold
from loyalty.use_cases.cash_out_gift_card import CashOutGiftCard
from loyalty.use_cases.change_gift_card_expiry import ChangeGiftCardExpiry
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.deactivate_gift_card import DeactivateGiftCard
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.reinstate_gift_card import ReinstateGiftCard, Reinstatement
from loyalty.use_cases.reload_gift_card import ReloadGiftCard
from loyalty.use_cases.replace_gift_card_code import ReplaceGiftCardCode
from loyalty.use_cases.reverse_transfer import ReverseTransfer
from loyalty.use_cases.unblock_gift_card import UnblockGiftCard
from loyalty.use_cases.update_gift_card import UpdateGiftCard
from loyalty.use_cases.void_hold import VoidHold

__all__ = ["CardLifeTests"]

BY_STAFF: Final[dict[str, Any]] = {"actor": "staff", "reason": "a mistake"}


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

    # --- another term -------------------------------------------------------

    @pytest.mark.parametrize("days", [1, 60, None])
    def test_a_changed_term_is_that_of_all_value_that_lives(self, stand: Stand, days: int | None) -> None:
        """Sooner, later, or never: then the value ends, at the instant, and no value moved before."""
        card = stand.card(100, expires_at=stand.clock() + 30 * DAY)
        _adjust(stand, card, 5, stand.clock() + 20 * DAY)
        _adjust(stand, card, 7, stand.clock() + HOUR)
        transfers, dead = stand.books().transfers, stand.clock() + HOUR
        stand.clock.advance(HOUR)
        ends = None if days is None else stand.clock() + days * DAY
        view = _change(stand, card, ends)

        assert (view, ends, money(105)) == (_view(stand, card), view.expires_at, view.available)
        assert Counter({ends: 2, dead: 1}) == _ends(stand, card)
        assert transfers == stand.books().transfers
        stand.require_sound()
        if ends is not None:
            stand.clock.advance(ends - stand.clock() - MICROSECOND)
            stand.execute(_redeem(card.code, "in time"))
            stand.clock.advance(MICROSECOND)
            with stand.refuses(NotSpendable):
                stand.execute(_redeem(card.code, "too late"))
            assert (money(111),) == stand.execute(ExpireValue()).amounts
            stand.require_sound()

    @needs("second_handle")
    def test_a_second_handle_knows_the_changed_term(self, stand: Stand) -> None:
        """Of the card and of its lots."""
        card = stand.card(100, expires_at=stand.clock() + DAY)
        _change(stand, card, None)
        second = attrs.evolve(stand, storage=self.reopen(stand.storage))

        assert Counter({None: 1}) == _ends(second, card)
        assert second.loyalty.ask(GetGiftCard(id=card.gift_card.id)).expires_at is None

    def test_a_term_is_not_below_what_the_policy_allows(self, stand: Stand) -> None:
        """Paid value lives five years from its last load; a microsecond less is refused."""
        stand.policies = Policies(expiry=AtLeastYears(5))
        card = stand.card(100, origin=LotOrigin.PURCHASED)
        lawful = stand.clock().replace(year=stand.clock().year + 5)
        with stand.refuses(TermTooShort) as caught:
            _change(stand, card, lawful - MICROSECOND)

        assert lawful == caught.value.earliest
        assert lawful == _change(stand, card, lawful).expires_at
        stand.clock.advance(DAY)
        stand.execute(ReloadGiftCard(code=card.code, amount=money(1), idempotency_key="reload"))
        with stand.refuses(TermTooShort) as caught:
            _change(stand, card, lawful)
        assert lawful + DAY == caught.value.earliest

    def test_held_value_is_held_under_its_new_term(self, stand: Stand) -> None:
        """The order that holds it captures it, though it ended meanwhile."""
        card = stand.card(100, expires_at=stand.clock() + 9 * DAY)
        hold = stand.hold(60, card, lapses_after=2 * DAY)
        view = _change(stand, card, stand.clock() + DAY)

        assert (money(60), money(40)) == (view.held, view.available)
        stand.require_sound()
        stand.clock.advance(DAY)
        captured = stand.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture"))
        assert (money(60), money(40)) == (captured.amount, stand.left_on(card))
        stand.require_sound()

    # --- more value ---------------------------------------------------------

    def test_a_reload_adds_value_and_restarts_the_term(self, stand: Stand) -> None:
        """Purchased value lives as long as the new value, other value does not, and the card says so."""
        ends = stand.clock() + 30 * DAY
        card = stand.card(100, expires_at=stand.clock() + DAY, origin=LotOrigin.PURCHASED)
        _adjust(stand, card, 5, stand.clock() + 2 * DAY)
        done = stand.execute(
            ReloadGiftCard(code=card.code, amount=money(40), expires_at=ends, order_id="77", idempotency_key="reload")
        )
        view = _view(stand, card)

        assert view == done.gift_card
        assert (money(100), money(145), ends, stand.clock()) == (
            view.value,
            view.available,
            view.expires_at,
            view.loaded_at,
        )
        assert Counter({ends: 2, stand.clock() + 2 * DAY: 1}) == _ends(stand, card)
        assert (TransferKind.RELOAD, money(145), "77") == (
            done.transfer.kind,
            done.transfer.balance_after,
            done.transfer.order_id,
        )
        assert HouseAccount.SALES is stand.books().transfer(done.transfer.id).debit.house
        stand.require_sound()

    def test_refused_reloads_come_in_order(self, stand: Stand) -> None:
        """Unknown, blocked, over, another currency, an end in the past."""
        card = stand.card(100, expires_at=stand.clock() + DAY)

        def reload(currency: str = "USD", **named: str) -> ReloadGiftCard:
            return ReloadGiftCard(
                **(named or {"code": card.code}),  # type: ignore[arg-type]  # the command checks itself
                amount=money(1, currency),
                expires_at=card.gift_card.issued_at,
                idempotency_key="reload",
            )

        with stand.refuses(GiftCardNotFound):
            stand.execute(reload("JPY", gift_card_id="nobody"))
        with stand.refuses(CurrencyMismatch):
            stand.execute(reload("JPY"))
        with stand.refuses(InvalidTime):
            stand.execute(reload())
        stand.clock.advance(DAY)
        with stand.refuses(NotSpendable) as caught:
            stand.execute(reload("JPY"))
        assert "expired" == caught.value.reason
        stand.execute(BlockGiftCard(code=card.code, idempotency_key="block"))
        with stand.refuses(NotSpendable) as caught:
            stand.execute(reload("JPY"))
        assert "blocked" == caught.value.reason

    # --- value that expired -------------------------------------------------

    @pytest.mark.parametrize("sweeps", [0, 1])
    def test_expired_value_comes_back_posted_or_not(self, stand: Stand, sweeps: int) -> None:
        """Part by part, never more than expired, in new lots that carry on the old ones, with the new end."""
        card = stand.card(100, expires_at=stand.clock() + DAY, origin=LotOrigin.PURCHASED)
        stand.clock.advance(DAY)
        for _ in range(sweeps):
            stand.execute(ExpireValue())
        ends = stand.clock() + 9 * DAY
        first = _reinstate(stand, card, money(60), ends)

        assert (money(60), money(60), ends) == (first.amount, first.gift_card.available, first.gift_card.expires_at)
        assert first.gift_card == _view(stand, card)
        with stand.refuses(RefundTooLarge) as caught:
            _reinstate(stand, card, money(41), ends)
        assert money(40) == caught.value.refundable
        assert money(40) == _reinstate(stand, card, ALL, None).amount
        with stand.refuses(RefundTooLarge):
            _reinstate(stand, card, ALL, None)
        (old, *new) = sorted(stand.books().account(card.gift_card.account_id).lots, key=attrgetter("id"))
        assert Counter({ends: 1, None: 1}) == _ends(stand, card)
        assert [(old.id, old.origin)] * 2 == [(lot.source_lot_id, lot.origin) for lot in new]
        (expiry,) = [one for one in stand.books().transfers if one.kind is TransferKind.EXPIRY]
        assert {expiry.id: 100} == {
            one.refunds: sum(other.amount for other in stand.books().transfers if other.refunds == one.refunds)
            for one in stand.books().transfers
            if one.kind is TransferKind.REINSTATEMENT
        }
        stand.require_sound()

    def test_what_came_back_is_undone_and_comes_back_again(self, stand: Stand) -> None:
        """A reversed reinstatement counts no longer; an expiry that came back in part is not undone whole."""
        card = stand.card(100, expires_at=stand.clock() + DAY)
        stand.clock.advance(DAY)
        stand.execute(ExpireValue())
        (expiry,) = [one for one in stand.books().transfers if one.kind is TransferKind.EXPIRY]
        (entry,) = _reinstate(stand, card, ALL, None).entries
        with stand.refuses(NotReversible) as caught:
            stand.execute(ReverseTransfer(transfer_id=expiry.id, idempotency_key="too late", **BY_STAFF))
        assert "refunded" == caught.value.reason
        stand.execute(ReverseTransfer(transfer_id=entry.id, idempotency_key="undo", **BY_STAFF))
        assert money(0) == stand.left_on(card)
        stand.require_sound()
        assert money(100) == _reinstate(stand, card, ALL, None).amount
        stand.require_sound()

    # --- a small remainder --------------------------------------------------

    def test_a_small_remainder_is_paid_out_once(self, stand: Stand) -> None:
        """Only what was paid for, only where a rule makes it due, and nothing of what an order holds."""
        stand.policies = Policies(cash_out=us_cash_out)
        card = stand.card(999, origin=LotOrigin.PURCHASED)
        _adjust(stand, card, 50, stand.clock() + DAY)
        hold = stand.hold(150, card)
        for place in (None, "US-WA"):
            with stand.refuses(CashOutNotDue):
                stand.execute(_cash_out(card, place))
        due = stand.loyalty.ask(CashOutDue(gift_card_id=card.gift_card.id, jurisdiction="US-CA"))
        done = stand.execute(_cash_out(card, "US-CA"))

        # The goodwill ends sooner, so the order holds all of it, and the rest of what was paid for.
        assert due.amount == done.amount == money(899)
        assert (money(150), money(150), money(0)) == (
            done.gift_card.posted,
            done.gift_card.held,
            done.gift_card.available,
        )
        assert done.gift_card == _view(stand, card)
        assert HouseAccount.CASH_OUT is stand.books().transfer(done.transfer.id).credit.house
        with stand.refuses(CashOutNotDue) as caught:
            stand.execute(attrs.evolve(_cash_out(card, "US-CA"), idempotency_key="again"))
        assert "nothing_paid" == caught.value.reason
        stand.execute(VoidHold(hold_id=hold.id, idempotency_key="void"))
        stand.execute(ReverseTransfer(transfer_id=done.transfer.id, idempotency_key="undo", **BY_STAFF))
        assert money(1049) == stand.available_on(card)
        stand.require_sound()

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


def _change(stand: Stand, card: IssuedGiftCard, expires_at: datetime | None) -> GiftCardView:
    return stand.loyalty.execute(
        ChangeGiftCardExpiry(
            gift_card_id=card.gift_card.id, expires_at=expires_at, idempotency_key=stand.key(), **BY_STAFF
        )
    )


def _reinstate(
    stand: Stand, card: IssuedGiftCard, amount: Money | Everything, expires_at: datetime | None
) -> Reinstatement:
    return stand.loyalty.execute(
        ReinstateGiftCard(
            gift_card_id=card.gift_card.id,
            amount=amount,
            expires_at=expires_at,
            idempotency_key=stand.key(),
            **BY_STAFF,
        )
    )


def _cash_out(card: IssuedGiftCard, jurisdiction: str | None) -> CashOutGiftCard:
    return CashOutGiftCard(code=card.code, jurisdiction=jurisdiction, idempotency_key="cash out")


def _adjust(stand: Stand, card: IssuedGiftCard, amount: int, expires_at: datetime) -> None:
    stand.execute(
        AdjustValue(
            gift_card_id=card.gift_card.id,
            amount=money(amount),
            direction=Direction.CREDIT,
            expires_at=expires_at,
            idempotency_key=stand.key(),
            **BY_STAFF,
        )
    )


def _ends(stand: Stand, card: IssuedGiftCard) -> Counter[datetime | None]:
    """Count the ends of the value on a card."""
    lots = stand.books().account(card.gift_card.account_id).lots
    return Counter(lot.expires_at for lot in lots if lot.remaining)


def _update(card: IssuedGiftCard, edition: int, note: str | None) -> UpdateGiftCard:
    return UpdateGiftCard(
        gift_card_id=card.gift_card.id,
        edition=edition,
        note=note,
        tags=("b",),
        metadata={"b": 2},
        idempotency_key=f"update {edition} {note}",
    )
