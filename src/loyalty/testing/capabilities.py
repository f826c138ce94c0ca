"""
What a storage can do, as named yes and no.

A test of the kit asks for an ability, never for a backend. Each ability has a
default that fits a storage about which nothing is known. A test whose ability
is missing is skipped for that storage, and the summary of pytest names both,
so that nobody takes for proven what was never tried.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import attrs
import pytest

__all__ = ["Capabilities", "needs", "skip_tests_beyond"]

Test = TypeVar("Test", bound=Callable[..., object])

_ABILITY: Final = "_loyalty_needs"
_STANDS_FOR: Final = "_loyalty_stands_for"


@attrs.frozen(kw_only=True)
class Capabilities:
    """
    The abilities of one storage.

    Args:
        threads:
            Several threads may use one storage at once.
        second_handle:
            ``reopen`` gives another storage on the same data, so that what is
            stored can be told from what is merely remembered.
        processes:
            ``opener`` opens the same data in other processes, which may all
            use it at once, and may be killed.
        corruptible:
            ``corrupt_balance`` changes a stored balance behind the storage's back.
        joins_host_transaction:
            ``host_transaction`` gives a storage that works inside a transaction of
            the host, which the host then commits or rolls back.
    """

    threads: bool = True
    second_handle: bool = False
    processes: bool = False
    corruptible: bool = False
    joins_host_transaction: bool = False


def needs(ability: str) -> Callable[[Test], Test]:
    """
    Mark a test of the kit as asking for one of the :class:`Capabilities`.

    Raises:
        AttributeError: If there is no such ability.
    """
    getattr(attrs.fields(Capabilities), ability)

    def mark(test: Test) -> Test:
        setattr(test, _ABILITY, ability)
        return test

    return mark


def skip_tests_beyond(capabilities: Capabilities, kit: type) -> None:
    """
    Put a skipped test on the class *kit* in place of each that asks for an ability that is missing.

    One that a base of *kit* skips comes back where the ability is there.
    """
    for name in dir(kit):
        found = getattr(kit, name)
        test = getattr(found, _STANDS_FOR, found)
        ability = getattr(test, _ABILITY, None)
        if ability is not None:
            _put(kit, name, test if getattr(capabilities, ability) else _skipped(test, kit, ability))


def _put(kit: type, name: str, test: object) -> None:
    if getattr(kit, name) is not test:
        setattr(kit, name, test)


def _skipped(test: Callable[..., object], kit: type, ability: str) -> Callable[..., object]:
    """Return a test that is skipped; once, however many cases the one that it stands for has."""

    def skipped(_: Any) -> None:
        raise AssertionError("it is skipped")

    skipped.__name__, skipped.__qualname__, skipped.__doc__ = test.__name__, test.__qualname__, test.__doc__
    setattr(skipped, _STANDS_FOR, test)
    return cast("Callable[..., object]", pytest.mark.skip(reason=f"{kit.__name__} does not claim `{ability}`")(skipped))
