"""Working inside the host's own transaction: its commit keeps our work, its rollback undoes it, and we do neither."""

from __future__ import annotations

import attrs
import pytest

from loyalty.errors import DuplicateRecord, InsufficientBalance
from loyalty.ports.storage import Storage
from loyalty.reports.gift_cards import GetGiftCard
from loyalty.testing.capabilities import needs
from loyalty.testing.kit.case import KitCase, Stand
from loyalty.testing.kit.replays import COMMANDS, prepare
from loyalty.testing.programs import money
from loyalty.use_cases.issue_gift_card import IssueGiftCard
from loyalty.use_cases.redeem_gift_card import RedeemGiftCard

__all__ = ["JoiningTests"]


class JoiningTests(KitCase):
    """Commands inside a transaction that somebody else ends."""

    @needs("joins_host_transaction")
    @pytest.mark.parametrize("name", COMMANDS)
    def test_the_hosts_rollback_undoes_the_command(self, stand: Stand, name: str) -> None:
        """All of it, and the same command is then carried out as if it had never been tried."""
        make, _ = COMMANDS[name]
        command = make(prepare(stand), "once", "a note")
        before = stand.books()
        with self.host_transaction(stand.storage, commit=False) as joined:
            stand.on(joined).execute(command)

        assert before == stand.books()
        stand.execute(command)
        assert len(before.receipts) + 1 == len(stand.books().receipts)
        stand.require_sound()

    @needs("joins_host_transaction")
    @pytest.mark.parametrize("name", COMMANDS)
    def test_the_hosts_commit_keeps_the_command(self, stand: Stand, name: str) -> None:
        """And before it nobody else saw anything of it."""
        make, _ = COMMANDS[name]
        command = make(prepare(stand), "once", "a note")
        before = stand.books()
        with self.host_transaction(stand.storage, commit=True) as joined:
            result = stand.on(joined).execute(command)
            assert result == stand.on(joined).execute(command)
            assert before == stand.books()

        assert result == stand.execute(command)
        assert len(before.receipts) + 1 == len(stand.books().receipts)
        stand.require_sound()

    @needs("joins_host_transaction")
    def test_several_commands_share_one_transaction(self, stand: Stand) -> None:
        """The later ones see what the earlier ones wrote."""
        card = stand.card(100)
        with self.host_transaction(stand.storage, commit=True) as joined:
            inside = _inside(stand, joined)
            for number in range(3):
                inside.execute(_redeem(card.code, 10, f"redeem {number}"))
            assert money(70) == inside.loyalty.ask(GetGiftCard(id=card.gift_card.id)).posted

        assert money(70) == stand.left_on(card)
        stand.require_sound()

    @needs("joins_host_transaction")
    def test_a_refusal_leaves_the_hosts_transaction_usable(self, stand: Stand) -> None:
        """What came before it is kept, what comes after it works, and the refused command changed nothing."""
        card = stand.card(100)
        chosen = IssueGiftCard(value=money(5), idempotency_key="issue")
        with self.host_transaction(stand.storage, commit=True) as joined:
            inside = _inside(stand, joined)
            inside.execute(_redeem(card.code, 60, "first"))
            with pytest.raises(InsufficientBalance):
                inside.execute(_redeem(card.code, 60, "second"))
            inside.execute(chosen)
            with pytest.raises(InsufficientBalance):
                inside.execute(_redeem(card.code, 60, "third"))
            inside.execute(_redeem(card.code, 40, "fourth"))

        assert money(0) == stand.left_on(card)
        assert {"USD": 5} == stand.books().owed()
        stand.require_sound()

    @needs("joins_host_transaction")
    def test_a_lost_uniqueness_leaves_the_hosts_transaction_usable(self, stand: Stand) -> None:
        """Also where the database itself refused a row in the middle of it."""
        stand.card(100)
        known = stand.new_id
        with self.host_transaction(stand.storage, commit=True) as joined:
            stand.on(joined).execute(IssueGiftCard(value=money(1), idempotency_key="one"))
            repeating = attrs.evolve(stand, storage=joined, new_id=type(known)())
            with pytest.raises(DuplicateRecord):
                # Ids that are taken: this shop counts from one again.
                repeating.execute(IssueGiftCard(value=money(2), idempotency_key="two"))
            stand.on(joined).execute(IssueGiftCard(value=money(4), idempotency_key="four"))

        assert {"USD": 105} == stand.books().owed()
        stand.require_sound()


def _inside(stand: Stand, joined: Storage) -> Stand:
    return attrs.evolve(stand, storage=joined)


def _redeem(code: str, amount: int, key: str) -> RedeemGiftCard:
    return RedeemGiftCard(code=code, amount=money(amount), order_id="order", idempotency_key=key)
