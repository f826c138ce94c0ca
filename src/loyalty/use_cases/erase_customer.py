"""Forget a person, and keep the books."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

import attrs

from loyalty import fields
from loyalty.errors import InvalidRequest
from loyalty.events import CustomerErased
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift
from loyalty.identifiers import AccountId, GiftCardId
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import Transfer
from loyalty.ports.changes import Changes, GiftChange
from loyalty.ports.person import Person
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import UnitOfWork, Wanted
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.use_cases.card_access import changed_card
from loyalty.use_cases.command import Context, Outcome, Sweep
from loyalty.use_cases.credit_access import changed_credit_facts
from loyalty.use_cases.forgetting import Forgetting

__all__ = ["EraseCustomer", "Erasure"]

PAGE = 500
SHORTEST_WORD = 3

Owner = GiftCard | StoreCreditAccount
Record = TypeVar("Record", GiftCard | StoreCreditAccount, Hold, Gift, Transfer, Receipt)


@attrs.frozen(kw_only=True)
class Erasure:
    """
    What was forgotten: how many records of each kind do not name the person any more.

    ``customer_id`` is the pseudonym that stands in them instead. ``is_done`` is
    false if there may be more.
    """

    customer_id: str
    accounts: int
    gift_cards: int
    gifts: int
    holds: int
    transfers: int
    receipts: int
    is_done: bool


@attrs.frozen(kw_only=True)
class EraseCustomer(Sweep[Erasure]):
    """
    Forget a person: nothing in the books names the customer afterwards, and every entry, balance and total stays.

    Where the customer's id stands as the owner or buyer of something, a new
    pseudonym takes its place. Texts that are the id, or have one of the words
    *known_as* in them (addresses, names, at least three characters, in upper or
    lower case), become the word ``erased``: recipients, notes, tags, metadata,
    actors, reasons and references, also in what commands answered and told. The
    recipient of a card that the customer claimed goes in any case. A gift for
    the person is not sent any more; one from the person loses sender and message,
    if they name him. Keys and order ids are the host's own names for other things;
    keep persons out of them.

    Store credit and cards stay as they are, owed to the pseudonym: pay out or
    debit first what the person is to have. A known key still answers, without
    the person. Of each kind at most *limit* records are rewritten; call again
    until it is done. Whatever is written meanwhile is found by the next call.

    Raises:
        loyalty.errors.InvalidRequest: If a word of *known_as* is shorter than three characters.

    Guarantees:
        No dump of the database has the person in it, and the books tie as
        before (``tests/storages/test_erasing.py``).

    Source:
        Regulation (EU) 2016/679, article 17: erasure, and its exception for what
        the law demands to be kept, which the entries are.
    """

    result_type: ClassVar[type] = Erasure

    customer_id: str = attrs.field(validator=fields.is_text)
    known_as: tuple[str, ...] = attrs.field(default=(), converter=fields.to_texts)
    limit: int = attrs.field(default=1000, validator=fields.is_whole_number(1, 10_000))

    def __attrs_post_init__(self) -> None:
        """Check that no word would be found in everything."""
        if any(len(word) < SHORTEST_WORD for word in self.known_as):
            raise InvalidRequest(f"a word of known_as must have {SHORTEST_WORD} characters or more")

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[Erasure]:
        """Find what names the person, and decide what stands there instead."""
        person = Person(self.customer_id, self.known_as)
        forget = Forgetting(person, pseudonym=f"erased-{context.new_id()}")
        owners = _rewritten(lambda after: _owners(uow, person, after), forget.owner, self.limit)
        holds = _rewritten(lambda after: uow.holds_naming(person, after, PAGE), forget.hold, self.limit)
        named = _Owners(owners)
        gifts = _gifts(uow, person, forget, named.claimed_by(person), self.limit)
        transfers = _rewritten(lambda after: uow.transfers_naming(person, after, PAGE), forget.transfer, self.limit)
        receipts = _rewritten(lambda after: uow.receipts_naming(person, after, PAGE), forget.receipt, self.limit)
        erasure = Erasure(
            customer_id=forget.pseudonym,
            accounts=len(named.credits),
            gift_cards=len(named.cards),
            gifts=len(gifts),
            holds=len(holds),
            transfers=len(transfers),
            receipts=len(receipts),
            is_done=all(len(found) < self.limit for found in (owners, holds, gifts, transfers, receipts)),
        )
        return Outcome(
            result=erasure,
            event=self._event(forget, named) if owners or holds or gifts or transfers or receipts else None,
            changes=attrs.evolve(
                named.changes(),
                gifts=tuple([GiftChange(before, after) for before, after in gifts]),
                erased_holds=tuple([after for _, after in holds]),
                erased_transfers=tuple([after for _, after in transfers]),
                erased_receipts=tuple([after for _, after in receipts]),
            ),
        )

    def _event(self, forget: Forgetting, named: _Owners) -> CustomerErased:
        return CustomerErased(
            customer_id=forget.pseudonym,
            account_ids=tuple([after.id for _, after in named.credits]),
            gift_card_ids=tuple([after.id for _, after in named.cards]),
            actor=forget.text(self.actor),
            reason=forget.text(self.reason),
        )


class _Owners:
    """Cards and accounts that named the person, before and after."""

    def __init__(self, owners: list[tuple[Owner, Owner]]) -> None:
        self.cards: list[tuple[GiftCard, GiftCard]] = []
        self.credits: list[tuple[StoreCreditAccount, StoreCreditAccount]] = []
        for before, after in owners:
            if isinstance(before, GiftCard) and isinstance(after, GiftCard):
                self.cards.append((before, after))
            if isinstance(before, StoreCreditAccount) and isinstance(after, StoreCreditAccount):
                self.credits.append((before, after))

    def claimed_by(self, person: Person) -> tuple[GiftCardId, ...]:
        """Return the cards that the person claimed."""
        return tuple([before.id for before, _ in self.cards if before.customer_id == person.customer_id])

    def changes(self) -> Changes:
        """Return the changes; the versions of the ledger accounts move with them."""
        cards = [changed_card(before, after) for before, after in self.cards]
        credits_ = [changed_credit_facts(before, after) for before, after in self.credits]
        return Changes(
            gift_cards=tuple([card for change in cards for card in change.gift_cards]),
            store_credit_accounts=tuple([credit for change in credits_ for credit in change.store_credit_accounts]),
            accounts=tuple([account for change in (*cards, *credits_) for account in change.accounts]),
        )


def _gifts(
    uow: UnitOfWork, person: Person, forget: Forgetting, claimed: tuple[GiftCardId, ...], limit: int
) -> list[tuple[Gift, Gift]]:
    """Return gifts that name the person, and, whomever they name, those of cards that the person claimed."""
    own = {gift.gift_card_id: (gift, gift.erased()) for gift in uow.gifts(claimed) if gift.address} if claimed else {}
    named = _rewritten(lambda after: uow.gifts_naming(person, after, PAGE), forget.gift, limit)
    others = [(before, after) for before, after in named if before.gift_card_id not in own]
    return [*own.values(), *others][: max(limit, len(own))]


def _rewritten(
    load: Callable[[str | None], Sequence[Record]], rewrite: Callable[[Record], Record], limit: int
) -> list[tuple[Record, Record]]:
    """Return the first *limit* records that differ when rewritten, before and after; read page by page."""
    found: list[tuple[Record, Record]] = []
    page = load(None)
    while page:
        pairs = [(record, rewrite(record)) for record in page]
        found.extend([(before, after) for before, after in pairs if before != after])
        if len(found) >= limit or len(page) < PAGE:
            break
        page = load(_key(page[-1]))
    return found[:limit]


def _key(record: Owner | Hold | Gift | Transfer | Receipt) -> str:
    if isinstance(record, Gift):
        return record.gift_card_id
    return record.account.id if isinstance(record, GiftCard | StoreCreditAccount) else record.id


def _owners(uow: UnitOfWork, person: Person, after: str | None) -> Sequence[Owner]:
    """Return the next cards and accounts that may name the person, locked, in the order of their account ids."""
    ids = uow.accounts_naming(person, None if after is None else AccountId(after), PAGE)
    if not ids:
        return ()
    found = uow.lock(Wanted(account_ids=ids))
    return sorted([*found.gift_cards, *found.store_credit_accounts], key=_key)
