"""
All commands of the command line, put together.

Each is a function in a file of its group; what they share is in ``desk.py``
and ``options.py``. How they end, and with which exit code, is in ``ending.py``.
"""

from __future__ import annotations

import typer

from loyalty.cli.accounts import accounts, statement
from loyalty.cli.batches import batch
from loyalty.cli.cards import block, issue, replace_code, show, unblock
from loyalty.cli.delivery import dead_letters, deliver, retry
from loyalty.cli.demo import demo
from loyalty.cli.ending import OperatorGroup
from loyalty.cli.figures import audit, liability
from loyalty.cli.imports import import_cards
from loyalty.cli.lists import list_cards
from loyalty.cli.upkeep import expire, upgrade

__all__ = ["app"]

app = typer.Typer(
    cls=OperatorGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",  # joins the lines of a paragraph
    pretty_exceptions_enable=False,  # they would show local values, and those may be secret
)


@app.callback()
def loyalty() -> None:
    """
    Gift cards and store credit with exact books.

    The database and the shop's secret come from LOYALTY_DATABASE_URL and LOYALTY_CODE_SECRET, or from options.
    Exit codes: 0 all is well; 1 the answer is no (refused, not found, the audit found something); 2 it cannot be done
    (a wrong option, the database, a file); 130 interrupted.
    """


GROUPS = {
    "Gift cards": {
        "issue": issue,
        "batch": batch,
        "import": import_cards,
        "list": list_cards,
        "show": show,
        "block": block,
        "unblock": unblock,
        "replace-code": replace_code,
    },
    "Accounts and books": {"accounts": accounts, "statement": statement, "liability": liability, "audit": audit},
    "Upkeep": {"expire": expire, "upgrade": upgrade},
    "Events": {"deliver": deliver, "dead-letters": dead_letters, "retry": retry},
    "Trying it out": {"demo": demo},
}

for group, commands in GROUPS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=group)(command)
