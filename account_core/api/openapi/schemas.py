"""The API's values, bodies, parameters and headers in JSON Schema, with the patterns and limits of the code itself."""

from typing import Any

from account_core.api.etags import TAG, etag
from account_core.api.openapi.examples import ACCOUNT, ACCOUNT_ID_EXAMPLE, EVENT_PAGE, MOMENT
from account_core.api.problems import PROBLEMS
from account_core.api.queries import LIMIT_DEFAULT, LIMIT_MAX, NUMBER_MAX, ORDERS
from account_core.api.requests import ACCOUNT_ID, BODY_BYTES_MAX, NAME, OWNER, PLAIN_DECIMAL
from account_core.domain.currencies import CURRENCIES
from account_core.domain.money import CENT, MONEY_MAX, SCALE
from account_core.service.head import timestamp

Schema = dict[str, Any]

_MONEY_DIGITS = len(str(int(MONEY_MAX)))
# Not zero, and before the point no more digits than MONEY_MAX has, whose digits are all nines.
_MONEY = rf"0*[1-9][0-9]{{0,{_MONEY_DIGITS - 1}}}(\.[0-9]{{1,{SCALE}}})?|0+\.(0[1-9]|[1-9][0-9]?)"
_ETAG = r'(W/)?"[!#-~]*"'
_ETAG_EXAMPLE = etag(ACCOUNT["sequence"])
_CREATED, _CREDITED, _WITHDRAWN = EVENT_PAGE["events"]


def whole(pattern: str) -> str:
    """The code matches patterns against whole strings, JSON Schema against any part."""
    return f"^({pattern})$"


def ref(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _object(properties: Schema, **more: Any) -> Schema:  # noqa: ANN401 -- JSON Schema's keywords
    return {"type": "object", "properties": properties, "required": list(properties), **more}


def schemas(*, is_owner_required: bool) -> dict[str, Schema]:
    """Every schema by name; what is named like a command is its body."""
    amount = _object({"amount": ref("Amount")}, additionalProperties=False)
    return {
        **_VALUES,
        "create_account": {
            **_object({"owner": ref("Owner"), "currency": ref("Currency")}, additionalProperties=False),
            "required": ["owner", "currency"] if is_owner_required else ["currency"],
            "description": f"{BODY_BYTES_MAX} bytes at most. With IAM `owner` is required; with a token it is its "
            "subject where it is left out.",
        },
        "credit": {**amount, "description": f"{BODY_BYTES_MAX} bytes at most."},
        "withdraw": {**amount, "description": f"{BODY_BYTES_MAX} bytes at most."},
        **_ANSWERS,
    }


_VALUES: dict[str, Schema] = {
    "AccountId": {"type": "string", "pattern": whole(ACCOUNT_ID), "examples": [ACCOUNT_ID_EXAMPLE]},
    "Owner": {
        "type": "string",
        "pattern": whole(OWNER),
        "description": "An opaque id, 1 to 64 characters; never a person's name or address, since events are kept for "
        "ever. Not `.` or `..`, which URL libraries remove from a path.",
        "examples": [_CREATED["owner"]],
    },
    "Currency": {
        "enum": sorted(CURRENCIES),
        "description": "ISO 4217; only currencies with two decimals.",
        "examples": [ACCOUNT["currency"]],
    },
    "Amount": {
        "description": f"Greater than zero, at most {MONEY_MAX}, {SCALE} decimals at most. A number is read digit by "
        "digit as it is written and never passes through a float, so `10.000` has too many decimals.",
        "anyOf": [
            {"type": "string", "allOf": [{"pattern": whole(PLAIN_DECIMAL)}, {"pattern": whole(_MONEY)}]},
            {
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": int(MONEY_MAX) + 1,  # with so many decimals the same; no float could write it
                "multipleOf": float(CENT),
            },
        ],
        "examples": [_CREDITED["amount"], 12.5],
    },
    "Balance": {
        "type": "string",
        "pattern": whole(rf"[0-9]{{1,{_MONEY_DIGITS}}}\.[0-9]{{{SCALE}}}"),
        "examples": [ACCOUNT["balance"]],
    },
    "Sequence": {
        "type": "integer",
        "minimum": 1,
        "description": "Counts the account's events.",
        "examples": [ACCOUNT["sequence"]],
    },
    "Name": {
        "type": "string",
        "pattern": whole(NAME),
        "description": "Visible ASCII characters without a comma.",
        "examples": [_WITHDRAWN["correlationId"]],
    },
    "ETag": {"type": "string", "pattern": whole(f'"{TAG}"'), "examples": [_ETAG_EXAMPLE]},
}


def _event(example: dict[str, Any], **own: Schema) -> Schema:
    """Attributes: `own` are the fields that not every event has."""
    common = {
        "sequence": ref("Sequence"),
        "type": {"const": example["type"]},
        "occurredAt": {"type": "string", "format": "date-time", "examples": [timestamp(MOMENT)]},
        "balance": {**ref("Balance"), "description": "After the event."},
        "currency": ref("Currency"),
        "correlationId": ref("Name"),
        "requestId": {
            "anyOf": [ref("Name"), {"type": "null"}],
            "description": "Null for events from before it was recorded.",
        },
        "idempotencyKey": {"anyOf": [ref("Name"), {"type": "null"}]},
    }
    return _object({**common, **own})


_EVENTS: dict[str, Schema] = {
    _CREATED["type"]: _event(_CREATED, owner=ref("Owner")),
    _CREDITED["type"]: _event(_CREDITED, amount=ref("Balance")),
    _WITHDRAWN["type"]: _event(_WITHDRAWN, amount=ref("Balance")),
}
_ANSWERS: dict[str, Schema] = {
    "Account": _object(
        {
            "accountId": ref("AccountId"),
            "balance": ref("Balance"),
            "currency": ref("Currency"),
            "sequence": ref("Sequence"),
        },
        description="The account after the command, or as it was read.",
    ),
    **_EVENTS,
    "Event": {
        "oneOf": [ref(name) for name in _EVENTS],
        "discriminator": {
            "propertyName": "type",
            "mapping": {name: f"#/components/schemas/{name}" for name in _EVENTS},
        },
    },
    "EventPage": _object(
        {
            "events": {"type": "array", "items": ref("Event"), "maxItems": LIMIT_MAX},
            "next": {
                "type": ["string", "null"],
                "description": "The path of the next page; null where there is none (yet).",
            },
        }
    ),
    "AccountPage": _object(
        {
            "accounts": {
                "type": "array",
                "items": _object(
                    {
                        "accountId": ref("AccountId"),
                        "balance": ref("Balance"),
                        "currency": ref("Currency"),
                        "sequence": {**ref("Sequence"), "description": "Of the last event in the balance."},
                        "openedAt": {"type": "string", "format": "date-time"},
                        "updatedAt": {"type": "string", "format": "date-time"},
                    }
                ),
                "maxItems": LIMIT_MAX,
            },
            "next": {
                "type": ["string", "null"],
                "description": "The path of the next page; null where there is none (yet).",
            },
        },
        description="From a read model: an account may have come further than its `sequence`.",
    ),
    "Problem": _object(
        {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "For people; it may change."},
            "code": {"enum": list(PROBLEMS), "description": "For programs; it does not change."},
            "requestId": {"type": "string", "description": "What `X-Request-Id` says."},
        },
        description="A problem document (RFC 9457).",
    ),
    "GatewayMessage": _object(
        {"message": {"type": ["string", "null"]}},
        description="What API Gateway itself answers, before or instead of the API.",
    ),
}


def _parameter(name: str, where: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": where, "required": where == "path", "schema": schema, "description": description}


def _number(least: int, most: int, **more: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most, **more}


PARAMETERS: dict[str, Schema] = {
    parameter["name"]: parameter
    for parameter in (
        _parameter("accountId", "path", ref("AccountId"), "As it was given."),
        _parameter("owner", "path", ref("Owner"), "As the accounts were created for it."),
        _parameter("atSequence", "query", _number(1, NUMBER_MAX), "As it was after this event; not with `at`."),
        _parameter(
            "at",
            "query",
            {"type": "string", "format": "date-time", "examples": [timestamp(MOMENT)]},
            "As the account was then, with `Z` or an offset (a `+` is sent as `%2B`); not with `atSequence`.",
        ),
        _parameter("after", "query", _number(0, NUMBER_MAX), "Only events behind this sequence, in that order."),
        _parameter("limit", "query", _number(1, LIMIT_MAX, default=LIMIT_DEFAULT), "At most so many."),
        _parameter("afterAccount", "query", ref("AccountId"), "Only accounts behind this one, by id."),
        _parameter("order", "query", {"enum": list(ORDERS), "default": ORDERS[0]}, "Which events come first."),
        _parameter(
            "Idempotency-Key",
            "header",
            ref("Name"),
            "Names the command, best a random UUID: sent again with it, the command meets its first result.",
        ),
        _parameter(
            "If-Match",
            "header",
            {
                "type": "string",
                "pattern": whole(rf"\*|{_ETAG}(, *{_ETAG})*"),
                "examples": [_ETAG_EXAMPLE],
            },
            "Carry the command out only if the account has one of these ETags. A weak or altered one never matches "
            "(RFC 9110).",
        ),
        _parameter(
            "If-None-Match",
            "header",
            {"type": "string", "examples": [_ETAG_EXAMPLE]},
            "Leave out the body if the account still has this ETag.",
        ),
        _parameter("X-Request-Id", "header", ref("Name"), "Your name for this request."),
        _parameter("X-Correlation-Id", "header", ref("Name"), "Your name for the work that it belongs to."),
    )
}

MAYBE = ".maybe"
IDS = ("X-Request-Id", "X-Correlation-Id")


def any_of(name: str) -> Schema:
    """A parameter of a path, where it is not looked at."""
    return _parameter(name, "path", {"type": "string", "minLength": 1}, "Not looked at.")


_HEADERS: dict[str, Schema] = {
    "X-Request-Id": {"schema": ref("Name"), "description": "Yours, or API Gateway's."},
    "X-Correlation-Id": {"schema": ref("Name"), "description": "Yours, or the request's id."},
    "ETag": {"schema": ref("ETag"), "description": 'The account\'s sequence, like `"s-3"`.'},
    "Location": {
        "schema": {"type": "string", "pattern": f"^/accounts/{ACCOUNT_ID}$"},
        "description": "The account's path.",
    },
    "Idempotent-Replayed": {
        "schema": {"const": "true"},
        "description": "The command had been carried out before; this is its first result.",
    },
    "Allow": {"schema": {"type": "string"}, "description": "The path's methods."},
    "Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "In seconds."},
}


def headers(required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Schema]:
    """An answer's headers, as references."""
    names = {**dict.fromkeys(required, ""), **dict.fromkeys(optional, MAYBE)}
    return {name: {"$ref": f"#/components/headers/{name}{suffix}"} for name, suffix in names.items()}


def shared_headers() -> dict[str, Schema]:
    """Every header twice: where it is promised, and where it may be missing."""
    return {
        **{name: {**header, "required": True} for name, header in _HEADERS.items()},
        **{f"{name}{MAYBE}": header for name, header in _HEADERS.items()},
    }
