"""What the terminal shows: one table per database and number of threads, and the goals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
from rich.console import Console
from rich.table import Table

from tests.benchmarks.rounds import Measured

__all__ = ["Goal", "Line", "show", "show_crowds", "show_goals", "show_statements"]


@attrs.frozen
class Goal:
    """What was to be reached, and what was."""

    wanted: str
    measured: str
    reached: bool

    @property
    def verdict(self) -> str:
        """In a word."""
        return "[green]reached[/]" if self.reached else "[red]missed[/]"

    @classmethod
    def at_least(cls, name: str, wanted: float, measured: float) -> Goal:
        """Return a goal for a ratio."""
        return cls(f"{name} >= {wanted:.2f}", f"{measured:.2f}", measured >= wanted)

    @classmethod
    def at_most(cls, name: str, wanted: float, measured: float, unit: str) -> Goal:
        """Return a goal for a cost."""
        return cls(f"{name} <= {wanted:g}{unit}", f"{measured:.0f}{unit}", measured <= wanted)


@attrs.frozen
class Line:
    """One operation of ours: what it was measured against, and the goals it has."""

    name: str
    measured: Measured
    candidate: str
    floor: str
    core: str
    per_operation: int = 1
    goal_of_floor: float | None = None
    goal_of_core: float | None = None

    def goals(self) -> list[Goal]:
        """Return the goals of this line."""
        goals = []
        for other, wanted in ((self.floor, self.goal_of_floor), (self.core, self.goal_of_core)):
            if wanted is not None:
                ratio = self.measured.ratio(self.candidate, other)
                goals.append(Goal.at_least(f"{self.name} / {other}", wanted, ratio.median))
        return goals

    def cells(self) -> tuple[str, ...]:
        """Return the cells of a table."""
        measured, goals = self.measured, self.goals()
        speeds = [measured.speed(name) * self.per_operation for name in (self.candidate, self.floor, self.core)]
        return (
            self.name,
            *(f"{speed:,.0f}" for speed in speeds),
            str(measured.ratio(self.candidate, self.floor)),
            str(measured.ratio(self.candidate, self.core)),
            f"{measured.added(self.candidate, self.floor) / self.per_operation:+.2f} ms",
            str(measured.rounds),
            "\n".join(goal.wanted.removeprefix(self.name).strip() for goal in goals),
            "\n".join(goal.verdict for goal in goals),
        )


def show(console: Console, title: str, floor: str, lines: Sequence[Line]) -> None:
    """Print what was measured on one database."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.caption = f"ratios: median of the rounds (quartiles); adds: ours minus {floor}, milliseconds per operation"
    table.caption_justify = "left"
    table.add_column("operation", no_wrap=True)
    for header in ("ours/s", f"{floor}/s", "Core/s", f"ours / {floor}", "ours / Core", "adds", "rounds"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("goal", no_wrap=True)
    table.add_column("")
    for line in lines:
        table.add_row(*line.cells())
    console.print(table)


def show_crowds(console: Console, title: str, measured: Measured, candidate: str) -> None:
    """Print how fast every crowd is, and the ratio of one of them to each."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for header in ("RedeemGiftCard by", "per second", f"{candidate} / it"):
        table.add_column(header, justify="left" if header.endswith("by") else "right")
    for crowd in measured.speeds:
        ratio = "" if crowd == candidate else str(measured.ratio(candidate, crowd))
        table.add_row(crowd, f"{measured.speed(crowd):,.0f}", ratio)
    console.print(table)


def show_goals(console: Console, goals: Iterable[tuple[str, Goal]]) -> None:
    """Print every goal and whether it was reached."""
    table = Table(title="Goals", title_justify="left", title_style="bold")
    for header in ("where", "goal", "measured", ""):
        table.add_column(header, justify="right" if header == "measured" else "left")
    for where, goal in goals:
        table.add_row(where, goal.wanted, goal.measured, goal.verdict)
    console.print(table)


def show_statements(console: Console, counted: dict[str, dict[str, int]]) -> None:
    """Print how many statements each operation takes on each database."""
    table = Table(
        title="SQL statements, those that begin and end transactions left out", title_justify="left", title_style="bold"
    )
    table.add_column("operation")
    for database in counted:
        table.add_column(database, justify="right")
    for operation in next(iter(counted.values()), {}):
        table.add_row(operation, *(str(by_operation[operation]) for by_operation in counted.values()))
    console.print(table)
