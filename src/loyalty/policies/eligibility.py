"""
What stored value may pay for: the shop's own redemption rules.

A rule looks at one line of the order and one tender and may veto: it answers
with its reason, or with None if the tender may pay for the line. It is asked
whenever the host says what the order consists of.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import attrs
from moneyed import Money

from loyalty.errors import InvalidRequest
from loyalty.identifiers import Metadata, freeze_metadata, require_optional_text, require_text
from loyalty.money import minor_units
from loyalty.policies.decision import policy

__all__ = ["Eligibility", "OrderLine", "PayingTender", "stored_value_buys_no_stored_value"]


MOST_TAGS = 100


def _text(value: object) -> str:
    return require_text(value, "order line id")


def _optional_text(value: object) -> str | None:
    return require_optional_text(value, "order line product")


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or len(values) > MOST_TAGS:
        raise InvalidRequest(f"tags of an order line must be a list or a tuple of at most {MOST_TAGS}")
    return tuple([require_text(value, "tag") for value in values])


def _metadata(value: object) -> Metadata | None:
    return None if value is None else freeze_metadata(value)


@attrs.frozen(kw_only=True)
class OrderLine:
    """
    One line of the order that is being paid.

    Args:
        id:
            The host's name for the line; 1 to 200 characters.
        amount:
            What is to be paid for it, tax included; positive and exact.
        is_stored_value:
            Whether the line sells stored value: a gift card, or credit.
        product, tags, metadata:
            Whatever the shop's own rules want to look at.

    Raises:
        loyalty.errors.InvalidRequest: If a value is not as said.
    """

    id: str = attrs.field(converter=_text)
    amount: Money = attrs.field()
    is_stored_value: bool = attrs.field(default=False)
    product: str | None = attrs.field(default=None, converter=_optional_text)
    tags: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    metadata: Metadata | None = attrs.field(default=None, converter=_metadata)

    @amount.validator
    def _require_amount(self, _: object, value: Money) -> None:
        minor_units(value, "the amount of an order line")
        object.__setattr__(self, "amount", Money(value.amount, value.currency))

    @is_stored_value.validator
    def _require_flag(self, _: object, value: object) -> None:
        if type(value) is not bool:
            raise InvalidRequest("is_stored_value must be True or False")


@attrs.frozen(kw_only=True)
class PayingTender:
    """
    What a rule may know about a tender: a gift card, or store credit if ``gift_card_id`` is None.

    ``customer_id`` is whose it is, None for a bearer card.
    """

    gift_card_id: str | None
    customer_id: str | None
    currency: str
    issued_at: datetime
    region: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Metadata | None = None
    bought_in: str | None = None


Eligibility = Callable[[OrderLine, PayingTender], str | None]
"""The reason of a veto, or None. Must not depend on anything but its arguments."""


@policy("1")
def stored_value_buys_no_stored_value(line: OrderLine, tender: PayingTender) -> str | None:  # noqa: ARG001  # asked of every tender
    """Veto gift cards and credit bought with gift cards or credit: value would renew itself for ever."""
    return "stored value cannot buy stored value" if line.is_stored_value else None
