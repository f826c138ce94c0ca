"""The same adapter on a MariaDB Galera cluster: writers on all three nodes, of which one dies and comes back."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from loyalty import Audit, GetBalance, Loyalty, RedeemGiftCard
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import ConcurrentUpdate, InsufficientBalance
from loyalty.testing import books_of, fake_code_keys
from loyalty.testing.kit.case import Stand
from loyalty.testing.programs import money
from tests.faults.campaign.bank import bank
from tests.faults.campaign.grounds import Ground
from tests.faults.campaign.tally import any_seed
from tests.servers import mariadb
from tests.servers.galera import Cluster

CLERKS: Final = 9
BANK_SECONDS: Final = float(os.environ.get("LOYALTY_BANK_SECONDS", "20"))
KILL_AFTER, REJOIN_AFTER = 3, 6
SECONDS_TO_AGREE: Final = 30
NAMES: Final = itertools.count(1)


class OneOfTheCluster:
    """Gives one database of the cluster, made through its first node."""

    def __init__(self, url: str) -> None:
        """Keep where it is."""
        self._url = url

    def make(self) -> SqlAlchemyStorage:
        """Return a storage on it, with the tables."""
        storage = SqlAlchemyStorage(self._url)
        storage.upgrade()
        return storage

    def drop(self, storage: SqlAlchemyStorage) -> None:
        """Close it."""
        storage.dispose()


@pytest.fixture
def urls(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    """Give the ways to one empty database, one through each node."""
    name = f"shop{next(NAMES)}"
    mariadb.execute(cluster.nodes[0].url, f"CREATE DATABASE {name}")
    yield tuple(f"{node.url}{name}" for node in cluster.nodes)
    mariadb.execute(cluster.nodes[0].url, f"DROP DATABASE {name}")


@pytest.fixture
def storages(urls: tuple[str, ...]) -> Iterator[list[SqlAlchemyStorage]]:
    """Give a storage on each node, all on the same books."""
    made = [SqlAlchemyStorage(url) for url in urls]
    made[0].upgrade()
    yield made
    for storage in made:
        storage.dispose()


def conflicts(cluster: Cluster) -> int:
    """Return how many transactions lost against one of another node, as far as the nodes remember."""
    names = ("wsrep_local_cert_failures", "wsrep_local_bf_aborts")
    return sum(int(node.status(name)) for node in cluster.nodes[:2] for name in names)


def at_once(doors: Sequence[Loyalty], commands: Callable[[int], Sequence[Any]]) -> Counter[str]:
    """Send each node its commands, all nodes at once; return how often each ended how."""
    ends: Counter[str] = Counter()

    def send(number: int) -> list[str]:
        """Send the commands of one node."""
        return [_end_of(doors[number], command) for command in commands(number)]

    with ThreadPoolExecutor(len(doors)) as pool:
        for answered in pool.map(send, range(len(doors))):
            ends.update(answered)
    return ends


def _end_of(door: Loyalty, command: Any) -> str:
    try:
        door.execute(command)
    except (ConcurrentUpdate, InsufficientBalance) as error:
        return type(error).__name__
    return "done"


def doors_of(storages: Sequence[SqlAlchemyStorage]) -> list[Loyalty]:
    """Give the library on each node."""
    return [Loyalty(storage, code_keys=fake_code_keys()) for storage in storages]


def require_agreement(storages: Sequence[SqlAlchemyStorage]) -> None:
    """Wait until all nodes show the same books, and find them clean on each."""
    end = time.monotonic() + SECONDS_TO_AGREE
    while any(books_of(storages[0]) != books_of(other) for other in storages[1:]):
        assert time.monotonic() < end, "the nodes do not come to the same books"
        time.sleep(0.2)
    for door in doors_of(storages):
        assert door.ask(Audit()).is_clean


def test_one_card_is_paid_with_on_all_nodes_at_once(cluster: Cluster, storages: list[SqlAlchemyStorage]) -> None:
    """No cent is spent twice, whoever certifies first; conflicts there were, and they were tried again."""
    before, card = conflicts(cluster), Stand(storages[0]).card(100)
    doors = doors_of(storages)

    def payments(node: int) -> list[RedeemGiftCard]:
        """Return fifty of a cent each."""
        return [
            RedeemGiftCard(
                code=card.code, amount=money(1), order_id=f"{node}/{number}", idempotency_key=f"{node}/{number}"
            )
            for number in range(50)
        ]

    ends = at_once(doors, payments)

    assert 100 == ends["done"]
    assert {"done": 100, "InsufficientBalance": 50} == ends
    assert money(0) == doors[2].ask(GetBalance(code=card.code)).available
    assert before < conflicts(cluster)
    require_agreement(storages)


def test_one_key_has_one_effect_wherever_it_is_sent(storages: list[SqlAlchemyStorage]) -> None:
    """The same commands to all nodes at once, as by a client that tries the next one when it hears nothing."""
    card = Stand(storages[0]).card(1000)
    doors = doors_of(storages)

    def payments(_node: int) -> list[RedeemGiftCard]:
        """Return the same twenty for every node."""
        return [
            RedeemGiftCard(code=card.code, amount=money(7), order_id=f"{number}", idempotency_key=f"{number}")
            for number in range(20)
        ]

    assert {"done": 60} == at_once(doors, payments)
    assert money(1000 - 20 * 7) == doors[1].ask(GetBalance(code=card.code)).available
    require_agreement(storages)


def test_the_bank_holds_while_a_node_dies_and_comes_back(cluster: Cluster, urls: tuple[str, ...]) -> None:
    """Every read on every node shows one total; what was acknowledged is there, on all of them, once."""
    before, third = conflicts(cluster), cluster.nodes[2]

    def meanwhile(beat: int) -> None:
        """Kill the third node, and let it take what it missed from the others."""
        if beat == KILL_AFTER:
            third.kill()
        elif beat == REJOIN_AFTER:
            cluster.rejoin(third)

    ground = Ground("galera", OneOfTheCluster(urls[0]))
    done = bank(ground, any_seed(), BANK_SECONDS, CLERKS, urls=urls, meanwhile=meanwhile)

    assert third.process is not None, "the node was not started again"
    assert 0 < done.figures["failed"]
    assert 0 < done.checks["acknowledged"]
    assert 0 < done.checks["reads"]
    assert before < conflicts(cluster)
    storages = [SqlAlchemyStorage(url) for url in urls]
    require_agreement(storages)
    for storage in storages:
        storage.dispose()
