"""DynamoDB's errors as this package's errors, by the classification of `account_events.dynamodb_errors`.

- CONDITION is an answer, and goes through as it is.
- REFUSED: the same request never succeeds, so it must not be delivered again. The ledger returns a poison row, which
  parks the account, and commands name the account.
- Everything else is Unavailable, and delivered again. What is CONFIGURATION passes once an operator repairs it: the
  records' age raises an alarm, and after the last retry they are in the failure bucket. A command that would wait for
  nothing else ends at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from account_events.dynamodb_errors import Kind, failure_of, kind_of
from projector.errors import Refused, Unavailable


@contextmanager
def translated() -> Iterator[None]:
    """The errors of a request, translated as above; the message is DynamoDB's code.

    Raises:
        Refused: the same request never succeeds.
        Unavailable: it may succeed later. A condition that failed is an answer, and goes through as it is.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        failure = failure_of(error)
        if failure.kind is Kind.CONDITION:
            raise
        raise (Refused if failure.kind is Kind.REFUSED else Unavailable)(failure.code) from error


def needs_repair(error: Unavailable) -> bool:
    """Whether an error of `translated` stays until an operator corrects the configuration."""
    return kind_of(str(error)) is Kind.CONFIGURATION
