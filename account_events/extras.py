"""An import that needs an extra of this package fails with the command that installs it."""

from collections.abc import Iterator
from contextlib import contextmanager

_OPTIONAL = {"boto3", "botocore", "pytest"}


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Wrap imports of the modules that this extra installs.

    Raises:
        ModuleNotFoundError: one of them is missing. The message says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OPTIONAL:
            raise
        message = f"{error.msg}. Install it with: pip install 'account-events[{name}]'"
        raise ModuleNotFoundError(message, name=error.name) from None
