"""Bad values, by the kind of field they are sent to. Each has a name, so that a failure says which one it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from moneyed import Currency, Money

from loyalty import (
    ALL,
    Denomination,
    GiftCardLine,
    GiftCardOrder,
    GiftCardTender,
    LotOrigin,
    OpenAmount,
    OrderLine,
    Recipient,
    Reference,
)
from loyalty.codes.code import GiftCardCode
from loyalty.errors import MalformedCode

__all__ = ["TEN_MEGABYTES", "bad_codes", "could_be_a_code", "values_by_kind"]

TEN_MEGABYTES: Final = 10 * 1024 * 1024
SMALL_TIME: Final = datetime(2026, 3, 1, tzinfo=UTC)


class NowhereZone(tzinfo):
    """A time zone that knows no offset."""

    def utcoffset(self, _moment: datetime | None) -> timedelta | None:
        """Answer nothing."""
        return None

    def dst(self, _moment: datetime | None) -> timedelta | None:
        """Answer nothing."""
        return None

    def tzname(self, _moment: datetime | None) -> str | None:
        """Answer nothing."""
        return None


class BrokenZone(tzinfo):
    """A time zone that does not answer at all."""


class Shouting(Mapping[str, object]):
    """A mapping that changes whenever it is read."""

    def __init__(self) -> None:
        self.count = 0

    def __getitem__(self, key: str) -> object:
        """Answer an object that is no JSON."""
        return object()

    def __iter__(self) -> Any:
        """Answer another key each time."""
        self.count += 1
        return iter([f"key {self.count}"])

    def __len__(self) -> int:
        """Answer another length each time."""
        return self.count


def _money(amount: object, currency: object = None) -> Money:
    """Return money whose parts were put in behind its back."""
    money = Money(1, "USD")
    vars(money)["amount"] = amount
    if currency is not None:
        vars(money)["currency"] = currency
    return money


def _nested(depth: int) -> dict[str, object]:
    inner: dict[str, object] = {}
    for _ in range(depth):
        inner = {"inner": inner}
    return inner


def _cycle() -> dict[str, object]:
    circle: dict[str, object] = {}
    circle["again"] = circle
    return circle


NOT_TEXT: Final[dict[str, object]] = {
    "a number": 5,
    "zero": 0,
    "a float": 5.0,
    "True": True,
    "bytes": b"text",
    "a list": ["text"],
    "a dict": {"text": "text"},
    "an object": object(),
    "a class": str,
    "a function": len,
    "a Decimal": Decimal(5),
    "a time": SMALL_TIME,
    "ALL": ALL,
    "an exception": ValueError("text"),
}

BAD_TEXT: Final[dict[str, object]] = {
    **NOT_TEXT,
    "empty": "",
    "blank": "   ",
    "a no-break space": "\xa0",
    "NUL": "a\x00b",
    "a control character": "a\x1bb",
    "delete": "a\x7f",
    "a C1 control": "a\x85b",
    "a lone surrogate": "a\ud800",
    "10 MB": "x" * TEN_MEGABYTES,
}

BAD_LINE: Final[dict[str, object]] = {
    **BAD_TEXT,
    "a line break": "a\nb",
    "a tab": "a\tb",
    "a line separator": "a\u2028b",
    "201 characters": "x" * 201,
}

BAD_AMOUNT: Final[dict[str, object]] = {
    "None": None,
    "a float": 5.0,
    "a float NaN": float("nan"),
    "a number": 5,
    "True": True,
    "a Decimal": Decimal(5),
    "empty": "",
    "a text": "5.00",
    "a comma": "1,99",
    "an exponent": "1e3",
    "a plus": "+5",
    "a space": " 5",
    "an underscore": "1_000",
    "Arabic digits": "\u0661\u0662",
    "a pair": (5, "USD"),
    "an object": object(),
    "a currency": Currency(code="USD"),
    "the text ALL": "ALL",
    "zero": Money(0, "USD"),
    "minus zero": Money(Decimal("-0.00"), "USD"),
    "minus one": Money(-1, "USD"),
    "one decimal too many": Money("5.001", "USD"),
    "half a yen": Money("0.5", "JPY"),
    "half a won": Money("0.5", "KRW"),
    "a tenth of a fils": Money("0.0001", "KWD"),
    "a tenth of a Bahraini fils": Money("0.0001", "BHD"),
    "a tenth of a millime": Money("0.0001", "TND"),
    "five decimals of CLF": Money("0.00001", "CLF"),
    "five decimals of UYW": Money("0.00001", "UYW"),
    "a thousandth of a forint": Money("0.001", "HUF"),
    "a thousandth of an ariary": Money("0.001", "MGA"),
    "a thousandth of an ouguiya": Money("0.001", "MRU"),
    "a thousandth of a mark": Money("0.001", "DEM"),
    "NaN": Money(Decimal("NaN"), "USD"),
    "signaling NaN": _money(Decimal("sNaN")),
    "infinity": Money(Decimal("Infinity"), "USD"),
    "minus infinity": Money(Decimal("-Infinity"), "USD"),
    "2^53 + 1": Money(2**53 + 1, "USD"),
    "2^63": Money(2**63, "JPY"),
    "10^15 + 1": Money(10**15 + 1, "JPY"),
    "10^30": Money(10**30, "USD"),
    "1e1000000": Money(Decimal("1e1000000"), "USD"),
    "1e-1000000": Money(Decimal("1e-1000000"), "USD"),
    "a float inside": _money(5.0),
    "a text inside": _money("5.00"),
    "an int inside": _money(5),
    "True inside": _money(True),
    "None inside": _money(None),
    "no currency inside": _money(Decimal(5), "USD"),
    "the currency XXX": Money(5, "XXX"),
    "the currency XTS": Money(5, "XTS"),
    "a lower case currency": Money(5, Currency(code="usd", sub_unit=100)),
    "an empty currency": Money(5, Currency(code="", sub_unit=100)),
    "a long currency": Money(5, Currency(code="X" * 13, sub_unit=100)),
    "a currency with a line break": Money(5, Currency(code="USD\n", sub_unit=100)),
    "a full-width currency": Money(5, Currency(code="\uff35\uff33\uff24", sub_unit=100)),
    "a sub-unit of zero": Money(5, Currency(code="USD", sub_unit=0)),
    "a sub-unit of five": Money(5, Currency(code="MGA", sub_unit=5)),
    "a negative sub-unit": Money(5, Currency(code="USD", sub_unit=-100)),
    "a float sub-unit": Money(5, Currency(code="USD", sub_unit=100.0)),  # type: ignore[arg-type]
    "a text sub-unit": Money(5, Currency(code="USD", sub_unit="100")),  # type: ignore[arg-type]
    "a huge sub-unit": Money(5, Currency(code="USD", sub_unit=10**30)),
    "a list sub-unit": Money(5, Currency(code="USD", sub_unit=[100])),  # type: ignore[arg-type]
}

BAD_TIME: Final[dict[str, object]] = {
    "naive": datetime(2027, 1, 1),  # noqa: DTZ001 - that is what is wrong with it
    "naive, year 1": datetime(1, 1, 1),  # noqa: DTZ001 - that is what is wrong with it
    "naive, year 9999": datetime(9999, 12, 31),  # noqa: DTZ001 - that is what is wrong with it
    "a date": date(2027, 1, 1),
    "a time of day": time(12, 0),
    "a length": timedelta(days=1),
    "an epoch": 1_800_000_000,
    "a float epoch": 1_800_000_000.5,
    "zero": 0,
    "a text": "2027-01-01T00:00:00Z",
    "empty": "",
    "True": True,
    "an object": object(),
    "another zone": datetime(2027, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
    "an ambiguous local time": datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    "a skipped local time": datetime(2027, 3, 28, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
    "another offset": datetime(2027, 1, 1, tzinfo=timezone(timedelta(hours=1))),
    "a zone of one microsecond": datetime(2027, 1, 1, tzinfo=timezone(timedelta(microseconds=1))),
    "a zone without an offset": datetime(2027, 1, 1, tzinfo=NowhereZone()),
    "a zone that does not work": datetime(2027, 1, 1, tzinfo=BrokenZone()),  # type: ignore[abstract]
}

BAD_CURRENCY: Final[dict[str, object]] = {
    "a number": 840,
    "bytes": b"USD",
    "a list": ["USD"],
    "an object": object(),
    "True": True,
    "a float": 1.0,
    "empty": "",
    "lower case": "usd",
    "two letters": "US",
    "unknown": "ZZZ",
    "a name": "dollars",
    "a space behind": "USD ",
    "full width": "\uff35\uff33\uff24",
    "a lone surrogate": "\ud800",
    "NUL": "US\x00",
    "10 MB": "U" * TEN_MEGABYTES,
    "no currency": "XXX",
    "the currency for tests": "XTS",
    "an object in lower case": Currency(code="usd"),
}

BAD_METADATA: Final[dict[str, object]] = {
    "a text": "text",
    "a number": 5,
    "a list": [("a", 1)],
    "a set": {"a"},
    "an object": object(),
    "True": True,
    "a key that is no text": {1: "a"},
    "a key that is None": {None: "a"},
    "an object inside": {"a": object()},
    "bytes inside": {"a": b"x"},
    "a set inside": {"a": {1}},
    "a Decimal inside": {"a": Decimal(1)},
    "a time inside": {"a": SMALL_TIME},
    "money inside": {"a": Money(1, "USD")},
    "NaN inside": {"a": float("nan")},
    "infinity inside": {"a": [float("inf")]},
    "a surrogate inside": {"a": "\ud800"},
    "a surrogate as key": {"\ud800": 1},
    "NUL inside": {"a": "\x00"},
    "nested too deep": _nested(50),
    "a cycle": _cycle(),
    "1 MB": {"a": "x" * 1024 * 1024},
    "a million keys": {str(number): 1 for number in range(100_000)},
    "a huge number": {"a": 10**5000},
    "a mapping that never stands still": Shouting(),
}

BAD_REFERENCE: Final[dict[str, object]] = {
    "a text": "ticket",
    "a pair": ("ticket", "77"),
    "a dict": {"type": "ticket", "id": "77"},
    "an object": object(),
    "zero": 0,
    "an empty type": Reference("", "77"),
    "an empty id": Reference("ticket", ""),
    "a long type": Reference("t" * 51, "77"),
    "a long id": Reference("ticket", "7" * 201),
    "a number as id": Reference("ticket", 77),  # type: ignore[arg-type]
    "None as type": Reference(None, "77"),  # type: ignore[arg-type]
    "NUL": Reference("ticket", "7\x007"),
    "a surrogate": Reference("ticket", "\ud800"),
    "the class": Reference,
}

BAD_RATE: Final[dict[str, object]] = {
    "a float": 7.7,
    "a float NaN": float("nan"),
    "True": True,
    "a negative number": -1,
    "more than all": 101,
    "a huge number": 10**5000,
    "seven decimals": Decimal("0.0000001"),
    "NaN": Decimal("NaN"),
    "signaling NaN": Decimal("sNaN"),
    "infinity": Decimal("Infinity"),
    "1e1000000": Decimal("1e1000000"),
    "1e-1000000": Decimal("1e-1000000"),
    "empty": "",
    "a point": ".",
    "a comma": "7,7",
    "a percent sign": "19%",
    "an exponent": "1e1",
    "a sign": "+7",
    "spaces": " 7 ",
    "an underscore": "1_9",
    "Arabic digits": "\u0661\u0662",
    "a superscript": "\xb2",
    "a lone surrogate": "\ud800",
    "bytes": b"7",
    "a list": [7],
    "a tuple": (0, (7,), 0),
    "an object": object(),
}

BAD_FLAG: Final[dict[str, object]] = {
    "None": None, "one": 1, "zero": 0, "a text": "True", "empty": "", "a list": [], "an object": object(),
}  # fmt: skip

BAD_CHOICE: Final[dict[str, object]] = {
    "a number": 1, "its text": "purchased", "a wrong text": "stolen", "empty": "", "True": True, "a list": [],
    "the class": LotOrigin, "ALL": ALL, "an object": object(),
}  # fmt: skip

BAD_NUMBER: Final[dict[str, object]] = {
    "a float": 1.0, "NaN": float("nan"), "True": True, "a text": "1", "empty": "", "a huge number": 10**30,
    "a very negative number": -(10**30), "a Decimal": Decimal(1), "a list": [1], "an object": object(),
}  # fmt: skip

BAD_TEXTS: Final[dict[str, object]] = {
    "None": None,
    "one text": "text",
    "a number": 5,
    "a set": {"text"},
    "a dict": {"text": 1},
    "a generator": (text for text in ["text"]),
    "an object": object(),
    "101 texts": ["text"] * 101,
    **{f"with {name} inside": [value] for name, value in BAD_LINE.items()},
    "with None inside": ["text", None],
}


BAD_DURATION: Final[dict[str, object]] = {
    "a number": 900, "a float": 900.0, "a text": "15 minutes", "empty": "", "True": True, "a date": date(2027, 1, 1),
    "a time": SMALL_TIME, "a time of day": time(0, 15), "a list": [timedelta(minutes=15)], "an object": object(),
    "nothing": timedelta(0), "less than a second": timedelta(seconds=1) - timedelta(microseconds=1),
    "more than 366 days": timedelta(days=366, microseconds=1), "a negative time": -timedelta(minutes=15),
    "the longest": timedelta.max, "the most negative": timedelta.min,
}  # fmt: skip


def _things(good: object, most: int) -> dict[str, object]:
    """Return lists that are no list of such things."""
    return {
        "None": None,
        "one thing": good,
        "a set of ids": {"id"},
        "a dict": {"id": good},
        "a generator": (thing for thing in [good]),
        "an object": object(),
        "one too many": [good] * (most + 1),
        **{f"with {name} inside": [good, value] for name, value in NOT_TEXT.items()},
        "with None inside": [good, None],
        "with a text inside": [good, "text"],
        "with a pair inside": [good, ("id", Money(1, "USD"))],
        "with the class inside": [good, type(good)],
        "with a list inside": [[good]],
    }


BAD_TENDERS: Final = {
    **_things(GiftCardTender(gift_card_id="a card"), 50),
    "a line": [OrderLine(id="a", amount=Money(1, "USD"))],
    "a bound in another currency": [GiftCardTender(gift_card_id="a card", at_most=Money(1, "EUR"))],
    "a bound with other decimals": [
        GiftCardTender(gift_card_id="a card", at_most=Money(1, Currency(code="USD", sub_unit=1000)))
    ],
}
BAD_LINES: Final = {
    **_things(OrderLine(id="a", amount=Money(1, "USD")), 500),
    "a tender": [GiftCardTender(gift_card_id="a card")],
    "one id twice": [OrderLine(id="a", amount=Money(1, "USD")), OrderLine(id="a", amount=Money(2, "USD"))],
    "in another currency": [OrderLine(id="a", amount=Money(1, "EUR"))],
    "with other decimals": [OrderLine(id="a", amount=Money(1, Currency(code="USD", sub_unit=1000)))],
}

BAD_LINE_BUT_LONGER: Final = {name: value for name, value in BAD_LINE.items() if name != "201 characters"}

BAD_CURSOR: Final[dict[str, object]] = {
    "a text": "text",
    "a point": ".",
    "no seal": "WzEsImEiXQ.",
    "a seal of nothing": "." + "0" * 32,
    "another seal": "WzEsImEiXQ." + "0" * 32,
    "no place": "e30." + "0" * 32,
    "no base 64": "\xe4." + "0" * 32,
    "2,000 characters": "x" * 2000,
}

FINE_AS_A_BALANCE: Final = frozenset({"None", "zero", "minus zero", "2^53 + 1", "10^15 + 1"})
"""A balance may be zero, and larger than what one movement can be."""

FINE_AS_A_CURRENCY_CODE: Final = frozenset({"two letters", "unknown", "no currency", "the currency for tests"})
"""It could be one of the host's own making, and nothing is in it."""

FINE_AS_A_SPAN: Final = frozenset({"less than a second", "more than 366 days"})
SOLD_LINE: Final = GiftCardLine(line_id="a", product_id="a", variant_id="a", paid=Money(1, "USD"))

BAD_DENOMINATIONS: Final = {
    **_things(Denomination(variant_id="a", prices=Money(1, "USD")), 1000),
    "an open amount": [OpenAmount(minimum=Money(1, "USD"), maximum=Money(2, "USD"))],
    "one variant twice": [Denomination(variant_id="a", prices=Money(price, "USD")) for price in (1, 2)],
    "one that ended": [Denomination(variant_id="a", prices=Money(1, "USD"), retired_at=SMALL_TIME)],
}

BAD_OPEN_AMOUNTS: Final = {
    **_things(OpenAmount(minimum=Money(1, "USD"), maximum=Money(2, "USD")), 1000),
    "a denomination": [Denomination(variant_id="a", prices=Money(1, "USD"))],
    "one currency twice": [OpenAmount(minimum=Money(1, "USD"), maximum=Money(top, "USD")) for top in (1, 2)],
    "one that begins": [OpenAmount(minimum=Money(1, "USD"), maximum=Money(2, "USD"), offered_from=SMALL_TIME)],
}

BAD_MONEYS: Final = {
    **{name: value for name, value in BAD_AMOUNT.items() if name not in {"a list", "None"}},
    "None": None,
    "a list of nothing": [None],
    "a list with zero": [Money(0, "USD")],
    "a set": {Money(1, "USD")},
    "one currency twice": (Money(1, "USD"), Money(2, "USD")),
    "201 amounts": [Money(1, "USD")] * 201,
}

FINE_IF_CHOSEN: Final = frozenset({"a real one without its prefix"})
"""Long enough, and unlike a generated code: where codes may be chosen, this one may."""


def bad_codes(real: str) -> dict[str, object]:
    """Return texts and other things that are no code, some of them very like a real one."""
    return {
        **NOT_TEXT,
        "empty": "",
        "blank": "   ",
        "only dashes": "----",
        "10 MB": "G" * TEN_MEGABYTES,
        "10 MB of a real one": real * (TEN_MEGABYTES // len(real)),
        "a prefix of a real one": real[:-1],
        "the shop's prefix": "GIFT",
        "a real one and more": real + "A",
        "a real one twice": real + real,
        "a real one without its prefix": real.removeprefix("GIFT-"),
        "a wrong check symbol": real[:-1] + ("A" if real[-1] != "A" else "B"),
        "a no-break space": real.replace("-", "\xa0"),
        "a zero-width space": "\u200b" + real,
        "a soft hyphen": real.replace("-", "\xad"),
        "an em dash": real.replace("-", "\u2014"),
        "a line break": real + "\n",
        "full width": "".join(chr(ord(symbol) + 0xFEE0) for symbol in real),
        "a Cyrillic look-alike": real.replace("T", "\u0422"),
        "a Greek look-alike": real.replace("T", "\u03a4"),
        "a dotless i": real.replace("I", "\u0131"),
        "a dotted I": real.replace("I", "\u0130"),
        "a sharp s": real + "\xdf",
        "a ligature": "G\ufb01T" + real[4:],
        "a combining mark": real + "\u0301",
        "a right-to-left mark": "\u200f" + real,
        "Arabic digits": real[:-1] + "\u0661",
        "a superscript": real[:-1] + "\xb2",
        "a lone surrogate": real + "\ud800",
        "NUL": real + "\x00",
        "an underscore": real.replace("-", "_"),
        "SQL": "' OR 1=1 --",
        "more SQL": "1;DROP TABLE loyalty_gift_card",
        "a percent sign": "%",
        "a LIKE pattern": real[:-4] + "____",
        "a format string": "{0.__class__}",
        "another format string": "%s%n%x",
        "a template": "${jndi:ldap://example.org}",
        "an EAN-13": "5901234123457",
        "an EAN-8": "96385074",
        "a path": "../../etc/passwd",
        "a masked code": "\u2022\u2022\u2022\u2022-7KQ2",
    }


def _bad_lists_of_codes(real: str) -> dict[str, object]:
    return {
        "None": None,
        "one text": real,
        "a set": {real},
        "a dict": {real: 1},
        "a generator": (code for code in [real]),
        "an object": object(),
        "51 codes": [real] * 51,
        "10,000 codes": [real] * 10_000,
        "with None inside": [real, None],
        "a list inside": [[real]],
        **{f"with {name} inside": [real, value] for name, value in bad_codes(real).items()},
    }


def could_be_a_code(value: object) -> bool:
    """Tell whether a value could be a code of some shop; whether it is one of this shop is another question."""
    try:
        GiftCardCode.of(value)
    except MalformedCode:
        return False
    return True


def _with_none(values: Mapping[str, object]) -> dict[str, object]:
    return {"None": None, **values}


def values_by_kind(real: str) -> dict[str, dict[str, object]]:
    """Return the bad values for each kind of field."""
    return {
        "text": _with_none(BAD_LINE),
        "optional text": BAD_LINE,
        "note": {**BAD_TEXT, "2,001 characters": "x" * 2001},
        "amount": {**BAD_AMOUNT, "ALL": ALL},
        "amount or ALL": BAD_AMOUNT,
        "time": BAD_TIME,
        "required time": _with_none(BAD_TIME),
        "recipient": _with_none({**NOT_TEXT, "an address": "ada@example.com", "a class of recipients": Recipient}),
        "currency": {
            **_with_none(BAD_CURRENCY),
            "an object without a sub-unit": Currency(code="USD", sub_unit=0),
            "an object with an odd sub-unit": Currency(code="MGA", sub_unit=5),
        },
        "optional currency": BAD_CURRENCY,
        "optional currency code": {
            name: value for name, value in BAD_CURRENCY.items() if name not in FINE_AS_A_CURRENCY_CODE
        },
        "metadata": BAD_METADATA,
        "reference": BAD_REFERENCE,
        "rate": BAD_RATE,
        "flag": BAD_FLAG,
        "choice": _with_none(BAD_CHOICE),
        "optional choice": BAD_CHOICE,
        "number": _with_none(BAD_NUMBER),
        "optional number": BAD_NUMBER,
        "texts": BAD_TEXTS,
        "code": _with_none(bad_codes(real)),
        "optional code": bad_codes(real),
        "chosen code": {name: value for name, value in bad_codes(real).items() if name not in FINE_IF_CHOSEN},
        "codes": _bad_lists_of_codes(real),
        "codes of a plan": {
            name: value
            for name, value in _bad_lists_of_codes(real).items()
            if not (isinstance(value, list) and len(value) == 2 and could_be_a_code(value[1]))
        },
        "text that could be a code": {
            name: value for name, value in bad_codes(real).items() if not could_be_a_code(value)
        },
        "optional amount": {**{name: value for name, value in BAD_AMOUNT.items() if name != "None"}, "ALL": ALL},
        "optional balance": {
            **{name: value for name, value in BAD_AMOUNT.items() if name not in FINE_AS_A_BALANCE},
            "ALL": ALL,
            "10^18 + 1": Money(10**18 + 1, "JPY"),
        },
        "optional flag": {name: value for name, value in BAD_FLAG.items() if name != "None"},
        "cursor": {**BAD_LINE_BUT_LONGER, "2,001 characters": "x" * 2001, **BAD_CURSOR},
        "duration": BAD_DURATION,
        "span": {
            **{name: value for name, value in BAD_DURATION.items() if name not in FINE_AS_A_SPAN},
            "None": None,
            "more than ten years": timedelta(days=3660, microseconds=1),
        },
        "tenders": BAD_TENDERS,
        "lines": BAD_LINES,
        "order": {**NOT_TEXT, "None": None, "a line": SOLD_LINE, "lines": [SOLD_LINE]},
        "cause": {**_with_none(BAD_CHOICE), "a text that is one": "refund"},
        "paid": {name: value for name, value in BAD_AMOUNT.items() if name not in {"zero", "minus zero"}},
        "recipients": _things(Recipient(address="ada@example.com"), 1),
        "quantity": {**_with_none(BAD_NUMBER), "501": 501},
        "region": BAD_LINE,
        "sold lines": {
            **_things(SOLD_LINE, 100),
            "no line": [],
            "one id twice": [SOLD_LINE, SOLD_LINE],
            "in two currencies": [
                SOLD_LINE,
                GiftCardLine(line_id="b", product_id="a", variant_id="a", paid=Money(1, "EUR")),
            ],
            "an order": [GiftCardOrder(order_id="a", placed_at=SMALL_TIME, lines=[SOLD_LINE])],
        },
        "needed time": {**BAD_TIME, "None": None},
        "term": {**NOT_TEXT, "a text": "3 years"},
        "denominations": BAD_DENOMINATIONS,
        "open amounts": BAD_OPEN_AMOUNTS,
        "moneys": BAD_MONEYS,
        "count": {name: value for name, value in _with_none(BAD_NUMBER).items() if name != "zero"},
        "zone": {**_with_none(BAD_LINE), "no zone": "Mars/Olympus", "a path": "../UTC", "an offset": "UTC+1"},
    }
