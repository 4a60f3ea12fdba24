"""DynamoDB's errors in this package's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from projector.errors import Unavailable

CONDITION_FAILED = "ConditionalCheckFailedException"


@contextmanager
def translated() -> Iterator[None]:
    """Whatever DynamoDB refuses may pass later, a missing permission too: nothing is done, and it is tried again.

    Raises:
        Unavailable: with the error's code. A condition that failed is an answer, and goes through as it is.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "ClientError")
        if code == CONDITION_FAILED:
            raise
        raise Unavailable(code) from error
    except BotoCoreError as error:
        raise Unavailable(type(error).__name__) from error
