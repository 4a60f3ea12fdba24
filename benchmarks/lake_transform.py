"""The CPU time of the lake's transform, against a conventional one with fastavro, json and base64."""

import base64
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import fastavro

from account_core.domain.events import EventRow
from account_events.avro.codec import CONTRACT, HEADER_SIZE
from account_events.consumer import Decoder
from benchmarks.long_accounts import ledger
from benchmarks.timing import Benchmark, cpu_us
from consumers.lake.rows import Rows
from consumers.lake.transform import Transform
from projector.outgoing import outgoing

EVENTS = 1_000
PUBLISHED_MS = 1_790_000_000_000
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
SCHEMAS = {schema.fingerprint: schema.parsed for schema in CONTRACT.known.values()}


def _record(number: int, data: bytes) -> dict[str, Any]:
    return {
        "recordId": f"{number:056d}",
        "approximateArrivalTimestamp": PUBLISHED_MS + 500,
        "data": base64.b64encode(data).decode(),
        "kinesisRecordMetadata": {
            "shardId": "shardId-000000000000",
            "partitionKey": "7",
            "approximateArrivalTimestamp": PUBLISHED_MS + number // 50,
            "sequenceNumber": str(number),
            "subsequenceNumber": number % 50,
        },
    }


_DATAS = [outgoing(row, 0).data for row in ledger(EVENTS) if isinstance(row, EventRow)]
EVENT: dict[str, Any] = {"invocationId": "1", "records": [_record(number, data) for number, data in enumerate(_DATAS)]}
_TRANSFORM = Transform(Rows(Decoder(), "2000-01-01"))


def _ours() -> list[Any]:
    """Transform with every check: header, body, trailing bytes, ranges of money and time, partitions, answer size."""
    answer = _TRANSFORM(EVENT).answer
    found: list[Any] = answer["records"]
    return found


def _plain() -> list[Any]:
    """Transform without checks: the schema by fingerprint, fastavro's values, json and base64."""
    answers = []
    for record in EVENT["records"]:
        data = base64.b64decode(record["data"])
        schema = SCHEMAS[data[2:HEADER_SIZE]]
        event: Any = fastavro.schemaless_reader(BytesIO(data[HEADER_SIZE:]), schema, None)
        row = {name: str(value) if isinstance(value, Decimal) else value for name, value in event.items()}
        row["occurred_at"] = event["occurred_at"].strftime("%Y-%m-%d %H:%M:%S.%f")
        row["occurred_at_us"] = (event["occurred_at"] - EPOCH) // MICROSECOND
        published_at = datetime.fromtimestamp(
            record["kinesisRecordMetadata"]["approximateArrivalTimestamp"] / 1000, UTC
        )
        row["published_at"] = published_at.strftime("%Y-%m-%d %H:%M:%S.%f")
        row["schema_fingerprint"] = data[2:HEADER_SIZE].hex()
        keys = {"dt": row["occurred_at"][:10], "event_type": schema["name"].rpartition(".")[2]}
        encoded = base64.b64encode((json.dumps(row) + "\n").encode()).decode()
        answers.append(
            {"recordId": record["recordId"], "result": "Ok", "data": encoded, "metadata": {"partitionKeys": keys}}
        )
    return answers


def _rows(answers: list[Any]) -> list[Any]:
    """The content that both must agree on; nulls may be left out."""
    return [
        (
            answer["recordId"],
            answer["metadata"],
            {name: value for name, value in json.loads(base64.b64decode(answer["data"])).items() if value is not None},
        )
        for answer in answers
    ]


assert _rows(_ours()) == _rows(_plain())  # noqa: S101 -- both must have the same result

BENCHMARKS = [
    Benchmark(
        f"{EVENTS} events as rows for Firehose; fastavro, json and base64",
        "CPU us",
        1 / 1.5,
        lambda: cpu_us(_ours, 3),
        lambda: cpu_us(_plain, 3),
    )
]
