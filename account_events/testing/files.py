"""Documents of JSON from a file, plain or gzip, each with where it stands."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from account_events.testing.errors import BadSource

GZIP_MAGIC = b"\x1f\x8b"

Placed = tuple[str, Any]
"""Where a document stands, for messages, and the document."""


def content(path: Path) -> bytes:
    """Raises BadSource where there is no such file, or its gzip is damaged."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadSource(f"{path}: the gzip is damaged or breaks off: {error}") from error
    except OSError as error:
        raise BadSource(f"{path}: {error.strerror or error}") from error


def parsed(where: str, text: str) -> Any:  # noqa: ANN401 -- whatever JSON says
    """Raises BadSource where it is not JSON, or not such as a table's stream or rows can be."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadSource(f"{where}: not JSON: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BadSource(f"{where}: {_strange(error)}") from error


def document(path: Path) -> Any:  # noqa: ANN401 -- whatever JSON says
    """A file that is one document."""
    [(_, found)] = _whole(path, _text(path))
    return found


def documents(path: Path) -> list[Placed]:
    """A file that is one document, over any number of lines, or one on every line.

    Raises:
        BadSource: it is empty, or neither; with the number of the line that is none.
    """
    text = _text(path)
    if not text.strip():
        raise BadSource(f"{path}: the file is empty")
    try:
        return [(str(path), json.loads(text))]
    except (ValueError, RecursionError):
        first = next(line for line in text.splitlines() if line.strip())
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return _whole(path, text)  # which fails, and says where
    return list(lines(path))


def lines(path: Path) -> Iterator[Placed]:
    """A file with a document on every line; empty lines are none.

    Raises:
        BadSource: with the number of the line that is none.
    """
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            where = f"{path}, line {number}"
            yield where, parsed(where, line)


def _whole(path: Path, text: str) -> list[Placed]:
    try:
        return [(str(path), json.loads(text))]
    except json.JSONDecodeError as error:
        raise BadSource(f"{path}, line {error.lineno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise BadSource(f"{path}: {_strange(error)}") from error


def _strange(error: Exception) -> str:
    """JSON that Python does not read."""
    return "nested too deeply" if isinstance(error, RecursionError) else "a number of thousands of digits"


def _text(path: Path) -> str:
    try:
        return content(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSource(f"{path}: not UTF-8 at byte {error.start}") from error
