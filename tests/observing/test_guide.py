"""The guide on operations names every field that is logged, every outcome and every metric, and no others."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from loyalty import IssueGiftCard, LoyaltyError, PlaceHold, RedeemGiftCard
from loyalty.adapters.opentelemetry import Telemetry
from loyalty.errors import StorageUnavailable
from loyalty.ports.observer import Outcome
from loyalty.testing import FakeSink
from tests.observing.doors import BlockingDoor, Failing, Losing
from tests.use_cases.shop import usd

GUIDE: Final = (Path(__file__).parents[2] / "docs" / "guides" / "operations.md").read_text(encoding="utf-8")
TABLES: Final = "\n".join(line for line in GUIDE.splitlines() if line.startswith("|"))


def use(telemetry: Telemetry) -> None:
    """Do one of everything: a sale, a hold, a refusal, a race that is lost, a failure, a delivery."""
    door = BlockingDoor(Losing(1), telemetry)
    card = door.execute(IssueGiftCard(value=usd("20.00"), idempotency_key="issue", order_id="1"))
    door.execute(PlaceHold(order_id="2", amount_due=usd("5.00"), codes=(card.code,), idempotency_key="hold"))
    with suppress(LoyaltyError):
        door.execute(RedeemGiftCard(code=card.code, amount=usd("99"), order_id="3", idempotency_key="redeem"))
    door.deliver(FakeSink())
    error = StorageUnavailable("away")
    error.__cause__ = TimeoutError()
    with suppress(LoyaltyError):
        BlockingDoor(Failing(error), telemetry).execute(IssueGiftCard(value=usd("1.00"), idempotency_key="issue"))


def test_the_guide_names_what_there_is(caplog: pytest.LogCaptureFixture) -> None:
    """Fields of records, outcomes, and metrics with their units."""
    caplog.set_level(logging.DEBUG, logger="loyalty")
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    use(Telemetry(meter_provider=meters))
    data = reader.get_metrics_data()
    assert data is not None
    metrics = {metric.name: metric.unit for metric in data.resource_metrics[0].scope_metrics[0].metrics}
    meters.shutdown()
    fields = {name for record in caplog.records for name in vars(record) if name.startswith("loyalty_")}

    assert fields == set(re.findall(r"`(loyalty_\w+)`", TABLES))
    assert {*Outcome, "lost_race"} <= set(re.findall(r"`(\w+)`", TABLES))
    assert metrics.keys() == set(re.findall(r"^\| `(loyalty\.[\w.]+)` \|", TABLES, re.MULTILINE))
    assert all(f"`{unit}`" in TABLES for unit in metrics.values())
