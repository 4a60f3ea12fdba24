"""The interface of the engines that run the lake's SQL, in Athena's dialect: Athena on AWS, DuckDB locally."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from local_stack.errors import CommandError


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query.

    Attributes:
        rows: tuples with values of type str, int, bool, Decimal, datetime (UTC, without a zone), date or None.
        read_bytes: the bytes that the engine read; None if it does not report them.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    read_bytes: int | None = None

    def records(self) -> list[dict[str, Any]]:
        """The rows as mappings from column to value."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class QueryFailed(CommandError):
    """The engine refused or aborted a query. The message has the engine's reason and, if known, what to do."""


class FileDamaged(QueryFailed):
    """A file of the lake cannot be read, or its columns are not the table's. The message names it."""


class Engine(Protocol):
    """Runs queries on the tables `account_events` and `daily_totals` and the view `events`."""

    def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        """The answer to one SELECT in Athena's dialect.

        Args:
            sql: the SELECT, with a `?` for each parameter.
            parameters: each as the text of a string literal, as Athena's execution parameters are; the SQL casts it.

        Raises:
            QueryFailed: the engine refused or aborted the query.
        """
        ...


class LocatingEngine(Engine, Protocol):
    """An `Engine` that knows the file of each row."""

    def located(self, columns: str, rest: str, parameters: Sequence[str] = ()) -> Answer:
        """The answer to a SELECT on `account_events`, which has the further column `file`, the URL of the row's file.

        Args:
            columns: the selected columns.
            rest: the clauses after FROM, in SQL that means the same in Athena and DuckDB.
            parameters: as for `query`.

        Raises:
            QueryFailed: the engine refused or aborted the query.
        """
        ...
