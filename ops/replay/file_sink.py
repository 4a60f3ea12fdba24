"""Sinks that write events to a file or to stdout."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from ops.replay.errors import InvalidRequest, NotResumable
from ops.replay.output_paths import check_output_path, open_file
from projector.outgoing import Outgoing


class FileSink:
    """A file. When a run is resumed, the file is truncated to the checkpoint's position.

    Args:
        path: created if it does not exist.
        position: the length at the checkpoint; None for a new run, which requires an empty file.
        write_event: encodes an event in the file's format.

    Raises:
        InvalidRequest: the path cannot be a file, or the file is not empty.
        NotResumable: the file is shorter than the checkpoint's position.
    """

    def __init__(self, path: Path, position: int | None, write_event: Callable[[bytes], bytes]) -> None:
        check_output_path(path)
        self._write_event = write_event
        exists = path.exists()
        size = path.stat().st_size if exists else 0
        if position is None and size:
            raise InvalidRequest(f"{path} is not empty: choose another file, or delete it.")
        if position is not None and size < position:
            raise NotResumable(f"{path} is shorter than its checkpoint records: delete both and start a new run.")
        self._file: BinaryIO = open_file(path, "r+b" if exists else "xb")
        self._file.truncate(position or 0)
        self._file.seek(position or 0)

    def write(self, events: Sequence[Outgoing]) -> int:
        self._file.writelines(self._write_event(event.data) for event in events)
        return 0

    def flush(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


class OutputSink:
    """A byte stream such as stdout, which cannot be rewound."""

    def __init__(self, output: BinaryIO, write_event: Callable[[bytes], bytes]) -> None:
        self._output = output
        self._write_event = write_event

    def write(self, events: Sequence[Outgoing]) -> int:
        self._output.writelines(self._write_event(event.data) for event in events)
        return 0

    def flush(self) -> int | None:
        self._output.flush()
        return None
