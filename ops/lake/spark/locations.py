"""Where the job reads and writes: folders on this machine, or buckets."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from consumers.lake import table
from ops.lake.query.files import LakeFiles, listed
from ops.lake.query.history import History, history_of
from ops.lake.query.history_store import HistoryStore
from ops.lake.reconcile.result import LATEST_KEY, ReconciliationResult, to_json
from ops.ledger.export.location import S3, Folder, Location, S3Prefix
from ops.ledger.export.manifest import BadExport, DataFile
from ops.ledger.export.verified import verified

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


_NO_CLIENT: "S3Client" = cast("S3Client", None)
"""What reads a folder, which never calls it."""


def s3_client(location: str) -> "S3Client":
    """A client for a location in a bucket. A job that uses only folders needs neither boto3 nor credentials."""
    if not location.startswith(S3):
        return _NO_CLIENT
    import boto3  # noqa: PLC0415 -- see above

    return boto3.client("s3")


def root_of(lake: str) -> str:
    """The lake's folder or bucket, with a slash at the end."""
    return f"{lake.rstrip('/')}/" if lake.startswith(S3) else f"{Path(lake).resolve()}/"


def lake_files(root: str) -> LakeFiles:
    """The lake's files as they are now. Files in a folder have no ETags, so their digests are those of their names."""
    return LakeFiles(_listed(root, table.EVENTS_PREFIX))


def history_in(root: str, digests: Mapping[str, str]) -> History:
    """What queries read from `account_months`, given the digests of the files below `events/` in a bucket.

    A folder has no ETags, so nothing is known about one: queries may read nothing from there.
    """
    if not root.startswith(S3):
        return History()
    store = HistoryStore(s3_client(root), root.removeprefix(S3).rstrip("/"))
    return history_of(store.read()[0], digests, store.compactions())


def month_files(root: str, history: History) -> list[str]:
    """The files of `account_months` that queries read."""
    return history.files(key for key, _ in _listed(root, table.MONTHS_PREFIX))


def month_keys(root: str, month: str, compaction: str) -> list[str]:
    """The files of a compaction of a month."""
    there = {key for key, _ in _listed(root, f"{table.MONTHS_PREFIX}dt_month={month}/")}
    keys = (f"{table.month_prefix(month, bucket)}{compaction}.parquet" for bucket in table.BUCKETS)
    return [key for key in keys if key in there]


def put(file: Path, target: str) -> None:
    """Move a file to a folder or a bucket. It is there as a whole or not at all."""
    if target.startswith(S3):
        bucket, _, key = target.removeprefix(S3).partition("/")
        s3_client(target).upload_file(str(file), bucket, key)
        return
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    shutil.move(file, unfinished)
    unfinished.replace(path)


def problems(place: str, files: Iterable[DataFile]) -> Iterator[str]:
    """The reason why each of these data files of an export cannot be used, if it cannot; see `verified`."""
    location = _location(place)
    with tempfile.TemporaryDirectory(prefix="account-events-") as folder:
        for file in files:
            try:
                with verified(location, file, Path(folder)):
                    pass
            except BadExport as error:
                yield str(error)


def save(result: ReconciliationResult, place: str, lake: str) -> None:
    """Write the result to a file or an object; also to a lake in a bucket, as the latest result and under its time."""
    body = to_json(result)
    keys = [result.key, LATEST_KEY] if lake.startswith(S3) else []
    for name in (*(f"{lake}{key}" for key in keys), place):
        if not name.startswith(S3):
            Path(name).write_bytes(body)
            continue
        bucket, _, key = name.removeprefix(S3).partition("/")
        s3_client(name).put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def _location(place: str) -> Location:
    if not place.startswith(S3):
        return Folder(Path(place))
    bucket, _, prefix = place.removeprefix(S3).partition("/")
    return S3Prefix(s3_client(place), bucket, prefix)


def _listed(root: str, prefix: str) -> Iterator[tuple[str, str]]:
    """The keys below a prefix, and their ETags."""
    if root.startswith(S3):
        yield from listed(s3_client(root), root.removeprefix(S3).rstrip("/"), prefix)
        return
    for path in (Path(root) / prefix).rglob("*"):
        if path.is_file():
            yield path.relative_to(root).as_posix(), ""
