"""A sample of accounts: their rows agree, and their newest events are on the stream, in the read model and the lake."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow
from account_core.rows.items import from_item, version_in
from account_core.rows.layout import ACCOUNT_ID, VERSION, rows_query
from account_events.aggregation.unpacking import unpack
from account_events.streams.kinesis_source import KinesisSource
from account_events.streams.reader import ShardReader
from account_events.streams.source import at_time
from ops.doctor.finding import Finding
from ops.doctor.stack_view import StackView
from ops.lake.deployed_lake import Lake
from ops.lake.query.engine import QueryFailed
from ops.lake.reconcile.run import grace_of
from ops.ledger.check import LedgerCheck

SEGMENTS, ROWS_PER_SEGMENT = 4, 60
ACCOUNTS_MAX = 40
ROWS_MAX = 500
"""Rows checked per account. Of longer accounts, only the newest rows are read, and their snapshots are not checked."""
WINDOW = timedelta(minutes=15)
"""How far back the event stream is read."""
PAGES_MAX = 20
"""GetRecords requests per shard."""
LAKE_DAYS_MAX = 2
NAMED_MAX = 3


@dataclass(frozen=True, slots=True)
class Sampled:
    """A sampled account. `newest` is its newest valid event; None if it has none."""

    check: LedgerCheck
    newest: EventRow | None


def check(view: StackView) -> Iterator[Finding]:
    """Checks the sample."""
    accounts = {account_id: _sampled(view, account_id) for account_id in _some_accounts(view)}
    wrong = {name: each.check.findings[0] for name, each in accounts.items() if each.check.findings}
    if wrong:
        yield Finding(
            *("ledger-row-wrong", _named(wrong)),
            f"In {len(wrong)} of {len(accounts)} sampled accounts a row is wrong: {next(iter(wrong.values()))}.",
            "Commands on such an account fail, or its balance is wrong.",
            f"account-events check{'' if view.is_local else ' --table ' + view.deployment.outputs['TableName']}",
            "ledger-row-wrong",
        )
    newest = {name: each.newest for name, each in accounts.items() if each.newest and name not in wrong}
    yield from _views(view, newest)
    yield from _lake(view, newest)


def _some_accounts(view: StackView) -> list[str]:
    """Accounts from the beginning of several segments of the table: the keys' hashes make them a random sample."""
    client, table = view.client("dynamodb"), view.deployment.outputs["TableName"]
    found: dict[str, None] = {}
    for segment in range(SEGMENTS):
        page = client.scan(
            TableName=table,
            Segment=segment,
            TotalSegments=SEGMENTS,
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


def _views(view: StackView, newest: Mapping[str, EventRow]) -> Iterator[Finding]:
    """Compares with the read model and, for what it lacks, with the event stream."""
    owned = _owned(view, list(newest))
    behind = {
        name: row
        for name, row in newest.items()
        if int(owned.get(name, {}).get("Sequence", {"N": "0"})["N"]) < row.sequence
        and _age(view, row) > timedelta(seconds=view.grace_s)
    }
    published = _published(view) if behind else {}
    unpublished = {name: row for name, row in behind.items() if published.get(name, 0) < row.sequence}
    recent = sorted(name for name, row in unpublished.items() if _age(view, row) < WINDOW)
    late = sorted(behind.keys() - set(recent))
    if recent:
        yield Finding(
            *("events-not-published", _named(recent)),
            f"The newest events of {len(recent)} sampled accounts are not on the event stream, although they are older "
            f"than {view.grace_s:g} s.",
            "Consumers, the read model and the lake do not know these events.",
            f"aws logs tail {_log_group(view, 'ProjectorFunction')} --since 15m",
            "projectorisbehind",
        )
    if late:
        yield Finding(
            *("read-model-behind", _named(late)),
            f"The read model lacks the newest events of {len(late)} sampled accounts.",
            "The lists of accounts by owner are not up to date.",
            *(f"account-events owners rebuild {' '.join(late[:NAMED_MAX])}{view.option}", "accountsbyownerisbehind"),
        )
    wrong = sorted(name for name, row in newest.items() if _differs(owned.get(name), row))
    if wrong:
        yield Finding(
            *("read-model-differs", _named(wrong)),
            f"The read model differs from the ledger in the balance or currency of {len(wrong)} sampled accounts.",
            "The lists of accounts by owner show wrong amounts.",
            *(f"account-events owners rebuild {' '.join(wrong[:NAMED_MAX])}{view.option}", "accountsbyownergaveup"),
        )


def _owned(view: StackView, account_ids: Sequence[str]) -> dict[str, Any]:
    client, table = view.client("dynamodb"), view.deployment.outputs["OwnedTableName"]
    if not account_ids:
        return {}
    keys = [{"AccountId": {"S": account_id}} for account_id in account_ids]
    found = client.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
    return {item["AccountId"]["S"]: item for item in found["Responses"].get(table, ())}


def _differs(owned: Mapping[str, Any] | None, row: EventRow) -> bool:
    if owned is None or int(owned["Sequence"]["N"]) != row.sequence:
        return False
    return (Decimal(owned["Balance"]["N"]), owned["Currency"]["S"]) != (row.balance, row.currency)


def _published(view: StackView) -> dict[str, int]:
    """The highest sequence of each account on the event stream within the window."""
    reader = ShardReader(
        KinesisSource(view.client("kinesis"), view.deployment.outputs["EventStreamArn"]), view.now.timestamp
    )
    codec, highest = view.deployment.codec(), dict[str, int]()
    start = at_time((view.now - WINDOW).timestamp())
    for shard in reader.shards():
        last: str | None = None
        for _ in range(PAGES_MAX):
            read = reader.read(shard.shard_id, last, start)
            for record in read.records:
                last = record.sequence_number
                for data in unpack(b64decode(record.event["kinesis"]["data"])):
                    fields = codec.decode(data).fields
                    account_id = str(fields["account_id"])
                    highest[account_id] = max(highest.get(account_id, 0), int(fields["sequence"]))
            if read.ended or not (read.records or read.behind_ms):
                break
    return highest


def _lake(view: StackView, newest: Mapping[str, EventRow]) -> Iterator[Finding]:
    lake = Lake.of(view.deployment)
    grace = timedelta(seconds=grace_of(lake) if view.grace_s else 0)
    arrived = {name: row for name, row in newest.items() if _age(view, row) > grace}
    days = sorted({row.occurred_at[:10] for row in arrived.values()})[-LAKE_DAYS_MAX:]
    arrived = {name: row for name, row in arrived.items() if row.occurred_at[:10] in days}
    if not arrived:
        return
    marks = ", ".join("?" for _ in days)
    sql = f"SELECT account_id, max(sequence) FROM account_events WHERE dt IN ({marks}) GROUP BY account_id"  # noqa: S608 -- marks only
    try:
        found = {str(row[0]): int(row[1]) for row in lake.duckdb().query(sql, days).rows}
    except QueryFailed as error:
        yield Finding(
            *("lake-file-damaged", lake.bucket, f"The lake cannot be read: {error}"),
            "Queries and reports on that day fail.",
            *(f"account-events lake backfill --all{view.option}", "lake-file-damaged"),
        )
        return
    missing = sorted(name for name, row in arrived.items() if found.get(name, 0) < row.sequence)
    if missing:
        yield Finding(
            *("lake-lacks-events", _named(missing)),
            f"The lake lacks the newest events of {len(missing)} sampled accounts.",
            "Queries and reports are incomplete.",
            *(f"account-events lake backfill {' '.join(missing[:NAMED_MAX])}{view.option}", "lakeisbehind"),
        )


def _age(view: StackView, row: EventRow) -> timedelta:
    return view.now - datetime.fromisoformat(row.occurred_at).astimezone(UTC)


def _log_group(view: StackView, function: str) -> str:
    return view.physical_ids.get(f"{function}Logs", f"{function}Logs")


def _named(names: Mapping[str, object] | Sequence[str]) -> str:
    listed = sorted(names)
    more = len(listed) - NAMED_MAX
    return ", ".join(listed[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
