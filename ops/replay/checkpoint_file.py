"""The checkpoint on disk: replaced in one step, and one run's alone."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ops.replay.errors import NotResumable, WrongCall
from ops.replay.output_paths import check_place, opened
from ops.replay.state import State, from_json, is_checkpoint, to_json


class CheckpointFile:
    """Args: asked: what the run is to do; see `state.to_json`."""

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        self.path = path
        self._asked = asked

    @contextmanager
    def held(self) -> Iterator[None]:
        """No second run has it meanwhile.

        Raises:
            WrongCall: no file can be there, or one that is no checkpoint.
            NotResumable: a second run does.
        """
        check_place(self.path)
        lock = self.path.with_name(f"{self.path.name}.lock")
        check_place(lock)
        if lock.exists() and lock.stat().st_size:
            raise WrongCall(f"{lock} is no lock of a replay: name another place with --checkpoint.")
        if self.path.exists():
            self._saved()
        with opened(lock, "ab") as file:
            if not _is_ours(file, lock):
                raise NotResumable(f"Another replay is running with the checkpoint {self.path}: let it end.")
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)

    def exists(self) -> bool:
        return self.path.exists()

    def load(self) -> State:
        """Raises NotResumable: there is none, or it is damaged, or another run's. WrongCall: it is something else."""
        if not self.exists():
            raise NotResumable(f"There is no checkpoint {self.path}: leave out --resume to begin.")
        return from_json(self._saved(), self._asked)

    def _saved(self) -> object:
        with opened(self.path, "rb") as file:
            try:
                saved = json.load(file)
            except (ValueError, RecursionError):
                saved = None
        if not is_checkpoint(saved):
            raise WrongCall(f"{self.path} is no checkpoint of a replay: name another file with --checkpoint.")
        return saved

    def save(self, state: State) -> None:
        """Either the old one or the new one is there, whenever the power goes."""
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
        """The run is at its end."""
        self.path.unlink(missing_ok=True)


def _is_ours(file: BinaryIO, lock: Path) -> bool:
    """Whether we have it, and it is still the file that others find: its last owner deletes it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
