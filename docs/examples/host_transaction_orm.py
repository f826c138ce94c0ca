"""
An order and the stored value that pays it, in the shop's own transaction: an ORM session.

It is ``host_transaction_core.py`` for a shop whose orders are mapped classes.
The session owns the transaction: its commit flushes the order and keeps the
capture, its rollback undoes both. The library uses the session's connection
and nothing else of it.

Run it with the URL of an empty database, or without one for a SQLite file that
is thrown away: ``python docs/examples/host_transaction_orm.py [URL]``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from moneyed import Money
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from loyalty import CaptureHold, CodeKeys, HoldView, IssueGiftCard, Loyalty, PlaceHold
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import HoldClosed


class Base(DeclarativeBase):
    """The shop's mapped classes."""


class Order(Base):
    """One order."""

    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]


class Stock(Base):
    """How many pieces are on the shelf."""

    __tablename__ = "stock"
    sku: Mapped[str] = mapped_column(primary_key=True)
    pieces: Mapped[int]


class OutOfStock(Exception):
    """Somebody else bought the last piece."""


class Shop:
    """A host with mapped classes of its own, on the database in which the library keeps the books."""

    def __init__(self, engine: Engine, code_keys: CodeKeys) -> None:
        """Bring both kinds of tables up to date."""
        self.engine = engine
        self.storage = SqlAlchemyStorage(engine)
        self.loyalty = Loyalty(self.storage, code_keys=code_keys)
        self.storage.upgrade()
        Base.metadata.create_all(engine)

    def add_stock(self, sku: str, pieces: int) -> None:
        """Put pieces on the shelf."""
        with Session(self.engine) as session, session.begin():
            session.merge(Stock(sku=sku, pieces=pieces))

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
        with Session(self.engine) as session, session.begin():  # commits at the end, or rolls back
            known = session.get(Order, order_id)
            if known is not None:
                return known.status
            capture = CaptureHold(hold_id=hold.id, order_id=order_id, idempotency_key=f"{order_id}/capture")
            try:
                self.loyalty.using(self.storage.joining(session)).execute(capture)
                status = "paid"
            except HoldClosed:  # the transaction is as it was before the call, and goes on
                status = "unpaid"
            session.add(Order(id=order_id, status=status))
            shelf = session.get(Stock, sku, with_for_update=True)
            if shelf is None or shelf.pieces == 0:
                raise OutOfStock(sku)  # takes the order and the capture back
            shelf.pieces -= 1
        return status

    def orders(self) -> list[tuple[str, str]]:
        """Return what was ordered, and how it stands."""
        with Session(self.engine) as session:
            return [(order.id, order.status) for order in session.scalars(select(Order).order_by(Order.id))]


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
