"""What the command line loads before it does anything, counted in modules: seconds would depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

from tests.cli.terminal import environment

ARGUMENTS: Final = {
    "the help of all": ["--help"],
    "the help of one": ["issue", "--help"],
    "a wrong option": ["show", "--wrong"],
    "a missing database": ["liability"],
}
LOADED: Final = """
import json, sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from loyalty.__main__ import main
with redirect_stdout(StringIO()), redirect_stderr(StringIO()), suppress(SystemExit):
    main()
print(json.dumps(sorted(sys.modules)))
"""


def loaded(*arguments: str, env: dict[str, str] | None = None) -> set[str]:
    """Return the modules that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        env=environment(env),
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_what_opens_no_database_loads_none(arguments: list[str]) -> None:
    """Help and mistakes in options are told at once; SQLAlchemy and the demonstration are half of all there is."""
    modules = loaded(*arguments)

    assert "loyalty.cli.app" in modules
    assert modules & {"sqlalchemy", "tenacity", "loyalty.cli.demonstration", "rich.progress"} == set()


def test_a_command_loads_only_what_it_works_with(env: dict[str, str]) -> None:
    """No mapper of objects, which is a tenth of the time of a start: the storage needs the core of SQLAlchemy."""
    modules = loaded("liability", env=env)

    assert "sqlalchemy" in modules
    assert modules & {"sqlalchemy.orm", "loyalty.cli.demonstration", "rich.progress"} == set()
