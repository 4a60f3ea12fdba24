"""API Gateway in front of the API, as a WSGI application: it authenticates requests and passes them on as events."""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from tests.support.api import IAM_CALLER, OPERATOR_SCOPE, Api, Context, jwt_caller

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]

CALLERS: dict[str, dict[str, dict[str, Any]]] = {
    "IAM": {"AWS4-HMAC-SHA256 of the API test user": IAM_CALLER},
    "JWT": {
        "Bearer token-of-owner-1": jwt_caller("owner-1"),
        "Bearer token-of-operator": jwt_caller("operator", OPERATOR_SCOPE),
    },
}
"""The callers that the gateway knows, by the header Authorization."""
REFUSALS = {"IAM": (403, "Forbidden"), "JWT": (401, "Unauthorized")}


class WsgiGateway:
    """The HTTP API for WSGI clients. It behaves as the emulator does and AWS documents."""

    def __init__(self, api: Api, authorisation: str) -> None:
        self._api = api
        self._authorisation = authorisation
        self._requests = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        caller = CALLERS[self._authorisation].get(headers.get("AUTHORIZATION", ""))
        if caller is None:
            status, message = REFUSALS[self._authorisation]
            body = json.dumps({"message": message})
            return _answer(start_response, status, {"Content-Type": "application/json"}, body)
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        answer = self._api.api(self._event(environ, headers, caller), Context())
        return _answer(start_response, answer["statusCode"], answer["headers"], answer["body"])

    def _event(self, environ: Environ, headers: Mapping[str, str], caller: Mapping[str, Any]) -> dict[str, Any]:
        self._requests += 1
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")  # percent-decoded, as rawPath is
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": environ.get("QUERY_STRING", ""),
            "headers": headers,
            "requestContext": {
                "requestId": f"request-{self._requests}",
                "stage": "$default",
                "http": {"method": environ["REQUEST_METHOD"], "path": path},
                "authorizer": caller,
            },
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }


def _answer(start_response: StartResponse, status: int, headers: Mapping[str, str], body: str) -> list[bytes]:
    start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
    return [body.encode()]
