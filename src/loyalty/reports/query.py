"""The shape of a query: a frozen class that checks itself and answers from a reader."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import attrs

from loyalty.codes.code import GiftCardCode
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat
from loyalty.ports.storage import Reader

__all__ = ["Query", "QueryContext"]

Answer = TypeVar("Answer")


@attrs.frozen(kw_only=True)
class QueryContext:
    """What a query may use besides the books."""

    now: datetime
    code_keys: CodeKeys
    code_format: CodeFormat

    def digests(self, code: GiftCardCode) -> tuple[str, ...]:
        """
        Return what a code is stored as, under each key.

        Raises:
            loyalty.errors.MalformedCode: If it cannot be a code of this shop.
        """
        return self.code_keys.digests(self.code_format.require(code))


@attrs.frozen(kw_only=True)
class Query(Generic[Answer]):
    """A question. It changes nothing and locks nothing."""

    def answer(self, reader: Reader, context: QueryContext) -> Answer:
        """Answer from one consistent snapshot. Overridden by every query."""
        raise NotImplementedError
