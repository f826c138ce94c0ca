"""The barcode of an article is never taken for a gift card code, whatever the settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean

from loyalty.codes.code import GiftCardCode
from loyalty.codes.format import CodeFormat
from loyalty.errors import MalformedCode

formats = st.builds(
    CodeFormat,
    prefix=st.sampled_from(["GIFT", ""]) | st.text("0123456789", max_size=12) | st.text("OIL01A", max_size=12),
    symbols=st.integers(17, 52),
    allow_chosen=st.booleans(),
    chosen_minimum_length=st.integers(8, 20),
)


@given(formats, st.text("0123456789", min_size=12, max_size=12))
def test_ean13(format_: CodeFormat, digits: str) -> None:
    """Thirteen digits with the right check digit, as a scanner sends them, are malformed."""
    code = GiftCardCode.of(digits + ean.calc_check_digit(digits))
    with pytest.raises(MalformedCode):
        format_.require(code)


@given(formats, st.sampled_from([7, 11, 13]), st.data())
def test_other_article_numbers(format_: CodeFormat, length: int, data: st.DataObject) -> None:
    """So are EAN-8, UPC-A and GTIN-14."""
    digits = data.draw(st.text("0123456789", min_size=length, max_size=length))
    with pytest.raises(MalformedCode):
        format_.require(GiftCardCode.of(digits + ean.calc_check_digit(digits)))


@given(st.text("0123456789OIL", min_size=13, max_size=13))
def test_article_numbers_cannot_be_chosen(digits: str) -> None:
    """Thirteen digits, misread ones included, cannot be made a code either."""
    with pytest.raises(MalformedCode):
        CodeFormat(allow_chosen=True, chosen_minimum_length=8).require_chosen(GiftCardCode.of(digits))
