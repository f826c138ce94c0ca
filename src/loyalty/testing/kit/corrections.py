"""Corrections and refunds as new value: what they do, and what they refuse, in order of precedence."""

from __future__ import annotations

from typing import Any, Final

import attrs
import pytest

from loyalty.errors import (
    AlreadyReversed,
    ConcurrentUpdate,
    CurrencyMismatch,
    DuplicateRecord,
    GiftCardNotFound,
    InsufficientBalance,
    InvalidTime,
    NotReversible,
    RefundTooLarge,
    StoreCreditAccountNotFound,
    TransferNotFound,
)
from loyalty.identifiers import TransferId
from loyalty.ledger.entry import Direction
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import TransferKind
from loyalty.money import ALL
from loyalty.ports.changes import Changes, RefundedOrder
from loyalty.ports.storage import TransferFilter, UnitOfWork
from loyalty.reports.gift_cards import CardsOfOrder, GetGiftCard
from loyalty.testing.kit.case import DAY, KitCase, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.adjust_value import AdjustValue
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.redemption import Redemption
from loyalty.use_cases.refund_as_gift_card import RefundAsGiftCard
from loyalty.use_cases.refund_order_to_store_credit import RefundOrderToStoreCredit
from loyalty.use_cases.refund_redemption import RefundRedemption
from loyalty.use_cases.reverse_transfer import Reversal, ReverseTransfer

__all__ = ["CorrectionTests"]

BY_STAFF: Final[dict[str, Any]] = {"actor": "staff", "reason": "a mistake"}


class CorrectionTests(KitCase):
    """Undoing, correcting, and giving an order back."""

    # --- reversals ----------------------------------------------------------

    def test_a_reversed_redemption_is_as_if_it_never_was(self, stand: Stand) -> None:
        """Value is back in its lots, nothing is left to refund, and the history tells it."""
        card = stand.card(100)
        redemption = _redeem(stand, card, 40)
        reversal = _reverse(stand, redemption.id)
        spent = stand.loyalty.ask(CardsOfOrder(order_id="order")).spent[0]

        assert (money(100), money(40)) == (stand.left_on(card), reversal.amount)
        assert (TransferKind.REVERSAL, redemption.id) == (reversal.entries[0].kind, reversal.entries[0].refunds)
        assert (money(40), money(40)) == (spent.redeemed, spent.refunded)
        with stand.refuses(RefundTooLarge) as caught:
            stand.execute(RefundRedemption(order_id="order", amount=ALL, idempotency_key="refund"))
        assert money(0) == caught.value.refundable
        stand.require_sound()

    def test_refused_reversals_come_in_order(self, stand: Stand) -> None:
        """Unknown, a reversal itself, reversed before, refunded in part, and spent since."""
        with stand.refuses(TransferNotFound):
            _reverse(stand, TransferId("none"))
        card = stand.card(100)
        (issue,) = stand.books().transfers
        first, second = _redeem(stand, card, 10), _redeem(stand, card, 20)
        reversal = _reverse(stand, first.id)
        with stand.refuses(NotReversible) as caught:
            _reverse(stand, reversal.id)
        assert "reversal" == caught.value.reason
        with stand.refuses(AlreadyReversed):
            _reverse(stand, first.id)
        stand.execute(RefundRedemption(redemption_id=second.id, amount=money(5), idempotency_key="refund"))
        with stand.refuses(NotReversible) as caught:
            _reverse(stand, second.id)
        assert "refunded" == caught.value.reason
        with stand.refuses(InsufficientBalance) as short:
            _reverse(stand, issue.id)
        assert (money(100), money(85)) == (short.value.requested, short.value.available)
        stand.require_sound()

    def test_a_reversed_refund_can_be_made_again(self, stand: Stand) -> None:
        """It no longer counts against what was redeemed, and then the redemption can be reversed too."""
        card = stand.card(100)
        redemption = _redeem(stand, card, 40)
        for number in range(2):
            refund = stand.execute(RefundRedemption(order_id="order", amount=ALL, idempotency_key=f"refund {number}"))
            _reverse(stand, refund.parts[0].id)
            assert money(60) == stand.left_on(card)
        _reverse(stand, redemption.id)

        assert money(100) == stand.left_on(card)
        stand.require_sound()

    def test_a_reversed_conversion_moves_back_lot_by_lot(self, stand: Stand) -> None:
        """Out of the new lots into the old ones, with the expiry and origin they had."""
        card = stand.card(100, expires_at=stand.clock() + DAY, origin=LotOrigin.PURCHASED)
        before = stand.books().gift_cards[0].account.lots
        conversion = stand.execute(ConvertGiftCard(code=card.code, customer_id="ada", idempotency_key="convert"))
        reversal = _reverse(stand, conversion.transfer_id)

        assert before == stand.books().gift_cards[0].account.lots
        assert [Direction.DEBIT, Direction.CREDIT] == [entry.direction for entry in reversal.entries]
        assert money(0) == stand.credit_of("ada")
        stand.require_sound()

    @pytest.mark.parametrize(
        ("origin", "left", "regranted"), [(LotOrigin.PURCHASED, 40, 40), (LotOrigin.PROMOTIONAL, 0, 0)]
    )
    def test_a_reversed_expiry_follows_the_policy(
        self, stand: Stand, origin: LotOrigin, left: int, regranted: int
    ) -> None:
        """Paid value lives again for 30 days; promotional value is back on the books and as dead as before."""
        card = stand.card(40, origin=origin, expires_at=stand.clock() + DAY)
        stand.clock.advance(DAY)
        stand.loyalty.execute(ExpireValue())
        reversal = _reverse(stand, stand.books().transfers[-1].id)
        view = stand.loyalty.ask(GetGiftCard(id=card.gift_card.id))

        assert (money(40), money(left), money(regranted)) == (view.posted, view.available, reversal.regranted)
        stand.require_sound()

    def test_a_grant_is_reversed_while_all_of_it_is_there(self, stand: Stand) -> None:
        """Also when a part of it was spent and came back meanwhile."""
        grant = stand.credit(100)
        stand.credit(50)
        paid = DebitStoreCredit(customer_id="ada", amount=money(120), order_id="order", idempotency_key="pay")
        stand.execute(paid)
        with stand.refuses(InsufficientBalance):
            _reverse(stand, grant.transfer.id)
        stand.execute(RefundRedemption(order_id="order", amount=ALL, idempotency_key="refund"))
        _reverse(stand, grant.transfer.id)

        assert money(50) == stand.credit_of("ada")
        assert {"USD": 50} == stand.books().owed()
        stand.require_sound()

    def test_a_storage_keeps_one_reversal_per_transfer(self, stand: Stand) -> None:
        """Even if the rules were wrong: a second reversal of one transfer is a DuplicateRecord."""
        redemption = _redeem(stand, stand.card(100), 40)
        reversal_id = _reverse(stand, redemption.id).id
        reversal = stand.books().transfer(reversal_id)
        another = attrs.evolve(reversal, id=TransferId("another"), credit=attrs.evolve(reversal.credit, sequence=99))
        before = stand.books()
        with pytest.raises(DuplicateRecord):
            stand.storage.run(lambda uow: uow.write(Changes(transfers=(another,))))

        assert before == stand.books()

    def test_transfers_that_stand_leave_out_what_was_reversed(self, stand: Stand) -> None:
        """A filter for what stands gives neither the reversed refund nor hides the rest."""
        card = stand.card(100)
        redemption = _redeem(stand, card, 40)
        refunds = [
            stand.execute(RefundRedemption(order_id="order", amount=money(5), idempotency_key=f"{number}")).parts[0].id
            for number in range(2)
        ]
        _reverse(stand, refunds[0])

        def found(**more: Any) -> list[str]:
            wanted = TransferFilter(refunds=(redemption.id,), **more)
            return stand.storage.read(lambda reader: [one.id for one in reader.transfers(wanted)])

        assert refunds == found()
        assert refunds[1:] == found(standing=True)

    # --- adjustments --------------------------------------------------------

    def test_an_adjustment_moves_a_balance_by_an_amount(self, stand: Stand) -> None:
        """Up as a new lot, down in spending order, against the house account for it."""
        card = stand.card(100)
        for direction, amount, left in ((Direction.CREDIT, 30, 130), (Direction.DEBIT, 125, 5)):
            done = _adjust(stand, amount, direction, gift_card_id=card.gift_card.id)

            assert (money(left), money(left), money(amount)) == (stand.left_on(card), done.balance_after, done.amount)
        assert {HouseAccount.ADJUSTMENTS} == {
            side.house
            for transfer in stand.books().transfers
            for side in (transfer.debit, transfer.credit)
            if transfer.kind is TransferKind.ADJUSTMENT and side.house is not None
        }
        stand.require_sound()

    def test_refused_adjustments_come_in_order(self, stand: Stand) -> None:
        """Unknown, another currency, an end in the past, more than is available."""
        with stand.refuses(GiftCardNotFound):
            _adjust(stand, 1, Direction.CREDIT, gift_card_id="none")
        with stand.refuses(StoreCreditAccountNotFound):
            _adjust(stand, 1, Direction.CREDIT, customer_id="ada")
        with stand.refuses(StoreCreditAccountNotFound):
            _adjust(stand, 1, Direction.CREDIT, account_id="none")
        account_id = stand.credit(10).account.id
        with stand.refuses(CurrencyMismatch):
            _adjust(stand, 1, Direction.CREDIT, "JPY", account_id=account_id, expires_at=stand.clock())
        with stand.refuses(InvalidTime):
            _adjust(stand, 1, Direction.CREDIT, account_id=account_id, expires_at=stand.clock())
        with stand.refuses(InsufficientBalance) as caught:
            _adjust(stand, 11, Direction.DEBIT, account_id=account_id)

        assert money(10) == caught.value.available

    def test_a_blocked_card_is_corrected_all_the_same(self, stand: Stand) -> None:
        """Staff stop a card first and put it right then."""
        card = stand.card(100)
        stand.execute(BlockGiftCard(gift_card_id=card.gift_card.id, idempotency_key="block"))
        _adjust(stand, 60, Direction.DEBIT, gift_card_id=card.gift_card.id)

        assert money(40) == stand.left_on(card)

    # --- refunds as new value -----------------------------------------------

    def test_an_order_has_one_cap_for_credit_and_cards(self, stand: Stand) -> None:
        """To whomever and as whatever it is given back: together never above the host's ceiling."""
        to_credit = _to_credit(stand, 40, 100)
        card = _as_card(stand, 50, 100)
        for amount in (11, 100):
            with stand.refuses(RefundTooLarge) as caught:
                _to_credit(stand, amount, 100, customer_id="bo")
            assert money(10) == caught.value.refundable
            with stand.refuses(RefundTooLarge):
                _as_card(stand, amount, 100)
        last = _to_credit(stand, 10, 100, customer_id="bo")

        assert (money(60), money(0)) == (to_credit.still_refundable, last.still_refundable)
        assert (money(40), money(50), money(10)) == (stand.credit_of("ada"), stand.left_on(card), stand.credit_of("bo"))
        assert {LotOrigin.REFUND} == {lot.origin for account in stand.books().accounts for lot in account.lots}
        assert money(100) == _to_credit(stand, 100, 100, order_id="another order").amount
        stand.require_sound()

    def test_what_went_back_to_its_lots_counts_against_the_ceiling(self, stand: Stand) -> None:
        """The ceiling is the order's, in total; a refund that was reversed does not count."""
        _redeem(stand, stand.card(100), 60)
        refund = stand.execute(RefundRedemption(order_id="order", amount=money(60), idempotency_key="refund"))
        with stand.refuses(RefundTooLarge) as caught:
            _to_credit(stand, 50, 100)
        assert money(40) == caught.value.refundable
        _reverse(stand, refund.parts[0].id)

        assert money(50) == _to_credit(stand, 50, 100).still_refundable

    def test_a_lower_ceiling_than_what_was_given_leaves_nothing(self, stand: Stand) -> None:
        """Never less than nothing."""
        _to_credit(stand, 50, 100)
        with stand.refuses(RefundTooLarge) as caught:
            _to_credit(stand, 1, 20)

        assert money(0) == caught.value.refundable

    def test_an_order_that_others_refunded_meanwhile_is_a_lost_race(self, stand: Stand) -> None:
        """Whoever decided on an older version of the order, or on none, must decide again."""
        _to_credit(stand, 1, 100)

        def locked(uow: UnitOfWork) -> RefundedOrder:
            return uow.lock_order("order")

        def write(version: int) -> bool:
            stale = Changes(refunded_orders=(RefundedOrder("order", version),))
            return stand.storage.run(lambda uow: uow.write(stale))

        assert RefundedOrder("order", 1) == stand.storage.run(locked)
        _to_credit(stand, 1, 100)
        for version in (0, 1):
            with pytest.raises(ConcurrentUpdate):
                write(version)
        assert RefundedOrder("order", 2) == stand.storage.run(locked)

    def test_a_replayed_refund_as_card_shows_the_code_again(self, stand: Stand) -> None:
        """Although nothing that is stored holds it, and although the ceiling is used up."""
        command = RefundAsGiftCard(order_id="order", amount=money(9), refundable=money(9), idempotency_key="once")
        first, second = stand.execute(command), stand.execute(command)

        assert first == second
        assert first.code not in repr(stand.books())
        paid = RedeemGiftCard(code=first.code, amount=money(9), order_id="another", idempotency_key="pay")
        assert money(0) == stand.execute(paid).balance_after


def _redeem(stand: Stand, card: IssuedGiftCard, amount: int) -> Redemption:
    redemption: Redemption = stand.execute(
        RedeemGiftCard(code=card.code, amount=money(amount), order_id="order", idempotency_key=stand.key())
    )
    return redemption


def _reverse(stand: Stand, transfer_id: TransferId) -> Reversal:
    reversal: Reversal = stand.execute(
        ReverseTransfer(transfer_id=transfer_id, idempotency_key=stand.key(), **BY_STAFF)
    )
    return reversal


def _adjust(stand: Stand, amount: int, direction: Direction, currency: str = "USD", **more: Any) -> Any:
    command = AdjustValue(
        amount=money(amount, currency), direction=direction, idempotency_key=stand.key(), **BY_STAFF, **more
    )
    return stand.execute(command)


def _to_credit(stand: Stand, amount: int, refundable: int, customer_id: str = "ada", order_id: str = "order") -> Any:
    return stand.execute(
        RefundOrderToStoreCredit(
            order_id=order_id,
            customer_id=customer_id,
            amount=money(amount),
            refundable=money(refundable),
            idempotency_key=stand.key(),
        )
    )


def _as_card(stand: Stand, amount: int, refundable: int) -> IssuedGiftCard:
    issued: IssuedGiftCard = stand.execute(
        RefundAsGiftCard(
            order_id="order", amount=money(amount), refundable=money(refundable), idempotency_key=stand.key()
        )
    )
    return issued
