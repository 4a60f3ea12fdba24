"""Parses the bytes of a schema file strictly: Apache's library and fastavro must both accept it as a record."""

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import avro.schema
from avro.errors import AvroException, IgnoredLogicalType
from fastavro.schema import SchemaParseException, fingerprint, to_parsing_canonical_form

from account_events.avro.errors import ContractError

# Raised by the two libraries on JSON that is not a schema: their own errors, and Python's from unexpected types.
_REFUSALS = (AvroException, SchemaParseException, ValueError, TypeError, LookupError, AttributeError, RecursionError)
_QUOTED_MAX = 160
_WORD = re.compile(r"\w+")
DEPTH_MAX = 32
"""The deepest nesting of lists and objects: both libraries and the gate are recursive."""
TOO_DEEP = f"the file's JSON is nested more than {DEPTH_MAX} levels deep"


class NotASchema(ContractError):
    """The bytes are not the schema of a record; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed schema.

    Attributes:
        json: the schema as written.
        avro: the schema as parsed by Apache's library.
        fingerprint: CRC-64-AVRO, as 16 hexadecimal digits in the byte order of the framing.
    """

    json: Mapping[str, Any]
    avro: avro.schema.RecordSchema
    fingerprint: str

    @property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """The fields by name, in order."""
        return {field["name"]: field for field in self.json["fields"]}

    @property
    def without_docs(self) -> Any:  # noqa: ANN401 -- JSON
        """The schema's JSON without its docs."""
        return _without_docs(self.json)


def read_json(data: bytes) -> Any:  # noqa: ANN401 -- JSON
    """Parses the JSON in a file.

    Raises:
        NotASchema: the file is not JSON, or has a duplicate key, NaN or infinity, a number with too many digits, text
            that UTF-8 cannot encode, or too many levels.
    """
    try:
        found = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise NotASchema(f"the file is not UTF-8: byte {error.start} is {data[error.start]:#04x}") from None
    except json.JSONDecodeError as error:
        raise NotASchema(f"the file is not JSON: {error}") from None
    except ValueError:
        raise NotASchema("the file contains a number with too many digits") from None
    except RecursionError:
        raise NotASchema(TOO_DEEP) from None
    if _is_deeper(found, DEPTH_MAX):
        raise NotASchema(TOO_DEEP)
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotASchema("the file contains half of a surrogate pair, which UTF-8 cannot encode") from None
    return found


def read_source(data: bytes) -> Source:
    """Parses the schema in a file.

    Raises:
        NotASchema: see `read_json`; or Apache's library or fastavro does not accept it as a record's schema.
    """
    found = read_json(data)
    if not isinstance(found, dict) or found.get("type") != "record":
        raise NotASchema('the file is not a record: an event is {"type": "record", "name": ..., "fields": [...]}')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", IgnoredLogicalType)
            parsed = avro.schema.parse(json.dumps(found))
        canonical = to_parsing_canonical_form(found)  # fastavro parses the schema here
    except _REFUSALS as error:
        raise NotASchema(f"the file is not an Avro schema: {_quoted(error)}") from None
    except IgnoredLogicalType as error:
        raise NotASchema(f"a logical type would be ignored: {_quoted(error)}") from None
    if not isinstance(parsed, avro.schema.RecordSchema):
        raise NotASchema("the file is not a record")
    return Source(found, parsed, fingerprint(canonical, "CRC-64-AVRO"))


def words_in(doc: object) -> int:
    """The number of words in a doc; 0 if it is not text."""
    return len(_WORD.findall(doc)) if isinstance(doc, str) else 0


def _without_docs(part: Any) -> Any:  # noqa: ANN401 -- JSON
    match part:
        case dict():
            return {key: _without_docs(value) for key, value in part.items() if key != "doc"}
        case list():
            return [_without_docs(each) for each in part]
    return part


def _is_deeper(found: Any, levels: int) -> bool:  # noqa: ANN401 -- JSON
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else None
    return inner is not None and (not levels or any(_is_deeper(part, levels - 1) for part in inner))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise NotASchema(f"an object has the key {json.dumps(twice)} twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise NotASchema(f"the file is not JSON: {name} is not a JSON number")


def _quoted(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    text = f"no {text}" if isinstance(error, KeyError) else text
    return text if len(text) <= _QUOTED_MAX else f"{text[:_QUOTED_MAX]}..."
