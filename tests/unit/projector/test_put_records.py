"""The bodies that the projector builds are equivalent to botocore's."""

import json
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from projector.put_records import body, build_bodies

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
entries = st.lists(
    st.fixed_dictionaries({"Data": st.binary(max_size=40), "PartitionKey": text, "ExplicitHashKey": text}), max_size=5
)


class Captured:
    """A client whose requests are captured and answered without a network."""

    def __init__(self, *, is_built_here: bool) -> None:
        session: Any = botocore.session.Session()
        session.set_credentials("test", "test")
        self.client = session.create_client(
            "kinesis", region_name="eu-central-1", config=Config(parameter_validation=False)
        )
        if is_built_here:
            build_bodies(self.client)
        self.requests: list[Any] = []
        self.client.meta.events.register("before-send.kinesis.PutRecords", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: object) -> object:
        self.requests.append(request)
        response: Any = AWSResponse(request.url, 200, HTTPHeaders(), None)
        response._content = b'{"FailedRecordCount":0,"Records":[]}'  # noqa: SLF001 -- there is no public way to set it
        return response


@pytest.fixture(scope="module")
def clients() -> tuple[Captured, Captured]:
    return Captured(is_built_here=True), Captured(is_built_here=False)


@given(text, entries)
def test_a_body_equals_botocores(
    clients: tuple[Captured, Captured], stream_name: str, records: list[dict[str, Any]]
) -> None:
    ours, theirs = clients
    for each in clients:
        each.client.put_records(StreamName="events", Records=records)
    ours_request, theirs_request = ours.requests.pop(), theirs.requests.pop()
    assert json.loads(ours_request.body) == json.loads(theirs_request.body)
    assert ours_request.headers["Content-Length"] == str(len(ours_request.body))
    assert ours_request.headers["X-Amz-Target"] == theirs_request.headers["X-Amz-Target"]
    assert json.loads(body(stream_name, []))["StreamName"] == stream_name


def test_calls_do_not_change_or_mix_their_records(clients: tuple[Captured, Captured]) -> None:
    first = [{"Data": b"1", "PartitionKey": "a", "ExplicitHashKey": "7"}]
    second = [{"Data": b"2", "PartitionKey": "b", "ExplicitHashKey": "8"}]
    for records in (first, second, first):
        clients[0].client.put_records(StreamName="events", Records=records)
    keys = [json.loads(request.body)["Records"][0]["PartitionKey"] for request in clients[0].requests]
    clients[0].requests.clear()
    assert keys == ["a", "b", "a"]
    assert (first[0]["Data"], second[0]["Data"]) == (b"1", b"2")
