"""The projector function's settings from its environment, its clients' configuration, and its time limits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.config import Config

from account_core.rows.attributes import is_whole_number
from account_events.avro.encoder import ENCODERS, Encoders, glue_encoders

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 3.0

CONNECTIONS_MAX = 10
"""The most concurrent requests of a client."""

PARKING_S = 5.0
"""Time for parking accounts after the last put. Accounts not parked by then are parked at the next delivery."""

SWITCH_INTERVAL_S = 0.0005
"""How long a thread may run before another one gets its turn. At Python's default of 5 ms, parsing a batch delays the
concurrent request."""

# A call that begins just before the deadline may wait for both time-outs. Then accounts are parked, and the last of
# those calls may take as long again. Then the outcome is logged and returned. The function's time limit must therefore
# be well above this margin: otherwise no call begins, and every batch is delivered again.
CALL_MAX_S = CONNECT_TIMEOUT_S + READ_TIMEOUT_S
SAFETY_MARGIN_S = CALL_MAX_S + PARKING_S + CALL_MAX_S + 1.0

# One attempt per request: the publisher manages attempts and deadlines, and records are delivered again if DynamoDB
# does not answer. Validation is off because `put_records` removes the entries that it would check.
CLIENTS = Config(
    max_pool_connections=CONNECTIONS_MAX,
    connect_timeout=CONNECT_TIMEOUT_S,
    read_timeout=READ_TIMEOUT_S,
    retries={"total_max_attempts": 1},
    tcp_keepalive=True,
    parameter_validation=False,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings as template.yaml sets and describes them.

    Attributes:
        encoders: the encoders for FRAMING, with the ids of SCHEMA_VERSIONS.
    """

    stream_name: str
    table_name: str
    parking_table_name: str
    is_aggregated: bool
    buckets: int
    order_window_s: int
    encoders: Encoders
    stack_name: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises LookupError, naming the missing or invalid variable."""
        try:
            if environment["AGGREGATION"] not in {"on", "off"}:
                raise LookupError("The environment variable AGGREGATION must be on or off.")
            return cls(
                stream_name=environment["EVENT_STREAM_NAME"],
                table_name=environment["TABLE_NAME"],
                parking_table_name=environment["PARKING_TABLE_NAME"],
                is_aggregated=environment["AGGREGATION"] == "on",
                buckets=_positive("BUCKETS", environment),
                order_window_s=_positive("ORDER_WINDOW_SECONDS", environment),
                encoders=encoders_of(environment["FRAMING"], environment.get("SCHEMA_VERSIONS", "")),
                stack_name=environment["STACK_NAME"],
            )
        except KeyError as missing:
            raise LookupError(f"The environment variable {missing} is not set; see template.yaml.") from None


def _positive(name: str, environment: Mapping[str, str]) -> int:
    text = environment[name]
    if not (is_whole_number(text) and int(text)):
        raise LookupError(f"The environment variable {name} must be a positive whole number.")
    return int(text)


def encoders_of(framing: str, schema_versions: str) -> Encoders:
    """Return the encoders for a framing.

    Args:
        framing: "single-object" or "glue".
        schema_versions: for glue, a JSON object with the registry's schema version ids by fingerprint.

    Raises:
        LookupError: one of the arguments is invalid, or the id of a working schema is missing.
    """
    if framing == "single-object":
        return ENCODERS
    if framing != "glue":
        raise LookupError("The environment variable FRAMING must be single-object or glue.")
    try:
        return glue_encoders(dict(json.loads(schema_versions)))
    except (LookupError, ValueError, TypeError) as error:
        raise LookupError(
            f"If FRAMING is glue, SCHEMA_VERSIONS must hold the ids that Glue assigned to the schemas of this release: "
            f"{error}. Deploy the template.yaml of the same release."
        ) from error


def deadline_s(now_s: float, remaining_ms: float) -> float:
    """When the last put may begin, on the clock of `now_s`, given the time that Lambda leaves the function."""
    return now_s + remaining_ms / 1000 - SAFETY_MARGIN_S
