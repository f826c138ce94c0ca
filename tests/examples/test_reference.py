"""The reference: every public name has an entry, and errors come in the order that is promised."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import pytest
from moneyed import Currency, Money

import loyalty
from docs import public_reference
from loyalty import (
    ALL,
    AdjustHold,
    AdjustValue,
    AtLeastYears,
    BlockGiftCard,
    BlockStoreCreditAccount,
    CaptureHold,
    CashOutGiftCard,
    ChangeGiftCardExpiry,
    ChangeGiftRecipient,
    ClaimGiftCard,
    CloseStoreCreditAccount,
    CodeFormat,
    CodeKeys,
    ConvertGiftCard,
    DeactivateGiftCard,
    DebitStoreCredit,
    DefineGiftCardProduct,
    Denomination,
    Direction,
    FindGiftCard,
    GetBalance,
    GetGift,
    GiftCardRow,
    GiftCardStatus,
    GrantStoreCredit,
    ImportGiftCards,
    IssuedGiftCard,
    IssueGiftCard,
    IssueGiftCardBatch,
    IssueGiftCardsForOrder,
    ListGiftCards,
    ListStoreCreditAccounts,
    LotOrigin,
    Loyalty,
    MergeCustomers,
    OrderLine,
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
    RetryDeadLetter,
    RevealBatchCodes,
    RevealGiftCardCode,
    ReverseTransfer,
    ReviseDenominations,
    SpendingLimits,
    Statement,
    StoreCreditStatus,
    TransferStoreCredit,
    UnblockGiftCard,
    UnblockStoreCreditAccount,
    UpdateGiftCard,
    VoidHold,
    errors,
    us_cash_out,
)
from loyalty.errors import LoyaltyError, TooManyAttempts
from loyalty.ledger.account import LARGEST_BALANCE, MOST_RESERVATIONS
from loyalty.reports.query import Query
from loyalty.testing import give_up_one
from loyalty.testing.kit.case import UNKNOWN_CODE
from loyalty.use_cases.command import Command
from tests.use_cases.sales import define, issue, line, order, reverse
from tests.use_cases.shop import DAY, KEYS, NOW, Shop, usd

DOCS: Final = Path(__file__).parents[2] / "docs"
Test = TypeVar("Test", bound=Callable[..., None])
MALFORMED: Final = "GIFT-0000-0000"
BOOK: Final = (OrderLine(id="1", amount=usd("80.00"), product="gift card", is_stored_value=True),)


# --- every name --------------------------------------------------------------


def test_every_promised_name_is_in_exactly_one_room() -> None:
    """What ``loyalty`` promises has one entry on one page of the reference."""
    shown = [id(name.value) for names in public_reference.rooms().values() for name in names]

    assert [] == [name for name in loyalty.__all__ if shown.count(id(getattr(loyalty, name))) != 1]


def test_every_error_and_every_port_is_in_its_room() -> None:
    """Errors, ports, adapters and the kit are all there."""
    rooms = {room: {name.dotted for name in names} for room, names in public_reference.rooms().items()}

    assert {f"loyalty.errors.{name}" for name in errors.__all__} <= rooms["errors"]
    assert {"loyalty.ports.storage.Storage", "loyalty.ports.storage.UnitOfWork", "loyalty.AttemptLimiter"} <= rooms[
        "ports"
    ]
    assert {"loyalty.MemoryStorage", "loyalty.adapters.sqlalchemy.SqlAlchemyStorage"} <= rooms["adapters"]
    assert {"loyalty.testing.StorageConformance", "loyalty.testing.FakeClock"} <= rooms["testing"]


@pytest.mark.parametrize("room", sorted(public_reference.rooms()))
def test_every_room_has_a_page(room: str) -> None:
    """Each room is asked for by one page, so that nothing that is found stays unseen."""
    pages = [path for path in DOCS.rglob("*.md") if f"<!-- reference: {room} -->" in path.read_text(encoding="utf-8")]

    assert 1 == len(pages)


def test_every_mark_is_one_that_is_filled() -> None:
    """A page cannot ask for a room that is not there."""
    marks = [
        mark for path in DOCS.rglob("*.md") for mark in public_reference.MARK.findall(path.read_text(encoding="utf-8"))
    ]

    assert sorted([*public_reference.rooms(), "precedence", "table-of-errors"]) == sorted(marks)


@pytest.mark.parametrize("page", sorted((DOCS / "reference").glob("*.md")), ids=lambda path: path.stem)
def test_filled_pages_hold_no_mark_any_more(page: Path) -> None:
    """What a reader gets is the names."""
    filled = public_reference.filled(page.read_text(encoding="utf-8"))

    assert "<!-- reference" not in filled


@pytest.mark.parametrize("name", sorted(loyalty.__all__))
def test_what_is_executed_or_asked_says_what_it_is_answered_with(name: str) -> None:
    """An entry of a command, sweep or query begins with the type of its answer."""
    found = public_reference.Name("loyalty", name, getattr(loyalty, name))
    is_request = (
        public_reference.is_command(found) or public_reference.is_sweep(found) or public_reference.is_query(found)
    )

    assert is_request == ("Answers with" in public_reference.entry(found, "##"))


# --- every error -------------------------------------------------------------


def documented(kind: type) -> list[str]:
    """Return the errors of a command or query, in the order of its docstring."""
    return [raised.error for raised in public_reference.raises(kind)]


@pytest.mark.parametrize("name", sorted(loyalty.__all__))
def test_every_error_that_is_named_exists(name: str) -> None:
    """A section *Raises* names errors of ``loyalty.errors`` in full, and says when; none is lost on the way."""
    value = getattr(loyalty, name)
    raised = public_reference.raises(value)

    assert [] == [one for one in raised if one.error not in errors.__all__ or not one.when.endswith(".")]
    if isinstance(value, type):
        text = (inspect.getdoc(value) or "").partition("Raises:")[2]
        assert len(re.findall(r"^    \S*\w: ", text.partition("\n\n")[0], re.MULTILINE)) == len(raised)


def test_docstrings_are_read_to_the_end() -> None:
    """A condition that goes on in the next line belongs to its error, and other sections do not."""
    raised = public_reference.raises(RedeemGiftCard)

    assert ("NotSpendable", "If it is pending, blocked, deactivated or expired.") == (raised[3].error, raised[3].when)
    (capture,) = [one for one in public_reference.raises(CaptureHold) if one.error == "NotSpendable"]
    assert "If a card or account that is to pay was blocked, deactivated or closed meanwhile." == capture.when


# --- in order of precedence --------------------------------------------------


PROVEN: Final[set[str]] = set()
"""The commands and queries whose order a test below proves."""


def proves(*kinds: type) -> Callable[[Test], Test]:
    """Say which orders a test proves; each must be that of the docstring, from the first error to the last."""
    PROVEN.update(kind.__name__ for kind in kinds)
    return lambda test: test


class Wrong:
    """
    A call with everything wrong with it that can be, which is put right one thing after another.

    ``told`` is what each try was refused with, until one succeeds.
    """

    def __init__(self, shop: Shop, kind: type, **given: Any) -> None:
        self._shop = shop
        self._kind = kind
        self._given = given
        self.told: list[str] = []
        self.put_right()

    def put_right(self, change: Callable[[], object] = lambda: None, /, **given: Any) -> None:
        """Change the books or the call, and try again."""
        change()
        self._given.update(given)
        try:
            self._try()
        except LoyaltyError as error:
            self.told.append(type(error).__name__)
        else:
            self.told.append("nothing")

    def go_to(self, shop: Shop) -> None:
        """Make the call in another shop from now on."""
        self._shop = shop

    def _try(self) -> None:
        if issubclass(self._kind, Query):
            self._shop.ask(self._kind(**self._given))
        else:
            assert issubclass(self._kind, Command)
            self._shop.execute(self._kind(idempotency_key=self._shop.key(), **self._given))


def block(shop: Shop, card: IssuedGiftCard) -> Callable[[], object]:
    """Return how to block a card."""
    return lambda: shop.execute(BlockGiftCard(gift_card_id=card.gift_card.id, idempotency_key=shop.key()))


def unblock(shop: Shop, card: IssuedGiftCard) -> Callable[[], object]:
    """Return how to lift its block."""
    return lambda: shop.execute(UnblockGiftCard(gift_card_id=card.gift_card.id, idempotency_key=shop.key()))


def hold_often(shop: Shop, card: IssuedGiftCard) -> None:
    """Hold value of a card for as many orders as can be."""
    for number in range(MOST_RESERVATIONS):
        key = f"other/{number}"
        shop.execute(PlaceHold(order_id=key, amount_due=usd("0.01"), codes=(card.code,), idempotency_key=key))


def strict_shop() -> Shop:
    """Return a shop where nobody pays more than 60.00 with one card, nor for one order."""
    return Shop(
        policies=Policies(limits=SpendingLimits(per_card=usd("60.00"), per_order=usd("60.00"), version="1")),
        code_format=CodeFormat(allow_chosen=True),
    )


def bobs_blocked_card(shop: Shop, value: Money) -> IssuedGiftCard:
    """Issue a card that bob has claimed, and block it."""
    card = shop.issue(value, customer_id="bob")
    block(shop, card)()
    return card


@proves(RedeemGiftCard)
def test_redeem_gift_card() -> None:
    """Whose card it is comes before what is on it, and the shop's rules before the amount."""
    shop = strict_shop()
    euros, dollars = bobs_blocked_card(shop, Money("50.00", "EUR")), shop.issue("50.00", customer_id="bob")

    call = Wrong(shop, RedeemGiftCard, code=MALFORMED, amount=usd("80.00"), order_id="1001", lines=BOOK)
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=euros.code)
    call.put_right(customer_id="bob")
    call.put_right(unblock(shop, euros))
    call.put_right(code=dollars.code)
    call.put_right(lines=())
    call.put_right(amount=usd("60.00"))
    call.put_right(amount=usd("50.00"))

    assert [*documented(RedeemGiftCard), "nothing"] == call.told


@proves(PlaceHold, PayWithBalances)
@pytest.mark.parametrize("kind", [PlaceHold, PayWithBalances])
def test_payment_over_several_tenders(kind: type) -> None:
    """The worst tender is told first, however the tenders are named; TooManyHolds only where a hold is placed."""
    shop = Shop(code_format=CodeFormat(allow_chosen=True))
    bobs, blocked = shop.issue("5.00", customer_id="bob"), shop.issue("5.00")
    euros, dollars = shop.issue(Money("5.00", "EUR")), shop.issue("50.00")
    block(shop, blocked)()
    hold_often(shop, dollars)
    codes = [dollars.code, euros.code, blocked.code, bobs.code, UNKNOWN_CODE, MALFORMED]
    order: dict[str, Any] = {
        "order_id": "1001",
        "amount_due": usd("20.00"),
        "lines": (OrderLine(id="1", amount=usd("20.00"), is_stored_value=True),),
    }

    call = Wrong(shop, kind, codes=(), **order)
    for count in range(len(codes), 0, -1):
        call.put_right(codes=tuple(codes[:count]))
    call.put_right(lines=())

    expected = documented(kind) if kind is PlaceHold else [*documented(kind), "nothing"]
    assert expected == call.told


def test_currency_of_a_bound_comes_before_any_look_up() -> None:
    """A line in another currency is told when the command is made, before a code is looked at."""
    shop = Shop()
    lines = (OrderLine(id="1", amount=Money("1.00", "EUR")),)

    call = Wrong(shop, PlaceHold, order_id="1001", amount_due=usd("20.00"), codes=(MALFORMED,), lines=lines)
    call.put_right(lines=())

    assert ["CurrencyMismatch", "MalformedCode"] == call.told


@proves(CaptureHold)
def test_capture_hold() -> None:
    """Whose hold it is and whether it is open come first, then the amount, then the cards it lies on."""
    shop = Shop()
    card = shop.issue("50.00")
    place: dict[str, Any] = {"amount_due": usd("20.00"), "codes": (card.code,)}
    voided = shop.execute(PlaceHold(order_id="1001", **place, idempotency_key="1001"))
    shop.execute(VoidHold(hold_id=voided.id, idempotency_key="void"))
    hold = shop.execute(PlaceHold(order_id="1002", **place, idempotency_key="1002"))
    block(shop, card)()

    call = Wrong(shop, CaptureHold, hold_id=voided.id, order_id="9999", amount=Money("90.00", "EUR"))
    call.put_right(order_id=None)
    call.put_right(hold_id=hold.id)
    call.put_right(amount=usd("90.00"))
    call.put_right(amount=ALL)
    call.put_right(unblock(shop, card))

    assert [*documented(CaptureHold), "nothing"] == call.told


@proves(AdjustHold)
def test_adjust_hold() -> None:
    """The hold comes before what is said about it, the currency before the lines, and room for a hold last."""
    shop = Shop()
    card, full = shop.issue("20.00"), shop.issue("50.00")
    hold_often(shop, full)
    lines = (OrderLine(id="1", amount=usd("20.00")),)
    place: dict[str, Any] = {"amount_due": usd("20.00"), "codes": (card.code, full.code), "lines": lines}
    voided = shop.execute(PlaceHold(order_id="1001", **place, idempotency_key="1001"))
    shop.execute(VoidHold(hold_id=voided.id, idempotency_key="void"))
    hold = shop.execute(PlaceHold(order_id="1002", **place, idempotency_key="1002"))

    call = Wrong(shop, AdjustHold, hold_id=voided.id, order_id="9999")
    call.put_right(amount_due=Money("30.00", "EUR"), lapses_after=timedelta(days=366))
    call.put_right(order_id=None)
    call.put_right(hold_id=hold.id)
    call.put_right(amount_due=usd("30.00"))
    call.put_right(lines=(OrderLine(id="1", amount=usd("30.00")),))

    assert documented(AdjustHold) == call.told


@proves(VoidHold)
def test_void_hold() -> None:
    """A hold of another order is told before whether it is open."""
    shop = Shop()
    card = shop.issue("50.00")
    hold = shop.execute(PlaceHold(order_id="1001", amount_due=usd("20.00"), codes=(card.code,), idempotency_key="hold"))
    shop.execute(VoidHold(hold_id=hold.id, idempotency_key="void"))

    call = Wrong(shop, VoidHold, hold_id=hold.id, order_id="9999")
    call.put_right(order_id="1001")

    assert documented(VoidHold) == call.told


@proves(ClaimGiftCard)
def test_claim_gift_card() -> None:
    """Whose card it is comes before whether it may be claimed."""
    shop = Shop()
    bobs, blocked = bobs_blocked_card(shop, usd("5.00")), shop.issue("5.00")
    block(shop, blocked)()

    call = Wrong(shop, ClaimGiftCard, code=MALFORMED, customer_id="ada")
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=bobs.code)
    call.put_right(code=blocked.code)
    call.put_right(unblock(shop, blocked))

    assert [*documented(ClaimGiftCard), "nothing"] == call.told


@proves(ConvertGiftCard)
def test_convert_gift_card() -> None:
    """Whose card it is comes before what is on it and where it should go."""
    shop = Shop()
    account = shop.grant("1.00", "ada").account
    card = bobs_blocked_card(shop, usd("5.00"))
    bobs_account = shop.grant("1.00", "bob").account
    shop.set_credit_status(bobs_account.id, StoreCreditStatus.CLOSED)

    call = Wrong(shop, ConvertGiftCard, code=MALFORMED, customer_id=account.customer_id)
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=card.code)
    call.put_right(customer_id="bob")
    blocked = call.told[-1]
    call.put_right(unblock(shop, card))
    closed = call.told.pop()
    call.put_right(lambda: shop.set_credit_status(bobs_account.id, StoreCreditStatus.OPEN))

    assert blocked == closed == "NotSpendable"
    assert [*documented(ConvertGiftCard), "nothing"] == call.told


@proves(BlockGiftCard, UnblockGiftCard, ReplaceGiftCardCode, DeactivateGiftCard)
@pytest.mark.parametrize("kind", [BlockGiftCard, UnblockGiftCard, ReplaceGiftCardCode, DeactivateGiftCard])
def test_what_staff_do_to_a_card(kind: type) -> None:
    """A code that is none, a card that is not there, a card that is stopped for good."""
    shop = Shop()
    card = shop.issue("5.00")
    shop.set_card_status(card, GiftCardStatus.DEACTIVATED)

    call = Wrong(shop, kind, code=MALFORMED)
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=card.code)

    assert documented(kind) == [told for told in call.told if told != "nothing"]


@proves(ChangeGiftCardExpiry)
def test_change_gift_card_expiry() -> None:
    """The card and its state come before the time, and that before what the shop's policy says of it."""
    shop = Shop(policies=Policies(expiry=AtLeastYears(5)))
    stopped, sold = shop.issue("5.00"), shop.issue("5.00", origin=LotOrigin.PURCHASED)
    shop.set_card_status(stopped, GiftCardStatus.DEACTIVATED)
    staff = {"actor": "staff/7", "reason": "asked for"}

    call = Wrong(shop, ChangeGiftCardExpiry, code=MALFORMED, expires_at=NOW, **staff)
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=stopped.code)
    call.put_right(code=sold.code)
    call.put_right(expires_at=NOW + DAY)
    call.put_right(expires_at=None)

    assert [*documented(ChangeGiftCardExpiry), "nothing"] == call.told


@proves(ReloadGiftCard)
def test_reload_gift_card() -> None:
    """The card and its state come before its currency, that before the time, and how much may be on it last."""
    shop = Shop()
    stopped, full = shop.issue(Money("5.00", "EUR")), shop.issue("5.00")
    shop.set_card_status(stopped, GiftCardStatus.BLOCKED)
    accounts, account_id = shop.storage._books.accounts, full.gift_card.account_id
    accounts[account_id] = attrs.evolve(accounts[account_id], posted=LARGEST_BALANCE - 1)

    call = Wrong(shop, ReloadGiftCard, code=MALFORMED, amount=usd("5.00"), expires_at=NOW)
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=stopped.code)
    call.put_right(unblock(shop, stopped))
    call.put_right(code=full.code)
    call.put_right(expires_at=None)
    call.put_right(amount=usd("0.01"))

    assert [*documented(ReloadGiftCard), "nothing"] == call.told


@proves(ReinstateGiftCard)
def test_reinstate_gift_card() -> None:
    """The card and its state come before its currency, that before the time, and how much has expired last."""
    shop = Shop()
    euros, dollars = shop.issue(Money("5.00", "EUR")), shop.issue("5.00", expires_at=NOW + DAY)
    shop.set_card_status(euros, GiftCardStatus.DEACTIVATED)
    shop.clock.advance(2 * DAY)
    staff = {"actor": "staff/7", "reason": "kindness"}

    call = Wrong(shop, ReinstateGiftCard, code=MALFORMED, amount=usd("9.00"), expires_at=NOW, **staff)
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=euros.code)
    call.put_right(lambda: shop.set_card_status(euros, GiftCardStatus.ACTIVE))
    call.put_right(code=dollars.code)
    call.put_right(expires_at=None)
    call.put_right(amount=usd("5.00"))

    assert [*documented(ReinstateGiftCard), "nothing"] == call.told


@proves(CashOutGiftCard)
def test_cash_out_gift_card() -> None:
    """Whose card it is comes before its state, and that before whether anything is due."""
    shop = Shop(policies=Policies(cash_out=us_cash_out))
    given, sold = bobs_blocked_card(shop, usd("5.00")), shop.issue("5.00", origin=LotOrigin.PURCHASED)

    call = Wrong(shop, CashOutGiftCard, code=MALFORMED, jurisdiction="US-CA")
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=given.code)
    call.put_right(customer_id="bob")
    call.put_right(unblock(shop, given))
    call.put_right(code=sold.code)

    assert [*documented(CashOutGiftCard), "nothing"] == call.told


@proves(UpdateGiftCard)
def test_update_gift_card() -> None:
    """A card that is not there is told before an edition that has gone."""
    shop = Shop()
    card = shop.issue("5.00")

    call = Wrong(shop, UpdateGiftCard, gift_card_id="unknown", edition=7, note=None, tags=(), metadata=None)
    call.put_right(gift_card_id=card.gift_card.id)
    call.put_right(edition=1)

    assert [*documented(UpdateGiftCard), "nothing"] == call.told


@proves(RevealGiftCardCode)
def test_reveal_gift_card_code() -> None:
    """A card that is not there is told before a code that nobody can derive."""
    shop = Shop(code_format=CodeFormat(allow_chosen=True))
    chosen, derived = shop.issue("5.00", code="WELCOME-TO-THE-SHOP"), shop.issue("5.00")

    call = Wrong(shop, RevealGiftCardCode, gift_card_id="unknown", actor="staff/7")
    call.put_right(gift_card_id=chosen.gift_card.id)
    call.put_right(gift_card_id=derived.gift_card.id)

    assert [*documented(RevealGiftCardCode), "nothing"] == call.told


@proves(RetryDeadLetter)
def test_retry_dead_letter() -> None:
    """An event that is not there is told before one that was not given up."""
    shop = Shop()
    shop.issue("5.00")
    dead = give_up_one(shop.loyalty)
    shop.issue("5.00")

    call = Wrong(shop, RetryDeadLetter, event_id="unknown")
    call.put_right(event_id=shop.last_receipt().id)
    call.put_right(event_id=dead)

    assert [*documented(RetryDeadLetter), "nothing"] == call.told


@proves(ResendGiftCard, RescheduleGift)
@pytest.mark.parametrize("kind", [ResendGiftCard, RescheduleGift])
def test_sending_a_gift(kind: type) -> None:
    """The card comes first, then its state, then its recipient, and last where the gift is on its way."""
    shop = Shop()
    plain = shop.issue("5.00")
    started, waiting = (shop.issue("5.00", recipient=Recipient(address="ada@example.com")) for _ in range(2))
    shop.execute(ResendGiftCard(gift_card_id=started.gift_card.id, idempotency_key=shop.key()))
    block(shop, plain)()

    wrong = {} if kind is ResendGiftCard else {"send_at": NOW.replace(tzinfo=None)}
    call = Wrong(shop, kind, gift_card_id="unknown", **wrong)
    if wrong:
        call.put_right(send_at=NOW)
    call.put_right(gift_card_id=plain.gift_card.id)
    call.put_right(unblock(shop, plain))
    if wrong:
        call.put_right(gift_card_id=started.gift_card.id)
    call.put_right(gift_card_id=waiting.gift_card.id)

    assert [*documented(kind), "nothing"] == call.told


@proves(ChangeGiftRecipient)
def test_change_gift_recipient() -> None:
    """A card that is not there is told before one that was stopped."""
    shop = Shop()
    card = shop.issue("5.00")
    block(shop, card)()

    call = Wrong(shop, ChangeGiftRecipient, gift_card_id="unknown", recipient=Recipient(address="ada@example.com"))
    call.put_right(gift_card_id=card.gift_card.id)
    call.put_right(unblock(shop, card))

    assert [*documented(ChangeGiftRecipient), "nothing"] == call.told


@proves(GetGift)
def test_get_gift() -> None:
    """A card that is not there is told before one that is for nobody."""
    shop = Shop()
    given = shop.issue("5.00", recipient=Recipient(address="ada@example.com"))

    call = Wrong(shop, GetGift, gift_card_id="unknown")
    call.put_right(gift_card_id=shop.issue("5.00").gift_card.id)
    call.put_right(gift_card_id=given.gift_card.id)

    assert [*documented(GetGift), "nothing"] == call.told


@proves(BlockStoreCreditAccount, UnblockStoreCreditAccount, CloseStoreCreditAccount)
@pytest.mark.parametrize("kind", [BlockStoreCreditAccount, UnblockStoreCreditAccount, CloseStoreCreditAccount])
def test_what_staff_do_to_an_account(kind: type) -> None:
    """An account that is not there is told before the state it is in."""
    shop = Shop()
    account = shop.grant("5.00").account
    if kind is not CloseStoreCreditAccount:
        shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)

    call = Wrong(shop, kind, account_id="unknown")
    call.put_right(account_id=account.id)

    assert documented(kind) == call.told


@proves(ListGiftCards, ListStoreCreditAccounts)
@pytest.mark.parametrize("kind", [ListGiftCards, ListStoreCreditAccounts])
def test_lists(kind: type) -> None:
    """What cannot be meant is told when the list is asked for, then a wrong place in it, then a wrong code."""
    shop = Shop()
    since, until = ("issued_since", "issued_until") if kind is ListGiftCards else ("opened_since", "opened_until")
    codes = {"code": MALFORMED} if kind is ListGiftCards else {}
    amounts = {"balance_from": usd("9.00"), "balance_to": usd("5.00")}

    call = Wrong(shop, kind, after="nowhere", currency="EUR", **{since: NOW, until: NOW - DAY}, **amounts, **codes)
    call.put_right(**{until: NOW})
    call.put_right(currency="USD")
    call.put_right(balance_to=usd("9.00"))
    call.put_right(after=None)
    call.put_right(**dict.fromkeys(codes))

    assert [*documented(kind), "nothing"] == call.told[: len(documented(kind)) + 1]


@proves(PlanPayment)
def test_plan_payment() -> None:
    """What makes a plan impossible is told when it is made; what is wrong with one tender is part of the answer."""
    shop = Shop()
    euros = (OrderLine(id="1", amount=Money("1.00", "EUR")),)

    call = Wrong(shop, PlanPayment, amount_due=usd("20.00"), lines=euros)
    call.put_right(codes=("!",))
    call.put_right(codes=(UNKNOWN_CODE,))
    call.put_right(lines=())

    assert [*documented(PlanPayment), "nothing"] == call.told


@proves(FindGiftCard)
def test_find_gift_card() -> None:
    """A code that is none is told before a card that is not there; nothing else keeps staff from a card."""
    shop = Shop()
    card = bobs_blocked_card(shop, usd("5.00"))

    call = Wrong(shop, FindGiftCard, code=MALFORMED)
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=card.code)

    assert [*documented(FindGiftCard), "nothing"] == call.told


@proves(GetBalance)
def test_get_balance() -> None:
    """The public query tells what a redemption would be told, in the same order."""
    shop = Shop()
    card = bobs_blocked_card(shop, usd("5.00"))

    call = Wrong(shop, GetBalance, code=MALFORMED)
    call.put_right(code=UNKNOWN_CODE)
    call.put_right(code=card.code)
    call.put_right(customer_id="bob")
    call.put_right(unblock(shop, card))

    assert [*documented(GetBalance), "nothing"] == call.told


@proves(Statement)
def test_statement() -> None:
    """Times that cannot be are told before anything is looked up."""
    call = Wrong(Shop(), Statement, account_id="nobody's", since=NOW + DAY, until=NOW)
    call.put_right(since=NOW)

    assert documented(Statement) == call.told


@proves(IssueGiftCard)
def test_issue_gift_card() -> None:
    """The expiry comes before the code, and whether a code may be chosen before what it looks like."""
    plain, shop = Shop(), Shop(code_format=CodeFormat(allow_chosen=True))
    shop.issue("5.00", code="SPRING-SALE-2026")

    call = Wrong(plain, IssueGiftCard, value=usd("5.00"), code="SHORT-12", expires_at=NOW)
    call.put_right(expires_at=NOW + DAY)
    call.put_right(lambda: call.go_to(shop))
    call.put_right(code="SPRING-SALE-2026")
    call.put_right(code="SUMMER-SALE-2026")

    assert [*documented(IssueGiftCard), "nothing"] == call.told


@proves(GrantStoreCredit)
def test_grant_store_credit() -> None:
    """The expiry comes before the account, and its state before its currency."""
    shop = Shop()
    euros = shop.grant(Money("5.00", "EUR")).account
    shop.set_credit_status(euros.id, StoreCreditStatus.CLOSED)

    call = Wrong(
        shop, GrantStoreCredit, account_id="unknown", amount=usd("5.00"), origin=LotOrigin.GOODWILL, expires_at=NOW
    )
    call.put_right(expires_at=NOW + DAY)
    call.put_right(account_id=euros.id)
    call.put_right(lambda: shop.set_credit_status(euros.id, StoreCreditStatus.OPEN))
    call.put_right(amount=Money("5.00", "EUR"))

    assert [*documented(GrantStoreCredit), "nothing"] == call.told


@proves(DebitStoreCredit)
def test_debit_store_credit() -> None:
    """The account comes before its state, its currency, the shop's rules, and what is on it."""
    shop = strict_shop()
    euros = shop.grant(Money("50.00", "EUR")).account
    dollars = shop.grant("50.00").account
    shop.set_credit_status(euros.id, StoreCreditStatus.BLOCKED)

    call = Wrong(shop, DebitStoreCredit, account_id="unknown", amount=usd("80.00"), order_id="1001", lines=BOOK)
    call.put_right(account_id=euros.id)
    call.put_right(lambda: shop.set_credit_status(euros.id, StoreCreditStatus.OPEN))
    call.put_right(account_id=dollars.id)
    call.put_right(lines=())
    call.put_right(amount=usd("60.00"))
    call.put_right(amount=usd("50.00"))

    assert [*documented(DebitStoreCredit), "nothing"] == call.told


@proves(TransferStoreCredit)
def test_transfer_store_credit() -> None:
    """Which accounts they are comes before their state, that before their currency, and what is on them last."""
    shop = Shop()
    euros, dollars = shop.grant(Money("5.00", "EUR"), "ada").account, shop.grant("5.00", "ada").account
    shop.set_credit_status(euros.id, StoreCreditStatus.BLOCKED)

    call = Wrong(shop, TransferStoreCredit, from_account_id=dollars.id, to_account_id="unknown", amount=usd("9.00"))
    call.put_right(to_account_id=None, to_customer_id="ada")
    call.put_right(from_account_id=euros.id)
    call.put_right(lambda: shop.set_credit_status(euros.id, StoreCreditStatus.OPEN))
    call.put_right(from_account_id=dollars.id, to_customer_id="bob")
    call.put_right(amount=usd("5.00"))

    assert [*documented(TransferStoreCredit), "nothing"] == call.told


@proves(MergeCustomers)
def test_merge_customers() -> None:
    """Who they are comes first, then what is held, then whether two balances can be one, then their state."""
    shop = Shop()
    whole, divided = Currency("STARS", sub_unit=1), Currency("STARS", sub_unit=100)
    account = shop.grant(Money(5, whole), "ada").account
    shop.grant(Money(5, divided), "bob")
    hold = shop.execute(
        PlaceHold(order_id="1001", amount_due=Money(1, whole), customer_id="ada", idempotency_key="hold")
    )
    shop.set_credit_status(account.id, StoreCreditStatus.BLOCKED)

    call = Wrong(shop, MergeCustomers, from_customer_id="ada", into_customer_id="ada")
    call.put_right(into_customer_id="bob")
    call.put_right(lambda: shop.execute(VoidHold(hold_id=hold.id, idempotency_key="void")))
    call.put_right(into_customer_id="carl")
    call.put_right(lambda: shop.set_credit_status(account.id, StoreCreditStatus.OPEN))

    assert [*documented(MergeCustomers), "nothing"] == call.told


@proves(ReviseDenominations)
def test_revise_denominations() -> None:
    """A call that contradicts itself is told first, then a product that is not there, then one that has changed."""
    shop = Shop()
    offer = Denomination(variant_id="v-25", prices=usd("25.00"))
    shop.execute(
        DefineGiftCardProduct(title="Gift card", product_id="gift", denominations=(offer,), idempotency_key="gift")
    )

    call = Wrong(
        shop, ReviseDenominations, product_id="unknown", version=7, denominations=(offer,), retire=("v-25", "v-50")
    )
    call.put_right(denominations=())
    call.put_right(product_id="gift")
    call.put_right(version=1)
    call.put_right(retire=("v-25",))

    assert [*documented(ReviseDenominations), "nothing"] == call.told


@proves(AdjustValue)
def test_adjust_value() -> None:
    """The account comes before its currency, that before its state, and the new value's expiry last."""
    shop = Shop()
    card = shop.issue(Money("5.00", "EUR"))
    shop.set_card_status(card, GiftCardStatus.DEACTIVATED)
    staff: dict[str, Any] = {"actor": "staff/7", "reason": "counted again", "direction": Direction.CREDIT}

    call = Wrong(shop, AdjustValue, gift_card_id="unknown", amount=usd("9.00"), expires_at=NOW, **staff)
    call.put_right(gift_card_id=None, account_id="unknown")
    call.put_right(account_id=card.gift_card.account_id)
    call.put_right(amount=Money("9.00", "EUR"))
    call.put_right(lambda: shop.set_card_status(card, GiftCardStatus.ACTIVE))
    call.put_right(expires_at=None, direction=Direction.DEBIT)
    call.put_right(amount=Money("5.00", "EUR"))

    assert [*documented(AdjustValue), "nothing"] == call.told


@proves(RefundRedemption)
def test_refund_redemption() -> None:
    """What was paid comes before in which currency, how much of it is left, and where it would go."""
    shop = Shop()
    account = shop.grant("20.00").account
    shop.execute(DebitStoreCredit(customer_id="ada", amount=usd("20.00"), order_id="1001", idempotency_key="1001"))
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)

    call = Wrong(shop, RefundRedemption, order_id="9999", amount=Money("30.00", "EUR"))
    call.put_right(order_id="1001")
    call.put_right(amount=usd("30.00"))
    call.put_right(amount=usd("20.00"))
    call.put_right(lambda: shop.set_credit_status(account.id, StoreCreditStatus.OPEN))

    assert [*documented(RefundRedemption), "nothing"] == call.told


@proves(RefundOrderToStoreCredit, RefundAsGiftCard)
@pytest.mark.parametrize("kind", [RefundOrderToStoreCredit, RefundAsGiftCard])
def test_refund_as_new_value(kind: type) -> None:
    """The ceiling's currency comes first, then the expiry, then the ceiling, then the account."""
    shop = Shop()
    whose: Mapping[str, str] = {"customer_id": "ada"} if kind is RefundOrderToStoreCredit else {}
    account = shop.grant("1.00").account
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)

    call = Wrong(
        shop, kind, order_id="1001", amount=usd("9.00"), refundable=Money("5.00", "EUR"), expires_at=NOW, **whose
    )
    call.put_right(refundable=usd("5.00"))
    call.put_right(expires_at=NOW + DAY)
    call.put_right(amount=usd("5.00"))

    assert (documented(kind) if whose else [*documented(kind), "nothing"]) == call.told


@proves(ReverseTransfer)
def test_reverse_transfer() -> None:
    """Whether it may be reversed comes before whether it was, and that before where its value is."""
    shop = Shop()
    staff: dict[str, Any] = {"actor": "staff/7", "reason": "mistake"}
    closed = shop.grant("5.00", "bob")
    taken = shop.execute(
        DebitStoreCredit(customer_id="bob", amount=usd("5.00"), order_id="1002", idempotency_key="bob/debit")
    )
    shop.set_credit_status(closed.account.id, StoreCreditStatus.CLOSED)
    spent, reversed_ = shop.grant("5.00", "carl"), shop.grant("5.00", "dora")
    shop.execute(DebitStoreCredit(customer_id="carl", amount=usd("1.00"), idempotency_key="carl/debit"))
    undone = shop.execute(ReverseTransfer(transfer_id=reversed_.transfer.id, idempotency_key="undo", **staff))

    call = Wrong(shop, ReverseTransfer, transfer_id="unknown", **staff)
    for transfer_id in (undone.id, reversed_.transfer.id, taken.transfer.id, spent.transfer.id):
        call.put_right(transfer_id=transfer_id)

    assert documented(ReverseTransfer) == call.told


@proves(ImportGiftCards)
def test_import_gift_cards() -> None:
    """What was expected of the rows comes before whether their codes are allowed, and both before what is taken."""
    shop = Shop()
    rows = [GiftCardRow(source_id="1", value=usd("5.00"), code="OLD-CARD-00001")]
    call = Wrong(shop, ImportGiftCards, source="old", rows=rows, expected_rows=2)
    call.put_right(expected_rows=1)
    told = call.told

    assert documented(ImportGiftCards)[:2] == told


@proves(RevealBatchCodes)
def test_reveal_batch_codes() -> None:
    """What there is comes before whether its codes can be made."""
    shop = Shop()
    batch = shop.execute(IssueGiftCardBatch(count=1, value=usd("5.00"), idempotency_key="batch"))
    present, shop.loyalty = shop.loyalty, shop.with_keys(CodeKeys.from_secret("another secret of the shop"))

    call = Wrong(shop, RevealBatchCodes, batch_id="unknown", actor="a printer")
    call.put_right(batch_id=batch.id)
    shop.loyalty = present
    call.put_right()

    assert [*documented(RevealBatchCodes), "nothing"] == call.told


@proves(IssueGiftCardsForOrder)
def test_issue_gift_cards_for_order() -> None:
    """What is on sale comes before what was sold, and that before whether anything more is."""
    shop = Shop()
    define(shop)
    for order_id in ("reversed", "full"):
        issue(shop, line("a"), order_id=order_id)
    reverse(shop, "reversed")
    euros, rest = Money("9.00", "EUR"), line("b", quantity=500, paid="5000.00")

    call = Wrong(
        shop,
        IssueGiftCardsForOrder,
        order=order(line("a", "unknown", euros, product_id="unknown"), order_id="reversed"),
    )
    call.put_right(order=order(line("a", "unknown", euros), order_id="reversed"))
    call.put_right(order=order(line("a", "10", euros), order_id="reversed"))
    call.put_right(order=order(line("a", "25"), order_id="reversed"))
    call.put_right(order=order(rest, order_id="reversed"))
    call.put_right(order=order(rest, order_id="full"))
    call.put_right(order=order(attrs.evolve(rest, quantity=499), order_id="full"))

    assert [*documented(IssueGiftCardsForOrder), "nothing"] == call.told


def test_what_comes_before_every_commands_own_errors() -> None:
    """A call that cannot be made is told first, then too many attempts, then a key that was used before."""
    shop = Shop()
    shop.issue("5.00", key="used")
    patient, impatient = shop.loyalty, Loyalty(shop.storage, code_keys=KEYS, clock=shop.clock, attempt_limiter=_Full())
    told = []

    def execute(loyalty_: Loyalty, amount: Money) -> None:
        try:
            loyalty_.execute(RedeemGiftCard(code=MALFORMED, amount=amount, order_id="1", idempotency_key="used"))
        except LoyaltyError as error:
            told.append(type(error).__name__)

    execute(impatient, usd("-1.00"))
    execute(impatient, usd("1.00"))
    execute(patient, usd("1.00"))

    assert ["InvalidAmount", "TooManyAttempts", "IdempotencyConflict"] == told


class _Full:
    """A limiter that has heard enough."""

    def require(self, caller: str | None) -> None:  # noqa: ARG002 - it does not care who asks
        """Refuse everybody."""
        raise TooManyAttempts

    def wrong(self, caller: str | None) -> None:
        """Count nothing."""

    def mistyped(self, caller: str | None) -> None:
        """Count nothing."""


@pytest.mark.parametrize("name", sorted(loyalty.__all__))
def test_every_order_that_is_promised_is_proven(name: str) -> None:
    """A command or query that lists two errors or more has a test above in which one after another is due."""
    found = public_reference.Name("loyalty", name, getattr(loyalty, name))
    if any(is_kind(found) for is_kind in (public_reference.is_command, public_reference.is_query)):
        assert len(documented(found.value)) < 2 or name in PROVEN
