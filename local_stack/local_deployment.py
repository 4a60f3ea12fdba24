"""The local house: the emulator, the real template deployed on it, and stand-ins for what is wrong in it.

These are the event source mappings (`local_stack.event_source_mapping`) and Firehose (`local_stack.firehose`).
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
from local_stack.address import Address, loopback_http
from local_stack.api_test_user import create_api_test_user
from local_stack.build import PACKAGES, build_zip
from local_stack.deploy import deploy
from local_stack.emulator import Emulator, uninterrupted
from local_stack.errors import CommandError
from local_stack.event_source_mapping.clients import INVOKE_READ_TIMEOUT_S, MappingClients
from local_stack.event_source_mapping.stack_mappings import running, stack_mappings
from local_stack.firehose.runner import FirehoseClients, FirehoseRunner
from local_stack.firehose.stack_delivery import deployed_delivery
from local_stack.poll_loop import wait_until_all_idle
from local_stack.token_issuer import AUDIENCE, OPERATOR_SCOPE, TokenIssuer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from local_stack.event_source_mapping.runner import MappingRunner

STACK_NAME = "account-events"
LAKE_INTERVAL_S = 5.0
"""How late the lake is at home. On AWS it is LakeBufferSeconds, a minute at least: nobody here waits for that."""
DYING_S = 2.0
"""A dying emulator's connections break a moment before its end can be seen."""


class LocalDeployment:
    """Use as a context manager: stands inside, gone after.

    Args:
        port: the emulator's; a free one if None.
        progress: told each step, in a few words.
        auth: template.yaml's `Auth`, how the API knows its callers.
        parameters: others of template.yaml's that are not to have their defaults.

    Attributes:
        mapping: the stand-in for the projector's mapping.
        mappings: the stand-ins for all of the stack's, by their logical ids in template.yaml; the projector's is first.
        firehose: the stand-in for Firehose, which fills the lake.

    Raises:
        CommandError: with one line that says what to do.
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

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            zips = {}
            for function in PACKAGES:
                self._progress(f"building {function}")
                zips[function] = build_zip(function, "local")
            self._progress("starting the emulator")
            self.emulator = stack.enter_context(Emulator(self._port))
            stack.push(self._explain)  # while the emulator's last words can still be read
            self._progress("deploying template.yaml")
            self.issuer = stack.enter_context(TokenIssuer()) if self.auth == "JWT" else None
            self.address = self._deploy(zips)
            self._progress("starting the event source mapping")
            self._start_mappings(stack)
            self._progress("starting the delivery to the lake")
            self.firehose = self.delivery()
            self.firehose.start()
            stack.callback(self.firehose.stop)
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
        """Where a request failed because the emulator is gone, that is what there is to say."""
        if isinstance(error, BotoCoreError | ClientError | httpx.HTTPError):
            self.emulator.await_end(DYING_S)
            self.assert_standing()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until what was written before has passed the projector, and then all that stands behind its stream.

        Returns:
            False if that did not happen within `timeout_s`; `mappings` and `firehose` say which is not done.
        """
        return wait_until_all_idle([*self.mappings.values(), self.firehose], timeout_s)

    def delivery(self, resume_after: Mapping[str, str] | None = None) -> FirehoseRunner:
        """A stand-in for template.yaml's delivery stream, not started.

        Args:
            resume_after: see `FirehoseRunner`.
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
        )

    def rows(self) -> list[StoredRow]:
        """Every row of the table."""
        return all_rows(self.address.client("dynamodb"), self.address.outputs["TableName"])

    def assert_standing(self) -> None:
        """Raises CommandError where the emulator has ended by itself."""
        if not self.emulator.is_running():
            last_words = self.emulator.last_words()
            raise CommandError(f"The emulator has crashed; start the house again. {last_words}".rstrip())

    def browser_client(self) -> httpx.Client:
        """For Swagger UI: with IAM it signs, which a browser cannot; with JWT the browser brings its token."""
        if self.auth == "IAM":
            return self.address.http()
        return loopback_http(self.address.api_url)

    def _deploy(self, zips: Mapping[str, Path]) -> Address:
        parameters: dict[str, str] = {"Target": "local", "Auth": self.auth, **self._parameters}
        if self.issuer:
            parameters |= {"JwtIssuer": self.issuer.url, "JwtAudience": AUDIENCE, "JwtOperatorScope": OPERATOR_SCOPE}
        endpoint_url = self.emulator.endpoint_url
        outputs = deploy(endpoint_url, STACK_NAME, parameters, zips)
        access_key = None if self.issuer else create_api_test_user(endpoint_url, outputs["ApiId"])
        return Address(endpoint_url, os.getpid(), outputs, access_key, self.issuer.url if self.issuer else None)

    def _start_mappings(self, stack: ExitStack) -> None:
        clients = MappingClients(
            streams=self.address.client("dynamodbstreams"),
            kinesis=self.address.client("kinesis"),
            functions=self.address.client("lambda", INVOKE_READ_TIMEOUT_S, attempts_max=1),
            s3=self.address.client("s3"),
            sqs=self.address.client("sqs"),
        )
        configs = stack_mappings(self.address.client("cloudformation"), clients, STACK_NAME)
        self.mappings = stack.enter_context(running(configs, clients))
        projectors = self.address.outputs["MappingId"]
        [self.mapping] = [self.mappings[name] for name, config in configs.items() if config.uuid == projectors]


def all_rows(client: "DynamoDBClient", table_name: str) -> list[StoredRow]:
    pages = client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    return [from_item(item) for page in pages for item in page["Items"]]
