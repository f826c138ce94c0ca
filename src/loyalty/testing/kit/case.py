"""What the tests of the kit share: a fresh storage, a clock, and short words for common commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import attrs
import pytest
from moneyed import Money

from loyalty.codes.format import CodeFormat
from loyalty.codes.mint import mint
from loyalty.errors import LoyaltyError
from loyalty.facade import Loyalty
from loyalty.gift_cards.denomination import Denomination, OpenAmount
from loyalty.gift_cards.product import GiftCardProduct
from loyalty.gift_cards.view import GiftCardView
from loyalty.ledger.lot import LotOrigin
from loyalty.policies.chosen import Policies
from loyalty.ports.storage import Storage
from loyalty.reports.audit import Audit
from loyalty.reports.gift_cards import GetGiftCard
from loyalty.reports.store_credit import GetStoreCreditAccount
from loyalty.tenders.hold_view import HoldView
from loyalty.testing.books import Books, books_of
from loyalty.testing.fakes import CountingIds, FakeClock, fake_code_keys
from loyalty.testing.invariants import require_sound
from loyalty.testing.programs import AnyCommand, money
from loyalty.use_cases.define_gift_card_product import DefineGiftCardProduct
from loyalty.use_cases.grant_store_credit import Grant, GrantStoreCredit
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.new_card import IssuedGiftCard
from loyalty.use_cases.place_hold import PlaceHold

__all__ = ["DAY", "HOUR", "MICROSECOND", "START", "UNKNOWN_CODE", "KitCase", "Opener", "Stand"]

Error = TypeVar("Error", bound=LoyaltyError)

Opener = Callable[[], AbstractContextManager[Storage]]
"""What opens a storage in another process, and closes it."""

MICROSECOND: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

START: Final = datetime(2026, 3, 1, 9, 30, 15, 123456, tzinfo=UTC)

UNKNOWN_CODE: Final = mint(fake_code_keys(), CodeFormat(), "a card that nobody issued", 1)
"""Spelled as it should be, and no card has it."""


@attrs.define
class Stand:
    """A shop on the storage under test."""

    storage: Storage
    clock: FakeClock = attrs.field(factory=lambda: FakeClock(START))
    new_id: CountingIds = attrs.field(factory=CountingIds)
    policies: Policies = attrs.field(factory=Policies)
    code_format: CodeFormat = attrs.field(factory=CodeFormat)
    _keys: int = 0

    @property
    def loyalty(self) -> Loyalty:
        """The library on this storage."""
        return self.on(self.storage)

    def on(self, storage: Storage) -> Loyalty:
        """Return the same shop on another storage."""
        return Loyalty(
            storage,
            code_keys=fake_code_keys(),
            clock=self.clock,
            new_id=self.new_id,
            policies=self.policies,
            code_format=self.code_format,
        )

    def key(self) -> str:
        """Return a new idempotency key."""
        self._keys += 1
        return f"key-{self._keys}"

    def execute(self, command: AnyCommand) -> Any:
        """Execute a command."""
        return self.loyalty.execute(command)

    def card(self, value: int = 1000, currency: str = "USD", **more: Any) -> IssuedGiftCard:
        """Issue a gift card of *value* minor units."""
        return self.loyalty.execute(IssueGiftCard(value=money(value, currency), idempotency_key=self.key(), **more))

    def product(self, product_id: str = "card", **more: Any) -> GiftCardProduct:
        """
        Define a gift card product.

        Unless said otherwise it has a card of 10.00 and one of 25.00 that costs 20.00, in dollars and
        dinars, and open amounts of dollars from 5.00 to 500.00.
        """
        ten = (money(1000), money(1000, "KWD"))
        twenty, worth = (money(2000), money(2000, "KWD")), (money(2500), money(2500, "KWD"))
        more.setdefault("title", "Gift card")
        more.setdefault(
            "denominations",
            (
                Denomination(variant_id="10", prices=ten),
                Denomination(variant_id="25", sku="GC-25", prices=twenty, face_values=worth),
            ),
        )
        more.setdefault("open_amounts", (OpenAmount(minimum=money(500), maximum=money(50_000), step=money(100)),))
        return self.loyalty.execute(DefineGiftCardProduct(product_id=product_id, idempotency_key=self.key(), **more))

    def credit(self, amount: int = 1000, customer_id: str = "ada", currency: str = "USD", **more: Any) -> Grant:
        """Grant *amount* minor units of store credit."""
        more.setdefault("origin", LotOrigin.GOODWILL)
        return self.loyalty.execute(
            GrantStoreCredit(
                customer_id=customer_id, amount=money(amount, currency), idempotency_key=self.key(), **more
            )
        )

    def hold(self, amount_due: int, *cards: IssuedGiftCard, order_id: str = "order", **more: Any) -> HoldView:
        """Hold *amount_due* minor units for an order, on *cards* or whatever else is said."""
        more.setdefault("codes", tuple(card.code for card in cards))
        return self.loyalty.execute(
            PlaceHold(order_id=order_id, amount_due=money(amount_due), idempotency_key=self.key(), **more)
        )

    def card_of(self, gift_card_id: str) -> GiftCardView:
        """Return a card as it stands now."""
        return self.loyalty.ask(GetGiftCard(id=gift_card_id))

    def left_on(self, card: IssuedGiftCard) -> Money:
        """Return what is posted on a card."""
        return self.loyalty.ask(GetGiftCard(id=card.gift_card.id)).posted

    def available_on(self, card: IssuedGiftCard) -> Money:
        """Return what may be spent from a card."""
        return self.loyalty.ask(GetGiftCard(id=card.gift_card.id)).available

    def credit_of(self, customer_id: str, currency: str = "USD") -> Money:
        """Return what is posted on a customer's account."""
        return self.loyalty.ask(GetStoreCreditAccount(customer_id=customer_id, currency=currency)).posted

    def books(self) -> Books:
        """Return everything the storage holds."""
        return books_of(self.storage)

    def require_sound(self) -> None:
        """Check the books from outside and by the library's own audit."""
        require_sound(self.books())
        assert () == self.loyalty.ask(Audit()).findings

    @contextmanager
    def refuses(self, kind: type[Error]) -> Iterator[pytest.ExceptionInfo[Error]]:
        """Expect exactly this error, and books that are exactly as they were before."""
        before = self.books()
        with pytest.raises(kind) as caught:
            yield caught
        assert kind is caught.type
        assert before == self.books()


class KitCase:
    """The ground of all test classes of the kit."""

    def make_storage(self) -> Storage:
        """Return a storage, fresh and empty. Supplied by whoever wants a storage proven."""
        raise NotImplementedError("supply make_storage")

    def reopen(self, storage: Storage) -> Storage:
        """Return another storage on the same data. Supplied for the ability ``second_handle``."""
        raise NotImplementedError("supply reopen, or do not claim second_handle")

    def opener(self, storage: Storage) -> Opener:
        """
        Return what opens a storage on the same data in another process, and closes it.

        It is pickled, such as a ``functools.partial`` of a function with the
        decorator ``contextlib.contextmanager``. Supplied for the ability ``processes``.
        """
        raise NotImplementedError("supply opener, or do not claim processes")

    def corrupt_balance(self, storage: Storage, account_id: str, posted: int) -> None:
        """Change a stored balance behind the storage's back. Supplied for the ability ``corruptible``."""
        raise NotImplementedError("supply corrupt_balance, or do not claim corruptible")

    def host_transaction(self, storage: Storage, *, commit: bool) -> AbstractContextManager[Storage]:
        """
        Begin a transaction of the host and give a storage that joins it; end it by commit or rollback.

        Supplied for the ability ``joins_host_transaction``.
        """
        raise NotImplementedError("supply host_transaction, or do not claim joins_host_transaction")

    @pytest.fixture
    def stand(self) -> Stand:
        """Give a shop on a fresh storage."""
        return Stand(self.make_storage())
