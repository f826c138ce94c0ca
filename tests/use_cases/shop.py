"""A small shop for tests: the library on memory, with a clock, ids and a secret of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import attrs
from moneyed import Money

from loyalty import (
    CodeFormat,
    CodeKeys,
    GetGiftCard,
    GetStoreCreditAccount,
    GiftCardView,
    Grant,
    GrantStoreCredit,
    IssuedGiftCard,
    IssueGiftCard,
    LotOrigin,
    Loyalty,
    MemoryStorage,
    Policies,
    RedeemGiftCard,
    Redemption,
    StoreCreditStatus,
    StoreCreditView,
)
from loyalty.gift_cards.card import GiftCardStatus
from loyalty.identifiers import AccountId
from loyalty.ports.changes import AccountChange, Changes
from loyalty.ports.receipt import Receipt
from loyalty.ports.storage import Reader, TransferFilter, UnitOfWork, Wanted
from loyalty.reports.query import Query
from loyalty.use_cases.command import Command, Sweep

__all__ = ["DAY", "KEYS", "MICROSECOND", "NOW", "SECRET", "Books", "Shop", "TurnableClock", "usd"]

Result = TypeVar("Result")

NOW: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
MICROSECOND: Final = timedelta(microseconds=1)
SECRET: Final = "the secret of a shop that exists only in tests"
KEYS: Final = CodeKeys.from_secret(SECRET)


def usd(amount: str) -> Money:
    """Return so many dollars."""
    return Money(amount, "USD")


class TurnableClock:
    """A clock that stands still until somebody turns it, forwards or backwards."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Answer the present time."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Turn the clock; a negative length turns it back."""
        self.now += by


@attrs.frozen
class Books:
    """Everything a storage holds, as plain values that can be compared."""

    found: object
    transfers: tuple[object, ...]
    receipts: tuple[Receipt, ...]


class Shop:
    """
    The library on one storage, as a host would set it up.

    Keys that a test does not care about are counted up by :meth:`key`.
    """

    def __init__(
        self,
        *,
        keys: CodeKeys = KEYS,
        code_format: CodeFormat | None = None,
        policies: Policies | None = None,
        new_id: Callable[[], str] | None = None,
    ) -> None:
        self.clock = TurnableClock()
        self.storage = MemoryStorage()
        self._ids: Iterator[int] = iter(range(1, 1_000_000))
        self._keys: Iterator[int] = iter(range(1, 1_000_000))
        self.new_id = new_id or (lambda: f"id-{next(self._ids):06d}")
        self.code_format = code_format
        self.policies = policies
        self.loyalty = self.with_keys(keys)

    def with_keys(self, keys: CodeKeys, *, new_id: Callable[[], str] | None = None) -> Loyalty:
        """Return the same shop under other keys or another source of ids."""
        return Loyalty(
            self.storage,
            code_keys=keys,
            clock=self.clock,
            policies=self.policies,
            code_format=self.code_format,
            new_id=new_id or self.new_id,
        )

    def key(self) -> str:
        """Return an idempotency key that nobody used before."""
        return f"key-{next(self._keys)}"

    def execute(self, command: Command[Result] | Sweep[Result]) -> Result:
        """Carry out a command."""
        return self.loyalty.execute(command)

    def ask(self, query: Query[Result]) -> Result:
        """Answer a query."""
        return self.loyalty.ask(query)

    # --- shortcuts ----------------------------------------------------------

    def issue(self, value: Money | str = "50.00", **given: Any) -> IssuedGiftCard:
        """Issue a card, of so many dollars if only a number is given."""
        money = usd(value) if isinstance(value, str) else value
        return self.execute(IssueGiftCard(value=money, idempotency_key=given.pop("key", None) or self.key(), **given))

    def grant(self, amount: Money | str = "10.00", customer_id: str = "ada", **given: Any) -> Grant:
        """Grant store credit, of goodwill unless said otherwise."""
        money = usd(amount) if isinstance(amount, str) else amount
        origin = given.pop("origin", LotOrigin.GOODWILL)
        return self.execute(
            GrantStoreCredit(customer_id=customer_id, amount=money, origin=origin, idempotency_key=self.key(), **given)
        )

    def redeem(self, issued: IssuedGiftCard, amount: Money | str, order_id: str = "1001", **given: Any) -> Redemption:
        """Redeem a card by its code."""
        money = usd(amount) if isinstance(amount, str) else amount
        return self.execute(
            RedeemGiftCard(code=issued.code, amount=money, order_id=order_id, idempotency_key=self.key(), **given)
        )

    def card(self, issued: IssuedGiftCard) -> GiftCardView:
        """Return the card as it stands now."""
        return self.ask(GetGiftCard(id=issued.gift_card.id))

    def credit(self, customer_id: str = "ada", currency: str = "USD") -> StoreCreditView:
        """Return a customer's account as it stands now."""
        return self.ask(GetStoreCreditAccount(customer_id=customer_id, currency=currency))

    def execute_twice(self, command: Command[Result]) -> Result:
        """Carry out a command, then once more, and find the same answer and the same books."""
        first = self.execute(command)
        before = self.books()
        again = self.execute(command)
        assert first == again
        assert before == self.books()
        return first

    # --- behind the counter -------------------------------------------------

    def books(self) -> Books:
        """Return everything the storage holds."""

        def everything(reader: Reader) -> Books:
            return Books(
                reader.page_of_accounts(None, 100_000),
                tuple(reader.transfers(TransferFilter())),
                tuple(reader.receipts()),
            )

        return self.storage.read(everything)

    def set_card_status(self, issued: IssuedGiftCard, status: GiftCardStatus) -> None:
        """Bring a card into a status for which no command exists yet."""

        def change(uow: UnitOfWork) -> None:
            (card,) = uow.lock(Wanted(gift_card_ids=(issued.gift_card.id,))).gift_cards
            touched = card.account.touched()
            moved = attrs.evolve(card, status=status, account=touched)
            uow.write(Changes(gift_cards=(moved,), accounts=(AccountChange(card.account, touched),)))

        self.storage.run(change)

    def set_credit_status(self, account_id: AccountId, status: StoreCreditStatus) -> None:
        """Bring a store credit account into a status for which no command exists yet."""
        credits_ = self.storage._books.credits
        credits_[account_id] = attrs.evolve(credits_[account_id], status=status)

    def last_receipt(self) -> Receipt:
        """Return the receipt of the last committed command."""
        return self.storage._books.all_receipts[-1]
