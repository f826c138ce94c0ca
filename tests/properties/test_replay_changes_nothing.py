"""The same request again answers equally and changes nothing, whenever it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loyalty import MemoryStorage
from loyalty.testing import Shop, Step, Verb, books_of
from loyalty.testing.strategies import programs
from loyalty.use_cases.command import Command


@given(programs(without=(Verb.REPLAY,)))
def test_every_request_at_the_end_of_a_program(program: list[Step]) -> None:
    """All that was carried out is sent once more, in the same order and in reverse."""
    shop = Shop(MemoryStorage())
    shop.play_all(program)
    books = books_of(shop.storages[0])
    for played in (*shop.committed, *reversed(shop.committed)):
        assert isinstance(played.command, Command)
        assert (played.result, None) == shop.execute(played.command)
        assert books == books_of(shop.storages[0])


@given(programs(without=(Verb.REPLAY, Verb.REUSE_KEY)), st.integers(1, 3))
def test_every_request_delivered_several_times(program: list[Step], times: int) -> None:
    """A program whose every request is delivered again at once ends in the same books as without."""
    once, often = Shop(MemoryStorage()), Shop(MemoryStorage())
    for step in program:
        first = once.play(step)
        again = often.play(step)
        for _ in range(times if isinstance(again.command, Command) and again.error is None else 0):
            assert again.command is not None
            assert (again.result, None) == often.execute(again.command)
        assert (type(first.result), type(first.error)) == (type(again.result), type(again.error))

    assert books_of(once.storages[0]).owed() == books_of(often.storages[0]).owed()
    assert len(books_of(once.storages[0]).transfers) == len(books_of(often.storages[0]).transfers)
