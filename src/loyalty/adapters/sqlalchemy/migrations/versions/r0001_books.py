"""The books: receipts, accounts with their lots and owners, and transfers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column

from loyalty.adapters.sqlalchemy.migrations.steps import Steps, check, number, refers, unique, word, words

revision = "loyalty_0001"
down_revision = None
branch_labels = ("loyalty",)
depends_on = None

LIMIT = "1000000000000000000"


def upgrade() -> None:
    """Make the tables of the first version."""
    steps = Steps.here()
    _receipts(steps)
    _accounts(steps)
    _transfers(steps)
    steps.guard_transfers_wholly()


def downgrade() -> None:
    """Drop all that there is."""
    steps = Steps.here()
    steps.unguard_transfers()
    steps.no_tables("transfer", "lot", "store_credit", "gift_card", "account", "receipt")


def _receipts(steps: Steps) -> None:
    steps.table(
        "receipt",
        word("id", key=True),
        word("idempotency_key", nullable=True),
        word("command"),
        words("fingerprint", nullable=True),
        word("fingerprint_key_id", nullable=True),
        words("result"),
        word("event"),
        words("event_data"),
        number("recorded_at"),
        unique("receipt_key", "idempotency_key"),
    )


def _accounts(steps: Steps) -> None:
    steps.table(
        "account",
        word("id", key=True),
        word("currency"),
        *(number(name) for name in ("exponent", "posted", "held", "sequence", "version", "opened_at", "recorded_at")),
        check("account_sums", f"held >= 0 AND held <= posted AND posted <= {LIMIT}"),
        check("account_sequence", "sequence >= 0 AND version >= sequence"),
    )
    steps.table(
        "gift_card",
        word("id", key=True),
        word("account_id", unique=True),
        number("value"),
        word("origin"),
        word("status"),
        word("code_digest", unique=True),
        word("code_key_id"),
        number("code_version"),
        word("last_four"),
        number("issued_at"),
        number("expires_at", nullable=True),
        word("customer_id", nullable=True),
        number("claimed_at", nullable=True),
        word("region", nullable=True),
        word("tax_rate", nullable=True),
        word("order_id", nullable=True),
        words("recipient", nullable=True),
        words("note", nullable=True),
        words("tags"),
        words("metadata", nullable=True),
        refers("account_id", "account"),
        check("gift_card_value", "value > 0"),
        check("gift_card_status", "status IN ('pending', 'active', 'blocked', 'deactivated')"),
        check("gift_card_claim", "(customer_id IS NULL) = (claimed_at IS NULL)"),
    )
    steps.index("gift_card_order", "gift_card", "order_id", where="order_id IS NOT NULL")
    steps.table(
        "store_credit",
        word("account_id", key=True),
        word("customer_id"),
        word("currency"),
        word("status"),
        refers("account_id", "account"),
        unique("store_credit_customer", "customer_id", "currency"),
        check("store_credit_status", "status IN ('open', 'blocked', 'closed')"),
    )
    steps.table(
        "lot",
        word("id", key=True),
        word("account_id"),
        word("origin"),
        *(number(name) for name in ("amount", "remaining", "held", "live", "opened_at")),
        number("expires_at", nullable=True),
        number("not_before", nullable=True),
        number("priority"),
        word("tax_treatment"),
        word("source_lot_id", nullable=True),
        refers("account_id", "account"),
        check("lot_sums", "held >= 0 AND held <= remaining AND remaining <= amount"),
        check("lot_live", "live = CASE WHEN remaining > 0 THEN 1 ELSE 0 END"),
    )
    steps.index("lot_account", "lot", "account_id", "live")
    steps.index("lot_expiry", "lot", "live", "expires_at")


def _transfers(steps: Steps) -> None:
    steps.table(
        "transfer",
        word("id", key=True),
        word("kind"),
        word("currency"),
        number("exponent"),
        number("amount"),
        *_side("debit"),
        *_side("credit"),
        number("occurred_at"),
        number("recorded_at"),
        *(word(name, nullable=True) for name in ("order_id", "refunds", "actor", "reason")),
        words("note", nullable=True),
        *(word(name, nullable=True) for name in ("reference_type", "reference_id")),
        words("metadata", nullable=True),
        check("transfer_amount", f"amount > 0 AND amount <= {LIMIT}"),
        *(check(f"transfer_{side}", _customer_or_house(side)) for side in ("debit", "credit")),
    )
    for side in ("debit", "credit"):
        account, sequence = f"{side}_account_id", f"{side}_sequence"
        where = f"{account} IS NOT NULL"
        steps.index(f"transfer_{side}_sequence", "transfer", account, sequence, where=where, is_unique=True)
    steps.index("transfer_order", "transfer", "order_id", where="order_id IS NOT NULL")
    steps.index("transfer_refunds", "transfer", "refunds", where="refunds IS NOT NULL")
    steps.index("transfer_recorded", "transfer", "recorded_at", postgresql_using="brin")


def _side(side: str) -> tuple[Column[Any], ...]:
    return (
        word(f"{side}_account_id", nullable=True),
        word(f"{side}_house", nullable=True),
        number(f"{side}_sequence", nullable=True),
        number(f"{side}_balance_after", nullable=True),
        words(f"{side}_lots"),
    )


def _customer_or_house(side: str) -> str:
    account, sequence, balance, house = (
        f"{side}_{name}" for name in ("account_id", "sequence", "balance_after", "house")
    )
    customer = f"{account} IS NOT NULL AND {sequence} > 0 AND {balance} >= 0 AND {house} IS NULL"
    nobody = f"{account} IS NULL AND {sequence} IS NULL AND {balance} IS NULL AND {house} IS NOT NULL"
    return f"({customer}) OR ({nobody})"
