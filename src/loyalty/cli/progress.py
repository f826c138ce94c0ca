"""Showing how far long work is: a bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

__all__ = ["watch"]


def watch(
    done: Iterable[int], total: int, console: Console, *, verb: str = "Replaying", what: str = "purchases"
) -> None:
    """Let the work go on to its end, and show on *console* how many of *total* are done."""
    if console.is_terminal:
        _as_bar(done, total, console, verb=verb, what=what)
    else:
        _as_lines(done, total, console, what=what)


def _as_bar(done: Iterable[int], total: int, console: Console, *, verb: str, what: str) -> None:
    from rich.progress import (  # noqa: PLC0415 - slow to load, and most commands show none
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(verb),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{what},"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        for number in done:
            bar.update(task, completed=number)


def _as_lines(done: Iterable[int], total: int, console: Console, *, what: str) -> None:
    shown = 0
    for number in done:
        if number * 10 // total > shown:
            shown = number * 10 // total
            console.print(f"{number:,} of {total:,} {what}", soft_wrap=True)
