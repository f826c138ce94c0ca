"""What is read: statements, liability, movements, audit, and that everything comes back as it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import pytest

from loyalty.errors import GiftCardNotFound, StoreCreditAccountNotFound
from loyalty.identifiers import AccountId, GiftCardId
from loyalty.ledger.entry import Entry
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import Reference
from loyalty.money import ALL
from loyalty.reports.audit import Audit
from loyalty.reports.gift_cards import CardsOfOrder, GetGiftCard, OrdersOfCard
from loyalty.reports.liability import Liability, Movements
from loyalty.reports.store_credit import GetStoreCreditAccount, Statement
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import HOUR, MICROSECOND, KitCase, Stand
from loyalty.testing.programs import EXPONENTS, minor, money
from loyalty.use_cases.convert_gift_card import ConvertGiftCard
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.refund_redemption import RefundRedemption

__all__ = ["ReportTests"]

TEXTS: Final = (
    "plain",
    "Zoë, Ægir, Çelik, Đặng",
    "贈り物カード",
    "بطاقة هدية",
    "🎁👩‍👩‍👧",
    "e\u0301 is not é",
    "'; DROP TABLE loyalty_transfer; --",
    "100% _under_ {brace} %s :name ?",
    "\\ back \" quote ' slash /",
    "trailing space ",
    "\U0001d4b2 beyond the basic plane",
)

METADATA: Final = {
    "text": "ü",
    "empty": "",
    "number": -(2**63),
    "large": 2**70,
    "fraction": 0.1,
    "yes": True,
    "nothing": None,
    "list": [1, [2, {"three": 3}]],
    "": "an empty key",
}

AMOUNTS: Final = (1, 2**31 - 1, 2**31, 2**32 + 1, 10**15 - 1, 10**15)


class ReportTests(KitCase):
    """Reading."""

    # --- what was sent comes back -------------------------------------------

    @pytest.mark.parametrize("text", TEXTS)
    def test_texts_come_back_as_they_were_sent(self, stand: Stand, text: str) -> None:
        """Customer, actor, reason, note, reference, order and key, in any script, unchanged and unmixed."""
        stand.credit(customer_id=text, reference=Reference(text[:20], text), actor=text, reason=text, note=text)
        debit = stand.execute(DebitStoreCredit(customer_id=text, amount=money(1), order_id=text, idempotency_key=text))
        account = stand.loyalty.ask(GetStoreCreditAccount(customer_id=text, currency="USD"))
        granted, debited = stand.loyalty.ask(Statement(account_id=account.id)).entries

        assert text == account.customer_id
        assert (text, text, text, Reference(text[:20], text)) == (
            granted.actor,
            granted.reason,
            granted.note,
            granted.reference,
        )
        assert debit.transfer == debited
        assert text == debited.order_id
        assert [text] == [spent.order_id for spent in stand.loyalty.ask(CardsOfOrder(order_id=text)).spent]

    def test_notes_keep_their_lines(self, stand: Stand) -> None:
        """Line breaks and tabs of a long note survive."""
        note = "Dear Bo,\n\n\tfor you.\r\n" + "x" * 1900
        grant = stand.credit(note=note)

        assert note == stand.loyalty.ask(Statement(account_id=grant.account.id)).entries[0].note

    def test_metadata_comes_back_as_it_was_sent(self, stand: Stand) -> None:
        """Nested, with large numbers and empty keys; and what is changed after the call changes nothing."""
        sent = dict(METADATA)
        stand.credit(metadata=sent)
        stand.card(metadata=sent)
        sent["text"] = "changed"

        assert [METADATA] * 2 == [dict(transfer.metadata or {}) for transfer in stand.books().transfers]
        assert METADATA == dict(stand.books().gift_cards[0].metadata or {})

    @pytest.mark.parametrize("currency", EXPONENTS)
    @pytest.mark.parametrize("amount", AMOUNTS)
    def test_amounts_are_exact_to_the_bounds(self, stand: Stand, amount: int, currency: str) -> None:
        """Issued, spent and given back to the last minor unit, in every class of exponents."""
        card = stand.card(amount, currency)
        stand.execute(
            RedeemGiftCard(code=card.code, amount=money(amount, currency), order_id="1", idempotency_key="redeem")
        )
        assert money(0, currency) == stand.left_on(card)
        refund = stand.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="refund"))

        assert money(amount, currency) == refund.amount == stand.left_on(card)
        assert amount == stand.books().accounts[0].posted
        stand.require_sound()

    @pytest.mark.parametrize("target", [2**53 - 1, 2**53, 2**53 + 1, 10**16])
    def test_sums_are_exact_where_floats_are_not(self, stand: Stand, target: int) -> None:
        """A balance around 2^53 is built up, reported, and spent to zero, without one unit lost."""
        left = target
        while left:
            grant = stand.credit(min(left, 10**15))
            left -= min(left, 10**15)

        assert target == minor(stand.credit_of("ada")) == minor(grant.account.posted)
        assert target == minor(stand.loyalty.ask(Liability()).total["USD"])
        number = 0
        while target:
            number += 1
            paid = min(target, 10**15)
            stand.execute(DebitStoreCredit(customer_id="ada", amount=money(paid), idempotency_key=f"debit {number}"))
            target -= paid
        assert money(0) == stand.credit_of("ada")
        stand.require_sound()

    # --- statements ---------------------------------------------------------

    def test_a_statement_comes_in_pages(self, stand: Stand) -> None:
        """Whatever the size of a page, every entry comes once and in order, and the last page says so."""
        grant = stand.credit(100)
        for number in range(5):
            stand.clock.advance(HOUR)
            stand.execute(DebitStoreCredit(customer_id="ada", amount=money(1), idempotency_key=f"debit {number}"))
        whole = stand.loyalty.ask(Statement(account_id=grant.account.id))
        assert ([1, 2, 3, 4, 5, 6], None) == ([entry.sequence for entry in whole.entries], whole.next_after)
        for limit in (1, 2, 3, 6, 7):
            entries: list[Entry] = []
            after = None
            while True:
                page = stand.loyalty.ask(Statement(account_id=grant.account.id, after=after, limit=limit))
                assert len(page.entries) <= limit
                entries += page.entries
                after = page.next_after
                if after is None:
                    break

            assert list(whole.entries) == entries

    def test_a_statement_has_bounds_in_time(self, stand: Stand) -> None:
        """Since is included, until is not."""
        grant = stand.credit(100)
        first = stand.clock()
        stand.clock.advance(HOUR)
        stand.execute(DebitStoreCredit(customer_id="ada", amount=money(1), idempotency_key="debit"))
        second = stand.clock()

        def numbers(since: datetime | None = None, until: datetime | None = None) -> list[int]:
            statement = stand.loyalty.ask(Statement(account_id=grant.account.id, since=since, until=until))
            return [entry.sequence for entry in statement.entries]

        assert [1, 2] == numbers() == numbers(since=first)
        assert [1] == numbers(until=second) == numbers(since=first, until=second)
        assert [2] == numbers(since=first + MICROSECOND) == numbers(since=second)
        assert [] == numbers(since=second, until=second)

    def test_what_does_not_exist_is_not_found(self, stand: Stand) -> None:
        """Neither a card, nor an account, nor a statement; an unknown order has no cards."""
        by_id = GetStoreCreditAccount(account_id=AccountId("none"))
        by_customer = GetStoreCreditAccount(customer_id="ada", currency="USD")
        for account in (by_id, by_customer):
            with pytest.raises(StoreCreditAccountNotFound):
                stand.loyalty.ask(account)
        with pytest.raises(StoreCreditAccountNotFound):
            stand.loyalty.ask(Statement(account_id=AccountId("none")))
        with pytest.raises(GiftCardNotFound):
            stand.loyalty.ask(GetGiftCard(id=GiftCardId("none")))
        with pytest.raises(GiftCardNotFound):
            stand.loyalty.ask(OrdersOfCard(gift_card_id=GiftCardId("none")))
        nothing = stand.loyalty.ask(CardsOfOrder(order_id="none"))

        assert ((), ()) == (nothing.bought, nothing.spent)

    # --- liability and movements --------------------------------------------

    def test_liability_as_of_any_instant_is_what_was_owed_then(self, stand: Stand) -> None:
        """Per origin, an instant before each change, at it, and after it."""
        owed: list[tuple[dict[str, int], datetime]] = [({}, stand.clock() - MICROSECOND)]
        for origins in _story(stand):
            owed.append((origins, stand.clock()))
            stand.clock.advance(HOUR)
        for (origins, at), (_, until) in zip(owed, [*owed[1:], ({}, stand.clock())], strict=True):
            for as_of in (at, at + MICROSECOND, until - MICROSECOND):
                if at <= as_of < until:
                    report = stand.loyalty.ask(Liability(as_of=as_of))
                    usd = {origin.value: minor(amount) for origin, amount in report.by_origin.get("USD", {}).items()}

                    assert {name: amount for name, amount in origins.items() if amount} == {
                        name: amount for name, amount in usd.items() if amount
                    }
                    assert sum(origins.values()) == minor(report.total.get("USD", money(0)))

    def test_movements_tie_for_every_window(self, stand: Stand) -> None:
        """Opening and everything that happened is closing, and closing is the next opening."""
        times = [stand.clock()]
        for _ in _story(stand):
            stand.clock.advance(HOUR)
            times.append(stand.clock())
        for place, since in enumerate(times):
            for until in times[place:]:
                for row in stand.loyalty.ask(Movements(since=since, until=until)):
                    rise = minor(row.issued) + minor(row.granted) + minor(row.refunded)
                    rise += minor(row.reloaded) + minor(row.imported) + minor(row.reinstated)
                    rise += minor(row.adjusted) + minor(row.reversed)
                    fall = minor(row.redeemed) + minor(row.debited) + minor(row.expired)
                    fall += minor(row.cashed_out) + minor(row.clawed_back)
                    owed = stand.loyalty.ask(Liability(as_of=until - MICROSECOND)).total.get("USD", money(0))

                    assert minor(row.opening) + rise - fall == minor(row.closing) == minor(owed)
                    assert fall - rise == sum(minor(amount) for amount in row.house.values())

    # --- audit --------------------------------------------------------------

    def test_an_audit_counts_everything_and_finds_nothing(self, stand: Stand) -> None:
        """On an empty storage, and after a story."""
        empty = stand.loyalty.ask(Audit())
        assert (True, 0, 0) == (empty.is_clean, empty.accounts, empty.transfers)
        for _ in _story(stand):
            stand.clock.advance(HOUR)
        report = stand.loyalty.ask(Audit())

        assert (True, ()) == (report.is_clean, report.findings)
        assert (len(stand.books().accounts), sum(account.sequence for account in stand.books().accounts)) == (
            report.accounts,
            report.transfers,
        )

    def test_accounts_are_loaded_whole(self, stand: Stand) -> None:
        """By their ids, with every lot, empty ones too, in the order of the ids; what is not there is left out."""
        card = stand.card(10)
        stand.execute(RedeemGiftCard(code=card.code, amount=money(10), order_id="1", idempotency_key="all"))
        credit = stand.credit(5)
        stand.card(7)
        wanted = (credit.account.id, AccountId("nobody"), card.gift_card.account_id)

        found = stand.storage.read(lambda reader: reader.whole_accounts(wanted)).accounts()
        assert sorted([wanted[0], wanted[2]]) == sorted(account.id for account in found)
        lots = {account.id: [lot.remaining for lot in account.lots] for account in found}
        assert {wanted[0]: [5], wanted[2]: [0]} == lots
        assert () == stand.storage.read(lambda reader: reader.whole_accounts(())).accounts()

    @needs("corruptible")
    def test_an_audit_of_changes_names_what_a_whole_one_names(self, stand: Stand) -> None:
        """Of an account that changed; and leaves the others to a whole one."""
        cards = [stand.card(100) for _ in range(3)]
        mark = stand.loyalty.ask(Audit()).mark
        stand.clock.advance(2 * HOUR)
        mark = stand.loyalty.ask(Audit(since=mark)).mark
        stand.clock.advance(2 * HOUR)
        for number, card in enumerate(cards[:2]):
            stand.execute(RedeemGiftCard(code=card.code, amount=money(1), order_id="1", idempotency_key=f"{number}"))
        clean = stand.loyalty.ask(Audit(since=mark))
        assert (2, 4, ()) == (clean.accounts, clean.transfers, clean.findings)
        self.corrupt_balance(stand.storage, cards[2].gift_card.account_id, 1000)
        assert stand.loyalty.ask(Audit(since=mark)).is_clean
        self.corrupt_balance(stand.storage, cards[1].gift_card.account_id, 1000)
        report = stand.loyalty.ask(Audit(since=mark))
        assert [cards[1].gift_card.account_id] == sorted({finding.id for finding in report.findings})
        assert report.mark is None

    @needs("corruptible")
    def test_an_audit_names_a_corrupted_balance(self, stand: Stand) -> None:
        """The first finding is about the account whose stored balance is not the sum of its transfers."""
        cards = [stand.card(100) for _ in range(3)]
        wrong = cards[1].gift_card.account_id
        self.corrupt_balance(stand.storage, wrong, 1000)
        report = stand.loyalty.ask(Audit())

        assert not report.is_clean
        assert ("account", wrong) == (report.findings[0].subject, report.findings[0].id)
        assert {wrong, "USD"} == {finding.id for finding in report.findings}


def _story(stand: Stand) -> Iterator[dict[str, int]]:
    """Do one thing after the other, and say after each what is owed per origin; the listener may move the clock."""
    card = stand.card(1000, origin=LotOrigin.PURCHASED)
    yield {"purchased": 1000}
    stand.credit(200, expires_at=stand.clock() + 5 * HOUR)
    yield {"purchased": 1000, "goodwill": 200}
    stand.execute(RedeemGiftCard(code=card.code, amount=money(300), order_id="1", idempotency_key="redeem"))
    yield {"purchased": 700, "goodwill": 200}
    stand.execute(RefundRedemption(order_id="1", amount=money(50), idempotency_key="refund"))
    yield {"purchased": 750, "goodwill": 200}
    stand.execute(ConvertGiftCard(code=card.code, customer_id="ada", idempotency_key="convert"))
    yield {"purchased": 750, "goodwill": 200}
    stand.execute(DebitStoreCredit(customer_id="ada", amount=money(20), idempotency_key="debit"))
    yield {"purchased": 750, "goodwill": 180}
    stand.loyalty.execute(ExpireValue())
    yield {"purchased": 750, "goodwill": 0}
