"""
The tables, with the constraints that are the second fence.

Amounts are integers of minor units, times integers of microseconds since 1970
in UTC: exact, ordered and the same on every database. Texts compare by their
bytes, so that ids sort as they do in Python. Every name carries a prefix, and
a schema if the host wants one.
"""

from __future__ import annotations

import attrs
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

__all__ = ["Tables"]

Number: TypeEngine[int] = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
Words: TypeEngine[str] = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Number, nullable=nullable)


def _words(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Words, nullable=nullable)


def _id() -> Column[str]:
    return Column("id", Words, primary_key=True)


@attrs.frozen(kw_only=True)
class Tables:
    """Our tables under one prefix and schema, in the order in which rows refer to each other."""

    metadata: MetaData
    prefix: str
    receipt: Table
    account: Table
    gift_card: Table
    store_credit: Table
    lot: Table
    hold: Table
    hold_tender: Table
    transfer: Table
    refunded_order: Table
    gift_card_sale: Table
    gift_card_product: Table
    denomination: Table
    gift: Table
    batch: Table
    imported_card: Table

    @classmethod
    def named(cls, prefix: str = "loyalty_", schema: str | None = None) -> Tables:
        """Return the tables; nothing is created in a database."""
        metadata = MetaData(schema=schema)
        account = _account(metadata, prefix)
        hold = _hold(metadata, prefix)
        gift_card = _gift_card(metadata, prefix, account)
        transfer = _transfer(metadata, prefix)
        product = _gift_card_product(metadata, prefix)
        return cls(
            metadata=metadata,
            prefix=prefix,
            receipt=_receipt(metadata, prefix),
            account=account,
            gift_card=gift_card,
            store_credit=_store_credit(metadata, prefix, account),
            lot=_lot(metadata, prefix, account),
            hold=hold,
            hold_tender=_hold_tender(metadata, prefix, hold, account),
            transfer=transfer,
            refunded_order=_refunded_order(metadata, prefix),
            gift_card_sale=_gift_card_sale(metadata, prefix),
            gift_card_product=product,
            denomination=_denomination(metadata, prefix, product),
            gift=_gift(metadata, prefix, gift_card),
            batch=_batch(metadata, prefix),
            imported_card=_imported_card(metadata, prefix),
        )


def _receipt(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}receipt",
        metadata,
        _id(),
        _words("idempotency_key", nullable=True),
        _words("command"),
        _words("fingerprint", nullable=True),
        _words("fingerprint_key_id", nullable=True),
        _words("result"),
        _words("event"),
        _words("event_data"),
        _number("recorded_at"),
        _words("decisions", nullable=True),
        _words("about", nullable=True),
        _number("due_at", nullable=True),
        _number("attempts", nullable=True),
        _number("leased_until", nullable=True),
        _words("failure", nullable=True),
        _number("dead_at", nullable=True),
        _number("position", nullable=True),
        UniqueConstraint("idempotency_key", name=f"{prefix}receipt_key"),
        # What is still to leave, and what was given up: few rows of many. On SQLite, where "position" is empty and
        # the number of the row takes its place, an index ends with that number, so these are in its order there, too.
        _given_index(f"{prefix}receipt_due", "position", given="due_at"),
        _given_index(f"{prefix}receipt_dead", "position", given="dead_at"),
        sqlite_strict=True,
    )


def _account(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}account",
        metadata,
        _id(),
        _words("currency"),
        _number("exponent"),
        _number("posted"),
        _number("held"),
        _number("sequence"),
        _number("version"),
        _number("opened_at"),
        _number("recorded_at"),
        _words("reservations", nullable=True),
        CheckConstraint("held >= 0 AND held <= posted AND posted <= 1000000000000000000", name=f"{prefix}account_sums"),
        CheckConstraint("sequence >= 0 AND version >= sequence", name=f"{prefix}account_sequence"),
        sqlite_strict=True,
    )


def _gift_card(metadata: MetaData, prefix: str, account: Table) -> Table:
    return Table(
        f"{prefix}gift_card",
        metadata,
        _id(),
        Column("account_id", Words, ForeignKey(account.c.id), nullable=False, unique=True),
        _number("value"),
        _words("origin"),
        _words("status"),
        Column("code_digest", Words, nullable=False, unique=True),
        _words("code_key_id"),
        _number("code_version"),
        _words("last_four"),
        _number("issued_at"),
        _number("expires_at", nullable=True),
        _words("customer_id", nullable=True),
        _number("claimed_at", nullable=True),
        _words("region", nullable=True),
        _words("tax_rate", nullable=True),
        _words("order_id", nullable=True),
        _words("recipient", nullable=True),
        _words("note", nullable=True),
        _words("tags"),
        _words("metadata", nullable=True),
        _words("product_id", nullable=True),
        _words("line_id", nullable=True),
        _number("unit", nullable=True),
        _words("buyer_id", nullable=True),
        _number("price", nullable=True),
        _words("batch_id", nullable=True),
        _number("loaded_at", nullable=True),
        _number("edition", nullable=True),
        _words("tax_treatment", nullable=True),
        _words("last_day", nullable=True),
        _words("time_zone", nullable=True),
        CheckConstraint("value > 0", name=f"{prefix}gift_card_value"),
        CheckConstraint("status IN ('pending', 'active', 'blocked', 'deactivated')", name=f"{prefix}gift_card_status"),
        CheckConstraint("(customer_id IS NULL) = (claimed_at IS NULL)", name=f"{prefix}gift_card_claim"),
        _given_index(f"{prefix}gift_card_order", "order_id"),
        _given_index(f"{prefix}gift_card_customer", "customer_id"),
        _given_index(f"{prefix}gift_card_unit", "order_id", "line_id", "unit", given="unit", unique=True),
        # What lists are sorted by and most often looked up by. None of it changes when a card is paid with.
        Index(f"{prefix}gift_card_issued", "issued_at", "id"),
        Index(f"{prefix}gift_card_expires", "expires_at", "id"),
        Index(f"{prefix}gift_card_value", "value", "id"),
        Index(f"{prefix}gift_card_last_four", "last_four"),
        _given_index(f"{prefix}gift_card_buyer", "buyer_id"),
        _given_index(f"{prefix}gift_card_batch", "batch_id", "unit", given="batch_id", unique=True),
        sqlite_strict=True,
    )


def _store_credit(metadata: MetaData, prefix: str, account: Table) -> Table:
    return Table(
        f"{prefix}store_credit",
        metadata,
        Column("account_id", Words, ForeignKey(account.c.id), primary_key=True),
        _words("customer_id"),
        _words("currency"),
        _words("status"),
        _words("successor_id", nullable=True),
        UniqueConstraint("customer_id", "currency", name=f"{prefix}store_credit_customer"),
        CheckConstraint("status IN ('open', 'blocked', 'closed')", name=f"{prefix}store_credit_status"),
        sqlite_strict=True,
    )


def _lot(metadata: MetaData, prefix: str, account: Table) -> Table:
    # "live" is 1 while there is value in the lot. It changes once or twice in a
    # lot's life, while "remaining" changes with every payment and so is in no index.
    return Table(
        f"{prefix}lot",
        metadata,
        _id(),
        Column("account_id", Words, ForeignKey(account.c.id), nullable=False),
        _words("origin"),
        _number("amount"),
        _number("remaining"),
        _number("held"),
        _number("live"),
        _number("opened_at"),
        _number("expires_at", nullable=True),
        _number("not_before", nullable=True),
        _number("priority"),
        _words("tax_treatment"),
        _words("source_lot_id", nullable=True),
        CheckConstraint("held >= 0 AND held <= remaining AND remaining <= amount", name=f"{prefix}lot_sums"),
        CheckConstraint("live = CASE WHEN remaining > 0 THEN 1 ELSE 0 END", name=f"{prefix}lot_live"),
        Index(f"{prefix}lot_account", "account_id", "live"),
        _given_index(f"{prefix}lot_end", "expires_at", "account_id", given="live = 1 AND expires_at"),
        sqlite_strict=True,
    )


def _hold(metadata: MetaData, prefix: str) -> Table:
    # "open_order" is the order while the hold is open and nothing afterwards, so that an order has one open hold on
    # every database, also where an index cannot be partial.
    return Table(
        f"{prefix}hold",
        metadata,
        _id(),
        _words("order_id"),
        _words("open_order", nullable=True),
        _words("customer_id", nullable=True),
        _words("currency"),
        _number("exponent"),
        _number("amount_due"),
        _number("amount"),
        _number("captured"),
        _words("status"),
        _number("version"),
        _number("placed_at"),
        _number("lapses_at"),
        _number("resolved_at", nullable=True),
        _words("tenders"),
        _number("has_lines"),
        CheckConstraint("has_lines IN (0, 1)", name=f"{prefix}hold_lines"),
        UniqueConstraint("open_order", name=f"{prefix}hold_open_order"),
        CheckConstraint("captured >= 0 AND captured <= amount AND amount <= amount_due", name=f"{prefix}hold_amounts"),
        CheckConstraint("status IN ('open', 'captured', 'voided', 'lapsed')", name=f"{prefix}hold_status"),
        CheckConstraint(
            "(status = 'open') = (open_order IS NOT NULL) AND (status = 'open') = (resolved_at IS NULL)",
            name=f"{prefix}hold_open",
        ),
        CheckConstraint("captured = 0 OR status = 'captured'", name=f"{prefix}hold_captured"),
        Index(f"{prefix}hold_lapse", "status", "lapses_at"),
        sqlite_strict=True,
    )


def _hold_tender(metadata: MetaData, prefix: str, hold: Table, account: Table) -> Table:
    """Return the table that leads from a hold to the accounts it may reserve on. What it reserves stands with them."""
    return Table(
        f"{prefix}hold_tender",
        metadata,
        Column("hold_id", Words, ForeignKey(hold.c.id), primary_key=True),
        Column("account_id", Words, ForeignKey(account.c.id), primary_key=True),
        sqlite_strict=True,
    )


def _transfer(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}transfer",
        metadata,
        _id(),
        _words("kind"),
        _words("currency"),
        _number("exponent"),
        _number("amount"),
        *_side("debit"),
        *_side("credit"),
        _number("occurred_at"),
        _number("recorded_at"),
        _words("order_id", nullable=True),
        _words("refunds", nullable=True),
        _words("actor", nullable=True),
        _words("reason", nullable=True),
        _words("note", nullable=True),
        _words("reference_type", nullable=True),
        _words("reference_id", nullable=True),
        _words("metadata", nullable=True),
        _words("hold_id", nullable=True),
        CheckConstraint("amount > 0 AND amount <= 1000000000000000000", name=f"{prefix}transfer_amount"),
        *_side_checks(prefix, "debit"),
        *_side_checks(prefix, "credit"),
        _side_index(prefix, "debit"),
        _side_index(prefix, "credit"),
        _given_index(f"{prefix}transfer_order", "order_id"),
        _given_index(f"{prefix}transfer_refunds", "refunds"),
        _reversal_index(prefix),
        # Rows arrive in the order of this column, so a block range index finds them and costs next to nothing.
        Index(f"{prefix}transfer_recorded", "recorded_at", postgresql_using="brin"),
        sqlite_strict=True,
    )


def _refunded_order(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}refunded_order",
        metadata,
        Column("order_id", Words, primary_key=True),
        _number("version"),
        CheckConstraint("version > 0", name=f"{prefix}refunded_order_version"),
        sqlite_strict=True,
    )


def _gift_card_sale(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}gift_card_sale",
        metadata,
        Column("order_id", Words, primary_key=True),
        _number("version"),
        _number("paid_at", nullable=True),
        _number("reversed_at", nullable=True),
        CheckConstraint("version > 0", name=f"{prefix}gift_card_sale_version"),
        sqlite_strict=True,
    )


def _gift_card_product(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}gift_card_product",
        metadata,
        _id(),
        _words("title"),
        _words("open_amounts"),
        _words("term", nullable=True),
        _words("tax_treatment"),
        _words("tax_rate", nullable=True),
        _number("version"),
        _number("defined_at"),
        _number("changed_at"),
        _number("retired_at", nullable=True),
        CheckConstraint("version > 0", name=f"{prefix}gift_card_product_version"),
        sqlite_strict=True,
    )


def _denomination(metadata: MetaData, prefix: str, product: Table) -> Table:
    # "place" is where a denomination stands among those of its product, retired ones included. A variant is on offer
    # once at a time, so that an order can mean only one.
    current = text("retired_at IS NULL")
    return Table(
        f"{prefix}denomination",
        metadata,
        Column("product_id", Words, ForeignKey(product.c.id), primary_key=True),
        Column("place", Number, primary_key=True, autoincrement=False),
        _words("variant_id"),
        _words("sku", nullable=True),
        _words("prices"),
        _words("face_values"),
        _number("offered_from", nullable=True),
        _number("retired_at", nullable=True),
        Index(
            f"{prefix}denomination_variant",
            "product_id",
            "variant_id",
            unique=True,
            postgresql_where=current,
            sqlite_where=current,
        ),
        sqlite_strict=True,
    )


def _gift(metadata: MetaData, prefix: str, gift_card: Table) -> Table:
    """Return the table of what is said to people, and about them: apart from the books, so that it can be erased."""
    return Table(
        f"{prefix}gift",
        metadata,
        Column("gift_card_id", Words, ForeignKey(gift_card.c.id), primary_key=True),
        _words("address", nullable=True),
        _words("name", nullable=True),
        _words("message", nullable=True),
        _words("sender", nullable=True),
        _number("send_at"),
        _words("local_time", nullable=True),
        _words("time_zone", nullable=True),
        _words("status"),
        _number("sending"),
        _number("version"),
        CheckConstraint("status IN ('waiting', 'started')", name=f"{prefix}gift_status"),
        Index(f"{prefix}gift_due", "status", "send_at"),
        sqlite_strict=True,
    )


def _batch(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}batch",
        metadata,
        _id(),
        _words("name", nullable=True),
        _number("count"),
        _number("issued"),
        _number("revealed"),
        _number("value"),
        _words("currency"),
        _number("exponent"),
        _number("expires_at", nullable=True),
        _words("code_key_id"),
        _words("code_format"),
        _number("opened_at"),
        _number("version"),
        CheckConstraint("value > 0", name=f"{prefix}batch_value"),
        CheckConstraint(
            "revealed >= 0 AND revealed <= issued AND issued <= count AND count > 0",
            name=f"{prefix}batch_counts",
        ),
        sqlite_strict=True,
    )


def _imported_card(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}imported_card",
        metadata,
        Column("source", Words, primary_key=True),
        Column("source_id", Words, primary_key=True),
        Column("gift_card_id", Words, nullable=False, unique=True),
        _words("import_id"),
        _words("fingerprint"),
        _words("fingerprint_key_id"),
        sqlite_strict=True,
    )


def _side(side: str) -> tuple[Column[str] | Column[int], ...]:
    return (
        _words(f"{side}_account_id", nullable=True),
        _words(f"{side}_house", nullable=True),
        _number(f"{side}_sequence", nullable=True),
        _number(f"{side}_balance_after", nullable=True),
        _words(f"{side}_lots"),
    )


def _side_checks(prefix: str, side: str) -> tuple[CheckConstraint, ...]:
    customer = f"{side}_account_id IS NOT NULL AND {side}_sequence > 0 AND {side}_balance_after >= 0"
    return (
        CheckConstraint(
            f"({customer} AND {side}_house IS NULL) OR ({side}_account_id IS NULL AND {side}_sequence IS NULL"
            f" AND {side}_balance_after IS NULL AND {side}_house IS NOT NULL)",
            name=f"{prefix}transfer_{side}",
        ),
    )


def _side_index(prefix: str, side: str) -> Index:
    given = text(f"{side}_account_id IS NOT NULL")
    return Index(
        f"{prefix}transfer_{side}_sequence",
        f"{side}_account_id",
        f"{side}_sequence",
        unique=True,
        postgresql_where=given,
        sqlite_where=given,
    )


def _given_index(name: str, *columns: str, given: str | None = None, unique: bool = False) -> Index:
    """Return an index on the rows in which the column *given*, or else the first one, is not empty."""
    where = text(f"{given or columns[0]} IS NOT NULL")
    return Index(name, *columns, unique=unique, postgresql_where=where, sqlite_where=where)


def _reversal_index(prefix: str) -> Index:
    reversals = text("kind = 'reversal'")
    name = f"{prefix}transfer_reversal"
    return Index(name, "refunds", unique=True, postgresql_where=reversals, sqlite_where=reversals)
