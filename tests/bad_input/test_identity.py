"""Unknown, foreign and reused names, wrong objects, and clocks that do not say where they are."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import attrs
import pytest
from moneyed import Money

import loyalty
from loyalty import (
    ALL,
    ActivateGiftCards,
    AdjustHold,
    AdjustValue,
    Audit,
    BlockGiftCard,
    BlockStoreCreditAccount,
    CaptureHold,
    CashOutGiftCard,
    ChangeGiftCardExpiry,
    ChangeGiftRecipient,
    ClaimGiftCard,
    CloseStoreCreditAccount,
    CodeKeys,
    ConvertGiftCard,
    DeactivateGiftCard,
    DebitStoreCredit,
    DefineGiftCardProduct,
    Denomination,
    Direction,
    ExpireValue,
    GetBalance,
    GetGiftCard,
    GetHold,
    GiftCardLine,
    GiftCardOrder,
    GiftCardRow,
    GrantStoreCredit,
    ImportGiftCards,
    IssueGiftCard,
    IssueGiftCardBatch,
    IssueGiftCardsForOrder,
    LotOrigin,
    Loyalty,
    MemoryStorage,
    MergeCustomers,
    OpenAmount,
    OpenStoreCreditAccount,
    OrdersOfCard,
    PayWithBalances,
    PlaceHold,
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
    Statement,
    TransferStoreCredit,
    UnblockGiftCard,
    UnblockStoreCreditAccount,
    UpdateGiftCard,
    VoidHold,
    us_cash_out,
)
from loyalty.codes.code import GiftCardCode
from loyalty.errors import (
    AlreadyClaimed,
    ClaimedByAnother,
    CurrencyMismatch,
    EventNotFound,
    GiftCardBatchNotFound,
    GiftCardNotFound,
    HoldClosed,
    HoldNotFound,
    IdempotencyConflict,
    InsufficientBalance,
    InvalidRequest,
    InvalidTime,
    LoyaltyError,
    MalformedCode,
    NotFound,
    RedemptionNotFound,
    RefundTooLarge,
    StoreCreditAccountNotFound,
)
from loyalty.testing import give_up_one
from loyalty.use_cases.command import Command, Request, Sweep
from tests.bad_input.values import TEN_MEGABYTES
from tests.use_cases.checkout import hold
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, Shop, usd

UNKNOWN: Final[Any] = "nobody has this id"
PAYS_OUT: Final = Policies(cash_out=us_cash_out)
EURO: Final = Money("1.00", "EUR")
_BO: Final = Recipient(address="bo@example.com")


def one_of_each(shop: Shop, key: str) -> list[Any]:
    """Return one command of every kind, each of which would succeed, all under one key."""
    over = shop.issue("7.00", expires_at=shop.clock.now + MICROSECOND)
    paid = shop.issue("7.00", origin=LotOrigin.PURCHASED)
    shop.clock.advance(MICROSECOND)
    issued, given = shop.issue("50.00"), shop.issue("7.00", recipient=_BO)
    shop.redeem(issued, "5.00", f"order of {issued.gift_card.id}")
    granted = shop.grant("20.00")
    shop.execute(OpenStoreCreditAccount(customer_id="cy", currency="USD", idempotency_key=shop.key()))
    held = [
        hold(shop, "2.00", codes=[issued.code], order_id=f"held {number} {issued.gift_card.id}") for number in (1, 2, 3)
    ]
    product_id, any_amount = f"product {issued.gift_card.id}", OpenAmount(minimum=usd("1"), maximum=usd("99"))
    shop.execute(
        DefineGiftCardProduct(
            title="Card", product_id=product_id, open_amounts=[any_amount], idempotency_key=shop.key()
        )
    )
    line = GiftCardLine(line_id="a", product_id=product_id, amount=usd("10.00"), paid=usd("10.00"))
    order = GiftCardOrder(order_id=product_id, placed_at=NOW, lines=[line])
    shop.execute(IssueGiftCardsForOrder(order=order, idempotency_key=shop.key()))
    batch = shop.execute(IssueGiftCardBatch(count=2, value=usd("5.00"), idempotency_key=shop.key()))
    by_staff: dict[str, Any] = {"actor": "staff/7", "reason": "a mistake"}
    returned: dict[str, Any] = {"order_id": "4", "amount": usd("5"), "refundable": usd("9")}
    return [
        IssueGiftCard(value=usd("5.00"), idempotency_key=key),
        IssueGiftCardBatch(count=2, value=usd("5.00"), idempotency_key=key),
        RevealBatchCodes(batch_id=batch.id, actor="a printer", idempotency_key=key),
        ImportGiftCards(
            source="old",
            rows=[
                GiftCardRow(
                    source_id=batch.id,
                    value=usd("5.00"),
                    code_digest=KEYS.digest(GiftCardCode.of(f"OLD{batch.id}")),
                    code_key_id=KEYS.current_id,
                    last_four="ABCD",
                )
            ],
            idempotency_key=key,
        ),
        ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key=key),
        ConvertGiftCard(code=issued.code, customer_id="ada", idempotency_key=key),
        RedeemGiftCard(code=issued.code, amount=usd("5.00"), order_id="2", idempotency_key=key),
        RefundRedemption(order_id=f"order of {issued.gift_card.id}", amount=ALL, idempotency_key=key),
        BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=key),
        UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=key),
        RevealGiftCardCode(gift_card_id=issued.gift_card.id, actor="staff/7", idempotency_key=key),
        RetryDeadLetter(event_id=give_up_one(shop.loyalty), idempotency_key=key),
        ResendGiftCard(gift_card_id=given.gift_card.id, idempotency_key=key),
        RescheduleGift(gift_card_id=given.gift_card.id, send_at=NOW, idempotency_key=key),
        ChangeGiftRecipient(gift_card_id=given.gift_card.id, recipient=_BO, idempotency_key=key),
        UpdateGiftCard(
            gift_card_id=issued.gift_card.id, edition=1, note="a", tags=("b",), metadata={}, idempotency_key=key
        ),
        ReplaceGiftCardCode(gift_card_id=issued.gift_card.id, idempotency_key=key),
        ChangeGiftCardExpiry(gift_card_id=issued.gift_card.id, expires_at=NOW + DAY, idempotency_key=key, **by_staff),
        ReloadGiftCard(gift_card_id=issued.gift_card.id, amount=usd("5.00"), idempotency_key=key),
        ReinstateGiftCard(gift_card_id=over.gift_card.id, expires_at=NOW + 9 * DAY, idempotency_key=key, **by_staff),
        CashOutGiftCard(gift_card_id=paid.gift_card.id, jurisdiction="US-CA", idempotency_key=key),
        DeactivateGiftCard(gift_card_id=issued.gift_card.id, idempotency_key=key),
        OpenStoreCreditAccount(customer_id="bob", currency="USD", idempotency_key=key),
        GrantStoreCredit(customer_id="ada", amount=usd("5"), origin=LotOrigin.REFUND, idempotency_key=key),
        DebitStoreCredit(customer_id="ada", amount=usd("5"), idempotency_key=key),
        BlockStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key=key),
        UnblockStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key=key),
        CloseStoreCreditAccount(customer_id="cy", currency="USD", idempotency_key=key),
        TransferStoreCredit(from_customer_id="ada", to_customer_id="di", amount=usd("5"), idempotency_key=key),
        MergeCustomers(from_customer_id="di", into_customer_id="ed", idempotency_key=key),
        PayWithBalances(order_id="3", amount_due=usd("5"), codes=(issued.code,), idempotency_key=key),
        AdjustValue(customer_id="ada", amount=usd("5"), direction=Direction.CREDIT, idempotency_key=key, **by_staff),
        ReverseTransfer(transfer_id=granted.transfer.id, idempotency_key=key, **by_staff),
        RefundOrderToStoreCredit(customer_id="ada", idempotency_key=key, **returned),
        RefundAsGiftCard(idempotency_key=key, **returned),
        PlaceHold(order_id="5", amount_due=usd("5"), codes=(issued.code,), idempotency_key=key),
        AdjustHold(hold_id=held[0].id, amount_due=usd("1"), idempotency_key=key),
        CaptureHold(hold_id=held[1].id, idempotency_key=key),
        VoidHold(hold_id=held[2].id, idempotency_key=key),
        DefineGiftCardProduct(title="Another card", idempotency_key=key),
        ReviseDenominations(
            product_id=product_id,
            version=1,
            denominations=(Denomination(variant_id="10", prices=usd("10")),),
            idempotency_key=key,
        ),
        RetireGiftCardProduct(product_id=product_id, idempotency_key=key),
        IssueGiftCardsForOrder(order=attrs.evolve(order, order_id="another"), idempotency_key=key),
        ActivateGiftCards(order_id=product_id, idempotency_key=key),
        ReverseGiftCardSale(order_id=product_id, cause=ReversalCause.CANCEL, idempotency_key=key),
    ]


KINDS: Final = [type(command) for command in one_of_each(Shop(policies=PAYS_OUT), "k")]


@pytest.mark.parametrize("first", KINDS, ids=lambda kind: kind.__name__)
def test_a_key_belongs_to_one_command(first: type) -> None:
    """A key that one command has used is a conflict for every other kind, and changes nothing."""
    shop = Shop(policies=PAYS_OUT)
    commands = {type(command): command for command in one_of_each(shop, "the key")}
    shop.execute(commands.pop(first))
    before = shop.books()
    for command in commands.values():
        with pytest.raises(IdempotencyConflict) as caught:
            shop.execute(command)
        assert "the key" == caught.value.idempotency_key
    assert before == shop.books()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_command_is_replayed(kind: type) -> None:
    """Every kind of command answers the same again under its key and changes nothing."""
    shop = Shop(policies=PAYS_OUT)
    command: Any = next(command for command in one_of_each(shop, "the key") if type(command) is kind)
    shop.execute_twice(command)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_another_actor_under_the_same_key_is_a_conflict(kind: type) -> None:
    """Who asked belongs to the content of every command."""
    shop = Shop(policies=PAYS_OUT)
    command: Any = next(command for command in one_of_each(shop, "the key") if type(command) is kind)
    shop.execute(command)
    before = shop.books()
    for changed in ({"actor": "other"}, {"note": "other"}, {"metadata": {"other": 1}}, {"occurred_at": NOW - DAY}):
        with pytest.raises(IdempotencyConflict):
            shop.execute(attrs.evolve(command, **changed))
    assert before == shop.books()


@pytest.mark.parametrize("length", [201, 10_000])
def test_keys_have_a_length(length: int) -> None:
    """A key of 200 characters works in every command, a longer one is refused by its constructor."""
    shop = Shop()
    shop.execute(GrantStoreCredit(customer_id="a", amount=usd("1"), origin=LotOrigin.REFUND, idempotency_key="k" * 200))
    for kind in KINDS:
        with pytest.raises(InvalidRequest):
            kind(**_minimal(kind), idempotency_key="k" * length)
        with pytest.raises(InvalidRequest):
            kind(**_minimal(kind), idempotency_key="")


def _minimal(kind: type) -> dict[str, Any]:
    command = next(command for command in one_of_each(Shop(policies=PAYS_OUT), "k") if type(command) is kind)
    return {name: value for name in _names(kind) if (value := getattr(command, name)) is not None}


def _names(kind: type) -> list[str]:
    return [field.name for field in attrs.fields(kind) if field.name != "idempotency_key"]


def test_keys_are_told_apart_exactly() -> None:
    """Case, spaces and Unicode forms of a key are not folded: other text, other key."""
    shop = Shop()
    for key in ("key", "Key", "key ", " key", "k\xe9y", "ke\u0301y"):
        shop.execute(GrantStoreCredit(customer_id="ada", amount=usd("1"), origin=LotOrigin.REFUND, idempotency_key=key))
    assert usd("6.00") == shop.credit().available


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (RedeemGiftCard(gift_card_id=UNKNOWN, amount=usd("1"), order_id="1", idempotency_key="k"), GiftCardNotFound),
        (ConvertGiftCard(gift_card_id=UNKNOWN, customer_id="ada", idempotency_key="k"), GiftCardNotFound),
        (BlockGiftCard(gift_card_id=UNKNOWN, idempotency_key="k"), GiftCardNotFound),
        (UnblockGiftCard(gift_card_id=UNKNOWN, idempotency_key="k"), GiftCardNotFound),
        (DeactivateGiftCard(gift_card_id=UNKNOWN, idempotency_key="k"), GiftCardNotFound),
        (ReplaceGiftCardCode(gift_card_id=UNKNOWN, idempotency_key="k"), GiftCardNotFound),
        (CashOutGiftCard(gift_card_id=UNKNOWN, idempotency_key="k"), GiftCardNotFound),
        (
            ReinstateGiftCard(gift_card_id=UNKNOWN, expires_at=None, actor="staff", reason="why", idempotency_key="k"),
            GiftCardNotFound,
        ),
        (ReloadGiftCard(gift_card_id=UNKNOWN, amount=usd("1"), idempotency_key="k"), GiftCardNotFound),
        (
            ChangeGiftCardExpiry(
                gift_card_id=UNKNOWN, expires_at=None, actor="staff", reason="why", idempotency_key="k"
            ),
            GiftCardNotFound,
        ),
        (
            PayWithBalances(order_id="1", amount_due=usd("1"), gift_card_ids=(UNKNOWN,), idempotency_key="k"),
            GiftCardNotFound,
        ),
        (
            PlaceHold(order_id="1", amount_due=usd("1"), gift_card_ids=(UNKNOWN,), idempotency_key="k"),
            GiftCardNotFound,
        ),
        (RevealBatchCodes(batch_id=UNKNOWN, actor="a", idempotency_key="k"), GiftCardBatchNotFound),
        (RetryDeadLetter(event_id=UNKNOWN, idempotency_key="k"), EventNotFound),
        (AdjustHold(hold_id=UNKNOWN, amount_due=usd("1"), idempotency_key="k"), HoldNotFound),
        (CaptureHold(hold_id=UNKNOWN, idempotency_key="k"), HoldNotFound),
        (VoidHold(hold_id=UNKNOWN, idempotency_key="k"), HoldNotFound),
        (RefundRedemption(order_id=UNKNOWN, amount=ALL, idempotency_key="k"), RedemptionNotFound),
        (RefundRedemption(redemption_id=UNKNOWN, amount=ALL, idempotency_key="k"), RedemptionNotFound),
        (DebitStoreCredit(account_id=UNKNOWN, amount=usd("1"), idempotency_key="k"), StoreCreditAccountNotFound),
        (DebitStoreCredit(customer_id=UNKNOWN, amount=usd("1"), idempotency_key="k"), StoreCreditAccountNotFound),
        (
            GrantStoreCredit(account_id=UNKNOWN, amount=usd("1"), origin=LotOrigin.REFUND, idempotency_key="k"),
            StoreCreditAccountNotFound,
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, type) else "",
)  # fmt: skip
def test_unknown_names_are_not_found(request_: Any, error: type[NotFound]) -> None:
    """A name that nothing has is not found, is a LookupError, and stores no key."""
    shop = Shop()
    shop.issue()
    before = shop.books()
    with pytest.raises(error) as caught:
        shop.execute(request_)
    assert isinstance(caught.value, LookupError)
    assert before == shop.books()


def test_unknown_names_are_not_found_by_queries() -> None:
    """Queries for what is not there raise what they document."""
    shop = Shop()
    query: Any
    for query in (GetGiftCard(id=UNKNOWN), OrdersOfCard(gift_card_id=UNKNOWN)):
        with pytest.raises(GiftCardNotFound):
            shop.ask(query)
    with pytest.raises(StoreCreditAccountNotFound):
        shop.ask(Statement(account_id=UNKNOWN))
    for query in (GetHold(id=UNKNOWN), GetHold(order_id=UNKNOWN)):
        with pytest.raises(HoldNotFound):
            shop.ask(query)


def test_another_things_id_is_no_holds_id() -> None:
    """Ids of cards, accounts, orders, redemptions and other holds in other capitals name no hold."""
    shop = Shop()
    issued = shop.issue()
    held = hold(shop, "5.00", codes=[issued.code])
    redemption = shop.redeem(issued, "1.00", "1002")
    before = shop.books()
    wrong: Any
    for wrong in (
        issued.gift_card.id,
        issued.gift_card.account_id,
        "1001",
        redemption.id,
        held.id.upper(),
        f"{held.id} ",
    ):
        commands: list[Any] = [
            AdjustHold(hold_id=wrong, amount_due=usd("1"), idempotency_key="k"),
            CaptureHold(hold_id=wrong, idempotency_key="k"),
            VoidHold(hold_id=wrong, idempotency_key="k"),
        ]
        for command in commands:
            with pytest.raises(HoldNotFound):
                shop.execute(command)
    assert before == shop.books()


def test_a_hold_of_another_order_is_refused_everywhere() -> None:
    """Whoever says whose hold it is reaches that order's hold only, and nothing changes."""
    shop = Shop()
    issued = shop.issue()
    mine = hold(shop, "5.00", codes=[issued.code], order_id="mine")
    hold(shop, "5.00", codes=[issued.code], order_id="theirs")
    before = shop.books()
    commands: list[Any] = [
        AdjustHold(hold_id=mine.id, order_id="theirs", amount_due=usd("1"), idempotency_key="k"),
        CaptureHold(hold_id=mine.id, order_id="theirs", idempotency_key="k"),
        VoidHold(hold_id=mine.id, order_id="theirs", idempotency_key="k"),
    ]
    for command in commands:
        with pytest.raises(HoldNotFound):
            shop.execute(command)
    assert before == shop.books()


def test_stale_holds_are_refused_everywhere() -> None:
    """Replaced, voided, captured or lapsed: no command works on it any more, and the error says what it became."""
    shop = Shop()
    issued = shop.issue()
    stale = {
        "voided": hold(shop, "1.00", codes=[issued.code], order_id="replaced"),
        "captured": hold(shop, "1.00", codes=[issued.code], order_id="captured"),
        "lapsed": hold(shop, "1.00", codes=[issued.code], order_id="lapsed", lapses_after=timedelta(minutes=1)),
    }
    hold(shop, "2.00", codes=[issued.code], order_id="replaced")
    shop.execute(CaptureHold(hold_id=stale["captured"].id, idempotency_key=shop.key()))
    shop.clock.advance(timedelta(minutes=1))
    before = shop.books()
    for status, held in stale.items():
        commands: list[Any] = [
            AdjustHold(hold_id=held.id, amount_due=usd("1"), idempotency_key="k"),
            CaptureHold(hold_id=held.id, idempotency_key="k"),
            VoidHold(hold_id=held.id, idempotency_key="k"),
        ]
        for command in commands:
            with pytest.raises(HoldClosed) as caught:
                shop.execute(command)
            assert status == caught.value.status
    assert before == shop.books()


def test_more_than_was_held_or_captured_is_refused() -> None:
    """A capture never takes more than is held, a refund gives back no more than was captured."""
    shop = Shop()
    held = hold(shop, "5.00", codes=[shop.issue().code])
    with pytest.raises(InsufficientBalance):
        shop.execute(CaptureHold(hold_id=held.id, amount=usd("5.01"), idempotency_key="k"))
    shop.execute(CaptureHold(hold_id=held.id, amount=usd("3.00"), idempotency_key="k"))
    before = shop.books()
    with pytest.raises(RefundTooLarge):
        shop.execute(RefundRedemption(order_id="1001", amount=usd("3.01"), idempotency_key="r"))
    assert before == shop.books()


def test_another_customers_card_is_refused_everywhere() -> None:
    """Redeem, pay, convert, claim and look at the balance: none works for another customer."""
    shop = Shop()
    issued = shop.issue(customer_id="ada")
    code, id_ = issued.code, issued.gift_card.id
    before = shop.books()
    attempts: list[tuple[Any, type[LoyaltyError]]] = []
    for other in ("bob", "ADA", "ada "):
        asking: dict[str, Any] = {"customer_id": other, "idempotency_key": "k"}
        attempts += [
            (RedeemGiftCard(code=code, order_id="1", **asking, amount=usd("1")), ClaimedByAnother),
            (RedeemGiftCard(gift_card_id=id_, order_id="1", **asking, amount=usd("1")), ClaimedByAnother),
            (PayWithBalances(codes=(code,), order_id="1", **asking, amount_due=usd("1")), ClaimedByAnother),
            (PlaceHold(codes=(code,), order_id="1", **asking, amount_due=usd("1")), ClaimedByAnother),
            (PlaceHold(gift_card_ids=(id_,), order_id="1", **asking, amount_due=usd("1")), ClaimedByAnother),
            (ConvertGiftCard(code=code, **asking), ClaimedByAnother),
            (ClaimGiftCard(code=code, **asking), AlreadyClaimed),
        ]
    for command, error in attempts:
        with pytest.raises(error):
            shop.execute(command)
    with pytest.raises(ClaimedByAnother):
        shop.ask(GetBalance(code=code))
    assert before == shop.books()


def test_a_foreign_currency_is_refused_everywhere() -> None:
    """Redeem, pay, debit, grant and refund in another currency change nothing."""
    shop = Shop()
    issued = shop.issue()
    shop.redeem(issued, "5.00")
    account = shop.grant().account
    held = hold(shop, "5.00", codes=[issued.code])
    before = shop.books()
    commands: list[Any] = [
        PlaceHold(order_id="1", amount_due=EURO, codes=(issued.code,), idempotency_key="k"),
        AdjustHold(hold_id=held.id, amount_due=EURO, idempotency_key="k"),
        CaptureHold(hold_id=held.id, amount=EURO, idempotency_key="k"),
        RedeemGiftCard(code=issued.code, amount=EURO, order_id="1", idempotency_key="k"),
        PayWithBalances(order_id="1", amount_due=EURO, codes=(issued.code,), idempotency_key="k"),
        DebitStoreCredit(account_id=account.id, amount=EURO, idempotency_key="k"),
        GrantStoreCredit(account_id=account.id, amount=EURO, origin=LotOrigin.REFUND, idempotency_key="k"),
        RefundRedemption(order_id="1001", amount=EURO, idempotency_key="k"),
    ]
    for command in commands:
        with pytest.raises(CurrencyMismatch):
            shop.execute(command)
    assert before == shop.books()


def test_a_huge_code_costs_nothing() -> None:
    """Ten megabytes of text are refused by their length, at once."""
    text = "GIFT-" + "A" * TEN_MEGABYTES
    began = time.process_time()
    for _ in range(100):
        with pytest.raises(MalformedCode):
            GetBalance(code=text)
    assert time.process_time() - began < 1


# --- wrong objects ----------------------------------------------------------


def _kind_of(wrong: object) -> str:
    """Return a name that is the same in every process."""
    return wrong.__name__ if isinstance(wrong, type) else type(wrong).__name__


WRONG: Final[list[Any]] = [
    None, 5, "RedeemGiftCard", b"", {}, [], object(), RedeemGiftCard, Audit, Loyalty, ValueError("x"), lambda: None,
]  # fmt: skip


@pytest.mark.parametrize("wrong", [*WRONG, Audit(), GetBalance(code="GIFT-0000")], ids=_kind_of)
def test_execute_takes_commands_only(wrong: Any) -> None:
    """Anything else given to execute, a query included, is an invalid request."""
    shop = Shop()
    before = shop.books()
    with pytest.raises(InvalidRequest):
        shop.loyalty.execute(wrong)
    assert before == shop.books()


@pytest.mark.parametrize(
    "wrong",
    [*WRONG, ExpireValue(), BlockGiftCard(gift_card_id="x", idempotency_key="k")],
    ids=_kind_of,
)
def test_ask_takes_queries_only(wrong: Any) -> None:
    """Anything else given to ask, a command included, is an invalid request and is not carried out."""
    shop = Shop()
    before = shop.books()
    with pytest.raises(InvalidRequest):
        shop.loyalty.ask(wrong)
    assert before == shop.books()


@pytest.mark.parametrize("base", ["Command", "Sweep", "Request"])
def test_a_bare_command_does_nothing(base: str) -> None:
    """The classes that commands are built on are no commands themselves."""
    kind: Any = {"Command": Command, "Sweep": Sweep, "Request": Request}[base]
    bare = kind(idempotency_key="k") if base == "Command" else kind()
    shop = Shop()
    with pytest.raises((InvalidRequest, NotImplementedError)):
        shop.loyalty.execute(bare)
    assert () == shop.books().receipts


@pytest.mark.parametrize("keys", [None, "a secret of enough length", b"secret", 5, object(), CodeKeys])
def test_code_keys_must_be_code_keys(keys: Any) -> None:
    """A text is no key ring, and the message does not repeat it."""
    with pytest.raises(InvalidRequest) as caught:
        Loyalty(MemoryStorage(), code_keys=keys)
    assert "a secret of enough length" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"clock": None},
        {"clock": NOW},
        {"clock": "now"},
        {"policies": "none"},
        {"policies": {}},
        {"code_format": "GIFT-XXXX"},
        {"new_id": None},
        {"new_id": "id"},
        {"attempt_limiter": "10/minute"},
        {"attempt_limiter": False},
        {"storage": None},
        {"storage": "sqlite:///shop.db"},
        {"storage": MemoryStorage},
    ],
    ids=repr,
)
def test_a_wrong_part_is_told_when_the_library_is_set_up(given: dict[str, Any]) -> None:
    """A part that cannot work is refused by the constructor, not in the middle of a sale."""
    parts: dict[str, Any] = {"storage": MemoryStorage(), "code_keys": KEYS, **given}
    with pytest.raises(InvalidRequest):
        Loyalty(parts.pop("storage"), **parts)


# --- clocks -----------------------------------------------------------------


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 1),  # noqa: DTZ001 - that is what is wrong with it
        datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=1))),
        NOW.date(),
        NOW.timestamp(),
        None,
        "2026-03-01T00:00:00Z",
    ],
    ids=repr,
)
def test_a_clock_that_answers_no_utc_time_is_refused(now: Any) -> None:
    """A naive time, another zone or no time at all from the clock is an invalid time, for commands and queries."""
    shop = Shop()
    issued = shop.issue()
    before = shop.books()
    broken = Loyalty(shop.storage, code_keys=KEYS, clock=lambda: now)
    with pytest.raises(InvalidTime):
        broken.execute(RedeemGiftCard(code=issued.code, amount=usd("1"), order_id="1", idempotency_key="k"))
    with pytest.raises(InvalidTime):
        broken.execute(ExpireValue())
    with pytest.raises(InvalidTime):
        broken.ask(Audit())
    assert before == shop.books()


def test_the_clock_is_read_once_per_call() -> None:
    """Everything in one call happens at one instant."""
    reads: list[datetime] = []

    def clock() -> datetime:
        reads.append(datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=len(reads)))
        return reads[-1]

    shop = Loyalty(MemoryStorage(), code_keys=KEYS, clock=clock)
    shop.execute(IssueGiftCard(value=usd("5"), idempotency_key="k"))
    shop.ask(Audit())
    assert 2 == len(reads)


@pytest.mark.parametrize(
    "new_id", [lambda: "the same id", lambda: "", lambda: None, lambda: 5, lambda: "x" * 10_000, lambda: "a\x00b"]
)
def test_ids_that_cannot_be_stored_change_nothing(new_id: Callable[[], Any]) -> None:
    """A source of ids that repeats itself or answers nonsense gives a typed error and changes nothing."""
    shop = Shop(new_id=new_id)
    with pytest.raises(LoyaltyError):
        [shop.grant("5.00") for _ in range(2)]
    assert 1 >= len(shop.books().transfers)
    assert shop.ask(Audit()).is_clean


def test_nothing_public_is_left_out_of_the_keys_test() -> None:
    """Every public command with a key stands in the list above."""
    public = {getattr(loyalty, name) for name in loyalty.__all__}
    assert set(KINDS) == {thing for thing in public if isinstance(thing, type) and issubclass(thing, Command)}
