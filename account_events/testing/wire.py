"""Redirects the puts of a real botocore client to memory: the client works as usual, but sends no request.

It uses `before-send`, botocore's documented event for answering a request without a network, as moto does
(docs.aws.amazon.com/botocore/latest/topics/events.html). Errors look like network errors, so the client retries with
real pauses: configure it with `Config(retries={"total_max_attempts": 1})`.
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
    """A context in which the client puts to `kinesis` and sends no request over a network.

    Args:
        client: a Kinesis client with any region. It needs no credentials.
        kinesis: the in-memory stream.

    Raises:
        NotOnStream: the client is for another service. Within the context, the client raises it for every operation
            except PutRecords and PutRecord.
    """
    service = client.meta.service_model.service_name
    if service != "kinesis":
        raise NotOnStream(f"this is a client for {service}: attach a client for kinesis")

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        operation = _text(request.headers["X-Amz-Target"]).rpartition(".")[2]
        put = {"PutRecords": kinesis.put_records, "PutRecord": kinesis.put_record}.get(operation)
        if put is None:
            raise NotOnStream(f"{operation}: the in-memory Kinesis supports only PutRecords and PutRecord")
        body: Any = request.body  # clients build bytes; the stubs also allow files
        try:
            return _response(request, 200, put(**_decoded(json.loads(body))))
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            return _response(request, 400, {"__type": code, "message": message})
        except ParamValidationError as error:  # from a client without validation: Kinesis would refuse it
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
    """The request with the parameters of boto3's method: data as bytes."""
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
    response._content = json.dumps(body).encode()  # noqa: SLF001 -- there is no public way to set it
    return response  # type: ignore[no-any-return]


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header
