"""
How many SQL statements each command takes, exactly, whatever the history.

A statement is a round trip to the database, and round trips are what a command costs. Those that begin and end
transactions are left out. When a number here changes, somebody made every host's checkout faster or slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, get_args, get_type_hints

import attrs
import pytest
from moneyed import Money
from sqlalchemy import event

import loyalty
from loyalty import (
    ActivateGiftCards,
    AdjustHold,
    AdjustValue,
    AnnounceExpiringGiftCards,
    BlockGiftCard,
    BlockStoreCreditAccount,
    CaptureHold,
    CashOutDue,
    CashOutGiftCard,
    ChangeGiftCardExpiry,
    ChangeGiftRecipient,
    ClaimGiftCard,
    CloseStoreCreditAccount,
    CodeFormat,
    ConvertGiftCard,
    DeactivateGiftCard,
    DebitStoreCredit,
    DefineGiftCardProduct,
    Denomination,
    Direction,
    EraseCustomer,
    ExpireValue,
    FindGiftCard,
    GetBalance,
    GetGift,
    GetGiftCard,
    GetGiftCardBatch,
    GetGiftCardProduct,
    GetHold,
    GetStoreCreditAccount,
    GiftCardLine,
    GiftCardOrder,
    GiftCardRow,
    GiftCardSort,
    GiftCardStatus,
    GrantStoreCredit,
    HoldView,
    ImportGiftCards,
    IssuedGiftCard,
    IssueGiftCard,
    IssueGiftCardBatch,
    IssueGiftCardsForOrder,
    LapseHolds,
    ListDeadLetters,
    ListExpiringGiftCards,
    ListGiftCardProducts,
    ListGiftCards,
    ListStoreCreditAccounts,
    ListTenders,
    LotOrigin,
    Loyalty,
    MergeCustomers,
    OpenStoreCreditAccount,
    PayWithBalances,
    PlaceHold,
    PlanPayment,
    Policies,
    Recipient,
    RedeemGiftCard,
    RefundAsGiftCard,
    RefundOrderToStoreCredit,
    RefundRedemption,
    ReinstateGiftCard,
    ReloadGiftCard,
    ReplaceGiftCardCode,
    RescheduleGift,
    ResendGiftCard,
    RetireGiftCardProduct,
    RetryDeadLetter,
    RevealBatchCodes,
    RevealGiftCardCode,
    ReversalCause,
    ReverseGiftCardSale,
    ReverseTransfer,
    ReviseDenominations,
    SpendingLimits,
    StartDueGifts,
    Statement,
    TransferStoreCredit,
    UnblockGiftCard,
    UnblockStoreCreditAccount,
    UpdateGiftCard,
    VoidHold,
    us_cash_out,
)
from loyalty.adapters.sqlalchemy import SqlAlchemyStorage
from loyalty.errors import GiftCardNotFound, IdempotencyConflict, LoyaltyError
from loyalty.reports.query import Query
from loyalty.testing import give_up_one
from loyalty.use_cases.command import Command, Sweep
from tests.unit.attempts.wrong_codes import WRONG, WrongCodes
from tests.use_cases.shop import DAY, KEYS, TurnableClock, usd

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
MARIADB: Final = "mariadb"
DATABASES: Final = (SQLITE, POSTGRESQL, MARIADB)

COMMANDS: Final[dict[str, tuple[int, int, int]]] = {
    #                                          SQLite  PostgreSQL  MariaDB
    "IssueGiftCard":                               (5, 1, 5),
    "IssueGiftCard with a chosen code":            (6, 2, 6),
    "IssueGiftCardBatch":                          (6, 1, 6),
    "RevealBatchCodes":                            (4, 3, 4),
    "ImportGiftCards":                            (10, 5, 10),
    "ClaimGiftCard":                               (4, 2, 4),
    "ConvertGiftCard":                             (9, 2, 9),
    "ConvertGiftCard into an account":             (7, 2, 7),
    "RedeemGiftCard":                              (5, 2, 5),
    "RedeemGiftCard by its id":                    (5, 2, 5),
    "RefundRedemption":                            (7, 4, 7),
    "BlockGiftCard":                               (4, 2, 4),
    "UnblockGiftCard":                             (4, 2, 4),
    "DeactivateGiftCard":                          (4, 2, 4),
    "ReplaceGiftCardCode":                         (4, 2, 4),
    "UpdateGiftCard":                              (4, 2, 4),
    "ReinstateGiftCard":                           (9, 5, 9),
    "ReinstateGiftCard again":                     (9, 5, 9),
    "ReinstateGiftCard of what no sweep posted":   (8, 3, 8),
    "CashOutGiftCard":                             (5, 2, 5),
    "ChangeGiftCardExpiry":                        (5, 2, 5),
    "ReloadGiftCard":                              (7, 2, 7),
    "OpenStoreCreditAccount":                      (4, 2, 4),
    "GrantStoreCredit":                            (5, 2, 5),
    "GrantStoreCredit to a new customer":          (6, 2, 6),
    "DebitStoreCredit":                            (5, 2, 5),
    "BlockStoreCreditAccount":                     (4, 2, 4),
    "UnblockStoreCreditAccount":                   (4, 2, 4),
    "CloseStoreCreditAccount":                     (4, 2, 4),
    "TransferStoreCredit":                         (6, 2, 6),
    "TransferStoreCredit to a new customer":       (8, 2, 8),
    "MergeCustomers":                              (8, 2, 8),
    "MergeCustomers into a new customer":         (10, 2, 10),
    "PayWithBalances":                             (5, 2, 5),
    "PayWithBalances of an order that holds":      (6, 2, 6),
    "PlaceHold":                                   (6, 2, 6),
    "PlaceHold over five tenders":                 (6, 2, 6),
    "PlaceHold again":                             (7, 2, 7),
    "AdjustHold":                                  (5, 2, 5),
    "CaptureHold":                                 (6, 2, 6),
    "CaptureHold over five tenders":               (6, 2, 6),
    "CaptureHold of a part":                       (6, 2, 6),
    "VoidHold":                                    (5, 2, 5),
    "EraseCustomer":                              (14, 8, 14),
    "EraseCustomer with nothing to do":            (5, 5, 5),
    "LapseHolds":                                  (6, 3, 6),
    "LapseHolds with nothing to do":               (1, 1, 1),
    "AdjustValue":                                 (5, 2, 5),
    "ReverseTransfer":                             (7, 4, 7),
    "ReverseTransfer of a conversion":             (7, 4, 7),
    "RefundOrderToStoreCredit":                    (8, 4, 8),
    "RefundOrderToStoreCredit again":              (8, 4, 8),
    "RefundAsGiftCard":                            (8, 3, 8),
    "ExpireValue":                                 (6, 3, 6),
    "ExpireValue with nothing to do":              (1, 1, 1),
    "IssueGiftCardsForOrder":                      (6, 3, 6),
    "IssueGiftCardsForOrder of a paid order":      (8, 3, 8),
    "IssueGiftCardsForOrder again":                (4, 4, 4),
    "IssueGiftCardsForOrder over a hundred units": (6, 3, 6),
    "ActivateGiftCards":                           (9, 4, 9),
    "ActivateGiftCards again":                     (3, 3, 3),
    "ActivateGiftCards over a hundred units":      (9, 4, 9),
    "ReverseGiftCardSale":                         (9, 4, 9),
    "ReverseGiftCardSale over a hundred units":    (9, 4, 9),
    "DefineGiftCardProduct":                       (4, 2, 4),
    "ReviseDenominations":                         (5, 2, 5),
    "RevealGiftCardCode":                          (2, 2, 2),
    "RetryDeadLetter":                             (3, 2, 3),
    "AnnounceExpiringGiftCards":                   (4, 4, 4),
    "AnnounceExpiringGiftCards with nothing to do": (1, 1, 1),
    "StartDueGifts":                               (6, 4, 6),
    "StartDueGifts with nothing to do":            (1, 1, 1),
    "ResendGiftCard":                              (5, 3, 5),
    "RescheduleGift":                              (5, 3, 5),
    "ChangeGiftRecipient":                         (5, 3, 5),
    "ChangeGiftRecipient of a card on its way":    (6, 3, 6),
    "RetireGiftCardProduct":                       (3, 2, 3),
}  # fmt: skip
QUERIES: Final[dict[str, tuple[int, int, int]]] = {
    "PlanPayment":                                 (1, 1, 1),
    "ListTenders":                                 (1, 1, 1),
    "CashOutDue":                                  (1, 1, 1),
    "GetGift":                                     (2, 2, 2),
    "GetHold":                                     (1, 1, 1),
    "GetHold of an order":                         (1, 1, 1),
    "FindGiftCard":                                (1, 1, 1),
    "GetBalance":                                  (1, 1, 1),
    "GetGiftCard":                                 (1, 1, 1),
    "GetGiftCardBatch":                            (1, 1, 1),
    "GetStoreCreditAccount":                       (1, 1, 1),
    "Statement":                                   (1, 1, 1),
    "ListGiftCards":                               (1, 1, 1),
    "ListGiftCards, the next page, by their ends": (1, 1, 1),
    "ListGiftCards with every filter":             (1, 1, 1),
    "ListGiftCards with totals":                   (2, 2, 2),
    "ListGiftCards with totals of held value":     (3, 3, 3),
    "ListStoreCreditAccounts":                     (1, 1, 1),
    "ListStoreCreditAccounts with totals":         (3, 3, 3),
    "ListExpiringGiftCards":                       (1, 1, 1),
    "ListDeadLetters":                             (1, 1, 1),
    "GetGiftCardProduct":                          (1, 1, 1),
    "ListGiftCardProducts":                        (1, 1, 1),
}  # fmt: skip
WITH_LIMITS: Final[dict[str, tuple[int, int, int]]] = {
    "PlaceHold":                                   (8, 4, 8),
    "PayWithBalances":                             (7, 4, 7),
    "RedeemGiftCard":                              (7, 4, 7),
    "AdjustHold":                                  (6, 3, 6),
    "CaptureHold":                                 (6, 2, 6),
    "PlanPayment":                                 (3, 3, 3),
}  # fmt: skip
REPLAYS: Final[dict[str, tuple[int, int, int]]] = {
    "of a redemption":                             (3, 3, 3),
    "of a redemption that emptied the card":       (2, 2, 2),
    "of an issue":                                 (2, 2, 2),
    "with other content":                          (3, 3, 3),
}  # fmt: skip
REFUSALS: Final[dict[str, tuple[int, int, int]]] = {
    #                              the look-up, the receipt, and on PostgreSQL what lets the end not wait for the disk
    "a malformed code":                            (2, 3, 2),
    "an unknown code":                             (2, 3, 2),
    "too little on the card":                      (2, 3, 2),
    "another currency":                            (2, 3, 2),
    "a card that is blocked":                      (2, 3, 2),
    "an account that is not there":                (2, 3, 2),
}  # fmt: skip
MOST_FOR_A_REDEEM: Final = 5
MOST_FOR_A_HOLD: Final = 6

BY_STAFF: Final[dict[str, Any]] = {"actor": "staff/7", "reason": "a mistake"}
NOT_COUNTED: Final = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET TRANSACTION")


@attrs.frozen
class Shop:
    """The library on one SQL database, and a counter at its counter."""

    database: str
    storage: SqlAlchemyStorage
    clock: TurnableClock
    loyalty: Loyalty
    _keys: Iterator[int] = attrs.field(factory=lambda: iter(range(1_000_000)))

    def key(self) -> str:
        """Return an idempotency key that nobody used before."""
        return f"key-{next(self._keys)}"

    def issue(self, value: str = "50.00", **given: Any) -> IssuedGiftCard:
        """Issue a card of so many dollars."""
        return self.loyalty.execute(IssueGiftCard(value=usd(value), idempotency_key=self.key(), **given))

    def grant(self, customer_id: str = "ada", amount: str = "10.00", **given: Any) -> str:
        """Grant store credit and return the account's id."""
        command = GrantStoreCredit(
            customer_id=customer_id, amount=usd(amount), origin=LotOrigin.GOODWILL, idempotency_key=self.key(), **given
        )
        return self.loyalty.execute(command).account.id

    def redeeming(self, issued: IssuedGiftCard, amount: str = "1.00", order_id: str = "1001") -> RedeemGiftCard:
        """Return a redemption of a card."""
        return RedeemGiftCard(code=issued.code, amount=usd(amount), order_id=order_id, idempotency_key=self.key())

    def debiting(self, customer_id: str = "ada", amount: str = "0.01") -> DebitStoreCredit:
        """Return a debit of a customer's account."""
        return DebitStoreCredit(customer_id=customer_id, amount=usd(amount), idempotency_key=self.key())

    def with_history(self, transfers: int) -> IssuedGiftCard:
        """Return a card that paid so often for order "old", and give its customer as old an account."""
        with self.storage.engine.begin() as connection:
            shop = attrs.evolve(self, loyalty=self.loyalty.using(self.storage.joining(connection)))
            issued = shop.issue()
            shop.grant(f"customer-{transfers}")
            for _ in range(transfers - 1):
                shop.loyalty.execute(shop.redeeming(issued, "0.01", f"old-{transfers}"))
                shop.loyalty.execute(shop.debiting(f"customer-{transfers}"))
            shop.loyalty.execute(shop.redeeming(issued, "1.00", f"last-{transfers}"))
        return issued

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """Collect the statements that run inside."""
        seen: list[str] = []

        def note(*given: object) -> None:
            statement = str(given[2])
            if not statement.lstrip().upper().startswith(NOT_COUNTED):
                seen.append(statement)

        event.listen(self.storage.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(self.storage.engine, "before_cursor_execute", note)

    def statements_of(self, request: Request) -> list[str]:
        """Execute a command, or ask a query, and return its statements."""
        with self.counting() as seen:
            if isinstance(request, Query):
                self.loyalty.ask(request)
            else:
                self.loyalty.execute(request)
        return seen

    def budget(self, budgets: tuple[int, int, int]) -> int:
        """Return the number that counts for this database."""
        return budgets[DATABASES.index(self.database)]


Request = Command[Any] | Sweep[Any] | Query[Any]
Case = Callable[[Shop], Request]


@contextmanager
def opened(database: str, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Give a shop on an empty database of this kind."""
    fixture = {SQLITE: "sqlite_url", POSTGRESQL: "postgresql_database", MARIADB: "mariadb_database"}[database]
    storage, clock = SqlAlchemyStorage(request.getfixturevalue(fixture)), TurnableClock()
    storage.upgrade()
    # Where a connection is looked at before its first command, that is done once and no part of a command.
    storage.require_ready(durable=False)
    allowing = CodeFormat(allow_chosen=True)
    policies = Policies(cash_out=us_cash_out)
    loyalty = Loyalty(storage, code_keys=KEYS, clock=clock, code_format=allowing, policies=policies)
    yield Shop(database, storage, clock, loyalty)
    storage.dispose()


@pytest.fixture(params=DATABASES)
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Give a shop on an empty database, on each kind of database."""
    with opened(request.param, request) as shop:
        yield shop


# --- what is executed: each makes what it needs, and returns the request that is counted ------------------------------


def refunding(shop: Shop) -> Request:
    """Return the refund of a redemption."""
    shop.loyalty.execute(shop.redeeming(shop.issue(), order_id="1001"))
    return RefundRedemption(order_id="1001", amount=usd("0.50"), idempotency_key=shop.key())


def batch(shop: Shop) -> str:
    """Return the id of a batch of three cards."""
    return shop.loyalty.execute(IssueGiftCardBatch(count=3, value=usd("5"), idempotency_key=shop.key())).id


def unblocking(shop: Shop) -> Request:
    """Return the way back for a blocked card."""
    issued = shop.issue()
    shop.loyalty.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()))
    return UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key())


def converting_into_an_account(shop: Shop) -> Request:
    """Return a conversion by a customer who has an account."""
    shop.grant("ada")
    return converting(shop)


def converting(shop: Shop) -> ConvertGiftCard:
    """Return a conversion by a customer who has no account."""
    return ConvertGiftCard(code=shop.issue().code, customer_id="ada", idempotency_key=shop.key())


def granting(shop: Shop) -> GrantStoreCredit:
    """Return a grant that opens the account."""
    return GrantStoreCredit(
        customer_id="ada", amount=usd("1.00"), origin=LotOrigin.GOODWILL, idempotency_key=shop.key()
    )


def granting_again(shop: Shop) -> Request:
    """Return a grant to an account that is there."""
    shop.grant("ada")
    return granting(shop)


def debiting(shop: Shop) -> Request:
    """Return a debit of an account with credit."""
    shop.grant("ada")
    return shop.debiting()


def unblocking_an_account(shop: Shop) -> Request:
    """Return the way back for a blocked account."""
    account_id = shop.grant()
    shop.loyalty.execute(BlockStoreCreditAccount(account_id=account_id, idempotency_key=shop.key()))
    return UnblockStoreCreditAccount(account_id=account_id, idempotency_key=shop.key())


def closing(shop: Shop) -> Request:
    """Return the end of an account on which nothing is left."""
    account_id = shop.grant()
    shop.loyalty.execute(shop.debiting(amount="10.00"))
    return CloseStoreCreditAccount(account_id=account_id, idempotency_key=shop.key())


def moving(shop: Shop) -> TransferStoreCredit:
    """Return a transfer to a customer who has no account."""
    shop.grant("ada")
    return TransferStoreCredit(
        from_customer_id="ada", to_customer_id="bob", amount=usd("1.00"), idempotency_key=shop.key()
    )


def moving_into_an_account(shop: Shop) -> Request:
    """Return a transfer to a customer who has an account."""
    shop.grant("bob")
    return moving(shop)


def merging(shop: Shop) -> MergeCustomers:
    """Return the merge of a customer with three accounts and two cards into one who has none."""
    for currency in ("USD", "EUR", "JPY"):
        shop.loyalty.execute(attrs.evolve(granting(shop), amount=Money(1, currency)))
    for _ in range(2):
        shop.issue(customer_id="ada")
    return MergeCustomers(from_customer_id="ada", into_customer_id="bob", idempotency_key=shop.key())


def merging_into_accounts(shop: Shop) -> Request:
    """Return such a merge into a customer who has accounts in all these currencies."""
    for currency in ("USD", "EUR", "JPY"):
        shop.loyalty.execute(attrs.evolve(granting(shop), customer_id="bob", amount=Money(1, currency)))
    return merging(shop)


def paying(shop: Shop, tenders: int = 3) -> PayWithBalances:
    """Return a payment with all that is on so many tenders, one of which is store credit."""
    shop.grant("ada", "1.00")
    codes = tuple(shop.issue("1.00").code for _ in range(tenders - 1))
    return PayWithBalances(
        order_id="1001", amount_due=usd(f"{tenders}.00"), codes=codes, customer_id="ada", idempotency_key=shop.key()
    )


def reloading(shop: Shop) -> Request:
    """Return a reload that lets what is on the card live longer."""
    issued = shop.issue(expires_at=shop.clock() + DAY, origin=LotOrigin.PURCHASED)
    return ReloadGiftCard(
        code=issued.code, amount=usd("5.00"), expires_at=shop.clock() + 9 * DAY, idempotency_key=shop.key()
    )


def expired(shop: Shop, *, sweeps: bool) -> IssuedGiftCard:
    """Return a card whose value has expired."""
    issued = shop.issue(expires_at=shop.clock() + DAY)
    shop.clock.advance(DAY)
    if sweeps:
        shop.loyalty.execute(ExpireValue())
    return issued


def reinstating(shop: Shop, issued: IssuedGiftCard) -> ReinstateGiftCard:
    """Return what brings a dollar back that expired on a card."""
    return ReinstateGiftCard(
        code=issued.code,
        amount=usd("1.00"),
        expires_at=shop.clock() + 9 * DAY,
        idempotency_key=shop.key(),
        **BY_STAFF,
    )


def reinstating_again(shop: Shop) -> Request:
    """Return what brings back more, after three dollars came back and two sweeps."""
    issued = expired(shop, sweeps=True)
    for _ in range(3):
        shop.loyalty.execute(reinstating(shop, issued))
    shop.clock.advance(9 * DAY)
    shop.loyalty.execute(ExpireValue())
    return reinstating(shop, issued)


def adjusting(shop: Shop) -> Request:
    """Return a correction of a customer's account."""
    return AdjustValue(
        account_id=shop.grant(), amount=usd("1.00"), direction=Direction.DEBIT, idempotency_key=shop.key(), **BY_STAFF
    )


def reversing(shop: Shop) -> Request:
    """Return the reversal of a redemption."""
    redemption = shop.loyalty.execute(shop.redeeming(shop.issue()))
    return ReverseTransfer(transfer_id=redemption.id, idempotency_key=shop.key(), **BY_STAFF)


def reversing_a_conversion(shop: Shop) -> Request:
    """Return the reversal of a conversion, which two accounts took part in."""
    conversion = shop.loyalty.execute(converting(shop))
    return ReverseTransfer(transfer_id=conversion.transfer_id, idempotency_key=shop.key(), **BY_STAFF)


def returning(shop: Shop) -> RefundOrderToStoreCredit:
    """Return the first refund of an order to the credit of a customer who has an account."""
    shop.grant("ada")
    return RefundOrderToStoreCredit(
        order_id="1001", customer_id="ada", amount=usd("1.00"), refundable=usd("9.00"), idempotency_key=shop.key()
    )


def returning_again(shop: Shop) -> Request:
    """Return another refund of the same order."""
    command = returning(shop)
    shop.loyalty.execute(command)
    return attrs.evolve(command, idempotency_key=shop.key())


def holding(shop: Shop, tenders: int = 1, order_id: str = "1001") -> PlaceHold:
    """Return a hold of a dollar on each of so many cards."""
    codes = tuple(shop.issue("5.00").code for _ in range(tenders))
    return PlaceHold(order_id=order_id, amount_due=usd(f"{tenders}.00"), codes=codes, idempotency_key=shop.key())


def holding_again(shop: Shop) -> Request:
    """Return a hold of an order that holds value of another card."""
    held(shop)
    return holding(shop)


def held(shop: Shop, tenders: int = 1) -> HoldView:
    """Return a hold that was placed."""
    return shop.loyalty.execute(holding(shop, tenders))


def paying_a_held_order(shop: Shop) -> Request:
    """Return a payment of an order that holds value of another card."""
    held(shop)
    return paying(shop)


def adjusting_a_hold(shop: Shop) -> Request:
    """Return a change that makes a hold larger."""
    return AdjustHold(hold_id=held(shop).id, amount_due=usd("2.00"), idempotency_key=shop.key())


def capturing(shop: Shop, tenders: int = 1) -> Request:
    """Return the capture of a hold over so many cards."""
    return CaptureHold(hold_id=held(shop, tenders).id, idempotency_key=shop.key())


def capturing_a_part(shop: Shop) -> Request:
    """Return the capture of a part of a hold over five cards; three of them are freed."""
    return CaptureHold(hold_id=held(shop, 5).id, amount=usd("1.50"), idempotency_key=shop.key())


def forgetting(shop: Shop) -> Request:
    """Return the erasure of a customer with store credit, two cards, a hold and something to say."""
    for currency in ("USD", "EUR"):
        shop.loyalty.execute(attrs.evolve(granting(shop), amount=Money(5, currency), actor="ada"))
    for _ in range(2):
        shop.issue(customer_id="ada", recipient="ada@example.com")
    placed = PlaceHold(order_id="1001", amount_due=usd("1.00"), customer_id="ada", idempotency_key=shop.key())
    shop.loyalty.execute(placed)
    return EraseCustomer(customer_id="ada", known_as=("ada@example.com",))


def lapsing(shop: Shop) -> Request:
    """Return a sweep that finds three lapsed holds over two cards each."""
    for number in range(3):
        shop.loyalty.execute(holding(shop, 2, f"lapsed-{number}"))
    shop.clock.advance(DAY)
    return LapseHolds()


def planning(shop: Shop) -> Request:
    """Return the plan of a payment by a card and a customer's credit, for an order that holds value."""
    held(shop)
    shop.grant()
    return PlanPayment(amount_due=usd("9.00"), codes=(shop.issue().code,), customer_id="ada", order_id="1001")


def listing(shop: Shop) -> Request:
    """Return the list of a customer's tenders."""
    shop.issue(customer_id="ada")
    shop.grant()
    return ListTenders(customer_id="ada", currency="USD")


def listing_cards(shop: Shop, **given: Any) -> ListGiftCards:
    """Return the list of a few cards, most of them on the page."""
    for number in range(5):
        shop.issue(expires_at=shop.clock() + DAY if number % 2 else None)
    return ListGiftCards(limit=3, **given)


def listing_the_next_page(shop: Shop) -> Request:
    """Return the page of a list that begins with cards that expire and ends with some that do not."""
    query = listing_cards(shop, sort=GiftCardSort.EXPIRES)
    first = shop.loyalty.ask(attrs.evolve(query, limit=1))
    return attrs.evolve(query, after=first.next_after)


def listing_by_everything(shop: Shop) -> Request:
    """Return a list with every filter there is."""
    text, money, at = "a text", usd("5.00"), shop.clock()
    given: dict[type, Any] = {str: text, Money: money, type(at): at, bool: False}
    fields = [field for field in attrs.fields(ListGiftCards) if field.default is None and field.name != "after"]
    kinds = get_type_hints(ListGiftCards)
    chosen = {field.name: given[kind] for field in fields if (kind := get_args(kinds[field.name])[0]) in given}
    return listing_cards(
        shop, **{**chosen, "currency": "USD", "status": GiftCardStatus.ACTIVE, "code": shop.issue().code}
    )


def listing_with_held_value(shop: Shop) -> Request:
    """Return a list with totals, of cards on some of which orders hold value."""
    held(shop, 3)
    return listing_cards(shop, with_totals=True)


def listing_accounts(shop: Shop, **given: Any) -> Request:
    """Return the list of a few accounts, most of them on the page, one of them with held value."""
    for customer_id in ("ada", "bob", "cy", "dee"):
        shop.grant(customer_id)
    shop.loyalty.execute(
        PlaceHold(order_id="1001", amount_due=usd("1.00"), customer_id="ada", idempotency_key=shop.key())
    )
    return ListStoreCreditAccounts(limit=3, **given)


def expiring(shop: Shop) -> Request:
    """Return a sweep that finds three expired cards."""
    for _ in range(3):
        shop.issue(expires_at=shop.clock() + DAY)
    shop.clock.advance(2 * DAY)
    return ExpireValue()


def defining(shop: Shop, product_id: str = "card", *variants: str) -> DefineGiftCardProduct:
    """Return the definition of a product with a denomination for each of *variants*."""
    offers = [Denomination(variant_id=variant, prices=usd("10.00")) for variant in variants or ("10", "25")]
    return DefineGiftCardProduct(
        title="Gift card", product_id=product_id, denominations=offers, idempotency_key=shop.key()
    )


def revising(shop: Shop) -> Request:
    """Return a revision that changes a denomination, adds one and retires one."""
    shop.loyalty.execute(defining(shop))
    offers = [Denomination(variant_id=variant, prices=usd("11.00")) for variant in ("10", "50")]
    return ReviseDenominations(
        product_id="card", version=1, denominations=offers, retire=("25",), idempotency_key=shop.key()
    )


def given(shop: Shop) -> str:
    """Return a card that is to be sent to somebody."""
    return shop.loyalty.execute(
        IssueGiftCard(value=usd("5.00"), recipient=Recipient(address="ada@example.com"), idempotency_key=shop.key())
    ).gift_card.id


def starting(shop: Shop) -> StartDueGifts:
    """Return the sweep that finds one gift due."""
    given(shop)
    return StartDueGifts()


def dead_letter(shop: Shop) -> str:
    """Return an event that was given up."""
    shop.issue()
    return give_up_one(shop.loyalty)


def announcing(shop: Shop) -> AnnounceExpiringGiftCards:
    """Return the sweep that tells of one card."""
    shop.issue(expires_at=shop.clock() + DAY)
    return AnnounceExpiringGiftCards(within=2 * DAY)


def regiving(shop: Shop) -> ChangeGiftRecipient:
    """Return the command that gives a card, and another code, to somebody else than it is on its way to."""
    card_id = given(shop)
    shop.loyalty.execute(ResendGiftCard(gift_card_id=card_id, idempotency_key=shop.key()))
    return ChangeGiftRecipient(
        gift_card_id=card_id, recipient=Recipient(address="bo@example.com"), idempotency_key=shop.key()
    )


def retiring(shop: Shop) -> Request:
    """Return the end of a product."""
    shop.loyalty.execute(defining(shop))
    return RetireGiftCardProduct(product_id="card", idempotency_key=shop.key())


def looking_at_a_product(shop: Shop) -> Request:
    """Return the query for a product with three denominations."""
    shop.loyalty.execute(defining(shop, "card", "10", "25", "50"))
    return GetGiftCardProduct(id="card")


def listing_products(shop: Shop) -> Request:
    """Return the list of three products with two denominations each."""
    for number in range(3):
        shop.loyalty.execute(defining(shop, f"card {number}"))
    return ListGiftCardProducts()


def selling(shop: Shop, units: int = 3, *, is_paid: bool = False) -> IssueGiftCardsForOrder:
    """Return the purchase of so many cards of 10.00."""
    shop.loyalty.execute(defining(shop))
    line = GiftCardLine(line_id="a", product_id="card", variant_id="10", quantity=units, paid=usd("8.00") * units)
    order = GiftCardOrder(order_id="sold", placed_at=shop.clock(), lines=[line], is_paid=is_paid)
    return IssueGiftCardsForOrder(order=order, idempotency_key=shop.key())


def selling_again(shop: Shop) -> Request:
    """Return the same purchase under another key."""
    command = selling(shop)
    shop.loyalty.execute(command)
    return attrs.evolve(command, idempotency_key=shop.key())


def activating(shop: Shop, units: int = 3) -> ActivateGiftCards:
    """Return the payment of so many cards."""
    shop.loyalty.execute(selling(shop, units))
    return ActivateGiftCards(order_id="sold", idempotency_key=shop.key())


def activating_again(shop: Shop) -> Request:
    """Return the payment of an order that is paid."""
    command = activating(shop)
    shop.loyalty.execute(command)
    return attrs.evolve(command, idempotency_key=shop.key())


def undoing(shop: Shop, units: int = 3) -> Request:
    """Return the end of a sale of so many cards, on one of which something was spent."""
    issued = shop.loyalty.execute(selling(shop, units, is_paid=True)).gift_cards[0]
    shop.loyalty.execute(shop.redeeming(issued))
    return ReverseGiftCardSale(order_id="sold", cause=ReversalCause.REFUND, idempotency_key=shop.key())


CASES: Final[dict[str, Case]] = {
    "IssueGiftCardsForOrder": selling,
    "IssueGiftCardsForOrder of a paid order": lambda shop: selling(shop, is_paid=True),
    "IssueGiftCardsForOrder again": selling_again,
    "IssueGiftCardsForOrder over a hundred units": lambda shop: selling(shop, 100),
    "ActivateGiftCards": activating,
    "ActivateGiftCards again": activating_again,
    "ActivateGiftCards over a hundred units": lambda shop: activating(shop, 100),
    "ReverseGiftCardSale": undoing,
    "ReverseGiftCardSale over a hundred units": lambda shop: undoing(shop, 100),
    "DefineGiftCardProduct": defining,
    "ReviseDenominations": revising,
    "RevealGiftCardCode": lambda shop: RevealGiftCardCode(
        gift_card_id=shop.issue().gift_card.id, actor="staff/7", idempotency_key=shop.key()
    ),
    "RetryDeadLetter": lambda shop: RetryDeadLetter(event_id=dead_letter(shop), idempotency_key=shop.key()),
    "AnnounceExpiringGiftCards": announcing,
    "AnnounceExpiringGiftCards with nothing to do": lambda _: AnnounceExpiringGiftCards(within=DAY),
    "StartDueGifts": starting,
    "StartDueGifts with nothing to do": lambda _: StartDueGifts(),
    "ResendGiftCard": lambda shop: ResendGiftCard(gift_card_id=given(shop), idempotency_key=shop.key()),
    "RescheduleGift": lambda shop: RescheduleGift(
        gift_card_id=given(shop), send_at=shop.clock() + DAY, idempotency_key=shop.key()
    ),
    "ChangeGiftRecipient": lambda shop: ChangeGiftRecipient(
        gift_card_id=given(shop), recipient=Recipient(address="bo@example.com"), idempotency_key=shop.key()
    ),
    "ChangeGiftRecipient of a card on its way": regiving,
    "RetireGiftCardProduct": retiring,
    "GetGiftCardProduct": looking_at_a_product,
    "ListGiftCardProducts": listing_products,
    "IssueGiftCard": lambda shop: IssueGiftCard(value=usd("50.00"), idempotency_key=shop.key()),
    "IssueGiftCard with a chosen code": lambda shop: IssueGiftCard(
        value=usd("50.00"), code="SUMMER-OF-EVERY-YEAR", idempotency_key=shop.key()
    ),
    "IssueGiftCardBatch": lambda shop: IssueGiftCardBatch(count=3, value=usd("5"), idempotency_key=shop.key()),
    "RevealBatchCodes": lambda shop: RevealBatchCodes(
        batch_id=batch(shop), actor="a printer", idempotency_key=shop.key()
    ),
    "ImportGiftCards": lambda shop: ImportGiftCards(
        source="old",
        rows=[GiftCardRow(source_id=f"{number}", value=usd("5"), code=f"OLD-CARD-0000{number}") for number in range(3)],
        idempotency_key=shop.key(),
    ),
    "GetGiftCardBatch": lambda shop: GetGiftCardBatch(id=batch(shop)),
    "ClaimGiftCard": lambda shop: ClaimGiftCard(code=shop.issue().code, customer_id="ada", idempotency_key=shop.key()),
    "ConvertGiftCard": converting,
    "ConvertGiftCard into an account": converting_into_an_account,
    "RedeemGiftCard": lambda shop: shop.redeeming(shop.issue()),
    "RedeemGiftCard by its id": lambda shop: RedeemGiftCard(
        gift_card_id=shop.issue().gift_card.id, amount=usd("1.00"), order_id="1001", idempotency_key=shop.key()
    ),
    "RefundRedemption": refunding,
    "BlockGiftCard": lambda shop: BlockGiftCard(gift_card_id=shop.issue().gift_card.id, idempotency_key=shop.key()),
    "UnblockGiftCard": unblocking,
    "DeactivateGiftCard": lambda shop: DeactivateGiftCard(
        gift_card_id=shop.issue().gift_card.id, idempotency_key=shop.key()
    ),
    "ReplaceGiftCardCode": lambda shop: ReplaceGiftCardCode(code=shop.issue().code, idempotency_key=shop.key()),
    "ChangeGiftCardExpiry": lambda shop: ChangeGiftCardExpiry(
        gift_card_id=shop.issue().gift_card.id, expires_at=shop.clock() + DAY, idempotency_key=shop.key(), **BY_STAFF
    ),
    "ReloadGiftCard": reloading,
    "ReinstateGiftCard": lambda shop: reinstating(shop, expired(shop, sweeps=True)),
    "ReinstateGiftCard again": reinstating_again,
    "ReinstateGiftCard of what no sweep posted": lambda shop: reinstating(shop, expired(shop, sweeps=False)),
    "CashOutGiftCard": lambda shop: CashOutGiftCard(
        code=shop.issue("5.00", origin=LotOrigin.PURCHASED).code, jurisdiction="US-CA", idempotency_key=shop.key()
    ),
    "CashOutDue": lambda shop: CashOutDue(gift_card_id=shop.issue().gift_card.id),
    "UpdateGiftCard": lambda shop: UpdateGiftCard(
        gift_card_id=shop.issue().gift_card.id,
        edition=1,
        note="lost",
        tags=("a",),
        metadata={"a": 1},
        idempotency_key=shop.key(),
    ),
    "OpenStoreCreditAccount": lambda shop: OpenStoreCreditAccount(
        customer_id="ada", currency="USD", idempotency_key=shop.key()
    ),
    "GrantStoreCredit": granting_again,
    "GrantStoreCredit to a new customer": granting,
    "DebitStoreCredit": debiting,
    "BlockStoreCreditAccount": lambda shop: BlockStoreCreditAccount(
        account_id=shop.grant(), idempotency_key=shop.key()
    ),
    "UnblockStoreCreditAccount": unblocking_an_account,
    "CloseStoreCreditAccount": closing,
    "TransferStoreCredit": moving_into_an_account,
    "TransferStoreCredit to a new customer": moving,
    "MergeCustomers": merging_into_accounts,
    "MergeCustomers into a new customer": merging,
    "PayWithBalances": paying,
    "PayWithBalances of an order that holds": paying_a_held_order,
    "PlaceHold": holding,
    "PlaceHold over five tenders": lambda shop: holding(shop, 5),
    "PlaceHold again": holding_again,
    "AdjustHold": adjusting_a_hold,
    "CaptureHold": capturing,
    "CaptureHold over five tenders": lambda shop: capturing(shop, 5),
    "CaptureHold of a part": capturing_a_part,
    "VoidHold": lambda shop: VoidHold(hold_id=held(shop).id, idempotency_key=shop.key()),
    "EraseCustomer": forgetting,
    "EraseCustomer with nothing to do": lambda _: EraseCustomer(customer_id="ada", known_as=("ada@example.com",)),
    "LapseHolds": lapsing,
    "LapseHolds with nothing to do": lambda _: LapseHolds(),
    "AdjustValue": adjusting,
    "ReverseTransfer": reversing,
    "ReverseTransfer of a conversion": reversing_a_conversion,
    "RefundOrderToStoreCredit": returning,
    "RefundOrderToStoreCredit again": returning_again,
    "RefundAsGiftCard": lambda shop: RefundAsGiftCard(
        order_id="1001", amount=usd("1.00"), refundable=usd("9.00"), idempotency_key=shop.key()
    ),
    "ExpireValue": expiring,
    "ExpireValue with nothing to do": lambda _: ExpireValue(),
    "PlanPayment": planning,
    "ListTenders": listing,
    "GetGift": lambda shop: GetGift(gift_card_id=given(shop)),
    "GetHold": lambda shop: GetHold(id=held(shop, 5).id),
    "GetHold of an order": lambda shop: GetHold(order_id=held(shop, 5).order_id),
    "FindGiftCard": lambda shop: FindGiftCard(code=shop.issue().code),
    "GetBalance": lambda shop: GetBalance(code=shop.issue().code),
    "GetGiftCard": lambda shop: GetGiftCard(id=shop.issue().gift_card.id),
    "GetStoreCreditAccount": lambda shop: GetStoreCreditAccount(account_id=shop.grant()),
    "Statement": lambda shop: Statement(account_id=shop.grant()),
    "ListGiftCards": listing_cards,
    "ListGiftCards, the next page, by their ends": listing_the_next_page,
    "ListGiftCards with every filter": listing_by_everything,
    "ListGiftCards with totals": lambda shop: listing_cards(shop, with_totals=True),
    "ListGiftCards with totals of held value": listing_with_held_value,
    "ListStoreCreditAccounts": listing_accounts,
    "ListStoreCreditAccounts with totals": lambda shop: listing_accounts(shop, with_totals=True),
    "ListDeadLetters": lambda _: ListDeadLetters(),
    "ListExpiringGiftCards": lambda shop: ListExpiringGiftCards(within=DAY, limit=listing_cards(shop).limit),
}


def replay_of_a_redemption(shop: Shop) -> Request:
    """Return a redemption that was executed."""
    command = shop.redeeming(shop.issue())
    shop.loyalty.execute(command)
    return command


def replay_of_the_last_redemption(shop: Shop) -> Request:
    """Return an executed redemption that the rules would now refuse."""
    command = shop.redeeming(shop.issue("5.00"), "5.00")
    shop.loyalty.execute(command)
    return command


def replay_of_an_issue(shop: Shop) -> Request:
    """Return an issue that was executed."""
    command = IssueGiftCard(value=usd("50.00"), idempotency_key=shop.key())
    shop.loyalty.execute(command)
    return command


def replay_with_other_content(shop: Shop) -> Request:
    """Return a redemption under the key of another one."""
    command = shop.redeeming(shop.issue())
    shop.loyalty.execute(command)
    return attrs.evolve(command, order_id="another")


AGAIN: Final[dict[str, Case]] = {
    "of a redemption": replay_of_a_redemption,
    "of a redemption that emptied the card": replay_of_the_last_redemption,
    "of an issue": replay_of_an_issue,
    "with other content": replay_with_other_content,
}


def redeeming_a_blocked_card(shop: Shop) -> Request:
    """Return a redemption of a blocked card."""
    issued = shop.issue()
    shop.loyalty.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()))
    return shop.redeeming(issued)


def redeeming_an_unknown_card(shop: Shop) -> Request:
    """Return a redemption of a card that is not there."""
    return RedeemGiftCard(code="CODE-OF-ANOTHER-SHOP", amount=usd("1.00"), order_id="1001", idempotency_key=shop.key())


def redeeming_a_malformed_code(shop: Shop) -> Request:
    """Return a redemption of what cannot be a code."""
    return RedeemGiftCard(code="GIFT", amount=usd("1.00"), order_id="1001", idempotency_key=shop.key())


def redeeming_euros(shop: Shop) -> Request:
    """Return a redemption in another currency than the card's."""
    issued = shop.issue()
    return attrs.evolve(shop.redeeming(issued), amount=Money("1.00", "EUR"))


REFUSED: Final[dict[str, Case]] = {
    "a malformed code": redeeming_a_malformed_code,
    "an unknown code": redeeming_an_unknown_card,
    "too little on the card": lambda shop: shop.redeeming(shop.issue("5.00"), "5.01"),
    "another currency": redeeming_euros,
    "a card that is blocked": redeeming_a_blocked_card,
    "an account that is not there": lambda shop: shop.debiting("nobody"),
}


# --- the tests --------------------------------------------------------------------------------------------------------


def test_every_command_has_a_budget() -> None:
    """Every command and sweep that is public stands in the table."""
    public = (getattr(loyalty, name) for name in loyalty.__all__)
    commands = {kind.__name__ for kind in public if isinstance(kind, type) and issubclass(kind, (Command, Sweep))}
    assert commands == {name.partition(" ")[0] for name in COMMANDS}


@pytest.mark.parametrize("name", [*COMMANDS, *QUERIES])
def test_a_request_takes_exactly_its_budget(shop: Shop, name: str) -> None:
    """A command or query takes as many statements as the table says, no more and no fewer."""
    request = CASES[name](shop)
    seen = shop.statements_of(request)
    assert len(seen) == shop.budget((COMMANDS | QUERIES)[name]), "\n".join(seen)


@pytest.mark.parametrize("name", REPLAYS)
def test_a_replay_takes_exactly_its_budget(shop: Shop, name: str) -> None:
    """Answering a known key again costs no more than the table says."""
    request = AGAIN[name](shop)
    with shop.counting() as seen:
        if name == "with other content":
            with pytest.raises(IdempotencyConflict):
                shop.statements_of(request)
        else:
            shop.statements_of(request)
    assert len(seen) == shop.budget(REPLAYS[name]), "\n".join(seen)


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_takes_exactly_its_budget(shop: Shop, name: str) -> None:
    """Refusing costs less than doing: a guesser of codes is cheap to turn away."""
    request = REFUSED[name](shop)
    with shop.counting() as seen, pytest.raises(LoyaltyError):
        shop.statements_of(request)
    assert len(seen) == shop.budget(REFUSALS[name]), "\n".join(seen)


@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_code_takes_the_same_statements(shop: Shop, name: str) -> None:
    """Unknown, malformed, blocked, expired, pending, deactivated, somebody else's: word for word the same work."""
    wrong = WrongCodes.made(shop.storage)

    def statements_of(code: str, key: str) -> tuple[list[str], ...]:
        """Return the statements of paying with a code, of reserving for it, and of asking for its balance."""
        error = WRONG[name] if key == name else GiftCardNotFound
        paying = RedeemGiftCard(code=code, amount=usd("1.00"), order_id="1", customer_id="ada", idempotency_key=key)
        with shop.counting() as paid, pytest.raises(error):
            wrong.shop.execute(paying)
        holding = PlaceHold(
            codes=(code,), amount_due=usd("1.00"), order_id="1", customer_id="ada", idempotency_key=f"held: {key}"
        )
        with shop.counting() as held, pytest.raises(error):
            wrong.shop.execute(holding)
        with shop.counting() as looked, pytest.raises(error):
            wrong.shop.ask(GetBalance(code=code, customer_id="ada"))
        return paid, held, looked

    expected = statements_of(wrong.codes["unknown"], "a code that nobody issued")
    assert expected == statements_of(wrong.codes[name], name)
    paid, _, looked = map(len, expected)
    assert (shop.budget(REFUSALS["an unknown code"]), 1) == (paid, looked)


@pytest.mark.parametrize("name", WITH_LIMITS)
def test_limits_take_exactly_their_budget(shop: Shop, name: str) -> None:
    """A shop with limits asks what was spent before, and no more than that."""
    limits = SpendingLimits(per_card=usd("90"), per_order=usd("90"), per_customer_and_day=usd("90"))
    bounded = Loyalty(shop.storage, code_keys=KEYS, clock=shop.clock, policies=Policies(limits=limits))
    request = CASES[name](shop)
    if isinstance(request, PlaceHold | RedeemGiftCard):
        request = attrs.evolve(request, customer_id="ada")
    seen = attrs.evolve(shop, loyalty=bounded).statements_of(request)
    assert len(seen) == shop.budget(WITH_LIMITS[name]), "\n".join(seen)


def test_a_redeem_keeps_the_promise_on_every_database() -> None:
    """At most five statements take value from a card, besides BEGIN and COMMIT."""
    assert max(COMMANDS["RedeemGiftCard"] + COMMANDS["RedeemGiftCard by its id"]) <= MOST_FOR_A_REDEEM


def test_holds_keep_the_promise_on_every_database() -> None:
    """At most six statements place a hold or capture it, besides BEGIN and COMMIT."""
    assert max(COMMANDS["PlaceHold"] + COMMANDS["PlaceHold over five tenders"]) <= MOST_FOR_A_HOLD
    assert max(COMMANDS["CaptureHold"] + COMMANDS["CaptureHold over five tenders"]) <= MOST_FOR_A_HOLD


def test_statements_do_not_grow_with_resolved_holds(shop: Shop) -> None:
    """On a card of which 500 holds were captured, voided or left to lapse, each takes the same as after 5."""

    def on_cards_with(holds: int) -> list[list[str]]:
        issued = shop.issue()
        with shop.storage.engine.begin() as connection:
            joined = shop.loyalty.using(shop.storage.joining(connection))
            for number in range(holds):
                shop.clock.advance(DAY)  # the one before has lapsed, if nothing else became of it
                placed = joined.execute(_hold_on(shop, issued, f"{holds}-{number}"))
                if number % 3:
                    kind: type[Command[Any]] = CaptureHold if number % 3 == 1 else VoidHold
                    joined.execute(kind(hold_id=placed.id, idempotency_key=shop.key()))  # type: ignore[call-arg]  # both
        seen = [shop.statements_of(_hold_on(shop, issued, f"last-{holds}"))]
        hold = shop.loyalty.ask(GetHold(order_id=f"last-{holds}"))
        requests: list[Request] = [
            GetHold(id=hold.id),
            PlanPayment(amount_due=usd("9.00"), gift_card_ids=(issued.gift_card.id,), order_id=f"last-{holds}"),
            AdjustHold(hold_id=hold.id, amount_due=usd("0.02"), idempotency_key=shop.key()),
            CaptureHold(hold_id=hold.id, idempotency_key=shop.key()),
            shop.redeeming(issued, "0.01"),
        ]
        return seen + [shop.statements_of(request) for request in requests]

    assert on_cards_with(5) == on_cards_with(500)


def _hold_on(shop: Shop, issued: IssuedGiftCard, order_id: str) -> PlaceHold:
    named = (issued.gift_card.id,)
    return PlaceHold(order_id=order_id, amount_due=usd("0.01"), gift_card_ids=named, idempotency_key=shop.key())


def test_statements_of_holds_do_not_grow_with_tenders(shop: Shop) -> None:
    """Placing, adjusting, capturing, voiding and showing a hold over five cards takes as many as over one."""
    counts = []
    for tenders in (1, 5):
        placed = len(shop.statements_of(holding(shop, tenders, f"placed-{tenders}")))
        hold = shop.loyalty.ask(GetHold(order_id=f"placed-{tenders}"))
        requests: list[Request] = [
            GetHold(id=hold.id),
            AdjustHold(hold_id=hold.id, amount_due=usd(f"{tenders}.50"), idempotency_key=shop.key()),
            CaptureHold(hold_id=hold.id, idempotency_key=shop.key()),
        ]
        counts.append([placed, *(len(shop.statements_of(request)) for request in requests)])
        voided = shop.loyalty.execute(holding(shop, tenders, f"voided-{tenders}"))
        counts[-1].append(len(shop.statements_of(VoidHold(hold_id=voided.id, idempotency_key=shop.key()))))
    assert counts[0] == counts[1]


def test_statements_do_not_grow_with_history(shop: Shop) -> None:
    """After 500 transfers each command and query takes the same statements as after 5, word for word."""

    def on_accounts_with(transfers: int) -> dict[str, list[str]]:
        issued, customer = shop.with_history(transfers), f"customer-{transfers}"
        requests: tuple[Request, ...] = (
            shop.redeeming(issued),
            RefundRedemption(order_id=f"last-{transfers}", amount=usd("0.50"), idempotency_key=shop.key()),
            GetBalance(code=issued.code),
            shop.debiting(customer),
            attrs.evolve(granting(shop), customer_id=customer),
            PayWithBalances(
                order_id="new",
                amount_due=usd("6.00"),
                codes=(issued.code,),
                customer_id=customer,
                idempotency_key=shop.key(),
            ),
            BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()),
            UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=shop.key()),
            ClaimGiftCard(code=issued.code, customer_id=customer, idempotency_key=shop.key()),
            ConvertGiftCard(code=issued.code, customer_id=customer, idempotency_key=shop.key()),
            GetStoreCreditAccount(customer_id=customer, currency="USD"),
        )
        return {type(request).__name__: shop.statements_of(request) for request in requests}

    assert on_accounts_with(5) == on_accounts_with(500)


def test_statements_do_not_grow_with_tenders(shop: Shop) -> None:
    """A payment over five tenders takes as many statements as a payment over one."""
    assert len(shop.statements_of(paying(shop, 1))) == len(shop.statements_of(paying(shop, 5)))


def test_statements_do_not_grow_with_the_parts_of_a_refund(shop: Shop) -> None:
    """A refund of an order that five tenders paid takes as many statements as of one that one tender paid."""
    counts = []
    for number, tenders in enumerate((1, 5)):
        shop.loyalty.execute(attrs.evolve(paying(shop, tenders), order_id=f"order-{number}"))
        command = RefundRedemption(order_id=f"order-{number}", amount=usd("1.00"), idempotency_key=shop.key())
        counts.append(len(shop.statements_of(command)))
    assert counts[0] == counts[1]
