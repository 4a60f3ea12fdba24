"""Writes a month's files with each engine: DuckDB or Spark on this machine, or the stack's Glue job."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from consumers.lake import table
from local_stack.errors import CommandError
from ops.lake.compact.glue_run import refuse_without_job, run_job_of
from ops.lake.compact.month import number_of_events, write_month
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_errors import translated
from ops.lake.query.files import LakeFiles, listed, listed_size
from ops.lake.spark.local_job import download, refuse_without_spark, run_job

Write = Callable[[str, Sequence[str], str], int]
"""See `Compaction.write`."""
Progress = Callable[[str], None]
"""Called with each step, and with the key of each file that is written."""

SPACE = {"local": 2.0, "spark": 4.0}
"""The temporary space that an engine needs, as a multiple of the size of the month's files; see docs/lake.md."""


class MonthTooLarge(CommandError):
    """The month may not fit into the temporary folder. Nothing was written."""


def with_duckdb(lake: Lake, progress: Progress) -> Write:
    """DuckDB on this machine."""

    def put(key: str, file: Path) -> None:
        lake.s3.upload_file(str(file), lake.bucket, key)
        progress(key)

    def write(month: str, days: Sequence[str], name: str) -> int:
        with _folder(lake, month, "local") as folder:
            return write_month(lake.duckdb(f"{month}-*"), f"s3://{lake.bucket}", month, days, name, folder, put)

    return write


def with_spark(lake: Lake, progress: Progress) -> Write:
    """Spark on this machine: the files are downloaded, compacted and verified here, and then uploaded.

    Raises:
        SparkMissing: the job cannot run on this machine.
    """
    refuse_without_spark()

    def write(month: str, days: Sequence[str], name: str) -> int:
        with _folder(lake, month, "spark") as folder:
            keys = LakeFiles.of(lake.s3, lake.bucket, f"dt={month}-").keys_of(days)
            progress(f"downloading {len(keys)} files of {month}")
            download(lake.s3, lake.bucket, [(key, folder / "lake" / key) for key in keys])
            run_job("compaction_job", _options(str(folder / "lake"), month, days, name), folder, progress)
            for file in sorted((folder / "lake" / table.MONTHS_PREFIX).rglob("*.parquet")):
                key = file.relative_to(folder / "lake").as_posix()
                lake.s3.upload_file(str(file), lake.bucket, key)
                progress(key)
        return _events_of(lake, month, name)

    return write


def with_glue(lake: Lake, progress: Progress) -> Write:
    """The stack's Glue job.

    Raises:
        CommandError: the stack has no job, or the job has no code.
    """
    refuse_without_job(lake)

    def write(month: str, days: Sequence[str], name: str) -> int:
        run_job_of(lake, _options(f"s3://{lake.bucket}/", month, days, name), wait=time.sleep, progress=progress)
        return _events_of(lake, month, name)

    return write


def _options(lake: str, month: str, days: Sequence[str], name: str) -> dict[str, str]:
    """The options of `ops.lake.spark.compaction_job`."""
    return {"--lake": lake, "--month": month, "--days": ",".join(days), "--compaction": name}


def _events_of(lake: Lake, month: str, name: str) -> int:
    """The number of events in a compaction's files, by their footers in the bucket."""
    prefix = f"{table.MONTHS_PREFIX}dt_month={month}/"
    keys = [key for key, _ in listed(lake.s3, lake.bucket, prefix) if key.endswith(f"/{name}.parquet")]
    connection = lake.connection()
    with translated(connection):
        return number_of_events(connection, [f"s3://{lake.bucket}/{key}" for key in keys])


@contextmanager
def _folder(lake: Lake, month: str, engine: str) -> Iterator[Path]:
    """A temporary folder for a month.

    Raises:
        MonthTooLarge: it has less free space than the month may need.
    """
    size = listed_size(lake.s3, lake.bucket, f"{table.EVENTS_PREFIX}dt={month}-")
    with tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as name:
        refuse_too_large(month, size, engine, shutil.disk_usage(name).free, Path(name).parent)
        yield Path(name)


def refuse_too_large(month: str, size: int, engine: str, free: int, folder: Path) -> None:
    """Compare the free space of the temporary folder with what an engine needs; see `_folder`."""
    needed = {name: f"{size * factor / 1e9:.1f} GB" for name, factor in SPACE.items()}
    if size * SPACE[engine] > free:
        others = "".join(f" --engine {name} needs about {space}." for name, space in needed.items() if name != engine)
        raise MonthTooLarge(
            f"{month} has {size / 1e9:.1f} GB of files. The engine {engine} needs about {needed[engine]} for it in "
            f"{folder}, which has {free / 1e9:.1f} GB free. Set TMPDIR to a folder with more space, or use "
            f"--engine aws, which needs no space on this machine.{others}"
        )
