from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import attrs
import pytest
from moneyed import Money

from loyalty.adapters.memory import MemoryStorage
from loyalty.cli.books import BooksDoNotTie, Month, month_by_month, require_ties, take_snapshot
from loyalty.cli.checkout import Answer, answer_elsewhere
from loyalty.cli.checkout_kind import CheckoutKind
from loyalty.cli.purchases import Purchase, PurchaseLog, read_log
from loyalty.cli.replay import Replay
from loyalty.cli.till import DayClock, Moved, OtherBooks
from loyalty.codes.digest import CodeKeys
from loyalty.errors import LoyaltyError
from loyalty.facade import Loyalty
from loyalty.ledger.hold import HoldStatus
from loyalty.ledger.lot import LotOrigin
from loyalty.ports.storage import Storage, UnitOfWork
from loyalty.reports.liability import Liability
from loyalty.testing.books import books_of
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from tests.cli.demo_oracle import FIGURES, holds_of, months_of

SMALL = Path(__file__).parents[1] / "data" / "small_log.csv"
DECLINED = Path(__file__).parents[1] / "data" / "declined_log.csv"
HEADER = "customer_id,purchased_on,units,amount_usd\n"
KEYS = CodeKeys.from_secret("a secret of these tests")

Result = TypeVar("Result")


def replayed(
    storage: Storage, log: PurchaseLog, checkout: CheckoutKind = CheckoutKind.DIRECT
) -> tuple[Loyalty, Replay]:
    """Run the whole program."""
    clock = DayClock(log.first_day)
    loyalty = Loyalty(storage, code_keys=KEYS, clock=clock)
    replay = Replay(loyalty, clock, log, checkout)
    replay.require_own_books()
    for _ in replay.run():
        pass
    return loyalty, replay


def figures(months: tuple[Month, ...]) -> dict[str, dict[str, int]]:
    """Return the months in the oracle's form."""
    return {f"{month.first_day:%Y-%m}": {name: getattr(month, name) for name in FIGURES} for month in months}


def of(*cents: int) -> dict[str, int]:
    """Name the figures of a month."""
    return dict(zip(FIGURES, cents, strict=True))


# ada   01-01 pays 100.00 elsewhere: card 10.00 until 04-01, reward 5.00 until 06-30.
#       01-10 pays 12.00: converts the card, 10.00 of it and 2.00 of the reward pay; 3.00 are left until 06-30.
#       07-05 pays 0.09 elsewhere: 5 % is less than half a cent, so the reward is the smallest grant, 0.01.
# bob   01-15 pays 0.00: card 10.00 until 04-15, no reward.
#       04-20 pays 1.00: the card has expired; all of it elsewhere, reward 0.05.
# cleo  07-06 fourteen times 0.00: card 10.00, converted at the second.
#       07-06 pays 13.00, the twentieth purchase: 10.00 of the card and 3.00 elsewhere, reward 0.15.
#       07-07 returns it: 10.00 back to its lot, 3.00 as refund credit.
BY_HAND = {
    "1997-01": of(2000, 500, 1200, 0, 0, 1300),
    "1997-02": of(0, 0, 0, 0, 0, 1300),
    "1997-03": of(0, 0, 0, 0, 0, 1300),
    "1997-04": of(0, 5, 0, 0, 1000, 305),
    "1997-05": of(0, 0, 0, 0, 0, 305),
    "1997-06": of(0, 0, 0, 0, 300, 5),
    "1997-07": of(1000, 1 + 15 + 300, 1000, 1000, 0, 1321),
}


def test_small_log_comes_to_what_was_calculated_by_hand() -> None:
    """Cards, conversions, payments, rewards, expiry and a return of the small log come to known cents."""
    log = read_log(SMALL)

    loyalty, replay = replayed(MemoryStorage(), log)

    months = month_by_month(loyalty, log.first_day, replay.last_day)
    assert BY_HAND == figures(months)
    require_ties(months, replay.moved)
    assert {
        LotOrigin.PROMOTIONAL: Money("10.21", "USD"),
        LotOrigin.REFUND: Money("3.00", "USD"),
    } == loyalty.ask(Liability()).by_origin["USD"]
    assert Moved(issued=3000, granted=821, redeemed=2200, refunded=1000) == replay.moved
    assert {"cards": 3, "converted": 2, "lapsed": 1, "paid": 2, "returned": 1, "free": 15} == dict(replay.events)
    assert 16 == replay.commands
    assert 188 == replay.sweeps


def test_oracle_agrees_with_the_calculation_by_hand() -> None:
    """The oracle of the full sample is itself right about the small log."""
    assert BY_HAND == months_of(SMALL)


# ada   01-01 pays 100.00 elsewhere, her hold reserves nothing: card 10.00 until 04-01, reward 5.00 until 06-30.
# bob   01-02 pays 0.00: card 10.00, no hold.
# ada   01-11 holds 15.00 for 19.00, is declined 4.00 elsewhere and forgets it. Her second order finds nothing that is
#       not held: 19.00 elsewhere, reward 0.95.
#       01-11 holds 0.95 for 45.00, is declined 44.05; the hold is voided. The same again, accepted: reward 2.20.
#       01-12 the forgotten hold has lapsed: 10.00 of the card and 5.00 of the first reward pay 15.00.
DECLINED_BY_HAND = {"1997-01": of(2000, 500 + 95 + 220, 95 + 1500, 0, 0, 1220)}


def test_declined_charges_come_to_what_was_calculated_by_hand() -> None:
    """A voided hold pays again at once, and a forgotten one reserves its value until it lapses."""
    log, storage = read_log(DECLINED), MemoryStorage()

    loyalty, replay = replayed(storage, log, CheckoutKind.HOLD)

    months = month_by_month(loyalty, log.first_day, replay.last_day)
    assert DECLINED_BY_HAND == figures(months)
    require_ties(months, replay.moved)
    happened = {"cards": 2, "claimed": 1, "held": 6, "captured": 4, "voided": 1, "forgotten": 1, "paid": 2, "free": 1}
    assert happened == dict(+replay.events)
    assert (17, 26) == (replay.commands, replay.sweeps)
    assert [
        ("demo/1", HoldStatus.CAPTURED, 0, 0),
        ("demo/3", HoldStatus.LAPSED, 1500, 0),
        ("demo/3/again", HoldStatus.CAPTURED, 0, 0),
        ("demo/4", HoldStatus.CAPTURED, 95, 95),
        ("demo/4", HoldStatus.VOIDED, 95, 0),
        ("demo/5", HoldStatus.CAPTURED, 1500, 1500),
    ] == sorted((hold.order_id, hold.status, hold.amount, hold.captured) for hold in books_of(storage).holds)


def test_oracle_agrees_with_the_calculation_of_declined_charges() -> None:
    """The oracle of the full sample is itself right about what declined charges change."""
    assert DECLINED_BY_HAND == months_of(DECLINED, through_holds=True)
    assert {"captured": 4, "voided": 1, "lapsed": 1} == holds_of(DECLINED)


def test_holds_alone_move_no_cent() -> None:
    """Where nothing is declined, a replay through holds comes to what a direct one comes to."""
    log = read_log(SMALL)

    loyalty, replay = replayed(MemoryStorage(), log, CheckoutKind.HOLD)

    assert BY_HAND == figures(month_by_month(loyalty, log.first_day, replay.last_day))
    assert BY_HAND == months_of(SMALL, through_holds=True)
    assert (0, 0) == (replay.events["voided"], replay.events["forgotten"])


def test_three_of_a_hundred_charges_are_declined_half_of_them_forgotten() -> None:
    """What is declined depends on the purchase alone and is about as much as the demonstration says."""
    answers = Counter(
        answer_elsewhere(
            Purchase(
                number=number, line=number, customer_id="ada", purchased_on=date(1997, 1, 1), units=1, cents=number
            )
        )
        for number in range(1, 20_001)
    )

    assert 550 < answers[Answer.DECLINED] + answers[Answer.FORGOTTEN] < 650
    assert 250 < answers[Answer.FORGOTTEN] < 350


@pytest.mark.parametrize(("path", "checkout"), [(SMALL, CheckoutKind.DIRECT), (DECLINED, CheckoutKind.HOLD)])
def test_second_run_changes_nothing(path: Path, checkout: CheckoutKind) -> None:
    """The same log again on the same storage leaves the books as they are and answers the same."""
    log, storage = read_log(path), MemoryStorage()
    loyalty, first = replayed(storage, log, checkout)
    before, books = take_snapshot(loyalty), books_of(storage)

    loyalty, second = replayed(storage, log, checkout)

    assert before == take_snapshot(loyalty)
    assert books == books_of(storage)
    assert first.moved == second.moved
    assert first.commands == second.commands
    assert first.events == second.events


class _Interrupted(KeyboardInterrupt):
    """What stops a run from outside."""


@attrs.define
class _Stopping:
    """A storage that stops the run before or after its k-th piece of work."""

    inner: MemoryStorage
    left: int
    after_commit: bool

    def run(self, work: Callable[[UnitOfWork], Result]) -> Result:
        """Run the work, unless it is time to stop."""
        self.left -= 1
        if self.left == 0 and not self.after_commit:
            raise _Interrupted
        try:
            return self.inner.run(work)
        finally:
            if self.left == 0:
                raise _Interrupted

    def __getattr__(self, name: str) -> object:
        """Leave the rest to the storage."""
        return getattr(self.inner, name)


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize(("path", "checkout"), [(SMALL, CheckoutKind.DIRECT), (DECLINED, CheckoutKind.HOLD)])
def test_interrupted_run_continues_to_the_same_end(path: Path, checkout: CheckoutKind, after_commit: bool) -> None:
    """Wherever a run is stopped, another one ends where a single run ends."""
    log = read_log(path)
    whole, single = replayed(MemoryStorage(), log, checkout)
    expected = month_by_month(whole, log.first_day, log.last_day)
    works = single.commands + single.sweeps

    for stop_at in range(1, works + 1):
        storage = MemoryStorage()
        with pytest.raises(_Interrupted):
            replayed(_Stopping(storage, stop_at, after_commit), log, checkout)  # type: ignore[arg-type]  # the rest is passed on
        loyalty, replay = replayed(storage, log, checkout)

        assert expected == month_by_month(loyalty, log.first_day, log.last_day), stop_at
        assert take_snapshot(loyalty).audit.is_clean
        require_ties(month_by_month(loyalty, log.first_day, replay.last_day), replay.moved)


def test_return_after_the_value_expired_is_forfeited_the_same_day(tmp_path: Path) -> None:
    """Promotional value that is returned on the day it expires leaves the books on that day, and a rerun finds none."""
    rows = ["ada,1997-01-01,1,0.00", *["bob,1997-03-31,1,0.00"] * 18, "ada,1997-03-31,1,4.00"]
    path = tmp_path / "log.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    log, storage = read_log(path), MemoryStorage()

    loyalty, replay = replayed(storage, log)

    months = month_by_month(loyalty, log.first_day, replay.last_day)
    assert of(0, 0, 0, 400, 1000, 1000) == figures(months)["1997-04"]
    assert months_of(path) == figures(months)
    before = take_snapshot(loyalty)
    assert before == take_snapshot(replayed(storage, log)[0])


@pytest.mark.parametrize("checkout", CheckoutKind)
def test_other_log_on_the_same_storage_is_refused(tmp_path: Path, checkout: CheckoutKind) -> None:
    """A storage that holds the replay of one log takes no other; nothing is changed by the attempt."""
    storage = MemoryStorage()
    loyalty, _ = replayed(storage, read_log(SMALL), checkout)
    before = take_snapshot(loyalty)
    path = tmp_path / "log.csv"
    path.write_text(SMALL.read_text() + "dora,1997-07-07,1,1.00\n")

    with pytest.raises(OtherBooks, match="another purchase log"):
        replayed(storage, read_log(path), checkout)

    assert before == take_snapshot(loyalty)


@pytest.mark.parametrize("first", CheckoutKind)
@pytest.mark.parametrize("log_of", [SMALL, DECLINED])
def test_other_checkout_on_the_same_storage_is_refused(first: CheckoutKind, log_of: Path) -> None:
    """A replay that was paid in one way is not continued in the other; nothing is changed by the attempt."""
    log, storage = read_log(log_of), MemoryStorage()
    replayed(storage, log, first)
    books = books_of(storage)
    (other,) = [kind for kind in CheckoutKind if kind is not first]

    with pytest.raises(OtherBooks, match="another --checkout"):
        replayed(storage, log, other)

    assert books == books_of(storage)


@pytest.mark.parametrize("checkout", CheckoutKind)
def test_other_secret_on_the_same_storage_is_refused(checkout: CheckoutKind) -> None:
    """A storage that was filled under another secret is refused; nothing is changed by the attempt."""
    storage, log = MemoryStorage(), read_log(SMALL)
    loyalty, _ = replayed(storage, log, checkout)
    before = take_snapshot(loyalty)
    clock = DayClock(log.first_day)
    stranger = Loyalty(storage, code_keys=CodeKeys.from_secret("quite another secret"), clock=clock)

    with pytest.raises(OtherBooks, match="another secret"):
        list(Replay(stranger, clock, log, checkout).run())

    assert before == take_snapshot(loyalty)


def test_books_of_a_shop_are_refused() -> None:
    """A storage that holds anything of somebody else is refused before the first command."""
    storage, log = MemoryStorage(), read_log(SMALL)
    shop = Loyalty(storage, code_keys=KEYS, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    shop.execute(IssueGiftCard(value=Money("5.00", "EUR"), idempotency_key="welcome"))
    before = take_snapshot(shop)

    with pytest.raises(OtherBooks, match="not of this demonstration"):
        replayed(storage, log)

    assert before == take_snapshot(shop)


@pytest.mark.parametrize(
    "wrong", ["opening", "issued", "granted", "refunded", "redeemed", "debited", "expired", "outstanding", "liability"]
)
def test_one_wrong_cent_is_noticed(wrong: str) -> None:
    """A single cent that is off in any figure of any month does not tie."""
    log = read_log(SMALL)
    loyalty, replay = replayed(MemoryStorage(), log)
    months = month_by_month(loyalty, log.first_day, replay.last_day)

    for place, month in enumerate(months):
        changed = attrs.evolve(month, **{wrong: getattr(month, wrong) + 1})
        with pytest.raises(BooksDoNotTie):
            require_ties((*months[:place], changed, *months[place + 1 :]), replay.moved)


def test_two_wrong_figures_that_tie_are_noticed() -> None:
    """A month that ties but moved what no command answered is noticed too."""
    log = read_log(SMALL)
    loyalty, replay = replayed(MemoryStorage(), log)
    first, *rest = month_by_month(loyalty, log.first_day, replay.last_day)
    changed = attrs.evolve(first, issued=first.issued + 1, granted=first.granted - 1)

    with pytest.raises(BooksDoNotTie, match="issued"):
        require_ties((changed, *rest), replay.moved)


def test_errors_of_the_program_are_not_refusals() -> None:
    """What stops the program for its user's sake is not one of the library's own errors."""
    assert not issubclass(OtherBooks, LoyaltyError)
    assert not issubclass(BooksDoNotTie, LoyaltyError)
