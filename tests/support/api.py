"""The API on an in-memory store, called as API Gateway calls it."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from account_core.api.access import Authorisation
from account_core.api.access_log import AccessLog
from account_core.api.http_api import HttpApi
from account_core.service.head_cache import HeadCache
from account_core.service.service import AccountService
from account_core.store.memory_store import MemoryAccountStore
from tests.support.memory_owned import MemoryOwnedAccounts

IAM_CALLER: dict[str, Any] = {"iam": {"userArn": "arn:aws:iam::000000000000:user/api-test-user"}}
OPERATOR_SCOPE = "accounts/operator"


def jwt_caller(subject: str, scope: str = "") -> dict[str, Any]:
    return {"jwt": {"claims": {"sub": subject, "scope": scope}, "scopes": None}}


def gateway_event(
    method: str,
    target: str,
    body: str | None,
    headers: Mapping[str, str],
    *,
    caller: Mapping[str, Any],
    gateway_id: str,
    is_encoded: bool = False,
) -> dict[str, Any]:
    """A request as API Gateway passes it to the function; `target` is the path with its query string."""
    path, _, query = target.partition("?")
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "requestId": gateway_id,
            "stage": "$default",
            "http": {"method": method, "path": path},
            "authorizer": caller,
        },
        "body": body,
        "isBase64Encoded": is_encoded,
    }


class Context:
    """Lambda's context, with plenty of time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Api:
    """The API with an in-memory store. Call it to send a request.

    Attributes:
        store: the accounts' rows.
        now: the time of the requests.
        caller: the authoriser's part of the requests' context.
        log: records the lines of the access log, unless another log is passed.
        heads: the service's cache.
    """

    def __init__(
        self, authorisation: Authorisation = "IAM", log: AccessLog | None = None, *, has_transfers: bool = True
    ) -> None:
        self.store = MemoryAccountStore()
        self.now = datetime(2026, 1, 31, 9, 30, 0, 1, UTC)
        self.caller: dict[str, Any] = IAM_CALLER
        self.log = _Recorder()
        ids, self._requests = count(1), count(1)
        self.heads = HeadCache()
        self.api = HttpApi(
            AccountService(self.store, self.heads),
            MemoryOwnedAccounts(self.store),
            now=lambda: self.now,
            new_id=lambda: f"account-{next(ids)}",
            log=log or self.log,
            authorisation=authorisation,
            operator_scope=OPERATOR_SCOPE,
            has_transfers=has_transfers,
        )

    def __call__(
        self,
        method: str,
        target: str,
        body: str | None = None,
        *,
        encoded: bool = False,
        **headers: str,
    ) -> tuple[int, Any, dict[str, Any]]:
        """Send a request; return the status, the body's JSON (None without a body) and the headers.

        Args:
            method: of the request.
            target: the path with its query string.
            body: of the request.
            encoded: whether `body` is in Base64.
            headers: with underscores instead of hyphens.
        """
        answer = self.api(
            gateway_event(
                method,
                target,
                body,
                {name.replace("_", "-"): value for name, value in headers.items()},
                caller=self.caller,
                gateway_id=f"request-{next(self._requests)}",
                is_encoded=encoded,
            ),
            Context(),
        )
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None, answer["headers"]

    def forget(self) -> None:
        """Clear the cache, as in a new execution environment."""
        self.heads.__init__()  # type: ignore[misc]  # the service keeps this object

    def items(self, account_id: str = "account-1") -> list[Any]:
        return list(self.store._items[account_id].values())  # noqa: SLF001 -- what was stored


class _Recorder(AccessLog):
    """An access log that records its calls and writes nothing."""

    def __init__(self) -> None:
        metrics = Metrics(namespace="Test", service="test")
        metrics.flush_metrics = lambda *_: metrics.clear_metrics()  # type: ignore[method-assign]  # print nothing
        super().__init__(Logger(service="test", level=logging.CRITICAL), metrics)
        self.lines: list[dict[str, Any]] = []

    def __call__(self, operation: str, used: Any, **facts: Any) -> None:  # noqa: ANN401 -- as the base class
        self.lines.append({"operation": operation, "used": used, **facts})
        super().__call__(operation, used, **facts)
