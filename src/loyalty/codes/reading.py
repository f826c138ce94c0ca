"""How a shop reads a code that somebody gives it."""

from __future__ import annotations

import attrs

from loyalty.codes.code import GiftCardCode
from loyalty.codes.digest import CodeKeys
from loyalty.codes.format import CodeFormat

__all__ = ["CodeReading"]


@attrs.frozen(kw_only=True)
class CodeReading:
    """The keys and the format of a shop's codes. What commands and queries know is built on it."""

    code_keys: CodeKeys
    code_format: CodeFormat

    def digests(self, code: GiftCardCode) -> tuple[str, ...]:
        """
        Return what a code is stored as, under each key.

        A text that cannot be a code has digests too, and is looked up like any
        other, so that every refusal takes the same work. Call :meth:`require`
        after the look-up.
        """
        return self.code_keys.digests(code)

    def require(self, *codes: GiftCardCode) -> None:
        """
        Check that each code could be one of this shop.

        Raises:
            loyalty.errors.MalformedCode: If one cannot.
        """
        for code in codes:
            self.code_format.require(code)
