"""The local house: the emulator, the real template deployed on it, and stand-ins for what is wrong in it.

These are the event source mappings (`ops.mapping`) and Firehose (`ops.firehose`).
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from account_core.access import Authorisation
from account_core.events import StoredRow
from account_core.items import from_item
from ops.build import PACKAGES, build_zip
from ops.deploy import deploy
from ops.emulator import REGION, Emulator, HouseError, answers, client, uninterrupted
from ops.firehose.runner import FirehoseClients, FirehoseRunner
from ops.mapping.clients import INVOKE_READ_TIMEOUT_S, MappingClients
from ops.mapping.passes import wait_until_all_idle
from ops.signing import Bearer, Signature
from ops.stack_delivery import deployed_delivery
from ops.stack_mappings import running, stack_mappings
from ops.teller import create_teller
from ops.token_issuer import AUDIENCE, OPERATOR_SCOPE, TokenIssuer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from ops.mapping.runner import MappingRunner

STACK_NAME = "account-events"
OPERATOR = "operator"
HTTP_TIMEOUT_S = 30.0
LAKE_INTERVAL_S = 5.0
"""How late the lake is at home. On AWS it is LakeBufferSeconds, a minute at least: nobody here waits for that."""
DYING_S = 2.0
"""A dying emulator's connections break a moment before its end can be seen."""

# Where other terminals find the running house; the variable is for several houses on one machine.
ADDRESS_FILE = Path(os.environ.get("ACCOUNT_EVENTS_HOUSE", Path(__file__).parents[1] / ".house" / "house.json"))


@dataclass(frozen=True, slots=True)
class Address:
    """How to reach a running house, from this process or from another.

    Attributes:
        access_key: with IAM, the id and the secret of a user who may invoke the API.
        issuer_url: with JWT, the stand-in for the tokens' issuer.
    """

    endpoint_url: str
    pid: int
    outputs: dict[str, str]
    access_key: tuple[str, str] | None
    issuer_url: str | None

    @property
    def api_url(self) -> str:
        return f"{self.endpoint_url}/_aws/execute-api/{self.outputs['ApiId']}"

    def http(self, subject: str | None = None) -> httpx.Client:
        """A client of the API that it lets in.

        Args:
            subject: with JWT, whose token to present; None for an operator's. With IAM there are no subjects.
        """
        return httpx.Client(base_url=self.api_url, auth=self.caller(subject), timeout=HTTP_TIMEOUT_S, trust_env=False)

    def caller(self, subject: str | None = None) -> httpx.Auth:
        """As `http`, for clients of one's own."""
        if self.access_key is None:
            return Bearer(self.token(subject))
        if subject is not None:
            raise HouseError("This house's API is called with IAM signatures, which have no subject: --auth jwt.")
        return Signature(*self.access_key, REGION)

    def token(self, subject: str | None = None) -> str:
        """With JWT, a new token of this subject, or an operator's."""
        if self.issuer_url is None:
            raise HouseError("This house's API takes no tokens: --auth jwt.")
        form = {"sub": subject or OPERATOR, "scope": "" if subject else OPERATOR_SCOPE}
        return httpx.post(f"{self.issuer_url}/token", data=form, trust_env=False).raise_for_status().text

    def client(self, service: str, read_timeout_s: float = 20.0, attempts_max: int = 3) -> Any:  # noqa: ANN401 -- boto3's clients have no common type
        """A client of the house's root, for the emulator only."""
        return client(service, self.endpoint_url, read_timeout_s, attempts_max)

    @contextmanager
    def published(self) -> Iterator[None]:
        """Other terminals can find this house for as long as this is open."""
        ADDRESS_FILE.parent.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=2)
        ADDRESS_FILE.write_text(text)
        try:
            yield
        finally:
            if ADDRESS_FILE.exists() and ADDRESS_FILE.read_text() == text:
                ADDRESS_FILE.unlink()

    @staticmethod
    def find() -> "Address":
        """The house that another terminal keeps running.

        Raises:
            HouseError: none is.
        """
        try:
            address = Address(**json.loads(ADDRESS_FILE.read_text()))
        except (OSError, ValueError, TypeError):
            address = None
        if address is None or not answers(str(address.endpoint_url)):
            raise HouseError("No house is running: start one with `make up` in another terminal.")
        return address


class House:
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
        HouseError: with one line that says what to do.
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
        """Raises HouseError where the emulator has ended by itself."""
        if not self.emulator.is_running():
            raise HouseError(f"The emulator has crashed; start the house again. {self.emulator.last_words()}".rstrip())

    def browser_client(self) -> httpx.Client:
        """For Swagger UI: with IAM it signs, which a browser cannot; with JWT the browser brings its token."""
        if self.auth == "IAM":
            return self.address.http()
        return httpx.Client(base_url=self.address.api_url, timeout=HTTP_TIMEOUT_S, trust_env=False)

    def _deploy(self, zips: Mapping[str, Path]) -> Address:
        parameters: dict[str, str] = {"Target": "local", "Auth": self.auth, **self._parameters}
        if self.issuer:
            parameters |= {"JwtIssuer": self.issuer.url, "JwtAudience": AUDIENCE, "JwtOperatorScope": OPERATOR_SCOPE}
        endpoint_url = self.emulator.endpoint_url
        outputs = deploy(endpoint_url, STACK_NAME, parameters, zips)
        access_key = None if self.issuer else create_teller(endpoint_url, outputs["ApiId"])
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
