"""How to reach a running local stack, from this process or from another."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from local_stack.emulator import LOOPBACK_TLS, REGION, answers, client
from local_stack.errors import CommandError
from local_stack.output_file import open_atomically
from local_stack.signing import Bearer, Signature
from local_stack.token_issuer import OPERATOR_SCOPE

OPERATOR = "operator"
HTTP_TIMEOUT_S = 30.0

# Other terminals find the running local stack with this file. To run several local stacks on one machine, set
# ACCOUNT_EVENTS_LOCAL_STACK to a different path for each.
ADDRESS_VARIABLE = "ACCOUNT_EVENTS_LOCAL_STACK"
ADDRESS_FILE = Path(os.environ.get(ADDRESS_VARIABLE, Path(__file__).parents[1] / ".local-stack" / "address.json"))


def loopback_http(url: str, auth: httpx.Auth | None = None) -> httpx.Client:
    """Return an HTTP client for a server on this machine. It ignores proxy settings."""
    return httpx.Client(base_url=url, auth=auth, timeout=HTTP_TIMEOUT_S, trust_env=False, verify=LOOPBACK_TLS)


@dataclass(frozen=True, slots=True)
class Address:
    """Address and credentials of a running local stack.

    Attributes:
        pid: process that runs the local stack.
        outputs: outputs of the stack, by name.
        access_key: with IAM, the access key id and secret of the API test user; None with JWT.
        issuer_url: with JWT, URL of the fake token issuer; None with IAM.
        console_url: URL of the console, which ends with a slash; None if there is none.
        console_token: token for requests to the console; None if there is no console.
        faults: whether scripts may let faults begin (`account-events up --faults`).
    """

    endpoint_url: str
    pid: int
    outputs: dict[str, str]
    access_key: tuple[str, str] | None
    issuer_url: str | None
    console_url: str | None = None
    console_token: str | None = None
    faults: bool = False

    @property
    def api_url(self) -> str:
        return f"{self.endpoint_url}/_aws/execute-api/{self.outputs['ApiId']}"

    def http(self, subject: str | None = None) -> httpx.Client:
        """Return an authorised HTTP client for the API.

        Args:
            subject: with JWT, the subject of the token; None for an operator's token. With IAM it must be None.

        Raises:
            CommandError: a subject was given, but the API uses IAM.
        """
        return loopback_http(self.api_url, self.caller(subject))

    def caller(self, subject: str | None = None) -> httpx.Auth:
        """Return the authorisation that `http` uses, for clients you create yourself."""
        if self.access_key is None:
            return Bearer(self.token(subject))
        if subject is not None:
            raise CommandError(
                "This local stack's API uses IAM signatures, which have no subject. Start it with --auth jwt."
            )
        return Signature(*self.access_key, REGION)

    def token(self, subject: str | None = None) -> str:
        """Return a new token for this subject, or an operator's token if it is None.

        Raises:
            CommandError: the API uses IAM, so it has no token issuer.
        """
        if self.issuer_url is None:
            raise CommandError("This local stack's API does not accept tokens. Start it with --auth jwt.")
        form = {"sub": subject or OPERATOR, "scope": "" if subject else OPERATOR_SCOPE}
        with loopback_http(self.issuer_url) as issuer:
            return issuer.post("/token", data=form).raise_for_status().text

    def client(self, service: str, read_timeout_s: float = 20.0, attempts_max: int = 3) -> Any:  # noqa: ANN401 -- boto3's clients have no common type
        """Return a boto3 client with the emulator's root credentials."""
        return client(service, self.endpoint_url, read_timeout_s, attempts_max)

    @contextmanager
    def published(self) -> Iterator[None]:
        """Write the address file while the context is open, so that other terminals find this local stack.

        Only its owner may read it, because it contains credentials.
        """
        ADDRESS_FILE.parent.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=2)
        with open_atomically(ADDRESS_FILE, is_private=True) as file:  # other terminals may read it at any time
            file.write(text)
        try:
            yield
        finally:
            if ADDRESS_FILE.exists() and ADDRESS_FILE.read_text() == text:
                ADDRESS_FILE.unlink()

    @staticmethod
    def find() -> "Address":
        """Return the address of the local stack that another terminal keeps running.

        Raises:
            CommandError: no local stack is running.
        """
        try:
            address = Address(**json.loads(ADDRESS_FILE.read_text()))
        except (OSError, ValueError, TypeError):
            address = None
        if address is None or not answers(str(address.endpoint_url)):
            raise CommandError("No local stack is running. Start one with `make up` in another terminal.")
        return address
