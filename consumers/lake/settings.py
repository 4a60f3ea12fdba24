"""The transform's settings, read once from the function's environment, and its S3 client's configuration."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from botocore.config import Config

from account_events.avro.codec import CONTRACT, Codec

CLIENTS = Config(
    connect_timeout=1.0,
    read_timeout=3.0,
    retries={"total_max_attempts": 2, "mode": "standard"},
    user_agent="account-events-lake",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The function's environment variables, which template.yaml sets and describes.

    Attributes:
        codec: reads both framings; Glue's by the ids in SCHEMA_VERSIONS.
    """

    bucket: str
    first_day: str
    codec: Codec
    stack_name: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Reads the settings; raises LookupError, which names the variable that is missing or invalid."""
        try:
            return cls(
                environment["LAKE_BUCKET_NAME"],
                checked_day(environment["FIRST_DAY"]),
                _codec(environment.get("SCHEMA_VERSIONS", "")),
                environment["STACK_NAME"],
            )
        except KeyError as missing:
            raise LookupError(f"The environment variable {missing} is not set; see template.yaml.") from None


def checked_day(text: str) -> str:
    """The value of FIRST_DAY. It must be written as YYYY-MM-DD, because days are compared as text.

    Raises:
        LookupError: it is not.
    """
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise LookupError(f"The environment variable FIRST_DAY must be a day such as 2026-01-31, not {text!r}.")


def _codec(schema_versions: str) -> Codec:
    """A codec for both framings: events keep the framing in which they were published."""
    if not schema_versions:
        return Codec(CONTRACT)
    try:
        ids: dict[str, str] = json.loads(schema_versions)
    except ValueError as error:
        raise LookupError(
            f"The environment variable SCHEMA_VERSIONS must be a JSON object, as template.yaml sets it: {error}."
        ) from None
    sources = {schema.fingerprint.hex(): json.dumps(schema.source) for schema in CONTRACT.known.values()}
    return Codec(CONTRACT, {version_id: sources[name] for name, version_id in ids.items() if name in sources}.get)
