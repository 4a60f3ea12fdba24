"""One suite for the parked accounts: in memory, on the emulator and on DynamoDB Local."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.config import Config
from botocore.stub import Stubber

from account_core.rows.items import VERSION_MAX
from account_events.dynamodb_errors import CODES, Kind
from local_stack.emulator import loopback_config
from local_stack.local_tables import session
from projector.dynamodb_parking import DynamoDBParking
from projector.errors import Unavailable
from projector.outgoing import REASON_LENGTH_MAX
from projector.parking import Parked, Parking
from projector.settings import CLIENTS
from tests.support.memory_projector import MemoryProjector
from tests.support.memory_tables import MemoryParking
from tests.support.rows import history, stream_records

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "2026-01-31T09:30:00+00:00"
PARKED = Parked("a", 5, 7, 5, "the row cannot be read: row a/5: unknown type 'INTEREST'", AT)
OTHER = replace(PARKED, account_id="b")

KEYS: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "Stream", "AttributeType": "S"},
        {"AttributeName": "AccountId", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "Stream", "KeyType": "HASH"},
        {"AttributeName": "AccountId", "KeyType": "RANGE"},
    ],
}
URLS = {"emulator": "emulator_url", "dynamodb-local": "dynamodb_local_url"}


def new_parking(url: str) -> DynamoDBParking:
    """Parking on a new table, with the projector's own client settings."""
    client = session().client("dynamodb", endpoint_url=url, config=CLIENTS.merge(loopback_config(attempts_max=1)))
    name = f"parked-{uuid.uuid4()}"
    client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **KEYS)
    return DynamoDBParking(client, name)


@pytest.fixture(params=["memory", *URLS])
def parking(request: pytest.FixtureRequest) -> Parking:
    return MemoryParking() if request.param == "memory" else new_parking(request.getfixturevalue(URLS[request.param]))


@pytest.fixture(params=list(URLS))
def stored(request: pytest.FixtureRequest) -> DynamoDBParking:
    return new_parking(request.getfixturevalue(URLS[request.param]))


def test_at_first_no_account_is_parked(parking: Parking) -> None:
    assert parking.list_parked() == {}


def test_a_parked_account_reads_back_as_it_was_stored(parking: Parking) -> None:
    odd = Parked("ä/\u2028'\"", 10**9, 10**9 - 1, 10**9 + 10**8, "", AT)
    assert parking.park(PARKED)
    assert parking.park(odd)
    assert parking.list_parked() == {"a": PARKED, odd.account_id: odd}


@pytest.mark.parametrize("first", [5, 6, 50])
def test_a_parked_account_is_not_parked_at_the_same_or_a_later_event(parking: Parking, first: int) -> None:
    parking.park(PARKED)
    assert not parking.park(replace(PARKED, first=first, held_through=99, reason="another"))
    assert parking.list_parked() == {"a": PARKED}


@pytest.mark.parametrize(("through", "then"), [(2, 7), (6, 7), (7, 7), (9, 9)])
def test_parking_at_an_earlier_event_keeps_what_is_held(parking: Parking, through: int, then: int) -> None:
    parking.park(PARKED)
    earlier = Parked("a", 2, through, 2, "the table has no such row", "2026-02-01T09:30:00+00:00")
    assert parking.park(earlier)
    assert parking.list_parked() == {"a": replace(earlier, held_through=then)}


def test_the_held_sequence_is_stored_and_never_decreases(parking: Parking) -> None:
    parking.park(PARKED)
    parking.park(OTHER)
    assert parking.hold(PARKED, 12)
    assert parking.list_parked() == {"a": replace(PARKED, held_through=12), "b": OTHER}
    for through in (8, 12):
        assert parking.hold(PARKED, through), "a hold up to a held sequence succeeds"
    assert parking.list_parked()["a"].held_through == 12


def test_numbers_are_compared_as_numbers(parking: Parking) -> None:
    parking.park(replace(PARKED, first=9, held_through=9))
    assert parking.hold(replace(PARKED, first=9), 10)
    assert parking.list_parked()["a"].held_through == 10
    assert not parking.release(replace(PARKED, first=9), 9)
    assert not parking.park(replace(PARKED, first=10))
    assert parking.release(replace(PARKED, first=9), 100)


def test_a_release_must_reach_the_held_sequence(parking: Parking) -> None:
    parking.park(PARKED)
    parking.park(OTHER)
    parking.hold(PARKED, 8)
    assert not parking.release(PARKED, 7)
    assert parking.list_parked()["a"] == replace(PARKED, held_through=8)
    assert parking.release(PARKED, 8)
    assert parking.list_parked() == {"b": OTHER}


def test_a_released_account_cannot_be_held_released_or_advanced(parking: Parking) -> None:
    parking.park(PARKED)
    parking.release(PARKED, 7)
    assert not parking.hold(PARKED, 8)
    assert not parking.release(PARKED, 7)
    assert not parking.advance(PARKED, replace(PARKED, first=6))
    assert parking.list_parked() == {}


def test_a_released_account_may_be_parked_again(parking: Parking) -> None:
    parking.park(PARKED)
    parking.release(PARKED, 7)
    later = replace(PARKED, first=20, held_through=21, version=22)
    assert parking.park(later)
    assert parking.list_parked() == {"a": later}


@pytest.mark.parametrize("first", [3, 6])
def test_parking_at_another_event_makes_another_record(parking: Parking, first: int) -> None:
    """A caller with the earlier record must read it again."""
    there = replace(PARKED, first=first)
    parking.park(there)
    assert not parking.hold(PARKED, 12)
    assert not parking.release(PARKED, 12)
    assert not parking.advance(PARKED, replace(PARKED, first=7))
    assert parking.list_parked() == {"a": there}


def test_an_account_advances_to_its_next_unpublishable_event(parking: Parking) -> None:
    parking.park(PARKED)
    parking.hold(PARKED, 14)
    further = Parked("a", 10, 0, 11, "the table has no such row", "later")
    assert parking.advance(PARKED, further)
    there = replace(further, held_through=14, at=AT)
    assert parking.list_parked() == {"a": there}
    assert not parking.hold(PARKED, 15)
    assert not parking.release(PARKED, 14)
    assert parking.hold(there, 15)
    assert parking.release(there, 15)


@pytest.mark.parametrize("changed", [{"version": 6}, {"reason": "another"}])
def test_the_version_or_the_reason_alone_may_change(parking: Parking, changed: dict[str, Any]) -> None:
    parking.park(PARKED)
    assert parking.advance(PARKED, replace(PARKED, **changed))
    assert parking.list_parked() == {"a": replace(PARKED, **changed)}


@pytest.mark.parametrize("first", [1, 2, 3])
def test_concurrent_changes_lose_no_held_event(stored: DynamoDBParking, first: int) -> None:
    """Eight threads hold, park, advance and release one account; a release must reach the highest hold."""
    stored.park(PARKED)
    earlier = replace(PARKED, first=first, held_through=5)
    writes: list[Callable[[], bool]] = [
        lambda: stored.hold(PARKED, 20),
        lambda: stored.hold(PARKED, 30),
        lambda: stored.park(earlier),
        lambda: stored.park(replace(earlier, held_through=6)),
        lambda: stored.release(PARKED, 7),
        lambda: stored.release(earlier, 7),
        lambda: stored.advance(PARKED, replace(PARKED, first=6)),
        lambda: stored.hold(earlier, 25),
    ]
    with ThreadPoolExecutor(len(writes)) as pool:
        done = [each.result() for each in [pool.submit(write) for write in writes]]
    there = stored.list_parked().get("a")
    highest = max((through for through, position in ((20, 0), (30, 1), (25, 7)) if done[position]), default=0)
    assert highest == 0 or (there is not None and there.held_through >= highest)


def test_a_query_returns_more_than_one_page(stored: DynamoDBParking) -> None:
    """More than 1 MB, the limit of one answer to a Query."""
    accounts = [replace(PARKED, account_id=f"account-{number:04}", reason="x" * 40_000) for number in range(30)]
    for each in accounts:
        assert stored.park(each)
    assert stored.list_parked() == {each.account_id: each for each in accounts}


@pytest.fixture
def nowhere(nowhere_url: str) -> DynamoDBParking:
    config = Config(connect_timeout=0.2, retries={"total_max_attempts": 1})
    return DynamoDBParking(session().client("dynamodb", endpoint_url=nowhere_url, config=config), "parked")


@pytest.mark.parametrize("has_server", [True, False])
def test_a_missing_or_unreachable_table_is_unavailable(
    stored: DynamoDBParking, nowhere: DynamoDBParking, *, has_server: bool
) -> None:
    parking = DynamoDBParking(stored._client, "no-such-table") if has_server else nowhere  # noqa: SLF001 -- its client
    requests: list[Callable[[], object]] = [
        parking.list_parked,
        lambda: parking.park(PARKED),
        lambda: parking.hold(PARKED, 8),
        lambda: parking.advance(PARKED, OTHER),
        lambda: parking.release(PARKED, 8),
    ]
    for request in requests:
        with pytest.raises(Unavailable, match="ResourceNotFoundException" if has_server else "EndpointConnectionError"):
            request()


@pytest.mark.parametrize(
    "account_id",
    ["", "x" * 1024, "x" * 1025, "\u00fc" * 1024, "\ud800", "a\udfff", "\U0001f3e6" * 512],
    ids=["empty", "longest sort key", "longer", "longest id", "surrogate", "surrogate behind a letter", "emoji"],
)
def test_an_account_of_any_id_is_parked_held_advanced_and_released(parking: Parking, account_id: str) -> None:
    parked = replace(PARKED, account_id=account_id, reason="r" * REASON_LENGTH_MAX)
    further = replace(parked, first=6, version=6, held_through=8)
    assert parking.park(parked)
    assert parking.hold(parked, 8)
    assert parking.advance(parked, further)
    assert parking.list_parked() == {account_id: further}
    assert parking.release(further, 8)
    assert parking.list_parked() == {}


@pytest.mark.parametrize(
    "version",
    ["1" + "0" * 40, "9" * 38, "1" + "0" * 124, "9" * 39, str(VERSION_MAX), "5.5", "-1"],
    ids=lambda text: text[:9],
)
@pytest.mark.parametrize("is_known", [False, True])
def test_a_row_of_any_version_blocks_no_other_account(stored: DynamoDBParking, version: str, *, is_known: bool) -> None:
    """DynamoDB accepts such keys, but derived numbers may have more digits than it accepts."""
    projector = MemoryProjector()
    projector.parking = cast("MemoryParking", stored)
    projector.restart()
    records = stream_records([*history("stray", 1 if is_known else 0), *history("b", 1), *history("stray", 1)])
    key = {"AccountId": {"S": "stray"}, "Version": {"N": version}}
    stray = deepcopy(records.pop())
    stray["dynamodb"] |= {"Keys": key, "NewImage": {**stray["dynamodb"]["NewImage"], **key}}
    assert projector.deliver([*records, stray]) == {"batchItemFailures": []}
    assert projector.deliver([stray]) == {"batchItemFailures": []}
    parked = stored.list_parked()["stray"]
    assert stored.release(parked, parked.held_through)


@pytest.mark.parametrize("code", sorted(CODES[Kind.REFUSED]))
def test_a_table_that_refuses_every_request_is_unavailable(stored: DynamoDBParking, code: str) -> None:
    """For example, a table with another key. The records are delivered again, and their age raises an alarm."""
    client = stored._client  # noqa: SLF001 -- its client
    with Stubber(client) as stub:
        stub.add_client_error("put_item", code)
        with pytest.raises(Unavailable, match=code):
            stored.park(PARKED)
