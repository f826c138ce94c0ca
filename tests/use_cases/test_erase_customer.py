"""Forgetting a person."""

from __future__ import annotations

import re
from typing import Any, Final

import attrs
import pytest

from loyalty import (
    Audit,
    EraseCustomer,
    Erasure,
    IssueGiftCard,
    Liability,
    MemoryStorage,
    Reference,
    StoreCreditStatus,
    TransferStoreCredit,
    UpdateGiftCard,
)
from loyalty.errors import ChangedMeanwhile, InvalidRequest
from loyalty.ledger.transfer import ERASED, ERASED_METADATA
from loyalty.ports.person import Person
from loyalty.testing.books import books_of
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from tests.use_cases.shop import Shop, usd

PEOPLE: Final = ("ada", "bo", "cy")


def erase(shop: Shop, *known_as: str, **said: Any) -> Erasure:
    """Forget ada."""
    return shop.execute(EraseCustomer(customer_id="ada", known_as=known_as, **said))


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_was_done_for_a_person_is_forgotten(name: str) -> None:
    """Every command, its answer and its event, whoever took part; and its key still answers, with none of them."""
    stand = Stand(MemoryStorage())
    make, _ = COMMANDS[name]
    command = attrs.evolve(make(prepare(stand), "once", "a note"), actor="ada")
    stand.execute(command)
    named = re.compile(rf"""['"]({"|".join(PEOPLE)})['"]""")
    assert named.search(repr(stand.books()))
    for customer_id in PEOPLE:
        stand.execute(EraseCustomer(customer_id=customer_id, actor=customer_id))

    before = stand.books()
    assert not named.search(repr(before))
    assert not named.search(repr(stand.execute(command)))
    assert before == stand.books()
    stand.require_sound()


def test_the_owner_of_everything_is_one_pseudonym() -> None:
    """Accounts and cards of one erasure belong together still; nobody else can be told by it."""
    shop = Shop()
    account, issued = shop.grant("20.00").account, shop.issue("5.00", customer_id="ada")
    erasure = erase(shop)
    assert (1, 1, True) == (erasure.accounts, erasure.gift_cards, erasure.is_done)
    assert erasure.customer_id == shop.card(issued).customer_id == shop.credit(erasure.customer_id).customer_id
    assert account.id == shop.credit(erasure.customer_id).id
    assert "ada" not in erasure.customer_id


def test_balances_and_what_is_owed_stay() -> None:
    """Nothing moves, nothing is blocked, nothing is closed."""
    shop = Shop()
    shop.grant("20.00")
    issued = shop.issue("5.00", customer_id="ada")
    owed, transfers = shop.ask(Liability()).total, shop.books().transfers
    erasure = erase(shop)
    assert (owed, transfers) == (shop.ask(Liability()).total, shop.books().transfers)
    credit = shop.credit(erasure.customer_id)
    assert (StoreCreditStatus.OPEN, usd("20.00")) == (credit.status, credit.available)
    assert usd("5.00") == shop.card(issued).available
    assert shop.ask(Audit()).is_clean


def test_the_recipient_of_an_own_card_goes_without_being_named() -> None:
    """Whoever claimed a card was its recipient; on other cards a recipient goes only where it names the person."""
    shop = Shop()
    own = shop.issue("5.00", customer_id="ada", recipient="my dear sister")
    named = shop.issue("5.00", recipient="Ada <ADA@EXAMPLE.COM>")
    others = shop.issue("5.00", recipient="bob@example.com")
    bare = shop.issue("5.00", customer_id="ada")
    erase(shop, "ada@example.com")
    assert [ERASED, ERASED, "bob@example.com", None] == [
        shop.card(issued).recipient for issued in (own, named, others, bare)
    ]


def test_texts_beside_a_card_go_where_they_name_the_person() -> None:
    """Note, tags and metadata, each on its own; the edition counts it, so that nobody writes the old ones back."""
    shop = Shop()
    issued = shop.issue(
        "5.00", note="for Ada Lovelace", tags=("spring", "ada"), metadata={"to": {"mail": ["x", "ada@example.com"]}}
    )
    other = shop.issue("5.00", note="for Ada", tags=("adamant",), metadata={"ada@example": 1})
    erase(shop, "ada lovelace", "ada@example.com")
    card = shop.card(issued)
    assert (ERASED, ("spring", ERASED), ERASED_METADATA, 2) == (card.note, card.tags, card.metadata, card.edition)
    kept = shop.card(other)
    assert ("for Ada", ("adamant",), 1) == (kept.note, kept.tags, kept.edition)
    assert {"ada@example": 1} == kept.metadata
    with pytest.raises(ChangedMeanwhile):
        shop.execute(
            UpdateGiftCard(
                gift_card_id=issued.gift_card.id,
                edition=1,
                note="for Ada Lovelace",
                tags=(),
                metadata=None,
                idempotency_key="stale",
            )
        )


def test_a_reference_to_the_person_keeps_its_type() -> None:
    """That something referred to a customer stays; to whom does not."""
    shop = Shop()
    shop.grant("5.00", "bob", reference=Reference("customer", "ada"), reason="ada asked", actor="ada")
    erase(shop)
    (transfer,) = books_of(shop.storage).transfers
    assert (Reference("customer", ERASED), "ada asked", ERASED) == (
        transfer.reference, transfer.reason, transfer.actor,
    )  # fmt: skip


def test_an_id_is_meant_only_where_it_stands_alone() -> None:
    """A short id is not found in words, other ids or amounts; a word known for the person is, from three letters on."""
    shop = Shop()
    shop.grant("5.00", "adam", note="ada was here", actor="ADA")
    before = shop.books()
    assert (0, 0, 0, 0, 0, 0, True) == attrs.astuple(erase(shop))[1:]
    assert before == shop.books()
    with pytest.raises(InvalidRequest):
        EraseCustomer(customer_id="ada", known_as=("ada@example.com", "Al"))
    erase(shop, "was")
    assert ERASED == books_of(shop.storage).transfers[0].note


@pytest.mark.parametrize("word", ["USD", "open", "order", "id-0"])
def test_a_word_that_is_everywhere_breaks_nothing(word: str) -> None:
    """Only owners and texts are rewritten: currencies, states, ids and keys of other things stay."""
    shop = Shop()
    command = IssueGiftCard(value=usd("5.00"), customer_id="ada", order_id="order-1", note=word, idempotency_key="k")
    first = shop.execute(command)
    shop.grant("5.00")
    erase(shop, word)
    again = shop.execute(command)
    assert (first.code, first.gift_card.id, usd("5.00")) == (again.code, again.gift_card.id, again.gift_card.value)
    assert ERASED == again.gift_card.note
    assert shop.ask(Audit()).is_clean


def test_both_sides_of_a_transfer_are_told_apart() -> None:
    """Only the person of the two is forgotten, in the answer and in the event."""
    shop = Shop()
    shop.grant("20.00")
    command = TransferStoreCredit(amount=usd("5.00"), from_customer_id="ada", to_customer_id="bob", idempotency_key="k")
    shop.execute(command)
    told = shop.last_receipt().event_data
    assert '"from_customer_id":"ada"' in told
    erasure = erase(shop)
    again = shop.execute(command)
    assert (erasure.customer_id, "bob") == (again.source.customer_id, again.target.customer_id)
    assert f'"from_customer_id":"{erasure.customer_id}"' in repr(books_of(shop.storage).receipts)


def test_the_receipt_of_an_erasure_has_no_key_and_no_name() -> None:
    """It tells by ids what changed, who did it and why, unless that was the person."""
    shop = Shop()
    account, issued = shop.grant("20.00").account, shop.issue("5.00", customer_id="ada")
    erasure = erase(shop, actor="staff/7", reason="asked for by letter")
    receipt = shop.last_receipt()
    assert ("EraseCustomer", "CustomerErased", None) == (receipt.command, receipt.event, receipt.idempotency_key)
    for fact in (account.id, issued.gift_card.id, erasure.customer_id, "staff/7", "asked for by letter"):
        assert f'"{fact}"' in receipt.event_data


def test_a_person_names_itself_in_every_way_of_writing() -> None:
    """A word with quotes and backslashes is found in JSON, and in JSON within JSON, in upper and lower case."""
    person = Person('the "id"', ('Jo "J\\B" É.',))
    for text in ('jo "j\\b" É.', 'well, JO "J\\B" É. said', 'the "id"'):
        assert person.is_named_in(text)
    for text in ("Jo J B", 'jo "j\\b" é.', 'the "ID"', 'the "id" '):
        assert not person.is_named_in(text)
    once, twice = '{"a":"jo \\"j\\\\b\\" É."}', '{"json":"{\\"a\\":\\"jo \\\\\\"j\\\\\\\\b\\\\\\" É.\\"}"}'
    for document in (once, twice, '{"a":"the \\"id\\""}', '{"json":"{\\"a\\":\\"the \\\\\\"id\\\\\\"\\"}"}'):
        assert person.may_be_in((), (document,))
    assert not person.may_be_in(("somebody", None), ('{"a":"the id"}', None))
