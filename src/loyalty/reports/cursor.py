"""
Cursors: where a page of a list begins, as a text that a caller keeps and sends back.

It names a place, which is what the next page begins behind, and carries a keyed
digest of the place and of what the list was asked for. So a text that was
changed on its way, or that belongs to a list with other filters or another
order, is told from a right one. It says nothing that the page did not say.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from json import loads

from loyalty.codes.digest import CodeKeys
from loyalty.errors import InvalidRequest
from loyalty.ledger.listing import Place
from loyalty.plain import dumps

__all__ = ["cursor_at", "place_at"]

_SEAL = 32
"""How many hex digits of the digest a cursor carries: 128 bits."""


def cursor_at(place: Place, content: bytes, keys: CodeKeys) -> str:
    """Return the cursor for a place in the list that *content* asks for."""
    named = urlsafe_b64encode(dumps(place).encode()).decode().rstrip("=")
    return f"{named}.{_seal(named, content, keys, keys.current_id)}"


def place_at(cursor: str, content: bytes, keys: CodeKeys) -> Place:
    """
    Return the place that a cursor stands for.

    Raises:
        loyalty.errors.InvalidRequest: If it was not made for the list that
            *content* asks for, or not by one of *keys*, or was changed.
    """
    named, _, seal = cursor.rpartition(".")
    seals = [_seal(named, content, keys, key_id) for key_id in keys.key_ids]
    if not any(hmac.compare_digest(seal.encode(), known.encode()) for known in seals):
        raise InvalidRequest("after is no place in this list; was it made with other filters or another order?")
    key, tie = loads(urlsafe_b64decode(named + "=" * (-len(named) % 4)))
    return key, tie


def _seal(named: str, content: bytes, keys: CodeKeys, key_id: str) -> str:
    return keys.fingerprint(b"\n".join([b"cursor", named.encode(), content]), key_id)[:_SEAL]
