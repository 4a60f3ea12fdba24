"""Schemas by version id: found, not found, or temporarily unavailable."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, NoCredentialsError, NoRegionError
from botocore.stub import Stubber

from account_events.avro.codec import CONTRACT, Codec, encode
from account_events.avro.encoder import ENCODERS, glue_encoders
from account_events.avro.errors import ForeignSchema, Undecodable, UnknownSchemaVersion
from account_events.avro.schemas_path import SCHEMAS
from account_events.consumer.glue_registry import GlueRegistry, RegistryError, RegistryRefused, RegistryUnavailable
from tests.golden.test_avro import FIELDS

FOLDER = SCHEMAS
ID = "b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63"
SOURCE = (FOLDER / "AccountCreated.avsc").read_text()
VERSION = {"SchemaVersionId": ID, "SchemaDefinition": SOURCE, "DataFormat": "AVRO", "Status": "AVAILABLE"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- boto3's client
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    return boto3.client("glue", region_name="eu-central-1")


@pytest.fixture
def stubber(client: Any) -> Iterator[Stubber]:  # noqa: ANN401 -- as above
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def answer(stubber: Stubber, **change: str) -> None:
    stubber.add_response("get_schema_version", VERSION | change, {"SchemaVersionId": ID})


def refuse(stubber: Stubber, code: str, status: int = 400) -> None:
    stubber.add_client_error("get_schema_version", code, http_status_code=status)


def test_an_available_avro_schema_is_found(client: Any, stubber: Stubber) -> None:  # noqa: ANN401 -- as above
    answer(stubber)
    assert GlueRegistry(client)(ID) == SOURCE


def test_a_version_that_does_not_exist_is_none(client: Any, stubber: Stubber) -> None:  # noqa: ANN401 -- as above
    refuse(stubber, "EntityNotFoundException")
    assert GlueRegistry(client)(ID) is None


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ThrottlingException", 400, RegistryUnavailable),
        ("InternalServiceException", 500, RegistryUnavailable),
        ("SomethingNew", 503, RegistryUnavailable),
        ("AccessDeniedException", 400, RegistryRefused),
        ("ExpiredTokenException", 400, RegistryRefused),
    ],
)
def test_registry_errors_are_unavailable_or_refused(
    client: Any,  # noqa: ANN401 -- as above
    stubber: Stubber,
    code: str,
    status: int,
    error: type[RegistryError],
) -> None:
    refuse(stubber, code, status)
    with pytest.raises(error, match=rf"{ID}: {code}"):
        GlueRegistry(client)(ID)
    assert not issubclass(error, Undecodable)


def test_an_unreachable_registry_is_unavailable() -> None:
    class Unreachable:
        def get_schema_version(self, **_: str) -> None:
            raise ConnectTimeoutError(endpoint_url="https://glue")

    with pytest.raises(RegistryUnavailable, match=ID):
        GlueRegistry(Unreachable())(ID)


@pytest.mark.parametrize("error", [NoCredentialsError(), NoRegionError()], ids=lambda error: type(error).__name__)
def test_a_misconfigured_client_is_refused(error: Exception) -> None:
    class NotSetUp:
        def get_schema_version(self, **_: str) -> None:
            raise error

    with pytest.raises(RegistryRefused, match=type(error).__name__):
        GlueRegistry(NotSetUp())(ID)


def test_a_pending_version_is_unavailable(client: Any, stubber: Stubber) -> None:  # noqa: ANN401 -- as above
    answer(stubber, Status="PENDING")
    answer(stubber)
    find = GlueRegistry(client)
    with pytest.raises(RegistryUnavailable, match="still checking"):
        find(ID)
    assert find(ID) == SOURCE


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"Status": "FAILURE"}, UnknownSchemaVersion, f"{ID} .* is FAILURE"),
        ({"Status": "DELETING"}, UnknownSchemaVersion, f"{ID} .* is DELETING"),
        ({"DataFormat": "PROTOBUF"}, ForeignSchema, f"{ID} .* its format is PROTOBUF, not AVRO"),
    ],
)
def test_a_version_that_is_not_available_is_undecodable(
    client: Any,  # noqa: ANN401 -- as above
    stubber: Stubber,
    change: dict[str, str],
    error: type[Undecodable],
    message: str,
) -> None:
    answer(stubber, **change)
    with pytest.raises(error, match=message):
        GlueRegistry(client)(ID)


def test_a_codec_retries_errors_and_caches_schemas(client: Any, stubber: Stubber) -> None:  # noqa: ANN401 -- as above
    refuse(stubber, "ThrottlingException")
    answer(stubber)  # the stub answers one call: a second one would fail
    codec = Codec(CONTRACT, GlueRegistry(client))
    all_the_same = {encoder.fingerprint.hex(): ID for encoder in ENCODERS.values()}
    framed = encode("AccountCreated", FIELDS["AccountCreated.2"], glue_encoders(all_the_same))
    with pytest.raises(RegistryUnavailable):
        codec.decode(framed)
    assert [codec.decode(framed).fields for _ in range(3)] == [FIELDS["AccountCreated.2"]] * 3
