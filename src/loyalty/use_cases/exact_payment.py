"""What every command that takes an exact amount for an order asks the shop's policies."""

from __future__ import annotations

import attrs
from moneyed import Money

from loyalty.errors import CurrencyMismatch
from loyalty.gift_cards.card import GiftCard
from loyalty.money import exponent_of, minor_units
from loyalty.policies.decision import Decision
from loyalty.policies.eligibility import OrderLine
from loyalty.ports.storage import UnitOfWork
from loyalty.store_credit.account import StoreCreditAccount
from loyalty.tenders.bounds import NO_BOUNDS, bounds_of, limits_said, require_within
from loyalty.tenders.usable import require_eligible
from loyalty.use_cases.command import Context

__all__ = ["require_allowed", "require_one_currency"]


@attrs.frozen
class _Payer:
    currency: str
    customer_id: str | None


def require_one_currency(amount: Money, lines: tuple[OrderLine, ...]) -> None:
    """
    Check that the lines of an order are in the currency of what pays for it, with the same decimals.

    Raises:
        loyalty.errors.CurrencyMismatch: If one is not.
    """
    expected = (amount.currency.code, exponent_of(amount.currency))
    for line in lines:
        if (line.amount.currency.code, exponent_of(line.amount.currency)) != expected:
            raise CurrencyMismatch(expected=amount.currency.code, actual=line.amount.currency.code)


def require_allowed(
    context: Context,
    uow: UnitOfWork,
    owner: GiftCard | StoreCreditAccount,
    amount: Money,
    *,
    order_id: str,
    lines: tuple[OrderLine, ...],
) -> tuple[Decision, ...]:
    """
    Check an exact payment against the shop's redemption rules and limits; return who decided.

    Raises:
        loyalty.errors.NotEligible: If the rules veto it.
        loyalty.errors.LimitExceeded: If it is more than the shop allows.
    """
    policies = context.policies
    decisions = [policies.decided("spending_order")]
    if lines:
        require_eligible(lines, owner, minor_units(amount), policies.eligibility)
        decisions.append(policies.decided("eligibility", "no veto"))
    payer = _Payer(amount.currency.code, owner.customer_id)
    bounds = bounds_of(context, uow, payer, order_id=order_id, replaced=None, beside_own_hold=True)
    if bounds is not NO_BOUNDS:
        require_within(bounds, owner, minor_units(amount))
        decisions.extend(limits_said(context, bounds))
    return tuple(decisions)
