"""
The proof of a storage: subclass one class, supply a maker, and every test comes along.

.. code-block:: python

    class TestMyStorage(StorageConformance):
        capabilities = Capabilities(second_handle=True)

        def make_storage(self) -> Storage:
            return MyStorage.on_a_fresh_database()

        def reopen(self, storage: Storage) -> Storage:
            return MyStorage(storage.url)

A maker may need a pytest fixture: ask for it in an ``autouse`` fixture of the
subclass and keep what it gives on ``self``. A test that asks for an ability the
storage does not claim is skipped, and pytest's summary says which one.
"""

from __future__ import annotations

from typing import ClassVar

from loyalty.testing.capabilities import Capabilities, skip_tests_beyond
from loyalty.testing.kit.account_races import AccountRaceTests
from loyalty.testing.kit.accounts import AccountTests
from loyalty.testing.kit.batches import BatchTests
from loyalty.testing.kit.card_life import CardLifeTests
from loyalty.testing.kit.card_races import CardRaceTests
from loyalty.testing.kit.commands import CommandTests
from loyalty.testing.kit.corrections import CorrectionTests
from loyalty.testing.kit.erasing import ErasingTests
from loyalty.testing.kit.hold_races import HoldRaceTests
from loyalty.testing.kit.holds import HoldTests
from loyalty.testing.kit.imports import ImportTests
from loyalty.testing.kit.joining import JoiningTests
from loyalty.testing.kit.lists import ListTests
from loyalty.testing.kit.look_behind import LookBehindTests
from loyalty.testing.kit.outbox import OutboxRaceTests, OutboxTests
from loyalty.testing.kit.ports import PortTests
from loyalty.testing.kit.processes import ProcessTests
from loyalty.testing.kit.products import ProductTests
from loyalty.testing.kit.races import RaceTests
from loyalty.testing.kit.replays import ReplayTests
from loyalty.testing.kit.reports import ReportTests
from loyalty.testing.kit.sale_races import SaleRaceTests
from loyalty.testing.kit.sales import SaleTests
from loyalty.testing.kit.times import TimeTests

__all__ = ["StorageConformance"]


class StorageConformance(
    CommandTests,
    CardLifeTests,
    CorrectionTests,
    AccountTests,
    ErasingTests,
    HoldTests,
    ProductTests,
    SaleTests,
    SaleRaceTests,
    ReplayTests,
    LookBehindTests,
    PortTests,
    JoiningTests,
    TimeTests,
    ReportTests,
    ListTests,
    RaceTests,
    HoldRaceTests,
    BatchTests,
    ImportTests,
    AccountRaceTests,
    CardRaceTests,
    OutboxTests,
    OutboxRaceTests,
    ProcessTests,
):
    """All that every storage must do; see the module for how to use it."""

    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init_subclass__(cls) -> None:
        """Skip the tests that ask for abilities the storage does not have."""
        super().__init_subclass__()
        skip_tests_beyond(cls.capabilities, cls)
