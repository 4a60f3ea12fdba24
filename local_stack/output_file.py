"""A file that a command writes: whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

OF_THE_DISK = {errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EROFS}
"""What a write raises without naming its file."""


@contextmanager
def written(path: Path) -> Iterator[IO[str]]:
    """Where to write to; at the end, and only then, it is the file of that name.

    What stands there already and is no regular file (a device, a pipe) is written to as it is.

    Raises:
        OSError: there can be no such file; it names `path`.
    """
    unfinished = path
    try:
        place = _resolved(path)
        unfinished = place.parent / f".account-events-{os.getpid()}.unfinished"
        if place.exists() and not place.is_file():
            with place.open("w", encoding="utf-8") as there:
                yield there
            return
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                yield file
            unfinished.replace(place)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        if str(error.filename) == str(unfinished) or (error.filename is None and error.errno in OF_THE_DISK):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:  # before Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error
