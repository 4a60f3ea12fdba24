"""Sends commands to the API of the local stack. A deployed stack is never sent one."""

import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from local_stack.address import Address
from ops.console.errors import Refused

KINDS = ("open", "credit", "withdraw", "transfer")
TEXT_MAX = 200
FIELDS = ("account_id", "owner", "currency", "amount", "to", "idempotency_key")
OWNER = "owner-1"
"""With JWT, who opens an account if no owner is given."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the page, checked. `to` is the receiving account of a transfer."""

    kind: str
    account_id: str
    owner: str
    currency: str
    amount: str
    to: str
    idempotency_key: str

    @classmethod
    def of(cls, document: object) -> "Command":
        """The command of a request's JSON.

        Raises:
            Refused: it has another form. Whether the values are right is up to the API.
        """
        if not isinstance(document, dict) or document.get("kind") not in KINDS:
            raise Refused(
                400, "invalid_request", "`kind` must be open, credit, withdraw or transfer.", "Correct the request."
            )
        values = {name: document.get(name) or "" for name in FIELDS}
        for name, value in values.items():
            if not isinstance(value, str) or len(value) > TEXT_MAX or not value.isprintable():
                raise Refused(400, "invalid_request", f"`{name}` must be a short text.", "Correct the request.")
        if not values["idempotency_key"].isascii():
            raise Refused(400, "invalid_request", "The idempotency key must be ASCII.", "Correct the request.")
        if document["kind"] != "open" and not values["account_id"].strip("."):
            raise Refused(400, "invalid_request", "`account_id` is missing.", "Choose an account, or open one.")
        values["idempotency_key"] = values["idempotency_key"] or f"console-{uuid.uuid4()}"
        return cls(document["kind"], **values)


def send(address: Address, command: Command) -> dict[str, Any]:
    """Send a command, and return the API's response for the page.

    Raises:
        Refused: the API does not answer. It is unknown whether the command was carried out.
    """
    is_open = command.kind == "open"
    subject = (command.owner or OWNER) if is_open and address.access_key is None else None
    path = "/accounts" if is_open else f"/accounts/{quote(command.account_id, safe='')}/{command.kind}"
    body = {"currency": command.currency} if is_open else {"amount": command.amount}
    if is_open and subject is None:
        body["owner"] = command.owner
    if command.kind == "transfer":
        body["to"] = command.to
    headers = {"Idempotency-Key": command.idempotency_key}
    try:
        with address.http(subject) as api:
            began_s = time.monotonic()
            answer = api.post(path, json=body, headers=headers)
            took_s = time.monotonic() - began_s
    except httpx.HTTPError as error:
        raise Refused(
            502,
            "unreachable",
            f"The API does not answer, so it is unknown whether the command was carried out: {error}",
            f"Send it again with the idempotency key {command.idempotency_key}: then it takes effect once.",
        ) from error
    return {
        "status": answer.status_code,
        "body": _body(answer),
        "request_id": answer.headers.get("X-Request-Id"),
        "idempotency_key": command.idempotency_key,
        "took_ms": round(took_s * 1_000),
    }


def _body(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return answer.text
