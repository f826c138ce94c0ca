"""
Everything a storage holds, as one value that can be compared and kept.

It is read through the ports only, so it works for every storage. Two storages
that ran the same program have equal books; a refused command leaves them equal
to what they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

import attrs

from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.identifiers import AccountId
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold
from loyalty.ledger.transfer import Side, Transfer
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import Reader, Storage, TransferFilter
from loyalty.store_credit.account import StoreCreditAccount

__all__ = ["Books", "books_of", "receipt_of"]

PAGE = 100


@attrs.frozen(kw_only=True)
class Books:
    """
    All cards and store credit accounts with every lot, all transfers, holds, products, sales and batches, all receipts.

    Cards and accounts stand in the order of their account ids, everything else
    in the order of its ids.
    """

    gift_cards: tuple[GiftCard, ...]
    store_credit_accounts: tuple[StoreCreditAccount, ...]
    transfers: tuple[Transfer, ...]
    receipts: tuple[Receipt, ...]
    holds: tuple[Hold, ...] = ()
    products: tuple[GiftCardProduct, ...] = ()
    sales: tuple[GiftCardSale, ...] = ()
    gifts: tuple[Gift, ...] = ()
    batches: tuple[GiftCardBatch, ...] = ()
    imported_cards: tuple[ImportedCard, ...] = ()

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The ledger accounts, in the order of their ids."""
        accounts = [card.account for card in self.gift_cards]
        accounts += [credit.account for credit in self.store_credit_accounts]
        return tuple(sorted(accounts, key=attrgetter("id")))

    def account(self, account_id: str) -> Account:
        """Return one account."""
        return next(account for account in self.accounts if account.id == account_id)

    def transfer(self, transfer_id: str) -> Transfer:
        """Return one transfer."""
        return next(transfer for transfer in self.transfers if transfer.id == transfer_id)

    def history(self, account_id: str) -> tuple[tuple[Transfer, Side, int], ...]:
        """Return one account's transfers with its side and sign of each, in the order of their sequence."""
        sides = [
            (transfer, side, sign)
            for transfer in self.transfers
            for side, sign in ((transfer.debit, -1), (transfer.credit, 1))
            if side.account_id == account_id
        ]
        return tuple(sorted(sides, key=lambda entry: entry[1].sequence or 0))

    def owed(self) -> dict[str, int]:
        """Return the sum of all posted balances per currency, in minor units."""
        sums: dict[str, int] = {}
        for account in self.accounts:
            sums[account.currency] = sums.get(account.currency, 0) + account.posted
        return sums


def books_of(storage: Storage) -> Books:
    """Read everything *storage* holds, in one snapshot."""
    return storage.read(_books)


def receipt_of(storage: Storage, idempotency_key: str) -> Receipt | None:
    """Return the receipt under a key, or None; it carries the command's event too."""
    return storage.run(lambda uow: uow.receipt(idempotency_key))


def _books(reader: Reader) -> Books:
    cards: list[GiftCard] = []
    credits_: list[StoreCreditAccount] = []
    for page_cards, page_credits in _pages(reader):
        cards.extend(page_cards)
        credits_.extend(page_credits)
    return Books(
        gift_cards=tuple(card.with_account(_ordered(card.account)) for card in cards),
        store_credit_accounts=tuple(credit.with_account(_ordered(credit.account)) for credit in credits_),
        transfers=tuple(sorted(reader.transfers(TransferFilter()), key=attrgetter("id"))),
        receipts=tuple(sorted(reader.receipts(), key=attrgetter("id"))),
        holds=tuple(reader.holds()),
        products=tuple(_products(reader)),
        sales=tuple(reader.sales()),
        gifts=tuple(reader.all_gifts()),
        batches=tuple(reader.batches()),
        imported_cards=tuple(reader.imported_cards()),
    )


def _pages(reader: Reader) -> Iterator[tuple[tuple[GiftCard, ...], tuple[StoreCreditAccount, ...]]]:
    after: AccountId | None = None
    while (found := reader.page_of_accounts(after, PAGE)).accounts():
        yield found.gift_cards, found.store_credit_accounts
        after = max(account.id for account in found.accounts())


def _products(reader: Reader) -> Iterator[GiftCardProduct]:
    after: str | None = None
    while page := reader.page_of_products(after, PAGE, on_sale=False):
        yield from page
        after = page[-1].id


def _ordered(account: Account) -> Account:
    return attrs.evolve(account, lots=tuple(sorted(account.lots, key=attrgetter("id"))))
