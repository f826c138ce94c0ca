"""
What a storage can do, as named yes and no.

A test of the kit asks for an ability, never for a backend. Each ability has a
default that fits a storage about which nothing is known; a test whose ability
is missing is not collected for that storage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

__all__ = ["Capabilities", "needs", "without_tests_beyond"]

Test = TypeVar("Test", bound=Callable[..., object])

_ABILITY = "_loyalty_needs"


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
        corruptible:
            ``corrupt_balance`` changes a stored balance behind the storage's back.
        joins_host_transaction:
            ``host_transaction`` gives a storage that works inside a transaction of
            the host, which the host then commits or rolls back.
    """

    threads: bool = True
    second_handle: bool = False
    corruptible: bool = False
    joins_host_transaction: bool = False


def needs(ability: str) -> Callable[[Test], Test]:
    """Mark a test of the kit as asking for one of the :class:`Capabilities`."""

    def mark(test: Test) -> Test:
        setattr(test, _ABILITY, ability)
        return test

    return mark


def without_tests_beyond(capabilities: Capabilities, kit: type) -> None:
    """Take those tests off the class *kit* that ask for an ability that is missing."""
    for name in dir(kit):
        ability = getattr(getattr(kit, name), _ABILITY, None)
        if ability is not None and not getattr(capabilities, ability):
            setattr(kit, name, None)
