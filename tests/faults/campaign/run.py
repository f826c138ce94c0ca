"""The door to the campaigns; the processes that they start read it, too, so it loads them only where it is run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # the tests import one another as `tests.…`

if __name__ == "__main__":
    from tests.faults.campaign.program import main

    main()
