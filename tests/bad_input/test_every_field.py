"""Every bad value in every field of every command and query: a typed error, and nothing has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
import pytest

from loyalty import (
    Denomination,
    GiftCardLine,
    GiftCardOrder,
    GiftCardTender,
    OpenAmount,
    OrderLine,
    PlanPayment,
    SpendingLimits,
    Term,
)
from loyalty.errors import LoyaltyError
from tests.bad_input.scene import Scene, requests
from tests.bad_input.values import bad_codes, could_be_a_code, values_by_kind
from tests.use_cases.shop import NOW, usd

COMMON: Final = {
    "idempotency_key": "text",
    "actor": "optional text",
    "reason": "optional text",
    "note": "note",
    "reference": "reference",
    "occurred_at": "time",
    "metadata": "metadata",
}

PAYMENT: Final = {
    "amount_due": "amount",
    "codes": "codes",
    "gift_card_ids": "texts",
    "tenders": "tenders",
    "customer_id": "optional text",
    "use_store_credit": "flag",
    "store_credit_at_most": "optional amount",
    "store_credit_priority": "number",
    "lines": "lines",
}

ACCOUNT: Final = {
    "account_id": "optional text",
    "customer_id": "optional text",
    "currency": "optional currency",
}

KIND_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "IssueGiftCard": {
        **COMMON,
        "value": "amount",
        "expires_at": "time",
        "code": "chosen code",
        "customer_id": "optional text",
        "recipient": "optional text",
        "region": "optional text",
        "tax_rate": "rate",
        "tax_treatment": "choice",
        "origin": "optional choice",
        "order_id": "optional text",
        "tags": "texts",
    },
    "ClaimGiftCard": {**COMMON, "code": "code", "customer_id": "text"},
    "ConvertGiftCard": {
        **COMMON,
        "customer_id": "text",
        "code": "optional code",
        "gift_card_id": "optional text",
    },
    "RedeemGiftCard": {
        **COMMON,
        "amount": "amount",
        "order_id": "text",
        "code": "optional code",
        "gift_card_id": "optional text",
        "customer_id": "optional text",
        "lines": "lines",
    },
    "RefundRedemption": {
        **COMMON,
        "amount": "amount or ALL",
        "order_id": "optional text",
        "redemption_id": "optional text",
    },
    "BlockGiftCard": {**COMMON, "gift_card_id": "optional text", "code": "optional code"},
    "UnblockGiftCard": {**COMMON, "gift_card_id": "optional text", "code": "optional code"},
    "DeactivateGiftCard": {**COMMON, "gift_card_id": "optional text", "code": "optional code"},
    "ReplaceGiftCardCode": {**COMMON, "gift_card_id": "optional text", "code": "optional code"},
    "ChangeGiftCardExpiry": {
        **COMMON,
        "actor": "text",
        "reason": "text",
        "expires_at": "time",
        "gift_card_id": "optional text",
        "code": "optional code",
    },
    "ReloadGiftCard": {
        **COMMON,
        "amount": "amount",
        "gift_card_id": "optional text",
        "code": "optional code",
        "expires_at": "time",
        "origin": "choice",
        "tax_treatment": "optional choice",
        "order_id": "optional text",
    },
    "ReinstateGiftCard": {
        **COMMON,
        "actor": "text",
        "reason": "text",
        "expires_at": "time",
        "gift_card_id": "optional text",
        "code": "optional code",
        "amount": "amount or ALL",
    },
    "CashOutGiftCard": {
        **COMMON,
        "gift_card_id": "optional text",
        "code": "optional code",
        "customer_id": "optional text",
        "jurisdiction": "optional text",
    },
    "CashOutDue": {"gift_card_id": "text", "jurisdiction": "optional text"},
    "UpdateGiftCard": {**COMMON, "gift_card_id": "text", "edition": "number", "tags": "texts"},
    "IssueGiftCardBatch": {
        **COMMON,
        "count": "number",
        "value": "amount",
        "name": "optional text",
        "expires_at": "time",
        "region": "optional text",
        "tax_rate": "rate",
        "tax_treatment": "choice",
        "origin": "choice",
        "tags": "texts",
        "cards_per_step": "number",
    },
    "RevealBatchCodes": {**COMMON, "actor": "text", "batch_id": "text", "limit": "number"},
    "GetGiftCardBatch": {"id": "text"},
    "ImportGiftCards": {
        **COMMON,
        "source": "text",
        "rows": "lines",
        "is_dry_run": "flag",
        "is_strict": "flag",
        "expected_rows": "optional number",
        "expected_totals": "lines",
        "rows_per_step": "number",
    },
    "OpenStoreCreditAccount": {**COMMON, "customer_id": "text", "currency": "currency"},
    "GrantStoreCredit": {
        **COMMON,
        "amount": "amount",
        "origin": "choice",
        "account_id": "optional text",
        "customer_id": "optional text",
        "expires_at": "time",
        "not_before": "time",
        "priority": "number",
        "tax_treatment": "choice",
    },
    "DebitStoreCredit": {
        **COMMON,
        "amount": "amount",
        "account_id": "optional text",
        "customer_id": "optional text",
        "order_id": "optional text",
        "lines": "lines",
    },
    "PayWithBalances": {**COMMON, **PAYMENT, "order_id": "text"},
    "PlaceHold": {**COMMON, **PAYMENT, "order_id": "text", "lapses_after": "duration"},
    "AdjustHold": {
        **COMMON,
        "hold_id": "text",
        "amount_due": "optional amount",
        "lapses_after": "duration",
        "lines": "lines",
        "order_id": "optional text",
    },
    "CaptureHold": {**COMMON, "hold_id": "text", "amount": "amount or ALL", "order_id": "optional text"},
    "VoidHold": {**COMMON, "hold_id": "text", "order_id": "optional text"},
    "BlockStoreCreditAccount": {**COMMON, **ACCOUNT},
    "UnblockStoreCreditAccount": {**COMMON, **ACCOUNT},
    "CloseStoreCreditAccount": {**COMMON, **ACCOUNT},
    "MergeCustomers": {**COMMON, "from_customer_id": "text", "into_customer_id": "text"},
    "TransferStoreCredit": {
        **COMMON,
        "amount": "amount",
        "from_account_id": "optional text",
        "from_customer_id": "optional text",
        "to_account_id": "optional text",
        "to_customer_id": "optional text",
    },
    "AdjustValue": {
        **COMMON,
        "actor": "text",
        "reason": "text",
        "amount": "amount",
        "direction": "choice",
        "account_id": "optional text",
        "gift_card_id": "optional text",
        "customer_id": "optional text",
        "origin": "choice",
        "expires_at": "time",
    },
    "ReverseTransfer": {**COMMON, "actor": "text", "reason": "text", "transfer_id": "text"},
    "RefundOrderToStoreCredit": {
        **COMMON,
        "order_id": "text",
        "customer_id": "text",
        "amount": "amount",
        "refundable": "amount",
        "expires_at": "time",
    },
    "RefundAsGiftCard": {
        **COMMON,
        "order_id": "text",
        "amount": "amount",
        "refundable": "amount",
        "expires_at": "time",
        "recipient": "optional text",
    },
    "DefineGiftCardProduct": {
        **COMMON,
        "title": "text",
        "product_id": "optional text",
        "denominations": "denominations",
        "open_amounts": "open amounts",
        "term": "term",
        "tax_treatment": "choice",
        "tax_rate": "rate",
    },
    "ReviseDenominations": {
        **COMMON,
        "product_id": "text",
        "version": "number",
        "denominations": "denominations",
        "open_amounts": "open amounts",
        "retire": "texts",
        "retire_open_amounts": "texts",
    },
    "RevealGiftCardCode": {**COMMON, "actor": "text", "gift_card_id": "text"},
    "ResendGiftCard": {**COMMON, "gift_card_id": "text"},
    "RescheduleGift": {**COMMON, "gift_card_id": "text", "send_at": "required time", "time_zone": "optional text"},
    "ChangeGiftRecipient": {**COMMON, "gift_card_id": "text", "recipient": "recipient", "keep_code": "flag"},
    "RetryDeadLetter": {**COMMON, "event_id": "text"},
    "AnnounceExpiringGiftCards": {
        **{name: kind for name, kind in COMMON.items() if name != "idempotency_key"},
        "within": "span",
        "after_end": "time",
        "after_account_id": "optional text",
    },
    "StartDueGifts": {name: kind for name, kind in COMMON.items() if name != "idempotency_key"},
    "GetGift": {"gift_card_id": "text"},
    "RetireGiftCardProduct": {**COMMON, "product_id": "text"},
    "IssueGiftCardsForOrder": {**COMMON, "order": "order", "active_from": "time"},
    "ActivateGiftCards": {**COMMON, "order_id": "text", "active_from": "time"},
    "ReverseGiftCardSale": {
        **COMMON,
        "order_id": "text",
        "cause": "cause",
        "line_ids": "texts",
        "gift_card_ids": "texts",
    },
    "ExpireValue": {
        **{name: kind for name, kind in COMMON.items() if name != "idempotency_key"},
        "limit": "number",
    },
    "EraseCustomer": {
        **{name: kind for name, kind in COMMON.items() if name != "idempotency_key"},
        "customer_id": "text",
        "known_as": "texts",
        "limit": "number",
    },
    "LapseHolds": {
        **{name: kind for name, kind in COMMON.items() if name != "idempotency_key"},
        "limit": "number",
    },
    "PlanPayment": {**PAYMENT, "codes": "codes of a plan", "order_id": "optional text"},
    "ListTenders": {"customer_id": "text", "currency": "currency"},
    "GetHold": {"id": "optional text", "order_id": "optional text"},
    "FindGiftCard": {"code": "code"},
    "GetGiftCard": {"id": "text"},
    "GetBalance": {"code": "code", "customer_id": "optional text"},
    "GetStoreCreditAccount": ACCOUNT,
    "Statement": {
        "account_id": "text",
        "since": "time",
        "until": "time",
        "after": "optional number",
        "limit": "optional number",
    },
    "ListGiftCards": {
        **dict.fromkeys(["is_expired", "is_exhausted", "is_partly_used"], "optional flag"),
        **dict.fromkeys(["value_from", "value_to", "balance_from", "balance_to"], "optional balance"),
        **dict.fromkeys(["issued_since", "issued_until", "expires_since", "expires_until", "expiring_before"], "time"),
        **dict.fromkeys(["customer_id", "buyer_id", "order_id", "product_id", "batch_id", "region"], "optional text"),
        **dict.fromkeys(["tag", "last_four", "text"], "optional text"),
        "status": "optional choice",
        "currency": "optional currency code",
        "code": "chosen code",
        "sort": "choice",
        "descending": "flag",
        "with_totals": "flag",
        "after": "cursor",
        "limit": "number",
    },
    "ListStoreCreditAccounts": {
        **dict.fromkeys(["balance_from", "balance_to"], "optional balance"),
        **dict.fromkeys(["opened_since", "opened_until", "expiring_before"], "time"),
        **dict.fromkeys(["customer_id", "text"], "optional text"),
        "status": "optional choice",
        "currency": "optional currency code",
        "is_empty": "optional flag",
        "sort": "choice",
        "descending": "flag",
        "with_totals": "flag",
        "after": "cursor",
        "limit": "number",
    },
    "ListDeadLetters": {"after": "cursor", "limit": "number"},
    "ListExpiringGiftCards": {"within": "span", "after": "cursor", "limit": "number"},
    "CardsOfOrder": {"order_id": "text"},
    "OrdersOfCard": {"gift_card_id": "text"},
    "Liability": {"as_of": "time"},
    "Movements": {"since": "time", "until": "time"},
    "Audit": {"limit": "number", "since": "cursor", "overlap": "duration"},
    "GetGiftCardProduct": {"id": "text"},
    "ListGiftCardProducts": {"on_sale": "flag", "after": "optional text", "limit": "number"},
}
"""What kind of value each field of each public command and query takes."""

# One of these two names the thing; a bad value for the one takes the other away.
ALTERNATIVES: Final = {
    ("ConvertGiftCard", "gift_card_id"): "code",
    ("RedeemGiftCard", "gift_card_id"): "code",
    ("BlockGiftCard", "code"): "gift_card_id",
    ("UnblockGiftCard", "code"): "gift_card_id",
    ("DeactivateGiftCard", "code"): "gift_card_id",
    ("ReplaceGiftCardCode", "code"): "gift_card_id",
    ("ReinstateGiftCard", "code"): "gift_card_id",
    ("CashOutGiftCard", "code"): "gift_card_id",
    ("ChangeGiftCardExpiry", "code"): "gift_card_id",
    ("ReloadGiftCard", "code"): "gift_card_id",
    ("RefundRedemption", "redemption_id"): "order_id",
    ("GrantStoreCredit", "account_id"): "customer_id",
    ("DebitStoreCredit", "account_id"): "customer_id",
    ("TransferStoreCredit", "from_account_id"): "from_customer_id",
    ("TransferStoreCredit", "to_account_id"): "to_customer_id",
    ("GetHold", "order_id"): "id",
    ("AdjustValue", "account_id"): "customer_id",
    ("AdjustValue", "gift_card_id"): "customer_id",
}


def test_every_public_command_and_query_is_in_the_table() -> None:
    """No command, query or field escapes the table of bad values."""
    fields = {name: {field.name for field in attrs.fields(kind)} for name, kind in requests().items()}
    assert fields == {name: set(kinds) for name, kinds in KIND_OF.items()}


@pytest.mark.parametrize("name", KIND_OF)
def test_the_good_values_are_good(name: str) -> None:
    """Without a bad value each command and query succeeds, so a refusal is the bad value's own."""
    assert Scene().send(name) is not None


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in KIND_OF for field in KIND_OF[name]])
def test_a_bad_value_gives_a_typed_error_and_changes_nothing(name: str, field: str) -> None:
    """Whatever is sent, the answer is an error of ours and the books are as they were."""
    scene = Scene()
    before = scene.shop.books()
    leaks: dict[str, str] = {}
    for value_name, value in values_by_kind(scene.issued.code)[KIND_OF[name][field]].items():
        changed = {field: value}
        if other := ALTERNATIVES.get((name, field)):
            changed[other] = None
        try:
            scene.send(name, **changed)
        except LoyaltyError as error:
            if scene.issued.code in str(error) or len(str(error)) > 500:
                leaks[value_name] = f"tells too much: {str(error)[:200]}"
        except BaseException as error:  # noqa: BLE001 - whatever comes out is the finding
            leaks[value_name] = f"{type(error).__qualname__}: {str(error)[:200]}"
        else:
            leaks[value_name] = "accepted"
        if before != scene.shop.books():
            leaks[value_name] = f"changed the books ({leaks.get(value_name, 'and was refused')})"
            scene = Scene()
            before = scene.shop.books()
    assert {} == leaks


PARTS: Final[dict[str, tuple[type[Any], dict[str, Any], dict[str, str]]]] = {
    "GiftCardTender": (
        GiftCardTender,
        {"gift_card_id": "a card"},
        {
            "code": "text that could be a code",
            "gift_card_id": "optional text",
            "at_most": "optional amount",
            "priority": "number",
        },
    ),
    "GiftCardLine": (
        GiftCardLine,
        {"line_id": "a", "product_id": "card", "variant_id": "10", "paid": usd("10.00")},
        {
            "line_id": "text",
            "product_id": "text",
            "variant_id": "text",
            "amount": "optional amount",
            "quantity": "quantity",
            "paid": "paid",
            "recipients": "recipients",
        },
    ),
    "GiftCardOrder": (
        GiftCardOrder,
        {
            "order_id": "sold",
            "placed_at": NOW,
            "lines": [GiftCardLine(line_id="a", product_id="card", variant_id="10", paid=usd("10.00"))],
        },
        {
            "order_id": "text",
            "placed_at": "needed time",
            "lines": "sold lines",
            "buyer_id": "optional text",
            "region": "region",
            "tax_rate": "rate",
            "is_paid": "flag",
        },
    ),
    "Denomination": (
        Denomination,
        {"variant_id": "10", "prices": usd("10.00")},
        {
            "variant_id": "text",
            "sku": "optional text",
            "prices": "moneys",
            "face_values": "moneys",
            "offered_from": "time",
            "retired_at": "time",
        },
    ),
    "OpenAmount": (
        OpenAmount,
        {"minimum": usd("1.00"), "maximum": usd("2.00")},
        {
            "minimum": "amount",
            "maximum": "amount",
            "step": "optional amount",
            "offered_from": "time",
            "retired_at": "time",
        },
    ),
    "Term": (
        Term,
        {"years": 1, "time_zone": "UTC"},
        {"years": "count", "months": "count", "days": "count", "until_year_end": "flag", "time_zone": "zone"},
    ),
    "OrderLine": (
        OrderLine,
        {"id": "a", "amount": usd("1.00")},
        {
            "id": "text",
            "amount": "amount",
            "is_stored_value": "flag",
            "product": "optional text",
            "tags": "texts",
            "metadata": "metadata",
        },
    ),
}
"""What a request is put together from, and the kind of value of each field."""


def test_every_field_of_a_part_is_in_the_table() -> None:
    """No field of a tender or a line escapes the table of bad values."""
    for kind, _, fields in PARTS.values():
        assert {field.name for field in attrs.fields(kind)} == set(fields)


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in PARTS for field in PARTS[name][2]])
def test_a_bad_value_never_becomes_a_part(name: str, field: str) -> None:
    """A tender or a line with a bad value cannot be constructed, and the error is one of ours."""
    kind, good, fields = PARTS[name]
    leaks: dict[str, str] = {}
    for value_name, value in values_by_kind(Scene().issued.code)[fields[field]].items():
        given = {key: one for key, one in good.items() if not (field == "code" and key == "gift_card_id")}
        try:
            kind(**{**given, field: value})
        except LoyaltyError:
            continue
        except BaseException as error:  # noqa: BLE001 - whatever comes out is the finding
            leaks[value_name] = f"{type(error).__qualname__}: {str(error)[:200]}"
        else:
            leaks[value_name] = "accepted"
    assert {} == leaks


@pytest.mark.parametrize("field", ["per_card", "per_order", "per_customer_and_day"])
def test_a_bad_amount_never_becomes_a_limit(field: str) -> None:
    """A limit is money, once per currency; anything else is told when the shop is set up."""
    bad = values_by_kind(Scene().issued.code)["amount"]
    two = (usd("1"), usd("2"))
    value: Any
    for value in (*bad.values(), *([value] for value in bad.values()), two, {usd("1")}, {"USD": usd("1")}):
        with pytest.raises(LoyaltyError):
            SpendingLimits(**{field: value})


def test_a_plan_tells_what_is_no_code_of_the_shop() -> None:
    """What could be a code is no error of the plan: the tender is refused in it, and the text is not repeated."""
    scene = Scene()
    for name, value in bad_codes(scene.issued.code).items():
        if could_be_a_code(value):
            plan = scene.shop.ask(PlanPayment(amount_due=usd("1"), codes=(value,)))  # type: ignore[arg-type]  # any text

            (refused,) = plan.refused
            assert refused.code in {"malformed_code", "gift_card_not_found"}, name
            assert None is refused.gift_card_id
            assert str(value) not in repr(plan) or len(str(value)) < 5
