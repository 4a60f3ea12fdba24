"""Exports of a table in folders, with the files that AWS documents."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from local_stack.table_export import export_files
from ops.ledger.export.location import FoundExport, find_export
from ops.ledger.export.manifest import Table

TABLE = Table("arn:aws:dynamodb:eu-central-1:123456789012:table/accounts", "5b1e2f1c-0000-4000-8000-000000000001")
EXPORT_TIME = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPORT_ID = "01234567890123-a1b2c3d4"


def write_files(
    folder: Path,
    items: Iterable[Mapping[str, Any]],
    table: Table = TABLE,
    export_time: datetime = EXPORT_TIME,
    files: int = 4,
) -> Path:
    """Writes an export of these items, below the folder as below an export's prefix; returns its location."""
    location = folder / "AWSDynamoDB" / EXPORT_ID
    for name, content in export_files(
        items,
        table_arn=table.arn,
        table_id=table.table_id or "",
        export_time=export_time,
        export_id=EXPORT_ID,
        files=files,
    ):
        path = location / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return location


def found(folder: Path, table: Table = TABLE) -> FoundExport:
    """The export in a folder."""
    return find_export(Mock(), str(folder), table, "no-bucket")


def changed(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))
