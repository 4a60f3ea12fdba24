"""A table's stream by hand: the commands in, the records out, decided by the real decider."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from account_core.domain.commands import Command
from account_core.domain.events import Row
from account_core.service.head import Origin, timestamp
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.store.memory_store import MemoryAccountStore
from account_events.testing.table_stream import TableStream
from tests.support.rows import KEY, stream_records

START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)

Step = tuple[str, Command]
"""An account's id and a command to it; `in_turn` mixes those of several accounts."""


def given(*steps: Step, start: datetime = START, keyed: bool = False) -> TableStream:
    """The stream of a table after these commands, one a second: rows, snapshots and versions are the service's own.

    A command that finds what it asks for done already (a second CreateAccount) writes no row, and makes no record.

    Args:
        steps: in the order in which they are carried out; accounts may take turns as they like.
        start: when the first is.
        keyed: whether each has an idempotency key.

    Raises:
        account_core.domain.errors.Rejected: the domain refused one; a note names the step.
    """
    store = _Noting()
    service = AccountService(store)
    for number, (account_id, command) in enumerate(steps, 1):
        origin = Origin(
            occurred_at=timestamp(start + timedelta(seconds=number)),
            correlation_id=f"c-{number}",
            request_id=f"r-{number}",
            command_id=f"k-{number}" if keyed else None,
        )
        try:
            service.execute(account_id, command, origin)
        except Exception as error:
            error.add_note(f"step {number} of given(): {account_id}, {command}")
            raise
    return TableStream.of(stream_records(store.written), KEY)


class _Noting(MemoryAccountStore):
    """Remembers the rows in the order they were stored."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Row] = []

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        super().append(rows, used)
        self.written += rows
