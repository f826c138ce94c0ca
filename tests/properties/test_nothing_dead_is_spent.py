"""Value that has expired, has not begun or is on a blocked card is never spent, though no sweep ever runs."""

from __future__ import annotations

from hypothesis import given

from loyalty import MemoryStorage
from loyalty.ledger.transfer import TransferKind
from loyalty.testing import Shop, Step, Verb, books_of
from loyalty.testing.strategies import programs

SPENDING = {TransferKind.REDEMPTION, TransferKind.DEBIT, TransferKind.CONVERSION}


@given(programs(without=(Verb.EXPIRE,), longest=40))
def test_every_lot_that_paid_was_alive(program: list[Step]) -> None:
    """At the clock's time of the payment and at its recorded time, on a card that was not blocked."""
    shop = Shop(MemoryStorage())
    known: set[str] = set()
    for step in program:
        before = books_of(shop.storages[0])
        blocked = {card.account.id for card in before.gift_cards if card.is_disabled}
        shop.play(step)
        after = books_of(shop.storages[0])
        lots = {lot.id: lot for account in after.accounts for lot in account.lots}
        for transfer in after.transfers:
            if transfer.id in known or transfer.kind not in SPENDING:
                continue
            assert transfer.debit.account_id not in blocked
            for move in transfer.debit.lots:
                lot = lots[move.lot_id]
                assert lot.expires_at is None or max(shop.clock(), transfer.recorded_at) < lot.expires_at
                if transfer.kind is not TransferKind.CONVERSION and lot.not_before is not None:
                    assert lot.not_before <= transfer.recorded_at
        known = {transfer.id for transfer in after.transfers}


@given(programs(without=(Verb.EXPIRE,)))
def test_expired_value_never_leaves_without_a_sweep(program: list[Step]) -> None:
    """What is expired stays posted, to be seen, until it is swept."""
    shop = Shop(MemoryStorage())
    dead: dict[str, int] = {}
    for step in program:
        shop.play(step)
        lots = [(account, lot) for account in books_of(shop.storages[0]).accounts for lot in account.lots]
        for account, lot in lots:
            if lot.id in dead:
                assert dead[lot.id] <= lot.remaining
            if lot.expires_at is not None and account.recorded_at >= lot.expires_at:
                dead[lot.id] = lot.remaining
