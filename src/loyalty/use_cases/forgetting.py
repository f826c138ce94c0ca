"""What stands in a record instead of a person who is forgotten. Pure: nothing is found or written here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, overload

import attrs

from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift
from loyalty.identifiers import Metadata
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import ERASED, ERASED_METADATA, Reference, Transfer
from loyalty.plain import dumps
from loyalty.ports.person import Person
from loyalty.ports.receipt import Receipt
from loyalty.store_credit.account import StoreCreditAccount

__all__ = ["Forgetting"]

OWNERS: Final = frozenset({"customer_id", "from_customer_id", "into_customer_id", "to_customer_id", "buyer_id"})
"""What fields of answers and events call a customer."""

TEXTS: Final = frozenset({"actor", "reason", "note", "recipient", "tags"})
"""What they call texts in which a person may be named."""


@attrs.frozen
class Forgetting:
    """
    Puts *pseudonym* where the person owns something, and the word erased where a text names him.

    What does not name the person comes back equal to what it was.
    """

    person: Person
    pseudonym: str

    def owner(self, owner: GiftCard | StoreCreditAccount) -> GiftCard | StoreCreditAccount:
        """Return a card or an account without the person."""
        if isinstance(owner, StoreCreditAccount):
            return attrs.evolve(owner, customer_id=self.customer(owner.customer_id))
        is_own = owner.customer_id == self.person.customer_id
        recipient = owner.recipient and (ERASED if is_own else self.text(owner.recipient))
        tags = tuple([self.text(tag) for tag in owner.tags])
        note, metadata = self.text(owner.note), self.metadata(owner.metadata)
        is_same = (note, tags, metadata) == (owner.note, owner.tags, owner.metadata)
        return attrs.evolve(
            owner,
            customer_id=self.customer(owner.customer_id),
            buyer_id=self.customer(owner.buyer_id),
            recipient=recipient,
            note=note,
            tags=tags,
            metadata=metadata,
            edition=owner.edition + (not is_same),
        )

    def hold(self, hold: Hold) -> Hold:
        """Return a hold without the person."""
        return attrs.evolve(hold, customer_id=self.customer(hold.customer_id))

    def gift(self, gift: Gift) -> Gift:
        """Return a gift without the person. If it was for the person, nothing of it is left to send."""
        if any(text is not None and self.person.is_named_in(text) for text in (gift.address, gift.name)):
            return gift.erased()
        sender, message = (
            None if text is None or self.person.is_named_in(text) else text for text in (gift.sender, gift.message)
        )
        if (sender, message) == (gift.sender, gift.message):
            return gift
        return attrs.evolve(gift, sender=sender, message=message, version=gift.version + 1)

    def transfer(self, transfer: Transfer) -> Transfer:
        """Return a transfer without the person. Nothing else of it may ever change."""
        reference = transfer.reference
        if reference is not None:
            reference = Reference(reference.type, self.text(reference.id))
        return attrs.evolve(
            transfer,
            actor=self.text(transfer.actor),
            reason=self.text(transfer.reason),
            note=self.text(transfer.note),
            reference=reference,
            metadata=self.metadata(transfer.metadata),
        )

    def receipt(self, receipt: Receipt) -> Receipt:
        """Return a receipt whose answer and event do not name the person."""
        return attrs.evolve(receipt, result=self._json(receipt.result), event_data=self._json(receipt.event_data))

    @overload
    def customer(self, customer_id: str) -> str: ...

    @overload
    def customer(self, customer_id: None) -> None: ...

    @overload
    def customer(self, customer_id: str | None) -> str | None: ...

    def customer(self, customer_id: str | None) -> str | None:
        """Return the pseudonym for the person, and anybody else as he is."""
        return self.pseudonym if customer_id == self.person.customer_id else customer_id

    @overload
    def text(self, text: str) -> str: ...

    @overload
    def text(self, text: str | None) -> str | None: ...

    def text(self, text: str | None) -> str | None:
        """Return the word erased for a text that names the person."""
        return ERASED if text is not None and self.person.is_named_in(text) else text

    def metadata(self, metadata: Metadata | None) -> Metadata | None:
        """Return a mark instead of metadata that name the person."""
        if metadata is None or not any(map(self.person.is_named_in, _texts_in(json.loads(metadata.json)))):
            return metadata
        return ERASED_METADATA

    def _json(self, text: str) -> str:
        data = json.loads(text)
        forgotten = self._plain(data, "")
        return text if forgotten == data else dumps(forgotten)

    def _plain(self, value: Any, name: str) -> Any:  # whatever JSON has
        if name == "metadata" and value is not None:
            kept = Metadata(json=value["json"])
            return {"json": (self.metadata(kept) or kept).json}
        if isinstance(value, dict):
            inner = "note" if name == "reference" else ""
            return {key: self._plain(part, inner or key) for key, part in value.items()}
        if isinstance(value, list):
            return [self._plain(part, name) for part in value]
        if isinstance(value, str) and name in OWNERS:
            return self.customer(value)
        return self.text(value) if isinstance(value, str) and name in TEXTS else value


def _texts_in(value: Any) -> Iterator[str]:  # whatever JSON has
    """Yield every text in plain JSON data, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts_in(part)
