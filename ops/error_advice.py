"""What to do about errors of AWS, the network and the file system. Pure."""

import errno
import socket
import ssl

import botocore.exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from httpx import TransportError, UnsupportedProtocol

_NETWORK = "Check the network, the AWS region and any proxy settings, then run the command again."
_CONFIGURATION = (
    "Check the AWS configuration: the files in ~/.aws, the AWS_ variables and the region. Then run the command again."
)
_CLOCK = "Correct this computer's clock, then run the command again."
_SPACE = "Free some disk space, or choose another disk (TMPDIR for temporary files), then run the command again."
_WHERE = "Choose another file or folder, or correct its permissions, then run the command again."
_NAMES = (
    "Check the stack's name, the AWS account and the region. "
    "If the stack is older than this command, deploy this version's template.yaml."
)
_RIGHTS = "Use AWS credentials that are allowed to do this, then run the command again."
_SIGN_IN = "Sign in again, or set AWS_PROFILE, then run the command again."
_BUSY = "AWS is busy or is throttling your requests: run the command again later."

_BY_CODE = {
    **dict.fromkeys(
        (
            "403",
            "AccessDenied",
            "AccessDeniedException",
            "AllAccessDisabled",
            "Forbidden",
            "KMS.AccessDeniedException",
            "NotAuthorized",
        ),
        _RIGHTS,
    ),
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationTokenException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        _SIGN_IN,
    ),
    "OptInRequired": "Enable the service or the region in the AWS account, then run the command again.",
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestInTheFuture"), _CLOCK),
    "RequestExpired": f"{_CLOCK.removesuffix(', then run the command again.')}. {_SIGN_IN}",
    # A response to HEAD has only a status. S3 returns 400 for expired credentials and for a wrong region.
    "400": f"{_SIGN_IN.removesuffix(', then run the command again.')}. Check the region, then run the command again.",
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
"""Advice by AWS error code. Athena's `InvalidRequestException` is not listed: `advice` reads its message."""
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
    "NoRegionError": "Set AWS_DEFAULT_REGION to the region of the stack or table.",
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
"""Advice for errors of botocore, by the name of their class or of a base class."""
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


def advice(error: BaseException) -> str:
    """What to do about an error of AWS, the network or the file system; empty if there is no general advice."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "InvalidRequestException" and "orkGroup" in str(error):
            return _NAMES
        return _BY_CODE.get(code, "")
    if named := next((_BY_NAME[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _BY_NAME), None):
        return named
    if isinstance(error, _NOT_REACHED) and not isinstance(error, UnsupportedProtocol):
        return _NETWORK  # checked before errno, because OpenSSL and the DNS resolver use different numbers
    return _BY_ERRNO.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later: it was throttled, not answered, or AWS failed."""
    if isinstance(error, ClientError) and error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:  # noqa: PLR2004
        return True
    return advice(error) in {_BUSY, _NETWORK}


def advice_on(unavailable: Exception) -> str:
    """What to do about an `Unavailable`: by the error of botocore that caused it or, without one, by its code."""
    cause = unavailable.__cause__
    return advice(cause) if cause else _BY_CODE.get(str(unavailable), "")
