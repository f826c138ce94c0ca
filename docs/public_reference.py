"""
Write the reference: which names belong on which page, and what the docstrings say about errors.

Sphinx calls :func:`filled` for every page (``conf.py``) and replaces marks such
as ``<!-- reference: commands -->`` by an entry for each name of that room. So a
public name cannot be forgotten, and the order of errors is the one that the
docstring of the command promises. A test compares the promise with the code.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from types import GenericAlias, ModuleType
from typing import Any, Final, NewType, Protocol, TypeVar, get_args, get_origin

import attrs

import loyalty
from loyalty import errors
from loyalty.reports.query import Query
from loyalty.use_cases.command import Command, Request, Sweep

HEADING: Final = re.compile(r"^(#+) ", re.MULTILINE)
MARK: Final = re.compile(r"^<!-- reference: ([\w-]+) -->$", re.MULTILINE)
SECTION: Final = re.compile(r"^(\w+):$")
ERROR: Final = re.compile(r"^ {4}loyalty\.errors\.(\w+): (.*)$")

SETTING_UP: Final = ("loyalty.facade", "loyalty.worker", "loyalty.codes", "loyalty.attempts")
"""Rooms whose names a host needs when it sets the library up."""


@attrs.frozen
class Name:
    """A public name: where a reader imports it from, and what it stands for."""

    module: str
    name: str
    value: Any

    @property
    def dotted(self) -> str:
        """The name as it is written in an import."""
        return f"{self.module}.{self.name}"

    @property
    def home(self) -> str:
        """The file that defines it, as far as the value knows."""
        return str(getattr(self.value, "__module__", "")) or self.module


@attrs.frozen
class Raised:
    """One line of a section *Raises*."""

    error: str
    when: str


# --- which names there are ---------------------------------------------------


def promised() -> tuple[Name, ...]:
    """Return every name that ``loyalty`` promises, with the file it is defined in as its home."""
    return tuple(Name("loyalty", name, getattr(loyalty, name)) for name in loyalty.__all__)


def names_in(package: str) -> Iterator[Name]:
    """Yield what the files of a package promise and ``loyalty`` itself does not, file by file."""
    known = {id(name.value) for name in promised()}
    for module in _modules(importlib.import_module(package)):
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if id(value) not in known:
                yield Name(module.__name__, name, value)


def _modules(module: ModuleType) -> Iterator[ModuleType]:
    """Yield a module and those in it; what a package promises itself is all that it promises."""
    yield module
    if not hasattr(module, "__all__"):
        for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{module.__name__}."):
            yield from _modules(importlib.import_module(found.name))


def is_command(name: Name) -> bool:
    """Tell whether it is executed and needs a key."""
    return isinstance(name.value, type) and issubclass(name.value, Command)


def is_sweep(name: Name) -> bool:
    """Tell whether it is executed and needs no key."""
    return isinstance(name.value, type) and issubclass(name.value, Sweep)


def is_query(name: Name) -> bool:
    """Tell whether it is asked."""
    return isinstance(name.value, type) and issubclass(name.value, Query)


def room_of(name: Name) -> str:
    """Return the room of the reference that a promised name belongs to."""
    kinds: dict[str, Callable[[Name], bool]] = {"commands": is_command, "sweeps": is_sweep, "queries": is_query}
    for room, is_kind in kinds.items():
        if is_kind(name):
            return room
    home = loyalty._HOMES[name.name]  # noqa: SLF001 - the table of homes is what this page is about
    if home.startswith(SETTING_UP):
        return "setting-up"
    below = home.split(".")[1]
    return below if below in {"errors", "policies", "ports", "adapters"} else "values"


def rooms() -> dict[str, tuple[Name, ...]]:
    """Return the names of each room, in the order in which the page shows them."""
    own: dict[str, list[Name]] = {}
    for name in promised():
        own.setdefault(room_of(name), []).append(name)
    for room in ("policies", "ports", "adapters"):
        own.setdefault(room, []).extend(names_in(f"loyalty.{room}"))
    own["events"] = list(names_in("loyalty.events"))
    events = {id(event.value) for event in own["events"]}
    own["values"].extend(part for part in _parts(own["values"]) if id(part.value) not in events)
    own["testing"] = list(names_in("loyalty.testing"))
    own["errors"] = [Name("loyalty.errors", name, getattr(errors, name)) for name in errors.__all__]
    own["books"] = [
        name
        for package in ("ledger", "gift_cards", "store_credit", "codes", "identifiers", "clock", "money")
        for name in names_in(f"loyalty.{package}")
        if id(name.value) not in {id(shown.value) for shown in own["values"]}
    ]
    return {room: tuple(names) for room, names in own.items()}


def _parts(values: Iterable[Name]) -> Iterator[Name]:
    """Yield the classes that values are made of and that nothing promises by name."""
    known = {name.value for name in promised() if isinstance(name.value, type)}
    waiting = [name.value for name in values]
    while waiting:
        kind = waiting.pop(0)
        own = [part for part in _field_types(kind) if part not in known]
        known.update(own)
        waiting.extend(own)
        yield from (Name(part.__module__, part.__name__, part) for part in own)


def _field_types(kind: object) -> Iterator[type]:
    """Yield our own classes among the types of a class's fields."""
    if isinstance(kind, type) and attrs.has(kind):
        for field in attrs.fields(attrs.resolve_types(kind)):
            for part in [field.type, *get_args(field.type)]:
                if isinstance(part, type) and attrs.has(part) and part.__module__.startswith("loyalty."):
                    yield part


# --- what the docstrings say -------------------------------------------------


def raises(value: object) -> tuple[Raised, ...]:
    """Return the section *Raises* of a docstring: errors in order of precedence."""
    return tuple(_raised(inspect.getdoc(value) or ""))


def _raised(text: str) -> Iterator[Raised]:
    """Yield the errors of the one section; a line that is indented more goes on with the one before."""
    section, error, when = "", "", ""
    for line in [*text.splitlines(), "End:"]:
        if heading := SECTION.match(line):
            if error:
                yield Raised(error, when)
            section, error = heading[1], ""
        elif section == "Raises" and (begun := ERROR.match(line)):
            if error:
                yield Raised(error, when)
            error, when = begun[1], begun[2]
        elif section == "Raises" and line.strip():
            when += f" {line.strip()}"


def is_inside(dotted: str) -> bool:
    """Tell whether a dotted name is there, such as a type variable in a signature; a mistyped one is not."""
    module, _, name = dotted.rpartition(".")
    return module in sys.modules and hasattr(sys.modules[module], name)


def answer_of(kind: type) -> object:
    """Return the type that a command or query is answered with."""
    for base in kind.__mro__:
        for generic in getattr(base, "__orig_bases__", ()):
            origin = get_origin(generic)
            if isinstance(origin, type) and issubclass(origin, (Request, Query)):
                answer = get_args(generic)[0]
                if not isinstance(answer, TypeVar):
                    return answer
    message = f"{kind.__name__} does not say what it answers with"
    raise TypeError(message)


# --- what the pages say ------------------------------------------------------


def filled(page: str) -> str:
    """Return a page with every mark replaced by what belongs there, one heading below the one that it stands under."""
    return MARK.sub(lambda mark: _section(mark[1], f"#{HEADING.findall(page[: mark.start()])[-1]}"), page)


def _section(wanted: str, level: str) -> str:
    if wanted == "table-of-errors":
        return error_table()
    if wanted == "precedence":
        return precedence(level)
    return "\n".join(entry(name, level) for name in rooms()[wanted])


def entry(name: Name, level: str) -> str:
    """Return the entry of a name: a heading, what it is answered with, and what its docstring says."""
    about = [f".. {directive(name)}:: {name.dotted}", *_options(name)]
    lines = [f"{level} {name.name}", "", "```{eval-rst}", *about, "```", ""]
    if is_command(name) or is_sweep(name) or is_query(name):
        lines[2:2] = [f"Answers with {_linked(answer_of(name.value))}.", ""]
    return "\n".join(lines)


def _linked(answer: object) -> str:
    if isinstance(answer, GenericAlias):
        return f"any number of {_linked(get_args(answer)[0])}"
    assert isinstance(answer, type)  # noqa: S101 - commands answer with a class or a tuple of one
    return f"{{py:class}}`{answer.__name__} <{answer.__module__}.{answer.__qualname__}>`"


def directive(name: Name) -> str:
    """Return how Sphinx documents it."""
    value = name.value
    if isinstance(value, type) and not isinstance(value, GenericAlias):
        return "autoexception" if issubclass(value, Exception) else "autoclass"
    if isinstance(value, ModuleType):
        return "automodule"
    return "autofunction" if inspect.isroutine(value) else "autodata"


def _options(name: Name) -> list[str]:
    value = name.value
    if is_command(name) or is_sweep(name) or is_query(name) or isinstance(value, NewType):
        return []
    if directive(name) == "autodata":
        return ["   :no-value:"]
    if isinstance(value, type) and issubclass(value, enum.Enum):
        return ["   :members:", "   :undoc-members:", "   :member-order: bysource"]
    if isinstance(value, (type, ModuleType)):
        shown = "   :no-index-entry:" if isinstance(value, type) and issubclass(value, Protocol) else ""
        return [line for line in ["   :members:", "   :member-order: bysource", shown] if line]
    return []


def error_table() -> str:
    """Return every error with what a host and a stranger are told."""
    lines = ["| error | `code` | `public_message` |", "| --- | --- | --- |"]
    for name, kind in [(name.name, name.value) for name in rooms()["errors"]]:
        lines += [f"| {_error(name)} | `{kind.code}` | {kind.public_message} |"]
    return "\n".join(lines)


def precedence(level: str) -> str:
    """Return, for each command and query, its errors in order of precedence."""
    own = rooms()
    return "\n".join(_precedence(name, level) for room in ("commands", "sweeps", "queries") for name in own[room])


def _precedence(name: Name, level: str) -> str:
    lines = [f"{level} {{py:class}}`~{name.dotted}`", ""]
    found = raises(name.value)
    lines += [f"{place}. {_error(raised.error)}: {_as_markdown(raised.when)}" for place, raised in enumerate(found, 1)]
    return "\n".join([*lines, *([] if found else ["None of its own."]), ""])


def _error(name: str) -> str:
    return f"{{py:exc}}`~loyalty.errors.{name}`"


def _as_markdown(text: str) -> str:
    """Return a docstring's sentence with code in single marks, as Markdown has them."""
    return text.replace("``", "`")
