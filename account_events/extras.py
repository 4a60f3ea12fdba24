"""Imports that need an extra of this package: if they fail, the message names the extra to install."""

from collections.abc import Iterator
from contextlib import contextmanager

_OPTIONAL = {"boto3", "botocore", "pytest"}


@contextmanager
def extra(name: str) -> Iterator[None]:
    """A context for imports of the packages that this extra installs.

    Raises:
        ModuleNotFoundError: a package is missing. The message names the extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OPTIONAL:
            raise
        message = f"{error.msg}. Install the extra: account-events[{name}]"
        raise ModuleNotFoundError(message, name=error.name) from None
