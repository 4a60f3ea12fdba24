"""Builds the body of `PutRecords` directly, because botocore visits every entry and every character of its Base64.

It uses a client's documented events (botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html). Before
botocore builds the body, one hook removes the entries from the call's parameters. Afterwards, another hook replaces the
body that botocore built without them. Botocore still does the addressing, signing and sending.
"""

import json
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from typing import Any

_BODY = "put-records-body"


def build_bodies(client: Any) -> None:  # noqa: ANN401 -- botocore's client, untyped
    """Register the hooks that build the bodies of this Kinesis client's `put_records(StreamName=..., Records=...)`."""
    client.meta.events.register("before-parameter-build.kinesis.PutRecords", _take_entries)
    client.meta.events.register("before-call.kinesis.PutRecords", _put_body)


def body(stream_name: str, entries: Iterable[Mapping[str, Any]]) -> bytes:
    """The request in JSON: docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html."""
    return b'{"StreamName":%b,"Records":[%b]}' % (_text(stream_name), b",".join([_entry(entry) for entry in entries]))


def _entry(entry: Mapping[str, Any]) -> bytes:
    return b'{"Data":"%b","PartitionKey":%b,"ExplicitHashKey":%b}' % (
        b2a_base64(entry["Data"], newline=False),
        _text(entry["PartitionKey"]),
        _text(entry["ExplicitHashKey"]),
    )


def _text(value: str) -> bytes:
    return json.dumps(value).encode()


def _take_entries(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    context[_BODY] = body(params["StreamName"], params["Records"])
    params["Records"] = []


def _put_body(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    params["body"] = context[_BODY]
