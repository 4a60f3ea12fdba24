"""What runs the lake's SQL, which is written in Athena's dialect: Athena itself, or DuckDB at home."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from local_stack.errors import CommandError


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's.

    Attributes:
        rows: of str, int, bool, Decimal, datetime without a zone (UTC is meant), date or None.
        read_bytes: what the engine read for it; None where it does not say.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    read_bytes: int | None = None

    def records(self) -> list[dict[str, Any]]:
        """The rows by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class QueryFailed(CommandError):
    """The engine refused a query or broke off; the message is its own."""


class Engine(Protocol):
    """Knows the tables `account_events` and `daily_totals`, and the view `events`."""

    def query(self, sql: str, parameters: Sequence[str] = ()) -> Answer:
        """The answer to one SELECT in Athena's dialect.

        Args:
            sql: with a `?` for each parameter.
            parameters: each as the text of a string literal, as Athena's execution parameters are; the SQL casts it.

        Raises:
            QueryFailed: see there.
        """
        ...
