"""The line that a command ends with when it fails: what is wrong, where, and what to do. Pure.

An error that has no line here is a defect of ours and ends with its traceback.
"""

import errno
import socket
import ssl

import botocore.exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from httpx import HTTPError, TransportError, UnsupportedProtocol

from projector.dynamodb_errors import needs_repair
from projector.errors import Unavailable

EXPLAINED = {
    "account_core.domain.errors.AccountError",
    "account_events.consumer.errors.KitError",
    "account_events.consumer.glue_registry.RegistryError",
    "consumers.lake.errors.Refused",
    "local_stack.errors.CommandError",
    "consumers.lake.delivery.contract.BadAnswer",
    "local_stack.firehose.errors.UnsupportedDelivery",
    "account_events.lambda_mapping.errors.MappingError",
    "projector.errors.ProjectorError",
    "account_events.avro.errors.ContractError",
}
"""Errors of this project whose message is the line. By name: a short command does not import all of them."""

_NETWORK = "Check the network, the AWS region and any proxy settings, then run it again."
_CONFIGURATION = (
    "Check the AWS configuration: the files in ~/.aws, the AWS_ variables and the region. Then run it again."
)
_CLOCK = "Set this computer's clock, then run it again."
_SPACE = "Free some disk space, or choose another disk (TMPDIR for temporary files), then run it again."
_WHERE = "Choose another file or folder, or correct its permissions, then run it again."
_NAMES = "Check the stack's name, the AWS account and the region; deploy this version's template.yaml if it is older."
_RIGHTS = "Use AWS credentials that are allowed to do this, then run it again."
_SIGN_IN = "Sign in again, or set AWS_PROFILE, then run it again."
_BUSY = "AWS is busy or limits your requests: run it again later."

_BY_CODE = {
    **dict.fromkeys(
        ("AccessDenied", "AccessDeniedException", "403", "Forbidden", "AllAccessDisabled", "KMS.AccessDeniedException"),
        _RIGHTS,
    ),
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        _SIGN_IN,
    ),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestInTheFuture"), _CLOCK),
    "RequestExpired": f"{_CLOCK.removesuffix(', then run it again.')}. {_SIGN_IN}",
    # The answers to HEAD have no code but the status. S3 answers 400 to expired credentials and to the wrong region.
    "400": f"{_SIGN_IN.removesuffix(', then run it again.')}. Check the AWS region, then run it again.",
    **dict.fromkeys(
        ("404", "EntityNotFoundException", "NoSuchBucket", "ResourceNotFoundException", "ValidationError"), _NAMES
    ),
    **dict.fromkeys(
        (
            "500",
            "503",
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "ServiceUnavailable",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        _BUSY,
    ),
}
"""`InvalidRequestException` of Athena names a workgroup that is not there; others it explains itself."""
_BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _SPACE),
    **dict.fromkeys(
        (
            errno.EACCES,
            errno.EPERM,
            errno.EROFS,
            errno.ENOENT,
            errno.ENOTDIR,
            errno.EISDIR,
            errno.ELOOP,
            errno.ENAMETOOLONG,
        ),
        _WHERE,
    ),
}
_BY_NAME = {
    **dict.fromkeys(
        (
            "CredentialRetrievalError",
            "LoginError",
            "NoAuthTokenError",
            "NoCredentialsError",
            "PartialCredentialsError",
            "ProfileNotFound",
            "SSOError",
            "TokenRetrievalError",
        ),
        _SIGN_IN,
    ),
    "NoRegionError": "Set AWS_REGION to the stack's region.",
    **dict.fromkeys(
        (
            "BaseEndpointResolverError",
            "ConfigNotFound",
            "ConfigParseError",
            "EndpointProviderError",
            "InvalidChecksumConfigError",
            "InvalidConfigError",
            "InvalidEndpointConfigurationError",
            "InvalidIMDSEndpointError",
            "InvalidIMDSEndpointModeError",
            "InvalidProxiesConfigError",
            "InvalidRegionError",
            "InvalidRetryConfigurationError",
            "InvalidS3UsEast1RegionalEndpointConfigError",
            "InvalidSTSRegionalEndpointsConfigError",
            "ServiceNotInRegionError",
            "UnknownCredentialError",
            "UnknownRegionError",
            "UnsupportedS3ConfigurationError",
        ),
        _CONFIGURATION,
    ),
}
"""Errors of botocore, by their class's name or that of a base."""
_NOT_REACHED = (
    botocore.exceptions.HTTPClientError,
    botocore.exceptions.ConnectionError,
    botocore.exceptions.IncompleteReadError,
    ResponseParserError,
    TransportError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    ssl.SSLError,
)


def error_line(error: BaseException) -> str | None:
    """The line; None for what nobody expected."""
    if isinstance(error, Unavailable):
        return _one_line(_unavailable(error))
    if any(f"{kind.__module__}.{kind.__qualname__}" in EXPLAINED for kind in type(error).__mro__):
        return _one_line(str(error))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _with_advice(f"{where}{error.strerror}", error)
    if isinstance(error, BotoCoreError | ClientError | HTTPError | OSError | ResponseParserError):
        return _with_advice(f"{type(error).__name__}: {error}".strip().rstrip(":"), error)
    return None


def advice(error: BaseException) -> str:
    """What to do about an error of AWS, of the network or of the file system; empty if that depends."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "InvalidRequestException" and "orkGroup" in str(error):
            return _NAMES
        return advice_on(code)
    if what := next((_BY_NAME[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _BY_NAME), None):
        return what
    if isinstance(error, _NOT_REACHED) and not isinstance(error, UnsupportedProtocol):
        return _NETWORK  # before its errno, which OpenSSL and the resolver number in their own way
    return _BY_ERRNO.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def advice_on(code: str) -> str:
    """What to do about an error of AWS with this code; empty if that depends."""
    return _BY_CODE.get(code, "")


def _unavailable(error: Unavailable) -> str:
    """The message of such an error is DynamoDB's code."""
    what_it_does = "refuses the request" if needs_repair(error) else "does not answer"
    return f"DynamoDB {what_it_does} ({error}). Nothing is lost. {advice_on(str(error)) or 'Run it again.'}"


def _with_advice(text: str, error: BaseException) -> str:
    what = advice(error)
    return _one_line(f"{text.rstrip('.')}. {what}" if what else text)


def _one_line(text: str) -> str:
    return " ".join(part for line in text.splitlines() if (part := line.strip()))
