from __future__ import annotations

from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from loyalty.attempts.windows import OVERALL, PER_CALLER
from loyalty.errors import InsufficientBalance, MalformedCode, TooManyAttempts

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "wrong-codes.md"


def test_the_guide_runs(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python block of the guide runs, in order, in one program, against a real server."""
    monkeypatch.setenv("LIMITS_URL", redis_url)
    page = Sybil(parsers=[PythonCodeBlockParser()], path=str(GUIDE.parent), pattern=GUIDE.name).parse(GUIDE)
    ran = 0
    for example in page.examples():
        example.evaluate()
        ran += 1
    assert GUIDE.read_text(encoding="utf-8").count("\n```python\n") == ran > 0


def test_the_guide_says_what_is_so() -> None:
    """The numbers and sentences in the guide are those of the code."""
    text = GUIDE.read_text(encoding="utf-8")
    assert ("10/minute", "1000/minute") == (PER_CALLER, OVERALL)
    assert f'per_caller="{PER_CALLER}", overall="{OVERALL}"' in text
    assert MalformedCode.public_message in text
    for kind in (TooManyAttempts, InsufficientBalance):
        assert kind.__name__ in text
