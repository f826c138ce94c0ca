"""Gift card products and their sale, batches, imports, recipients, lists, and the outbox."""

from __future__ import annotations

from loyalty.adapters.sqlalchemy.migrations.steps import Steps, check, number, refers, words

revision = "loyalty_0003"
down_revision = "loyalty_0002"
branch_labels = None
depends_on = None

CARD_WORDS = ("product_id", "line_id", "buyer_id", "batch_id", "tax_treatment", "last_day", "time_zone")
CARD_NUMBERS = ("unit", "price", "loaded_at", "edition")
OUTBOX_WORDS = ("about", "failure")
OUTBOX_NUMBERS = ("due_at", "attempts", "leased_until", "dead_at", "position")

CARD_INDEXES = (
    "gift_card_unit", "gift_card_issued", "gift_card_expires", "gift_card_value", "gift_card_last_four",
    "gift_card_buyer", "gift_card_batch",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables of sales, and the columns and indexes that go with them."""
    steps = Steps.here()
    _products(steps)
    _batches(steps)
    _cards(steps)
    _gifts(steps)
    _outbox(steps)
    steps.columns("store_credit", words("successor_id", nullable=True))
    steps.index("lot_end", "lot", "expires_at", "account_id", where="live = 1 AND expires_at IS NOT NULL")
    steps.no_index("lot_expiry", "lot")
    steps.guard_transfers()


def downgrade() -> None:
    """Drop them again, with products, recipients and events that have not left; cards and balances stay."""
    steps = Steps.here()
    steps.unguard_transfers()
    steps.guard_transfers_wholly()
    steps.index("lot_expiry", "lot", "live", "expires_at")
    steps.no_index("lot_end", "lot")
    for name in ("receipt_due", "receipt_dead"):
        steps.no_index(name, "receipt")
    for name in CARD_INDEXES:
        steps.no_index(name, "gift_card")
    steps.no_columns("receipt", *OUTBOX_WORDS, *OUTBOX_NUMBERS)
    steps.no_columns("gift_card", *CARD_WORDS, *CARD_NUMBERS)
    steps.no_columns("store_credit", "successor_id")
    steps.no_tables("imported_card", "batch", "gift", "denomination", "gift_card_product", "gift_card_sale")


def _products(steps: Steps) -> None:
    steps.table(
        "gift_card_sale",
        words("order_id", key=True),
        number("version"),
        number("paid_at", nullable=True),
        number("reversed_at", nullable=True),
        check("gift_card_sale_version", "version > 0"),
    )
    steps.table(
        "gift_card_product",
        words("id", key=True),
        words("title"),
        words("open_amounts"),
        words("term", nullable=True),
        words("tax_treatment"),
        words("tax_rate", nullable=True),
        *(number(name) for name in ("version", "defined_at", "changed_at")),
        number("retired_at", nullable=True),
        check("gift_card_product_version", "version > 0"),
    )
    steps.table(
        "denomination",
        words("product_id", key=True),
        number("place", key=True),
        words("variant_id"),
        words("sku", nullable=True),
        words("prices"),
        words("face_values"),
        number("offered_from", nullable=True),
        number("retired_at", nullable=True),
        refers("product_id", "gift_card_product"),
    )
    steps.index(
        "denomination_variant", "denomination", "product_id", "variant_id", where="retired_at IS NULL", is_unique=True
    )


def _batches(steps: Steps) -> None:
    steps.table(
        "batch",
        words("id", key=True),
        words("name", nullable=True),
        *(number(name) for name in ("count", "issued", "revealed", "value")),
        words("currency"),
        number("exponent"),
        number("expires_at", nullable=True),
        words("code_key_id"),
        words("code_format"),
        number("opened_at"),
        number("version"),
        check("batch_value", "value > 0"),
        check("batch_counts", "revealed >= 0 AND revealed <= issued AND issued <= count AND count > 0"),
    )
    steps.table(
        "imported_card",
        words("source", key=True),
        words("source_id", key=True),
        words("gift_card_id", unique=True),
        words("import_id"),
        words("fingerprint"),
        words("fingerprint_key_id"),
    )


def _cards(steps: Steps) -> None:
    steps.columns("gift_card", *(words(name, nullable=True) for name in CARD_WORDS))
    steps.columns("gift_card", *(number(name, nullable=True) for name in CARD_NUMBERS))
    steps.index("gift_card_unit", "gift_card", "order_id", "line_id", "unit", where="unit IS NOT NULL", is_unique=True)
    for name in ("issued_at", "expires_at", "value"):
        steps.index(f"gift_card_{name.removesuffix('_at')}", "gift_card", name, "id")
    steps.index("gift_card_last_four", "gift_card", "last_four")
    steps.index("gift_card_buyer", "gift_card", "buyer_id", where="buyer_id IS NOT NULL")
    steps.index("gift_card_batch", "gift_card", "batch_id", "unit", where="batch_id IS NOT NULL", is_unique=True)


def _gifts(steps: Steps) -> None:
    steps.table(
        "gift",
        words("gift_card_id", key=True),
        *(words(name, nullable=True) for name in ("address", "name", "message", "sender")),
        number("send_at"),
        words("local_time", nullable=True),
        words("time_zone", nullable=True),
        words("status"),
        number("sending"),
        number("version"),
        refers("gift_card_id", "gift_card"),
        check("gift_status", "status IN ('waiting', 'started')"),
    )
    steps.index("gift_due", "gift", "status", "send_at")


def _outbox(steps: Steps) -> None:
    steps.columns("receipt", *(words(name, nullable=True) for name in OUTBOX_WORDS))
    steps.columns("receipt", *(number(name, nullable=True) for name in OUTBOX_NUMBERS))
    steps.index("receipt_due", "receipt", "position", where="due_at IS NOT NULL")
    steps.index("receipt_dead", "receipt", "position", where="dead_at IS NOT NULL")
    steps.number_receipts()
