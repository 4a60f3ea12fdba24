"""A folder with the parts of S3's API that the manifest and the compaction use, among them conditional writes."""

import hashlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.support.lake import put


class NoSuchKey(ClientError):
    """As the client's `exceptions.NoSuchKey`."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")


class FolderBucket:
    """A folder as a bucket.

    Attributes:
        before: called before each write with its name, such as `put` or `delete`, and the key.
    """

    class exceptions:  # noqa: N801 -- botocore's name
        NoSuchKey = NoSuchKey
        ClientError = ClientError

    def __init__(self, root: Path) -> None:
        self.root = root
        self.before: Callable[[str, str], object] = lambda _operation, _key: None

    def get_paginator(self, _name: str) -> "FolderBucket":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: ARG002, N803 -- as botocore's
        files = [path for path in sorted((self.root / Prefix).rglob("*")) if path.is_file()]
        yield {"Contents": [{"Key": str(each.relative_to(self.root)), "ETag": _etag(each)} for each in files]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: ARG002, N803 -- as botocore's
        path = self.root / Key
        if not path.exists():
            raise NoSuchKey
        return {"Body": BytesIO(path.read_bytes()), "ETag": _etag(path)}

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: ARG002, N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        ContentType: str = "",  # noqa: ARG002, N803
        IfMatch: str | None = None,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
    ) -> None:
        self.before("put", Key)
        path = self.root / Key
        there = _etag(path) if path.exists() else None
        if (IfMatch is not None and there != IfMatch) or (IfNoneMatch is not None and there is not None):
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        put(path, Body)

    def upload_file(self, file: str, _bucket: str, key: str) -> None:
        self.before("put", key)
        put(self.root / key, Path(file).read_bytes())

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: ARG002, N803 -- as botocore's
        self.before("delete", Key)
        (self.root / Key).unlink()


def _etag(path: Path) -> str:
    return f'"{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}"'
