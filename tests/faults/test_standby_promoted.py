"""
A primary of PostgreSQL dies in the middle of traffic and its synchronous standby is promoted.

Nothing that was acknowledged is lost, nothing happens twice, and whoever was left in doubt learns by the same key.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import attrs
import pytest
from sqlalchemy import select

from loyalty import (
    Audit,
    GetBalance,
    GetStoreCreditAccount,
    GrantStoreCredit,
    IssueGiftCard,
    LotOrigin,
    Loyalty,
    RedeemGiftCard,
    TransferStoreCredit,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import InsufficientBalance, OutcomeUnknown, StorageError, StorageNotReady
from loyalty.testing import fake_code_keys
from loyalty.testing.programs import money
from tests.faults.processes import context
from tests.servers.postgresql_pair import Pair, running_pair

WORKERS: Final = 4
VALUE: Final = 1_000_000
ANSWERS: Final = 250
"""How many commands are answered before the primary dies, and how many after it."""
AROUND: Final = 40
"""How many commands of each worker are repeated, from before and from after the failover."""
CUSTOMERS: Final = ("ada", "bob")


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give a primary with a synchronous standby."""
    with running_pair() as pair:
        yield pair


@attrs.frozen(kw_only=True)
class Done:
    """What one worker did: every command with its answer, and how often it was left without one."""

    answers: list[tuple[Any, Any]]
    refused: list[RedeemGiftCard]
    in_doubt: int
    away: int
    before: int
    """How many commands were answered before its first failure."""


def open_loyalty(url: str) -> tuple[SqlAlchemyStorage, Loyalty]:
    """Return the library on a database."""
    storage = SqlAlchemyStorage(url)
    return storage, Loyalty(storage, code_keys=fake_code_keys())


def commands(worker: int, number: int, code: str) -> Any:
    """Return the next command of a worker, under a key of its own."""
    key = f"{worker}-{number}"
    if number % 3 == 0:
        return RedeemGiftCard(code=code, amount=money(1), order_id=key, idempotency_key=key)
    giver, taker = CUSTOMERS if number % 3 == 1 else reversed(CUSTOMERS)
    return TransferStoreCredit(from_customer_id=giver, to_customer_id=taker, amount=money(3), idempotency_key=key)


def _trade(url: str, worker: int, code: str, answered: Any, results: Any) -> None:
    storage, loyalty = open_loyalty(url)
    answers: list[tuple[Any, Any]] = []
    refused: list[RedeemGiftCard] = []
    failures: list[type[StorageError]] = []
    before = number = 0
    while answered.value < 2 * ANSWERS:
        number += 1
        command = commands(worker, number, code)
        if number % 7 == 0:
            command = RedeemGiftCard(
                code=code, amount=money(2 * VALUE), order_id=f"{number}", idempotency_key=f"too much {worker}-{number}"
            )
        while True:
            try:
                answers.append((command, loyalty.execute(command)))
                with answered.get_lock():
                    answered.value += 1
            except InsufficientBalance:
                refused.append(command)
            except StorageError as error:
                before = before or len(answers)
                failures.append(type(error))
                time.sleep(0.05)
                continue
            break
    storage.dispose()
    in_doubt = failures.count(OutcomeUnknown)
    results.put(Done(answers=answers, refused=refused, in_doubt=in_doubt, away=len(failures) - in_doubt, before=before))


def test_nothing_acknowledged_is_lost(pair: Pair) -> None:
    """Every answer is repeated by the promoted standby, and the balances are what the answers add up to."""
    storage, loyalty = open_loyalty(pair.url)
    storage.upgrade()
    storage.require_ready()
    code = loyalty.execute(IssueGiftCard(value=money(VALUE), idempotency_key="card")).code
    for customer in CUSTOMERS:
        loyalty.execute(
            GrantStoreCredit(
                customer_id=customer, amount=money(VALUE), origin=LotOrigin.REFUND, idempotency_key=customer
            )
        )
    storage.dispose()

    done = list(_through_the_failover(pair, code))

    storage, loyalty = open_loyalty(pair.url)
    answers = [one for each in done for one in each.answers]
    assert all(0 < each.before < len(each.answers) for each in done), "the primary died before or after the traffic"
    assert {command.idempotency_key for command, _ in answers} <= keys_in(storage)
    for each in done:
        for command, answer in each.answers[max(0, each.before - AROUND) : each.before + AROUND]:
            assert answer == loyalty.execute(command)
    for command in [one for each in done for one in each.refused]:
        with pytest.raises(InsufficientBalance):
            loyalty.execute(command)
    redeemed = sum(1 for command, _ in answers if isinstance(command, RedeemGiftCard))
    assert money(VALUE - redeemed) == loyalty.ask(GetBalance(code=code)).posted
    given = [command.from_customer_id for command, _ in answers if isinstance(command, TransferStoreCredit)]
    for customer in CUSTOMERS:
        account = loyalty.ask(GetStoreCreditAccount(customer_id=customer, currency="USD"))
        assert money(VALUE + 3 * (len(given) - 2 * given.count(customer))) == account.posted
    assert loyalty.ask(Audit()).is_clean
    storage.dispose()


def keys_in(storage: SqlAlchemyStorage) -> set[str]:
    """Return the keys of all commands that were carried out."""
    with storage.engine.connect() as connection:
        return set(connection.scalars(select(storage._transactions.tables.receipt.c.idempotency_key)))


def _through_the_failover(pair: Pair, code: str) -> Iterator[Done]:
    answered, results = context().Value("i", 0), context().Queue()
    workers = [
        context().Process(target=_trade, args=(pair.url, number, code, answered, results), daemon=True)
        for number in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    while answered.value < ANSWERS:
        time.sleep(0.01)
    pair.kill_primary()
    pair.promote()
    for _ in workers:
        yield results.get(timeout=50)
    for worker in workers:
        worker.join()
        assert 0 == worker.exitcode
    results.close()
    results.join_thread()


def test_a_commit_waits_for_the_standby_and_a_refusal_for_nobody(pair: Pair) -> None:
    """
    What is refused left nothing that could be lost, so it tells at once; money moves when both have it.

    Whoever waits while the primary dies is left in doubt, and pays once.
    """
    storage, loyalty = open_loyalty(pair.url)
    storage.upgrade()
    _require_looks(pair)
    cards = [loyalty.execute(IssueGiftCard(value=money(9), idempotency_key=key)) for key in ("one", "other")]
    first, second, too_much = (
        RedeemGiftCard(code=card.code, amount=money(amount), order_id="1", idempotency_key=f"pay {amount}")
        for card, amount in zip((cards[0], cards[0], cards[1]), (5, 3, 10), strict=True)
    )
    with ThreadPoolExecutor() as threads:
        with pair.standby_deaf():
            paying = threads.submit(loyalty.execute, first)
            with pytest.raises(InsufficientBalance):
                threads.submit(loyalty.execute, too_much).result(timeout=20)
            with pytest.raises(TimeoutError):
                paying.result(timeout=0.5)
        assert loyalty.execute(first) == paying.result(timeout=30)

        with pair.standby_deaf():
            paying = threads.submit(loyalty.execute, second)
            with pytest.raises(TimeoutError):
                paying.result(timeout=0.5)
            pair.kill_primary()
            with pytest.raises(OutcomeUnknown):
                paying.result(timeout=30)
    pair.promote()
    storage.dispose()
    assert loyalty.execute(second) == loyalty.execute(second)
    assert money(1) == loyalty.ask(GetBalance(code=cards[0].code)).posted
    with pytest.raises(InsufficientBalance):
        loyalty.execute(too_much)
    assert loyalty.ask(Audit()).is_clean
    storage.dispose()


def _require_looks(pair: Pair) -> None:
    """Check what a process is told that starts on the standby, or on a primary that does not wait for it."""
    standby = SqlAlchemyStorage(pair.standby_url)
    with pytest.raises(StorageNotReady, match="this is a standby, on which nothing can be written"):
        standby.require_ready()
    standby.require_ready(writes=False)
    standby.dispose()
    local = SqlAlchemyStorage(f"{pair.primary_url}?options=-c synchronous_commit=local")
    with pytest.raises(StorageNotReady, match=r"synchronous_commit = on \(it is local\)"):
        local.require_ready()
    local.dispose()
