"""The shop's choices."""

from __future__ import annotations

import attrs

from loyalty.policies.chosen import Policies
from loyalty.policies.refund_routing import other_tenders_first
from loyalty.policies.refunds import regrant_paid_value
from loyalty.policies.tender_order import soonest_expiry_first
from tests.unit.accounts import lot_of


def test_every_choice_has_a_default() -> None:
    """A shop that chooses nothing gets the documented policies."""
    assert (soonest_expiry_first, regrant_paid_value) == (Policies().spending_order, Policies().refund_expiry)
    assert other_tenders_first is Policies().refund_routing


def test_one_choice_leaves_the_others() -> None:
    """Replacing one policy keeps the defaults of the rest."""
    chosen = Policies(spending_order=lambda lot: lot.id)
    assert "lot-1" == chosen.spending_order(lot_of())
    assert regrant_paid_value is chosen.refund_expiry


def test_there_is_one_field_per_choice() -> None:
    """A new policy needs its tests: this list is to be extended with it."""
    fields = [field.name for field in attrs.fields(Policies)]
    assert fields == [
        "spending_order", "eligibility", "limits", "hold_time", "expiry", "refund_expiry", "refund_routing", "cash_out",
    ]  # fmt: skip


def test_every_default_says_its_name_and_version() -> None:
    """So that what is recorded with a decision tells which rule it was."""
    for field in attrs.fields(Policies):
        decided = Policies().decided(field.name, "so")
        assert (field.name, getattr(Policies(), field.name).__name__, "1", "so") == attrs.astuple(decided)


def test_a_rule_without_a_version_says_so() -> None:
    """A shop's own function may forget to say its version; the record tells that."""
    decided = Policies(spending_order=lambda lot: lot.id).decided("spending_order")
    assert ("<lambda>", "unversioned") == (decided.name, decided.version)
