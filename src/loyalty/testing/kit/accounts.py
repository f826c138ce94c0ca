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
    RefundTooLarge,
    StoreCreditAccountNotFound,
)
from loyalty.identifiers import AccountId
from loyalty.ledger.lot import Lot, LotOrigin, TaxTreatment
from loyalty.ledger.transfer import TransferKind
from loyalty.money import ALL
from loyalty.ports.storage import Wanted
from loyalty.reports.gift_cards import GetGiftCard
from loyalty.reports.store_credit import GetStoreCreditAccount
from loyalty.store_credit.account import StoreCreditStatus
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import DAY, KitCase, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.block_store_credit_account import BlockStoreCreditAccount
from loyalty.use_cases.close_store_credit_account import CloseStoreCreditAccount
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.merge_customers import CustomerMerge, MergeCustomers
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

    # --- merges -------------------------------------------------------------

    def test_a_merge_moves_all_of_one_customer_to_another(self, stand: Stand) -> None:
        """Every lot in every currency, expired or not, and claimed cards; the old accounts are closed."""
        stand.credit(300, expires_at=stand.clock() + DAY, origin=LotOrigin.PURCHASED)
        stand.credit(200, priority=3, not_before=stand.clock() + DAY)
        stand.credit(70, currency="JPY")
        stand.credit(1, "bo")
        claimed, bearer = stand.card(customer_id="ada"), stand.card()
        old = {one.account.currency: one for one in stand.books().store_credit_accounts if one.customer_id == "ada"}
        stand.clock.advance(DAY)
        done = _merge(stand, "ada", "bo")
        books = stand.books()

        assert {money(500), money(70, "JPY")} == set(done.amounts)
        assert (money(501), money(70, "JPY")) == (stand.credit_of("bo"), stand.credit_of("bo", "JPY"))
        assert {"bo", None} == {card.customer_id for card in books.gift_cards}
        assert (claimed.gift_card.id,) == done.gift_card_ids
        assert stand.loyalty.ask(GetGiftCard(id=bearer.gift_card.id)).customer_id is None
        closed = {one.id: one for one in books.store_credit_accounts if one.customer_id == "ada"}
        assert {StoreCreditStatus.CLOSED} == {one.status for one in closed.values()}
        for currency, before in old.items():
            (new,) = [one for one in books.store_credit_accounts if one.id == closed[before.id].successor_id]
            assert ("bo", currency) == (new.customer_id, new.account.currency)
            moved = {lot.source_lot_id: lot for lot in new.account.lots}
            assert [_nature(lot) for lot in before.account.lots] == [
                _nature(moved[lot.id]) for lot in before.account.lots
            ]
        stand.require_sound()

    def test_refused_merges_come_in_order(self, stand: Stand) -> None:
        """Held, blocked, closed; and nothing of any currency moves."""
        ada = stand.credit(100).account.id
        stand.credit(100, currency="JPY")
        bo = stand.credit(100, "bo").account.id
        hold = stand.hold(30, customer_id="ada")
        _set_status(stand, BlockStoreCreditAccount, ada)
        with stand.refuses(AccountNotEmpty) as caught:
            _merge(stand, "ada", "bo")
        assert (money(100), money(30)) == (caught.value.posted, caught.value.held)
        stand.clock.advance(hold.lapses_at - stand.clock())
        with stand.refuses(NotSpendable) as refused:
            _merge(stand, "ada", "bo")
        assert "blocked" == refused.value.reason
        _set_status(stand, UnblockStoreCreditAccount, ada)
        stand.execute(_debit(100, customer_id="bo"))
        _set_status(stand, CloseStoreCreditAccount, bo)
        with stand.refuses(NotSpendable) as refused:
            _merge(stand, "ada", "bo")
        assert "closed" == refused.value.reason
        _merge(stand, "ada", "cy")
        assert money(100) == stand.credit_of("cy")

    def test_a_refund_follows_a_merged_customer(self, stand: Stand) -> None:
        """Through every merge since, in parts that never sum to more than was paid, also when value has expired."""
        stand.credit(300, expires_at=stand.clock() + DAY, origin=LotOrigin.PURCHASED)
        stand.execute(_debit(300, order_id="order"))
        _merge(stand, "ada", "bo")
        first = stand.execute(RefundRedemption(order_id="order", amount=money(100), idempotency_key="first"))
        _merge(stand, "bo", "cy")
        second = stand.execute(RefundRedemption(order_id="order", amount=money(50), idempotency_key="second"))
        stand.clock.advance(DAY)
        rest = stand.execute(RefundRedemption(order_id="order", amount=ALL, idempotency_key="rest"))
        with stand.refuses(RefundTooLarge):
            stand.execute(RefundRedemption(order_id="order", amount=money(1), idempotency_key="more"))

        accounts = {one.customer_id: one.id for one in stand.books().store_credit_accounts}
        assert [accounts["bo"], accounts["cy"]] == [first.parts[0].account_id, second.parts[0].account_id]
        assert (money(150), money(150)) == (rest.amount, rest.regranted)
        assert [money(0), money(0), money(300)] == [stand.credit_of(customer) for customer in ("ada", "bo", "cy")]
        stand.require_sound()

    def test_successors_are_found_to_the_last(self, stand: Stand) -> None:
        """Of several accounts at once, beside whatever else is wanted; one without a successor has none."""
        first, other = stand.credit(1).account.id, stand.credit(1, "di").account.id
        _merge(stand, "ada", "bo")
        _merge(stand, "bo", "cy")
        chain = {stand.loyalty.ask(_account_of(customer)).id for customer in ("bo", "cy")}

        def found(**wanted: Any) -> set[str]:
            return {one.id for one in stand.storage.run(lambda uow: uow.lock(Wanted(**wanted))).accounts()}

        assert {first, other, *chain} == found(account_ids=(first, other), successors_of=(first, other))
        assert {other} == found(account_ids=(other,), successors_of=(other, AccountId("none")))


def _account_of(customer_id: str) -> GetStoreCreditAccount:
    return GetStoreCreditAccount(customer_id=customer_id, currency="USD")


def _merge(stand: Stand, old: str, new: str) -> CustomerMerge:
    merged: CustomerMerge = stand.execute(
        MergeCustomers(from_customer_id=old, into_customer_id=new, idempotency_key=stand.key())
    )
    return merged


def _nature(lot: Lot) -> tuple[object, ...]:
    return (lot.remaining, lot.origin, lot.expires_at, lot.not_before, lot.priority, lot.tax_treatment)


def _transfer(stand: Stand, amount: int, **named: Any) -> StoreCreditTransfer:
    if "to_account_id" not in named:
        named["to_customer_id"] = "bo"
    named.setdefault("from_customer_id", "ada")
    done: StoreCreditTransfer = stand.execute(
        TransferStoreCredit(amount=money(amount), idempotency_key=stand.key(), **named)
    )
    return done


def _debit(amount: int, **more: Any) -> DebitStoreCredit:
    said = {"customer_id": "ada", "idempotency_key": f"debit {amount}", **more}
    return DebitStoreCredit(amount=money(amount), **said)


def _set_status(stand: Stand, kind: type[Any], account_id: str) -> StoreCreditStatus:
    status: StoreCreditStatus = stand.execute(kind(account_id=account_id, idempotency_key=stand.key())).status
    return status
