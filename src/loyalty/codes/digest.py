"""
The keys behind the codes, and what they make of a code for storage.

A database that leaks must not leak a single code, so only a keyed digest is
stored. From each of the shop's secrets three keys are derived, one per use, so
that what is learned about one says nothing about the others. Secrets rotate:
the first one makes everything new, the retired ones still find what they made.
"""

from __future__ import annotations

import hmac
import secrets
import warnings
from collections.abc import Sequence
from typing import Final, final

import attrs

from loyalty.codes.code import GiftCardCode
from loyalty.errors import InvalidRequest

__all__ = ["CodeKeys", "WeakSecretWarning"]

SHORTEST_GOOD_SECRET: Final = 16
KEY_ID_LENGTH: Final = 16

# Changing any of these loses every code that was ever issued.
_SALT: Final = b"loyalty/code-keys/1"
_HASH: Final = "sha256"


class WeakSecretWarning(UserWarning):
    """The secret behind the codes is so short that it might be guessed."""


@final
class _Key:
    """One secret's place on the ring: its id and the keys derived from it. Shows the id only."""

    __slots__ = ("digest", "fingerprint", "key_id", "mint")

    def __init__(self, secret: bytes) -> None:
        # HKDF (RFC 5869) with SHA-256: extract, then expand one block per label.
        root = hmac.digest(_SALT, secret, _HASH)
        self.key_id: Final = _expand(root, b"key id").hex()[:KEY_ID_LENGTH]
        self.digest: Final = _expand(root, b"digest")
        self.mint: Final = _expand(root, b"mint")
        self.fingerprint: Final = _expand(root, b"fingerprint")

    def __repr__(self) -> str:
        return f"_Key({self.key_id})"


def _expand(root: bytes, label: bytes) -> bytes:
    return hmac.digest(root, label + b"\x01", _HASH)


@attrs.frozen(kw_only=True, repr=False, eq=False)
class CodeKeys:
    """
    The key ring of a shop, from its secret.

    Keep the secret out of the database that holds the cards: whoever has both
    can compute every generated code. Losing it loses the codes, not the money:
    balances stay, and ``ReplaceGiftCardCode`` makes new codes.

    Example:
        >>> keys = CodeKeys.from_secret("a long secret from the environment")
        >>> keys
        CodeKeys(current 9d9d1be01961c6b4)

    Source:
        RFC 2104 (HMAC), RFC 5869 (HKDF).
    """

    _ring: tuple[_Key, ...]

    @classmethod
    def from_secret(cls, secret: str | bytes, *, retired: Sequence[str | bytes] = ()) -> CodeKeys:
        """
        Return the keys derived from a secret.

        Args:
            secret:
                At least 16 bytes, better 32 random ones; text counts in UTF-8.
                It is taken exactly: a line break at its end is part of it.
            retired:
                Earlier secrets, under which codes may still be found.

        Raises:
            loyalty.errors.InvalidRequest: If a secret is empty, or neither
                text nor bytes.

        Warns:
            WeakSecretWarning: If a secret has fewer than 16 bytes.
        """
        if isinstance(retired, (str, bytes)) or not isinstance(retired, Sequence):
            raise InvalidRequest("the retired secrets must be a sequence of secrets")
        contents = [_content(one) for one in (secret, *retired)]
        if min(map(len, contents)) < SHORTEST_GOOD_SECRET:
            message = f"a secret behind gift card codes has fewer than {SHORTEST_GOOD_SECRET} bytes and may be guessed"
            warnings.warn(message, WeakSecretWarning, stacklevel=2)
        return cls(ring=tuple(_Key(content) for content in dict.fromkeys(contents)))

    @classmethod
    def generate(cls) -> CodeKeys:
        """Return keys from a new random secret that is kept nowhere: for trials and tests."""
        return cls.from_secret(secrets.token_bytes(32))

    @property
    def current_id(self) -> str:
        """Return the id of the key that new codes are made with: 16 hex digits, no secret."""
        return self._ring[0].key_id

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Return the ids of all keys, the current one first."""
        return tuple(key.key_id for key in self._ring)

    def digest(self, code: GiftCardCode) -> str:
        """Return what is stored in place of the code: 64 hex digits, under the current key."""
        return hmac.digest(self._ring[0].digest, code.reveal().encode(), _HASH).hex()

    def digests(self, code: GiftCardCode) -> tuple[str, ...]:
        """Return the code's digests under every key, the current one first: where to look it up."""
        text = code.reveal().encode()
        return tuple(hmac.digest(key.digest, text, _HASH).hex() for key in self._ring)

    def fingerprint(self, content: bytes, key_id: str | None = None) -> str:
        """
        Return a keyed digest of a command's content: 64 hex digits.

        Keyed, because a content may hold a chosen code, and a plain hash of it
        could be searched by whoever reads the database.

        Raises:
            loyalty.errors.InvalidRequest: If no key has this id.
        """
        return hmac.digest(self._key(key_id).fingerprint, content, _HASH).hex()

    def mint_digest(self, content: bytes, key_id: str | None = None) -> bytes:
        """
        Return 32 bytes for :func:`loyalty.codes.mint.mint`, which turns them into symbols.

        Raises:
            loyalty.errors.InvalidRequest: If no key has this id.
        """
        return hmac.digest(self._key(key_id).mint, content, _HASH)

    def __repr__(self) -> str:
        """Return a text without any key."""
        retired = f", {len(self._ring) - 1} retired" if len(self._ring) > 1 else ""
        return f"CodeKeys(current {self.current_id}{retired})"

    def _key(self, key_id: str | None) -> _Key:
        if key_id is None:
            return self._ring[0]
        for key in self._ring:
            if key.key_id == key_id:
                return key
        raise InvalidRequest("no key of this id is on the ring; was its secret removed from the retired ones?")


def _content(secret: object) -> bytes:
    if isinstance(secret, str):
        try:
            secret = secret.encode()
        except UnicodeEncodeError:
            raise InvalidRequest("a secret is not valid text") from None
    if not isinstance(secret, bytes) or not secret:
        raise InvalidRequest("a secret must be text or bytes, and not empty")
    return secret
