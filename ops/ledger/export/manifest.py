"""What an export's manifests state, and why an export is refused. Pure.

docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html: `manifest-summary.json` describes the
export, `manifest-files.json` lists its data files, and each has a file with its MD5. Only complete exports of the whole
table are accepted; `account_events.testing.export_folder` accepts less, because a test may use a single data file.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local_stack.errors import CommandError

SUMMARY, FILES, STARTED = "manifest-summary.json", "manifest-files.json", "_started"
CHECKSUM_SUFFIXES = (".checksum", ".md5")
"""The documentation names `.checksum`; exports with `.md5` have been observed."""
SMALL_FILES = frozenset(
    {SUMMARY, FILES, *(f"{name.removesuffix('.json')}{end}" for name in (SUMMARY, FILES) for end in CHECKSUM_SUFFIXES)}
)
"""The manifests and their checksums."""
VERSIONS = frozenset({"2020-06-30", "2023-08-01"})
"""The versions of the summary that AWS documents."""
INEXACT_S = 120.0
"""How far from its time an export may lack a row or have a later one. An export is not transactionally consistent, and
its time can be off by a minute either way (S3DataExport.HowItWorks.html). The second minute is for a row's Timestamp,
which is taken before the row is committed, and for clocks that differ."""
NEW = "Make another one with `account-events export`."


class BadExport(CommandError):
    """An export that cannot be used. The message names its location, the reason and what to do."""


class OtherExport(BadExport):
    """An export of another table, or not of the whole table."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file.

    Attributes:
        key: its name below the export's location: `data/...`.
        items: the number of its items.
        md5: the MD5 of the file as it is stored, compressed.
    """

    key: str
    items: int
    md5: bytes


@dataclass(frozen=True, slots=True)
class Export:
    """A complete export of a whole table.

    Attributes:
        export_time: the time as of which the items are, give or take INEXACT_S.
        items: the number of all items.
        location: a folder, or `s3://` with bucket and prefix; it ends with a slash.
        digest: identifies the export's content: SHA-256 of its manifests, in hexadecimal.
    """

    table_arn: str
    table_id: str
    export_time: datetime
    items: int
    files: tuple[DataFile, ...]
    location: str
    digest: str


@dataclass(frozen=True, slots=True)
class Table:
    """The table whose exports are accepted.

    Attributes:
        table_id: unique, even among deleted tables of the same name; None if it is not known.
    """

    arn: str
    table_id: str | None


def export_of(location: str, names: Mapping[str, int], small: Mapping[str, bytes], table: Table) -> Export:
    """The export at a location.

    Args:
        location: the location, for messages and for the result.
        names: all files there, by their names below the location, with their sizes.
        small: the content of those among SMALL_FILES that exist.
        table: the table that must have been exported.

    Raises:
        BadExport: it is incomplete, damaged, of another table, of another kind or of an unknown format.
    """
    for name in (SUMMARY, FILES):
        if name not in small:
            raise BadExport(f"{location}: the export is incomplete: it has no {name}. It is still running, or failed.")
    summary = _object(location, SUMMARY, small[SUMMARY])
    _check_full(location, summary)
    _check_form(location, summary)
    for name in (SUMMARY, FILES):
        _check_manifest(location, name, small)
    _check_table(location, summary, table)
    files = tuple(_listed(location, small[FILES]))
    _check_files(location, files, names)
    items = _field(location, summary, "itemCount", int)
    if items != (listed := sum(file.items for file in files)):
        raise BadExport(f"{location}: {SUMMARY} counts {items} items, but the data files have {listed}. {NEW}")
    return Export(
        table_arn=table.arn,
        table_id=_field(location, summary, "tableId", str),
        export_time=_time(location, _field(location, summary, "exportTime", str)),
        items=items,
        files=files,
        location=location,
        digest=hashlib.sha256(small[SUMMARY] + small[FILES]).hexdigest(),
    )


def repeated_row(location: str, account_id: str, version: str) -> BadExport:
    """The refusal of an export that has a row twice. DynamoDB exports each item once."""
    return BadExport(f"{location}: it is damaged: it has the row {account_id}/{version} more than once. {NEW}")


def missing_checksums(names: Container[str]) -> list[str]:
    """The checksum files that an export with these files lacks."""
    stems = [name.removesuffix(".json") for name in (FILES, SUMMARY)]
    return [f"{stem}.checksum" for stem in stems if not any(f"{stem}{end}" in names for end in CHECKSUM_SUFFIXES)]


def time_of_export(location: str, summary: bytes, table: Table) -> datetime | None:
    """The time of an export of this table, by its summary; None if the summary is of another table or incremental.

    Raises:
        BadExport: the summary is damaged, or of a format that cannot be read.
    """
    found = _object(location, SUMMARY, summary)
    try:
        _check_table(location, found, table)
        _check_full(location, found)
    except OtherExport:
        return None
    _check_form(location, found)
    return _time(location, _field(location, found, "exportTime", str))


def _check_full(location: str, summary: Mapping[str, Any]) -> None:
    if (kind := summary.get("exportType", "FULL_EXPORT")) != "FULL_EXPORT":
        raise OtherExport(f"{location}: it is not a full export, but {kind}: export the whole table.")


def _check_form(location: str, summary: Mapping[str, Any]) -> None:
    if (form := summary.get("outputFormat")) != "DYNAMODB_JSON":
        raise BadExport(f"{location}: its format is {form}: export the table in DYNAMODB_JSON.")
    if (version := summary.get("version")) not in VERSIONS:
        raise BadExport(f"{location}: {SUMMARY} has the unknown version {version!r}: update this program.")


def _check_table(location: str, summary: Mapping[str, Any], table: Table) -> None:
    arn, table_id = _field(location, summary, "tableArn", str), _field(location, summary, "tableId", str)
    if arn != table.arn:
        raise OtherExport(f"{location}: it is an export of another table, {arn}, not of {table.arn}.")
    if table.table_id is not None and table_id != table.table_id:
        raise OtherExport(
            f"{location}: it is an export of an earlier table of the same name: its id is {table_id}, not "
            f"{table.table_id}. {NEW}"
        )


def _check_manifest(location: str, name: str, small: Mapping[str, bytes]) -> None:
    stem = name.removesuffix(".json")
    checksums = [small[stem + suffix] for suffix in CHECKSUM_SUFFIXES if stem + suffix in small]
    if not checksums:
        raise BadExport(f"{location}: the export is incomplete: it has no {stem}.checksum.")
    digest = hashlib.md5(small[name], usedforsecurity=False).digest()
    stated = {word for checksum in checksums for word in checksum.decode("ascii", "replace").split()}
    if not stated & {digest.hex(), base64.b64encode(digest).decode()}:
        raise BadExport(f"{location}: the MD5 of {name} is not the one in its checksum file: it is damaged. {NEW}")


def _listed(location: str, manifest: bytes) -> Iterator[DataFile]:
    for number, line in enumerate(manifest.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{FILES}, line {number}"
        entry = _object(location, where, line)
        name = _field(location, entry, "dataFileS3Key", str, where).rpartition("/")[2]
        if not name.endswith(".json.gz"):
            raise BadExport(f"{location}: {where}: {name!r} is not a data file in DynamoDB JSON.")
        md5 = _field(location, entry, "md5Checksum", str, where)
        try:
            digest = base64.b64decode(md5, validate=True)
        except (binascii.Error, ValueError):
            raise BadExport(f"{location}: {where}: {md5!r} is not an MD5 in Base64. {NEW}") from None
        yield DataFile(f"data/{name}", _field(location, entry, "itemCount", int, where), digest)


def _check_files(location: str, files: tuple[DataFile, ...], names: Mapping[str, int]) -> None:
    """Files that are not listed are no part of the export: AWS lets exports share a folder of data files."""
    listed = {file.key for file in files}
    if len(listed) != len(files):
        raise BadExport(f"{location}: {FILES} names a data file twice. {NEW}")
    if missing := sorted(listed - names.keys()):
        raise BadExport(f"{location}: the export is incomplete: {missing[0]} is missing. {NEW}")


def _object(location: str, where: str, text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadExport(f"{location}: {where} is not a JSON object: it is damaged. {NEW}")
    return found


def _field(location: str, found: Mapping[str, Any], name: str, kind: type[Any], where: str = SUMMARY) -> Any:  # noqa: ANN401
    value = found.get(name)
    if type(value) is not kind:
        raise BadExport(f"{location}: {where} has no valid {name}. {NEW}")
    return value


def _time(location: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadExport(f"{location}: {SUMMARY} has no valid exportTime: {text!r}. {NEW}") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
