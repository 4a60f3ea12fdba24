"""Schemas from the AWS Glue Schema Registry, by the version ids that Glue's framing puts in front of events.

    codec = Codec(CONTRACT, GlueRegistry(boto3.client("glue")))

The client is one of the account and region that the projector runs in, and may glue:GetSchemaVersion. It retries as its
own configuration says; the codec remembers what was found, so that each id is asked for once.
"""

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 -- botocore's
    HTTPClientError,
    IncompleteReadError,
)

from account_events.avro.errors import ForeignSchema, UnknownSchemaVersion

_NO_ANSWER = (ConnectionError, HTTPClientError, IncompleteReadError)
# docs.aws.amazon.com/glue/latest/webapi/API_GetSchemaVersion.html and .../CommonErrors.html: these pass by themselves.
# What else the registry or the client (credentials, region) refuses, an operator has to correct: no id from Glue's
# framing is malformed, and EntityNotFoundException is an answer.
_TRANSIENT = {"InternalServiceException", "InternalFailure", "OperationTimeoutException", "ServiceUnavailable"}
_TRANSIENT |= {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
_SERVER_ERRORS_FROM = 500


class RegistryError(Exception):
    """The registry told nothing about a schema version: no fault of the event, which must not be set aside for it."""


class RegistryUnavailable(RegistryError):
    """It could not be reached, is throttling or has not checked the version yet: read the event again, later."""


class RegistryRefused(RegistryError):
    """It does not let this client read schemas: correct the credentials or the policy, then read the event again."""


class GlueRegistry:
    """Finds a schema's source by its version id; see `account_events.avro.codec.FindSchema`.

    Args:
        client: boto3's for "glue".
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401 -- boto3's; Glue's stubs are not installed
        self._client = client

    def __call__(self, version_id: str) -> str | None:
        """The schema in Avro's JSON, or None where the registry has no such version.

        Raises:
            RegistryUnavailable, RegistryRefused: nothing is known of the version.
            UnknownSchemaVersion: it failed the registry's compatibility check, or is being deleted.
            ForeignSchema: it is no Avro schema.
        """
        try:
            version = self._client.get_schema_version(SchemaVersionId=version_id)
        except ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException":
                return None
            raise _translated(error, version_id) from error
        except _NO_ANSWER as error:
            raise RegistryUnavailable(f"Glue did not answer about schema version {version_id}: {error}") from error
        except BotoCoreError as error:
            raise _refused(type(error).__name__, version_id) from error
        status, data_format = version["Status"], version["DataFormat"]
        if status == "PENDING":
            raise RegistryUnavailable(f"Glue is still checking schema version {version_id}; read the event again.")
        if status != "AVAILABLE":
            raise UnknownSchemaVersion(
                version_id, f"is {status} in the registry: its publisher has to register it anew."
            )
        if data_format != "AVRO":
            raise ForeignSchema(version_id, f"is none of this contract's: its format is {data_format}, not AVRO.")
        source: str = version["SchemaDefinition"]
        return source


def _translated(error: ClientError, version_id: str) -> RegistryError:
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _TRANSIENT or status >= _SERVER_ERRORS_FROM:
        return RegistryUnavailable(
            f"Glue did not answer about schema version {version_id}: {code}; read the event again."
        )
    return _refused(code, version_id)


def _refused(code: str, version_id: str) -> RegistryRefused:
    return RegistryRefused(
        f"Glue refused to tell schema version {version_id}: {code}. The client needs glue:GetSchemaVersion, and the "
        f"region of the projector."
    )
