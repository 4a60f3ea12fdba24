"""Wires the compaction of a deployed lake."""

import uuid
from datetime import UTC, datetime, timedelta

from consumers.lake import table
from ops.lake.compact.compaction import Compaction
from ops.lake.compact.writers import Write
from ops.lake.deployed_lake import Lake
from ops.lake.query.files import listed
from ops.lake.reconcile.grace import grace_of


def compaction_of(lake: Lake, write: Write) -> Compaction:
    """The compaction of a lake.

    Args:
        lake: the deployed lake.
        write: writes and verifies a month's files with one of the engines, see `writers`.
    """

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
