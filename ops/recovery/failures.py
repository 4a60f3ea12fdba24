"""Repairs accounts whose records the projector's event source mapping discarded after its last retry.

An object of the failure bucket is an invocation record (AWS Lambda Developer Guide, "Retain discarded records for a
DynamoDB event source in Lambda") with the whole batch as its `payload`. It only identifies the accounts that may have a
gap, and the first event that may be missing. The events are read from the table, which is the source of truth.
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
"""The values of eventName; see the API reference of DynamoDB Streams, "Record". Only inserted rows are published."""
# A payload has at most 6 MB. As a JSON string within JSON, it has at most twice as many bytes.
OBJECT_BYTES_MAX = 16 * 1024 * 1024
ROUNDS_MAX = 10


class Span(NamedTuple):
    """The lowest and the highest sequence of an account's events in a payload."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class DiscardedBatch:
    """An object of the failure bucket.

    Attributes:
        url: s3://bucket/key.
        accounts: the span of the events in the object, by account id.
        problem: why the object cannot be read completely, or empty. An object with a problem must not be deleted.
    """

    url: str
    key: str
    accounts: Mapping[str, Span]
    problem: str = ""


def read_batch(url: str, key: str, body: bytes) -> DiscardedBatch:
    """Parses an object of the failure bucket."""
    try:
        document = json.loads(body)
        payload = document["payload"]
        records = (json.loads(payload) if isinstance(payload, str) else payload)["Records"]
        if not isinstance(records, list) or not records:
            return DiscardedBatch(url, key, {}, "its payload has no records")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return DiscardedBatch(
            url, key, {}, f"it is not an invocation record with a payload: {type(error).__name__}: {error}"
        )
    accounts: dict[str, Span] = {}
    problem = ""
    for number, record in enumerate(records, 1):
        if isinstance(record, dict) and record.get("eventName", "INSERT") not in CHANGES:
            problem = problem or f"record {number} has an unknown eventName, {record['eventName']!r}"
            continue
        try:
            batch = parse({"Records": [record]})
        except NotATableStream as error:
            problem = problem or f"record {number}: {error}"
            continue
        if batch.unreadable is not None:
            problem = problem or f"record {number} does not identify its account"
        for account_id, arrivals in batch.arrivals.items():
            span = Span(min(arrival.sequence for arrival in arrivals), last_of(arrivals))
            known = accounts.get(account_id, span)
            accounts[account_id] = Span(min(span.first, known.first), max(span.last, known.last))
    return DiscardedBatch(url, key, accounts, problem)


class FailureBucket:
    """The bucket that is the on-failure destination of the projector's event source mapping."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client = client
        self.name = name

    def count(self) -> int:
        return sum(1 for _ in self._listed())

    def objects(self) -> Iterator[DiscardedBatch]:
        """Every object in the bucket. Objects that another `release` command deletes meanwhile are skipped."""
        for listed in self._listed():
            key = listed["Key"]
            url = f"s3://{self.name}/{key}"
            if listed["Size"] > OBJECT_BYTES_MAX:
                yield DiscardedBatch(url, key, {}, f"it has {listed['Size']} bytes, too many for an invocation record")
                continue
            try:
                body = self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
            except self._client.exceptions.NoSuchKey:
                continue
            yield read_batch(url, key, body)

    def delete(self, key: str) -> None:
        """Deletes an object. The bucket is versioned and keeps the old version for the days set in template.yaml."""
        self._client.delete_object(Bucket=self.name, Key=key)

    def _listed(self) -> Iterator[Any]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            yield from page.get("Contents", [])


class FailureReleaser:
    """Parks the accounts of discarded batches, releases them, and deletes the objects whose accounts are released.

    Args:
        parking: the parked accounts.
        newest: returns the sequence of an account's newest event, read strongly consistently; 0 if it has no event.
        releaser: releases the accounts; it must have the same `parking`.
        now: returns the time in the format of `Parked.at`.
        delete: deletes the object with a key.
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

    def release(self, objects: Iterable[DiscardedBatch]) -> Iterator[Released]:
        """Releases each account once, beginning with its lowest event in any of the objects; see `Releaser.release`.

        An object is deleted when the last of its accounts is released, unless it has a problem.
        """
        parked = self._parking.list_parked()
        by_account: dict[str, list[DiscardedBatch]] = {}
        left: dict[str, int] = {}
        for each in objects:
            left[each.key] = len(each.accounts)
            self._delete_if_done(each, left)
            for account_id in each.accounts:
                by_account.setdefault(account_id, []).append(each)
        for account_id, batches in by_account.items():
            released = self._releaser.release(self._park(account_id, batches, parked.get(account_id)))
            if released.still_parked is None:
                for each in batches:
                    left[each.key] -= 1
                    self._delete_if_done(each, left)
            yield released

    def _delete_if_done(self, each: DiscardedBatch, left: Mapping[str, int]) -> None:
        if not left[each.key] and not each.problem:
            self._delete(each.key)

    def _park(self, account_id: str, objects: Sequence[DiscardedBatch], parked: Parked | None) -> Parked:
        """Parks the account at or before its lowest event in these objects, through its newest event.

        The newest event is looked up after parking. An invocation of the projector that listed the parked accounts
        earlier may still publish events out of order. These events are in the table by then, so they are published
        again in order.
        """
        lowest = min(objects, key=lambda each: each.accounts[account_id].first)
        first = lowest.accounts[account_id].first
        last = max(each.accounts[account_id].last for each in objects)
        for _ in range(ROUNDS_MAX):
            if parked is None or parked.first > first:
                reason = f"discarded by the event source mapping: {lowest.url}"
                wanted = Parked(account_id, first, last, version_of(first), reason, self._now())
                parked = wanted if self._parking.park(wanted) else self._parking.list_parked().get(account_id)
            if parked is not None:
                through = max(last, self._newest(account_id))
                if self._parking.hold(parked, through):
                    return replace(parked, held_through=max(parked.held_through, through))
                parked = self._parking.list_parked().get(account_id)
        raise Unavailable(f"another process keeps parking and releasing the account {account_id}")
