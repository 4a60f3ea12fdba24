"""The last net: rows that the projector's trigger gave up, and how their accounts get their events all the same.

An object of the failure bucket is an invocation record (AWS Lambda Developer Guide, "Retain discarded records for a
DynamoDB event source in Lambda") with the whole batch as its `payload`. It only tells which accounts may have a gap,
and from where on: the events themselves are read from the table, which is the truth.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from account_core.rows.items import version_of
from ops.recovery.release import Released, Releaser
from projector.errors import NotATableStream, Unavailable
from projector.parking import Parked, Parking, last_of
from projector.parse import parse

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHANGES = ("INSERT", "MODIFY", "REMOVE")
"""API reference of DynamoDB Streams, "Record": eventName. Only what was inserted is ever published."""
# A payload has at most 6 MB, and twice that as a JSON string inside of JSON; whatever is longer is something else.
OBJECT_BYTES_MAX = 16 * 1024 * 1024
ROUNDS_MAX = 10


class Span(NamedTuple):
    """An account's events in a payload: the lowest of their sequences, and the highest."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An object of the failure bucket.

    Attributes:
        url: s3://bucket/key.
        accounts: whose events are in it.
        problem: what of it cannot be understood; empty if nothing. It must not be deleted then.
    """

    url: str
    key: str
    accounts: Mapping[str, Span]
    problem: str = ""


def given_up(url: str, key: str, body: bytes) -> GivenUp:
    """What an object holds."""
    try:
        document = json.loads(body)
        payload = document["payload"]
        records = (json.loads(payload) if isinstance(payload, str) else payload)["Records"]
        if not isinstance(records, list) or not records:
            return GivenUp(url, key, {}, "its payload has no records")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return GivenUp(url, key, {}, f"it is no invocation record with a payload: {type(error).__name__}: {error}")
    accounts: dict[str, Span] = {}
    problem = ""
    for number, record in enumerate(records, 1):
        if isinstance(record, dict) and record.get("eventName", "INSERT") not in CHANGES:
            problem = problem or f"record {number} is of an unknown kind, {record['eventName']!r}"
            continue
        try:
            batch = parse({"Records": [record]})
        except NotATableStream as error:
            problem = problem or f"record {number}: {error}"
            continue
        if batch.unreadable is not None:
            problem = problem or f"record {number} does not tell its account"
        for account_id, arrivals in batch.arrivals.items():
            mine = Span(min(arrival.sequence for arrival in arrivals), last_of(arrivals))
            there = accounts.get(account_id, mine)
            accounts[account_id] = Span(min(mine.first, there.first), max(mine.last, there.last))
    return GivenUp(url, key, accounts, problem)


class FailureBucket:
    """The trigger's on-failure destination."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client = client
        self.name = name

    def count(self) -> int:
        return sum(1 for _ in self._listed())

    def objects(self) -> Iterator[GivenUp]:
        """Every object; one that disappears meanwhile has been released by somebody else."""
        for listed in self._listed():
            key = listed["Key"]
            url = f"s3://{self.name}/{key}"
            if listed["Size"] > OBJECT_BYTES_MAX:
                yield GivenUp(url, key, {}, f"{listed['Size']} bytes are too many for an invocation record")
                continue
            try:
                body = self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
            except self._client.exceptions.NoSuchKey:
                continue
            yield given_up(url, key, body)

    def delete(self, key: str) -> None:
        """The bucket is versioned: what is deleted stays there for the days that template.yaml says."""
        self._client.delete_object(Bucket=self.name, Key=key)

    def _listed(self) -> Iterator[Any]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            yield from page.get("Contents", [])


class FailureReleaser:
    """Parks what was given up, releases it, and deletes the objects that are then done with.

    Args:
        parking: the parked accounts.
        newest: the sequence of an account's newest event in the table, strongly consistent; 0 where there is none.
        releaser: on the same parking.
        now: the time, as `Parked.at`.
        delete: an object, by its key.
    """

    def __init__(
        self,
        parking: Parking,
        newest: Callable[[str], int],
        releaser: Releaser,
        *,
        now: Callable[[], str],
        delete: Callable[[str], None],
    ) -> None:
        self._parking = parking
        self._newest = newest
        self._releaser = releaser
        self._now = now
        self._delete = delete

    def release(self, objects: Iterable[GivenUp]) -> Iterator[Released]:
        """Each account once, from the lowest of its events in any object on. As `Releaser.release`.

        An object is deleted when the last of its accounts is released, unless it has a problem.
        """
        parked = self._parking.list_parked()
        by_account: dict[str, list[GivenUp]] = {}
        left: dict[str, int] = {}
        for each in objects:
            left[each.key] = len(each.accounts)
            self._delete_if_done(each, left)
            for account_id in each.accounts:
                by_account.setdefault(account_id, []).append(each)
        for account_id, mine in by_account.items():
            released = self._releaser.release(self._park(account_id, mine, parked.get(account_id)))
            if released.waits is None:
                for each in mine:
                    left[each.key] -= 1
                    self._delete_if_done(each, left)
            yield released

    def _delete_if_done(self, each: GivenUp, left: Mapping[str, int]) -> None:
        if not left[each.key] and not each.problem:
            self._delete(each.key)

    def _park(self, account_id: str, objects: Sequence[GivenUp], there: Parked | None) -> Parked:
        """The account parked at its lowest event in these objects or before it, and held through its newest.

        The newest is looked up once it is parked: what a batch that had looked before may still publish out of its turn
        was in the table by then, and is published again in its turn.
        """
        lowest = min(objects, key=lambda each: each.accounts[account_id].first)
        first = lowest.accounts[account_id].first
        last = max(each.accounts[account_id].last for each in objects)
        for _ in range(ROUNDS_MAX):
            if there is None or there.first > first:
                reason = f"given up by the trigger: {lowest.url}"
                due = Parked(account_id, first, last, version_of(first), reason, self._now())
                there = due if self._parking.park(due) else self._parking.list_parked().get(account_id)
            if there is not None:
                through = max(last, self._newest(account_id))
                if self._parking.hold(there, through):
                    return replace(there, held_through=max(there.held_through, through))
                there = self._parking.list_parked().get(account_id)
        raise Unavailable("somebody else parks and releases the same account again and again")
