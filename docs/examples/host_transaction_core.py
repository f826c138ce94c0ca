"""
An order and the stored value that pays it, in the shop's own transaction: SQLAlchemy Core.

The hold is placed in a transaction of the library's own, before a bank is
asked, because nobody should keep a transaction open while waiting for one. What
follows belongs together: the order's row, the stock, and the capture. They are
committed by the shop, once, or not at all.

Run it with the URL of an empty database, or without one for a SQLite file that
is thrown away: ``python docs/examples/host_transaction_core.py [URL]``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from moneyed import Money
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, create_engine, select

from loyalty import CaptureHold, CodeKeys, HoldView, IssueGiftCard, Loyalty, PlaceHold
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import HoldClosed

metadata = MetaData()
orders = Table("orders", metadata, Column("id", Text, primary_key=True), Column("status", Text, nullable=False))
stock = Table("stock", metadata, Column("sku", Text, primary_key=True), Column("pieces", Integer, nullable=False))


class OutOfStock(Exception):
    """Somebody else bought the last piece."""


class Shop:
    """A host with tables of its own, on the database in which the library keeps the books."""

    def __init__(self, engine: Engine, code_keys: CodeKeys) -> None:
        """Bring both kinds of tables up to date."""
        self.engine = engine
        self.storage = SqlAlchemyStorage(engine)
        self.loyalty = Loyalty(self.storage, code_keys=code_keys)
        self.storage.upgrade()
        metadata.create_all(engine)

    def add_stock(self, sku: str, pieces: int) -> None:
        """Put pieces on the shelf."""
        with self.engine.begin() as connection:
            connection.execute(stock.delete().where(stock.c.sku == sku))
            connection.execute(stock.insert().values(sku=sku, pieces=pieces))

    def reserve(self, order_id: str, price: Money, code: str) -> HoldView:
        """Reserve what the gift card can pay; the hold's ``remaining_due`` is to be charged elsewhere."""
        return self.loyalty.execute(
            PlaceHold(order_id=order_id, amount_due=price, codes=(code,), idempotency_key=f"{order_id}/hold")
        )

    def complete(self, order_id: str, hold: HoldView, sku: str) -> str:
        """
        Keep the order, take a piece from the shelf and capture the hold, all in one transaction.

        Returns:
            The order's status: ``paid``, or ``unpaid`` if the hold has lapsed.
        """
        with self.engine.begin() as connection:  # commits at the end, or rolls back
            known: str | None = connection.scalar(select(orders.c.status).where(orders.c.id == order_id))
            if known is not None:
                return known
            capture = CaptureHold(hold_id=hold.id, order_id=order_id, idempotency_key=f"{order_id}/capture")
            try:
                self.loyalty.using(self.storage.joining(connection)).execute(capture)
                status = "paid"
            except HoldClosed:  # the transaction is as it was before the call, and goes on
                status = "unpaid"
            connection.execute(orders.insert().values(id=order_id, status=status))
            on_the_shelf = (stock.c.sku == sku) & (stock.c.pieces > 0)
            if connection.execute(stock.update().where(on_the_shelf).values(pieces=stock.c.pieces - 1)).rowcount == 0:
                raise OutOfStock(sku)  # takes the order and the capture back
        return status

    def orders(self) -> list[tuple[str, str]]:
        """Return what was ordered, and how it stands."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(orders.c.id, orders.c.status).order_by(orders.c.id))
            return [(row.id, row.status) for row in rows]


def main(url: str) -> None:
    """Sell the last piece twice."""
    engine = create_engine(url)
    shop = Shop(engine, CodeKeys.generate())
    shop.add_stock("lamp", 1)
    card = shop.loyalty.execute(IssueGiftCard(value=Money("50.00", "USD"), idempotency_key="welcome"))
    first = shop.reserve("1001", Money("30.00", "USD"), card.code)
    second = shop.reserve("1002", Money("30.00", "USD"), card.code)
    print(f"Held for 1001: {first.amount.amount}; for 1002: {second.amount.amount}")
    shop.complete("1001", first, "lamp")
    try:
        shop.complete("1002", second, "lamp")
    except OutOfStock:
        print("1002 is out of stock: neither the order nor its payment is there")
    print(f"Orders: {shop.orders()}")
    engine.dispose()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{Path(folder) / 'shop.db'}")
