"""
Databases and Hypothesis profiles for every test.

Nothing here imports SQLAlchemy or a driver before a fixture needs it: the `bare` session has neither.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER_DIRECTORY = pytest.StashKey[Path]()
"""Where the one PostgreSQL server of this run lives; empty until a test asks for it."""

# A deadline would measure the machine, not the code, and so would `too_slow`. Hypothesis itself repeats the same
# examples wherever CI is set; ours look at new ones in every run, and the printed blob repeats a failure anywhere.
settings.register_profile(
    "default",
    max_examples=60,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("default"), max_examples=100)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("LOYALTY_HYPOTHESIS_PROFILE") or ("ci" if "CI" in os.environ else "default"))


def pytest_configure(config: pytest.Config) -> None:
    """Agree with all xdist workers on one directory for one server."""
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is None:
        config.stash[SERVER_DIRECTORY] = Path(tempfile.mkdtemp(prefix="loyalty-postgresql-"))
    else:
        config.stash[SERVER_DIRECTORY] = Path(workerinput["postgresql_directory"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the server is, or will be."""
    node.workerinput["postgresql_directory"] = str(node.config.stash[SERVER_DIRECTORY])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server after the last worker has gone."""
    directory = config.stash.get(SERVER_DIRECTORY, None)
    if directory is None or hasattr(config, "workerinput"):
        return
    if (directory / "server").exists():
        from tests.servers import postgresql

        postgresql.stop(directory)
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgresql_url(pytestconfig: pytest.Config) -> str:
    """
    Give the SQLAlchemy URL of a real PostgreSQL server, the same for all workers.

    `LOYALTY_TEST_POSTGRESQL_URL` names a server that runs already; its user must be allowed to create databases.
    Without it one is started. A server that does not start is an error, never a skipped test.
    """
    if given := os.environ.get("LOYALTY_TEST_POSTGRESQL_URL"):
        return given
    from tests.servers import postgresql

    directory = pytestconfig.stash[SERVER_DIRECTORY]
    with FileLock(directory / "start.lock"):
        return postgresql.start(directory)


@pytest.fixture
def postgresql_database(postgresql_url: str) -> Iterator[str]:
    """Give the SQLAlchemy URL of an empty PostgreSQL database, for this test alone."""
    from tests.servers import postgresql

    with postgresql.fresh_database(postgresql_url) as url:
        yield url


@pytest.fixture(scope="module")
def postgresql_database_of_module(postgresql_url: str) -> Iterator[str]:
    """Give the SQLAlchemy URL of a PostgreSQL database for all tests of a file, such as those of Hypothesis."""
    from tests.servers import postgresql

    with postgresql.fresh_database(postgresql_url) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the SQLAlchemy URL of a SQLite file that does not exist yet, for this test alone."""
    return f"sqlite:///{tmp_path}/loyalty.db"
