"""A client of botocore's whose puts end in memory: everything a client does is done, but no request leaves.

By `before-send`, botocore's documented event for answering a request in the place of a network
(docs.aws.amazon.com/botocore/latest/topics/events.html; moto stands on it, too). What fails, fails as on a network, so
the client's own retries take place, with their real pauses: give it `Config(retries={"total_max_attempts": 1})`.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError, ParamValidationError
from botocore.handlers import disable_signing

from account_events.testing.errors import NotOnStream
from account_events.testing.kinesis import MemoryKinesis

EVENT = "before-send.kinesis"
SIGNING = "choose-signer.kinesis"


@contextmanager
def attached(client: Any, kinesis: MemoryKinesis) -> Iterator[None]:  # noqa: ANN401 -- boto3's or botocore's, of any stubs
    """Inside, what the client puts goes to `kinesis`; nothing it does leaves this process.

    Args:
        client: for Kinesis, with a region, of which any will do; credentials it needs none.
        kinesis: the stream.

    Raises:
        NotOnStream: the client is for another service; and inside, from the client, for any operation but a put.
    """
    service = client.meta.service_model.service_name
    if service != "kinesis":
        raise NotOnStream(f"a client for {service}: attach one for kinesis")

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        operation = _text(request.headers["X-Amz-Target"]).rpartition(".")[2]
        put = {"PutRecords": kinesis.put_records, "PutRecord": kinesis.put_record}.get(operation)
        if put is None:
            raise NotOnStream(f"{operation}: the Kinesis in memory takes PutRecords and PutRecord only")
        body: Any = request.body  # bytes, as clients build it; the stubs know of files, too
        try:
            return _response(request, 200, put(**_decoded(json.loads(body))))
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            return _response(request, 400, {"__type": code, "message": message})
        except ParamValidationError as error:  # a client that does not look for itself sends it, and Kinesis answers
            return _response(request, 400, {"__type": "ValidationException", "message": str(error)})

    events = client.meta.events
    events.register_first(EVENT, answer)
    events.register_first(SIGNING, disable_signing)
    try:
        yield
    finally:
        events.unregister(SIGNING, disable_signing)
        events.unregister(EVENT, answer)


def _decoded(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as boto3 takes it: data as bytes."""
    decoded = dict(request)
    if "Records" in request:
        decoded["Records"] = [_decoded(entry) for entry in request["Records"]]
    if "Data" in request:
        decoded["Data"] = base64.b64decode(request["Data"])
    return decoded


def _response(request: AWSPreparedRequest, status: int, body: Mapping[str, Any]) -> AWSResponse:
    headers = HTTPHeaders()
    headers["x-amzn-RequestId"] = "in-memory"
    response: Any = AWSResponse(request.url, status, headers, None)
    response._content = json.dumps(body).encode()  # noqa: SLF001 -- it has no other way in
    return response  # type: ignore[no-any-return]


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header
