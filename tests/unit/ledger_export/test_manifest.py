"""Which exports are accepted, and the reason for which each other one is refused."""

import base64
import gzip
import hashlib
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from account_core.rows.items import to_item
from ops.ledger.export.location import FoundExport
from ops.ledger.export.manifest import BadExport, Table
from ops.ledger.export.verified import verified
from tests.support.exports import EXPORT_TIME, TABLE, changed, found, write_files
from tests.support.rows import history

ITEMS = [to_item(row) for account_id in "abcde" for row in history(account_id, 12)]
SUMMARY, FILES = "manifest-summary.json", "manifest-files.json"


def md5(content: bytes) -> bytes:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest())


def sealed(location: Path, name: str, content: bytes) -> None:
    """Replaces a manifest, and its checksum with it."""
    (location / name).write_bytes(content)
    (location / name.replace(".json", ".checksum")).write_bytes(md5(content))


def with_summary(**fields: Any) -> Callable[[Path], None]:  # noqa: ANN401 -- JSON
    def change(location: Path) -> None:
        summary = json.loads((location / SUMMARY).read_bytes()) | fields
        sealed(location, SUMMARY, json.dumps(summary).encode())

    return change


def with_entries(change: Callable[[list[dict[str, Any]]], None]) -> Callable[[Path], None]:
    def changed_entries(location: Path) -> None:
        entries = [json.loads(line) for line in (location / FILES).read_bytes().splitlines()]
        change(entries)
        sealed(location, FILES, "".join(f"{json.dumps(entry)}\n" for entry in entries).encode())

    return changed_entries


def without(name: str) -> Callable[[Path], None]:
    return lambda location: (location / name).unlink()


def fullest(location: Path) -> Path:
    return max((location / "data").iterdir(), key=lambda path: path.stat().st_size)


def with_data(change: Callable[[bytes], bytes], *, is_sealed: bool = False) -> Callable[[Path], None]:
    """Changes the largest data file, and with `is_sealed` its MD5 in the manifest as well."""

    def change_data(location: Path) -> None:
        path = fullest(location)
        changed(path, change)
        if is_sealed:

            def seal(entries: list[dict[str, Any]]) -> None:
                [entry] = [each for each in entries if each["dataFileS3Key"].endswith(path.name)]
                entry["md5Checksum"] = md5(path.read_bytes()).decode()

            with_entries(seal)(location)

    return change_data


def read_all(export: FoundExport, folder: Path) -> list[dict[str, Any]]:
    items = []
    for file in export.export.files:
        with verified(export.files, file, folder) as path, gzip.open(path) as lines:
            items += [json.loads(line)["Item"] for line in lines]
    return items


def in_order(items: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in items)


@pytest.mark.parametrize("depth", ["", "AWSDynamoDB"])
def test_an_export_is_found_at_its_location_and_above(tmp_path: Path, depth: str) -> None:
    location = write_files(tmp_path, ITEMS)
    (location / "data" / ".DS_Store").write_bytes(b"macOS")
    for start in (location, tmp_path / depth):
        export = found(start)
        assert export.export.location == f"{location}/"
        assert (export.export.items, export.export.export_time) == (len(ITEMS), EXPORT_TIME)
        assert min(file.items for file in export.export.files) == 0, "one file is empty"
        assert in_order(read_all(export, tmp_path)) == in_order(ITEMS)


@pytest.mark.parametrize("end", [".md5", ".checksum"])
@pytest.mark.parametrize("is_hex", [True, False])
def test_both_forms_of_a_checksum_are_accepted(tmp_path: Path, end: str, *, is_hex: bool) -> None:
    location = write_files(tmp_path, ITEMS)
    for name in (SUMMARY, FILES):
        content = (location / name).read_bytes()
        (location / name.replace(".json", ".checksum")).unlink()
        digest = base64.b64decode(md5(content)).hex().encode() if is_hex else md5(content)
        (location / name.replace(".json", end)).write_bytes(digest + b"\n")
    assert found(location).export.items == len(ITEMS)


def test_an_empty_data_file_may_have_no_bytes_at_all(tmp_path: Path) -> None:
    location = write_files(tmp_path, ITEMS)

    def emptied(entries: list[dict[str, Any]]) -> None:
        [entry] = [each for each in entries if not each["itemCount"]]
        (location / "data" / entry["dataFileS3Key"].rpartition("/")[2]).write_bytes(b"")
        entry["md5Checksum"] = md5(b"").decode()

    with_entries(emptied)(location)
    assert len(read_all(found(location), tmp_path)) == len(ITEMS)


def test_a_data_file_that_is_not_listed_is_not_read(tmp_path: Path) -> None:
    """The manifest names the files of a shared folder that belong to the export (S3DataExport.Output.html)."""
    location = write_files(tmp_path, ITEMS)
    (location / "data" / "x.json.gz").write_bytes(fullest(location).read_bytes())
    assert in_order(read_all(found(location), tmp_path)) == in_order(ITEMS)


def test_a_file_of_several_gzip_members_is_counted_whole(tmp_path: Path) -> None:
    location = write_files(tmp_path, ITEMS)

    def in_two(content: bytes) -> bytes:
        lines = gzip.decompress(content).splitlines(keepends=True)
        return gzip.compress(b"".join(lines[:3])) + gzip.compress(b"".join(lines[3:]).rstrip(b"\n"))

    with_data(in_two, is_sealed=True)(location)
    assert in_order(read_all(found(location), tmp_path)) == in_order(ITEMS)


@pytest.mark.parametrize("is_cut_off", [False, True])
def test_a_file_that_is_mostly_repetition_needs_little_memory(tmp_path: Path, *, is_cut_off: bool) -> None:
    """64 MiB of lines that compress to less than a chunk."""
    location, lines = write_files(tmp_path, ITEMS), 2**26
    packed = gzip.compress(b"\n" * lines)
    with_data(lambda _: packed[: -20 if is_cut_off else None], is_sealed=True)(location)
    tracemalloc.start()
    try:
        with pytest.raises(BadExport, match="not a whole gzip file" if is_cut_off else f"it has {lines} items"):
            read_all(found(location), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no summary": (without(SUMMARY), f"incomplete: it has no {SUMMARY}"),
    "no list of files": (without(FILES), f"incomplete: it has no {FILES}"),
    "no checksum": (without("manifest-files.checksum"), "incomplete: it has no manifest-files.checksum"),
    "changed summary": (lambda at: changed(at / SUMMARY, lambda text: text + b" "), f"the MD5 of {SUMMARY} is not"),
    "changed list": (lambda at: changed(at / FILES, lambda text: text + b"\n"), f"the MD5 of {FILES} is not"),
    "no object": (lambda at: sealed(at, SUMMARY, b"[]"), f"{SUMMARY} is not a JSON object"),
    "nested too deeply": (lambda at: sealed(at, SUMMARY, b"[" * 100_000), f"{SUMMARY} is not a JSON object"),
    "no data file": (lambda at: fullest(at).unlink(), "incomplete: data/"),
    "Ion": (with_summary(outputFormat="ION"), "its format is ION"),
    "Ion files": (
        with_entries(lambda entries: entries[0].update(dataFileS3Key="data/x.ion.gz")),
        "'x.ion.gz' is not a data file in DynamoDB JSON",
    ),
    "incremental": (with_summary(exportType="INCREMENTAL_EXPORT"), "not a full export, but INCREMENTAL_EXPORT"),
    "unknown version": (with_summary(version="2031-01-01"), "unknown version '2031-01-01'"),
    "another table": (with_summary(tableArn=TABLE.arn + "2"), "an export of another table"),
    "another account": (
        with_summary(tableArn=TABLE.arn.replace("123456789012", "210987654321")),
        "an export of another table, arn:aws:dynamodb:eu-central-1:210987654321:table/accounts",
    ),
    "an earlier table": (with_summary(tableId="other"), "an export of an earlier table of the same name"),
    "another total": (with_summary(itemCount=7), f"counts 7 items, but the data files have {len(ITEMS)}"),
    "no total": (with_summary(itemCount=True), "no valid itemCount"),
    "no time": (with_summary(exportTime="yesterday"), "no valid exportTime"),
    "no count": (with_entries(lambda entries: entries[0].pop("itemCount")), "line 1 has no valid itemCount"),
    "no MD5": (with_entries(lambda entries: entries[1].update(md5Checksum="?")), "line 2: '?' is not an MD5"),
    "a file twice": (with_entries(lambda entries: entries.append(entries[0])), "names a data file twice"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_export_with_wrong_manifests_is_refused_by_name(tmp_path: Path, name: str) -> None:
    location = write_files(tmp_path, ITEMS)
    damage, reason = REFUSED[name]
    damage(location)
    with pytest.raises(BadExport) as refused:
        found(location)
    assert str(refused.value).startswith(f"{location}/: ")
    assert reason in str(refused.value)


DAMAGED: dict[str, tuple[Callable[[Path], None], str]] = {
    "changed": (with_data(lambda data: data[:-1] + bytes([data[-1] ^ 1])), "its MD5 differs"),
    "cut off": (with_data(lambda data: data[:-20], is_sealed=True), "it is not a whole gzip file"),
    "not gzip": (with_data(lambda _: b"{}\n", is_sealed=True), "it is not a whole gzip file"),
    "a row less": (
        with_data(lambda data: gzip.compress(gzip.decompress(data).partition(b"\n")[2]), is_sealed=True),
        "items, but the manifest counts",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_data_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    location = write_files(tmp_path, ITEMS)
    (damage, reason), path = DAMAGED[name], fullest(location)
    damage(location)
    export = found(location)
    with pytest.raises(BadExport, match=reason) as refused:
        read_all(export, tmp_path)
    assert f"{path}: it " in str(refused.value)


def test_the_tables_id_is_not_compared_if_it_is_unknown(tmp_path: Path) -> None:
    location = write_files(tmp_path, ITEMS)
    assert found(location, Table(TABLE.arn, None)).export.table_id == TABLE.table_id


def test_another_export_of_the_same_items_has_another_digest(tmp_path: Path) -> None:
    one, two = (
        found(write_files(tmp_path / str(day), ITEMS, export_time=EXPORT_TIME.replace(day=day))) for day in (1, 2)
    )
    assert one.export.digest != two.export.digest


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("missing", "there is no such folder"),
        (".", "there is no export of a table"),
        ("s3:///x", "the bucket is missing"),
    ],
)
def test_a_location_without_an_export_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadExport, match=reason):
        found(given)  # type: ignore[arg-type]


def test_a_location_above_several_exports_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_files(tmp_path / name, ITEMS)
    with pytest.raises(BadExport, match="there are 2 exports: name one, such as"):
        found(tmp_path)
