"""
Hypothesis strategies: money, times, texts, and whole programs of commands.

Amounts, spans and names are small and few, so that what is drawn meets itself:
an amount equals a balance, an instant equals an expiry, two customers want one
card. Large amounts come up now and then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st
from moneyed import Money

from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import Reference
from loyalty.testing.programs import EXPONENTS, STORED_VALUE, Step, Verb, money

__all__ = [
    "amounts",
    "boundary_amounts",
    "contested_holds",
    "currencies",
    "customer_ids",
    "instants",
    "moneys",
    "programs",
    "remarks",
    "steps",
    "texts",
]

MICROSECOND: Final = timedelta(microseconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

CUSTOMERS: Final = ("ada", "bo", "cy")

LARGEST_AMOUNT: Final = 10**15
"""The most that one command may move, in minor units; an account may hold more."""


def currencies() -> st.SearchStrategy[str]:
    """Return codes of currencies, one for each number of decimals; mostly one and the same."""
    return mostly(st.just("USD"), st.sampled_from(("JPY", "KWD", "CLF")))


def amounts() -> st.SearchStrategy[int]:
    """Return amounts in minor units that often meet a balance exactly."""
    return st.sampled_from((1, 5, 10, 20, 50)) | st.integers(1, 60) | st.integers(1, 5000)


def boundary_amounts() -> st.SearchStrategy[int]:
    """Return amounts in minor units at which number types break."""
    return st.sampled_from((1, 2**31 - 1, 2**31, 2**32 + 1, LARGEST_AMOUNT - 1, LARGEST_AMOUNT))


def moneys(currency: str | None = None) -> st.SearchStrategy[Money]:
    """Return positive money of one currency, or of any in the table, over the whole range."""
    codes = st.sampled_from(sorted(EXPONENTS)) if currency is None else st.just(currency)
    return st.builds(money, st.integers(1, LARGEST_AMOUNT) | boundary_amounts(), codes)


def customer_ids() -> st.SearchStrategy[str]:
    """Return one of three customers."""
    return st.sampled_from(CUSTOMERS)


def texts(longest: int = 40) -> st.SearchStrategy[str]:
    """Return texts a host may send, from any script, without control characters."""
    letters = st.characters(codec="utf-8", exclude_categories=("C", "Z"))
    return st.text(letters, min_size=1, max_size=longest)


def instants() -> st.SearchStrategy[datetime]:
    """Return aware UTC times with microseconds."""
    return st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone


def remarks() -> st.SearchStrategy[Mapping[str, object]]:
    """Return what a caller may say about any command; mostly nothing."""
    said = st.fixed_dictionaries(
        {},
        optional={
            "actor": texts(),
            "reason": texts(),
            "note": texts(200),
            "reference": st.builds(Reference, texts(20), texts()),
            "occurred_at": instants(),
            "metadata": st.dictionaries(texts(10), st.none() | st.booleans() | st.integers() | texts(10), max_size=3),
        },
    )
    return st.just({}) | st.just({}) | said


def spans() -> st.SearchStrategy[timedelta]:
    """Return lengths of time that add up to each other, often to the microsecond."""
    short = (MICROSECOND, 15 * MINUTE, HOUR - MICROSECOND, HOUR, DAY - MICROSECOND, DAY, DAY + MICROSECOND)
    return mostly(st.sampled_from(short), st.sampled_from((30 * DAY, 400 * DAY)))


@st.composite
def mostly(draw: st.DrawFn, common: st.SearchStrategy[Any], rare: st.SearchStrategy[Any], times: int = 6) -> Any:
    """Return values that are common ones *times* as often as rare ones."""
    return draw(rare if draw(st.integers(0, times)) == times else common)


def _expiries() -> st.SearchStrategy[timedelta | None]:
    at_once = st.sampled_from((timedelta(0), -MICROSECOND))
    return mostly(st.none() | spans() | st.sampled_from((DAY, 2 * DAY, 30 * DAY)), at_once)


def _cards() -> st.SearchStrategy[int]:
    return mostly(st.integers(0, 3), st.sampled_from((-1, -2)), times=12)


def _customers() -> st.SearchStrategy[str]:
    return mostly(st.just("ada"), customer_ids(), times=2)


def _currency() -> st.SearchStrategy[str | None]:
    return mostly(st.none(), st.sampled_from(("USD", "JPY", "KWD")), times=12)


def _products() -> st.SearchStrategy[int]:
    return mostly(st.just(0), st.just(1), times=3)


def _orders() -> st.SearchStrategy[int]:
    return st.integers(0, 2)


def _amounts() -> st.SearchStrategy[int]:
    return mostly(amounts(), boundary_amounts(), times=12)


def _lines(times: int = 2) -> st.SearchStrategy[tuple[tuple[str, int], ...]]:
    products = st.sampled_from(("anything", "for cards", "for credit", "for members", STORED_VALUE))
    lines = st.lists(st.tuples(products, st.integers(1, 30)), min_size=1, max_size=4).map(tuple)
    return mostly(st.just(()), lines, times)


def _tenders() -> Mapping[str, st.SearchStrategy[Any]]:
    most = st.none() | st.integers(1, 30)
    return {
        "cards": st.lists(_cards(), max_size=3).map(tuple),
        "by_id": st.booleans(),
        "caps": mostly(st.just(()), st.lists(st.tuples(most, st.integers(-1, 1)), max_size=3).map(tuple), times=2),
        "amount": _amounts(),
        "currency": _currency(),
        "order": _orders(),
        "customer": mostly(_customers(), st.none(), times=2),
        "use_store_credit": mostly(st.just(True), st.just(False), times=3),  # noqa: FBT003 - values to draw
        "credit_at_most": mostly(st.none(), st.integers(1, 30), times=3),
        "priority": mostly(st.just(0), st.integers(-1, 1), times=2),
        "lines": _lines(),
    }


def _account_names() -> Mapping[str, st.SearchStrategy[Any]]:
    where = mostly(st.none(), st.integers(-1, 2), times=2)
    return {"customer": _customers(), "account": where, "currency": mostly(st.none(), currencies(), times=3)}


def _lapses() -> st.SearchStrategy[timedelta | None]:
    return st.none() | st.sampled_from((timedelta(seconds=1), HOUR, DAY, DAY + MICROSECOND, 30 * DAY))


def _holds() -> Mapping[str, st.SearchStrategy[Any]]:
    whose = mostly(st.none(), _orders(), times=2)
    return {"hold": mostly(st.integers(0, 4), st.just(-1), times=12), "order": whose, "currency": _currency()}


_REFUND_OF_AN_ORDER: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "order": _orders(),
    "amount": mostly(st.integers(1, 20), _amounts()),
    "ceiling": mostly(st.integers(1, 60), _amounts(), times=2),
    "currency": _currency(),
    "expires_in": _expiries(),
}
_FIELDS: Final[Mapping[Verb, Mapping[str, st.SearchStrategy[Any]]]] = {
    Verb.ISSUE: {
        "amount": _amounts(),
        "currency": currencies(),
        "expires_in": _expiries(),
        "customer": mostly(st.none(), _customers()),
        "origin": st.none() | st.sampled_from(LotOrigin),
        "order": st.none() | _orders(),
    },
    Verb.CLAIM: {"card": _cards(), "customer": _customers()},
    Verb.CONVERT: {"card": _cards(), "by_id": st.booleans(), "customer": _customers()},
    Verb.REDEEM: {
        "card": _cards(),
        "by_id": st.booleans(),
        "amount": mostly(st.integers(1, 20), _amounts(), times=2),
        "currency": _currency(),
        "order": _orders(),
        "customer": st.none() | _customers(),
        "lines": _lines(times=6),
    },
    Verb.PAY: _tenders(),
    Verb.REFUND: {
        "amount": mostly(st.integers(1, 20), st.none() | _amounts(), times=2),
        "currency": _currency(),
        "order": _orders(),
        "redemption": st.none() | mostly(st.integers(0, 5), st.just(-1)),
    },
    Verb.BLOCK: {"card": _cards(), "by_id": st.booleans()},
    Verb.UNBLOCK: {"card": _cards(), "by_id": st.booleans()},
    Verb.OPEN: {"customer": _customers(), "currency": currencies()},
    Verb.GRANT: {
        "customer": _customers(),
        "account": mostly(st.none(), st.integers(-1, 2), times=2),
        "amount": _amounts(),
        "currency": _currency(),
        "origin": st.sampled_from(LotOrigin),
        "expires_in": _expiries(),
        "begins_in": mostly(st.none(), spans(), times=3),
        "priority": mostly(st.just(0), st.integers(-1, 1), times=2),
    },
    Verb.DEBIT: {
        "customer": _customers(),
        "account": mostly(st.none(), st.integers(-1, 2), times=2),
        "amount": mostly(st.integers(1, 20), _amounts(), times=2),
        "currency": _currency(),
        "order": st.none() | _orders(),
        "lines": _lines(times=6),
    },
    Verb.TRANSFER: {
        "customer": _customers(),
        "account": mostly(st.none(), st.integers(-1, 2), times=2),
        "to": customer_ids(),
        "to_account": mostly(st.none(), st.integers(-1, 2), times=2),
        "amount": mostly(st.integers(1, 20), _amounts(), times=2),
        "currency": _currency(),
    },
    Verb.BLOCK_ACCOUNT: _account_names(),
    Verb.UNBLOCK_ACCOUNT: _account_names(),
    Verb.CLOSE_ACCOUNT: _account_names(),
    Verb.MERGE: {"customer": _customers(), "to": customer_ids()},
    Verb.PLACE_HOLD: {**_tenders(), "lapses_after": _lapses()},
    Verb.ADJUST_HOLD: {
        **_holds(),
        "amount": mostly(st.integers(1, 60), st.none() | _amounts(), times=2),
        "lapses_after": _lapses(),
        "lines": _lines(),
    },
    Verb.CAPTURE_HOLD: {**_holds(), "amount": mostly(st.none() | st.integers(1, 20), _amounts(), times=2)},
    Verb.VOID_HOLD: {name: strategy for name, strategy in _holds().items() if name != "currency"},
    Verb.LAPSE_HOLDS: {"limit": mostly(st.just(200), st.integers(1, 2), times=2)},
    Verb.ADJUST: {
        "card": _cards(),
        "by_id": st.booleans(),
        "customer": _customers(),
        "account": mostly(st.none(), st.integers(-1, 2), times=2),
        "amount": mostly(st.integers(1, 20), _amounts(), times=2),
        "currency": _currency(),
        "lowers": st.booleans(),
        "origin": st.none() | st.sampled_from(LotOrigin),
        "expires_in": _expiries(),
    },
    Verb.REVERSE: {"earlier": mostly(st.integers(0, 8), st.just(-1))},
    Verb.REFUND_TO_CREDIT: {**_REFUND_OF_AN_ORDER, "customer": _customers()},
    Verb.REFUND_AS_CARD: _REFUND_OF_AN_ORDER,
    Verb.DEFINE_PRODUCT: {
        "card": _products(),
        "amount": mostly(st.integers(1, 60), _amounts(), times=4),
        "ceiling": st.integers(1, 60),
        "currency": mostly(st.just("USD"), currencies(), times=6),
        "expires_in": _expiries(),
    },
    Verb.REVISE_PRODUCT: {
        "card": _products(),
        "amount": st.integers(1, 60),
        "ceiling": st.integers(1, 60),
        "priority": mostly(st.just(0), st.integers(-1, 1), times=4),
        "lowers": mostly(st.just(False), st.just(True), times=3),  # noqa: FBT003 - values to draw
    },
    Verb.RETIRE_PRODUCT: {"card": _products()},
    Verb.SELL: {
        "card": _products(),
        "by_id": mostly(st.just(False), st.just(True), times=2),  # noqa: FBT003 - values to draw
        "amount": mostly(st.integers(1, 60), _amounts(), times=4),
        "ceiling": st.integers(1, 60),
        "currency": _currency(),
        "order": _orders(),
        "line": st.integers(0, 1),
        "quantity": st.integers(1, 3),
        "is_paid": st.booleans(),
        "begins_in": mostly(st.none(), spans(), times=4),
        "placed_ago": mostly(st.just(timedelta(0)), spans(), times=3),
    },
    Verb.ACTIVATE: {"order": _orders(), "begins_in": mostly(st.none(), spans(), times=4)},
    Verb.UNDO_SALE: {"order": _orders(), "line": mostly(st.none(), st.integers(0, 1))},
    Verb.IMPORT: {
        "card": st.integers(0, 4),
        "quantity": st.integers(1, 3),
        "ceiling": mostly(st.just(60), st.just(61), times=6),
        "amount": st.none() | st.sampled_from((0, 30)),
        "currency": mostly(st.none(), currencies(), times=4),
        "by_id": mostly(st.just(False), st.just(True), times=6),  # noqa: FBT003 - values to draw
        "lowers": st.booleans(),
        "expires_in": mostly(st.none(), _expiries()),
        "customer": mostly(st.none(), _customers(), times=4),
    },
    Verb.EXPIRE: {"limit": mostly(st.just(200), st.integers(1, 2), times=2)},
    Verb.DEACTIVATE: {"card": _cards(), "by_id": st.booleans()},
    Verb.REPLACE_CODE: {"card": _cards(), "by_id": st.booleans()},
    Verb.UPDATE: {"card": _cards(), "priority": mostly(st.just(0), st.integers(-1, 1), times=2)},
    Verb.CHANGE_EXPIRY: {"card": _cards(), "by_id": st.booleans(), "expires_in": _expiries()},
    Verb.RELOAD: {
        "card": _cards(),
        "by_id": st.booleans(),
        "amount": mostly(st.integers(1, 20), _amounts(), times=2),
        "currency": _currency(),
        "origin": st.none() | st.sampled_from(LotOrigin),
        "expires_in": _expiries(),
    },
    Verb.REINSTATE: {
        "card": _cards(),
        "by_id": st.booleans(),
        "amount": mostly(st.none() | st.integers(1, 20), _amounts(), times=2),
        "currency": _currency(),
        "expires_in": _expiries(),
    },
    Verb.CASH_OUT: {"card": _cards(), "by_id": st.booleans(), "customer": st.none() | _customers()},
    Verb.MOVE_CLOCK: {"move": mostly(spans(), st.just(-HOUR))},
    Verb.REPLAY: {"earlier": st.integers(0, 30)},
    Verb.BAD_CALL: {"earlier": st.integers(0, 30)},
}
_WITHOUT_REMARKS: Final = frozenset({Verb.LAPSE_HOLDS, Verb.EXPIRE, Verb.MOVE_CLOCK, Verb.REPLAY, Verb.BAD_CALL})

COMMANDS: Final = tuple(verb for verb in _FIELDS if verb not in _WITHOUT_REMARKS)
"""The verbs that are commands with a key."""


def steps(verb: Verb, **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Return steps of one verb; *fixed* replaces the strategies of some fields."""
    if verb is Verb.REUSE_KEY:
        return st.builds(Step, verb=st.just(verb), earlier=st.integers(0, 30), inner=_any_command())
    said = {} if verb in _WITHOUT_REMARKS else {"said": remarks()}
    return st.builds(Step, verb=st.just(verb), **{**_FIELDS[verb], **said, **fixed})


@st.composite
def _any_command(draw: st.DrawFn) -> Step:
    # Not one_of: its repr spells out every strategy in it, and Hypothesis makes it for each program.
    return draw(_steps_of(draw(st.sampled_from(COMMANDS))))


@cache
def _steps_of(verb: Verb) -> st.SearchStrategy[Step]:
    return steps(verb)


def contested_holds() -> st.SearchStrategy[Step]:
    """Return holds on several tenders for an order of lines that only some of them may pay for."""
    products = st.sampled_from(("anything", "for cards", "for credit", "for members"))
    return steps(
        Verb.PLACE_HOLD,
        cards=st.lists(st.integers(0, 3), min_size=2, max_size=4).map(tuple),
        by_id=st.just(True),  # noqa: FBT003 - a value to draw
        amount=st.integers(10, 80),
        caps=st.lists(st.tuples(st.none() | st.integers(5, 30), st.integers(-1, 1)), max_size=3).map(tuple),
        currency=st.none(),
        customer=st.just("ada"),
        lines=st.lists(st.tuples(products, st.sampled_from((5, 10, 20))), min_size=2, max_size=4).map(tuple),
    )


def some_value() -> st.SearchStrategy[list[Step]]:
    """Return a few steps after which there is something to spend: cards, and often store credit."""
    cards = st.lists(steps(Verb.ISSUE, expires_in=st.none() | spans()), min_size=1, max_size=3)
    credit = st.lists(steps(Verb.GRANT, customer=st.just("ada"), account=st.none()), max_size=2)
    return st.builds(lambda some, more: [*some, *more], cards, credit)


def programs(*, without: Sequence[Verb] = (), shortest: int = 1, longest: int = 30) -> st.SearchStrategy[list[Step]]:
    """
    Return programs of at most *longest* steps that begin with some value in the shop.

    Args:
        without:
            Verbs that do not come up.
        shortest:
            The fewest steps.
        longest:
            The most steps.
    """
    # Paying and refunding is what most laws are about, so they come up more often; so do the two ends of a hold.
    verbs = [*Verb, Verb.REDEEM, Verb.PAY, Verb.DEBIT, Verb.REFUND, Verb.REFUND, Verb.PLACE_HOLD, Verb.CAPTURE_HOLD]
    every = [steps(verb) for verb in verbs if verb not in without]
    first = some_value()
    rest = st.lists(st.one_of(every), min_size=shortest, max_size=longest)
    return st.builds(lambda some, more: [*some, *more], first, rest)
