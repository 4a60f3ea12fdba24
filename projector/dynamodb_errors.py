"""Translates DynamoDB's errors into this package's errors, as classified in `account_events.dynamodb_errors`.

- CONDITION: a result, not an error; it is raised unchanged.
- REFUSED: the same request never succeeds, so delivering the record again does not help. The ledger returns a Poison,
  which parks the account; commands name the account.
- Everything else becomes Unavailable, and the records are delivered again. CONFIGURATION errors last until an operator
  corrects the configuration: the records' age raises an alarm, and after the last retry the records are in the failure
  bucket. A command that only waits for such an error to pass ends at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from account_events.dynamodb_errors import Kind, failure_of, kind_of
from projector.errors import Refused, Unavailable


@contextmanager
def translated() -> Iterator[None]:
    """Translate the errors of a request as above; the message is DynamoDB's error code.

    Raises:
        Refused: the same request never succeeds.
        Unavailable: the request may succeed later.
        ClientError: a condition failed.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        failure = failure_of(error)
        if failure.kind is Kind.CONDITION:
            raise
        raise (Refused if failure.kind is Kind.REFUSED else Unavailable)(failure.code) from error


def needs_repair(error: Unavailable) -> bool:
    """Whether an error raised by `translated` lasts until an operator corrects the configuration."""
    cause = error.__cause__
    return (failure_of(cause).kind if isinstance(cause, Exception) else kind_of(str(error))) is Kind.CONFIGURATION
