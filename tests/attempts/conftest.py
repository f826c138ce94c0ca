"""A server for the limiters of several processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import valkey


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Give the URL of a running server that speaks the protocol of Redis."""
    with valkey.running_server() as url:
        yield url
