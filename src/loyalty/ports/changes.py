"""What a command decided to change. Plain values: nothing is written by making one."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from loyalty.gift_cards.batch import GiftCardBatch
from loyalty.gift_cards.card import GiftCard
from loyalty.gift_cards.gift import Gift
from loyalty.gift_cards.imported_card import ImportedCard
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.sale import GiftCardSale
from loyalty.ledger.account import Account
from loyalty.ledger.hold import Hold
from loyalty.ledger.lot import Lot
from loyalty.ledger.transfer import Transfer
from loyalty.ports.outbox import OutboxChange
from loyalty.ports.receipt import Receipt
from loyalty.store_credit.account import StoreCreditAccount

__all__ = ["AccountChange", "Changes", "GiftChange", "HoldChange", "LotChange", "ProductChange", "RefundedOrder"]


@attrs.frozen
class LotChange:
    """A lot before and after. ``before`` is None for a new lot."""

    account: Account
    before: Lot | None
    after: Lot

    @property
    def has_new_terms(self) -> bool:
        """Whether a lot that was there ends at another time now."""
        return self.before is not None and self.before.expires_at != self.after.expires_at


@attrs.frozen
class AccountChange:
    """An account before and after. The storage writes it only if ``before.version`` still holds."""

    before: Account
    after: Account

    def lots(self) -> Iterator[LotChange]:
        """Yield the lots that are new or differ."""
        known = {lot.id: lot for lot in self.before.lots}
        for lot in self.after.lots:
            before = known.get(lot.id)
            if before is not lot and before != lot:
                yield LotChange(self.after, before, lot)


@attrs.frozen
class HoldChange:
    """A hold before and after. The storage writes it only if ``before.version`` still holds."""

    before: Hold
    after: Hold


@attrs.frozen
class ProductChange:
    """
    A gift card product before and after. The storage writes it only if ``before.version`` still holds.

    ``after`` has all denominations of ``before`` at the same places, and new ones behind them.
    """

    before: GiftCardProduct
    after: GiftCardProduct


@attrs.frozen
class GiftChange:
    """A gift before and after. The storage writes it only if ``before.version`` still holds."""

    before: Gift
    after: Gift


@attrs.frozen
class RefundedOrder:
    """
    The record of an order at which its refunds as new value queue. It holds no sum.

    ``version`` counts them; 0 is an order of which nothing was refunded so yet,
    and which is stored with the first such refund.
    """

    order_id: str
    version: int = 0


@attrs.frozen(kw_only=True)
class Changes:
    """
    Everything one command writes, in one piece.

    ``gift_cards`` and ``store_credit_accounts`` are those whose own facts
    changed; their ledger accounts, of which at least the version changes with
    them, stand in ``accounts``. New cards and accounts bring their own
    accounts and lots. An order has one open hold at a time: ``holds`` that end
    make room for ``new_holds``. ``refunded_orders`` and ``sales`` carry the version
    they were locked with; the storage writes each with the next version, and only
    if that one still holds.
    ``batches`` are as they are to be: one of version 1 is new, any other is written
    only if the stored one has the version before. ``imported_cards`` say where new
    cards came from.

    The ``erased_`` ones are there already and differ in nothing but a person who
    is forgotten: the customer of a hold, the texts beside a transfer, what a
    receipt answers and tells.
    """

    new_gift_cards: tuple[GiftCard, ...] = ()
    new_store_credit_accounts: tuple[StoreCreditAccount, ...] = ()
    gift_cards: tuple[GiftCard, ...] = ()
    store_credit_accounts: tuple[StoreCreditAccount, ...] = ()
    accounts: tuple[AccountChange, ...] = ()
    holds: tuple[HoldChange, ...] = ()
    new_holds: tuple[Hold, ...] = ()
    gifts: tuple[GiftChange, ...] = ()
    new_gifts: tuple[Gift, ...] = ()
    refunded_orders: tuple[RefundedOrder, ...] = ()
    sales: tuple[GiftCardSale, ...] = ()
    new_products: tuple[GiftCardProduct, ...] = ()
    products: tuple[ProductChange, ...] = ()
    batches: tuple[GiftCardBatch, ...] = ()
    imported_cards: tuple[ImportedCard, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    erased_holds: tuple[Hold, ...] = ()
    erased_transfers: tuple[Transfer, ...] = ()
    erased_receipts: tuple[Receipt, ...] = ()
    outbox: tuple[OutboxChange, ...] = ()
    receipt: Receipt | None = None

    def new_accounts(self) -> tuple[Account, ...]:
        """Return the ledger accounts of everything new."""
        cards = [card.account for card in self.new_gift_cards]
        return (*cards, *(credit.account for credit in self.new_store_credit_accounts))

    def lots(self) -> tuple[LotChange, ...]:
        """Return every lot that is new or changed."""
        opened = [LotChange(account, None, lot) for account in self.new_accounts() for lot in account.lots]
        return (*opened, *(lot for change in self.accounts for lot in change.lots()))
