"""The demonstration: a real purchase log, replayed through gift cards and store credit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from loyalty.cli.checkout_kind import CheckoutKind

__all__ = ["SAMPLE", "demo"]

SAMPLE: Final = Path(__file__).parent / "data" / "cdnow_sample.csv"
DEMO_SECRET: Final = "a fixed secret for demonstrations, never for real cards"  # noqa: S105  # it is public on purpose


def demo(
    purchases: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            show_default="the CDNOW sample in this package",
            help="A CSV file with the columns customer_id, purchased_on, units and amount_usd.",
        ),
    ] = SAMPLE,
    database: Annotated[
        str, typer.Option(metavar="URL", help="Where the books are kept, as SQLAlchemy writes it.")
    ] = "sqlite:///loyalty-demo.db",
    checkout: Annotated[
        CheckoutKind,
        typer.Option(
            help="Pay in one step, or place a hold, charge the rest elsewhere, and capture; 3 % of these charges are "
            "declined.",
        ),
    ] = CheckoutKind.DIRECT,
    secret: Annotated[
        str,
        typer.Option(
            envvar="LOYALTY_CODE_SECRET",
            show_default="a fixed secret for demonstrations",
            help="The secret behind the gift card codes; the same one again for a second run.",
        ),
    ] = DEMO_SECRET,
) -> None:
    """
    Replay a purchase log through gift cards and store credit, day by day.

    A first purchase earns a 10.00 USD gift card for 90 days; from the second on stored value pays first, 5 % of the
    rest comes back as credit for 180 days, and every 20th purchase of the log is returned the next day. Running it
    again on the same database changes nothing.
    """
    from loyalty.cli.demonstration import demonstrate  # noqa: PLC0415 - no other command needs what it loads

    demonstrate(purchases, database, secret, checkout)
