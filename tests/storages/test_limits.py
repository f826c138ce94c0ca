"""Limits on SQL: what a customer's own value pays is summed alike on every database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from moneyed import Money

from loyalty import (
    CaptureHold,
    GrantStoreCredit,
    IssueGiftCard,
    LotOrigin,
    Loyalty,
    MemoryStorage,
    PlaceHold,
    PlanPayment,
    Policies,
    RedeemGiftCard,
    RefundRedemption,
    SpendingLimits,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import LimitExceeded
from loyalty.ports.storage import Storage
from loyalty.testing import CountingIds
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, TurnableClock, usd

FOR_A_DAY = usd("30")


DATABASES: Final = {"sqlite": "sqlite_url", "postgresql": "postgresql_database", "mariadb": "mariadb_database"}


@pytest.fixture(params=["memory", "sqlite", "postgresql", "mariadb"])
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """Give an empty storage of each kind."""
    if request.param == "memory":
        yield MemoryStorage()
        return
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgresql_database", "mariadb": "mariadb_database"}[
        request.param
    ]
    made = SqlAlchemyStorage(request.getfixturevalue(fixture))
    made.upgrade()
    yield made
    made.dispose()


class Checkout:
    """A shop that lets a customer pay with 30 dollars a day, and Ada's cards and credit in it."""

    def __init__(self, storage: Storage) -> None:
        """Issue and grant more than a day's worth, to Ada, to Bob and to a bearer."""
        self.clock = TurnableClock()
        policies = Policies(limits=SpendingLimits(per_customer_and_day=FOR_A_DAY))
        self.loyalty = Loyalty(storage, code_keys=KEYS, clock=self.clock, policies=policies, new_id=CountingIds())
        self._keys = iter(range(1000))
        self.hers, self.his, self.bearers = (
            self.do(IssueGiftCard, value=usd("100"), customer_id=customer) for customer in ("ada", "bob", None)
        )
        for amount in (usd("100"), Money(100, "EUR")):
            self.do(GrantStoreCredit, customer_id="ada", amount=amount, origin=LotOrigin.GOODWILL)

    def do(self, kind: type[Any], **given: Any) -> Any:
        """Carry out a command under a new key."""
        return self.loyalty.execute(kind(idempotency_key=f"key-{next(self._keys)}", **given))

    def left(self, order_id: str | None = None) -> Money:
        """Return what Ada could still pay today, in dollars."""
        return self.loyalty.ask(PlanPayment(amount_due=usd("999"), customer_id="ada", order_id=order_id)).covered

    def hold(self, order_id: str, amount: str, customer_id: str = "ada", **given: Any) -> Any:
        """Hold value of a customer's for an order."""
        return self.do(PlaceHold, order_id=order_id, amount_due=usd(amount), customer_id=customer_id, **given)


def test_cards_and_credit_of_one_customer_and_currency_count_together(storage: Storage) -> None:
    """What others pay, what bearers' cards pay and what is paid in other money does not count."""
    shop = Checkout(storage)
    shop.do(RedeemGiftCard, code=shop.hers.code, customer_id="ada", order_id="1", amount=usd("5"))
    shop.do(RedeemGiftCard, code=shop.his.code, customer_id="bob", order_id="2", amount=usd("7"))
    shop.do(RedeemGiftCard, code=shop.bearers.code, customer_id="ada", order_id="3", amount=usd("11"))
    shop.do(PlaceHold, order_id="4", amount_due=Money(13, "EUR"), customer_id="ada")
    assert usd("25") == shop.left()
    shop.hold("5", "10")
    assert usd("15") == shop.left()
    with pytest.raises(LimitExceeded) as caught:
        shop.do(RedeemGiftCard, code=shop.hers.code, customer_id="ada", order_id="6", amount=usd("15.01"))
    assert usd("15") == caught.value.allowed


def test_a_capture_counts_what_it_took_and_a_refund_does_not_count_back(storage: Storage) -> None:
    """What was freed may be spent again the same day; what was refunded was paid all the same."""
    shop = Checkout(storage)
    shop.do(CaptureHold, hold_id=shop.hold("1", "20").id, amount=usd("12"))
    assert usd("18") == shop.left()
    shop.do(RefundRedemption, order_id="1", amount=usd("12"))
    assert usd("18") == shop.left()


def test_the_orders_own_hold_does_not_count_against_it(storage: Storage) -> None:
    """Only the order itself may use what it holds again; not if it is another customer's who held it."""
    shop = Checkout(storage)
    shop.hold("1", "20")
    assert (usd("10"), usd("30")) == (shop.left(), shop.left("1"))
    shop.hold("2", "20", "bob", codes=[shop.his.code])
    assert usd("10") == shop.left("2")


@pytest.mark.parametrize(("moment", "left"), [(-MICROSECOND, "10"), (timedelta(0), "30"), (MICROSECOND, "30")])
def test_a_hold_counts_until_it_lapses(storage: Storage, moment: timedelta, left: str) -> None:
    """One microsecond before its time it does; at it and after it it does not, though no sweep ran."""
    shop = Checkout(storage)
    hold = shop.hold("1", "20")
    shop.clock.now = hold.lapses_at + moment
    assert usd(left) == shop.left()


@pytest.mark.parametrize(("moment", "left"), [(-MICROSECOND, "10"), (timedelta(0), "30"), (MICROSECOND, "30")])
def test_a_payment_counts_until_midnight(storage: Storage, moment: timedelta, left: str) -> None:
    """The day ends at midnight in UTC."""
    shop = Checkout(storage)
    shop.do(CaptureHold, hold_id=shop.hold("1", "20").id)
    shop.clock.now = (NOW + DAY).replace(hour=0) + moment
    assert usd(left) == shop.left()
