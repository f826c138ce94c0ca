"""Once a card has a customer it has no other one, and nobody else spends it."""

from __future__ import annotations

from hypothesis import given

from loyalty import MemoryStorage, MergeCustomers, PayWithBalances, RedeemGiftCard
from loyalty.testing import Shop, Step, books_of
from loyalty.testing.strategies import programs


@given(programs())
def test_the_customer_of_a_card_never_changes(program: list[Step]) -> None:
    """Neither by claims nor by conversions nor by anything else; only where two customers become one, with them."""
    shop = Shop(MemoryStorage())
    owners: dict[str, tuple[str | None, object]] = {}
    for step in program:
        played = shop.play(step)
        merged = played.command if isinstance(played.command, MergeCustomers) and played.is_committed else None
        for card in books_of(shop.storages[0]).gift_cards:
            owner, since = owners.get(card.id, (None, None))
            if merged is not None and owner == merged.from_customer_id:
                owner = merged.into_customer_id
            if owner is not None:
                assert (owner, since) == (card.customer_id, card.claimed_at)
            owners[card.id] = (card.customer_id, card.claimed_at)


@given(programs())
def test_only_its_customer_spends_a_claimed_card(program: list[Step]) -> None:
    """Whoever paid with a card that had a customer before was that customer."""
    shop = Shop(MemoryStorage())
    for step in program:
        owners = {card.account.id: card.customer_id for card in books_of(shop.storages[0]).gift_cards}
        spent = {account.id: account.posted for account in books_of(shop.storages[0]).accounts}
        played = shop.play(step)
        if not isinstance(played.command, RedeemGiftCard | PayWithBalances) or not played.is_committed:
            continue
        for account in books_of(shop.storages[0]).accounts:
            owner = owners.get(account.id)
            if owner is not None and account.posted < spent[account.id]:
                assert owner == played.command.customer_id
