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
    from loyalty.facade import Loyalty
    from loyalty.gift_cards.card import GiftCardStatus
    from loyalty.gift_cards.view import GiftCardView
    from loyalty.ledger.entry import Direction, Entry
    from loyalty.ledger.house_accounts import HouseAccount
    from loyalty.ledger.lot import LotOrigin, TaxTreatment
    from loyalty.ledger.transfer import Reference, TransferKind
    from loyalty.money import ALL
    from loyalty.policies.chosen import Policies
    from loyalty.ports.attempt_limiter import AttemptLimiter
    from loyalty.reports.audit import Audit, AuditReport
    from loyalty.reports.gift_cards import (
        Balance,
        CardOrders,
        CardsOfOrder,
        GetBalance,
        GetGiftCard,
        OrderCards,
        OrdersOfCard,
    )
    from loyalty.reports.liability import CurrencyMovements, Liability, LiabilityReport, Movements
    from loyalty.reports.store_credit import AccountStatement, GetStoreCreditAccount, Statement
    from loyalty.store_credit.account import StoreCreditStatus, StoreCreditView
    from loyalty.use_cases.block_gift_card import BlockGiftCard
    from loyalty.use_cases.claim_gift_card import ClaimGiftCard
    from loyalty.use_cases.convert_gift_card import Conversion, ConvertGiftCard
    from loyalty.use_cases.debit_store_credit import Debit, DebitStoreCredit
    from loyalty.use_cases.expire_value import Expired, ExpireValue
    from loyalty.use_cases.grant_store_credit import Grant, GrantStoreCredit
    from loyalty.use_cases.issue_gift_card import IssuedGiftCard, IssueGiftCard
    from loyalty.use_cases.open_store_credit_account import OpenStoreCreditAccount
    from loyalty.use_cases.pay_with_balances import Payment, PayWithBalances
    from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
    from loyalty.use_cases.redemption import Redemption
    from loyalty.use_cases.refund_redemption import Refund, RefundRedemption
    from loyalty.use_cases.unblock_gift_card import UnblockGiftCard

__all__ = [
    "ALL",
    "AccountStatement",
    "AttemptLimiter",
    "Audit",
    "AuditReport",
    "Balance",
    "BlockGiftCard",
    "CardOrders",
    "CardsOfOrder",
    "ClaimGiftCard",
    "CodeFormat",
    "CodeKeys",
    "Conversion",
    "ConvertGiftCard",
    "CurrencyMovements",
    "Debit",
    "DebitStoreCredit",
    "Direction",
    "Entry",
    "ExpireValue",
    "Expired",
    "GetBalance",
    "GetGiftCard",
    "GetStoreCreditAccount",
    "GiftCardStatus",
    "GiftCardView",
    "Grant",
    "GrantStoreCredit",
    "HouseAccount",
    "IssueGiftCard",
    "IssuedGiftCard",
    "Liability",
    "LiabilityReport",
    "LotOrigin",
    "Loyalty",
    "LoyaltyError",
    "MemoryStorage",
    "Movements",
    "OpenStoreCreditAccount",
    "OrderCards",
    "OrdersOfCard",
    "PayWithBalances",
    "Payment",
    "Policies",
    "RedeemGiftCard",
    "Redemption",
    "Reference",
    "Refund",
    "RefundRedemption",
    "Statement",
    "StoreCreditStatus",
    "StoreCreditView",
    "TaxTreatment",
    "TransferKind",
    "UnblockGiftCard",
    "UnlimitedGuesses",
]

_HOMES = {
    "MemoryStorage": "loyalty.adapters.memory",
    "UnlimitedGuesses": "loyalty.attempts.default",
    "CodeKeys": "loyalty.codes.digest",
    "CodeFormat": "loyalty.codes.format",
    "LoyaltyError": "loyalty.errors",
    "Loyalty": "loyalty.facade",
    "GiftCardStatus": "loyalty.gift_cards.card",
    "GiftCardView": "loyalty.gift_cards.view",
    "Direction": "loyalty.ledger.entry",
    "Entry": "loyalty.ledger.entry",
    "HouseAccount": "loyalty.ledger.house_accounts",
    "LotOrigin": "loyalty.ledger.lot",
    "TaxTreatment": "loyalty.ledger.lot",
    "Reference": "loyalty.ledger.transfer",
    "TransferKind": "loyalty.ledger.transfer",
    "ALL": "loyalty.money",
    "Policies": "loyalty.policies.chosen",
    "AttemptLimiter": "loyalty.ports.attempt_limiter",
    "Audit": "loyalty.reports.audit",
    "AuditReport": "loyalty.reports.audit",
    "Balance": "loyalty.reports.gift_cards",
    "CardOrders": "loyalty.reports.gift_cards",
    "CardsOfOrder": "loyalty.reports.gift_cards",
    "GetBalance": "loyalty.reports.gift_cards",
    "GetGiftCard": "loyalty.reports.gift_cards",
    "OrderCards": "loyalty.reports.gift_cards",
    "OrdersOfCard": "loyalty.reports.gift_cards",
    "CurrencyMovements": "loyalty.reports.liability",
    "Liability": "loyalty.reports.liability",
    "LiabilityReport": "loyalty.reports.liability",
    "Movements": "loyalty.reports.liability",
    "AccountStatement": "loyalty.reports.store_credit",
    "GetStoreCreditAccount": "loyalty.reports.store_credit",
    "Statement": "loyalty.reports.store_credit",
    "StoreCreditStatus": "loyalty.store_credit.account",
    "StoreCreditView": "loyalty.store_credit.account",
    "BlockGiftCard": "loyalty.use_cases.block_gift_card",
    "ClaimGiftCard": "loyalty.use_cases.claim_gift_card",
    "Conversion": "loyalty.use_cases.convert_gift_card",
    "ConvertGiftCard": "loyalty.use_cases.convert_gift_card",
    "Debit": "loyalty.use_cases.debit_store_credit",
    "DebitStoreCredit": "loyalty.use_cases.debit_store_credit",
    "ExpireValue": "loyalty.use_cases.expire_value",
    "Expired": "loyalty.use_cases.expire_value",
    "Grant": "loyalty.use_cases.grant_store_credit",
    "GrantStoreCredit": "loyalty.use_cases.grant_store_credit",
    "IssueGiftCard": "loyalty.use_cases.issue_gift_card",
    "IssuedGiftCard": "loyalty.use_cases.issue_gift_card",
    "OpenStoreCreditAccount": "loyalty.use_cases.open_store_credit_account",
    "PayWithBalances": "loyalty.use_cases.pay_with_balances",
    "Payment": "loyalty.use_cases.pay_with_balances",
    "RedeemGiftCard": "loyalty.use_cases.redeem_gift_card",
    "Redemption": "loyalty.use_cases.redemption",
    "Refund": "loyalty.use_cases.refund_redemption",
    "RefundRedemption": "loyalty.use_cases.refund_redemption",
    "UnblockGiftCard": "loyalty.use_cases.unblock_gift_card",
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
