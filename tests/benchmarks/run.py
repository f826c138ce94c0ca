"""
Compare our commands with hand-written SQL on the same database, in the same interleaved run.

    nox -s benchmarks                                  # everything, about five minutes
    nox -s benchmarks -- --quick                       # under a minute, coarser
    nox -s benchmarks -- --databases postgresql --threads 1 --rounds 60

It measures and prints; a missed goal is printed as missed and fails nothing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests import one another as `tests.…`

import attrs
from rich.console import Console

from tests.benchmarks.batches import batch_speed
from tests.benchmarks.crowds import TASKS, THREADS, crowds
from tests.benchmarks.floor import CoreFloor, Floor, PsycopgFloor, PymysqlFloor, SqliteFloor, create_tables
from tests.benchmarks.ours import TENDERS, Ours, analyze
from tests.benchmarks.rounds import WARM_UP, Measured, Operation, compare
from tests.benchmarks.table import Goal, Line, show, show_crowds, show_goals, show_statements
from tests.servers import mariadb, postgresql

SPREAD = 100
"""How many accounts each thread has."""
CROWD_TURNS = 4
"""How much longer a turn of fifty is, so that each of them has something to do."""
BATCH, QUICK_BATCH = 100_000, 10_000
BULK = 100
"""How many cards go into one transaction of the host."""
HISTORIES = (10, 100_000)
QUICK_HISTORIES = (10, 20_000)
AUDITED_HISTORY = 300
MOST_STATEMENTS = 5
MOST_STATEMENTS_OF_A_HOLD = 12
"""Six to place it and six to capture it, over however many tenders."""
IMPORT_ROUNDS = 15
MOST_IMPORT_MS = 100

Accounts = TypeVar("Accounts", int, range)

FLOORS: dict[str, type[PsycopgFloor | PymysqlFloor | SqliteFloor]] = {
    "mariadb": PymysqlFloor,
    "postgresql": PsycopgFloor,
    "sqlite": SqliteFloor,
}
NAMES = {"mariadb": "PyMySQL", "postgresql": "psycopg", "sqlite": "sqlite3"}
TITLES = {
    "mariadb": "MariaDB, durable",
    "postgresql": "PostgreSQL, durable",
    "sqlite": "SQLite file, WAL, synchronous FULL",
}
SERVERS: dict[str, ModuleType] = {"mariadb": mariadb, "postgresql": postgresql}


@attrs.frozen(kw_only=True)
class Options:
    """What the command line says."""

    databases: tuple[str, ...]
    threads: tuple[int, ...]
    rounds: int
    seconds: float
    operations: int
    histories: tuple[int, int]
    batch: int


def main() -> None:
    """Measure and print."""
    options = parsed()
    console = Console(width=165 if not sys.stdout.isatty() else None)
    began = time.perf_counter()
    goals: list[tuple[str, Goal]] = []
    statements: dict[str, dict[str, int]] = {}
    console.print(machine())
    for database in options.databases:
        with servers(database) as server:
            console.print(f"\n[bold]{TITLES[database]}[/]: {version(database, server)}")
            for threads in options.threads:
                with fresh(database, server) as url:
                    lines = spread_and_hot(url, database, threads, options)
                    show(console, f"{TITLES[database]}, {threads} thread(s)", NAMES[database], lines)
                    goals += [(f"{database}, {threads} thread(s)", goal) for line in lines for goal in line.goals()]
            if database == "postgresql":
                with fresh(database, server) as url:
                    goals += [(f"{database}, asyncpg", goal) for goal in crowded(console, url, options)]
                with fresh(database, server) as url:
                    goals += [(f"{database}, 1 thread", goal) for goal in batched(url, options)]
            with fresh(database, server) as url:
                goals.append((f"{database}, 1 thread", history(url, options)))
            with fresh(database, server) as url:
                statements[database] = counted(url)
                most = statements[database]["RedeemGiftCard"]
                goals.append((database, Goal.at_most("statements of a redeem", MOST_STATEMENTS, most, "")))
                for held in ("PlaceHold + CaptureHold", f"the same over {TENDERS} cards"):
                    count = statements[database][held]
                    goals.append((database, Goal.at_most(f"statements: {held}", MOST_STATEMENTS_OF_A_HOLD, count, "")))
    goals.append(("every database", import_cost()))
    show_statements(console, statements)
    show_goals(console, goals)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    console.print(f"took {time.perf_counter() - began:.0f} s; load average at the end {load}")


def parsed() -> Options:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--databases", default="sqlite,postgresql,mariadb", help="sqlite, postgresql, mariadb")
    parser.add_argument("--threads", default="1,8", help="numbers of threads, such as 1,8")
    parser.add_argument("--rounds", type=int, help="rounds of each comparison at most")
    parser.add_argument("--seconds", type=float, help="when a comparison begins no further round, after its third")
    parser.add_argument("--quick", action="store_true", help="under a minute, coarser")
    given = parser.parse_args()
    databases = tuple(given.databases.split(","))
    if unknown := set(databases) - set(FLOORS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    quick: bool = given.quick
    return Options(
        databases=databases,
        threads=tuple(int(number) for number in given.threads.split(",")),
        rounds=given.rounds or (7 if quick else 40),
        seconds=given.seconds or (3 if quick else 28),
        operations=60 if quick else 150,
        histories=QUICK_HISTORIES if quick else HISTORIES,
        batch=QUICK_BATCH if quick else BATCH,
    )


# --- comparisons --------------------------------------------------------------


def spread_and_hot(url: str, database: str, threads: int, options: Options) -> list[Line]:
    """Measure every operation against both floors with so many threads."""
    create_tables(url, threads * SPREAD)
    ours = Ours(url, threads=threads, spread=SPREAD)
    floor: Floor = FLOORS[database](url, threads)
    core = CoreFloor(url, threads)
    ours.stock_to_convert(options.rounds * options.operations + WARM_UP * threads)
    analyze(ours)
    name = NAMES[database]

    def measure(candidates: dict[str, Operation], operations: int = options.operations) -> Measured:
        return compare(
            candidates, threads=threads, operations=operations, rounds=options.rounds, seconds=options.seconds
        )

    def place(thread: int, number: int) -> int:
        return 1 + thread * SPREAD + number % SPREAD

    def five(first: int) -> range:
        start = min(first, threads * SPREAD - TENDERS + 1)
        return range(start, start + TENDERS)

    everyone = range(1, 1 + BULK)

    writes = measure(
        {
            name: lambda thread, number: floor.pay(thread, place(thread, number)),
            "Core": lambda thread, number: core.pay(thread, place(thread, number)),
            "redeem": ours.redeem,
            "grant": ours.grant,
            "issue": ours.issue,
            "convert": ours.convert,
        }
    )
    reads = measure(
        {
            name: lambda thread, number: floor.look(thread, place(thread, number)),
            "Core": lambda thread, number: core.look(thread, place(thread, number)),
            "balance": ours.balance,
        }
    )
    holds = measure(
        {
            name: lambda thread, number: twice(floor.pay, thread, place(thread, number)),
            "Core": lambda thread, number: twice(core.pay, thread, place(thread, number)),
            "hold": ours.hold_and_capture,
        }
    )
    baskets = measure(
        {
            name: lambda thread, number: twice(floor.pay_many, thread, five(place(thread, number))),
            "Core": lambda thread, number: twice(core.pay_many, thread, five(place(thread, number))),
            "hold": ours.hold_and_capture_five,
        }
    )
    single = database in SERVERS and threads == 1
    crowd = database in SERVERS and threads > 1
    lines = [
        Line(
            "RedeemGiftCard",
            writes,
            "redeem",
            name,
            "Core",
            goal_of_floor=0.5 if single else None,
            goal_of_core=0.8 if single else None,
        ),
        Line("GrantStoreCredit", writes, "grant", name, "Core"),
        Line("IssueGiftCard", writes, "issue", name, "Core"),
        Line("ConvertGiftCard", writes, "convert", name, "Core"),
        Line("PlaceHold + CaptureHold, against two payments", holds, "hold", name, "Core"),
        Line(f"the same over {TENDERS} cards, against {TENDERS} each", baskets, "hold", name, "Core"),
        Line("GetBalance, against one SELECT", reads, "balance", name, "Core"),
    ]
    if threads > 1:
        hot = measure(
            {
                name: lambda thread, _: floor.pay(thread, 1),
                "Core": lambda thread, _: core.pay(thread, 1),
                "hot": ours.redeem_hot,
            }
        )
        lines.append(
            Line("hot account redeemed by all", hot, "hot", name, "Core", goal_of_floor=0.5 if crowd else None)
        )
    else:
        many = measure(
            {
                name: lambda thread, _: floor.pay_many(thread, everyone),
                "Core": lambda thread, _: core.pay_many(thread, everyone),
                "bulk": lambda _, number: ours.issue_in_bulk(number, BULK),
            },
            operations=max(1, options.operations // BULK),
        )
        lines.append(Line(f"IssueGiftCard, {BULK} per commit", many, "bulk", name, "Core", per_operation=BULK))
    for side in (ours, floor, core):
        side.close()
    return lines


def twice(pay: Callable[[int, Accounts], None], thread: int, accounts: Accounts) -> None:
    """Pay in two transactions, as a hold is placed in one and captured in another."""
    pay(thread, accounts)
    pay(thread, accounts)


def crowded(console: Console, url: str, options: Options) -> list[Goal]:
    """Measure tasks against threads, and return the goals: against as many threads, and against the best threads."""
    measured = crowds(url, operations=CROWD_TURNS * options.operations, rounds=options.rounds, seconds=options.seconds)
    show_crowds(console, f"{TITLES['postgresql']}: asyncpg against psycopg", measured, TASKS)
    best = max((crowd for crowd in measured.speeds if crowd != TASKS), key=measured.speed)
    ratios = {name: measured.ratio(TASKS, name) for name in dict.fromkeys([THREADS, best])}
    return [Goal.at_least(f"{TASKS} / {name}", 0.9, ratio.median) for name, ratio in ratios.items()]


def batched(url: str, options: Options) -> list[Goal]:
    """Measure a large batch of cards against bare inserts of its rows."""
    speed = batch_speed(url, options.batch, rounds=10)
    goals = []
    for name, floor in (("insertmanyvalues", speed.many_values), ("executemany", speed.driver)):
        ratio = speed.ratio(floor)
        goal = Goal.at_least(f"batch of {options.batch:,} cards / bare {name} of its rows", 0.3, ratio)
        rates = f"{statistics.median(speed.ours):,.0f} against {statistics.median(floor):,.0f} cards/s: {ratio:.2f}"
        goals.append(attrs.evolve(goal, measured=rates))
    first, last = speed.megabytes
    memory = Goal.at_most("memory after the last tenth of it / after the first", 1.2, last / first, "")
    return [*goals, attrs.evolve(memory, measured=f"{last:.0f} MB against {first:.0f} MB")]


def history(url: str, options: Options) -> Goal:
    """Measure whether an account with a long history is slower than one with a short history."""
    ours = Ours(url, threads=1, spread=1)
    ours.card_with_history(AUDITED_HISTORY, name="audited")
    ours.require_clean_books()
    short, long = options.histories
    short_code = ours.card_with_history(short, name="short")
    long_code = ours.card_with_history(long, name="long")
    analyze(ours)
    measured = compare(
        {
            "short": lambda _, number: ours.redeem_code(short_code, number),
            "long": lambda _, number: ours.redeem_code(long_code, number),
        },
        threads=1,
        operations=options.operations,
        rounds=options.rounds,
        seconds=options.seconds,
    )
    ours.close()
    ratio = measured.ratio("long", "short")
    goal = Goal.at_least(f"redeem at {long:,} transfers / at {short}", 0.9, ratio.median)
    speeds = f"{measured.speed('long'):,.0f}/s against {measured.speed('short'):,.0f}/s: {ratio}"
    return attrs.evolve(goal, measured=speeds)


def counted(url: str) -> dict[str, int]:
    """Count the statements of each operation; tests/storages/test_statement_budgets.py asserts them."""
    ours = Ours(url, threads=1, spread=TENDERS)
    ours.stock_to_convert(1)
    counts = {}
    operations: dict[str, Operation] = {
        "RedeemGiftCard": ours.redeem,
        "GrantStoreCredit": ours.grant,
        "IssueGiftCard": ours.issue,
        "ConvertGiftCard": ours.convert,
        "PlaceHold + CaptureHold": ours.hold_and_capture,
        f"the same over {TENDERS} cards": ours.hold_and_capture_five,
        "GetBalance": ours.balance,
    }
    for name, operate in operations.items():
        with ours.counting() as seen:
            operate(0, 0)
        counts[name] = len(seen)
    ours.close()
    return counts


def import_cost() -> Goal:
    """Measure what `import loyalty` adds to a bare interpreter."""
    added = []
    for _ in range(IMPORT_ROUNDS):
        bare, loaded = (started(code) for code in ("pass", "import loyalty"))
        added.append((loaded - bare) * 1000)
    return Goal.at_most("import loyalty adds", MOST_IMPORT_MS, statistics.median(added), " ms")


def started(code: str) -> float:
    """Return how long an interpreter takes for *code*."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


# --- databases ----------------------------------------------------------------


@contextmanager
def servers(database: str) -> Iterator[str]:
    """Give the URL of a server whose commits reach the disk; a directory is SQLite's server."""
    if database in SERVERS:
        with SERVERS[database].running_server(durable=True) as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(prefix="loyalty-benchmark-") as directory:
            yield directory


@contextmanager
def fresh(database: str, server: str) -> Iterator[str]:
    """Give the URL of an empty database."""
    if database in SERVERS:
        with SERVERS[database].fresh_database(server) as url:
            yield url
    else:
        with tempfile.TemporaryDirectory(dir=server) as directory:
            yield f"sqlite:///{directory}/loyalty.db"


def version(database: str, server: str) -> str:
    """Return the version of the database and its driver."""
    if database == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    floor = FLOORS[database](server, 1)
    assert not isinstance(floor, SqliteFloor)
    number = floor.server_version()
    floor.close()
    if database == "mariadb":
        return f"MariaDB {number}, PyMySQL {importlib.metadata.version('pymysql')}"
    drivers = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("psycopg", "asyncpg"))
    return f"PostgreSQL {number}, {drivers}"


def machine() -> str:
    """Return what all of this ran on."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()};"
        f" {platform.python_implementation()} {platform.python_version()},"
        f" SQLAlchemy {importlib.metadata.version('sqlalchemy')}; load average at the start {load}"
    )


if __name__ == "__main__":
    main()
