"""The local house: the emulator, the real template deployed on it, and the event source mapping stand-in."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from account_core.events import StoredRow
from account_core.items import from_item
from ops.build import PACKAGES, build_zip
from ops.deploy import deploy
from ops.emulator import Emulator, HouseError, answers, client, uninterrupted
from ops.mapping.clients import INVOKE_READ_TIMEOUT_S, MappingClients
from ops.mapping.config import MappingConfig
from ops.mapping.runner import MappingRunner

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STACK_NAME = "account-events"
DYING_S = 2.0
"""A dying emulator's connections break a moment before its end can be seen."""

# Where other terminals find the running house; the variable is for several houses on one machine.
ADDRESS_FILE = Path(os.environ.get("ACCOUNT_EVENTS_HOUSE", Path(__file__).parents[1] / ".house" / "house.json"))


@dataclass(frozen=True, slots=True)
class Address:
    """How to reach a running house, from this process or from another."""

    endpoint_url: str
    pid: int
    outputs: dict[str, str]

    @property
    def api_url(self) -> str:
        return f"{self.endpoint_url}/_aws/execute-api/{self.outputs['ApiId']}"

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

    Raises:
        HouseError: with one line that says what to do.
    """

    def __init__(
        self,
        port: int | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._port = port
        self._progress = progress
        self._stack = ExitStack()
        self.emulator: Emulator
        self.address: Address
        self.mapping: MappingRunner

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
            outputs = deploy(self.emulator.endpoint_url, STACK_NAME, {"Target": "local"}, zips)
            self.address = Address(self.emulator.endpoint_url, os.getpid(), dict(outputs))
            self._progress("starting the event source mapping")
            self.mapping = self._mapping()
            self.mapping.start()
            stack.callback(self.mapping.stop)
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

    def rows(self) -> list[StoredRow]:
        """Every row of the table."""
        return all_rows(self.address.client("dynamodb"), self.address.outputs["TableName"])

    def assert_standing(self) -> None:
        """Raises HouseError where the emulator has ended by itself."""
        if not self.emulator.is_running():
            raise HouseError(f"The emulator has crashed; start the house again. {self.emulator.last_words()}".rstrip())

    def _mapping(self) -> MappingRunner:
        clients = MappingClients(
            streams=self.address.client("dynamodbstreams"),
            functions=self.address.client("lambda", INVOKE_READ_TIMEOUT_S, attempts_max=1),
            s3=self.address.client("s3"),
            sqs=self.address.client("sqs"),
        )
        deployed = clients.functions.get_event_source_mapping(UUID=self.address.outputs["MappingId"])
        return MappingRunner(MappingConfig.from_api(deployed), clients)


def all_rows(client: "DynamoDBClient", table_name: str) -> list[StoredRow]:
    pages = client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
    return [from_item(item) for page in pages for item in page["Items"]]
