"""The projector function's settings, read once from its environment, its clients', and its times."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from botocore.config import Config

from account_core.rows.attributes import is_whole_number
from account_events.avro.encoder import ENCODERS, Encoders, glue_encoders

CONNECT_TIMEOUT_S = 1.0
READ_TIMEOUT_S = 3.0

PARKING_S = 5.0
"""For parking accounts once the last put is answered; what does not fit is parked with the next delivery."""

SWITCH_INTERVAL_S = 0.0005
"""How long one thread may keep the interpreter from another; by default so long that a batch is parsed in less."""

# A call begun just before the deadline may wait for both time-outs; then accounts are parked, the last of them with a
# call as long again; then the outcome is logged and answered. So the function's own time limit must be well above
# this: with less, no call begins and every batch is delivered again.
CALL_MAX_S = CONNECT_TIMEOUT_S + READ_TIMEOUT_S
SAFETY_MARGIN_S = CALL_MAX_S + PARKING_S + CALL_MAX_S + 1.0

# One attempt each: attempts and deadlines are counted by the publisher, and what DynamoDB does not answer is delivered
# again. The body is ours and right; checking each of its fields would take a fifth of the time of a call.
# A name of our own spares botocore putting together its own twice with every request.
CLIENTS = Config(
    connect_timeout=CONNECT_TIMEOUT_S,
    read_timeout=READ_TIMEOUT_S,
    retries={"total_max_attempts": 1},
    tcp_keepalive=True,
    parameter_validation=False,
    user_agent="account-events-projector",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """As template.yaml sets and describes them.

    Attributes:
        encoders: FRAMING's, with the ids of SCHEMA_VERSIONS.
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
        """Raises LookupError naming the variable that is missing or wrong."""
        try:
            if environment["AGGREGATION"] not in {"on", "off"}:
                raise LookupError("The environment variable AGGREGATION has to be on or off.")
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
        raise LookupError(f"The environment variable {name} has to be a positive whole number.")
    return int(text)


def encoders_of(framing: str, schema_versions: str) -> Encoders:
    """The encoders that make a framing.

    Args:
        framing: "single-object" or "glue".
        schema_versions: for glue, the ids of the schemas' versions in the registry by fingerprint, a JSON object.

    Raises:
        LookupError: one of the two is wrong, or lacks a working schema.
    """
    if framing == "single-object":
        return ENCODERS
    if framing != "glue":
        raise LookupError("The environment variable FRAMING has to be single-object or glue.")
    try:
        return glue_encoders(dict(json.loads(schema_versions)))
    except (LookupError, ValueError, TypeError) as error:
        raise LookupError(
            f"With FRAMING glue, SCHEMA_VERSIONS has to hold the ids that Glue gave the schemas of this code: {error}. "
            f"Deploy the template.yaml of the same release."
        ) from error


def deadline_s(now_s: float, remaining_ms: float) -> float:
    """When the last put may begin, on the clock of `now_s`, given what Lambda leaves the function."""
    return now_s + remaining_ms / 1000 - SAFETY_MARGIN_S
