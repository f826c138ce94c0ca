from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from sqlalchemy import Engine, text

from loyalty.errors import StorageUnavailable
from loyalty.ports.changes import RefundedOrder
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.sales import issue
from loyalty.testing.programs import money
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.refund_as_gift_card import RefundAsGiftCard
from tests.storages.sql_kit import SqlKit


class TestPostgresqlStorage(SqlKit):
    """The books in a PostgreSQL database pass the kit."""

    databases: ClassVar[str] = "postgresql_databases"

    def test_those_who_change_the_cards_of_one_order_wait_for_each_other(self, stand: Stand) -> None:
        """They queue at the sale's row, before any account; other orders do not wait."""
        stand.product()
        for order_id in ("one", "other"):
            issue(stand, order_id=order_id)
        with self.storage.engine.connect() as first, self.storage.engine.connect() as second:
            self.storage.joining(first).run(lambda uow: uow.lock_sale("one"))
            second.execute(text("SET lock_timeout = '10ms'"))
            joined = self.storage.joining(second)
            assert 1 == joined.run(lambda uow: uow.lock_sale("other")).version
            with pytest.raises(StorageUnavailable, match="lock timeout"):
                joined.run(lambda uow: uow.lock_sale("one"))
            first.rollback()
            assert 1 == joined.run(lambda uow: uow.lock_sale("one")).version

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
            second.execute(text("SET lock_timeout = '10ms'"))
            joined = self.storage.joining(second)
            assert RefundedOrder("other", 1) == joined.run(lambda uow: uow.lock_order("other"))
            with pytest.raises(StorageUnavailable, match="lock timeout"):
                joined.run(lambda uow: uow.lock_order("one"))
            first.rollback()
            assert RefundedOrder("one", 1) == joined.run(lambda uow: uow.lock_order("one"))

    @pytest.mark.parametrize("joins", [("nestloop",), ("hashjoin", "mergejoin"), ("nestloop", "hashjoin")])
    def test_a_lock_that_waited_finds_all_that_is_wanted_by_every_plan(self, stand: Stand, joins: tuple[str]) -> None:
        """Two cards that an order names by their codes both pay, though others changed both while it waited."""
        cards = [stand.card(100) for _ in range(2)]
        codes, ids = tuple(card.code for card in cards), [card.gift_card.account_id for card in cards]
        settings = "".join(f"SET enable_{kind} = off;" for kind in ("seqscan", "bitmapscan", *joins))
        paying = PayWithBalances(codes=codes, amount_due=money(200), order_id="1", idempotency_key="pay")
        engine = self.storage.engine
        with engine.connect() as other, engine.connect() as payer, ThreadPoolExecutor(1) as pool:
            payer.exec_driver_sql(settings)
            pid = payer.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            touched = text("UPDATE loyalty_account SET version = version + 1 WHERE id = ANY(:ids)")
            assert 2 == other.execute(touched, {"ids": ids}).rowcount
            paid = pool.submit(stand.on(self.storage.joining(payer)).execute, paying)
            while not _is_waiting(engine, pid):
                assert not paid.done(), "it did not wait"
            other.commit()
            assert [money(100)] * 2 == [part.amount for part in paid.result().parts]
            payer.commit()


def _is_waiting(engine: Engine, pid: object) -> bool:
    """Tell whether a connection waits for a lock."""
    asked = text("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = :pid")
    with engine.connect() as connection:
        return connection.execute(asked, {"pid": pid}).scalar() is True
