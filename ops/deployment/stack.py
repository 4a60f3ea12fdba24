"""A stack on AWS, by its name: its outputs, its events' framing, and settings for clients of it."""

import json
from collections.abc import Mapping

import boto3
from botocore.config import Config

from account_events.avro.codec import CONTRACT, Codec
from account_events.avro.encoder import Encoders
from local_stack.emulator import HouseError
from projector import settings

AWS_CLIENTS = Config(connect_timeout=5.0, read_timeout=20.0, retries={"total_max_attempts": 5, "mode": "standard"})


def outputs_of(stack: str) -> dict[str, str]:
    """Of a stack on AWS."""
    [described] = boto3.client("cloudformation", config=AWS_CLIENTS).describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


class Outputs:
    """A stack's, with a clear word where one is missing."""

    def __init__(self, outputs: Mapping[str, str]) -> None:
        self._outputs = outputs

    def __getitem__(self, name: str) -> str:
        try:
            return self._outputs[name]
        except KeyError:
            raise HouseError(f"The stack has no output {name}: deploy this version's template.yaml first.") from None


def encoders_of(outputs: Outputs) -> Encoders:
    """As the stack's projector has them."""
    framing = outputs["Framing"]
    try:
        return settings.encoders_of(framing, outputs["SchemaVersions"] if framing == "glue" else "")
    except LookupError as error:
        raise HouseError(
            f"The stack is of another release than this command, whose events it does not know: {error}"
        ) from None


def codec_of(outputs: Outputs) -> Codec:
    """Reads what the stack's projector writes, without asking a registry."""
    if outputs["Framing"] != "glue":
        return Codec(CONTRACT)
    version_ids: dict[str, str] = json.loads(outputs["SchemaVersions"])
    known = {schema.fingerprint.hex(): json.dumps(schema.source) for schema in CONTRACT.known.values()}
    return Codec(CONTRACT, {version_id: known[name] for name, version_id in version_ids.items() if name in known}.get)
