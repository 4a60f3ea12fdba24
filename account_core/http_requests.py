"""From a request's text to a command: everything that a caller can get wrong is found here. Pure."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn

from account_core.commands import Command, CreateAccount, Credit, Withdraw
from account_core.errors import InvalidRequest
from account_core.money import CENT, MONEY_MAX, SCALE

BODY_BYTES_MAX = 8 * 1024
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OWNER = re.compile(r"[A-Za-z0-9._:|-]{1,64}")
_CORRELATION_ID = re.compile(r"[\x21-\x7e]{1,128}")
_PLAIN_DECIMAL = re.compile(r"[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)

# ISO 4217's active currencies with two decimals, the scale of every amount here.
# Currencies with none or three (JPY, KWD, ...) are refused: their amounts would be wrong by a factor or by a digit.
CURRENCIES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
    CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
    KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY
    TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 -- a table reads better than 141 quoted strings
)


def account_id(text: str) -> str:
    if not _ACCOUNT_ID.fullmatch(text):
        raise InvalidRequest("An account id is 1 to 64 letters, digits, '-' or '_'.", "invalid_account_id")
    return text


def correlation_id(text: str | None, default: str) -> str:
    if text is None:
        return default
    if not _CORRELATION_ID.fullmatch(text):
        raise InvalidRequest("X-Correlation-Id has to be 1 to 128 visible ASCII characters.", "invalid_correlation_id")
    return text


def create_account(body: bytes) -> Command:
    """From `{"owner": "...", "currency": "EUR"}`."""
    fields = _fields(body, "owner", "currency")
    owner, currency = fields["owner"], fields["currency"]
    if not isinstance(owner, str) or not _OWNER.fullmatch(owner):
        raise InvalidRequest(
            "owner has to be an opaque id of 1 to 64 letters, digits or any of '._:|-'; never a name or an address.",
            "invalid_owner",
        )
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise InvalidRequest(
            'currency has to be an ISO 4217 code, in capitals, of a currency with two decimals, like "EUR".',
            "invalid_currency",
        )
    return CreateAccount(owner, currency)


def credit(body: bytes) -> Command:
    """From `{"amount": "12.50"}`."""
    return Credit(_amount(body))


def withdraw(body: bytes) -> Command:
    """From `{"amount": "12.50"}`."""
    return Withdraw(_amount(body))


def _amount(body: bytes) -> Decimal:
    value = _fields(body, "amount")["amount"]
    if isinstance(value, str):
        if not _PLAIN_DECIMAL.fullmatch(value):
            _refuse_amount('a positive decimal like "12.50", without sign, spaces or exponent')
        value = Decimal(value)
    if not isinstance(value, Decimal):  # JSON's true, null, arrays and objects
        _refuse_amount('a string like "12.50" or a number')
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


def _fields(body: bytes, *names: str) -> Mapping[str, Any]:
    fields = _json(body)
    if not isinstance(fields, dict):
        raise InvalidRequest("The body has to be a JSON object.", "invalid_json")
    if missing := [name for name in names if name not in fields]:
        raise InvalidRequest(f"Missing: {', '.join(missing)}.", "missing_field")
    if unknown := sorted(set(fields) - set(names)):
        shown = ", ".join(name[:40] for name in unknown[:5])
        raise InvalidRequest(f"Unknown: {shown}. Expected only: {', '.join(names)}.", "unknown_field")
    return fields


def _json(body: bytes) -> object:
    """Numbers come as Decimal, digit by digit as they were sent: money never passes through a float."""
    if len(body) > BODY_BYTES_MAX:
        raise InvalidRequest(f"The body may have {BODY_BYTES_MAX} bytes at most.", "body_too_large", status=413)
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=Decimal,
            parse_int=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError:
        raise InvalidRequest("The body has to be UTF-8.", "invalid_encoding") from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise InvalidRequest(f"The body has to be JSON: {str(error)[:120]}.", "invalid_json") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key occurs twice")
    return fields
