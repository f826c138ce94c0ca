from __future__ import annotations

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "async.md"


def test_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of the guide runs, in order, in one program, and its assertions hold."""
    monkeypatch.chdir(tmp_path)
    page = Sybil(parsers=[PythonCodeBlockParser()], path=str(GUIDE.parent), pattern=GUIDE.name).parse(GUIDE)

    ran = 0
    for example in page.examples():
        example.evaluate()
        ran += 1

    assert GUIDE.read_text(encoding="utf-8").count("\n```python\n") == ran
