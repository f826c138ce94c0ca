"""Holds, refunds of an order as new value, and the decisions of policies."""

from __future__ import annotations

from loyalty.adapters.sqlalchemy.migrations.steps import Steps, check, number, refers, unique, word, words

revision = "loyalty_0002"
down_revision = "loyalty_0001"
branch_labels = None
depends_on = None

REVERSAL = "kind = 'reversal'"


def upgrade() -> None:
    """Make the tables of holds, and the columns that go with them."""
    steps = Steps.here()
    steps.table(
        "hold",
        word("id", key=True),
        word("order_id"),
        word("open_order", nullable=True),
        word("customer_id", nullable=True),
        word("currency"),
        *(number(name) for name in ("exponent", "amount_due", "amount", "captured")),
        word("status"),
        *(number(name) for name in ("version", "placed_at", "lapses_at")),
        number("resolved_at", nullable=True),
        words("tenders"),
        number("has_lines"),
        check("hold_lines", "has_lines IN (0, 1)"),
        unique("hold_open_order", "open_order"),
        check("hold_amounts", "captured >= 0 AND captured <= amount AND amount <= amount_due"),
        check("hold_status", "status IN ('open', 'captured', 'voided', 'lapsed')"),
        check(
            "hold_open", "(status = 'open') = (open_order IS NOT NULL) AND (status = 'open') = (resolved_at IS NULL)"
        ),
        check("hold_captured", "captured = 0 OR status = 'captured'"),
    )
    steps.index("hold_lapse", "hold", "status", "lapses_at")
    steps.table(
        "hold_tender",
        word("hold_id", key=True),
        word("account_id", key=True),
        refers("hold_id", "hold"),
        refers("account_id", "account"),
    )
    steps.table(
        "refunded_order",
        word("order_id", key=True),
        number("version"),
        check("refunded_order_version", "version > 0"),
    )
    steps.columns("receipt", words("decisions", nullable=True))
    steps.columns("account", words("reservations", nullable=True))
    steps.columns("transfer", word("hold_id", nullable=True))
    steps.index("gift_card_customer", "gift_card", "customer_id", where="customer_id IS NOT NULL")
    steps.unique_where("transfer_reversal", "transfer", "refunds", where=REVERSAL)


def downgrade() -> None:
    """Drop them again: what is held is free, and what was decided is forgotten."""
    steps = Steps.here()
    steps.not_unique_where("transfer_reversal", "transfer", "refunds", where=REVERSAL)
    steps.no_index("gift_card_customer", "gift_card")
    steps.no_columns("transfer", "hold_id")
    steps.no_columns("account", "reservations")
    steps.no_columns("receipt", "decisions")
    steps.no_tables("refunded_order", "hold_tender", "hold")
