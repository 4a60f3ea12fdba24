"""Wires the compaction of a deployed lake."""

import tempfile
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from consumers.lake import table
from ops.lake.compact.compaction import Compaction
from ops.lake.compact.month import write_month
from ops.lake.deployed_lake import Lake
from ops.lake.query.files import listed
from ops.lake.reconcile.grace import grace_of


def compaction_of(lake: Lake, progress: Callable[[str], object]) -> Compaction:
    """The compaction of a lake.

    Args:
        lake: the deployed lake.
        progress: called with the key of each file that is written.
    """

    def put(key: str, file: Path) -> None:
        lake.s3.upload_file(str(file), lake.bucket, key)
        progress(key)

    def write(month: str, days: Sequence[str], name: str) -> int:
        with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as folder:
            engine = lake.duckdb(f"{month}-*")
            return write_month(engine, f"s3://{lake.bucket}", month, days, name, Path(folder), put)

    def delete(name: str) -> None:
        for key, _ in list(listed(lake.s3, lake.bucket, table.MONTHS_PREFIX)):
            if key.endswith(f"/{name}.parquet"):
                lake.s3.delete_object(Bucket=lake.bucket, Key=key)

    return Compaction(
        lake.history_store(),
        write,
        lake.publish_history,
        delete,
        now=lambda: datetime.now(UTC),
        new_name=lambda month: f"{month}-{uuid.uuid4().hex[:12]}",
        grace=timedelta(seconds=grace_of(lake)),
        first_day=lake.outputs["LakeFirstDay"],
    )
