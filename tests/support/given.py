"""The stream of a table after given commands, which the real service carries out."""

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
"""An account's id and a command; `account_events.testing.in_turn` mixes the steps of several accounts."""


def given(*steps: Step, start: datetime = START, keyed: bool = False) -> TableStream:
    """The stream of a table after these commands, one per second. The service creates rows, snapshots and versions.

    A command without an effect (a second CreateAccount) writes no row, so it adds no record.

    Args:
        steps: in the order in which they are carried out; accounts may alternate.
        start: one second before the first command.
        keyed: whether each command has an idempotency key.

    Raises:
        account_core.domain.errors.Rejected: the domain refused a command; a note names the step.
    """
    store = _RecordingStore()
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


class _RecordingStore(MemoryAccountStore):
    """A store that records the rows in the order in which they are stored."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Row] = []

    def append(self, rows: Sequence[Row], used: Usage) -> None:
        super().append(rows, used)
        self.written += rows
