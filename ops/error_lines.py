"""The line that a command ends with when it fails: what is wrong, where, and what to do. Pure.

An error that has no line here is a defect of ours and ends with its traceback.
"""

import errno

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from httpx import HTTPError

EXPLAINED = {
    "account_core.errors.AccountError",
    "consumers.kit.errors.KitError",
    "consumers.kit.glue_registry.RegistryError",
    "consumers.lake.errors.Refused",
    "ops.build.BuildError",
    "ops.emulator.HouseError",
    "ops.firehose.contract.BadAnswer",
    "ops.firehose.errors.UnsupportedDelivery",
    "ops.lake.engine.QueryFailed",
    "ops.lake.repair_ports.FunctionFailed",
    "ops.lake.verdict.UnknownVerdict",
    "ops.mapping.errors.MappingError",
    "ops.replay.errors.ReplayError",
    "projector.errors.ProjectorError",
    "schemas.errors.ContractError",
}
"""Errors of this project whose message is the line. By name: a short command does not import all of them."""

_NETWORK = "Check the network, the AWS region and any proxy settings, then run it again."
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
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        _SIGN_IN,
    ),
    **dict.fromkeys(
        ("404", "EntityNotFoundException", "NoSuchBucket", "ResourceNotFoundException", "ValidationError"), _NAMES
    ),
    **dict.fromkeys(
        (
            "InternalError",
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
_CREDENTIALS = {
    "CredentialRetrievalError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}


def error_line(error: BaseException) -> str | None:
    """The line; None for what nobody expected."""
    if any(f"{kind.__module__}.{kind.__qualname__}" in EXPLAINED for kind in type(error).__mro__):
        return _one_line(str(error))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return _with_advice(f"{where}{error.strerror}", error)
    if isinstance(error, BotoCoreError | ClientError | HTTPError | OSError | ResponseParserError):
        return _with_advice(f"{type(error).__name__}: {error}", error)
    return None


def advice(error: BaseException) -> str:
    """What to do about an error of AWS, of the network or of the file system; empty if that depends."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "InvalidRequestException" and "orkGroup" in str(error):
            return _NAMES
        return advice_on(code)
    if isinstance(error, OSError) and error.errno in _BY_ERRNO:
        return _BY_ERRNO[error.errno]
    if type(error).__name__ in _CREDENTIALS:
        return _SIGN_IN
    if type(error).__name__ == "NoRegionError":
        return "Set AWS_REGION to the stack's region."
    is_network = isinstance(error, BotoCoreError | HTTPError | ConnectionError | TimeoutError | ResponseParserError)
    return _NETWORK if is_network else ""


def advice_on(code: str) -> str:
    """What to do about an error of AWS with this code; empty if that depends."""
    return _BY_CODE.get(code, "")


def _with_advice(text: str, error: BaseException) -> str:
    what = advice(error)
    return _one_line(f"{text.rstrip('.')}. {what}" if what else text)


def _one_line(text: str) -> str:
    return " ".join(part for line in text.splitlines() if (part := line.strip()))
