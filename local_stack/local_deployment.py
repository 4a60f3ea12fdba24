"""The local stack: the emulator, the real template deployed to it, and fakes for the services it gets wrong.

The fakes are the event source mappings (`local_stack.event_source_mapping`) and Firehose (`local_stack.firehose`).
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from account_core.api.access import Authorisation
from account_core.domain.events import StoredRow
from account_core.rows.items import from_item
from account_events.lambda_mapping.config import MappingConfig
from local_stack.address import Address, loopback_http
from local_stack.api_test_user import create_api_test_user
from local_stack.arrivals import ArrivalCounter
from local_stack.build import PACKAGES, build_zip
from local_stack.deploy import deploy
from local_stack.emulator import Emulator, uninterrupted
from local_stack.errors import CommandError
from local_stack.event_source_mapping.clients import INVOKE_READ_TIMEOUT_S, MappingClients
from local_stack.event_source_mapping.runner import MappingRunner
from local_stack.event_source_mapping.stack_mappings import stack_mappings
from local_stack.firehose.runner import POLL_INTERVAL_S, FirehoseClients, FirehoseRunner
from local_stack.firehose.stack_delivery import deployed_delivery
from local_stack.poll_loop import running, wait_until_all_idle
from local_stack.progress_metrics import ProgressMetrics
from local_stack.token_issuer import AUDIENCE, OPERATOR_SCOPE, TokenIssuer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STACK_NAME = "account-events"
LAKE_INTERVAL_S = 5.0
"""How long the local lake buffers events. On AWS it is LakeBufferSeconds, at least a minute: too long for a demo."""
EXIT_WAIT_S = 2.0
"""How long to wait for the emulator's exit after a failed request: in a crash, connections break before it exits."""


class LocalDeployment:
    """A complete local stack; use it as a context manager.

    Entering builds the functions' zips, starts the emulator, deploys template.yaml, and starts the fake event source
    mappings and the fake Firehose. With JWT, it also starts the fake token issuer. Leaving stops all of them and
    deletes the table, the stream and the lake.

    Args:
        port: the emulator's port; None for a free one.
        progress: called with a short description of each step as it begins.
        auth: template.yaml's parameter `Auth`: how the API identifies its callers.
        parameters: values for other parameters of template.yaml; the rest have their defaults.

    Attributes:
        emulator: the emulator's process.
        issuer: the fake token issuer; None with IAM.
        address: how to reach the stack. `Address.published` writes it to the address file.
        mapping: the projector's fake event source mapping.
        mappings: all fake event source mappings of the stack, by logical id in template.yaml; the projector's is first.
        firehose: the fake Firehose, which fills the lake.
        metrics: publishes the fakes' metrics.

    Raises:
        CommandError: a zip could not be built, the emulator could not start, or template.yaml could not be deployed.
            Everything that had started is stopped. It is also raised inside the context if a request fails because the
            emulator has crashed.
    """

    def __init__(
        self,
        port: int | None = None,
        progress: Callable[[str], None] = lambda _: None,
        auth: Authorisation = "IAM",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self._port = port
        self._progress = progress
        self.auth = auth
        self._parameters = parameters or {}
        self._stack = ExitStack()
        self.emulator: Emulator
        self.issuer: TokenIssuer | None = None
        self.address: Address
        self.mapping: MappingRunner
        self.mappings: Mapping[str, MappingRunner]
        self.firehose: FirehoseRunner
        self.metrics: ProgressMetrics

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            zips = {}
            for function in PACKAGES:
                self._progress(f"building {function}")
                zips[function] = build_zip(function, "local")
            self._progress("starting the emulator")
            self.emulator = stack.enter_context(Emulator(self._port))
            stack.push(self._explain)  # runs before the emulator's log is deleted
            self._progress("deploying template.yaml")
            self.issuer = stack.enter_context(TokenIssuer()) if self.auth == "JWT" else None
            self.address = self._deploy(zips)
            self._progress("starting the event source mappings and the delivery to the lake")
            configs = self._create_mappings()
            self.firehose = self.delivery()
            self.metrics = self._progress_metrics(configs)
            stack.enter_context(running([*self.mappings.values(), self.firehose, self.metrics]))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with uninterrupted():
            self._stack.__exit__(kind, error, traceback)

    def _explain(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """If a request failed because the emulator crashed, raise the CommandError that reports the crash."""
        if isinstance(error, BotoCoreError | ClientError | httpx.HTTPError):
            self.emulator.wait_for_exit(EXIT_WAIT_S)
            self.assert_running()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until the projector and every consumer of its stream have processed the rows written before the call.

        Returns:
            False if they did not finish within `timeout_s`. The status of `mappings` and `firehose` shows what is busy.
        """
        return wait_until_all_idle([*self.mappings.values(), self.firehose], timeout_s)

    def delivery(
        self, resume_after: Mapping[str, str] | None = None, poll_interval_s: float = POLL_INTERVAL_S
    ) -> FirehoseRunner:
        """Return a fake of template.yaml's delivery stream. The caller starts and stops it.

        Args:
            resume_after: passed to `FirehoseRunner`.
            poll_interval_s: passed to `FirehoseRunner`.
        """
        outputs, client = self.address.outputs, self.address.client
        return FirehoseRunner(
            replace(deployed_delivery(), delivery_interval_s=LAKE_INTERVAL_S, transform_interval_s=LAKE_INTERVAL_S),
            bucket=outputs["LakeBucketName"],
            table=(outputs["LakeDatabaseName"], "account_events"),
            stream_arn=outputs["EventStreamArn"],
            function_arn=outputs["LakeTransformFunctionName"],
            name=f"{STACK_NAME}-lake",
            clients=FirehoseClients(
                client("kinesis"), client("lambda", INVOKE_READ_TIMEOUT_S, attempts_max=1), client("s3"), client("glue")
            ),
            resume_after=resume_after,
            poll_interval_s=poll_interval_s,
        )

    def rows(self) -> list[StoredRow]:
        """Return every row of the table."""
        return all_rows(self.address.client("dynamodb"), self.address.outputs["TableName"])

    def assert_running(self) -> None:
        """Check that the emulator is running.

        Raises:
            CommandError: the emulator has exited by itself.
        """
        if not self.emulator.is_running():
            log_tail = self.emulator.log_tail()
            raise CommandError(f"The emulator has crashed. Start the local stack again. {log_tail}".rstrip())

    def browser_client(self) -> httpx.Client:
        """Return the API client for Swagger UI. With IAM it signs requests; with JWT the browser sends its token."""
        if self.auth == "IAM":
            return self.address.http()
        return loopback_http(self.address.api_url)

    def _deploy(self, zips: Mapping[str, Path]) -> Address:
        parameters: dict[str, str] = {"Target": "local", "Auth": self.auth, "Transfers": "on", **self._parameters}
        if self.issuer:
            parameters |= {"JwtIssuer": self.issuer.url, "JwtAudience": AUDIENCE, "JwtOperatorScope": OPERATOR_SCOPE}
        endpoint_url = self.emulator.endpoint_url
        outputs = deploy(endpoint_url, STACK_NAME, parameters, zips)
        access_key = None if self.issuer else create_api_test_user(endpoint_url, outputs["ApiId"])
        return Address(endpoint_url, os.getpid(), outputs, access_key, self.issuer.url if self.issuer else None)

    def _create_mappings(self) -> Mapping[str, MappingConfig]:
        """Create a fake of each mapping, and return their configurations."""
        clients = MappingClients(
            streams=self.address.client("dynamodbstreams"),
            kinesis=self.address.client("kinesis"),
            functions=self.address.client("lambda", INVOKE_READ_TIMEOUT_S, attempts_max=1),
            s3=self.address.client("s3"),
            sqs=self.address.client("sqs"),
        )
        configs = stack_mappings(self.address.client("cloudformation"), clients, STACK_NAME)
        self.mappings = {name: MappingRunner(config, clients) for name, config in configs.items()}
        projectors = self.address.outputs["MappingId"]
        [self.mapping] = [self.mappings[name] for name, config in configs.items() if config.uuid == projectors]
        return configs

    def _progress_metrics(self, configs: Mapping[str, MappingConfig]) -> ProgressMetrics:
        """Create the publisher of the metrics with which AWS's services report that they make progress."""
        return ProgressMetrics(
            self.address.client("cloudwatch"),
            {config.uuid: self.mappings[name] for name, config in configs.items()},
            f"{STACK_NAME}-lake",
            lambda: self.firehose.status(),  # noqa: PLW0108 -- tests replace the runner
            stream_name=self.address.outputs["EventStreamName"],
            arrivals=ArrivalCounter(self.address.client("kinesis"), self.address.outputs["EventStreamName"]).count,
        )


def all_rows(client: "DynamoDBClient", table_name: str) -> list[StoredRow]:
    pages = client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    return [from_item(item) for page in pages for item in page["Items"]]
