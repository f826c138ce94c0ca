"""
What ought to happen: the rules once more, on plain integers and dictionaries.

An oracle must be independent, so nothing here calls the library's arithmetic or
rules: spending order, expiry, holds, splitting, refund caps, claims and blocks are
written a second time, from SPEC and not from the source. It reads commands,
which are data, and learns ids from answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from moneyed import Money

from loyalty.errors import (
    AlreadyClaimed,
    AlreadyReversed,
    ClaimedByAnother,
    CurrencyMismatch,
    GiftCardNotFound,
    HoldClosed,
    HoldNotFound,
    InsufficientBalance,
    InvalidRequest,
    InvalidTime,
    MalformedCode,
    NotEligible,
    NotReversible,
    NotSpendable,
    RedemptionNotFound,
    RefundTooLarge,
    StoreCreditAccountNotFound,
    TransferNotFound,
)
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.lot import LotOrigin
from loyalty.money import ALL
from loyalty.policies.eligibility import OrderLine
from loyalty.store_credit.account import StoreCreditView
from loyalty.tenders.asked import GiftCardTender, PaymentRequest
from loyalty.tenders.hold_view import HoldView
from loyalty.testing.books import Books
from loyalty.testing.oracle_accounts import AccountLife, facts_of_account_life
from loyalty.testing.oracle_cards import CardLife, facts_of_card_life
from loyalty.testing.oracle_imports import Imports, facts_of_import
from loyalty.testing.oracle_records import (
    Facts,
    PlainAccount,
    PlainCard,
    PlainChange,
    PlainHold,
    PlainLot,
    PlainPart,
    PlainPast,
    PlainPlan,
    PlainRedemption,
    PlainShare,
    Refusal,
    seen_at,
)
from loyalty.testing.oracle_sales import Sales, facts_of_sale
from loyalty.testing.plan_oracle import Offer, Payer, divide
from loyalty.testing.programs import AnyCommand, minor
from loyalty.use_cases.adjust_hold import AdjustHold
from loyalty.use_cases.adjust_value import Adjustment, AdjustValue
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.capture_hold import Capture, CaptureHold
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.convert_gift_card import Conversion, ConvertGiftCard
from loyalty.use_cases.debit_store_credit import Debit, DebitStoreCredit
from loyalty.use_cases.expire_value import Expired, ExpireValue
from loyalty.use_cases.grant_store_credit import Grant, GrantStoreCredit
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.lapse_holds import Lapsed, LapseHolds
from loyalty.use_cases.merge_customers import CustomerMerge
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.open_store_credit_account import OpenStoreCreditAccount
from loyalty.use_cases.pay_with_balances import Payment, PayWithBalances
from loyalty.use_cases.place_hold import PlaceHold
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.redemption import Redemption
from loyalty.use_cases.refund_as_gift_card import RefundAsGiftCard
from loyalty.use_cases.refund_order_to_store_credit import CreditRefund, RefundOrderToStoreCredit
from loyalty.use_cases.refund_redemption import Refund, RefundRedemption
from loyalty.use_cases.reverse_transfer import Reversal, ReverseTransfer
from loyalty.use_cases.transfer_store_credit import StoreCreditTransfer
from loyalty.use_cases.unblock_gift_card import UnblockGiftCard
from loyalty.use_cases.void_hold import VoidHold

__all__ = ["Oracle", "Refusal", "facts_of"]

_LONGEST_CODE_NOT_OURS: Final = 15
_A_HOLD_LASTS: Final = timedelta(minutes=15)
_FIRST_TOLD: Final = (
    MalformedCode,
    GiftCardNotFound,
    ClaimedByAnother,
    NotSpendable,
    CurrencyMismatch,
    NotEligible,
)


class Oracle:
    """
    A second shop, in plain integers.

    :meth:`expect` answers what a command must come to, and changes the second
    shop accordingly; :meth:`learn` is then told the real ids; :meth:`compare`
    checks that the real books say the same.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._cards: list[PlainCard] = []
        self._credits: list[PlainAccount] = []
        self._redemptions: list[PlainRedemption] = []
        self._holds: list[PlainHold] = []
        self._changes: list[PlainChange] = []
        self._past: dict[str, PlainPast] = {}
        self._reversed: set[str] = set()
        self._nameless: list[Any] = []
        self._now = datetime.min.replace(tzinfo=UTC)
        self._owed_before: list[tuple[str, int]] = []
        self._sales = Sales(
            cards=self._cards,
            fill=self._fill,
            note=self._note,
            show=self._card_facts,
            past=self._past,
            reversed_=self._reversed,
        )
        self._card_life = CardLife(
            find=self._card,
            fill=self._fill,
            note=self._note,
            show=self._card_facts,
            name=self._name,
            past=self._past,
            reversed_=self._reversed,
        )
        self._imports = Imports(cards=self._cards, fill=self._fill)
        self._account_life = AccountLife(
            cards=self._cards,
            credits=self._credits,
            named=self._named_credit,
            opened=self._open_credit,
            draw=_draw,
            copy=_copy,
            fill=self._fill,
            note=self._note,
            show=self._credit_facts,
        )
        self._rules: dict[type, Callable[[Any, datetime], Facts]] = {
            IssueGiftCard: self._issue,
            ClaimGiftCard: self._claim,
            ConvertGiftCard: self._convert,
            RedeemGiftCard: self._redeem,
            PayWithBalances: self._pay,
            RefundRedemption: self._refund,
            BlockGiftCard: self._block,
            UnblockGiftCard: self._unblock,
            OpenStoreCreditAccount: self._open,
            GrantStoreCredit: self._grant,
            DebitStoreCredit: self._debit,
            PlaceHold: self._place_hold,
            AdjustHold: self._adjust_hold,
            CaptureHold: self._capture_hold,
            VoidHold: self._void_hold,
            LapseHolds: self._lapse_holds,
            AdjustValue: self._adjust,
            ReverseTransfer: self._reverse,
            RefundOrderToStoreCredit: self._refund_to_credit,
            RefundAsGiftCard: self._refund_as_card,
            ExpireValue: self._expire,
            **self._sales.rules(),
            **self._card_life.rules(),
            **self._imports.rules(),
            **self._account_life.rules(),
        }

    # --- what is asked of it ------------------------------------------------

    def expect(self, command: AnyCommand, now: datetime) -> Facts:
        """
        Carry out *command* here and return what the answer must say.

        Raises:
            Refusal: If it must be refused; then nothing was changed here.
        """
        self._nameless = []
        self._now = now
        return self._rules[type(command)](command, now)

    def learn(self, result: object, books: Books) -> None:
        """Note the ids that the last command's *result* and the *books* give to what is new here."""
        if isinstance(result, IssuedGiftCard):
            card = self._nameless[0]
            card.id, card.account.id = result.gift_card.id, result.gift_card.account_id
            card.code = result.code
        if isinstance(result, Redemption):
            self._nameless[0].id = result.id
        if isinstance(result, HoldView) and self._nameless:
            self._nameless[0].id = result.id
        if isinstance(result, Payment | Capture):
            for redemption, part in zip(self._nameless, result.parts, strict=True):
                redemption.id = part.id
        if isinstance(result, Debit) and self._nameless:
            self._nameless[0].id = result.transfer.id
        account = result.account if isinstance(result, Grant | Conversion | CreditRefund) else result
        account = account.target if isinstance(account, StoreCreditTransfer) else account
        for one in account.accounts if isinstance(account, CustomerMerge) else (account,):
            if isinstance(one, StoreCreditView):
                self._credit(one.customer_id, one.currency).id = one.id
        self._sales.learn(result)
        self._imports.learn(result, books)
        for own in self._accounts():
            self._learn_lots(own, books)
        self._learn_what_lapsed(books)
        self._learn_past(books)

    def compare(self, books: Books) -> None:
        """
        Check that the real books hold what this shop holds.

        Raises:
            AssertionError: At the first difference.
        """
        assert self._plain_accounts() == {
            account.id: (
                account.currency,
                account.posted,
                account.sequence,
                account.recorded_at,
                {
                    lot.id: (
                        lot.amount,
                        lot.remaining,
                        lot.origin.value,
                        lot.opened_at,
                        lot.expires_at,
                        lot.not_before,
                        lot.priority,
                    )
                    for lot in account.lots
                },
            )
            for account in books.accounts
        }
        assert {card.id: (card.account.id, card.value, card.status, card.owner) for card in self._cards} == {
            card.id: (card.account.id, card.value, card.status.value, card.customer_id) for card in books.gift_cards
        }
        assert {one.id: (one.customer, one.status, one.successor and one.successor.id) for one in self._credits} == {
            credit.id: (credit.customer_id, credit.status.value, credit.successor_id)
            for credit in books.store_credit_accounts
        }
        self._compare_holds(books)

    def look(self, now: datetime) -> dict[str, Facts]:
        """Return what every card, store credit account and hold must be said to be at *now*, by its id."""
        cards = {card.id: self._card_facts(card, max(now, card.account.recorded)) for card in self._cards}
        credits_ = {one.id: self._credit_facts(one, max(now, one.recorded)) for one in self._credits}
        return {**cards, **credits_, **{hold.id: self._hold_facts(hold, now) for hold in self._holds}}

    def owed(self, until: datetime | None = None) -> dict[tuple[str, str], int]:
        """Return what is owed per currency and origin, with what was recorded until then, the instant included."""
        sums: dict[tuple[str, str], int] = {}
        for change in self._changes:
            if until is None or change.at <= until:
                at = (change.currency, change.origin)
                sums[at] = sums.get(at, 0) + change.amount
        return sums

    def moved(self, since: datetime | None, until: datetime | None) -> dict[tuple[str, str], int]:
        """Return the change of what is owed per currency and kind, *since* included and *until* not."""
        sums: dict[tuple[str, str], int] = {}
        for change in self._changes:
            if (since is None or since <= change.at) and (until is None or change.at < until):
                at = (change.currency, change.kind)
                sums[at] = sums.get(at, 0) + change.amount
        return sums

    def instants(self) -> list[datetime]:
        """Return the times at which anything was recorded."""
        return sorted({change.at for change in self._changes})

    # --- the commands -------------------------------------------------------

    def _issue(self, command: IssueGiftCard, now: datetime) -> Facts:
        if command.expires_at is not None and command.expires_at <= now:
            raise Refusal(InvalidTime)
        origin = command.origin
        if origin is None:
            origin = LotOrigin.PURCHASED if command.order_id is not None else LotOrigin.PROMOTIONAL
        amount, currency = minor(command.value), command.value.currency.code
        account = PlainAccount(currency=currency, recorded=now)
        lot = PlainLot(amount=amount, remaining=amount, origin=origin.value, opened=now, expires=command.expires_at)
        card = PlainCard(account=account, value=amount, expires=command.expires_at, owner=command.customer_id)
        self._nameless = [card]
        self._cards.append(card)
        self._fill(account, [lot], now, "issue")
        return self._card_facts(card, now)

    def _claim(self, command: ClaimGiftCard, now: datetime) -> Facts:
        card = self._card(command.code, None)
        at = max(now, card.account.recorded)
        if card.owner != command.customer_id:
            if card.owner is not None:
                raise Refusal(AlreadyClaimed)
            card.require_usable(None, at)
            card.owner = command.customer_id
        return self._card_facts(card, at)

    def _convert(self, command: ConvertGiftCard, now: datetime) -> Facts:
        card = self._card(command.code, command.gift_card_id)
        at = max(now, card.account.recorded)
        card.require_usable(command.customer_id, at)
        target = self._find_credit(command.customer_id, card.account.currency)
        if target is not None:
            target.require_not_closed()
        at = at if target is None else max(at, target.recorded)
        living = [(lot, lot.unheld(at)) for lot in card.account.lots if lot.unheld(at) and lot.lives(at)]
        if not living:
            raise Refusal(NotSpendable, reason="exhausted")
        if target is None:
            target = self._open_credit(command.customer_id, card.account.currency, at)
        living.sort(key=lambda pair: pair[0].id or "")
        copies = [_copy(lot, part, at, lot.expires) for lot, part in living]
        amount = sum(part for _, part in living)
        for lot, part in living:
            self._note(at, card.account, lot, "conversion", -part)
            lot.remaining -= part
        card.account.moved(at)
        self._fill(target, copies, at, "conversion")
        card.owner = command.customer_id
        return {"amount": amount, "gift_card_id": card.id, "account": self._credit_facts(target, at)}

    def _redeem(self, command: RedeemGiftCard, now: datetime) -> Facts:
        card = self._card(command.code, command.gift_card_id)
        at = max(now, card.account.recorded)
        card.require_usable(command.customer_id, at)
        self._require_allowed(command, card.account, card)
        return self._pay_from(card.account, command.amount, command.order_id, at, "redemption")

    def _pay(self, command: PayWithBalances, now: datetime) -> Facts:
        plan = self._plan(command, command.order_id, now)
        self._replace(plan)
        parts = [
            self._taken(
                part.account,
                [PlainShare(lot=lot, taken=taken) for lot, taken in part.shares],
                command.order_id,
                plan.at,
            )
            for part in plan.parts
            if part.amount
        ]
        paid = sum(part.amount for part in plan.parts)
        return {"amount": paid, "remaining_due": minor(command.amount_due) - paid, "parts": parts}

    def _refund(self, command: RefundRedemption, now: datetime) -> Facts:
        redemptions = self._refundable(command)
        shares = [(one, share) for one in redemptions for share in one.shares]
        left = sum(share.taken - share.given for _, share in shares)
        amount = left if command.amount is ALL else minor(command.amount)
        if not 0 < amount <= left:
            raise Refusal(RefundTooLarge, refundable=left)
        at = max([now, *(account.recorded for one in redemptions for account in one.account.line())])
        split = _next_parts(amount, [share.taken for _, share in shares], [share.given for _, share in shares])
        facts: dict[str, Any] = {"amount": amount, "forfeited": 0, "regranted": 0, "parts": []}
        for (one, _), part in zip(shares, split, strict=True):
            if part:
                one.account.line()[-1].require_not_closed()
        for one in redemptions:
            own = [(share, part) for (of, share), part in zip(shares, split, strict=True) if of is one and part]
            if own:
                facts["parts"].append(self._give_back(one, own, at, facts))
        return facts

    def _give_back(
        self, one: PlainRedemption, own: list[tuple[PlainShare, int]], at: datetime, facts: dict[str, Any]
    ) -> dict[str, object]:
        taker, opened = one.account.line()[-1], list[PlainLot]()
        for share, part in own:
            share.given += part
            assert share.given <= share.taken
            if not share.lot.lives(at) and share.lot.origin != "promotional":
                opened.append(_copy(share.lot, part, at, at + timedelta(days=30)))
                facts["regranted"] += part
                continue
            facts["forfeited"] += 0 if share.lot.lives(at) else part
            if taker is not one.account:
                opened.append(_copy(share.lot, part, at, share.lot.expires))
                continue
            share.lot.remaining += part
            self._note(at, taker, share.lot, "refund", part)
        for lot in opened:
            taker.lots.append(lot)
            self._note(at, taker, lot, "refund", lot.amount)
        taker.moved(at)
        amount = sum(part for _, part in own)
        return {
            "redemption_id": one.id,
            "account_id": taker.id,
            "amount": amount,
            "balance_after": taker.posted,
        }

    def _block(self, command: BlockGiftCard, now: datetime) -> Facts:
        return self._set_status(command, "blocked", now)

    def _unblock(self, command: UnblockGiftCard, now: datetime) -> Facts:
        return self._set_status(command, "active", now)

    def _set_status(self, command: BlockGiftCard | UnblockGiftCard, status: str, now: datetime) -> Facts:
        card = self._card(command.code, command.gift_card_id)
        if card.status not in {"active", "blocked"}:
            raise Refusal(NotSpendable, reason=card.status)
        card.status = status
        return self._card_facts(card, max(now, card.account.recorded))

    def _open(self, command: OpenStoreCreditAccount, now: datetime) -> Facts:
        currency = command.currency.code
        known = self._find_credit(command.customer_id, currency)
        opened = known or self._open_credit(command.customer_id, currency, now)
        return self._credit_facts(opened, max(now, opened.recorded))

    def _grant(self, command: GrantStoreCredit, now: datetime) -> Facts:
        if command.expires_at is not None and command.expires_at <= now:
            raise Refusal(InvalidTime)
        amount, currency = minor(command.amount), command.amount.currency.code
        account = self._named_credit(command.account_id, command.customer_id, currency)
        if account is None and command.account_id is not None:
            raise Refusal(StoreCreditAccountNotFound)
        if account is not None:
            account.require_not_closed()
        if account is not None and account.currency != currency:
            raise Refusal(CurrencyMismatch)
        at = now if account is None else max(now, account.recorded)
        if command.expires_at is not None and command.expires_at <= at:
            raise Refusal(InvalidTime)
        if account is None:
            account = self._open_credit(str(command.customer_id), currency, at)
        lot = PlainLot(
            amount=amount,
            remaining=amount,
            origin=command.origin.value,
            opened=at,
            expires=command.expires_at,
            begins=command.not_before,
            priority=command.priority,
        )
        self._fill(account, [lot], at, "grant")
        return {"amount": amount, "balance_after": account.posted, "account": self._credit_facts(account, at)}

    def _debit(self, command: DebitStoreCredit, now: datetime) -> Facts:
        account = self._named_credit(command.account_id, command.customer_id, command.amount.currency.code)
        if account is None:
            raise Refusal(StoreCreditAccountNotFound)
        if account.status != "open":
            raise Refusal(NotSpendable, reason=account.status)
        at = max(now, account.recorded)
        kind = "debit" if command.order_id is None else "redemption"
        self._require_allowed(command, account, None)
        taken = self._pay_from(account, command.amount, command.order_id, at, kind)
        return {
            "amount": taken["amount"],
            "balance_after": taken["balance_after"],
            "account": self._credit_facts(account, at),
        }

    def _expire(self, command: ExpireValue, now: datetime) -> Facts:
        due = sorted(
            (min(lot.expires for lot in over if lot.expires is not None), account.id, account)
            for account in self._accounts()
            if (over := [lot for lot in account.lots if lot.remaining > _on_the_books(lot) and not lot.lives(now)])
        )
        sums: dict[str, int] = {}
        for _, _, account in due[: command.limit]:
            at = max(now, account.recorded)
            for lot in account.lots:
                ended = 0 if lot.lives(at) else lot.unheld(at)
                if ended:
                    sums[account.currency] = sums.get(account.currency, 0) + ended
                    self._note(at, account, lot, "expiry", -ended)
                    lot.remaining -= ended
            account.moved(at)
        return {
            "amounts": sorted(sums.items()),
            "accounts": min(len(due), command.limit),
            "is_done": len(due) < command.limit,
        }

    def _adjust(self, command: AdjustValue, now: datetime) -> Facts:
        card = next((one for one in self._cards if one.id == command.gift_card_id), None)
        if command.gift_card_id is not None and card is None:
            raise Refusal(GiftCardNotFound)
        account = card.account if card is not None else self._named(command)
        at = max(now, account.recorded)
        amount, lowers = minor(command.amount), command.direction == "debit"
        if account.currency != command.amount.currency.code:
            raise Refusal(CurrencyMismatch)
        if lowers:
            self._pay_from(account, command.amount, None, at, "adjustment")
        else:
            account.require_not_closed()
            card = next((one for one in self._cards if one.account is account), None)
            if card is not None and card.status in {"pending", "deactivated"}:
                raise Refusal(NotSpendable, reason=card.status)
            if command.expires_at is not None and command.expires_at <= at:
                raise Refusal(InvalidTime)
            lot = PlainLot(
                amount=amount, remaining=amount, origin=command.origin.value, opened=at, expires=command.expires_at
            )
            self._fill(account, [lot], at, "adjustment")
        return {
            "account_id": account.id,
            "direction": "debit" if lowers else "credit",
            "amount": amount,
            "balance_after": account.posted,
        }

    def _named(self, command: AdjustValue) -> PlainAccount:
        if command.account_id is None:
            account = self._find_credit(str(command.customer_id), command.amount.currency.code)
        else:
            account = next((one for one in self._accounts() if one.id == command.account_id), None)
        if account is None:
            raise Refusal(StoreCreditAccountNotFound)
        return account

    def _reverse(self, command: ReverseTransfer, now: datetime) -> Facts:
        past = self._past.get(command.transfer_id)
        if past is None:
            raise Refusal(TransferNotFound)
        if past.kind == "reversal":
            raise Refusal(NotReversible, reason="reversal")
        if past.kind in {"clawback", "loss"}:
            raise Refusal(NotReversible, reason="sale")
        if command.transfer_id in self._reversed:
            raise Refusal(AlreadyReversed)
        redemption = next((one for one in self._redemptions if one.id == command.transfer_id), None)
        was_given = redemption is not None and any(share.given for share in redemption.shares)
        was_given |= past.kind == "expiry" and any(
            one.of == command.transfer_id and id_ not in self._reversed for id_, one in self._past.items()
        )
        if was_given or self._sales.is_undone(command.transfer_id):
            raise Refusal(NotReversible, reason="refunded")
        accounts = {one.id: one for one in self._accounts() if one.id in {past.loser, past.winner}}
        if past.loser is not None:
            accounts[past.loser].require_not_closed()
        at = max([now, *(one.recorded for one in accounts.values())])
        entries = []
        if past.winner is not None:
            self._take_again(accounts[past.winner], past, at)
            entries.append({"direction": "debit", "balance_after": accounts[past.winner].posted})
        facts = {"amount": past.amount, "forfeited": 0, "regranted": 0, "entries": entries}
        if past.loser is not None:
            self._give_again(accounts[past.loser], past, at, facts)
            entries.append({"direction": "credit", "balance_after": accounts[past.loser].posted})
        self._reversed.add(command.transfer_id)
        for share in redemption.shares if redemption is not None else ():
            share.given = share.taken
        if past.kind == "refund":
            self._forget_refund(past)
        return facts

    def _refund_to_credit(self, command: RefundOrderToStoreCredit, now: datetime) -> Facts:
        left = self._room_for(command, now)
        currency = command.amount.currency.code
        account = self._find_credit(command.customer_id, currency)
        if account is not None:
            account.require_not_closed()
        at = now if account is None else max(now, account.recorded)
        if command.expires_at is not None and command.expires_at <= at:
            raise Refusal(InvalidTime)
        account = account or self._open_credit(command.customer_id, currency, at)
        self._fill(account, [_new_value(command, at)], at, "refund")
        return {
            "amount": minor(command.amount),
            "still_refundable": left,
            "balance_after": account.posted,
            "account": self._credit_facts(account, at),
        }

    def _refund_as_card(self, command: RefundAsGiftCard, now: datetime) -> Facts:
        self._room_for(command, now)
        account = PlainAccount(currency=command.amount.currency.code, recorded=now)
        card = PlainCard(account=account, value=minor(command.amount), expires=command.expires_at, owner=None)
        self._nameless = [card]
        self._cards.append(card)
        self._fill(account, [_new_value(command, now)], now, "refund")
        return self._card_facts(card, now)

    def _room_for(self, command: RefundOrderToStoreCredit | RefundAsGiftCard, now: datetime) -> int:
        """Return what the order's ceiling leaves after this refund."""
        if command.expires_at is not None and command.expires_at <= now:
            raise Refusal(InvalidTime)
        given = sum(
            past.amount
            for id_, past in self._past.items()
            if (past.order, past.currency) == (command.order_id, command.amount.currency.code)
            and past.winner is not None
            and past.kind in {"refund", "reversal"}
            and id_ not in self._reversed
        )
        room = minor(command.refundable) - given
        if minor(command.amount) > room:
            raise Refusal(RefundTooLarge, refundable=max(0, room))
        return room - minor(command.amount)

    def _take_again(self, account: PlainAccount, past: PlainPast, at: datetime) -> None:
        lots = {str(lot.id): lot for lot in account.lots}
        left = sum(min(lots[lot_id].unheld(at), amount) for lot_id, amount, _ in past.given)
        if left < past.amount:
            raise Refusal(InsufficientBalance, requested=past.amount, available=left)
        for lot_id, amount, _ in past.given:
            lots[lot_id].remaining -= amount
            self._note(at, account, lots[lot_id], "reversal", -amount)
        account.moved(at)

    def _give_again(self, account: PlainAccount, past: PlainPast, at: datetime, facts: dict[str, Any]) -> None:
        lots = {str(lot.id): lot for lot in account.lots}
        for lot_id, amount in past.taken:
            lot, is_over = lots[lot_id], not lots[lot_id].lives(at)
            if is_over and lot.origin != "promotional" and past.kind not in {"conversion", "move"}:
                lot = _copy(lot, amount, at, at + timedelta(days=30))
                account.lots.append(lot)
                facts["regranted"] += amount
            else:
                lot.remaining += amount
                facts["forfeited"] += amount if is_over else 0
            self._note(at, account, lot, "reversal", amount)
        account.moved(at)

    def _forget_refund(self, past: PlainPast) -> None:
        """Let what a reversed refund gave back be refunded again."""
        for redemption in self._redemptions:
            for share in redemption.shares if redemption.id == past.of else ():
                share.given -= sum(amount for _, amount, source in past.given if source == share.lot.id)

    # --- holds --------------------------------------------------------------

    def _place_hold(self, command: PlaceHold, now: datetime) -> Facts:
        plan = self._plan(command, command.order_id, now)
        self._replace(plan)
        hold = PlainHold(
            order=command.order_id,
            customer=command.customer_id,
            currency=command.amount_due.currency.code,
            due=minor(command.amount_due),
            parts=plan.parts,
            placed=plan.at,
            lapses=plan.at + (command.lapses_after or _A_HOLD_LASTS),
            has_lines=bool(command.lines),
        )
        hold.reserve()
        seen_at(plan.at, hold.reserved())
        self._holds.append(hold)
        self._nameless = [hold]
        return {**self._hold_facts(hold, plan.at), "replaced_id": None if plan.earlier is None else plan.earlier.id}

    def _adjust_hold(self, command: AdjustHold, now: datetime) -> Facts:
        hold, at = self._open_hold(command.hold_id, command.order_id, now)
        new_due = [] if command.amount_due is None else [command.amount_due]
        if any(one.currency.code != hold.currency for one in [*new_due, *(line.amount for line in command.lines)]):
            raise Refusal(CurrencyMismatch)
        if hold.has_lines and new_due and not command.lines:
            raise Refusal(InvalidRequest)
        hold.due = minor(new_due[0]) if new_due else hold.due
        before, lapsed = hold.reserved(), hold.lapses
        if new_due or command.lines:
            self._plan_anew(hold, command.lines, at)
        if command.lapses_after is not None:
            hold.lapses = at + command.lapses_after
        after = hold.reserved()
        seen_at(at, [one for one in {**before, **after} if (before.get(one), lapsed) != (after.get(one), hold.lapses)])
        return self._hold_facts(hold, at)

    def _plan_anew(self, hold: PlainHold, lines: tuple[OrderLine, ...], at: datetime) -> None:
        hold.has_lines |= bool(lines)
        hold.let_go()
        rooms = []
        for part in hold.parts:
            kept, may_give_more = dict(part.shares), part.is_usable(hold.customer, at)
            own = [(lot, max(kept.get(lot, 0), lot.free(at) if may_give_more else 0)) for lot in part.account.lots]
            rooms.append(own)
            part.is_let_go = False
        _assign(hold.due, hold.parts, rooms, lines)
        hold.reserve()

    def _capture_hold(self, command: CaptureHold, now: datetime) -> Facts:
        hold, at = self._open_hold(command.hold_id, command.order_id, now)
        held = hold.amount
        if command.amount is not ALL and command.amount.currency.code != hold.currency:
            raise Refusal(CurrencyMismatch)
        amount = held if command.amount is ALL else minor(command.amount)
        if amount > held:
            raise Refusal(InsufficientBalance, requested=amount, available=held)
        taken = [part.shares for part in hold.parts]
        if amount < held:
            offers = [
                (Offer(place, (part.priority, *lot.rank()), kept), lot)
                for place, part in enumerate(hold.parts)
                for lot, kept in part.shares
            ]
            payers = [Payer()] * len(hold.parts)
            taken = _by_payer(offers, divide(amount, payers, [offer for offer, _ in offers]), len(payers))
        for part, shares in zip(hold.parts, taken, strict=True):
            if shares and part.card is not None and part.card.status != "active":
                raise Refusal(NotSpendable, reason=part.card.status)
            if shares and part.account.status != "open":
                raise Refusal(NotSpendable, reason=part.account.status)
        hold.end("captured", at, amount)
        parts = [
            self._taken(part.account, [PlainShare(lot=lot, taken=some) for lot, some in shares], hold.order, at)
            for part, shares in zip(hold.parts, taken, strict=True)
            if shares
        ]
        return {"amount": amount, "released": held - amount, "remaining_due": hold.due - amount, "parts": parts}

    def _void_hold(self, command: VoidHold, now: datetime) -> Facts:
        hold, at = self._open_hold(command.hold_id, command.order_id, now)
        hold.end("voided", at)
        return self._hold_facts(hold, at)

    def _lapse_holds(self, command: LapseHolds, now: datetime) -> Facts:
        due = sorted(
            (hold for hold in self._holds if hold.status == "open" and hold.status_at(now) == "lapsed"),
            key=lambda hold: (hold.lapses, hold.id),
        )[: command.limit]
        sums: dict[str, int] = {}
        for hold in due:
            sums[hold.currency] = sums.get(hold.currency, 0) + hold.amount
            hold.end("lapsed", now)
        return {"amounts": sorted(sums.items()), "holds": len(due), "is_done": len(due) < command.limit}

    def _open_hold(self, hold_id: str, order: str | None, now: datetime) -> tuple[PlainHold, datetime]:
        """Return a hold that can still be resolved, and the time to judge by."""
        hold = next((one for one in self._holds if one.id == hold_id and order in {None, one.order}), None)
        if hold is None:
            raise Refusal(HoldNotFound)
        at = max([now, *(part.account.recorded for part in hold.parts)])
        if hold.status_at(at) != "open":
            raise Refusal(HoldClosed, status=hold.status_at(at))
        if any(part.amount and part.is_let_go for part in hold.parts):
            # It was seen to lapse, and does not come back with the clock.
            raise Refusal(HoldClosed, status="lapsed")
        return hold, at

    def _plan(self, asked: PaymentRequest, order: str, now: datetime) -> PlainPlan:
        """Decide who pays how much, with what the order's own hold reserves; nothing is changed yet."""
        earlier = next((hold for hold in self._holds if (hold.order, hold.status) == (order, "open")), None)
        currency = asked.amount_due.currency.code
        found = [self._named_card(one.code, one.gift_card_id) for one in _named(asked)]
        cards = [card for card in found if isinstance(card, PlainCard)]
        credit = None
        if asked.use_store_credit and asked.customer_id is not None:
            credit = self._find_credit(asked.customer_id, currency)
        there = [card.account for card in cards] + ([] if credit is None else [credit])
        there += [] if earlier is None else [part.account for part in earlier.parts]
        at = max([now, *(account.recorded for account in there)])
        refusals = [card for card in found if isinstance(card, Refusal)]
        parts: dict[str, PlainPart] = {}
        for named, card in zip(_named(asked), found, strict=True):
            if isinstance(card, PlainCard) and card.id not in parts:
                most = None if named.at_most is None else minor(named.at_most)
                parts[card.id] = PlainPart(account=card.account, card=card, at_most=most, priority=named.priority)
                refusals += self._why_not(card, asked, at)
        by_account = sorted(parts.values(), key=lambda part: part.account.id)
        if credit is not None and credit.status != "open":
            refusals.append(Refusal(NotSpendable, reason=credit.status))
        elif credit is not None:
            most = None if asked.store_credit_at_most is None else minor(asked.store_credit_at_most)
            by_account.append(PlainPart(account=credit, card=None, at_most=most, priority=asked.store_credit_priority))
            refusals += _why_not_for_lines(asked, None, asked.customer_id)
        if refusals:
            raise min(refusals, key=lambda refusal: _FIRST_TOLD.index(refusal.kind))
        rooms = [
            [(lot, lot.free(at) + _own_part(lot, earlier, at)) for lot in part.account.lots] for part in by_account
        ]
        _assign(minor(asked.amount_due), by_account, rooms, asked.lines)
        return PlainPlan(at, by_account, earlier)

    def _named_card(self, code: Any, card_id: str | None) -> PlainCard | Refusal:
        try:
            return self._card(code, card_id)
        except Refusal as refusal:
            return refusal

    def _why_not(self, card: PlainCard, asked: PaymentRequest, at: datetime) -> list[Refusal]:
        try:
            card.require_usable(asked.customer_id, at)
        except Refusal as refusal:
            return [refusal]
        if card.account.currency != asked.amount_due.currency.code:
            return [Refusal(CurrencyMismatch)]
        return _why_not_for_lines(asked, card, card.owner)

    def _replace(self, plan: PlainPlan) -> None:
        if plan.earlier is not None:
            plan.earlier.end("lapsed" if plan.earlier.status_at(plan.at) == "lapsed" else "voided", plan.at)

    def _hold_facts(self, hold: PlainHold, at: datetime) -> Facts:
        return {
            "order_id": hold.order,
            "customer_id": hold.customer,
            "amount_due": hold.due,
            "amount": hold.amount,
            "remaining_due": hold.due - hold.amount,
            "captured": hold.captured,
            "parts": [
                (part.account.id, None if part.card is None else part.card.id, part.amount)
                for part in hold.parts
                if part.amount
            ],
            "status": hold.status_at(at),
            "placed_at": hold.placed,
            "lapses_at": hold.lapses,
            "resolved_at": hold.resolved,
            "replaced_id": None,
        }

    def _learn_what_lapsed(self, books: Books) -> None:
        """
        Let go of what the books have let go of, if its time had come.

        When a lapsed reservation is cleared is bookkeeping; but once it is, it
        stays lapsed, also if the clock goes back.
        """
        latest = max([self._now, *(account.recorded for account in self._accounts())])
        for account in self._accounts():
            kept = {one.hold_id for one in books.account(account.id).reservations}
            for hold in {one.hold for lot in account.lots for one in lot.reserved}:
                if hold.id not in kept and hold.status_at(latest) == "lapsed":
                    hold.let_go(account)

    def _compare_holds(self, books: Books) -> None:
        assert {
            hold.id: (
                (hold.order, hold.customer, hold.currency, hold.due, hold.captured, hold.status),
                (hold.placed, hold.lapses, hold.resolved),
                [(part.account.id, part.at_most, part.priority, part.amount) for part in hold.parts],
            )
            for hold in self._holds
        } == {
            hold.id: (
                (hold.order_id, hold.customer_id, hold.currency, hold.amount_due, hold.captured, hold.status.value),
                (hold.placed_at, hold.lapses_at, hold.resolved_at),
                [(one.account_id, one.at_most, one.priority, one.amount) for one in hold.tenders],
            )
            for hold in books.holds
        }
        assert {
            (account.id, one.hold.id): one.hold.lapses
            for account in self._accounts()
            for lot in account.lots
            for one in lot.reserved
        } == {(account.id, one.hold_id): one.lapses_at for account in books.accounts for one in account.reservations}
        assert {
            (lot.id, one.hold.id): one.amount
            for account in self._accounts()
            for lot in account.lots
            for one in lot.reserved
        } == {
            (move.lot_id, one.hold_id): move.amount
            for account in books.accounts
            for one in account.reservations
            for move in one.moves
        }

    # --- what they share ----------------------------------------------------

    def _name(self, card: PlainCard) -> None:
        """Wait for a code, or an id, of this card."""
        self._nameless = [card]

    def _accounts(self) -> Iterator[PlainAccount]:
        yield from (card.account for card in self._cards)
        yield from self._credits

    def _card(self, code: Any, card_id: str | None) -> PlainCard:
        if code is not None and not _is_spelled_right(code):
            raise Refusal(MalformedCode)
        for card in self._cards:
            if card_id == card.id or (code is not None and code.reveal() == _typed(card.code)):
                return card
        raise Refusal(GiftCardNotFound)

    def _find_credit(self, customer: str, currency: str) -> PlainAccount | None:
        return next((one for one in self._credits if (one.customer, one.currency) == (customer, currency)), None)

    def _credit(self, customer: str, currency: str) -> PlainAccount:
        found = self._find_credit(customer, currency)
        assert found is not None
        return found

    def _named_credit(self, account_id: str | None, customer: str | None, currency: str) -> PlainAccount | None:
        if account_id is not None:
            return next((one for one in self._credits if one.id == account_id), None)
        return self._find_credit(str(customer), currency)

    def _open_credit(self, customer: str, currency: str, at: datetime) -> PlainAccount:
        self._credits.append(PlainAccount(currency=currency, recorded=at, customer=customer))
        return self._credits[-1]

    def _fill(self, account: PlainAccount, lots: list[PlainLot], at: datetime, kind: str) -> None:
        for lot in lots:
            account.lots.append(lot)
            self._note(at, account, lot, kind, lot.amount)
        account.moved(at)

    def _note(self, at: datetime, account: PlainAccount, lot: PlainLot, kind: str, amount: int) -> None:
        self._changes.append(PlainChange(at, account.currency, lot.origin, kind, amount))

    def _require_allowed(
        self, paying: RedeemGiftCard | DebitStoreCredit, account: PlainAccount, card: PlainCard | None
    ) -> None:
        if account.currency != paying.amount.currency.code:
            raise Refusal(CurrencyMismatch)
        allowed = _open_lines(paying.lines, card, account.customer if card is None else card.owner)
        if allowed is not None and minor(paying.amount) > sum(minor(paying.lines[place].amount) for place in allowed):
            raise Refusal(NotEligible, reason=_first_veto(paying.lines, allowed))

    def _pay_from(
        self, account: PlainAccount, due: Money, order: str | None, at: datetime, kind: str
    ) -> dict[str, object]:
        if account.currency != due.currency.code:
            raise Refusal(CurrencyMismatch)
        shares = _draw(account.lots, minor(due), at)
        if sum(share.taken for share in shares) != minor(due):
            raise Refusal(InsufficientBalance, requested=minor(due), available=account.free(at))
        return self._taken(account, shares, order, at, kind)

    def _taken(
        self, account: PlainAccount, shares: list[PlainShare], order: str | None, at: datetime, kind: str = "redemption"
    ) -> dict[str, object]:
        for share in shares:
            share.lot.remaining -= share.taken
            self._note(at, account, share.lot, kind, -share.taken)
        account.moved(at)
        if order is not None:
            redemption = PlainRedemption(order=order, account=account, at=at, shares=shares)
            self._redemptions.append(redemption)
            self._nameless.append(redemption)
        amount = sum(share.taken for share in shares)
        return {"account_id": account.id, "amount": amount, "balance_after": account.posted}

    def _refundable(self, command: RefundRedemption) -> list[PlainRedemption]:
        named = [
            one
            for one in sorted(self._redemptions, key=lambda one: (one.at, one.id))
            if one.id == command.redemption_id or one.order == command.order_id
        ]
        if not named:
            raise Refusal(RedemptionNotFound)
        if command.amount is ALL:
            if len({one.account.currency for one in named}) > 1:
                raise Refusal(CurrencyMismatch)
            return named
        currency = command.amount.currency.code
        fitting = [one for one in named if one.account.currency == currency]
        if not fitting:
            raise Refusal(CurrencyMismatch)
        return fitting

    def _card_facts(self, card: PlainCard, at: datetime) -> Facts:
        left = card.account.posted
        return {
            "value": card.value,
            "posted": left,
            "held": card.account.held(at),
            "available": card.account.free(at) if card.status == "active" else 0,
            "status": card.status,
            "customer_id": card.owner,
            "is_expired": card.is_over(at),
            "is_partly_used": 0 < left < card.value,
        }

    def _credit_facts(self, account: PlainAccount, at: datetime) -> Facts:
        ends = [lot.expires for lot in account.lots if lot.expires is not None and lot.free(at)]
        return {
            "customer_id": account.customer,
            "currency": account.currency,
            "status": account.status,
            "successor_id": account.successor and account.successor.id,
            "posted": account.posted,
            "held": account.held(at),
            "available": account.free(at) if account.status == "open" else 0,
            "expires_next": min(ends, default=None),
        }

    def _learn_lots(self, account: PlainAccount, books: Books) -> None:
        unknown = [lot for lot in account.lots if lot.id is None]
        if not unknown:
            return
        known = {lot.id for lot in account.lots}
        real = [lot for lot in books.account(account.id).lots if lot.id not in known]
        for lot in unknown:
            expected = (lot.amount, lot.origin, lot.expires, lot.begins, lot.source and lot.source.id)
            same = [
                one
                for one in real
                if expected == (one.amount, one.origin.value, one.expires_at, one.not_before, one.source_lot_id)
            ]
            assert same, f"there is no lot of {expected} among {real}"
            lot.id = same[0].id
            real.remove(same[0])

    def _learn_past(self, books: Books) -> None:
        for transfer in books.transfers:
            if transfer.id not in self._past:
                self._past[transfer.id] = PlainPast(
                    kind=transfer.kind.value,
                    currency=transfer.currency,
                    amount=transfer.amount,
                    order=transfer.order_id,
                    of=transfer.refunds,
                    loser=transfer.debit.account_id,
                    taken=[(move.lot_id, move.amount) for move in transfer.debit.lots],
                    winner=transfer.credit.account_id,
                    given=[
                        (move.lot_id, move.amount, move.source_lot_id or move.lot_id) for move in transfer.credit.lots
                    ],
                )

    def _plain_accounts(self) -> dict[str, object]:
        return {
            account.id: (
                account.currency,
                account.posted,
                account.sequence,
                account.recorded,
                {
                    lot.id: (lot.amount, lot.remaining, lot.origin, lot.opened, lot.expires, lot.begins, lot.priority)
                    for lot in account.lots
                },
            )
            for account in self._accounts()
        }


def facts_of(result: object) -> Facts:
    """Return what a real answer says, in the words and plain integers of the oracle."""
    said = facts_of_sale(result, facts_of) or facts_of_card_life(result, facts_of)
    said = said or facts_of_account_life(result, facts_of) or facts_of_import(result)
    if said is not None:
        return said
    if isinstance(result, IssuedGiftCard):
        return facts_of(result.gift_card)
    if isinstance(result, GiftCardView):
        return {
            "value": minor(result.value),
            "posted": minor(result.posted),
            "held": minor(result.held),
            "available": minor(result.available),
            "status": GiftCardStatus(result.status).value,
            "customer_id": result.customer_id,
            "is_expired": result.is_expired,
            "is_partly_used": result.is_partly_used,
        }
    if isinstance(result, StoreCreditView):
        return {
            "customer_id": result.customer_id,
            "currency": result.currency,
            "status": result.status.value,
            "successor_id": result.successor_id,
            "posted": minor(result.posted),
            "held": minor(result.held),
            "available": minor(result.available),
            "expires_next": result.expires_next,
        }
    if isinstance(result, Conversion):
        account = facts_of(result.account)
        return {"amount": minor(result.amount), "gift_card_id": result.gift_card_id, "account": account}
    if isinstance(result, Redemption):
        balance = minor(result.balance_after)
        return {"account_id": result.account_id, "amount": minor(result.amount), "balance_after": balance}
    if isinstance(result, Payment):
        parts = [facts_of(part) for part in result.parts]
        return {"amount": minor(result.amount), "remaining_due": minor(result.remaining_due), "parts": parts}
    if isinstance(result, HoldView):
        return {
            "order_id": result.order_id,
            "customer_id": result.customer_id,
            "amount_due": minor(result.amount_due),
            "amount": minor(result.amount),
            "remaining_due": minor(result.remaining_due),
            "captured": minor(result.captured),
            "parts": [(part.account_id, part.gift_card_id, minor(part.amount)) for part in result.parts],
            "status": result.status.value,
            "placed_at": result.placed_at,
            "lapses_at": result.lapses_at,
            "resolved_at": result.resolved_at,
            "replaced_id": result.replaced_id,
        }
    if isinstance(result, Capture):
        return {
            "amount": minor(result.amount),
            "released": minor(result.released),
            "remaining_due": minor(result.remaining_due),
            "parts": [facts_of(part) for part in result.parts],
        }
    if isinstance(result, Lapsed):
        amounts = [(amount.currency.code, minor(amount)) for amount in result.amounts]
        return {"amounts": sorted(amounts), "holds": result.holds, "is_done": result.is_done}
    if isinstance(result, Grant | Debit):
        return {
            "amount": minor(result.transfer.amount),
            "balance_after": minor(result.transfer.balance_after),
            "account": facts_of(result.account),
        }
    if isinstance(result, CreditRefund):
        return {
            "amount": minor(result.amount),
            "still_refundable": minor(result.still_refundable),
            "balance_after": minor(result.transfer.balance_after),
            "account": facts_of(result.account),
        }
    if isinstance(result, Adjustment):
        return {
            "account_id": result.account_id,
            "direction": result.direction.value,
            "amount": minor(result.amount),
            "balance_after": minor(result.balance_after),
        }
    if isinstance(result, Reversal):
        return {
            "amount": minor(result.amount),
            "forfeited": minor(result.forfeited),
            "regranted": minor(result.regranted),
            "entries": [
                {"direction": entry.direction.value, "balance_after": minor(entry.balance_after)}
                for entry in result.entries
            ],
        }
    if isinstance(result, Expired):
        amounts = [(amount.currency.code, minor(amount)) for amount in result.amounts]
        return {"amounts": sorted(amounts), "accounts": result.accounts, "is_done": result.is_done}
    assert isinstance(result, Refund)
    return {
        "amount": minor(result.amount),
        "forfeited": minor(result.forfeited),
        "regranted": minor(result.regranted),
        "parts": [
            {
                "redemption_id": part.redemption_id,
                "account_id": part.account_id,
                "amount": minor(part.amount),
                "balance_after": minor(part.balance_after),
            }
            for part in result.parts
        ],
    }


def _new_value(command: RefundOrderToStoreCredit | RefundAsGiftCard, at: datetime) -> PlainLot:
    amount = minor(command.amount)
    return PlainLot(amount=amount, remaining=amount, origin="refund", opened=at, expires=command.expires_at)


def _typed(code: str) -> str:
    return code.translate({ord("-"): None, ord("I"): "1", ord("L"): "1", ord("O"): "0"})


def _is_spelled_right(code: Any) -> bool:
    """Say whether a code that programs use is one of ours: they know real ones and short nonsense."""
    return len(code.reveal()) > _LONGEST_CODE_NOT_OURS


def _copy(lot: PlainLot, amount: int, at: datetime, expires: datetime | None) -> PlainLot:
    return PlainLot(
        amount=amount,
        remaining=amount,
        origin=lot.origin,
        opened=at,
        expires=expires,
        begins=lot.begins,
        priority=lot.priority,
        source=lot,
    )


def _draw(lots: list[PlainLot], due: int, at: datetime) -> list[PlainShare]:
    shares = []
    for lot in sorted(lots, key=PlainLot.rank):
        taken = min(due, lot.free(at))
        if taken:
            shares.append(PlainShare(lot=lot, taken=taken))
            due -= taken
    return shares


def _next_parts(amount: int, caps: list[int], given: list[int]) -> list[int]:
    """Divide one more refund so that each part comes as near as it can to its share of all refunds so far."""
    so_far, whole = sum(given) + amount, sum(caps)
    missing = [max(Fraction(0), Fraction(so_far * cap, whole) - part) for cap, part in zip(caps, given, strict=True)]
    exact = [amount * part / sum(missing) for part in missing]
    parts = [part.numerator // part.denominator for part in exact]
    by_loss = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_loss[: amount - sum(parts)]:
        parts[place] += 1
    return parts


def _named(asked: PaymentRequest) -> list[GiftCardTender]:
    by_code = [GiftCardTender(code=code) for code in asked.codes]
    return [*by_code, *(GiftCardTender(gift_card_id=card_id) for card_id in asked.gift_card_ids), *asked.tenders]


def _veto(line: OrderLine, card: PlainCard | None, owner: str | None) -> str | None:
    """Return why a tender may not pay for a line, by the rule ``pays_by_product``."""
    if line.is_stored_value:
        return "stored value"
    wrong_for = {"for cards": card is None, "for credit": card is not None, "for members": owner is None}
    return line.product if wrong_for.get(line.product or "") else None


def _open_lines(lines: tuple[OrderLine, ...], card: PlainCard | None, owner: str | None) -> frozenset[int] | None:
    places = frozenset(place for place, line in enumerate(lines) if _veto(line, card, owner) is None)
    return None if len(places) == len(lines) else places


def _first_veto(lines: tuple[OrderLine, ...], allowed: frozenset[int]) -> str | None:
    line = next(line for place, line in enumerate(lines) if place not in allowed)
    return "stored value" if line.is_stored_value else line.product


def _why_not_for_lines(asked: PaymentRequest, card: PlainCard | None, owner: str | None) -> list[Refusal]:
    allowed = _open_lines(asked.lines, card, owner)
    nothing_else_is_due = minor(asked.amount_due) <= sum(minor(line.amount) for line in asked.lines)
    if allowed is not None and not allowed and nothing_else_is_due:
        return [Refusal(NotEligible, reason=_first_veto(asked.lines, allowed))]
    return []


def _own_part(lot: PlainLot, hold: PlainHold | None, at: datetime) -> int:
    """Return what a hold reserves of a lot that could be spent at *at*; what lapsed is free anyhow."""
    begun = lot.begins is None or lot.begins <= at
    if hold is None or at >= hold.lapses or not (begun and lot.lives(at)):
        return 0
    return sum(one.amount for one in lot.reserved if one.hold is hold)


def _assign(
    due: int, parts: list[PlainPart], rooms: list[list[tuple[PlainLot, int]]], lines: tuple[OrderLine, ...]
) -> None:
    """Divide what is due over the parts and note with each what it gives."""
    payers = [
        Payer(
            part.at_most,
            _open_lines(lines, part.card, part.account.customer if part.card is None else part.card.owner),
        )
        for part in parts
    ]
    offers = [
        (Offer(place, (part.priority, *lot.rank()), room), lot)
        for place, (part, own) in enumerate(zip(parts, rooms, strict=True))
        for lot, room in own
    ]
    taken = divide(due, payers, [offer for offer, _ in offers], [minor(line.amount) for line in lines])
    for part, shares in zip(parts, _by_payer(offers, taken, len(parts)), strict=True):
        part.shares = shares


def _by_payer(offers: list[tuple[Offer, PlainLot]], taken: list[int], payers: int) -> list[list[tuple[PlainLot, int]]]:
    """Return what was taken from which lot of each payer, in the order of spending."""
    shares: list[list[tuple[PlainLot, int]]] = [[] for _ in range(payers)]
    for (offer, lot), amount in sorted(zip(offers, taken, strict=True), key=lambda pair: pair[0][0].rank):
        if amount:
            shares[offer.payer].append((lot, amount))
    return shares


def _on_the_books(lot: PlainLot) -> int:
    """Return what the books hold of a lot, though it may have lapsed."""
    return sum(one.amount for one in lot.reserved)
