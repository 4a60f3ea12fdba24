"""A file that a command writes: whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def written(path: Path) -> Iterator[IO[str]]:
    """Where to write to; at the end, and only then, it is the file of that name.

    What stands there already and is no regular file (a device, a pipe) is written to as it is.

    Raises:
        OSError: there can be no such file.
    """
    place = path.resolve()
    if place.exists() and not place.is_file():
        with place.open("w", encoding="utf-8") as there:
            yield there
        return
    unfinished = place.parent / f".account-events-{os.getpid()}.unfinished"
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            yield file
        unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)
