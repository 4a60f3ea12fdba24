"""The checkpoint file: replaced atomically, and locked by one run at a time."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ops.replay.errors import InvalidRequest, NotResumable
from ops.replay.output_paths import check_output_path, open_file
from ops.replay.state import State, from_json, is_checkpoint, to_json


class CheckpointFile:
    """The checkpoint file of a run.

    Args:
        path: the file, which need not exist.
        asked: the run's request in JSON; see `state.to_json`.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        self.path = path
        self._asked = asked

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the checkpoint against other runs.

        Raises:
            InvalidRequest: the path cannot be a file, or the file there is not a checkpoint.
            NotResumable: another run holds the lock.
        """
        check_output_path(self.path)
        lock = self.path.with_name(f"{self.path.name}.lock")
        check_output_path(lock)
        if lock.exists() and lock.stat().st_size:
            raise InvalidRequest(f"{lock} is not a replay's lock file: choose another path with --checkpoint.")
        if self.path.exists():
            self._saved()
        with open_file(lock, "ab") as file:
            if not _acquire(file, lock):
                raise NotResumable(f"Another replay is using the checkpoint {self.path}: wait until it ends.")
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def exists(self) -> bool:
        return self.path.exists()

    def load(self) -> State:
        """The saved state.

        Raises:
            NotResumable: there is no checkpoint, or it is damaged or belongs to another run.
            InvalidRequest: the file is not a checkpoint.
        """
        if not self.exists():
            raise NotResumable(f"There is no checkpoint {self.path}: omit --resume to start a new run.")
        return from_json(self._saved(), self._asked)

    def _saved(self) -> object:
        with open_file(self.path, "rb") as file:
            try:
                saved = json.load(file)
            except (ValueError, RecursionError):
                saved = None
        if not is_checkpoint(saved):
            raise InvalidRequest(f"{self.path} is not a replay checkpoint: choose another file with --checkpoint.")
        return saved

    def save(self, state: State) -> None:
        """Replaces the checkpoint. A crash or power cut leaves either the old or the new one."""
        new = self.path.with_name(f"{self.path.name}.new")
        with new.open("wb") as file:
            file.write(json.dumps(to_json(state, self._asked)).encode())
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def delete(self) -> None:
        """Deletes the checkpoint. Call it once the run is complete."""
        self.path.unlink(missing_ok=True)


def _acquire(file: BinaryIO, lock: Path) -> bool:
    """Whether the lock was acquired, on the file still at this path: the previous holder deletes its lock file."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
