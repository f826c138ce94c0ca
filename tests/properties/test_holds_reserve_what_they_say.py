"""
Available is posted less what unlapsed holds reserve and less what has expired, always, whether or not a sweep runs.

The reference is a host's own notebook: it writes down what every hold answered and looks at the clock. It never asks
the library what is held.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
from hypothesis import given
from hypothesis import strategies as st
from moneyed import Money

from loyalty import (
    ALL,
    AdjustHold,
    Audit,
    BlockGiftCard,
    CaptureHold,
    ClaimGiftCard,
    ConvertGiftCard,
    ExpireValue,
    GetGiftCard,
    GetHold,
    GetStoreCreditAccount,
    GrantStoreCredit,
    HoldStatus,
    HoldView,
    LapseHolds,
    LotOrigin,
    PayWithBalances,
    PlaceHold,
    PlanPayment,
    Policies,
    RedeemGiftCard,
    RefundRedemption,
    SpendingLimits,
    UnblockGiftCard,
    VoidHold,
)
from loyalty.errors import HoldClosed, LoyaltyError
from loyalty.identifiers import AccountId
from loyalty.money import minor_units, signed_minor_units
from loyalty.ports.storage import Reader
from tests.use_cases.shop import DAY, MICROSECOND, NOW, Shop, usd

CARDS: Final = 3
ORDERS: Final = 3
MINUTE: Final = timedelta(minutes=1)
SPANS: Final = (MICROSECOND, MINUTE - MICROSECOND, MINUTE, 15 * MINUTE, DAY - MICROSECOND, DAY, -MINUTE)

VERBS: Final = (
    "place", "place", "place", "adjust", "capture", "capture", "void", "pay", "redeem", "refund", "convert", "claim",
    "grant", "block", "unblock", "expire", "clock", "clock", "clock",
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Step:
    """One thing a host does. Which fields count depends on the verb."""

    verb: str
    card: int
    order: int
    amount: int
    time: timedelta
    customer_id: str | None
    use_store_credit: bool


def steps(spans: tuple[timedelta, ...]) -> st.SearchStrategy[Step]:
    """Return steps whose amounts and times often meet exactly; the clock is turned by one of *spans*."""
    return st.builds(
        Step,
        verb=st.sampled_from(VERBS),
        card=st.integers(0, CARDS - 1),
        order=st.integers(0, ORDERS - 1),
        amount=st.integers(1, 40) | st.sampled_from((10, 20, 50)),
        time=st.sampled_from(spans),
        customer_id=st.sampled_from(("ada", "ada", "bob", None)),
        use_store_credit=st.booleans(),
    )


def programs(spans: tuple[timedelta, ...] = SPANS[:-1]) -> st.SearchStrategy[list[Step]]:
    """Return what happens one after another; unless said otherwise the clock is never turned back."""
    return st.lists(steps(spans), min_size=1, max_size=25)


class Host:
    """A shop and its notebook: the holds as they were answered, by the time they lapse."""

    def __init__(self, *, sweeps: bool = False, limit: int | None = None) -> None:
        """Open a shop with three cards, one of which ends soon, and some store credit."""
        limits = SpendingLimits() if limit is None else SpendingLimits(per_customer_and_day=cents(limit))
        self.shop = Shop(policies=Policies(limits=limits))
        self.sweeps = sweeps
        self.cards = [
            self.shop.issue(cents(20), expires_at=NOW + DAY),
            self.shop.issue(cents(30)),
            self.shop.issue(cents(10), expires_at=NOW + 2 * DAY, customer_id="ada"),
        ]
        self.shop.grant(cents(5), expires_at=NOW + DAY)
        self.shop.grant(cents(25))
        self.holds: dict[str, HoldView] = {}
        self.answers: list[Any] = []
        self.latest = NOW

    def play(self, step: Step) -> Any:
        """Do one step; return its answer, or the code of its error."""
        if step.verb == "clock":
            self.shop.clock.advance(step.time)
            self.latest = max(self.latest, self.shop.clock.now)
            answer: Any = None
        else:
            command = self._command(step, self.shop.key())
            try:
                answer = self.shop.execute(command)
            except LoyaltyError as error:
                answer = error.code
            else:
                self._note(command, answer)
        if self.sweeps:
            self.shop.execute(LapseHolds(limit=1))
            self.shop.execute(LapseHolds())
        self.answers.append(answer)
        return answer

    def _note(self, command: Any, answer: Any) -> None:
        order_id = getattr(answer, "order_id", None) or ""
        if isinstance(command, PlaceHold | AdjustHold):
            self.holds[order_id] = answer
        elif isinstance(command, CaptureHold | VoidHold | PayWithBalances):
            self.holds.pop(order_id, None)

    def _command(self, step: Step, key: str) -> Any:
        issued, order_id, amount = self.cards[step.card], f"order {step.order}", cents(step.amount)
        held = self.holds.get(order_id)
        hold_id = "nobody" if held is None else held.id
        tenders: dict[str, Any] = {
            "gift_card_ids": (issued.gift_card.id,),
            "customer_id": step.customer_id,
            "use_store_credit": step.use_store_credit,
        }
        lapses_after = abs(step.time) if abs(step.time) >= timedelta(seconds=1) else None
        makers: dict[str, Callable[[], Any]] = {
            "place": lambda: PlaceHold(
                order_id=order_id, amount_due=amount, lapses_after=lapses_after, idempotency_key=key, **tenders
            ),
            "adjust": lambda: AdjustHold(
                hold_id=hold_id, amount_due=amount, lapses_after=lapses_after, idempotency_key=key
            ),
            "capture": lambda: CaptureHold(
                hold_id=hold_id, amount=ALL if step.use_store_credit else amount, idempotency_key=key
            ),
            "void": lambda: VoidHold(hold_id=hold_id, idempotency_key=key),
            "pay": lambda: PayWithBalances(order_id=order_id, amount_due=amount, idempotency_key=key, **tenders),
            "redeem": lambda: RedeemGiftCard(
                code=issued.code, amount=amount, order_id=order_id, customer_id=step.customer_id, idempotency_key=key
            ),
            "refund": lambda: RefundRedemption(order_id=order_id, amount=amount, idempotency_key=key),
            "convert": lambda: ConvertGiftCard(
                code=issued.code, customer_id=step.customer_id or "ada", idempotency_key=key
            ),
            "claim": lambda: ClaimGiftCard(
                code=issued.code, customer_id=step.customer_id or "ada", idempotency_key=key
            ),
            "grant": lambda: GrantStoreCredit(
                customer_id="ada", amount=amount, origin=LotOrigin.PROMOTIONAL, idempotency_key=key
            ),
            "block": lambda: BlockGiftCard(code=issued.code, idempotency_key=key),
            "unblock": lambda: UnblockGiftCard(code=issued.code, idempotency_key=key),
            "expire": ExpireValue,
        }
        return makers[step.verb]()

    def at(self, recorded_at: datetime) -> datetime:
        """Return the time an account lives in: the clock's, or its last transfer's if the clock went back."""
        return max(self.shop.clock.now, recorded_at)

    def reserved(self, account_id: AccountId, at: datetime) -> int:
        """Return what the notebook says is reserved on an account."""
        unlapsed = [hold for hold in self.holds.values() if at < hold.lapses_at]
        parts = [part for hold in unlapsed for part in hold.parts if part.account_id == account_id]
        return sum(minor_units(part.amount) for part in parts)

    def views(self) -> list[Any]:
        """Return every card and account as the library shows them."""
        cards = [self.shop.ask(GetGiftCard(id=issued.gift_card.id)) for issued in self.cards]
        accounts: list[Any] = [self.shop.credit("ada")]
        try:
            accounts.append(self.shop.ask(GetStoreCreditAccount(customer_id="bob", currency="USD")))
        except LoyaltyError:
            return [*cards, *accounts]
        return [*cards, *accounts]


def cents(amount: int) -> Money:
    """Return so many cents."""
    return usd(f"{amount // 100}.{amount % 100:02d}")


@given(programs())
def test_available_is_posted_less_what_holds_reserve_and_what_expired(program: list[Step]) -> None:
    """After every step and for every card and account, by the host's own notebook."""
    host = Host()
    for step in program:
        host.play(step)
        stored = host.shop.storage._books.accounts
        for view in host.views():
            account_id = getattr(view, "account_id", None) or view.id
            account = stored[account_id]
            at = host.at(account.recorded_at)
            reserved = host.reserved(account_id, at)
            ended = [lot for lot in account.standing(at).lots if lot.expires_at is not None and lot.expires_at <= at]
            expired = sum(lot.remaining - lot.held for lot in ended)
            spendable = signed_minor_units(view.posted) - reserved - expired

            assert reserved == signed_minor_units(view.held)
            assert account.available(at) == spendable
            assert signed_minor_units(view.available) in {spendable, 0}
    assert () == host.shop.ask(Audit()).findings


@given(programs(SPANS))
def test_what_is_available_can_be_taken_and_no_cent_more(program: list[Step]) -> None:
    """Neither a plan nor a redemption reaches into what another order holds."""
    host = Host()
    for step in program:
        host.play(step)
    for issued in host.cards:
        account = host.shop.storage._books.accounts[issued.gift_card.account_id]
        reserved = host.reserved(account.id, host.at(account.recorded_at))
        named = (issued.gift_card.id,)
        query = PlanPayment(amount_due=usd("9"), gift_card_ids=named, customer_id="ada", use_store_credit=False)
        plan = host.shop.ask(query)

        assert signed_minor_units(plan.covered) <= account.posted - reserved


@given(programs(), st.sampled_from((None, 10, 30)))
def test_a_sweep_is_bookkeeping_only(program: list[Step], limit: int | None) -> None:
    """
    A shop that sweeps after every step and one that never does answer the same, to the end.

    Only what has expired is posted later without it: that is the work of the other sweep.
    """
    never, always = Host(limit=limit), Host(limit=limit, sweeps=True)
    for step in [one for one in program if one.verb != "expire"]:
        assert _without_ids(never.play(step)) == _without_ids(always.play(step))
        assert _facts(never) == _facts(always)
    assert _ledger(never) == _ledger(always)
    for host in (never, always):
        assert () == host.shop.ask(Audit()).findings


@given(programs(SPANS))
def test_a_hold_is_resolved_once_and_its_capture_is_within_it(program: list[Step]) -> None:
    """What a hold was told to become stays; the second command on it is refused and says what it became."""
    host = Host()
    for step in program:
        before = host.holds.get(f"order {step.order}")
        answer = host.play(step)
        if step.verb in {"capture", "void"} and before is not None and not isinstance(answer, str):
            status = HoldStatus.CAPTURED if step.verb == "capture" else HoldStatus.VOIDED
            view = host.shop.ask(GetHold(id=before.id))

            assert (status, True) == (view.status, view.captured <= view.amount)
            for again in (
                CaptureHold(hold_id=before.id, idempotency_key=host.shop.key()),
                VoidHold(hold_id=before.id, idempotency_key=host.shop.key()),
                AdjustHold(hold_id=before.id, amount_due=usd("1"), idempotency_key=host.shop.key()),
            ):
                books = host.shop.books()
                error = _error_of(host.shop, again)
                assert isinstance(error, HoldClosed)
                assert status.value == error.status
                assert books == host.shop.books()


def _error_of(shop: Shop, command: Any) -> LoyaltyError | None:
    try:
        shop.execute(command)
    except LoyaltyError as error:
        return error
    return None


def _without_ids(answer: Any) -> Any:
    """Return what an answer says in money and times; ids differ between shops, because sweeps take some."""
    fields = ("amount", "remaining_due", "released", "captured", "lapses_at", "status", "posted", "available", "held")
    return answer if isinstance(answer, str) else {name: getattr(answer, name, None) for name in fields}


def _facts(host: Host) -> list[Any]:
    return [(view.posted, view.held, view.available) for view in host.views()]


def _ledger(host: Host) -> list[Any]:
    def everything(reader: Reader) -> list[Any]:
        transfers = list(reader.transfers_of(tuple(host.shop.storage._books.accounts)))
        return [(one.kind, one.amount, one.order_id, one.recorded_at) for _, one in transfers]

    return host.shop.storage.read(everything)
