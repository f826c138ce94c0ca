"""No program of public calls ends with more value than the shop put in."""

from __future__ import annotations

from hypothesis import given

from loyalty import GrantStoreCredit, IssueGiftCard, MemoryStorage
from loyalty.testing import Shop, Step, Verb, books_of
from loyalty.testing.programs import minor
from loyalty.testing.strategies import programs


@given(programs(longest=50))
def test_what_is_owed_is_at_most_what_was_funded(program: list[Step]) -> None:
    """Funding is what issues and grants said; nothing else makes value, however it is paid, refunded and moved."""
    shop = Shop(MemoryStorage())
    funded: dict[str, int] = {}
    for step in program:
        played = shop.play(step)
        if played.is_committed and isinstance(played.command, IssueGiftCard | GrantStoreCredit):
            given_ = played.command.value if isinstance(played.command, IssueGiftCard) else played.command.amount
            funded[given_.currency.code] = funded.get(given_.currency.code, 0) + minor(given_)
        for currency, owed in books_of(shop.storages[0]).owed().items():
            assert owed <= funded.get(currency, 0)


@given(programs(without=(Verb.ISSUE, Verb.GRANT, Verb.REUSE_KEY)))
def test_after_the_last_funding_value_rises_only_by_refunds(program: list[Step]) -> None:
    """And a refund gives back at most what was paid before."""
    shop = Shop(MemoryStorage())
    paid: dict[str, int] = {}
    for step in program:
        before = books_of(shop.storages[0]).owed()
        shop.play(step)
        after = books_of(shop.storages[0]).owed()
        for currency, owed in after.items():
            change = owed - before.get(currency, 0)
            if step.verb not in {Verb.ISSUE, Verb.GRANT}:
                assert change <= paid.get(currency, 0)
                paid[currency] = paid.get(currency, 0) - change
