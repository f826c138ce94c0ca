"""Store credit accounts: open, blocked, closed, and as a host sees them."""

from __future__ import annotations

import pytest
from moneyed import Money

from loyalty.errors import NotSpendable
from loyalty.store_credit.account import StoreCreditStatus, StoreCreditView
from tests.unit.accounts import DAY, NOW, account_of, credit_of, lot_of


@pytest.mark.parametrize(
    ("status", "pays", "takes"),
    [
        (StoreCreditStatus.OPEN, True, True),
        (StoreCreditStatus.BLOCKED, False, True),
        (StoreCreditStatus.CLOSED, False, False),
    ],
)
def test_an_open_account_pays_and_only_a_closed_one_takes_nothing(
    status: StoreCreditStatus, pays: bool, takes: bool
) -> None:
    """A block stops spending; a closed account neither pays nor takes, and the reason is its status."""
    credit = credit_of(lot_of(), status=status)
    for check, allowed in ((credit.require_open, pays), (credit.require_not_closed, takes)):
        if allowed:
            check()
        else:
            with pytest.raises(NotSpendable) as caught:
                check()
            assert status.value == caught.value.reason


def test_its_id_is_the_ledger_accounts() -> None:
    """There is one id for the account and its ledger."""
    assert credit_of().account.id == credit_of().id


def test_it_goes_on_with_the_next_state_of_its_ledger() -> None:
    """Customer and status stay when the balance changes."""
    credit = credit_of(lot_of(5), status=StoreCreditStatus.BLOCKED)
    after = credit.with_account(account_of(lot_of(4)))
    assert ("ada", StoreCreditStatus.BLOCKED, 4) == (after.customer_id, after.status, after.account.posted)


def test_the_view_tells_amounts_and_the_next_end() -> None:
    """Posted, held and available are told apart, and the soonest end of what is available."""
    credit = credit_of(
        lot_of(100, "a", expires_at=NOW + 2 * DAY),
        lot_of(100, "b", expires_at=NOW + DAY, held=100),
        lot_of(100, "c", expires_at=NOW),
        lot_of(100, "d", not_before=NOW + DAY),
        lot_of(100, "e"),
    )
    view = StoreCreditView.of(credit, NOW)
    assert (Money("5.00", "USD"), Money("1.00", "USD"), Money("2.00", "USD")) == (
        view.posted,
        view.held,
        view.available,
    )
    assert (NOW + 2 * DAY, "USD", "ada", NOW) == (view.expires_next, view.currency, view.customer_id, view.as_of)


@pytest.mark.parametrize("status", [StoreCreditStatus.BLOCKED, StoreCreditStatus.CLOSED])
def test_an_account_that_is_not_open_has_nothing_available(status: StoreCreditStatus) -> None:
    """What is blocked is posted and not available."""
    view = StoreCreditView.of(credit_of(lot_of(100), status=status), NOW)
    assert (Money("1.00", "USD"), Money("0.00", "USD")) == (view.posted, view.available)


def test_nothing_ends_where_nothing_has_an_expiry() -> None:
    """Without an expiry, and without value, there is no next end."""
    assert StoreCreditView.of(credit_of(lot_of(100)), NOW).expires_next is None
    assert StoreCreditView.of(credit_of(), NOW).expires_next is None


def test_statuses_are_their_words() -> None:
    """The stored words are stable."""
    assert ["open", "blocked", "closed"] == list(StoreCreditStatus)
