"""Handlers for the tests of the assertions: one is correct, and each of the others has one planted bug."""

from collections.abc import Callable, Iterable
from typing import Any

from account_core.domain.events import EventRow
from account_core.rows.items import from_item
from account_events.avro.codec import encode
from account_events.testing import MemoryKinesis
from projector.translate import translate

Put = Callable[[list[tuple[str, bytes]]], list[int]]
Event = dict[str, Any]

DONE: dict[str, list[dict[str, str]]] = {"batchItemFailures": []}


def events_of(event: Event) -> list[tuple[str, str, bytes]]:
    """Sequence number, account and encoded event of each record that has an event."""
    found = []
    for record in event["Records"]:
        image = record["dynamodb"].get("NewImage")
        row = from_item(image) if record["eventName"] == "INSERT" and image else None
        if isinstance(row, EventRow):
            found.append((record["dynamodb"]["SequenceNumber"], row.account_id, encode(*translate(row))))
    return found


def put_one(kinesis: MemoryKinesis, account_id: str, data: bytes) -> bool:
    answer = kinesis.put_records(StreamName="events", Records=[{"Data": data, "PartitionKey": account_id}])
    return not answer["FailedRecordCount"]


def failed(number: str) -> dict[str, list[dict[str, str]]]:
    return {"batchItemFailures": [{"itemIdentifier": number}]}


def one_by_one(kinesis: MemoryKinesis) -> Callable[[Event, Any], Any]:
    """Correct: sends one event at a time, and reports the first that is refused."""

    def handler(event: Event, _: Any) -> Any:  # noqa: ANN401 -- Lambda's
        for number, account_id, data in events_of(event):
            if not put_one(kinesis, account_id, data):
                return failed(number)
        return DONE

    return handler


def loses_refused_events(kinesis: MemoryKinesis) -> Callable[[Event, Any], Any]:
    def handler(event: Event, _: Any) -> Any:  # noqa: ANN401 -- Lambda's
        for _number, account_id, data in events_of(event):
            put_one(kinesis, account_id, data)
        return DONE

    return handler


def reports_the_next_record(kinesis: MemoryKinesis) -> Callable[[Event, Any], Any]:
    def handler(event: Event, _: Any) -> Any:  # noqa: ANN401 -- Lambda's
        found = events_of(event)
        for position, (_number, account_id, data) in enumerate(found):
            if not put_one(kinesis, account_id, data):
                return failed(found[position + 1][0]) if position + 1 < len(found) else DONE
        return DONE

    return handler


def continues_after_a_refusal(kinesis: MemoryKinesis) -> Callable[[Event, Any], Any]:
    """Reports the right record but publishes later ones first, like a batch processor that continues after failures."""

    def handler(event: Event, _: Any) -> Any:  # noqa: ANN401 -- Lambda's
        refused = [number for number, account_id, data in events_of(event) if not put_one(kinesis, account_id, data)]
        return failed(refused[0]) if refused else DONE

    return handler


def resends_only_refused_entries(kinesis: MemoryKinesis) -> Callable[[Event, Any], Any]:
    """Sends all entries in one call and the refused ones again in the next, as most producers do."""

    def handler(event: Event, _: Any) -> Any:  # noqa: ANN401 -- Lambda's
        entries = [{"Data": data, "PartitionKey": account_id} for _, account_id, data in events_of(event)]
        while entries:
            answer = kinesis.put_records(StreamName="events", Records=entries)
            results: Iterable[tuple[Any, Any]] = zip(entries, answer["Records"], strict=True)
            entries = [entry for entry, result in results if "ErrorCode" in result]
        return DONE

    return handler


def publishes_backwards(kinesis: MemoryKinesis) -> Callable[[Event, Any], Any]:
    def handler(event: Event, _: Any) -> Any:  # noqa: ANN401 -- Lambda's
        for _number, account_id, data in reversed(events_of(event)):
            put_one(kinesis, account_id, data)
        return DONE

    return handler


def publishes_twice(kinesis: MemoryKinesis) -> Callable[[Event, Any], Any]:
    def handler(event: Event, _: Any) -> Any:  # noqa: ANN401 -- Lambda's
        for _number, account_id, data in events_of(event):
            put_one(kinesis, account_id, data)
            put_one(kinesis, account_id, data)
        return DONE

    return handler
