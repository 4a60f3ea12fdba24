"""Where files of a run may be, told before anything is touched."""

from pathlib import Path
from typing import Any, Literal

from ops.replay.errors import WrongCall


def check_place(path: Path) -> None:
    """Raises WrongCall: no file can be there."""
    try:
        if not path.parent.is_dir():
            raise WrongCall(f"There is no folder {path.parent}: make it first.")
        if path.is_dir():
            raise WrongCall(f"{path} is a folder: name a file in it.")
        if path.exists() and not path.is_file():
            raise WrongCall(f"{path} is no file but a device or a pipe: what goes there goes by --to-stdout.")
        if path.is_symlink() and not path.exists():
            raise WrongCall(f"{path} is a link to nothing: name another file.")
    except OSError as error:
        raise WrongCall(f"{path} can be no file: {error.strerror}.") from error


def opened(path: Path, mode: Literal["rb", "ab", "xb", "r+b"]) -> Any:  # noqa: ANN401 -- BinaryIO, by any of its classes
    """The file, open.

    Raises:
        WrongCall: it cannot be opened.
    """
    try:
        return path.open(mode)
    except OSError as error:
        raise WrongCall(f"{path} cannot be opened: {error.strerror}.") from error
