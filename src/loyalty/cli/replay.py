"""
The program of the demonstration: a purchase log, replayed day by day.

Every command has an idempotency key made from the purchase's number, and every
command's content comes from the log or from what an earlier command answered,
never from the present state of the books. So a run that was stopped can be run
again, and a second run changes nothing.

Each day has three parts, in this order:

1. what was bought yesterday and is returned comes back;
2. holds that have lapsed are closed, and value that has expired by now is
   posted as expired;
3. the day's purchases happen.

The returns come before the sweeps because value that goes back to a lot that
has expired meanwhile expires at once; so no day ends with expired value in the
books, and a later run with its clock in the past finds nothing to sweep. How a
purchase is paid is told in :mod:`loyalty.cli.checkout`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from loyalty.cli.checkout import AGAIN, EarnedCard, checkout_of
from loyalty.cli.checkout_kind import CheckoutKind
from loyalty.cli.purchases import Purchase, PurchaseLog
from loyalty.cli.till import DayClock, Moved, OtherBooks, Paid, Till, key_of, order_of, usd
from loyalty.facade import Loyalty
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import Reference
from loyalty.money import ALL, signed_minor_units, split
from loyalty.reports.gift_cards import CardsOfOrder
from loyalty.reports.liability import Movements
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.refund_redemption import RefundRedemption

__all__ = ["Replay"]

CARD_CENTS: Final = 10_00
CARD_LIVES: Final = timedelta(days=90)
REWARD_LIVES: Final = timedelta(days=180)
REWARD_OF_HUNDRED: Final = (5, 95)
RETURNED_EVERY: Final = 20
NEXT_DAY: Final = timedelta(days=1)


class Replay:
    """
    One run of the program. It prints nothing.

    Args:
        loyalty:
            Where the commands go. Its clock must be *clock*.
        clock:
            Is moved through the days of the log.
        log:
            The purchases.
        checkout:
            How stored value pays.
    """

    def __init__(
        self, loyalty: Loyalty, clock: DayClock, log: PurchaseLog, checkout: CheckoutKind = CheckoutKind.DIRECT
    ) -> None:
        """Keep the arguments; nothing is executed yet."""
        self.checkout = checkout
        self._loyalty = loyalty
        self._clock = clock
        self._log = log
        self._till = Till(loyalty, clock, log.digest)
        self._checkout = checkout_of(checkout, self._till)
        self._cards: dict[str, EarnedCard] = {}
        self._bought: Counter[str] = Counter()

    @property
    def moved(self) -> Moved:
        """Return what the answers of all commands add up to."""
        return self._till.moved

    @property
    def commands(self) -> int:
        """Return how many commands were sent."""
        return self._till.commands

    @property
    def sweeps(self) -> int:
        """Return how many sweeps were sent."""
        return self._till.sweeps

    @property
    def events(self) -> Counter[str]:
        """Return how often what happened to purchases, cards and holds, by name."""
        return self._till.events

    @property
    def last_day(self) -> date:
        """Return the day on which the run ends: the one after the last purchase, for its returns."""
        return self._log.last_day + NEXT_DAY

    def require_own_books(self) -> None:
        """
        Check that the books are empty or were begun by this program, paying in the same way.

        Customers of the log must never appear among the customers of a shop.

        Raises:
            loyalty.cli.till.OtherBooks: If something else is in there.
        """
        if not self._loyalty.ask(Movements()):
            return
        first = self._first_cards()
        if not first:
            raise OtherBooks("the database holds gift cards or store credit that are not of this demonstration")
        if first[0].tags != self._checkout.tags:
            raise OtherBooks("the database holds a replay that was paid with another --checkout")

    def _first_cards(self) -> tuple[GiftCardView, ...]:
        """Return the card that the first purchase earned, if it did."""
        orders = (order_of(1), order_of(1, AGAIN))
        return tuple(card for order_id in orders for card in self._loyalty.ask(CardsOfOrder(order_id=order_id)).bought)

    def run(self) -> Iterator[int]:
        """
        Replay the log; yield how many purchases are done after each of them.

        Raises:
            loyalty.cli.till.OtherBooks: At the first command, if the database
                holds the replay of another log or was filled under another secret.
            loyalty.errors.LoyaltyError: If the storage fails. Running again is
                always safe.

        Guarantees:
            A second run changes nothing, and a run after an interrupted one ends
            where one run ends (``tests/cli/test_replay.py``).
        """
        purchases = self._by_day()
        returns: list[Paid] = []
        for ordinal in range(self._log.first_day.toordinal(), self.last_day.toordinal() + 1):
            day = date.fromordinal(ordinal)
            self._clock.move_to(day)
            for paid in returns:
                self._return(paid)
            self._checkout.sweep()
            self._till.sweep(ExpireValue())
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

    def _buy(self, purchase: Purchase) -> Paid:
        customer_id = purchase.customer_id
        self._bought[customer_id] += 1
        self.events["free"] += purchase.cents == 0
        if self._bought[customer_id] == 2:  # noqa: PLR2004  # the second purchase
            self._checkout.bring(purchase, self._cards.pop(customer_id))
        paid = self._pay(purchase)
        if self._bought[customer_id] == 1:
            self._cards[customer_id] = self._earn_card(paid)
        self._reward(paid)
        return paid

    def _pay(self, purchase: Purchase) -> Paid:
        if purchase.cents == 0:
            return Paid(purchase=purchase, order_id=order_of(purchase.number))
        paid = self._checkout.pay(purchase, is_first=self._bought[purchase.customer_id] == 1)
        self.moved.redeemed += paid.stored
        self.events["paid"] += paid.stored > 0
        return paid

    def _earn_card(self, paid: Paid) -> EarnedCard:
        """Issue the card of a first purchase. It names the log, so that another log is noticed at its first command."""
        expires_at = self._clock() + CARD_LIVES
        issued = self._till.execute(
            IssueGiftCard(
                value=usd(CARD_CENTS),
                expires_at=expires_at,
                origin=LotOrigin.PROMOTIONAL,
                order_id=paid.order_id,
                tags=self._checkout.tags,
                reason="first purchase",
                reference=self._till.log,
                idempotency_key=key_of(paid.purchase, "card"),
            )
        )
        self.moved.issued += signed_minor_units(issued.gift_card.value)
        self.events["cards"] += 1
        return EarnedCard(code=issued.code, expires_at=expires_at)

    def _reward(self, paid: Paid) -> None:
        if paid.elsewhere == 0:
            return
        reward, _ = split(paid.elsewhere, REWARD_OF_HUNDRED)
        self._grant(
            paid,
            "reward",
            cents=max(1, reward),
            origin=LotOrigin.PROMOTIONAL,
            reason="5 % of what was paid elsewhere",
            expires_at=self._clock() + REWARD_LIVES,
        )

    def _return(self, paid: Paid) -> None:
        self.events["returned"] += 1
        if paid.stored > 0:
            refund = self._till.execute(
                RefundRedemption(
                    order_id=paid.order_id,
                    amount=ALL,
                    reason="returned",
                    idempotency_key=key_of(paid.purchase, "return"),
                )
            )
            self.moved.refunded += signed_minor_units(refund.amount)
        if paid.elsewhere > 0:
            self._grant(
                paid,
                "return-credit",
                cents=paid.elsewhere,
                origin=LotOrigin.REFUND,
                reason="returned",
                expires_at=None,
            )

    def _grant(
        self, paid: Paid, step: str, *, cents: int, origin: LotOrigin, reason: str, expires_at: datetime | None
    ) -> None:
        grant = self._till.execute(
            GrantStoreCredit(
                customer_id=paid.purchase.customer_id,
                amount=usd(cents),
                origin=origin,
                reason=reason,
                reference=Reference("order", paid.order_id),
                expires_at=expires_at,
                idempotency_key=key_of(paid.purchase, step),
            )
        )
        self.moved.granted += signed_minor_units(grant.transfer.amount)
