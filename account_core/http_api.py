"""HTTP in, HTTP out: request -> command -> answer, and every error as a problem document (RFC 9457)."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from account_core import http_requests as requests
from account_core.commands import Command
from account_core.errors import (
    AccountError,
    AccountExists,
    AccountNotFound,
    Conflict,
    InvalidRequest,
    Rejected,
    Unavailable,
)
from account_core.head import Origin, timestamp
from account_core.service import AccountService, Receipt
from account_core.settings import ATTEMPT_MAX_S

RETRY_AFTER_S = "1"
_STATUS: list[tuple[type[AccountError], int, str]] = [
    (AccountNotFound, 404, "Account not found"),
    (AccountExists, 409, "Account exists"),
    (Rejected, 422, "Command rejected"),
    (Conflict, 409, "Too many concurrent commands"),
    (Unavailable, 503, "Temporarily unavailable"),
]


class HttpApi:
    """The routes. Call it with an API Gateway HTTP API event (payload format 2.0).

    Args:
        now: the writer's clock.
        new_id: makes account ids; URL-safe, unique for ever.
    """

    def __init__(
        self, service: AccountService, now: Callable[[], datetime], new_id: Callable[[], str], logger: Logger
    ) -> None:
        self._service = service
        self._now = now
        self._new_id = new_id
        self._logger = logger
        self._app = app = APIGatewayHttpResolver()
        app.post("/accounts")(self._create)
        app.get("/accounts/<account_id>")(self._read)
        app.post("/accounts/<account_id>/credit")(self._credit)
        app.post("/accounts/<account_id>/withdraw")(self._withdraw)
        app.not_found(self._no_route)
        app.exception_handler(Exception)(self._error)

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 -- Lambda's, untyped
        return self._app.resolve(event, context)

    def _create(self) -> Response[str]:
        command = requests.create_account(self._body())
        account_id = self._new_id()
        try:
            receipt = self._execute(account_id, command)
        except Unavailable:
            raise Unavailable(
                f"Whether the account was created is unknown: look for it at /accounts/{account_id} first."
            ) from None
        return _answer(201, account_id, receipt, {"Location": f"/accounts/{account_id}"})

    def _read(self, account_id: str) -> Response[str]:
        return _answer(200, account_id, self._service.read(requests.account_id(account_id)))

    def _credit(self, account_id: str) -> Response[str]:
        return self._command(account_id, requests.credit)

    def _withdraw(self, account_id: str) -> Response[str]:
        return self._command(account_id, requests.withdraw)

    def _command(self, account_id: str, parse: Callable[[bytes], Command]) -> Response[str]:
        account_id = requests.account_id(account_id)
        return _answer(200, account_id, self._execute(account_id, parse(self._body())))

    def _execute(self, account_id: str, command: Command) -> Receipt:
        event = self._app.current_event
        headers = event.headers
        if headers.get("idempotency-key") is not None:
            raise InvalidRequest(
                "Idempotency-Key is not supported yet, and ignoring it could carry out a command twice. "
                "Send the command without it; before repeating one, read the account.",
                "idempotency_key_unsupported",
            )
        origin = Origin(
            occurred_at=timestamp(self._now()),
            correlation_id=requests.correlation_id(
                headers.get("x-correlation-id"), default=event.request_context.request_id
            ),
        )
        receipt = self._service.execute(account_id, command, origin, self._has_time)
        self._logger.info(
            "command carried out",
            command=type(command).__name__,
            account_id=account_id,
            version=receipt.version,
            conflicts=receipt.conflicts,
            correlation_id=origin.correlation_id,
        )
        return receipt

    def _has_time(self) -> bool:
        remaining_s: float = self._app.lambda_context.get_remaining_time_in_millis() / 1000
        return remaining_s > ATTEMPT_MAX_S

    def _body(self) -> bytes:
        event = self._app.current_event
        content_type = (event.headers.get("content-type") or "application/json").split(";")[0].strip().lower()
        if content_type != "application/json":
            raise InvalidRequest(
                "Send JSON, with the header Content-Type: application/json.", "unsupported_media_type", status=415
            )
        body = event.body or ""
        if not event.is_base64_encoded:
            return body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(body, validate=True)
        except ValueError:
            raise InvalidRequest("The body cannot be read.", "invalid_encoding") from None

    def _no_route(self, _: NotFoundError) -> Response[str]:
        event = self._app.current_event
        detail = f"There is no {event.http_method} {event.path[:200]} here; README.md lists the routes."
        return self._problem(404, "route_not_found", "Not found", detail)

    def _error(self, error: Exception) -> Response[str]:
        if isinstance(error, InvalidRequest):
            return self._problem(error.status, error.code, "Invalid request", str(error))
        for kind, status, title in _STATUS:
            if isinstance(error, kind):
                return self._problem(status, error.code, title, str(error))
        self._logger.error("request failed", exc_info=error)
        code = error.code if isinstance(error, AccountError) else "internal_error"
        return self._problem(500, code, "Internal error", "The request failed here, not with you. It has been logged.")

    def _problem(self, status: int, code: str, title: str, detail: str) -> Response[str]:
        problem = {
            "type": f"urn:account-events:problem:{code}",
            "title": title,
            "status": status,
            "detail": detail,
            "code": code,
            "requestId": self._app.current_event.request_context.request_id,
        }
        headers = {"Retry-After": RETRY_AFTER_S} if status == 503 else {}  # noqa: PLR2004 -- HTTP
        return Response(status, "application/problem+json", json.dumps(problem), headers)


def _answer(status: int, account_id: str, receipt: Receipt, headers: dict[str, Any] | None = None) -> Response[str]:
    body = {
        "accountId": account_id,
        "balance": str(receipt.account.balance),
        "currency": receipt.account.currency,
        "version": receipt.version,
        "sequence": receipt.sequence,
    }
    return Response(status, "application/json", json.dumps(body), headers or {})
