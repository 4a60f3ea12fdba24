"""Gathers what is known about events: first along their path, then, for what is missing, the causes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from account_events.consumer.position import Position
from account_events.streams.kinesis_source import RECORDS_PER_READ_MAX
from consumers.lake.table import ERRORS_PREFIX
from ops.doctor.published import CLOCKS_DIFFER
from ops.doctor.stack_view import StackView
from ops.lake.query.engine import LocatingEngine
from ops.owners.read_model import inbox_of, standings
from ops.why.facts import EventKey, Facts, InLake, OnStream, RequestLine
from ops.why.readers import Readers
from ops.why.search import ACCOUNT, KEY, LOG, STREAM, Found, event_of
from ops.why.sources import kept, lake, ledger, request_log, stream
from projector.dynamodb_parking import DynamoDBParking
from projector.parking import Parked

PARKED, READ_MODEL, LOCATED = "the parked accounts", "the read model", "the events in the lake"
OTHERS = "the other account of the transfer"
FAILURES, CONSUMER_FAILURES, ERRORS = (
    "the projector's failure bucket",
    "the consumers' failure bucket",
    "the lake's errors/",
)
RETENTION = "the event stream's settings"
NOT_LOOKED_FOR = "it was not looked for; ask for this event alone"
NO_DAY = "its row has no valid time, so its day in the lake is not known"
RECORDS_MAX = 3
"""Published events of which the records are looked for."""
RECORDS_NEAR_MAX = 100
"""Records per request if the time of the arrival is known."""
ROUNDED = timedelta(seconds=1)
"""`published_at` is rounded to milliseconds, and an iterator's time to seconds."""
REPEATED = timedelta(days=1)
"""A repetition is looked for within this time of its event. A search for the idempotency key finds later ones."""
ANSWERED = timedelta(minutes=2)
"""A request is answered within this time of its event: the API's function runs for 29 seconds at most."""


@dataclass(slots=True)
class ReadModelState:
    """The read model's positions and rows, by account."""

    positions: dict[str, Position] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Gathers facts about the events that a search has found.

    Attributes:
        engine: makes the lake's engine.
    """

    view: StackView
    readers: Readers
    found: Found
    engine: Callable[[], LocatingEngine]

    def others(self, events: Sequence[EventKey]) -> dict[EventKey, EventKey]:
        """The other event of each transfer among these events. An account's events are not followed to others."""
        self._rows(events)
        client, table = self.view.client("dynamodb"), self.view.deployment.outputs["TableName"]
        rows = [row for event in events if (row := self.found.rows.get(event)) and row.transfer]
        if ACCOUNT in self.found.kinds:
            return {}
        running = {
            row.key: self.readers.start(OTHERS, partial(ledger.of_transfer, client, table, row), None) for row in rows
        }
        return {event: other for event, result in running.items() if (other := result())}

    def facts(self, asked: Sequence[EventKey], others: Mapping[EventKey, EventKey]) -> list[Facts]:
        """The facts about the events that were asked for, then about the other events of their transfers."""
        events = list(dict.fromkeys([*asked, *others.values()]))
        others = {other: event for event, other in others.items()} | dict(others)
        self._rows(events)
        accounts = list(dict.fromkeys(event.account_id for event in events))
        parked = self.readers.start(PARKED, self._parked, dict[str, Parked]())
        model = self.readers.start(READ_MODEL, lambda: self._read_model(accounts), ReadModelState())
        lines = self.readers.start(LOG, lambda: self._lines(asked, others), list[RequestLine]())
        located = self.found.in_lake | self.readers.now(
            LOCATED, lambda: self._located(events), dict[EventKey, InLake]()
        )
        files = self._written_at({each.file for event, each in located.items() if event in events})
        known = [
            Facts(
                event,
                self._time(event),
                (),
                self.found.rows.get(event),
                others.get(event),
                parked().get(event.account_id),
                self.found.on_stream.get(event),
                position=model().positions.get(event.account_id, Position()),
                applied=model().applied.get(event.account_id, 0),
                read_model_unread=self.readers.problems.get(READ_MODEL, ""),
                in_lake=_with_time(located.get(event), files),
                lake_unread=self.readers.problems.get(LOCATED, "" if self._time(event) else NO_DAY),
            )
            for event in events
        ]
        requests = [*self.found.requests, *lines()]
        return [replace(each, requests=_made_by(requests, _maker(each))) for each in self._with_records(known)]

    def causes(self, incomplete: Sequence[Facts]) -> list[Facts]:
        """The same facts, with the objects in which AWS keeps these events because it could not deliver them."""
        events = [facts.key for facts in incomplete]
        gaps = {facts.key: EventKey(facts.key.account_id, facts.position.last + 1) for facts in incomplete}
        since = min((facts.occurred_at for facts in incomplete if facts.occurred_at), default=self.view.created_at)
        since -= CLOCKS_DIFFER
        outputs, s3, codec = self.view.deployment.outputs, self.view.lake.s3, self.view.deployment.codec()

        def searched(
            name: str, bucket: str, wanted: Iterable[EventKey], holds: kept.Holds, prefix: str = ""
        ) -> Callable[[], kept.KeptSearch]:
            asked = list(dict.fromkeys(wanted))
            return self.readers.start(
                name,
                lambda: kept.search(
                    s3, outputs[bucket], asked, holds, since=since, prefix=prefix, wait=self.readers.wait
                ),
                kept.KeptSearch(),
            )

        rows = searched(FAILURES, "FailureBucketName", [*events, *gaps.values()], kept.rows_of_projector)
        records = searched(CONSUMER_FAILURES, "ConsumerFailureBucketName", events, kept.records_of_consumer(codec))
        errors = searched(ERRORS, "LakeBucketName", events, kept.documents_of_firehose(codec), ERRORS_PREFIX)
        results = {FAILURES: rows(), CONSUMER_FAILURES: records(), ERRORS: errors()}
        unread = tuple(f"{name}: {each.unread}" for name, each in results.items() if each.unread)
        return [
            replace(
                facts,
                discarded=results[FAILURES].objects.get(facts.key),
                gap_discarded=results[FAILURES].objects.get(gaps[facts.key]),
                consumer_discarded=results[CONSUMER_FAILURES].objects.get(facts.key),
                in_errors=results[ERRORS].objects.get(facts.key),
                unread=unread,
            )
            for facts in incomplete
        ]

    def _rows(self, events: Sequence[EventKey]) -> None:
        """Reads the rows that the search has not read."""
        client, table = self.view.client("dynamodb"), self.view.deployment.outputs["TableName"]
        for event in events:
            if event not in self.found.rows and (row := ledger.of_event(client, table, event)):
                self.found.rows[event] = row

    def _time(self, event: EventKey) -> datetime | None:
        row = self.found.rows.get(event)
        return (row.at if row else None) or self.found.at.get(event)

    def _parked(self) -> dict[str, Parked]:
        table = self.view.deployment.outputs["ParkedTableName"]
        return dict(DynamoDBParking(self.view.client("dynamodb"), table).list_parked())

    def _read_model(self, accounts: Sequence[str]) -> ReadModelState:
        """The positions first: a row that is read later is never behind its position, which changes with it."""
        outputs, client = self.view.deployment.outputs, self.view.client("dynamodb")
        inbox = inbox_of(client, outputs)
        positions = {account_id: inbox.position(account_id) for account_id in accounts}
        owned = standings(client, outputs["OwnedTableName"], accounts)
        return ReadModelState(positions, {account_id: each.sequence for account_id, each in owned.items()})

    def _with_records(self, known: Sequence[Facts]) -> list[Facts]:
        """The same facts, with the records on the event stream.

        An event that may not have been published is looked for up to the newest record. Of the others, only the newest
        are looked for, from their arrival on.
        """
        missing = [each for each in known if each.on_stream is None]
        still_kept = self._still_kept([each for each in missing if each.is_published and not each.has_copy_from_stream])
        unknown = [each for each in missing if not each.is_published or each.key in still_kept]
        published = [each for each in missing if each not in unknown][:RECORDS_MAX]
        searches = [unknown] if unknown else []
        searches += [[each] for each in published]
        running = [
            (group, self.readers.start(STREAM, partial(self._records, group), stream.StreamSearch(self.view.now)))
            for group in searches
        ]
        records: dict[EventKey, OnStream] = {}
        unread = {each.key: NOT_LOOKED_FOR for each in missing}
        for group, search in running:
            result = search()
            records |= {event: each.record for event, each in result.events.items()}
            why = result.unread or self.readers.problems.get(STREAM, "")
            unread |= {each.key: why for each in group}
        return [
            replace(
                each,
                on_stream=each.on_stream or records.get(each.key),
                stream_unread=unread.get(each.key, "") if each.key not in records else "",
                is_not_on_stream=each.key in still_kept and each.key not in records and not unread[each.key],
            )
            for each in known
        ]

    def _still_kept(self, events: Sequence[Facts]) -> set[EventKey]:
        """The events that are so young that the event stream still keeps their records, if it ever had them."""
        if not events:
            return set()
        retention = self.readers.now(RETENTION, lambda: stream.retention(self.view), timedelta(0))
        oldest = self.view.now - retention + timedelta(hours=1)
        return {each.key for each in events if each.occurred_at and each.occurred_at > oldest}

    def _records(self, group: Sequence[Facts]) -> stream.StreamSearch:
        """Looks for events in their accounts' shards."""
        wanted = {each.key for each in group}
        shards = dict.fromkeys(shard for each in wanted for shard in stream.shards_of(self.view, each.account_id))
        arrivals = [arrived - ROUNDED for each in group if (arrived := _arrival(each))]
        times = arrivals or [each.occurred_at - CLOCKS_DIFFER for each in group if each.occurred_at]
        return stream.search(
            self.view,
            [each.event_id for each in wanted],
            lambda fields: EventKey(fields["account_id"], fields["sequence"]) in wanted,
            start=min(times, default=self.view.created_at),
            shard_ids=list(shards),
            expected=wanted,
            records_max=RECORDS_NEAR_MAX if arrivals else RECORDS_PER_READ_MAX,
        )

    def _lines(self, asked: Sequence[EventKey], others: Mapping[EventKey, EventKey]) -> list[RequestLine]:
        """The requests of a single event: the one that made it, and those of the next day that repeated it.

        The request of a transfer is that of its withdrawal.
        """
        row = self.found.rows.get(asked[0]) if len(asked) == 1 else None
        if row is not None and row.is_received:
            row = self.found.rows.get(others[row.key]) if row.key in others else None
        if row is None or row.at is None:
            return []
        found: list[RequestLine] = []
        until = self.view.now + CLOCKS_DIFFER
        is_known = any(event_of(line) == row.key and not line.is_replay for line in self.found.requests)
        within = {} if is_known else {row.request_id: ANSWERED}
        if KEY not in self.found.kinds:  # otherwise the search has found all requests with this key
            within[row.command_id] = REPEATED
        for text, last in within.items():
            if text:
                span = (row.at - ANSWERED, min(row.at + last, until))
                found += request_log.search(
                    self.view.client("logs"),
                    self.view.physical_ids["ApiFunctionLogs"],
                    text,
                    lambda line: event_of(line) == row.key,
                    span=span,
                    wait=self.readers.wait,
                ).lines
        return found

    def _located(self, events: Sequence[EventKey]) -> dict[EventKey, InLake]:
        """The lake's rows of the events that the search has not found there."""
        days = {
            event: f"{at:%Y-%m-%d}" for event in events if event not in self.found.in_lake and (at := self._time(event))
        }
        return lake.by_event(self.engine(), days) if days else {}

    def _written_at(self, files: Iterable[str]) -> dict[str, datetime]:
        """When these files of the lake were written."""

        def read() -> dict[str, datetime]:
            s3, bucket = self.view.lake.s3, self.view.lake.bucket
            return {file: s3.head_object(Bucket=bucket, Key=file)["LastModified"] for file in files}

        return self.readers.now("the lake's files", read, dict[str, datetime]())


def _made_by(lines: Iterable[RequestLine], event: EventKey) -> tuple[RequestLine, ...]:
    """The requests that made or repeated an event, each once, oldest first."""
    theirs = {line: None for line in lines if event_of(line) == event}
    return tuple(sorted(theirs, key=lambda line: line.at))


def _maker(facts: Facts) -> EventKey:
    """The event that the log lines of the event's requests have: for a received transfer, that of its withdrawal."""
    return facts.other if facts.row and facts.row.is_received and facts.other else facts.key


def _arrival(facts: Facts) -> datetime | None:
    """When the event arrived on the stream, according to the lake."""
    return facts.in_lake.published_at if facts.in_lake else None


def _with_time(found: InLake | None, files: dict[str, datetime]) -> InLake | None:
    return replace(found, written_at=files.get(found.file)) if found else None
