"""Races on store credit accounts: value that crosses is all there, and a closed account is empty."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty.errors import AccountNotEmpty, InsufficientBalance, NotSpendable
from loyalty.ledger.lot import LotOrigin
from loyalty.money import ALL
from loyalty.store_credit.account import StoreCreditStatus
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import Stand
from loyalty.testing.kit.races import RaceCase, kinds
from loyalty.testing.programs import AnyCommand, money
from loyalty.use_cases.block_store_credit_account import BlockStoreCreditAccount
from loyalty.use_cases.close_store_credit_account import CloseStoreCreditAccount
from loyalty.use_cases.debit_store_credit import DebitStoreCredit
from loyalty.use_cases.grant_store_credit import GrantStoreCredit
from loyalty.use_cases.merge_customers import CustomerMerge, MergeCustomers
from loyalty.use_cases.open_store_credit_account import OpenStoreCreditAccount
from loyalty.use_cases.refund_redemption import RefundRedemption
from loyalty.use_cases.transfer_store_credit import TransferStoreCredit

__all__ = ["AccountRaceTests"]


class AccountRaceTests(RaceCase):
    """Many at once, on accounts."""

    @needs("threads")
    @pytest.mark.parametrize("pairs", [1, 4, 16])
    def test_transfers_that_cross_each_other_all_end(self, stand: Stand, pairs: int) -> None:
        """From one to the other and back, by many at once: nobody waits for ever, and no unit is lost."""
        stand.credit(100 * pairs, "ada")
        stand.credit(100 * pairs, "bo")
        ways = (("ada", "bo"), ("bo", "ada"))
        outcomes = self.race(stand, [_transfer(100, *ways[place % 2], key=f"{place}") for place in range(2 * pairs)])

        assert {"done": 2 * pairs} == kinds(outcomes)
        assert [money(100 * pairs)] * 2 == [stand.credit_of("ada"), stand.credit_of("bo")]
        stand.require_sound()

    @needs("threads")
    def test_a_ring_of_transfers_ends_where_it_began(self, stand: Stand) -> None:
        """Each of four gives to the next, eight times at once."""
        ring = ("ada", "bo", "cy", "di")
        for customer in ring:
            stand.credit(800, customer)
        outcomes = self.race(
            stand,
            [
                _transfer(100, giver, ring[(place + 1) % 4], key=f"{giver} {number}")
                for number in range(8)
                for place, giver in enumerate(ring)
            ],
        )

        assert {"done": 32} == kinds(outcomes)
        assert [money(800)] * 4 == [stand.credit_of(customer) for customer in ring]
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize(("rivals", "units"), [(2, 1), (8, 3), (32, 10)])
    def test_the_last_unit_is_spent_or_moved_but_not_both(self, stand: Stand, rivals: int, units: int) -> None:
        """As many as there are units win, everybody else is told that the balance is short."""
        stand.credit(100 * units)
        outcomes = self.race(
            stand,
            [
                _transfer(100, "ada", "bo", key=f"{number}")
                if number % 2
                else DebitStoreCredit(
                    customer_id="ada", amount=money(100), order_id=f"{number}", idempotency_key=f"{number}"
                )
                for number in range(rivals)
            ],
        )
        moved = sum(error is None for _, error in outcomes[1::2])

        assert {"done": units, InsufficientBalance.__name__: rivals - units} == kinds(outcomes)
        assert {"USD": 100 * moved} == {"USD": 0, **stand.books().owed()}
        assert money(0) == stand.credit_of("ada")
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("givers", [2, 8, 32])
    def test_first_transfers_at_once_open_one_account(self, stand: Stand, givers: int) -> None:
        """And all that was sent is on it."""
        for number in range(givers):
            stand.credit(10, f"giver {number}")
        outcomes = self.race(
            stand, [_transfer(10, f"giver {number}", "ada", key=f"{number}") for number in range(givers)]
        )

        assert {"done": givers} == kinds(outcomes)
        assert money(10 * givers) == stand.credit_of("ada")
        assert givers + 1 == len(stand.books().store_credit_accounts)
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("rivals", [2, 8, 32])
    def test_no_value_comes_to_an_account_that_is_being_closed(self, stand: Stand, rivals: int) -> None:
        """Either the account is closed and takes nothing, or it took something and stays open."""
        stand.execute(OpenStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="open"))
        stand.credit(100 * rivals, "bo")
        outcomes = self.race(stand, [_come_or_close(number) for number in range(rivals)])
        closed = sum(error is None for _, error in outcomes[::2])
        came = sum(error is None for _, error in outcomes[1::2])
        (account,) = [one for one in stand.books().store_credit_accounts if one.customer_id == "ada"]

        assert (account.status is StoreCreditStatus.CLOSED) is (closed > 0) is (came == 0)
        assert (closed in {0, rivals // 2}) is (came in {0, rivals // 2}) is True
        assert {"done", AccountNotEmpty.__name__, NotSpendable.__name__} >= set(kinds(outcomes))
        stand.require_sound()

    @needs("threads")
    def test_nothing_is_spent_after_a_block(self, stand: Stand) -> None:
        """Of 16 that spend while one blocks, some are refused, and what is left is what they did not spend."""
        stand.credit(1600)
        block = BlockStoreCreditAccount(customer_id="ada", currency="USD", idempotency_key="block")
        spend = [
            DebitStoreCredit(customer_id="ada", amount=money(100), idempotency_key=f"{number}") for number in range(16)
        ]
        commands: list[AnyCommand] = [*spend[:8], block, *spend[8:]]
        outcomes = self.race(stand, commands)
        spent = sum(error is None for _, error in outcomes) - 1

        assert {"done", NotSpendable.__name__} >= set(kinds(outcomes))
        assert money(1600 - 100 * spent) == stand.credit_of("ada")
        assert StoreCreditStatus.BLOCKED is stand.books().store_credit_accounts[0].status
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("rivals", [2, 8, 32])
    def test_a_merge_raced_with_spending_conserves_value(self, stand: Stand, rivals: int) -> None:
        """What was not spent is the other customer's, and whoever comes too late is told that the account is closed."""
        stand.credit(100 * rivals)
        merge = MergeCustomers(from_customer_id="ada", into_customer_id="bo", idempotency_key="merge")
        spend = [
            DebitStoreCredit(customer_id="ada", amount=money(100), order_id=f"{number}", idempotency_key=f"{number}")
            for number in range(rivals - 1)
        ]
        middle = len(spend) // 2
        commands: list[AnyCommand] = [*spend[:middle], merge, *spend[middle:]]
        outcomes = self.race(stand, commands)
        spent = sum(error is None for _, error in outcomes) - 1

        assert outcomes[middle][1] is None
        assert {"done", NotSpendable.__name__} >= set(kinds(outcomes))
        assert (money(0), money(100 * (rivals - spent))) == (stand.credit_of("ada"), stand.credit_of("bo"))
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("rivals", [2, 8, 32])
    def test_a_merge_raced_with_refunds_brings_them_to_one_account(self, stand: Stand, rivals: int) -> None:
        """They are made before it and moved, or after it and follow: all of it is with the one customer."""
        stand.credit(100 * rivals)
        for number in range(rivals):
            stand.execute(
                DebitStoreCredit(
                    customer_id="ada", amount=money(100), order_id=f"{number}", idempotency_key=f"spend {number}"
                )
            )
        refunds = [
            RefundRedemption(order_id=f"{number}", amount=ALL, idempotency_key=f"{number}") for number in range(rivals)
        ]
        merge = MergeCustomers(from_customer_id="ada", into_customer_id="bo", idempotency_key="merge")
        commands: list[AnyCommand] = [*refunds[::2], merge, *refunds[1::2]]
        outcomes = self.race(stand, commands)

        assert {"done": rivals + 1} == kinds(outcomes)
        assert (money(0), money(100 * rivals)) == (stand.credit_of("ada"), stand.credit_of("bo"))
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("rivals", [2, 8, 32])
    def test_many_merges_move_value_once(self, stand: Stand, rivals: int) -> None:
        """Under many keys all are done, and one of them moved everything, cards included."""
        stand.credit(500)
        card = stand.card(customer_id="ada")
        outcomes = self.race(
            stand,
            [
                MergeCustomers(from_customer_id="ada", into_customer_id="bo", idempotency_key=f"{number}")
                for number in range(rivals)
            ],
        )
        merges = [result for result, _ in outcomes if isinstance(result, CustomerMerge)]

        assert {"done": rivals} == kinds(outcomes)
        assert [(money(500),)] == [merge.amounts for merge in merges if merge.amounts]
        assert [(card.gift_card.id,)] == [merge.gift_card_ids for merge in merges if merge.gift_card_ids]
        assert money(500) == stand.credit_of("bo")
        stand.require_sound()

    @needs("threads")
    @pytest.mark.parametrize("rivals", [2, 8])
    def test_merges_into_each_other_leave_one_customer(self, stand: Stand, rivals: int) -> None:
        """Whoever is first decides; the other way round is refused, and nothing is lost between the two."""
        stand.credit(300, "ada")
        stand.credit(200, "bo")
        outcomes = self.race(
            stand,
            [
                MergeCustomers(
                    from_customer_id=("ada", "bo")[number % 2],
                    into_customer_id=("bo", "ada")[number % 2],
                    idempotency_key=f"{number}",
                )
                for number in range(rivals)
            ],
        )

        assert {"done": rivals // 2, NotSpendable.__name__: rivals // 2} == kinds(outcomes)
        assert {money(0), money(500)} == {stand.credit_of("ada"), stand.credit_of("bo")}
        stand.require_sound()


def _transfer(amount: int, giver: str, taker: str, *, key: str) -> TransferStoreCredit:
    return TransferStoreCredit(amount=money(amount), from_customer_id=giver, to_customer_id=taker, idempotency_key=key)


def _come_or_close(number: int) -> AnyCommand:
    """Return a closing of ada's account, or something that comes to it, in turn."""
    named: dict[str, Any] = {"customer_id": "ada", "idempotency_key": f"{number}"}
    if number % 2 == 0:
        return CloseStoreCreditAccount(currency="USD", **named)
    if number % 4 == 1:
        return GrantStoreCredit(amount=money(100), origin=LotOrigin.GOODWILL, **named)
    return _transfer(100, "bo", "ada", key=f"{number}")
