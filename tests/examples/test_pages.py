"""Every page runs: its blocks, in order, as one program, importing only what is promised."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import loyalty

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))
BEGINS: Final = re.compile(r"^(`{3,}|~{3,}|:{3,})(\S+)", re.MULTILINE)

KINDS: Final = {
    "python": "is run below",
    "mermaid": "is drawn and checked by test_concepts.py",
    "sh": "is typed into a shell by test_shell_blocks.py",
    "bash": "takes hours; that the campaigns understand it is checked by tests/faults/test_campaigns.py",
    "text": "shows what a program prints; after a block of a shell it is compared with that",
    "sql": "is run by tests/storages/test_starting.py or tests/storages/test_shops_apart.py",
    "ini": "is part of the example of a host's environment, and compared with it below",
    "{toctree}": "is read by Sphinx, where a page that is not there is an error",
    "{literalinclude}": "is a part of an example that is run; a file or a name that is not there is an error of Sphinx",
    "{eval-rst}": "is read by Sphinx, where a name that is not there is an error",
}
"""Every kind of block that a page may have, and how it is kept true."""

SESSIONS: Final = {"guides/command-line.md"}
"""Guides whose blocks are those of a shell."""

pages = pytest.mark.parametrize("name", PAGES)


def text_of(name: str) -> str:
    """Return what a page says."""
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.fixture
def _the_log_is_left_as_it_was() -> Iterator[None]:
    """Take back what a page tells our logger; what hears of everything would go on to keep it."""
    log = logging.getLogger("loyalty")
    level, handlers = log.level, list(log.handlers)
    yield
    log.setLevel(level)
    log.handlers[:] = handlers


@pages
@pytest.mark.usefixtures("_the_log_is_left_as_it_was")
def test_a_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block runs, in order, in one program, and its assertions hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOYALTY_CODE_SECRET", "the secret of this test, long enough")
    monkeypatch.setenv("LIMITS_URL", "memory://")
    page = Sybil(parsers=[PythonCodeBlockParser()], path=str(DOCS), pattern=name).parse(DOCS / name)
    ran = 0
    for example in page.examples():
        example.evaluate()
        ran += 1

    assert text_of(name).count("\n```python\n") == ran
    assert ran > 0 or not name.startswith(("guides/", "start")) or name in SESSIONS


@pages
def test_what_is_to_be_configured_is_what_the_example_has(name: str) -> None:
    """Every line of a block of configuration stands in the example that the tests run."""
    example = (DOCS / "examples" / "alembic" / "alembic.ini").read_text(encoding="utf-8").splitlines()
    for block in re.findall(r"^```ini\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL):
        assert set(block.splitlines()) <= set(example)


@pages
def test_every_kind_of_block_is_kept_true(name: str) -> None:
    """A page has no block of a kind that nobody looks after, such as Python under another name."""
    assert {kind for _, kind in BEGINS.findall(text_of(name))} <= set(KINDS)


@pages
def test_every_name_in_a_page_is_public(name: str) -> None:
    """A page imports only names that `loyalty` promises."""
    imports = re.findall(r"^from loyalty import (\([^)]*\)|.*)$", text_of(name), re.MULTILINE)
    names = {found for block in imports for found in re.findall(r"\w+", block)}

    assert names <= set(loyalty.__all__)
    assert names or not name.startswith(("guides/", "start")) or name in SESSIONS


def test_index_leads_to_every_page() -> None:
    """No page is left out of the tables of contents: Sphinx takes one that is for a mistake, and so do we."""
    listed = set()
    for name in PAGES:
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", text_of(name), re.MULTILINE | re.DOTALL):
            lines = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {str((Path(name).parent / line).with_suffix(".md")) for line in lines}

    assert set(PAGES) == listed | {"index.md"}


def test_every_name_that_takes_the_place_of_another_is_public() -> None:
    """The right columns of the page about Medusa speak of names, fields and methods that are there."""
    rows = [line for line in text_of("coming-from-medusa.md").splitlines() if line.startswith("| ")]
    cells = [row.rsplit(" | ", 1)[1] for row in rows]
    found = {name for cell in cells for name in re.findall(r"`([A-Z]\w+(?:\.\w+)?)[`(]", cell)} - {"GIFT", "Money"}

    assert len(found) > 60
    assert [] == sorted(name for name in found if not is_there(name))


def is_there(name: str) -> bool:
    """Tell whether a name is promised, and its field or property too."""
    head, _, field = name.partition(".")
    if head not in loyalty.__all__:
        return False
    value = getattr(loyalty, head)
    return not field or field in dir(value) or field in {one.name for one in attrs.fields(value)}
