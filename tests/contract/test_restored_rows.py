"""Rows put back into a table on a real server, whose conditions decide what is overwritten."""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from account_core.domain.events import EventRow, Row, SnapshotRow
from account_core.rows.items import key_of, to_item
from account_core.rows.layout import key
from local_stack.local_tables import make_table, session
from ops.ledger.check import LedgerCheck
from ops.ledger.scan import check_ledger
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.pace import Unpaced
from ops.replay.selection import Accounts, Everything
from ops.replay.source import parts_of
from ops.restore.copied_rows import Difference, RowsPutBack, differences
from ops.restore.errors import RestoreRefused
from ops.restore.guards import require_copy
from ops.restore.published_events import AccountEvents
from ops.restore.put_back import put_published, put_snapshots
from ops.restore.table import LedgerTable
from tests.support.ledger_and_lake import history

HISTORIES = {name: history(name, *["1.00"] * 24) for name in ("a", "b")}
ROWS = [row for rows in HISTORIES.values() for row in rows]
WRITTEN_MEANWHILE = "row {} has been written meanwhile; it was not overwritten. Run the command again."


@pytest.fixture(params=["emulator_url", "dynamodb_local_url"])
def client(request: pytest.FixtureRequest) -> DynamoDBClient:
    client: DynamoDBClient = session().client("dynamodb", endpoint_url=request.getfixturevalue(request.param))
    return client


@pytest.fixture
def live(client: DynamoDBClient) -> LedgerTable:
    return table_with(client, ROWS)


@pytest.fixture
def copy(client: DynamoDBClient) -> LedgerTable:
    return table_with(client, ROWS)


def table_with(client: DynamoDBClient, rows: list[Row]) -> LedgerTable:
    name = make_table(client)
    for row in rows:
        client.put_item(TableName=name, Item=to_item(row))
    return LedgerTable(client, name)


def lose(client: DynamoDBClient, table: LedgerTable, account_id: str, *versions: int) -> None:
    for version in versions:
        client.delete_item(TableName=table.name, Key=key(account_id, version))


def damage(client: DynamoDBClient, table: LedgerTable, version: int) -> dict[str, Any]:
    item = to_item(HISTORIES["a"][version - 1]) | {"Balance": {"N": "1000000"}}
    client.put_item(TableName=table.name, Item=item)
    return item


def compared(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable, *account_ids: str) -> list[Difference]:
    source = DynamoDBSource(client, copy.name, wait=lambda _: False, jitter=lambda: 0.0, page_rows=7)
    parts = parts_of(Accounts(account_ids) if account_ids else Everything(), 1)
    return sorted(differences(source, parts, live, Unpaced(), lambda _: None), key=lambda each: each.key)


def put_back(found: list[Difference], live: LedgerTable, *, replace: bool = True) -> list[str]:
    rows = RowsPutBack(live, replace=replace)
    return [rows.put(each) for each in sorted(found, key=lambda each: int(each.copied["Version"]["N"]))]


def checked(client: DynamoDBClient, table: LedgerTable) -> Iterator[LedgerCheck]:
    return check_ledger(client, table.name, wait=lambda _: None)


def assert_intact(client: DynamoDBClient, table: LedgerTable) -> None:
    assert {check.account_id: check.findings for check in checked(client, table)} == {
        "a": [],
        "b": [],
    }
    items = client.scan(TableName=table.name, ConsistentRead=True)["Items"]
    assert {key_of(item): item for item in items} == {key_of(item): item for item in map(to_item, ROWS)}


def published(*skipped: tuple[str, int]) -> Iterator[AccountEvents]:
    events = [row for row in ROWS if isinstance(row, EventRow) and (row.account_id, row.sequence) not in skipped]
    for account_id, account in groupby(events, key=lambda row: row.account_id):
        yield account_id, list(account)


def events_of(account_id: str, first: int, last: int) -> list[EventRow]:
    return [row for row in HISTORIES[account_id] if isinstance(row, EventRow) and first <= row.sequence <= last]


def test_equal_tables_have_no_differences(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable) -> None:
    assert compared(client, copy, live) == []


def test_newer_rows_of_the_live_table_are_no_differences(client: DynamoDBClient, live: LedgerTable) -> None:
    copy = table_with(client, [row for row in ROWS if row.version <= 13])
    assert compared(client, copy, live) == []


def test_missing_rows_are_found_and_put_back(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable) -> None:
    lose(client, live, "a", 3, 9, 10)
    lose(client, live, "b", 27)
    found = compared(client, copy, live)
    assert [(each.key, each.live, each.damage) for each in found] == [
        ("a/10", None, ""),
        ("a/3", None, ""),
        ("a/9", None, ""),
        ("b/27", None, ""),
    ]
    assert put_back(found, live, replace=False) == ["", "", "", ""]
    assert_intact(client, live)


def test_only_the_named_accounts_are_compared(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable) -> None:
    lose(client, live, "a", 3)
    lose(client, live, "b", 4)
    assert [each.key for each in compared(client, copy, live, "b")] == ["b/4"]


def test_a_changed_row_is_replaced(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable) -> None:
    damaged = damage(client, live, 12)
    [found] = compared(client, copy, live)
    assert (found.key, found.live) == ("a/12", damaged)
    assert put_back([found], live, replace=False) == ["it is replaced only with --replace"]
    assert put_back([found], live) == [""]
    assert_intact(client, live)


def test_a_row_that_changed_after_the_comparison_is_kept(
    client: DynamoDBClient, copy: LedgerTable, live: LedgerTable
) -> None:
    damage(client, live, 12)
    lose(client, live, "a", 13)
    different, missing = compared(client, copy, live)
    for version in (12, 13):
        item = to_item(HISTORIES["a"][version - 1]) | {"CorrelationId": {"S": "written meanwhile"}}
        client.put_item(TableName=live.name, Item=item)
    for each in (different, missing):
        assert put_back([each], live) == [WRITTEN_MEANWHILE.format(each.key)]
        version = int(each.key.removeprefix("a/"))
        assert client.get_item(TableName=live.name, Key=key("a", version))["Item"]["CorrelationId"] == {
            "S": "written meanwhile"
        }


def test_a_later_event_in_the_place_of_a_lost_one_is_kept(
    client: DynamoDBClient, copy: LedgerTable, live: LedgerTable
) -> None:
    """Rows 26 and 27, the account's last, were deleted, and then a command took version 26."""
    lose(client, live, "a", 26, 27)
    later = to_item(HISTORIES["a"][25]) | {"RequestId": {"S": "r-later"}, "CorrelationId": {"S": "c-later"}}
    client.put_item(TableName=live.name, Item=later)
    found = compared(client, copy, live)
    assert [(each.key, each.is_another_event) for each in found] == [("a/26", True), ("a/27", False)]
    assert put_back(found, live) == [
        "a command took the version for another event, which stays",
        "an earlier row of the account still differs",
    ]
    assert live.rows("a", 26).keys() == {26}
    assert client.get_item(TableName=live.name, Key=key("a", 26))["Item"] == later


def test_an_attribute_added_meanwhile_is_kept(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable) -> None:
    item: dict[str, Any] = to_item(HISTORIES["a"][11])
    del item["CommandId"]
    client.put_item(TableName=live.name, Item=item)
    [found] = compared(client, copy, live)
    client.put_item(TableName=live.name, Item=item | {"CommandId": {"S": "k-other"}})
    assert put_back([found], live) == [WRITTEN_MEANWHILE.format("a/12")]


def test_a_put_that_is_repeated_succeeds(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable) -> None:
    lose(client, live, "a", 3)
    [found] = compared(client, copy, live)
    assert put_back([found], live) == put_back([found], live) == [""]
    assert_intact(client, live)


def test_a_damaged_row_of_the_copy_is_named(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable) -> None:
    client.update_item(TableName=copy.name, Key=key("a", 12), AttributeUpdates={"Format": {"Value": {"N": "9"}}})
    client.update_item(TableName=copy.name, Key=key("a", 20), AttributeUpdates={"Balance": {"Value": {"N": "7"}}})
    assert [(each.key, each.damage) for each in compared(client, copy, live)] == [
        ("a/12", "row a/12: unknown row format 9; this release reads 1 to 3"),
        ("a/20", "its digest does not match its state"),
    ]


def test_published_events_fill_a_table_that_lost_its_end(client: DynamoDBClient) -> None:
    table = table_with(client, [row for row in ROWS if row.version <= (8 if row.account_id == "a" else 0)])
    done = put_published([published], table)
    assert (done.events, done.snapshots, done.accounts, done.findings) == (17 + 25, 2 + 2, {"a", "b"}, {})
    assert_intact(client, table)


def test_published_events_fill_holes_and_lost_snapshots(client: DynamoDBClient, live: LedgerTable) -> None:
    lose(client, live, "a", 9, 20)
    lose(client, live, "b", 10)
    done = put_published([published], live)
    assert (done.events, done.snapshots, done.findings) == (1, 2, {})
    assert_intact(client, live)


def test_a_complete_table_gets_no_rows(client: DynamoDBClient, live: LedgerTable) -> None:
    done = put_published([published], live)
    assert (done.events, done.snapshots, done.accounts, done.findings) == (0, 0, set(), {})
    assert_intact(client, live)


def test_what_one_source_lacks_comes_from_another(client: DynamoDBClient) -> None:
    table = table_with(client, [row for row in ROWS if row.version <= 3])
    sources = [
        lambda: published(("a", 10), ("b", 5)),
        lambda: iter([("a", events_of("a", 8, 14)), ("b", events_of("b", 5, 5))]),
    ]
    done = put_published(sources, table)
    assert done.findings == {}
    assert_intact(client, table)


@pytest.mark.parametrize("silent", [events_of("a", 3, 5), events_of("a", 16, 20), events_of("b", 1, 3)])
def test_a_source_that_is_silent_on_a_gap_clears_no_finding(client: DynamoDBClient, silent: list[EventRow]) -> None:
    table = table_with(client, [row for row in ROWS if row.version <= (5 if row.account_id == "a" else 27)])
    sources = [lambda: iter([("a", events_of("a", 7, 9))]), lambda: iter([(silent[0].account_id, silent)])]
    assert put_published(sources, table).findings == {
        "a": "event 6 is neither in the table nor published, but event 7 exists"
    }


def test_an_event_that_no_source_has_is_a_finding(client: DynamoDBClient) -> None:
    table = table_with(client, [row for row in ROWS if row.version <= 3])
    done = put_published([lambda: published(("a", 10))], table)
    assert done.findings == {"a": "event 10 is neither in the table nor published, but event 11 exists"}
    assert {check.account_id: check.findings for check in checked(client, table)} == {
        "a": [],
        "b": [],
    }


def test_a_contradicting_event_is_never_overwritten(client: DynamoDBClient, live: LedgerTable) -> None:
    changed = damage(client, live, 12)
    done = put_published([published], live)
    assert (done.events, list(done.findings)) == (0, ["a"])
    assert client.get_item(TableName=live.name, Key=key("a", 12))["Item"] == changed


@pytest.mark.parametrize("version", [10, 20])
def test_a_missing_snapshot_is_computed(client: DynamoDBClient, live: LedgerTable, version: int) -> None:
    lose(client, live, "a", version)
    counts = {check.account_id: count for check, count in put_snapshots(checked(client, live), live)}
    assert counts == {"a": 1, "b": 0}
    assert_intact(client, live)


def test_the_snapshot_after_the_last_event_is_computed(client: DynamoDBClient) -> None:
    table = table_with(client, [row for row in HISTORIES["a"] if row.version <= 19])
    [(_, count)] = put_snapshots(checked(client, table), table)
    assert count == 1
    assert table.rows("a", 20)[20] == HISTORIES["a"][19]


def test_wrong_snapshots_are_replaced(client: DynamoDBClient, live: LedgerTable) -> None:
    damage(client, live, 10)  # its digest does not match any more
    forged = HISTORIES["a"][19]
    assert isinstance(forged, SnapshotRow)
    client.put_item(TableName=live.name, Item=to_item(replace(forged, balance=Decimal("9999.00"))))
    assert sum(count for _, count in put_snapshots(checked(client, live), live)) == 2
    assert_intact(client, live)


def test_an_event_in_the_place_of_a_snapshot_is_kept(client: DynamoDBClient, live: LedgerTable) -> None:
    snapshot = HISTORIES["a"][9]
    item = to_item(HISTORIES["a"][8]) | {"Version": {"N": "10"}}
    client.put_item(TableName=live.name, Item=item)
    with pytest.raises(RestoreRefused, match=re.escape(WRITTEN_MEANWHILE.format("a/10"))):
        live.put(snapshot)
    assert client.get_item(TableName=live.name, Key=key("a", 10))["Item"] == item


def test_no_snapshot_is_computed_after_a_damaged_event(client: DynamoDBClient, live: LedgerTable) -> None:
    damage(client, live, 12)
    lose(client, live, "a", 20)
    assert [count for _, count in put_snapshots(checked(client, live), live)] == [0, 0]


def test_the_live_table_is_no_copy(live: LedgerTable) -> None:
    with pytest.raises(RestoreRefused, match="is the stack's own table"):
        require_copy(live, live)


def test_a_table_with_a_stream_is_no_copy(client: DynamoDBClient, copy: LedgerTable, live: LedgerTable) -> None:
    client.update_table(TableName=copy.name, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    with pytest.raises(RestoreRefused, match="has a stream, so it is in use"):
        require_copy(copy, live)


def test_a_table_that_does_not_exist_is_named(client: DynamoDBClient, live: LedgerTable) -> None:
    with pytest.raises(RestoreRefused, match="There is no table accounts-copy"):
        require_copy(LedgerTable(client, "accounts-copy"), live)


def test_a_table_of_another_kind_is_no_copy(client: DynamoDBClient, live: LedgerTable) -> None:
    client.create_table(
        TableName="restored-others",
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(RestoreRefused, match="is not an accounts table"):
        require_copy(LedgerTable(client, "restored-others"), live)
