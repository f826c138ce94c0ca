"""Plain values: every result and event comes back as it went in, and a secret never goes in."""

from __future__ import annotations

import enum
import inspect
import json
import typing
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import attrs
import pytest
from moneyed import Currency, Money

import loyalty
from loyalty import (
    ALL,
    ActivateGiftCards,
    AdjustHold,
    AdjustValue,
    AnnounceExpiringGiftCards,
    Audit,
    BlockGiftCard,
    BlockStoreCreditAccount,
    CaptureHold,
    CardsOfOrder,
    CashOutDue,
    CashOutGiftCard,
    ChangeGiftCardExpiry,
    ChangeGiftRecipient,
    ClaimGiftCard,
    CloseStoreCreditAccount,
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
    GetGiftCard,
    GetGiftCardProduct,
    GetHold,
    GetStoreCreditAccount,
    GiftCardLine,
    GiftCardOrder,
    GiftCardRow,
    GrantStoreCredit,
    ImportGiftCards,
    IssuedGiftCard,
    IssueGiftCard,
    IssueGiftCardBatch,
    IssueGiftCardsForOrder,
    LapseHolds,
    Liability,
    ListGiftCardProducts,
    ListTenders,
    LotOrigin,
    MergeCustomers,
    Movements,
    OpenAmount,
    OpenStoreCreditAccount,
    OrderGiftCards,
    OrdersOfCard,
    PayWithBalances,
    PlaceHold,
    PlanPayment,
    Policies,
    Recipient,
    RedeemGiftCard,
    Reference,
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
    RevealedBatchCodes,
    RevealGiftCardCode,
    ReversalCause,
    ReverseGiftCardSale,
    ReverseTransfer,
    ReviseDenominations,
    StartDueGifts,
    Statement,
    Term,
    TransferStoreCredit,
    UnblockGiftCard,
    UnblockStoreCreditAccount,
    UpdateGiftCard,
    VoidHold,
    us_cash_out,
)
from loyalty import events as events_module
from loyalty.codes.code import GiftCardCode
from loyalty.events import Event
from loyalty.plain import decode, dumps, encode
from loyalty.testing import give_up_one
from loyalty.use_cases.command import Command, Sweep
from tests.use_cases.shop import DAY, KEYS, NOW, Shop, usd

CODE: Final = GiftCardCode.of("GIFT-7KQ2-AAAA-BBBB")


def results() -> dict[str, Any]:
    """Return one real result of every command, by the command's name."""
    shop = Shop(policies=Policies(cash_out=us_cash_out))
    made: dict[str, Any] = {}

    def do(command: Command[Any] | Sweep[Any]) -> Any:
        made[type(command).__name__] = result = shop.execute(command)
        return result

    issued = do(
        IssueGiftCard(
            value=Money("50.00", "USD"),
            expires_at=NOW + DAY,
            tax_rate="7.70",
            origin=LotOrigin.PURCHASED,
            order_id="900",
            recipient="grâce 🎁",
            tags=("a", "b"),
            note="two\nlines",
            idempotency_key="1",
        )
    )
    other = shop.issue("5.00", expires_at=NOW + 9 * DAY)
    do(ClaimGiftCard(code=issued.code, customer_id="ada", idempotency_key="2"))
    do(RedeemGiftCard(code=issued.code, customer_id="ada", amount=usd("30"), order_id="1", idempotency_key="3"))
    do(BlockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="4"))
    do(UnblockGiftCard(gift_card_id=issued.gift_card.id, idempotency_key="5"))
    do(OpenStoreCreditAccount(customer_id="bob", currency="KWD", idempotency_key="6"))
    do(
        GrantStoreCredit(
            customer_id="ada",
            amount=usd("10"),
            origin=LotOrigin.GOODWILL,
            reference=Reference("ticket", "77"),
            idempotency_key="7",
        )
    )
    do(DebitStoreCredit(customer_id="ada", amount=usd("1"), order_id="2", idempotency_key="8"))
    do(PayWithBalances(order_id="3", amount_due=usd("8"), codes=(other.code,), customer_id="ada", idempotency_key="9"))
    hold = do(
        PlaceHold(order_id="4", amount_due=usd("2"), codes=(other.code,), customer_id="ada", idempotency_key="12")
    )
    do(AdjustHold(hold_id=hold.id, amount_due=usd("1"), idempotency_key="13"))
    do(CaptureHold(hold_id=hold.id, idempotency_key="14"))
    hold = do(
        PlaceHold(order_id="5", amount_due=usd("2"), codes=(other.code,), customer_id="ada", idempotency_key="15")
    )
    do(VoidHold(hold_id=hold.id, idempotency_key="16"))
    shop.execute(PlaceHold(order_id="6", amount_due=usd("2"), customer_id="ada", idempotency_key="17"))
    do(ConvertGiftCard(gift_card_id=issued.gift_card.id, customer_id="ada", idempotency_key="10"))
    shop.clock.advance(DAY)
    do(RefundRedemption(order_id="1", amount=ALL, idempotency_key="11"))
    do(LapseHolds())
    by_staff: dict[str, Any] = {"actor": "staff/7", "reason": "a mistake"}
    adjusted = do(
        AdjustValue(customer_id="ada", amount=usd("3"), direction=Direction.CREDIT, idempotency_key="20", **by_staff)
    )
    do(ReverseTransfer(transfer_id=adjusted.transfer.id, idempotency_key="21", **by_staff))
    returned: dict[str, Any] = {"order_id": "4", "amount": usd("1"), "refundable": usd("9")}
    do(RefundOrderToStoreCredit(customer_id="bob", idempotency_key="22", **returned))
    do(RefundAsGiftCard(idempotency_key="23", **returned))
    known: dict[str, Any] = {"gift_card_id": shop.issue("5.00", note="old").gift_card.id}
    free: dict[str, Any] = {"note": "two\nlines", "tags": ("a",), "metadata": {"a": [1, "é"]}}
    do(UpdateGiftCard(edition=1, idempotency_key="40", **known, **free))
    do(ReplaceGiftCardCode(idempotency_key="41", **known))
    do(ReloadGiftCard(amount=usd("5.00"), expires_at=shop.clock.now + DAY, idempotency_key="43", **known))
    do(ChangeGiftCardExpiry(expires_at=None, idempotency_key="44", **known, **by_staff))
    do(CashOutGiftCard(jurisdiction="US-CA", idempotency_key="45", **known))
    do(DeactivateGiftCard(idempotency_key="42", **known))
    over = shop.issue("5.00", expires_at=shop.clock.now + timedelta(microseconds=1))
    shop.clock.advance(timedelta(microseconds=1))
    do(ReinstateGiftCard(code=over.code, expires_at=None, idempotency_key="46", **by_staff))
    do(RevealGiftCardCode(gift_card_id=over.gift_card.id, actor="staff/7", idempotency_key="gift-1"))
    bo = Recipient(address="bo@example.com")
    do(ChangeGiftRecipient(gift_card_id=over.gift_card.id, recipient=bo, idempotency_key="gift-2"))
    do(RescheduleGift(gift_card_id=over.gift_card.id, send_at=shop.clock.now, idempotency_key="gift-3"))
    do(StartDueGifts())
    do(RetryDeadLetter(event_id=give_up_one(shop.loyalty), idempotency_key="gift-5"))
    soon = shop.issue("5.00", expires_at=shop.clock.now + DAY)
    assert soon.gift_card.id == do(AnnounceExpiringGiftCards(within=2 * DAY)).gift_card_id
    do(ResendGiftCard(gift_card_id=over.gift_card.id, idempotency_key="gift-4"))
    do(TransferStoreCredit(from_customer_id="bob", to_customer_id="cy", amount=usd("1"), idempotency_key="30"))
    do(MergeCustomers(from_customer_id="cy", into_customer_id="di", idempotency_key="34"))
    account: dict[str, Any] = {"customer_id": "bob", "currency": "USD"}
    do(BlockStoreCreditAccount(idempotency_key="31", **account))
    do(UnblockStoreCreditAccount(idempotency_key="32", **account))
    do(CloseStoreCreditAccount(idempotency_key="33", **account))
    do(
        DefineGiftCardProduct(
            title="é 🎁",
            product_id="card",
            denominations=[Denomination(variant_id="25", prices=usd("20"), face_values=usd("25"))],
            open_amounts=[OpenAmount(minimum=usd("1"), maximum=usd("2"), step=usd("0.50"))],
            term=Term(years=1, time_zone="Europe/Berlin"),
            tax_rate="19.5",
            idempotency_key="product",
        )
    )
    line = GiftCardLine(line_id="a", product_id="card", variant_id="25", quantity=2, paid=usd("39.99"))
    order = GiftCardOrder(order_id="sold", placed_at=NOW + DAY, lines=[line], buyer_id="ada", tax_rate=7)
    do(IssueGiftCardsForOrder(order=order, idempotency_key="placed"))
    do(ActivateGiftCards(order_id="sold", idempotency_key="paid"))
    do(ReverseGiftCardSale(order_id="sold", cause=ReversalCause.REFUND, idempotency_key="undone"))
    do(ReviseDenominations(product_id="card", version=1, retire=["25"], idempotency_key="revision"))
    do(RetireGiftCardProduct(product_id="card", idempotency_key="retirement"))
    batch = do(IssueGiftCardBatch(count=2, value=usd("5"), name="spring", idempotency_key="50"))
    do(RevealBatchCodes(batch_id=batch.id, actor="a printer", idempotency_key="51"))
    stamp: dict[str, Any] = {"code_digest": "0" * 64, "code_key_id": KEYS.current_id, "last_four": "ABCD"}
    rows = [GiftCardRow(source_id="1", value=usd("5"), **stamp)]
    do(ImportGiftCards(source="old", rows=rows, idempotency_key="52"))
    do(EraseCustomer(customer_id="di", known_as=("Di Prima",)))
    do(ExpireValue())
    return made


def answers() -> dict[str, Any]:
    """Return one real answer of every query, by the query's name."""
    shop = Shop()
    issued = shop.issue("50.00", order_id="1")
    shop.redeem(issued, "10.00", "1")
    account = shop.grant(Money("0.0001", "CLF")).account
    shop.execute(DefineGiftCardProduct(title="é", product_id="card", idempotency_key="product"))
    paying: dict[str, Any] = {"order_id": "2", "amount_due": usd("50.00"), "codes": (issued.code, "GIFT-WRONG")}
    hold = shop.execute(PlaceHold(**{**paying, "codes": (issued.code,)}, idempotency_key="hold"))
    asked: list[Any] = [
        GetGiftCard(id=issued.gift_card.id), GetBalance(code=issued.code), FindGiftCard(code=issued.code),
        CardsOfOrder(order_id="1"),
        OrdersOfCard(gift_card_id=issued.gift_card.id), GetStoreCreditAccount(account_id=account.id),
        Statement(account_id=account.id), Liability(), Audit(), GetHold(id=hold.id), PlanPayment(**paying),
        ListTenders(customer_id="ada", currency="CLF"), GetGiftCardProduct(id="card"), ListGiftCardProducts(),
        CashOutDue(gift_card_id=shop.issue("5.00", origin=LotOrigin.PURCHASED).gift_card.id, jurisdiction="US-MA"),
    ]  # fmt: skip
    return {type(query).__name__: shop.ask(query) for query in asked} | {"Movements": shop.ask(Movements())[0]}


RESULTS: Final = results()
ANSWERS: Final = answers()


def event_classes() -> Iterator[type[Event]]:
    """Yield every class of event."""
    for thing in vars(events_module).values():
        if inspect.isclass(thing) and issubclass(thing, Event) and thing is not Event:
            yield thing


def event_of(kind: type[Event]) -> Event:
    """Return an event with every field set."""
    values: dict[Any, Any] = {
        str: "text é 🎁",
        str | None: "maybe",
        bool: True,
        int: 7,
        Money: Money("0.0001", "CLF"),
        datetime: datetime(2026, 3, 1, 12, 0, 0, 2, tzinfo=UTC),
        datetime | None: datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
        tuple[str, ...]: ("a", "b"),
        tuple[Money, ...]: (Money(5, "JPY"), Money("0.125", "KWD")),
    }
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: values[hints[field.name]] for field in attrs.fields(kind)})


def through_text(value: object) -> Any:
    """Return what a database would give back: through JSON text and back."""
    return json.loads(dumps(encode(value)))


def test_every_command_has_a_result_here() -> None:
    """No command escapes the round trip."""
    commands = {
        name
        for name in loyalty.__all__
        if inspect.isclass(thing := getattr(loyalty, name)) and issubclass(thing, Command | Sweep)
    }
    assert commands == set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_results_come_back_as_they_went_in(name: str) -> None:
    """A stored result is equal to the first one, but for the code, which was never stored."""
    result = RESULTS[name]
    kind = getattr(loyalty, name).result_type
    again = decode(kind, through_text(result))
    assert kind is type(result) is type(again)
    if isinstance(result, IssuedGiftCard):
        assert ("", True) == (again.code, result.code != "")
        again = attrs.evolve(again, code=result.code)
    if isinstance(result, RevealedBatchCodes):
        assert [("", True)] * 2 == [
            (one.code, known.code != "") for one, known in zip(again.codes, result.codes, strict=True)
        ]
        again = attrs.evolve(again, codes=result.codes)
    if isinstance(result, OrderGiftCards):
        assert "" not in {one.code for one in result.gift_cards}
        result = attrs.evolve(result, gift_cards=tuple(attrs.evolve(one, code="") for one in result.gift_cards))
    assert result == again
    assert encode(result) == encode(again)


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_come_back_as_they_went_in(name: str) -> None:
    """Hosts may keep the answers of queries in the same plain form."""
    answer: Any = ANSWERS[name]
    assert answer == decode(type(answer), through_text(answer))


@pytest.mark.parametrize("kind", list(event_classes()), ids=lambda kind: kind.__name__)
def test_events_come_back_as_they_went_in(kind: type[Event]) -> None:
    """Every class of event survives its journey as text, to the last digit and microsecond."""
    event = event_of(kind)
    assert event == decode(kind, through_text(event))


def test_a_code_is_refused_and_not_leaked() -> None:
    """A code in any place has no plain form, and the error does not show it."""

    @attrs.frozen
    class Careless:
        """A result to which somebody added the code."""

        code: object

    for value in (CODE, [CODE], (CODE,), {"code": CODE}, Careless(CODE), [{"deep": (Careless([CODE]),)}]):
        with pytest.raises(TypeError) as caught:
            encode(value)
        assert "7KQ2" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        b"bytes",
        {1},
        frozenset(),
        time(12),
        object(),
        len,
        int,
        1j,
        range(3),
        ...,
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_unknown_is_refused(value: object) -> None:
    """What has no exact plain form is a programming error, never a guess."""
    for place in (value, [value], {"key": value}):
        with pytest.raises(TypeError):
            encode(place)


def test_secrets_are_revealed_only_on_request() -> None:
    """With a function for secrets, and only then, what is unknown goes through that function."""
    assert ["shown", {"code": "shown"}] == encode([CODE, {"code": CODE}], lambda _value: "shown")


def test_fields_marked_secret_are_left_out() -> None:
    """A secret field is neither written nor needed to read."""
    issued = RESULTS["IssueGiftCard"]
    assert isinstance(issued, IssuedGiftCard)
    assert {"gift_card", "code_key_id", "code_format", "code_version"} == set(through_text(issued))
    assert issued.code not in dumps(encode(issued))


@pytest.mark.parametrize(
    ("money", "plain"),
    [
        (Money("12.34", "USD"), [1234, "USD", 2]),
        (Money("-0.01", "USD"), [-1, "USD", 2]),
        (Money(5, "JPY"), [5, "JPY", 0]),
        (Money("0.125", "KWD"), [125, "KWD", 3]),
        (Money("0.0001", "CLF"), [1, "CLF", 4]),
        (Money(7, Currency(code="PTS", sub_unit=1)), [7, "PTS", 0]),
        (Money(10**18, "JPY"), [10**18, "JPY", 0]),
    ],
    ids=str,
)
def test_money_is_minor_units_code_and_decimals(money: Money, plain: list[object]) -> None:
    """Money is written without any rounding, and read with the decimals it was written with."""
    assert plain == encode(money)
    assert money == decode(Money, plain)
    assert str(money.amount) == str(decode(Money, plain).amount)


def test_times_are_written_in_utc() -> None:
    """One instant has one text, to the microsecond."""
    instant = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)
    assert "2026-03-01T12:00:00.000001+00:00" == encode(instant)
    assert encode(instant) == encode(instant.astimezone(timezone(timedelta(hours=2))))
    assert instant == decode(datetime, encode(instant))


def test_lengths_of_time_are_whole_microseconds() -> None:
    """Also those of more than a day, so that one length has one number."""
    for length in (timedelta.resolution, timedelta(seconds=1), timedelta(days=366, microseconds=-1)):
        assert length == decode(timedelta, encode(length))
    assert 90_000_000_001 == encode(timedelta(days=1, hours=1, microseconds=1))


@pytest.mark.parametrize(
    "length",
    [timedelta(0), timedelta(microseconds=1), -timedelta(days=1, microseconds=1), timedelta.max, timedelta.min],
)
def test_lengths_of_time_are_written_in_microseconds(length: timedelta) -> None:
    """Exactly, whatever their size and sign, and without a fraction."""
    assert type(encode(length)) is int
    assert length == decode(timedelta, through_text(length))


def test_enums_are_their_values_and_keys_are_text() -> None:
    """Members are written as their words, also as keys, and read back as members."""
    data = encode({LotOrigin.REFUND: Money(1, "JPY")})
    assert {"refund": [1, "JPY", 0]} == data
    assert {LotOrigin.REFUND: Money(1, "JPY")} == decode(dict[LotOrigin, Money], data)
    assert "ALL" == encode(ALL)


def test_equal_data_is_equal_text() -> None:
    """Keys are sorted, nothing is padded, and text stays readable."""
    assert (
        '{"a":[1,true,null],"b":"é"}'
        == dumps({"b": "é", "a": [1, True, None]})
        == dumps({"a": [1, True, None], "b": "é"})
    )


def test_a_float_cannot_slip_into_the_text() -> None:
    """Neither NaN nor an infinity becomes text that no parser reads."""
    with pytest.raises(ValueError, match="JSON"):
        dumps(float("nan"))


def test_a_field_that_was_added_later_has_its_default() -> None:
    """Rows written by an older version are read by a newer one."""

    @attrs.frozen(kw_only=True)
    class Newer:
        """A result that has grown."""

        amount: Decimal
        color: str = "red"

    assert Newer(amount=Decimal("1.5")) == decode(Newer, {"amount": "1.5"})


def test_a_field_that_was_removed_later_is_passed_over() -> None:
    """Rows with a field that no longer exists can still be read."""

    @attrs.frozen(kw_only=True)
    class Slimmer:
        """A result that has shrunk."""

        amount: Decimal

    assert Slimmer(amount=Decimal(1)) == decode(Slimmer, {"amount": "1", "gone": 5})


def test_an_optional_value_may_be_missing() -> None:
    """None is None in both directions."""

    @attrs.frozen(kw_only=True)
    class Maybe:
        """A value that may be there."""

        at: datetime | None
        amounts: tuple[Money, ...]

    nothing = Maybe(at=None, amounts=())
    assert nothing == decode(Maybe, through_text(nothing))


def test_a_member_of_another_enum_is_its_value_too() -> None:
    """Any enum of plain values has a plain form."""

    class Color(enum.Enum):
        """Something of a host's own."""

        RED = 1

    assert [1] == encode([Color.RED])
    assert Color.RED is decode(Color, 1)
