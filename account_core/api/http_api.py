"""The HTTP API: request -> command -> response. Every error becomes a problem document (RFC 9457)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from account_core.api import etags, queries, requests, responses, statements
from account_core.api.access import Authorisation, Caller, caller_of
from account_core.api.access_log import AccessLog
from account_core.api.gateway import Request, Response
from account_core.api.routes import allowed, match
from account_core.domain.commands import Command
from account_core.domain.errors import AccountError, InvalidRequest, PreconditionFailed, Unavailable
from account_core.service.execution import Conditions, Receipt
from account_core.service.head import Origin, timestamp
from account_core.service.owned_accounts import OwnedAccounts
from account_core.service.service import AccountService
from account_core.service.usage import Usage
from account_core.settings import ATTEMPT_MAX_S


@dataclass(slots=True)
class _Call:
    """One request while it is handled. `request_id` is the gateway's until the caller's own has been validated."""

    request: Request
    has_time: Callable[[], bool]
    request_id: str
    operation: str = "none"
    account_id: str = ""
    owner: str = ""
    correlation_id: str = ""
    command_id: str | None = None
    caller: str = ""
    receipt: Receipt | None = None
    used: Usage = field(default_factory=Usage)


class HttpApi:
    """The API. Call it with an API Gateway HTTP API event (payload format 2.0).

    Args:
        service: carries out commands and reads.
        owned: lists accounts by owner.
        now: the writer's clock.
        new_id: makes account ids and transfer ids. They must be URL-safe and never repeat.
        log: called once for every request.
        authorisation: how the gateway authenticates callers.
        operator_scope: with JWT, a token with this scope sees all accounts.
        has_transfers: whether transfers are accepted. Their rows need a release that can read them in every reader.
    """

    def __init__(
        self,
        service: AccountService,
        owned: OwnedAccounts,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        log: AccessLog,
        authorisation: Authorisation,
        operator_scope: str,
        has_transfers: bool,
    ) -> None:
        self._service = service
        self._owned = owned
        self._now = now
        self._new_id = new_id
        self._log = log
        self._authorisation = authorisation
        self._operator_scope = operator_scope
        self._has_transfers = has_transfers
        self._operations: dict[str, Callable[[_Call, Caller], Response]] = {
            "create_account": self._create,
            "read_account": self._read,
            "list_events": self._events,
            "read_statement": self._statement,
            "list_accounts": self._accounts,
            "credit": lambda call, caller: self._command(call, caller, requests.credit),
            "withdraw": lambda call, caller: self._command(call, caller, requests.withdraw),
            "transfer": self._transfer,
        }

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 -- Lambda's, untyped
        request = Request.of(event)
        call = _Call(request, lambda: _has_time(context), request.gateway_id)
        try:
            response = self._respond(call)
        except Exception as error:  # noqa: BLE001 -- the outermost handler: every error becomes a response
            response = self._problem(error, call)
        self._log(
            call.operation,
            call.used,
            status=response.status,
            code=(response.body or {}).get("code"),
            account_id=call.account_id or None,
            sequence=call.receipt.sequence if call.receipt else None,
            is_replay=call.receipt.is_replay if call.receipt else False,
            transfer_id=call.receipt.transfer_id if call.receipt else None,
            request_id=call.request_id,
            correlation_id=call.correlation_id or None,
            command_id=call.command_id,
            gateway_id=request.gateway_id,
            caller=call.caller or None,
        )
        ids = {"X-Request-Id": call.request_id, "X-Correlation-Id": call.correlation_id or call.request_id}
        return response.to_gateway(ids, is_head=request.method == "HEAD")

    def _respond(self, call: _Call) -> Response:
        request = call.request
        own_id = requests.name(request.headers, "X-Request-Id", "invalid_request_id")
        call.request_id = own_id or call.request_id
        correlation_id = requests.name(request.headers, "X-Correlation-Id", "invalid_correlation_id")
        call.correlation_id = correlation_id or call.request_id
        caller = caller_of(request.authorizer, self._authorisation, self._operator_scope)
        call.caller = caller.name
        found = match(request.path)
        if found is None:
            detail = f"There is no path {request.path[:200]}; docs/api.md lists the requests."
            return responses.problem("route_not_found", detail, call.request_id)
        operations, values = found
        if request.method == "OPTIONS":
            return Response(204, headers={"Allow": allowed(operations)})
        operation = operations.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            detail = f"{request.path[:200]} does not support {request.method}; use one of: {allowed(operations)}."
            return responses.problem("method_not_allowed", detail, call.request_id, {"Allow": allowed(operations)})
        call.operation = operation
        call.account_id = requests.account_id(values["accountId"]) if "accountId" in values else ""
        call.owner = requests.owner(values["owner"]) if "owner" in values else ""
        return self._operations[operation](call, caller)

    def _create(self, call: _Call, caller: Caller) -> Response:
        if "if-match" in call.request.headers:
            raise InvalidRequest("A new account has no ETag to match. Leave out If-Match.", "invalid_if_match")
        key = _key(call, caller)
        command = requests.create_account(_body(call), caller.subject)
        caller.refuse_owner(command.owner, "You can create accounts only for yourself: leave out owner.")
        call.account_id = self._new_id() if key is None else requests.account_id_of(key, caller.subject)
        try:
            return self._execute(call, command, Conditions(), status=201)
        except Unavailable as error:
            raise Unavailable(f"{error} If it was created, the account is /accounts/{call.account_id}.") from None

    def _command(self, call: _Call, caller: Caller, parse: Callable[[bytes], Command]) -> Response:
        if_match = call.request.headers.get("if-match")
        conditions = Conditions(etags.sequences(if_match), caller.owner)
        _key(call, caller)
        try:
            return self._execute(call, parse(_body(call)), conditions)
        except PreconditionFailed as error:
            if (reason := etags.mismatch_advice(if_match)) is None:
                raise
            raise PreconditionFailed(f"{error} {reason}") from None

    def _transfer(self, call: _Call, caller: Caller) -> Response:
        if not self._has_transfers:
            raise InvalidRequest("This deployment does not accept transfers (parameter Transfers).", "transfers_off")
        transfer_id = self._new_id()
        return self._command(call, caller, lambda body: requests.transfer(body, transfer_id))

    def _execute(self, call: _Call, command: Command, conditions: Conditions, status: int = 200) -> Response:
        origin = Origin(timestamp(self._now()), call.correlation_id, call.request_id, call.command_id)
        receipt = self._service.execute(
            call.account_id, command, origin, conditions, used=call.used, has_time=call.has_time
        )
        call.receipt = receipt
        return responses.account(call.account_id, receipt, status)

    def _read(self, call: _Call, caller: Caller) -> Response:
        point = queries.point_in_time(call.request.query(*queries.POINT_IN_TIME, replaced=queries.REPLACED))
        receipt = self._service.read(
            call.account_id, caller.owner, call.used, sequence=point.sequence, moment=point.moment
        )
        call.receipt = receipt
        if etags.is_known(call.request.headers.get("if-none-match"), receipt.sequence):
            return Response(304, headers={"ETag": etags.etag(receipt.sequence)})
        return responses.account(call.account_id, receipt)

    def _events(self, call: _Call, caller: Caller) -> Response:
        page = queries.page(call.request.query(*queries.PAGE))
        rows = self._service.events(
            call.account_id, page.after, page.limit, caller.owner, call.used, newest_first=page.newest_first
        )
        return responses.events(call.account_id, rows, page)

    def _statement(self, call: _Call, caller: Caller) -> Response:
        query = statements.statement_query(call.request.query(*statements.PARAMETERS))
        page = self._service.statement(
            call.account_id, query.days, query.place, limit=query.limit, owner=caller.owner, used=call.used
        )
        return statements.statement(call.account_id, query, page)

    def _accounts(self, call: _Call, caller: Caller) -> Response:
        page = queries.account_page(call.request.query(*queries.ACCOUNT_PAGE))
        caller.refuse_owner(call.owner, "You can list only your own accounts.")
        one_more = page.limit + 1  # to find out whether there is a next page
        owned = self._owned.page(call.owner, page.after, one_more, call.used)
        return responses.accounts(call.owner, owned, page.limit)

    def _problem(self, error: Exception, call: _Call) -> Response:
        code = error.code if isinstance(error, AccountError) else "internal_error"
        if code in ("internal_error", "corrupt"):
            self._log.failed(error, request_id=call.request_id, account_id=call.account_id or None)
            return responses.problem(code, responses.INTERNAL_ERROR, call.request_id)
        return responses.problem(code, str(error), call.request_id)


def _body(call: _Call) -> bytes:
    call.request.query()  # a command has no query parameters: refuse any, do not ignore it
    return call.request.json_body()


def _key(call: _Call, caller: Caller) -> str | None:
    """The caller's idempotency key. The call keeps the command id that follows from it, for the row and the log."""
    key = requests.name(call.request.headers, "Idempotency-Key", "invalid_idempotency_key")
    call.command_id = caller.command_id(key)
    return key


def _has_time(context: Any) -> bool:  # noqa: ANN401 -- Lambda's, untyped
    remaining_s: float = context.get_remaining_time_in_millis() / 1000
    return remaining_s > ATTEMPT_MAX_S
