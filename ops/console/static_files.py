"""The page's files, from a folder: only the files that are in it when the server starts, each with a known type."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file and its Content-Type."""

    body: bytes
    content_type: str


def static_files(folder: Path) -> Mapping[str, StaticFile]:
    """The files by name. Requests are looked up in this mapping, so none reaches another path."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {
        path.name: StaticFile(path.read_bytes(), TYPES[path.suffix])
        for path in found
        if path.suffix in TYPES and path.is_file() and not path.is_symlink()
    }
