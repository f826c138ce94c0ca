"""Hand out the codes of a batch, each once."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs

from loyalty import fields
from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.errors import GiftCardBatchNotFound
from loyalty.events import BatchCodesRevealed
from loyalty.gift_cards.batch import GiftCardBatch, GiftCardBatchView
from loyalty.gift_cards.card import GiftCard
from loyalty.identifiers import BatchId, GiftCardId
from loyalty.ports.changes import Changes
from loyalty.ports.storage import UnitOfWork
from loyalty.use_cases.command import Command, Context, Outcome

__all__ = ["BatchCode", "RevealBatchCodes", "RevealedBatchCodes"]

MOST_CODES: Final = 1000


@attrs.frozen(kw_only=True)
class BatchCode:
    """One card's full code: here and nowhere else. ``unit`` is its number in the batch, from 1."""

    unit: int
    gift_card_id: GiftCardId
    code: str = attrs.field(repr=False, default="", metadata={"secret": True})


@attrs.frozen(kw_only=True)
class RevealedBatchCodes:
    """
    The next codes, in the order of their numbers, and the batch after it.

    ``is_done`` tells that the codes of the whole batch were handed out with
    these. ``code_key_id`` and ``code_format`` say how codes are derived, so that
    they can be shown again; they are no secret.
    """

    batch: GiftCardBatchView
    codes: tuple[BatchCode, ...]
    is_done: bool
    code_key_id: str = attrs.field(repr=False)
    code_format: CodeFormat = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class RevealBatchCodes(Command[RevealedBatchCodes]):
    """
    Answer the next codes of a batch that were not handed out yet, and count them as handed out.

    For printing cards, for a file to a partner. *actor* says who took them and
    is kept. At most *limit* codes (1 to 1,000) come at a time: execute it with one
    key after the other until ``is_done``, and nothing is handed out twice. The same
    key again answers the same codes, so that a page that was lost can be asked for
    again. A batch that is not issued to its end yet gives what there is.

    A card whose code was replaced meanwhile is passed over, because its new code was
    shown then; the numbers tell.

    Raises:
        loyalty.errors.GiftCardBatchNotFound: If there is no such batch.
        loyalty.errors.InvalidRequest: If the secret that the batch's codes were
            made from is no longer on the key ring.

    Guarantees:
        Of any number of callers no two are handed the same code
        (the conformance kit races them), and neither the
        receipt nor the event holds one (``tests/properties/test_codes_are_never_shown.py``).
    """

    result_type: ClassVar[type] = RevealedBatchCodes

    batch_id: str = attrs.field(validator=fields.is_text)
    actor: str = attrs.field(validator=fields.is_text)
    limit: int = attrs.field(default=MOST_CODES, validator=fields.is_whole_number(1, MOST_CODES))

    def carry_out(self, uow: UnitOfWork, context: Context) -> Outcome[RevealedBatchCodes]:
        """Decide what is handed out on the locked batch."""
        batch = uow.lock_batch(BatchId(self.batch_id))
        if batch is None:
            raise GiftCardBatchNotFound
        taken = min(self.limit, batch.issued - batch.revealed)
        cards = uow.cards_of_batch(batch.id, batch.revealed, taken) if taken else ()
        after = batch.revealing(taken) if taken else batch
        return Outcome(
            result=with_codes(_revealed(after, cards), context),
            event=BatchCodesRevealed(
                batch_id=batch.id,
                first=batch.revealed + 1,
                revealed=after.revealed,
                count=batch.count,
                actor=self.actor,
            ),
            changes=Changes(batches=(after,) if taken else ()),
        )

    def replayed(self, result: RevealedBatchCodes, context: Context) -> RevealedBatchCodes:
        """Derive the codes again."""
        return with_codes(result, context)


def with_codes(revealed: RevealedBatchCodes, context: Context) -> RevealedBatchCodes:
    """Return an answer with its codes, which are derived from the ids of their cards."""
    codes = [
        attrs.evolve(one, code=mint(context.code_keys, revealed.code_format, one.gift_card_id, 1, revealed.code_key_id))
        for one in revealed.codes
    ]
    return attrs.evolve(revealed, codes=tuple(codes))


def _revealed(batch: GiftCardBatch, cards: tuple[GiftCard, ...]) -> RevealedBatchCodes:
    known = [(card.unit or 0, card.id) for card in cards if card.code_version == 1]
    return RevealedBatchCodes(
        batch=GiftCardBatchView.of(batch),
        codes=tuple([BatchCode(unit=unit, gift_card_id=card_id) for unit, card_id in known]),
        is_done=batch.revealed == batch.count,
        code_key_id=batch.code_key_id,
        code_format=batch.code_format,
    )
