"""Every documented error of DynamoDB has one meaning in all packages."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from account_core.domain.errors import AccountFull, Unavailable
from account_core.domain.events import Created
from account_core.service.head import Head, Origin, rows_for
from account_core.service.ports import VersionConflict, WriteConflict
from account_core.store.dynamodb_errors import account_full, conflict, unavailable
from account_events.consumer import errors as kit
from account_events.consumer.dynamodb_inbox import DynamoDBInbox
from account_events.consumer.dynamodb_item_inbox import DynamoDBItemInbox, ItemEffect
from account_events.consumer.position import Position
from account_events.dynamodb_errors import CODES, FULL, REASONS, Kind, failure_of, kind_of, quoting
from projector import errors as projector
from projector.dynamodb_errors import needs_repair, translated

OPERATIONS = (
    *("BatchGetItem", "DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan", "TransactWriteItems"),
    "UpdateItem",
)
"""The operations that this project calls."""
OTHER_SERVICES = {
    *("BandwidthLimitExceeded", "EC2ThrottledException", "RequestThrottled", "RequestThrottledException", "SlowDown"),
    *("ThrottledException", "TooManyRequestsException"),
}
"""Codes that botocore retries but DynamoDB does not document."""
ROWS = rows_for("a", Head(), Created("owner-1", "EUR"), Origin("2026-01-31T09:30:00.000001Z", "c", "r"))
ALL_CODES = [(code, kind) for kind, codes in CODES.items() for code in sorted(codes)]
ALL_REASONS = [(code, kind) for kind, codes in REASONS.items() for code in sorted(codes)]


def service_model() -> Any:  # noqa: ANN401 -- JSON
    [path] = (Path(botocore.__file__).parent / "data/dynamodb").glob("*/service-2.json.gz")
    return json.loads(gzip.decompress(path.read_bytes()))


def client_error(code: str, *reasons: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    if reasons:
        response["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(response, "PutItem")


def cancelled(*reasons: str) -> ClientError:
    return client_error("TransactionCanceledException", *reasons)


def test_no_code_has_two_meanings() -> None:
    assert len({code for code, _ in ALL_CODES}) == len(ALL_CODES)
    assert len({code for code, _ in ALL_REASONS}) == len(ALL_REASONS)


def test_every_error_of_the_operations_called_has_a_meaning() -> None:
    operations = service_model()["operations"]
    modelled = {error["shape"] for name in OPERATIONS for error in operations[name]["errors"]}
    assert {code for code in modelled if kind_of(code) is Kind.UNKNOWN} == {"TransactionCanceledException"}


def test_every_reason_that_aws_documents_has_a_meaning() -> None:
    documentation = service_model()["shapes"]["TransactionCanceledException"]["documentation"]
    documented = set(re.findall(r"Code: <code>(\w+)</code>", documentation)) - {"None"}
    assert documented == {code for code, _ in ALL_REASONS}


def test_errors_that_botocore_retries_are_transient() -> None:
    retried = {
        *ThrottledRetryableChecker._THROTTLED_ERROR_CODES,  # type: ignore[attr-defined]  # noqa: SLF001 -- there is no public name
        *TransientRetryableChecker._TRANSIENT_ERROR_CODES,  # type: ignore[attr-defined]  # noqa: SLF001 -- as above
    }
    assert {kind_of(code) for code in retried - OTHER_SERVICES} == {Kind.TRANSIENT}


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SomethingNew", 400, Kind.UNKNOWN),
        ("SomethingNew", 499, Kind.UNKNOWN),
        ("SomethingNew", 500, Kind.TRANSIENT),
        ("SomethingNew", 503, Kind.TRANSIENT),
        ("ValidationException", 500, Kind.REFUSED),
    ],
)
def test_an_undocumented_code_is_classified_by_its_status(code: str, status: int, kind: Kind) -> None:
    assert failure_of(client_error(code, status=status)).kind is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.ConnectTimeoutError(endpoint_url="x"), Kind.TRANSIENT),
        (exceptions.EndpointConnectionError(endpoint_url="x"), Kind.TRANSIENT),
        (exceptions.ReadTimeoutError(endpoint_url="x"), Kind.TRANSIENT),
        (exceptions.ConnectionClosedError(endpoint_url="x"), Kind.TRANSIENT),
        (exceptions.HTTPClientError(error="x"), Kind.TRANSIENT),
        (exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2), Kind.TRANSIENT),
        (exceptions.ParamValidationError(report="x"), Kind.REFUSED),
        (exceptions.NoCredentialsError(), Kind.CONFIGURATION),
        (exceptions.NoRegionError(), Kind.CONFIGURATION),
        (exceptions.DataNotFoundError(data_path="x"), Kind.UNKNOWN),
    ],
)
def test_botocore_errors_are_classified_by_their_class(error: Exception, kind: Kind) -> None:
    failure = failure_of(error)
    assert (failure.kind, failure.code) == (kind, type(error).__name__)


@pytest.mark.parametrize(("code", "kind"), ALL_CODES)
def test_the_account_store_maps_every_code(code: str, kind: Kind) -> None:
    error = client_error(code)
    found = (conflict(error), account_full(error, ROWS), unavailable(error, "unknown"))
    due: type | None = {
        Kind.CONDITION: VersionConflict,
        Kind.CONFLICT: WriteConflict,
        Kind.TRANSIENT: Unavailable,
    }.get(kind)
    assert [type(each) for each in found if each] == ([AccountFull] if code in FULL else [due] if due else [])


@pytest.mark.parametrize(("reason", "kind"), ALL_REASONS)
def test_the_account_store_maps_every_reason(reason: str, kind: Kind) -> None:
    error = cancelled(reason)
    found = (conflict(error), account_full(error, ROWS), unavailable(error, "unknown"))
    due: type | None = {
        Kind.CONDITION: VersionConflict,
        Kind.CONFLICT: WriteConflict,
        Kind.TRANSIENT: Unavailable,
    }.get(kind)
    assert [type(each) for each in found if each] == ([AccountFull] if reason in FULL else [due] if due else [])


@pytest.mark.parametrize(("code", "kind"), ALL_CODES)
def test_the_projector_maps_every_code(code: str, kind: Kind) -> None:
    due = {Kind.CONDITION: ClientError, Kind.REFUSED: projector.Refused}.get(kind, projector.Unavailable)
    with pytest.raises(due, match=code) as raised, translated():
        raise client_error(code)
    if isinstance(raised.value, projector.Unavailable):
        assert needs_repair(raised.value) == (kind is Kind.CONFIGURATION)


class FailingClient:
    """Every write fails with this error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def transact_write_items(self, **_: object) -> None:
        raise self._error

    update_item = transact_write_items


def advance(error: Exception) -> None:
    """Write to the inbox; the write fails with this error."""
    inbox = DynamoDBInbox(FailingClient(error), "inbox")  # type: ignore[arg-type]
    inbox.advance("a", Position(), Position(1, seen=1, revision=1), [{"Put": {}}])


def advance_item(error: Exception, former: str | None = None, revision: int = 3) -> None:
    """Write to a consumer's item; the write fails with this error."""
    inbox = DynamoDBItemInbox(FailingClient(error), "items", former)  # type: ignore[arg-type]
    inbox.advance("a", Position(revision=revision), Position(1, seen=1, revision=revision + 1), ItemEffect({}))


KITS_ERRORS = {
    Kind.CONDITION: kit.StaleRevision,
    Kind.CONFLICT: kit.Unavailable,
    Kind.TRANSIENT: kit.Unavailable,
    Kind.CONFIGURATION: ClientError,
    Kind.REFUSED: kit.Refused,
}


@pytest.mark.parametrize(("code", "kind"), ALL_CODES)
def test_the_inbox_maps_every_code(code: str, kind: Kind) -> None:
    with pytest.raises(KITS_ERRORS[kind]):
        advance(client_error(code))


@pytest.mark.parametrize(("reason", "kind"), ALL_REASONS)
def test_the_inbox_maps_every_reason(reason: str, kind: Kind) -> None:
    with pytest.raises(KITS_ERRORS[kind] if kind is not Kind.CONDITION else kit.EffectRefused):
        advance(cancelled("None", reason))
    with pytest.raises(KITS_ERRORS[kind]):
        advance(cancelled(reason, "None"))


def test_a_throttled_transaction_does_not_refuse_its_effect() -> None:
    with pytest.raises(kit.Unavailable, match="ThrottlingError"):
        advance(cancelled("None", "ConditionalCheckFailed", "ThrottlingError"))


@pytest.mark.parametrize(("code", "kind"), ALL_CODES)
def test_the_item_inbox_maps_every_code(code: str, kind: Kind) -> None:
    """Without the stored item in the response, there is none, so the position is not the one that was read."""
    with pytest.raises(KITS_ERRORS[kind]):
        advance_item(client_error(code))


@pytest.mark.parametrize(("reason", "kind"), ALL_REASONS)
def test_the_item_inbox_maps_every_reason_of_a_move(reason: str, kind: Kind) -> None:
    with pytest.raises(KITS_ERRORS[kind] if kind is not Kind.CONDITION else kit.EffectRefused):
        advance_item(cancelled(reason, "None"), "inbox", 0)
    with pytest.raises(KITS_ERRORS[kind]):
        advance_item(cancelled("None", reason), "inbox", 0)


def test_the_stored_revision_decides_which_condition_failed() -> None:
    for stored, expected in (("3", kit.EffectRefused), ("4", kit.StaleRevision)):
        error = client_error("ConditionalCheckFailedException")
        error.response["Item"] = {"Revision": {"N": stored}}  # type: ignore[typeddict-unknown-key]
        with pytest.raises(expected):
            advance_item(error)


@pytest.mark.parametrize(
    ("code", "reasons", "expected"),
    [
        ("ValidationException", [], ["ValidationException"]),
        ("NotDocumentedException", [], ["NotDocumentedException"]),
        ("TransactionCanceledException", ["None", "ValidationError"], ["ValidationError"]),
        ("TransactionCanceledException", ["NotDocumented"], ["NotDocumented"]),
        ("TransactionCanceledException", ["None", "TransactionConflict"], []),
        ("ThrottlingException", [], []),
        ("AccessDeniedException", [], []),
    ],
)
def test_errors_whose_messages_may_quote_values_are_recognised(
    code: str, reasons: list[str], expected: list[str]
) -> None:
    assert quoting(client_error(code, *reasons)) == expected


def test_the_message_of_an_error_that_is_not_dynamodbs_quotes_nothing() -> None:
    assert quoting(ValueError("a message of this project")) == []
    assert quoting(exceptions.ParamValidationError(report="1.00")) == ["ParamValidationError"]
