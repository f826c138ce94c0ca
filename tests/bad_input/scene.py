"""A shop in which everything can be asked for, and what to ask it."""

from __future__ import annotations

import inspect
from typing import Any

import loyalty
from loyalty import (
    ALL,
    CodeFormat,
    DefineGiftCardProduct,
    Denomination,
    Direction,
    GiftCardLine,
    GiftCardOrder,
    GiftCardRow,
    IssueGiftCardBatch,
    IssueGiftCardsForOrder,
    LotOrigin,
    OpenStoreCreditAccount,
    PlaceHold,
    Policies,
    Recipient,
    ReversalCause,
    TaxTreatment,
    us_cash_out,
)
from loyalty.reports.query import Query
from loyalty.testing import give_up_one
from loyalty.use_cases.command import Command, Request, Sweep
from tests.use_cases.shop import DAY, KEYS, NOW, Shop, usd

__all__ = ["Scene", "requests"]


def requests() -> dict[str, type[Any]]:
    """Return every public command, sweep and query by its name."""
    public = {name: getattr(loyalty, name) for name in loyalty.__all__}
    return {
        name: thing for name, thing in public.items() if inspect.isclass(thing) and issubclass(thing, Request | Query)
    }


class Scene:
    """A shop, in memory or on a storage, in which every command and query would succeed."""

    def __init__(self, storage: Any = None) -> None:
        self.shop = Shop(code_format=CodeFormat(allow_chosen=True), policies=Policies(cash_out=us_cash_out))
        if storage is not None:
            self.shop.storage = storage
            self.shop.loyalty = self.shop.with_keys(KEYS)
        self.shop.clock.advance(-DAY)
        self.over = self.shop.issue("7.00", expires_at=NOW)
        self.shop.clock.advance(DAY)
        self.paid = self.shop.issue("7.00", origin=LotOrigin.PURCHASED)
        self.issued = self.shop.issue("50.00", order_id="900")
        self.gift = self.shop.issue("5.00", recipient=Recipient(address="ada@example.com")).gift_card
        self.shop.redeem(self.issued, "5.00", "1001")
        granted = self.shop.grant("20.00")
        ten = Denomination(variant_id="10", prices=usd("10.00"))
        self.shop.execute(
            DefineGiftCardProduct(title="Card", product_id="card", denominations=[ten], idempotency_key="product")
        )
        line = GiftCardLine(line_id="a", product_id="card", variant_id="10", paid=usd("10.00"))
        order = GiftCardOrder(order_id="sold", placed_at=NOW, lines=[line])
        self.shop.execute(IssueGiftCardsForOrder(order=order, idempotency_key="sold"))
        self.account = granted.account
        self.shop.execute(OpenStoreCreditAccount(customer_id="cy", currency="USD", idempotency_key="empty"))
        self.held = self.shop.execute(
            PlaceHold(order_id="1004", amount_due=usd("3.00"), codes=(self.issued.code,), idempotency_key="held")
        )
        self.batch = self.shop.execute(IssueGiftCardBatch(count=2, value=usd("1.00"), idempotency_key="batch"))
        card = self.issued.gift_card
        self.good: dict[str, dict[str, Any]] = {
            "IssueGiftCard": {"value": usd("5.00")},
            "ClaimGiftCard": {"code": self.issued.code, "customer_id": "ada"},
            "ConvertGiftCard": {"code": self.issued.code, "customer_id": "ada"},
            "RedeemGiftCard": {"code": self.issued.code, "amount": usd("5.00"), "order_id": "1002"},
            "RefundRedemption": {"order_id": "1001", "amount": ALL},
            "BlockGiftCard": {"gift_card_id": card.id},
            "UnblockGiftCard": {"gift_card_id": card.id},
            "DeactivateGiftCard": {"gift_card_id": card.id},
            "ReplaceGiftCardCode": {"gift_card_id": card.id},
            "ReinstateGiftCard": {
                "gift_card_id": self.over.gift_card.id,
                "expires_at": NOW + 9 * DAY,
                "actor": "staff/7",
                "reason": "a mistake",
            },
            "CashOutGiftCard": {"gift_card_id": self.paid.gift_card.id, "jurisdiction": "US-CA"},
            "CashOutDue": {"gift_card_id": self.paid.gift_card.id},
            "ChangeGiftCardExpiry": {
                "gift_card_id": card.id,
                "expires_at": NOW + DAY,
                "actor": "staff/7",
                "reason": "a mistake",
            },
            "ReloadGiftCard": {"gift_card_id": card.id, "amount": usd("5.00"), "expires_at": NOW + DAY},
            "UpdateGiftCard": {"gift_card_id": card.id, "edition": 1, "note": "a", "tags": ("b",), "metadata": None},
            "IssueGiftCardBatch": {"count": 3, "value": usd("5.00")},
            "RevealBatchCodes": {"batch_id": self.batch.id, "actor": "a printer"},
            "GetGiftCardBatch": {"id": self.batch.id},
            "ImportGiftCards": {
                "source": "old",
                "rows": [GiftCardRow(source_id="1", value=usd("5.00"), code="OLD-CARD-00001")],
            },
            "OpenStoreCreditAccount": {"customer_id": "bob", "currency": "EUR"},
            "GrantStoreCredit": {
                "customer_id": "ada",
                "amount": usd("5.00"),
                "origin": LotOrigin.REFUND,
                "tax_treatment": TaxTreatment.SINGLE_PURPOSE,
                "not_before": NOW,
                "expires_at": NOW + DAY,
            },
            "DebitStoreCredit": {"customer_id": "ada", "amount": usd("5.00"), "order_id": "1002"},
            "PayWithBalances": {
                "order_id": "1002",
                "amount_due": usd("5.00"),
                "codes": (self.issued.code,),
                "customer_id": "ada",
            },
            "BlockStoreCreditAccount": {"customer_id": "ada", "currency": "USD"},
            "UnblockStoreCreditAccount": {"customer_id": "ada", "currency": "USD"},
            "CloseStoreCreditAccount": {"customer_id": "cy", "currency": "USD"},
            "MergeCustomers": {"from_customer_id": "ada", "into_customer_id": "bob"},
            "TransferStoreCredit": {"from_customer_id": "ada", "to_customer_id": "bob", "amount": usd("5.00")},
            "AdjustValue": {
                "customer_id": "ada",
                "amount": usd("5.00"),
                "direction": Direction.CREDIT,
                "actor": "staff/7",
                "reason": "a mistake",
            },
            "ReverseTransfer": {"transfer_id": granted.transfer.id, "actor": "staff/7", "reason": "a mistake"},
            "RefundOrderToStoreCredit": {
                "order_id": "1003",
                "customer_id": "ada",
                "amount": usd("5.00"),
                "refundable": usd("9.00"),
            },
            "RefundAsGiftCard": {"order_id": "1003", "amount": usd("5.00"), "refundable": usd("9.00")},
            "PlaceHold": {
                "order_id": "1002",
                "amount_due": usd("5.00"),
                "codes": (self.issued.code,),
                "customer_id": "ada",
            },
            "AdjustHold": {"hold_id": self.held.id, "amount_due": usd("5.00")},
            "CaptureHold": {"hold_id": self.held.id},
            "VoidHold": {"hold_id": self.held.id},
            "EraseCustomer": {"customer_id": "ada", "known_as": ("ada@example.com",)},
            "ExpireValue": {},
            "LapseHolds": {},
            "PlanPayment": {"amount_due": usd("5.00"), "codes": (self.issued.code,), "customer_id": "ada"},
            "ListTenders": {"customer_id": "ada", "currency": "USD"},
            "GetHold": {"id": self.held.id},
            "FindGiftCard": {"code": self.issued.code},
            "GetGiftCard": {"id": card.id},
            "GetBalance": {"code": self.issued.code},
            "GetStoreCreditAccount": {"customer_id": "ada", "currency": "USD"},
            "Statement": {"account_id": card.account_id},
            "ListGiftCards": {"value_from": usd("1.00"), "value_to": usd("90.00"), "currency": "USD"},
            "ListStoreCreditAccounts": {"balance_from": usd("1.00"), "balance_to": usd("90.00"), "currency": "USD"},
            "ListExpiringGiftCards": {"within": DAY},
            "ListDeadLetters": {},
            "RetryDeadLetter": {"event_id": give_up_one(self.shop.loyalty)},
            "AnnounceExpiringGiftCards": {"within": DAY},
            "CardsOfOrder": {"order_id": "1001"},
            "OrdersOfCard": {"gift_card_id": card.id},
            "Liability": {},
            "Movements": {},
            "Audit": {},
            "DefineGiftCardProduct": {"title": "Another card"},
            "ReviseDenominations": {"product_id": "card", "version": 1},
            "RevealGiftCardCode": {"gift_card_id": card.id, "actor": "staff/7"},
            "ResendGiftCard": {"gift_card_id": self.gift.id},
            "RescheduleGift": {"gift_card_id": self.gift.id, "send_at": NOW + DAY},
            "ChangeGiftRecipient": {"gift_card_id": self.gift.id, "recipient": Recipient(address="bo@example.com")},
            "StartDueGifts": {},
            "GetGift": {"gift_card_id": self.gift.id},
            "RetireGiftCardProduct": {"product_id": "card"},
            "IssueGiftCardsForOrder": {"order": order},
            "ActivateGiftCards": {"order_id": "sold"},
            "ReverseGiftCardSale": {"order_id": "sold", "cause": ReversalCause.REFUND},
            "GetGiftCardProduct": {"id": "card"},
            "ListGiftCardProducts": {},
        }

    def send(self, name: str, /, **changed: object) -> object:
        """Construct the command or query of this name and send it."""
        kind = requests()[name]
        given = {**self.good[name], **changed}
        if issubclass(kind, Command):
            given.setdefault("idempotency_key", "the key of this call")
        request = kind(**given)
        if issubclass(kind, Command | Sweep):
            return self.shop.execute(request)
        return self.shop.ask(request)
