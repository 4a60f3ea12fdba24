"""The API's parameters and headers in JSON Schema, from the patterns and limits in the code."""

from account_core.api.openapi.examples import MOMENT
from account_core.api.openapi.schemas import DAY, ETAG_EXAMPLE, Schema, ref, whole
from account_core.api.queries import LIMIT_DEFAULT, LIMIT_MAX, NUMBER_MAX, ORDERS
from account_core.api.requests import ACCOUNT_ID
from account_core.api.statements import PLACE
from account_core.service.head import timestamp

_ETAG = r'(W/)?"[!#-~]*"'


def _parameter(name: str, where: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": where, "required": where == "path", "schema": schema, "description": description}


def _required(name: str, schema: Schema, description: str) -> Schema:
    return {**_parameter(name, "query", schema, description), "required": True}


def _number(least: int, most: int, **more: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, **more}


PARAMETERS: dict[str, Schema] = {
    parameter["name"]: parameter
    for parameter in (
        _parameter("accountId", "path", ref("AccountId"), "The account id, exactly as the service returned it."),
        _parameter("owner", "path", ref("Owner"), "The owner whose accounts to list."),
        _parameter(
            "atSequence",
            "query",
            _number(1, NUMBER_MAX),
            "Return the account as it was after this event. Cannot be combined with `at`.",
        ),
        _parameter(
            "at",
            "query",
            {"type": "string", "format": "date-time", "examples": [timestamp(MOMENT)]},
            "Return the account as it was at this time, with `Z` or an offset (send `+` as `%2B`). Cannot be combined "
            "with `atSequence`.",
        ),
        _parameter(
            "after", "query", _number(0, NUMBER_MAX), "Return only events after this sequence, in the requested order."
        ),
        _parameter(
            "limit", "query", _number(1, LIMIT_MAX, default=LIMIT_DEFAULT), "The maximum number of entries to return."
        ),
        _required("from", DAY, "The first day of the statement, in UTC. Not later than `until`."),
        _required("until", DAY, "The last day of the statement, in UTC. It is included."),
        _parameter(
            "page",
            "query",
            {"type": "string", "pattern": whole(PLACE)},
            "Where a further page begins. It is part of the path in `next`; do not make it yourself.",
        ),
        _parameter("afterAccount", "query", ref("AccountId"), "Return only accounts after this account id."),
        _parameter(
            "order",
            "query",
            {"enum": list(ORDERS), "default": ORDERS[0]},
            "Whether the oldest or the newest events come first.",
        ),
        _parameter(
            "Idempotency-Key",
            "header",
            ref("Name"),
            "Your key for this command, preferably a random UUID. If you send the command again with the same key, it "
            "is carried out once and every response is the first result.",
        ),
        _parameter(
            "If-Match",
            "header",
            {
                "type": "string",
                "pattern": whole(rf"\*|{_ETAG}(, *{_ETAG})*"),
                "examples": [ETAG_EXAMPLE],
            },
            "Carry out the command only if the account has one of these ETags. A weak or altered ETag never matches "
            "(RFC 9110).",
        ),
        _parameter(
            "If-None-Match",
            "header",
            {"type": "string", "examples": [ETAG_EXAMPLE]},
            "Return 304 without a body if the account still has one of these ETags.",
        ),
        _parameter("X-Request-Id", "header", ref("Name"), "Your id for this request."),
        _parameter("X-Correlation-Id", "header", ref("Name"), "Your id for the work that the request belongs to."),
    )
}

OPTIONAL = ".optional"
IDS = ("X-Request-Id", "X-Correlation-Id")


def any_of(name: str) -> Schema:
    """A path parameter that OPTIONS does not validate."""
    return _parameter(name, "path", {"type": "string", "minLength": 1}, "Not validated.")


_HEADERS: dict[str, Schema] = {
    "X-Request-Id": {"schema": ref("Name"), "description": "The request's `X-Request-Id`, or API Gateway's id."},
    "X-Correlation-Id": {
        "schema": ref("Name"),
        "description": "The request's `X-Correlation-Id`, or the request's id.",
    },
    "ETag": {"schema": ref("ETag"), "description": 'Identifies the account\'s sequence, like `"s-3"`.'},
    "Location": {
        "schema": {"type": "string", "pattern": f"^/accounts/{ACCOUNT_ID}$"},
        "description": "The account's path.",
    },
    "Idempotent-Replayed": {
        "schema": {"const": "true"},
        "description": "The command was carried out before; this is its first result.",
    },
    "Allow": {"schema": {"type": "string"}, "description": "The methods that the path supports."},
    "Retry-After": {
        "schema": {"type": "integer", "minimum": 1},
        "description": "Seconds to wait before sending the request again.",
    },
}


def headers(required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Schema]:
    """References to a response's headers."""
    names = {**dict.fromkeys(required, ""), **dict.fromkeys(optional, OPTIONAL)}
    return {name: {"$ref": f"#/components/headers/{name}{suffix}"} for name, suffix in names.items()}


def shared_headers() -> dict[str, Schema]:
    """Every header twice: required and optional."""
    return {
        **{name: {**header, "required": True} for name, header in _HEADERS.items()},
        **{f"{name}{OPTIONAL}": header for name, header in _HEADERS.items()},
    }
