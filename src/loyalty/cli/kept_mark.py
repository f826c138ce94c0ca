"""The file in which an audit keeps its mark for the next one: there as a whole, the old one or the new one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from loyalty.cli.ending import Cannot, reason
from loyalty.errors import InvalidRequest
from loyalty.reports.audit_mark import Mark

__all__ = ["keep_mark", "kept_mark"]

ON_THE_WAY: Final = ".part"
LONGEST: Final = 1_000_000
"""More bytes than any mark has."""


def kept_mark(path: Path) -> str | None:
    """
    Return the mark in a file, or None if there is no such file.

    Raises:
        loyalty.cli.ending.Cannot: If it cannot be read, or holds something else.
    """
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST).decode()
        return Mark.require(text.rstrip("\n"))
    except FileNotFoundError:
        return None
    except (InvalidRequest, UnicodeDecodeError):
        raise Cannot(f"{path}: is no mark of an audit; name another file, or remove it for a whole audit") from None
    except (OSError, ValueError) as error:
        raise Cannot(f"{path}: {reason(error)}") from None


def keep_mark(path: Path, mark: str) -> None:
    """
    Put a mark in a file, in place of what it held.

    Raises:
        loyalty.cli.ending.Cannot: If it cannot be written; then it holds what it held.
    """
    part = path.with_name(path.name + ON_THE_WAY)
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(f"{mark}\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, ValueError) as error:
        raise Cannot(f"{path}: {reason(error)}") from None
