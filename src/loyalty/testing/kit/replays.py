"""Idempotency: the same key answers the same again and changes nothing, with other content it is a conflict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
import pytest

from loyalty.codes.code import GiftCardCode
from loyalty.errors import IdempotencyConflict, InsufficientBalance
from loyalty.gift_cards.denomination import Denomination
from loyalty.gift_cards.gift import Recipient
from loyalty.gift_cards.order import GiftCardLine, GiftCardOrder
from loyalty.gift_cards.sale import ReversalCause
from loyalty.gift_cards.view import GiftCardView
from loyalty.identifiers import BatchId, GiftCardId, HoldId, TransferId
from loyalty.ledger.entry import Direction
from loyalty.ledger.lot import LotOrigin
from loyalty.money import ALL
from loyalty.policies.cash_out import us_cash_out
from loyalty.testing.books import receipt_of
from loyalty.testing.fakes import FakeSink, fake_code_keys, give_up_one
from loyalty.testing.kit.case import DAY, MICROSECOND, START, KitCase, Stand
from loyalty.testing.programs import money
from loyalty.use_cases.activate_gift_cards import ActivateGiftCards
from loyalty.use_cases.adjust_hold import AdjustHold
from loyalty.use_cases.adjust_value import AdjustValue
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.block_store_credit_account import BlockStoreCreditAccount
from loyalty.use_cases.capture_hold import CaptureHold
from loyalty.use_cases.cash_out_gift_card import CashOutGiftCard
from loyalty.use_cases.change_gift_card_expiry import ChangeGiftCardExpiry
from loyalty.use_cases.change_gift_recipient import ChangeGiftRecipient
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.close_store_credit_account import CloseStoreCreditAccount
from loyalty.use_cases.command import Command
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.deactivate_gift_card import DeactivateGiftCard
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.define_gift_card_product import DefineGiftCardProduct
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.import_gift_cards import ImportGiftCards
from loyalty.use_cases.import_row import GiftCardRow
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.issue_gift_card_batch import IssueGiftCardBatch
from loyalty.use_cases.issue_gift_cards_for_order import IssueGiftCardsForOrder
from loyalty.use_cases.merge_customers import MergeCustomers
from loyalty.use_cases.open_store_credit_account import OpenStoreCreditAccount
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.place_hold import PlaceHold
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.refund_as_gift_card import RefundAsGiftCard
from loyalty.use_cases.refund_order_to_store_credit import RefundOrderToStoreCredit
from loyalty.use_cases.refund_redemption import RefundRedemption
from loyalty.use_cases.reinstate_gift_card import ReinstateGiftCard
from loyalty.use_cases.reload_gift_card import ReloadGiftCard
from loyalty.use_cases.replace_gift_card_code import ReplaceGiftCardCode
from loyalty.use_cases.retire_gift_card_product import RetireGiftCardProduct
from loyalty.use_cases.retry_dead_letter import RetryDeadLetter
from loyalty.use_cases.reveal_batch_codes import RevealBatchCodes
from loyalty.use_cases.reveal_gift_card_code import RevealGiftCardCode
from loyalty.use_cases.reverse_gift_card_sale import ReverseGiftCardSale
from loyalty.use_cases.reverse_transfer import ReverseTransfer
from loyalty.use_cases.revise_denominations import ReviseDenominations
from loyalty.use_cases.transfer_store_credit import TransferStoreCredit
from loyalty.use_cases.unblock_gift_card import UnblockGiftCard
from loyalty.use_cases.unblock_store_credit_account import UnblockStoreCreditAccount
from loyalty.use_cases.update_gift_card import UpdateGiftCard
from loyalty.use_cases.void_hold import VoidHold

__all__ = ["COMMANDS", "Prepared", "ReplayTests", "prepare"]


@attrs.frozen(kw_only=True)
class Prepared:
    """
    What the commands below work on: a card with its code, what paid for the order 0, and what the order 3 holds.

    The card ``over_id`` has expired, and what is on ``paid_id`` was paid for. The event
    ``dead_letter_id`` was given up.
    """

    code: str
    gift_card: GiftCardView
    redemption_id: TransferId
    hold_id: HoldId
    batch_id: BatchId
    over_id: GiftCardId
    paid_id: GiftCardId
    dead_letter_id: str


_ADA: Final = Recipient(address="ada@example.com", name="Ada", message="For you", sender="Bob")

_NEW: Final = Denomination(variant_id="50", prices=money(5000))


def _order(order_id: str, quantity: int = 2) -> GiftCardOrder:
    line = GiftCardLine(line_id="a", product_id="card", variant_id="25", quantity=quantity, paid=money(2000 * quantity))
    return GiftCardOrder(order_id=order_id, placed_at=START, lines=[line])


Make = Callable[[Prepared, str, str], Command[Any]]


def imported_row(card: Prepared, number: int) -> GiftCardRow:
    """Return a row with a digest in place of a code, so that no format has to allow it."""
    keys = fake_code_keys()
    digest = keys.digest(GiftCardCode.of(f"{card.batch_id}OLD{number}"))
    return GiftCardRow(
        source_id=f"{number}",
        value=money(100),
        balance=money(40 * number),
        code_digest=digest,
        code_key_id=keys.current_id,
        last_four="ABCD",
    )


COMMANDS: Final[Mapping[str, tuple[Make, str]]] = {
    "issue": (lambda _, key, note: IssueGiftCard(value=money(100), note=note, idempotency_key=key), "GiftCardIssued"),
    "issue a batch": (
        lambda _, key, note: IssueGiftCardBatch(count=3, value=money(100), note=note, idempotency_key=key),
        "GiftCardBatchIssued",
    ),
    "retry a dead letter": (
        lambda card, key, note: RetryDeadLetter(event_id=card.dead_letter_id, note=note, idempotency_key=key),
        "DeadLetterRetried",
    ),
    "reveal a batch": (
        lambda card, key, note: RevealBatchCodes(
            batch_id=card.batch_id, limit=2, actor="a printer", note=note, idempotency_key=key
        ),
        "BatchCodesRevealed",
    ),
    "import": (
        lambda card, key, note: ImportGiftCards(
            source="old",
            rows=[imported_row(card, number) for number in range(3)],
            note=note,
            idempotency_key=key,
        ),
        "GiftCardsImported",
    ),
    "claim": (
        lambda card, key, note: ClaimGiftCard(code=card.code, customer_id="ada", note=note, idempotency_key=key),
        "GiftCardClaimed",
    ),
    "convert": (
        lambda card, key, note: ConvertGiftCard(code=card.code, customer_id="ada", note=note, idempotency_key=key),
        "GiftCardConverted",
    ),
    "redeem": (
        lambda card, key, note: RedeemGiftCard(
            code=card.code, amount=money(1000), order_id="1", note=note, idempotency_key=key
        ),
        "GiftCardRedeemed",
    ),
    "pay": (
        lambda card, key, note: PayWithBalances(
            codes=(card.code,), customer_id="ada", amount_due=money(1200), order_id="1", note=note, idempotency_key=key
        ),
        "OrderPaid",
    ),
    "pay what is held": (
        lambda card, key, note: PayWithBalances(
            codes=(card.code,), customer_id="ada", amount_due=money(1200), order_id="3", note=note, idempotency_key=key
        ),
        "OrderPaid",
    ),
    "hold": (
        lambda card, key, note: PlaceHold(
            codes=(card.code,), customer_id="ada", amount_due=money(1200), order_id="1", note=note, idempotency_key=key
        ),
        "HoldPlaced",
    ),
    "hold anew": (
        lambda card, key, note: PlaceHold(
            codes=(card.code,), customer_id="ada", amount_due=money(1200), order_id="3", note=note, idempotency_key=key
        ),
        "HoldPlaced",
    ),
    "adjust a hold": (
        lambda card, key, note: AdjustHold(
            hold_id=card.hold_id,
            amount_due=money(450),
            lapses_after=timedelta(hours=1),
            note=note,
            idempotency_key=key,
        ),
        "HoldAdjusted",
    ),
    "capture a hold": (
        lambda card, key, note: CaptureHold(hold_id=card.hold_id, amount=money(150), note=note, idempotency_key=key),
        "HoldCaptured",
    ),
    "void a hold": (
        lambda card, key, note: VoidHold(hold_id=card.hold_id, note=note, idempotency_key=key),
        "HoldVoided",
    ),
    "refund": (
        lambda _, key, note: RefundRedemption(order_id="0", amount=ALL, note=note, idempotency_key=key),
        "RedemptionRefunded",
    ),
    "block": (
        lambda card, key, note: BlockGiftCard(code=card.code, note=note, idempotency_key=key),
        "GiftCardBlocked",
    ),
    "unblock": (
        lambda card, key, note: UnblockGiftCard(code=card.code, note=note, idempotency_key=key),
        "GiftCardUnblocked",
    ),
    "deactivate": (
        lambda card, key, note: DeactivateGiftCard(code=card.code, note=note, idempotency_key=key),
        "GiftCardDeactivated",
    ),
    "replace the code": (
        lambda card, key, note: ReplaceGiftCardCode(code=card.code, note=note, idempotency_key=key),
        "GiftCardCodeReplaced",
    ),
    "change the expiry": (
        lambda card, key, note: ChangeGiftCardExpiry(
            code=card.code,
            expires_at=card.gift_card.issued_at + 2 * DAY,
            actor="staff",
            reason="a mistake",
            note=note,
            idempotency_key=key,
        ),
        "GiftCardExpiryChanged",
    ),
    "reload": (
        lambda card, key, note: ReloadGiftCard(code=card.code, amount=money(50), note=note, idempotency_key=key),
        "GiftCardReloaded",
    ),
    "reinstate": (
        lambda card, key, note: ReinstateGiftCard(
            gift_card_id=card.over_id, expires_at=None, actor="staff", reason="grace", note=note, idempotency_key=key
        ),
        "GiftCardReinstated",
    ),
    "cash out": (
        lambda card, key, note: CashOutGiftCard(
            gift_card_id=card.paid_id, jurisdiction="US-CA", note=note, idempotency_key=key
        ),
        "GiftCardCashedOut",
    ),
    "update": (
        lambda card, key, note: UpdateGiftCard(
            gift_card_id=card.gift_card.id, edition=1, note=note, tags=("a",), metadata=None, idempotency_key=key
        ),
        "GiftCardUpdated",
    ),
    "issue as a gift": (
        lambda _, key, note: IssueGiftCard(value=money(100), recipient=_ADA, note=note, idempotency_key=key),
        "GiftCardIssued",
    ),
    "reveal": (
        lambda card, key, note: RevealGiftCardCode(
            gift_card_id=card.gift_card.id, actor="staff", note=note, idempotency_key=key
        ),
        "GiftCardCodeRevealed",
    ),
    "give": (
        lambda card, key, note: ChangeGiftRecipient(
            gift_card_id=card.gift_card.id, recipient=_ADA, note=note, idempotency_key=key
        ),
        "GiftRecipientChanged",
    ),
    "open": (
        lambda _, key, note: OpenStoreCreditAccount(customer_id="bo", currency="USD", note=note, idempotency_key=key),
        "StoreCreditAccountOpened",
    ),
    "grant": (
        lambda _, key, note: GrantStoreCredit(
            customer_id="bo", amount=money(5), origin=LotOrigin.REFUND, note=note, idempotency_key=key
        ),
        "StoreCreditGranted",
    ),
    "debit": (
        lambda _, key, note: DebitStoreCredit(customer_id="ada", amount=money(300), note=note, idempotency_key=key),
        "StoreCreditDebited",
    ),
    "transfer": (
        lambda _, key, note: TransferStoreCredit(
            from_customer_id="ada", to_customer_id="bo", amount=money(300), note=note, idempotency_key=key
        ),
        "StoreCreditTransferred",
    ),
    "merge": (
        lambda _, key, note: MergeCustomers(
            from_customer_id="ada", into_customer_id="cy", note=note, idempotency_key=key
        ),
        "CustomersMerged",
    ),
    "block an account": (
        lambda _, key, note: BlockStoreCreditAccount(customer_id="ada", currency="USD", note=note, idempotency_key=key),
        "StoreCreditAccountBlocked",
    ),
    "unblock an account": (
        lambda _, key, note: UnblockStoreCreditAccount(
            customer_id="ada", currency="USD", note=note, idempotency_key=key
        ),
        "StoreCreditAccountUnblocked",
    ),
    "close an account": (
        lambda _, key, note: CloseStoreCreditAccount(customer_id="cy", currency="USD", note=note, idempotency_key=key),
        "StoreCreditAccountClosed",
    ),
    "adjust": (
        lambda card, key, note: AdjustValue(
            gift_card_id=card.gift_card.id,
            amount=money(1000),
            direction=Direction.DEBIT,
            actor="staff",
            reason="a mistake",
            note=note,
            idempotency_key=key,
        ),
        "ValueAdjusted",
    ),
    "reverse": (
        lambda card, key, note: ReverseTransfer(
            transfer_id=card.redemption_id, actor="staff", reason="a mistake", note=note, idempotency_key=key
        ),
        "TransferReversed",
    ),
    "refund to credit": (
        lambda _, key, note: RefundOrderToStoreCredit(
            order_id="2", customer_id="bo", amount=money(70), refundable=money(70), note=note, idempotency_key=key
        ),
        "OrderRefunded",
    ),
    "refund as card": (
        lambda _, key, note: RefundAsGiftCard(
            order_id="2", amount=money(70), refundable=money(70), note=note, idempotency_key=key
        ),
        "OrderRefunded",
    ),
    "define a product": (
        lambda _, key, note: DefineGiftCardProduct(
            title="Another", denominations=(_NEW,), product_id="another", note=note, idempotency_key=key
        ),
        "GiftCardProductDefined",
    ),
    "revise a product": (
        lambda _, key, note: ReviseDenominations(
            product_id="card",
            version=1,
            denominations=(_NEW, attrs.evolve(_NEW, variant_id="10")),
            retire=("25",),
            note=note,
            idempotency_key=key,
        ),
        "GiftCardProductRevised",
    ),
    "issue for an order": (
        lambda _, key, note: IssueGiftCardsForOrder(order=_order("bought"), note=note, idempotency_key=key),
        "GiftCardsIssuedForOrder",
    ),
    "issue for a paid order": (
        lambda _, key, note: IssueGiftCardsForOrder(
            order=attrs.evolve(_order("pending", quantity=3), is_paid=True), note=note, idempotency_key=key
        ),
        "GiftCardsIssuedForOrder",
    ),
    "activate": (
        lambda _, key, note: ActivateGiftCards(order_id="pending", note=note, idempotency_key=key),
        "GiftCardsActivated",
    ),
    "reverse a sale": (
        lambda _, key, note: ReverseGiftCardSale(
            order_id="sold", cause=ReversalCause.REFUND, note=note, idempotency_key=key
        ),
        "GiftCardSaleReversed",
    ),
    "retire a product": (
        lambda _, key, note: RetireGiftCardProduct(product_id="card", note=note, idempotency_key=key),
        "GiftCardProductRetired",
    ),
}
"""Every command with a key and its event, as it can be carried out after :func:`prepare`."""


def prepare(stand: Stand) -> Prepared:
    """
    Leave a card of 1000, 300 of credit for ada, and the order 0, which a card paid with 200.

    An account of cy is empty. The order 3 holds 300 of the 400 on two more cards.
    The product "card" is on sale. Two cards of 25.00 for 20.00 were bought in the order "pending", and
    two in the order "sold", which is paid, and one of them is half spent. A batch has three cards of 10.
    The 50 of another card have expired, and the 40 of yet another were paid for, in a
    shop that pays small remainders out in money. The first event was given up.
    """
    stand.policies = attrs.evolve(stand.policies, cash_out=us_cash_out)
    stand.product()
    stand.execute(IssueGiftCardsForOrder(order=_order("pending"), idempotency_key="pending"))
    order = attrs.evolve(_order("sold"), is_paid=True)
    sold = stand.execute(IssueGiftCardsForOrder(order=order, idempotency_key="sold")).gift_cards[0]
    stand.execute(RedeemGiftCard(code=sold.code, amount=money(1250), order_id="half", idempotency_key="half"))
    over = stand.card(50, expires_at=stand.clock() + MICROSECOND)
    stand.clock.advance(MICROSECOND)
    stand.execute(ExpireValue())
    bought = stand.card(40, origin=LotOrigin.PURCHASED)
    paid = stand.card(200)
    redemption = stand.execute(
        RedeemGiftCard(code=paid.code, amount=money(200), order_id="0", idempotency_key="order 0")
    )
    stand.credit(300)
    stand.execute(OpenStoreCreditAccount(customer_id="cy", currency="USD", idempotency_key="an empty account"))
    card = stand.card(1000, expires_at=stand.clock() + DAY)
    hold = stand.hold(300, stand.card(100), stand.card(300), order_id="3")
    batch = stand.execute(IssueGiftCardBatch(count=3, value=money(10), idempotency_key="a batch"))
    return Prepared(
        code=card.code,
        gift_card=card.gift_card,
        redemption_id=redemption.id,
        hold_id=hold.id,
        batch_id=batch.id,
        over_id=over.gift_card.id,
        paid_id=bought.gift_card.id,
        dead_letter_id=give_up_one(stand.loyalty),
    )


def _last(sink: FakeSink) -> tuple[str, str, datetime]:
    outgoing = max(sink.taken, key=lambda one: one.id)
    return outgoing.id, type(outgoing.event).__name__, outgoing.recorded_at


class ReplayTests(KitCase):
    """Every command twice."""

    @pytest.mark.parametrize("name", COMMANDS)
    def test_a_replay_answers_equally_and_changes_nothing(self, stand: Stand, name: str) -> None:
        """At once, and much later, when the card has expired and the balance is gone."""
        make, _ = COMMANDS[name]
        card = prepare(stand)
        first = stand.execute(make(card, "once", "a note"))
        after = stand.books()
        for moved in (timedelta(0), timedelta(days=4000), timedelta(days=-8000)):
            stand.clock.advance(moved)

            assert first == stand.execute(make(card, "once", "a note"))
            assert after == stand.books()

    @pytest.mark.parametrize("name", COMMANDS)
    def test_one_event_per_command(self, stand: Stand, name: str) -> None:
        """The receipt carries it, and no code."""
        make, event = COMMANDS[name]
        card = prepare(stand)
        before = len(stand.books().receipts)
        stand.execute(make(card, "once", "a note"))
        receipt = receipt_of(stand.storage, "once")

        assert receipt is not None
        assert (event, type(make(card, "once", "a note")).__name__) == (receipt.event, receipt.command)
        assert stand.clock() == receipt.recorded_at
        assert before + 1 == len(stand.books().receipts)
        sink = FakeSink()
        stand.loyalty.deliver_events(sink, limit=1000)
        assert (receipt.id, event, receipt.recorded_at) == _last(sink)
        assert card.code not in repr(stand.books())

    @pytest.mark.parametrize("name", COMMANDS)
    def test_other_content_under_a_known_key_is_a_conflict(self, stand: Stand, name: str) -> None:
        """A single word of the note is enough."""
        make, _ = COMMANDS[name]
        card = prepare(stand)
        stand.execute(make(card, "once", "a note"))
        with stand.refuses(IdempotencyConflict) as caught:
            stand.execute(make(card, "once", "another note"))

        assert "once" == caught.value.idempotency_key

    @pytest.mark.parametrize("name", COMMANDS)
    def test_a_key_belongs_to_one_command_only(self, stand: Stand, name: str) -> None:
        """Another command under the same key is a conflict, whatever it says."""
        make, _ = COMMANDS[name]
        card = prepare(stand)
        stand.execute(make(card, "once", "a note"))
        for other, (make_other, _) in COMMANDS.items():
            if other != name:
                with stand.refuses(IdempotencyConflict):
                    stand.execute(make_other(card, "once", "a note"))

    def test_a_refused_command_does_not_use_up_its_key(self, stand: Stand) -> None:
        """The same request may succeed later."""
        card = stand.card(100)
        command = RedeemGiftCard(code=card.code, amount=money(101), order_id="1", idempotency_key="once")
        with stand.refuses(InsufficientBalance):
            stand.execute(command)

        assert receipt_of(stand.storage, "once") is None
        smaller = RedeemGiftCard(code=card.code, amount=money(100), order_id="1", idempotency_key="once")
        assert money(100) == stand.execute(smaller).amount

    def test_a_replayed_issue_shows_the_code_again(self, stand: Stand) -> None:
        """Although nothing that is stored holds it."""
        command = IssueGiftCard(value=money(5), idempotency_key="once")
        first, second = stand.execute(command), stand.execute(command)

        assert first.code == second.code
        assert first.code not in repr(stand.books())

    def test_keys_are_compared_exactly(self, stand: Stand) -> None:
        """Case, spaces and accents make different keys, also where a database would rather fold them."""
        keys = ("key", "KEY", "key ", " key", "kéy", "ke\u0301y", "\uff4b\uff45\uff59", "k" * 200)
        ids = {stand.execute(IssueGiftCard(value=money(1), idempotency_key=key)).gift_card.id for key in keys}

        assert len(keys) == len(ids)
