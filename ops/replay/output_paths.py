"""Checks the paths of a run's files before anything is written."""

from pathlib import Path
from typing import Any, Literal

from ops.replay.errors import InvalidRequest


def check_output_path(path: Path) -> None:
    """Checks that a file can be created or opened at this path.

    Raises:
        InvalidRequest: no file can be created or opened.
    """
    try:
        if not path.parent.is_dir():
            raise InvalidRequest(f"There is no folder {path.parent}: create it first.")
        if path.is_dir():
            raise InvalidRequest(f"{path} is a folder: give the path of a file.")
        if path.exists() and not path.is_file():
            raise InvalidRequest(f"{path} is a device or a pipe, not a file: use --to-stdout and redirect it.")
        if path.is_symlink() and not path.exists():
            raise InvalidRequest(f"{path} is a broken symbolic link: choose another file.")
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be used as a file: {error.strerror}.") from error


def open_file(path: Path, mode: Literal["rb", "ab", "xb", "r+b"]) -> Any:  # noqa: ANN401 -- BinaryIO, by any of its classes
    """Opens the file.

    Raises:
        InvalidRequest: the file cannot be opened.
    """
    try:
        return path.open(mode)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be opened: {error.strerror}.") from error
