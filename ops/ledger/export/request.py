"""Makes an export with ExportTableToPointInTime, and waits for it.

The export runs in DynamoDB and goes on if nobody waits. A request that is repeated with its name within 8 hours starts
no second export (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from local_stack.errors import CommandError
from ops.ledger.export.location import PREFIX, S3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

POLL_S = 10.0


class ExportFailed(CommandError):
    """The export was refused, or DynamoDB could not complete it."""


class Exports(Protocol):
    """DynamoDB's client, or the local stack's fake."""

    def export_table_to_point_in_time(
        self,
        *,
        TableArn: str,  # noqa: N803 -- as boto3 names it
        S3Bucket: str,  # noqa: N803 -- as above
        S3Prefix: str,  # noqa: N803 -- as above
        ClientToken: str,  # noqa: N803 -- as above
        **others: Any,  # noqa: ANN401 -- format, kind and encryption
    ) -> Mapping[str, Any]: ...

    def describe_export(self, *, ExportArn: str) -> Mapping[str, Any]:  # noqa: N803 -- as boto3 names it
        ...


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """An export of a table as it is now.

    Attributes:
        name: names the export's prefix and makes the request repeatable.
        encryption: the parameters for the encryption of the files; see `encryption_of`.
    """

    table_arn: str
    bucket: str
    name: str
    encryption: Mapping[str, str]

    @property
    def prefix(self) -> str:
        return f"{PREFIX}{self.name}"


def start(client: Exports, request: ExportRequest) -> str:
    """Starts the export, or finds the one that was started under its name. Returns its ARN.

    Raises:
        ExportFailed: point-in-time recovery is off, or DynamoDB refuses the request for another reason.
    """
    try:
        answer = client.export_table_to_point_in_time(
            TableArn=request.table_arn,
            S3Bucket=request.bucket,
            S3Prefix=request.prefix,
            ClientToken=request.name,
            ExportFormat="DYNAMODB_JSON",
            ExportType="FULL_EXPORT",
            **request.encryption,
        )
    except ClientError as error:
        raise _refused(request, error) from error
    return str(answer["ExportDescription"]["ExportArn"])


def completed(
    client: Exports, request: ExportRequest, arn: str, wait: Callable[[float], object], waiting: Callable[[], object]
) -> str:
    """Waits until the export is complete, and returns its location.

    Args:
        client: as for `start`.
        request: the export's request.
        arn: the export.
        wait: waits that many seconds.
        waiting: called after each look at an export that is still running.

    Raises:
        ExportFailed: DynamoDB could not complete it.
    """
    while True:
        found = client.describe_export(ExportArn=arn)["ExportDescription"]
        if found["ExportStatus"] == "COMPLETED":
            return f"{S3}{request.bucket}/{request.prefix}/AWSDynamoDB/{arn.rpartition('/')[2]}/"
        if found["ExportStatus"] != "IN_PROGRESS":
            why = f"{found.get('FailureCode', found['ExportStatus'])}: {found.get('FailureMessage', 'no reason given')}"
            raise ExportFailed(
                f"DynamoDB could not export {request.table_arn}: {why.rstrip('.')}. Correct it, and run the command "
                "again with another name."
            )
        waiting()
        wait(POLL_S)


def encryption_of(s3: "S3Client", bucket: str) -> Mapping[str, str]:
    """The parameters that encrypt an export's files as the bucket encrypts its objects."""
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    if "KMSMasterKeyID" not in default:
        return {"S3SseAlgorithm": "AES256"}
    return {"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": default["KMSMasterKeyID"]}


def _refused(request: ExportRequest, error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    table = request.table_arn.rpartition("/")[2]
    if code == "PointInTimeRecoveryUnavailableException":
        return ExportFailed(
            f"{table} cannot be exported, because its point-in-time recovery is off: deploy template.yaml, which turns "
            "it on, or turn it on with `aws dynamodb update-continuous-backups`."
        )
    if code == "LimitExceededException":
        return ExportFailed(f"{table} cannot be exported now, because too many exports run: try again later.")
    return error
