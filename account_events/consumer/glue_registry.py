"""Finds schemas in the AWS Glue Schema Registry, by the version id in Glue's framing of an event.

    codec = Codec(CONTRACT, GlueRegistry(boto3.client("glue")))

The client needs the account and region of the projector, and permission for glue:GetSchemaVersion. It retries according
to its own configuration. The codec caches schemas, so each id is requested once.
"""

from typing import Any

from account_events.avro.errors import ForeignSchema, UnknownSchemaVersion
from account_events.extras import extra

with extra("glue"):
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,  # noqa: A004 -- botocore's
        HTTPClientError,
        IncompleteReadError,
    )

_NO_ANSWER = (ConnectionError, HTTPClientError, IncompleteReadError)
# The errors after which a later attempt may succeed (docs.aws.amazon.com/glue/latest/webapi/API_GetSchemaVersion.html
# and .../CommonErrors.html). EntityNotFoundException means that there is no such version. All other errors of the
# registry or the client, such as wrong credentials or a wrong region, last until an operator corrects them: an id from
# Glue's framing cannot be malformed.
_TRANSIENT = {"InternalServiceException", "InternalFailure", "OperationTimeoutException", "ServiceUnavailable"}
_TRANSIENT |= {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
_SERVER_ERRORS_FROM = 500


class RegistryError(Exception):
    """The registry did not return the schema version. The event itself may be valid: do not dead-letter it."""


class RegistryUnavailable(RegistryError):
    """The registry is unreachable, throttles or has not checked the version yet. Read the event again later."""


class RegistryRefused(RegistryError):
    """This client may not read schemas. Correct the credentials or the policy, then read the event again."""


class GlueRegistry:
    """Returns a schema's source for its version id; an `account_events.avro.codec.FindSchema`.

    Args:
        client: a boto3 client for "glue".
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401 -- boto3's; Glue's stubs are not installed
        self._client = client

    def __call__(self, version_id: str) -> str | None:
        """The schema as Avro JSON; None if the registry has no such version.

        Raises:
            RegistryUnavailable, RegistryRefused: the registry did not return the version.
            UnknownSchemaVersion: the version failed the registry's compatibility check, or is being deleted.
            ForeignSchema: the version is not an Avro schema.
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
                version_id, f"is {status} in the registry: its publisher must register it again."
            )
        if data_format != "AVRO":
            raise ForeignSchema(version_id, f"is not one of this contract's: its format is {data_format}, not AVRO.")
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
        f"Glue refused to return schema version {version_id}: {code}. The client needs permission for "
        f"glue:GetSchemaVersion and the projector's region."
    )
