"""The state machine, on memory alone and on several storages that must agree."""

from __future__ import annotations

from loyalty.testing import LedgerMachine


class TestMemory(LedgerMachine.TestCase):
    """Memory against the oracle."""
