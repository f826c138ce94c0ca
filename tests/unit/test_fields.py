"""Fields that check themselves: what passes, in which form it is kept, and what they say when it does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
from moneyed import Currency, Money

from loyalty import fields
from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidAmount, InvalidRequest, InvalidTime, LoyaltyError, MalformedCode
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import Reference
from loyalty.money import ALL


def kept(value: Any, **how: Any) -> Any:
    """Return what a class with one field keeps of a value."""
    made = attrs.make_class("Asked", {"the_field": attrs.field(**how)}, frozen=True, kw_only=True)
    return made(the_field=value).the_field


class Text(str):
    """A text of a host's own class."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("validator", "longest"),
    [(fields.is_key, 200), (fields.is_text, 200), (fields.is_optional_text, 200), (fields.is_note, 2000)],
)
def test_texts_have_a_length(validator: Callable[..., None], longest: int) -> None:
    """From one character to the limit, both included."""
    assert "x" * longest == kept("x" * longest, validator=validator)
    assert "x" == kept("x", validator=validator)
    for text in ("", "x" * (longest + 1)):
        with pytest.raises(InvalidRequest):
            kept(text, validator=validator)


@pytest.mark.parametrize("validator", [fields.is_key, fields.is_text])
def test_required_texts_are_required(validator: Callable[..., None]) -> None:
    """None is no text."""
    with pytest.raises(InvalidRequest):
        kept(None, validator=validator)


@pytest.mark.parametrize("validator", [fields.is_optional_text, fields.is_note, fields.is_reference])
def test_optional_fields_take_none(validator: Callable[..., None]) -> None:
    """None stays None."""
    assert kept(None, validator=validator) is None


@pytest.mark.parametrize("validator", [fields.is_key, fields.is_text, fields.is_optional_text, fields.is_note])
def test_a_text_of_another_class_is_kept_as_plain_text(validator: Callable[..., None]) -> None:
    """Nothing that is stored depends on a class of the host."""
    assert ("ada", str) == (kept(Text("ada"), validator=validator), type(kept(Text("ada"), validator=validator)))


def test_only_notes_have_several_lines() -> None:
    """A line break is fine in a note and nowhere else."""
    assert "a\nb\tc" == kept("a\nb\tc", validator=fields.is_note)
    for validator in (fields.is_key, fields.is_text, fields.is_optional_text):
        with pytest.raises(InvalidRequest):
            kept("a\nb", validator=validator)


def test_messages_name_the_field_and_not_the_value() -> None:
    """Whoever reads the message finds the field; the value might be a secret."""
    for how in (
        {"validator": fields.is_text},
        {"validator": fields.is_amount},
        {"validator": fields.is_flag},
        {"validator": fields.is_reference},
        {"validator": fields.is_one_of(LotOrigin)},
        {"validator": fields.is_whole_number(1, 5)},
    ):
        with pytest.raises(InvalidRequest) as caught:
            kept(b"the value", **how)
        assert "the_field" in str(caught.value)
        assert "the value" not in str(caught.value)


def test_amounts_are_positive_money_and_the_librarys_own() -> None:
    """What is kept is equal money that nobody else holds."""
    money = Money("5.00", "USD")
    mine = kept(money, validator=fields.is_amount)
    vars(money)["amount"] = Decimal(-1)
    assert Money("5.00", "USD") == mine
    for bad in (Money(0, "USD"), Money("-5", "USD"), 5, None, ALL):
        with pytest.raises(InvalidAmount):
            kept(bad, validator=fields.is_amount)


def test_everything_is_an_amount_only_where_it_is_said() -> None:
    """ALL passes one validator and not the other."""
    assert ALL is kept(ALL, validator=fields.is_amount_or_all)
    assert Money(5, "JPY") == kept(Money(5, "JPY"), validator=fields.is_amount_or_all)
    for bad in ("ALL", None, 0, Money(0, "USD")):
        with pytest.raises(InvalidAmount):
            kept(bad, validator=fields.is_amount_or_all)


def test_flags_are_true_or_false() -> None:
    """What merely looks like a flag is refused."""
    assert [True, False] == [kept(flag, validator=fields.is_flag) for flag in (True, False)]
    for bad in (1, 0, None, "True", ""):
        with pytest.raises(InvalidRequest):
            kept(bad, validator=fields.is_flag)


def test_references_have_lengths() -> None:
    """A type of 50 and an id of 200 characters is the most."""
    longest = Reference("t" * 50, "i" * 200)
    assert longest == kept(longest, validator=fields.is_reference)
    assert Reference is type(kept(Reference(Text("ticket"), Text("77")), validator=fields.is_reference))
    for bad in (Reference("t" * 51, "i"), Reference("t", "i" * 201), Reference("", "i"), ("ticket", "77"), 0):
        with pytest.raises(InvalidRequest):
            kept(bad, validator=fields.is_reference)


def test_members_of_an_enum_are_chosen_not_spelled() -> None:
    """The word of a member is not the member; None only where it is optional."""
    assert LotOrigin.REFUND is kept(LotOrigin.REFUND, validator=fields.is_one_of(LotOrigin))
    assert kept(None, validator=fields.is_one_of(LotOrigin, optional=True)) is None
    for bad in ("refund", None, LotOrigin, 1):
        with pytest.raises(InvalidRequest):
            kept(bad, validator=fields.is_one_of(LotOrigin))


def test_whole_numbers_have_bounds() -> None:
    """Both bounds are included; a flag, a float and a text are no numbers."""
    assert [1, 5] == [kept(number, validator=fields.is_whole_number(1, 5)) for number in (1, 5)]
    assert kept(None, validator=fields.is_whole_number(1, 5, optional=True)) is None
    for bad in (0, 6, True, 1.0, "1", None, Decimal(1)):
        with pytest.raises(InvalidRequest):
            kept(bad, validator=fields.is_whole_number(1, 5))


def test_sequences_are_frozen_in_their_order() -> None:
    """A list becomes a tuple of plain texts; a text, a set and a generator are no sequence here."""
    given = ["b", Text("a"), "b"]
    made = fields.to_texts(given)
    given.clear()
    assert ("b", "a", "b") == made
    assert {str} == {type(text) for text in made}
    assert 100 == len(fields.to_texts(["x"] * 100))
    bad: Any
    for bad in ("text", {"a"}, (text for text in "ab"), None, 5, ["x"] * 101, [None], ["x" * 201]):
        with pytest.raises(InvalidRequest):
            fields.to_texts(bad)


def test_codes_are_wrapped_at_once_and_counted_once() -> None:
    """A code is never kept as text; two spellings are one code; fifty are the most."""
    codes = fields.to_codes(["gift-aaaa", "GIFT AAAA", GiftCardCode.of("GIFT-BBBB")])
    assert (GiftCardCode.of("GIFTAAAA"), GiftCardCode.of("GIFTBBBB")) == codes
    assert GiftCardCode.of("A1") == fields.to_code("a1") == fields.to_optional_code("A-1")
    assert fields.to_optional_code(None) is None
    assert 50 == len(fields.to_codes([f"CODE-{number:02d}" for number in range(50)]))
    bad: Any
    for bad in ("GIFT-AAAA", {"GIFT-AAAA"}, None, ["A"] * 51, [None], [5]):
        with pytest.raises((InvalidRequest, MalformedCode)):
            fields.to_codes(bad)


def test_times_are_utc_or_missing() -> None:
    """An aware time in UTC passes, None passes, a naive time does not."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert at == fields.to_utc(at)
    assert fields.to_utc(None) is None
    with pytest.raises(InvalidTime):
        fields.to_utc(datetime(2026, 3, 1))  # noqa: DTZ001 - that is what is wrong with it


def test_metadata_is_copied_at_once() -> None:
    """Later changes of the host's mapping are not seen."""
    given: dict[str, object] = {"a": [1]}
    metadata = fields.to_metadata(given)
    given["a"] = "changed"
    assert {"a": [1]} == dict(metadata or {})
    assert fields.to_metadata(None) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [("0", "0"), (0, "0"), ("19", "19"), (100, "100"), ("7.70", "7.70"), (Decimal("8.875"), "8.875"), (".5", "0.5")],
)
def test_percentages_keep_their_figures(given: Any, expected: str) -> None:
    """A rate is kept exactly, and zero is a rate."""
    assert Decimal(expected) == fields.to_percentage(given)
    assert fields.to_percentage(None) is None


@pytest.mark.parametrize(
    "given", [-1, "100.000001", "0.0000001", 1.5, True, "", ".", "1e1", "NaN", Decimal("Infinity")]
)
def test_other_percentages_are_refused(given: Any) -> None:
    """Below 0, above 100, more than six decimals, floats and odd texts are invalid amounts."""
    with pytest.raises(InvalidAmount):
        fields.to_percentage(given)


def test_currencies_are_known_or_of_the_hosts_own_making() -> None:
    """A code must be known exactly as it is written; an object says for itself what it is."""
    points = Currency(code="PTS", sub_unit=1)
    assert ("USD", 100) == (fields.to_currency("USD").code, fields.to_currency("USD").sub_unit)
    assert ("PTS", 1) == (fields.to_currency(points).code, fields.to_currency(points).sub_unit)
    bad: Any
    for bad in ("usd", "PTS", "", None, 840, "XXX", Currency(code="USD", sub_unit=3)):
        with pytest.raises(LoyaltyError):
            fields.to_currency(bad)


def test_a_currency_to_look_for_may_be_unknown() -> None:
    """A query names a currency by any well-formed code, since an account in it may exist."""
    assert ["USD", "PTS", "PTS", None] == [
        fields.to_optional_currency_code(value) for value in ("USD", "PTS", Currency(code="PTS", sub_unit=1), None)
    ]
    bad: Any
    for bad in ("usd", "", "X" * 13, 5, b"USD", "US\n"):
        with pytest.raises(InvalidRequest):
            fields.to_optional_currency_code(bad)


def test_exactly_one_of_several_is_given() -> None:
    """None and two are both wrong; falsy values count as given."""
    fields.require_one_of(code=None, gift_card_id="x")
    fields.require_one_of(code="", gift_card_id=None)
    for given in (
        {"code": None, "gift_card_id": None},
        {"code": "a", "gift_card_id": "b"},
        {"code": "", "gift_card_id": 0},
    ):
        with pytest.raises(InvalidRequest) as caught:
            fields.require_one_of(**given)
        assert "code, gift_card_id" in str(caught.value)


def test_both_or_neither_is_given() -> None:
    """Half of a pair is wrong."""
    fields.require_together(customer_id="ada", currency="USD")
    fields.require_together(customer_id=None, currency=None)
    with pytest.raises(InvalidRequest) as caught:
        fields.require_together(customer_id="ada", currency=None)
    assert "customer_id and currency" in str(caught.value)
