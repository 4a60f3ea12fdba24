"""Reads JSON documents from a file, plain or gzip, each with its location."""

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from account_events.testing.errors import BadSource

GZIP_MAGIC = b"\x1f\x8b"
WHITESPACE = " \t\r\n"
"""The whitespace of JSON. Lines end at line feeds only, because JSON text may contain U+2028 or U+0085."""

ION = "Amazon Ion; export in DynamoDB JSON (ExportFormat=DYNAMODB_JSON)"
_OTHER_FORMS: tuple[tuple[bytes, str], ...] = (
    (rb"\xe0\x01\x00\xea|\$ion_|\{\s*Item\s*:", ION),
    (rb"PAR1", "Apache Parquet, not JSON; export in DynamoDB JSON (ExportFormat=DYNAMODB_JSON)"),
    (rb"Obj\x01", "an Avro file, not JSON"),
    (rb"PK(\x03\x04|\x05\x06)", "a zip archive; unpack it first"),
    (rb"(?s:.{257})ustar", "a tar archive; unpack it first"),
    (rb"\x28\xb5\x2f\xfd", "compressed with Zstandard; decompress it first (only gzip is read)"),
    (rb"BZh", "compressed with bzip2; decompress it first (only gzip is read)"),
    (rb"\xfd7zXZ\x00", "compressed with xz; decompress it first (only gzip is read)"),
    (rb"\x04\x22\x4d\x18", "compressed with LZ4; decompress it first (only gzip is read)"),
    (rb"\x1f\x8b", "gzip within gzip; decompress it once"),
    (rb"<", "XML or HTML, perhaps an error page saved in place of the file; fetch it again"),
    (
        rb"[\"'\w][^{}\[\]\r\n]*[,;\t]",
        "CSV or other text, not JSON; save AWS's output as JSON, and export tables with ExportFormat=DYNAMODB_JSON",
    ),
)
"""The first bytes of other formats, as patterns, each with a description and what to do."""

Placed = tuple[str, Any]
"""A location for error messages, and the document at it."""


def content(path: Path) -> bytes:
    """Read a file. Raises BadSource if it cannot be read, its gzip data is damaged, or it is not JSON."""
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadSource(f"{path}: the gzip data is damaged or truncated; fetch it again: {error}") from error
    except OSError as error:
        raise BadSource(f"{path}: {error.strerror or error}") from error
    text = data.removeprefix(codecs.BOM_UTF8).lstrip()
    for beginning, form in _OTHER_FORMS:
        if re.match(beginning, text):
            raise BadSource(f"{path}: {form}")
    if (encoding := json.detect_encoding(data[:4])).startswith(("utf-16", "utf-32")):
        raise BadSource(f"{path}: {encoding.upper()}, or not text; save it as UTF-8")
    return data


def parsed(where: str, text: str) -> Any:  # noqa: ANN401 -- any JSON value
    """Parse a document. Raises BadSource if it is not JSON, or has values that no stream or row can have."""
    try:
        return _loaded(text)
    except json.JSONDecodeError as error:
        raise BadSource(f"{where}: not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BadSource(f"{where}: {_unreadable(error)}") from error


def documents(path: Path) -> list[Placed]:
    """Read a file that contains one document, or one document per line.

    Raises:
        BadSource: the file is empty or has an invalid line; the message has its number.
    """
    text = _text(path)
    if not text.strip(WHITESPACE):
        raise BadSource(f"{path}: the file is empty")
    try:
        return _whole(path, text)
    except BadSource as error:
        not_whole = error
    first = next(line for line in text.split("\n") if line.strip(WHITESPACE))
    try:
        _loaded(first)
    except (ValueError, RecursionError):
        raise not_whole from None
    return list(lines(path))


def lines(path: Path) -> Iterator[Placed]:
    """Read a file with one document per line; empty lines are ignored.

    Raises:
        BadSource: a line is not a document; the message has its number.
    """
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip(WHITESPACE):
            where = f"{path}, line {number}"
            yield where, parsed(where, line)


def _whole(path: Path, text: str) -> list[Placed]:
    try:
        return [(str(path), _loaded(text))]
    except json.JSONDecodeError as error:
        raise BadSource(f"{path}, line {error.lineno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise BadSource(f"{path}: {_unreadable(error)}") from error


class _NameTwice(ValueError):
    """An object has two members of the same name; Python would silently keep the second."""


def _loaded(text: str) -> Any:  # noqa: ANN401 -- any JSON value
    return json.loads(text, object_pairs_hook=_members)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _NameTwice(f"an object has two members {max(names, key=names.count)!r}, so its value is ambiguous")
    return found


def _unreadable(error: Exception) -> str:
    """Why Python cannot read this JSON exactly."""
    if isinstance(error, _NameTwice):
        return str(error)
    return "nested too deeply" if isinstance(error, RecursionError) else "a number with thousands of digits"


def _text(path: Path) -> str:
    try:
        return content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSource(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
