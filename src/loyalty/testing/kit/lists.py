"""Lists: what filters keep, in which order, page by page while the books change, and what it sums to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from moneyed import Money

from loyalty.errors import MalformedCode
from loyalty.gift_cards.card import GiftCard, GiftCardStatus
from loyalty.gift_cards.gift import Gift, Recipient
from loyalty.gift_cards.listing import GiftCardSort
from loyalty.identifiers import AccountId, GiftCardId
from loyalty.ledger.account import Account
from loyalty.ledger.entry import Direction
from loyalty.ledger.lot import LotOrigin
from loyalty.money import signed_minor_units
from loyalty.ports.changes import Changes
from loyalty.reports.gift_card_list import GiftCardPage, GiftCardTotals, ListExpiringGiftCards, ListGiftCards
from loyalty.reports.store_credit_list import ListStoreCreditAccounts, StoreCreditPage, StoreCreditTotals
from loyalty.store_credit.account import StoreCreditStatus
from loyalty.store_credit.listing import StoreCreditSort
from loyalty.testing.kit.case import DAY, HOUR, MICROSECOND, START, UNKNOWN_CODE, KitCase, Stand
from loyalty.testing.list_oracle import accounts_listed, cards_ending, cards_listed, totals_listed
from loyalty.testing.programs import EXPONENTS, money
from loyalty.use_cases.adjust_value import AdjustValue
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.block_store_credit_account import BlockStoreCreditAccount
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.expire_value import ExpireValue
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard

__all__ = ["ACCOUNT_FILTERS", "CARD_FILTERS", "NOW", "ListTests", "fill_shop"]

NOW: Final = START + 2 * HOUR
"""When the filters below are asked; :func:`fill_shop` leaves the clock there."""

CARD_FILTERS: Final[tuple[dict[str, Any], ...]] = (
    {},
    *[{"status": status} for status in GiftCardStatus],
    *[{flag: yes} for flag in ("is_expired", "is_exhausted", "is_partly_used") for yes in (True, False)],
    *[{"expiring_before": NOW + after} for after in (MICROSECOND, HOUR, HOUR + MICROSECOND, DAY, 2 * DAY, 400 * DAY)],
    *[{"currency": currency} for currency in ("USD", "JPY", "KWD", "EUR")],
    {"region": "de"},
    {"region": "DE"},
    {"value_from": money(1000)},
    {"value_from": money(1001)},
    {"value_to": money(200)},
    {"value_to": money(199)},
    {"value_from": money(500, "JPY"), "value_to": money(500, "JPY")},
    {"balance_from": money(0), "balance_to": money(0)},
    {"balance_from": money(1)},
    {"balance_to": money(700)},
    {"value_to": money(1000), "balance_from": money(700), "currency": "USD"},
    {"issued_since": START},
    {"issued_since": START + MICROSECOND},
    {"issued_until": START},
    {"issued_until": START + MICROSECOND},
    {"expires_since": START + HOUR},
    {"expires_since": START + HOUR + MICROSECOND},
    {"expires_until": START + HOUR},
    {"expires_until": START + HOUR + MICROSECOND},
    {"customer_id": "ada"},
    {"buyer_id": "bea"},
    {"order_id": "order-1"},
    {"product_id": "product"},
    {"batch_id": "batch"},
    *[{"tag": tag} for tag in ("vip", "v", ",", "a", 'x"a', "VIP", "ü", "none")],
    *[{"text": text} for text in ("müller 100%_", "MÜLLER", "ZOË", "grace@", "%", "_", "\\", "R-1", "BATCH", "duct")],
    *[{"text": text} for text in ("hopper", "GRACE@NAVY", "Bob's aunt", "for your birthday")],
    *[{"text": text} for text in ("ADA", "bea", "00000-", "nothing of the kind", "'; --", "straße", "STRASSE")],
    {"status": GiftCardStatus.ACTIVE, "is_expired": False, "is_exhausted": False, "customer_id": "ada"},
    {"is_expired": True, "is_exhausted": True},
    {"expiring_before": NOW + DAY, "currency": "USD", "is_partly_used": False},
)  # fmt: skip

ACCOUNT_FILTERS: Final[tuple[dict[str, Any], ...]] = (
    {},
    *[{"status": status} for status in StoreCreditStatus],
    *[{"currency": currency} for currency in ("USD", "JPY", "EUR")],
    {"customer_id": "ada"},
    {"balance_from": money(0), "balance_to": money(0)},
    {"balance_from": money(300)},
    {"balance_from": money(301)},
    {"balance_to": money(50, "JPY")},
    {"is_empty": True},
    {"is_empty": False},
    *[{"expiring_before": NOW + after} for after in (HOUR, HOUR + MICROSECOND, 2 * DAY)],
    {"opened_since": START + HOUR},
    {"opened_since": START + HOUR + MICROSECOND},
    {"opened_until": START + HOUR},
    {"opened_until": START + HOUR + MICROSECOND},
    *[{"text": text} for text in ("ADA", "øRSTED", "%", "00000-")],
    {"currency": "USD", "is_empty": False, "status": StoreCreditStatus.OPEN},
)  # fmt: skip


class ListTests(KitCase):
    """One view of all cards, and of all store credit accounts."""

    # --- what is shown ------------------------------------------------------

    def test_every_filter_keeps_what_a_search_finds(self, stand: Stand) -> None:
        """Each filter, at its bounds and where it finds nothing, keeps the cards that looking at every card finds."""
        fill_shop(stand)
        shown = {str(filters): _ids(_cards(stand, **filters)) for filters in CARD_FILTERS}

        assert {str(filters): _expected(stand, **filters) for filters in CARD_FILTERS} == shown
        assert len([ids for ids in shown.values() if ids]) > len(CARD_FILTERS) // 2

    def test_a_card_is_found_by_its_code_and_by_its_end(self, stand: Stand) -> None:
        """The exact code finds one card, and so do its last four symbols; a code that no card has finds none."""
        fill_shop(stand)
        card = stand.card()
        typed = card.code.replace("-", " ").lower()

        assert [card.gift_card.id] == _ids(_cards(stand, code=typed)) == _ids(_cards(stand, last_four=typed[-4:]))
        assert [] == _ids(_cards(stand, code=UNKNOWN_CODE)) == _ids(_cards(stand, code=typed, currency="JPY"))
        with pytest.raises(MalformedCode):
            _cards(stand, code="SUMMER")

    def test_what_is_shown_is_what_a_card_is(self, stand: Stand) -> None:
        """A card in a list is the card as it is found by itself, with its balances, held and lapsed value included."""
        fill_shop(stand)
        alone = [stand.card_of(card.id) for card in cards_listed(stand.books(), ListGiftCards(), stand.clock())]

        assert tuple(alone) == _cards(stand).gift_cards

    def test_every_filter_of_accounts_keeps_what_a_search_finds(self, stand: Stand) -> None:
        """The same for store credit accounts."""
        fill_shop(stand)
        shown = {str(filters): _ids(_accounts(stand, **filters)) for filters in ACCOUNT_FILTERS}

        assert {
            str(filters): [
                credit.id
                for credit in accounts_listed(stand.books(), ListStoreCreditAccounts(**filters), stand.clock())
            ]
            for filters in ACCOUNT_FILTERS
        } == shown
        assert len([ids for ids in shown.values() if ids]) > len(ACCOUNT_FILTERS) // 2

    def test_a_clock_that_went_back_changes_no_list(self, stand: Stand) -> None:
        """What a list derives from the time is as of the last change of each card and account, if that is later."""
        fill_shop(stand)
        stand.clock.advance(-90 * timedelta(minutes=1))
        for filters in CARD_FILTERS:
            assert _expected(stand, **filters) == _ids(_cards(stand, **filters)), filters
        for filters in ACCOUNT_FILTERS:
            expected = accounts_listed(stand.books(), ListStoreCreditAccounts(**filters), stand.clock())
            assert [credit.id for credit in expected] == _ids(_accounts(stand, **filters)), filters

    # --- order and pages ----------------------------------------------------

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("sort", GiftCardSort)
    def test_pages_of_every_size_are_the_list(self, stand: Stand, sort: GiftCardSort, descending: bool) -> None:  # noqa: FBT001  # pytest gives it
        """Sorted by anything, either way, the pages of any size follow each other without a gap, and then end."""
        fill_shop(stand)
        expected = _expected(stand, sort=sort, descending=descending)
        for limit in (1, 2, 3, len(expected) - 1, len(expected), 1000):
            pages = list(_pages(stand, ListGiftCards(sort=sort, descending=descending, limit=limit)))

            assert expected == [id_ for page in pages for id_ in _ids(page)]
            assert len(pages) == -(-len(expected) // limit)

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("sort", StoreCreditSort)
    def test_pages_of_accounts_are_the_list(self, stand: Stand, sort: StoreCreditSort, descending: bool) -> None:  # noqa: FBT001  # pytest gives it
        """The same for store credit accounts."""
        fill_shop(stand)
        query = ListStoreCreditAccounts(sort=sort, descending=descending)
        expected = [credit.id for credit in accounts_listed(stand.books(), query, stand.clock())]
        for limit in (1, 2, 1000):
            shown = stand.loyalty.stream(attrs.evolve(query, limit=limit))

            assert expected == [credit.id for credit in shown]

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("sort", GiftCardSort)
    def test_cards_issued_meanwhile_move_no_page(self, stand: Stand, sort: GiftCardSort, descending: bool) -> None:  # noqa: FBT001  # pytest gives it
        """While cards that sort before, beside and behind a page are issued, every old card comes exactly once."""
        fill_shop(stand)
        old, seen = set(_expected(stand)), list[str]()
        for page in _pages(stand, ListGiftCards(sort=sort, descending=descending, limit=3)):
            seen += _ids(page)
            stand.clock.advance(MICROSECOND)
            for value, expires_at in ((1, None), (1000, NOW + DAY), (9000, NOW + 500 * DAY)):
                if len(seen) < len(old):
                    stand.card(value, expires_at=expires_at)

        assert len(seen) == len(set(seen))
        assert old <= set(seen)

    def test_a_stream_goes_through_the_whole_list(self, stand: Stand) -> None:
        """From the start, or from where a page ended, and whatever the size of its pages."""
        fill_shop(stand)
        query = ListGiftCards(sort=GiftCardSort.EXPIRES, limit=2)
        first = stand.loyalty.ask(query)
        rest = stand.loyalty.stream(attrs.evolve(query, after=first.next_after, limit=5))

        assert _expected(stand, sort=GiftCardSort.EXPIRES) == [card.id for card in stand.loyalty.stream(query)]
        assert _expected(stand, sort=GiftCardSort.EXPIRES) == _ids(first) + [card.id for card in rest]

    # --- sums ---------------------------------------------------------------

    def test_totals_are_of_the_whole_list(self, stand: Stand) -> None:
        """Under every filter, count, face value, posted and available are exact, whatever is on the page."""
        fill_shop(stand)
        for filters in CARD_FILTERS:
            query = ListGiftCards(**filters, limit=1, with_totals=True)
            expected = totals_listed(cards_listed(stand.books(), query, stand.clock()), stand.clock())

            assert expected == _summed(stand.loyalty.ask(query).totals), filters
        for filters in ACCOUNT_FILTERS:
            listing = ListStoreCreditAccounts(**filters, limit=1, with_totals=True)
            expected = totals_listed(accounts_listed(stand.books(), listing, stand.clock()), stand.clock())

            assert expected == _summed(stand.loyalty.ask(listing).totals), filters
        assert (None, None) == (_cards(stand).totals, _accounts(stand).totals)

    def test_totals_know_what_has_lapsed(self, stand: Stand) -> None:
        """What an order holds is not available until the microsecond at which the hold lapses, without any sweep."""
        card = stand.card(1000)
        stand.credit(500)
        stand.hold(300, card, lapses_after=HOUR)
        stand.hold(200, customer_id="ada", order_id="other", lapses_after=HOUR)
        for passed, on_card, of_credit in ((timedelta(0), 700, 300), (HOUR - MICROSECOND, 700, 300), (HOUR, 1000, 500)):
            stand.clock.set(START + passed)
            (cards,) = _cards(stand, with_totals=True).totals or ()
            (accounts,) = _accounts(stand, with_totals=True).totals or ()

            assert (money(1000), money(on_card)) == (cards.posted, cards.available)
            assert (money(500), money(of_credit)) == (accounts.posted, accounts.available)

    def test_totals_are_exact_beyond_64_bits(self, stand: Stand) -> None:
        """The face values of twelve cards of the largest value are summed, though the sum fits no integer column."""
        for number in range(12):
            _write_sold_card(stand, number, value=10**18)
        (totals,) = _cards(stand, with_totals=True).totals or ()

        assert (12, money(12 * 10**18), money(0)) == (totals.count, totals.value, totals.posted)

    # --- the edges of time and of currencies --------------------------------

    def test_value_that_ends_now_has_ended(self, stand: Stand) -> None:
        """A microsecond before its end value is there and ends soon; at its end it is gone from every list and sum."""
        end = START + HOUR
        card = stand.card(1000, expires_at=end)
        account = stand.credit(500, expires_at=end).account
        for at, is_there in ((end - MICROSECOND, True), (end, False)):
            stand.clock.set(at)
            (cards,), (accounts,) = _totals_of_cards(stand), _totals_of_accounts(stand)
            soon = {"expiring_before": end + DAY}

            assert (money(1000), money(500)) == (cards.posted, accounts.posted)
            assert (money(1000 * is_there), money(500 * is_there)) == (cards.available, accounts.available)
            assert [card.gift_card.id] == _ids(_cards(stand, is_expired=not is_there))
            assert [] == _ids(_cards(stand, is_expired=is_there))
            assert [card.gift_card.id] * is_there == _ids(_cards(stand, **soon)) == _ids_that_end(stand)
            assert [account.id] * is_there == _ids(_accounts(stand, **soon))

    def test_value_that_begins_now_has_begun(self, stand: Stand) -> None:
        """A microsecond before its beginning value sums to nothing available, at its beginning to all of it."""
        begin = START + HOUR
        stand.credit(500, not_before=begin)
        for at, available in ((begin - MICROSECOND, 0), (begin, 500), (begin + MICROSECOND, 500)):
            stand.clock.set(at)
            (accounts,) = _totals_of_accounts(stand)

            assert (money(500), money(available)) == (accounts.posted, accounts.available)

    def test_what_has_begun_stays_so_though_the_clock_went_back(self, stand: Stand) -> None:
        """Value that began by the last change of its account, to the microsecond, is summed as available."""
        begin = START + HOUR
        stand.credit(500, "early", not_before=begin)
        stand.credit(500, "late", not_before=begin)
        for customer_id, at in (("early", begin - MICROSECOND), ("late", begin)):
            stand.clock.set(at)
            stand.credit(1, customer_id)
        stand.clock.set(START)
        sums = [_totals_of_accounts(stand, customer_id=customer_id) for customer_id in ("early", "late")]

        assert [money(1), money(501)] == [totals.available for (totals,) in sums]

    def test_what_has_ended_stays_so_though_the_clock_went_back(self, stand: Stand) -> None:
        """Value that had ended by the last change of its card or account, to the microsecond, does not end again."""
        end = START + HOUR
        early, late, spent = [stand.card(1000, expires_at=end) for _ in range(3)]
        accounts = [stand.credit(500, customer_id, expires_at=end).account for customer_id in ("early", "late")]
        _add_value(stand, spent, 20, ends_in=30 * DAY)
        for at, card, customer_id in ((end - MICROSECOND, early, "early"), (end, late, "late")):
            stand.clock.set(at)
            _add_value(stand, card, 1, ends_in=30 * DAY)
            stand.credit(1, customer_id)
        _pay(stand, spent, 20)
        stand.clock.set(START)

        assert [early.gift_card.id] == _ids(_cards(stand, expiring_before=START + DAY)) == _ids_that_end(stand)
        assert [accounts[0].id] == _ids(_accounts(stand, expiring_before=START + DAY))
        assert [spent.gift_card.id] == _ids(_cards(stand, is_expired=True))
        assert [money(1001 + 1)] == [totals.available for totals in _totals_of_cards(stand)]
        assert [money(501 + 1)] == [totals.available for totals in _totals_of_accounts(stand)]

    def test_a_range_keeps_its_own_currency(self, stand: Stand) -> None:
        """Cards and accounts of another currency are left out, also where it has as many decimals and as many units."""
        ten, mine = money(1000), stand.card(1000)
        euros = stand.loyalty.execute(IssueGiftCard(value=Money("10.00", "EUR"), idempotency_key=stand.key()))
        credit = stand.credit(1000).account
        stand.execute(
            GrantStoreCredit(
                customer_id="ada",
                amount=Money("10.00", "EUR"),
                origin=LotOrigin.GOODWILL,
                idempotency_key=stand.key(),
            )
        )
        for bound in ("value_from", "value_to", "balance_from", "balance_to"):
            assert [mine.gift_card.id] == _ids(_cards(stand, **{bound: ten}))
            assert [euros.gift_card.id] == _ids(_cards(stand, **{bound: Money("10.00", "EUR")}))
        for bound in ("balance_from", "balance_to"):
            assert [credit.id] == _ids(_accounts(stand, **{bound: ten}))

    # --- what ends soon -----------------------------------------------------

    def test_cards_whose_value_ends_soon(self, stand: Stand) -> None:
        """The soonest first, to the microsecond, in pages of any size, with what ends in time; no card comes twice."""
        fill_shop(stand)
        both = stand.card(100, expires_at=NOW + DAY)
        _add_value(stand, both, 30, ends_in=2 * DAY)
        _add_value(stand, both, 7, ends_in=3 * DAY)
        for within in (MICROSECOND, HOUR - MICROSECOND, HOUR, DAY, 2 * DAY - MICROSECOND, 2 * DAY, 3 * DAY, 400 * DAY):
            expected = cards_ending(stand.books(), ListExpiringGiftCards(within=within), stand.clock())
            for limit in (1, 2, 1000):
                shown = list(stand.loyalty.stream(ListExpiringGiftCards(within=within, limit=limit)))

                assert expected == [(one.ends_at, one.gift_card.id, signed_minor_units(one.ending)) for one in shown]
        assert len(expected) > 3


def fill_shop(stand: Stand) -> None:
    """Issue cards and open accounts that differ in all that a list can tell apart, within two hours."""
    plain: dict[str, Any] = {"note": "Für Zoë & MÜLLER, 100%_\nStraße 1", "tags": ("vip", 'x"a', "x,"), "region": "de"}
    stand.card(1000, **plain)
    stand.card(
        500, "JPY", expires_at=START + 2 * DAY, recipient="Grace@Example.org", order_id="order-1", tags=(",", "ü")
    )
    used = stand.card(1000, customer_id="ada", expires_at=NOW + HOUR)
    spent = stand.card(200, order_id="order-1", expires_at=START + HOUR)
    blocked = stand.card(700, note="back \\ slash", expires_at=NOW + DAY)
    stand.card(50, expires_at=START + HOUR, tags=("a",))
    stand.card(50, "KWD", expires_at=START + HOUR + MICROSECOND)
    for _ in range(3):
        stand.card(200, expires_at=NOW + DAY, origin=LotOrigin.PURCHASED)
    held, lapsed = stand.card(300, expires_at=NOW + HOUR), stand.card(400)
    stand.hold(100, held, order_id="open", lapses_after=DAY)
    stand.hold(150, lapsed, order_id="lapsed", lapses_after=HOUR)
    _pay(stand, used, 300)
    _pay(stand, spent, 200)
    _add_value(stand, lapsed, 20, ends_in=HOUR)
    _fill_accounts(stand)
    stand.clock.advance(HOUR)
    stand.execute(BlockGiftCard(gift_card_id=blocked.gift_card.id, idempotency_key=stand.key()))
    stand.credit(50, "ørsted", "JPY", expires_at=NOW + HOUR)
    stand.loyalty.execute(ExpireValue(limit=1))
    stand.clock.advance(HOUR)
    for number in range(4):
        _write_sold_card(stand, number)


def _fill_accounts(stand: Stand) -> None:
    stand.credit(300, "ada", not_before=NOW + MICROSECOND)
    stand.credit(100, "ada", expires_at=NOW + HOUR)
    stand.credit(70, "ada", "JPY")
    stand.credit(10, "bo")
    stand.execute(DebitStoreCredit(customer_id="bo", amount=money(10), idempotency_key=stand.key()))
    stand.credit(300, "cy", expires_at=NOW + 2 * DAY)
    stand.hold(120, customer_id="cy", order_id="credit", lapses_after=DAY)
    stand.hold(30, customer_id="cy", order_id="lapsed credit", lapses_after=HOUR)
    stand.credit(5, "Ada Lovelace")
    stand.credit(5, "dee", "KWD")
    blocked = stand.credit(900, "eve").account
    stand.execute(BlockStoreCreditAccount(account_id=blocked.id, idempotency_key=stand.key()))


def _write_sold_card(stand: Stand, number: int, value: int = 2500) -> None:
    """Write a card that was sold and not yet paid for, without any command."""
    id_, at = stand.new_id(), stand.clock()
    card = GiftCard(
        id=GiftCardId(id_),
        account=Account(
            id=AccountId(f"{id_}-account"), currency="USD", exponent=EXPONENTS["USD"], opened_at=at, recorded_at=at
        ),
        value=value,
        origin=LotOrigin.PURCHASED,
        status=GiftCardStatus.PENDING,
        code_digest=f"digest of {id_}",
        code_key_id="key",
        last_four="QQQQ",
        issued_at=at,
        expires_at=NOW + 100 * DAY if number % 2 else None,
        order_id="order-2",
        product_id="product" if number else "Other product",
        line_id="line",
        unit=number + 1,
        buyer_id="bea" if number else None,
        batch_id=None if number else "batch",
        price=value,
    )
    recipient = Recipient(
        address="grace@navy.example", name="Grace Hopper", message="for your birthday", sender="Bob's Aunt"
    )
    gifts = () if number % 2 else (Gift.to(recipient, card.id, at),)
    stand.storage.run(lambda uow: uow.write(Changes(new_gift_cards=(card,), new_gifts=gifts)))


def _pay(stand: Stand, card: IssuedGiftCard, amount: int) -> None:
    stand.execute(
        RedeemGiftCard(
            code=card.code, amount=money(amount), order_id="paid", idempotency_key=stand.key(), customer_id="ada"
        )
    )


def _add_value(stand: Stand, card: IssuedGiftCard, amount: int, *, ends_in: timedelta) -> None:
    stand.execute(
        AdjustValue(
            gift_card_id=card.gift_card.id,
            amount=money(amount),
            direction=Direction.CREDIT,
            expires_at=stand.clock() + ends_in,
            actor="staff/7",
            reason="a present",
            idempotency_key=stand.key(),
        )
    )


def _cards(stand: Stand, **given: Any) -> GiftCardPage:
    return stand.loyalty.ask(ListGiftCards(**given))


def _accounts(stand: Stand, **given: Any) -> StoreCreditPage:
    return stand.loyalty.ask(ListStoreCreditAccounts(**given))


def _totals_of_cards(stand: Stand, **given: Any) -> tuple[GiftCardTotals, ...]:
    return _cards(stand, with_totals=True, **given).totals or ()


def _totals_of_accounts(stand: Stand, **given: Any) -> tuple[StoreCreditTotals, ...]:
    return _accounts(stand, with_totals=True, **given).totals or ()


def _ids_that_end(stand: Stand) -> list[str]:
    return [one.gift_card.id for one in stand.loyalty.ask(ListExpiringGiftCards(within=DAY))]


def _expected(stand: Stand, **given: Any) -> list[str]:
    return [card.id for card in cards_listed(stand.books(), ListGiftCards(**given), stand.clock())]


def _ids(page: GiftCardPage | StoreCreditPage) -> list[str]:
    return [one.id for one in page]


def _pages(stand: Stand, query: ListGiftCards) -> Iterator[GiftCardPage]:
    """Ask for one page after the other, each when the one before was looked at."""
    page = stand.loyalty.ask(query)
    yield page
    while page.next_after is not None:
        page = stand.loyalty.ask(attrs.evolve(query, after=page.next_after))
        yield page


def _summed(
    totals: tuple[GiftCardTotals, ...] | tuple[StoreCreditTotals, ...] | None,
) -> dict[tuple[str, int], tuple[int, int, int, int]]:
    return {
        (one.currency, EXPONENTS[one.currency]): (
            one.count,
            signed_minor_units(one.value) if isinstance(one, GiftCardTotals) else 0,
            signed_minor_units(one.posted),
            signed_minor_units(one.available),
        )
        for one in totals or ()
    }
