"""Where an export is: a folder, or a prefix in a bucket. Finds the export there, and the newest one in a bucket."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    time_of_export,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "exports/"
"""The prefix of all exports in the stack's bucket. Each has a prefix of its own below it."""
LATEST = "latest"
S3 = "s3://"
CHUNK_BYTES = 1024 * 1024
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
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        return {
            each["Key"].removeprefix(self.prefix): each["Size"] for page in pages for each in page.get("Contents", [])
        }

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


def find_export(client: "S3Client", location: str, table: Table, bucket: str) -> FoundExport:
    """The export at a location, with its manifests checked; its data files are checked by `verified`.

    Args:
        client: reads buckets.
        location: a folder, an s3:// URI, or LATEST. An export may lie below it, if it is the only one there.
        table: the table that must have been exported.
        bucket: the stack's bucket of exports.

    Raises:
        BadExport: there is no export, there are several, or it cannot be used; see `export_of`.
    """
    place = latest_export(client, bucket, table) if location == LATEST else _place(client, location)
    place, names = _single(place)
    small = {name: b"".join(place.chunks(name)) for name in sorted(SMALL_FILES & names.keys())}
    return FoundExport(export_of(place.name, names, small, table), place)


def latest_export(client: "S3Client", bucket: str, table: Table) -> Location:
    """The newest complete export of a table in a bucket.

    Raises:
        BadExport: there is none.
    """
    every = S3Prefix(client, bucket, PREFIX)
    names = every.names()
    complete = [
        PurePosixPath(name).parent.as_posix()
        for name in names
        if PurePosixPath(name).name == SUMMARY and str(PurePosixPath(name).with_name(FILES)) in names
    ]
    times = {name: time_of_export(b"".join(every.chunks(f"{name}/{SUMMARY}")), table) for name in complete}
    dated = {name: time for name, time in times.items() if time is not None}
    if not dated:
        raise BadExport(f"{every.name} has no complete export of {table.arn}: make one with `account-events export`.")
    return every.below(max(dated, key=lambda name: (dated[name], name)))


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
