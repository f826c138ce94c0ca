"""The example of a storage that somebody else writes: it passes the kit, and a crash leaves old books or new ones."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any, Final

import attrs
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from loyalty_json_file import JsonFileStorage

from docs import public_reference
from loyalty import Audit, Loyalty, MemoryStorage, RedeemGiftCard
from loyalty.errors import OutcomeUnknown, StorageUnavailable
from loyalty.ports.storage import Storage
from loyalty.testing import (
    Capabilities,
    CountingIds,
    FakeClock,
    LedgerMachine,
    Opener,
    StorageConformance,
    books_of,
    fake_code_keys,
)
from loyalty.testing.kit.case import START, Stand
from loyalty.testing.programs import money
from tests.faults.processes import lives_through
from tests.storages.test_machine import profile

EXAMPLE: Final = Path(__file__).parents[2] / "docs" / "examples" / "json_file"


@contextmanager
def opened(path: Path) -> Iterator[Storage]:
    """Give a storage on a file, wherever this is called; there is nothing to close."""
    yield JsonFileStorage(path, durable=False)


class TestJsonFileStorage(StorageConformance):
    """The books in one JSON file pass the kit."""

    capabilities = Capabilities(second_handle=True, processes=True, corruptible=True)

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.path = tmp_path / "books.json"

    def make_storage(self) -> Storage:
        """Return one on a file that is not there yet."""
        # The kit kills programs and not machines, so it need not wait for the disk.
        return JsonFileStorage(self.path, durable=False)

    def reopen(self, storage: Storage) -> Storage:
        """Return another one on the same file."""
        assert isinstance(storage, JsonFileStorage)
        return JsonFileStorage(self.path, durable=False)

    def opener(self, storage: Storage) -> Opener:
        """Open one on the same file in another process."""
        assert isinstance(storage, JsonFileStorage)
        return partial(opened, self.path)

    def corrupt_balance(self, storage: Storage, account_id: str, posted: int) -> None:
        """Change a balance by editing the file."""
        assert isinstance(storage, JsonFileStorage)
        plain = json.loads(self.path.read_bytes())
        plain["books"]["gift_cards"][account_id]["account"]["posted"] = posted
        self.path.write_text(json.dumps(plain), encoding="utf-8")


# --- random programs -------------------------------------------------------------


class JsonFileMachine(LedgerMachine):
    """Memory and a file, with equal answers and equal books after every command."""

    def __init__(self, paths: Iterator[Path]) -> None:
        """Take a fresh file for each program."""
        self._paths = paths
        super().__init__()

    def make_storages(self) -> tuple[Storage, ...]:
        """Return memory, and a file that is not there yet."""
        return MemoryStorage(), JsonFileStorage(next(self._paths), durable=False)


def test_any_program_does_in_a_file_what_it_does_in_memory(tmp_path: Path) -> None:
    """The same answers, errors and books."""
    paths = (tmp_path / f"{number}.json" for number in count())
    machine: Any = partial(JsonFileMachine, paths)
    run_state_machine_as_test(machine, settings=settings(profile(programs=1, steps=25), max_examples=15))


# --- a crash ------------------------------------------------------------------------


COMMIT: Final = {"run", "locked", "replace", "_write", "_sync_directory"}
"""The functions of the adapter that a commit goes through."""


def _redeem(code: str, key: str) -> RedeemGiftCard:
    return RedeemGiftCard(code=code, amount=money(1), order_id="order", idempotency_key=key)


def _redeem_and_die(path: Path, code: str, key: str, dies_at: int) -> None:
    """Redeem, and be killed before a line of the adapter's commit: no handler and no `finally` runs."""
    lines = count(1)

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if Path(frame.f_code.co_filename).parent.name != "loyalty_json_file":
            return None
        if event == "line" and frame.f_code.co_name in COMMIT and next(lines) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    loyalty = Loyalty(
        JsonFileStorage(path), code_keys=fake_code_keys(), clock=FakeClock(START), new_id=CountingIds(f"{key}-")
    )
    sys.settrace(trace)
    loyalty.execute(_redeem(code, key))


def test_a_process_killed_at_any_line_of_a_commit_leaves_the_old_books_or_the_new(tmp_path: Path) -> None:
    """Whole, and not locked; a retry gives exactly one effect."""
    path = tmp_path / "books.json"
    stand = Stand(JsonFileStorage(path))
    card, found = stand.card(1000), set()
    for dies_at in count(1):
        before = stand.books()
        lived = lives_through(_redeem_and_die, path, card.code, f"cut {dies_at}", dies_at)
        between = books_of(JsonFileStorage(path))
        stand.execute(_redeem(card.code, f"cut {dies_at}"))
        after = stand.books()

        assert between in (before, after)
        assert len(before.receipts) + 1 == len(after.receipts)
        if lived:
            break
        found.add(between == after)
    assert {False, True} == found
    stand.require_sound()


def test_the_disk_has_the_new_books_before_they_get_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First their content is on the disk, then they take the place of the old ones, then the disk knows that too."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        steps.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        steps.append(f"{path.name} is {target.name}, {len(path.read_bytes()) > 0}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    Stand(JsonFileStorage(tmp_path / "books.json")).card()

    assert ["file", "books.json.new is books.json, True", "directory"] == steps


# --- what goes wrong without a crash --------------------------------------------------


def _full(*, is_directory: bool) -> Callable[[int], None]:
    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) is is_directory:
            raise OSError(28, "No space left on device")

    return fsync


def test_a_full_disk_leaves_the_old_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is refused in our words, and done when there is room again."""
    stand = Stand(JsonFileStorage(tmp_path / "books.json"))
    card = stand.card(5)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _full(is_directory=False))
        with stand.refuses(StorageUnavailable):
            stand.execute(_redeem(card.code, "once"))

    stand.execute(_redeem(card.code, "once"))
    assert money(4) == stand.left_on(card)


def test_what_may_not_survive_the_loss_of_power_is_not_called_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outcome is unknown, and the same key tells it: the effect is there once."""
    stand = Stand(JsonFileStorage(tmp_path / "books.json"))
    card = stand.card(5)
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", _full(is_directory=True))
        with pytest.raises(OutcomeUnknown):
            stand.execute(_redeem(card.code, "once"))

    stand.execute(_redeem(card.code, "once"))
    assert money(4) == stand.left_on(card)


def test_work_that_calls_its_own_storage_loses_nothing(tmp_path: Path) -> None:
    """It waits for itself, in vain, and is told so."""
    storage = JsonFileStorage(tmp_path / "books.json", lock_seconds=0.05)
    stand = Stand(storage)
    with pytest.raises(StorageUnavailable):
        storage.run(lambda _: stand.card())

    stand.card(7)
    assert {"USD": 7} == stand.books().owed()


def test_a_place_that_is_not_there_is_told_in_our_words(tmp_path: Path) -> None:
    """Whoever reads finds no books; whoever writes is told that the storage is unavailable."""
    (tmp_path / "a file").touch()
    stand = Stand(JsonFileStorage(tmp_path / "a file" / "books.json"))

    assert stand.loyalty.ask(Audit()).is_clean
    with pytest.raises(StorageUnavailable):
        stand.card()


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"{}", b"\xff", b'{"format":2,"books":{}}', b'{"format":1,"books":{"coupons":{}}}', b'{"format":1}'],
)
def test_books_that_cannot_be_read_are_left_alone(tmp_path: Path, content: bytes) -> None:
    """Torn, of another program or of a newer version: nothing is guessed, and nothing is written over them."""
    path = tmp_path / "books.json"
    path.write_bytes(content)
    stand = Stand(JsonFileStorage(path))
    for act in (stand.card, stand.books):
        with pytest.raises(StorageUnavailable):
            act()

    assert content == path.read_bytes()


def test_a_field_of_a_newer_version_is_not_dropped(tmp_path: Path) -> None:
    """What this version does not know it does not write over."""
    path = tmp_path / "books.json"
    stand = Stand(JsonFileStorage(path, durable=False))
    card = stand.card()
    plain = json.loads(path.read_bytes())
    plain["books"]["gift_cards"][card.gift_card.account_id]["colour"] = "red"
    path.write_text(json.dumps(plain), encoding="utf-8")

    with pytest.raises(StorageUnavailable):
        stand.card()


# --- whoever is outside of the package --------------------------------------------------


def _names_used() -> Iterator[str]:
    for path in EXAMPLE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "loyalty":
                yield from (f"{node.module}.{name.name}" for name in node.names)


def test_an_adapter_needs_nothing_but_public_names() -> None:
    """Everything that the example imports of `loyalty` stands in the reference."""
    shown = {name.dotted for names in public_reference.rooms().values() for name in names}
    used = set(_names_used())

    assert len(used) > 30
    assert set() == {name for name in used if name not in shown}


PAGE: Final = (EXAMPLE.parents[1] / "writing-an-adapter.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_in_the_kit() -> None:
    """And none was renamed since."""
    named = set(re.findall(r"`(test_\w+)`", PAGE))

    assert len(named) > 12
    assert set() == named - set(dir(StorageConformance))


def test_the_page_lists_every_ability_with_its_default_and_method() -> None:
    """As they are."""
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (?:nothing|`(\w+)`) \|", PAGE, re.MULTILINE)

    assert [(field.name, str(field.default)) for field in attrs.fields(Capabilities)] == [row[:2] for row in rows]
    assert all(hasattr(StorageConformance, hook) for _, _, hook in rows if hook)
