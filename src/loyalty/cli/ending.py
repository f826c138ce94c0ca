"""
How a command ends: an exit code, and one line for whatever went wrong.

Exit codes: 0 all is well; 1 the answer is no (the rules refuse, there is no
such thing, the audit found something, the books do not tie); 2 what was asked
for cannot be done (a wrong option, the database, a file); 130 interrupted.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from loyalty.errors import (
    CorruptLedger,
    DuplicateRecord,
    InvalidRequest,
    LoyaltyError,
    NotFound,
    OutcomeUnknown,
    Refused,
    StorageError,
)

__all__ = [
    "CANNOT",
    "FOUND_WRONG",
    "INTERRUPTED",
    "Cannot",
    "OperatorGroup",
    "ended_in_one_line",
    "failures",
    "reason",
    "stop",
]

FOUND_WRONG: Final = 1
CANNOT: Final = 2
INTERRUPTED: Final = 130

SHORTEST_MASKED: Final = 12
"""What was typed where it does not belong may be a code or a secret; from this length on it is not repeated."""

_OPTION: Final = re.compile("--[a-z-]+")
_USAGE_ERROR: Final = typer.BadParameter.__mro__[1]


class Cannot(Exception):
    """What was asked for cannot be done; the message says why in one line, and holds no code and no secret."""


@contextmanager
def ended_in_one_line(unchanged: str, again: str) -> Iterator[None]:
    """
    Turn whatever goes wrong inside into one line and an exit code.

    Args:
        unchanged:
            What to add where nothing was changed.
        again:
            How to go on after an interruption or a failed database.
    """
    try:
        yield
    except Cannot as error:
        stop(f"{error}.", CANNOT)
    except InvalidRequest as error:
        stop(f"{error}.{unchanged}", CANNOT)
    except (Refused, NotFound, DuplicateRecord) as error:
        stop(f"{error}.{unchanged}", FOUND_WRONG)
    except OutcomeUnknown:
        stop(f"the connection broke while committing, so it may be done or not. {again}", CANNOT)
    except failures() as error:
        stop(f"the database failed: {reason(error)}. {again}", CANNOT)
    except CorruptLedger as error:
        stop(f"the books are damaged: {error}. Run 'loyalty audit'.", FOUND_WRONG)
    except LoyaltyError as error:
        stop(f"{type(error).__name__}: {error}.", FOUND_WRONG)
    except KeyboardInterrupt:
        stop(f"interrupted. {again}", INTERRUPTED)
    except BrokenPipeError:
        raise
    except OSError as error:
        stop(f"{reason(error)}. {again}", CANNOT)


def failures(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return the errors of a database that fails, and *others*. They are loaded when something went wrong."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - slow, and no database is opened for a page of help

    return (StorageError, SQLAlchemyError, *others)


def reason(error: BaseException) -> str:
    """Return why it failed in one line: what the driver said, where it said something."""
    inner: BaseException = error
    while True:
        deeper = getattr(inner, "orig", None) or inner.__cause__
        if not isinstance(deeper, BaseException):
            break
        inner = deeper
    lines = str(inner).splitlines()
    return lines[0] if lines else type(inner).__name__


def stop(message: str, exit_code: int) -> NoReturn:
    """Say what is wrong on standard error, and end with *exit_code*."""
    typer.echo(f"loyalty: {message}", err=True)
    raise typer.Exit(exit_code)


class OperatorGroup(TyperGroup):
    """All commands together: a wrong argument gives one line, too, and what was typed by mistake is not repeated."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:  # as the class above has it
        """Run one command and end the program."""
        try:
            code = super().main(args, *rest, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except BrokenPipeError:
            code = _stop_writing()
        except typer.Abort:
            typer.echo("loyalty: stopped.", err=True)
            code = FOUND_WRONG
        except Exception as error:
            if not isinstance(error, _USAGE_ERROR):
                raise
            code = _tell(error, sys.argv[1:] if args is None else args)
        sys.exit(code if isinstance(code, int) else 0)


def _stop_writing() -> int:
    """Let the interpreter write the rest to nowhere: whoever read the output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FOUND_WRONG


def _tell(error: Any, args: Sequence[str]) -> int:  # the class of it is not public
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return CANNOT
    path = "loyalty" if error.ctx is None else error.ctx.command_path
    message = _masked(" ".join(error.format_message().split()), args).rstrip(".")
    typer.echo(f"loyalty: {message}. See '{path} --help'.", err=True)
    return CANNOT


def _masked(message: str, args: Sequence[str]) -> str:
    for typed in args:
        for word in {typed, *typed.split("=", 1)}:
            if len(word) >= SHORTEST_MASKED and not _OPTION.fullmatch(word):
                message = message.replace(word, f"…{word[-4:]}")
    return message
