"""The API function's settings: its environment variables and the configuration of its clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from botocore.config import Config

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 1.0
READ_ATTEMPTS_MAX = 2
BACKOFF_MAX_S = 1.0
"""The longest time that botocore's standard retry mode waits before its second attempt."""

READS_MAX = 4
"""The requests of one attempt: the newest rows of two accounts, the index, and either the row with the idempotency key
or a write."""
ATTEMPT_MAX_S = READS_MAX * (READ_ATTEMPTS_MAX * (CONNECT_TIMEOUT_S + READ_TIMEOUT_S) + BACKOFF_MAX_S)
"""The longest time that an attempt can take. The function's timeout is longer, and no further attempt begins with less
time left, so a slow table leads to a problem document, not to a function that times out."""

READS = Config(
    connect_timeout=CONNECT_TIMEOUT_S,
    read_timeout=READ_TIMEOUT_S,
    retries={"total_max_attempts": READ_ATTEMPTS_MAX, "mode": "standard"},
    tcp_keepalive=True,
)
# One attempt only: docs/adr/0003-writes-are-not-retried.md
WRITES = READS.merge(Config(retries={"total_max_attempts": 1, "mode": "standard"}))


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings.

    Attributes:
        authorisation, operator_scope, has_transfers: template.yaml's `Auth`, `JwtOperatorScope` and `Transfers`.
    """

    table_name: str
    owned_table_name: str
    authorisation: Literal["IAM", "JWT"]
    operator_scope: str
    has_transfers: bool
    stack_name: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in the environment variables.

        Raises:
            LookupError: a variable is missing or invalid; the message names it.
        """
        try:
            match environment["AUTH"], environment["TRANSFERS"]:
                case "IAM" | "JWT" as authorisation, "on" | "off" as transfers:
                    return cls(
                        environment["TABLE_NAME"],
                        environment["OWNED_TABLE_NAME"],
                        authorisation,
                        environment["OPERATOR_SCOPE"],
                        transfers == "on",
                        environment["STACK_NAME"],
                    )
                case "IAM" | "JWT", other:
                    raise LookupError(f"The environment variable TRANSFERS is {other!r}; it must be on or off.")
                case other, _:
                    raise LookupError(f"The environment variable AUTH is {other!r}; it must be IAM or JWT.")
        except KeyError as missing:
            raise LookupError(f"The environment variable {missing} is not set; see template.yaml.") from None
