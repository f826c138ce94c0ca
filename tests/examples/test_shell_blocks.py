"""What the pages say to type into a shell: it runs, and prints what they show."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
BLOCK: Final = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END: Final = "=== the end of a block ==="
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return what a page says to type and what it shows, in order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def is_setup(block: str) -> bool:
    """Tell whether a block makes an environment, which a test already has."""
    return "pip install" in block


SESSIONS: Final = [page for page in PAGES if any(kind == "sh" and not is_setup(text) for kind, text in blocks(page))]


def played(page: Path, directory: Path) -> list[str]:
    """Run the blocks of a page in one shell, and return what each printed, messages included."""
    typed = [text for kind, text in blocks(page) if kind == "sh" and not is_setup(text)]
    script = "\n".join(f"{text}echo '{END}'" for text in typed)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOYALTY_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"exec 2>&1\n{script}"],  # noqa: S607 - the one that a reader has
        cwd=directory,
        env={**kept, "PATH": path, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    return done.stdout.split(f"{END}\n")[:-1]


def agree(shown: str, printed: str) -> bool:
    """Tell whether the lines of *shown* were printed, one after another; spaces aside, and … stands for anything."""
    wanted = [line.split() for line in shown.splitlines() if line.strip()]
    got = [line.split() for line in printed.splitlines() if line.strip()]
    patterns = [" ".join(re.escape(word).replace("…", r"\S+") for word in line) for line in wanted]
    lines = iter(" ".join(line) for line in got)
    return all(any(re.fullmatch(pattern, line) for line in lines) for pattern in patterns)


@pytest.mark.parametrize("page", SESSIONS, ids=lambda path: path.stem)
def test_a_session_of_a_page_runs_and_prints_what_it_shows(page: Path, tmp_path: Path) -> None:
    """Every block runs, in order, in one shell; one that is followed by what it prints prints that."""
    printed = iter(played(page, tmp_path))
    last = ""
    for kind, text in blocks(page):
        if kind == "sh":
            last = "" if is_setup(text) else next(printed)
        else:
            assert agree(text, last), f"{text}\n--- was printed as ---\n{last}"


def test_agreement_has_teeth() -> None:
    """What was not printed is missed, and what stands in another order."""
    assert agree("a …\nb", "a 1\nb\n")
    assert not agree("a …\nc", "a 1\nb\n")
    assert not agree("b\na …", "a 1\nb\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_extra_that_is_installed_exists(page: Path) -> None:
    """A page that says what to install names extras that this distribution has."""
    text = page.read_text(encoding="utf-8")
    named = {
        extra
        for found in re.findall(r"(?:loyalty-core|'\.|install \.)\[([\w,-]+)\]", text)
        for extra in found.split(",")
    }

    assert named <= set(PROJECT["optional-dependencies"])
    assert set(re.findall(r"pip install (loyalty[\w-]*)", text)) <= {PROJECT["name"]}
