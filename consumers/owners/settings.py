"""The read model's settings, read once from the function's environment, and its client's configuration."""

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.config import Config

RUN_MAX = 500
"""The most events of one account in one write, which changes the account's row once for all of them."""

THREADS = 32
"""How many accounts of a batch advance at a time. At 15 ms for a write, these are about 2,000 a second: more than
the function's share of a CPU can prepare."""

RESERVE_S = 20.0
"""So long before the function's timeout no request begins. A request may take 12 s with all its attempts (CLIENTS)."""

CLIENTS = Config(
    connect_timeout=1.0,
    read_timeout=2.0,
    retries={"total_max_attempts": 3, "mode": "standard"},
    max_pool_connections=THREADS,
    tcp_keepalive=True,
    user_agent="account-events-owners",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The function's environment variables, which template.yaml sets and describes."""

    table_name: str
    inbox_table_name: str
    gap_wait_s: float
    stack_name: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Reads the settings; raises LookupError, which names the variable that is missing or invalid."""
        try:
            wait = environment["GAP_WAIT_S"]
            if not (wait.isascii() and wait.isdecimal()):
                raise LookupError("The environment variable GAP_WAIT_S must be a whole number of seconds.")
            return cls(
                environment["TABLE_NAME"],
                environment["INBOX_TABLE_NAME"],
                float(wait),
                environment["STACK_NAME"],
            )
        except KeyError as missing:
            raise LookupError(f"The environment variable {missing} is not set; see template.yaml.") from None
