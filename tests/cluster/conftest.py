"""One cluster of three nodes for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.galera import Cluster, running_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Give a cluster. One that does not start is an error, never a skipped test."""
    with running_cluster() as cluster:
        yield cluster
