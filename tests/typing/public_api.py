"""
What a type checker knows about the public calls. Never run: ``mypy --strict`` reads it.

Each line says that a command or query answers with exactly this type, without a cast and without a table of types.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import assert_type

from moneyed import Money

from loyalty import (
    ALL,
    AccountStatement,
    ActivateGiftCards,
    Activation,
    AdjustHold,
    Adjustment,
    AdjustValue,
    AnnounceExpiringGiftCards,
    AsyncEventSink,
    AsyncEventWorker,
    AsyncLoyalty,
    Audit,
    AuditReport,
    Balance,
    BatchCode,
    BlockGiftCard,
    BlockStoreCreditAccount,
    Capture,
    CaptureHold,
    CardOrders,
    CardPayment,
    CardReversal,
    CardsOfOrder,
    CashOut,
    CashOutDue,
    CashOutGiftCard,
    ChangeGiftCardExpiry,
    ChangeGiftRecipient,
    ClaimGiftCard,
    CloseStoreCreditAccount,
    CodeFormat,
    CodeKeys,
    Conversion,
    ConvertGiftCard,
    CreditRefund,
    CurrencyMovements,
    CustomerMerge,
    DeactivateGiftCard,
    DeadLetter,
    DeadLetterPage,
    Debit,
    DebitStoreCredit,
    DefineGiftCardProduct,
    Delivered,
    Denomination,
    Direction,
    DueCashOut,
    Entry,
    EraseCustomer,
    Erasure,
    EventSink,
    EventWorker,
    Expired,
    ExpireValue,
    ExpiringGiftCard,
    ExpiringGiftCardPage,
    ExpiryAnnounced,
    FindGiftCard,
    GetBalance,
    GetGift,
    GetGiftCard,
    GetGiftCardBatch,
    GetGiftCardProduct,
    GetHold,
    GetStoreCreditAccount,
    GiftCardBatchView,
    GiftCardLine,
    GiftCardOrder,
    GiftCardPage,
    GiftCardProduct,
    GiftCardRow,
    GiftCardSort,
    GiftCardTender,
    GiftCardTotals,
    GiftCardView,
    GiftSending,
    GiftsStarted,
    GiftStatus,
    GiftView,
    Grant,
    GrantStoreCredit,
    HoldStatus,
    HoldView,
    ImportGiftCards,
    ImportReport,
    IssuedGiftCard,
    IssueGiftCard,
    IssueGiftCardBatch,
    IssueGiftCardsForOrder,
    Lapsed,
    LapseHolds,
    LastDay,
    Liability,
    LiabilityReport,
    ListDeadLetters,
    ListExpiringGiftCards,
    ListGiftCardProducts,
    ListGiftCards,
    ListStoreCreditAccounts,
    ListTenders,
    LotOrigin,
    Loyalty,
    MemoryStorage,
    MergeCustomers,
    Movements,
    OpenAmount,
    OpenStoreCreditAccount,
    OrderCards,
    OrderGiftCards,
    OrderLine,
    OrdersOfCard,
    OutgoingEvent,
    Payment,
    PaymentPlan,
    PayWithBalances,
    PlaceHold,
    PlannedRefund,
    PlanPayment,
    Policies,
    PrepaidTax,
    ProductPage,
    ProductStatus,
    Recipient,
    RedeemGiftCard,
    Redelivery,
    Redemption,
    Reference,
    Refund,
    RefundAsGiftCard,
    RefundOrderToStoreCredit,
    RefundRedemption,
    RefundTender,
    RefusedTender,
    Region,
    ReinstateGiftCard,
    Reinstatement,
    Reload,
    ReloadGiftCard,
    ReplaceGiftCardCode,
    RescheduleGift,
    ResendGiftCard,
    RetireGiftCardProduct,
    RetriedEvent,
    RetryDeadLetter,
    RevealBatchCodes,
    RevealedBatchCodes,
    RevealGiftCardCode,
    Reversal,
    ReversalCause,
    ReverseGiftCardSale,
    ReverseTransfer,
    ReviseDenominations,
    SaleReversal,
    StartDueGifts,
    Statement,
    StoreCreditPage,
    StoreCreditSort,
    StoreCreditTotals,
    StoreCreditTransfer,
    StoreCreditView,
    TenderPart,
    Tenders,
    Term,
    TransferStoreCredit,
    UnblockGiftCard,
    UnblockStoreCreditAccount,
    UnreadableRow,
    UpdateGiftCard,
    VoidHold,
    end_of_day,
    gift_card_rows,
    in_proportion,
    other_tenders_first,
    plan_refund,
    prepaid_tax,
    resolve_tax_rate,
    reverse_order_of_use,
)
from loyalty.adapters.sqlalchemy import AsyncSqlAlchemyStorage
from loyalty.adapters.threaded import ThreadedStorage
from loyalty.identifiers import AccountId, GiftCardId, HoldId, TransferId


def clock() -> datetime:
    """Answer the present time of a host's own clock."""
    return datetime(2026, 3, 1, tzinfo=UTC)


loyalty = Loyalty(
    MemoryStorage(),
    code_keys=CodeKeys.generate(),
    clock=clock,
    policies=Policies(),
    code_format=CodeFormat(prefix="SHOP"),
    new_id=lambda: "id",
)
money = Money("5.00", "USD")

# --- commands ---------------------------------------------------------------

issued = loyalty.execute(
    IssueGiftCard(
        value=money,
        expires_at=clock(),
        tax_rate="19",
        tags=("a",),
        metadata={"a": 1},
        reference=Reference("ticket", "77"),
        idempotency_key="k",
    )
)
assert_type(issued, IssuedGiftCard)
assert_type(issued.code, str)
assert_type(issued.gift_card, GiftCardView)
assert_type(issued.gift_card.id, GiftCardId)
assert_type(issued.gift_card.account_id, AccountId)
assert_type(issued.gift_card.value, Money)

assert_type(
    loyalty.execute(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="k")),
    GiftCardView,
)
conversion = loyalty.execute(ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key="k"))
assert_type(conversion, Conversion)
assert_type(conversion.account, StoreCreditView)

redemption = loyalty.execute(RedeemGiftCard(code=issued.code, amount=money, order_id="1", idempotency_key="k"))
assert_type(redemption, Redemption)
assert_type(redemption.id, TransferId)
assert_type(redemption.balance_after, Money)
assert_type(
    loyalty.execute(RedeemGiftCard(gift_card_id=issued.gift_card.id, amount=money, order_id="1", idempotency_key="k")),
    Redemption,
)

assert_type(loyalty.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="k")), Refund)
assert_type(loyalty.execute(RefundRedemption(redemption_id=redemption.id, amount=money, idempotency_key="k")), Refund)
assert_type(loyalty.execute(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="k")), GiftCardView)
assert_type(loyalty.execute(UnblockGiftCard(code=issued.code, idempotency_key="k")), GiftCardView)
assert_type(loyalty.execute(DeactivateGiftCard(code=issued.code, idempotency_key="k")), GiftCardView)
assert_type(
    loyalty.execute(
        ChangeGiftCardExpiry(code=issued.code, expires_at=None, actor="staff", reason="law", idempotency_key="k")
    ),
    GiftCardView,
)
assert_type(
    loyalty.execute(
        ReinstateGiftCard(code=issued.code, expires_at=None, actor="staff", reason="grace", idempotency_key="k")
    ),
    Reinstatement,
)
assert_type(loyalty.execute(CashOutGiftCard(code=issued.code, jurisdiction="US-CA", idempotency_key="k")), CashOut)
assert_type(loyalty.ask(CashOutDue(gift_card_id=issued.gift_card.id)), DueCashOut)
reload = loyalty.execute(ReloadGiftCard(code=issued.code, amount=money, expires_at=clock(), idempotency_key="k"))
assert_type(reload, Reload)
assert_type(reload.transfer, Entry)
assert_type(loyalty.execute(ReplaceGiftCardCode(code=issued.code, idempotency_key="k")), IssuedGiftCard)
assert_type(
    loyalty.execute(
        UpdateGiftCard(
            gift_card_id=issued.gift_card.id,
            edition=issued.gift_card.edition,
            note=None,
            tags=("a",),
            metadata={"a": 1},
            idempotency_key="k",
        )
    ),
    GiftCardView,
)
rows = gift_card_rows("source_id,value,currency,code\n1,5.00,USD,OLD-CARD-00001")
assert_type(rows, tuple[GiftCardRow | UnreadableRow, ...])
assert_type(loyalty.execute(ImportGiftCards(source="old", rows=rows, idempotency_key="k")), ImportReport)
batch = loyalty.execute(IssueGiftCardBatch(count=2, value=money, idempotency_key="k"))
assert_type(batch, GiftCardBatchView)
revealed = loyalty.execute(RevealBatchCodes(batch_id=batch.id, actor="a printer", idempotency_key="k"))
assert_type(revealed, RevealedBatchCodes)
assert_type(revealed.codes, tuple[BatchCode, ...])
assert_type(loyalty.ask(GetGiftCardBatch(id=batch.id)), GiftCardBatchView)
assert_type(
    loyalty.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="k")),
    StoreCreditView,
)
assert_type(
    loyalty.execute(OpenStoreCreditAccount(customer_id="ada", currency=money.currency, idempotency_key="k")),
    StoreCreditView,
)

grant = loyalty.execute(
    GrantStoreCredit(customer_id="ada", amount=money, origin=LotOrigin.GOODWILL, idempotency_key="k")
)
assert_type(grant, Grant)
assert_type(grant.account.id, AccountId)
assert_type(grant.transfer, Entry)
assert_type(grant.transfer.id, TransferId)

debit = loyalty.execute(DebitStoreCredit(account_id=grant.account.id, amount=money, idempotency_key="k"))
assert_type(debit, Debit)
assert_type(debit.account, StoreCreditView)

assert_type(loyalty.execute(BlockStoreCreditAccount(account_id=grant.account.id, idempotency_key="k")), StoreCreditView)
assert_type(
    loyalty.execute(UnblockStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="k")), StoreCreditView
)
assert_type(loyalty.execute(CloseStoreCreditAccount(account_id=grant.account.id, idempotency_key="k")), StoreCreditView)
moved = loyalty.execute(
    TransferStoreCredit(amount=money, from_account_id=grant.account.id, to_customer_id="bob", idempotency_key="k")
)
assert_type(moved, StoreCreditTransfer)
assert_type(moved.target, StoreCreditView)
assert_type(moved.transfer_id, TransferId)

merged = loyalty.execute(MergeCustomers(from_customer_id="ada", into_customer_id="bob", idempotency_key="k"))
assert_type(merged, CustomerMerge)
assert_type(merged.accounts, tuple[StoreCreditView, ...])
assert_type(merged.accounts[0].successor_id, AccountId | None)
assert_type(merged.gift_card_ids, tuple[GiftCardId, ...])

assert_type(loyalty.execute(EraseCustomer(customer_id="ada", known_as=("ada@example.com",))), Erasure)

payment = loyalty.execute(
    PayWithBalances(order_id="1", amount_due=money, codes=(issued.code,), customer_id="ada", idempotency_key="k")
)
assert_type(payment, Payment)
assert_type(payment.parts, tuple[Redemption, ...])

held = loyalty.execute(
    PlaceHold(
        order_id="1",
        amount_due=money,
        codes=(issued.code,),
        tenders=(GiftCardTender(gift_card_id=issued.gift_card.id, at_most=money, priority=-1),),
        customer_id="ada",
        store_credit_at_most=money,
        lines=(OrderLine(id="a", amount=money, tags=("wine",)),),
        lapses_after=timedelta(minutes=15),
        idempotency_key="k",
    )
)
assert_type(held, HoldView)
assert_type(held.id, HoldId)
assert_type(held.amount, Money)
assert_type(held.remaining_due, Money)
assert_type(held.parts, tuple[TenderPart, ...])
assert_type(held.parts[0].gift_card_id, GiftCardId | None)
assert_type(held.lapses_at, datetime)
assert_type(held.status, HoldStatus)
assert_type(held.replaced_id, HoldId | None)
assert_type(loyalty.execute(AdjustHold(hold_id=held.id, amount_due=money, idempotency_key="k")), HoldView)

capture = loyalty.execute(CaptureHold(hold_id=held.id, amount=ALL, idempotency_key="k"))
assert_type(capture, Capture)
assert_type(capture.amount, Money)
assert_type(capture.released, Money)
assert_type(capture.parts, tuple[Redemption, ...])
assert_type(loyalty.execute(CaptureHold(hold_id=held.id, amount=money, idempotency_key="k")), Capture)
assert_type(loyalty.execute(VoidHold(hold_id=held.id, order_id="1", idempotency_key="k")), HoldView)

lapsed = loyalty.execute(LapseHolds(limit=100))
assert_type(lapsed, Lapsed)
assert_type(lapsed.amounts, tuple[Money, ...])

adjustment = loyalty.execute(
    AdjustValue(
        gift_card_id=issued.gift_card.id,
        amount=money,
        direction=Direction.DEBIT,
        reason="a mistake",
        actor="staff/7",
        idempotency_key="k",
    )
)
assert_type(adjustment, Adjustment)
assert_type(adjustment.transfer, Entry)

reversal = loyalty.execute(
    ReverseTransfer(transfer_id=grant.transfer.id, reason="a mistake", actor="staff/7", idempotency_key="k")
)
assert_type(reversal, Reversal)
assert_type(reversal.entries, tuple[Entry, ...])

credit_refund = loyalty.execute(
    RefundOrderToStoreCredit(order_id="1", customer_id="ada", amount=money, refundable=money, idempotency_key="k")
)
assert_type(credit_refund, CreditRefund)
assert_type(credit_refund.still_refundable, Money)
assert_type(
    loyalty.execute(RefundAsGiftCard(order_id="1", amount=money, refundable=money, idempotency_key="k")),
    IssuedGiftCard,
)

product = loyalty.execute(
    DefineGiftCardProduct(
        title="Gift card",
        denominations=[Denomination(variant_id="25", prices=money, face_values=[money])],
        open_amounts=(OpenAmount(minimum=money, maximum=money),),
        term=Term(years=3, until_year_end=True, time_zone="Europe/Berlin"),
        tax_rate="19",
        idempotency_key="k",
    )
)
assert_type(product, GiftCardProduct)
assert_type(product.denominations[0].face_value("USD"), Money | None)
assert_type(product.status, ProductStatus)
assert_type(product.term, Term | None)
assert_type(
    loyalty.execute(ReviseDenominations(product_id=product.id, version=1, retire=["25"], idempotency_key="k")),
    GiftCardProduct,
)
assert_type(loyalty.execute(RetireGiftCardProduct(product_id=product.id, idempotency_key="k")), GiftCardProduct)
order = GiftCardOrder(
    order_id="1",
    placed_at=clock(),
    lines=[GiftCardLine(line_id="a", product_id=product.id, variant_id="25", quantity=2, paid=money)],
    region=Region(id="eu", taxes_gift_cards=True),
    tax_rate="19",
)
sold = loyalty.execute(IssueGiftCardsForOrder(order=order, active_from=clock(), idempotency_key="k"))
assert_type(sold, OrderGiftCards)
assert_type(sold.gift_cards, tuple[IssuedGiftCard, ...])
activation = loyalty.execute(ActivateGiftCards(order_id="1", idempotency_key="k"))
assert_type(activation, Activation)
assert_type(activation.gift_cards, tuple[GiftCardView, ...])
undone = loyalty.execute(ReverseGiftCardSale(order_id="1", cause=ReversalCause.REFUND, idempotency_key="k"))
assert_type(undone, SaleReversal)
assert_type(undone.cards, tuple[CardReversal, ...])
assert_type(undone.cards[0].spent, Money)
assert_type(loyalty.ask(GetGiftCardProduct(id=product.id)), GiftCardProduct)
assert_type(loyalty.ask(ListGiftCardProducts(on_sale=True)), ProductPage)
assert_type(loyalty.ask(ListGiftCardProducts()).products, tuple[GiftCardProduct, ...])
assert_type(end_of_day(date(2031, 12, 31), "Europe/Berlin"), datetime)
assert_type(loyalty.ask(GetGiftCard(id=issued.gift_card.id)).last_day, LastDay | None)

expired = loyalty.execute(ExpireValue(limit=100))
assert_type(expired, Expired)
assert_type(expired.amounts, tuple[Money, ...])
assert_type(expired.is_done, bool)

# --- queries ----------------------------------------------------------------

assert_type(loyalty.ask(GetGiftCard(id=issued.gift_card.id)), GiftCardView)
assert_type(loyalty.ask(FindGiftCard(code=issued.code)), GiftCardView)
balance = loyalty.ask(GetBalance(code=issued.code))
assert_type(balance, Balance)
assert_type(balance.expires_at, datetime | None)
assert_type(loyalty.ask(GetStoreCreditAccount(account_id=grant.account.id)), StoreCreditView)
assert_type(loyalty.ask(GetStoreCreditAccount(customer_id="ada", currency="USD")), StoreCreditView)

statement = loyalty.ask(Statement(account_id=grant.account.id, limit=10))
assert_type(statement, AccountStatement)
assert_type(statement.entries, tuple[Entry, ...])
assert_type(statement.next_after, int | None)

plan = loyalty.ask(PlanPayment(amount_due=money, codes=(issued.code,), customer_id="ada"))
assert_type(plan, PaymentPlan)
assert_type(plan.parts, tuple[TenderPart, ...])
assert_type(plan.covered, Money)
assert_type(plan.remaining_due, Money)
assert_type(plan.refused, tuple[RefusedTender, ...])
assert_type(plan.refused[0].position, int | None)

tenders = loyalty.ask(ListTenders(customer_id="ada", currency="USD"))
assert_type(tenders, Tenders)

cards = loyalty.ask(ListGiftCards(text="ada", sort=GiftCardSort.EXPIRES, descending=True, with_totals=True))
assert_type(cards, GiftCardPage)
assert_type(cards.gift_cards, tuple[GiftCardView, ...])
assert_type(cards.next_after, str | None)
assert_type(cards.totals, tuple[GiftCardTotals, ...] | None)
assert_type(loyalty.stream(ListGiftCards()), Iterator[GiftCardView])
accounts = loyalty.ask(ListStoreCreditAccounts(sort=StoreCreditSort.BALANCE))
assert_type(accounts, StoreCreditPage)
assert_type(accounts.totals, tuple[StoreCreditTotals, ...] | None)
assert_type(loyalty.stream(ListStoreCreditAccounts()), Iterator[StoreCreditView])
ending = loyalty.ask(ListExpiringGiftCards(within=timedelta(days=30)))
assert_type(ending, ExpiringGiftCardPage)
assert_type(ending.expiring, tuple[ExpiringGiftCard, ...])
assert_type(loyalty.stream(ListExpiringGiftCards(within=timedelta(days=30))), Iterator[ExpiringGiftCard])
assert_type(tenders.store_credit, StoreCreditView | None)
assert_type(loyalty.ask(GetHold(id=held.id)), HoldView)
assert_type(loyalty.ask(GetHold(order_id="1")), HoldView)

assert_type(loyalty.ask(CardsOfOrder(order_id="1")), OrderCards)
assert_type(loyalty.ask(OrdersOfCard(gift_card_id=issued.gift_card.id)), CardOrders)

liability = loyalty.ask(Liability(as_of=clock()))
assert_type(liability, LiabilityReport)
assert_type(liability.total["USD"], Money)
assert_type(liability.by_origin["USD"][LotOrigin.REFUND], Money)

assert_type(loyalty.ask(Movements(since=clock())), tuple[CurrencyMovements, ...])

report = loyalty.ask(Audit())
assert_type(report, AuditReport)
assert_type(report.is_clean, bool)

assert_type(loyalty.using(MemoryStorage()), Loyalty)

# --- plans and taxes --------------------------------------------------------

tender = RefundTender(id="card", captured=money, refunded=Money(0, "USD"), is_stored_value=False)
for strategy in (other_tenders_first, reverse_order_of_use, in_proportion, Policies().refund_routing):
    assert_type(plan_refund((tender,), ALL, strategy), tuple[PlannedRefund, ...])

region = Region(id="de", taxes_gift_cards=True, tax_rate="19")
assert_type(region.tax_rate, Decimal | None)
assert_type(resolve_tax_rate(region, None), Decimal | None)
assert_type(loyalty.execute(IssueGiftCard(value=money, region=region, idempotency_key="k")), IssuedGiftCard)
assert_type(
    prepaid_tax([CardPayment(gift_card_id=issued.gift_card.id, amount=money, tax_rate=region.tax_rate)]),
    tuple[PrepaidTax, ...],
)
# --- awaited ----------------------------------------------------------------


async def awaited() -> None:
    """The same types, awaited."""
    lifted = AsyncLoyalty(ThreadedStorage(MemoryStorage()), code_keys=CodeKeys.generate())
    assert_type(lifted.stream(ListGiftCards()), AsyncIterator[GiftCardView])
    assert_type(await lifted.execute(IssueGiftCard(value=money, idempotency_key="k")), IssuedGiftCard)
    assert_type(await lifted.execute(ExpireValue()), Expired)
    assert_type(await lifted.ask(Audit()), AuditReport)
    storage = AsyncSqlAlchemyStorage("postgresql+asyncpg://shop@db.example/shop")
    async with storage.engine.begin() as connection:
        assert_type(lifted.using(storage.joining(connection)), AsyncLoyalty)
    AsyncLoyalty(MemoryStorage(), code_keys=CodeKeys.generate())  # type: ignore[arg-type]  # it blocks
    Loyalty(storage, code_keys=CodeKeys.generate())  # type: ignore[arg-type]  # it must be awaited


# --- what a type checker must refuse ----------------------------------------
# Each ignore below is needed: with ``warn_unused_ignores`` an accepted mistake fails the check.

loyalty.ask(ExpireValue())  # type: ignore[arg-type]  # a sweep is no question
loyalty.execute(Audit())  # type: ignore[arg-type]  # a question is no command
RedeemGiftCard(code=issued.code, amount=money, order_id="1")  # type: ignore[call-arg]  # the key is required
RedeemGiftCard(code=issued.code, amount=5.0, order_id="1", idempotency_key="k")  # type: ignore[arg-type]  # no float
RefundRedemption(order_id="1", amount="ALL", idempotency_key="k")  # type: ignore[arg-type]  # ALL is a symbol
ReverseTransfer(transfer_id="1", actor="staff/7", idempotency_key="k")  # type: ignore[call-arg]  # why?
ReverseTransfer(transfer_id="1", actor=None, reason="why", idempotency_key="k")  # type: ignore[arg-type]  # who?
PlaceHold(order_id="1", amount_due=money, lapses_after=900, idempotency_key="k")  # type: ignore[arg-type]  # seconds?
CaptureHold(hold_id=held.id, amount=None, idempotency_key="k")  # type: ignore[arg-type]  # None is not everything
VoidHold(order_id="1", idempotency_key="k")  # type: ignore[call-arg]  # which hold?
GrantStoreCredit(customer_id="ada", amount=money, origin="gift", idempotency_key="k")  # type: ignore[arg-type]
issued.gift_card.value = money  # type: ignore[misc]  # frozen

shown_again = loyalty.execute(RevealGiftCardCode(gift_card_id="c", actor="staff/7", idempotency_key="k"))
assert_type(shown_again, IssuedGiftCard)
recipient = Recipient(address="ada@example.com", send_at=datetime(2026, 12, 24, 18), time_zone="Europe/Berlin")  # noqa: DTZ001
assert_type(recipient.sends_at, datetime | None)
assert_type(loyalty.execute(IssueGiftCard(value=money, recipient=recipient, idempotency_key="k")), IssuedGiftCard)
assert_type(loyalty.execute(ResendGiftCard(gift_card_id="c", idempotency_key="k")), GiftSending)
assert_type(
    loyalty.execute(RescheduleGift(gift_card_id="c", send_at=datetime(2026, 12, 24, tzinfo=UTC), idempotency_key="k")),
    GiftSending,
)
sending = loyalty.execute(ChangeGiftRecipient(gift_card_id="c", recipient=recipient, idempotency_key="k"))
assert_type(sending, GiftSending)
assert_type(sending.status, GiftStatus)
assert_type(loyalty.execute(StartDueGifts()), GiftsStarted)
assert_type(loyalty.execute(AnnounceExpiringGiftCards(within=timedelta(days=30))), ExpiryAnnounced)
assert_type(loyalty.execute(RetryDeadLetter(event_id="e", idempotency_key="k")), RetriedEvent)
assert_type(loyalty.ask(ListDeadLetters()), DeadLetterPage)
assert_type(loyalty.stream(ListDeadLetters()), Iterator[DeadLetter])


class Sink:
    """Takes events."""

    def deliver(self, outgoing: OutgoingEvent) -> None:
        """Take one."""
        assert_type(outgoing.attempt, int)


sink: EventSink = Sink()
assert_type(loyalty.deliver_events(sink, limit=10, redelivery=Redelivery(attempts=3)), Delivered)
loyalty.deliver_events(print)  # type: ignore[arg-type]  # a function is no sink
EventWorker(loyalty=loyalty, sink=sink, sweeps=(StartDueGifts(),)).run(threading.Event())


class AsyncSink:
    """Takes events in an event loop."""

    async def deliver(self, outgoing: OutgoingEvent) -> None:
        """Take one."""


async_sink: AsyncEventSink = AsyncSink()
loyalty.deliver_events(async_sink)  # type: ignore[arg-type]  # nobody would await it


async def deliver_in_a_loop(door: AsyncLoyalty) -> None:
    """Both kinds of sinks are taken."""
    assert_type(await door.deliver_events(async_sink), Delivered)
    assert_type(await door.deliver_events(sink), Delivered)
    await AsyncEventWorker(loyalty=door, sink=async_sink).run(asyncio.Event())


assert_type(loyalty.ask(GetGift(gift_card_id="c")), GiftView)
