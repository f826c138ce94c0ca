"""Events: frozen facts without secrets."""

from __future__ import annotations

import inspect
import pickle

import attrs
import pytest

from loyalty import events
from loyalty.events import Event
from tests.unit.test_plain import event_classes, event_of

KINDS = list(event_classes())


def test_every_event_is_listed() -> None:
    """The list of public names is the list of events, in order."""
    assert sorted(["Event", *(kind.__name__ for kind in KINDS)]) == list(events.__all__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_events_are_frozen_values(kind: type[Event]) -> None:
    """Equal events are equal, can be keys, and cannot be changed."""
    one, two = event_of(kind), event_of(kind)
    assert 1 == len({one, two})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(one, attrs.fields(kind)[0].name, "changed")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_events_take_their_facts_by_name(kind: type[Event]) -> None:
    """Every fact is required and given by keyword, so that none is swapped or forgotten."""
    for field in attrs.fields(kind):
        assert field.kw_only
        assert field.default is attrs.NOTHING


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_event_has_a_place_for_a_code(kind: type[Event]) -> None:
    """No field of an event is a code, a digest or a key."""
    names = {field.name for field in attrs.fields(kind)}
    assert set() == {name for name in names if "code" in name or "digest" in name or "secret" in name or "key" in name}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_events_travel(kind: type[Event]) -> None:
    """An event comes out of a queue as it went in, and says what it is."""
    event = event_of(kind)
    assert event == pickle.loads(pickle.dumps(event))
    assert inspect.getdoc(kind)
