"""Showing how far the replay is: a bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["watch"]


def watch(done: Iterable[int], total: int, console: Console) -> None:
    """Let the work go on to its end, and show on *console* how many purchases of *total* are done."""
    if console.is_terminal:
        _as_bar(done, total, console)
    else:
        _as_lines(done, total, console)


def _as_bar(done: Iterable[int], total: int, console: Console) -> None:
    columns = (
        TextColumn("Replaying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("purchases,"),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        for number in done:
            bar.update(task, completed=number)


def _as_lines(done: Iterable[int], total: int, console: Console) -> None:
    shown = 0
    for number in done:
        if number * 10 // total > shown:
            shown = number * 10 // total
            console.print(f"{number:,} of {total:,} purchases", soft_wrap=True)
