"""Write a command's output file atomically."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

DISK_ERRORS = {errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EROFS}
"""Errors that a write raises without the file's name."""


@contextmanager
def open_atomically(path: Path, *, is_private: bool = False) -> Iterator[IO[str]]:
    """Open a temporary file for writing and rename it to `path` when the context ends without an error.

    If the context raises, `path` is unchanged. If `path` is a device or a pipe, it is opened directly.

    Args:
        path: the file.
        is_private: whether only its owner may read the file.

    Raises:
        OSError: the file cannot be created or written. The error names `path`.
    """
    unfinished = path
    try:
        target = _resolved(path)
        unfinished = target.parent / f".account-events-{os.getpid()}.unfinished"
        if target.exists() and not target.is_file():
            with target.open("w", encoding="utf-8") as file:
                yield file
            return
        try:
            with open(unfinished, "w", encoding="utf-8", opener=_private if is_private else None) as file:
                yield file
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        if str(error.filename) == str(unfinished) or (error.filename is None and error.errno in DISK_ERRORS):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:  # before Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
