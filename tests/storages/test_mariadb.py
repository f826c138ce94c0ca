from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from sqlalchemy import text

from loyalty.errors import ConcurrentUpdate
from loyalty.ports.changes import RefundedOrder
from loyalty.ports.storage import Found, Reader, UnitOfWork, Wanted
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.sales import issue
from loyalty.testing.programs import money
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.refund_as_gift_card import RefundAsGiftCard
from tests.storages.sql_kit import SqlKit

SECONDS_TO_WAIT = 60


class TestMariadbStorage(SqlKit):
    """The books in a MariaDB database pass the kit."""

    databases: ClassVar[str] = "mariadb_databases"

    def test_those_who_change_the_cards_of_one_order_wait_for_each_other(self, stand: Stand) -> None:
        """They queue at the sale's row, before any account; other orders do not wait."""
        stand.product()
        for order_id in ("one", "other"):
            issue(stand, order_id=order_id)
        with self.storage.engine.connect() as first, self.storage.engine.connect() as second:
            self.storage.joining(first).run(lambda uow: uow.lock_sale("one"))
            second.execute(text("SET SESSION innodb_lock_wait_timeout = 0"))
            joined = self.storage.joining(second)
            assert 1 == joined.run(lambda uow: uow.lock_sale("other")).version
            with pytest.raises(ConcurrentUpdate):
                joined.run(lambda uow: uow.lock_sale("one"))
            first.rollback()
            assert 1 == joined.run(lambda uow: uow.lock_sale("one")).version
            second.execute(text("SET SESSION innodb_lock_wait_timeout = DEFAULT"))

    def test_refunds_of_one_order_wait_for_each_other(self, stand: Stand) -> None:
        """They queue at the order's row instead of losing races; other orders do not wait."""
        for order_id in ("one", "other"):
            stand.execute(
                RefundAsGiftCard(
                    order_id=order_id, amount=money(1), refundable=money(9), idempotency_key=f"refund {order_id}"
                )
            )
        with self.storage.engine.connect() as first, self.storage.engine.connect() as second:
            self.storage.joining(first).run(lambda uow: uow.lock_order("one"))
            second.execute(text("SET SESSION innodb_lock_wait_timeout = 0"))
            joined = self.storage.joining(second)
            assert RefundedOrder("other", 1) == joined.run(lambda uow: uow.lock_order("other"))
            with pytest.raises(ConcurrentUpdate):
                joined.run(lambda uow: uow.lock_order("one"))
            first.rollback()
            assert RefundedOrder("one", 1) == joined.run(lambda uow: uow.lock_order("one"))
            second.execute(text("SET SESSION innodb_lock_wait_timeout = DEFAULT"))

    def test_a_lock_that_waited_finds_all_that_is_wanted(self, stand: Stand) -> None:
        """Two cards that an order names by their codes both pay, though others changed both while it waited."""
        cards = [stand.card(100) for _ in range(2)]
        codes, ids = tuple(card.code for card in cards), tuple(card.gift_card.account_id for card in cards)
        paying = PayWithBalances(codes=codes, amount_due=money(200), order_id="1", idempotency_key="pay")
        engine = self.storage.engine
        with engine.connect() as other, engine.connect() as payer, ThreadPoolExecutor(1) as pool:
            touched = "UPDATE loyalty_account SET version = version + 1 WHERE id IN (%s, %s)"
            assert 2 == other.exec_driver_sql(touched, ids).rowcount
            paid = pool.submit(stand.on(self.storage.joining(payer)).execute, paying)
            end = time.monotonic() + SECONDS_TO_WAIT
            while not self._somebody_waits():
                assert not paid.done(), "it did not wait"
                assert time.monotonic() < end
            other.commit()
            assert [money(100)] * 2 == [part.amount for part in paid.result().parts]
            payer.commit()

    def test_a_lock_keeps_nobody_waiting_but_those_who_want_the_same_account(self, stand: Stand) -> None:
        """However an account was named, only its own row is locked: no neighbor, no card, nothing looked through."""
        cards = [stand.card(100, customer_id=f"customer-{number}", order_id=f"{number}") for number in range(30)]
        one, others = cards[0], cards[1:]
        card, account_id = one.gift_card, one.gift_card.account_id
        with self.storage.engine.connect() as first, self.storage.engine.connect() as second:
            joined = self.storage.joining(first)
            second.execute(text("SET SESSION innodb_lock_wait_timeout = 0"))
            for wanted in (
                Wanted(account_ids=(account_id,)),
                Wanted(gift_card_ids=(card.id,)),
                Wanted(owners=("customer-0",)),
                Wanted(bought_in=("0",)),
                Wanted(gift_card_ids=(card.id,), owners=("customer-0",), account_ids=(account_id,)),
            ):
                found = joined.run(_locking(wanted))
                assert [card.id] == [one.id for one in found.gift_cards]
                rest = Wanted(account_ids=tuple(other.gift_card.account_id for other in others))
                assert 29 == len(self.storage.joining(second).run(_locking(rest)).gift_cards)
                second.execute(text("SELECT * FROM loyalty_gift_card FOR UPDATE"))
                with pytest.raises(ConcurrentUpdate):
                    self.storage.joining(second).run(_locking(Wanted(account_ids=(account_id,))))
                first.rollback()
                second.rollback()
            second.execute(text("SET SESSION innodb_lock_wait_timeout = DEFAULT"))

    def test_rows_that_come_one_by_one_are_all_there_when_something_else_is_asked_meanwhile(self, stand: Stand) -> None:
        """MariaDB sends the rest of one answer before the next; it is kept and not lost."""
        card = stand.card(10_000)
        for number in range(30):
            stand.execute(
                PayWithBalances(
                    codes=(card.code,), amount_due=money(1), order_id=f"{number}", idempotency_key=f"{number}"
                )
            )

        def question(reader: Reader) -> tuple[int, int, int]:
            receipts, holds = reader.receipts(), reader.holds()
            next(receipts)
            account = reader.find(Wanted(account_ids=(card.gift_card.account_id,)))
            return 1 + len(list(receipts)), len(list(holds)), account.gift_cards[0].account.posted

        assert (31, 0, 9970) == self.storage.read(question)

    def _somebody_waits(self) -> bool:
        """Tell whether a transaction waits for a lock."""
        asked = text("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
        with self.storage.engine.connect() as connection:
            return bool(connection.execute(asked).scalar())


def _locking(wanted: Wanted) -> Callable[[UnitOfWork], Found]:
    """Return work that locks what is wanted."""
    return lambda uow: uow.lock(wanted)
