"""The projector makes requests concurrently, and none of them outlives its batch."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from projector.errors import NotATableStream, Unavailable
from projector.predecessors import KEYS_MAX, FirstSeen, Key, PredecessorCheck
from projector.settings import CONNECTIONS_MAX
from tests.support.memory_projector import MemoryProjector
from tests.support.memory_tables import MemoryLedger
from tests.support.rows import history, stream_records

TIMEOUT_S = 10.0


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CONNECTIONS_MAX) as threads:
        yield threads


class Records(list[Any]):
    """Calls a function as soon as the projector begins to parse the records."""

    def __init__(self, on_parse: Callable[[], object], records: Sequence[Any]) -> None:
        super().__init__(records)
        self._on_parse = on_parse

    def __iter__(self) -> Iterator[Any]:
        self._on_parse()
        return super().__iter__()


def test_a_batch_is_parsed_while_parked_accounts_are_listed(executor: ThreadPoolExecutor) -> None:
    listing, parsing, overlapped = threading.Event(), threading.Event(), list[bool]()

    def on_list(_: str) -> None:
        listing.set()
        overlapped.append(parsing.wait(TIMEOUT_S))

    def on_parse() -> None:
        parsing.set()
        overlapped.append(listing.wait(TIMEOUT_S))

    projector = MemoryProjector(executor=executor)
    projector.parking.fails = on_list
    assert projector.deliver(Records(on_parse, stream_records(history("a", 1)))) == {"batchItemFailures": []}
    assert overlapped
    assert all(overlapped)


def test_if_the_listing_fails_the_batch_is_delivered_again(executor: ThreadPoolExecutor) -> None:
    def fail(_: str) -> None:
        raise Unavailable("ThrottlingException")

    projector = MemoryProjector(executor=executor)
    projector.parking.fails = fail
    assert projector.deliver(stream_records(history("a", 1))) != {"batchItemFailures": []}
    assert [waiting.reason for waiting in projector.outcomes[0].waiting] == ["ThrottlingException"]


@pytest.mark.parametrize("is_invalid", [False, True])
def test_the_listing_ends_before_the_batch_does(executor: ThreadPoolExecutor, *, is_invalid: bool) -> None:
    parsing, ended = threading.Event(), list[str]()

    def on_list(_: str) -> None:
        assert parsing.wait(TIMEOUT_S)
        ended.append("listing")

    projector = MemoryProjector(executor=executor)
    projector.parking.fails = on_list
    if is_invalid:
        with pytest.raises(NotATableStream):
            projector.deliver(Records(parsing.set, [{"eventName": "INSERT"}]))
    else:
        projector.deliver(Records(parsing.set, []))
    assert ended == ["listing"]


class Table(MemoryLedger):
    """A table in which all events occurred long ago; a function is called with the first account of each request."""

    def __init__(self, on_request: Callable[[str], object]) -> None:
        super().__init__()
        self._on_request = on_request

    def times(self, keys: Sequence[Key]) -> dict[str, int | None]:
        self._on_request(keys[0].account_id)
        return {key.account_id: int(key.account_id) for key in keys}


def check(table: Table, executor: ThreadPoolExecutor, requests: int) -> Mapping[str, Any]:
    """Check enough accounts for a number of requests; each account's predecessor occurred at the account's number."""
    firsts = [FirstSeen(f"{number}", 2, 10_000, number) for number in range(requests * KEYS_MAX)]
    return PredecessorCheck(table, 9_999, executor)(firsts, lambda: True)


def test_several_requests_wait_at_the_same_time(executor: ThreadPoolExecutor) -> None:
    all_requests = threading.Barrier(CONNECTIONS_MAX, timeout=TIMEOUT_S)
    found = check(Table(lambda _: all_requests.wait()), executor, CONNECTIONS_MAX)
    assert set(found) == {f"{number}" for number in range(2, CONNECTIONS_MAX * KEYS_MAX)}, "answers were mixed up"


def test_if_one_request_fails_the_others_have_ended(executor: ThreadPoolExecutor) -> None:
    failed, ended = threading.Event(), list[str]()

    def on_request(account_id: str) -> None:
        if account_id == "0":
            failed.set()
            raise LookupError
        assert failed.wait(TIMEOUT_S)
        ended.append(account_id)

    with pytest.raises(LookupError):
        check(Table(on_request), executor, 3)
    assert sorted(ended) == ["100", "200"]
