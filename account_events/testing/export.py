"""A table's stream from an export of the table to S3, in DynamoDB JSON: `{"Item": {...}}` on each line of its files."""

import os
from pathlib import Path

from account_events.testing.errors import BadSource
from account_events.testing.export_folder import SUMMARY, export_at
from account_events.testing.files import lines
from account_events.testing.records import Image
from account_events.testing.table_stream import TableStream, has_key

INCREMENTAL = {"Keys", "Metadata", "NewImage", "OldImage"}


def from_export(path: str | os.PathLike[str]) -> TableStream:
    """The rows of an export as if they had just been inserted, account by account, each by version.

    An export has no order, and says nothing of the accounts' order among each other: `shuffled` mixes them.

    Args:
        path: a data file, the export's folder (with its manifest: every file has to be there and whole, and no other),
            or a folder of data files, all of which are read, those in folders within it, too.

    Raises:
        BadSource: a file or a line is not what it should be; with its name and number.
    """
    found: dict[tuple[str, int], Image] = {}
    export = export_at(Path(path))
    for file, count in export.files:
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
    if export.items is not None and len(found) != export.items:
        raise BadSource(f"{path}: {len(found)} items in all, where {SUMMARY} has {export.items}: fetch it again")
    if not found:
        raise BadSource(f"{path}: there is no item in it")
    return TableStream.of_images(found[key] for key in sorted(found))


def _image(where: str, line: object) -> Image:
    match line:
        case {"Item": dict(image), **others} if not others:
            return image
        case dict() if INCREMENTAL & line.keys():
            raise BadSource(f"{where}: an incremental export's; export the table in full")
    raise BadSource(f'{where}: {{"Item": {{...}}}} is due, and nothing else')


def _key(where: str, image: Image) -> tuple[str, int]:
    match image:
        case {"AccountId": {"S": str(account_id)}, "Version": {"N": str(version)}} if has_key(image):
            return account_id, int(version)
    raise BadSource(f"{where}: no row of the accounts' table: AccountId S and Version N are due")
