"""Every example in a docstring of the package runs and comes to what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from moneyed import Money

import loyalty

NAMES: Final[dict[str, Any]] = {
    "Decimal": Decimal,
    "Money": Money,
    "UTC": UTC,
    "datetime": datetime,
    "timedelta": timedelta,
}
"""What a reader knows without being told; everything else is named in the file itself."""

EXAMPLES: Final = [
    example
    for module in pkgutil.walk_packages(loyalty.__path__, "loyalty.")
    if not module.name.endswith("__main__")
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module.name))
    if example.examples
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_of_a_docstring_runs(example: doctest.DocTest) -> None:
    """What the docstring shows is what happens."""
    example.globs = {**NAMES, **example.globs}
    said: list[str] = []

    failed, tried = doctest.DocTestRunner(verbose=False).run(example, out=said.append)

    assert (0, []) == (failed, said)
    assert tried > 0


def test_examples_are_found() -> None:
    """The collection above is not empty because of a mistake in it."""
    assert {"loyalty.money.split", "loyalty.testing.fakes.FakeClock"} <= {example.name for example in EXAMPLES}
