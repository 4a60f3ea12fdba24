"""A consumer's CPU time: decoding events against plain fastavro, and unpacking aggregates against AWS's library."""

import base64
from io import BytesIO
from typing import Any

import fastavro
from aws_kinesis_agg.deaggregator import deaggregate_records

from account_core.domain.events import EventRow
from account_events.aggregation.packing import aggregate
from account_events.aggregation.unpacking import unpack
from account_events.avro.codec import CONTRACT, HEADER_SIZE
from account_events.consumer import Decoder
from account_events.consumer.lambda_handler import records_of
from benchmarks.long_accounts import ledger
from benchmarks.timing import Benchmark, cpu_us
from projector.outgoing import outgoing

EVENTS, OF_A_RECORD = 1_000, 50

_DATAS = [outgoing(row, 0).data for row in ledger(EVENTS) if isinstance(row, EventRow)]
_SCHEMAS = [CONTRACT.known[data[2:HEADER_SIZE]].parsed for data in _DATAS]
_DECODER = Decoder()
_NAMES = ("eventVersion", "eventID", "eventName", "invokeIdentityArn", "awsRegion", "eventSourceARN")


def _typed() -> list[Any]:
    """Check header and fingerprint, resolve the schema, read exact amounts, return typed events."""
    return [_DECODER.decode(data) for data in _DATAS]


def _plain() -> list[Any]:
    """Read dicts with a schema that is known beforehand."""
    found = []
    for data, schema in zip(_DATAS, _SCHEMAS, strict=True):
        body = BytesIO(data)
        body.seek(HEADER_SIZE)
        found.append(fastavro.schemaless_reader(body, schema, None))
    return found


def _record(datas: list[bytes]) -> dict[str, Any]:
    """A record as Lambda passes it."""
    kinesis = {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "7",
        "sequenceNumber": "1",
        "data": base64.b64encode(aggregate("7", "1234567", datas)).decode(),
        "approximateArrivalTimestamp": 1769851800.0,
    }
    return {"kinesis": kinesis, "eventSource": "aws:kinesis", **dict.fromkeys(_NAMES, "x")}


_RECORDS = [_record(_DATAS[start : start + OF_A_RECORD]) for start in range(0, EVENTS, OF_A_RECORD)]


def _unpacked() -> list[bytes]:
    return [data for _, packed, _ in records_of({"Records": _RECORDS}) for data in unpack(packed)]


def _deaggregated() -> list[Any]:
    found: list[Any] = deaggregate_records(_RECORDS)
    return found


# Both must have the same results.
assert [vars(event) for event in _typed()] == _plain()  # noqa: S101
assert _unpacked() == [base64.b64decode(one["kinesis"]["data"]) for one in _deaggregated()]  # noqa: S101

BENCHMARKS = [
    Benchmark(
        f"{EVENTS} events, typed, by the consumer kit; fastavro.schemaless_reader, to dicts",
        "CPU us",
        1 / 0.8,
        lambda: cpu_us(_typed, 3),
        lambda: cpu_us(_plain, 3),
    ),
    Benchmark(
        f"{EVENTS} events out of {len(_RECORDS)} aggregates, by the consumer kit; aws_kinesis_agg",
        "CPU us",
        1 / 2,
        lambda: cpu_us(_unpacked, 3),
        lambda: cpu_us(_deaggregated, 3),
    ),
]
