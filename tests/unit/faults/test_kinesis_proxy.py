"""What the proxy in front of Kinesis forwards, refuses and counts."""

import base64
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from local_stack.faults.kinesis_proxy import VARIABLE, Entries, Interference, KinesisProxy

STREAM = "events"


class FakeAws:
    """Clients that record what they are called with."""

    def __init__(self) -> None:
        self.variables = {"TABLE_NAME": "t"}
        self.stored: list[bytes] = []
        self.metrics: list[Any] = []
        self.metric_error: Exception | None = None
        self.outputs = {"ProjectorFunctionName": "projector"}

    def client(self, _service: str, **_: object) -> "FakeAws":
        return self

    def put_records(self, StreamName: str, Records: Entries) -> dict[str, Any]:  # noqa: N803 -- boto3's
        assert StreamName == STREAM
        first = len(self.stored)
        self.stored += [entry["Data"] for entry in Records]
        return {"Records": [{"SequenceNumber": str(first + number)} for number in range(len(Records))]}

    def put_metric_data(self, **request: Any) -> None:  # noqa: ANN401 -- boto3's
        if self.metric_error is not None:
            raise self.metric_error
        self.metrics.append(request)

    def get_function_configuration(self, **_: object) -> dict[str, Any]:
        return {"Environment": {"Variables": dict(self.variables)}}

    def update_function_configuration(self, FunctionName: str, Environment: dict[str, Any]) -> None:  # noqa: N803 -- boto3's
        assert FunctionName == "projector"
        self.variables = Environment["Variables"]


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def proxy(aws: Any, interference: Interference) -> KinesisProxy:  # noqa: ANN401 -- it replaces an Address
    return KinesisProxy(aws, lambda _number, _entries: interference)


def request(*data: bytes) -> dict[str, Any]:
    records = [{"Data": base64.b64encode(each).decode(), "PartitionKey": "k"} for each in data]
    return {"StreamName": STREAM, "Records": records}


def test_refused_entries_are_not_forwarded_and_keep_their_index(aws: FakeAws) -> None:
    answer = proxy(aws, Interference({1})).put_records(request(b"a", b"b", b"c"))
    assert answer is not None
    assert aws.stored == [b"a", b"c"]
    assert answer["FailedRecordCount"] == 1
    assert [each.get("SequenceNumber") for each in answer["Records"]] == ["0", None, "1"]
    assert answer["Records"][1]["ErrorCode"] == "ProvisionedThroughputExceededException"


def test_refused_entries_are_counted_in_the_metric_of_kinesis(aws: FakeAws) -> None:
    proxy(aws, Interference({0, 2})).put_records(request(b"a", b"b", b"c"))
    [metric] = aws.metrics
    [data] = metric["MetricData"]
    assert (metric["Namespace"], data["MetricName"]) == ("AWS/Kinesis", "WriteProvisionedThroughputExceeded")
    assert (data["Value"], data["Dimensions"]) == (2, [{"Name": "StreamName", "Value": STREAM}])
    proxy(aws, Interference()).put_records(request(b"a"))
    assert len(aws.metrics) == 1


def test_a_request_that_is_refused_completely_is_not_forwarded(aws: FakeAws) -> None:
    answer = proxy(aws, Interference({0, 1})).put_records(request(b"a", b"b"))
    assert answer is not None
    assert (aws.stored, answer["FailedRecordCount"]) == ([], 2)


def test_the_entries_of_a_lost_answer_are_stored(aws: FakeAws) -> None:
    assert proxy(aws, Interference(is_answer_lost=True)).put_records(request(b"a", b"b")) is None
    assert aws.stored == [b"a", b"b"]


def test_requests_are_numbered(aws: Any) -> None:  # noqa: ANN401 -- it replaces an Address
    numbers: list[int] = []

    def interfere(number: int, _entries: Entries) -> Interference:
        numbers.append(number)
        return Interference()

    counting = KinesisProxy(aws, interfere)
    for _ in range(3):
        counting.put_records(request(b"a"))
    assert numbers == [0, 1, 2]


def test_a_metric_that_cannot_be_published_is_no_error(aws: FakeAws) -> None:
    aws.metric_error = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    answer = proxy(aws, Interference({0})).put_records(request(b"a", b"b"))
    assert answer is not None
    assert aws.stored == [b"b"]


def test_disconnecting_keeps_variables_that_were_changed_meanwhile(aws: FakeAws) -> None:
    aws.variables |= {VARIABLE: "http://127.0.0.1:1", "BUCKETS": "64"}
    proxy(aws, Interference()).disconnect()
    assert aws.variables == {"TABLE_NAME": "t", "BUCKETS": "64"}
