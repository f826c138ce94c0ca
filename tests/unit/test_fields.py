"""Fields that check themselves: what passes, in which form it is kept, and what they say when it does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest
from moneyed import Currency, Money

import loyalty
from loyalty import (
    DebitStoreCredit,
    GiftCardTender,
    IssueGiftCard,
    OrderLine,
    PayWithBalances,
    RedeemGiftCard,
    RefundRedemption,
    fields,
)
from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidAmount, InvalidRequest, InvalidTime, LoyaltyError, MalformedCode
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import Reference
from loyalty.money import ALL
from tests.use_cases.shop import KEYS


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


# --- durations, optional amounts, lists of things ---------------------------

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=366)
DURATION = fields.is_optional_duration(SHORTEST, LONGEST)


class Duration(timedelta):
    """A duration of a host's own class."""


def test_durations_have_bounds() -> None:
    """None and both bounds pass; one microsecond beyond either does not."""
    for length in (None, SHORTEST, SHORTEST + timedelta(microseconds=1), LONGEST):
        assert length == kept(length, validator=DURATION)
    for length in (SHORTEST - timedelta(microseconds=1), LONGEST + timedelta(microseconds=1), timedelta(0), -SHORTEST):
        with pytest.raises(InvalidRequest):
            kept(length, validator=DURATION)


@pytest.mark.parametrize("wrong", [1, 1.0, True, "PT15M", datetime(2026, 1, 1, tzinfo=UTC), object], ids=repr)
def test_only_durations_are_durations(wrong: object) -> None:
    """A number does not say its unit, and an instant is no length."""
    with pytest.raises(InvalidRequest, match="the_field"):
        kept(wrong, validator=DURATION)


def test_a_duration_of_another_class_is_kept_as_a_plain_one() -> None:
    """To the microsecond, and nothing that is stored depends on a class of the host."""
    given = Duration(days=1, seconds=2, microseconds=3)
    assert (given, timedelta) == (kept(given, validator=DURATION), type(kept(given, validator=DURATION)))


def test_an_optional_amount_is_none_or_an_amount() -> None:
    """None stays None and is never zero; everything else is an amount or refused, ALL too."""
    assert None is kept(None, validator=fields.is_optional_amount)
    assert Money("0.01", "USD") == kept(Money("0.01", "USD"), validator=fields.is_optional_amount)
    for wrong in (Money(0, "USD"), Money(-1, "USD"), Money("0.001", "USD"), ALL, 0, False, ""):
        with pytest.raises(InvalidAmount):
            kept(wrong, validator=fields.is_optional_amount)


class Thing:
    """What a list is made of."""


class Better(Thing):
    """A thing of a host's own class."""


def test_lists_of_things_are_frozen() -> None:
    """A list or tuple of one class becomes a tuple, in its order, doubles included, up to the most."""
    one, other = Thing(), Better()
    assert (one, other, one) == fields.to_instances([one, other, one], Thing, 3)
    assert () == fields.to_instances((), Thing, 3)
    given = [one]
    frozen = fields.to_instances(given, Thing, 3)
    given.append(other)
    assert (one,) == frozen


@pytest.mark.parametrize(
    "wrong",
    [None, Thing(), {Thing()}, {"a": Thing()}, iter([Thing()]), [Thing] * 2, [Thing(), None], [Thing()] * 4, "ab"],
    ids=lambda wrong: type(wrong).__name__,
)
def test_other_lists_are_refused(wrong: Any) -> None:
    """No sets, no mappings, no generators, no single thing, nothing of another class, and not too many."""
    with pytest.raises(InvalidRequest):
        fields.to_instances(wrong, Thing, 3)


# --- fields that came later -------------------------------------------------

MONEY = Money("12.34", "USD")

BEFORE_HOLDS: list[tuple[Any, bytes, str]] = [
    (
        PayWithBalances(
            order_id="1001",
            amount_due=MONEY,
            codes=("GIFT-0000-0000",),
            gift_card_ids=("card-1",),
            customer_id="ada",
            idempotency_key="k",
        ),
        (
            b'["PayWithBalances",{"amount_due":[1234,"USD",2],"codes":["G1FT00000000"],"customer_id":"ada",'
            b'"gift_card_ids":["card-1"],"order_id":"1001","use_store_credit":true}]'
        ),
        "09aac5bd619ca4e356d10b7c12128b88484667db8ed3c9d0a8ac73444590161b",
    ),
    (
        PayWithBalances(order_id="1001", amount_due=MONEY, customer_id="ada", actor="till/3", idempotency_key="k"),
        (
            b'["PayWithBalances",{"actor":"till/3","amount_due":[1234,"USD",2],"codes":[],"customer_id":"ada",'
            b'"gift_card_ids":[],"order_id":"1001","use_store_credit":true}]'
        ),
        "abad57216b6b27d405d599a2272d460d599da944012385360ff09fc4eecec2c4",
    ),
    (
        RedeemGiftCard(gift_card_id="card-1", amount=MONEY, order_id="1001", customer_id="ada", idempotency_key="k"),
        b'["RedeemGiftCard",{"amount":[1234,"USD",2],"customer_id":"ada","gift_card_id":"card-1","order_id":"1001"}]',
        "9c896fc8f05908fec874333b4d5a0ab4fc3b3a8bd58e9aa3f38cd0ccff9f4360",
    ),
    (
        DebitStoreCredit(customer_id="ada", amount=MONEY, order_id="1001", idempotency_key="k"),
        b'["DebitStoreCredit",{"amount":[1234,"USD",2],"customer_id":"ada","order_id":"1001"}]',
        "ceed7e838e735c24d798c17068ae28150c82083927cea5948ccfc853aa8bb749",
    ),
    (
        IssueGiftCard(value=MONEY, idempotency_key="k"),
        b'["IssueGiftCard",{"tags":[],"tax_treatment":"multi_purpose","value":[1234,"USD",2]}]',
        "b22321ca9a31ffe7941febb7d38c9a7fb8c94686106f574ad39eb1a01f8b1819",
    ),
    (
        RefundRedemption(order_id="1001", amount=ALL, idempotency_key="k"),
        b'["RefundRedemption",{"amount":"ALL","order_id":"1001"}]',
        "967e0f91aca062eaf7cce3c0a1d8141f36d4a4a401da41feb1997c090c8f5211",
    ),
]
"""What commands said before there were holds, taken down by the source of that time, with their fingerprints."""


@pytest.mark.parametrize(("command", "content", "fingerprint"), BEFORE_HOLDS, ids=lambda one: type(one).__name__)
def test_commands_say_what_they_said_before_a_field_came(command: Any, content: bytes, fingerprint: str) -> None:
    """Fields that came later stay out while they have their defaults, so old keys answer for ever."""
    assert content == command.content()
    assert fingerprint == KEYS.fingerprint(command.content())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenders", (GiftCardTender(gift_card_id="card-2"),)),
        ("store_credit_at_most", MONEY),
        ("store_credit_priority", 1),
        ("lines", (OrderLine(id="a", amount=MONEY),)),
    ],
)
def test_a_later_field_counts_once_it_says_something(field: str, value: object) -> None:
    """Another value than the default is another content."""
    command, content, _ = BEFORE_HOLDS[0]
    said = attrs.evolve(command, **{field: value}).content()
    assert content != said
    assert field.encode() in said
    default = attrs.fields_dict(type(command))[field].default
    assert content == attrs.evolve(command, **{field: default}).content()


def test_only_fields_that_may_stay_away_came_later() -> None:
    """Every later field has a default, or old keys could not be read as having it."""
    commands = [
        thing for name in loyalty.__all__ if isinstance(thing := getattr(loyalty, name), type) and attrs.has(thing)
    ]
    later = [field for kind in commands for field in attrs.fields(kind) if field.metadata.get("later")]
    assert {"lines", "tenders", "store_credit_at_most", "store_credit_priority"} <= {field.name for field in later}
    assert all(field.default is not attrs.NOTHING for field in later)
