"""Our side: a shop on a fresh database, its commands as operations, and an account with a long history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from moneyed import Money
from sqlalchemy import event, inspect

from loyalty import (
    Audit,
    CaptureHold,
    CodeKeys,
    ConvertGiftCard,
    GetBalance,
    GetGiftCard,
    GiftCardTender,
    GrantStoreCredit,
    IssuedGiftCard,
    IssueGiftCard,
    LotOrigin,
    Loyalty,
    OpenStoreCreditAccount,
    PlaceHold,
    RedeemGiftCard,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage

__all__ = ["KEYS", "TENDERS", "Ours", "analyze"]

KEYS = CodeKeys.generate()

VALUE = Money("1000000.00", "USD")
CENT = Money("0.01", "USD")
EXPIRY = datetime.now(UTC) + timedelta(days=365)  # noqa: TID251  # a benchmark runs on the real clock
CARDS_PER_COMMIT = 500
TENDERS = 5
"""How many cards pay for one order where several do."""
SAVEPOINTS = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")


class Ours:
    """
    The library on one database, as a host sets it up from a URL.

    Args:
        url:
            An empty database.
        threads:
            How many threads will work at once; each has cards and customers of its own.
        spread:
            How many cards and customers each thread has.
    """

    def __init__(self, url: str, *, threads: int, spread: int) -> None:
        """Create the tables and issue the cards that are redeemed."""
        self.storage = SqlAlchemyStorage(url)
        self.storage.upgrade()
        self.loyalty = Loyalty(self.storage, code_keys=KEYS)
        self._spread = spread
        self._cards = [issued.code for issued in self.issued(threads * spread, "spread")]
        self._to_convert: list[str] = []
        self._hot = self.issued(1, "hot")[0].code
        with self.storage.engine.begin() as connection:
            joined = self.loyalty.using(self.storage.joining(connection))
            for number in range(threads * spread):
                joined.execute(
                    OpenStoreCreditAccount(
                        customer_id=f"customer-{number}", currency="USD", idempotency_key=f"open/{number}"
                    )
                )

    @property
    def codes(self) -> list[str]:
        """The codes of all cards that are redeemed."""
        return self._cards

    def issued(self, count: int, name: str) -> list[IssuedGiftCard]:
        """Issue cards, many in one transaction."""
        cards: list[IssuedGiftCard] = []
        for first in range(0, count, CARDS_PER_COMMIT):
            with self.storage.engine.begin() as connection:
                joined = self.loyalty.using(self.storage.joining(connection))
                for number in range(first, min(first + CARDS_PER_COMMIT, count)):
                    command = IssueGiftCard(value=VALUE, expires_at=EXPIRY, idempotency_key=f"issued/{name}/{number}")
                    cards.append(joined.execute(command))
        return cards

    def stock_to_convert(self, count: int) -> None:
        """Issue the cards that are converted, for a conversion empties its card."""
        self._to_convert += [issued.code for issued in self.issued(count, "convert")]

    # --- operations: the number of the thread, and a number that comes once -------------------------------------------

    def redeem(self, thread: int, number: int) -> None:
        """Redeem one of this thread's cards."""
        self._redeem(self._cards[self._place(thread, number)], f"redeem/{number}")

    def redeem_hot(self, thread: int, number: int) -> None:  # noqa: ARG002  # all threads redeem the one card
        """Redeem the one card that everybody redeems."""
        self._redeem(self._hot, f"hot/{number}")

    def issue(self, thread: int, number: int) -> None:  # noqa: ARG002  # every card is a new one
        """Issue a card."""
        self.loyalty.execute(IssueGiftCard(value=VALUE, expires_at=EXPIRY, idempotency_key=f"issue/{number}"))

    def grant(self, thread: int, number: int) -> None:
        """Grant credit to one of this thread's customers."""
        self.loyalty.execute(
            GrantStoreCredit(
                customer_id=f"customer-{self._place(thread, number)}",
                amount=CENT,
                origin=LotOrigin.GOODWILL,
                expires_at=EXPIRY,
                idempotency_key=f"grant/{number}",
            )
        )

    def convert(self, thread: int, number: int) -> None:  # noqa: ARG002  # every card is converted once
        """Convert a card into the credit of a customer who has none yet."""
        code, customer_id = self._to_convert[number], f"converter-{number}"
        self.loyalty.execute(ConvertGiftCard(code=code, customer_id=customer_id, idempotency_key=f"convert/{number}"))

    def hold_and_capture(self, thread: int, number: int) -> None:
        """Reserve a cent on one of this thread's cards, and take it."""
        self._hold_and_capture((self._cards[self._place(thread, number)],), CENT, f"hold/{number}")

    def hold_and_capture_five(self, thread: int, number: int) -> None:
        """Reserve a cent on each of five of this thread's cards for one order, and take them."""
        codes = [self._cards[self._place(thread, number * TENDERS + tender)] for tender in range(TENDERS)]
        tenders = tuple(GiftCardTender(code=code, at_most=CENT) for code in codes)
        self._hold_and_capture((), CENT * TENDERS, f"five/{number}", tenders)

    def balance(self, thread: int, number: int) -> None:
        """Ask for the balance of one of this thread's cards."""
        self.loyalty.ask(GetBalance(code=self._cards[self._place(thread, number)]))

    def issue_in_bulk(self, number: int, size: int) -> None:
        """Issue so many cards in one transaction of the host."""
        with self.storage.engine.begin() as connection:
            joined = self.loyalty.using(self.storage.joining(connection))
            for place in range(size):
                joined.execute(IssueGiftCard(value=VALUE, expires_at=EXPIRY, idempotency_key=f"bulk/{number}/{place}"))

    # --- history ------------------------------------------------------------

    def card_with_history(self, transfers: int, *, name: str) -> str:
        """Return the code of a card whose account has so many transfers."""
        (issued,) = self.issued(1, name)
        tables = self.storage._transactions.tables
        account_id = self.loyalty.ask(GetGiftCard(id=issued.gift_card.id)).account_id
        numbers = "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
        account, lot, transfer = tables.account.name, tables.lot.name, tables.transfer.name
        spent = transfers - 1
        # Every row is what RedeemGiftCard writes for one cent; the audit agrees (`history` in run.py asks it).
        # The times stand with the issue: order on an account is by sequence.
        statements = (
            f"""
            {numbers.format(last=transfers)}
            INSERT INTO {transfer} (
                id, kind, currency, exponent, amount,
                debit_account_id, debit_house, debit_sequence, debit_balance_after, debit_lots,
                credit_account_id, credit_house, credit_sequence, credit_balance_after, credit_lots,
                occurred_at, recorded_at, order_id
            )
            SELECT
                '{name}-' || CAST(n AS TEXT), 'redemption', a.currency, a.exponent, 1,
                a.id, NULL, n, a.posted - (n - 1), '[["' || l.id || '",1,"' || l.origin || '",null]]',
                NULL, 'redemptions', NULL, NULL, '[]',
                a.recorded_at, a.recorded_at, '{name}-' || CAST(n AS TEXT)
            FROM numbers, {account} a, {lot} l WHERE a.id = '{account_id}' AND l.account_id = a.id
            """,
            f"UPDATE {lot} SET remaining = remaining - {spent} WHERE account_id = '{account_id}'",
            f"""
            UPDATE {account} SET posted = posted - {spent}, sequence = sequence + {spent}, version = version + {spent}
            WHERE id = '{account_id}'
            """,
        )
        with self.storage.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        return issued.code

    def redeem_code(self, code: str, number: int) -> None:
        """Redeem a certain card."""
        self._redeem(code, f"{code}/{number}")

    def require_clean_books(self) -> None:
        """Let the library re-add everything."""
        report = self.loyalty.ask(Audit())
        if not report.is_clean:
            raise AssertionError(f"the books of the benchmark are wrong: {report.findings[:3]}")

    # --- counting -----------------------------------------------------------

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """Collect the statements that run inside, those that begin or end transactions left out."""
        seen: list[str] = []

        def note(*given: object) -> None:
            statement = str(given[2])
            if not statement.startswith(SAVEPOINTS):
                seen.append(statement)

        event.listen(self.storage.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(self.storage.engine, "before_cursor_execute", note)

    def close(self) -> None:
        """Close all connections."""
        self.storage.dispose()

    def _place(self, thread: int, number: int) -> int:
        return thread * self._spread + number % self._spread

    def _hold_and_capture(
        self, codes: tuple[str, ...], due: Money, order_id: str, tenders: tuple[GiftCardTender, ...] = ()
    ) -> None:
        hold = self.loyalty.execute(
            PlaceHold(
                order_id=order_id, amount_due=due, codes=codes, tenders=tenders, idempotency_key=f"{order_id}/hold"
            )
        )
        self.loyalty.execute(CaptureHold(hold_id=hold.id, idempotency_key=f"{order_id}/capture"))

    def _redeem(self, code: str, key: str) -> None:
        self.loyalty.execute(RedeemGiftCard(code=code, amount=CENT, order_id=key, idempotency_key=key))


def analyze(ours: Ours) -> None:
    """Tell the planner what it would know in any database that is older than a minute."""
    with ours.storage.engine.begin() as connection:
        tables = ", ".join(inspect(connection).get_table_names())
        connection.exec_driver_sql(f"ANALYZE TABLE {tables}" if connection.dialect.name == "mariadb" else "ANALYZE")
