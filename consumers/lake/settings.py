"""The transform's settings: what its function reads from its environment, once, and how its client behaves."""

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
    """Attributes: as template.yaml sets and describes them.

    codec: reads both framings; Glue's by the ids of SCHEMA_VERSIONS.
    """

    bucket: str
    first_day: str
    codec: Codec
    stack_name: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises LookupError naming the variable that is missing or wrong."""
        try:
            return cls(
                environment["LAKE_BUCKET_NAME"],
                _day(environment["FIRST_DAY"]),
                _codec(environment.get("SCHEMA_VERSIONS", "")),
                environment["STACK_NAME"],
            )
        except KeyError as missing:
            raise LookupError(f"The environment variable {missing} is not set; see template.yaml.") from None
        except ValueError as error:
            raise LookupError(f"An environment variable is wrong, see template.yaml: {error}.") from None


def _day(text: str) -> str:
    """Raises ValueError: it is none, or spelled in another way, such as 20260131. Days are compared as text."""
    if date.fromisoformat(text).isoformat() != text:
        raise ValueError(f"{text!r} is not a day like 2026-01-31")
    return text


def _codec(schema_versions: str) -> Codec:
    """Also where the projector does not use Glue's framing (any more): events keep the one they were published in."""
    if not schema_versions:
        return Codec(CONTRACT)
    ids: dict[str, str] = json.loads(schema_versions)
    sources = {schema.fingerprint.hex(): json.dumps(schema.source) for schema in CONTRACT.known.values()}
    return Codec(CONTRACT, {version_id: sources[name] for name, version_id in ids.items() if name in sources}.get)
