"""What is owed as of any instant, per origin, is what an independent model held then."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given

from loyalty import ExpireValue, Liability, MemoryStorage
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.oracle import Oracle, Refusal
from loyalty.testing.programs import Played, minor
from loyalty.testing.strategies import programs
from loyalty.use_cases.command import Command

MICROSECOND = timedelta(microseconds=1)


def follow(oracle: Oracle, played: Played, shop: Shop) -> None:
    """Let the model do what the shop did."""
    if played.error is None and played.repeats is None and isinstance(played.command, Command | ExpireValue):
        try:
            oracle.expect(played.command, played.at)
        except Refusal as refusal:
            raise AssertionError(played) from refusal
        oracle.learn(played.result, books_of(shop.storages[0]))


@given(programs())
def test_every_instant_and_the_microseconds_around_it(program: list[Step]) -> None:
    """The instant itself is included."""
    shop, oracle = Shop(MemoryStorage()), Oracle()
    for step in program:
        follow(oracle, shop.play(step), shop)
    for at in oracle.instants():
        for as_of in (at - MICROSECOND, at, at + MICROSECOND):
            report = shop.loyalty.ask(Liability(as_of=as_of))
            by_origin = {
                (currency, origin.value): minor(amount)
                for currency, origins in report.by_origin.items()
                for origin, amount in origins.items()
            }

            assert oracle.owed(as_of) == by_origin
            for currency, total in report.total.items():
                assert minor(total) == sum(amount for (code, _), amount in by_origin.items() if code == currency)


@given(programs())
def test_now_is_what_the_accounts_hold(program: list[Step]) -> None:
    """Without an instant, liability is the sum of all posted balances."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    total = shop.loyalty.ask(Liability()).total

    assert {code: owed for code, owed in books_of(shop.storages[0]).owed().items() if owed} == {
        code: minor(amount) for code, amount in total.items() if minor(amount)
    }
