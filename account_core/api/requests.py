"""Parse and validate a request's body, path and headers. Pure. The functions raise InvalidRequest for invalid input."""

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from account_core.domain.commands import Command, CreateAccount, Credit, TransferMoney, Withdraw
from account_core.domain.currencies import CURRENCIES
from account_core.domain.errors import InvalidRequest
from account_core.domain.money import CENT, MONEY_MAX, SCALE

BODY_BYTES_MAX = 8 * 1024
ACCOUNT_ID = "[A-Za-z0-9_-]{1,64}"
OWNER = r"[A-Za-z0-9._:|-]{3,64}|[A-Za-z0-9_:|-][A-Za-z0-9._:|-]?|\.[A-Za-z0-9_:|-]"
"""1 to 64 characters, but not `.` or `..`, which URL libraries remove from a path (RFC 3986, 5.2.4). The pattern has no
lookahead, because not every reader of the OpenAPI document supports it."""
NAME = r"[\x21-\x2b\x2d-\x7e]{1,128}"
"""Request ids, correlation ids and idempotency keys: visible ASCII without a comma, with which gateways join repeated
headers."""
PLAIN_DECIMAL = r"[0-9]{1,40}(\.[0-9]{1,40})?"


def account_id(text: str) -> str:
    if not re.fullmatch(ACCOUNT_ID, text):
        raise InvalidRequest("An account id must be 1 to 64 letters, digits, '-' or '_'.", "invalid_account_id")
    return text


def owner(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(OWNER, value):
        raise InvalidRequest(
            "owner must be an opaque id of 1 to 64 letters, digits or any of '._:|-', but not '.' or '..'; "
            "never a name or an address.",
            "invalid_owner",
        )
    return value


def name(headers: Mapping[str, str], header: str, code: str) -> str | None:
    """The value of a header that matches NAME; None without the header."""
    text = headers.get(header.lower())
    if text is not None and not re.fullmatch(NAME, text):
        raise InvalidRequest(f"{header} must be 1 to 128 visible ASCII characters without a comma, sent once.", code)
    return text


def account_id_of(key: str, subject: str | None) -> str:
    """The id of the account that is created with this idempotency key: the same for the same caller and key."""
    return hashlib.sha256(json.dumps(["create_account", subject, key]).encode()).hexdigest()[:32]


def create_account(body: bytes, subject: str | None) -> CreateAccount:
    """The command in `{"owner": "...", "currency": "EUR"}`. The default owner is the token's subject, if any."""
    fields = _fields(body, "owner", "currency", optional=() if subject is None else ("owner",))
    named, currency = owner(fields.get("owner", subject)), fields["currency"]
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise InvalidRequest(
            'currency must be an ISO 4217 code, in capitals, of a currency with two decimals, like "EUR".',
            "invalid_currency",
        )
    return CreateAccount(named, currency)


def credit(body: bytes) -> Command:
    """The command in `{"amount": "12.50"}`."""
    return Credit(_amount(_fields(body, "amount")["amount"]))


def withdraw(body: bytes) -> Command:
    """The command in `{"amount": "12.50"}`."""
    return Withdraw(_amount(_fields(body, "amount")["amount"]))


def transfer(body: bytes, transfer_id: str) -> Command:
    """The command in `{"to": "0b9c2f6e", "amount": "12.50"}`."""
    fields = _fields(body, "to", "amount")
    if not isinstance(fields["to"], str):
        raise InvalidRequest("to must be the id of the receiving account, as text.", "invalid_account_id")
    return TransferMoney(account_id(fields["to"]), _amount(fields["amount"]), transfer_id)


def _amount(value: object) -> Decimal:
    if isinstance(value, str):
        if not re.fullmatch(PLAIN_DECIMAL, value):
            _refuse_amount('a positive decimal like "12.50", without sign, spaces or exponent')
        value = Decimal(value)
    if not isinstance(value, Decimal):  # JSON's true, null, arrays and objects
        _refuse_amount('a string like "12.50" or a number')
    if not value.is_finite():
        _refuse_amount(f"from {CENT} to {MONEY_MAX}: its exponent is out of range")
    if value <= 0:
        _refuse_amount("greater than zero")
    if value > MONEY_MAX:
        _refuse_amount(f"at most {MONEY_MAX} (18 digits)")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -SCALE:
        _refuse_amount("given with at most 2 decimals")
    return value.quantize(CENT)


def _refuse_amount(expected: str) -> NoReturn:
    raise InvalidRequest(f"amount must be {expected}.", "invalid_amount")


def _fields(body: bytes, *names: str, optional: tuple[str, ...] = ()) -> Mapping[str, Any]:
    fields = _json(body)
    if not isinstance(fields, dict):
        raise InvalidRequest("The body must be a JSON object.", "invalid_json")
    if missing := [name for name in names if name not in fields and name not in optional]:
        raise InvalidRequest(f"Missing fields: {', '.join(missing)}.", "missing_field")
    if unknown := sorted(set(fields) - set(names)):
        shown = ", ".join(name[:40] for name in unknown[:5])
        raise InvalidRequest(f"Unknown fields: {shown}. Known fields: {', '.join(names)}.", "unknown_field")
    return fields


def _json(body: bytes) -> object:
    """Parse numbers as Decimal, digit by digit: money never passes through a float."""
    if len(body) > BODY_BYTES_MAX:
        raise InvalidRequest(f"The body may have at most {BODY_BYTES_MAX} bytes.", "body_too_large")
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=_number,
            parse_int=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError:
        raise InvalidRequest("The body must be UTF-8.", "invalid_encoding") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"it is incomplete or malformed at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _not_json("it is nested too deeply") from None


def _number(text: str) -> Decimal:
    """A number whose exponent is out of Decimal's range is still JSON; it becomes NaN, which is not a valid amount."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _refuse_constant(name: str) -> NoReturn:
    raise _not_json(f"{name} is not a JSON value")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _not_json("a key occurs twice")
    return fields


def _not_json(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The body must be valid JSON: {reason}.", "invalid_json")
