"""
Counting attempts where several processes and machines count together.

Needs ``loyalty-core[redis]`` for Redis and Valkey; other storages need what the
library of limits asks for.
"""

from __future__ import annotations

from typing import Final

from limits.errors import ConfigurationError
from limits.storage import Storage, storage_from_string

from loyalty.attempts.windows import OVERALL, PER_CALLER, SlidingWindows
from loyalty.errors import InvalidRequest

__all__ = ["LimitsAttemptLimiter"]

SECONDS_TO_ANSWER: Final = 2.0
"""How long a server may take before it counts as broken; a URL that says otherwise is heard."""

_SERVERS: Final = ("redis://", "rediss://", "redis+unix://", "valkey://", "valkeys://", "valkey+unix://")


class LimitsAttemptLimiter(SlidingWindows):
    """
    An attempt limiter on the storage that a URL names.

    Args:
        storage_uri:
            ``"redis://host:6379/0"``, ``"rediss://…"``, ``"redis+unix:///path"``,
            ``"memory://"``, or what else the library of limits can count
            sliding windows in. Nothing is connected yet.
        per_caller:
            How many wrong codes one caller may try, such as ``"10/minute"``.
        overall:
            How many wrong codes all callers together may try.
        name:
            Keeps shops apart that count in the same place.

    Raises:
        loyalty.errors.InvalidRequest: If the URL cannot be used, its client is not
            installed, or a limit is not one.
    """

    def __init__(
        self,
        storage_uri: str = "memory://",
        *,
        per_caller: str = PER_CALLER,
        overall: str = OVERALL,
        name: str = "loyalty",
    ) -> None:
        """Find the storage; nothing is connected yet."""
        super().__init__(_storage(storage_uri), per_caller=per_caller, overall=overall, name=name)


def _storage(uri: object) -> Storage:
    if not isinstance(uri, str):
        raise InvalidRequest("the storage of attempts must be a URL")
    options: dict[str, float | str | bool] = {}
    if uri.startswith(_SERVERS):
        options = {"socket_timeout": SECONDS_TO_ANSWER, "socket_connect_timeout": SECONDS_TO_ANSWER}
    try:
        storage = storage_from_string(uri, **options)
    except (ConfigurationError, ImportError, TypeError, ValueError) as error:
        # The URL may hold a password: neither the message nor the cause shows it.
        raise InvalidRequest(f"the storage of attempts cannot be used: {type(error).__name__}") from None
    if not isinstance(storage, Storage):
        raise InvalidRequest("the storage of attempts must not be one of asyncio")
    return storage
