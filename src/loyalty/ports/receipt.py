"""
Receipts: what a command did, kept for ever under its idempotency key.

A receipt also carries the event of its command. One row holds both, so a
committed command has exactly one event and a refused one has none.
"""

from __future__ import annotations

from datetime import datetime

import attrs

__all__ = ["Receipt", "step_key"]


def step_key(idempotency_key: str, number: int) -> str:
    """Return the key of a later step of a command, which no host can give: it has a line break."""
    return f"{idempotency_key}\n{number}"


@attrs.frozen(kw_only=True)
class Receipt:
    """
    The record of one committed command, or of one step of a long one.

    ``result`` and ``event_data`` are JSON texts without any gift card code. A
    sweep has no fingerprint, and no key unless it did what is done once. ``fingerprint`` is a keyed digest of the
    command's content, made under ``fingerprint_key_id``. ``decisions`` is the
    JSON text of which policies took part, by name and version, and what they
    said; None if none did. ``about`` names the accounts that were changed and what
    else the event is about: events that share one of these leave in their order.
    """

    id: str
    idempotency_key: str | None
    command: str
    fingerprint: str | None
    fingerprint_key_id: str | None
    result: str
    event: str
    event_data: str
    recorded_at: datetime
    decisions: str | None = None
    about: tuple[str, ...] = ()

    @property
    def given_key(self) -> str | None:
        """The key as the host gave it, also of a later step."""
        return None if self.idempotency_key is None else self.idempotency_key.partition("\n")[0]
