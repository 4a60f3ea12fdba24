"""An incomplete aggregated record is an error. It never yields only a part of its events."""

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
    """An aggregated record of the KPL with several partition keys. Some of its records have hash keys and tags."""
    message = messages_pb2.AggregatedRecord(partition_key_table=["a", "b"], explicit_hash_key_table=["0"])
    for number, data in enumerate(DATAS):
        record = message.records.add(partition_key_index=number % 2, data=data)
        if number:
            record.explicit_hash_key_index = 0
            record.tags.add(key="kind", value="test")
    return bytes(message.SerializeToString())


def test_an_aggregate_with_several_keys_is_unpacked() -> None:
    assert unpack(sealed(of_two_keys())) == DATAS


def test_data_that_is_not_an_aggregate_is_unchanged() -> None:
    assert unpack(b"\xc3\x01 an event") == [b"\xc3\x01 an event"]
    assert unpack(b"") == [b""]


@pytest.mark.parametrize("size", range(len(MAGIC), len(sealed(of_two_keys()))))
def test_a_truncated_aggregate_is_an_error(size: int) -> None:
    with pytest.raises(CorruptAggregate, match="checksum"):
        unpack(sealed(of_two_keys())[:size])


@given(st.integers(len(MAGIC), len(sealed(of_two_keys())) - 1), st.integers(1, 255))
def test_a_changed_byte_is_an_error(position: int, change: int) -> None:
    data = bytearray(sealed(of_two_keys()))
    data[position] ^= change
    with pytest.raises(CorruptAggregate):
        unpack(bytes(data))


@pytest.mark.parametrize("size", range(1, len(of_two_keys())))
def test_a_truncated_message_with_a_valid_checksum_is_an_error(size: int) -> None:
    try:
        found = unpack(sealed(of_two_keys()[:size]))
    except CorruptAggregate:
        return
    assert found == DATAS[: len(found)], "a message that ends between two records is valid"
    message = messages_pb2.AggregatedRecord.FromString(of_two_keys()[:size])
    assert len(message.records) == len(found)


@pytest.mark.parametrize("missing", ["partition_key_index", "data"])
def test_a_record_without_a_required_field_is_an_error(missing: str) -> None:
    message = messages_pb2.AggregatedRecord(partition_key_table=["a"])
    record = message.records.add(partition_key_index=0, data=b"one")
    record.ClearField(missing)
    with pytest.raises(CorruptAggregate, match="lacks"):
        unpack(sealed(message.SerializePartialToString()))


def test_a_key_index_outside_the_table_is_an_error() -> None:
    message = messages_pb2.AggregatedRecord(partition_key_table=["a"])
    message.records.add(partition_key_index=0, data=b"one")
    message.records.add(partition_key_index=1, data=b"two")
    with pytest.raises(CorruptAggregate, match="partition key"):
        unpack(sealed(message.SerializeToString()))


def test_a_corrupt_aggregate_is_undecodable() -> None:
    assert issubclass(CorruptAggregate, Undecodable)
