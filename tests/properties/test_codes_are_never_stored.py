"""The full code of a card is in the result of its issue and nowhere else: no storage, repr, error, log or event."""

from __future__ import annotations

import logging
import pickle
from io import StringIO

from hypothesis import given

from loyalty import Audit, CardsOfOrder, GetGiftCard, Liability, MemoryStorage, OrdersOfCard
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.strategies import programs


def spellings(code: str) -> tuple[str, ...]:
    """Return every form in which a code could have slipped out, and its secret middle."""
    plain = code.replace("-", "")
    normal = plain.translate(str.maketrans("IOL", "101"))
    return (code, plain, normal, code.lower(), plain.lower(), normal[4:-4], code[5:-5])


@given(programs(longest=20))
def test_no_canary_is_found_anywhere(program: list[Step]) -> None:
    """Everything the storage holds, everything that was returned, raised or logged, as text and pickled."""
    log = StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        storage = MemoryStorage()
        shop = Shop(storage)
        shop.play_all(program)
        answers: list[object] = [shop.loyalty.ask(Audit()), shop.loyalty.ask(Liability())]
        answers.append(shop.loyalty.ask(CardsOfOrder(order_id="order-0")))
        answers += [shop.loyalty.ask(GetGiftCard(id=card.gift_card.id)) for card in shop.cards]
        answers += [shop.loyalty.ask(OrdersOfCard(gift_card_id=card.gift_card.id)) for card in shop.cards]
    finally:
        logging.getLogger().removeHandler(handler)
    played = [
        (repr(one), str(one.command), str(one.result), str(one.error), one.error and one.error.args)
        for one in shop.played
    ]
    stored = storage._books
    seen = "\n".join(map(repr, (stored, vars(storage), books_of(storage), answers, played, shop.cards, log.getvalue())))
    pickled = pickle.dumps([stored, answers, [one.error for one in shop.played]])
    for card in shop.cards:
        for canary in spellings(card.code):
            assert canary not in seen
            assert canary.encode() not in pickled
