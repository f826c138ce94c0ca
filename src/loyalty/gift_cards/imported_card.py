"""What is kept of where an imported card came from, so that nothing is imported twice."""

from __future__ import annotations

import attrs

from loyalty.identifiers import GiftCardId

__all__ = ["ImportedCard"]


@attrs.frozen(kw_only=True)
class ImportedCard:
    """
    One card of another system, and the card that it became here.

    ``source`` names the system and ``source_id`` the card in it, each once.
    ``fingerprint`` is a keyed digest of all that was said about it, made under
    ``fingerprint_key_id``: it tells whether the same is said again.
    """

    source: str
    source_id: str
    gift_card_id: GiftCardId
    import_id: str
    fingerprint: str
    fingerprint_key_id: str
