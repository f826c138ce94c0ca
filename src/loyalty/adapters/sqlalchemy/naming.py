"""Finding the rows that name a person, page by page. What they come to is for the rules to decide."""

from __future__ import annotations

import attrs

from loyalty.adapters.sqlalchemy.dialects import PLACE_OF, in_lower_case, joined
from loyalty.adapters.sqlalchemy.driver import Parameters
from loyalty.adapters.sqlalchemy.statements import Statements, columns
from loyalty.ports.person import Person

__all__ = ["Naming"]


@attrs.frozen
class Naming:
    """The statements that find one person in one set of tables, each with its parameters."""

    statements: Statements
    person: Person

    def accounts(self, after: str | None, limit: int) -> tuple[str, Parameters]:
        """Return the statement that selects the accounts of cards and of store credit."""
        find, tables = _Conditions(self), self.statements
        credit = f"SELECT s.account_id FROM {tables.store_credit} s WHERE {find.owner('s.customer_id')}"
        owner = f"{find.owner('c.customer_id')} OR {find.owner('c.buyer_id')}"
        texts = find.texts(("c.recipient", "c.note"), ("c.tags", "c.metadata"))
        card = f"SELECT c.account_id FROM {tables.gift_card} c WHERE {owner} OR {texts}"
        return find.page(f"SELECT n.account_id FROM ({credit} UNION ALL {card}) n WHERE", "n.account_id", after, limit)

    def holds(self, after: str | None, limit: int) -> tuple[str, Parameters]:
        """Return the statement that selects holds."""
        find, tables = _Conditions(self), self.statements
        selected = f"SELECT {columns(tables.tables.hold, 'h')} FROM {tables.hold} h"
        return find.page(f"{selected} WHERE {find.owner('h.customer_id')} AND", "h.id", after, limit)

    def gifts(self, after: str | None, limit: int) -> tuple[str, Parameters]:
        """Return the statement that selects gifts."""
        find, tables = _Conditions(self), self.statements
        named = find.texts(("g.address", "g.name", "g.sender", "g.message"), ())
        selected = f"SELECT {columns(tables.tables.gift, 'g')} FROM {tables.gift} g"
        return find.page(f"{selected} WHERE ({named}) AND", "g.gift_card_id", after, limit)

    def transfers(self, after: str | None, limit: int) -> tuple[str, Parameters]:
        """Return the statement that selects transfers."""
        find, tables = _Conditions(self), self.statements
        named = find.texts(("t.actor", "t.reason", "t.note", "t.reference_id"), ("t.metadata",))
        selected = f"SELECT {columns(tables.tables.transfer, 't')} FROM {tables.transfer} t"
        return find.page(f"{selected} WHERE ({named}) AND", "t.id", after, limit)

    def receipts(self, after: str | None, limit: int) -> tuple[str, Parameters]:
        """Return the statement that selects receipts."""
        find, tables = _Conditions(self), self.statements
        named = find.texts((), ("r.result", "r.event_data"))
        selected = f"SELECT {columns(tables.tables.receipt, 'r')} FROM {tables.receipt} r"
        return find.page(f"{selected} WHERE ({named}) AND", "r.id", after, limit)


class _Conditions:
    """Conditions with their parameters, which are numbered in the order in which they come."""

    def __init__(self, naming: Naming) -> None:
        self._statements = naming.statements
        self._person = naming.person
        self._parameters: list[str | int | None] = []

    def owner(self, column: str) -> str:
        """Return the condition that a column is the customer's id."""
        return f"{column} = {self._marker(self._person.customer_id)}"

    def texts(self, plain: tuple[str, ...], documents: tuple[str, ...]) -> str:
        """Return the condition that plain texts, or texts in JSON documents, name the person."""
        found = [self.owner(column) for column in plain]
        for column in documents:
            found += [self._has(column, quoted) for quoted in self._person.quoted_ids()]
        said = joined(self._statements.database, [f"COALESCE({column}, '')" for column in (*plain, *documents)])
        lowered = in_lower_case(self._statements.database, said)
        found += [self._has(lowered, word) for word in self._person.written_words()]
        return " OR ".join(found)

    def page(self, text: str, key: str, after: str | None, limit: int) -> tuple[str, Parameters]:
        """Return a statement that goes on after a key, and all parameters."""
        text = f"{text} {key} > {self._marker(after or '')} ORDER BY {key} LIMIT {self._marker(limit)}"
        return text, tuple(self._parameters)

    def _has(self, text: str, part: str) -> str:
        return f"{PLACE_OF[self._statements.database]}({text}, {self._marker(part)}) > 0"

    def _marker(self, parameter: str | int) -> str:
        self._parameters.append(parameter)
        return self._statements.marker(len(self._parameters))
