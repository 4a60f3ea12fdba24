"""The function's settings, read once from its environment, its S3 client's configuration, and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.config import Config

from consumers.lake.settings import checked_day

DAY_MAX_S = 120.0
"""The longest query. A larger day fails, so that it does not use up the time of the other days in every run."""

MARGIN_S = 60.0
"""Time for what is not a day's query: listing and opening its files before, checking them and writing the month after.

A request of DuckDB may wait for three time-outs of ten seconds (`ops.lake.query.duckdb_engine.HTTP`).
"""

THREADS = 4
"""More than the function has processors, because a thread waits for each of its requests to S3."""

DUCKDB = {
    # The libraries and the buffers for requests are not part of this limit. Beyond it, DuckDB writes to the directory.
    "memory_limit": "1200MB",
    "temp_directory": "/tmp/duckdb",  # noqa: S108 -- in a function, the only directory that can be written
    "max_temp_directory_size": "1500MB",
    # DuckDB needs one for secrets, even for those that it does not store. Lambda sets no HOME.
    "home_directory": "/tmp",  # noqa: S108 -- as above
}
"""DuckDB's settings, for the function's memory and temporary storage in template.yaml."""

CLIENTS = Config(
    connect_timeout=1.0,
    read_timeout=10.0,
    retries={"total_max_attempts": 3, "mode": "standard"},
    user_agent="account-events-lake-totals",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The function's environment variables, which template.yaml sets and describes."""

    bucket: str
    database: str
    first_day: str
    stack_name: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Reads the settings; raises LookupError, which names the variable that is missing or invalid."""
        try:
            return cls(
                environment["LAKE_BUCKET_NAME"],
                environment["LAKE_DATABASE_NAME"],
                checked_day(environment["FIRST_DAY"]),
                environment["STACK_NAME"],
            )
        except KeyError as missing:
            raise LookupError(f"The environment variable {missing} is not set; see template.yaml.") from None
