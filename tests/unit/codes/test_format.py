"""Which texts can be a code of the shop."""

from __future__ import annotations

from typing import Any, Final

import attrs
import pytest

from loyalty.codes.check_character import check_symbol
from loyalty.codes.code import GiftCardCode
from loyalty.codes.format import CodeFormat
from loyalty.errors import InvalidRequest, MalformedCode

BODY: Final = "7KQ27KQ27KQ27KQ27KQ"
GENERATED: Final = f"GIFT-{BODY}{check_symbol(BODY)}"


def is_fine(format_: CodeFormat, text: str) -> bool:
    """Say whether the format lets the text pass."""
    code = GiftCardCode.of(text)
    try:
        return format_.require(code) is code
    except MalformedCode:
        return False


def test_default_carries_95_bits() -> None:
    """Nineteen random symbols and one check symbol."""
    assert (95, 80, 255) == tuple(CodeFormat(symbols=count).random_bits for count in (20, 17, 52))


@pytest.mark.parametrize(
    "changed",
    [
        {"prefix": "gift"},
        {"prefix": "GIFT-"},
        {"prefix": "A" * 13},
        {"prefix": "GÏFT"},
        {"prefix": "GIFT\n"},
        {"prefix": None},
        {"symbols": 16},
        {"symbols": 53},
        {"symbols": 20.0},
        {"symbols": True},
        {"symbols": "20"},
        {"group": 1},
        {"group": 0},
        {"group": None},
        {"group": 4.0},
        {"allow_chosen": 1},
        {"allow_chosen": None},
        {"chosen_minimum_length": 7},
        {"chosen_minimum_length": 101},
        {"chosen_minimum_length": "12"},
    ],
    ids=str,
)
def test_refuses_weak_or_wrong_settings(changed: dict[str, Any]) -> None:
    """A format that would be easy to guess, or that is no format, cannot be made."""
    with pytest.raises(InvalidRequest):
        CodeFormat(**changed)
    with pytest.raises(InvalidRequest):
        attrs.evolve(CodeFormat(), **changed)


@pytest.mark.parametrize(
    ("format_", "spelled"),
    [
        (CodeFormat(), "GIFT-7KQ2-7KQ2-7KQ2-7KQ2-7KQ2"),
        (CodeFormat(prefix=""), "7KQ2-7KQ2-7KQ2-7KQ2-7KQ2"),
        (CodeFormat(prefix="A", group=6), "A-7KQ27K-Q27KQ2-7KQ27K-Q2"),
        (CodeFormat(group=100), "GIFT-7KQ27KQ27KQ27KQ27KQ2"),
    ],
)
def test_spell(format_: CodeFormat, spelled: str) -> None:
    """A code is printed with its prefix and in groups."""
    assert spelled == format_.spell("7KQ2" * 5)


def test_longest_code_can_be_typed() -> None:
    """Even with the longest prefix, the most symbols and the smallest groups a code is not too long to read."""
    format_ = CodeFormat(prefix="ABCDEFGHJKMN", symbols=52, group=2)
    body = "Z" * 51
    assert is_fine(format_, format_.spell(body + check_symbol(body)))


def test_generated_code_passes_in_any_look() -> None:
    """The prefix is compared after look-alikes were read, on both sides."""
    assert [True] * 4 == [
        is_fine(CodeFormat(), text)
        for text in (GENERATED, GENERATED.lower(), GENERATED.replace("-", ""), GENERATED.replace("GIFT", "g1ft "))
    ]


@pytest.mark.parametrize(
    "text",
    [
        BODY + check_symbol(BODY),
        "GIFT" + BODY,
        GENERATED + "0",
        GENERATED[:-1],
        GENERATED[:-1] + ("0" if GENERATED[-1] != "0" else "1"),
        GENERATED.replace("GIFT", "GIFU"),
        GENERATED.replace("K", "U", 1),
        "GIFT",
        "7KQ2",
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    """Without the prefix, of another length, with a letter that is no symbol, or with a wrong check symbol."""
    assert not is_fine(CodeFormat(), text)


def test_chosen_codes_need_the_flag() -> None:
    """A chosen code is read only where the shop allows them."""
    text = "SUMMER-FOR-EVER"
    assert (False, True) == (is_fine(CodeFormat(), text), is_fine(CodeFormat(allow_chosen=True), text))
    with pytest.raises(InvalidRequest) as caught:
        CodeFormat().require_chosen(GiftCardCode.of(text))
    assert InvalidRequest is type(caught.value)


@pytest.mark.parametrize(
    "text",
    ["SUMMER26", "GIFT-SUMMER-FOR-EVER", "g1ft-summer-for-ever", "4006381333931", "123456789012", "12345678901234"],
)
def test_chosen_codes_have_a_floor(text: str) -> None:
    """Too short, beginning like a generated one, or the number of an article: refused when chosen and when read."""
    format_ = CodeFormat(allow_chosen=True)
    assert not is_fine(format_, text)
    with pytest.raises(MalformedCode):
        format_.require_chosen(GiftCardCode.of(text))


def test_mistyped_generated_code_is_never_read_as_chosen() -> None:
    """Allowing chosen codes does not weaken the check of the others."""
    wrong = GENERATED[:-1] + ("0" if GENERATED[-1] != "0" else "1")
    assert (True, False) == tuple(is_fine(CodeFormat(allow_chosen=True), text) for text in (GENERATED, wrong))


def test_without_a_prefix_any_long_text_may_be_chosen() -> None:
    """Where generated codes have no prefix there is nothing that a chosen one may not begin with."""
    format_ = CodeFormat(prefix="", allow_chosen=True, chosen_minimum_length=8)
    code = GiftCardCode.of("SUMMER26")
    assert code is format_.require_chosen(code)
    assert is_fine(format_, "SUMMER26")
    assert not is_fine(format_, "SUMMER2")
