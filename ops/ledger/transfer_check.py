"""Checks that the events of the ledger's transfers agree; the rule is in `transfers`.

The events are kept by DuckDB in a file, not in memory. `check` reads one account after the other, so in the middle of a
table, the other event of half of all transfers has not been read yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import pyarrow as pa

from account_core.domain.events import EventRow
from account_core.rows.items import version_of
from ops.ledger.transfers import SEQUENCE_MAX, UNPAIRED
from projector.translate import translate

SCHEMA = pa.schema(
    [
        ("transfer_id", pa.string()),
        ("account_id", pa.string()),
        ("counterparty_account_id", pa.string()),
        ("sequence", pa.int64()),
        ("event_id", pa.string()),
        ("event_type", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("currency", pa.string()),
        ("occurred_at", pa.timestamp("us")),
    ]
)
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
EVENTS_MAX = 10_000
"""Events kept in memory."""
_YOUNG = "newest > $cut AND newest <= $latest"


class Unpaired(NamedTuple):
    """A transfer whose events do not agree.

    Attributes:
        account_id, sequence: its withdrawal or, if it has none, its first credit.
        note: what is wrong.
    """

    account_id: str
    sequence: int
    note: str

    @property
    def finding(self) -> str:
        """What is wrong with the account."""
        return f"row {self.account_id}/{version_of(self.sequence)}: {self.note}"


class TransferCheck:
    """Checks transfers: call `add` or `add_published` with their events, then `unpaired`. A context manager.

    Args:
        folder: a folder for temporary files; None to keep everything in memory.
        cut: transfers that are older than this must be whole; UTC. The rows are not read at one moment, so that one
            event of a younger transfer may have been read, and not the other. By default, all are checked.
        latest: transfers dated later are checked as well, because they would be young for too long; UTC.
    """

    def __init__(self, folder: Path | None = None, *, cut: datetime = NEVER, latest: datetime = NEVER) -> None:
        self._connection = duckdb.connect(str(folder / "transfers.duckdb") if folder else ":memory:")
        self._times = {"cut": _naive(cut), "latest": _naive(latest)}
        self._waiting: list[Mapping[str, Any]] = []
        self._connection.register("rows", SCHEMA.empty_table())
        self._connection.execute("CREATE TABLE read AS FROM rows")
        # One account may be read twice: as an account of its own, and as the other account of a transfer.
        self._connection.execute("CREATE VIEW transfer_events AS SELECT DISTINCT * FROM read")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, events: Iterable[EventRow]) -> None:
        """Add rows of transfers. One whose sequence no event can have counts as missing, as in `reconcile`."""
        for event in events:
            if event.sequence <= SEQUENCE_MAX:
                self.add_published(*translate(event))

    def add_published(self, name: str, fields: Mapping[str, Any]) -> None:
        """Add an event of a transfer as it was published: its name and its fields."""
        self._waiting.append({**fields, "event_type": name, "occurred_at": _naive(fields["occurred_at"])})
        if len(self._waiting) == EVENTS_MAX:
            self._store()

    def unpaired(self) -> Iterator[Unpaired]:
        """The transfers whose events do not agree, ordered by account and sequence; none that is young."""
        self._store()
        found = self._connection.execute(
            f"SELECT account_id, sequence, note FROM ({UNPAIRED}) WHERE NOT ({_YOUNG}) ORDER BY 1, 2",  # noqa: S608 -- ours
            self._times,
        )
        while rows := found.fetchmany(EVENTS_MAX):
            yield from (Unpaired(*row) for row in rows)

    def young(self) -> int:
        """The number of transfers whose events do not agree, but which are too young to be checked."""
        self._store()
        [(number,)] = self._connection.execute(
            f"SELECT count(*) FROM ({UNPAIRED}) WHERE {_YOUNG}",  # noqa: S608 -- ours
            self._times,
        ).fetchall()
        return int(number)

    def _store(self) -> None:
        if not self._waiting:
            return
        self._connection.register("rows", pa.Table.from_pylist(self._waiting, schema=SCHEMA))
        self._connection.execute("INSERT INTO read FROM rows")
        self._waiting.clear()


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
