"""Gift cards and store credit as a pure-domain library: framework-free rules behind storage protocols."""

from loyalty.adapters.memory import MemoryStorage
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
]
