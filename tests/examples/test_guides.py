"""The guides run: every block, in order, as one program each, importing only what is promised."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import loyalty

GUIDES: Final = Path(__file__).parents[2] / "docs" / "guides"

guides = pytest.mark.parametrize("name", sorted(path.name for path in GUIDES.glob("*.md")))


@guides
def test_a_guide_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block runs, in order, in one program, and its assertions hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOYALTY_CODE_SECRET", "the secret of this test, long enough")
    monkeypatch.setenv("LIMITS_URL", "memory://")
    page = Sybil(parsers=[PythonCodeBlockParser()], path=str(GUIDES), pattern=name).parse(GUIDES / name)
    ran = 0
    for example in page.examples():
        example.evaluate()
        ran += 1

    assert 0 < (GUIDES / name).read_text(encoding="utf-8").count("\n```python\n") == ran


@guides
def test_every_name_in_a_guide_is_public(name: str) -> None:
    """A guide imports only names that `loyalty` promises."""
    text = (GUIDES / name).read_text(encoding="utf-8")
    imports = re.findall(r"^from loyalty import (\([^)]*\)|.*)$", text, re.MULTILINE)
    names = [found for block in imports for found in re.findall(r"\w+", block)]

    assert names
    assert set(names) <= set(loyalty.__all__)
