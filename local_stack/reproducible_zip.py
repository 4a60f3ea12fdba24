"""Zips whose bytes depend only on the names and contents of their files. Pure."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file."""


def write_entries(target: Path | IO[bytes], files: Iterable[tuple[str, bytes]]) -> None:
    """Write a zip of these files, given by name in a fixed order."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
