from __future__ import annotations

from typing import ClassVar

import pytest
from sqlalchemy import text

from loyalty.errors import StorageUnavailable
from loyalty.ports.changes import RefundedOrder
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.sales import issue
from loyalty.testing.programs import money
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
