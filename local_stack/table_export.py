"""A fake of ExportTableToPointInTime, because the emulator writes no files.

The files are those that AWS documents: several data files, an empty one among them, each account in one file, and items
in no order. Unlike AWS, it exports the table as it is now. Source:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from account_core.rows.layout import ACCOUNT_ID

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

DATA_FILES = 4
_DONE = "manifest-summary.json"


class TableExports:
    """The two calls of DynamoDB's client that make an export, which is complete when the first call returns.

    Args:
        dynamodb: reads the table.
        s3: writes the files.
        now: the time of an export.
    """

    def __init__(self, dynamodb: "DynamoDBClient", s3: "S3Client", now: datetime) -> None:
        self._dynamodb, self._s3, self._now = dynamodb, s3, now

    def export_table_to_point_in_time(
        self,
        *,
        TableArn: str,  # noqa: N803 -- as boto3 names it
        S3Bucket: str,  # noqa: N803 -- as above
        S3Prefix: str,  # noqa: N803 -- as above
        ClientToken: str,  # noqa: N803 -- as above
        **others: Any,  # noqa: ANN401, ARG002 -- format, kind and encryption
    ) -> dict[str, Any]:
        """Exports the table, unless an export with this token has been made."""
        name = TableArn.rpartition("/")[2]
        table = self._dynamodb.describe_table(TableName=name)["Table"]
        export_id = export_id_of(ClientToken)
        if not self._exists(S3Bucket, f"{S3Prefix}/AWSDynamoDB/{export_id}/{_DONE}"):
            write_export(
                self._dynamodb,
                self._s3,
                table_name=name,
                table_arn=TableArn,
                table_id=table.get("TableId") or TableArn,
                bucket=S3Bucket,
                prefix=S3Prefix,
                export_time=self._now,
                export_id=export_id,
            )
        return self.describe_export(ExportArn=f"{TableArn}/export/{export_id}")

    def describe_export(self, *, ExportArn: str) -> dict[str, Any]:  # noqa: N803 -- as boto3 names it
        return {"ExportDescription": {"ExportArn": ExportArn, "ExportStatus": "COMPLETED"}}

    def _exists(self, bucket: str, key: str) -> bool:
        return self._s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"] > 0


def export_id_of(token: str) -> str:
    """An export's id, of the form that AWS uses."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f"{int(digest[:12], 16) % 10**14:014d}-{digest[12:20]}"


def write_export(
    dynamodb: "DynamoDBClient",
    s3: "S3Client",
    *,
    table_name: str,
    table_arn: str,
    table_id: str,
    bucket: str,
    prefix: str,
    export_time: datetime,
    export_id: str,
    files: int = DATA_FILES,
) -> str:
    """Exports a table and returns the export's location, `s3://` with bucket and prefix.

    Args:
        dynamodb: reads the table.
        s3: writes the files.
        table_name: the table.
        table_arn: its ARN, as the summary names it.
        table_id: its id, as the summary names it.
        bucket: the bucket.
        prefix: the prefix of this export alone, with or without a slash at its end.
        export_time: as the summary names it.
        export_id: the last folder of the location.
        files: the number of data files; at least 2, since one is empty.
    """
    pages = dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    written = export_files(
        (item for page in pages for item in page["Items"]),
        table_arn=table_arn,
        table_id=table_id,
        bucket=bucket,
        prefix=prefix,
        export_time=export_time,
        export_id=export_id,
        files=files,
    )
    start = _start(prefix, export_id)
    for name, content in written:
        s3.put_object(Bucket=bucket, Key=f"{start}{name}", Body=content)
    return f"s3://{bucket}/{start}"


def export_files(
    items: Iterable[Mapping[str, Any]],
    *,
    table_arn: str,
    table_id: str,
    export_time: datetime,
    export_id: str,
    bucket: str = "exports",
    prefix: str = "exports/test",
    files: int = DATA_FILES,
    partition_key: str = ACCOUNT_ID,
) -> Iterator[tuple[str, bytes]]:
    """The files of an export, by their names below its location, in the order in which AWS writes them."""
    groups: list[list[tuple[bytes, bytes]]] = [[] for _ in range(files - 1)]
    for item in items:
        line = json.dumps({"Item": item}, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        account = hashlib.sha256(json.dumps(item.get(partition_key), sort_keys=True).encode()).digest()
        groups[int.from_bytes(account[:8], "big") % len(groups)].append((hashlib.sha256(line).digest(), line))
    groups.append([])
    yield "_started", b""
    listed, start = [], _start(prefix, export_id)
    for number, group in enumerate(groups):
        name = f"data/{hashlib.sha256(f'{export_id}/{number}'.encode()).hexdigest()[:26]}.json.gz"
        content = gzip.compress(b"".join(line for _, line in sorted(group)), 6, mtime=0)
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        listed.append(
            {
                "itemCount": len(group),
                "md5Checksum": base64.b64encode(md5).decode(),
                "etag": f"{md5.hex()}-1",
                "dataFileS3Key": f"{start}{name}",
            }
        )
        yield name, content
    time = export_time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    summary = {
        "version": "2020-06-30",
        "exportArn": f"{table_arn}/export/{export_id}",
        "startTime": time,
        "endTime": time,
        "tableArn": table_arn,
        "tableId": table_id,
        "exportTime": time,
        "s3Bucket": bucket,
        "s3Prefix": prefix.rstrip("/"),
        "s3SseAlgorithm": "AES256",
        "s3SseKmsKeyId": None,
        "manifestFilesS3Key": f"{start}manifest-files.json",
        "billedSizeBytes": 0,
        "itemCount": sum(map(len, groups)),
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "FULL_EXPORT",
    }
    yield from _with_checksum("manifest-files", "".join(f"{json.dumps(entry)}\n" for entry in listed).encode())
    yield from _with_checksum("manifest-summary", json.dumps(summary).encode())


def _start(prefix: str, export_id: str) -> str:
    return f"{prefix.rstrip('/')}/AWSDynamoDB/{export_id}/"


def _with_checksum(name: str, manifest: bytes) -> Iterator[tuple[str, bytes]]:
    yield f"{name}.json", manifest
    yield f"{name}.checksum", base64.b64encode(hashlib.md5(manifest, usedforsecurity=False).digest())
