"""A file, or stdout, as a sink."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from ops.replay.errors import NotResumable, WrongCall
from ops.replay.output_paths import check_place, opened
from projector.outgoing import Outgoing


class FileSink:
    """A file that holds nothing but whole events after a resume: what a kill left behind the checkpoint is cut off.

    Args:
        path: made if it is not there.
        position: as the checkpoint has it; None for a new run, which takes no file that has something in it.
        write_event: the file's format.

    Raises:
        WrongCall: no file can be there, or the file is not empty.
        NotResumable: it is shorter than what was written.
    """

    def __init__(self, path: Path, position: int | None, write_event: Callable[[bytes], bytes]) -> None:
        check_place(path)
        self._write_event = write_event
        is_there = path.exists()
        size = path.stat().st_size if is_there else 0
        if position is None and size:
            raise WrongCall(f"{path} is not empty: choose another file, or delete it.")
        if position is not None and size < position:
            raise NotResumable(f"{path} is shorter than the checkpoint says: begin anew.")
        self._file: BinaryIO = opened(path, "r+b" if is_there else "xb")
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
    """A stream of bytes such as stdout, which cannot be taken back."""

    def __init__(self, output: BinaryIO, write_event: Callable[[bytes], bytes]) -> None:
        self._output = output
        self._write_event = write_event

    def write(self, events: Sequence[Outgoing]) -> int:
        self._output.writelines(self._write_event(event.data) for event in events)
        return 0

    def flush(self) -> int | None:
        self._output.flush()
        return None
