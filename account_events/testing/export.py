"""A table's stream from an export of the table to S3, in DynamoDB JSON.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html: data files of one
`{"Item": {...}}` on a line, gzip; `manifest-files.json` lists them with their item counts and MD5 checksums.
"""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from account_events.testing.errors import BadSource
from account_events.testing.files import documents, lines
from account_events.testing.records import Image
from account_events.testing.table_stream import TableStream, has_key

MANIFEST = "manifest-files.json"
SUMMARY = "manifest-summary.json"
DATA_SUFFIXES = (".json.gz", ".json")
ION_SUFFIXES = (".ion.gz", ".ion")


def from_export(path: str | os.PathLike[str]) -> TableStream:
    """The rows of an export as if they had just been inserted, account by account, each by version.

    An export has no order, and says nothing of the accounts' order among each other: `shuffled` mixes them.

    Args:
        path: a data file, the export's folder (with its manifest: every file has to be there and whole), or a folder
            of data files.

    Raises:
        BadSource: a file or a line is not what it should be; with its name and number.
    """
    found: dict[tuple[str, int], Image] = {}
    files = _data_files(Path(path))
    for file, count in files:
        items = 0
        for where, line in lines(file):
            items += 1
            image = _image(where, line)
            key = _key(where, image)
            if key in found:
                raise BadSource(f"{where}: row {key[0]}/{key[1]} is there a second time")
            found[key] = image
        if count is not None and items != count:
            raise BadSource(f"{file}: {items} items, where the manifest has {count}: fetch it again")
    if not found:
        raise BadSource(f"{path}: there is no item in it")
    return TableStream.of_images(found[key] for key in sorted(found))


def _image(where: str, line: object) -> Image:
    match line:
        case {"Item": dict(image)}:
            return image
        case {"Keys": _} | {"Metadata": _}:
            raise BadSource(f"{where}: an incremental export's; export the table in full")
    raise BadSource(f'{where}: {{"Item": {{...}}}} is due')


def _key(where: str, image: Image) -> tuple[str, int]:
    match image:
        case {"AccountId": {"S": str(account_id)}, "Version": {"N": str(version)}} if has_key(image):
            return account_id, int(version)
    raise BadSource(f"{where}: no row of the accounts' table: AccountId S and Version N are due")


def _data_files(path: Path) -> list[tuple[Path, int | None]]:
    """With the number of items that the manifest promises, where there is one."""
    if not path.is_dir():
        if path.name.endswith(ION_SUFFIXES):
            raise BadSource(f"{path}: Amazon Ion; export in DynamoDB JSON (ExportFormat=DYNAMODB_JSON)")
        return [(path, None)]
    if (path / MANIFEST).is_file():
        return list(_listed(path))
    folder = path / "data" if (path / "data").is_dir() else path
    files = sorted(file for file in folder.iterdir() if file.name.endswith((*DATA_SUFFIXES, *ION_SUFFIXES)))
    if not files:
        raise BadSource(f"{path}: there is neither {MANIFEST} nor a file that ends in .json.gz or .json")
    return [one for file in files for one in _data_files(file)]


def _listed(folder: Path) -> Iterator[tuple[Path, int]]:
    summary = _summary(folder)
    if (form := summary.get("outputFormat", "DYNAMODB_JSON")) != "DYNAMODB_JSON":
        raise BadSource(f"{folder / SUMMARY}: outputFormat is {form}; export in DYNAMODB_JSON")
    promised, items = summary.get("itemCount"), 0
    for where, entry in lines(folder / MANIFEST):
        match entry:
            case {"dataFileS3Key": str(key), "itemCount": int(count)}:
                file = folder / "data" / key.rpartition("/")[2]
                _check(where, file, entry.get("md5Checksum"))
                items += count
                yield file, count
            case _:
                raise BadSource(f"{where}: dataFileS3Key and itemCount are due")
    if promised is not None and items != promised:
        raise BadSource(f"{folder / MANIFEST}: {items} items in all, where {SUMMARY} has {promised}")


def _summary(folder: Path) -> Mapping[str, Any]:
    if not (folder / SUMMARY).is_file():
        return {}
    [(where, summary), *_] = documents(folder / SUMMARY)
    if not isinstance(summary, dict):
        raise BadSource(f"{where}: a summary is an object")
    return summary


def _check(where: str, file: Path, checksum: str | None) -> None:
    try:
        digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).digest()
    except OSError as error:
        raise BadSource(f"{where}: {file.name} is not there; fetch the export's data folder, too") from error
    if checksum is not None and base64.b64encode(digest).decode() != checksum:
        raise BadSource(f"{file}: its MD5 is not the manifest's: fetch it again")
