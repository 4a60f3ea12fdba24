"""The timeline of an event: one hop for each point of its path that it has reached or waits at. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ops.why.facts import Facts, RequestLine

REQUEST, TABLE, PROJECTOR, STREAM = "request", "table", "projector", "event stream"
INBOX, READ_MODEL, LAKE = "inbox", "read model", "lake"
PATH = (REQUEST, TABLE, PROJECTOR, STREAM, INBOX, READ_MODEL, LAKE)
REFUSED_FROM, FAILED_FROM = 400, 500
ROUNDED = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Hop:
    """A point of an event's path.

    Attributes:
        where: one of PATH.
        at: when the event was there; None if no source has the time.
        after_s: the seconds since the hop before that has a time.
        what: what is known about it.
        is_reached: whether the event has been there. If not, it waits before this point or its stay is unknown.
    """

    where: str
    at: datetime | None
    what: str
    is_reached: bool = True
    after_s: float | None = None


def timeline(facts: Facts) -> list[Hop]:
    """The hops in order of time. One without a time follows the point before it on the path."""
    found = [*_requests(facts), *_table(facts), *_projector(facts), *_stream(facts), *_read_model(facts), *_lake(facts)]
    times: list[datetime] = []
    before = datetime.min.replace(tzinfo=UTC)
    for number, hop in enumerate(found):
        times.append(_sorted_at(hop, before))
        is_repetition = number < len(facts.requests) and facts.requests[number].is_replay
        before = before if is_repetition else max(before, times[-1])
    order = sorted(range(len(found)), key=lambda number: (times[number], number))
    return _with_delays([found[number] for number in order])


def _sorted_at(hop: Hop, before: datetime) -> datetime:
    """The time by which a hop is sorted, given the latest of the hops before it on the path.

    A hop without a time follows those hops. So does one whose time is only a little earlier because it is in whole
    seconds, as the times of S3's objects and of the parking are.
    """
    if hop.at is None:
        return before
    is_rounded = hop.where in {PROJECTOR, LAKE} and hop.at < before < hop.at + ROUNDED
    return before if is_rounded else hop.at


def line_of(request: RequestLine) -> str:
    """A request in words."""
    what = f"{request.operation} answered {request.status}"
    if request.code:
        what += f" {request.code}"
    if request.is_replay:
        what += ", a repetition that returned the stored event"
    what += f"; request id {request.request_id}"
    if request.correlation_id and request.correlation_id != request.request_id:
        what += f", correlation id {request.correlation_id}"
    if request.transfer_id:
        what += f", transfer id {request.transfer_id}"
    return what + (f", idempotency key {request.command_id}" if request.command_id else "")


def transfer_of(facts: Facts) -> str:
    """The transfer that an event belongs to, in words; empty if it belongs to none."""
    row = facts.row
    if row is None or row.transfer is None:
        return ""
    where = f"account {row.transfer.counterparty}" + (f", event {facts.other.event_id}" if facts.other else "")
    return f"transfer {row.transfer.transfer_id} {'from' if row.is_received else 'to'} {where}"


def _with_delays(hops: Sequence[Hop]) -> list[Hop]:
    before: datetime | None = None
    found = []
    for hop in hops:
        after_s = max(0.0, (hop.at - before).total_seconds()) if hop.at and before else None
        found.append(replace(hop, after_s=after_s))
        before = hop.at or before
    return found


def _requests(facts: Facts) -> Iterator[Hop]:
    for request in facts.requests:
        yield Hop(REQUEST, request.at, line_of(request))
    row = facts.row
    if not facts.requests and row and row.is_received:
        what = f"made by the {transfer_of(facts)}; the ids of the request are in the paying account's event only"
        yield Hop(REQUEST, None, what, is_reached=False)
    elif not facts.requests:
        ids = f"; request id {row.request_id}" if row and row.request_id else ""
        yield Hop(REQUEST, None, f"no log line was found{ids}", is_reached=False)


def _table(facts: Facts) -> Iterator[Hop]:
    row = facts.row
    if row is None:
        yield Hop(TABLE, None, f"the table has no event {facts.key.sequence} of this account", is_reached=False)
        return
    what = f"{row.kind}, version {row.version}, sequence {row.key.sequence}"
    if transfer := transfer_of(facts):
        what += f", {transfer}"
    yield Hop(TABLE, row.at, f"{what}. It cannot be read: {row.problem}" if row.problem else what)


def _projector(facts: Facts) -> Iterator[Hop]:
    """What the projector has recorded about it; a published event needs no such hop."""
    if facts.discarded:
        what = f"Lambda gave up delivering the row; it is in {facts.discarded.url}"
        yield Hop(PROJECTOR, facts.discarded.at, what, is_reached=facts.is_published)
    if facts.is_published or facts.row is None:
        return
    parked, sequence = facts.parked, facts.key.sequence
    if parked and sequence >= parked.first:
        which = "this event" if parked.first == sequence else f"event {parked.first}"
        at = datetime.fromisoformat(parked.at)
        yield Hop(PROJECTOR, at, f"the account is parked at {which}: {parked.reason}", is_reached=False)
    elif not facts.discarded:
        yield Hop(PROJECTOR, None, "not published" if not facts.stream_unread else "unknown", is_reached=False)


def _stream(facts: Facts) -> Iterator[Hop]:
    if record := facts.on_stream:
        what = f"{record.shard_id}, sequence number {record.sequence_number}"
        yield Hop(STREAM, record.arrived_at, what)
    elif facts.is_published:
        at = facts.in_lake.published_at if facts.in_lake else None
        why = facts.stream_unread or "the stream no longer has it"
        yield Hop(STREAM, at, f"published; shard and sequence number are unknown: {why}")


def _read_model(facts: Facts) -> Iterator[Hop]:
    if facts.read_model_unread:
        yield Hop(READ_MODEL, None, f"unknown: {facts.read_model_unread}", is_reached=False)
        return
    if not facts.is_published and not facts.is_applied:
        return
    position, sequence = facts.position, facts.key.sequence
    waits_since = datetime.fromtimestamp(position.since_s, UTC) if position.since_s is not None else None
    last = max(position.last, facts.applied)  # the row may have been read later than the position
    if last >= sequence:
        yield Hop(INBOX, None, f"applied; the account's position is {last}")
    elif sequence in position.buffered:
        missing = f"waits for event {position.last + 1}" if not position.is_stuck else "was refused by the read model"
        yield Hop(INBOX, waits_since, f"buffered at position {position.last}; the account {missing}", is_reached=False)
    else:
        yield Hop(INBOX, None, f"not received; the account's position is {position.last}", is_reached=False)
    what = f"the account's row is at event {facts.applied}" if facts.applied else "it has no row of the account"
    yield Hop(READ_MODEL, None, what, is_reached=facts.is_applied)


def _lake(facts: Facts) -> Iterator[Hop]:
    if failed := facts.in_errors:
        reason = f": {failed.reason}" if failed.reason else ""
        yield Hop(LAKE, failed.at, f"refused, kept in {failed.url}{reason}", is_reached=False)
    if found := facts.in_lake:
        source = f"; published_at {found.published_at:%Y-%m-%d %H:%M:%S.%f}" if found.published_at else "; a backfill"
        yield Hop(LAKE, found.written_at, f"{found.file}{source}")
    elif facts.lake_unread:
        yield Hop(LAKE, None, f"unknown: {facts.lake_unread}", is_reached=False)
    elif facts.is_published and not facts.in_errors:
        yield Hop(LAKE, None, "no file has it", is_reached=False)
