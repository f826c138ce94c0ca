"""
Break things on purpose, far more often than the tests do, and check the books after each.

    nox -s faults                                           # everything; some hours
    nox -s faults -- --campaign kill --database sqlite --size 100
    nox -s faults -- --campaign kill --database sqlite --seed 7 --first 42 --size 1

It prints what was run, how many faults were injected and what was checked. It ends at the first violation, with the
command line that has it again.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs
from rich.console import Console
from rich.table import Table

from tests.faults.campaign.bank import bank
from tests.faults.campaign.drop import DRIVERS, drop
from tests.faults.campaign.grounds import GROUNDS, Ground
from tests.faults.campaign.hammer import hammer
from tests.faults.campaign.kill import kill
from tests.faults.campaign.tally import Done, any_seed


@attrs.frozen(kw_only=True)
class Options:
    """What the command line says; None is what a whole run does."""

    campaigns: tuple[str, ...]
    databases: tuple[str, ...]
    seed: int
    first: int
    size: int | None
    processes: int | None
    seconds: float | None


Campaign = Callable[[Ground, Options], Done]

CAMPAIGNS: Final[Mapping[str, Campaign]] = {
    "kill": lambda ground, options: kill(ground, options.seed, options.size or 1000, options.first),
    "hammer": lambda ground, options: hammer(ground, options.seed, options.size or 20_000, options.processes or 20),
    "bank": lambda ground, options: bank(ground, options.seed, options.seconds or 600, options.processes or 16),
    "drop": lambda ground, options: drop(ground, options.seed, options.size or 500, options.first),
}
"""Every campaign, with the size of a whole run."""


def main() -> None:
    """Run what the command line asks for, and exit with 1 at the first violation."""
    options = parsed()
    console = Console(width=120 if not sys.stdout.isatty() else None)
    done: list[Done] = []
    try:
        for database in options.databases:
            with GROUNDS[database]() as databases:
                for name in options.campaigns:
                    if name == "drop" and database not in DRIVERS:
                        console.print(f"{name} needs a wire, and {database} has none")
                        continue
                    console.print(f"{name} on {database}, seed {options.seed} …")
                    done.append(CAMPAIGNS[name](Ground(database, databases), options))
    except Exception:  # noqa: BLE001 - whatever went wrong is what this program looks for
        traceback.print_exc()
        console.print("[bold]violated[/]; the line to have it again stands above")
        sys.exit(1)
    finally:
        if done:
            console.print(table_of(done))


def table_of(done: list[Done]) -> Table:
    """Return what was done as a table."""
    table = Table(title="Nothing was lost or minted in what was done", title_justify="left", title_style="bold")
    for header in ("campaign", "database", "seed", "commands", "faults", "checks", "figures", "seconds"):
        table.add_column(header, justify="right" if header in {"seed", "commands", "seconds"} else "left")
    for one in done:
        table.add_row(
            one.campaign,
            one.database,
            str(one.seed),
            f"{one.commands:,}",
            _listed(one.faults),
            _listed(one.checks),
            _listed(one.figures),
            f"{one.seconds:,.0f}",
        )
    return table


def _listed(counts: Mapping[str, int]) -> str:
    return "\n".join(f"{count:,} {kind}" for kind, count in counts.items())


def parsed(arguments: Sequence[str] | None = None) -> Options:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--campaign", action="append", choices=CAMPAIGNS, help="may be repeated; all by default")
    parser.add_argument("--database", action="append", choices=GROUNDS, help="may be repeated; all by default")
    parser.add_argument("--seed", type=int, default=None, help="the same seed injects the same faults")
    parser.add_argument("--first", type=int, default=0, help="the number of the first fault")
    parser.add_argument("--size", type=int, default=None, help="how many faults; commands per process in hammer")
    parser.add_argument("--processes", type=int, default=None, help="how many at once, in hammer and bank")
    parser.add_argument("--seconds", type=float, default=None, help="how long, in bank")
    given = parser.parse_args(arguments)
    return Options(
        campaigns=tuple(given.campaign or CAMPAIGNS),
        databases=tuple(given.database or GROUNDS),
        seed=any_seed() if given.seed is None else given.seed,
        first=given.first,
        size=given.size,
        processes=given.processes,
        seconds=given.seconds,
    )
