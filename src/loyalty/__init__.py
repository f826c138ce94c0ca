"""
Gift cards and store credit as a pure-domain library: framework-free rules behind storage protocols.

Names are loaded when they are first used, so importing the package costs a
host next to nothing, and a host pays only for the commands it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loyalty.adapters.memory import MemoryStorage
    from loyalty.attempts.default import UnlimitedGuesses
    from loyalty.codes.digest import CodeKeys
    from loyalty.codes.format import CodeFormat
    from loyalty.errors import LoyaltyError
    from loyalty.facade import AsyncLoyalty, Loyalty
    from loyalty.gift_cards.batch import GiftCardBatchView
    from loyalty.gift_cards.card import GiftCardStatus
    from loyalty.gift_cards.denomination import Denomination, OpenAmount
    from loyalty.gift_cards.gift import GiftStatus, Recipient
    from loyalty.gift_cards.listing import GiftCardSort
    from loyalty.gift_cards.order import GiftCardLine, GiftCardOrder
    from loyalty.gift_cards.product import GiftCardProduct, ProductStatus
    from loyalty.gift_cards.sale import ReversalCause
    from loyalty.gift_cards.term import LastDay, Term, end_of_day
    from loyalty.gift_cards.view import GiftCardView
    from loyalty.ledger.entry import Direction, Entry
    from loyalty.ledger.hold import HoldStatus
    from loyalty.ledger.house_accounts import HouseAccount
    from loyalty.ledger.lot import LotOrigin, TaxTreatment
    from loyalty.ledger.transfer import Reference, TransferKind
    from loyalty.money import ALL
    from loyalty.policies.cash_out import CashOutRule, CashOutRules, us_cash_out
    from loyalty.policies.chosen import Policies
    from loyalty.policies.decision import Decision, policy
    from loyalty.policies.eligibility import OrderLine, PayingTender
    from loyalty.policies.expiry import AtLeastYears, never_for_paid_value
    from loyalty.policies.limits import SpendingLimits
    from loyalty.policies.redelivery import Redelivery
    from loyalty.policies.refund_routing import (
        PlannedRefund,
        RefundTender,
        in_proportion,
        other_tenders_first,
        plan_refund,
        reverse_order_of_use,
    )
    from loyalty.policies.tax import CardPayment, PrepaidTax, Region, prepaid_tax, resolve_tax_rate
    from loyalty.ports.attempt_limiter import AttemptLimiter
    from loyalty.ports.event_sink import AsyncEventSink, EventSink, OutgoingEvent
    from loyalty.reports.audit import Audit, AuditReport
    from loyalty.reports.batches import GetGiftCardBatch
    from loyalty.reports.cash_out import CashOutDue, DueCashOut
    from loyalty.reports.checkout import GetHold, ListTenders, PaymentPlan, PlanPayment, Tenders
    from loyalty.reports.dead_letters import DeadLetter, DeadLetterPage, ListDeadLetters
    from loyalty.reports.gift_card_list import (
        ExpiringGiftCard,
        ExpiringGiftCardPage,
        GiftCardPage,
        GiftCardTotals,
        ListExpiringGiftCards,
        ListGiftCards,
    )
    from loyalty.reports.gift_cards import (
        Balance,
        CardOrders,
        CardsOfOrder,
        FindGiftCard,
        GetBalance,
        GetGiftCard,
        OrderCards,
        OrdersOfCard,
    )
    from loyalty.reports.gifts import GetGift, GiftView
    from loyalty.reports.liability import CurrencyMovements, Liability, LiabilityReport, Movements
    from loyalty.reports.products import GetGiftCardProduct, ListGiftCardProducts, ProductPage
    from loyalty.reports.store_credit import AccountStatement, GetStoreCreditAccount, Statement
    from loyalty.reports.store_credit_list import ListStoreCreditAccounts, StoreCreditPage, StoreCreditTotals
    from loyalty.store_credit.account import StoreCreditStatus, StoreCreditView
    from loyalty.store_credit.listing import StoreCreditSort
    from loyalty.tenders.asked import GiftCardTender
    from loyalty.tenders.hold_view import HoldView, TenderPart
    from loyalty.tenders.usable import RefusedTender
    from loyalty.use_cases.activate_gift_cards import ActivateGiftCards, Activation
    from loyalty.use_cases.adjust_hold import AdjustHold
    from loyalty.use_cases.adjust_value import Adjustment, AdjustValue
    from loyalty.use_cases.announce_expiring_gift_cards import AnnounceExpiringGiftCards, ExpiryAnnounced
    from loyalty.use_cases.block_gift_card import BlockGiftCard
    from loyalty.use_cases.block_store_credit_account import BlockStoreCreditAccount
    from loyalty.use_cases.capture_hold import Capture, CaptureHold
    from loyalty.use_cases.cash_out_gift_card import CashOut, CashOutGiftCard
    from loyalty.use_cases.change_gift_card_expiry import ChangeGiftCardExpiry
    from loyalty.use_cases.change_gift_recipient import ChangeGiftRecipient
    from loyalty.use_cases.claim_gift_card import ClaimGiftCard
    from loyalty.use_cases.close_store_credit_account import CloseStoreCreditAccount
    from loyalty.use_cases.convert_gift_card import Conversion, ConvertGiftCard
    from loyalty.use_cases.deactivate_gift_card import DeactivateGiftCard
    from loyalty.use_cases.debit_store_credit import Debit, DebitStoreCredit
    from loyalty.use_cases.define_gift_card_product import DefineGiftCardProduct
    from loyalty.use_cases.deliver_events import Delivered
    from loyalty.use_cases.erase_customer import EraseCustomer, Erasure
    from loyalty.use_cases.expire_value import Expired, ExpireValue
    from loyalty.use_cases.gift_access import GiftSending
    from loyalty.use_cases.grant_store_credit import Grant, GrantStoreCredit
    from loyalty.use_cases.import_file import gift_card_rows
    from loyalty.use_cases.import_gift_cards import ImportedRow, ImportGiftCards, ImportReport, RowOutcome
    from loyalty.use_cases.import_row import GiftCardRow, UnreadableRow
    from loyalty.use_cases.issue_gift_card import IssueGiftCard
    from loyalty.use_cases.issue_gift_card_batch import IssueGiftCardBatch
    from loyalty.use_cases.issue_gift_cards_for_order import IssueGiftCardsForOrder, OrderGiftCards
    from loyalty.use_cases.lapse_holds import Lapsed, LapseHolds
    from loyalty.use_cases.merge_customers import CustomerMerge, MergeCustomers
    from loyalty.use_cases.new_card import IssuedGiftCard
    from loyalty.use_cases.open_store_credit_account import OpenStoreCreditAccount
    from loyalty.use_cases.pay_with_balances import Payment, PayWithBalances
    from loyalty.use_cases.place_hold import PlaceHold
    from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
    from loyalty.use_cases.redemption import Redemption
    from loyalty.use_cases.refund_as_gift_card import RefundAsGiftCard
    from loyalty.use_cases.refund_order_to_store_credit import CreditRefund, RefundOrderToStoreCredit
    from loyalty.use_cases.refund_redemption import Refund, RefundRedemption
    from loyalty.use_cases.reinstate_gift_card import ReinstateGiftCard, Reinstatement
    from loyalty.use_cases.reload_gift_card import Reload, ReloadGiftCard
    from loyalty.use_cases.replace_gift_card_code import ReplaceGiftCardCode
    from loyalty.use_cases.reschedule_gift import RescheduleGift
    from loyalty.use_cases.resend_gift_card import ResendGiftCard
    from loyalty.use_cases.retire_gift_card_product import RetireGiftCardProduct
    from loyalty.use_cases.retry_dead_letter import RetriedEvent, RetryDeadLetter
    from loyalty.use_cases.reveal_batch_codes import BatchCode, RevealBatchCodes, RevealedBatchCodes
    from loyalty.use_cases.reveal_gift_card_code import RevealGiftCardCode
    from loyalty.use_cases.reverse_gift_card_sale import CardReversal, ReverseGiftCardSale, SaleReversal
    from loyalty.use_cases.reverse_transfer import Reversal, ReverseTransfer
    from loyalty.use_cases.revise_denominations import ReviseDenominations
    from loyalty.use_cases.start_due_gifts import GiftsStarted, StartDueGifts
    from loyalty.use_cases.transfer_store_credit import StoreCreditTransfer, TransferStoreCredit
    from loyalty.use_cases.unblock_gift_card import UnblockGiftCard
    from loyalty.use_cases.unblock_store_credit_account import UnblockStoreCreditAccount
    from loyalty.use_cases.update_gift_card import UpdateGiftCard
    from loyalty.use_cases.void_hold import VoidHold
    from loyalty.worker import AsyncEventWorker, EventWorker

__all__ = [
    "ALL",
    "AccountStatement",
    "ActivateGiftCards",
    "Activation",
    "AdjustHold",
    "AdjustValue",
    "Adjustment",
    "AnnounceExpiringGiftCards",
    "AsyncEventSink",
    "AsyncEventWorker",
    "AsyncLoyalty",
    "AtLeastYears",
    "AttemptLimiter",
    "Audit",
    "AuditReport",
    "Balance",
    "BatchCode",
    "BlockGiftCard",
    "BlockStoreCreditAccount",
    "Capture",
    "CaptureHold",
    "CardOrders",
    "CardPayment",
    "CardReversal",
    "CardsOfOrder",
    "CashOut",
    "CashOutDue",
    "CashOutGiftCard",
    "CashOutRule",
    "CashOutRules",
    "ChangeGiftCardExpiry",
    "ChangeGiftRecipient",
    "ClaimGiftCard",
    "CloseStoreCreditAccount",
    "CodeFormat",
    "CodeKeys",
    "Conversion",
    "ConvertGiftCard",
    "CreditRefund",
    "CurrencyMovements",
    "CustomerMerge",
    "DeactivateGiftCard",
    "DeadLetter",
    "DeadLetterPage",
    "Debit",
    "DebitStoreCredit",
    "Decision",
    "DefineGiftCardProduct",
    "Delivered",
    "Denomination",
    "Direction",
    "DueCashOut",
    "Entry",
    "EraseCustomer",
    "Erasure",
    "EventSink",
    "EventWorker",
    "ExpireValue",
    "Expired",
    "ExpiringGiftCard",
    "ExpiringGiftCardPage",
    "ExpiryAnnounced",
    "FindGiftCard",
    "GetBalance",
    "GetGift",
    "GetGiftCard",
    "GetGiftCardBatch",
    "GetGiftCardProduct",
    "GetHold",
    "GetStoreCreditAccount",
    "GiftCardBatchView",
    "GiftCardLine",
    "GiftCardOrder",
    "GiftCardPage",
    "GiftCardProduct",
    "GiftCardRow",
    "GiftCardSort",
    "GiftCardStatus",
    "GiftCardTender",
    "GiftCardTotals",
    "GiftCardView",
    "GiftSending",
    "GiftStatus",
    "GiftView",
    "GiftsStarted",
    "Grant",
    "GrantStoreCredit",
    "HoldStatus",
    "HoldView",
    "HouseAccount",
    "ImportGiftCards",
    "ImportReport",
    "ImportedRow",
    "IssueGiftCard",
    "IssueGiftCardBatch",
    "IssueGiftCardsForOrder",
    "IssuedGiftCard",
    "LapseHolds",
    "Lapsed",
    "LastDay",
    "Liability",
    "LiabilityReport",
    "ListDeadLetters",
    "ListExpiringGiftCards",
    "ListGiftCardProducts",
    "ListGiftCards",
    "ListStoreCreditAccounts",
    "ListTenders",
    "LotOrigin",
    "Loyalty",
    "LoyaltyError",
    "MemoryStorage",
    "MergeCustomers",
    "Movements",
    "OpenAmount",
    "OpenStoreCreditAccount",
    "OrderCards",
    "OrderGiftCards",
    "OrderLine",
    "OrdersOfCard",
    "OutgoingEvent",
    "PayWithBalances",
    "PayingTender",
    "Payment",
    "PaymentPlan",
    "PlaceHold",
    "PlanPayment",
    "PlannedRefund",
    "Policies",
    "PrepaidTax",
    "ProductPage",
    "ProductStatus",
    "Recipient",
    "RedeemGiftCard",
    "Redelivery",
    "Redemption",
    "Reference",
    "Refund",
    "RefundAsGiftCard",
    "RefundOrderToStoreCredit",
    "RefundRedemption",
    "RefundTender",
    "RefusedTender",
    "Region",
    "ReinstateGiftCard",
    "Reinstatement",
    "Reload",
    "ReloadGiftCard",
    "ReplaceGiftCardCode",
    "RescheduleGift",
    "ResendGiftCard",
    "RetireGiftCardProduct",
    "RetriedEvent",
    "RetryDeadLetter",
    "RevealBatchCodes",
    "RevealGiftCardCode",
    "RevealedBatchCodes",
    "Reversal",
    "ReversalCause",
    "ReverseGiftCardSale",
    "ReverseTransfer",
    "ReviseDenominations",
    "RowOutcome",
    "SaleReversal",
    "SpendingLimits",
    "StartDueGifts",
    "Statement",
    "StoreCreditPage",
    "StoreCreditSort",
    "StoreCreditStatus",
    "StoreCreditTotals",
    "StoreCreditTransfer",
    "StoreCreditView",
    "TaxTreatment",
    "TenderPart",
    "Tenders",
    "Term",
    "TransferKind",
    "TransferStoreCredit",
    "UnblockGiftCard",
    "UnblockStoreCreditAccount",
    "UnlimitedGuesses",
    "UnreadableRow",
    "UpdateGiftCard",
    "VoidHold",
    "end_of_day",
    "gift_card_rows",
    "in_proportion",
    "never_for_paid_value",
    "other_tenders_first",
    "plan_refund",
    "policy",
    "prepaid_tax",
    "resolve_tax_rate",
    "reverse_order_of_use",
    "us_cash_out",
]

_HOMES = {
    "ALL": "loyalty.money",
    "AccountStatement": "loyalty.reports.store_credit",
    "ActivateGiftCards": "loyalty.use_cases.activate_gift_cards",
    "Activation": "loyalty.use_cases.activate_gift_cards",
    "AdjustHold": "loyalty.use_cases.adjust_hold",
    "AdjustValue": "loyalty.use_cases.adjust_value",
    "Adjustment": "loyalty.use_cases.adjust_value",
    "AnnounceExpiringGiftCards": "loyalty.use_cases.announce_expiring_gift_cards",
    "AsyncEventSink": "loyalty.ports.event_sink",
    "AsyncEventWorker": "loyalty.worker",
    "AsyncLoyalty": "loyalty.facade",
    "AtLeastYears": "loyalty.policies.expiry",
    "AttemptLimiter": "loyalty.ports.attempt_limiter",
    "Audit": "loyalty.reports.audit",
    "AuditReport": "loyalty.reports.audit",
    "Balance": "loyalty.reports.gift_cards",
    "BatchCode": "loyalty.use_cases.reveal_batch_codes",
    "BlockGiftCard": "loyalty.use_cases.block_gift_card",
    "BlockStoreCreditAccount": "loyalty.use_cases.block_store_credit_account",
    "Capture": "loyalty.use_cases.capture_hold",
    "CaptureHold": "loyalty.use_cases.capture_hold",
    "CardOrders": "loyalty.reports.gift_cards",
    "CardPayment": "loyalty.policies.tax",
    "CardReversal": "loyalty.use_cases.reverse_gift_card_sale",
    "CardsOfOrder": "loyalty.reports.gift_cards",
    "CashOut": "loyalty.use_cases.cash_out_gift_card",
    "CashOutDue": "loyalty.reports.cash_out",
    "CashOutGiftCard": "loyalty.use_cases.cash_out_gift_card",
    "CashOutRule": "loyalty.policies.cash_out",
    "CashOutRules": "loyalty.policies.cash_out",
    "ChangeGiftCardExpiry": "loyalty.use_cases.change_gift_card_expiry",
    "ChangeGiftRecipient": "loyalty.use_cases.change_gift_recipient",
    "ClaimGiftCard": "loyalty.use_cases.claim_gift_card",
    "CloseStoreCreditAccount": "loyalty.use_cases.close_store_credit_account",
    "CodeFormat": "loyalty.codes.format",
    "CodeKeys": "loyalty.codes.digest",
    "Conversion": "loyalty.use_cases.convert_gift_card",
    "ConvertGiftCard": "loyalty.use_cases.convert_gift_card",
    "CreditRefund": "loyalty.use_cases.refund_order_to_store_credit",
    "CurrencyMovements": "loyalty.reports.liability",
    "CustomerMerge": "loyalty.use_cases.merge_customers",
    "DeactivateGiftCard": "loyalty.use_cases.deactivate_gift_card",
    "DeadLetter": "loyalty.reports.dead_letters",
    "DeadLetterPage": "loyalty.reports.dead_letters",
    "Debit": "loyalty.use_cases.debit_store_credit",
    "DebitStoreCredit": "loyalty.use_cases.debit_store_credit",
    "Decision": "loyalty.policies.decision",
    "DefineGiftCardProduct": "loyalty.use_cases.define_gift_card_product",
    "Delivered": "loyalty.use_cases.deliver_events",
    "Denomination": "loyalty.gift_cards.denomination",
    "Direction": "loyalty.ledger.entry",
    "DueCashOut": "loyalty.reports.cash_out",
    "Entry": "loyalty.ledger.entry",
    "EraseCustomer": "loyalty.use_cases.erase_customer",
    "Erasure": "loyalty.use_cases.erase_customer",
    "EventSink": "loyalty.ports.event_sink",
    "EventWorker": "loyalty.worker",
    "ExpireValue": "loyalty.use_cases.expire_value",
    "Expired": "loyalty.use_cases.expire_value",
    "ExpiringGiftCard": "loyalty.reports.gift_card_list",
    "ExpiringGiftCardPage": "loyalty.reports.gift_card_list",
    "ExpiryAnnounced": "loyalty.use_cases.announce_expiring_gift_cards",
    "FindGiftCard": "loyalty.reports.gift_cards",
    "GetBalance": "loyalty.reports.gift_cards",
    "GetGift": "loyalty.reports.gifts",
    "GetGiftCard": "loyalty.reports.gift_cards",
    "GetGiftCardBatch": "loyalty.reports.batches",
    "GetGiftCardProduct": "loyalty.reports.products",
    "GetHold": "loyalty.reports.checkout",
    "GetStoreCreditAccount": "loyalty.reports.store_credit",
    "GiftCardBatchView": "loyalty.gift_cards.batch",
    "GiftCardLine": "loyalty.gift_cards.order",
    "GiftCardOrder": "loyalty.gift_cards.order",
    "GiftCardPage": "loyalty.reports.gift_card_list",
    "GiftCardProduct": "loyalty.gift_cards.product",
    "GiftCardRow": "loyalty.use_cases.import_row",
    "GiftCardSort": "loyalty.gift_cards.listing",
    "GiftCardStatus": "loyalty.gift_cards.card",
    "GiftCardTender": "loyalty.tenders.asked",
    "GiftCardTotals": "loyalty.reports.gift_card_list",
    "GiftCardView": "loyalty.gift_cards.view",
    "GiftSending": "loyalty.use_cases.gift_access",
    "GiftStatus": "loyalty.gift_cards.gift",
    "GiftView": "loyalty.reports.gifts",
    "GiftsStarted": "loyalty.use_cases.start_due_gifts",
    "Grant": "loyalty.use_cases.grant_store_credit",
    "GrantStoreCredit": "loyalty.use_cases.grant_store_credit",
    "HoldStatus": "loyalty.ledger.hold",
    "HoldView": "loyalty.tenders.hold_view",
    "HouseAccount": "loyalty.ledger.house_accounts",
    "ImportGiftCards": "loyalty.use_cases.import_gift_cards",
    "ImportReport": "loyalty.use_cases.import_gift_cards",
    "ImportedRow": "loyalty.use_cases.import_gift_cards",
    "IssueGiftCard": "loyalty.use_cases.issue_gift_card",
    "IssueGiftCardBatch": "loyalty.use_cases.issue_gift_card_batch",
    "IssueGiftCardsForOrder": "loyalty.use_cases.issue_gift_cards_for_order",
    "IssuedGiftCard": "loyalty.use_cases.new_card",
    "LapseHolds": "loyalty.use_cases.lapse_holds",
    "Lapsed": "loyalty.use_cases.lapse_holds",
    "LastDay": "loyalty.gift_cards.term",
    "Liability": "loyalty.reports.liability",
    "LiabilityReport": "loyalty.reports.liability",
    "ListDeadLetters": "loyalty.reports.dead_letters",
    "ListExpiringGiftCards": "loyalty.reports.gift_card_list",
    "ListGiftCardProducts": "loyalty.reports.products",
    "ListGiftCards": "loyalty.reports.gift_card_list",
    "ListStoreCreditAccounts": "loyalty.reports.store_credit_list",
    "ListTenders": "loyalty.reports.checkout",
    "LotOrigin": "loyalty.ledger.lot",
    "Loyalty": "loyalty.facade",
    "LoyaltyError": "loyalty.errors",
    "MemoryStorage": "loyalty.adapters.memory",
    "MergeCustomers": "loyalty.use_cases.merge_customers",
    "Movements": "loyalty.reports.liability",
    "OpenAmount": "loyalty.gift_cards.denomination",
    "OpenStoreCreditAccount": "loyalty.use_cases.open_store_credit_account",
    "OrderCards": "loyalty.reports.gift_cards",
    "OrderGiftCards": "loyalty.use_cases.issue_gift_cards_for_order",
    "OrderLine": "loyalty.policies.eligibility",
    "OrdersOfCard": "loyalty.reports.gift_cards",
    "OutgoingEvent": "loyalty.ports.event_sink",
    "PayWithBalances": "loyalty.use_cases.pay_with_balances",
    "PayingTender": "loyalty.policies.eligibility",
    "Payment": "loyalty.use_cases.pay_with_balances",
    "PaymentPlan": "loyalty.reports.checkout",
    "PlaceHold": "loyalty.use_cases.place_hold",
    "PlanPayment": "loyalty.reports.checkout",
    "PlannedRefund": "loyalty.policies.refund_routing",
    "Policies": "loyalty.policies.chosen",
    "PrepaidTax": "loyalty.policies.tax",
    "ProductPage": "loyalty.reports.products",
    "ProductStatus": "loyalty.gift_cards.product",
    "Recipient": "loyalty.gift_cards.gift",
    "RedeemGiftCard": "loyalty.use_cases.redeem_gift_card",
    "Redelivery": "loyalty.policies.redelivery",
    "Redemption": "loyalty.use_cases.redemption",
    "Reference": "loyalty.ledger.transfer",
    "Refund": "loyalty.use_cases.refund_redemption",
    "RefundAsGiftCard": "loyalty.use_cases.refund_as_gift_card",
    "RefundOrderToStoreCredit": "loyalty.use_cases.refund_order_to_store_credit",
    "RefundRedemption": "loyalty.use_cases.refund_redemption",
    "RefundTender": "loyalty.policies.refund_routing",
    "RefusedTender": "loyalty.tenders.usable",
    "Region": "loyalty.policies.tax",
    "ReinstateGiftCard": "loyalty.use_cases.reinstate_gift_card",
    "Reinstatement": "loyalty.use_cases.reinstate_gift_card",
    "Reload": "loyalty.use_cases.reload_gift_card",
    "ReloadGiftCard": "loyalty.use_cases.reload_gift_card",
    "ReplaceGiftCardCode": "loyalty.use_cases.replace_gift_card_code",
    "RescheduleGift": "loyalty.use_cases.reschedule_gift",
    "ResendGiftCard": "loyalty.use_cases.resend_gift_card",
    "RetireGiftCardProduct": "loyalty.use_cases.retire_gift_card_product",
    "RetriedEvent": "loyalty.use_cases.retry_dead_letter",
    "RetryDeadLetter": "loyalty.use_cases.retry_dead_letter",
    "RevealBatchCodes": "loyalty.use_cases.reveal_batch_codes",
    "RevealGiftCardCode": "loyalty.use_cases.reveal_gift_card_code",
    "RevealedBatchCodes": "loyalty.use_cases.reveal_batch_codes",
    "Reversal": "loyalty.use_cases.reverse_transfer",
    "ReversalCause": "loyalty.gift_cards.sale",
    "ReverseGiftCardSale": "loyalty.use_cases.reverse_gift_card_sale",
    "ReverseTransfer": "loyalty.use_cases.reverse_transfer",
    "ReviseDenominations": "loyalty.use_cases.revise_denominations",
    "RowOutcome": "loyalty.use_cases.import_gift_cards",
    "SaleReversal": "loyalty.use_cases.reverse_gift_card_sale",
    "SpendingLimits": "loyalty.policies.limits",
    "StartDueGifts": "loyalty.use_cases.start_due_gifts",
    "Statement": "loyalty.reports.store_credit",
    "StoreCreditPage": "loyalty.reports.store_credit_list",
    "StoreCreditSort": "loyalty.store_credit.listing",
    "StoreCreditStatus": "loyalty.store_credit.account",
    "StoreCreditTotals": "loyalty.reports.store_credit_list",
    "StoreCreditTransfer": "loyalty.use_cases.transfer_store_credit",
    "StoreCreditView": "loyalty.store_credit.account",
    "TaxTreatment": "loyalty.ledger.lot",
    "TenderPart": "loyalty.tenders.hold_view",
    "Tenders": "loyalty.reports.checkout",
    "Term": "loyalty.gift_cards.term",
    "TransferKind": "loyalty.ledger.transfer",
    "TransferStoreCredit": "loyalty.use_cases.transfer_store_credit",
    "UnblockGiftCard": "loyalty.use_cases.unblock_gift_card",
    "UnblockStoreCreditAccount": "loyalty.use_cases.unblock_store_credit_account",
    "UnlimitedGuesses": "loyalty.attempts.default",
    "UnreadableRow": "loyalty.use_cases.import_row",
    "UpdateGiftCard": "loyalty.use_cases.update_gift_card",
    "VoidHold": "loyalty.use_cases.void_hold",
    "end_of_day": "loyalty.gift_cards.term",
    "gift_card_rows": "loyalty.use_cases.import_file",
    "in_proportion": "loyalty.policies.refund_routing",
    "never_for_paid_value": "loyalty.policies.expiry",
    "other_tenders_first": "loyalty.policies.refund_routing",
    "plan_refund": "loyalty.policies.refund_routing",
    "policy": "loyalty.policies.decision",
    "prepaid_tax": "loyalty.policies.tax",
    "resolve_tax_rate": "loyalty.policies.tax",
    "reverse_order_of_use": "loyalty.policies.refund_routing",
    "us_cash_out": "loyalty.policies.cash_out",
}


def __getattr__(name: str) -> object:
    """Load a public name from the file that defines it."""
    home = _HOMES.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return what is promised, so that completion shows no more."""
    return __all__
