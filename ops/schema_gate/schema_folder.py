"""Reads a folder of schemas, and writes files to it atomically."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ops.schema_gate.gate import DIGESTS, FINGERPRINTS, Files

_HISTORY = "history"


def read(folder: Path) -> Files:
    """Reads a folder of schemas.

    Raises:
        OSError: `folder` is not a folder, or a file cannot be read.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder: name the folder that holds <Name>.avsc with --folder")
    published: dict[str, dict[int, bytes]] = {}
    strays = []
    for path in _below(folder / _HISTORY):
        where = path.relative_to(folder)
        version = _version(where)
        if version:
            published.setdefault(where.parts[1], {})[version] = path.read_bytes()
        elif where.as_posix() != DIGESTS and not _is_unfinished(path):
            strays.append(where.as_posix())
    working = [path for path in sorted(folder.glob("*.avsc")) if not path.name.startswith(".")]
    strays += [path.relative_to(folder).as_posix() for path in _below(folder) if _is_elsewhere(path, folder, working)]
    return Files(
        working={path.stem: path.read_bytes() for path in working},
        published=published,
        strays=strays,
        digests=_optional(folder / DIGESTS),
        fingerprints=_optional(folder / FINGERPRINTS),
    )


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Writes files in order, each atomically, even if the process is interrupted.

    Args:
        folder: the folder of schemas.
        contents: the files' contents by path below the folder.

    Raises:
        OSError: a file could not be written; the files before it are written.
    """
    for where, data in contents.items():
        path = folder / where
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=_UNFINISHED, delete=False) as unfinished:
            scratch = Path(unfinished.name)
            try:
                unfinished.write(data)
                unfinished.flush()
                os.fsync(unfinished.fileno())
                scratch.chmod(0o644)
                scratch.replace(path)
            finally:
                scratch.unlink(missing_ok=True)


_UNFINISHED = ".unfinished"


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() or path.is_symlink())


def _is_elsewhere(path: Path, folder: Path, working: Sequence[Path]) -> bool:
    """Whether the file is named like a schema, but is neither a working schema nor in the history."""
    is_in_history = path.relative_to(folder).parts[0] == _HISTORY
    return (
        path.suffix.lower() == ".avsc" and not is_in_history and not path.name.startswith("._") and path not in working
    )


def _version(where: Path) -> int | None:
    """The number in history/<Name>/<version>.avsc, without leading zeros; None for other paths."""
    match where.parts:
        case (_, _, file) if file.endswith(".avsc"):
            stem = file.removesuffix(".avsc")
            return int(stem) if stem.isascii() and stem.isdigit() and stem == str(int(stem)) and int(stem) else None
    return None


def _is_unfinished(path: Path) -> bool:
    """Whether this is a temporary file that a killed `write` left behind."""
    return path.name.startswith(".") and path.name.endswith(_UNFINISHED)


def _optional(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
