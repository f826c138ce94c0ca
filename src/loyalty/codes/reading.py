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

        Raises:
            loyalty.errors.MalformedCode: If it cannot be a code of this shop;
                no look-up is made.
        """
        return self.code_keys.digests(self.code_format.require(code))
