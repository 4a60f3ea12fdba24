"""A table's stream from the table's export to S3 in DynamoDB JSON: one `{"Item": {...}}` per line."""

import os
from pathlib import Path

from account_events.testing.errors import BadSource
from account_events.testing.export_folder import SUMMARY, export_at
from account_events.testing.files import lines
from account_events.testing.records import Image
from account_events.testing.table_key import Order, TableKey, type_of
from account_events.testing.table_stream import TableStream

INCREMENTAL = {"Keys", "Metadata", "NewImage", "OldImage"}


def from_export(path: str | os.PathLike[str], key: TableKey) -> TableStream:
    """The items of an export as INSERT records: one partition key after the other, each in order of its sort key.

    An export has no order across partition keys; use `shuffled` to mix them.

    Args:
        path: a data file, an export's folder, or a folder of data files, which is read with its subfolders. An export's
            folder must contain every file of its manifest, complete, and no other data file.
        key: the table's key.

    Raises:
        BadSource: a file or a line is not valid; the message names it.
    """
    found: dict[Order, Image] = {}
    types: dict[str, str] = {}
    export = export_at(Path(path))
    for file, count in export.files:
        items = 0
        for where, line in lines(file):
            items += 1
            image = _image(where, line)
            _check_key(where, image, key, types)
            if (order := key.order(image)) in found:
                raise BadSource(f"{where}: item {key.text(image)} appears a second time")
            found[order] = image
        if count is not None and items != count:
            raise BadSource(f"{file}: {items} items, but the manifest has {count}: fetch it again")
    if export.items is not None and len(found) != export.items:
        raise BadSource(f"{path}: {len(found)} items in all, but {SUMMARY} has {export.items}: fetch it again")
    if not found:
        raise BadSource(f"{path}: it contains no item")
    return TableStream.of_images((found[order] for order in sorted(found)), key)


def _image(where: str, line: object) -> Image:
    match line:
        case {"Item": dict(image), **others} if not others:
            return image
        case dict() if INCREMENTAL & line.keys():
            raise BadSource(f"{where}: from an incremental export; export the table in full")
    raise BadSource(f'{where}: expected {{"Item": {{...}}}} and nothing else')


def _check_key(where: str, image: Image, key: TableKey, types: dict[str, str]) -> None:
    """Check that an item belongs to this table: its key attributes have the same types as those of the first item."""
    if fault := key.fault_in(image):
        raise BadSource(f"{where}: not an item of this table: its key attribute {fault}")
    for name in key.names:
        if (kind := type_of(image[name])) != types.setdefault(name, kind):
            raise BadSource(f"{where}: not an item of this table: {name} has type {kind}, but {types[name]} before")
