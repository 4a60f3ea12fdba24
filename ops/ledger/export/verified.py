"""Checks an export's data files while they are read: the MD5 of each, and the number of its items."""

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.ledger.export.location import Location
from ops.ledger.export.manifest import NEW, BadExport, DataFile

GZIP = zlib.MAX_WBITS | 16
TEXT_BYTES_MAX = 1024 * 1024
"""How much of a file is decompressed at once. A chunk could be a thousand times as large when it is decompressed."""


@contextmanager
def verified(location: Location, file: DataFile, folder: Path) -> Iterator[Path]:
    """A data file on this machine, after it was checked. A file that was downloaded is deleted at the end.

    Args:
        location: the export's location.
        file: the file.
        folder: a folder for downloads.

    Raises:
        BadExport: the file is damaged, or has another number of items than the manifest.
    """
    local = location.local(file.key)
    if local is not None:
        for _ in _checked(location, file):
            pass
        yield local
        return
    path = folder / file.key.rpartition("/")[2]
    try:
        with path.open("wb") as download:
            for chunk in _checked(location, file):
                download.write(chunk)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _checked(location: Location, file: DataFile) -> Iterator[bytes]:
    """The file's bytes; at the end, they are checked."""
    where = f"{location.name}{file.key}"
    digest, items = hashlib.md5(usedforsecurity=False), _Items()
    for chunk in location.chunks(file.key):
        digest.update(chunk)
        items.add(chunk)
        yield chunk
    if digest.digest() != file.md5:
        raise BadExport(f"{where}: it is damaged: its MD5 differs from the manifest's. {NEW}")
    if not items.is_whole:
        raise BadExport(f"{where}: it is damaged: it is not a whole gzip file. {NEW}")
    if items.count != file.items:
        raise BadExport(f"{where}: it has {items.count} items, but the manifest counts {file.items}. {NEW}")


class _Items:
    """Counts the lines of a gzip file that arrives in chunks. A file without a byte has no items."""

    def __init__(self) -> None:
        self._gzip = zlib.decompressobj(GZIP)
        self._is_open = self._is_line_open = self._is_damaged = False
        self._lines = 0

    @property
    def count(self) -> int:
        return self._lines + self._is_line_open

    @property
    def is_whole(self) -> bool:
        return not (self._is_open or self._is_damaged)

    def add(self, chunk: bytes) -> None:
        while chunk and not self._is_damaged:
            if not self._is_open:  # the first or a further member
                self._gzip, self._is_open = zlib.decompressobj(GZIP), True
            try:
                text = self._gzip.decompress(chunk, TEXT_BYTES_MAX)
            except zlib.error:
                self._is_damaged = True
                return
            self._lines += text.count(b"\n")
            self._is_line_open = not text.endswith(b"\n") if text else self._is_line_open
            self._is_open = not self._gzip.eof
            chunk = self._gzip.unconsumed_tail if self._is_open else self._gzip.unused_data
