"""The public names: listed, sorted, documented, and the ones the contract of SPEC.md section 10 promises."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any, Final

import attrs
import pytest

import loyalty
from loyalty import errors
from loyalty.reports.query import Query
from loyalty.use_cases.command import Command, Sweep

MOST_NAMES: Final = 200

PAGE_OF_USE: Final = {
    "ALL", "Audit", "CaptureHold", "ClaimGiftCard", "CodeKeys", "ConvertGiftCard", "GetBalance", "GetGiftCard",
    "GrantStoreCredit", "IssueGiftCard", "Liability", "LotOrigin", "Loyalty", "MemoryStorage", "PayWithBalances",
    "PlaceHold", "PlanPayment", "RedeemGiftCard", "RefundOrderToStoreCredit", "RefundRedemption", "Statement",
    "VoidHold",
}  # fmt: skip
"""What the page imports."""

OF_THE_ISSUE: Final = {
    "IssueGiftCard", "ClaimGiftCard", "ConvertGiftCard", "RedeemGiftCard", "RefundRedemption", "BlockGiftCard",
    "UnblockGiftCard", "OpenStoreCreditAccount", "GrantStoreCredit", "DebitStoreCredit", "PayWithBalances",
    "ExpireValue", "GetGiftCard", "GetBalance", "GetStoreCreditAccount", "Statement", "CardsOfOrder", "OrdersOfCard",
    "Liability", "Audit", "PlaceHold", "AdjustHold", "CaptureHold", "VoidHold", "LapseHolds", "PlanPayment",
    "ListTenders", "GetHold", "FindGiftCard",
}  # fmt: skip

TAKES: Final[dict[str, set[str]]] = {
    "IssueGiftCard": {
        "value", "expires_at", "code", "customer_id", "recipient", "region", "tax_rate", "origin", "note", "tags",
        "metadata", "idempotency_key", "actor", "reason", "reference", "occurred_at", "order_id",
    },
    "GetBalance": {"code"},
    "FindGiftCard": {"code"},
    "GetGiftCard": {"id"},
    "RedeemGiftCard": {"code", "gift_card_id", "amount", "order_id", "idempotency_key"},
    "RefundRedemption": {"order_id", "redemption_id", "amount", "idempotency_key"},
    "ClaimGiftCard": {"code", "customer_id", "idempotency_key"},
    "ConvertGiftCard": {"code", "customer_id", "idempotency_key"},
    "GrantStoreCredit": {
        "customer_id", "account_id", "amount", "origin", "reason", "expires_at", "not_before", "idempotency_key",
    },
    "AdjustValue": {
        "account_id", "gift_card_id", "customer_id", "amount", "direction", "reason", "actor", "idempotency_key",
    },
    "ReverseTransfer": {"transfer_id", "reason", "actor", "idempotency_key"},
    "RefundOrderToStoreCredit": {"order_id", "customer_id", "amount", "refundable", "expires_at", "idempotency_key"},
    "RefundAsGiftCard": {"order_id", "amount", "refundable", "recipient", "expires_at", "idempotency_key"},
    "DebitStoreCredit": {"account_id", "customer_id", "amount", "idempotency_key"},
    "DeactivateGiftCard": {"gift_card_id", "code", "reason", "actor", "idempotency_key"},
    "ReplaceGiftCardCode": {"gift_card_id", "code", "reason", "actor", "idempotency_key"},
    "ChangeGiftCardExpiry": {"gift_card_id", "code", "expires_at", "actor", "reason", "idempotency_key"},
    "ReloadGiftCard": {"gift_card_id", "code", "amount", "expires_at", "order_id", "idempotency_key"},
    "ReinstateGiftCard": {
        "gift_card_id", "code", "amount", "expires_at", "actor", "reason", "idempotency_key",
    },
    "CashOutGiftCard": {"gift_card_id", "code", "customer_id", "jurisdiction", "idempotency_key"},
    "CashOutDue": {"gift_card_id", "jurisdiction"},
    "UpdateGiftCard": {"gift_card_id", "edition", "note", "tags", "metadata", "idempotency_key"},
    "PayWithBalances": {"order_id", "amount_due", "codes", "customer_id", "use_store_credit", "idempotency_key"},
    "OpenStoreCreditAccount": {"customer_id", "currency", "idempotency_key"},
    "IssueGiftCardBatch": {"count", "value", "name", "expires_at", "idempotency_key"},
    "RevealBatchCodes": {"batch_id", "limit", "actor", "idempotency_key"},
    "GetGiftCardBatch": {"id"},
    "ImportGiftCards": {"source", "rows", "is_dry_run", "idempotency_key"},
    "GiftCardRow": {"source_id", "value", "balance", "code", "code_digest", "expires_at", "customer_id", "note"},
    "Statement": {"account_id", "after", "limit", "since", "until"},
    "Liability": {"as_of"},
    "CardsOfOrder": {"order_id"},
    "ExpireValue": {"limit"},
    "PlanPayment": {
        "amount_due", "codes", "gift_card_ids", "tenders", "customer_id", "use_store_credit", "store_credit_at_most",
        "store_credit_priority", "lines", "order_id",
    },
    "PlaceHold": {
        "order_id", "amount_due", "codes", "gift_card_ids", "tenders", "customer_id", "use_store_credit",
        "store_credit_at_most", "store_credit_priority", "lines", "lapses_after", "idempotency_key",
    },
    "AdjustHold": {"hold_id", "amount_due", "lapses_after", "lines", "order_id", "idempotency_key"},
    "CaptureHold": {"hold_id", "amount", "order_id", "idempotency_key"},
    "VoidHold": {"hold_id", "order_id", "idempotency_key"},
    "LapseHolds": {"limit"},
    "ListTenders": {"customer_id", "currency"},
    "GetHold": {"id", "order_id"},
    "GiftCardTender": {"code", "gift_card_id", "at_most", "priority"},
    "OrderLine": {"id", "amount", "is_stored_value", "product", "tags", "metadata"},
    "SpendingLimits": {"per_card", "per_order", "per_customer_and_day", "version"},
}  # fmt: skip
"""The fields that the page of use, and section 5, name for each command and query."""

ANSWERS: Final[dict[str, set[str]]] = {
    "IssuedGiftCard": {"code", "gift_card"},
    "GiftCardView": {"id", "masked_code", "value", "account_id", "posted", "held", "available", "expires_at", "status",
                     "is_disabled", "tax_rate", "region", "order_id", "customer_id"},
    "Balance": {"posted", "held", "available", "expires_at"},
    "Redemption": {"id", "amount", "balance_after"},
    "Refund": {"amount"},
    "Conversion": {"amount", "account"},
    "StoreCreditView": {"id", "customer_id"},
    "Grant": {"account", "transfer"},
    "AccountStatement": {"entries"},
    "Entry": {"id", "sequence", "direction", "amount", "balance_after", "kind", "recorded_at", "order_id", "actor",
              "note"},
    "LiabilityReport": {"total"},
    "AuditReport": {"is_clean", "findings"},
    "Payment": {"remaining_due", "amount", "parts"},
    "PaymentPlan": {"parts", "covered", "remaining_due", "refused", "amount_due"},
    "TenderPart": {"account_id", "gift_card_id", "amount"},
    "RefusedTender": {"position", "gift_card_id", "code", "reason", "public_message"},
    "HoldView": {"id", "amount", "remaining_due", "parts", "lapses_at", "status"},
    "Capture": {"amount", "released", "remaining_due", "parts"},
    "Lapsed": {"amounts", "holds", "is_done"},
    "GiftCardBatchView": {"id", "name", "count", "issued", "revealed", "value"},
    "RevealedBatchCodes": {"codes", "is_done", "batch"},
    "ImportReport": {"rows", "totals", "imported", "known", "refused", "is_dry_run"},
    "ImportedRow": {"number", "source_id", "outcome", "reason", "message", "gift_card_id"},
    "BatchCode": {"unit", "gift_card_id", "code"},
    "Tenders": {"gift_cards", "store_credit", "available"},
}  # fmt: skip
"""The attributes that the page of use reads from each answer."""


def public() -> dict[str, Any]:
    """Return every public name with what it stands for."""
    return {name: getattr(loyalty, name) for name in loyalty.__all__}


def attributes(name: str) -> set[str]:
    """Return the fields and properties of a public class."""
    kind = public()[name]
    return {field.name for field in attrs.fields(kind)} | {
        attribute for attribute in dir(kind) if not attribute.startswith("_")
    }


def test_all_is_sorted_and_has_no_doubles() -> None:
    """The list of public names is in order, each name once."""
    assert sorted(set(loyalty.__all__)) == list(loyalty.__all__)


def test_there_are_not_too_many_names() -> None:
    """A flat list that nobody can read is no interface."""
    assert len(loyalty.__all__) <= MOST_NAMES


@pytest.mark.parametrize("name", loyalty.__all__)
def test_every_name_can_be_imported_and_is_documented(name: str) -> None:
    """Each public name exists and says what it is."""
    thing = getattr(importlib.import_module("loyalty"), name)
    documentation = inspect.getdoc(thing)
    assert documentation
    assert not documentation.startswith(("Method generated by attrs", "str(object", "Create a collection", f"{name}("))


@pytest.mark.parametrize("name", loyalty.__all__)
def test_every_name_lives_where_its_file_lists_it(name: str) -> None:
    """What is public here is public in the file that defines it, too."""
    home = loyalty._HOMES[name]
    module = importlib.import_module(home)
    assert name in module.__all__
    assert getattr(module, name) is getattr(loyalty, name)


def test_the_lazy_table_is_the_list() -> None:
    """The table of homes and the list of names agree, and the directory shows them."""
    assert sorted(loyalty._HOMES) == list(loyalty.__all__)
    assert set(loyalty.__all__) <= set(dir(loyalty))


def test_a_star_import_gives_exactly_the_list() -> None:
    """``from loyalty import *`` gives what is listed."""
    names: dict[str, object] = {}
    exec("from loyalty import *", names)  # noqa: S102 - a star import cannot stand in a function
    assert set(loyalty.__all__) == set(names) - {"__builtins__"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there is told as Python tells it."""
    with pytest.raises(AttributeError, match="GiftCertificate"):
        loyalty.GiftCertificate  # noqa: B018 - the access is what is tested


def test_the_page_of_use_can_be_imported() -> None:
    """The names of SPEC.md section 10 that belong here are all there."""
    assert set() == PAGE_OF_USE - set(loyalty.__all__)


def test_the_commands_and_queries_of_the_issue_are_there() -> None:
    """Each command and query that issues 2 and 3 ask for is public and is one."""
    assert set() == OF_THE_ISSUE - set(loyalty.__all__)
    for name in OF_THE_ISSUE:
        assert issubclass(public()[name], Command | Sweep | Query)


@pytest.mark.parametrize("name", TAKES)
def test_commands_and_queries_take_what_the_contract_says(name: str) -> None:
    """The fields that the contract names are there under these names, all by keyword."""
    fields = attrs.fields(public()[name])
    assert set() == TAKES[name] - {field.name for field in fields}
    assert all(field.kw_only for field in fields)


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_have_what_the_contract_reads(name: str) -> None:
    """The attributes that the page of use reads are there."""
    assert set() == ANSWERS[name] - attributes(name)


@pytest.mark.parametrize("name", [name for name in loyalty.__all__ if attrs.has(getattr(loyalty, name))])
def test_public_values_are_frozen(name: str) -> None:
    """Nothing public can be changed after it was made, the errors aside."""
    kind = public()[name]
    if issubclass(kind, Exception):
        return
    instance = object.__new__(kind)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(instance, attrs.fields(kind)[0].name, "changed")


def test_what_a_command_answers_is_public() -> None:
    """The result of every command is a public class."""
    for name, thing in public().items():
        if isinstance(thing, type) and issubclass(thing, Command | Sweep):
            assert thing.result_type in public().values(), name


def test_commands_raise_only_documented_errors() -> None:
    """Every command says what it raises, with names that exist."""
    for name, thing in public().items():
        if not (isinstance(thing, type) and issubclass(thing, Command | Query)):
            continue
        for error in re.findall(r"loyalty\.errors\.(\w+)", thing.__doc__ or ""):
            assert error in errors.__all__, name


def test_a_command_that_takes_a_code_says_that_it_may_be_malformed() -> None:
    """Whoever hands in a code learns from the documentation that it can be refused by its shape."""
    for name, thing in public().items():
        if not (isinstance(thing, type) and issubclass(thing, Command | Query)):
            continue
        if {"code", "codes"} & {field.name for field in attrs.fields(thing)}:
            assert "MalformedCode" in (thing.__doc__ or ""), name
