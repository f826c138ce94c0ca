"""Database URLs in which a sign of the password was taken for the end of it."""

from __future__ import annotations

from sqlalchemy import URL

__all__ = ["TORN", "is_torn"]

TORN = "write @, : and / in a password as %40, %3A and %2F"
"""What to do about it."""


def is_torn(url: URL) -> bool:
    """Tell whether a sign in the password cut it in two, so that its end stands in the host's name and in messages."""
    return "@" in f"{url.host}{url.database if url.get_backend_name() != 'sqlite' else ''}"
