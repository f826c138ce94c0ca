"""How commands on one gift card name it: once, by its code or its id; and what they say of a card that is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs
import pytest

import loyalty
from loyalty import (
    ALL,
    BlockGiftCard,
    CashOutGiftCard,
    ChangeGiftCardExpiry,
    CodeKeys,
    ConvertGiftCard,
    DeactivateGiftCard,
    RedeemGiftCard,
    ReinstateGiftCard,
    ReloadGiftCard,
    ReplaceGiftCardCode,
    UnblockGiftCard,
)
from loyalty.errors import GiftCardNotFound, InvalidRequest, LoyaltyError, MalformedCode
from loyalty.use_cases.command import Command
from tests.use_cases.shop import Shop, usd

BY_STAFF: Final[Mapping[str, Any]] = {"actor": "staff/7", "reason": "a mistake"}
REST: Final[Mapping[type[Command[Any]], Mapping[str, Any]]] = {
    BlockGiftCard: {},
    CashOutGiftCard: {},
    ChangeGiftCardExpiry: {"expires_at": None, **BY_STAFF},
    ConvertGiftCard: {"customer_id": "ada"},
    DeactivateGiftCard: {},
    RedeemGiftCard: {"amount": usd("1.00"), "order_id": "1001"},
    ReinstateGiftCard: {"amount": ALL, "expires_at": None, **BY_STAFF},
    ReloadGiftCard: {"amount": usd("1.00")},
    ReplaceGiftCardCode: {},
    UnblockGiftCard: {},
}
"""What each command needs besides a card and a key."""

STRANGER: Final = Shop(keys=CodeKeys.from_secret("the secret of quite another shop")).issue().code
"""A code that another shop issued."""

on_every_command = pytest.mark.parametrize("command", REST, ids=lambda kind: kind.__name__)


def made(kind: type[Command[Any]], named: Mapping[str, str]) -> Command[Any]:
    """Return a command on the card that is named so."""
    given: dict[str, Any] = {**named, **REST[kind], "idempotency_key": "a"}
    return kind(**given)


def test_no_command_is_missing() -> None:
    """Whatever the library offers that names a card by its code or its id is in the table."""
    kinds = [getattr(loyalty, name) for name in loyalty.__all__]
    commands = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Command)]
    naming = [kind for kind in commands if {"code", "gift_card_id"} <= set(attrs.fields_dict(kind))]

    assert set(naming) == set(REST)


@on_every_command
def test_the_card_is_named_exactly_once(command: type[Command[Any]]) -> None:
    """Naming the card twice or not at all is an invalid request, and naming it once is one that can be made."""
    once: tuple[Mapping[str, str], ...] = ({"code": STRANGER}, {"gift_card_id": "card"})
    twice_or_not: tuple[Mapping[str, str], ...] = ({}, {"code": STRANGER, "gift_card_id": "card"})
    for named in twice_or_not:
        with pytest.raises(InvalidRequest) as caught:
            made(command, named)
        assert InvalidRequest is caught.type
    for named in once:
        made(command, named)


@pytest.mark.parametrize(
    ("named", "error"),
    [
        ({"gift_card_id": "nobody"}, GiftCardNotFound),
        ({"code": STRANGER}, GiftCardNotFound),
        ({"code": "GIFT-0000"}, MalformedCode),
    ],
    ids=["an id that no card has", "a code of another shop", "what cannot be a code"],
)
@on_every_command
def test_unknown_cards_are_refused(
    command: type[Command[Any]], named: dict[str, str], error: type[LoyaltyError]
) -> None:
    """No card of this id or code, and what cannot be a code; nothing is written, and no account is opened."""
    shop = Shop()
    before = shop.books()
    with pytest.raises(error) as caught:
        shop.execute(made(command, named))
    assert error is caught.type
    assert before == shop.books()
