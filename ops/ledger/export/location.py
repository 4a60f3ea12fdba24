"""Where an export is: a folder, or a prefix in a bucket. Finds the export there, and the newest one in a bucket."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from ops.ledger.export.manifest import (
    FILES,
    SMALL_FILES,
    STARTED,
    SUMMARY,
    BadExport,
    Export,
    Table,
    export_of,
    missing_checksums,
    time_of_export,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

PREFIX = "exports/"
"""The prefix of all exports in the stack's bucket. Each has a prefix of its own below it."""
LATEST = "latest"
S3 = "s3://"
CHUNK_BYTES = 1024 * 1024
STILL_WRITTEN = timedelta(minutes=15)
"""How long after an export's other files its checksums may come. DynamoDB writes them within seconds."""
SYSTEM_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")


class Location(Protocol):
    """The files of an export. Names are relative to it, with slashes."""

    @property
    def name(self) -> str:
        """The location as a user writes it, with a slash at the end."""

    def names(self) -> Mapping[str, int]:
        """All files, in folders too, with their sizes."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes."""

    def local(self, name: str) -> Path | None:
        """A file's path; None if it is not on this machine."""

    def below(self, name: str) -> "Location":
        """The location of a folder in this one."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on this machine."""

    path: Path

    @property
    def name(self) -> str:
        return f"{self.path}/"

    def names(self) -> Mapping[str, int]:
        found = (path for path in self.path.rglob("*") if path.is_file())
        return {
            path.relative_to(self.path).as_posix(): path.stat().st_size
            for path in found
            if path.name not in SYSTEM_FILES and not path.name.startswith("._")
        }

    def chunks(self, name: str) -> Iterator[bytes]:
        with (self.path / name).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def local(self, name: str) -> Path:
        return self.path / name

    def below(self, name: str) -> "Folder":
        return Folder(self.path / name)


@dataclass(frozen=True, slots=True)
class S3Prefix:
    """A prefix in a bucket.

    Attributes:
        prefix: empty, or with a slash at the end.
    """

    client: "S3Client"
    bucket: str
    prefix: str

    @property
    def name(self) -> str:
        return f"{S3}{self.bucket}/{self.prefix}"

    def names(self) -> Mapping[str, int]:
        return {name: each["Size"] for name, each in self._listed()}

    def times(self) -> Mapping[str, datetime]:
        """All files, with the times at which they were written."""
        return {name: each["LastModified"] for name, each in self._listed()}

    def _listed(self) -> Iterator[tuple[str, "ObjectTypeDef"]]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        for page in pages:
            for each in page.get("Contents", []):
                yield each["Key"].removeprefix(self.prefix), each

    def chunks(self, name: str) -> Iterator[bytes]:
        body = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"]
        yield from body.iter_chunks(CHUNK_BYTES)

    def local(self, name: str) -> None:  # noqa: ARG002 -- the protocol's
        return None

    def below(self, name: str) -> "S3Prefix":
        return S3Prefix(self.client, self.bucket, f"{self.prefix}{name}/")


@dataclass(frozen=True, slots=True)
class FoundExport:
    """An export whose manifests are valid, and its files."""

    export: Export
    files: Location


def find_export(
    client: "S3Client",
    location: str,
    table: Table,
    bucket: str,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    skipped: Callable[[str], object] = lambda _: None,
) -> FoundExport:
    """The export at a location, with its manifests checked; its data files are checked by `verified`.

    Args:
        client: reads buckets.
        location: a folder, an s3:// URI, or LATEST. An export may lie below it, if it is the only one there.
        table: the table that must have been exported.
        bucket: the stack's bucket of exports.
        now: the current time, UTC; see `latest_export`.
        skipped: as for `latest_export`.

    Raises:
        BadExport: there is no export, there are several, or it cannot be used; see `export_of`.
    """
    is_latest = location == LATEST
    place = latest_export(client, bucket, table, now(), skipped) if is_latest else _place(client, location)
    place, names = _single(place)
    small = {name: b"".join(place.chunks(name)) for name in sorted(SMALL_FILES & names.keys())}
    return FoundExport(export_of(place.name, names, small, table), place)


def latest_export(
    client: "S3Client", bucket: str, table: Table, now: datetime, skipped: Callable[[str], object]
) -> Location:
    """The newest complete export of a table in a bucket.

    An export counts as running if a manifest is missing, which is written at the end, or if a manifest's checksum is
    missing that may still be written.

    Args:
        client: reads the bucket.
        bucket: the stack's bucket of exports.
        table: the table that must have been exported.
        now: the current time, UTC.
        skipped: called with a line for each newer export that is still running, failed or cannot be read.

    Raises:
        BadExport: there is none.
    """
    every = S3Prefix(client, bucket, PREFIX)

    def unfinished(folder: str, lacks: str) -> str:
        return f"{every.name}{folder}/ is still running, or failed: it has no {lacks}"

    complete: dict[str, datetime] = {}
    unusable: dict[str, tuple[datetime, str]] = {}
    for folder, written in _written(every).items():
        if missing := sorted({SUMMARY, FILES} - written.keys()):
            unusable[folder] = min(written.values()), unfinished(folder, missing[-1])
            continue
        try:
            time = time_of_export(every.below(folder).name, b"".join(every.chunks(f"{folder}/{SUMMARY}")), table)
        except BadExport as error:
            unusable[folder] = max(written.values()), str(error)
            continue
        if time is None:
            continue
        missing = missing_checksums(written)
        if missing and now - max(written.values()) < STILL_WRITTEN:
            unusable[folder] = time, unfinished(folder, missing[0])
        else:
            complete[folder] = time
    newest = max(complete, key=lambda name: (complete[name], name), default=None)
    for _, (since, why) in sorted(unusable.items()):
        if newest is None or since > complete[newest]:
            skipped(f"not used: {why}")
    if newest is None:
        raise BadExport(f"{every.name} has no complete export of {table.arn}: make one with `account-events export`.")
    return every.below(newest)


def _written(place: S3Prefix) -> Mapping[str, Mapping[str, datetime]]:
    """For each export, its manifests, their checksums and its mark, with the time at which each was written."""
    found = defaultdict[str, dict[str, datetime]](dict)
    for name, time in place.times().items():
        path = PurePosixPath(name)
        if path.name in SMALL_FILES or path.name == STARTED:
            found[path.parent.as_posix()][path.name] = time
    return found


def _place(client: "S3Client", location: str) -> Location:
    if not location.startswith(S3):
        if not Path(location).is_dir():
            raise BadExport(f"{location}: there is no such folder. Give a folder, an s3:// URI, or {LATEST}.")
        return Folder(Path(location))
    bucket, _, prefix = location.removeprefix(S3).partition("/")
    if not bucket:
        raise BadExport(f"{location}: the bucket is missing: write s3://BUCKET/PREFIX/.")
    return S3Prefix(client, bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")


def _single(place: Location) -> tuple[Location, Mapping[str, int]]:
    """The only export at or below a location, and its files."""
    names = place.names()
    marks = (PurePosixPath(name) for name in names)
    found = sorted({mark.parent.as_posix() for mark in marks if mark.name in (SUMMARY, FILES, STARTED)})
    if not found:
        raise BadExport(f"{place.name}: there is no export of a table: neither {SUMMARY} nor {STARTED}.")
    if "." in found:
        return place, names
    if len(found) > 1:
        raise BadExport(f"{place.name}: there are {len(found)} exports: name one, such as {place.name}{found[0]}/")
    start = f"{found[0]}/"
    below = {name.removeprefix(start): size for name, size in names.items() if name.startswith(start)}
    return place.below(found[0]), below
