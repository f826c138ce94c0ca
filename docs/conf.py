"""
How Sphinx builds the documentation: ``nox -s docs``.

The pages are Markdown. Those of the reference hold marks, which
``public_reference.py`` replaces by an entry for each public name; the entries
are made of the docstrings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from sqlalchemy.orm import Session

import loyalty
from docs import public_reference
from loyalty.adapters.sqlalchemy import joined, storage

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

for module in (joined, storage):
    vars(module)["Session"] = Session  # there only a type checker reads it, and here so does Sphinx

project = "loyalty"
author = "The loyalty authors"
copyright = "the loyalty authors; MIT licensed"  # noqa: A001 - Sphinx reads this name
release = metadata.version("loyalty-core")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.mermaid"]
exclude_patterns = ["examples"]
html_theme = "furo"
html_title = f"loyalty {release}"
html_show_sourcelink = False

# A name that leads nowhere is an error, also in a docstring. What others define is not ours to describe.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(?!loyalty\.)[a-z_]\w*\..*"),
    # attrs writes the annotations of a field with a converter as they stand in the file.
    (r"py:class", r"(Currency|Decimal|Money|Path|date|datetime|timedelta|time|ZoneInfo)"),
    # Types of the insides, which stand in a few signatures by their short names.
    (r"py:(class|exc)", r"Any[A-Z]\w+|Disagreement"),
]

myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 60
python_use_unqualified_type_names = True
add_module_names = False
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Guarantees", "Source", "Order", "Missing", "Concurrent"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Fill the pages of the reference, and see that no public name is missing."""
    app.connect("source-read", _fill)
    app.connect("autodoc-process-docstring", _as_prose, priority=1)
    app.connect("missing-reference", _found_by_its_end)
    app.connect("env-check-consistency", _require_every_name)
    return {"parallel_read_safe": True}


def _fill(_app: Sphinx, _page: str, source: list[str]) -> None:
    source[0] = public_reference.filled(source[0])


def _as_prose(_app: Sphinx, what: str, _name: str, _value: object, _options: object, lines: list[str]) -> None:
    """Keep Napoleon from taking what stands before a colon, in the sentence about a constant, for its type."""
    if what in {"data", "attribute", "property"} and lines:
        lines[0] = f": {lines[0]}"


def _found_by_its_end(app: Sphinx, env: BuildEnvironment, node: Any, shown: Any) -> Any:  # nodes of docutils
    """Lead a name that a docstring writes shortly to the one entry that ends like it; the insides have no entry."""
    from sphinx.util.nodes import make_refnode  # noqa: PLC0415 - types are checked where it is not installed, too

    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    entries = env.get_domain("py").get_objects()
    places = {(page, anchor) for name, _, _, page, anchor, _ in entries if name.endswith(f".{target}")}
    if len(places) != 1:
        return shown if public_reference.is_inside(target) else None
    return make_refnode(app.builder, node["refdoc"], *places.pop(), shown)


def _require_every_name(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn, which is an error, of every public name that has no entry in what was built."""
    from sphinx.util import logging  # noqa: PLC0415 - types are checked where it is not installed, too

    described = {described for described, *_ in env.get_domain("py").get_objects()}
    for name in _missing(described):
        logging.getLogger(__name__).warning("the reference has no entry for %s", name)


def _missing(described: set[str]) -> Iterable[str]:
    return sorted({f"loyalty.{name}" for name in loyalty.__all__ if name != "LoyaltyError"} - described)
