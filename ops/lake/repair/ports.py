"""The AWS side of repairs: the lake's bucket, the deployed function, and its reasons for refusals."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from consumers.lake.table import REASONS_PREFIX
from local_stack.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client


class FunctionFailed(CommandError):
    """The function raised an error or exceeded a limit. Its records stay in `errors/`."""


class S3Bucket:
    """The lake's bucket on S3, as a `redrive.Bucket` and a `staged.Bucket`."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self._client, self._name = client, name

    def keys(self, prefix: str) -> Iterator[str]:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"]

    def get(self, key: str) -> bytes | None:
        try:
            return self._client.get_object(Bucket=self._name, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None

    def put(self, key: str, body: bytes) -> None:
        self._client.put_object(Bucket=self._name, Key=key, Body=body)

    def copy(self, key: str, to: str) -> None:
        """Copies an object within the bucket; S3 shows the copy only once it is whole."""
        self._client.copy_object(Bucket=self._name, Key=to, CopySource={"Bucket": self._name, "Key": key})

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._name, Key=key)


def invoker(client: "LambdaClient", function_name: str) -> Callable[[bytes], bytes]:
    """Returns a callable that invokes the deployed function with JSON and returns its response.

    The callable raises FunctionFailed if the function fails.
    """

    def invoke(payload: bytes) -> bytes:
        answer = client.invoke(FunctionName=function_name, Payload=payload)
        body = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise FunctionFailed(
                f"The function {function_name} failed: see its log. {body[:300].decode(errors='replace')}"
            )
        return body

    return invoke


def reasons_in(bucket: S3Bucket, now: Callable[[], datetime]) -> Callable[[str], Mapping[str, str]]:
    """Returns a callable for the reasons of an invocation's refusals, by record id; see `consumers.lake.report`."""

    def reasons(invocation_id: str) -> Mapping[str, str]:
        for day in (now(), now() - timedelta(days=1)):
            body = bucket.get(f"{REASONS_PREFIX}dt={day:%Y-%m-%d}/{invocation_id}.jsonl")
            if body is not None:
                return dict(filter(None, map(_reason, body.split(b"\n"))))
        return {}

    return reasons


def _reason(line: bytes) -> tuple[str, str] | None:
    """A record's id and the reason for its refusal; None if the line is damaged, since a redrive works without it."""
    try:
        found = json.loads(line)
        return str(found["recordId"]), f"{found['error']}: {found['reason']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
