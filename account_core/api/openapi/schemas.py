"""The API's values and bodies in JSON Schema, from the patterns and limits in the code."""

from typing import Any

from account_core.api.etags import TAG, etag
from account_core.api.openapi.examples import ACCOUNT, ACCOUNT_ID_EXAMPLE, EVENT_PAGE, MOMENT, TRANSFERRED
from account_core.api.problems import PROBLEMS
from account_core.api.queries import LIMIT_MAX
from account_core.api.requests import ACCOUNT_ID, BODY_BYTES_MAX, NAME, OWNER, PLAIN_DECIMAL
from account_core.domain.currencies import CURRENCIES
from account_core.domain.money import CENT, MONEY_MAX, SCALE
from account_core.service.head import timestamp

Schema = dict[str, Any]

_MONEY_DIGITS = len(str(int(MONEY_MAX)))
# Not zero, and no more digits before the point than MONEY_MAX, whose digits are all nines.
_MONEY = rf"0*[1-9][0-9]{{0,{_MONEY_DIGITS - 1}}}(\.[0-9]{{1,{SCALE}}})?|0+\.(0[1-9]|[1-9][0-9]?)"
ETAG_EXAMPLE = etag(ACCOUNT["sequence"])
_CREATED, _CREDITED, _WITHDRAWN = EVENT_PAGE["events"]


def whole(pattern: str) -> str:
    """Anchor a pattern: the code matches the whole string, while JSON Schema matches any part."""
    return f"^({pattern})$"


def ref(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _object(properties: Schema, **more: Any) -> Schema:  # noqa: ANN401 -- JSON Schema's keywords
    return {"type": "object", "properties": properties, "required": list(properties), **more}


def schemas(*, is_owner_required: bool) -> dict[str, Schema]:
    """Every schema by name. A command's body has the name of its operation."""
    amount = _object({"amount": ref("Amount")}, additionalProperties=False)
    return {
        **_VALUES,
        "create_account": {
            **_object({"owner": ref("Owner"), "currency": ref("Currency")}, additionalProperties=False),
            "required": ["owner", "currency"] if is_owner_required else ["currency"],
            "description": f"At most {BODY_BYTES_MAX} bytes. With IAM `owner` is required; with a token it defaults to "
            "the token's subject.",
        },
        "credit": {**amount, "description": f"At most {BODY_BYTES_MAX} bytes."},
        "withdraw": {**amount, "description": f"At most {BODY_BYTES_MAX} bytes."},
        "transfer": {
            **_object({"to": ref("AccountId"), "amount": ref("Amount")}, additionalProperties=False),
            "description": f"`to` is the receiving account, which may be anyone's. At most {BODY_BYTES_MAX} bytes.",
        },
        **_RESPONSES,
    }


_VALUES: dict[str, Schema] = {
    "AccountId": {"type": "string", "pattern": whole(ACCOUNT_ID), "examples": [ACCOUNT_ID_EXAMPLE]},
    "Owner": {
        "type": "string",
        "pattern": whole(OWNER),
        "description": "An opaque id of 1 to 64 characters, but not `.` or `..`, which URL libraries remove from a "
        "path. Never use a person's name or address: events are kept forever.",
        "examples": [_CREATED["owner"]],
    },
    "Currency": {
        "enum": sorted(CURRENCIES),
        "description": "The ISO 4217 code of a currency with two decimals.",
        "examples": [ACCOUNT["currency"]],
    },
    "Amount": {
        "description": f"Greater than zero, at most {MONEY_MAX}, with at most {SCALE} decimals. A number is read digit "
        "by digit and never passes through a float, so `10.000` has too many decimals.",
        "anyOf": [
            {"type": "string", "allOf": [{"pattern": whole(PLAIN_DECIMAL)}, {"pattern": whole(_MONEY)}]},
            {
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": int(MONEY_MAX) + 1,  # equivalent at two decimals; MONEY_MAX itself is not a float
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
        "description": "An event's number within its account: 1, 2, 3, ... without gaps. An account's sequence is that "
        "of its last event.",
        "examples": [ACCOUNT["sequence"]],
    },
    "Name": {
        "type": "string",
        "pattern": whole(NAME),
        "description": "Visible ASCII characters without a comma.",
        "examples": [_WITHDRAWN["correlationId"]],
    },
    "ETag": {"type": "string", "pattern": whole(f'"{TAG}"'), "examples": [ETAG_EXAMPLE]},
}


def _event(example: dict[str, Any], **own: Schema) -> Schema:
    """The schema of an event; `own` are the fields of this event type alone."""
    common = {
        "sequence": ref("Sequence"),
        "type": {"const": example["type"]},
        "occurredAt": {"type": "string", "format": "date-time", "examples": [timestamp(MOMENT)]},
        "balance": {**ref("Balance"), "description": "After the event."},
        "currency": ref("Currency"),
        "correlationId": ref("Name"),
        "requestId": {
            "anyOf": [ref("Name"), {"type": "null"}],
            "description": "The id of the request. Null for events that are older than this field, and if the money "
            "came from another account.",
        },
        "idempotencyKey": {
            "anyOf": [ref("Name"), {"type": "null"}],
            "description": "The command's `Idempotency-Key`; null if it had none.",
        },
    }
    return _object({**common, **own})


_TRANSFER_ID: Schema = {
    "type": "string",
    "description": "Exactly one withdrawal and one credit, on two accounts, have this id.",
    "examples": [TRANSFERRED["transferId"]],
}
_TRANSFER: dict[str, Schema] = {
    "transferId": {
        "anyOf": [_TRANSFER_ID, {"type": "null"}],
        "description": "The transfer that the event is part of; null if it is not part of one.",
    },
    "counterpartyAccountId": {
        "anyOf": [ref("AccountId"), {"type": "null"}],
        "description": "The transfer's other account; null if the event is not part of a transfer.",
    },
}
_EVENTS: dict[str, Schema] = {
    _CREATED["type"]: _event(_CREATED, owner=ref("Owner")),
    _CREDITED["type"]: _event(_CREDITED, amount=ref("Balance"), **_TRANSFER),
    _WITHDRAWN["type"]: _event(_WITHDRAWN, amount=ref("Balance"), **_TRANSFER),
}
_ACCOUNT: dict[str, Schema] = {
    "accountId": ref("AccountId"),
    "balance": ref("Balance"),
    "currency": ref("Currency"),
    "sequence": ref("Sequence"),
}
DAY: Schema = {"type": "string", "format": "date", "examples": [f"{MOMENT.date()}"]}
_OCCURRED_AT: Schema = {"type": "string", "format": "date-time", "examples": [timestamp(MOMENT)]}
_STATEMENT_BALANCE: Schema = {"anyOf": [ref("StatementBalance"), {"type": "null"}]}
_RESPONSES: dict[str, Schema] = {
    "Account": _object(_ACCOUNT, description="The account after the command, or as it was read."),
    "Transferred": _object(
        {**_ACCOUNT, "transferId": _TRANSFER_ID}, description="The paying account after the transfer, and its id."
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
                "description": "The path of the next page; null if there is none (yet).",
            },
        }
    ),
    "StatementPage": _object(
        {
            "accountId": ref("AccountId"),
            "from": DAY,
            "until": DAY,
            "opening": {**_STATEMENT_BALANCE, "description": "Before the first day; null if the account had no event."},
            "lines": {"type": "array", "items": ref("StatementLine"), "maxItems": LIMIT_MAX},
            "closing": {
                **_STATEMENT_BALANCE,
                "description": "At the end of the last day, or now if that is later; null if the account had no event. "
                "The sum of the changes on all pages is its difference from the opening balance.",
            },
            "next": {
                "type": ["string", "null"],
                "description": "The path of the next page; null if this is the last.",
            },
        },
        description="Opening and closing balance belong to the whole range and are the same on every page.",
    ),
    "StatementBalance": _object(
        {
            "sequence": {**ref("Sequence"), "description": "The sequence of the last event that the balance includes."},
            "occurredAt": _OCCURRED_AT,
            "balance": ref("Balance"),
            "currency": ref("Currency"),
        }
    ),
    "StatementLine": _object(
        {
            "sequence": ref("Sequence"),
            "type": {"enum": list(_EVENTS)},
            "occurredAt": _OCCURRED_AT,
            "change": {
                "type": ["string", "null"],
                "pattern": whole(rf"-?[0-9]{{1,{_MONEY_DIGITS}}}\.[0-9]{{{SCALE}}}"),
                "description": "Negative for a withdrawal; null for the account's creation.",
            },
            "balance": {**ref("Balance"), "description": "After the event."},
            "currency": ref("Currency"),
            **_TRANSFER,
            "correlationId": ref("Name"),
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
                        "sequence": {
                            **ref("Sequence"),
                            "description": "The sequence of the last event that the balance includes.",
                        },
                        "openedAt": {"type": "string", "format": "date-time"},
                        "updatedAt": {"type": "string", "format": "date-time"},
                    }
                ),
                "maxItems": LIMIT_MAX,
            },
            "next": {
                "type": ["string", "null"],
                "description": "The path of the next page; null if there is none (yet).",
            },
        },
        description="From a read model: the account may have newer events than its `sequence`.",
    ),
    "Problem": _object(
        {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "For people; the text may change."},
            "code": {"enum": list(PROBLEMS), "description": "For programs; a code does not change."},
            "requestId": {"type": "string", "description": "The value of the header `X-Request-Id`."},
        },
        description="A problem document (RFC 9457).",
    ),
    "GatewayMessage": _object(
        {"message": {"type": ["string", "null"]}},
        description="The body of responses that come from API Gateway itself, not from the API's function.",
    ),
}
