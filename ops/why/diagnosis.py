"""Where an event waits, why, and the command that helps: findings in the order of the path. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ops.doctor.finding import INCOMPLETE, Finding, Kind
from ops.why.facts import COMMANDS, Facts, RequestLine
from ops.why.timeline import FAILED_FROM, LAKE, READ_MODEL, REFUSED_FROM, STREAM, TABLE

TABLE_STREAM_RETENTION = timedelta(hours=24)
"""DynamoDB developer guide, "Change data capture for DynamoDB Streams": all records have a lifetime of 24 hours."""

PROJECTOR_QUEUE, FAILURES, CONSUMER_FAILURES = "projector", "projector's failure bucket", "consumers' failure bucket"
PARKED, INBOX, ERRORS = "parked accounts", "read model's inbox", "lake's errors/"

REFUSED = Kind("refused", "It made no event. The caller has the answer, with what to change.", "")
OUTCOME_UNKNOWN = Kind(
    "outcome-unknown",
    "The request failed, and the log has no event of it. The caller sends it again with the same Idempotency-Key.",
    "apifails",
)
ROW_MISSING = Kind(
    "row-missing",
    "The event is known, but its row was deleted. First restore a backup to another table, as in the runbook entry.",
    "ledger-row-wrong",
)
IS_PARKED = Kind(
    "parked",
    "Its row cannot be published. First repair the row, or deploy a release that can read it.",
    "projectorparks",
)
IS_BEHIND_PARKED = Kind(
    "behind-parked",
    "An earlier event of its account cannot be published. First repair that row, or deploy a release that can read it.",
    "projectorparks",
)
DISCARDED = Kind("discarded", "Lambda gave up delivering its row to the projector.", "projectorgaveup")
EXPIRED = Kind(
    "expired",
    "Its row has expired from the table's stream, so the projector will not receive it any more.",
    "publish-missing-events-again",
)
NOT_PUBLISHED = Kind(
    "not-published", "The projector has not published it in the expected time.", "events-not-published"
)
ON_ITS_WAY = Kind("on-its-way", "It is younger than the time that this step may take.", "")
WAITS_FOR_GAP = Kind(
    "waits-for-gap", "An earlier event of its account is missing on the stream.", "accountsbyownerwaits"
)
REFUSED_BY_MODEL = Kind(
    "refused-by-read-model", "The read model could not apply it. First remove the cause.", "accountsbyownergaveup"
)
NOT_APPLIED = Kind("not-applied", "The lists of accounts by owner are not up to date.", "accountsbyownerisbehind")
IN_ERRORS = Kind("in-errors", "It is missing in queries and reports. First remove the cause.", "lakerefuses")
NOT_IN_LAKE = Kind("not-in-lake", "It is missing in queries and reports.", "lakeisbehind")
CONVERSION_FAILED, LAKE_CONVERSION_FAILS = "/format-conversion-failed/", "lakeconversionfails"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the stack does around an event.

    Attributes:
        now: the current time, UTC.
        grace: how long an event may take to the stream, and from the stream to the read model.
        lake_grace: how long it may take from the stream to the lake.
        retention: how long the event stream keeps it.
        stack: the stack's name.
        option: the option with which a command works on this stack.
        stream: the event stream's name.
        projector_log: the log group of the projector.
        standstills: `doctor`'s findings about what stands still, by the part: TABLE (the projector's mapping),
            READ_MODEL (its mapping) or LAKE (the delivery).
    """

    now: datetime
    grace: timedelta
    lake_grace: timedelta
    retention: timedelta
    stack: str
    option: str
    stream: str
    projector_log: str
    standstills: Mapping[str, Finding] = field(default_factory=dict)

    def again(self, subject: str) -> str:
        """The command that looks for this id again."""
        return f"account-events why {subject}{self.option}"

    def replay(self, account_id: str) -> str:
        return f"account-events replay --account {account_id} --to-stream {self.stream} --live{self.option}"


def diagnosis(facts: Facts, around: Surroundings) -> list[Finding]:
    """What the event waits for; nothing if it is everywhere. What waits for something else is not named again."""
    found = list(_table(facts, around))
    if facts.is_published:
        return [*found, *_read_model(facts, around), *_lake(facts, around)]
    return found if facts.row is None else [*found, *_before_stream(facts, around)]


def diagnosis_of(request: RequestLine, around: Surroundings) -> Finding | None:
    """What became of a request that made no event; None for one that was answered, and for a read that failed."""
    what = f"{request.operation} was answered {request.status} {request.code}".rstrip() + "."
    again = around.again(request.account_id) if request.account_id else ""
    if request.status >= FAILED_FROM:
        if request.operation not in COMMANDS:
            return None
        return OUTCOME_UNKNOWN.without_repair("request", what, again)
    if request.status >= REFUSED_FROM:
        return REFUSED.without_repair("request", what, again)
    return None


def _table(facts: Facts, around: Surroundings) -> Iterator[Finding]:
    if facts.row is None:
        account = facts.key.account_id
        what = f"The table has no row of event {facts.key.event_id}."
        repair = f"account-events restore rows {around.stack}-copy {account} --write{around.option}"
        yield ROW_MISSING.at(TABLE, what, repair)


def _before_stream(facts: Facts, around: Surroundings) -> Iterator[Finding]:
    """Why it is not published. The causes that name the event come first."""
    account, sequence, event_id = *facts.key, facts.key.event_id
    parked = facts.parked
    if parked and sequence == parked.first:
        what = f"The account is parked at event {event_id} since {parked.at}: {parked.reason}."
        yield IS_PARKED.at(PARKED, what, f"account-events release {account}{around.option}")
        return
    if parked and sequence > parked.first:
        what = f"It waits behind event {parked.first}, at which the account is parked since {parked.at}: "
        yield IS_BEHIND_PARKED.at(PARKED, f"{what}{parked.reason}.", f"account-events release {account}{around.option}")
        return
    if facts.discarded:
        what = f"Its row is in {facts.discarded.url}."
        yield DISCARDED.at(FAILURES, what, f"account-events release --failures{around.option}")
        return
    stands = around.standstills.get(TABLE)
    if stands:
        yield stands
    age = around.now - facts.occurred_at if facts.occurred_at else timedelta.max
    if unknown := _unknown(facts, age, around):
        what = f"Whether event {event_id} was published is unknown: {unknown}."
        yield INCOMPLETE.at(STREAM, what, around.again(event_id))
    elif age > TABLE_STREAM_RETENTION:
        what = f"It is older than the table's stream keeps rows ({TABLE_STREAM_RETENTION // timedelta(hours=1)} hours)."
        yield EXPIRED.at(TABLE, what, around.replay(account))
    elif not stands and age <= around.grace:
        what = f"It was written {_seconds(age)} ago and is on its way to the event stream."
        yield ON_ITS_WAY.without_repair(PROJECTOR_QUEUE, what, around.again(event_id))
    elif not stands:
        what = f"It was written {_span(age)} ago, and the projector has not published it."
        yield NOT_PUBLISHED.without_repair(PROJECTOR_QUEUE, what, f"aws logs tail {around.projector_log} --since 15m")


def _unknown(facts: Facts, age: timedelta, around: Surroundings) -> str:
    """Why an event may have been published although no copy was found; empty if it was not."""
    is_old = age > TABLE_STREAM_RETENTION
    if facts.stream_unread and (not is_old or READ_MODEL in around.standstills or facts.read_model_unread):
        return facts.stream_unread
    if age > around.retention and facts.read_model_unread:
        return f"it is older than what the event stream keeps, and the read model: {facts.read_model_unread}"
    return ""


def _read_model(facts: Facts, around: Surroundings) -> Iterator[Finding]:
    account, sequence, event_id = *facts.key, facts.key.event_id
    position = facts.position
    rebuild = f"account-events owners rebuild {account}{around.option}"
    if facts.is_applied:
        return
    if facts.read_model_unread:
        what = f"Whether the read model has applied event {event_id} is unknown: {facts.read_model_unread}."
        yield INCOMPLETE.at(READ_MODEL, what, around.again(event_id))
    elif position.last >= sequence:
        what = f"The inbox is at event {position.last}, but the read model's row is at event {facts.applied}."
        yield NOT_APPLIED.at(READ_MODEL, what, rebuild)
    elif facts.consumer_discarded:
        what = f"The read model could not apply it; it is in {facts.consumer_discarded.url}."
        yield REFUSED_BY_MODEL.at(CONSUMER_FAILURES, what, rebuild)
    elif position.is_stuck:
        what = f"The read model refused event {position.last + 1} of the account, which is buffered in the inbox."
        yield REFUSED_BY_MODEL.at(INBOX, what, rebuild)
    elif sequence in position.buffered:
        yield _behind_gap(facts, around)
    else:
        yield from _not_received(facts, around, rebuild)


def _behind_gap(facts: Facts, around: Surroundings) -> Finding:
    """The missing events are published by what publishes the first of them."""
    account, position = facts.key.account_id, facts.position
    first, last = position.last + 1, position.missing_through
    missing = f"event {first}" if first == last else f"events {first} to {last}"
    what = f"It is buffered in the read model's inbox, which waits for {missing} of the account."
    if facts.parked and facts.parked.first <= last:
        what += f" The account is parked at event {facts.parked.first}: {facts.parked.reason}."
        release = f"account-events release {account}{around.option}"
        return WAITS_FOR_GAP.at(INBOX, what, release, why=IS_BEHIND_PARKED.why, runbook=IS_PARKED.runbook)
    if facts.gap_discarded:
        what += f" Event {first} is in {facts.gap_discarded.url}."
        release = f"account-events release --failures{around.option}"
        return WAITS_FOR_GAP.at(INBOX, what, release, why=DISCARDED.why, runbook=DISCARDED.runbook)
    if position.since_s is not None and around.now.timestamp() - position.since_s <= around.grace.total_seconds():
        return ON_ITS_WAY.without_repair(INBOX, what, around.again(facts.key.event_id))
    return WAITS_FOR_GAP.at(INBOX, what, around.replay(account))


def _not_received(facts: Facts, around: Surroundings, rebuild: str) -> Iterator[Finding]:
    published_at, event_id = _published_at(facts), facts.key.event_id
    age = around.now - published_at if published_at else timedelta.max
    if age > around.retention:
        what = "The read model has not applied it, and the event stream no longer keeps it."
        yield NOT_APPLIED.at(READ_MODEL, what, rebuild)
    elif stands := around.standstills.get(READ_MODEL):
        yield stands
    elif age <= around.grace:
        what = f"It arrived on the event stream {_seconds(age)} ago and is on its way to the read model."
        yield ON_ITS_WAY.without_repair(READ_MODEL, what, around.again(event_id))
    else:
        what = "It is on the event stream, and the read model has not applied it."
        yield NOT_APPLIED.at(READ_MODEL, what, rebuild)


def _lake(facts: Facts, around: Surroundings) -> Iterator[Finding]:
    account, event_id = facts.key.account_id, facts.key.event_id
    if facts.in_lake:
        return
    if failed := facts.in_errors:
        what = f"The lake has refused it; it is in {failed.url}" + (f": {failed.reason}." if failed.reason else ".")
        runbook = LAKE_CONVERSION_FAILS if CONVERSION_FAILED in failed.url else IN_ERRORS.runbook
        yield IN_ERRORS.at(ERRORS, what, f"account-events lake redrive{around.option}", runbook=runbook)
        return
    if facts.lake_unread:
        what = f"Whether event {event_id} is in the lake is unknown: {facts.lake_unread}."
        yield INCOMPLETE.at(LAKE, what, around.again(event_id))
        return
    published_at = _published_at(facts)
    age = around.now - published_at if published_at else timedelta.max
    if stands := around.standstills.get(LAKE):
        yield stands
    elif age <= around.lake_grace:
        by = f"{published_at + around.lake_grace:%H:%M:%S}" if published_at else "then"
        what = f"The delivery buffers it. It should be in the lake by {by} UTC."
        yield ON_ITS_WAY.without_repair(LAKE, what, around.again(event_id))
    else:
        what = "It was published, and no file of the lake has it."
        yield NOT_IN_LAKE.at(LAKE, what, f"account-events lake backfill {account}{around.option}")


def _published_at(facts: Facts) -> datetime | None:
    """When it arrived on the stream; the time of the event if no source has the arrival."""
    if facts.on_stream:
        return facts.on_stream.arrived_at
    return (facts.in_lake.published_at if facts.in_lake else None) or facts.occurred_at


def _span(age: timedelta) -> str:
    if age == timedelta.max:
        return "an unknown time"
    seconds = age.total_seconds()
    return _seconds(age) if seconds < 600 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 -- ten minutes


def _seconds(age: timedelta) -> str:
    """An age in words. That of an event that was written while the command ran is negative."""
    return f"{max(0.0, age.total_seconds()):.0f} s"
