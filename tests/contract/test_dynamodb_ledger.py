"""The table as the projector and a release read it, on the emulator and on DynamoDB Local."""

from collections.abc import Iterable
from typing import Any

import pytest
from botocore.config import Config

from account_core.domain.events import EventRow, Row
from account_core.rows.items import to_item
from local_stack.local_tables import make_table, session
from ops.cli.release import newest
from projector.dynamodb_ledger import DynamoDBLedger
from projector.errors import Unavailable
from projector.outgoing import Outgoing, Poison, outgoing
from projector.parse import NO_ROW
from projector.predecessors import Key
from tests.support.memory_tables import MemoryLedger
from tests.support.rows import history

ROWS = list(history("a", 30))
POSITION = 7
BATCH_MAX = 25


class Table:
    def __init__(self, url: str) -> None:
        self.client = session().client("dynamodb", endpoint_url=url)
        self.name = make_table(self.client)
        self.ledger = DynamoDBLedger(self.client, self.name)

    def put(self, rows: Iterable[Row], **attributes: dict[str, Any]) -> None:
        requests: list[Any] = [{"PutRequest": {"Item": {**to_item(row), **attributes}}} for row in rows]
        for start in range(0, len(requests), BATCH_MAX):
            self.client.batch_write_item(RequestItems={self.name: requests[start : start + BATCH_MAX]})

    def delete(self, version: int) -> None:
        self.client.delete_item(TableName=self.name, Key={"AccountId": {"S": "a"}, "Version": {"N": str(version)}})


@pytest.fixture(params=["emulator_url", "dynamodb_local_url"])
def table(request: pytest.FixtureRequest) -> Table:
    return Table(request.getfixturevalue(request.param))


@pytest.fixture
def full(table: Table) -> Table:
    table.put(ROWS)
    table.put(history("b", 3))
    return table


def events(first: int, last: int) -> list[Outgoing]:
    return [outgoing(row, POSITION) for row in ROWS if isinstance(row, EventRow) and first <= row.sequence <= last]


@pytest.mark.parametrize(
    ("first", "last"), [(1, 30), (1, 1), (9, 9), (9, 10), (10, 10), (10, 18), (18, 19), (2, 29), (30, 30)]
)
def test_events_across_snapshots_equal_those_in_memory(full: Table, first: int, last: int) -> None:
    found = full.ledger.events("a", first, last, POSITION)
    assert found == events(first, last)
    memory = MemoryLedger()
    memory.put(to_item(row) for row in ROWS)
    assert memory.events("a", first, last, POSITION) == found


@pytest.mark.parametrize("version", [1, 5, 11, 21])
def test_reading_stops_at_the_first_missing_row(full: Table, version: int) -> None:
    sequence = version - version // 10
    full.delete(version)
    full.delete(25)
    found = full.ledger.events("a", 1, 30, POSITION)
    assert found == [*events(1, sequence - 1), Poison("a", sequence, version, NO_ROW, POSITION)]


def test_an_event_after_the_newest_is_reported_as_missing(full: Table) -> None:
    assert full.ledger.events("a", 30, 35, POSITION)[1:] == [Poison("a", 31, 34, NO_ROW, POSITION)]
    assert full.ledger.events("nobody", 1, 2, POSITION) == [Poison("nobody", 1, 1, NO_ROW, POSITION)]


def test_reading_stops_at_the_first_unreadable_row(full: Table) -> None:
    full.put([ROWS[11], ROWS[14]], Type={"S": "INTEREST"})
    *good, poison = full.ledger.events("a", 1, 30, POSITION)
    assert good == events(1, 10)
    assert poison == Poison("a", 11, 12, "the row cannot be read: row a/12: unknown type 'INTEREST'", POSITION)


def test_a_damaged_or_missing_snapshot_does_not_matter(full: Table) -> None:
    full.delete(10)
    full.put([ROWS[19]], Balance={"N": "1"})
    full.put([ROWS[29]], Type={"S": "INTEREST"})
    assert full.ledger.events("a", 1, 30, POSITION) == events(1, 30)


def test_more_than_one_page_is_read(table: Table) -> None:
    """More than 1 MB, the limit of one answer to a Query."""
    table.put(ROWS, Padding={"S": "x" * 50_000})
    assert table.ledger.events("a", 1, 30, POSITION) == events(1, 30)


def memory_of(*rows: Iterable[Row]) -> MemoryLedger:
    memory = MemoryLedger()
    memory.put(to_item(row) for each in rows for row in each)
    return memory


def test_the_times_of_many_events_equal_those_in_memory(full: Table) -> None:
    keys = [Key("a", 10), Key("b", 3), Key("nobody", 7)]
    found = full.ledger.times(keys)
    assert found == memory_of(ROWS, history("b", 3)).times(keys)
    assert found == {"a": micros_of(10), "b": micros_of(3), "nobody": None}


def test_an_unreadable_time_is_none(full: Table) -> None:
    full.put([ROWS[0]], Timestamp={"S": "yesterday"})
    full.put(list(history("b", 1)), Timestamp={"N": "7"})
    assert full.ledger.times([Key("a", 1), Key("b", 1)]) == {"a": None, "b": None}


@pytest.mark.parametrize("window_s", [1, 2, 12, 25, 100])
@pytest.mark.parametrize("last", [1, 9, 10, 20, 30])
def test_the_events_within_a_window_equal_those_in_memory(full: Table, last: int, window_s: int) -> None:
    """Across snapshots and pages: a window of 25 seconds has more rows than one page."""
    where = Key("a", last), micros_of(last) + 1_000_000, window_s * 1_000_000, POSITION
    found = full.ledger.recent(*where)
    assert found == events(max(1, last - max(window_s - 2, 0)), last)
    assert memory_of(ROWS).recent(*where) == found


def test_a_window_without_a_time_ends_at_the_newest_event(full: Table) -> None:
    full.put([ROWS[21]], Timestamp={"S": "yesterday"})
    good = events(17, 19)
    assert full.ledger.recent(Key("a", 20), None, 3_000_000, POSITION)[:3] == good
    assert isinstance(full.ledger.recent(Key("a", 20), None, 3_000_000, POSITION)[3], Poison)


def test_without_an_older_row_a_window_begins_with_the_first_event(full: Table) -> None:
    """Even if that event's row is missing."""
    missing = [Poison("nobody", 1, 1, NO_ROW, POSITION)]
    assert full.ledger.recent(Key("nobody", 4), None, 1_000_000, POSITION) == missing
    assert memory_of().recent(Key("nobody", 4), None, 1_000_000, POSITION) == missing


def micros_of(sequence: int) -> int:
    return events(sequence, sequence)[0].occurred_us


@pytest.mark.parametrize(
    ("written", "expected"), [(0, 0), (1, 1), (8, 8), (9, 9), (10, 10), (17, 17), (18, 18), (19, 19), (27, 27)]
)
def test_the_newest_event_is_found_with_or_without_a_snapshot_after_it(
    table: Table, written: int, expected: int
) -> None:
    table.put(history("a", written))
    table.put(history("b", 30))
    assert newest(table.client, table.name, "a") == expected


@pytest.mark.parametrize("has_server", [True, False])
def test_a_missing_or_unreachable_table_is_unavailable(table: Table, nowhere_url: str, *, has_server: bool) -> None:
    config = Config(connect_timeout=0.2, retries={"total_max_attempts": 1})
    nowhere = session().client("dynamodb", endpoint_url=nowhere_url, config=config)
    client = table.client if has_server else nowhere
    error = "ResourceNotFoundException" if has_server else "EndpointConnectionError"
    with pytest.raises(Unavailable, match=error):
        DynamoDBLedger(client, "no-such-table").events("a", 1, 2, POSITION)
    with pytest.raises(Unavailable, match=error):
        DynamoDBLedger(client, "no-such-table").times([Key("a", 1)])
    with pytest.raises(Unavailable, match=error):
        DynamoDBLedger(client, "no-such-table").recent(Key("a", 1), None, 1, POSITION)
    with pytest.raises(Unavailable, match=error):
        newest(client, "no-such-table", "a")


def test_a_row_with_a_fractional_version_is_ignored(full: Table) -> None:
    full.put([ROWS[11]], Version={"N": "12.5"})
    assert full.ledger.events("a", 1, 30, POSITION) == events(1, 30)


def test_an_account_id_that_dynamodb_refuses_is_poison(dynamodb_local_url: str) -> None:
    """DynamoDB refuses the query permanently; the emulator finds no rows."""
    table = Table(dynamodb_local_url)
    reason = "DynamoDB refuses to read the account's rows: ValidationException"
    assert table.ledger.events("", 3, 5, POSITION) == [Poison("", 3, 3, reason, POSITION)]
    assert newest(table.client, table.name, "") == 0


@pytest.mark.parametrize("stray", ["12.5", "9" * 38, "1" + "0" * 40, "-1", "0"])
def test_a_stray_row_is_not_the_newest_event(table: Table, stray: str) -> None:
    table.put(history("a", 11))
    table.put([ROWS[0]], Version={"N": stray})
    assert newest(table.client, table.name, "a") == 11
