"""
What the demonstration must come to, in plain integers: an oracle that never calls the code under test.

It re-states the rules of the replay on lots `[expires, remaining]`: days are ordinal numbers, amounts are cents.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

NEVER = 10**9
FIGURES = ("issued", "granted", "redeemed", "refunded", "expired", "outstanding")

Lot = list[int]


def months_of(path: Path) -> dict[str, dict[str, int]]:
    """Return the figures of each month, in cents, that a replay of the log must end with."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            (date.fromisoformat(row["purchased_on"]).toordinal(), row["customer_id"], _cents(row["amount_usd"]))
            for row in csv.DictReader(file)
        ]
    rows.sort(key=lambda row: row[0])
    days: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for number, (day, customer, cents) in enumerate(rows, start=1):
        days[day].append((number, customer, cents))
    model = _Model()
    for day in range(rows[0][0], rows[-1][0] + 2):
        model.day(day, days[day])
    return model.months


class _Model:
    def __init__(self) -> None:
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
                self.credit[customer].append([NEVER, elsewhere])
                figures["granted"] += elsewhere
        self.returns = []
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
        drawn: list[tuple[Lot, int]] = []
        left = cents
        if self.purchases[customer] == 1:
            self.cards[customer] = [day + 90, 1000]
            figures["issued"] += 1000
        else:
            if self.purchases[customer] == 2 and self.cards[customer][1]:
                self.credit[customer].append(self.cards.pop(customer))
            for lot in sorted(self.credit[customer], key=lambda one: one[0]):
                taken = min(left, lot[1])
                if taken:
                    lot[1] -= taken
                    left -= taken
                    drawn.append((lot, taken))
        figures["redeemed"] += cents - left
        if left:
            reward = max(1, (5 * left + 50) // 100)
            self.credit[customer].append([day + 180, reward])
            figures["granted"] += reward
        if number % 20 == 0:
            self.returns.append((customer, drawn, left))


def _cents(text: str) -> int:
    dollars, cents = text.split(".")
    return int(dollars) * 100 + int(cents)
