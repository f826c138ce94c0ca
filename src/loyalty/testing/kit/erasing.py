"""Forgetting a person: nothing names him afterwards, and every entry, balance and total is what it was."""

from __future__ import annotations

from typing import Any, Final

import attrs
import pytest

from loyalty.gift_cards.gift import Gift, Recipient
from loyalty.ledger.entry import Direction
from loyalty.ledger.lot import LotOrigin
from loyalty.ledger.transfer import ERASED, ERASED_METADATA, Reference, Transfer
from loyalty.money import ALL
from loyalty.ports.changes import Changes
from loyalty.reports.liability import Liability
from loyalty.reports.store_credit import GetStoreCreditAccount
from loyalty.testing.kit.case import KitCase, Stand
from loyalty.testing.programs import AnyCommand, money
from loyalty.use_cases.adjust_hold import AdjustHold
from loyalty.use_cases.adjust_value import AdjustValue
from loyalty.use_cases.block_gift_card import BlockGiftCard
from loyalty.use_cases.capture_hold import CaptureHold
from loyalty.use_cases.claim_gift_card import ClaimGiftCard
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.erase_customer import EraseCustomer, Erasure
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard
from loyalty.use_cases.refund_redemption import RefundRedemption

__all__ = ["ErasingTests"]

PERSON: Final = "customer/4711"
NAME: Final = 'Zoë "Zo" O\'Brien\\Quast'
ADDRESS: Final = "Zoe.Quast@example.com"
KNOWN_AS: Final = (NAME, ADDRESS.lower())

TRACES: Final = (PERSON, "quast")
"""What is looked for: parts of all these that are written the same everywhere."""

MOST_STEPS: Final = 100

OTHER: Final = "customer/47110"
"""Another customer, whose id has the person's in it."""


class ErasingTests(KitCase):
    """A person who was everywhere in the books."""

    def test_nothing_names_the_person_afterwards(self, stand: Stand) -> None:
        """Neither an owner, nor a text, nor what a command answered or told; whatever the case of the letters."""
        _live(stand)
        for word in TRACES:
            assert _is_in(word, stand.books())
        erasure = _erase(stand)

        assert not any(_is_in(word, stand.books()) for word in TRACES)
        assert (2, 3, 1, 3) == (erasure.accounts, erasure.gift_cards, erasure.holds, erasure.gifts)
        assert erasure.is_done
        assert min(erasure.transfers, erasure.receipts) > 0
        assert {erasure.customer_id, OTHER} == {one.customer_id for one in stand.books().store_credit_accounts}
        assert {erasure.customer_id} == {one.customer_id for one in stand.books().holds}
        stand.require_sound()

    def test_every_entry_and_total_stays(self, stand: Stand) -> None:
        """A transfer loses texts and nothing else; accounts, lots and what is owed are what they were."""
        _live(stand)
        before, owed = stand.books(), stand.loyalty.ask(Liability()).total
        _erase(stand)
        after = stand.books()

        assert list(map(_entry, before.transfers)) == list(map(_entry, after.transfers))
        assert [_sums(account) for account in before.accounts] == [_sums(account) for account in after.accounts]
        assert owed == stand.loyalty.ask(Liability()).total
        assert len(before.receipts) + 1 == len(after.receipts)
        assert [(card.id, card.code_digest, card.value, card.status) for card in before.gift_cards] == [
            (card.id, card.code_digest, card.value, card.status) for card in after.gift_cards
        ]

    def test_a_fixed_word_stands_where_a_text_was(self, stand: Stand) -> None:
        """And an empty one stays empty; texts of others stay as they are."""
        _live(stand)
        before = {transfer.id: transfer for transfer in stand.books().transfers}
        _erase(stand)
        changed = [(before[one.id], one) for one in stand.books().transfers if before[one.id] != one]

        assert changed
        for old, new in changed:
            for name in ("actor", "reason", "note"):
                assert getattr(new, name) in {getattr(old, name), ERASED}
                assert (getattr(old, name) is None) is (getattr(new, name) is None)
            assert new.metadata in {old.metadata, ERASED_METADATA}
        notes = {card.note for card in stand.books().gift_cards}
        assert f"not for {OTHER}" in notes

    def test_a_gift_to_the_person_is_not_sent_and_one_from_him_loses_his_words(self, stand: Stand) -> None:
        """By his address, or because he claimed the card; whoever else gets one gets it still."""
        _live(stand)
        before = {gift.gift_card_id: gift for gift in stand.books().gifts}
        _erase(stand)
        after = stand.books().gifts

        assert 3 == len(after)
        for gift in after:
            was = before[gift.gift_card_id]
            is_for_others = was.address == "di@example.com"
            assert (was.address if is_for_others else None, None, None, None) == (
                gift.address,
                gift.name,
                gift.sender,
                gift.message,
            )
            assert (was.send_at, was.status, was.version + 1) == (gift.send_at, gift.status, gift.version)
        due = stand.storage.run(lambda uow: uow.due_gifts(stand.clock(), 10))
        assert ["di@example.com"] == [gift.address for gift in due]

    def test_others_stay_as_they_are(self, stand: Stand) -> None:
        """A customer whose id has the person's in it, and texts that only look alike."""
        _live(stand)
        other = stand.loyalty.ask(_account_of(OTHER))
        card = stand.card(note=f"{PERSON}0 and Zoe.Quast at example.com", recipient="Zoe Brien", customer_id=OTHER)
        _erase(stand)

        assert other == stand.loyalty.ask(_account_of(OTHER))
        (stored,) = [one for one in stand.books().gift_cards if one.id == card.gift_card.id]
        assert (OTHER, card.gift_card.note, "Zoe Brien", 1) == (
            stored.customer_id,
            stored.note,
            stored.recipient,
            stored.edition,
        )

    def test_known_keys_still_answer_without_the_person(self, stand: Stand) -> None:
        """Every command of the person again: no error, no effect, and not a word of him."""
        commands = _live(stand)
        _erase(stand)
        before = stand.books()
        for command in commands:
            answer = stand.execute(command)
            assert not any(_is_in(word, answer) for word in TRACES)

        assert before == stand.books()

    def test_what_was_the_persons_is_owed_to_the_pseudonym(self, stand: Stand) -> None:
        """His hold is captured, his order refunded, and staff pay out the rest."""
        _live(stand)
        erasure = _erase(stand)
        (hold,) = [one for one in stand.books().holds if one.status == "open"]
        stand.execute(AdjustHold(hold_id=hold.id, amount_due=money(40), idempotency_key="adjust"))
        stand.execute(CaptureHold(hold_id=hold.id, idempotency_key="capture"))
        stand.execute(RefundRedemption(order_id="paid", amount=ALL, idempotency_key="refund"))
        account = stand.loyalty.ask(_account_of(erasure.customer_id))
        stand.execute(DebitStoreCredit(account_id=account.id, amount=account.available, idempotency_key="pay out"))

        assert money(0) == stand.loyalty.ask(_account_of(erasure.customer_id)).posted
        stand.require_sound()

    @pytest.mark.parametrize("limit", [1, 2, 1000])
    def test_a_person_is_forgotten_in_bounded_steps(self, stand: Stand, limit: int) -> None:
        """At most so many records of each kind at a time; in the end it is done, and once more does nothing."""
        _live(stand)
        steps = [_erase(stand, limit)]
        while not steps[-1].is_done:
            assert len(steps) < MOST_STEPS
            steps.append(_erase(stand, limit))

        for step in steps:
            assert max(step.accounts + step.gift_cards, step.holds, step.gifts, step.transfers, step.receipts) <= limit
        assert not any(_is_in(word, stand.books()) for word in TRACES)
        before = stand.books()
        last = _erase(stand, limit)
        assert (0, 0, 0, 0, 0, 0, True) == attrs.astuple(last)[1:]
        assert before == stand.books()

    def test_what_came_afterwards_is_forgotten_too(self, stand: Stand) -> None:
        """A customer who comes back under his old id, and goes again, does not meet his former self."""
        _live(stand)
        first = _erase(stand)
        stand.credit(70, PERSON)
        second = _erase(stand)

        assert first.customer_id != second.customer_id
        assert money(70) == stand.loyalty.ask(_account_of(second.customer_id)).posted
        assert not _is_in(PERSON, stand.books())
        stand.require_sound()

    def test_the_event_names_what_changed_and_not_whom(self, stand: Stand) -> None:
        """Not even where the person asked for it himself."""
        _live(stand)
        erasure = stand.execute(
            EraseCustomer(customer_id=PERSON, known_as=KNOWN_AS, actor=PERSON, reason=f"asked by {ADDRESS}")
        )
        (told,) = [receipt for receipt in stand.books().receipts if receipt.event == "CustomerErased"]

        assert f'"customer_id":"{erasure.customer_id}"' in told.event_data
        assert f'"actor":"{ERASED}"' in told.event_data
        assert None is told.idempotency_key
        assert not _is_in(PERSON, stand.books())


def _live(stand: Stand) -> list[AnyCommand]:
    """Have the person do what a customer does, and staff what they do for him; return all of it."""
    said: dict[str, Any] = {
        "actor": PERSON,
        "reason": f"asked by {NAME}",
        "note": f"call {ADDRESS}\nor {NAME}",
        "reference": Reference("customer", PERSON),
        "metadata": {"mail": [ADDRESS], "id": PERSON, NAME: 1},
    }
    code = stand.card(500).code
    about_others = {"customer_id": OTHER, "note": f"not for {OTHER}"}
    commands: list[AnyCommand] = [
        _issue(300, "own", customer_id=PERSON, recipient="Somebody else", tags=("spring", PERSON), **said),
        _issue(200, "given", recipient=f"{NAME} <{ADDRESS.upper()}>", tags=(f"for {NAME}",)),
        _issue(100, "others", **about_others),
        GrantStoreCredit(
            customer_id=PERSON, amount=money(900), origin=LotOrigin.GOODWILL, idempotency_key="grant", **said
        ),
        GrantStoreCredit(customer_id=PERSON, amount=money(90, "JPY"), origin=LotOrigin.GOODWILL, idempotency_key="yen"),
        GrantStoreCredit(customer_id=OTHER, amount=money(50), origin=LotOrigin.GOODWILL, idempotency_key="other"),
        ClaimGiftCard(code=code, customer_id=PERSON, idempotency_key="claim", **said),
        RedeemGiftCard(
            code=code, customer_id=PERSON, amount=money(150), order_id="paid", idempotency_key="redeem", **said
        ),
        DebitStoreCredit(
            customer_id=PERSON, amount=money(100), order_id="paid", idempotency_key="debit", note=f"for {NAME}"
        ),
        DebitStoreCredit(customer_id=OTHER, amount=money(5), idempotency_key="for the other", actor=PERSON),
        BlockGiftCard(code=code, reason=f"{NAME} lost it", idempotency_key="block"),
        AdjustValue(
            customer_id=PERSON,
            amount=money(10),
            direction=Direction.DEBIT,
            idempotency_key="adjust value",
            **{**said, "actor": "staff/7"},
        ),
    ]
    own, given, others, *_ = [stand.execute(command) for command in commands]
    stand.hold(60, customer_id=PERSON, order_id="held")
    recipients = {
        own.gift_card.id: Recipient(address="sister@example.com", name="my sister", message="for you"),
        given.gift_card.id: Recipient(address=ADDRESS.upper(), name="my brother", sender="Cy"),
        others.gift_card.id: Recipient(address="di@example.com", sender=NAME, message=f"write to\n{ADDRESS}"),
    }
    gifts = tuple(Gift.to(recipient, card_id, stand.clock()) for card_id, recipient in recipients.items())
    stand.storage.run(lambda uow: uow.write(Changes(new_gifts=gifts)))
    return commands


def _issue(value: int, key: str, **said: Any) -> IssueGiftCard:
    return IssueGiftCard(value=money(value), idempotency_key=key, **said)


def _erase(stand: Stand, limit: int = 1000) -> Erasure:
    erasure: Erasure = stand.execute(EraseCustomer(customer_id=PERSON, known_as=KNOWN_AS, limit=limit))
    return erasure


def _account_of(customer_id: str) -> GetStoreCreditAccount:
    return GetStoreCreditAccount(customer_id=customer_id, currency="USD")


def _is_in(trace: str, books: object) -> bool:
    """Tell whether a trace is in anything the books hold; another customer's longer id is not the person's."""
    return trace in repr(books).replace(OTHER, "").lower()


def _entry(transfer: Transfer) -> object:
    """Return all of a transfer but the texts beside it."""
    return attrs.evolve(transfer, actor=None, reason=None, note=None, reference=None, metadata=None)


def _sums(account: Any) -> object:
    return attrs.evolve(account, version=0)
