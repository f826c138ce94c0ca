"""
Draw the state diagrams of the docs from the tables that the library looks moves up in.

``python docs/make_diagrams.py`` writes them between the markers in
``docs/concepts/``; with ``--check`` it writes nothing and fails if a page
differs from what it would write. A test does the same.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from loyalty.gift_cards import card
from loyalty.ledger import hold
from loyalty.store_credit import account

CONCEPTS: Final = Path(__file__).parent / "concepts"
BEGIN: Final = "<!-- drawn by docs/make_diagrams.py: change the table, not this -->\n"
END: Final = "<!-- end of what is drawn -->\n"

Status = TypeVar("Status", bound=StrEnum)

Moves = Mapping[StrEnum, Iterable[tuple[str, StrEnum]]]
"""For each state, where it may go: the name of the move, if it has one, and the state after it."""


def hold_moves() -> Moves:
    """Return the moves of a hold, by their names."""
    return {status: tuple(moves.items()) for status, moves in hold.LEGAL_MOVES.items()}


def nameless(table: Mapping[Status, Iterable[Status]]) -> Moves:
    """Return the moves of a table in which they have no names of their own."""
    return {status: [("", after) for after in sorted(moves)] for status, moves in table.items()}


def diagram(moves: Moves, first: StrEnum) -> str:
    """Return a Mermaid state diagram. It begins in *first*, and in states that nothing leads to."""
    return "\n".join(["```mermaid", "stateDiagram-v2", *_arrows(moves, first), "```", ""])


def _arrows(moves: Moves, first: StrEnum) -> Iterator[str]:
    reached = {after for own in moves.values() for _, after in own}
    for status in moves:
        if status is first or status not in reached:
            yield f"    [*] --> {status.value}"
    for status, own in moves.items():
        for name, after in own:
            yield f"    {status.value} --> {after.value}{name and f' : {name}'}"
    for status, own in moves.items():
        if not own:
            yield f"    {status.value} --> [*]"


def pages() -> dict[Path, str]:
    """Return every page that has a diagram, with the text it should have."""
    drawn = {
        "holds.md": diagram(hold_moves(), hold.HoldStatus.OPEN),
        "gift-cards.md": diagram(nameless(card.LEGAL_MOVES), card.GiftCardStatus.ACTIVE),
        "store-credit-accounts.md": diagram(nameless(account.LEGAL_MOVES), account.StoreCreditStatus.OPEN),
    }
    return {
        CONCEPTS / name: _redrawn((CONCEPTS / name).read_text(encoding="utf-8"), new) for name, new in drawn.items()
    }


def _redrawn(page: str, new: str) -> str:
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        message = "a page lacks the marks between which its diagram stands"
        raise ValueError(message)
    return before + begin + new + end + after


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; return the exit code."""
    old = [(path, text) for path, text in pages().items() if path.read_text(encoding="utf-8") != text]
    for path, text in old:
        print(f"{path.name} is {'out of date' if '--check' in arguments else 'drawn anew'}")
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
    return 1 if old and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
