"""The body of `PutRecords`, built in one go: botocore goes through every entry and looks at every letter of its Base64.

A client's documented events let others have a hand in a call
(botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html): before botocore builds the body, the entries
are taken out of the call's parameters; once it has, their body takes the place of the one without them. All else of the
call, addressing, signing and sending, is botocore's.
"""

import json
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from typing import Any

_BODY = "put-records-body"


def build_bodies(client: Any) -> None:  # noqa: ANN401 -- botocore's client, untyped
    """Have the bodies of this Kinesis client's `put_records(StreamName=..., Records=...)` built here."""
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
