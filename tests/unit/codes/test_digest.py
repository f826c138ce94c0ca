"""The key ring: what it derives, how it rotates, and what it refuses."""

from __future__ import annotations

import hashlib
import hmac
import warnings
from typing import Final

import attrs
import pytest

from loyalty.codes.code import GiftCardCode
from loyalty.codes.digest import CodeKeys, WeakSecretWarning
from loyalty.errors import InvalidRequest

SECRET: Final = "correct horse battery staple"
OTHER: Final = b"another secret, of bytes this time"
CODE: Final = GiftCardCode.of("GIFT-0000")


def hkdf(secret: bytes, label: bytes) -> bytes:
    """Follow RFC 5869 word for word, for one block."""
    root = hmac.new(b"loyalty/code-keys/1", secret, hashlib.sha256).digest()
    return hmac.new(root, label + b"\x01", hashlib.sha256).digest()


def keyed(label: bytes, content: bytes, secret: bytes = SECRET.encode()) -> bytes:
    """Return what the ring should make of a content for one use."""
    return hmac.new(hkdf(secret, label), content, hashlib.sha256).digest()


def test_each_use_has_a_key_of_its_own() -> None:
    """Digest, minting and fingerprint are HMAC-SHA-256 under three keys derived as RFC 5869 says."""
    keys = CodeKeys.from_secret(SECRET)
    assert keyed(b"digest", b"G1FT0000").hex() == keys.digest(CODE)
    assert keyed(b"mint", b"content") == keys.mint_digest(b"content")
    assert keyed(b"fingerprint", b"content").hex() == keys.fingerprint(b"content")
    assert hkdf(SECRET.encode(), b"key id").hex()[:16] == keys.current_id


def test_results_are_the_same_for_ever() -> None:
    """These texts stand in databases; if this test fails, every code ever issued is lost."""
    keys = CodeKeys.from_secret(SECRET)
    assert "b7676053540e4ade" == keys.current_id
    assert "4487be0f84cac4d4b8080694ee475965da295b3a33fa6152e28509661de0523e" == keys.digest(CODE)
    assert "6f438fedd942b91e4979bb8c99c4fddf67a22cfc54740163096e17bc988b1cd9" == keys.fingerprint(b"content")


def test_text_and_its_bytes_are_the_same_secret() -> None:
    """A secret counts in UTF-8."""
    assert CodeKeys.from_secret(SECRET).digest(CODE) == CodeKeys.from_secret(SECRET.encode()).digest(CODE)


def test_rotation_finds_what_retired_secrets_made() -> None:
    """The new secret makes new digests; the old ones are still among those to look for."""
    before, after = CodeKeys.from_secret(SECRET), CodeKeys.from_secret(OTHER, retired=[SECRET])
    assert after.digest(CODE) != before.digest(CODE)
    assert (after.digest(CODE), before.digest(CODE)) == after.digests(CODE)
    assert before.fingerprint(b"x") == after.fingerprint(b"x", before.current_id)
    assert before.mint_digest(b"x") == after.mint_digest(b"x", before.current_id)
    assert (after.current_id, before.current_id) == after.key_ids


def test_same_secret_twice_counts_once() -> None:
    """A secret that is current and retired at once is looked for once."""
    keys = CodeKeys.from_secret(SECRET, retired=[SECRET.encode(), OTHER, OTHER])
    assert 2 == len(keys.digests(CODE)) == len(set(keys.key_ids))


def test_unknown_key_is_refused() -> None:
    """A key whose secret was taken off the ring is told as such."""
    keys = CodeKeys.from_secret(SECRET)
    for work in (keys.fingerprint, keys.mint_digest):
        with pytest.raises(InvalidRequest, match="key"):
            work(b"x", "0123456789abcdef")
        with pytest.raises(InvalidRequest, match="key"):
            work(b"x", "")


@pytest.mark.parametrize("secret", ["", b"", None, 5, True, ["secret"], bytearray(b"0123456789abcdef"), "\ud800" * 20])
def test_refuses_what_is_no_secret(secret: object) -> None:
    """An empty secret, or one that is neither text nor bytes, is a typed error."""
    with pytest.raises(InvalidRequest):
        CodeKeys.from_secret(secret)  # type: ignore[arg-type] # the wrong type is the point
    with pytest.raises(InvalidRequest):
        CodeKeys.from_secret(SECRET, retired=[secret])  # type: ignore[list-item] # the wrong type is the point


@pytest.mark.parametrize("retired", [OTHER, "retired secret of text", None, 5, {SECRET}])
def test_refuses_retired_secrets_that_are_no_sequence(retired: object) -> None:
    """One text in place of a list would silently be read as many tiny secrets."""
    with pytest.raises(InvalidRequest):
        CodeKeys.from_secret(SECRET, retired=retired)  # type: ignore[arg-type] # the wrong type is the point


def test_warns_of_short_secrets() -> None:
    """Fifteen bytes are told to be weak, at the line of the caller; sixteen are not."""
    with pytest.warns(WeakSecretWarning) as caught:
        CodeKeys.from_secret("x" * 15)
    assert __file__ == caught[0].filename
    with pytest.warns(WeakSecretWarning):
        CodeKeys.from_secret(SECRET, retired=["short"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CodeKeys.from_secret("x" * 16)
        CodeKeys.generate()


def test_generated_keys_differ() -> None:
    """Each trial has keys of its own."""
    assert CodeKeys.generate().current_id != CodeKeys.generate().current_id


def test_does_not_change() -> None:
    """Keys cannot be exchanged under a running shop."""
    keys = CodeKeys.generate()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        keys._ring = ()  # type: ignore[misc]
