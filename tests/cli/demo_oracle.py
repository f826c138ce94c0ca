"""
What the demonstration must come to, in plain integers: an oracle that never calls the code under test.

It re-states the rules of the replay on lots `[expires, remaining, held]`: days are ordinal numbers, amounts are cents.
Through holds, three of a hundred charges elsewhere are declined. After half of these the order is paid again at once,
and nothing has changed; after the others what was held cannot pay for a second order and is free again the next day.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from datetime import date
from pathlib import Path

NEVER = 10**9
FIGURES = ("issued", "granted", "redeemed", "refunded", "expired", "outstanding")

Lot = list[int]


def months_of(path: Path, *, through_holds: bool = False) -> dict[str, dict[str, int]]:
    """Return the figures of each month, in cents, that a replay of the log must end with."""
    return _replayed(path, through_holds=through_holds).months


def holds_of(path: Path) -> dict[str, int]:
    """Return how many holds a replay of the log through holds must place, and what must become of them."""
    return _replayed(path, through_holds=True).holds


def _replayed(path: Path, *, through_holds: bool) -> _Model:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            (date.fromisoformat(row["purchased_on"]).toordinal(), row["customer_id"], _cents(row["amount_usd"]))
            for row in csv.DictReader(file)
        ]
    rows.sort(key=lambda row: row[0])
    days: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for number, (day, customer, cents) in enumerate(rows, start=1):
        days[day].append((number, customer, cents))
    model = _Model(through_holds=through_holds)
    for day in range(rows[0][0], rows[-1][0] + 2):
        model.day(day, days[day])
    return model


class _Model:
    def __init__(self, *, through_holds: bool) -> None:
        self.through_holds = through_holds
        self.holds = dict.fromkeys(("captured", "voided", "lapsed"), 0)
        self.months: dict[str, dict[str, int]] = {}
        self.cards: dict[str, Lot] = {}
        self.credit: dict[str, list[Lot]] = defaultdict(list)
        self.purchases: dict[str, int] = defaultdict(int)
        self.returns: list[tuple[str, list[tuple[Lot, int]], int]] = []
        self.owed = 0

    def day(self, day: int, purchases: list[tuple[int, str, int]]) -> None:
        month = date.fromordinal(day).isoformat()[:7]
        figures = self.months.setdefault(month, dict.fromkeys(FIGURES, 0))
        for customer, drawn, elsewhere in self.returns:
            for lot, cents in drawn:
                lot[1] += cents
                figures["refunded"] += cents
            if elsewhere:
                self.credit[customer].append([NEVER, elsewhere, 0])
                figures["granted"] += elsewhere
        self.returns = []
        for lots in [list(self.cards.values()), *self.credit.values()]:
            for lot in lots:
                lot[2] = 0
        for lots in [list(self.cards.values()), *self.credit.values()]:
            for lot in lots:
                if lot[0] <= day:
                    figures["expired"] += lot[1]
                    lot[1] = 0
        for number, customer, cents in purchases:
            self.buy(day, number, customer, cents, figures)
        plus = figures["issued"] + figures["granted"] + figures["refunded"]
        minus = figures["redeemed"] + figures["expired"]
        before = sum(
            one["issued"] + one["granted"] + one["refunded"] - one["redeemed"] - one["expired"]
            for name, one in self.months.items()
            if name != month
        )
        figures["outstanding"] = before + plus - minus

    def buy(self, day: int, number: int, customer: str, cents: int, figures: dict[str, int]) -> None:
        self.purchases[customer] += 1
        if self.purchases[customer] == 2 and self.cards[customer][1]:
            self.credit[customer].append(self.cards.pop(customer))
        left, drawn = self.pay(number, customer, date.fromordinal(day).isoformat(), cents)
        if self.purchases[customer] == 1:
            self.cards[customer] = [day + 90, 1000, 0]
            figures["issued"] += 1000
        figures["redeemed"] += cents - left
        if left:
            reward = max(1, (5 * left + 50) // 100)
            self.credit[customer].append([day + 180, reward, 0])
            figures["granted"] += reward
        if number % 20 == 0:
            self.returns.append((customer, drawn, left))

    def pay(self, number: int, customer: str, day: str, cents: int) -> tuple[int, list[tuple[Lot, int]]]:
        left, chosen = self.choose(customer, cents)
        if self.through_holds and cents:
            self.holds["captured"] += 1
            figure = int(hashlib.sha256(f"{number}/{customer}/{day}/{cents}".encode()).hexdigest(), 16)
            if left and figure % 100 < 3:
                if figure // 100 % 2:
                    self.holds["lapsed"] += 1
                    for lot, cents_held in chosen:
                        lot[2] += cents_held
                    left, chosen = self.choose(customer, cents)
                else:
                    self.holds["voided"] += 1
        for lot, taken in chosen:
            lot[1] -= taken
        return left, chosen

    def choose(self, customer: str, cents: int) -> tuple[int, list[tuple[Lot, int]]]:
        chosen: list[tuple[Lot, int]] = []
        left = cents
        for lot in sorted(self.credit[customer], key=lambda one: one[0]):
            taken = min(left, lot[1] - lot[2])
            if taken:
                left -= taken
                chosen.append((lot, taken))
        return left, chosen


def _cents(text: str) -> int:
    dollars, cents = text.split(".")
    return int(dollars) * 100 + int(cents)
