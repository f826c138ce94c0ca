"""The shape of a query: a frozen class that checks itself and answers from a reader."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import attrs

from loyalty.codes.reading import CodeReading
from loyalty.policies.chosen import Policies
from loyalty.ports.storage import Reader

__all__ = ["Query", "QueryContext"]

Answer = TypeVar("Answer")


@attrs.frozen(kw_only=True)
class QueryContext(CodeReading):
    """What a query may use besides the books."""

    now: datetime
    policies: Policies


@attrs.frozen(kw_only=True)
class Query(Generic[Answer]):
    """A question. It changes nothing and locks nothing."""

    def answer(self, reader: Reader, context: QueryContext) -> Answer:
        """Answer from one consistent snapshot. Overridden by every query."""
        raise NotImplementedError

    def wrong_codes(self, answer: Answer) -> int:  # noqa: ARG002  # some queries need it
        """
        Return how many codes *answer* itself tells to be of no use, for the attempt limiter.

        None, for every query that raises instead. One that tells what is wrong
        with each of several codes says how many that are.
        """
        return 0
