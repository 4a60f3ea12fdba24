"""Aggregated records, read by AWS's library and by ours, and the buckets of accounts."""

import base64
import hashlib
from typing import Any

import pytest
from aws_kinesis_agg.deaggregator import deaggregate_records, messages_pb2  # aws_kinesis_agg needs this import first
from hypothesis import given
from hypothesis import strategies as st

from account_events.aggregation.buckets import bucket_of, hash_key
from account_events.aggregation.packing import FRAMING_BYTES_MAX, aggregate, overhead
from account_events.aggregation.unpacking import unpack
from account_events.avro.errors import CorruptAggregate
from projector.lanes import aggregated
from projector.outgoing import EVENT_BYTES_MAX, PARTITION_KEY_LENGTH_MAX, RECORD_BYTES_MAX, Outgoing

events = st.lists(st.binary(max_size=300), min_size=1, max_size=40)


@given(events, st.integers(0, 31))
def test_the_library_of_aws_unpacks_every_event(datas: list[bytes], bucket: int) -> None:
    data = aggregate(str(bucket), hash_key(bucket, 32), datas)
    found = deaggregate_records([as_lambda_sends(data, str(bucket))])
    assert [base64.b64decode(one["kinesis"]["data"]) for one in found] == datas
    assert {one["kinesis"]["partitionKey"] for one in found} == {str(bucket)}
    assert {one["kinesis"]["explicitHashKey"] for one in found} == {hash_key(bucket, 32)}
    assert unpack(data) == datas


def test_events_in_a_record_of_the_projector_have_its_partition_key() -> None:
    """Lambda keeps their order with a ParallelizationFactor only if they have."""
    outgoing = [Outgoing(f"account-{number}", 1, 0, b"event", number) for number in range(200)]
    entries = [entry for lane in aggregated(32)(outgoing) for entry in lane.waiting]
    found = [(entry, deaggregate_records([as_lambda_sends(entry.data, entry.partition_key)])) for entry in entries]
    assert len(entries) == 32
    assert sum(len(inside) for _, inside in found) == 200
    for entry, inside in found:
        assert {one["kinesis"]["partitionKey"] for one in inside} == {entry.partition_key}


def as_lambda_sends(data: bytes, partition_key: str) -> dict[str, Any]:
    kinesis = {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": partition_key,
        "sequenceNumber": "1",
        "data": base64.b64encode(data),
        "approximateArrivalTimestamp": 1769851800.0,
    }
    names = ("eventVersion", "eventID", "eventName", "invokeIdentityArn", "awsRegion", "eventSourceARN")
    return {"kinesis": kinesis, "eventSource": "aws:kinesis", **dict.fromkeys(names, "x")}


@given(events)
def test_the_message_equals_the_one_that_protobuf_writes(datas: list[bytes]) -> None:
    message = messages_pb2.AggregatedRecord(partition_key_table=["7"], explicit_hash_key_table=["1234567"])
    for data in datas:
        message.records.add(partition_key_index=0, explicit_hash_key_index=0, data=data)
    assert aggregate("7", "1234567", datas)[4:-16] == message.SerializeToString()


def test_the_bytes_equal_a_published_aggregate() -> None:
    """The sample event in the README of awslabs/kinesis-aggregation's java/KinesisDeaggregatorV2: 100 events.

    Comparing the checksum is enough: it covers every byte.
    """
    alphabet = b"abcdefghijklmnopqrstuvwxyz"
    data = aggregate("abc", "191415658344158766168031473277922803570", [alphabet, alphabet[::-1]] * 50)
    assert data[:4].hex() == "f3899ac2"
    assert data[-16:].hex() == "d08f16bf0103262183e18b222887d43b"


@pytest.mark.parametrize(
    ("blob", "datas"),
    [
        (  # the sample payload in the tests of elastic/beats, x-pack/functionbeat
            (
                "84mawgoIejJKSjl6dFgaEwgAGg97ImtleSI6InZhbHVlIn0aEwgAGg97ImtleSI6InZhbHVlIn0aEwgAGg97ImtleSI6InZhbHVlIn0aEw"
                "gAGg97ImtleSI6InZhbHVlIn0aEwgAGg97ImtleSI6InZhbHVlIn0aEwgAGg97ImtleSI6InZhbHVlIn0aEwgAGg97ImtleSI6InZhbHVl"
                "In0aEwgAGg97ImtleSI6InZhbHVlIn0aEwgAGg97ImtleSI6InZhbHVlIn0aEwgAGg97ImtleSI6InZhbHVlIn3xj2DFMGZ0aNQC7aexsn"
                "kU"
            ),
            [b'{"key":"value"}'] * 10,
        ),
        (  # awslabs/kinesis-aggregation's own, two partition keys
            (
                "84mawgoEcGstMAoEcGstMQoEcGstMhoTCAAaD3sibXNnIjoibGluZTAifRoTCAEaD3sibXNnIjoibGluZTEifRoTCAIaD3sibXNnIjoibG"
                "luZTIifZ8hyadI+v2KZPZrUGim6cQ="
            ),
            [b'{"msg":"line0"}', b'{"msg":"line1"}', b'{"msg":"line2"}'],
        ),
    ],
    ids=["functionbeat", "kinesis-aggregation"],
)
def test_aggregates_of_other_libraries_are_unpacked(blob: str, datas: list[bytes]) -> None:
    assert unpack(base64.b64decode(blob)) == datas


@given(events)
def test_the_size_of_an_aggregate_is_predictable(datas: list[bytes]) -> None:
    size = len(aggregate("31", hash_key(31, 32), datas))
    at_most = overhead("31", hash_key(31, 32)) + sum(len(data) + FRAMING_BYTES_MAX for data in datas)
    assert size <= at_most


def test_the_largest_event_fits_into_a_record_aggregated_or_not() -> None:
    data = bytes(EVENT_BYTES_MAX)
    longest_key = "ü" * PARTITION_KEY_LENGTH_MAX
    assert len(data) + len(longest_key.encode()) <= RECORD_BYTES_MAX
    assert len(aggregate("31", hash_key(31, 32), [data])) + len("31") <= RECORD_BYTES_MAX


@pytest.mark.parametrize("position", [4, 30, -1])
def test_a_damaged_aggregate_is_corrupt(position: int) -> None:
    data = bytearray(aggregate("7", "1234567", [b"one", b"two" * 10]))
    data[position] ^= 1
    with pytest.raises(CorruptAggregate):
        unpack(bytes(data))


def test_a_valid_checksum_over_invalid_content_is_corrupt() -> None:
    message = b"\x1a\xff"
    with pytest.raises(CorruptAggregate):
        unpack(b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message, usedforsecurity=False).digest())
    with pytest.raises(CorruptAggregate):
        unpack(b"\xf3\x89\x9a\xc2short")


def test_a_plain_record_is_returned_unchanged() -> None:
    assert unpack(b"\xc3\x01plain") == [b"\xc3\x01plain"]


@given(st.text(min_size=1, max_size=64), st.integers(1, 500))
def test_a_bucket_follows_the_hash_of_the_partition_key(account_id: str, buckets: int) -> None:
    natural = int(hashlib.md5(account_id.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest(), 16)
    bucket = bucket_of(account_id, buckets)
    assert bucket * 2**128 <= natural * buckets < (bucket + 1) * 2**128


@pytest.mark.parametrize("buckets", [1, 2, 3, 32, 500])
def test_hash_keys_are_the_midpoints_of_equal_parts(buckets: int) -> None:
    keys = [int(hash_key(bucket, buckets)) for bucket in range(buckets)]
    part = 2**128 / buckets
    assert keys == sorted(set(keys))
    assert all(0 <= key < 2**128 for key in keys)
    assert all(abs(key - (bucket + 0.5) * part) <= part * 1e-9 for bucket, key in enumerate(keys))


def test_the_buckets_of_known_accounts_never_change() -> None:
    """Otherwise accounts would move between shards while some of their events are unread."""
    assert [bucket_of(f"account-{n}", 32) for n in range(8)] == [30, 24, 22, 0, 25, 11, 14, 23]
    assert hash_key(0, 32) == "5316911983139663491615228241121378304"
    assert hash_key(31, 32) == "334965454937798799971759379190646833152"
