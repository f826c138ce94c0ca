"""The life of a store credit account: moved, blocked and closed, and what is refused, in order of precedence."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty.errors import (
    AccountNotEmpty,
    CurrencyMismatch,
    InsufficientBalance,
    InvalidRequest,
    NotSpendable,
    StoreCreditAccountNotFound,
)
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.ledger.transfer import TransferKind
from loyalty.money import ALL
from loyalty.reports.store_credit import GetStoreCreditAccount
from loyalty.store_credit.account import StoreCreditStatus
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import DAY, KitCase, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.block_store_credit_account import BlockStoreCreditAccount
from loyalty.use_cases.close_store_credit_account import CloseStoreCreditAccount
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.refund_redemption import RefundRedemption
from loyalty.use_cases.reverse_transfer import ReverseTransfer
from loyalty.use_cases.transfer_store_credit import StoreCreditTransfer, TransferStoreCredit
from loyalty.use_cases.unblock_store_credit_account import UnblockStoreCreditAccount

__all__ = ["AccountTests"]


class AccountTests(KitCase):
    """Accounts that are more than a place to grant to and spend from."""

    # --- transfers ----------------------------------------------------------

    def test_a_transfer_moves_lot_by_lot_in_spending_order(self, stand: Stand) -> None:
        """Each lot keeps its expiry, origin, start, priority and tax treatment, and names the one it carries on."""
        soon, late = stand.clock() + DAY, stand.clock() + 9 * DAY
        stand.credit(300, origin=LotOrigin.PURCHASED, expires_at=late, tax_treatment=TaxTreatment.SINGLE_PURPOSE)
        stand.credit(200, origin=LotOrigin.REFUND, expires_at=soon, not_before=stand.clock(), priority=0)
        stand.credit(100, "bo")
        done = _transfer(stand, 250)
        books = stand.books()
        source, target = books.account(done.source.id), books.account(done.target.id)
        whole, part = (next(lot for lot in source.lots if lot.amount == amount) for amount in (200, 300))

        assert (money(250), money(250), money(350)) == (done.amount, done.source.posted, done.target.posted)
        assert [(whole.id, 200, LotOrigin.REFUND, soon), (part.id, 50, LotOrigin.PURCHASED, late)] == [
            (lot.source_lot_id, lot.remaining, lot.origin, lot.expires_at)
            for lot in target.lots
            if lot.source_lot_id is not None
        ]
        assert TransferKind.MOVE is books.transfer(done.transfer_id).kind
        stand.require_sound()

    def test_a_transfer_opens_the_account_it_goes_to(self, stand: Stand) -> None:
        """If the customer has none in that currency; the next one finds it."""
        stand.credit(300)
        first, second = _transfer(stand, 100), _transfer(stand, 100)

        assert first.target.id == second.target.id
        assert money(200) == stand.credit_of("bo")
        assert 2 == len(stand.books().store_credit_accounts)
        stand.require_sound()

    def test_refused_transfers_come_in_order(self, stand: Stand) -> None:
        """Not there, the same account, stopped, another currency, too little; and nothing is opened."""
        ada, bo = stand.credit(100).account.id, stand.credit(100, "bo", "JPY").account.id
        with stand.refuses(StoreCreditAccountNotFound):
            _transfer(stand, 101, from_customer_id="cy", to_account_id=ada)
        with stand.refuses(StoreCreditAccountNotFound):
            _transfer(stand, 101, to_account_id="none")
        with stand.refuses(InvalidRequest):
            _transfer(stand, 101, to_account_id=ada)
        _set_status(stand, BlockStoreCreditAccount, ada)
        with stand.refuses(NotSpendable) as caught:
            _transfer(stand, 101, to_account_id=bo)
        assert "blocked" == caught.value.reason
        _set_status(stand, UnblockStoreCreditAccount, ada)
        with stand.refuses(CurrencyMismatch):
            _transfer(stand, 101, to_account_id=bo)
        with stand.refuses(InsufficientBalance) as short:
            _transfer(stand, 101)
        assert (money(101), money(100)) == (short.value.requested, short.value.available)

    def test_a_reversed_transfer_moves_back_lot_by_lot(self, stand: Stand) -> None:
        """Out of the new lots into the old ones, also when they have expired."""
        stand.credit(300, expires_at=stand.clock() + DAY)
        before = stand.books().store_credit_accounts[0].account.lots
        done = _transfer(stand, 250)
        stand.clock.advance(DAY)
        reversal = stand.execute(
            ReverseTransfer(transfer_id=done.transfer_id, actor="staff", reason="why", idempotency_key="reverse")
        )

        assert (money(250), money(250), money(0)) == (reversal.amount, reversal.forfeited, reversal.regranted)
        assert before == stand.books().account(done.source.id).lots
        assert money(0) == stand.credit_of("bo")
        stand.require_sound()

    # --- statuses -----------------------------------------------------------

    def test_a_blocked_account_pays_nothing_until_it_is_unblocked(self, stand: Stand) -> None:
        """A block is reversible, repeating it changes nothing, and what is owed still reaches the account."""
        account_id = stand.credit(300).account.id
        stand.execute(_debit(100, order_id="order", idempotency_key="paid"))
        for _ in range(2):
            _set_status(stand, BlockStoreCreditAccount, account_id)
        with stand.refuses(NotSpendable) as caught:
            stand.execute(_debit(1))
        assert "blocked" == caught.value.reason
        stand.execute(RefundRedemption(order_id="order", amount=ALL, idempotency_key="refund"))
        view = stand.loyalty.ask(GetStoreCreditAccount(account_id=account_id))
        assert (StoreCreditStatus.BLOCKED, money(300), money(0)) == (view.status, view.posted, view.available)
        for _ in range(2):
            _set_status(stand, UnblockStoreCreditAccount, account_id)
        stand.execute(_debit(300))

        assert money(0) == stand.credit_of("ada")
        stand.require_sound()

    def test_an_account_is_closed_when_nothing_is_on_it(self, stand: Stand) -> None:
        """Neither spendable, held nor expired; then nothing comes to it and nothing opens it again."""
        account_id = stand.credit(300).account.id
        hold = stand.hold(300, customer_id="ada")
        with stand.refuses(AccountNotEmpty) as caught:
            _set_status(stand, CloseStoreCreditAccount, account_id)
        assert (money(300), money(300)) == (caught.value.posted, caught.value.held)
        stand.clock.advance(hold.lapses_at - stand.clock())
        stand.execute(_debit(300, order_id="order", idempotency_key="paid"))
        _set_status(stand, CloseStoreCreditAccount, account_id)
        for kind in (BlockStoreCreditAccount, UnblockStoreCreditAccount):
            with stand.refuses(NotSpendable):
                _set_status(stand, kind, account_id)
        with stand.refuses(NotSpendable) as closed:
            stand.credit(1)
        assert "closed" == closed.value.reason
        with stand.refuses(NotSpendable):
            stand.execute(RefundRedemption(order_id="order", amount=ALL, idempotency_key="refund"))

        assert StoreCreditStatus.CLOSED is stand.books().store_credit_accounts[0].status
        stand.require_sound()

    @needs("second_handle")
    @pytest.mark.parametrize("kind", [BlockStoreCreditAccount, CloseStoreCreditAccount])
    def test_a_status_is_stored(self, stand: Stand, kind: type[Any]) -> None:
        """Another storage on the same data knows it."""
        account_id = stand.credit(1).account.id
        stand.execute(_debit(1))
        status = _set_status(stand, kind, account_id)
        stored = stand.on(self.reopen(stand.storage)).ask(GetStoreCreditAccount(account_id=account_id))

        assert status is stored.status

    @pytest.mark.parametrize("kind", [BlockStoreCreditAccount, UnblockStoreCreditAccount, CloseStoreCreditAccount])
    def test_an_account_that_is_not_there_has_no_status(self, stand: Stand, kind: type[Any]) -> None:
        """By id, by customer and by currency; the account of a card is none."""
        card = stand.card().gift_card
        stand.credit()
        for named in (
            {"account_id": "none"},
            {"account_id": card.account_id},
            {"customer_id": "bo", "currency": "USD"},
            {"customer_id": "ada", "currency": "JPY"},
        ):
            with stand.refuses(StoreCreditAccountNotFound):
                stand.execute(kind(idempotency_key="one", **named))


def _transfer(stand: Stand, amount: int, **named: Any) -> StoreCreditTransfer:
    if "to_account_id" not in named:
        named["to_customer_id"] = "bo"
    named.setdefault("from_customer_id", "ada")
    done: StoreCreditTransfer = stand.execute(
        TransferStoreCredit(amount=money(amount), idempotency_key=stand.key(), **named)
    )
    return done


def _debit(amount: int, **more: Any) -> DebitStoreCredit:
    return DebitStoreCredit(customer_id="ada", amount=money(amount), **{"idempotency_key": f"debit {amount}", **more})


def _set_status(stand: Stand, kind: type[Any], account_id: str) -> StoreCreditStatus:
    status: StoreCreditStatus = stand.execute(kind(account_id=account_id, idempotency_key=stand.key())).status
    return status
