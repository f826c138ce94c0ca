"""Accounts: sums of lots, sequences without gaps, times that never go back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from moneyed import Currency, Money

from loyalty.errors import CorruptLedger, CurrencyMismatch, InsufficientBalance, InvalidAmount, TooManyHolds
from loyalty.identifiers import HoldId, LotId
from loyalty.ledger.account import LARGEST_BALANCE, MOST_RESERVATIONS
from loyalty.ledger.lot import Lot
from tests.unit.accounts import DAY, MICROSECOND, NOW, account_of, lot_of, move_of, reservation_of


def by_id(lot: Lot) -> str:
    """Spend lots in the order of their ids."""
    return lot.id


def test_available_is_posted_less_held_expired_and_not_yet_begun() -> None:
    """What may be spent is the free part of every lot that lives."""
    account = account_of(
        lot_of(100, "a"),
        lot_of(200, "b", held=50),
        lot_of(400, "c", expires_at=NOW),
        lot_of(800, "d", not_before=NOW + MICROSECOND),
    )
    assert (1500, 50, 250, 400) == (account.posted, account.held, account.available(NOW), account.expired(NOW))


def test_held_value_is_not_expired() -> None:
    """A lot that expires while it is held stays for that hold."""
    account = account_of(lot_of(100, held=30, expires_at=NOW))
    assert (70, 0) == (account.expired(NOW), account.available(NOW))


def test_a_debit_is_one_step_in_the_history() -> None:
    """A debit lowers lots and balance together and counts sequence and version up by one."""
    account = account_of(lot_of(100, "a"), lot_of(200, "b"))
    moves = account.draw(150, NOW, by_id)
    after, side = account.debit(moves, NOW)
    assert (150, 3, 3, [0, 150]) == (after.posted, after.sequence, after.version, [lot.remaining for lot in after.lots])
    assert ("account-1", 3, 150, moves, None) == (
        side.account_id, side.sequence, side.balance_after, side.lots, side.house,
    )  # fmt: skip


def test_a_credit_opens_lots() -> None:
    """A credit adds its lots and says so in its side."""
    account = account_of(lot_of(100, "a"))
    new = lot_of(50, "b")
    after, side = account.credit([new], NOW)
    assert (150, (lot_of(100, "a"), new)) == (after.posted, after.lots)
    assert (new.opening(),) == side.lots
    assert 150 == side.balance_after


def test_value_is_given_back_to_its_lots_and_to_new_ones() -> None:
    """A refund fills the lots that paid and opens new ones for what cannot go back."""
    account = account_of(lot_of(0, "a", amount=100), lot_of(10, "b", amount=50))
    move = move_of(account.lots[1], 40)
    new = lot_of(100, "c", source_lot_id="a")
    after, side = account.give_back((move,), (new,), NOW)
    assert (150, [0, 50, 100]) == (after.posted, [lot.remaining for lot in after.lots])
    assert (move, new.opening()) == side.lots


def test_holding_and_releasing_move_no_value() -> None:
    """A hold changes held and version only, and letting go undoes it."""
    account = account_of(lot_of(100, "a"), lot_of(100, "b"))
    held = account.hold(reservation_of(move_of(account.lots[0], 100), move_of(account.lots[1], 20)), NOW)
    assert (200, 120, 80, 2, 3) == (held.posted, held.held, held.available(NOW), held.sequence, held.version)
    free = held.release(HoldId("hold-1"), NOW)
    assert (0, 200, 4, ()) == (free.held, free.available(NOW), free.version, free.reservations)


def test_a_reservation_lapses_by_itself() -> None:
    """From its time on nothing is held, though nobody has let go; the next change drops it."""
    account = account_of(lot_of(100, "a"))
    held = account.hold(reservation_of(move_of(account.lots[0], 60), lapses_at=NOW + DAY), NOW)
    early, late = NOW + DAY - MICROSECOND, NOW + DAY
    assert (40, 100) == (held.available(early), held.available(late))
    assert (60, 0) == (held.standing(early).held, held.standing(late).held)
    after, _ = held.debit(held.draw(100, late, by_id), late)
    assert (0, 0, ()) == (after.posted, after.held, after.reservations)
    with pytest.raises(InsufficientBalance):
        held.draw(41, early, by_id)


def test_a_capture_takes_what_was_reserved_and_frees_the_rest() -> None:
    """Also from a lot that has expired meanwhile, and as one step in the history."""
    account = account_of(lot_of(100, "a", expires_at=NOW + DAY))
    held = account.hold(reservation_of(move_of(account.lots[0], 60), lapses_at=NOW + 3 * DAY), NOW)
    after, side = held.capture(HoldId("hold-1"), (move_of(account.lots[0], 50),), NOW + 2 * DAY)
    assert (50, 0, 50, 2) == (after.posted, after.held, after.expired(NOW + 2 * DAY), side.sequence)


def test_an_account_carries_only_so_many_reservations() -> None:
    """They travel with its row, so there is an end; what has lapsed makes room."""
    account = account_of(lot_of(1000, "a"))
    for number in range(MOST_RESERVATIONS):
        account = account.hold(reservation_of(move_of(account.lots[0], 1), hold_id=f"hold-{number}"), NOW)
    one_more = reservation_of(move_of(account.lots[0], 1), hold_id="one more")
    with pytest.raises(TooManyHolds):
        account.hold(one_more, NOW)
    assert (one_more,) == account.hold(one_more, one_more.lapses_at).reservations


def test_what_is_held_cannot_be_debited() -> None:
    """A debit that would leave less than is held is a corrupt ledger, whatever the lots say."""
    account = account_of(lot_of(100, held=60))
    with pytest.raises(CorruptLedger):
        account.debit((move_of(account.lots[0], 41),), NOW)


def test_too_much_is_refused_with_figures() -> None:
    """Drawing more than is available tells both amounts in money."""
    account = account_of(lot_of(100, "a"), lot_of(100, "b", expires_at=NOW))
    with pytest.raises(InsufficientBalance) as caught:
        account.draw(101, NOW, by_id)
    assert (Money("1.01", "USD"), Money("1.00", "USD")) == (caught.value.requested, caught.value.available)


@pytest.mark.parametrize("change", ["debit", "give_back", "hold", "capture"])
def test_a_move_must_name_a_lot_of_the_account(change: str) -> None:
    """Value is never taken from, given to or held in a lot that is not there."""
    account = account_of(lot_of(100, "a", held=10, amount=200))
    move = (move_of(lot_of(100, "somewhere else"), 5),)
    changes: dict[str, Callable[[], object]] = {
        "debit": lambda: account.debit(move, NOW),
        "give_back": lambda: account.give_back(move, (), NOW),
        "hold": lambda: account.hold(reservation_of(*move), NOW),
        "capture": lambda: account.capture(HoldId("hold-1"), move, NOW),
    }
    with pytest.raises(CorruptLedger):
        changes[change]()


def test_the_same_lot_twice_in_one_debit_is_not_counted_half() -> None:
    """If moves name one lot twice, either both are taken or it is a corrupt ledger; lots and balance never part."""
    account = account_of(lot_of(100, "a"))
    moves = (move_of(account.lots[0], 10), move_of(account.lots[0], 20))
    try:
        after, _ = account.debit(moves, NOW)
    except CorruptLedger:
        return
    assert after.posted == sum(lot.remaining for lot in after.lots)


def test_an_unknown_lot_is_a_corrupt_ledger() -> None:
    """Asking for a lot that is not there is told as what it means."""
    account = account_of(lot_of(100, "a"))
    assert account.lots[0] == account.lot(LotId("a"))
    with pytest.raises(CorruptLedger):
        account.lot(LotId("b"))


def test_a_balance_has_a_largest_size() -> None:
    """The largest balance can be reached and not passed."""
    account = account_of(lot_of(LARGEST_BALANCE - 1, "a"))
    after, _ = account.credit([lot_of(1, "b")], NOW)
    assert 10**18 == after.posted
    with pytest.raises(InvalidAmount):
        after.credit([lot_of(1, "c")], NOW)


def test_time_never_goes_back() -> None:
    """The time to decide by, and the time recorded, are never before the last transfer's."""
    account = account_of(lot_of(100), recorded_at=NOW)
    assert (NOW, NOW, NOW + DAY) == (account.instant(NOW - DAY), account.instant(NOW), account.instant(NOW + DAY))
    after, _ = account.debit((move_of(account.lots[0], 1),), NOW - DAY)
    assert NOW == after.recorded_at
    after, _ = account.debit((move_of(account.lots[0], 1),), NOW + DAY)
    assert NOW + DAY == after.recorded_at


def test_one_account_has_one_currency_with_its_decimals() -> None:
    """Another code, and the same code with other decimals, are other currencies."""
    account = account_of(lot_of(100))
    account.require_currency(Money(1, "USD"))
    for money in (Money(1, "EUR"), Money(1, Currency(code="USD", sub_unit=1000))):
        with pytest.raises(CurrencyMismatch) as caught:
            account.require_currency(money)
        assert "USD" == caught.value.expected


@pytest.mark.parametrize(
    ("currency", "exponent", "expected"),
    [("USD", 2, "12.34"), ("JPY", 0, "1234"), ("KWD", 3, "1.234"), ("CLF", 4, "0.1234")],
)
def test_money_has_the_decimals_of_the_account(currency: str, exponent: int, expected: str) -> None:
    """Minor units become money with the decimals that were recorded."""
    account = account_of(currency=currency, exponent=exponent)
    assert (expected, currency) == (str(account.money(1234).amount), account.money(1234).currency.code)


def test_a_touched_account_differs_in_its_version_only() -> None:
    """Touching makes everybody who read the account before read it again."""
    account = account_of(lot_of(100))
    assert account_of(lot_of(100), version=2) == account.touched()


def test_an_account_is_never_changed() -> None:
    """Every operation answers the next state and leaves this one as it was."""
    account = account_of(lot_of(100))
    account.debit((move_of(account.lots[0], 1),), NOW)
    account.credit([lot_of(5, "b")], NOW)
    account.hold(reservation_of(move_of(account.lots[0], 1)), NOW)
    assert account_of(lot_of(100)) == account
