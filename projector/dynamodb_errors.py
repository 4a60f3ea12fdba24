"""DynamoDB's errors in this package's words: the one place that decides which of them can pass.

Source: AWS, "Error handling with DynamoDB"
(docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html). There are four kinds:

- A condition that failed is an answer.
- `REFUSED`: what the request holds is invalid or too large. The same request never succeeds, so it must not be
  delivered again: the ledger answers with a poison row, which parks the account, and commands name the account.
- `CONFIGURATION`: a permission, a table, a key or credentials are missing. It passes once an operator repairs it, so
  the records are delivered again, their age raises an alarm, and after the last retry they are in the failure bucket.
  A command that waits for nothing but that ends at once.
- Everything else, which is load, faults of the service and lost answers, passes by itself: deliver it again.

AWS counts ItemCollectionSizeLimitExceededException among the errors that may be retried. Here no row is ever deleted,
so a collection that is full stays full.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from projector.errors import Refused, Unavailable

CONDITION_FAILED = "ConditionalCheckFailedException"
REFUSED = frozenset(
    {
        "ItemCollectionSizeLimitExceededException",
        "ParamValidationError",  # botocore's own, before anything is sent
        "SerializationException",
        "ValidationException",
    }
)
CONFIGURATION = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "NoCredentialsError",
        "NoRegionError",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    }
)


@contextmanager
def translated() -> Iterator[None]:
    """The errors of a request, translated as above; the message is DynamoDB's code.

    Raises:
        Refused: the same request never succeeds.
        Unavailable: it may succeed later. A condition that failed is an answer, and goes through as it is.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "ClientError")
        if code == CONDITION_FAILED:
            raise
        raise _error(code) from error
    except BotoCoreError as error:
        raise _error(type(error).__name__) from error


def _error(code: str) -> Refused | Unavailable:
    return Refused(code) if code in REFUSED else Unavailable(code)
