"""
The program of the demonstration: a purchase log, replayed day by day.

Every command has an idempotency key made from the purchase's number, and every
command's content comes from the log or from what an earlier command answered,
never from the present state of the books. So a run that was stopped can be run
again, and a second run changes nothing.

Each day has three parts, in this order:

1. what was bought yesterday and is returned comes back;
2. value that has expired by now is posted as expired;
3. the day's purchases happen.

The returns come before the sweep because value that goes back to a lot that
has expired meanwhile expires at once; so no day ends with expired value in the
books, and a later run with its clock in the past finds nothing to sweep.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeVar

import attrs
from moneyed import Money

from loyalty.cli.purchases import Purchase, PurchaseLog
from loyalty.errors import IdempotencyConflict, InvalidRequest, NotSpendable
from loyalty.facade import Loyalty
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import Reference
from loyalty.money import ALL, signed_minor_units, split, to_money
from loyalty.reports.gift_cards import CardsOfOrder
from loyalty.reports.liability import Movements
from loyalty.use_cases.command import Command
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.refund_redemption import RefundRedemption

__all__ = ["DayClock", "Moved", "OtherBooks", "Replay"]

CARD_CENTS: Final = 10_00
CARD_LIVES: Final = timedelta(days=90)
REWARD_LIVES: Final = timedelta(days=180)
REWARD_OF_HUNDRED: Final = (5, 95)
RETURNED_EVERY: Final = 20
NEXT_DAY: Final = timedelta(days=1)

Result = TypeVar("Result")


class OtherBooks(Exception):
    """The database holds something else than this replay; nothing was changed."""


class DayClock:
    """A clock that stands at midnight UTC of the day it was moved to."""

    def __init__(self, day: date) -> None:
        """Begin with *day*."""
        self.move_to(day)

    def move_to(self, day: date) -> None:
        """Make it another day, also an earlier one."""
        self._now = datetime.combine(day, time(), tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the first instant of the day: aware, UTC."""
        return self._now


@attrs.define
class Moved:
    """What the answers of all commands add up to, in cents; the sweeps apart."""

    issued: int = 0
    granted: int = 0
    redeemed: int = 0
    refunded: int = 0


@attrs.frozen
class _Paid:
    """How a purchase was paid, in cents: with stored value, and elsewhere."""

    purchase: Purchase
    stored: int
    elsewhere: int


class Replay:
    """
    One run of the program. It prints nothing.

    ``commands`` counts what was sent, ``sweeps`` the daily sweeps; ``events``
    counts what happened to purchases and cards, by name.

    Args:
        loyalty:
            Where the commands go. Its clock must be *clock*.
        clock:
            Is moved through the days of the log.
        log:
            The purchases.
    """

    def __init__(self, loyalty: Loyalty, clock: DayClock, log: PurchaseLog) -> None:
        """Keep the arguments; nothing is executed yet."""
        self.moved = Moved()
        self.commands = 0
        self.sweeps = 0
        self.events: Counter[str] = Counter()
        self._loyalty = loyalty
        self._clock = clock
        self._log = log
        self._codes: dict[str, str] = {}
        self._bought: Counter[str] = Counter()

    @property
    def last_day(self) -> date:
        """Return the day on which the run ends: the one after the last purchase, for its returns."""
        return self._log.last_day + NEXT_DAY

    def require_own_books(self) -> None:
        """
        Check that the books are empty or were begun by this program.

        Customers of the log must never appear among the customers of a shop.

        Raises:
            loyalty.cli.replay.OtherBooks: If something else is in there.
        """
        if self._loyalty.ask(Movements()) and not self._loyalty.ask(CardsOfOrder(order_id=_order(1))).bought:
            raise OtherBooks("the database holds gift cards or store credit that are not of this demonstration")

    def run(self) -> Iterator[int]:
        """
        Replay the log; yield how many purchases are done after each of them.

        Raises:
            loyalty.cli.replay.OtherBooks: At the first command, if the database
                holds the replay of another log or was filled under another secret.
            loyalty.errors.LoyaltyError: If the storage fails. Running again is
                always safe.

        Guarantees:
            A second run changes nothing, and a run after an interrupted one ends
            where one run ends (``tests/cli/test_replay.py``).
        """
        purchases = self._by_day()
        returns: list[_Paid] = []
        for ordinal in range(self._log.first_day.toordinal(), self.last_day.toordinal() + 1):
            day = date.fromordinal(ordinal)
            self._clock.move_to(day)
            for paid in returns:
                self._return(paid)
            self._expire()
            returns = []
            for purchase in purchases.get(day, ()):
                paid = self._buy(purchase)
                if purchase.number % RETURNED_EVERY == 0:
                    returns.append(paid)
                yield purchase.number

    def _by_day(self) -> dict[date, list[Purchase]]:
        days: dict[date, list[Purchase]] = defaultdict(list)
        for purchase in self._log.purchases:
            days[purchase.purchased_on].append(purchase)
        return days

    # --- what a customer does -------------------------------------------------

    def _buy(self, purchase: Purchase) -> _Paid:
        customer_id = purchase.customer_id
        self._bought[customer_id] += 1
        self.events["free"] += purchase.cents == 0
        if self._bought[customer_id] == 1:
            self._codes[customer_id] = self._earn_card(purchase)
            paid = _Paid(purchase, 0, purchase.cents)
        else:
            if self._bought[customer_id] == 2:  # noqa: PLR2004  # the second purchase
                self._convert(purchase, self._codes.pop(customer_id))
            paid = self._pay(purchase)
        self._reward(paid)
        return paid

    def _earn_card(self, purchase: Purchase) -> str:
        """Issue the card of a first purchase. It names the log, so that another log is noticed at its first command."""
        command = IssueGiftCard(
            value=_usd(CARD_CENTS),
            expires_at=self._clock() + CARD_LIVES,
            origin=LotOrigin.PROMOTIONAL,
            order_id=_order(purchase.number),
            reason="first purchase",
            reference=Reference("purchase log", self._log.digest),
            idempotency_key=_key(purchase, "card"),
        )
        try:
            issued = self._execute(command)
        except IdempotencyConflict:
            raise OtherBooks("the database holds the replay of another purchase log") from None
        except InvalidRequest:  # the command is sound, so it is the key of the receipt that is not known
            raise OtherBooks("the database was filled under another secret") from None
        self.moved.issued += signed_minor_units(issued.gift_card.value)
        self.events["cards"] += 1
        return issued.code

    def _convert(self, purchase: Purchase, code: str) -> None:
        command = ConvertGiftCard(
            code=code, customer_id=purchase.customer_id, idempotency_key=_key(purchase, "convert")
        )
        try:
            self._execute(command)
        except NotSpendable:
            self.events["lapsed"] += 1  # refused each time it is asked: the books' time never goes back
        else:
            self.events["converted"] += 1

    def _pay(self, purchase: Purchase) -> _Paid:
        if purchase.cents == 0:
            return _Paid(purchase, 0, 0)
        payment = self._execute(
            PayWithBalances(
                order_id=_order(purchase.number),
                amount_due=_usd(purchase.cents),
                customer_id=purchase.customer_id,
                idempotency_key=_key(purchase, "pay"),
            )
        )
        stored, elsewhere = signed_minor_units(payment.amount), signed_minor_units(payment.remaining_due)
        self.moved.redeemed += stored
        self.events["paid"] += stored > 0
        return _Paid(purchase, stored, elsewhere)

    def _reward(self, paid: _Paid) -> None:
        if paid.elsewhere == 0:
            return
        reward, _ = split(paid.elsewhere, REWARD_OF_HUNDRED)
        self._grant(
            paid.purchase,
            "reward",
            cents=max(1, reward),
            origin=LotOrigin.PROMOTIONAL,
            reason="5 % of what was paid elsewhere",
            expires_at=self._clock() + REWARD_LIVES,
        )

    def _return(self, paid: _Paid) -> None:
        self.events["returned"] += 1
        if paid.stored > 0:
            refund = self._execute(
                RefundRedemption(
                    order_id=_order(paid.purchase.number),
                    amount=ALL,
                    reason="returned",
                    idempotency_key=_key(paid.purchase, "return"),
                )
            )
            self.moved.refunded += signed_minor_units(refund.amount)
        if paid.elsewhere > 0:
            self._grant(
                paid.purchase,
                "return-credit",
                cents=paid.elsewhere,
                origin=LotOrigin.REFUND,
                reason="returned",
                expires_at=None,
            )

    def _grant(
        self, purchase: Purchase, step: str, *, cents: int, origin: LotOrigin, reason: str, expires_at: datetime | None
    ) -> None:
        grant = self._execute(
            GrantStoreCredit(
                customer_id=purchase.customer_id,
                amount=_usd(cents),
                origin=origin,
                reason=reason,
                reference=Reference("order", _order(purchase.number)),
                expires_at=expires_at,
                idempotency_key=_key(purchase, step),
            )
        )
        self.moved.granted += signed_minor_units(grant.transfer.amount)

    # --- what the shop does ---------------------------------------------------

    def _expire(self) -> None:
        self.sweeps += 1
        while not self._loyalty.execute(ExpireValue()).is_done:
            self.sweeps += 1

    def _execute(self, command: Command[Result]) -> Result:
        self.commands += 1
        return self._loyalty.execute(command)


def _usd(cents: int) -> Money:
    return to_money(cents, "USD", 2)


def _order(number: int) -> str:
    return f"demo/{number}"


def _key(purchase: Purchase, step: str) -> str:
    return f"demo/{purchase.number}/{step}"
