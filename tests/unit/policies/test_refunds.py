"""The default policy for refunds of value that has expired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from loyalty.ledger.lot import LotOrigin
from loyalty.policies.refunds import regrant_paid_value
from tests.unit.accounts import NOW, lot_of


@pytest.mark.parametrize("origin", [origin for origin in LotOrigin if origin is not LotOrigin.PROMOTIONAL])
def test_paid_value_lives_thirty_more_days(origin: LotOrigin) -> None:
    """What was not a promotion is granted again for thirty days from the refund."""
    assert NOW + timedelta(days=30) == regrant_paid_value(lot_of(origin=origin, expires_at=NOW), NOW)


def test_promotional_value_is_forfeited() -> None:
    """A promotion that has expired stays expired."""
    assert regrant_paid_value(lot_of(origin=LotOrigin.PROMOTIONAL, expires_at=NOW), NOW) is None


def test_the_end_of_the_calendar_is_the_end() -> None:
    """Thirty days past the year 9999 is the last instant there is."""
    last = datetime.max.replace(tzinfo=UTC)
    assert last == regrant_paid_value(lot_of(expires_at=NOW), last)
    assert last == regrant_paid_value(lot_of(expires_at=NOW), last - timedelta(days=30))
