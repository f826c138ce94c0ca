"""
The desk at which a command works: the books, open; the options, read; the paper to write on.

``at_desk`` makes a command of a function. It adds the options that all share,
opens the books, and turns whatever goes wrong into one line and an exit code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import attrs

from loyalty.cli.database import open_books, opened
from loyalty.cli.ending import Cannot, ended_in_one_line
from loyalty.cli.options import BooksOptions, ChangeOptions, Said
from loyalty.cli.paper import Paper
from loyalty.clock import system_clock
from loyalty.codes.digest import CodeKeys
from loyalty.facade import Loyalty
from loyalty.gift_cards.listing import GiftCardFilter, GiftCardSort
from loyalty.use_cases.command import Command

if TYPE_CHECKING:
    from loyalty.adapters.sqlalchemy import SqlAlchemyStorage

__all__ = ["Desk", "at_desk"]

Result = TypeVar("Result")
Options = TypeVar("Options")
Job = Callable[..., None]


@attrs.frozen(kw_only=True)
class Desk:
    """What a command works with."""

    storage: SqlAlchemyStorage
    loyalty: Loyalty
    paper: Paper
    said: Said
    keys: CodeKeys | None
    has_new_key: bool
    url: str = attrs.field(repr=False)

    def execute(self, command: Command[Result]) -> Result:
        """Say under which key it is done, before it is done, and do it."""
        if self.has_new_key:
            self.paper.aside(f"key: {command.idempotency_key}")
        return self.loyalty.execute(command)

    def require_secret(self) -> None:
        """
        Check that there is a secret to read and make codes with.

        Raises:
            loyalty.cli.ending.Cannot: If there is none.
        """
        if self.keys is None:
            raise Cannot("this needs the shop's secret: give --secret, or set LOYALTY_CODE_SECRET")

    def require_known_secret(self) -> None:
        """
        Check that the shop will know the codes that are made here, as far as the books tell.

        Raises:
            loyalty.cli.ending.Cannot: If the newest card was made under a secret that is not given.
        """
        known = () if self.keys is None else self.keys.key_ids
        wanted = GiftCardFilter(now=system_clock())
        newest = self.storage.read(
            lambda reader: reader.gift_cards(wanted, GiftCardSort.ISSUED, descending=True, after=None, limit=1)
        )
        if newest and newest[0].code_key_id not in known:
            raise Cannot(
                "the newest card of these books was made under another secret, so the shop might not know a code made "
                "under this one. If the secret was changed, name the earlier one with --retired-secret"
            )


def at_desk(*, changes: bool = False, makes_codes: bool = False, makes_tables: bool = False) -> Callable[[Job], Job]:
    """
    Return a decorator that gives a function its desk, and its command the shared options.

    A parameter whose type is a class of options stands for all of them.

    Args:
        changes:
            Whether it sends a command that needs a key, an actor and the secret.
        makes_codes:
            Whether it makes codes, which the shop must know.
        makes_tables:
            Whether the tables need not be there yet.
    """

    def decorate(job: Job) -> Job:
        own = list(inspect.signature(job, eval_str=True).parameters.values())[1:]
        bundles = {one.name: one.annotation for one in own if attrs.has(one.annotation)}

        @wraps(job)
        def run(**given: Any) -> None:  # what the options bring
            books = _taken(BooksOptions, given)
            change = _taken(ChangeOptions, given) if changes else ChangeOptions()
            given |= {name: _taken(kind, given) for name, kind in bundles.items()}
            said = change.said(job.__name__.replace("_", "-"))
            unchanged = " Nothing was changed." if changes else ""
            again = _again(said) if changes else "Run the same again."
            with (
                ended_in_one_line(unchanged, again),
                _open_desk(books, said, has_new_key=change.key is None, makes_tables=makes_tables) as desk,
            ):
                if changes:
                    desk.require_secret()
                if makes_codes:
                    desk.require_known_secret()
                job(desk, **given)

        kinds = (*bundles.values(), *((ChangeOptions,) if changes else ()), BooksOptions)
        parameters = [one for one in own if one.name not in bundles]
        parameters += [one for kind in kinds for one in _parameters(kind)]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _taken(kind: type[Options], given: dict[str, Any]) -> Options:
    """Return the options of one class, taken out of all that are given."""
    names = [field.name for field in attrs.fields(kind)]  # type: ignore[arg-type]  # only classes of options come here
    return kind(**{name: given.pop(name) for name in names})


@contextmanager
def _open_desk(options: BooksOptions, said: Said, *, has_new_key: bool, makes_tables: bool) -> Iterator[Desk]:
    url, keys, code_format = options.url(), options.keys(), options.code_format()
    opening = opened if makes_tables else open_books
    with opening(url, prefix=options.table_prefix, schema=options.schema) as storage:
        # Without a secret nothing can be asked about codes, and everything else can.
        loyalty = Loyalty(storage, code_keys=keys or CodeKeys.generate(), code_format=code_format)
        paper = Paper(as_json=options.as_json)
        yield Desk(
            storage=storage,
            loyalty=loyalty,
            paper=paper,
            said=said,
            keys=keys,
            has_new_key=has_new_key,
            url=url,
        )


def _again(said: Said) -> str:
    return f"The same again with --key {said['idempotency_key']} is safe, and tells what happened."


def _parameters(kind: type[Any]) -> Iterator[inspect.Parameter]:
    """Yield the fields of a class of options as parameters of a command."""
    hints = get_type_hints(kind, include_extras=True)
    for field in attrs.fields(kind):
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
