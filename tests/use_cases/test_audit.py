"""The audit names every kind of wrong row, and nothing where nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from loyalty import Audit, DebitStoreCredit, HoldStatus, HoldView, LapseHolds, RefundRedemption, StoreCreditStatus
from loyalty.identifiers import AccountId, LotId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import HoldTender
from loyalty.ledger.lot import Lot
from loyalty.ledger.transfer import Transfer
from tests.use_cases.checkout import capture, hold
from tests.use_cases.shop import DAY, Shop, usd


def scene() -> tuple[Shop, AccountId]:
    """Return a shop with one account that was credited, spent from and refunded to, and the account's id."""
    shop = Shop()
    issued = shop.issue("50.00")
    shop.redeem(issued, "30.00")
    shop.execute(RefundRedemption(order_id="1001", amount=usd("5.00"), idempotency_key="refund"))
    shop.grant("10.00", "bob")
    return shop, issued.gift_card.account_id


def put_account(shop: Shop, id_: AccountId, **wrong: Any) -> None:
    """Change an account behind the library's back."""
    books = shop.storage._books
    books.accounts[id_] = attrs.evolve(books.accounts[id_], **wrong)


def put_lot(shop: Shop, id_: AccountId, **wrong: Any) -> None:
    """Change the one lot of an account behind the library's back."""
    account: Account = shop.storage._books.accounts[id_]
    put_account(shop, id_, lots=tuple(attrs.evolve(lot, **wrong) for lot in account.lots))


def put_transfer(shop: Shop, id_: AccountId, place: int, change: Callable[[Transfer], Transfer]) -> None:
    """Change one transfer of an account behind the library's back."""
    books = shop.storage._books
    old = books.entries[id_][place]
    new = change(old)
    books.entries[id_][place] = new
    books.transfers[old.id] = new


def side_with(**wrong: Any) -> Callable[[Transfer], Transfer]:
    """Return a change of the customer's side of a debit."""
    return lambda transfer: attrs.evolve(transfer, debit=attrs.evolve(transfer.debit, **wrong))


WRONGS: dict[str, tuple[str, Callable[[Shop, AccountId], None]]] = {
    "a balance": ("account", lambda shop, id_: put_account(shop, id_, posted=9_999)),
    "a sequence of the account": ("account", lambda shop, id_: put_account(shop, id_, sequence=9)),
    "more held than posted": ("account", lambda shop, id_: put_account(shop, id_, held=9_999)),
    "held without lots": ("account", lambda shop, id_: put_account(shop, id_, held=1)),
    "less than nothing held": ("account", lambda shop, id_: put_account(shop, id_, held=-1)),
    "what is left in a lot": ("lot", lambda shop, id_: put_lot(shop, id_, remaining=2_499)),
    "more held in a lot than is left": ("lot", lambda shop, id_: put_lot(shop, id_, held=9_999)),
    "a lot above its amount": ("lot", lambda shop, id_: put_lot(shop, id_, amount=5)),
    "a lot that is gone": ("lot", lambda shop, id_: put_account(shop, id_, lots=())),
    "a lot from nowhere": ("lot", lambda shop, id_: put_account(shop, id_, lots=_with_twin(shop, id_))),
    "an amount": ("transfer", lambda shop, id_: put_transfer(shop, id_, 1, lambda t: attrs.evolve(t, amount=1))),
    "an amount below zero": (
        "transfer",
        lambda shop, id_: put_transfer(shop, id_, 1, lambda t: attrs.evolve(t, amount=-3_000)),
    ),
    "a sequence": ("transfer", lambda shop, id_: put_transfer(shop, id_, 1, side_with(sequence=7))),
    "a sequence twice": ("transfer", lambda shop, id_: put_transfer(shop, id_, 1, side_with(sequence=1))),
    "a balance after": ("transfer", lambda shop, id_: put_transfer(shop, id_, 1, side_with(balance_after=1))),
    "a currency": ("transfer", lambda shop, id_: put_transfer(shop, id_, 1, lambda t: attrs.evolve(t, currency="EUR"))),
    "decimals": ("transfer", lambda shop, id_: put_transfer(shop, id_, 1, lambda t: attrs.evolve(t, exponent=3))),
    "moves of lots": ("transfer", lambda shop, id_: put_transfer(shop, id_, 1, side_with(lots=()))),
    "a refund of nothing there": (
        "transfer",
        lambda shop, id_: put_transfer(shop, id_, 2, lambda t: attrs.evolve(t, refunds=TransferId("nowhere"))),
    ),
    "a refund beyond its redemption": ("transfer", lambda shop, id_: put_transfer(shop, id_, 2, _larger_refund)),
}


def _with_twin(shop: Shop, id_: AccountId) -> tuple[Lot, ...]:
    (lot,) = shop.storage._books.accounts[id_].lots
    return (lot, attrs.evolve(lot, id=LotId("twin")))


def _larger_refund(transfer: Transfer) -> Transfer:
    return attrs.evolve(transfer, amount=3_001)


def held_scene() -> tuple[Shop, HoldView, HoldView]:
    """Return a shop with a card on which one order holds value, and a hold of another order that was captured."""
    shop = Shop()
    issued = shop.issue("50.00")
    captured = hold(shop, "10.00", codes=[issued.code], order_id="captured")
    capture(shop, captured, "6.00")
    return shop, hold(shop, "20.00", codes=[issued.code], order_id="open"), captured


def put_hold(shop: Shop, held: HoldView, **wrong: Any) -> None:
    """Change a hold behind the library's back."""
    holds = shop.storage._books.holds
    holds[held.id] = attrs.evolve(holds[held.id], **wrong)


def put_reservation(shop: Shop, held: HoldView, **wrong: Any) -> None:
    """Change what a hold reserves on its one account behind the library's back."""
    (part,) = held.parts
    account = shop.storage._books.accounts[part.account_id]
    reservations = tuple(attrs.evolve(one, **wrong) if one.hold_id == held.id else one for one in account.reservations)
    put_account(shop, part.account_id, reservations=reservations)


def _less_reserved(shop: Shop, held: HoldView, _captured: HoldView) -> None:
    """Have account and lots agree on less than the hold says."""
    (part,) = held.parts
    account = shop.storage._books.accounts[part.account_id]
    (reservation,) = account.reservations
    (move,) = reservation.moves
    put_reservation(shop, held, moves=(attrs.evolve(move, amount=1_999),))
    put_lot(shop, part.account_id, held=1_999)
    put_account(shop, part.account_id, held=1_999)


def _without_transfer(shop: Shop, _held: HoldView, captured: HoldView) -> None:
    transfers = shop.storage._books.transfers
    for id_ in [id_ for id_, transfer in transfers.items() if transfer.hold_id == captured.id]:
        transfers[id_] = attrs.evolve(transfers[id_], hold_id=None)


def _tender(held: HoldView, amount: int) -> tuple[HoldTender, ...]:
    return (HoldTender(account_id=held.parts[0].account_id, amount=amount),)


HOLD_WRONGS: dict[str, tuple[str, str, Callable[[Shop, HoldView, HoldView], None]]] = {
    "more captured than was redeemed": (
        "captured", "captured something else", lambda shop, _, captured: put_hold(shop, captured, captured=700),
    ),
    "less captured than was redeemed": (
        "captured", "captured something else", lambda shop, _, captured: put_hold(shop, captured, captured=500),
    ),
    "more captured than was held": (
        "captured", "more than it held",
        lambda shop, _, captured: put_hold(shop, captured, tenders=_tender(captured, 5)),
    ),
    "a capture that no redemption names": ("captured", "captured something else", _without_transfer),
    "value reserved for a captured hold": (
        "open", "is captured, but 2000 is still reserved",
        lambda shop, held, _: put_hold(shop, held, status=HoldStatus.CAPTURED),
    ),
    "value reserved for a voided hold": (
        "open", "is voided, but 2000 is still reserved",
        lambda shop, held, _: put_hold(shop, held, status=HoldStatus.VOIDED),
    ),
    "value reserved for a swept hold": (
        "open", "is lapsed, but 2000 is still reserved",
        lambda shop, held, _: put_hold(shop, held, status=HoldStatus.LAPSED),
    ),
    "value reserved for no hold": (
        "open", "is not there, but value is reserved for it", lambda shop, held, _: _forget(shop, held),
    ),
    "less reserved than the hold says": ("open", "does not hold the 1999", _less_reserved),
    "a hold that says more than is reserved": (
        "open", "does not hold the 2000", lambda shop, held, _: put_hold(shop, held, tenders=_tender(held, 2_001)),
    ),
    "a hold whose account forgot it": ("open", "holds 2000 that account", lambda shop, held, _: _let_go(shop, held)),
    "a hold that does not know the account": (
        "open", "does not hold the 2000", lambda shop, held, _: put_hold(shop, held, tenders=()),
    ),
}  # fmt: skip


def _let_go(shop: Shop, held: HoldView) -> None:
    """Have account and lots agree that nothing is held, as if nobody had ever reserved anything."""
    (part,) = held.parts
    put_lot(shop, part.account_id, held=0)
    put_account(shop, part.account_id, reservations=(), held=0)


def test_a_reservation_that_was_seen_to_lapse_is_missed_by_nobody() -> None:
    """Another order's hold clears it at its time; the row says open until a sweep, also if the clock goes back."""
    shop, held, _ = held_scene()
    shop.clock.now = held.lapses_at
    hold(shop, "44.00", codes=[], gift_card_ids=[str(held.parts[0].gift_card_id)], order_id="later")
    for moment in (held.lapses_at, held.lapses_at - DAY):
        shop.clock.now = moment
        assert () == shop.ask(Audit()).findings


def _forget(shop: Shop, held: HoldView) -> None:
    del shop.storage._books.holds[held.id]


@pytest.mark.parametrize("wrong", HOLD_WRONGS)
def test_each_wrong_hold_is_named(wrong: str) -> None:
    """One wrong figure of a hold gives a finding for that hold that says what is wrong, and repairs nothing."""
    shop, held, captured = held_scene()
    assert () == shop.ask(Audit()).findings
    which, problem, make_wrong = HOLD_WRONGS[wrong]
    make_wrong(shop, held, captured)
    before = shop.books()
    findings = [finding for finding in shop.ask(Audit()).findings if finding.subject == "hold"]
    assert [(held if which == "open" else captured).id] == [finding.id for finding in findings]
    assert problem in findings[0].problem
    assert before == shop.books()


@pytest.mark.parametrize("wrong", [{"reservations": ()}, {"held": 1_999}, {"held": 2_001}], ids=repr)
def test_an_account_that_does_not_reserve_what_its_lots_hold_is_named(wrong: dict[str, Any]) -> None:
    """Reservations, lots and account must say the same."""
    shop, held, _ = held_scene()
    (part,) = held.parts
    put_account(shop, part.account_id, **wrong)
    assert ("account", part.account_id) in {(one.subject, one.id) for one in shop.ask(Audit()).findings}


def test_a_lot_that_holds_what_nobody_reserves_is_named() -> None:
    """Value that a lot holds for no order would never be free again."""
    shop, held, _ = held_scene()
    (part,) = held.parts
    put_lot(shop, part.account_id, held=2_001)
    put_account(shop, part.account_id, held=2_001)
    findings = shop.ask(Audit()).findings
    assert [("account", part.account_id)] == [(one.subject, one.id) for one in findings]
    assert "reserves 2000" in findings[0].problem


def test_a_transfer_for_a_hold_that_is_not_there_is_named() -> None:
    """A redemption that names an unknown hold hangs in the air."""
    shop, _, captured = held_scene()
    _forget(shop, captured)
    findings = shop.ask(Audit()).findings
    assert ["transfer"] == [finding.subject for finding in findings]
    assert "a hold that is not there" in findings[0].problem


def test_lapsed_holds_are_nothing_wrong() -> None:
    """Neither before the sweep, nor when others have used their value, nor after it."""
    shop, held, _ = held_scene()
    shop.clock.advance(DAY)
    assert () == shop.ask(Audit()).findings
    shop.grant("1.00")
    (part,) = held.parts
    assert part.gift_card_id is not None
    hold(shop, "44.00", gift_card_ids=[part.gift_card_id], order_id="another")
    assert () == shop.ask(Audit()).findings
    shop.execute(LapseHolds())
    assert () == shop.ask(Audit()).findings


def test_value_on_a_closed_account_is_named() -> None:
    """And that an empty one is closed is nothing wrong."""
    shop = Shop()
    account = shop.grant("10.00").account
    assert shop.ask(Audit()).is_clean
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)
    (finding,) = shop.ask(Audit()).findings
    assert ("account", account.id, "is closed, but has posted 1000") == (finding.subject, finding.id, finding.problem)
    shop.set_credit_status(account.id, StoreCreditStatus.OPEN)
    spent = DebitStoreCredit(customer_id="ada", amount=usd("10.00"), idempotency_key="d")
    shop.execute(spent)
    shop.set_credit_status(account.id, StoreCreditStatus.CLOSED)
    assert shop.ask(Audit()).is_clean


def test_the_scene_is_clean() -> None:
    """Before anything is made wrong nothing is."""
    shop, _ = scene()
    assert () == shop.ask(Audit()).findings


@pytest.mark.parametrize("wrong", WRONGS)
def test_each_wrong_row_is_named(wrong: str) -> None:
    """One wrong figure anywhere gives a finding of its kind, for a row of that account, and repairs nothing."""
    shop, account_id = scene()
    subject, make_wrong = WRONGS[wrong]
    make_wrong(shop, account_id)
    before = shop.books()
    report = shop.ask(Audit())
    assert not report.is_clean
    assert subject in {finding.subject for finding in report.findings}
    assert all(finding.id and finding.problem for finding in report.findings)
    assert before == shop.books()


def test_the_first_wrong_row_comes_first() -> None:
    """The list begins where the books first go wrong, and a neighbour is not accused."""
    shop, account_id = scene()
    put_account(shop, account_id, posted=9_999)
    findings = shop.ask(Audit()).findings
    assert ("account", account_id) == (findings[0].subject, findings[0].id)
    assert shop.credit("bob").id not in {finding.id for finding in findings}


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_cuts_the_list(limit: int) -> None:
    """However much is wrong, no more than the limit is listed, and it is still not clean."""
    shop, account_id = scene()
    put_account(shop, account_id, posted=9_999, sequence=9, held=-1, lots=())
    report = shop.ask(Audit(limit=limit))
    assert (limit, False) == (len(report.findings), report.is_clean)


def test_the_audit_walks_over_many_pages() -> None:
    """More accounts than fit into one page are all checked, and the wrong one is found wherever it is."""
    shop = Shop()
    ids = [shop.grant("0.01", f"customer-{number}").account.id for number in range(1_201)]
    report = shop.ask(Audit())
    assert (1_201, 1_201, True) == (report.accounts, report.transfers, report.is_clean)
    for wrong in (ids[0], ids[600], ids[-1]):
        good = shop.storage._books.accounts[wrong]
        put_account(shop, wrong, posted=2)
        assert wrong == shop.ask(Audit()).findings[0].id
        shop.storage._books.accounts[wrong] = good
