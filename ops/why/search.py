"""Finds the events and the requests of an id: by Query in the table, and in the log, the lake and the event stream."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from account_core.api.requests import account_id_of
from ops.doctor.published import CLOCKS_DIFFER
from ops.doctor.stack_view import StackView
from ops.lake.query.engine import LocatingEngine
from ops.lake.reconcile.grace import grace_of
from ops.why.facts import COMMANDS, EventKey, InLake, LedgerRow, OnStream, RequestLine
from ops.why.identifier import Identifier
from ops.why.readers import Readers
from ops.why.sources import lake, ledger, request_log, stream

EVENTS_MAX = 20
"""Events that are followed; the newest."""
ACCOUNT, EVENT, CORRELATION, REQUEST, KEY, TRANSFER = (
    *("account id", "event id", "correlation id", "request id"),
    *("idempotency key", "transfer id"),
)
TABLE, LOG, LAKE, STREAM = "the accounts table", "the API's log", "the lake", "the event stream"
FIELDS = {
    "account_id": ACCOUNT,
    "event_id": EVENT,
    "correlation_id": CORRELATION,
    "request_id": REQUEST,
    "transfer_id": TRANSFER,
}


@dataclass(slots=True)
class Found:
    """The events and the requests of an id.

    Attributes:
        at: the time of each event, as far as it is known.
        kinds: what the id is of the events and the requests.
        newest_sequence: if the id is an account's, the sequence of its newest event.
        searched: where was searched, and how far.
        left_out: why events may be left out.
        may_have_more: whether the id may have more events than were found.
    """

    at: dict[EventKey, datetime | None] = field(default_factory=dict)
    rows: dict[EventKey, LedgerRow] = field(default_factory=dict)
    requests: list[RequestLine] = field(default_factory=list)
    on_stream: dict[EventKey, OnStream] = field(default_factory=dict)
    in_lake: dict[EventKey, InLake] = field(default_factory=dict)
    kinds: dict[str, None] = field(default_factory=dict)
    newest_sequence: int = 0
    searched: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    may_have_more: bool = False

    def add(self, event: EventKey, at: datetime | None, *kinds: str) -> None:
        """Adds an event of the id, and what the id is of it. The first known time stays."""
        self.at[event] = self.at.get(event) or at
        self.kinds |= dict.fromkeys(kinds)

    @property
    def events(self) -> int:
        """The number of events of the id, as far as they are known."""
        return max(self.newest_sequence, len(self.at))

    def newest(self) -> list[EventKey]:
        """The events that are followed, newest first."""
        ages = sorted(
            self.at, key=lambda event: (self.at[event] or datetime.min.replace(tzinfo=UTC), event), reverse=True
        )
        return ages[:EVENTS_MAX]


@dataclass(frozen=True, slots=True)
class Search:
    """A search for an id.

    Attributes:
        account_id: the account of the command, for an idempotency key; None if it is not known.
        since: the log and the lake are searched from this time on.
        engine: makes the lake's engine.
    """

    view: StackView
    readers: Readers
    id: Identifier
    account_id: str | None
    since: datetime
    engine: Callable[[], LocatingEngine]

    def run(self) -> Found:
        """Searches. The stream is read only if the log and the lake leave it open: its consumers share the reads."""
        found = Found()
        self._table(found)
        if self.id.event is not None and found.rows:
            return found
        listed = min((row.at for row in found.rows.values() if row.at), default=self.since)
        lines = self.readers.start(LOG, partial(self._log, max(self.since, listed - CLOCKS_DIFFER)), None)
        rows = self.readers.now(LAKE, self._lake, None)  # in this thread, in which Ctrl-C stops DuckDB and Athena
        self._add_lake(found, rows)
        searched = lines()
        self._add_lines(found, searched)
        is_open = searched is None or not (searched.is_complete or searched.has_more)
        if is_open or not (found.at or found.requests):
            self._add_records(found, self.readers.now(STREAM, self._stream, None))
        return found

    def _table(self, found: Found) -> None:
        """Looks the id up in the table, by Query and GetItem. An error ends the command: the table is the truth."""
        client, table, text = self.view.client("dynamodb"), self.view.deployment.outputs["TableName"], self.id.text
        looked_up = []
        rows: list[LedgerRow] = []
        if self.id.event:
            row = ledger.of_event(client, table, EventKey(*self.id.event))
            rows, looked_up = [row] if row else [], ["as an event id"]
            if not row and (newest := ledger.newest(client, table, self.id.event[0], 1)):
                looked_up = [f"as an event id (the newest event of the account is {newest[0].key.event_id})"]
        if self.id.is_account_id and not rows:
            rows = ledger.newest(client, table, text, EVENTS_MAX)
            looked_up.append("as an account id")
            found.newest_sequence = rows[0].key.sequence if rows else 0
        for row in rows:
            found.rows[row.key] = row
            found.add(row.key, row.at, EVENT if self.id.event else ACCOUNT)
        keys = {} if rows else {"as the key that opened an account": account_id_of(text, None)}  # without JWT
        if self.account_id:
            keys[f"as a key of account {self.account_id}"] = self.account_id
        for what, account_id in keys.items():
            looked_up.append(what)
            if event := ledger.of_command(client, table, account_id, text):
                found.add(event, None, KEY)
        found.searched.append(f"{TABLE}, {', '.join(looked_up)}")
        self.readers.report(TABLE)

    def _log(self, first: datetime) -> request_log.LogSearch:
        """Searches the log from a time on: for an account, that of the oldest event that is listed."""
        text = self.id.event[0] if self.id.event else self.id.text  # a line has the account and the sequence
        if days := self.view.parameters.get("LogRetentionDays"):
            first = max(first, self.view.now - timedelta(days=int(days)))
        return request_log.search(
            self.view.client("logs"),
            self.view.physical_ids["ApiFunctionLogs"],
            text,
            self._is_asked_for,
            span=(first, self.view.now + CLOCKS_DIFFER),
            wait=self.readers.wait,
        )

    def _lake(self) -> list[lake.LakeRow]:
        return lake.by_id(self.engine(), self.id.text, f"{self.since:%Y-%m-%d}")

    def _stream(self) -> stream.StreamSearch:
        """Reads the records of all shards that may not be in the lake yet."""
        start = self.view.now - timedelta(seconds=grace_of(self.view.lake)) - CLOCKS_DIFFER
        return stream.search(self.view, [self.id.text], self._is_wanted, start=start)

    def _is_asked_for(self, line: RequestLine) -> bool:
        """Whether the line is one of the id. An account's reads are left out, because there may be many."""
        kinds = self._kinds(vars_of(line), line.command_id)
        return bool(kinds) and (kinds != [ACCOUNT] or line.operation in COMMANDS)

    def _is_wanted(self, fields: Mapping[str, Any]) -> bool:
        return bool(self._kinds(fields, fields["causation_id"]))

    def _kinds(self, ids: Mapping[str, Any], command_id: str | None) -> list[str]:
        """What the id is of something with these ids."""
        kinds = [kind for name, kind in FIELDS.items() if ids.get(name) == self.id.text]
        if TRANSFER in kinds:  # the receiving account's event has the transfer's id as its correlation id, too
            return [TRANSFER]
        return [*kinds, KEY] if self.id.is_command_id(command_id) else kinds

    def _add_lake(self, found: Found, rows: Sequence[lake.LakeRow] | None) -> None:
        if rows is None:
            return
        found.searched.append(f"{LAKE}, from {self.since:%Y-%m-%d} to {self.view.now:%Y-%m-%d}")
        wanted = [row for row in rows if self._kinds(row.ids, row.ids["causation_id"])]
        for row in wanted:
            found.add(row.key, row.occurred_at, *self._kinds(row.ids, row.ids["causation_id"]))
        found.in_lake |= lake.first_of(wanted)
        if len(rows) >= lake.ROWS_MAX:
            found.left_out.append(f"the lake has at least {lake.ROWS_MAX} rows of this id: only the newest were read")
            found.may_have_more = not found.newest_sequence

    def _add_lines(self, found: Found, search: request_log.LogSearch | None) -> None:
        if search is None:
            return
        if search.start < self.view.now:
            found.searched.append(f"{LOG}, from {minute(search.start)} to {minute(self.view.now)}")
        if search.has_more:
            found.left_out.append(f"the log has more lines of this id: only the newest {len(search.lines)} were read")
            found.may_have_more = not found.newest_sequence
        elif not search.is_complete:
            start = min(search.start, self.view.now)
            pages = request_log.PAGES_MAX
            found.left_out.append(f"the log before {minute(start)}: a search makes at most {pages} requests")
        found.requests += search.lines
        for line in search.lines:
            kinds = self._kinds(vars_of(line), line.command_id)
            if event := event_of(line):
                found.add(event, line.at, *kinds)
            found.kinds |= dict.fromkeys(kinds)

    def _add_records(self, found: Found, search: stream.StreamSearch | None) -> None:
        if search is None:
            return
        shards = "1 shard" if search.shards == 1 else f"{search.shards} shards"
        found.searched.append(f"{STREAM}, {shards} from {minute(search.start)} to {minute(self.view.now)}")
        if search.unread:
            found.left_out.append(f"{STREAM} has more: {search.unread}")
        for event, carried in search.events.items():
            kinds = self._kinds(carried.fields, carried.fields["causation_id"])
            found.add(event, carried.fields["occurred_at"], *kinds)
            found.on_stream[event] = carried.record


def event_of(line: RequestLine) -> EventKey | None:
    """The event that a request made or repeated; None for reads and refusals."""
    if line.operation not in COMMANDS or line.sequence is None or not line.account_id:
        return None
    return EventKey(line.account_id, line.sequence)


def vars_of(line: RequestLine) -> dict[str, str]:
    """The ids of a request, and of its event."""
    ids = {"account_id": line.account_id, "correlation_id": line.correlation_id, "request_id": line.request_id}
    ids["transfer_id"] = line.transfer_id
    event = event_of(line)
    return {**ids, "event_id": event.event_id} if event else ids


def minute(at: datetime) -> str:
    """A time in the text of a search."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
