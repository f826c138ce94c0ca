"""The storage port itself: all or nothing, versions, unique values, and the order of what is read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
import pytest

from loyalty.errors import ConcurrentUpdate, DuplicateRecord, StorageError
from loyalty.gift_cards.gift import Gift, Recipient
from loyalty.identifiers import AccountId, GiftCardId, HoldId, LotId, TransferId
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.money import ALL
from loyalty.ports.changes import AccountChange, Changes, GiftChange
from loyalty.ports.storage import TransferFilter, UnitOfWork, Wanted
from loyalty.testing.books import receipt_of
from loyalty.testing.capabilities import needs
from loyalty.testing.fakes import fake_code_keys
from loyalty.testing.kit.case import DAY, HOUR, MICROSECOND, KitCase, Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from loyalty.testing.programs import money
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.command import Command, Context
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.issue_gift_card_batch import IssueGiftCardBatch
from loyalty.use_cases.perform import perform
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.refund_redemption import RefundRedemption

__all__ = ["PortTests"]


class _Boom(Exception):
    pass


class PortTests(KitCase):
    """What a storage promises to the use cases."""

    # --- writing ------------------------------------------------------------

    def test_work_that_fails_after_writing_wrote_nothing(self, stand: Stand) -> None:
        """Nothing is kept until the work has returned, and its exception comes out as it is."""
        card = stand.card()
        command = RedeemGiftCard(code=card.code, amount=money(1), order_id="1", idempotency_key="once")

        def work(uow: UnitOfWork) -> None:
            perform(command, uow, _context(stand))
            raise _Boom

        before = stand.books()
        with pytest.raises(_Boom):
            stand.storage.run(work)

        assert before == stand.books()
        assert receipt_of(stand.storage, "once") is None
        stand.execute(command)
        assert money(999) == stand.left_on(card)

    def test_work_that_writes_nothing_changes_nothing(self, stand: Stand) -> None:
        """Its answer is passed on."""
        stand.card()
        before = stand.books()

        assert "answer" == stand.storage.run(lambda _: "answer")
        assert before == stand.books()

    def test_a_stale_version_is_never_written(self, stand: Stand) -> None:
        """Whoever decided on what he read before somebody else changed it gets ConcurrentUpdate."""
        card = stand.card(100)
        stale = stand.storage.read(
            lambda reader: reader.find(Wanted(account_ids=(card.gift_card.account_id,)))
        ).accounts()[0]
        stand.execute(RedeemGiftCard(code=card.code, amount=money(100), order_id="1", idempotency_key="first"))
        after, side = stale.debit(stale.draw(100, stand.clock(), stand.policies.spending_order), stand.clock())
        transfer = _transfer(stand, 100, debit=side)
        before = stand.books()
        with pytest.raises(ConcurrentUpdate):
            stand.storage.run(
                lambda uow: uow.write(Changes(accounts=(AccountChange(stale, after),), transfers=(transfer,)))
            )

        assert before == stand.books()

    def test_a_known_key_writes_nothing_at_all(self, stand: Stand) -> None:
        """The write says no, and neither the account nor the transfer of that write is there."""
        card = stand.card(100)
        stand.execute(RedeemGiftCard(code=card.code, amount=money(1), order_id="1", idempotency_key="once"))
        known = receipt_of(stand.storage, "once")
        assert known is not None
        again = attrs.evolve(known, id=stand.new_id())

        def work(uow: UnitOfWork) -> bool:
            account = uow.lock(Wanted(gift_card_ids=(card.gift_card.id,))).accounts()[0]
            after, side = account.debit(account.draw(9, stand.clock(), stand.policies.spending_order), stand.clock())
            change = AccountChange(account, after)
            return uow.write(Changes(accounts=(change,), transfers=(_transfer(stand, 9, debit=side),), receipt=again))

        before = stand.books()

        assert stand.storage.run(work) is False
        assert before == stand.books()

    def test_a_code_digest_is_taken_once(self, stand: Stand) -> None:
        """A second card with the same digest is a DuplicateRecord."""
        stand.card()
        known = stand.books().gift_cards[0]
        account = attrs.evolve(known.account, id=AccountId("another"), posted=0, sequence=0, version=0, lots=())
        twin = attrs.evolve(known, id=GiftCardId("another"), account=account)
        before = stand.books()
        with pytest.raises(DuplicateRecord):
            stand.storage.run(lambda uow: uow.write(Changes(new_gift_cards=(twin,))))

        assert before == stand.books()

    def test_a_transfer_id_is_taken_once(self, stand: Stand) -> None:
        """A transfer is never replaced by another one of the same id."""
        card = stand.card(100)
        known = stand.books().transfers[0]

        def work(uow: UnitOfWork) -> bool:
            account = uow.lock(Wanted(gift_card_ids=(card.gift_card.id,))).accounts()[0]
            after, side = account.debit(account.draw(9, stand.clock(), stand.policies.spending_order), stand.clock())
            twin = attrs.evolve(_transfer(stand, 9, debit=side), id=known.id)
            return uow.write(Changes(accounts=(AccountChange(account, after),), transfers=(twin,)))

        before = stand.books()
        with pytest.raises(DuplicateRecord):
            stand.storage.run(work)

        assert before == stand.books()

    def test_a_second_account_of_a_customer_is_a_lost_race(self, stand: Stand) -> None:
        """Whoever opened it meanwhile was first; the work is to be done again on what he opened."""
        stand.credit()
        known = stand.books().store_credit_accounts[0]
        account = attrs.evolve(known.account, id=AccountId("another"), posted=0, sequence=0, version=0, lots=())
        before = stand.books()
        with pytest.raises(ConcurrentUpdate):
            stand.storage.run(
                lambda uow: uow.write(Changes(new_store_credit_accounts=(attrs.evolve(known, account=account),)))
            )

        assert before == stand.books()

    def test_a_batch_that_changed_meanwhile_is_a_lost_race(self, stand: Stand) -> None:
        """Only the version behind the stored one is written; and a new batch does not take the id of another."""
        stand.execute(IssueGiftCardBatch(count=2, value=money(5), cards_per_step=1, idempotency_key="a batch"))
        before = stand.books()
        (batch,) = before.batches
        for error, version in (
            (DuplicateRecord, 1),
            (ConcurrentUpdate, batch.version),
            (ConcurrentUpdate, batch.version + 2),
        ):
            changes = Changes(batches=(attrs.evolve(batch.revealing(1), version=version),))
            with pytest.raises(error):
                stand.storage.run(lambda uow, changes=changes: uow.write(changes))  # type: ignore[misc]  # bound now
            assert before == stand.books()

        assert stand.storage.run(lambda uow: uow.write(Changes(batches=(batch.revealing(1),))))
        assert (batch.revealing(1),) == stand.books().batches

    def test_a_card_that_somebody_else_imported_is_a_lost_race(self, stand: Stand) -> None:
        """Whatever else is said of it, and into whichever card it went."""
        make, _ = COMMANDS["import"]
        stand.execute(make(prepare(stand), "once", "a note"))
        before = stand.books()
        known = before.imported_cards[0]
        for again in (known, attrs.evolve(known, import_id="another", gift_card_id=before.gift_cards[0].id)):
            with pytest.raises(ConcurrentUpdate):
                stand.storage.run(lambda uow, again=again: uow.write(Changes(imported_cards=(again,))))  # type: ignore[misc]  # bound now
            assert before == stand.books()

    def test_a_card_cannot_take_the_code_of_another(self, stand: Stand) -> None:
        """A card that changes to a digest of another one is a DuplicateRecord, as a new card is."""
        stand.card()
        stand.card()
        before = stand.books()
        first, second = before.gift_cards
        changes = Changes(
            gift_cards=(attrs.evolve(second, code_digest=first.code_digest),),
            accounts=(AccountChange(second.account, second.account.touched()),),
        )
        with pytest.raises(DuplicateRecord):
            stand.storage.run(lambda uow: uow.write(changes))

        assert before == stand.books()

    def test_what_was_bought_or_ordered_once_becomes_one_card(self, stand: Stand) -> None:
        """A second card for the same unit of an order's line, or of a batch, is a DuplicateRecord."""
        prepare(stand)
        before = stand.books()
        units = [card for card in before.gift_cards if card.unit is not None]
        assert {True, False} == {card.batch_id is None for card in units}
        for card in units:
            account = attrs.evolve(card.account, id=AccountId("another"), posted=0, sequence=0, version=0, lots=())
            twin = attrs.evolve(card, id=GiftCardId("another"), account=account, code_digest="f" * 64)
            with pytest.raises(DuplicateRecord):
                stand.storage.run(lambda uow, twin=twin: uow.write(Changes(new_gift_cards=(twin,))))  # type: ignore[misc]  # bound now
            assert before == stand.books()

    # --- finding ------------------------------------------------------------

    def test_what_is_wanted_is_found_in_the_order_of_account_ids(self, stand: Stand) -> None:
        """By code digest, id, account, customer and order; in any order, each once, the missing left out."""
        cards = [stand.card(order_id="7") for _ in range(3)]
        credit = stand.credit().account
        stand.credit(currency="JPY")
        stored = {card.id: card for card in stand.books().gift_cards}
        everything = Wanted(
            digests=(stored[cards[1].gift_card.id].code_digest, "0" * 64),
            gift_card_ids=(cards[2].gift_card.id, cards[1].gift_card.id, GiftCardId("none")),
            account_ids=(credit.id, AccountId("none"), cards[0].gift_card.account_id),
            customers=(("ada", "USD"), ("ada", "EUR"), ("nobody", None)),
            bought_in=("7", "8"),
        )
        for found in (
            stand.storage.read(lambda reader: reader.find(everything)),
            stand.storage.run(lambda uow: uow.lock(everything)),
        ):
            assert sorted(card.gift_card.account_id for card in cards) == [card.account.id for card in found.gift_cards]
            assert [credit.id] == [one.id for one in found.store_credit_accounts]
        both = stand.storage.read(lambda reader: reader.find(Wanted(customers=(("ada", None),))))
        assert ["JPY", "USD"] == sorted(one.account.currency for one in both.store_credit_accounts)
        assert () == stand.storage.read(lambda reader: reader.find(Wanted())).accounts()

    def test_a_code_that_leads_to_no_card_leads_to_none(self, stand: Stand) -> None:
        """What a storage does to take as long for a missing card as for another one never shows in its answer."""
        card = stand.card().gift_card
        (stored,) = stand.books().gift_cards
        digest, unknown = stored.code_digest, ("f" * 64, "0" * 64)
        for wanted, expected in (
            (Wanted(digests=unknown[:1], codes=1), []),
            (Wanted(digests=unknown, codes=2), []),
            (Wanted(digests=(unknown[0], digest, unknown[1]), codes=3), [card.id]),
            (Wanted(digests=(digest, unknown[0]), codes=1), [card.id]),
        ):
            for found in (
                stand.storage.read(lambda reader, wanted=wanted: reader.find(wanted)),  # type: ignore[misc]  # bound now
                stand.storage.run(lambda uow, wanted=wanted: uow.lock(wanted)),  # type: ignore[misc]  # bound now
            ):
                assert expected == [one.id for one in found.gift_cards]
                assert () == found.store_credit_accounts

    def test_locks_may_be_asked_for_in_any_order(self, stand: Stand) -> None:
        """And twice, and by several names."""
        ids = tuple(stand.card().gift_card.account_id for _ in range(4))
        for wanted in (ids, ids[::-1], ids[2:] + ids):
            found = stand.storage.run(lambda uow, wanted=wanted: uow.lock(Wanted(account_ids=wanted)))  # type: ignore[misc]  # bound now

            assert sorted(ids) == [account.id for account in found.accounts()]

    def test_accounts_carry_the_lots_that_have_value(self, stand: Stand) -> None:
        """And an empty one if it is asked for by name; always in the order of lot ids."""
        grants = [stand.credit(10, expires_at=stand.clock() + days * DAY) for days in (1, 2, 3)]
        stand.execute(_pay_with_credit(stand, 10))
        account_id = grants[0].account.id
        every = stand.books().account(account_id).lots
        empty = next(lot for lot in every if lot.remaining == 0)

        def lots(wanted: Wanted) -> list[LotId]:
            return [lot.id for lot in stand.storage.run(lambda uow: uow.lock(wanted)).accounts()[0].lots]

        assert [lot.id for lot in every if lot.id != empty.id] == lots(Wanted(account_ids=(account_id,)))
        assert [lot.id for lot in every] == lots(Wanted(account_ids=(account_id,), lot_ids=(empty.id, LotId("none"))))

    def test_accounts_come_in_pages(self, stand: Stand) -> None:
        """Whatever the size of a page, every account comes once, in the order of ids, with every lot."""
        for number in range(5):
            stand.card() if number % 2 else stand.credit(customer_id=f"customer {number}")
        ids = [account.id for account in stand.books().accounts]
        for limit in (1, 2, 5, 6):
            seen: list[AccountId] = []
            while page := stand.storage.read(
                lambda reader, limit=limit, seen=seen: reader.page_of_accounts(seen[-1] if seen else None, limit)  # type: ignore[misc]  # bound now
            ).accounts():
                assert len(page) <= limit
                seen.extend(sorted(account.id for account in page))

            assert ids == seen

    # --- transfers ----------------------------------------------------------

    def test_transfers_of_one_account_come_by_sequence(self, stand: Stand) -> None:
        """Also when the clock went back; and after a number, up to a limit, of one kind."""
        card = stand.card(100)
        account_id = card.gift_card.account_id
        for number in range(4):
            stand.clock.advance(-HOUR)
            stand.execute(
                RedeemGiftCard(code=card.code, amount=money(1), order_id=f"{number}", idempotency_key=f"{number}")
            )

        def numbers(**narrowed: Any) -> list[int | None]:
            transfers = stand.storage.read(
                lambda reader: tuple(reader.transfers(TransferFilter(account_id=account_id, **narrowed)))
            )
            return [transfer.side_of(account_id).sequence for transfer in transfers]

        assert [1, 2, 3, 4, 5] == numbers()
        assert [3, 4, 5] == numbers(after=2)
        assert [3, 4] == numbers(after=2, limit=2)
        assert [] == numbers(after=5)
        assert [1] == numbers(kind=TransferKind.ISSUE)
        assert [4] == numbers(order_id="2")

    def test_other_transfers_come_by_time_and_id(self, stand: Stand) -> None:
        """Narrowed by order, kind, ids, refunded redemptions and time; since is included and until is not."""
        cards = [stand.card(100) for _ in range(3)]
        times = [stand.clock()]
        for number, card in enumerate(cards):
            stand.clock.advance(HOUR)
            times.append(stand.clock())
            stand.execute(
                RedeemGiftCard(code=card.code, amount=money(9), order_id="1", idempotency_key=f"redeem {number}")
            )
        stand.execute(RefundRedemption(order_id="1", amount=ALL, idempotency_key="refund"))
        every = stand.books().transfers
        redemptions = tuple(transfer.id for transfer in every if transfer.kind is TransferKind.REDEMPTION)

        def ids(**narrowed: Any) -> list[TransferId]:
            return stand.storage.read(
                lambda reader: [transfer.id for transfer in reader.transfers(TransferFilter(**narrowed))]
            )

        def expected(*kinds: TransferKind) -> list[TransferId]:
            kept = [transfer for transfer in every if transfer.kind in kinds]
            return [one.id for one in sorted(kept, key=lambda one: (one.recorded_at, one.id))]

        assert expected(*TransferKind) == ids()
        assert expected(*TransferKind)[:4] == ids(limit=4)
        assert expected(TransferKind.ISSUE) == ids(kind=TransferKind.ISSUE) == ids(until=times[1])
        assert expected(TransferKind.REDEMPTION, TransferKind.REFUND) == ids(order_id="1") == ids(since=times[1])
        assert expected(TransferKind.REDEMPTION) == ids(ids=(*redemptions[::-1], TransferId("none")))
        assert expected(TransferKind.REFUND) == ids(refunds=redemptions)
        assert [redemptions[1]] == ids(since=times[2], until=times[3], kind=TransferKind.REDEMPTION)
        assert [] == ids(ids=()) == ids(refunds=())

    def test_transfers_of_several_accounts_come_by_account_and_sequence(self, stand: Stand) -> None:
        """A conversion comes once for each of its two accounts."""
        stand.card()
        credit = stand.credit().account
        stand.execute(_pay_with_credit(stand, 5))
        wanted = tuple(account.id for account in stand.books().accounts)[::-1]
        found = stand.storage.read(lambda reader: tuple(reader.transfers_of(wanted)))
        expected = [(id_, transfer.id) for id_ in sorted(wanted) for transfer, _, _ in stand.books().history(id_)]

        assert expected == [(account_id, transfer.id) for account_id, transfer in found]
        assert 2 == sum(account_id == credit.id for account_id, _ in found)
        assert () == stand.storage.read(lambda reader: reader.unattached_transfers())

    def test_transfers_that_name_what_is_not_there_are_found(self, stand: Stand) -> None:
        """
        An account, a hold, a transfer that is given back. No command writes such a one, and the audit asks for them.

        A storage that cannot keep them, such as one with foreign keys, says so in our words and keeps nothing.
        """
        stand.card(100)
        before = stand.books()
        wrong = [
            _transfer(stand, 1, debit=Side(account_id=AccountId("nobody"), sequence=1, balance_after=0)),
            attrs.evolve(_transfer(stand, 1, debit=Side(house=HouseAccount.SALES)), hold_id=HoldId("none")),
            attrs.evolve(_transfer(stand, 1, debit=Side(house=HouseAccount.SALES)), refunds=TransferId("none")),
        ]
        try:
            stand.storage.run(lambda uow: uow.write(Changes(transfers=tuple(wrong))))
        except StorageError:
            assert before == stand.books()
            return
        found = stand.storage.read(lambda reader: reader.unattached_transfers())

        assert sorted(transfer.id for transfer in wrong) == sorted(found)

    def test_what_was_given_back_twice_is_found(self, stand: Stand) -> None:
        """One minor unit more than was paid; a storage that cannot keep such a transfer refuses it in our words."""
        code = stand.card(100).code
        paid = stand.execute(RedeemGiftCard(code=code, amount=money(10), order_id="1", idempotency_key="once"))
        back = _transfer(stand, 10, debit=Side(house=HouseAccount.REDEMPTIONS))
        back = attrs.evolve(back, kind=TransferKind.REFUND, refunds=paid.id)
        more = attrs.evolve(back, id=TransferId(stand.new_id()), amount=1)
        try:
            for transfer, expected in ((back, ()), (more, (paid.id,))):
                stand.storage.run(lambda uow, one=transfer: uow.write(Changes(transfers=(one,))))  # type: ignore[misc]  # bound now
                assert expected == stand.storage.read(lambda reader: reader.redemptions_refunded_too_much())
        except StorageError:
            stand.require_sound()

    # --- receipts and expiry ------------------------------------------------

    def test_receipts_come_by_time_and_id(self, stand: Stand) -> None:
        """All of them, those of sweeps too, and an unknown key has none."""
        for _ in range(3):
            stand.card()
            stand.clock.advance(-HOUR)
        receipts = stand.storage.read(lambda reader: tuple(reader.receipts()))

        assert 3 == len(receipts)
        assert sorted(receipts, key=lambda one: (one.recorded_at, one.id)) == list(receipts)
        assert receipt_of(stand.storage, "unknown") is None

    def test_accounts_with_expired_value_come_soonest_first(self, stand: Stand) -> None:
        """An instant before its expiry a lot is not due, at it it is; an empty lot never."""
        late = stand.card(expires_at=stand.clock() + 2 * DAY).gift_card.account_id
        soon = stand.card(expires_at=stand.clock() + DAY).gift_card.account_id
        stand.card()
        spent = stand.card(5, expires_at=stand.clock() + DAY)
        stand.execute(RedeemGiftCard(code=spent.code, amount=money(5), order_id="1", idempotency_key="spend"))

        def due(offset: Any, limit: int = 10) -> tuple[AccountId, ...]:
            return stand.storage.run(lambda uow: uow.accounts_with_expired_value(stand.clock() + offset, limit))

        assert () == due(DAY - HOUR)
        assert (soon,) == due(DAY) == due(3 * DAY, limit=1)
        assert (soon, late) == due(2 * DAY)

    # --- gifts --------------------------------------------------------------

    def test_gifts_are_found_by_their_cards(self, stand: Stand) -> None:
        """In the order of card ids, whatever the order asked for, and a card without a gift is left out."""
        cards = [stand.card().gift_card.id for _ in range(3)]
        gifts = [_gift_to(stand, card_id) for card_id in cards[:2]]
        assert stand.storage.run(lambda uow: uow.write(Changes(new_gifts=tuple(gifts))))

        assert tuple(gifts) == stand.storage.read(lambda reader: reader.gifts((cards[2], cards[1], cards[0])))
        assert () == stand.storage.read(lambda reader: reader.gifts(()))
        assert tuple(gifts) == stand.books().gifts

    def test_a_gift_that_changed_meanwhile_is_a_lost_race(self, stand: Stand) -> None:
        """Only the version that was read may be replaced, and then the whole gift is."""
        gift = _gift_to(stand, stand.card().gift_card.id)
        stand.storage.run(lambda uow: uow.write(Changes(new_gifts=(gift,))))
        change = GiftChange(gift, gift.started())
        assert stand.storage.run(lambda uow: uow.write(Changes(gifts=(change,))))

        with pytest.raises(ConcurrentUpdate):
            stand.storage.run(lambda uow: uow.write(Changes(gifts=(GiftChange(gift, gift.erased()),))))
        assert (change.after,) == stand.books().gifts

    def test_gifts_of_active_cards_are_due_soonest_first(self, stand: Stand) -> None:
        """Not before their instant, not while their card is stopped, not once they are started or erased."""
        cards = [stand.card().gift_card.id for _ in range(5)]
        hours = (2, 1, 1, 1, 1)
        gifts = [
            attrs.evolve(_gift_to(stand, card_id), send_at=stand.clock() + hour * HOUR)
            for card_id, hour in zip(cards, hours, strict=True)
        ]
        gifts[3], gifts[4] = gifts[3].started(), gifts[4].erased()
        stand.storage.run(lambda uow: uow.write(Changes(new_gifts=tuple(gifts))))
        stand.execute(BlockGiftCard(gift_card_id=cards[2], idempotency_key=stand.key()))

        def due(at: datetime, limit: int = 10) -> tuple[Gift, ...]:
            return stand.storage.run(lambda uow: uow.due_gifts(at, limit))

        assert () == due(stand.clock() + HOUR - MICROSECOND)
        assert (gifts[1],) == due(stand.clock() + HOUR)
        assert (gifts[1], gifts[0]) == due(stand.clock() + 2 * HOUR)
        assert (gifts[1],) == due(stand.clock() + 2 * HOUR, limit=1)

    # --- handles ------------------------------------------------------------

    @needs("second_handle")
    def test_another_handle_sees_the_same_books(self, stand: Stand) -> None:
        """What was written is stored and not merely remembered, and both handles work on one ledger."""
        card = stand.card(100, note="naïve ☃", metadata={"a": [1, None, {"b": "ü"}]})
        other = Stand(self.reopen(stand.storage), clock=stand.clock, new_id=stand.new_id)

        assert stand.books() == other.books()
        other.execute(RedeemGiftCard(code=card.code, amount=money(60), order_id="1", idempotency_key="there"))
        assert money(40) == stand.left_on(card) == other.left_on(card)
        stand.execute(RedeemGiftCard(code=card.code, amount=money(40), order_id="1", idempotency_key="here"))
        assert stand.books() == other.books()


def _context(stand: Stand) -> Context:
    return Context(
        now=stand.clock(),
        new_id=stand.new_id,
        code_keys=fake_code_keys(),
        code_format=stand.code_format,
        policies=stand.policies,
    )


def _transfer(stand: Stand, amount: int, *, debit: Side) -> Transfer:
    return Transfer(
        id=TransferId(stand.new_id()),
        kind=TransferKind.REDEMPTION,
        currency="USD",
        exponent=2,
        amount=amount,
        debit=debit,
        credit=Side(house=HouseAccount.REDEMPTIONS),
        occurred_at=stand.clock(),
        recorded_at=stand.clock(),
    )


def _pay_with_credit(stand: Stand, amount: int) -> Command[Any]:
    return DebitStoreCredit(customer_id="ada", amount=money(amount), order_id="1", idempotency_key=stand.key())


def _gift_to(stand: Stand, gift_card_id: GiftCardId) -> Gift:
    recipient = Recipient(address="ada@example.com", name="Ada", message="For you.\nBob", sender="Bob")
    return Gift.to(recipient, gift_card_id, stand.clock())
