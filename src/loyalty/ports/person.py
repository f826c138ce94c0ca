"""
A person who is to be forgotten, and what of the books names him.

The same two questions are asked by the storage, which finds the rows, and by
the rules, which rewrite them, so they are answered in one place.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from json import dumps

import attrs

__all__ = ["Person", "folded"]

_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def folded(text: str) -> str:
    """Return a text with its ASCII letters in lower case, as every database can do it, too."""
    return text.translate(_FOLD)


@attrs.frozen
class Person:
    """
    A customer's id, and other words for the person: addresses, names.

    An id is meant only where it stands alone; such a word wherever it stands in
    a text, in upper or lower case.
    """

    customer_id: str
    known_as: tuple[str, ...] = ()

    def is_named_in(self, text: str) -> bool:
        """Tell whether *text* is the customer's id, or has one of the other words in it."""
        if text == self.customer_id:
            return True
        said = folded(text)
        return any(folded(word) in said for word in self.known_as)

    def quoted_ids(self) -> tuple[str, ...]:
        """Return how the customer's id stands, by itself, in JSON documents."""
        return tuple(_as_written(dumps(self.customer_id, ensure_ascii=False)))

    def written_words(self) -> tuple[str, ...]:
        """Return how the other words stand in texts and in JSON documents, in lower case."""
        return tuple([folded(written) for word in self.known_as for written in _as_written(word)])

    def may_be_in(self, texts: Iterable[str | None], documents: Iterable[str | None] = ()) -> bool:
        """Tell whether plain texts name the person, or JSON documents may."""
        kept = [document for document in documents if document is not None]
        return (
            any(self.is_named_in(text) for text in texts if text is not None)
            or any(quoted in document for quoted in self.quoted_ids() for document in kept)
            or any(word in folded(document) for word in self.written_words() for document in kept)
        )


def _as_written(text: str) -> Iterator[str]:
    """Yield how a text is written by itself, in JSON, and in a JSON text within JSON, each way once."""
    written = [text]
    for _ in range(2):
        written.append(dumps(written[-1], ensure_ascii=False)[1:-1])
    yield from dict.fromkeys(written)
