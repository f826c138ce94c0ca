"""
Our tables, revision by revision, in Alembic.

The revisions have a branch of their own, labelled ``loyalty``, so that they can
stand beside a host's. ``SqlAlchemyStorage.upgrade()`` runs them; a host that has
an environment of its own adds :data:`VERSIONS` to its ``version_locations`` and
upgrades to ``loyalty@head``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from loyalty.adapters.sqlalchemy.migrations.steps import running
from loyalty.adapters.sqlalchemy.tables import Tables
from loyalty.errors import InvalidRequest

__all__ = ["BRANCH", "VERSIONS", "downgrade_tables", "revision_of", "upgrade_tables"]

BRANCH: Final = "loyalty"
"""The label of our revisions, and so the first half of ``loyalty@head``."""

Heads = Any
"""The revisions that a database is at, as a tuple; Alembic's own annotations do not agree on it."""

VERSIONS: Final = Path(__file__).with_name("versions")
"""The folder with our revisions."""


def upgrade_tables(connection: Connection, tables: Tables, revision: str = "head") -> None:
    """
    Run the revisions that are missing, inside the transaction that *connection* is in; safe to repeat.

    A database that a newer version of this library brought further stays as it is.
    """

    def missing(heads: Heads) -> Iterable[RevisionStep]:
        return _scripts()._upgrade_revs(f"{BRANCH}@{revision}", heads) if _are_known(heads) else ()  # noqa: SLF001 - as Alembic's own command does

    _run(connection, tables, missing)


def downgrade_tables(connection: Connection, tables: Tables, revision: str = "base") -> None:
    """
    Go back to an earlier revision. What later ones added is lost, with all that is in it.

    Raises:
        loyalty.errors.InvalidRequest: If the database is at a revision of a newer version of this library.
    """

    def too_many(heads: Heads) -> Iterable[RevisionStep]:
        if not _are_known(heads):
            raise InvalidRequest("the tables are of a newer version of this library, which has to take its own back")
        return _scripts()._downgrade_revs(f"{BRANCH}@{revision}", heads)  # noqa: SLF001 - as Alembic's own command does

    _run(connection, tables, too_many)


def revision_of(connection: Connection, tables: Tables) -> str | None:
    """Return at which revision a database is; None if none was ever run in it by this library."""
    return MigrationContext.configure(connection, opts=_options(tables)).get_current_revision()


def _are_known(heads: Heads) -> bool:
    return set(heads) <= {script.revision for script in _scripts().walk_revisions()}


def _run(connection: Connection, tables: Tables, wanted: Callable[[Heads], Iterable[RevisionStep]]) -> None:
    # Not by Alembic's commands: those keep what they are at in one place for the whole process, and threads upgrade
    # several databases at once.
    options = {**_options(tables), "fn": lambda current, _: wanted(current)}
    context = MigrationContext.configure(connection, opts=options)
    with running(Operations(context), tables):
        context.run_migrations()


def _options(tables: Tables) -> dict[str, Any]:
    """Return where it is written down which revision a shop's tables are at: beside them, under their prefix."""
    return {"version_table": f"{tables.prefix}version", "version_table_schema": tables.metadata.schema}


@lru_cache(maxsize=1)
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(VERSIONS.parent), version_locations=[str(VERSIONS)])
