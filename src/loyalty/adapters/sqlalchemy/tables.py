"""
The tables, with the constraints that are the second fence.

Amounts are integers of minor units, times integers of microseconds since 1970
in UTC: exact, ordered and the same on every database. Texts compare by their
bytes, so that ids sort as they do in Python. Every name carries a prefix, and
a schema if the host wants one.
"""

from __future__ import annotations

from typing import Any

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
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.types import TypeEngine

from loyalty.adapters.sqlalchemy.dialects import MARIADB, MARIADB_NAMES
from loyalty.adapters.sqlalchemy.partial_indexes import given_index, unique_where

__all__ = ["Name", "Number", "Tables", "Words"]

LONGEST_NAME = 255
"""
Characters. A host's own texts, ids and keys among them, have 200 at most, and the key of a later step a few more.

Three of these, with four bytes for each character, fit into one index of InnoDB's.
"""
BY_BYTES: dict[str, Any] = {"charset": "utf8mb4", "collation": "utf8mb4_nopad_bin"}
"""How MariaDB compares texts: by their bytes, and not as if spaces at an end were nothing."""
OPTIONS: dict[str, Any] = {"sqlite_strict": True, "mariadb_engine": "InnoDB", "mysql_engine": "InnoDB"}
"""What is said of every table: columns have types, and changes are in transactions."""

Number: TypeEngine[int] = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
Words: TypeEngine[str] = (
    Text()
    .with_variant(postgresql.TEXT(collation="C"), "postgresql")
    .with_variant(mysql.LONGTEXT(**BY_BYTES), *MARIADB_NAMES)
)
"""A text of any length, which is in no index."""
Name: TypeEngine[str] = (
    Text()
    .with_variant(postgresql.TEXT(collation="C"), "postgresql")
    .with_variant(mysql.VARCHAR(LONGEST_NAME, **BY_BYTES), *MARIADB_NAMES)
)
"""A text that may be in an index, which on MariaDB must have a longest length."""


def _number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Number, nullable=nullable)


def _name(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Name, nullable=nullable)


def _words(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Words, nullable=nullable)


def _id() -> Column[str]:
    return Column("id", Name, primary_key=True)


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
    def named(cls, prefix: str = "loyalty_", schema: str | None = None, *, database: str | None = None) -> Tables:
        """
        Return the tables; nothing is created in a database.

        Those of MariaDB have columns and indexes where others have indexes on some rows.
        """
        metadata = MetaData(schema=schema)
        account = _account(metadata, prefix)
        hold = _hold(metadata, prefix)
        gift_card = _gift_card(metadata, prefix, database, account)
        transfer = _transfer(metadata, prefix, database)
        product = _gift_card_product(metadata, prefix)
        return cls(
            metadata=metadata,
            prefix=prefix,
            receipt=_receipt(metadata, prefix, database),
            account=account,
            gift_card=gift_card,
            store_credit=_store_credit(metadata, prefix, account),
            lot=_lot(metadata, prefix, database, account),
            hold=hold,
            hold_tender=_hold_tender(metadata, prefix, hold, account),
            transfer=transfer,
            refunded_order=_refunded_order(metadata, prefix),
            gift_card_sale=_gift_card_sale(metadata, prefix),
            gift_card_product=product,
            denomination=_denomination(metadata, prefix, database, product),
            gift=_gift(metadata, prefix, gift_card),
            batch=_batch(metadata, prefix),
            imported_card=_imported_card(metadata, prefix),
        )


def _receipt(metadata: MetaData, prefix: str, database: str | None) -> Table:
    return Table(
        f"{prefix}receipt",
        metadata,
        _id(),
        _name("idempotency_key", nullable=True),
        _name("command"),
        _words("fingerprint", nullable=True),
        _name("fingerprint_key_id", nullable=True),
        _words("result"),
        _name("event"),
        _words("event_data"),
        _number("recorded_at"),
        _words("decisions", nullable=True),
        _words("about", nullable=True),
        _number("due_at", nullable=True),
        _number("attempts", nullable=True),
        _number("leased_until", nullable=True),
        _words("failure", nullable=True),
        _number("dead_at", nullable=True),
        # On MariaDB every receipt has one, for only then is it counted up.
        _number("position", nullable=database != MARIADB),
        UniqueConstraint("idempotency_key", name=f"{prefix}receipt_key"),
        # What is still to leave, and what was given up: few rows of many. On SQLite, where "position" is empty and
        # the number of the row takes its place, an index ends with that number, so these are in its order there, too.
        *([Index(f"{prefix}receipt_position", "position", unique=True)] if database == MARIADB else ()),
        given_index(database, f"{prefix}receipt_due", "position", given="due_at", otherwise=("due_at", "position")),
        given_index(database, f"{prefix}receipt_dead", "position", given="dead_at", otherwise=("dead_at", "position")),
        **OPTIONS,
    )


def _account(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}account",
        metadata,
        _id(),
        _name("currency"),
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
        **OPTIONS,
    )


def _gift_card(metadata: MetaData, prefix: str, database: str | None, account: Table) -> Table:
    return Table(
        f"{prefix}gift_card",
        metadata,
        _id(),
        Column("account_id", Name, ForeignKey(account.c.id), nullable=False, unique=True),
        _number("value"),
        _name("origin"),
        _name("status"),
        Column("code_digest", Name, nullable=False, unique=True),
        _name("code_key_id"),
        _number("code_version"),
        _name("last_four"),
        _number("issued_at"),
        _number("expires_at", nullable=True),
        _name("customer_id", nullable=True),
        _number("claimed_at", nullable=True),
        _name("region", nullable=True),
        _name("tax_rate", nullable=True),
        _name("order_id", nullable=True),
        _words("recipient", nullable=True),
        _words("note", nullable=True),
        _words("tags"),
        _words("metadata", nullable=True),
        _name("product_id", nullable=True),
        _name("line_id", nullable=True),
        _number("unit", nullable=True),
        _name("buyer_id", nullable=True),
        _number("price", nullable=True),
        _name("batch_id", nullable=True),
        _number("loaded_at", nullable=True),
        _number("edition", nullable=True),
        _name("tax_treatment", nullable=True),
        _name("last_day", nullable=True),
        _name("time_zone", nullable=True),
        CheckConstraint("value > 0", name=f"{prefix}gift_card_value"),
        CheckConstraint("status IN ('pending', 'active', 'blocked', 'deactivated')", name=f"{prefix}gift_card_status"),
        CheckConstraint("(customer_id IS NULL) = (claimed_at IS NULL)", name=f"{prefix}gift_card_claim"),
        given_index(database, f"{prefix}gift_card_order", "order_id"),
        given_index(database, f"{prefix}gift_card_customer", "customer_id"),
        given_index(database, f"{prefix}gift_card_unit", "order_id", "line_id", "unit", given="unit", unique=True),
        # What lists are sorted by and most often looked up by. None of it changes when a card is paid with.
        Index(f"{prefix}gift_card_issued", "issued_at", "id"),
        Index(f"{prefix}gift_card_expires", "expires_at", "id"),
        Index(f"{prefix}gift_card_value", "value", "id"),
        Index(f"{prefix}gift_card_last_four", "last_four"),
        given_index(database, f"{prefix}gift_card_buyer", "buyer_id"),
        given_index(database, f"{prefix}gift_card_batch", "batch_id", "unit", given="batch_id", unique=True),
        **OPTIONS,
    )


def _store_credit(metadata: MetaData, prefix: str, account: Table) -> Table:
    return Table(
        f"{prefix}store_credit",
        metadata,
        Column("account_id", Name, ForeignKey(account.c.id), primary_key=True),
        _name("customer_id"),
        _name("currency"),
        _name("status"),
        _name("successor_id", nullable=True),
        UniqueConstraint("customer_id", "currency", name=f"{prefix}store_credit_customer"),
        CheckConstraint("status IN ('open', 'blocked', 'closed')", name=f"{prefix}store_credit_status"),
        **OPTIONS,
    )


def _lot(metadata: MetaData, prefix: str, database: str | None, account: Table) -> Table:
    # "live" is 1 while there is value in the lot. It changes once or twice in a
    # lot's life, while "remaining" changes with every payment and so is in no index.
    return Table(
        f"{prefix}lot",
        metadata,
        _id(),
        Column("account_id", Name, ForeignKey(account.c.id), nullable=False),
        _name("origin"),
        _number("amount"),
        _number("remaining"),
        _number("held"),
        _number("live"),
        _number("opened_at"),
        _number("expires_at", nullable=True),
        _number("not_before", nullable=True),
        _number("priority"),
        _name("tax_treatment"),
        _name("source_lot_id", nullable=True),
        CheckConstraint("held >= 0 AND held <= remaining AND remaining <= amount", name=f"{prefix}lot_sums"),
        CheckConstraint("live = CASE WHEN remaining > 0 THEN 1 ELSE 0 END", name=f"{prefix}lot_live"),
        Index(f"{prefix}lot_account", "account_id", "live"),
        given_index(
            database,
            f"{prefix}lot_end",
            "expires_at",
            "account_id",
            given="live = 1 AND expires_at",
            otherwise=("live", "expires_at", "account_id"),
        ),
        **OPTIONS,
    )


def _hold(metadata: MetaData, prefix: str) -> Table:
    # "open_order" is the order while the hold is open and nothing afterwards, so that an order has one open hold on
    # every database, also where an index cannot be partial.
    return Table(
        f"{prefix}hold",
        metadata,
        _id(),
        _name("order_id"),
        _name("open_order", nullable=True),
        _name("customer_id", nullable=True),
        _name("currency"),
        _number("exponent"),
        _number("amount_due"),
        _number("amount"),
        _number("captured"),
        _name("status"),
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
        **OPTIONS,
    )


def _hold_tender(metadata: MetaData, prefix: str, hold: Table, account: Table) -> Table:
    """Return the table that leads from a hold to the accounts it may reserve on. What it reserves stands with them."""
    return Table(
        f"{prefix}hold_tender",
        metadata,
        Column("hold_id", Name, ForeignKey(hold.c.id), primary_key=True),
        Column("account_id", Name, ForeignKey(account.c.id), primary_key=True),
        **OPTIONS,
    )


def _transfer(metadata: MetaData, prefix: str, database: str | None) -> Table:
    return Table(
        f"{prefix}transfer",
        metadata,
        _id(),
        _name("kind"),
        _name("currency"),
        _number("exponent"),
        _number("amount"),
        *_side("debit"),
        *_side("credit"),
        _number("occurred_at"),
        _number("recorded_at"),
        _name("order_id", nullable=True),
        _name("refunds", nullable=True),
        _name("actor", nullable=True),
        _name("reason", nullable=True),
        _words("note", nullable=True),
        _name("reference_type", nullable=True),
        _name("reference_id", nullable=True),
        _words("metadata", nullable=True),
        _name("hold_id", nullable=True),
        CheckConstraint("amount > 0 AND amount <= 1000000000000000000", name=f"{prefix}transfer_amount"),
        *_side_checks(prefix, "debit"),
        *_side_checks(prefix, "credit"),
        _side_index(prefix, database, "debit"),
        _side_index(prefix, database, "credit"),
        given_index(database, f"{prefix}transfer_order", "order_id"),
        given_index(database, f"{prefix}transfer_refunds", "refunds"),
        *unique_where(database, f"{prefix}transfer_reversal", "refunds", where="kind = 'reversal'", type_=Name),
        # Rows arrive in the order of this column, so a block range index finds them and costs next to nothing.
        Index(f"{prefix}transfer_recorded", "recorded_at", postgresql_using="brin"),
        **OPTIONS,
    )


def _refunded_order(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}refunded_order",
        metadata,
        Column("order_id", Name, primary_key=True),
        _number("version"),
        CheckConstraint("version > 0", name=f"{prefix}refunded_order_version"),
        **OPTIONS,
    )


def _gift_card_sale(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}gift_card_sale",
        metadata,
        Column("order_id", Name, primary_key=True),
        _number("version"),
        _number("paid_at", nullable=True),
        _number("reversed_at", nullable=True),
        CheckConstraint("version > 0", name=f"{prefix}gift_card_sale_version"),
        **OPTIONS,
    )


def _gift_card_product(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}gift_card_product",
        metadata,
        _id(),
        _name("title"),
        _words("open_amounts"),
        _words("term", nullable=True),
        _name("tax_treatment"),
        _name("tax_rate", nullable=True),
        _number("version"),
        _number("defined_at"),
        _number("changed_at"),
        _number("retired_at", nullable=True),
        CheckConstraint("version > 0", name=f"{prefix}gift_card_product_version"),
        **OPTIONS,
    )


def _denomination(metadata: MetaData, prefix: str, database: str | None, product: Table) -> Table:
    # "place" is where a denomination stands among those of its product, retired ones included. A variant is on offer
    # once at a time, so that an order can mean only one.
    return Table(
        f"{prefix}denomination",
        metadata,
        Column("product_id", Name, ForeignKey(product.c.id), primary_key=True),
        Column("place", Number, primary_key=True, autoincrement=False),
        _name("variant_id"),
        _name("sku", nullable=True),
        _words("prices"),
        _words("face_values"),
        _number("offered_from", nullable=True),
        _number("retired_at", nullable=True),
        *unique_where(
            database,
            f"{prefix}denomination_variant",
            "product_id",
            "variant_id",
            where="retired_at IS NULL",
            type_=Name,
        ),
        **OPTIONS,
    )


def _gift(metadata: MetaData, prefix: str, gift_card: Table) -> Table:
    """Return the table of what is said to people, and about them: apart from the books, so that it can be erased."""
    return Table(
        f"{prefix}gift",
        metadata,
        Column("gift_card_id", Name, ForeignKey(gift_card.c.id), primary_key=True),
        _words("address", nullable=True),
        _name("name", nullable=True),
        _words("message", nullable=True),
        _name("sender", nullable=True),
        _number("send_at"),
        _name("local_time", nullable=True),
        _name("time_zone", nullable=True),
        _name("status"),
        _number("sending"),
        _number("version"),
        CheckConstraint("status IN ('waiting', 'started')", name=f"{prefix}gift_status"),
        Index(f"{prefix}gift_due", "status", "send_at"),
        **OPTIONS,
    )


def _batch(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}batch",
        metadata,
        _id(),
        _name("name", nullable=True),
        _number("count"),
        _number("issued"),
        _number("revealed"),
        _number("value"),
        _name("currency"),
        _number("exponent"),
        _number("expires_at", nullable=True),
        _name("code_key_id"),
        _words("code_format"),
        _number("opened_at"),
        _number("version"),
        CheckConstraint("value > 0", name=f"{prefix}batch_value"),
        CheckConstraint(
            "revealed >= 0 AND revealed <= issued AND issued <= count AND count > 0",
            name=f"{prefix}batch_counts",
        ),
        **OPTIONS,
    )


def _imported_card(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}imported_card",
        metadata,
        Column("source", Name, primary_key=True),
        Column("source_id", Name, primary_key=True),
        Column("gift_card_id", Name, nullable=False, unique=True),
        _name("import_id"),
        _words("fingerprint"),
        _name("fingerprint_key_id"),
        **OPTIONS,
    )


def _side(side: str) -> tuple[Column[str] | Column[int], ...]:
    return (
        _name(f"{side}_account_id", nullable=True),
        _name(f"{side}_house", nullable=True),
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


def _side_index(prefix: str, database: str | None, side: str) -> Index:
    name = f"{prefix}transfer_{side}_sequence"
    return given_index(database, name, f"{side}_account_id", f"{side}_sequence", unique=True)
