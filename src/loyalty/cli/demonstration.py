"""What the demonstration does: read the log, replay it, compare the books, and say what came of it."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Final

import typer
from rich.console import Console

from loyalty.attempts.default import UnlimitedGuesses
from loyalty.cli.books import BooksDoNotTie, month_by_month, require_ties, take_snapshot
from loyalty.cli.checkout_kind import CheckoutKind
from loyalty.cli.database import UnusableDatabase, open_database, without_password
from loyalty.cli.ending import CANNOT, FOUND_WRONG, INTERRUPTED, failures, reason, stop
from loyalty.cli.options import SHORTEST_SECRET
from loyalty.cli.progress import watch
from loyalty.cli.purchases import PurchaseLog, UnusableLog, read_log
from loyalty.cli.replay import Replay
from loyalty.cli.report import Run, closing_lines, liability_line, log_line, month_table, verdict_line
from loyalty.cli.till import DayClock, OtherBooks
from loyalty.codes.digest import CodeKeys
from loyalty.errors import LoyaltyError
from loyalty.facade import Loyalty
from loyalty.ports.storage import Storage

__all__ = ["demonstrate"]

NARROWEST: Final = 100


def demonstrate(purchases: Path, database: str, secret: str, checkout: CheckoutKind) -> None:
    """Replay the log *purchases* on the *database*, and end as the command line does."""
    if len(secret.encode(errors="replace")) < SHORTEST_SECRET:
        stop(f"--secret (or LOYALTY_CODE_SECRET) must have at least {SHORTEST_SECRET} bytes.", CANNOT)
    try:
        log = read_log(purchases)
        with open_database(database) as storage:
            _replay(log, storage, without_password(database), CodeKeys.from_secret(secret), checkout)
    except (UnusableLog, UnusableDatabase) as error:
        stop(f"{error}. Nothing was changed.", CANNOT)
    except OtherBooks as error:
        stop(f"{error}. Nothing was changed; choose another --database.", CANNOT)
    except failures() as error:
        stop(f"the database failed: {reason(error)}. What was done is safe; run the same again to go on.", CANNOT)
    except BooksDoNotTie as error:
        stop(f"the books do not tie: {error}", FOUND_WRONG)
    except LoyaltyError as error:
        stop(f"{type(error).__name__}: {error}", FOUND_WRONG)
    except KeyboardInterrupt:
        stop("interrupted. What was done is safe; run the same again to go on.", INTERRUPTED)


def _replay(log: PurchaseLog, storage: Storage, name: str, code_keys: CodeKeys, checkout: CheckoutKind) -> None:
    out, progress = _console(), Console(stderr=True, highlight=False)
    clock = DayClock(log.first_day)
    # Expired cards are tried by the hundred here within seconds of real time, and nobody guesses.
    books = Loyalty(storage, code_keys=code_keys, clock=clock, attempt_limiter=UnlimitedGuesses())
    replay = Replay(books, clock, log, checkout)
    replay.require_own_books()
    before = take_snapshot(books)
    if not before.audit.is_clean:
        stop(f"the books were damaged before this run. {verdict_line(before)}", FOUND_WRONG)
    out.print(log_line(log), soft_wrap=True)
    out.print(f"Books: {name}", soft_wrap=True)
    start = perf_counter()
    watch(replay.run(), len(log.purchases), progress)
    seconds = perf_counter() - start
    run = Run(replay=replay, before=before, after=take_snapshot(books), seconds=seconds)
    months = month_by_month(books, log.first_day, replay.last_day)
    out.print("", month_table(months), "")
    out.print(liability_line(books, replay.last_day), soft_wrap=True)
    for line in closing_lines(run, months):
        out.print(line, soft_wrap=True)
    require_ties(months, replay.moved)
    out.print(verdict_line(run.after), soft_wrap=True)
    if not run.after.audit.is_clean:
        raise typer.Exit(FOUND_WRONG)


def _console() -> Console:
    """Return where the report goes, wide enough for the table also where there is no terminal."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = max(console.width, NARROWEST)
    return console
