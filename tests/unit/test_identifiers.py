"""Ids, texts and metadata: what may come in, and that it stays as it came."""

from __future__ import annotations

import enum
import json
import pickle
from collections import UserDict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import RFC_4122, UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.clock import system_clock
from loyalty.errors import InvalidRequest
from loyalty.identifiers import (
    Metadata,
    freeze_metadata,
    random_id,
    require_key,
    require_optional_text,
    require_text,
)


class Reason(enum.StrEnum):
    """A text that is more than a text."""

    LATE = "late parcel"


class Loud(str):
    """A text that shows itself differently."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return something else than the content."""
        return self.upper()


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5), inner, max_size=3
        )
    ),
    max_leaves=6,
).filter(lambda value: _depth(value) < 8)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


# --- new ids ----------------------------------------------------------------


def test_random_id_is_a_uuid_of_version_7() -> None:
    """An id is the canonical text of a version 7 UUID."""
    text = random_id()
    parsed = UUID(text)
    assert (text, 7, RFC_4122) == (str(parsed), parsed.version, parsed.variant)


def test_random_id_holds_the_present_millisecond() -> None:
    """The first 48 bits are the Unix time in milliseconds."""
    before = system_clock() - timedelta(milliseconds=1)
    made_at = datetime.fromtimestamp((UUID(random_id()).int >> 80) / 1000, UTC)
    assert before <= made_at <= system_clock() + timedelta(milliseconds=1)


def test_random_ids_do_not_repeat_and_are_ordered_by_time() -> None:
    """Twenty thousand ids in a row are all different, and go up as the clock does."""
    ids = [random_id() for _ in range(20_000)]
    assert len(ids) == len(set(ids))
    ticks = [text[:18] for text in ids]
    assert sorted(ticks) == ticks


# --- texts ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a", "x" * 200, " ends ", "Zoë 🎁 Ångström", "👩‍👧", "' OR 1=1 --", "{0!r} %s", "é" * 200]
)
def test_require_text_keeps_the_exact_content(text: str) -> None:
    """A text that can be stored comes back as it is."""
    assert text == require_text(text, "order_id")
    assert text == require_key(text)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "\u00a0\u2003",
        "x" * 201,
        "x" * 10_000_000,
        "a\x00b",
        "a\nb",
        "a\tb",
        "a\x7f",
        "a\x85",
        "a\u2028b",
        "a\ud800",
        "\udfffa",
        b"a",
        None,
        5,
        True,
        ["a"],
    ],
    ids=lambda value: repr(value)[:20],
)
def test_require_text_refuses_what_cannot_be_stored(value: object) -> None:
    """Empty, too long, control characters, broken text or no text: a typed error with the field's name."""
    with pytest.raises(InvalidRequest, match=r"^order_id "):
        require_text(value, "order_id")
    with pytest.raises(InvalidRequest, match=r"^idempotency_key "):
        require_key(value)


def test_messages_do_not_repeat_the_value() -> None:
    """What was sent is not shown, because it may be a secret in the wrong field."""
    with pytest.raises(InvalidRequest) as caught:
        require_text("CANARY\n", "note")
    assert "CANARY" not in str(caught.value)


def test_limit_counts_characters() -> None:
    """The limit is in characters, the bound included."""
    assert "🎁🎁" == require_text("🎁🎁", "note", 2)
    with pytest.raises(InvalidRequest):
        require_text("🎁🎁🎁", "note", 2)


def test_subclass_of_str_becomes_a_plain_str() -> None:
    """Neither an enum nor a clever subclass is kept; the content is."""
    results = [require_text(Reason.LATE, "reason"), require_text(Loud("abc"), "reason")]
    assert ["late parcel", "abc"] == results
    assert {str} == {type(result) for result in results}


def test_multiline_text_may_have_line_breaks() -> None:
    """A gift message has lines; it still has no other control characters."""
    message = "Dear Ada,\r\n\n\thappy birthday!"
    assert message == require_text(message, "message", 500, multiline=True)
    for bad in ("a\x00", "a\x1b[31m", "\ud800", "\n \n"):
        with pytest.raises(InvalidRequest):
            require_text(bad, "message", multiline=True)


def test_require_optional_text() -> None:
    """None stays None; everything else is checked."""
    assert (None, "a") == (require_optional_text(None, "note"), require_optional_text("a", "note"))
    with pytest.raises(InvalidRequest):
        require_optional_text("", "note")


# --- metadata ---------------------------------------------------------------


def test_metadata_reads_like_a_mapping() -> None:
    """What went in can be read, in the order of the keys."""
    metadata = freeze_metadata({"b": [1, {"c": None}], "a": "x", "t": (1, 2)})
    assert {"a": "x", "b": [1, {"c": None}], "t": [1, 2]} == metadata
    assert ["a", "b", "t"] == list(metadata)
    assert (3, "x", None) == (len(metadata), metadata["a"], metadata.get("z"))
    assert '{"a":"x","b":[1,{"c":null}],"t":[1,2]}' == metadata.json


def test_no_metadata_is_empty_metadata() -> None:
    """None and an empty mapping are the same."""
    assert freeze_metadata({}) == freeze_metadata(None)
    assert "{}" == freeze_metadata(None).json


def test_metadata_does_not_follow_its_source() -> None:
    """What the host changes after the call changes nothing."""
    source: dict[str, Any] = {"tags": ["a"], "inner": {"n": 1}}
    metadata = freeze_metadata(source)
    source["tags"].append("b")
    source["inner"]["n"] = 2
    source["new"] = True
    assert {"tags": ["a"], "inner": {"n": 1}} == metadata


def test_metadata_does_not_follow_its_readers() -> None:
    """What a reader does to a value stays with the reader."""
    metadata = freeze_metadata({"tags": ["a"]})
    tags = metadata["tags"]
    assert isinstance(tags, list)
    tags.append("b")
    assert {"tags": ["a"]} == metadata
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        metadata.json = "{}"  # type: ignore[misc]


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8), JSON, max_size=4
    )
)
def test_metadata_round_trips(value: dict[str, object]) -> None:
    """Through JSON, through itself and through pickle the metadata stays equal, and so does its hash."""
    metadata = freeze_metadata(value)
    for other in (
        freeze_metadata(json.loads(metadata.json)),
        freeze_metadata(dict(metadata)),
        freeze_metadata(UserDict(value)),
        Metadata(json=metadata.json),
        pickle.loads(pickle.dumps(metadata)),
    ):
        assert (metadata, hash(metadata)) == (other, hash(other))
    assert metadata == value


def test_metadata_tells_types_apart() -> None:
    """One, one point zero and true are three contents."""
    assert 3 == len({freeze_metadata({"a": value}) for value in (1, 1.0, True)})
    assert freeze_metadata({"a": 1}) != "a"


def test_subclasses_become_plain() -> None:
    """Enums and other subclasses are kept as the value they are."""
    assert '{"r":"late parcel","s":"abc"}' == freeze_metadata({"r": Reason.LATE, Loud("s"): Loud("abc")}).json


def _nested(depth: int) -> dict[str, object]:
    value: object = 1
    for _ in range(depth):
        value = {"d": value}
    assert isinstance(value, dict)
    return value


def _cyclic() -> dict[str, object]:
    value: dict[str, object] = {}
    value["self"] = value
    return value


def _laughing() -> dict[str, object]:
    value: object = "ha"
    for _ in range(6):
        value = [value] * 1000
    return {"billion": value}


@pytest.mark.parametrize(
    "value",
    [
        "text",
        5,
        [("a", 1)],
        {1: "a"},
        {None: "a"},
        {"a": object()},
        {"a": {1, 2}},
        {"a": b"bytes"},
        {"a": datetime(2026, 1, 1, tzinfo=UTC)},
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a": "\x00"},
        {"a": "\ud800"},
        {"\ud800": 1},
        {"a": 10**5000},
        {"a": "x" * 16_384},
        {"a": "x" * 10_000_000},
        {"a": "é" * 9_000},
        {str(number): None for number in range(3000)},
        _nested(9),
        _cyclic(),
        _laughing(),
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, dict) else ",".join(map(repr, value))[:20],
)
def test_freeze_metadata_refuses_what_is_not_small_json(value: object) -> None:
    """Not JSON, too deep, too large or endless: a typed error, at once."""
    with pytest.raises(InvalidRequest, match="metadata"):
        freeze_metadata(value)


def test_bounds_of_metadata_are_included() -> None:
    """Eight levels and 16 KiB are still fine."""
    assert _nested(8) == freeze_metadata(_nested(8))
    assert 16 * 1024 == len(freeze_metadata({"a": "x" * (16 * 1024 - 8)}).json)
    with pytest.raises(InvalidRequest):
        freeze_metadata({"a": "x" * (16 * 1024 - 7)})
