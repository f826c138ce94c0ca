"""Taking value from one account to pay for an order: what every way of paying shares."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
from moneyed import Money

from loyalty.identifiers import AccountId, GiftCardId, HoldId, TransferId
from loyalty.ledger.account import Account
from loyalty.ledger.house_accounts import HouseAccount
from loyalty.ledger.lot import LotMove
from loyalty.ledger.transfer import Side, Transfer, TransferKind
from loyalty.use_cases.command import Context, Request

__all__ = ["Redemption", "redeem"]

_REDEMPTIONS = Side(house=HouseAccount.REDEMPTIONS)


@attrs.frozen(kw_only=True)
class Redemption:
    """Value that one account paid for one order. ``id`` is the transfer's; ``gift_card_id`` is None for credit."""

    id: TransferId
    order_id: str
    account_id: AccountId
    gift_card_id: GiftCardId | None
    amount: Money
    balance_after: Money
    recorded_at: datetime


def redeem(
    request: Request[Any],
    context: Context,
    account: Account,
    moves: tuple[LotMove, ...],
    *,
    order_id: str,
    gift_card_id: GiftCardId | None,
    at: datetime,
    hold_id: HoldId | None = None,
) -> tuple[Account, Transfer, Redemption]:
    """Take what *moves* say, also from what a hold reserves; return the account after it, transfer and redemption."""
    after, side = account.debit(moves, at) if hold_id is None else account.capture(hold_id, moves, at)
    amount = account.posted - after.posted
    transfer = request.transfer(
        context,
        TransferKind.REDEMPTION,
        account,
        amount=amount,
        debit=side,
        credit=_REDEMPTIONS,
        at=at,
        order_id=order_id,
        hold_id=hold_id,
    )
    redemption = Redemption(
        id=transfer.id,
        order_id=order_id,
        account_id=account.id,
        gift_card_id=gift_card_id,
        amount=account.money(amount),
        balance_after=account.money(after.posted),
        recorded_at=at,
    )
    return after, transfer, redemption
