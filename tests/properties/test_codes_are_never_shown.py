"""No text that the rooms of codes produce on their own contains a code or a secret."""

from __future__ import annotations

import json
import logging
import pprint
import traceback
from typing import TYPE_CHECKING, Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.codes.code import GiftCardCode, masked
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.errors import InvalidRequest, LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY: Final = "CANARY77"
SECRET: Final = "canary secret of the shop"

SIGNS: Final = st.characters(max_codepoint=0x2FF) | st.sampled_from(list("-_ \t0OIL\u0130\u200b\ud800"))


@attrs.frozen(kw_only=True)
class Holder:
    """What a command looks like: an attrs class with a code in it."""

    code: GiftCardCode
    keys: CodeKeys


def shown(value: object) -> Iterator[str]:
    """Yield every way in which a value gets into a log by accident."""
    yield from (repr(value), str(value), f"{value}", f"{value!a}", "%s %r" % (value, value), pprint.pformat(value))  # noqa: UP031 - one of the ways
    yield logging.LogRecord("name", logging.INFO, "path", 1, "%s", (value,), None).getMessage()


def shown_of(error: BaseException) -> Iterator[str]:
    """Yield every way in which an error gets into a log, with all it was caused by."""
    yield from shown(error)
    yield from map(repr, error.args)
    yield repr(vars(error) if hasattr(error, "__dict__") else "")
    yield "".join(traceback.format_exception(error))
    if isinstance(error, LoyaltyError):
        yield error.public_message
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__


def error_of(work: Callable[[], object]) -> InvalidRequest | None:
    """Return the typed error that the work raised, if it raised one."""
    try:
        work()
    except InvalidRequest as error:
        return error
    return None


def windows(text: str) -> list[str]:
    """Return every six symbols in a row."""
    return [text[start : start + 6] for start in range(len(text) - 5)]


def bare(text: str) -> str:
    """Return the text without what a mask may have put between."""
    return text.upper().replace("-", "").replace(" ", "")


@given(st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=12, max_size=60))
def test_codes_show_four_symbols(text: str) -> None:
    """Whichever way a code or what holds it is shown, no longer stretch of it comes out."""
    code = GiftCardCode.of("ZZ" + text)
    holder = Holder(code=code, keys=CodeKeys.from_secret(SECRET))
    values = (code, [code], {"code": code}, {code: 1}, holder, attrs.asdict(holder), attrs.astuple(holder))
    for value in values:
        for line in shown(value):
            assert f"…{code.reveal()[-4:]})" in line.replace("\\u2026", "…")
            assert [] == [part for part in windows(code.reveal()) if part in line.replace("\\u2026", "…")]
    assert f"••••-{code.reveal()[-4:]}" == masked(code.last_four)


def test_a_code_cannot_be_written_as_json_by_accident() -> None:
    """A serializer that does not know codes refuses, or gets the masked text."""
    code = GiftCardCode.of("CANARY77-CANARY77")
    with pytest.raises(TypeError):
        json.dumps({"code": code})
    assert CANARY not in json.dumps({"code": code}, default=str)


@given(st.text(SIGNS, max_size=120), st.text(SIGNS, max_size=120), st.booleans())
def test_errors_do_not_repeat_what_was_typed(before: str, after: str, allow_chosen: bool) -> None:
    """Whatever is wrong with a text, the error does not contain it, nor does any error it came from."""
    formats = (CodeFormat(allow_chosen=allow_chosen, chosen_minimum_length=40), CodeFormat(prefix="CANARY77"))
    for format_ in formats:
        for method in (format_.require, format_.require_chosen):
            error = error_of(lambda method=method: method(GiftCardCode.of(before + CANARY + after)))  # type: ignore[misc]
            assert error is None or [] == [line for line in shown_of(error) if CANARY in bare(line)]


@pytest.mark.parametrize("value", [CANARY.encode(), [CANARY], {CANARY: 1}, CANARY * 1_000_000])
def test_errors_do_not_repeat_what_is_no_text(value: object) -> None:
    """A code in the wrong wrapping is not shown either."""
    with pytest.raises(InvalidRequest) as caught:
        GiftCardCode.of(value)
    assert [] == [line for line in shown_of(caught.value) if CANARY in line]


@given(st.text("abcdefgßéж0123456789 /+=", min_size=16), st.binary(min_size=16))
def test_keys_show_no_secret(text: str, content: bytes) -> None:
    """Neither a secret nor a key derived from it is shown by the ring, or by what holds it."""
    keys = CodeKeys.from_secret(text + "canary", retired=[content])
    derived = [key for ring in keys._ring for key in (ring.digest, ring.mint, ring.fingerprint)]
    for value in (keys, [keys], attrs.asdict(keys), attrs.astuple(keys), keys._ring[0]):
        for line in shown(value):
            assert text + "canary" not in line
            assert repr(content)[2:-1] not in line
            assert [] == [key for key in derived if key.hex() in line or repr(key)[2:-1] in line]


@pytest.mark.parametrize("secret", ["\ud800 canary secret", bytearray(b"canary secret of the shop")])
def test_errors_do_not_repeat_a_secret(secret: str) -> None:
    """What cannot be used as a secret might still be one."""
    with pytest.raises(InvalidRequest) as caught:
        CodeKeys.from_secret(secret)
    assert [] == [line for line in shown_of(caught.value) if "canary" in line]
