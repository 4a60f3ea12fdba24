"""API Gateway's HTTP API, payload format 2.0, as request and answer.

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
    """Attributes: `headers` have lower-case names; `gateway_id` is the gateway's own id of this request."""

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
        """The body's bytes, which say of themselves that they are JSON."""
        content_type = (self.headers.get("content-type") or "application/json").split(";")[0].strip().lower()
        if content_type != "application/json":
            raise InvalidRequest("Send JSON, with the header Content-Type: application/json.", "unsupported_media_type")
        if not self.is_base64:
            return self.raw_body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self.raw_body, validate=True)
        except ValueError:
            raise InvalidRequest("The body cannot be read.", "invalid_encoding") from None

    def query(self, *names: str, replaced: Mapping[str, str] | None = None) -> dict[str, str]:
        """The query parameters. One that is not among `names` is refused: ignored, it would change the sense.

        Args:
            names: the parameters that are allowed.
            replaced: parameters of earlier releases, each with what to do instead.
        """
        pairs = parse_qsl(self.query_string, keep_blank_values=True)
        for name, _ in pairs:
            if replaced and name in replaced:
                raise InvalidRequest(f"Unknown query parameter {name!r}: {replaced[name]}", "invalid_parameter")
            if name not in names:
                raise InvalidRequest(
                    f"Unknown query parameter {name[:40]!r}; there are: {', '.join(names) or 'none'}.",
                    "invalid_parameter",
                )
        parameters = dict(pairs)
        if len(parameters) < len(pairs):
            raise InvalidRequest("A query parameter is given twice.", "invalid_parameter")
        return parameters


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: no body for None."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def to_gateway(self, headers: Mapping[str, str], *, is_head: bool) -> dict[str, Any]:
        """In the form that API Gateway takes, with further `headers`; to HEAD, without the body."""
        all_headers = {**self.headers, **headers}
        if self.body is not None:
            all_headers["Content-Type"] = self.content_type
        text = "" if self.body is None or is_head else json.dumps(self.body)
        return {"statusCode": self.status, "headers": all_headers, "body": text, "isBase64Encoded": False}
