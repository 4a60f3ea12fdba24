"""What is known about an event, at each point of its path. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from account_core.domain.events import Transfer
from account_core.rows.items import CREDIT
from account_events.consumer.position import Position
from projector.parking import Parked

COMMANDS = {"create_account", "credit", "withdraw", "transfer"}
"""The API's operations that make an event; a transfer makes two."""


class EventKey(NamedTuple):
    """An event: its account and its sequence."""

    account_id: str
    sequence: int

    @property
    def event_id(self) -> str:
        return f"{self.account_id}:{self.sequence}"


@dataclass(frozen=True, slots=True)
class RequestLine:
    """The log line of a request. `sequence` is that of the event that the request made or, for a replay, found.

    The line of a transfer has the paying account and the sequence of its event.
    """

    at: datetime
    operation: str
    status: int
    request_id: str
    code: str = ""
    account_id: str = ""
    sequence: int | None = None
    is_replay: bool = False
    correlation_id: str = ""
    command_id: str | None = None
    transfer_id: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An event's row.

    Attributes:
        at: when the event occurred; None if the row has no valid time.
        kind: the row's type, for example CREDIT.
        problem: why the row cannot be read; empty if it can.
        transfer: the transfer that the event belongs to, if it belongs to one.
    """

    key: EventKey
    version: int
    at: datetime | None
    kind: str
    correlation_id: str | None = None
    request_id: str | None = None
    command_id: str | None = None
    problem: str = ""
    transfer: Transfer | None = None

    @property
    def is_received(self) -> bool:
        """Whether the event is the credit of a transfer, which the paying account's request made."""
        return self.transfer is not None and self.kind == CREDIT


@dataclass(frozen=True, slots=True)
class OnStream:
    """The first record on the event stream, within what was read, that contains the event."""

    shard_id: str
    sequence_number: str
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class InLake:
    """The event's row in the lake. `published_at` is None if a backfill wrote it."""

    file: str
    published_at: datetime | None
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in which AWS keeps records that it could not deliver. `reason` is empty if it is not known."""

    url: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is known about one event.

    Attributes:
        key: the event.
        occurred_at: when it occurred; None if no source that was read has it.
        requests: the requests that made or repeated it, oldest first.
        row: its row; None if the table does not have it.
        other: the transfer's other event; None if there is no transfer, or if it was not looked for or not found.
        parked: the account's parking, if the account is parked.
        on_stream: its record; None if it was not found.
        stream_unread: why its record may be on the stream although it was not found; empty if it is not there.
        is_not_on_stream: whether the stream, which would still keep its record, was read completely and has none.
        position: the read model's position in the account.
        applied: the sequence that the read model's row of the account has; 0 without a row.
        read_model_unread: why the read model's position and row are unknown; empty if they were read.
        in_lake: its row in the lake; None if it was not found.
        lake_unread: why its row may be in the lake although it was not found; empty if it is not there.
        discarded: the oldest object of the projector's failure bucket that has the event.
        gap_discarded: the same for the event that the read model waits for.
        consumer_discarded: the oldest object of the consumers' failure bucket that has the event.
        in_errors: the oldest object of the lake's errors/ that has the event.
        unread: the sources of the last four that could not be read completely, each with the reason.
    """

    key: EventKey
    occurred_at: datetime | None = None
    requests: Sequence[RequestLine] = ()
    row: LedgerRow | None = None
    other: EventKey | None = None
    parked: Parked | None = None
    on_stream: OnStream | None = None
    stream_unread: str = ""
    is_not_on_stream: bool = False
    position: Position = field(default_factory=Position)
    applied: int = 0
    read_model_unread: str = ""
    in_lake: InLake | None = None
    lake_unread: str = ""
    discarded: Stored | None = None
    gap_discarded: Stored | None = None
    consumer_discarded: Stored | None = None
    in_errors: Stored | None = None
    unread: Sequence[str] = ()

    @property
    def is_applied(self) -> bool:
        """Whether the read model has applied the event."""
        return self.applied >= self.key.sequence

    @property
    def is_published(self) -> bool:
        """Whether a copy of the event is, or was, on the event stream."""
        is_applied = self.position.last >= self.key.sequence or self.is_applied
        return self.has_copy_from_stream or (is_applied and not self.is_not_on_stream)

    @property
    def has_copy_from_stream(self) -> bool:
        """Whether there is a copy that only the event stream can have brought.

        The read model's position and row are none: `owners rebuild` takes them from the table. Neither is a row of the
        lake that a backfill wrote.
        """
        has_copy = self.on_stream or self.in_errors or self.consumer_discarded
        is_from_stream = self.in_lake is not None and self.in_lake.published_at is not None
        return bool(has_copy) or self.key.sequence in self.position.buffered or is_from_stream

    @property
    def is_everywhere(self) -> bool:
        """Whether the event was published and has reached the end of its path: the read model and the lake."""
        return self.row is not None and self.is_published and self.is_applied and self.in_lake is not None
