"""Requests and responses in the format of API Gateway's HTTP API, payload format 2.0.

docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from account_core.domain.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. `headers` have lower-case names; `gateway_id` is API Gateway's id of the request."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    gateway_id: str
    authorizer: Mapping[str, Any]
    raw_body: str = ""
    is_base64: bool = False

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Request":
        context = event["requestContext"]
        return cls(
            method=context["http"]["method"].upper(),
            path=event["rawPath"],
            query_string=event.get("rawQueryString") or "",
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            gateway_id=context["requestId"],
            authorizer=context.get("authorizer") or {},
            raw_body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
        )

    def json_body(self) -> bytes:
        """The body's bytes.

        Raises:
            InvalidRequest: `Content-Type` is not JSON, or the Base64 is malformed.
        """
        content_type = (self.headers.get("content-type") or "application/json").split(";")[0].strip().lower()
        if content_type != "application/json":
            raise InvalidRequest("Send JSON, with the header Content-Type: application/json.", "unsupported_media_type")
        if not self.is_base64:
            return self.raw_body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self.raw_body, validate=True)
        except ValueError:
            raise InvalidRequest("The body is not valid Base64.", "invalid_encoding") from None

    def query(self, *names: str, replaced: Mapping[str, str] | None = None) -> dict[str, str]:
        """The query parameters. Unknown ones are refused, because ignoring one would change the request's meaning.

        Args:
            names: the allowed parameters.
            replaced: parameters of earlier releases, each with a sentence about its replacement.

        Raises:
            InvalidRequest: a parameter is unknown or occurs twice.
        """
        pairs = parse_qsl(self.query_string, keep_blank_values=True)
        for name, _ in pairs:
            if replaced and name in replaced:
                raise InvalidRequest(f"Unknown query parameter {name!r}: {replaced[name]}", "invalid_parameter")
            if name not in names:
                raise InvalidRequest(
                    f"Unknown query parameter {name[:40]!r}. Known parameters: {', '.join(names) or 'none'}.",
                    "invalid_parameter",
                )
        parameters = dict(pairs)
        if len(parameters) < len(pairs):
            raise InvalidRequest("A query parameter occurs twice. Send it once.", "invalid_parameter")
        return parameters


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. `body` is None if there is no body."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def to_gateway(self, headers: Mapping[str, str], *, is_head: bool) -> dict[str, Any]:
        """The response in API Gateway's format, with additional `headers`; without the body for HEAD."""
        all_headers = {**self.headers, **headers}
        if self.body is not None:
            all_headers["Content-Type"] = self.content_type
        text = "" if self.body is None or is_head else json.dumps(self.body)
        return {"statusCode": self.status, "headers": all_headers, "body": text, "isBase64Encoded": False}
