"""
Databases and Hypothesis profiles for every test.

Nothing here imports SQLAlchemy or a driver before a fixture needs it: the `bare` session has neither.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER_DIRECTORIES = pytest.StashKey[dict[str, str]]()
"""Where the one server of each kind lives in this run; empty until a test asks for it."""
SERVERS = ("mariadb", "postgresql")

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
    """Agree with all xdist workers on one directory for each server."""
    workerinput: dict[str, Any] | None = getattr(config, "workerinput", None)
    if workerinput is None:
        config.stash[SERVER_DIRECTORIES] = {name: tempfile.mkdtemp(prefix=f"loyalty-{name}-") for name in SERVERS}
    else:
        config.stash[SERVER_DIRECTORIES] = workerinput["server_directories"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the servers are, or will be."""
    node.workerinput["server_directories"] = node.config.stash[SERVER_DIRECTORIES]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers after the last worker has gone."""
    directories = config.stash.get(SERVER_DIRECTORIES, None)
    if directories is None or hasattr(config, "workerinput"):
        return
    for name, directory in directories.items():
        if (Path(directory) / "server").exists():
            import_module(f"tests.servers.{name}").stop(Path(directory))
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

    directory = Path(pytestconfig.stash[SERVER_DIRECTORIES]["postgresql"])
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


@pytest.fixture(scope="session")
def mariadb_url(pytestconfig: pytest.Config) -> str:
    """
    Give the SQLAlchemy URL of a real MariaDB server, the same for all workers.

    `LOYALTY_TEST_MARIADB_URL` names a server that runs already; its user must be allowed to create databases.
    Without it one is started. A server that does not start is an error, never a skipped test.
    """
    if given := os.environ.get("LOYALTY_TEST_MARIADB_URL"):
        return given
    from tests.servers import mariadb

    directory = Path(pytestconfig.stash[SERVER_DIRECTORIES]["mariadb"])
    with FileLock(directory / "start.lock"):
        return mariadb.start(directory)


@pytest.fixture
def mariadb_database(mariadb_url: str) -> Iterator[str]:
    """Give the SQLAlchemy URL of an empty MariaDB database, for this test alone."""
    from tests.servers import mariadb

    with mariadb.fresh_database(mariadb_url) as url:
        yield url


@pytest.fixture(scope="module")
def mariadb_database_of_module(mariadb_url: str) -> Iterator[str]:
    """Give the SQLAlchemy URL of a MariaDB database for all tests of a file, such as those of Hypothesis."""
    from tests.servers import mariadb

    with mariadb.fresh_database(mariadb_url) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the SQLAlchemy URL of a SQLite file that does not exist yet, for this test alone."""
    return f"sqlite:///{tmp_path}/loyalty.db"
