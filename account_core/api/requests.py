"""From a request's text to a command and its terms: everything that a caller can get wrong is found here. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from account_core.domain.commands import Command, CreateAccount, Credit, Withdraw
from account_core.domain.currencies import CURRENCIES
from account_core.domain.errors import InvalidRequest
from account_core.domain.money import CENT, MONEY_MAX, SCALE

BODY_BYTES_MAX = 8 * 1024
ACCOUNT_ID = "[A-Za-z0-9_-]{1,64}"
OWNER = r"[A-Za-z0-9._:|-]{3,64}|[A-Za-z0-9_:|-][A-Za-z0-9._:|-]?|\.[A-Za-z0-9_:|-]"
"""1 to 64 characters, but not `.` or `..`, which URL libraries take out of a path (RFC 3986, 5.2.4). Without a
lookahead, which not every reader of the OpenAPI document knows."""
NAME = r"[\x21-\x2b\x2d-\x7e]{1,128}"
"""Of a request, a piece of work, a command: visible ASCII, but no comma, with which gateways join repeated headers."""
PLAIN_DECIMAL = r"[0-9]{1,40}(\.[0-9]{1,40})?"
VERSION = "[1-9][0-9]{0,17}"
_ETAG = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e]*)"[ \t]*)?(?:,|\Z)')  # an element of a list may be empty


def account_id(text: str) -> str:
    if not re.fullmatch(ACCOUNT_ID, text):
        raise InvalidRequest("An account id is 1 to 64 letters, digits, '-' or '_'.", "invalid_account_id")
    return text


def owner(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(OWNER, value):
        raise InvalidRequest(
            "owner has to be an opaque id of 1 to 64 letters, digits or any of '._:|-', but not '.' or '..'; "
            "never a name or an address.",
            "invalid_owner",
        )
    return value


def name(headers: Mapping[str, str], header: str, code: str) -> str | None:
    """The value of a header that names something, or None without it."""
    text = headers.get(header.lower())
    if text is not None and not re.fullmatch(NAME, text):
        raise InvalidRequest(f"{header} has to be 1 to 128 visible ASCII characters without a comma, once.", code)
    return text


def account_id_of(key: str, subject: str | None) -> str:
    """The id of the account that a creation with this idempotency key makes, always the same for the same caller."""
    return hashlib.sha256(json.dumps(["create_account", subject, key]).encode()).hexdigest()[:32]


def versions(header: str | None) -> frozenset[int] | None:
    """The versions that an `If-Match` names; None for any. A weak ETag matches nothing (RFC 9110, 13.1.1)."""
    if header is None or header.strip() == "*":
        return None
    tags = _etags(header)
    if not tags:
        raise InvalidRequest('If-Match has to be ETags as they were given, like "7", or *.', "invalid_if_match")
    return frozenset(int(tag) for is_weak, tag in tags if not is_weak and re.fullmatch(VERSION, tag))


def never_matching(header: str | None) -> str | None:
    """The first ETag of an `If-Match` that no version can have, since it is weak or not as the service gave it."""
    for is_weak, tag in _etags(header or ""):
        if is_weak or not re.fullmatch(VERSION, tag):
            return f'{"W/" * is_weak}"{tag}"'
    return None


def is_known(header: str | None, version: int) -> bool:
    """Whether an `If-None-Match` names the version, by weak comparison (RFC 9110, 13.1.2); what is no ETag does not."""
    if header is None:
        return False
    return header.strip() == "*" or any(tag == str(version) for _, tag in _etags(header))


def _etags(header: str) -> list[tuple[bool, str]]:
    """Whether each is weak, and what is between its quotes; none where the list is malformed."""
    tags, end = [], 0
    while end < len(header):
        found = _ETAG.match(header, end)
        if found is None:
            return []
        end = found.end()
        if found[2] is not None:
            tags.append((bool(found[1]), found[2]))
    return tags


def create_account(body: bytes, subject: str | None) -> CreateAccount:
    """From `{"owner": "...", "currency": "EUR"}`; the caller's own subject, if there is one, is the default owner."""
    fields = _fields(body, "owner", "currency", optional=() if subject is None else ("owner",))
    named, currency = owner(fields.get("owner", subject)), fields["currency"]
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise InvalidRequest(
            'currency has to be an ISO 4217 code, in capitals, of a currency with two decimals, like "EUR".',
            "invalid_currency",
        )
    return CreateAccount(named, currency)


def credit(body: bytes) -> Command:
    """From `{"amount": "12.50"}`."""
    return Credit(_amount(body))


def withdraw(body: bytes) -> Command:
    """From `{"amount": "12.50"}`."""
    return Withdraw(_amount(body))


def _amount(body: bytes) -> Decimal:
    value = _fields(body, "amount")["amount"]
    if isinstance(value, str):
        if not re.fullmatch(PLAIN_DECIMAL, value):
            _refuse_amount('a positive decimal like "12.50", without sign, spaces or exponent')
        value = Decimal(value)
    if not isinstance(value, Decimal):  # JSON's true, null, arrays and objects
        _refuse_amount('a string like "12.50" or a number')
    if not value.is_finite():
        _refuse_amount(f"from {CENT} to {MONEY_MAX}; the exponent is out of range")
    if value <= 0:
        _refuse_amount("greater than zero")
    if value > MONEY_MAX:
        _refuse_amount(f"at most {MONEY_MAX} (18 digits)")
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -SCALE:
        _refuse_amount("given with at most 2 decimals")
    return value.quantize(CENT)


def _refuse_amount(expected: str) -> NoReturn:
    raise InvalidRequest(f"amount has to be {expected}.", "invalid_amount")


def _fields(body: bytes, *names: str, optional: tuple[str, ...] = ()) -> Mapping[str, Any]:
    fields = _json(body)
    if not isinstance(fields, dict):
        raise InvalidRequest("The body has to be a JSON object.", "invalid_json")
    if missing := [name for name in names if name not in fields and name not in optional]:
        raise InvalidRequest(f"Missing: {', '.join(missing)}.", "missing_field")
    if unknown := sorted(set(fields) - set(names)):
        shown = ", ".join(name[:40] for name in unknown[:5])
        raise InvalidRequest(f"Unknown: {shown}. Expected only: {', '.join(names)}.", "unknown_field")
    return fields


def _json(body: bytes) -> object:
    """Numbers come as Decimal, digit by digit as they were sent: money never passes through a float."""
    if len(body) > BODY_BYTES_MAX:
        raise InvalidRequest(f"The body may have {BODY_BYTES_MAX} bytes at most.", "body_too_large")
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=_number,
            parse_int=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError:
        raise InvalidRequest("The body has to be UTF-8.", "invalid_encoding") from None
    except json.JSONDecodeError as error:
        raise _not_json(f"it is incomplete or malformed at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _not_json("it is nested too deeply") from None


def _number(text: str) -> Decimal:
    """A number whose exponent is beyond Decimal's is still JSON, and NaN here: no amount."""
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
    return InvalidRequest(f"The body has to be JSON: {reason}.", "invalid_json")
