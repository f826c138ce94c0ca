"""The pages on concepts: their diagrams are those of the tables, and what they point at is there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest

from loyalty.gift_cards import card
from loyalty.ledger import hold
from loyalty.store_credit import account

DOCS: Final = Path(__file__).parents[2] / "docs"
SCRIPT: Final = DOCS / "make_diagrams.py"
PAGES: Final = sorted(DOCS.rglob("*.md"))
ARROW: Final = re.compile(r"^    (\w+) --> (\w+)(?: : (\w+))?$", re.MULTILINE)


def arrows(page: str) -> set[tuple[str, ...]]:
    """Return the moves that a page shows, as somebody reads them."""
    return set(ARROW.findall((DOCS / "concepts" / page).read_text(encoding="utf-8")))


def test_diagrams_are_what_the_script_draws() -> None:
    """A table that was changed without drawing its diagram anew is noticed."""
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_diagram_of_holds_shows_every_legal_move_and_no_other() -> None:
    """What a reader sees is what the table allows."""
    moves = {
        (status.value, after.value, name) for status, own in hold.LEGAL_MOVES.items() for name, after in own.items()
    }

    assert moves == arrows("holds.md")


@pytest.mark.parametrize(
    ("page", "table"),
    [("gift-cards.md", card.LEGAL_MOVES), ("store-credit-accounts.md", account.LEGAL_MOVES)],
)
def test_diagram_of_statuses_shows_every_legal_move_and_no_other(
    page: str, table: Mapping[StrEnum, Iterable[StrEnum]]
) -> None:
    """What a reader sees is what the table allows."""
    moves = {(status.value, after.value, "") for status, own in table.items() for after in own}

    assert moves == arrows(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [] == [link for link in links if not (page.parent / link).exists()]
