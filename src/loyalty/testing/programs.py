"""
Programs: what a host might do in which order, as plain steps.

A step names cards, customers and orders by small numbers, so that it can be
generated and shrunk before anything exists. A :class:`Shop` turns each step
into a command, executes it, and remembers what it was told, as a host would.
Given several storages it executes every command on each and demands equal
answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

import attrs
from moneyed import Money

from loyalty.codes.code import GiftCardCode
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.errors import CurrencyMismatch, InvalidAmount, InvalidRequest, InvalidTime, LoyaltyError, MalformedCode
from loyalty.facade import Loyalty
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.denomination import Denomination, OpenAmount
from loyalty.gift_cards.order import GiftCardLine, GiftCardOrder
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import ReversalCause
from loyalty.gift_cards.term import Term
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import AccountId, GiftCardId, HoldId, TransferId
from loyalty.ledger.entry import Direction
from loyalty.ledger.lot import LotOrigin
from loyalty.money import ALL
from loyalty.policies.chosen import Policies
from loyalty.policies.eligibility import OrderLine
from loyalty.ports.storage import Reader, Storage
from loyalty.reports.gift_cards import GetGiftCard
from loyalty.store_credit.account import StoreCreditView
from loyalty.tenders.asked import GiftCardTender
from loyalty.tenders.hold_view import HoldView
from loyalty.testing.books import books_of
from loyalty.testing.fakes import CountingIds, FakeClock, fake_code_keys, pays_by_product, pays_out_small_change
from loyalty.use_cases.activate_gift_cards import ActivateGiftCards
from loyalty.use_cases.adjust_hold import AdjustHold
from loyalty.use_cases.adjust_value import AdjustValue
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.block_store_credit_account import BlockStoreCreditAccount
from loyalty.use_cases.capture_hold import Capture, CaptureHold
from loyalty.use_cases.cash_out_gift_card import CashOutGiftCard
from loyalty.use_cases.change_gift_card_expiry import ChangeGiftCardExpiry
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.close_store_credit_account import CloseStoreCreditAccount
from loyalty.use_cases.command import Command, Sweep
from loyalty.use_cases.convert_gift_card import Conversion, ConvertGiftCard
from loyalty.use_cases.deactivate_gift_card import DeactivateGiftCard
from loyalty.use_cases.debit_store_credit import Debit, DebitStoreCredit
from loyalty.use_cases.define_gift_card_product import DefineGiftCardProduct
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.grant_store_credit import Grant, GrantStoreCredit
from loyalty.use_cases.import_gift_cards import ImportGiftCards, ImportReport, RowOutcome
from loyalty.use_cases.import_row import GiftCardRow
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.issue_gift_cards_for_order import IssueGiftCardsForOrder, OrderGiftCards
from loyalty.use_cases.lapse_holds import LapseHolds
from loyalty.use_cases.merge_customers import CustomerMerge, MergeCustomers
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.open_store_credit_account import OpenStoreCreditAccount
from loyalty.use_cases.pay_with_balances import Payment, PayWithBalances
from loyalty.use_cases.place_hold import PlaceHold
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.redemption import Redemption
from loyalty.use_cases.refund_as_gift_card import RefundAsGiftCard
from loyalty.use_cases.refund_order_to_store_credit import CreditRefund, RefundOrderToStoreCredit
from loyalty.use_cases.refund_redemption import RefundRedemption
from loyalty.use_cases.reinstate_gift_card import ReinstateGiftCard
from loyalty.use_cases.reload_gift_card import ReloadGiftCard
from loyalty.use_cases.replace_gift_card_code import ReplaceGiftCardCode
from loyalty.use_cases.retire_gift_card_product import RetireGiftCardProduct
from loyalty.use_cases.reverse_gift_card_sale import ReverseGiftCardSale
from loyalty.use_cases.reverse_transfer import ReverseTransfer
from loyalty.use_cases.revise_denominations import ReviseDenominations
from loyalty.use_cases.transfer_store_credit import StoreCreditTransfer, TransferStoreCredit
from loyalty.use_cases.unblock_gift_card import UnblockGiftCard
from loyalty.use_cases.unblock_store_credit_account import UnblockStoreCreditAccount
from loyalty.use_cases.update_gift_card import UpdateGiftCard
from loyalty.use_cases.void_hold import VoidHold

__all__ = [
    "BAD_CALLS",
    "EXPONENTS",
    "OLD_CODES",
    "Disagreement",
    "Played",
    "Shop",
    "Step",
    "Verb",
    "answer",
    "minor",
    "money",
]

AnyCommand = Command[Any] | Sweep[Any]

EXPONENTS: Final[Mapping[str, int]] = {"USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}
"""One currency of each exponent class, written down here on purpose and not asked of the library."""

UNKNOWN: Final = -1
MALFORMED: Final = -2
STORED_VALUE: Final = "stored value"


def _old_codes() -> dict[str, str]:
    keys = fake_code_keys()
    codes = [mint(keys, CodeFormat(), f"card {number} of another system", 1) for number in range(10)]
    return {keys.digest(GiftCardCode.of(code)): code for code in codes}


OLD_CODES: Final[Mapping[str, str]] = _old_codes()
"""The codes that the bearers of another system's cards have, by what is stored of each."""


def money(minor: int, currency: str = "USD") -> Money:
    """Return minor units as money, by the table above."""
    return Money(Decimal(minor).scaleb(-EXPONENTS[currency]), currency)


def minor(amount: Money) -> int:
    """Return money in minor units, by the table above."""
    units = Fraction(amount.amount) * Fraction(10) ** EXPONENTS[amount.currency.code]
    assert 1 == units.denominator
    return int(units)


class Verb(StrEnum):
    """What a step does."""

    ISSUE = "issue"
    CLAIM = "claim"
    CONVERT = "convert"
    REDEEM = "redeem"
    PAY = "pay"
    REFUND = "refund"
    BLOCK = "block"
    UNBLOCK = "unblock"
    OPEN = "open"
    GRANT = "grant"
    DEBIT = "debit"
    PLACE_HOLD = "place_hold"
    ADJUST_HOLD = "adjust_hold"
    CAPTURE_HOLD = "capture_hold"
    VOID_HOLD = "void_hold"
    LAPSE_HOLDS = "lapse_holds"
    EXPIRE = "expire"
    ADJUST = "adjust"
    REVERSE = "reverse"
    REFUND_TO_CREDIT = "refund_to_credit"
    REFUND_AS_CARD = "refund_as_card"
    TRANSFER = "transfer"
    BLOCK_ACCOUNT = "block_account"
    UNBLOCK_ACCOUNT = "unblock_account"
    CLOSE_ACCOUNT = "close_account"
    MERGE = "merge"
    DEFINE_PRODUCT = "define_product"
    REVISE_PRODUCT = "revise_product"
    RETIRE_PRODUCT = "retire_product"
    SELL = "sell"
    ACTIVATE = "activate"
    UNDO_SALE = "undo_sale"
    DEACTIVATE = "deactivate"
    REPLACE_CODE = "replace_code"
    UPDATE = "update"
    CHANGE_EXPIRY = "change_expiry"
    RELOAD = "reload"
    REINSTATE = "reinstate"
    CASH_OUT = "cash_out"
    IMPORT = "import"
    MOVE_CLOCK = "move_clock"
    REPLAY = "replay"
    REUSE_KEY = "reuse_key"
    BAD_CALL = "bad_call"


@attrs.frozen(kw_only=True, repr=False)
class Step:
    """
    One step. Which fields count depends on the verb.

    ``card``, ``cards``, ``redemption``, ``hold``, ``account`` and ``earlier``
    count around what there is; ``card``, ``redemption``, ``hold`` and a transfer
    that ``earlier`` names may be -1 for one that does not exist, ``card`` -2 for
    a malformed code. ``amount`` is in minor units, None for everything.
    ``currency`` None is the one that fits the card, account, redemption or hold.
    Times are relative to the time of the step.

    ``to`` and ``to_account`` name the account that a transfer goes to, as
    ``customer`` and ``account`` do the one it comes from. A merge makes one
    customer of ``customer`` and ``to``.

    ``caps`` are pairs of the most a card may pay and its priority, for the first
    of ``cards``; ``credit_at_most`` and ``priority`` are those of store credit.
    ``lines`` are pairs of product and amount.

    A sale is of ``quantity`` cards of the product ``card``: of its variant, or, with
    ``by_id``, of an open amount; ``ceiling`` is the face value, ``order`` and ``line``
    name the place. ``is_paid`` says whether it is paid, ``begins_in`` from when the
    value may be spent, and ``placed_ago`` how long ago it was placed. A revision
    that ``lowers`` retires the variant.

    An import has ``quantity`` rows, from the other system's card ``card`` on, of the
    face value ``ceiling`` with ``amount`` left; with ``by_id`` all under one code. One
    that ``lowers`` is not strict.
    """

    verb: Verb
    card: int = 0
    cards: tuple[int, ...] = ()
    by_id: bool = False
    customer: str | None = None
    account: int | None = None
    to: str | None = None
    to_account: int | None = None
    currency: str | None = None
    amount: int | None = 1
    order: int | None = None
    redemption: int | None = None
    hold: int = 0
    origin: LotOrigin | None = None
    expires_in: timedelta | None = None
    begins_in: timedelta | None = None
    priority: int = 0
    use_store_credit: bool = True
    caps: tuple[tuple[int | None, int], ...] = ()
    credit_at_most: int | None = None
    lines: tuple[tuple[str, int], ...] = ()
    lapses_after: timedelta | None = None
    lowers: bool = False
    ceiling: int = 100
    limit: int = 200
    move: timedelta = timedelta(0)
    earlier: int = 0
    quantity: int = 1
    line: int | None = None
    is_paid: bool = False
    placed_ago: timedelta = timedelta(0)
    inner: Step | None = None
    said: Mapping[str, object] = attrs.field(factory=dict)

    def __repr__(self) -> str:
        """Return the fields that differ from their defaults."""
        fields = [(field.name, getattr(self, field.name), field.default) for field in attrs.fields(Step)[1:]]
        said = [f", {name}={value!r}" for name, value, default in fields if value not in (default, {})]
        return f"Step(verb=Verb.{self.verb.name}{''.join(said)})"


@attrs.frozen(kw_only=True)
class Played:
    """What came of a step: the command if one could be made, and its result or its error."""

    step: Step
    at: datetime
    command: AnyCommand | None = None
    result: object = None
    error: LoyaltyError | None = None
    repeats: Played | None = None

    @property
    def is_committed(self) -> bool:
        """Whether a command was carried out by this step, now."""
        return self.command is not None and self.error is None and self.repeats is None


class Disagreement(AssertionError):
    """Two storages answered the same command differently."""


class Shop:
    """
    A host with one clock, on one storage or on several that must agree.

    Args:
        storages:
            Fresh and empty.
        policies:
            The shop's choices; by default with the redemption rule that the
            oracle knows, :func:`loyalty.testing.pays_by_product`, and its rule for
            remainders, :func:`loyalty.testing.fakes.pays_out_small_change`.
    """

    def __init__(self, *storages: Storage, policies: Policies | None = None) -> None:
        """Begin with nothing."""
        chosen = Policies(eligibility=pays_by_product, cash_out=pays_out_small_change) if policies is None else policies
        self.clock = FakeClock()
        self.storages = storages
        self._ids = tuple(CountingIds() for _ in storages)
        self.loyalties = tuple(
            Loyalty(storage, code_keys=fake_code_keys(), clock=self.clock, new_id=ids, policies=chosen)
            for storage, ids in zip(storages, self._ids, strict=True)
        )
        self.played: list[Played] = []
        self.cards: list[IssuedGiftCard] = []
        self.accounts: list[StoreCreditView] = []
        self.redemptions: list[tuple[TransferId, str]] = []
        self.holds: list[HoldView] = []
        self.products: dict[str, int] = {}
        self.editions: dict[str, int] = {}
        self._makers: Mapping[Verb, Callable[[Step, str], AnyCommand]] = {
            Verb.ISSUE: self._issue,
            Verb.CLAIM: self._claim,
            Verb.CONVERT: self._convert,
            Verb.REDEEM: self._redeem,
            Verb.PAY: self._pay,
            Verb.REFUND: self._refund,
            Verb.BLOCK: self._block,
            Verb.UNBLOCK: self._unblock,
            Verb.OPEN: self._open,
            Verb.GRANT: self._grant,
            Verb.DEBIT: self._debit,
            Verb.PLACE_HOLD: self._place_hold,
            Verb.ADJUST_HOLD: self._adjust_hold,
            Verb.CAPTURE_HOLD: self._capture_hold,
            Verb.VOID_HOLD: self._void_hold,
            Verb.LAPSE_HOLDS: self._lapse_holds,
            Verb.ADJUST: self._adjust,
            Verb.REVERSE: self._reverse,
            Verb.REFUND_TO_CREDIT: self._refund_to_credit,
            Verb.REFUND_AS_CARD: self._refund_as_card,
            Verb.TRANSFER: self._transfer,
            Verb.BLOCK_ACCOUNT: self._block_account,
            Verb.UNBLOCK_ACCOUNT: self._unblock_account,
            Verb.CLOSE_ACCOUNT: self._close_account,
            Verb.MERGE: self._merge,
            Verb.DEFINE_PRODUCT: self._define_product,
            Verb.REVISE_PRODUCT: self._revise_product,
            Verb.RETIRE_PRODUCT: self._retire_product,
            Verb.SELL: self._sell,
            Verb.ACTIVATE: self._activate,
            Verb.UNDO_SALE: self._undo_sale,
            Verb.DEACTIVATE: self._deactivate,
            Verb.REPLACE_CODE: self._replace_code,
            Verb.UPDATE: self._update,
            Verb.CHANGE_EXPIRY: self._change_expiry,
            Verb.RELOAD: self._reload,
            Verb.REINSTATE: self._reinstate,
            Verb.CASH_OUT: self._cash_out,
            Verb.IMPORT: self._import,
            Verb.BAD_CALL: self._bad_call,
        }
        self._unknown_code = mint(fake_code_keys(), CodeFormat(), "a card that nobody issued", 1)

    @property
    def loyalty(self) -> Loyalty:
        """The first one."""
        return self.loyalties[0]

    @property
    def committed(self) -> list[Played]:
        """The steps that carried out a command with a key."""
        return [one for one in self.played if one.is_committed and isinstance(one.command, Command)]

    def play(self, step: Step) -> Played:
        """
        Take one step.

        Raises:
            Disagreement: If the storages do not answer alike.
        """
        if step.verb is Verb.MOVE_CLOCK:
            self.clock.advance(step.move)
            return self._keep(Played(step=step, at=self.clock()))
        try:
            command, repeats = self.command(step)
        except LoyaltyError as error:
            return self._keep(Played(step=step, at=self.clock(), error=error))
        result, refusal = self.execute(command)
        if refusal is None and repeats is None:
            self._learn(result)
        return self._keep(
            Played(step=step, at=self.clock(), command=command, result=result, error=refusal, repeats=repeats)
        )

    def play_all(self, steps: Iterable[Step]) -> list[Played]:
        """Take every step and return what came of each."""
        return [self.play(step) for step in steps]

    def execute(self, command: AnyCommand) -> tuple[object, LoyaltyError | None]:
        """Execute a command on every storage; return the one result or error they agree on."""
        answers = []
        for loyalty, ids in zip(self.loyalties, self._ids, strict=True):
            ids.restart()
            answers.append(answer(loyalty, command))
        first = answers[0]
        for storage, other in zip(self.storages[1:], answers[1:], strict=True):
            if _comparable(first) != _comparable(other):
                raise Disagreement(
                    f"{command!r}: {type(self.storages[0]).__name__} says {first!r}, {type(storage).__name__} {other!r}"
                )
        return first

    def command(self, step: Step, key: str | None = None) -> tuple[AnyCommand, Played | None]:
        """
        Return the command of a step, and the earlier step it repeats, if it does.

        Raises:
            loyalty.errors.InvalidRequest: If no such command can be made.
        """
        if step.verb is Verb.REPLAY and self.committed:
            repeats = self.committed[step.earlier % len(self.committed)]
            assert repeats.command is not None
            return repeats.command, repeats
        if step.verb is Verb.REUSE_KEY and step.inner is not None and self.committed:
            known = self.committed[step.earlier % len(self.committed)]
            assert isinstance(known.command, Command)
            command, _ = self.command(step.inner, known.command.idempotency_key)
            return command, known if command == known.command else None
        make = self._makers.get(step.verb, self._expire)
        return make(step, key or f"key-{len(self.played)}"), None

    def _keep(self, played: Played) -> Played:
        self.played.append(played)
        return played

    def _learn(self, result: object) -> None:
        if isinstance(result, IssuedGiftCard):
            self.cards.append(result)
        if isinstance(result, Redemption):
            self.redemptions.append((result.id, result.amount.currency.code))
        if isinstance(result, Payment | Capture):
            self.redemptions.extend((part.id, part.amount.currency.code) for part in result.parts)
        if isinstance(result, Debit) and result.transfer.order_id is not None:
            self.redemptions.append((result.transfer.id, result.amount.currency.code))
        if isinstance(result, OrderGiftCards):
            known_cards = {known.gift_card.id for known in self.cards}
            self.cards.extend(card for card in result.gift_cards if card.gift_card.id not in known_cards)
        if isinstance(result, GiftCardView):
            self.editions[result.id] = result.edition
        if isinstance(result, ImportReport):
            self._learn_imported(result)
        if isinstance(result, GiftCardProduct):
            self.products[result.id] = result.version
        if isinstance(result, HoldView) and result.id not in {known.id for known in self.holds}:
            self.holds.append(result)
        account = result.account if isinstance(result, Grant | Conversion | CreditRefund) else result
        account = account.target if isinstance(account, StoreCreditTransfer) else account
        for one in account.accounts if isinstance(account, CustomerMerge) else (account,):
            if isinstance(one, StoreCreditView) and one.id not in {known.id for known in self.accounts}:
                self.accounts.append(one)

    def _learn_imported(self, report: ImportReport) -> None:
        """Remember the cards of another system with the codes that their bearers have."""
        stored = {card.id: card.code_digest for card in self.storages[0].read(_all_cards)}
        for row in report.rows:
            if row.outcome is RowOutcome.IMPORTED and row.gift_card_id is not None:
                view = self.loyalty.ask(GetGiftCard(id=row.gift_card_id))
                code = OLD_CODES[stored[row.gift_card_id]]
                self.cards.append(IssuedGiftCard(gift_card=view, code_key_id="", code_format=CodeFormat(), code=code))

    def _code(self, card: int) -> str:
        if card == MALFORMED:
            return "GIFT-0000"
        return self._unknown_code if card == UNKNOWN or not self.cards else self.cards[card % len(self.cards)].code

    def _card_id(self, card: int) -> GiftCardId:
        if card < 0 or not self.cards:
            return GiftCardId("no such card")
        return self.cards[card % len(self.cards)].gift_card.id

    def _card(self, step: Step) -> dict[str, Any]:
        return self._named(step.card, step)

    def _account(self, step: Step) -> dict[str, Any]:
        if step.account is None:
            return {"customer_id": step.customer}
        if step.account < 0 or not self.accounts:
            # A card has an account too, but never one of store credit.
            return {"account_id": self.cards[0].gift_card.account_id if self.cards else AccountId("no such account")}
        return {"account_id": self.accounts[step.account % len(self.accounts)].id}

    def _value(self, step: Step, fitting: str = "USD") -> Money:
        return money(1 if step.amount is None else step.amount, step.currency or fitting)

    def _currency_of_card(self, card: int) -> str:
        known = bool(self.cards) and card >= 0
        return self.cards[card % len(self.cards)].gift_card.value.currency.code if known else "USD"

    def _currency_of_account(self, step: Step) -> str:
        known = bool(self.accounts) and step.account is not None
        return self.accounts[(step.account or 0) % len(self.accounts)].currency if known else "USD"

    def _in(self, when: timedelta | None) -> datetime | None:
        return None if when is None else self.clock() + when

    def _issue(self, step: Step, key: str) -> AnyCommand:
        return IssueGiftCard(
            value=self._value(step),
            expires_at=self._in(step.expires_in),
            customer_id=step.customer,
            origin=step.origin,
            order_id=_order(step),
            idempotency_key=key,
            **_said(step),
        )

    def _claim(self, step: Step, key: str) -> AnyCommand:
        code, customer_id = self._code(step.card), step.customer or "ada"
        return ClaimGiftCard(code=code, customer_id=customer_id, idempotency_key=key, **_said(step))

    def _convert(self, step: Step, key: str) -> AnyCommand:
        customer_id = step.customer or "ada"
        return ConvertGiftCard(**self._card(step), customer_id=customer_id, idempotency_key=key, **_said(step))

    def _redeem(self, step: Step, key: str) -> AnyCommand:
        amount = self._value(step, self._currency_of_card(step.card))
        return RedeemGiftCard(
            **self._card(step),
            amount=amount,
            order_id=_order(step) or "order-0",
            customer_id=step.customer,
            lines=_lines(step, amount),
            idempotency_key=key,
            **_said(step),
        )

    def _pay(self, step: Step, key: str) -> AnyCommand:
        return PayWithBalances(**self._tenders(step), idempotency_key=key, **_said(step))

    def _tenders(self, step: Step) -> dict[str, Any]:
        """Return the part that paying and holding have in common; the cards beyond the caps are named plainly."""
        amount = self._value(step, self._currency_of_card(step.cards[0]) if step.cards else "USD")
        currency = amount.currency.code
        plain = step.cards[len(step.caps) :]
        return {
            "order_id": _order(step) or "order-0",
            "amount_due": amount,
            "codes": () if step.by_id else tuple(self._code(card) for card in plain),
            "gift_card_ids": tuple(dict.fromkeys(self._card_id(card) for card in plain)) if step.by_id else (),
            "tenders": tuple(
                GiftCardTender(**self._named(card, step), at_most=_most(at_most, currency), priority=priority)
                for card, (at_most, priority) in zip(step.cards, step.caps, strict=False)
            ),
            "customer_id": step.customer,
            "use_store_credit": step.use_store_credit,
            "store_credit_at_most": _most(step.credit_at_most, currency),
            "store_credit_priority": step.priority,
            "lines": _lines(step, amount),
        }

    def _named(self, card: int, step: Step) -> dict[str, Any]:
        return {"gift_card_id": self._card_id(card)} if step.by_id else {"code": self._code(card)}

    def _hold(self, step: Step) -> tuple[HoldId, str]:
        if step.hold < 0 or not self.holds:
            return HoldId("no such hold"), "USD"
        hold = self.holds[step.hold % len(self.holds)]
        return hold.id, hold.amount_due.currency.code

    def _place_hold(self, step: Step, key: str) -> AnyCommand:
        return PlaceHold(**self._tenders(step), lapses_after=step.lapses_after, idempotency_key=key, **_said(step))

    def _adjust_hold(self, step: Step, key: str) -> AnyCommand:
        hold_id, fitting = self._hold(step)
        amount = self._value(step, fitting)
        return AdjustHold(
            hold_id=hold_id,
            amount_due=None if step.amount is None else amount,
            lapses_after=step.lapses_after,
            lines=_lines(step, amount),
            order_id=_order(step),
            idempotency_key=key,
            **_said(step),
        )

    def _capture_hold(self, step: Step, key: str) -> AnyCommand:
        hold_id, fitting = self._hold(step)
        amount = ALL if step.amount is None else self._value(step, fitting)
        return CaptureHold(hold_id=hold_id, amount=amount, order_id=_order(step), idempotency_key=key, **_said(step))

    def _void_hold(self, step: Step, key: str) -> AnyCommand:
        return VoidHold(hold_id=self._hold(step)[0], order_id=_order(step), idempotency_key=key, **_said(step))

    def _lapse_holds(self, step: Step, key: str) -> AnyCommand:  # noqa: ARG002 - a sweep needs no key
        return LapseHolds(limit=step.limit)

    def _refund(self, step: Step, key: str) -> AnyCommand:
        redemption_id, fitting = None, "USD"
        if step.redemption is not None:
            known = step.redemption >= 0 and bool(self.redemptions)
            unknown = (TransferId("no such redemption"), "USD")
            redemption_id, fitting = self.redemptions[step.redemption % len(self.redemptions)] if known else unknown
        amount = ALL if step.amount is None else self._value(step, fitting)
        order_id = None if redemption_id is not None else _order(step) or "order-0"
        return RefundRedemption(
            amount=amount, order_id=order_id, redemption_id=redemption_id, idempotency_key=key, **_said(step)
        )

    def _block(self, step: Step, key: str) -> AnyCommand:
        return BlockGiftCard(**self._card(step), idempotency_key=key, **_said(step))

    def _unblock(self, step: Step, key: str) -> AnyCommand:
        return UnblockGiftCard(**self._card(step), idempotency_key=key, **_said(step))

    def _open(self, step: Step, key: str) -> AnyCommand:
        customer_id = step.customer or "ada"
        return OpenStoreCreditAccount(
            customer_id=customer_id, currency=step.currency or "USD", idempotency_key=key, **_said(step)
        )

    def _grant(self, step: Step, key: str) -> AnyCommand:
        return GrantStoreCredit(
            **self._account(step),
            amount=self._value(step, self._currency_of_account(step)),
            origin=step.origin or LotOrigin.GOODWILL,
            expires_at=self._in(step.expires_in),
            not_before=self._in(step.begins_in),
            priority=step.priority,
            idempotency_key=key,
            **_said(step),
        )

    def _debit(self, step: Step, key: str) -> AnyCommand:
        amount = self._value(step, self._currency_of_account(step))
        return DebitStoreCredit(
            **self._account(step),
            amount=amount,
            order_id=_order(step),
            lines=() if step.order is None else _lines(step, amount),
            idempotency_key=key,
            **_said(step),
        )

    def _transfer(self, step: Step, key: str) -> AnyCommand:
        source = self._account(step)
        target = self._account(attrs.evolve(step, account=step.to_account, customer=step.to))
        return TransferStoreCredit(
            amount=self._value(step, self._currency_of_account(step)),
            idempotency_key=key,
            **{f"from_{name}": value for name, value in source.items()},
            **{f"to_{name}": value for name, value in target.items()},
            **_said(step),
        )

    def _block_account(self, step: Step, key: str) -> AnyCommand:
        return BlockStoreCreditAccount(**self._one_account(step), idempotency_key=key, **_said(step))

    def _unblock_account(self, step: Step, key: str) -> AnyCommand:
        return UnblockStoreCreditAccount(**self._one_account(step), idempotency_key=key, **_said(step))

    def _close_account(self, step: Step, key: str) -> AnyCommand:
        return CloseStoreCreditAccount(**self._one_account(step), idempotency_key=key, **_said(step))

    def _merge(self, step: Step, key: str) -> AnyCommand:
        old, new = step.customer or "ada", step.to or "bo"
        return MergeCustomers(from_customer_id=old, into_customer_id=new, idempotency_key=key, **_said(step))

    def _one_account(self, step: Step) -> dict[str, Any]:
        named = self._account(step)
        return named if "account_id" in named else {**named, "currency": step.currency or "USD"}

    def _adjust(self, step: Step, key: str) -> AnyCommand:
        fitting = self._currency_of_card(step.card) if step.by_id else self._currency_of_account(step)
        named = {"gift_card_id": self._card_id(step.card)} if step.by_id else self._account(step)
        return AdjustValue(
            **named,
            amount=self._value(step, fitting),
            direction=Direction.DEBIT if step.lowers else Direction.CREDIT,
            origin=step.origin or LotOrigin.GOODWILL,
            expires_at=None if step.lowers else self._in(step.expires_in),
            idempotency_key=key,
            **{**_BY_STAFF, **_said(step)},
        )

    def _reverse(self, step: Step, key: str) -> AnyCommand:
        known = books_of(self.storages[0]).transfers
        exists = bool(known) and step.earlier >= 0
        transfer_id = known[-1 - step.earlier % len(known)].id if exists else TransferId("no such transfer")
        return ReverseTransfer(transfer_id=transfer_id, idempotency_key=key, **{**_BY_STAFF, **_said(step)})

    def _refund_to_credit(self, step: Step, key: str) -> AnyCommand:
        customer_id = step.customer or "ada"
        return RefundOrderToStoreCredit(
            **self._of_order(step), customer_id=customer_id, idempotency_key=key, **_said(step)
        )

    def _refund_as_card(self, step: Step, key: str) -> AnyCommand:
        return RefundAsGiftCard(**self._of_order(step), idempotency_key=key, **_said(step))

    def _of_order(self, step: Step) -> dict[str, Any]:
        return {
            "order_id": _order(step) or "order-0",
            "amount": self._value(step),
            "refundable": money(step.ceiling, step.currency or "USD"),
            "expires_at": self._in(step.expires_in),
        }

    def _define_product(self, step: Step, key: str) -> AnyCommand:
        currency = step.currency or "USD"
        days = None if step.expires_in is None or step.expires_in.days < 1 else step.expires_in.days
        return DefineGiftCardProduct(
            title="A card",
            product_id=_product(step),
            denominations=(self._variant(step), Denomination(variant_id="ten", prices=money(10, currency))),
            open_amounts=(OpenAmount(minimum=money(5, currency), maximum=money(60, currency)),),
            term=None if days is None else Term(days=days, time_zone="UTC"),
            idempotency_key=key,
            **_said(step),
        )

    def _variant(self, step: Step) -> Denomination:
        currency = step.currency or "USD"
        price = money(1 if step.amount is None else step.amount, currency)
        return Denomination(variant_id="main", prices=price, face_values=money(step.ceiling, currency))

    def _revise_product(self, step: Step, key: str) -> AnyCommand:
        version = self.products.get(_product(step), 1) + step.priority
        return ReviseDenominations(
            product_id=_product(step),
            version=max(1, version),
            denominations=() if step.lowers else (self._variant(step),),
            retire=("main",) if step.lowers else (),
            idempotency_key=key,
            **_said(step),
        )

    def _retire_product(self, step: Step, key: str) -> AnyCommand:
        return RetireGiftCardProduct(product_id=_product(step), idempotency_key=key, **_said(step))

    def _sell(self, step: Step, key: str) -> AnyCommand:
        paid = self._value(step)
        open_amount = money(step.ceiling, paid.currency.code) if step.by_id else None
        line = GiftCardLine(
            line_id=f"line-{step.line or 0}",
            product_id=_product(step),
            variant_id=None if step.by_id else "main",
            amount=open_amount,
            quantity=step.quantity,
            paid=paid,
        )
        order = GiftCardOrder(
            order_id=_sale(step), placed_at=self.clock() - step.placed_ago, lines=(line,), is_paid=step.is_paid
        )
        active_from = self._in(step.begins_in)
        return IssueGiftCardsForOrder(order=order, active_from=active_from, idempotency_key=key, **_said(step))

    def _activate(self, step: Step, key: str) -> AnyCommand:
        active_from = self._in(step.begins_in)
        return ActivateGiftCards(order_id=_sale(step), active_from=active_from, idempotency_key=key, **_said(step))

    def _undo_sale(self, step: Step, key: str) -> AnyCommand:
        lines = () if step.line is None else (f"line-{step.line}",)
        cause = ReversalCause.REFUND
        return ReverseGiftCardSale(
            order_id=_sale(step), cause=cause, line_ids=lines, idempotency_key=key, **_said(step)
        )

    def _deactivate(self, step: Step, key: str) -> AnyCommand:
        return DeactivateGiftCard(**self._card(step), idempotency_key=key, **_said(step))

    def _replace_code(self, step: Step, key: str) -> AnyCommand:
        return ReplaceGiftCardCode(**self._card(step), idempotency_key=key, **_said(step))

    def _update(self, step: Step, key: str) -> AnyCommand:
        card_id = self._card_id(step.card)
        noted: dict[str, Any] = {"note": "noted", "metadata": None, **_said(step)}
        return UpdateGiftCard(
            gift_card_id=card_id,
            edition=max(1, self.editions.get(card_id, 1) + step.priority),
            tags=("a tag",),
            idempotency_key=key,
            **noted,
        )

    def _change_expiry(self, step: Step, key: str) -> AnyCommand:
        ends = self._in(step.expires_in)
        return ChangeGiftCardExpiry(
            **self._card(step), expires_at=ends, idempotency_key=key, **{**_BY_STAFF, **_said(step)}
        )

    def _reload(self, step: Step, key: str) -> AnyCommand:
        return ReloadGiftCard(
            **self._card(step),
            amount=self._value(step, self._currency_of_card(step.card)),
            origin=step.origin or LotOrigin.PURCHASED,
            expires_at=self._in(step.expires_in),
            idempotency_key=key,
            **_said(step),
        )

    def _reinstate(self, step: Step, key: str) -> AnyCommand:
        return ReinstateGiftCard(
            **self._card(step),
            amount=ALL if step.amount is None else self._value(step, self._currency_of_card(step.card)),
            expires_at=self._in(step.expires_in),
            idempotency_key=key,
            **{**_BY_STAFF, **_said(step)},
        )

    def _cash_out(self, step: Step, key: str) -> AnyCommand:
        return CashOutGiftCard(**self._card(step), customer_id=step.customer, idempotency_key=key, **_said(step))

    def _import(self, step: Step, key: str) -> AnyCommand:
        rows = [self._row(step, abs(step.card) + number) for number in range(step.quantity)]
        return ImportGiftCards(source="old", rows=rows, is_strict=not step.lowers, idempotency_key=key, **_said(step))

    def _row(self, step: Step, number: int) -> GiftCardRow:
        currency = step.currency or "USD"
        digest = list(OLD_CODES)[0 if step.by_id else number]
        return GiftCardRow(
            source_id=f"{number}",
            value=money(step.ceiling, currency),
            balance=None if step.amount is None else money(step.amount, currency),
            code_digest=digest,
            code_key_id=fake_code_keys().current_id,
            last_four=OLD_CODES[digest][-4:],
            expires_at=self._in(step.expires_in),
            customer_id=step.customer,
        )

    def _expire(self, step: Step, key: str) -> AnyCommand:  # noqa: ARG002 - a sweep needs no key
        return ExpireValue(limit=step.limit)

    def _bad_call(self, step: Step, key: str) -> AnyCommand:
        _, make = BAD_CALLS[step.earlier % len(BAD_CALLS)]
        return make(key)


_BY_STAFF: Final[Mapping[str, Any]] = {"actor": "staff", "reason": "a mistake"}
"""What corrections must say."""


def _order(step: Step) -> str | None:
    return None if step.order is None else f"order-{step.order}"


def _sale(step: Step) -> str:
    return f"sale-{step.order or 0}"


def _product(step: Step) -> str:
    return f"product-{step.card}"


def _most(amount: int | None, currency: str) -> Money | None:
    return None if amount is None else money(amount, currency)


def _lines(step: Step, paid: Money) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(
            id=f"line-{place}",
            amount=money(amount, paid.currency.code),
            is_stored_value=product == STORED_VALUE,
            product=product,
        )
        for place, (product, amount) in enumerate(step.lines)
    )


def _said(step: Step) -> dict[str, Any]:
    return dict(step.said)


def answer(loyalty: Loyalty, command: AnyCommand) -> tuple[object, LoyaltyError | None]:
    """Execute a command; return its result, or the error it ended with."""
    try:
        return loyalty.execute(command), None
    except LoyaltyError as error:
        return None, error


def _all_cards(reader: Reader) -> tuple[GiftCard, ...]:
    return reader.page_of_accounts(None, 100_000).gift_cards


def _comparable(said: tuple[object, LoyaltyError | None]) -> object:
    result, error = said
    return result if error is None else (type(error), error.args)


BAD_CALLS: Final[tuple[tuple[type[LoyaltyError], Callable[[str], AnyCommand]], ...]] = (
    (InvalidAmount, lambda key: IssueGiftCard(value=money(0), idempotency_key=key)),
    (InvalidAmount, lambda key: IssueGiftCard(value=money(-5), idempotency_key=key)),
    (InvalidAmount, lambda key: IssueGiftCard(value=Money("0.001", "USD"), idempotency_key=key)),
    (InvalidAmount, lambda key: IssueGiftCard(value=Money("NaN", "USD"), idempotency_key=key)),
    (InvalidAmount, lambda key: IssueGiftCard(value=money(10**15 + 1), idempotency_key=key)),
    (
        InvalidTime,
        lambda key: IssueGiftCard(value=money(1), expires_at=datetime(2031, 1, 1), idempotency_key=key),  # noqa: DTZ001 - naive on purpose
    ),
    (
        InvalidAmount,
        lambda key: GrantStoreCredit(
            customer_id="ada", amount=Money("0.5", "JPY"), origin=LotOrigin.REFUND, idempotency_key=key
        ),
    ),
    (InvalidRequest, lambda key: DebitStoreCredit(amount=money(1), idempotency_key=key)),
    (
        InvalidRequest,
        lambda key: DebitStoreCredit(
            amount=money(1), customer_id="ada", account_id=AccountId("one too many"), idempotency_key=key
        ),
    ),
    (InvalidRequest, lambda key: ClaimGiftCard(code="GIFT", customer_id="", idempotency_key=key)),
    (MalformedCode, lambda key: ClaimGiftCard(code="ĜIFT", customer_id="ada", idempotency_key=key)),
    (InvalidRequest, lambda key: PayWithBalances(order_id="order-0", amount_due=money(1), idempotency_key=key)),
    (InvalidRequest, lambda key: PlaceHold(order_id="order-0", amount_due=money(1), idempotency_key=key)),
    (
        InvalidRequest,
        lambda key: PlaceHold(
            order_id="order-0",
            amount_due=money(1),
            customer_id="ada",
            lapses_after=timedelta(0),
            idempotency_key=key,
        ),
    ),
    (
        CurrencyMismatch,
        lambda key: PlaceHold(
            order_id="order-0",
            amount_due=money(1),
            customer_id="ada",
            store_credit_at_most=money(1, "JPY"),
            idempotency_key=key,
        ),
    ),
    (InvalidRequest, lambda key: AdjustHold(hold_id="a hold", idempotency_key=key)),
    (InvalidAmount, lambda key: CaptureHold(hold_id="a hold", amount=money(0), idempotency_key=key)),
    (InvalidRequest, lambda key: VoidHold(hold_id="", idempotency_key=key)),
    (InvalidAmount, lambda key: RefundRedemption(amount=money(0), order_id="order-0", idempotency_key=key)),
    (
        InvalidRequest,
        lambda key: AdjustValue(
            customer_id="ada",
            amount=money(1),
            direction=Direction.CREDIT,
            actor="staff",
            reason=None,  # type: ignore[arg-type]  # wrong on purpose
            idempotency_key=key,
        ),
    ),
    (InvalidRequest, lambda key: ReverseTransfer(transfer_id="", actor="staff", reason="why", idempotency_key=key)),
    (InvalidRequest, lambda key: OpenStoreCreditAccount(customer_id="ada", currency="ABC", idempotency_key=key)),
    (InvalidRequest, lambda _: OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="k" * 201)),
)
"""Calls that no storage ever hears of, with what they end with."""
