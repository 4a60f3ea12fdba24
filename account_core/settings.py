"""The API function's settings, read once from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 3.0
READ_ATTEMPTS_MAX = 3
"""Together well below the function's time limit: a slow table is answered with 503, not with a dead function."""


@dataclass(frozen=True, slots=True)
class Settings:
    table_name: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises LookupError naming the variable that is missing."""
        try:
            return cls(table_name=environment["TABLE_NAME"])
        except KeyError as missing:
            raise LookupError(f"The environment variable {missing} is not set; see Outputs of template.yaml.") from None
