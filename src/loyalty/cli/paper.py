"""
Where a command writes: answers on standard output, everything else on standard error.

An answer is JSON where that was asked for. Otherwise it is a table with colors
on a terminal, and lines with tabs between the cells everywhere else, so that
``cut``, ``sort`` and a spreadsheet read it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TextIO, TypeVar

import attrs
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from loyalty.cli.json_form import json_text

__all__ = ["Column", "Paper", "Sheet", "facts"]

Answer = TypeVar("Answer")

PLAIN: Final[Mapping[str, str]] = {}
LINE_BREAKS: Final = str.maketrans({"\t": " ", "\n": " ", "\r": " "})


@attrs.frozen
class Column:
    """A column: its name, whether it is of numbers, whether its cells stay in one piece, and its colors."""

    name: str
    is_number: bool = False
    is_whole: bool = False
    colors: Mapping[str, str] = PLAIN

    def add_to(self, table: Table, style: str | None) -> None:
        """Add it to a table for people; numbers stay in one piece, too."""
        is_whole = self.is_number or self.is_whole
        justify: Literal["left", "right"] = "right" if self.is_number else "left"
        table.add_column(self.name, justify=justify, style=style, no_wrap=is_whole, overflow="fold")


@attrs.frozen(kw_only=True)
class Sheet:
    """A table: rows of texts under columns, and a sentence to say where there is no row."""

    columns: tuple[Column, ...]
    rows: Iterable[tuple[str, ...]]
    title: str | None = None
    has_header: bool = True
    empty: str = "Nothing."


def facts(pairs: Iterable[tuple[str, str]], colors: Mapping[str, str] = PLAIN) -> Sheet:
    """Return names and what they stand for, without those that stand for nothing."""
    return Sheet(
        columns=(Column("fact"), Column("value", colors=colors)),
        rows=[pair for pair in pairs if pair[1]],
        has_header=False,
    )


class Paper:
    """
    Both outputs of one command.

    Args:
        as_json:
            Whether the answer is for a program.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        """Look at what is connected to both outputs."""
        for stream in (sys.stdout, sys.stderr):
            _let_it_write_everything(stream)
        self.as_json = as_json
        self._out = Console(highlight=False, markup=False, emoji=False)
        self.messages = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self.is_terminal = self._out.is_terminal
        self._is_ascii = not (sys.stdout.encoding or "").lower().startswith("utf")

    def answer(self, answer: object, sheets: Callable[[], Iterable[Sheet]]) -> None:
        """Write an answer: as JSON, or as the tables that *sheets* makes of it."""
        if self.as_json:
            self.line(json_text(answer, is_ascii=self._is_ascii))
            return
        for number, sheet in enumerate(sheets()):
            if number:
                self.line("")
            self.sheet(sheet)

    def part(self, answers: Sequence[Answer], sheet: Callable[[Sequence[Answer]], Sheet], *, is_first: bool) -> None:
        """Write a part of a long answer: a line of JSON each, or rows under the header of the first part."""
        if not self.as_json:
            self.sheet(attrs.evolve(sheet(answers), has_header=is_first))
            return
        for answer in answers:
            self.record(answer)

    def record(self, answer: object) -> None:
        """Write an answer as one line of JSON, whatever kind of answers is wanted otherwise."""
        self.line(json_text(answer, is_ascii=self._is_ascii, indent=None))

    def sheet(self, sheet: Sheet) -> None:
        """Write a table."""
        if self.is_terminal:
            self._out.print(*_for_people(sheet), sep="\n")
        else:
            for line in _for_pipes(sheet):
                self.line(line)

    def line(self, text: str) -> None:
        """Write one line as it is."""
        sys.stdout.write(f"{text}\n")

    def say(self, text: str) -> None:
        """Tell the person something that is no part of the answer."""
        self.messages.print(text, soft_wrap=True)

    def aside(self, text: str) -> None:
        """Tell it in a low voice: it matters only if something goes wrong."""
        self.messages.print(text, style="dim", soft_wrap=True)


def _let_it_write_everything(stream: TextIO) -> None:
    """Let a terminal of an old encoding show what it can, instead of stopping at the first other character."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _for_people(sheet: Sheet) -> Iterator[Table | Text]:
    """Yield the title and the table, without columns in which nothing stands."""
    rows = list(sheet.rows)
    if not rows:
        yield Text(sheet.empty)
        return
    if sheet.title is not None:
        yield Text(sheet.title, style="bold")
    frame = box.SIMPLE if sheet.has_header else None
    table = Table(box=frame, show_header=sheet.has_header, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    filled = [number for number in range(len(sheet.columns)) if any(row[number] for row in rows)]
    for number in filled:
        sheet.columns[number].add_to(table, "dim" if number == 0 and not sheet.has_header else None)
    for row in rows:
        table.add_row(*(_colored(row[number], sheet.columns[number]) for number in filled))
    yield table


def _colored(cell: str, column: Column) -> Text:
    text = Text(cell)
    for word, color in column.colors.items():
        text.highlight_words([word], style=color)
    return text


def _for_pipes(sheet: Sheet) -> Iterator[str]:
    if sheet.has_header:
        yield "\t".join(column.name for column in sheet.columns)
    for row in sheet.rows:
        yield "\t".join(cell.translate(LINE_BREAKS) for cell in row)
