"""What is not a whole aggregate is an error, never half a batch."""

import hashlib

import pytest
from aws_kinesis_agg.deaggregator import messages_pb2
from hypothesis import given
from hypothesis import strategies as st

from account_events.aggregation.unpacking import MAGIC, unpack
from account_events.avro.errors import CorruptAggregate, Undecodable

DATAS = [b"one", b"", b"three" * 40]


def sealed(message: bytes) -> bytes:
    return MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def of_two_keys() -> bytes:
    """As a KPL writes it that has records of several partition keys, some with hash keys and tags."""
    message = messages_pb2.AggregatedRecord(partition_key_table=["a", "b"], explicit_hash_key_table=["0"])
    for number, data in enumerate(DATAS):
        record = message.records.add(partition_key_index=number % 2, data=data)
        if number:
            record.explicit_hash_key_index = 0
            record.tags.add(key="kind", value="test")
    return bytes(message.SerializeToString())


def test_what_others_aggregate_is_taken_apart() -> None:
    assert unpack(sealed(of_two_keys())) == DATAS


def test_what_is_no_aggregate_stays_as_it_is() -> None:
    assert unpack(b"\xc3\x01 an event") == [b"\xc3\x01 an event"]
    assert unpack(b"") == [b""]


@pytest.mark.parametrize("size", range(len(MAGIC), len(sealed(of_two_keys()))))
def test_a_record_that_breaks_off_anywhere_is_an_error(size: int) -> None:
    with pytest.raises(CorruptAggregate, match="checksum"):
        unpack(sealed(of_two_keys())[:size])


@given(st.integers(len(MAGIC), len(sealed(of_two_keys())) - 1), st.integers(1, 255))
def test_a_changed_byte_is_an_error(position: int, change: int) -> None:
    data = bytearray(sealed(of_two_keys()))
    data[position] ^= change
    with pytest.raises(CorruptAggregate):
        unpack(bytes(data))


@pytest.mark.parametrize("size", range(1, len(of_two_keys())))
def test_a_message_that_breaks_off_under_a_right_checksum_is_never_half_a_batch(size: int) -> None:
    try:
        found = unpack(sealed(of_two_keys()[:size]))
    except CorruptAggregate:
        return
    assert found == DATAS[: len(found)], "where the message ends between two records, nothing can tell"
    message = messages_pb2.AggregatedRecord.FromString(of_two_keys()[:size])
    assert len(message.records) == len(found)


@pytest.mark.parametrize("missing", ["partition_key_index", "data"])
def test_a_record_without_a_required_field_is_an_error(missing: str) -> None:
    message = messages_pb2.AggregatedRecord(partition_key_table=["a"])
    record = message.records.add(partition_key_index=0, data=b"one")
    record.ClearField(missing)
    with pytest.raises(CorruptAggregate, match="without"):
        unpack(sealed(message.SerializePartialToString()))


def test_a_record_of_a_key_that_is_not_in_the_table_is_an_error() -> None:
    message = messages_pb2.AggregatedRecord(partition_key_table=["a"])
    message.records.add(partition_key_index=0, data=b"one")
    message.records.add(partition_key_index=1, data=b"two")
    with pytest.raises(CorruptAggregate, match="partition key"):
        unpack(sealed(message.SerializeToString()))


def test_a_damaged_aggregate_is_among_what_cannot_be_decoded() -> None:
    assert issubclass(CorruptAggregate, Undecodable)
