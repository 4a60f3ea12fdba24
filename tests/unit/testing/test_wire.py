"""boto3 clients attached to MemoryKinesis use no network, and raise its faults as they would raise those of AWS."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError

from account_events.testing import Died, Fault, MemoryKinesis, NotOnStream, attached

ENTRIES = [{"Data": b"\x00\xff", "PartitionKey": "a"}, {"Data": b"2", "PartitionKey": "b"}]


def hashed(key: str) -> dict[str, Any]:
    return {"Data": b"", "PartitionKey": "a", "ExplicitHashKey": key}


def client(service: str = "kinesis", **options: Any) -> Any:  # noqa: ANN401 -- of any service
    """A client without credentials, which does not ask the machine for any."""
    session = boto3.session.Session(region_name="eu-central-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        return session.client(service, config=Config(retries={"total_max_attempts": 1}, **options))  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def kinesis_client() -> Any:  # noqa: ANN401 -- boto3's
    return client()


@pytest.fixture
def refusing(kinesis_client: Any) -> Iterator[MemoryKinesis]:  # noqa: ANN401 -- boto3's
    """Loses the answer of the first call, throttles the second, and refuses the first entry of the third."""
    faults = [Fault(lost=True), Fault(throttled=True), Fault(refused=frozenset({0}), error_code="InternalFailure")]
    kinesis = MemoryKinesis(faults)
    with attached(kinesis_client, kinesis):
        yield kinesis


def test_puts_arrive_as_they_were_sent(kinesis_client: Any, memory_kinesis: MemoryKinesis) -> None:  # noqa: ANN401 -- boto3's
    with attached(kinesis_client, memory_kinesis):
        answer = kinesis_client.put_records(StreamName="events", Records=ENTRIES)
        one = kinesis_client.put_record(StreamName="events", Data=b"3", PartitionKey="c", ExplicitHashKey="7")
    assert answer["FailedRecordCount"] == 0
    assert memory_kinesis.accepted == [*ENTRIES, {"Data": b"3", "PartitionKey": "c", "ExplicitHashKey": "7"}]
    numbers = [int(each["SequenceNumber"]) for each in (*answer["Records"], one)]
    assert numbers == sorted(set(numbers))


def test_faults_are_raised_as_the_clients_own_errors(kinesis_client: Any, refusing: MemoryKinesis) -> None:  # noqa: ANN401 -- boto3's
    with pytest.raises(ReadTimeoutError):
        kinesis_client.put_records(StreamName="events", Records=ENTRIES)
    assert len(refusing.accepted) == 2
    with pytest.raises(ClientError, match="LimitExceededException"):
        kinesis_client.put_records(StreamName="events", Records=ENTRIES)
    answer = kinesis_client.put_records(StreamName="events", Records=ENTRIES)
    assert [record.get("ErrorCode") for record in answer["Records"]] == ["InternalFailure", None]


def test_a_refused_single_record_fails_the_call(kinesis_client: Any) -> None:  # noqa: ANN401 -- boto3's
    with (
        attached(kinesis_client, MemoryKinesis([Fault(refused=frozenset({0}))])),
        pytest.raises(ClientError, match="ProvisionedThroughputExceededException"),
    ):
        kinesis_client.put_record(StreamName="events", Data=b"3", PartitionKey="c")


def test_a_crash_passes_through_the_client(kinesis_client: Any, memory_kinesis: MemoryKinesis) -> None:  # noqa: ANN401 -- boto3's
    memory_kinesis.dies_after.add(1)
    with attached(kinesis_client, memory_kinesis), pytest.raises(Died):
        kinesis_client.put_records(StreamName="events", Records=ENTRIES)
    assert len(memory_kinesis.accepted) == 2


def test_only_puts_of_kinesis_clients_are_supported(kinesis_client: Any, memory_kinesis: MemoryKinesis) -> None:  # noqa: ANN401 -- boto3's
    with attached(kinesis_client, memory_kinesis), pytest.raises(NotOnStream, match="ListStreams"):
        kinesis_client.list_streams()
    with pytest.raises(NotOnStream, match="a client for sqs"), attached(client("sqs"), memory_kinesis):
        pass


def test_a_client_is_detached_afterwards(kinesis_client: Any, memory_kinesis: MemoryKinesis) -> None:  # noqa: ANN401 -- boto3's
    other = MemoryKinesis()
    with attached(kinesis_client, memory_kinesis):
        pass
    with attached(kinesis_client, other):
        kinesis_client.put_records(StreamName="events", Records=ENTRIES)
    assert (len(memory_kinesis.accepted), len(other.accepted)) == (0, 2)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"Data": b"", "PartitionKey": "a"}] * 501, "not 501"),
        ([{"Data": b"x" * 1024 * 1024, "PartitionKey": "a"}], "1048577 bytes is too large"),
        ([{"Data": b"x" * 1024 * 1000, "PartitionKey": "a"}] * 6, "6144006 bytes are too many"),
        ([{"Data": b"", "PartitionKey": "a" * 257}], "1 to 256 characters"),
        ([*ENTRIES, {"Data": b""}], "a PartitionKey is required for each record"),
        ([hashed("")], "ExplicitHashKey '' is not a decimal number"),
        ([hashed("0x10")], "ExplicitHashKey '0x10' is not a decimal number"),
        ([hashed("-1")], "ExplicitHashKey '-1' is not a decimal number"),
        ([hashed("07")], "ExplicitHashKey '07' is not a decimal number"),
        ([hashed("7\n")], "is not a decimal number"),
        ([hashed("\u0667")], "is not a decimal number"),
        ([hashed("9" * 5_000)], "ExplicitHashKey '9{50}' is not a decimal number"),
        ([hashed("1"), hashed(str(2**128))], rf"ExplicitHashKey {2**128} is not in the range 0 to 2\^128-1"),
    ],
)
def test_the_limits_are_those_of_kinesis(entries: list[Any], message: str) -> None:
    kinesis = MemoryKinesis()
    with pytest.raises(ClientError, match=message):
        kinesis.put_records(StreamName="events", Records=entries)
    assert kinesis.calls == []
    full = [{"Data": b"x" * (1024 * 1024 - 1), "PartitionKey": "a"}] * 5
    assert kinesis.put_records(StreamARN="arn:aws:kinesis:x:1:stream/events", Records=full)["FailedRecordCount"] == 0


@pytest.mark.parametrize("key", ["0", "7", str(2**128 - 1)])
def test_every_valid_hash_key_is_accepted(key: str) -> None:
    MemoryKinesis().put_records(StreamName="events", Records=[hashed(key)])


INVALID = [
    ([], "Invalid length for parameter Records, value: 0"),
    ([{"Data": b"", "PartitionKey": ""}], r"Invalid length for parameter Records\[0\].PartitionKey, value: 0"),
    ([{"PartitionKey": "a"}], r'Missing required parameter in Records\[0\]: "Data"'),
    ([{"Data": 17, "PartitionKey": "a"}], r"Invalid type for parameter Records\[0\].Data"),
    ([{"Data": b"", "PartitionKey": b"a"}], r"Invalid type for parameter Records\[0\].PartitionKey"),
    ([{"Data": b"", "PartitionKey": "a", "ExplicitHashKey": 7}], r"Invalid type for .*ExplicitHashKey"),
    ([{"Data": b"", "PartitionKey": "a", "Key": "b"}], "Unknown parameter"),
]


@pytest.mark.parametrize(("entries", "message"), INVALID)
def test_invalid_parameters_fail_as_they_do_in_boto3(kinesis_client: Any, entries: Any, message: str) -> None:  # noqa: ANN401 -- boto3's
    kinesis = MemoryKinesis()
    with pytest.raises(ParamValidationError, match=message) as in_memory:
        kinesis.put_records(StreamName="events", Records=entries)
    with attached(kinesis_client, kinesis), pytest.raises(ParamValidationError) as with_boto3:
        kinesis_client.put_records(StreamName="events", Records=entries)
    assert str(in_memory.value) == str(with_boto3.value)
    assert kinesis.calls == []


def test_kinesis_refuses_what_a_client_does_not_validate() -> None:
    not_validating = client(parameter_validation=False)
    with (
        attached(not_validating, MemoryKinesis()),
        pytest.raises(ClientError, match=r"(?s)ValidationException.* Records\[0\]"),
    ):
        not_validating.put_records(StreamName="events", Records=[{"PartitionKey": "a"}])


def test_a_single_records_parameters_are_validated() -> None:
    with pytest.raises(ParamValidationError, match='Missing required parameter in input: "Data"'):
        MemoryKinesis().put_record(StreamName="events", PartitionKey="a")


def test_reusing_a_buffer_does_not_change_what_was_sent() -> None:
    kinesis, buffer = MemoryKinesis(), bytearray(b"1")
    kinesis.put_record(StreamName="events", Data=buffer, PartitionKey="a")
    buffer[:] = b"2"
    assert kinesis.data() == [b"1"]


def test_text_arrives_as_the_bytes_that_boto3_sends(kinesis_client: Any) -> None:  # noqa: ANN401 -- boto3's
    kinesis, euro = MemoryKinesis(), "\u20ac"
    kinesis.put_record(StreamName="events", Data=euro, PartitionKey="a")
    with attached(kinesis_client, kinesis):
        kinesis_client.put_record(StreamName="events", Data=euro, PartitionKey="a")
    assert kinesis.data() == [euro.encode()] * 2


def test_a_put_to_a_stream_of_another_name_is_refused() -> None:
    kinesis = MemoryKinesis(stream_name="events")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        kinesis.put_records(StreamName="event", Records=ENTRIES)
    kinesis.put_records(StreamARN="arn:aws:kinesis:x:1:stream/events", Records=ENTRIES)


def test_the_records_of_a_late_call_arrive_after_the_next_call() -> None:
    kinesis = MemoryKinesis([Fault(late=True)])
    with pytest.raises(ReadTimeoutError):
        kinesis.put_records(StreamName="events", Records=ENTRIES[:1])
    assert kinesis.data() == []
    kinesis.put_records(StreamName="events", Records=ENTRIES[1:])
    assert kinesis.data() == [b"2", b"\x00\xff"]
