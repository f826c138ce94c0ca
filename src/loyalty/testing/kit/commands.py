"""Each command: what it does, and what it refuses, in order of precedence."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from loyalty.codes.format import CodeFormat
from loyalty.errors import (
    AlreadyClaimed,
    ClaimedByAnother,
    CurrencyMismatch,
    DuplicateRecord,
    GiftCardNotFound,
    InsufficientBalance,
    InvalidTime,
    MalformedCode,
    NotSpendable,
    RedemptionNotFound,
    RefundTooLarge,
    StoreCreditAccountNotFound,
)
from loyalty.identifiers import AccountId, GiftCardId, TransferId
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import LotOrigin, TaxTreatment
from loyalty.ledger.transfer import TransferKind
from loyalty.money import ALL
from loyalty.reports.gift_cards import CardsOfOrder, FindGiftCard, GetBalance, GetGiftCard, OrdersOfCard
from loyalty.reports.store_credit import GetStoreCreditAccount
from loyalty.testing.kit.case import DAY, UNKNOWN_CODE, KitCase, Stand
from loyalty.testing.programs import minor, money
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.open_store_credit_account import OpenStoreCreditAccount
from loyalty.use_cases.pay_with_balances import PayWithBalances
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.refund_redemption import RefundRedemption
from loyalty.use_cases.unblock_gift_card import UnblockGiftCard

__all__ = ["CommandTests"]

MALFORMED = "GIFT-0000"


class CommandTests(KitCase):
    """Commands on one storage, one after the other."""

    # --- gift cards ---------------------------------------------------------

    def test_an_issued_card_is_stored_with_all_that_was_said_about_it(self, stand: Stand) -> None:
        """Every field of the command is found again on the card."""
        ends = stand.clock() + 30 * DAY
        issued = stand.card(
            5000,
            expires_at=ends,
            customer_id="ada",
            recipient="Bo <bo@example.com>",
            region="eu",
            tax_rate=Decimal("19.5"),
            tax_treatment=TaxTreatment.SINGLE_PURPOSE,
            order_id="1000",
            tags=("spring", "été"),
            note="Grüße, 贈り物 🎁",
            metadata={"campaign": {"name": "spring", "wave": 2}},
        )
        card = stand.loyalty.ask(GetGiftCard(id=issued.gift_card.id))

        assert issued.gift_card == card
        assert (money(5000), money(5000), money(0), money(5000)) == (card.value, card.posted, card.held, card.available)
        assert ("ada", stand.clock(), ends, "1000") == (
            card.customer_id,
            card.claimed_at,
            card.expires_at,
            card.order_id,
        )
        assert ("eu", Decimal("19.5"), LotOrigin.PURCHASED) == (card.region, card.tax_rate, card.origin)
        assert (("spring", "été"), "Grüße, 贈り物 🎁") == (card.tags, card.note)
        stored = stand.books().gift_cards[0]
        assert {"campaign": {"name": "spring", "wave": 2}} == stored.metadata
        assert TaxTreatment.SINGLE_PURPOSE is stored.account.lots[0].tax_treatment
        stand.require_sound()

    def test_a_zero_tax_rate_is_not_the_same_as_none(self, stand: Stand) -> None:
        """Zero is a rate."""
        zero, none = stand.card(tax_rate=0), stand.card()

        assert Decimal(0) == stand.loyalty.ask(GetGiftCard(id=zero.gift_card.id)).tax_rate
        assert stand.loyalty.ask(GetGiftCard(id=none.gift_card.id)).tax_rate is None

    def test_a_card_must_expire_in_the_future(self, stand: Stand) -> None:
        """The present instant is too early, one microsecond later is not."""
        for early in (timedelta(0), -timedelta(microseconds=1)):
            with stand.refuses(InvalidTime):
                stand.card(expires_at=stand.clock() + early)
        stand.card(expires_at=stand.clock() + timedelta(microseconds=1))

    def test_a_chosen_code_is_taken_once(self, stand: Stand) -> None:
        """A second card under the same code is refused, the first is found by it."""
        stand.code_format = CodeFormat(allow_chosen=True)
        stand.card(code="WELCOME-TO-OUR-SHOP")
        with stand.refuses(DuplicateRecord):
            stand.card(code="welcome to our shop")

        assert money(1000) == stand.loyalty.ask(GetBalance(code="WELCOME-TO-OUR-SHOP")).posted

    def test_staff_find_a_card_by_its_code_in_every_state(self, stand: Stand) -> None:
        """Blocked or expired, it is the same card as by its id; a code that leads nowhere says so."""
        card = stand.card(expires_at=stand.clock() + timedelta(days=1))
        stand.execute(BlockGiftCard(gift_card_id=card.gift_card.id, idempotency_key="block"))
        stand.clock.advance(timedelta(days=2))

        assert stand.loyalty.ask(GetGiftCard(id=card.gift_card.id)) == stand.loyalty.ask(FindGiftCard(code=card.code))
        with stand.refuses(MalformedCode):
            stand.loyalty.ask(FindGiftCard(code=card.code[:-1]))

    def test_a_claim_binds_the_card(self, stand: Stand) -> None:
        """Then only its customer spends it, also without the code, and again changes nothing more."""
        card = stand.card()
        claimed = stand.execute(ClaimGiftCard(code=card.code, customer_id="ada", idempotency_key="claim"))
        again = stand.execute(ClaimGiftCard(code=card.code, customer_id="ada", idempotency_key="claim again"))

        assert ("ada", "ada") == (claimed.customer_id, again.customer_id)
        assert claimed.claimed_at == again.claimed_at == stand.clock()
        with stand.refuses(ClaimedByAnother):
            stand.execute(_redeem(code=card.code))
        stand.execute(_redeem(gift_card_id=card.gift_card.id, customer_id="ada"))
        assert money(999) == stand.left_on(card)

    def test_refused_claims_come_in_order(self, stand: Stand) -> None:
        """Malformed, unknown, somebody else's, blocked, expired: the first that is true is the answer."""

        def claim(code: str, customer_id: str = "bo") -> ClaimGiftCard:
            return ClaimGiftCard(code=code, customer_id=customer_id, idempotency_key="claim")

        card = stand.card(expires_at=stand.clock() + DAY)
        with stand.refuses(MalformedCode):
            stand.execute(claim(MALFORMED))
        with stand.refuses(GiftCardNotFound):
            stand.execute(claim(UNKNOWN_CODE))
        stand.clock.advance(DAY)
        with stand.refuses(NotSpendable) as caught:
            stand.execute(claim(card.code))
        assert "expired" == caught.value.reason
        stand.execute(BlockGiftCard(code=card.code, idempotency_key="block"))
        with stand.refuses(NotSpendable) as caught:
            stand.execute(claim(card.code))
        assert "blocked" == caught.value.reason
        owned = stand.card(customer_id="ada", expires_at=stand.clock() + DAY)
        stand.execute(BlockGiftCard(code=owned.code, idempotency_key="block too"))
        stand.clock.advance(DAY)
        with stand.refuses(AlreadyClaimed):
            stand.execute(claim(owned.code))

    def test_a_conversion_moves_all_that_lives_lot_by_lot(self, stand: Stand) -> None:
        """Each lot keeps its expiry, origin and tax treatment; the card is empty and the customer's."""
        ends = stand.clock() + 90 * DAY
        card = stand.card(2500, expires_at=ends, origin=LotOrigin.PURCHASED, tax_treatment=TaxTreatment.SINGLE_PURPOSE)
        conversion = stand.execute(ConvertGiftCard(code=card.code, customer_id="ada", idempotency_key="convert"))
        books = stand.books()
        source, target = books.account(card.gift_card.account_id), books.account(conversion.account.id)

        assert money(2500) == conversion.amount == conversion.account.posted
        assert (0, 2500) == (source.posted, target.posted)
        assert [(2500, ends, LotOrigin.PURCHASED, TaxTreatment.SINGLE_PURPOSE, source.lots[0].id)] == [
            (lot.remaining, lot.expires_at, lot.origin, lot.tax_treatment, lot.source_lot_id) for lot in target.lots
        ]
        assert "ada" == stand.loyalty.ask(GetGiftCard(id=card.gift_card.id)).customer_id
        stand.require_sound()

    def test_a_conversion_adds_to_the_account_there_is(self, stand: Stand) -> None:
        """A customer has one account per currency, however value comes to it."""
        grant = stand.credit(300)
        for currency in ("USD", "JPY"):
            card = stand.card(700, currency)
            stand.execute(ConvertGiftCard(code=card.code, customer_id="ada", idempotency_key=f"convert {currency}"))

        assert money(1000) == stand.credit_of("ada")
        assert money(700, "JPY") == stand.credit_of("ada", "JPY")
        assert grant.account.id == stand.loyalty.ask(GetStoreCreditAccount(customer_id="ada", currency="USD")).id

    def test_refused_conversions_come_in_order(self, stand: Stand) -> None:
        """Malformed, unknown, somebody else's, blocked, expired, exhausted."""

        def convert(code: str, customer_id: str = "bo") -> ConvertGiftCard:
            return ConvertGiftCard(code=code, customer_id=customer_id, idempotency_key="convert")

        card = stand.card(customer_id="ada", expires_at=stand.clock() + DAY)
        with stand.refuses(MalformedCode):
            stand.execute(convert(MALFORMED))
        with stand.refuses(GiftCardNotFound):
            stand.execute(convert(UNKNOWN_CODE))
        stand.execute(BlockGiftCard(code=card.code, idempotency_key="block"))
        stand.clock.advance(DAY)
        with stand.refuses(ClaimedByAnother):
            stand.execute(convert(card.code))
        for status, undo in (("blocked", "unblock"), ("expired", "")):
            with stand.refuses(NotSpendable) as caught:
                stand.execute(convert(card.code, "ada"))
            assert status == caught.value.reason
            if undo:
                stand.execute(UnblockGiftCard(code=card.code, idempotency_key=undo))
        empty = stand.card(100)
        stand.execute(_redeem(code=empty.code, amount=100))
        with stand.refuses(NotSpendable) as caught:
            stand.execute(convert(empty.code))
        assert "exhausted" == caught.value.reason

    def test_a_redemption_takes_exactly_what_was_asked_and_leaves_the_rest(self, stand: Stand) -> None:
        """The remainder stays on the card, and the order is found from the card and the card from the order."""
        card = stand.card(5000)
        redemption = stand.execute(_redeem(code=card.code, amount=3000, order_id="1001"))

        assert (money(3000), money(2000)) == (redemption.amount, redemption.balance_after)
        assert money(2000) == stand.left_on(card)
        spent = stand.loyalty.ask(OrdersOfCard(gift_card_id=card.gift_card.id)).spent_on
        assert [("1001", (redemption.id,), money(3000), money(0))] == [
            (one.order_id, one.redemption_ids, one.redeemed, one.refunded) for one in spent
        ]
        assert spent == stand.loyalty.ask(CardsOfOrder(order_id="1001")).spent
        stand.require_sound()

    def test_the_last_minor_unit_can_be_spent_and_no_more(self, stand: Stand) -> None:
        """A card of ten pays ten times one, and the eleventh is refused with what is there."""
        card = stand.card(10)
        for number in range(10):
            stand.execute(_redeem(code=card.code, amount=1, idempotency_key=f"redeem {number}"))
        with stand.refuses(InsufficientBalance) as caught:
            stand.execute(_redeem(code=card.code, amount=1))

        assert (money(1), money(0)) == (caught.value.requested, caught.value.available)

    def test_refused_redemptions_come_in_order(self, stand: Stand) -> None:
        """Malformed, unknown, somebody else's, blocked, expired, another currency, too little."""
        card = stand.card(100, customer_id="ada", expires_at=stand.clock() + DAY)
        with stand.refuses(MalformedCode):
            stand.execute(_redeem(code=MALFORMED))
        with stand.refuses(GiftCardNotFound):
            stand.execute(_redeem(code=UNKNOWN_CODE))
        with stand.refuses(GiftCardNotFound):
            stand.execute(_redeem(gift_card_id=GiftCardId("no such card")))
        stand.execute(BlockGiftCard(code=card.code, idempotency_key="block"))
        stand.clock.advance(DAY)
        wrong = RedeemGiftCard(
            code=card.code, amount=money(101, "JPY"), order_id="1", customer_id="ada", idempotency_key="redeem"
        )
        with stand.refuses(ClaimedByAnother):
            stand.execute(_redeem(code=card.code, amount=101, customer_id="bo"))
        for reason, undo in (("blocked", "unblock"), ("expired", "")):
            with stand.refuses(NotSpendable) as caught:
                stand.execute(wrong)
            assert reason == caught.value.reason
            if undo:
                stand.execute(UnblockGiftCard(code=card.code, idempotency_key=undo))
        living = stand.card(100)
        with stand.refuses(CurrencyMismatch):
            stand.execute(
                RedeemGiftCard(code=living.code, amount=money(101, "JPY"), order_id="1", idempotency_key="redeem")
            )
        with stand.refuses(InsufficientBalance):
            stand.execute(_redeem(code=living.code, amount=101))

    def test_a_blocked_card_pays_nothing_until_it_is_unblocked(self, stand: Stand) -> None:
        """A block is reversible, and repeating it changes nothing."""
        card = stand.card()
        for key in ("block", "block again"):
            stand.execute(BlockGiftCard(gift_card_id=card.gift_card.id, idempotency_key=key))
        with stand.refuses(NotSpendable):
            stand.execute(_redeem(code=card.code))
        blocked = stand.loyalty.ask(GetGiftCard(id=card.gift_card.id))
        assert (True, money(1000), money(0)) == (blocked.is_disabled, blocked.posted, blocked.available)
        for key in ("unblock", "unblock again"):
            stand.execute(UnblockGiftCard(code=card.code, idempotency_key=key))
        stand.execute(_redeem(code=card.code))

        assert money(999) == stand.left_on(card)

    def test_an_unknown_card_is_neither_blocked_nor_unblocked(self, stand: Stand) -> None:
        """By code and by id."""
        for kind in (BlockGiftCard, UnblockGiftCard):
            with stand.refuses(GiftCardNotFound):
                stand.execute(kind(code=UNKNOWN_CODE, idempotency_key="one"))
            with stand.refuses(GiftCardNotFound):
                stand.execute(kind(gift_card_id=GiftCardId("no such card"), idempotency_key="one"))
            with stand.refuses(MalformedCode):
                stand.execute(kind(code=MALFORMED, idempotency_key="one"))

    # --- store credit -------------------------------------------------------

    def test_an_account_is_opened_once_per_customer_and_currency(self, stand: Stand) -> None:
        """Opening again answers the first; another currency is another account."""

        def open_(key: str, currency: str = "USD") -> str:
            return str(
                stand.execute(OpenStoreCreditAccount(customer_id="ada", currency=currency, idempotency_key=key)).id
            )

        first = open_("one")

        assert first == open_("two")
        assert first != open_("three", "JPY")
        assert 2 == len(stand.books().store_credit_accounts)

    def test_a_grant_opens_the_account_if_it_is_missing(self, stand: Stand) -> None:
        """The second grant finds it, by customer or by id."""
        first = stand.credit(100, origin=LotOrigin.REFUND)
        second = stand.credit(20)
        third = stand.execute(
            GrantStoreCredit(
                account_id=first.account.id, amount=money(3), origin=LotOrigin.MIGRATION, idempotency_key="three"
            )
        )

        assert first.account.id == second.account.id == third.account.id
        assert money(123) == third.account.posted == stand.credit_of("ada")
        assert [HouseAccount.GOODWILL, HouseAccount.MIGRATION, HouseAccount.REFUNDS] == sorted(
            transfer.debit.house for transfer in stand.books().transfers if transfer.debit.house is not None
        )
        stand.require_sound()

    def test_refused_grants_come_in_order(self, stand: Stand) -> None:
        """An end that is not in the future, an unknown account, another currency."""
        usd, card = stand.credit().account, stand.card()

        def grant(account_id: AccountId, expires_at: datetime | None) -> GrantStoreCredit:
            return GrantStoreCredit(
                account_id=account_id,
                amount=money(1, "JPY"),
                origin=LotOrigin.GOODWILL,
                expires_at=expires_at,
                idempotency_key="grant",
            )

        for unknown in (AccountId("no such account"), card.gift_card.account_id):
            with stand.refuses(InvalidTime):
                stand.execute(grant(unknown, stand.clock()))
            with stand.refuses(StoreCreditAccountNotFound):
                stand.execute(grant(unknown, stand.clock() + DAY))
        with stand.refuses(CurrencyMismatch):
            stand.execute(grant(usd.id, None))
        with stand.refuses(InvalidTime):
            stand.credit(1, "nobody yet", expires_at=stand.clock())

    def test_a_debit_for_an_order_can_be_refunded_and_a_correction_cannot(self, stand: Stand) -> None:
        """Only what paid for an order is a redemption."""
        stand.credit(1000)
        paid = stand.execute(_debit(400, order_id="1001", idempotency_key="paid"))
        corrected = stand.execute(_debit(100, reason="typed twice", actor="staff/7", idempotency_key="corrected"))

        assert (TransferKind.REDEMPTION, TransferKind.DEBIT) == (paid.transfer.kind, corrected.transfer.kind)
        assert (money(600), money(500)) == (paid.account.posted, corrected.account.posted)
        refund = stand.execute(RefundRedemption(order_id="1001", amount=ALL, idempotency_key="refund"))
        assert money(400) == refund.amount
        with stand.refuses(RedemptionNotFound):
            stand.execute(
                RefundRedemption(redemption_id=corrected.transfer.id, amount=ALL, idempotency_key="refund too")
            )
        stand.require_sound()

    def test_refused_debits_come_in_order(self, stand: Stand) -> None:
        """An unknown account, another currency, too little."""
        account = stand.credit(100).account
        with stand.refuses(StoreCreditAccountNotFound):
            stand.execute(_debit(101, customer_id="bo"))
        with stand.refuses(StoreCreditAccountNotFound):
            stand.execute(DebitStoreCredit(customer_id="ada", amount=money(101, "JPY"), idempotency_key="debit"))
        with stand.refuses(CurrencyMismatch):
            stand.execute(DebitStoreCredit(account_id=account.id, amount=money(101, "JPY"), idempotency_key="debit"))
        with stand.refuses(InsufficientBalance) as caught:
            stand.execute(_debit(101))

        assert (money(101), money(100)) == (caught.value.requested, caught.value.available)

    # --- several tenders ----------------------------------------------------

    def test_one_order_is_paid_by_several_cards_and_credit(self, stand: Stand) -> None:
        """What expires soonest pays first, whoever holds it, and the rest is to be paid elsewhere."""
        late = stand.card(300, expires_at=stand.clock() + 20 * DAY)
        soon = stand.card(200, expires_at=stand.clock() + 10 * DAY)
        stand.credit(100, expires_at=stand.clock() + 15 * DAY)
        payment = stand.execute(_pay(450, codes=(late.code, soon.code), customer_id="ada", order_id="1"))

        assert (money(450), money(0)) == (payment.amount, payment.remaining_due)
        assert (money(150), money(0), money(0)) == (stand.left_on(late), stand.left_on(soon), stand.credit_of("ada"))
        rest = stand.execute(_pay(450, codes=(late.code, soon.code), customer_id="ada", order_id="2"))
        assert (money(150), money(300)) == (rest.amount, rest.remaining_due)
        stand.require_sound()

    def test_one_card_named_twice_pays_once(self, stand: Stand) -> None:
        """By code and by id, it is one tender."""
        card = stand.card(100)
        payment = stand.execute(_pay(150, codes=(card.code, card.code.lower()), gift_card_ids=(card.gift_card.id,)))

        assert (money(100), 1) == (payment.amount, len(payment.parts))

    def test_all_tenders_are_usable_or_none_pays(self, stand: Stand) -> None:
        """One bad card among good ones, and nothing is taken."""
        good, blocked, claimed, yen = stand.card(), stand.card(), stand.card(customer_id="bo"), stand.card(9, "JPY")
        stand.execute(BlockGiftCard(code=blocked.code, idempotency_key="block"))
        for bad, error in (
            (MALFORMED, MalformedCode),
            (UNKNOWN_CODE, GiftCardNotFound),
            (claimed.code, ClaimedByAnother),
            (blocked.code, NotSpendable),
            (yen.code, CurrencyMismatch),
        ):
            with stand.refuses(error):
                stand.execute(_pay(1, codes=(good.code, bad), customer_id="ada"))

    def test_empty_tenders_pay_nothing_and_are_no_error(self, stand: Stand) -> None:
        """A customer without an account has no credit, and an empty card pays zero."""
        card = stand.card(1)
        stand.execute(_redeem(code=card.code, amount=1))
        payment = stand.execute(_pay(100, codes=(card.code,), customer_id="nobody yet"))

        assert (money(0), money(100), ()) == (payment.amount, payment.remaining_due, payment.parts)
        assert () == stand.books().store_credit_accounts

    # --- refunds ------------------------------------------------------------

    def test_partial_refunds_close_every_lot_exactly(self, stand: Stand) -> None:
        """However the order was paid, what came from a lot goes back to it, and the last refund leaves nothing open."""
        cards = [stand.card(value) for value in (333, 334, 100)]
        before = {card.gift_card.id: stand.left_on(card) for card in cards}
        stand.credit(233)
        stand.execute(_pay(1000, codes=tuple(card.code for card in cards), customer_id="ada", order_id="1"))
        for number, amount in enumerate((1, 333, 333, 332)):
            stand.execute(RefundRedemption(order_id="1", amount=money(amount), idempotency_key=f"refund {number}"))
        last = stand.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="refund rest"))

        assert money(1) == last.amount
        assert before == {card.gift_card.id: stand.left_on(card) for card in cards}
        assert money(233) == stand.credit_of("ada")
        assert all(lot.remaining == lot.amount for account in stand.books().accounts for lot in account.lots)
        stand.require_sound()

    def test_refunds_are_capped_over_all_calls(self, stand: Stand) -> None:
        """Not per call: 60 and 40 of 100 are fine, one more is not, and neither is everything again."""
        card = stand.card(100)
        redemption = stand.execute(_redeem(code=card.code, amount=100, order_id="1"))
        stand.execute(RefundRedemption(order_id="1", amount=money(60), idempotency_key="one"))
        with stand.refuses(RefundTooLarge) as caught:
            stand.execute(RefundRedemption(redemption_id=redemption.id, amount=money(41), idempotency_key="two"))
        assert money(40) == caught.value.refundable
        stand.execute(RefundRedemption(redemption_id=redemption.id, amount=money(40), idempotency_key="three"))
        for amount in (money(1), ALL):
            with stand.refuses(RefundTooLarge):
                stand.execute(RefundRedemption(order_id="1", amount=amount, idempotency_key="four"))

        assert money(100) == stand.left_on(card)

    def test_refused_refunds_come_in_order(self, stand: Stand) -> None:
        """Nothing redeemed there, another currency, too much."""
        with stand.refuses(RedemptionNotFound):
            stand.execute(RefundRedemption(order_id="1", amount=money(9), idempotency_key="refund"))
        with stand.refuses(RedemptionNotFound):
            stand.execute(RefundRedemption(redemption_id=TransferId("none"), amount=ALL, idempotency_key="refund"))
        card = stand.card(5)
        stand.execute(_redeem(code=card.code, amount=5, order_id="1"))
        with stand.refuses(CurrencyMismatch):
            stand.execute(RefundRedemption(order_id="1", amount=money(9, "JPY"), idempotency_key="refund"))
        with stand.refuses(RefundTooLarge):
            stand.execute(RefundRedemption(order_id="1", amount=money(9), idempotency_key="refund"))

    def test_an_order_paid_in_two_currencies_is_refunded_in_each(self, stand: Stand) -> None:
        """Everything of both at once is refused; an amount says which."""
        for currency in ("USD", "JPY"):
            card = stand.card(50, currency)
            stand.execute(
                RedeemGiftCard(
                    code=card.code, amount=money(50, currency), order_id="1", idempotency_key=f"redeem {currency}"
                )
            )
        with stand.refuses(CurrencyMismatch):
            stand.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="all"))
        for currency in ("USD", "JPY"):
            refund = stand.execute(
                RefundRedemption(order_id="1", amount=money(50, currency), idempotency_key=f"refund {currency}")
            )
            assert money(50, currency) == refund.amount

    def test_a_blocked_card_takes_its_refund(self, stand: Stand) -> None:
        """The value goes back, and stays out of reach."""
        card = stand.card(100)
        stand.execute(_redeem(code=card.code, amount=100, order_id="1"))
        stand.execute(BlockGiftCard(code=card.code, idempotency_key="block"))
        stand.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="refund"))

        assert money(100) == stand.left_on(card)
        with stand.refuses(NotSpendable):
            stand.execute(_redeem(code=card.code, idempotency_key="again"))

    @pytest.mark.parametrize(
        ("origin", "left", "forfeited", "regranted"),
        [(LotOrigin.PROMOTIONAL, 0, 40, 0), (LotOrigin.PURCHASED, 40, 0, 40), (LotOrigin.REFUND, 40, 0, 40)],
    )
    def test_refund_of_expired_value_follows_the_policy(
        self, stand: Stand, origin: LotOrigin, left: int, forfeited: int, regranted: int
    ) -> None:
        """Paid value lives another 30 days, promotional value is forfeited."""
        card = stand.card(100, origin=origin, expires_at=stand.clock() + DAY)
        stand.execute(_redeem(code=card.code, amount=40, order_id="1"))
        stand.clock.advance(DAY)
        stand.loyalty.execute(ExpireValue())
        refund = stand.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="refund"))
        view = stand.loyalty.ask(GetGiftCard(id=card.gift_card.id))

        assert (money(forfeited), money(regranted)) == (refund.forfeited, refund.regranted)
        assert (money(40), money(left)) == (view.posted, view.available)
        stand.clock.advance(30 * DAY - timedelta(microseconds=1))
        assert money(left) == stand.loyalty.ask(GetGiftCard(id=card.gift_card.id)).available
        stand.clock.advance(timedelta(microseconds=1))
        assert money(0) == stand.loyalty.ask(GetGiftCard(id=card.gift_card.id)).available
        stand.require_sound()

    # --- expiry -------------------------------------------------------------

    def test_a_sweep_posts_what_has_expired_once(self, stand: Stand) -> None:
        """In batches, per currency, and doing it again finds nothing."""
        for number in range(3):
            stand.card(100 + number, expires_at=stand.clock() + DAY)
        stand.card(500, "JPY", expires_at=stand.clock() + DAY)
        stand.card(7)
        stand.clock.advance(DAY)
        some = stand.loyalty.execute(ExpireValue(limit=3))
        rest = stand.loyalty.execute(ExpireValue(limit=3))
        before = stand.books()
        none = stand.loyalty.execute(ExpireValue(limit=3))

        assert ((3, False), (1, True)) == ((some.accounts, some.is_done), (rest.accounts, rest.is_done))
        posted = [(amount.currency.code, minor(amount)) for amount in (*some.amounts, *rest.amounts)]
        assert 303 == sum(amount for currency, amount in posted if currency == "USD")
        assert 500 == sum(amount for currency, amount in posted if currency == "JPY")
        assert ((), 0, True) == (none.amounts, none.accounts, none.is_done)
        assert before == stand.books()
        assert {"USD": 7, "JPY": 0} == stand.books().owed()
        stand.require_sound()


def _redeem(
    amount: int = 1, order_id: str = "order", idempotency_key: str = "redeem", **more: object
) -> RedeemGiftCard:
    return RedeemGiftCard(amount=money(amount), order_id=order_id, idempotency_key=idempotency_key, **more)  # type: ignore[arg-type]  # the command checks itself


def _debit(amount: int, idempotency_key: str = "debit", customer_id: str = "ada", **more: object) -> DebitStoreCredit:
    return DebitStoreCredit(
        customer_id=customer_id,
        amount=money(amount),
        idempotency_key=idempotency_key,
        **more,  # type: ignore[arg-type]  # the command checks itself
    )


def _pay(amount_due: int, order_id: str = "order", **more: object) -> PayWithBalances:
    return PayWithBalances(
        amount_due=money(amount_due),
        order_id=order_id,
        idempotency_key=f"pay {order_id}",
        **more,  # type: ignore[arg-type]  # the command checks itself
    )
