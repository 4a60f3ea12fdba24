"""The table as a replay reads it: in memory, on moto, on the emulator, on DynamoDB Local and in an export."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from account_core.rows.items import to_item
from local_stack.local_tables import make_table, session
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.engine import replay
from ops.replay.errors import Interrupted, InvalidRequest
from ops.replay.export_source import ExportSource, export_source
from ops.replay.selection import Accounts, Everything
from ops.replay.source import Account, Item, Part, Segment, Source
from projector.outgoing import Outgoing
from projector.parse import parse
from tests.support.exports import found, write_files
from tests.support.memory_source import MemorySource
from tests.support.rows import history, stream_records
from tests.unit.replay.sinks import MemorySink

EVENTS = {"a": 30, "b": 1, "c": 12, "d": 9}
ROWS = [row for account_id, events in EVENTS.items() for row in history(account_id, events)]
PAGE_ROWS = 5


def on_dynamodb(url: str | None, page_rows: int | None = PAGE_ROWS) -> DynamoDBSource:
    client = session().client("dynamodb", endpoint_url=url)
    name = make_table(client)
    for row in ROWS:
        client.put_item(TableName=name, Item=to_item(row))
    return DynamoDBSource(client, name, wait=lambda _: True, jitter=lambda: 0.5, page_rows=page_rows)


@pytest.fixture(params=["memory", "moto", "emulator_url", "dynamodb_local_url", "export"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    if request.param == "memory":
        memory = MemorySource(page_rows=PAGE_ROWS)
        memory.put(ROWS)
        yield memory
    elif request.param == "export":
        location = write_files(tmp_path / "exported", map(to_item, ROWS))
        with export_source(found(location), tmp_path, page_rows=PAGE_ROWS) as exported:
            yield exported
    elif request.param == "moto":
        with mock_aws():
            yield on_dynamodb(None)
    else:
        yield on_dynamodb(request.getfixturevalue(request.param))


def rows_of(source: Source, part: Part) -> list[tuple[str, int]]:
    """The rows of a part, page by page."""
    found: list[Item] = []
    after: Item | None = None
    while True:
        page = source.read(part, after)
        assert len(page.items) <= PAGE_ROWS
        assert page.read_units == 0 if isinstance(source, ExportSource) else page.read_units > 0 or not page.items
        found += page.items
        after = page.next_key
        if after is None:
            return [(item["AccountId"]["S"], int(item["Version"]["N"])) for item in found]


@pytest.mark.parametrize("segments", [1, 3])
def test_the_segments_cover_the_table_and_no_account_is_in_two(source: Source, segments: int) -> None:
    found = [rows_of(source, Segment(index, segments)) for index in range(segments)]
    assert sorted(key for rows in found for key in rows) == sorted((row.account_id, row.version) for row in ROWS)
    accounts = [account_id for rows in found for account_id in {key[0] for key in rows}]
    assert sorted(accounts) == sorted(EVENTS)


@pytest.mark.parametrize("first", [None, 1, 10, 11, 33, 34])
def test_an_account_is_read_in_the_order_of_its_versions(source: Source, first: int | None) -> None:
    assert rows_of(source, Account("a", first)) == [("a", version) for version in range(first or 1, 34)]
    assert rows_of(source, Account("nobody", first)) == []


@pytest.mark.parametrize("selection", [Everything(), Accounts(tuple(EVENTS))])
def test_a_replay_reads_the_selected_accounts(source: Source, selection: Everything | Accounts) -> None:
    sink = MemorySink()
    result = replay(source, selection, sink, segments=2)
    assert result.stopped == []
    published = parse({"Records": stream_records(ROWS)}).arrivals
    for account_id in EVENTS:
        sent = [event.data for event in sink.events if event.account_id == account_id]
        assert sent == [arrival.data for arrival in published[account_id] if isinstance(arrival, Outgoing)]


@pytest.mark.parametrize("url", ["emulator_url", "dynamodb_local_url"])
def test_a_table_s_description_is_read(request: pytest.FixtureRequest, url: str) -> None:
    endpoint_url = request.getfixturevalue(url)
    source = on_dynamodb(endpoint_url, page_rows=None)
    size = source.size()
    assert size.rows == len(ROWS)
    assert 100 * len(ROWS) < size.size_bytes < 1_000 * len(ROWS)
    assert size.table_id != on_dynamodb(endpoint_url).size().table_id
    page = source.read(Segment(0, 1), None)
    assert len(page.items) == len(ROWS)
    assert page.next_key is None


@pytest.mark.parametrize("url", ["emulator_url", "dynamodb_local_url"])
def test_a_missing_table_is_reported(request: pytest.FixtureRequest, url: str) -> None:
    client = session().client("dynamodb", endpoint_url=request.getfixturevalue(url))
    source = DynamoDBSource(client, "no-such-table", wait=lambda _: True, jitter=lambda: 0.5)
    with pytest.raises(Interrupted, match="ResourceNotFoundException"):
        source.read(Segment(0, 1), None)
    with pytest.raises(InvalidRequest, match="There is no table no-such-table"):
        source.size()
