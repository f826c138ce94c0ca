"""
The only door: every check of this project is a session here, and CI runs the same names.

`nox` alone runs lint, imports, types, docs, bare, package, cluster and the tests on the current Python, in this order.
`nox --list` shows the rest. Arguments after `--` go to the tool of the session: `nox -s tests -- -k redeem -n 0`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"

PROJECT = nox.project.load_toml("pyproject.toml")
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = list(dict.fromkeys([*nox.project.python_versions(PROJECT), CURRENT]))
EVERYTHING = ".[sqlalchemy,mariadb,mariadb-async,postgresql,postgresql-async,sqlite-async,mail,telemetry,cli,testing]"

BARE_TESTS = ["tests/unit", "tests/use_cases", "tests/properties"]
"""What must pass without SQLAlchemy; the other folders of tests are about the SQL adapter or use it."""
WITHOUT_SQL = ["--ignore=tests/unit/adapters/sqlalchemy", "--ignore=tests/unit/cli"]

CLUSTER_TESTS = "tests/cluster"
INSTALL_SERVER = ("python", "tests/servers/mariadb.py", "--install")
"""No wheel brings MariaDB. As root with apt it is installed if it is missing; elsewhere its tests say how to do it."""

IMPORT_EVERY_PUBLIC_NAME = """
import importlib.resources, loyalty, loyalty.errors
assert loyalty.__all__, "nothing is public"
for module in (loyalty, loyalty.errors):
    for name in module.__all__:
        getattr(module, name)
files = importlib.resources.files("loyalty")
assert files.joinpath("py.typed").is_file(), "py.typed is missing"
print(f"{len(loyalty.__all__)} public names, from {loyalty.__file__}")
"""

nox.options.default_venv_backend = "uv|virtualenv"
# A Python that is not installed is skipped, also in CI, and never downloaded behind your back.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"
nox.options.sessions = ["lint", "imports", "types", "docs", "bare", "package", "cluster", f"tests-{CURRENT}"]

# uv does not read pip's settings; where pip was told of another index, uv hears of it here.
for pip_name, uv_name in {"PIP_INDEX_URL": "UV_DEFAULT_INDEX", "PIP_EXTRA_INDEX_URL": "UV_INDEX"}.items():
    if pip_name in os.environ:
        os.environ.setdefault(uv_name, os.environ[pip_name])


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one dependency group in pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and the docstrings of tests."""
    session.install(*group("lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("interrogate", "tests")


@nox.session
def imports(session: nox.Session) -> None:
    """Check who imports whom."""
    session.install(EVERYTHING, *group("imports"))
    session.run("lint-imports", "--no-cache", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, the tests and this file."""
    session.install(EVERYTHING, *group("typing"))
    session.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, where every warning is an error. Its last line says where to begin reading."""
    session.install(EVERYTHING, *group("docs"))
    built = Path(session.create_tmp()).resolve() / "docs"
    shutil.rmtree(built, ignore_errors=True)
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", *session.posargs, "docs", str(built))
    session.log(f"{built}/index.html")


@nox.session
def bare(session: nox.Session) -> None:
    """Run the tests of the domain where SQLAlchemy is not installed."""
    session.install(".", *group("bare-tests"))
    session.run("python", "-c", "import importlib.util; assert importlib.util.find_spec('sqlalchemy') is None")
    session.run("pytest", "-n", "auto", *(session.posargs or [*BARE_TESTS, *WITHOUT_SQL]))


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel from the sdist, install it where nothing else is, and import every public name."""
    session.install(*group("package"))
    built = Path(session.create_tmp()).resolve() / "built"
    shutil.rmtree(built, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(built))
    fresh = built.parent / "fresh"
    session.run("python", "-m", "venv", "--clear", str(fresh))
    python = str(fresh / "bin" / "python")
    (wheel,) = built.glob("*.whl")
    session.run(python, "-m", "pip", "install", "--quiet", str(wheel), external=True)
    with session.chdir(fresh):
        session.run(python, "-c", IMPORT_EVERY_PUBLIC_NAME, external=True)


@nox.session
def cluster(session: nox.Session) -> None:
    """Run the tests of a MariaDB Galera cluster of three nodes, which is started for them on this machine."""
    session.install(EVERYTHING, *group("tests"))
    session.run("python", "-m", "tests.servers.galera", "--install")
    session.run("pytest", CLUSTER_TESTS, *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run all tests on real databases. Add `-- --cov` for the coverage."""
    session.install(EVERYTHING, *group("tests"))
    session.run(*INSTALL_SERVER)
    session.run("pytest", "-n", "auto", f"--ignore={CLUSTER_TESTS}", *session.posargs)


@nox.session(venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """Run all tests with the earliest allowed version of everything we depend on."""
    session.install("--resolution=lowest-direct", EVERYTHING, *group("tests"))
    session.run(*INSTALL_SERVER)
    session.run("pytest", "-n", "auto", f"--ignore={CLUSTER_TESTS}", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Compare our commands with hand-written SQL on the same database."""
    session.install(EVERYTHING, *group("bench"))
    session.run(*INSTALL_SERVER)
    session.run("python", "tests/benchmarks/run.py", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Kill, cut off and crowd commands for hours, and check the books after each fault. See docs/guides/faults.md."""
    session.install(EVERYTHING, *group("tests"))
    session.run(*INSTALL_SERVER)
    session.run("python", "tests/faults/campaign/run.py", *session.posargs)
