"""What a storage does not claim is skipped and named, and what it claims is tried, whatever its base classes claim."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from loyalty import MemoryStorage
from loyalty.testing import AsyncStorageConformance, Capabilities, StorageConformance
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.async_case import AsyncKitCase
from loyalty.testing.kit.case import KitCase

ABILITIES: Final = [field.name for field in attrs.fields(Capabilities)]
NOTHING: Final = Capabilities(**dict.fromkeys(ABILITIES, False))
EVERYTHING: Final = Capabilities(**dict.fromkeys(ABILITIES, True))

HOOKS: Final = {
    "second_handle": "reopen",
    "processes": "opener",
    "corruptible": "corrupt_balance",
    "joins_host_transaction": "host_transaction",
}
"""What is to be supplied for an ability; threads need nothing."""


def names_of(kit: type) -> set[str]:
    """Return the names of a kit's tests, skipped ones too."""
    return {name for name in dir(kit) if name.startswith("test_")}


def skipped_in(kit: type) -> dict[str, str]:
    """Return which tests are skipped, and why."""
    marks = {name: getattr(getattr(kit, name), "pytestmark", ()) for name in names_of(kit)}
    return {name: mark.kwargs["reason"] for name, own in marks.items() for mark in own if mark.name == "skip"}


@pytest.mark.parametrize("base", [StorageConformance, AsyncStorageConformance])
@pytest.mark.parametrize("ability", ABILITIES)
def test_a_missing_ability_is_a_skipped_test_that_says_so(base: type[StorageConformance], ability: str) -> None:
    """Of each such test there is one, and no other is skipped."""

    class Lacking(base):  # type: ignore[valid-type, misc]  # either base
        """Can all but one thing."""

        capabilities = attrs.evolve(EVERYTHING, **{ability: False})

    skipped = skipped_in(Lacking)

    assert skipped
    assert {f"Lacking does not claim `{ability}`"} == set(skipped.values())
    assert names_of(base) == names_of(Lacking)
    assert all("parametrize" != mark.name for name in skipped for mark in getattr(Lacking, name).pytestmark)


@pytest.mark.parametrize("base", [StorageConformance, AsyncStorageConformance])
def test_who_claims_more_than_his_base_is_tried(base: type[StorageConformance]) -> None:
    """A kit that inherits from one with fewer abilities has all the tests of those that it claims itself."""

    class Poor(base):  # type: ignore[valid-type, misc]  # either base
        """Claims nothing."""

        capabilities = NOTHING

    class Poorer(Poor):
        """Skips again what is skipped."""

    class Rich(Poorer):
        """Claims everything."""

        capabilities = EVERYTHING

    assert skipped_in(Poor).keys() == skipped_in(Poorer).keys() > set()
    assert {} == skipped_in(Rich)
    assert all(getattr(StorageConformance, name) is getattr(Rich, name) for name in names_of(StorageConformance))


def test_the_async_kit_has_every_test_of_the_blocking_one() -> None:
    """And some that only tasks can make."""
    assert names_of(StorageConformance) < names_of(AsyncStorageConformance)


def test_a_test_that_an_author_replaces_is_his() -> None:
    """Whatever the test that it takes the place of asks for."""

    class Own(StorageConformance):
        """Claims nothing, and has a test of its own."""

        capabilities = NOTHING

        def test_another_handle_sees_the_same_books(self, stand: Any) -> None:
            """Do it in another way."""

    assert "test_another_handle_sees_the_same_books" not in skipped_in(Own)


def test_an_ability_that_there_is_not_cannot_be_asked_for() -> None:
    """A mistyped one would be one that nobody lacks."""
    with pytest.raises(AttributeError):
        needs("thread")


@pytest.mark.parametrize("ability", HOOKS)
def test_an_ability_that_is_claimed_must_be_supplied(ability: str) -> None:
    """Who claims it and forgets the method for it is told both names."""
    hook = getattr(KitCase(), HOOKS[ability])
    with pytest.raises(NotImplementedError, match=f"supply {HOOKS[ability]}, or do not claim {ability}"):
        hook(MemoryStorage(), *(("id", 0) if ability == "corruptible" else ()), **_options(ability))


def _options(ability: str) -> dict[str, bool]:
    return {"commit": True} if ability == "joins_host_transaction" else {}


@pytest.mark.parametrize(("hook", "ability"), [("reopen_async", "second_handle"), ("async_opener", "processes")])
def test_so_it_is_for_an_async_storage(hook: str, ability: str) -> None:
    """With the names of its own methods."""
    with pytest.raises(NotImplementedError, match=f"supply {hook}, or do not claim {ability}"):
        getattr(AsyncKitCase(), hook)(None)


def test_every_ability_is_claimed_and_asked_for() -> None:
    """There is none without a test, and none that has no method and no default."""
    assert set(ABILITIES) == {"threads", *HOOKS}
    assert Capabilities(threads=True) == Capabilities()


def test_the_summary_of_pytest_names_what_was_not_tried(tmp_path: Path) -> None:
    """An author who runs the kit reads which abilities his storage was not asked about."""
    (tmp_path / "test_it.py").write_text(
        "from loyalty import MemoryStorage\n"
        "from loyalty.testing import StorageConformance\n"
        "class TestIt(StorageConformance):\n"
        "    def make_storage(self):\n"
        "        return MemoryStorage()\n"
    )
    command = [sys.executable, "-m", "pytest", "-rs", "-k", "handle or host", "-p", "no:cacheprovider", str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, cwd=tmp_path).stdout

    assert "TestIt does not claim `second_handle`" in told
    assert "TestIt does not claim `joins_host_transaction`" in told
