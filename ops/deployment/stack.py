"""A deployed stack, on AWS or local: its outputs, clients for its services, and the encoding of its events."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from account_events.avro.codec import CONTRACT, Codec
from account_events.avro.encoder import Encoders
from local_stack.address import Address
from local_stack.emulator import forget_aws_settings
from local_stack.errors import CommandError
from projector import settings
from projector.lanes import Pack, aggregated, plain

READ_TIMEOUT_S = 20.0
AWS_CLIENTS = Config(
    connect_timeout=5.0, read_timeout=READ_TIMEOUT_S, retries={"total_max_attempts": 5, "mode": "standard"}
)


class Outputs:
    """A stack's outputs. Reading a missing output raises a CommandError that names the remedy."""

    def __init__(self, outputs: Mapping[str, str]) -> None:
        self._outputs = outputs

    def __getitem__(self, name: str) -> str:
        try:
            return self._outputs[name]
        except KeyError:
            raise CommandError(f"The stack has no output {name}: deploy this version's template.yaml first.") from None


@dataclass(frozen=True, slots=True)
class Deployment:
    """The stack that a command works on.

    Attributes:
        address: the local stack's address; None if the stack is on AWS.
    """

    outputs: Outputs
    address: Address | None = None

    @classmethod
    def connect(cls, stack: str | None) -> "Deployment":
        """Connects to the stack of this name on AWS, with your AWS settings; None connects to the running local stack.

        Raises:
            CommandError: no local stack is running, or there are no AWS credentials.
        """
        if stack is None:
            forget_aws_settings()
            return cls.local(Address.find())
        if boto3.Session().get_credentials() is None:
            raise CommandError("There are no AWS credentials: set AWS_PROFILE, or omit --stack to use the local stack.")
        return cls(Outputs(outputs_of(stack)))

    @classmethod
    def local(cls, address: Address) -> "Deployment":
        """The local stack at this address."""
        return cls(Outputs(address.outputs), address)

    @property
    def is_local(self) -> bool:
        return self.address is not None

    def client(self, service: str, read_timeout_s: float = READ_TIMEOUT_S) -> Any:  # noqa: ANN401 -- boto3's clients have no common type
        """A new client that retries."""
        if self.address is not None:
            return self.address.client(service, read_timeout_s)
        return boto3.client(service, config=AWS_CLIENTS.merge(Config(read_timeout=read_timeout_s)))  # type: ignore[call-overload]

    def kinesis(self) -> Any:  # noqa: ANN401 -- as above
        """A new Kinesis client that does not retry, because the publisher retries the records."""
        if self.address is not None:
            return self.address.client("kinesis", attempts_max=1)
        return boto3.client("kinesis", config=settings.CLIENTS)

    def pack(self) -> Pack:
        """How the stack's projector packs events into records."""
        return (aggregated if self.outputs["Aggregation"] == "on" else plain)(int(self.outputs["Buckets"]))

    def encoders(self) -> Encoders:
        """The encoders of the stack's projector."""
        framing = self.outputs["Framing"]
        try:
            return settings.encoders_of(framing, self.outputs["SchemaVersions"] if framing == "glue" else "")
        except LookupError as error:
            raise CommandError(
                f"The stack was deployed from a different release: {error} Run the command of the stack's release."
            ) from None

    def codec(self) -> Codec:
        """A codec that decodes the stack's events without querying a schema registry."""
        if self.outputs["Framing"] != "glue":
            return Codec(CONTRACT)
        version_ids: dict[str, str] = json.loads(self.outputs["SchemaVersions"])
        known = {schema.fingerprint.hex(): json.dumps(schema.source) for schema in CONTRACT.known.values()}
        schemas = {version_id: known[name] for name, version_id in version_ids.items() if name in known}
        return Codec(CONTRACT, schemas.get)


def outputs_of(stack: str) -> dict[str, str]:
    """The outputs of a stack on AWS."""
    [described] = boto3.client("cloudformation", config=AWS_CLIENTS).describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
