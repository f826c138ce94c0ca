"""
What an older version of the library wrote, so that newer versions can be tested on it.

:func:`play` runs one day of a shop; :func:`dump` writes the tables and rows of a database as SQL text. Run as a program
by the code of an older version it prints that text for the database at the URL it is given; ``tests/data/README.md``
says by which version the files there were made. Nothing here may use what that version did not have.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moneyed import Money
from sqlalchemy import create_engine, event, text

from loyalty import (
    ALL,
    BlockGiftCard,
    ClaimGiftCard,
    CodeKeys,
    ConvertGiftCard,
    DebitStoreCredit,
    ExpireValue,
    GrantStoreCredit,
    IssueGiftCard,
    LotOrigin,
    Loyalty,
    OpenStoreCreditAccount,
    PayWithBalances,
    RedeemGiftCard,
    Reference,
    RefundRedemption,
    UnblockGiftCard,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage

__all__ = ["END", "KEYS", "START", "TABLES", "dump", "play"]

KEYS: Final = CodeKeys.from_secret("the secret of a shop that has been open for long")
START: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
END: Final = START + timedelta(days=9)
TABLES: Final = ("receipt", "account", "gift_card", "store_credit", "lot", "transfer")
"""In the order in which rows refer to each other."""


class _Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def usd(amount: int) -> Money:
    """Return so many dollars."""
    return Money(amount, "USD")


def play(loyalty_with: Callable[[Callable[[], datetime]], Loyalty], *, sweeps: bool = True) -> list[tuple[Any, Any]]:
    """
    Run a few days of a shop; return every command with its answer.

    Run once more on what came of it, every command is a replay; leave out the
    sweep then, for it has no key.
    """
    clock, done = _Clock(), list[tuple[Any, Any]]()
    loyalty = loyalty_with(clock)

    def do(kind: type[Any], **given: Any) -> Any:
        clock.now += timedelta(hours=1)
        command = kind(idempotency_key=f"older-{len(done)}", **given)
        done.append((command, loyalty.execute(command)))
        return done[-1][1]

    plain = do(IssueGiftCard, value=usd(50), actor="staff/7", note="in two\nlines", metadata={"a": [1, None, "é"]})
    soon = do(IssueGiftCard, value=usd(20), expires_at=START + timedelta(days=2), tags=("a", "b"), region="de")
    bought = do(IssueGiftCard, value=Money("12.345", "KWD"), order_id="900", tax_rate="19", recipient="bob")
    hers = do(IssueGiftCard, value=usd(30), customer_id="ada", expires_at=START + timedelta(days=400))
    claimed = do(IssueGiftCard, value=usd(25))
    do(ClaimGiftCard, code=claimed.code, customer_id="ada")
    do(OpenStoreCreditAccount, customer_id="cy", currency="JPY")
    grant = do(GrantStoreCredit, customer_id="ada", amount=usd(15), origin=LotOrigin.GOODWILL, reason="late parcel")
    do(
        GrantStoreCredit, customer_id="ada", amount=usd(5), origin=LotOrigin.PROMOTIONAL, priority=-1,
        expires_at=START + timedelta(days=30), not_before=START + timedelta(days=1),
    )  # fmt: skip
    paid = do(RedeemGiftCard, code=plain.code, amount=usd(30), order_id="1001", reference=Reference("till", "3"))
    do(RefundRedemption, redemption_id=paid.id, amount=usd(4))
    do(
        PayWithBalances, order_id="1002", amount_due=usd(70), codes=(soon.code, plain.code), customer_id="ada",
        gift_card_ids=(hers.gift_card.id,),
    )  # fmt: skip
    do(RefundRedemption, order_id="1002", amount=usd(11))
    do(PayWithBalances, order_id="1003", amount_due=usd(1), codes=(plain.code,), use_store_credit=False)
    do(DebitStoreCredit, account_id=grant.account.id, amount=usd(1), reason="a mistake", actor="staff/7")
    do(ConvertGiftCard, gift_card_id=claimed.gift_card.id, customer_id="ada")
    do(DebitStoreCredit, customer_id="ada", amount=usd(3), order_id="1004")
    do(BlockGiftCard, code=bought.code)
    do(UnblockGiftCard, gift_card_id=bought.gift_card.id)
    do(BlockGiftCard, gift_card_id=hers.gift_card.id, reason="lost")
    clock.now = START + timedelta(days=8)
    if sweeps:
        loyalty.execute(ExpireValue())
    do(RefundRedemption, order_id="1002", amount=ALL)
    return done


def dump(url: str) -> str:
    """Make the tables in the empty database at *url*, play, and return the statements that make the same again."""
    storage, created = SqlAlchemyStorage(url), list[str]()

    def note(*given: object) -> None:
        statement = str(given[2]).strip()
        if statement.startswith("CREATE"):
            created.append("\n".join(line.rstrip() for line in statement.replace("\t", "    ").splitlines()))

    event.listen(storage.engine, "before_cursor_execute", note)
    storage.upgrade()
    ids = iter(range(1, 10_000))
    play(lambda clock: Loyalty(storage, code_keys=KEYS, clock=clock, new_id=lambda: f"older-{next(ids):04d}"))
    storage.dispose()
    indexes = sorted(statement for statement in created if " INDEX " in statement)  # SQLAlchemy makes them in any order
    tables = [statement for statement in created if statement not in indexes]
    return "".join(f"{statement};\n\n" for statement in tables + indexes) + "".join(_rows(url))


def _rows(url: str) -> list[str]:
    engine, rows = create_engine(url), list[str]()
    with engine.connect() as connection:
        for table in TABLES:
            found = connection.execute(text(f"SELECT * FROM loyalty_{table} ORDER BY 1"))
            names = ", ".join(found.keys())
            rows += [f"INSERT INTO loyalty_{table} ({names}) VALUES ({_values(row)});\n" for row in found]
    engine.dispose()
    return rows


def _values(row: Any) -> str:
    texts = ["NULL" if one is None else str(one) if isinstance(one, int) else _quoted(one) for one in row]
    return ", ".join(texts)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    print(dump(sys.argv[1]), end="")
