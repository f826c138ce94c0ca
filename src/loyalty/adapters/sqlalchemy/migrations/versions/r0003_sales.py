"""Gift card products and their sale, batches, imports, recipients, lists, and the outbox."""

from __future__ import annotations

from loyalty.adapters.sqlalchemy.migrations.steps import Steps, check, number, refers, word, words

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
    steps.columns("store_credit", word("successor_id", nullable=True))
    end = ("expires_at", "account_id")
    steps.index("lot_end", "lot", *end, where="live = 1 AND expires_at IS NOT NULL", otherwise=("live", *end))
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
        word("order_id", key=True),
        number("version"),
        number("paid_at", nullable=True),
        number("reversed_at", nullable=True),
        check("gift_card_sale_version", "version > 0"),
    )
    steps.table(
        "gift_card_product",
        word("id", key=True),
        word("title"),
        words("open_amounts"),
        words("term", nullable=True),
        word("tax_treatment"),
        word("tax_rate", nullable=True),
        *(number(name) for name in ("version", "defined_at", "changed_at")),
        number("retired_at", nullable=True),
        check("gift_card_product_version", "version > 0"),
    )
    steps.table(
        "denomination",
        word("product_id", key=True),
        number("place", key=True),
        word("variant_id"),
        word("sku", nullable=True),
        words("prices"),
        words("face_values"),
        number("offered_from", nullable=True),
        number("retired_at", nullable=True),
        refers("product_id", "gift_card_product"),
    )
    steps.unique_where("denomination_variant", "denomination", "product_id", "variant_id", where="retired_at IS NULL")


def _batches(steps: Steps) -> None:
    steps.table(
        "batch",
        word("id", key=True),
        word("name", nullable=True),
        *(number(name) for name in ("count", "issued", "revealed", "value")),
        word("currency"),
        number("exponent"),
        number("expires_at", nullable=True),
        word("code_key_id"),
        words("code_format"),
        number("opened_at"),
        number("version"),
        check("batch_value", "value > 0"),
        check("batch_counts", "revealed >= 0 AND revealed <= issued AND issued <= count AND count > 0"),
    )
    steps.table(
        "imported_card",
        word("source", key=True),
        word("source_id", key=True),
        word("gift_card_id", unique=True),
        word("import_id"),
        words("fingerprint"),
        word("fingerprint_key_id"),
    )


def _cards(steps: Steps) -> None:
    steps.columns("gift_card", *(word(name, nullable=True) for name in CARD_WORDS))
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
        word("gift_card_id", key=True),
        words("address", nullable=True),
        word("name", nullable=True),
        words("message", nullable=True),
        word("sender", nullable=True),
        number("send_at"),
        word("local_time", nullable=True),
        word("time_zone", nullable=True),
        word("status"),
        number("sending"),
        number("version"),
        refers("gift_card_id", "gift_card"),
        check("gift_status", "status IN ('waiting', 'started')"),
    )
    steps.index("gift_due", "gift", "status", "send_at")


def _outbox(steps: Steps) -> None:
    steps.columns("receipt", *(words(name, nullable=True) for name in OUTBOX_WORDS))
    steps.columns("receipt", *(number(name, nullable=True) for name in OUTBOX_NUMBERS))
    for name, given in (("receipt_due", "due_at"), ("receipt_dead", "dead_at")):
        steps.index(name, "receipt", "position", where=f"{given} IS NOT NULL", otherwise=(given, "position"))
    steps.number_receipts()
