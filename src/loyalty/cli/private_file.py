"""A new file that only its owner can read, and that is there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TextIO

from loyalty.cli.ending import Cannot, reason

__all__ = ["new_private_file"]

OWNER_ALONE: Final = 0o600
ON_THE_WAY: Final = ".part"


@contextmanager
def new_private_file(path: Path) -> Iterator[TextIO]:
    """
    Give a file to write to, which gets its name when all is written and on the disk.

    Until then it is called like it with ``.part`` at the end, and it is removed
    if anything goes wrong inside.

    Raises:
        loyalty.cli.ending.Cannot: If there is something of this name, or it cannot be written.
    """
    part = path.with_name(path.name + ON_THE_WAY)
    if os.path.lexists(path):
        raise Cannot(f"{path}: is there already, and is not overwritten")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE)
    except FileExistsError:
        raise Cannot(f"{part}: is there from a run that was cut off; remove it first") from None
    except (OSError, ValueError) as error:
        raise Cannot(f"{path}: {reason(error)}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        _name(part, path)
    except OSError as error:
        raise Cannot(f"{path}: {reason(error)}") from None
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _name(part: Path, path: Path) -> None:
    """Give the file its name, unless somebody else took it meanwhile."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise Cannot(f"{path}: is there by now, and is not overwritten") from None
    except OSError:  # a file system without second names
        part.rename(path)
