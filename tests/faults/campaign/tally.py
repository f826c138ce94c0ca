"""What a campaign did, counted while it does it, and how to do again what went wrong."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import attrs

__all__ = ["Done", "Tally", "any_seed", "replayed_by"]


@attrs.frozen(kw_only=True)
class Done:
    """What one campaign did on one kind of database. Faults and checks are counted by kind; figures are of interest."""

    campaign: str
    database: str
    seed: int
    commands: int
    faults: Mapping[str, int]
    checks: Mapping[str, int]
    figures: Mapping[str, int]
    seconds: float


@attrs.define
class Tally:
    """What was done so far."""

    campaign: str
    database: str
    seed: int
    commands: int = 0
    faults: Counter[str] = attrs.field(factory=Counter)
    checks: Counter[str] = attrs.field(factory=Counter)
    figures: Counter[str] = attrs.field(factory=Counter)
    began: float = attrs.field(factory=time.perf_counter)

    def done(self) -> Done:
        """Return what was done, for good."""
        return Done(
            campaign=self.campaign,
            database=self.database,
            seed=self.seed,
            commands=self.commands,
            faults=dict(self.faults),
            checks=dict(self.checks),
            figures=dict(self.figures),
            seconds=time.perf_counter() - self.began,
        )


def any_seed() -> int:
    """Return a seed that nobody has thought of."""
    return secrets.randbelow(1_000_000)


@contextmanager
def replayed_by(tally: Tally, more: str = "") -> Iterator[None]:
    """Let every error that passes say by which command line it can be had again."""
    try:
        yield
    except BaseException as error:
        said = f"--campaign {tally.campaign} --database {tally.database} --seed {tally.seed} {more}".rstrip()
        error.add_note(f"replay: nox -s faults -- {said}")
        raise
