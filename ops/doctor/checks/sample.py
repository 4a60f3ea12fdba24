"""A sample of accounts: their rows agree, and their newest events are on the stream, in the read model and the lake."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow
from account_core.rows.items import from_item, version_in
from account_core.rows.layout import ACCOUNT_ID, VERSION, rows_query
from ops.doctor.finding import INCOMPLETE, Finding, Kind, arguments, left_out, named
from ops.doctor.published import WINDOW, Published, published
from ops.doctor.stack_view import StackView
from ops.lake.query.engine import FileDamaged
from ops.lake.reconcile.grace import grace_of
from ops.ledger.check import LedgerCheck
from ops.ledger.scan import PAUSE_S
from ops.owners.read_model import Standing, inbox_of, standings
from ops.terminal import counted
from projector.dynamodb_parking import DynamoDBParking

SEGMENTS, ROWS_PER_SEGMENT = 4, 60
SEGMENTS_MAX = 1_000_000
"""DynamoDB API reference, Scan: TotalSegments."""
ACCOUNTS_MAX = 40
ROWS_MAX = 500
"""Rows checked per account. Of longer accounts, only the newest rows are read, and their snapshots are not checked."""
LAKE_DAYS_MAX = 2
NEWEST = "SELECT account_id, max(sequence) FROM account_events WHERE account_id IN ({}) GROUP BY account_id"
DAY_LENGTH = len("2026-11-30")

ROW_WRONG = Kind("ledger-row-wrong", "Commands on such an account fail, or its balance is wrong.", "ledger-row-wrong")
NOT_PUBLISHED = Kind(
    "events-not-published", "Consumers, the read model and the lake do not know these events.", "events-not-published"
)
NOT_DELIVERED = Kind("events-not-delivered", "Other consumers may lack these events as well.", "accountsbyownerwaits")
RECORD_UNREADABLE = Kind(
    "stream-record-unreadable",
    "Consumers stop at this record, or pass it to their dead-letter callback.",
    "accountsbyownerisbehind",
)
MODEL_BEHIND = Kind(
    "read-model-behind", "The lists of accounts by owner are not up to date.", "accountsbyownerisbehind"
)
MODEL_DIFFERS = Kind(
    "read-model-differs", "The lists of accounts by owner show wrong amounts.", "accountsbyownergaveup"
)
FILE_DAMAGED = Kind(
    "lake-file-damaged", "Queries and reports on that day fail. First move it out of events/.", "lake-file-damaged"
)
LACKS_EVENTS = Kind("lake-lacks-events", "Queries and reports are incomplete.", "lakeisbehind")


@dataclass(frozen=True, slots=True)
class Sampled:
    """A sampled account. `newest` is its newest valid event; None if it has none."""

    check: LedgerCheck
    newest: EventRow | None


def check(view: StackView) -> Iterator[Finding]:
    """Checks the sample."""
    accounts = {account_id: _sampled(view, account_id) for account_id in _some_accounts(view)}
    if suspected := [name for name, each in accounts.items() if each.check.findings]:
        view.wait(PAUSE_S)
        accounts |= {name: _sampled(view, name) for name in suspected}
    wrong = {name: each.check for name, each in accounts.items() if each.check.findings}
    yield from _wrong(view, wrong, len(accounts))
    waiting = _waiting(view)
    newest = {
        name: each.newest
        for name, each in accounts.items()
        if each.newest and name not in wrong and name not in waiting
    }
    unpublished = yield from _views(view, newest)
    yield from _lake(view, {name: row for name, row in newest.items() if name not in unpublished})


def _wrong(view: StackView, wrong: Mapping[str, LedgerCheck], sampled: int) -> Iterator[Finding]:
    """Snapshots follow from the events; other rows come from a copy that the operator restores first."""
    snapshots = sorted(name for name, each in wrong.items() if each.is_repaired_by_snapshots)
    rows = sorted(wrong.keys() - set(snapshots))
    for names, kind, repair in (
        (snapshots, "snapshot", f"account-events restore snapshots {arguments(snapshots)}{view.option}"),
        (rows, "row", f"account-events restore rows {view.name}-copy {arguments(rows)} --write --replace{view.option}"),
    ):
        if names:
            what = f"In {len(names)} of {counted(sampled, 'sampled account')} a {kind} is wrong: "
            what += f"{wrong[names[0]].findings[0]}."
            yield ROW_WRONG.at(named(names), what, repair)


def _waiting(view: StackView) -> set[str]:
    """The accounts that are parked or wait in the read model; another check reports them."""
    outputs, dynamodb = view.deployment.outputs, view.client("dynamodb")
    gaps = inbox_of(dynamodb, outputs).gaps(view.now.timestamp())
    parked = DynamoDBParking(dynamodb, outputs["ParkedTableName"]).list_parked()
    return {*parked, *(gap.account_id for gap in gaps)}


def _some_accounts(view: StackView) -> list[str]:
    """A random sample of accounts: the first rows of some segments of the table, whose keys are hashed."""
    client, table = view.client("dynamodb"), view.deployment.outputs["TableName"]
    rows = client.describe_table(TableName=table)["Table"]["ItemCount"]
    segments = min(max(SEGMENTS, rows // ROWS_PER_SEGMENT), SEGMENTS_MAX)
    first = view.draw(segments)
    found: dict[str, None] = {}
    for number in range(SEGMENTS):
        page = client.scan(
            TableName=table,
            Segment=(first + number * (segments // SEGMENTS)) % segments,
            TotalSegments=segments,
            Limit=ROWS_PER_SEGMENT,
            ProjectionExpression=ACCOUNT_ID,
        )
        found |= dict.fromkeys(item[ACCOUNT_ID]["S"] for item in page["Items"])
    return list(found)[:ACCOUNTS_MAX]


def _sampled(view: StackView, account_id: str) -> Sampled:
    client, table = view.client("dynamodb"), view.deployment.outputs["TableName"]
    page = client.query(
        TableName=table, ConsistentRead=True, ScanIndexForward=False, Limit=ROWS_MAX, **rows_query(account_id)
    )
    items = page["Items"][::-1]
    checked, newest = LedgerCheck(account_id), None
    is_whole = bool(items) and version_in(items[0][VERSION]["N"]) == 1
    for item in items:
        try:
            row = from_item(item)
        except Corrupt as error:
            checked.add_unreadable(version_in(item[VERSION]["N"]), error)
            continue
        if is_whole:
            checked.add(row)
        newest = row if isinstance(row, EventRow) else newest
    if is_whole:
        checked.end()
    return Sampled(checked, newest)


def _views(view: StackView, newest: Mapping[str, EventRow]) -> Generator[Finding, None, set[str]]:
    """Compares with the read model and, for what it lacks, with the event stream. Returns the unpublished accounts."""
    owned = standings(view.client("dynamodb"), view.deployment.outputs["OwnedTableName"], list(newest))
    grace = timedelta(seconds=view.grace_s)
    behind = {
        name: row
        for name, row in newest.items()
        if (name not in owned or owned[name].sequence < row.sequence) and _age(view, row) > grace
    }
    stream = published(view, min(map(_time, behind.values()))) if behind else Published()
    if stream.unreadable:
        look = f"account-events owners check{view.option}"
        yield RECORD_UNREADABLE.without_repair(view.deployment.outputs["EventStreamName"], stream.unreadable, look)
    late = sorted(name for name, row in behind.items() if stream.highest.get(name, 0) >= row.sequence)
    undelivered = {name: row for name, row in behind.items() if name not in late}
    yield from _undelivered(view, undelivered, stream)
    if late:
        what = f"The read model lacks the newest events of {counted(len(late), 'sampled account')}, "
        what += "which are on the event stream."
        yield MODEL_BEHIND.at(named(late), what, _rebuild(view, late))
    expected = {name: Standing(row.sequence, row.balance, row.currency) for name, row in newest.items()}
    if wrong := sorted(
        name for name, found in owned.items() if found.sequence == newest[name].sequence and found != expected[name]
    ):
        what = f"The read model differs from the ledger in {counted(len(wrong), 'sampled account')}."
        yield MODEL_DIFFERS.at(named(wrong), what, _rebuild(view, wrong))
    return {*undelivered}


def _undelivered(view: StackView, accounts: Mapping[str, EventRow], stream: Published) -> Iterator[Finding]:
    """The accounts whose newest event is in neither the read model nor what was read of the stream."""
    recent = sorted(name for name, row in accounts.items() if _age(view, row) < WINDOW)
    if recent and (unknown := stream.unknown):
        what = f"The newest events of {counted(len(recent), 'sampled account')}, {named(recent)}, "
        what += f"are not in the read model. Whether they were published is unknown: {unknown}."
        yield INCOMPLETE.at(view.deployment.outputs["EventStreamName"], what, f"account-events doctor{view.option}")
    elif recent:
        what = f"The newest events of {counted(len(recent), 'sampled account')} are not on the event stream."
        look = f"aws logs tail {view.physical_ids['ProjectorFunctionLogs']} --since 15m"
        yield NOT_PUBLISHED.without_repair(named(recent), what, look)
    if older := sorted(accounts.keys() - set(recent)):
        what = f"The read model lacks the newest events of {counted(len(older), 'sampled account')}. "
        what += f"Perhaps they were not published.{left_out(older)}"
        yield NOT_DELIVERED.at(named(older), what, view.replay(older))


def _rebuild(view: StackView, accounts: Sequence[str]) -> str:
    return f"account-events owners rebuild {arguments(accounts)}{view.option}"


def _lake(view: StackView, newest: Mapping[str, EventRow]) -> Iterator[Finding]:
    """Compares with the lake's files of the last days."""
    lake = view.lake
    grace = timedelta(seconds=max(grace_of(lake), view.grace_s) if view.grace_s else 0)
    arrived = {name: row for name, row in newest.items() if _age(view, row) > grace}
    days = sorted({row.occurred_at[:DAY_LENGTH] for row in arrived.values()})[-LAKE_DAYS_MAX:]
    found: dict[str, int] = {}
    for day in days:
        try:
            rows = lake.duckdb(day).query(NEWEST.format(", ".join("?" for _ in arrived)), list(arrived)).rows
        except FileDamaged as error:
            repair = f"account-events lake backfill --all{view.option}"
            yield FILE_DAMAGED.at(lake.bucket, f"The lake's events of {day} cannot be read: {error}", repair)
            return
        found |= {str(account_id): int(sequence) for account_id, sequence in rows}
    missing = sorted(
        name
        for name, row in arrived.items()
        if row.occurred_at[:DAY_LENGTH] in days and found.get(name, 0) < row.sequence
    )
    if missing:
        what = f"The lake lacks the newest events of {counted(len(missing), 'sampled account')}."
        repair = f"account-events lake backfill {arguments(missing)}{view.option}"
        yield LACKS_EVENTS.at(named(missing), what, repair)


def _age(view: StackView, row: EventRow) -> timedelta:
    return view.now - _time(row)


def _time(row: EventRow) -> datetime:
    return datetime.fromisoformat(row.occurred_at).astimezone(UTC)
