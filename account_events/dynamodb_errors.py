"""Which of DynamoDB's errors pass by themselves, which need a repair, and which are final. Pure.

Every package that calls DynamoDB asks here and raises errors of its own tree. Errors are recognised by their codes, and
botocore's own by the names of their classes, so that this module needs no botocore.

Sources, under docs.aws.amazon.com/amazondynamodb/latest:

- developerguide/Programming.Errors.html: "Error messages and codes", with "OK to retry?" for each.
- APIReference/API_TransactWriteItems.html: the reasons for which a transaction is cancelled.
- APIReference/CommonErrors.html: errors of all AWS services, among them RequestTimeoutException (408), in which the
  service has timed out reading the request.
- botocore/retries/standard.py: the codes and exceptions that AWS's own client retries.

Five decisions are not obvious:

- RequestTimeout, RequestTimeoutException and LimitExceededException have status 4xx, and yet the same request may
  succeed later: see CommonErrors, "OK to retry?", and botocore's lists. They are TRANSIENT.
- ReplicatedWriteConflictException is marked as retryable in botocore's model of DynamoDB, like a conflict with another
  transaction of the same region. It is a CONFLICT.
- ItemCollectionSizeLimitExceededException is "OK to retry: yes" at AWS, since rows may be deleted meanwhile. In this
  system no row of a table with a local secondary index is ever deleted. So it is REFUSED.
- UnrecognizedClientException is "OK to retry: yes" at AWS, too. But its cause, invalid credentials, stays until
  somebody repairs it. So it is CONFIGURATION.
- A customer-managed KMS key that cannot be used has no code of its own: DynamoDB returns AccessDeniedException with
  "KMS key access denied error" as the message (reported in github.com/aws/aws-cdk/issues/10010).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

SERVER_ERROR = 500
"""The first of HTTP's status codes for faults of a server."""


class Kind(Enum):
    """What an error means for the caller."""

    CONDITION = "a condition of a write does not hold: this is an answer"
    CONFLICT = "another transaction or region is writing the item: read it again, or send the same request later"
    TRANSIENT = "load, a fault of the service or a lost answer: the same request may succeed later"
    CONFIGURATION = "a permission, a table, a key or credentials are missing: it passes once somebody repairs it"
    REFUSED = "the request's content is invalid or too large: the same request never succeeds"
    UNKNOWN = "no error that is documented for DynamoDB"


FULL = frozenset({"ItemCollectionSizeLimitExceededException", "ItemCollectionSizeLimitExceeded"})
"""The item collection of a partition key has 10 GB; as a code, and as a transaction's reason."""

CODES = {
    Kind.CONDITION: {"ConditionalCheckFailedException"},
    Kind.CONFLICT: {"ReplicatedWriteConflictException", "TransactionConflictException"},
    Kind.TRANSIENT: {
        "InternalFailure",
        "InternalServerError",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestAbortedException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TransactionInProgressException",
    },
    Kind.CONFIGURATION: {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    },
    Kind.REFUSED: {
        "IdempotentParameterMismatchException",
        "ItemCollectionSizeLimitExceededException",
        "RequestEntityTooLargeException",
        "SerializationException",
        "ValidationError",
        "ValidationException",
    },
}
"""An error's code in DynamoDB's answer."""

REASONS = {
    Kind.CONDITION: {"ConditionalCheckFailed"},
    Kind.CONFLICT: {"TransactionConflict"},
    Kind.TRANSIENT: {"ProvisionedThroughputExceeded", "ThrottlingError"},
    Kind.REFUSED: {"ItemCollectionSizeLimitExceeded", "ValidationError"},
}
"""A code among the reasons of a TransactionCanceledException."""

BOTOCORE_ERRORS = {
    Kind.TRANSIENT: {"ConnectionError", "HTTPClientError", "IncompleteReadError"},
    Kind.CONFIGURATION: {"NoCredentialsError", "NoRegionError"},
    Kind.REFUSED: {"ParamValidationError"},
}
"""The class of an error of botocore's, or of one of its bases."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a write failed.

    Attributes:
        item: as it is in the table, in DynamoDB JSON, where the write asked for it; otherwise None.
    """

    code: str
    kind: Kind
    item: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Failure(Reason):
    """An error of DynamoDB or of botocore.

    Attributes:
        code: DynamoDB's, or the name of botocore's class.
        reasons: of a cancelled transaction, for each of its items in order; "None" is the code of those without one.
    """

    reasons: Sequence[Reason] = ()

    def causes(self) -> Iterator[Reason]:
        """The error itself, and then its reasons."""
        yield self
        yield from self.reasons

    def codes(self, *kinds: Kind) -> list[str]:
        """The codes of these kinds, the error's own and its reasons', in order and without repetition."""
        return list(dict.fromkeys(each.code for each in self.causes() if each.kind in kinds))


def kind_of(code: str, status: int = 0) -> Kind:
    """What an error's code means.

    Args:
        code: DynamoDB's, or the name of a class of botocore's.
        status: HTTP's; 0 where it is not known.
    """
    known = _KINDS.get(code, Kind.UNKNOWN)
    return Kind.TRANSIENT if known is Kind.UNKNOWN and status >= SERVER_ERROR else known


def failure_of(error: Exception) -> Failure:
    """What an error of botocore's means: a ClientError by its answer, any other by its class."""
    response: Any = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        kinds = (_OF_BOTOCORE[each.__name__] for each in type(error).__mro__ if each.__name__ in _OF_BOTOCORE)
        return Failure(type(error).__name__, next(kinds, Kind.UNKNOWN))
    code = response.get("Error", {}).get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reasons = [_reason(each) for each in response.get("CancellationReasons", ())]
    return Failure(code, kind_of(code, status), response.get("Item"), reasons)


def _reason(answer: Mapping[str, Any]) -> Reason:
    code = answer.get("Code") or "None"
    return Reason(code, _OF_REASONS.get(code, Kind.UNKNOWN), answer.get("Item"))


def _kinds(codes: Mapping[Kind, set[str]]) -> dict[str, Kind]:
    return {code: kind for kind, those in codes.items() for code in those}


_OF_REASONS, _OF_BOTOCORE = _kinds(REASONS), _kinds(BOTOCORE_ERRORS)
_KINDS = _kinds(CODES) | _OF_BOTOCORE
