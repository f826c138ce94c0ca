"""What importing the package loads, counted in modules: a count does not depend on the machine, as seconds do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

DEPENDENCIES: Final = {"attr", "attrs", "babel", "moneyed", "typing_extensions"}
"""The third-party packages that all public names together need: attrs, and py-moneyed with what it imports."""

NEVER: Final = {
    "alembic",
    "asyncio",
    "hypothesis",
    "opentelemetry",
    "psycopg",
    "pytest",
    "rich",
    "socket",
    "sqlalchemy",
    "ssl",
    "stdnum",
    "subprocess",
    "tenacity",
    "typer",
    "unittest",
    "urllib",
}
"""Extras, and parts of Python that are slow to load or that a pure domain has no business with."""

MOST_MODULES: Final = 60
"""Of all kinds, for `import loyalty` alone; 30 on Python 3.11, all but one of them Python's own."""

EVERY_NAME: Final = "from loyalty import *"

NEWLY_LOADED: Final = """
import json, sys
before = set(sys.modules)
{}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(code: str) -> set[str]:
    """Return the modules that *code* loads in an interpreter of its own."""
    finished = subprocess.run(
        [sys.executable, "-c", NEWLY_LOADED.format(code)], check=True, capture_output=True, text=True, timeout=60
    )
    return set(json.loads(finished.stdout))


def packages(modules: set[str]) -> set[str]:
    """Return the top-level names."""
    return {module.partition(".")[0] for module in modules}


def third_party(modules: set[str]) -> set[str]:
    """Return the top-level names that are neither Python's nor ours."""
    # The table of time zones asks how Python was built, which stands in a module that Python does not list.
    own = {name for name in packages(modules) if name.startswith("_sysconfigdata")}
    return packages(modules) - sys.stdlib_module_names - own - {"loyalty"}


def test_importing_the_package_loads_nothing_but_the_package() -> None:
    """A host that imports the package and uses nothing pays for one file of ours and no dependency."""
    modules = loaded_by("import loyalty")
    assert {module for module in modules if module.startswith("loyalty")} == {"loyalty"}
    assert third_party(modules) == set()
    assert len(modules) <= MOST_MODULES


def test_all_public_names_load_the_declared_dependencies_and_no_others() -> None:
    """Whoever uses everything that is public loads exactly the packages that the core depends on."""
    assert third_party(loaded_by(EVERY_NAME)) == DEPENDENCIES


@pytest.mark.parametrize("code", ["import loyalty", EVERY_NAME])
def test_neither_extras_nor_slow_parts_of_python_are_loaded(code: str) -> None:
    """No database, no network, no event loop and no test tool comes with the rules."""
    assert packages(loaded_by(code)) & NEVER == set()


def test_public_names_do_not_load_the_adapters_of_databases() -> None:
    """The storage in memory is public; the one on SQLAlchemy is imported by whoever wants it."""
    modules = loaded_by(EVERY_NAME)
    assert "loyalty.adapters.memory" in modules
    assert not any(
        module.startswith(("loyalty.adapters.sqlalchemy", "loyalty.testing", "loyalty.cli")) for module in modules
    )
