"""An export's folder: finds its data files, and refuses files that are damaged or that no export contains.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html: `manifest-files.json` lists the data
files with their item counts and MD5 checksums, `manifest-summary.json` has the total; each has a checksum file.
"""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from account_events.testing.errors import BadSource
from account_events.testing.files import ION, documents, lines

MANIFEST = "manifest-files.json"
SUMMARY = "manifest-summary.json"
# The documentation names .checksum; exports with .md5 have been observed.
CHECKSUMS = {f"{Path(name).stem}{suffix}": name for name in (MANIFEST, SUMMARY) for suffix in (".checksum", ".md5")}
NOT_DATA = {"_started", MANIFEST, SUMMARY, *CHECKSUMS}
DATA_SUFFIXES = (".json.gz", ".json")
ION_SUFFIXES = (".ion.gz", ".ion")
SYSTEM_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Files that macOS and Windows create in folders; these and `._*` are the only files that are ignored."""


@dataclass(frozen=True, slots=True)
class Export:
    """The files of an export.

    Attributes:
        files: the data files, each with its number of items in the manifest; None without a manifest.
        items: the total number of items in the summary; None without a summary.
    """

    files: list[tuple[Path, int | None]]
    items: object = None


def export_at(path: Path) -> Export:
    """Find a data file, or all data files of a folder.

    Raises:
        BadSource: a file is missing, damaged, in Ion, or not part of an export.
    """
    if not path.is_dir():
        _refuse_ion(str(path), path.name)
        return Export([(path, None)])
    for name, of in CHECKSUMS.items():
        _check_manifest(path / name, path / of)
    summary = _summary(path)
    data = [file for file in _below(path) if file.parent != path or file.name not in NOT_DATA]
    for file in data:
        _refuse_ion(str(file), file.name)
    if os.path.lexists(path / MANIFEST):
        listed = list(_listed(path))
        if others := sorted({*data} - {file for file, _ in listed}):
            raise BadSource(f"{others[0]}: not in {MANIFEST}; move it elsewhere, or delete an incomplete download")
        return Export([*listed], summary.get("itemCount"))
    if not data:
        raise BadSource(f"{path}: there is neither {MANIFEST} nor a file that ends in .json.gz or .json")
    for file in data:
        _check_unlisted(file)
    return Export([(file, None) for file in data], summary.get("itemCount"))


def _below(folder: Path, *above: Path) -> Iterator[Path]:
    """All files in the folder and its subfolders, except those of the operating system."""
    above = (*above, folder.resolve())
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise BadSource(f"{folder}: {error.strerror or error}") from error
    for entry in entries:
        if entry.is_dir():
            if entry.resolve() in above:
                raise BadSource(f"{entry}: a link to a folder that contains the link; delete it")
            yield from _below(entry, *above)
        elif entry.name not in SYSTEM_FILES and not entry.name.startswith("._"):
            yield entry


def _check_unlisted(file: Path) -> None:
    if file.name in (MANIFEST, SUMMARY):
        raise BadSource(f"{file}: the start of another export; pass that export's folder, {file.parent}")
    if not file.is_file():
        raise BadSource(f"{file}: not a readable file (a broken link, or a pipe); fetch it again, or delete it")
    if not file.name.endswith(DATA_SUFFIXES):
        raise BadSource(
            f"{file}: an export's data files end in .json.gz or .json; fetch it again if its download is "
            "incomplete, decompress it, or move it elsewhere"
        )
    if not file.stat().st_size:
        raise BadSource(f"{file}: empty, and only {MANIFEST} can confirm that; fetch the manifest, or delete the file")


def _listed(folder: Path) -> Iterator[tuple[Path, int]]:
    for where, entry in lines(folder / MANIFEST):
        match entry:
            case {"dataFileS3Key": str(key), "itemCount": int(count)}:
                file = folder / "data" / key.rpartition("/")[2]
                _refuse_ion(where, file.name)
                _check(where, file, entry.get("md5Checksum"))
                yield file, count
            case _:
                raise BadSource(f"{where}: dataFileS3Key and itemCount are required")


def _summary(folder: Path) -> Mapping[str, Any]:
    if not os.path.lexists(folder / SUMMARY):
        return {}
    [(where, summary), *more] = documents(folder / SUMMARY)
    if not isinstance(summary, dict) or more:
        raise BadSource(f"{where}: a summary must be one JSON object")
    if (form := summary.get("outputFormat", "DYNAMODB_JSON")) != "DYNAMODB_JSON":
        raise BadSource(f"{where}: outputFormat is {form}; export in DYNAMODB_JSON")
    if (kind := summary.get("exportType", "FULL_EXPORT")) != "FULL_EXPORT":
        raise BadSource(f"{where}: exportType is {kind}; export the table in full")
    if type(summary.get("itemCount", 0)) is not int:
        raise BadSource(f"{where}: itemCount is {summary['itemCount']!r}, not a number; fetch the file again")
    return summary


def _refuse_ion(where: str, name: str) -> None:
    if name.endswith(ION_SUFFIXES):
        raise BadSource(f"{where}: {name} is {ION}")


def _check(where: str, file: Path, checksum: object) -> None:
    try:
        digests = _md5(file)
    except (OSError, ValueError) as error:  # ValueError: the name contains a NUL
        raise BadSource(f"{where}: {file.name} is missing; fetch the export's data folder, too") from error
    if checksum is not None and checksum not in digests:
        raise BadSource(f"{file}: its MD5 differs from the manifest's: fetch it again")


def _check_manifest(checksum: Path, manifest: Path) -> None:
    """Verify a manifest's checksum: an incomplete download must not be accepted."""
    if not os.path.lexists(checksum):
        return
    if not os.path.lexists(manifest):
        raise BadSource(f"{manifest}: missing, but its checksum {checksum.name} is there; fetch it, too")
    try:
        expected, digests = checksum.read_text(encoding="ascii", errors="replace").split(), _md5(manifest)
    except OSError as error:
        raise BadSource(f"{error.filename}: {error.strerror or error}") from error
    if not digests.intersection(expected):
        raise BadSource(f"{manifest}: its MD5 is not in {checksum.name}: fetch both again")


def _md5(file: Path) -> set[str]:
    """The MD5 in Base64, as in manifests, and in hexadecimal."""
    digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).digest()
    return {base64.b64encode(digest).decode(), digest.hex()}
