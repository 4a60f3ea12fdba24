"""Runs the Spark job on this machine for `account-events reconcile --engine spark`: downloads, starts, reports."""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from consumers.lake.table import MONTHS_PREFIX
from ops.lake.deployed_lake import Lake
from ops.lake.query.files import LakeFiles, listed
from ops.lake.query.history import history_of
from ops.lake.reconcile.grace import grace_of
from ops.lake.reconcile.result import STRAYS_MAX, Files, Finding, ReconciliationResult, finding_in, from_json
from ops.lake.spark.local_job import DOWNLOADS, download, refuse_without_spark, run_job
from ops.ledger.export.location import FoundExport, Location, find_export
from ops.ledger.export.manifest import SMALL_FILES, Table


def reconciled_by_spark(
    lake: Lake,
    location: str,
    *,
    grace_s: float | None,
    found: Callable[[Finding], None],
    doing: Callable[[str], None],
) -> ReconciliationResult:
    """Reconcile a lake with an export of its ledger.

    Args:
        lake: the deployed lake.
        location: the export; see `find_export`.
        grace_s: the option of `account-events reconcile`.
        found: called with every finding, ordered by account and sequence.
        doing: called at the start of each step.

    Raises:
        BadExport: there is no such export, or it cannot be used.
        SparkMissing: the job cannot run on this machine.
        SparkFailed: the job refused its input or failed.
    """
    refuse_without_spark()
    described = lake.deployment.client("dynamodb").describe_table(TableName=lake.outputs["TableName"])["Table"]
    table = Table(described["TableArn"], described.get("TableId") or described["TableArn"])
    export = find_export(lake.s3, location, table, lake.outputs["LedgerExportsName"], skipped=doing)
    files = LakeFiles.of(lake.s3, lake.bucket)  # before they are read, so that later changes count as not compared
    first_day = lake.outputs["LakeFirstDay"]
    with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        store = lake.history_store()
        history = history_of(store.read()[0], files.digests, store.compactions())
        months = history.files(key for key, _ in listed(lake.s3, lake.bucket, MONTHS_PREFIX))
        keys = [*files.keys(first_day), *months]
        doing(f"downloading the lake's {len(keys)} files")
        (folder / "lake" / "events").mkdir(parents=True)
        download(lake.s3, lake.bucket, [(key, folder / "lake" / key) for key in keys])
        (folder / "history.json").write_text(history.to_json(), encoding="utf-8")
        options = {
            "--export": str(_local(export, folder / "export", doing)),
            "--lake": str(folder / "lake"),
            "--table-arn": table.arn,
            "--table-id": table.table_id or "",
            "--first-day": first_day,
            "--grace-s": str(grace_of(lake) if grace_s is None else grace_s),
            "--result": str(folder / "result.json"),
            "--findings": str(folder / "findings.jsonl"),
            "--history": str(folder / "history.json"),
        }
        run_job("job", options, folder, doing)
        with (folder / "findings.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                found(finding_in(line))
        result = from_json((folder / "result.json").read_bytes())
    strays = files.strays(datetime.now(UTC).date())
    return replace(result, files=Files(files.digests, len(strays), tuple(strays[:STRAYS_MAX])))


def _local(export: FoundExport, folder: Path, doing: Callable[[str], None]) -> Path:
    """The export's folder on this machine."""
    place = export.files
    names = [name for name in place.names() if name in SMALL_FILES]
    names += [file.key for file in export.export.files]
    if names and (path := place.local(names[0])) is not None:
        return path.parent
    doing(f"downloading the export's {len(export.export.files)} data files")
    (folder / "data").mkdir(parents=True)
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        list(pool.map(lambda name: _copy(place, name, folder / name), names))
    return folder


def _copy(place: Location, name: str, path: Path) -> None:
    with path.open("wb") as file:
        for chunk in place.chunks(name):
            file.write(chunk)
