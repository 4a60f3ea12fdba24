"""Making an export on AWS: what is asked, how it ends, and what an operator reads when it fails."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.ledger.export.request import POLL_S, ExportFailed, ExportRequest, completed, encryption_of, start

REQUEST = ExportRequest(
    "arn:aws:dynamodb:eu-central-1:1:table/accounts", "copies", "first", {"S3SseAlgorithm": "AES256"}
)
ARN = f"{REQUEST.table_arn}/export/01234567890123-a1b2c3d4"


class DynamoDB:
    """DynamoDB's answers to the two calls."""

    def __init__(self, *descriptions: dict[str, str], refusal: str | None = None) -> None:
        self._descriptions, self._refusal = [*descriptions], refusal
        self.asked: list[dict[str, Any]] = []

    def export_table_to_point_in_time(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- boto3's
        self.asked.append(request)
        if self._refusal:
            error = {"Error": {"Code": self._refusal, "Message": "no"}}
            raise ClientError(error, "ExportTableToPointInTime")  # type: ignore[arg-type]
        return {"ExportDescription": {"ExportArn": ARN, "ExportStatus": "IN_PROGRESS"}}

    def describe_export(self, *, ExportArn: str) -> dict[str, Any]:  # noqa: N803 -- boto3's
        assert ExportArn == ARN
        return {"ExportDescription": self._descriptions.pop(0)}


def test_an_export_has_its_own_prefix_and_can_be_repeated() -> None:
    dynamodb = DynamoDB()
    assert start(dynamodb, REQUEST) == start(dynamodb, REQUEST) == ARN
    first, second = dynamodb.asked
    assert first == second
    assert (first["S3Prefix"], first["ClientToken"]) == ("exports/first", "first")
    assert (first["ExportFormat"], first["ExportType"]) == ("DYNAMODB_JSON", "FULL_EXPORT")
    assert first["S3SseAlgorithm"] == "AES256"


def test_an_export_is_awaited_until_it_is_complete() -> None:
    running = {"ExportStatus": "IN_PROGRESS"}
    dynamodb = DynamoDB(running, running, {"ExportStatus": "COMPLETED"})
    waits: list[float] = []
    reports: list[int] = []
    location = completed(dynamodb, REQUEST, ARN, waits.append, lambda: reports.append(1))
    assert location == "s3://copies/exports/first/AWSDynamoDB/01234567890123-a1b2c3d4/"
    assert (waits, len(reports)) == ([POLL_S, POLL_S], 2)


def test_a_failed_export_is_reported_with_its_reason() -> None:
    failed = {"ExportStatus": "FAILED", "FailureCode": "S3AccessDenied", "FailureMessage": "No access to copies."}
    with pytest.raises(ExportFailed, match=r"S3AccessDenied: No access to copies\. Correct it"):
        completed(DynamoDB(failed), REQUEST, ARN, print, print)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("PointInTimeRecoveryUnavailableException", "its point-in-time recovery is off: deploy template.yaml"),
        ("LimitExceededException", "too many exports run"),
    ],
)
def test_a_refused_export_is_reported_with_what_to_do(code: str, reason: str) -> None:
    with pytest.raises(ExportFailed, match=reason):
        start(DynamoDB(refusal=code), REQUEST)


def test_another_refusal_is_reported_as_it_is() -> None:
    with pytest.raises(ClientError, match="AccessDeniedException"):
        start(DynamoDB(refusal="AccessDeniedException"), REQUEST)


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ({"SSEAlgorithm": "AES256"}, {"S3SseAlgorithm": "AES256"}),
        ({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}, {"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": "k"}),
    ],
)
def test_the_files_are_encrypted_as_the_bucket(default: dict[str, str], expected: dict[str, str]) -> None:
    class S3:
        def get_bucket_encryption(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803 -- boto3's
            assert Bucket == "copies"
            rules = [{"ApplyServerSideEncryptionByDefault": default}]
            return {"ServerSideEncryptionConfiguration": {"Rules": rules}}

    assert encryption_of(S3(), "copies") == expected  # type: ignore[arg-type]
