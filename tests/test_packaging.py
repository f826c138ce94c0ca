"""What a host finds after installing the distribution."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}


def test_type_checkers_read_our_annotations() -> None:
    """The installed package carries the marker that makes type checkers read it."""
    assert resources.files("loyalty").joinpath("py.typed").is_file()


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_every_file_and_folder_is_named_after_its_subject(folder: str) -> None:
    """No file or folder below src and tests has a name that says nothing."""
    found = [path for path in (PROJECT / folder).rglob("*") if path.stem.strip("_") in NAMES_THAT_SAY_NOTHING]

    assert [] == found


@pytest.mark.parametrize("library", ["sqlalchemy", "alembic"])
def test_importing_the_package_imports_no_database_library(library: str) -> None:
    """A host that keeps its value elsewhere pays nothing for the SQL adapter when it imports `loyalty`."""
    question = f"import sys, loyalty; print({library!r} in sys.modules)"

    answer = subprocess.run([sys.executable, "-c", question], check=True, capture_output=True, text=True)

    assert "False" == answer.stdout.strip()


def test_installed_version_is_the_one_in_pyproject() -> None:
    """The installed distribution is the one this checkout describes."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]

    assert project["version"] == metadata.version("loyalty-core")
