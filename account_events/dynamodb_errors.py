"""Classifies DynamoDB's errors: which pass by themselves, which need a repair, and which are final. Pure.

Every package that calls DynamoDB uses this classification and raises errors of its own tree. Errors of DynamoDB are
recognised by their codes, those of botocore by the names of their classes, so this module does not import botocore.

Sources, under docs.aws.amazon.com/amazondynamodb/latest:

- developerguide/Programming.Errors.html: "Error messages and codes", with "OK to retry?" for each.
- APIReference/API_TransactWriteItems.html: the reasons for which a transaction is cancelled.
- APIReference/CommonErrors.html: errors of all AWS services, among them RequestTimeoutException (408): the service
  timed out while it read the request.
- botocore/retries/standard.py: the codes and exceptions that AWS's own client retries.

Five decisions are not obvious:

- RequestTimeout, RequestTimeoutException and LimitExceededException have a 4xx status, but the same request may
  succeed later: see CommonErrors, "OK to retry?", and botocore's lists. They are TRANSIENT.
- ReplicatedWriteConflictException is marked as retryable in botocore's model of DynamoDB, like a conflict with another
  transaction of the same region. It is a CONFLICT.
- AWS marks ItemCollectionSizeLimitExceededException "OK to retry: yes", because rows may be deleted meanwhile. This
  system never deletes a row of a table with a local secondary index. So it is REFUSED.
- AWS also marks UnrecognizedClientException "OK to retry: yes". But its cause, invalid credentials, lasts until
  somebody corrects them. So it is CONFIGURATION.
- A customer-managed KMS key that cannot be used has no code of its own: DynamoDB returns AccessDeniedException with
  "KMS key access denied error" as the message (reported in github.com/aws/aws-cdk/issues/10010).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

SERVER_ERROR = 500
"""The lowest HTTP status code of a server error."""


class Kind(Enum):
    """What an error means for the caller."""

    CONDITION = "a condition of a write does not hold: an expected result, not a failure"
    CONFLICT = "another transaction or region is writing the item: read it again, or send the same request later"
    TRANSIENT = "load, a fault of the service or a lost answer: the same request may succeed later"
    CONFIGURATION = "a permission, table, key or credentials are missing or wrong: it lasts until somebody corrects it"
    REFUSED = "the request's content is invalid or too large: the same request never succeeds"
    UNKNOWN = "the error is not documented for DynamoDB"


FULL = frozenset({"ItemCollectionSizeLimitExceededException", "ItemCollectionSizeLimitExceeded"})
"""The item collection of a partition key has reached 10 GB: the error's code, and the reason in a transaction."""

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
"""The error codes of DynamoDB."""

REASONS = {
    Kind.CONDITION: {"ConditionalCheckFailed"},
    Kind.CONFLICT: {"TransactionConflict"},
    Kind.TRANSIENT: {"ProvisionedThroughputExceeded", "ThrottlingError"},
    Kind.REFUSED: {"ItemCollectionSizeLimitExceeded", "ValidationError"},
}
"""The codes among the reasons of a TransactionCanceledException."""
CANCELLED = "TransactionCanceledException"
"""The code of a cancelled transaction: its reasons are the error."""
NO_REASON = "None"
"""The code of an item that did not cause the cancellation."""

BOTOCORE_ERRORS = {
    Kind.TRANSIENT: {"ConnectionError", "HTTPClientError", "IncompleteReadError"},
    Kind.CONFIGURATION: {
        "NoCredentialsError",
        "NoRegionError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "TokenRetrievalError",
    },
    Kind.REFUSED: {"ParamValidationError"},
}
"""The names of botocore's exception classes. A subclass counts like its base class."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a write failed.

    Attributes:
        item: the stored item, in DynamoDB JSON, if the write requested it with ReturnValuesOnConditionCheckFailure;
            otherwise None.
    """

    code: str
    kind: Kind
    item: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Failure(Reason):
    """An error of DynamoDB or of botocore.

    Attributes:
        code: DynamoDB's error code, or the name of botocore's class.
        reasons: if a transaction was cancelled, one for each of its items, in order. An item that did not cause the
            cancellation has the code "None".
    """

    reasons: Sequence[Reason] = ()

    def causes(self) -> Iterator[Reason]:
        """The error itself, and then its reasons."""
        yield self
        yield from self.reasons

    def codes(self, *kinds: Kind) -> list[str]:
        """The codes of these kinds among the error and its reasons, in order and without repetition."""
        return list(dict.fromkeys(each.code for each in self.causes() if each.kind in kinds))


def kind_of(code: str, status: int = 0) -> Kind:
    """The kind of an error code.

    Args:
        code: DynamoDB's error code, or the name of a botocore class.
        status: the HTTP status; 0 if it is not known.
    """
    known = _KINDS.get(code, Kind.UNKNOWN)
    return Kind.TRANSIENT if known is Kind.UNKNOWN and status >= SERVER_ERROR else known


def failure_of(error: Exception) -> Failure:
    """Classify an exception of botocore: a ClientError by DynamoDB's response, any other by its class."""
    response: Any = getattr(error, "response", None)
    if not isinstance(response, Mapping):
        kinds = (_OF_BOTOCORE[each.__name__] for each in type(error).__mro__ if each.__name__ in _OF_BOTOCORE)
        return Failure(type(error).__name__, next(kinds, Kind.UNKNOWN))
    code = response.get("Error", {}).get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reasons = [_reason(each) for each in response.get("CancellationReasons", ())]
    return Failure(code, kind_of(code, status), response.get("Item"), reasons)


def quoting(error: Exception) -> list[str]:
    """The codes of an error whose message may quote the request, so that it must not be logged; otherwise none.

    DynamoDB and botocore quote values of requests that they refuse. What an undocumented error quotes is unknown.
    """
    failure = failure_of(error)
    is_answer = isinstance(getattr(error, "response", None), Mapping)
    codes = failure.codes(Kind.REFUSED, *([Kind.UNKNOWN] if is_answer else []))
    return [code for code in codes if code not in {CANCELLED, NO_REASON}]


def _reason(answer: Mapping[str, Any]) -> Reason:
    code = answer.get("Code") or NO_REASON
    return Reason(code, _OF_REASONS.get(code, Kind.UNKNOWN), answer.get("Item"))


def _kinds(codes: Mapping[Kind, set[str]]) -> dict[str, Kind]:
    return {code: kind for kind, those in codes.items() for code in those}


_OF_REASONS, _OF_BOTOCORE = _kinds(REASONS), _kinds(BOTOCORE_ERRORS)
_KINDS = _kinds(CODES) | _OF_BOTOCORE
