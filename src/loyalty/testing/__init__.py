"""
What authors of storages and hosts need to prove their work: the conformance kit, strategies and fakes.

It needs the extra ``testing`` (pytest and Hypothesis) and no database.
"""

import pytest

# Before the files that assert are imported, so that a failed assert shows its values.
pytest.register_assert_rewrite(
    "loyalty.testing.async_storage_conformance",
    "loyalty.testing.interruption",
    "loyalty.testing.invariants",
    "loyalty.testing.kit",
    "loyalty.testing.ledger_machine",
    "loyalty.testing.oracle",
)

from loyalty.testing import strategies  # noqa: E402 - see above
from loyalty.testing.async_storage_conformance import AsyncStorageConformance  # noqa: E402 - see above
from loyalty.testing.blocking import BlockingStorage, LoopThread  # noqa: E402 - see above
from loyalty.testing.books import Books, books_of, receipt_of  # noqa: E402 - see above
from loyalty.testing.capabilities import Capabilities  # noqa: E402 - see above
from loyalty.testing.fakes import (  # noqa: E402 - see above
    CountingIds,
    FakeClock,
    FakeSink,
    fake_code_keys,
    give_up_one,
    pays_by_product,
)
from loyalty.testing.interruption import Moment, is_cancelled_at  # noqa: E402 - see above
from loyalty.testing.invariants import require_available, require_nothing_lost, require_sound  # noqa: E402 - see above
from loyalty.testing.kit.async_case import AsyncOpener  # noqa: E402 - see above
from loyalty.testing.kit.case import Opener  # noqa: E402 - see above
from loyalty.testing.ledger_machine import LedgerMachine  # noqa: E402 - see above
from loyalty.testing.programs import Played, Shop, Step, Verb  # noqa: E402 - see above
from loyalty.testing.storage_conformance import StorageConformance  # noqa: E402 - see above

__all__ = [
    "AsyncOpener",
    "AsyncStorageConformance",
    "BlockingStorage",
    "Books",
    "Capabilities",
    "CountingIds",
    "FakeClock",
    "FakeSink",
    "LedgerMachine",
    "LoopThread",
    "Moment",
    "Opener",
    "Played",
    "Shop",
    "Step",
    "StorageConformance",
    "Verb",
    "books_of",
    "fake_code_keys",
    "give_up_one",
    "is_cancelled_at",
    "pays_by_product",
    "receipt_of",
    "require_available",
    "require_nothing_lost",
    "require_sound",
    "strategies",
]
