"""How to reach a running house, from this process or from another."""

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
from local_stack.output_file import written
from local_stack.signing import Bearer, Signature
from local_stack.token_issuer import OPERATOR_SCOPE

OPERATOR = "operator"
HTTP_TIMEOUT_S = 30.0

# Where other terminals find the running house; the variable is for several houses on one machine.
ADDRESS_FILE = Path(
    os.environ.get("ACCOUNT_EVENTS_LOCAL_STACK", Path(__file__).parents[1] / ".local-stack" / "address.json")
)


def loopback_http(url: str, auth: httpx.Auth | None = None) -> httpx.Client:
    """A client of a server on this machine: never through a proxy."""
    return httpx.Client(base_url=url, auth=auth, timeout=HTTP_TIMEOUT_S, trust_env=False, verify=LOOPBACK_TLS)


@dataclass(frozen=True, slots=True)
class Address:
    """See above.

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
        return loopback_http(self.api_url, self.caller(subject))

    def caller(self, subject: str | None = None) -> httpx.Auth:
        """As `http`, for clients of one's own."""
        if self.access_key is None:
            return Bearer(self.token(subject))
        if subject is not None:
            raise CommandError("This house's API is called with IAM signatures, which have no subject: --auth jwt.")
        return Signature(*self.access_key, REGION)

    def token(self, subject: str | None = None) -> str:
        """With JWT, a new token of this subject, or an operator's."""
        if self.issuer_url is None:
            raise CommandError("This house's API takes no tokens: --auth jwt.")
        form = {"sub": subject or OPERATOR, "scope": "" if subject else OPERATOR_SCOPE}
        with loopback_http(self.issuer_url) as issuer:
            return issuer.post("/token", data=form).raise_for_status().text

    def client(self, service: str, read_timeout_s: float = 20.0, attempts_max: int = 3) -> Any:  # noqa: ANN401 -- boto3's clients have no common type
        """A client of the house's root, for the emulator only."""
        return client(service, self.endpoint_url, read_timeout_s, attempts_max)

    @contextmanager
    def published(self) -> Iterator[None]:
        """Other terminals can find this house for as long as this is open."""
        ADDRESS_FILE.parent.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=2)
        with written(ADDRESS_FILE) as file:  # other terminals may read it at any time
            file.write(text)
        try:
            yield
        finally:
            if ADDRESS_FILE.exists() and ADDRESS_FILE.read_text() == text:
                ADDRESS_FILE.unlink()

    @staticmethod
    def find() -> "Address":
        """The house that another terminal keeps running.

        Raises:
            CommandError: none is.
        """
        try:
            address = Address(**json.loads(ADDRESS_FILE.read_text()))
        except (OSError, ValueError, TypeError):
            address = None
        if address is None or not answers(str(address.endpoint_url)):
            raise CommandError("No house is running: start one with `make up` in another terminal.")
        return address
