from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from loyalty import BlockGiftCard, GetBalance, RedeemGiftCard
from loyalty.attempts.default import InThisProcess
from loyalty.errors import GiftCardNotFound, MalformedCode, TooManyAttempts
from tests.unit.attempts.limiters import limited
from tests.unit.attempts.wrong_codes import WrongCodes
from tests.use_cases.shop import usd

WITHOUT_A_CODE = """
import json, sys
from moneyed import Money
from loyalty import *
loyalty = Loyalty(MemoryStorage(), code_keys=CodeKeys.generate())
issued = loyalty.execute(IssueGiftCard(value=Money("50", "USD"), idempotency_key="i"))
loyalty.ask(GetGiftCard(id=issued.gift_card.id))
before = "limits" in sys.modules
loyalty.ask(GetBalance(code=issued.code))
print(json.dumps([before, "limits" in sys.modules]))
"""


def guess(wrong: WrongCodes, name: str, count: int, caller: str | None = "192.0.2.1") -> None:
    """Try a wrong code so often with the default limiter of a new Loyalty, and once more."""
    loyalty = limited(wrong.shop, None)
    query = GetBalance(code=wrong.codes[name], customer_id="ada")
    for _ in range(count):
        with pytest.raises((GiftCardNotFound, MalformedCode)):
            loyalty.ask(query, caller=caller)
    loyalty.ask(query, caller=caller)


def test_the_default_refuses_the_eleventh_attempt() -> None:
    """Whoever sets nothing up is protected: ten wrong codes a minute for each caller, right ones refused after it."""
    wrong = WrongCodes.made()
    loyalty = limited(wrong.shop, None)
    for _ in range(12):
        with pytest.raises((GiftCardNotFound, TooManyAttempts)):
            loyalty.ask(GetBalance(code=wrong.codes["unknown"]), caller="192.0.2.1")
    with pytest.raises(TooManyAttempts):
        loyalty.ask(GetBalance(code=wrong.right[0]), caller="192.0.2.1")
    assert usd("50.00") == loyalty.ask(GetBalance(code=wrong.right[0]), caller="192.0.2.2").available


def test_the_default_lets_people_mistype() -> None:
    """A hundred texts that cannot be codes are each told so, and none is charged."""
    with pytest.raises(MalformedCode):
        guess(WrongCodes.made(), "malformed: the check symbol", 100)


def test_the_default_throttles_strangers_whom_nobody_named_only_together() -> None:
    """Without a caller a hundred wrong codes are heard: one stranger does not lock out a shop that names nobody."""
    with pytest.raises(GiftCardNotFound):
        guess(WrongCodes.made(), "unknown", 100, caller=None)


def test_each_loyalty_counts_for_itself() -> None:
    """Two that share nothing but the process do not disturb each other, so that tests of hosts are independent."""
    wrong = WrongCodes.made()
    for _ in range(2):
        with pytest.raises(GiftCardNotFound):
            guess(wrong, "unknown", 9)


def test_the_library_of_limits_is_loaded_with_the_first_code() -> None:
    """A process that never sees a code does not pay for the limiter, not even when it makes a Loyalty."""
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_CODE], check=True, capture_output=True, text=True, timeout=60
    )
    assert [False, True] == json.loads(finished.stdout)


def test_threads_that_come_first_together_count_together() -> None:
    """However many threads make the first attempt at once, all count in the same windows."""
    limiter, all_at_once = InThisProcess(), Barrier(8)

    def first_attempt(_: int) -> int:
        all_at_once.wait()
        return id(limiter._windows())

    with ThreadPoolExecutor(8) as pool:
        assert 1 == len(set(pool.map(first_attempt, range(8))))


def test_commands_are_throttled_with_queries() -> None:
    """Guessing at the checkout and on the balance page is counted together."""
    wrong = WrongCodes.made()
    loyalty, code = limited(wrong.shop, None), wrong.codes["unknown"]
    for number in range(11):
        with pytest.raises((GiftCardNotFound, TooManyAttempts)):
            loyalty.ask(GetBalance(code=code), caller="192.0.2.1")
        with pytest.raises((GiftCardNotFound, TooManyAttempts)):
            loyalty.execute(BlockGiftCard(code=code, idempotency_key=f"{number}"), caller="192.0.2.1")
    command = RedeemGiftCard(code=code, amount=usd("1"), order_id="1", idempotency_key="r")
    with pytest.raises(TooManyAttempts):
        loyalty.execute(command, caller="192.0.2.1")
