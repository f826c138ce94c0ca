"""The limiter on a real server that several processes share. It is Valkey, which speaks the protocol of Redis."""

from __future__ import annotations

import socket
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import pytest

from loyalty import CodeKeys, GetBalance, Loyalty, MemoryStorage
from loyalty.adapters.limits import SECONDS_TO_ANSWER, LimitsAttemptLimiter
from loyalty.errors import InvalidRequest, StorageUnavailable, TooManyAttempts
from tests.servers import valkey
from tests.unit.attempts.limiters import Tripwire, limited
from tests.unit.attempts.wrong_codes import WRONG, WrongCodes

SCRIPT: Final = """
import sys
from loyalty.adapters.limits import LimitsAttemptLimiter
limiter = LimitsAttemptLimiter(sys.argv[1], per_caller="10/day", name=sys.argv[2])
for _ in range(int(sys.argv[3])):
    limiter.wrong("192.0.2.1")
"""


@pytest.fixture
def shop_name() -> str:
    """Give the name of a shop that nobody counted for before."""
    return f"shop-{uuid.uuid4().hex}"  # noqa: TID251 - tests of several runs may share one server


def limiter_on(url: str, name: str, **given: Any) -> LimitsAttemptLimiter:
    """Return a limiter of ten wrong codes a day, unless said otherwise."""
    return LimitsAttemptLimiter(url, **({"per_caller": "10/day", "overall": "1000/day", "name": name} | given))


def test_the_eleventh_attempt_is_refused(redis_url: str, shop_name: str) -> None:
    """Ten wrong codes are heard, then even a right one is refused, with a time to wait; others go on."""
    wrong = WrongCodes.made()
    loyalty = limited(wrong.shop, limiter_on(redis_url, shop_name))
    for _ in range(10):
        with pytest.raises(WRONG["unknown"]):
            loyalty.ask(GetBalance(code=wrong.codes["unknown"]), caller="192.0.2.1")
    with pytest.raises(TooManyAttempts) as caught:
        loyalty.ask(GetBalance(code=wrong.right[0]), caller="192.0.2.1")
    assert caught.value.retry_after is not None
    assert timedelta(0) < caught.value.retry_after <= timedelta(days=2)
    loyalty.ask(GetBalance(code=wrong.right[0]), caller="192.0.2.2")


def test_right_and_mistyped_codes_use_nothing_up(redis_url: str, shop_name: str) -> None:
    """On a server, too, only wrong codes count."""
    wrong = WrongCodes.made()
    loyalty = limited(wrong.shop, limiter_on(redis_url, shop_name, overall="10/day"))
    for _ in range(20):
        loyalty.ask(GetBalance(code=wrong.right[0]), caller="192.0.2.1")
        with pytest.raises(WRONG["malformed: the length"]):
            loyalty.ask(GetBalance(code=wrong.codes["malformed: the length"]), caller="192.0.2.1")


def test_all_callers_together_have_a_limit_too(redis_url: str, shop_name: str) -> None:
    """Many callers with few guesses each are stopped together."""
    limiter = limiter_on(redis_url, shop_name, overall="20/day")
    for number in range(20):
        limiter.require(f"192.0.2.{number}")
        limiter.wrong(f"192.0.2.{number}")
    for caller in ("192.0.2.200", None):
        with pytest.raises(TooManyAttempts):
            limiter.require(caller)


def test_processes_count_together(redis_url: str, shop_name: str) -> None:
    """What another process has counted is known here."""
    limiter = limiter_on(redis_url, shop_name)
    for count in (5, 4):
        subprocess.run([sys.executable, "-c", SCRIPT, redis_url, shop_name, str(count)], check=True, timeout=60)
    limiter.require("192.0.2.1")
    limiter.wrong("192.0.2.1")
    with pytest.raises(TooManyAttempts):
        limiter.require("192.0.2.1")


def test_no_wrong_code_of_a_race_is_lost(redis_url: str, shop_name: str) -> None:
    """However many threads tell of wrong codes at once, each counts."""
    limiter = limiter_on(redis_url, shop_name, per_caller="101/day")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(limiter.wrong, ["192.0.2.1"] * 100))
    limiter.require("192.0.2.1")
    limiter.wrong("192.0.2.1")
    with pytest.raises(TooManyAttempts):
        limiter.require("192.0.2.1")


def test_a_server_that_goes_away_lets_no_guess_through(shop_name: str) -> None:
    """While the server is gone every request with a code is refused, before the storage, as unavailable."""
    with valkey.running_server() as url:
        loyalty = limited(WrongCodes.made().shop, limiter_on(url, shop_name), storage=Tripwire())
    with pytest.raises(StorageUnavailable) as caught:
        loyalty.ask(GetBalance(code="GIFT"), caller="192.0.2.1")
    assert caught.value.__cause__ is not None


def test_a_server_that_does_not_answer_counts_as_broken() -> None:
    """A server that takes the connection and then says nothing holds nobody up for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limiter = LimitsAttemptLimiter(f"redis://127.0.0.1:{silent.getsockname()[1]}?socket_timeout=0.1")
        loyalty = Loyalty(MemoryStorage(), code_keys=CodeKeys.generate(), attempt_limiter=limiter)
        with pytest.raises(StorageUnavailable):
            loyalty.ask(GetBalance(code="GIFT"))


def test_without_a_word_in_the_url_a_server_has_two_seconds(redis_url: str) -> None:
    """The library waits for no server without end, also where the host did not think of it."""
    client: Any = limiter_on(redis_url, "x")._windows.storage
    given = client.storage.connection_pool.connection_kwargs
    assert (SECONDS_TO_ANSWER, SECONDS_TO_ANSWER) == (given["socket_timeout"], given["socket_connect_timeout"])


@pytest.mark.parametrize(
    "uri",
    [
        "", "redis", "no-such-scheme://host", "async+memory://", "async+redis://host", "redis://:hunter2@host:port", 5,
        None, b"memory://",
    ],
)  # fmt: skip
def test_a_url_that_names_no_storage_is_told(uri: Any) -> None:
    """A wrong URL is told when the limiter is made, without the password that may be in it."""
    with pytest.raises(InvalidRequest) as caught:
        LimitsAttemptLimiter(uri)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_memory_is_a_storage_by_url_as_well() -> None:
    """The default URL needs no server."""
    limiter = LimitsAttemptLimiter(per_caller="1/day")
    limiter.wrong("192.0.2.1")
    with pytest.raises(TooManyAttempts):
        limiter.require("192.0.2.1")
