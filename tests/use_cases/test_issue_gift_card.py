"""Issuing a gift card: its facts, its code, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
from moneyed import Currency, Money

from loyalty import (
    Audit,
    CodeFormat,
    CodeKeys,
    GetBalance,
    GetGiftCard,
    GiftCardStatus,
    HouseAccount,
    IssueGiftCard,
    LotOrigin,
    Loyalty,
    MemoryStorage,
    Movements,
    RedeemGiftCard,
    Statement,
    TaxTreatment,
    TransferKind,
)
from loyalty.errors import (
    ClaimedByAnother,
    DuplicateRecord,
    IdempotencyConflict,
    InvalidAmount,
    InvalidRequest,
    InvalidTime,
    MalformedCode,
)
from loyalty.ports.storage import TransferFilter
from tests.use_cases.shop import DAY, KEYS, MICROSECOND, NOW, SECRET, Shop, usd

CHOOSING = CodeFormat(allow_chosen=True)
POINTS = Currency(code="PTS", sub_unit=1, name="Points")


def test_a_new_card_is_worth_its_value_and_spendable_at_once() -> None:
    """A card issued without further wishes is active, promotional, unclaimed and worth its value for ever."""
    shop = Shop()
    card = shop.issue("50.00").gift_card
    assert GiftCardStatus.ACTIVE is card.status
    assert LotOrigin.PROMOTIONAL is card.origin
    assert (usd("50.00"), usd("50.00"), usd("0.00"), usd("50.00")) == (
        card.value, card.posted, card.held, card.available,
    )  # fmt: skip
    assert (None, None, None, NOW) == (card.expires_at, card.customer_id, card.tax_rate, card.issued_at)
    assert (False, False, False, False) == (
        card.is_disabled, card.is_expired, card.is_exhausted, card.is_partly_used,
    )  # fmt: skip
    assert card == shop.card(shop.issue("50.00", key="key-1"))


def test_every_fact_said_at_issue_is_kept() -> None:
    """Whatever the merchant says about a card at issue stands on the card afterwards."""
    shop = Shop()
    issued = shop.issue(
        "25.00",
        expires_at=NOW + DAY,
        customer_id="ada",
        recipient="grace@example.org",
        region="reg_eu",
        tax_rate="19",
        tax_treatment=TaxTreatment.SINGLE_PURPOSE,
        origin=LotOrigin.GOODWILL,
        order_id="900",
        note="sorry\nfor the delay",
        tags=["vip", "spring"],
    )
    card = shop.card(issued)
    assert ("ada", NOW) == (card.customer_id, card.claimed_at)
    assert (NOW + DAY, "grace@example.org", "reg_eu") == (card.expires_at, card.recipient, card.region)
    assert Decimal(19) == card.tax_rate
    assert (LotOrigin.GOODWILL, "900") == (card.origin, card.order_id)
    assert ("sorry\nfor the delay", ("vip", "spring")) == (card.note, card.tags)


def test_a_card_from_an_order_is_purchased() -> None:
    """A card that names its order is of purchased origin, unless said otherwise."""
    shop = Shop()
    assert LotOrigin.PURCHASED is shop.issue(order_id="900").gift_card.origin
    assert LotOrigin.GOODWILL is shop.issue(order_id="901", origin=LotOrigin.GOODWILL).gift_card.origin


@pytest.mark.parametrize(
    ("origin", "house"),
    [
        (LotOrigin.PURCHASED, HouseAccount.SALES),
        (LotOrigin.PROMOTIONAL, HouseAccount.PROMOTION),
        (LotOrigin.GOODWILL, HouseAccount.GOODWILL),
        (LotOrigin.REFUND, HouseAccount.REFUNDS),
        (LotOrigin.MIGRATION, HouseAccount.MIGRATION),
    ],
)
def test_each_origin_is_funded_by_its_house_account(origin: LotOrigin, house: HouseAccount) -> None:
    """The value of a new card comes from the house account of its origin, to the cent."""
    shop = Shop()
    shop.issue("50.00", origin=origin)
    (movements,) = shop.ask(Movements())
    assert usd("-50.00") == movements.house[house]
    assert usd("50.00") == movements.closing == movements.issued


def test_zero_is_a_tax_rate_and_none_is_none() -> None:
    """A tax rate of zero is kept apart from no tax rate."""
    shop = Shop()
    zero, none = shop.issue(tax_rate=0), shop.issue(tax_rate=None)
    assert Decimal(0) == zero.gift_card.tax_rate
    assert zero.gift_card.tax_rate is not None
    assert none.gift_card.tax_rate is None


@pytest.mark.parametrize("rate", ["19", "7.7", "0", "100", "8.875", Decimal("0.000001"), 21])
def test_tax_rates_keep_their_figures(rate: str | int | Decimal) -> None:
    """A tax rate is a decimal percentage and is stored exactly."""
    assert Decimal(rate) == Shop().issue(tax_rate=rate).gift_card.tax_rate


@pytest.mark.parametrize("rate", ["-1", "100.01", "0.0000001", "NaN", "1e1", "", "19%", "1_9", "١٩", 1.9, True, " 19"])
def test_other_tax_rates_are_refused(rate: object) -> None:
    """A tax rate that is no plain percentage from 0 to 100 is an invalid amount."""
    with pytest.raises(InvalidAmount):
        IssueGiftCard(value=usd("5"), tax_rate=rate, idempotency_key="k")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("money", "smallest"),
    [
        (Money("500", "JPY"), Money("1", "JPY")),
        (Money("5.125", "KWD"), Money("0.001", "KWD")),
        (Money("0.0002", "CLF"), Money("0.0001", "CLF")),
        (Money("1200", POINTS), Money("1", POINTS)),
    ],
    ids=["JPY", "KWD", "CLF", "points"],
)
def test_currencies_with_other_decimals_are_exact(money: Money, smallest: Money) -> None:
    """Yen, dinars, unidades de fomento and the shop's own points are exact to their own minor unit."""
    shop = Shop()
    issued = shop.issue(money)
    spent = shop.redeem(issued, smallest)
    assert money == issued.gift_card.value
    assert smallest == spent.amount
    assert money - smallest == spent.balance_after == shop.card(issued).available
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize(
    "money",
    [
        Money("0.5", "JPY"), Money("0.0001", "KWD"), Money("0.00001", "CLF"), Money("0.001", "USD"),
        Money("1.5", POINTS), Money("-5", "USD"), Money("0", "USD"), Money("10000000000000.01", "USD"),
    ],
    ids=str,
)  # fmt: skip
def test_inexact_amounts_are_refused_before_anything_happens(money: Money) -> None:
    """A value that is negative, zero, too large or has too many decimals never becomes a card."""
    with pytest.raises(InvalidAmount):
        IssueGiftCard(value=money, idempotency_key="k")


def test_the_largest_value_is_ten_to_the_fifteenth() -> None:
    """Exactly 10^15 minor units can be issued."""
    assert usd("10000000000000.00") == Shop().issue("10000000000000.00").gift_card.available


@pytest.mark.parametrize("lives_for", [MICROSECOND, DAY])
def test_an_expiry_in_the_future_is_accepted(lives_for: object) -> None:
    """One microsecond of life is enough."""
    shop = Shop()
    expires_at = NOW + (MICROSECOND if lives_for == MICROSECOND else DAY)
    assert expires_at == shop.issue(expires_at=expires_at).gift_card.expires_at


@pytest.mark.parametrize("expires_at", [NOW, NOW - MICROSECOND, datetime(1, 1, 1, tzinfo=UTC)])
def test_an_expiry_that_is_over_is_refused(expires_at: datetime) -> None:
    """A card must expire after the instant of its issue; that instant itself is too late."""
    shop = Shop()
    before = shop.books()
    with pytest.raises(InvalidTime):
        shop.issue(expires_at=expires_at)
    assert before == shop.books()


def test_the_code_pays_and_is_shown_nowhere_else() -> None:
    """The code in the result pays; neither the view, nor any text of the books, nor a repr shows it."""
    shop = Shop()
    issued = shop.issue()
    plain = issued.code.replace("-", "")
    assert issued.code.startswith("GIFT-")
    assert usd("50.00") == shop.ask(GetBalance(code=issued.code)).available
    for text in (repr(issued), str(issued), repr(shop.books()), str(shop.books())):
        assert issued.code not in text
        assert plain not in text


def test_codes_differ() -> None:
    """A hundred cards have a hundred codes."""
    shop = Shop()
    assert 100 == len({shop.issue("1.00").code for _ in range(100)})


def test_a_replay_answers_with_the_same_code_and_changes_nothing() -> None:
    """The same key with the same content answers the same card and code, and issues nothing."""
    shop = Shop()
    command = IssueGiftCard(value=usd("50.00"), note="hello", metadata={"a": [1]}, idempotency_key="welcome/ada")
    issued = shop.execute_twice(command)
    shop.clock.advance(400 * DAY)
    again = shop.execute(command)
    assert (issued, issued.code) == (again, again.code)


def test_the_card_of_a_replay_is_the_card_of_the_first_answer() -> None:
    """A replay after a redemption still answers what was true at issue."""
    shop = Shop()
    issued = shop.issue("50.00", key="once")
    shop.redeem(issued, "20.00")
    assert usd("50.00") == shop.issue("50.00", key="once").gift_card.available
    assert usd("30.00") == shop.card(issued).available


@pytest.mark.parametrize(
    "other",
    [
        {"value": usd("50.01")},
        {"value": Money("50.00", "EUR")},
        {"note": "x"},
        {"tags": ("x",)},
        {"metadata": {"x": 1}},
        {"tax_rate": 0},
        {"expires_at": NOW + DAY},
        {"actor": "staff"},
        {"occurred_at": NOW},
        {"origin": LotOrigin.PROMOTIONAL},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_same_key_with_other_content_is_a_conflict(other: dict[str, Any]) -> None:
    """Every field of the command belongs to what its key stands for."""
    shop = Shop()
    shop.issue("50.00", key="once")
    before = shop.books()
    with pytest.raises(IdempotencyConflict):
        shop.execute(IssueGiftCard(**{"value": usd("50.00"), "idempotency_key": "once", **other}))
    assert before == shop.books()


def test_a_replay_past_the_expiry_still_answers() -> None:
    """A replay is answered from the receipt even when the rules would refuse the command today."""
    shop = Shop()
    command = IssueGiftCard(value=usd("5.00"), expires_at=NOW + DAY, idempotency_key="once")
    issued = shop.execute(command)
    shop.clock.advance(DAY)
    again = shop.execute(command)
    assert (issued, issued.code) == (again, again.code)


# --- chosen codes -----------------------------------------------------------


def test_a_chosen_code_needs_leave() -> None:
    """Without a format that allows it, nobody may choose a code."""
    shop = Shop()
    before = shop.books()
    with pytest.raises(InvalidRequest):
        shop.issue(code="SUMMER-2026-VIP")
    assert before == shop.books()


def test_a_chosen_code_pays_however_it_is_typed() -> None:
    """A chosen code is compared in its normal form."""
    shop = Shop(code_format=CHOOSING)
    issued = shop.issue(code="Summer-2026-Vip")
    for typed in ("SUMMER2026VIP", "summer 2026 vip", "summer-2026-v1p"):
        assert usd("50.00") == shop.ask(GetBalance(code=typed)).available
    assert usd("50.00") == shop.ask(GetBalance(code=issued.code)).available


def test_generated_codes_still_work_where_codes_may_be_chosen() -> None:
    """Allowing chosen codes takes nothing from generated ones."""
    shop = Shop(code_format=CHOOSING)
    assert usd("50.00") == shop.ask(GetBalance(code=shop.issue().code)).available


@pytest.mark.parametrize(
    "code", ["SHORT-1", "GIFT-ABCD-EFGH-JKMN", "5901234123457", "SUMMER_2026_VIP", "\u0421UMMER2026VIP"]
)
def test_bad_chosen_codes_are_malformed(code: str) -> None:
    """A chosen code that is short, looks generated, is an article number or holds odd symbols is refused."""
    shop = Shop(code_format=CHOOSING)
    before = shop.books()
    with pytest.raises(MalformedCode):
        shop.issue(code=code)
    assert before == shop.books()


@pytest.mark.parametrize("again", ["SUMMER-2026-VIP", "summer2026vip"])
def test_a_chosen_code_is_taken_once(again: str) -> None:
    """The same chosen code in any spelling belongs to one card."""
    shop = Shop(code_format=CHOOSING)
    shop.issue(code="SUMMER-2026-VIP")
    before = shop.books()
    with pytest.raises(DuplicateRecord):
        shop.issue(code=again)
    assert before == shop.books()


def test_a_chosen_code_is_taken_under_a_retired_key_too() -> None:
    """After the keys rotated, a chosen code of before is still taken."""
    shop = Shop(code_format=CHOOSING)
    shop.issue(code="SUMMER-2026-VIP")
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    with pytest.raises(DuplicateRecord):
        rotated.execute(IssueGiftCard(value=usd("5"), code="SUMMER-2026-VIP", idempotency_key="other"))


def test_a_chosen_code_is_replayed() -> None:
    """Issuing under a chosen code twice with one key is one card, answered twice."""
    shop = Shop(code_format=CHOOSING)
    shop.execute_twice(IssueGiftCard(value=usd("5.00"), code="SUMMER-2026-VIP", idempotency_key="once"))


def test_another_chosen_code_under_the_same_key_is_a_conflict() -> None:
    """The chosen code belongs to the content of the command."""
    shop = Shop(code_format=CHOOSING)
    shop.issue(code="SUMMER-2026-VIP", key="once")
    with pytest.raises(IdempotencyConflict):
        shop.issue(code="SUMMER-2027-VIP", key="once")


def test_a_chosen_code_is_stored_nowhere() -> None:
    """Neither the cards nor the receipts hold a chosen code, in either spelling."""
    shop = Shop(code_format=CHOOSING)
    shop.issue(code="SUMMER-2026-VIP")
    assert "SUMMER" not in repr(shop.books()).upper()


# --- order of errors --------------------------------------------------------


def test_a_bad_time_is_told_before_a_code_that_is_not_allowed() -> None:
    """Errors come in the order in which they are documented: the time first."""
    with pytest.raises(InvalidTime):
        Shop().issue(expires_at=NOW, code="SUMMER-2026-VIP")


def test_a_missing_leave_is_told_before_a_malformed_code() -> None:
    """Errors come in the order in which they are documented: the leave before the code's shape."""
    with pytest.raises(InvalidRequest) as caught:
        Shop().issue(code="SHORT-1")
    assert InvalidRequest is type(caught.value)


# --- rotation ---------------------------------------------------------------


def test_after_rotation_old_codes_still_pay() -> None:
    """A retired secret still finds the cards that were issued under it."""
    shop = Shop()
    issued = shop.issue()
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    redemption = rotated.execute(
        RedeemGiftCard(code=issued.code, amount=usd("20.00"), order_id="1", idempotency_key="after")
    )
    assert usd("30.00") == redemption.balance_after


def test_after_rotation_a_replayed_issue_shows_the_same_code() -> None:
    """The code of a replay is derived under the key it was first minted with."""
    shop = Shop()
    command = IssueGiftCard(value=usd("50.00"), idempotency_key="once")
    issued = shop.execute(command)
    before = shop.books()
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    again = rotated.execute(command)
    assert (issued, issued.code) == (again, again.code)
    assert before == shop.books()


def test_after_rotation_a_key_still_conflicts_with_other_content() -> None:
    """The fingerprint of an old receipt is compared under its own key."""
    shop = Shop()
    shop.issue("50.00", key="once")
    rotated = shop.with_keys(CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET]))
    with pytest.raises(IdempotencyConflict):
        rotated.execute(IssueGiftCard(value=usd("50.01"), idempotency_key="once"))


def test_after_rotation_new_cards_use_the_new_key() -> None:
    """The current secret makes everything new."""
    shop = Shop()
    keys = CodeKeys.from_secret("a new secret for the same shop", retired=[SECRET])
    issued = shop.with_keys(keys).execute(IssueGiftCard(value=usd("5.00"), idempotency_key="new"))
    assert keys.current_id == issued.code_key_id
    assert KEYS.current_id != issued.code_key_id


def test_a_replay_without_its_retired_secret_is_a_typed_error() -> None:
    """If the secret of an old receipt is gone, the replay says so and changes nothing."""
    shop = Shop()
    command = IssueGiftCard(value=usd("50.00"), idempotency_key="once")
    shop.execute(command)
    before = shop.books()
    with pytest.raises(InvalidRequest):
        shop.with_keys(CodeKeys.from_secret("only a new secret, none retired")).execute(command)
    assert before == shop.books()


# --- what it leaves behind --------------------------------------------------


def test_the_transfer_carries_what_the_caller_said() -> None:
    """Actor, reason, note, order and the host's time stand on the transfer of the issue."""
    shop = Shop()
    shop.issue(actor="staff/7", reason="welcome", note="n", occurred_at=NOW - DAY, order_id="900")
    (transfer,) = shop.storage.read(lambda reader: tuple(reader.transfers(TransferFilter())))
    assert (TransferKind.ISSUE, "staff/7", "welcome", "n") == (
        transfer.kind, transfer.actor, transfer.reason, transfer.note,
    )  # fmt: skip
    assert (NOW - DAY, NOW, "900") == (transfer.occurred_at, transfer.recorded_at, transfer.order_id)


def test_one_event_is_written() -> None:
    """Issuing writes one event, with the ids and the value and without the code."""
    shop = Shop()
    issued = shop.issue(recipient="grace@example.org")
    receipt = shop.last_receipt()
    assert "GiftCardIssued" == receipt.event
    assert issued.gift_card.id in receipt.event_data
    assert issued.code not in receipt.event_data


def test_a_card_issued_to_a_customer_is_his_alone() -> None:
    """A card with a customer from the start is not spent by another."""
    shop = Shop()
    issued = shop.issue(customer_id="ada")
    with pytest.raises(ClaimedByAnother):
        shop.redeem(issued, "1.00", customer_id="bob")
    assert usd("49.00") == shop.redeem(issued, "1.00", customer_id="ada").balance_after


def test_codes_of_a_retired_format_are_still_taken() -> None:
    """A shop that changes how its codes look still takes the old ones, and shows them again as they were."""
    storage = MemoryStorage()
    issue = IssueGiftCard(value=usd("50.00"), idempotency_key="once", metadata={"campaign": ["spring"]})
    before = Loyalty(storage, code_keys=KEYS).execute(issue)
    later = Loyalty(storage, code_keys=KEYS, code_format=CodeFormat(prefix="SHOP", symbols=24, retired=(CodeFormat(),)))

    assert before == later.execute(issue)
    assert usd("50.00") == later.ask(GetBalance(code=before.code)).available
    assert later.execute(attrs.evolve(issue, idempotency_key="again")).code.startswith("SHOP-")


def test_without_its_retired_format_a_code_is_malformed() -> None:
    """A shop that forgets its earlier format does not take its codes."""
    storage = MemoryStorage()
    code = Loyalty(storage, code_keys=KEYS).execute(IssueGiftCard(value=usd("5.00"), idempotency_key="once")).code
    later = Loyalty(storage, code_keys=KEYS, code_format=CodeFormat(prefix="SHOP"))

    with pytest.raises(MalformedCode):
        later.ask(GetBalance(code=code))


def test_metadata_can_be_read_back() -> None:
    """What the host noted with a card stands on the card, and on the entry that made it."""
    shop = Shop()
    issued = shop.issue("5.00", metadata={"campaign": ["spring"]})

    assert {"campaign": ["spring"]} == shop.ask(GetGiftCard(id=issued.gift_card.id)).metadata
    (entry,) = shop.ask(Statement(account_id=issued.gift_card.account_id)).entries
    assert {"campaign": ["spring"]} == entry.metadata
