"""`from_export` makes a stream of all items of an export, or refuses it with the file and the line."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from account_events.testing import BadSource, TableStream, from_export, shuffled
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import KEY
from tests.unit.testing.streams import table_stream

IMAGES = table_stream("ba", 12).images()
IN_ORDER = sorted(IMAGES, key=lambda image: (image["AccountId"]["S"], int(image["Version"]["N"])))


def read(path: Path | str) -> TableStream:
    return from_export(path, KEY)


def lines(images: list[Any]) -> bytes:
    return b"".join(json.dumps({"Item": image}).encode() + b"\n" for image in images)


def export(folder: Path, *parts: list[Any], **summary: Any) -> Path:  # noqa: ANN401 -- of the manifest
    """Write an export in DynamoDB's layout."""
    data = folder / "data"
    data.mkdir(parents=True)
    entries = []
    for number, images in enumerate(parts):
        file = data / f"part{number}.json.gz"
        file.write_bytes(gzip.compress(lines(images)))
        checksum = base64.b64encode(hashlib.md5(file.read_bytes(), usedforsecurity=False).digest()).decode()
        key = f"prefix/AWSDynamoDB/0123-abc/data/{file.name}"
        entries.append({"itemCount": len(images), "md5Checksum": checksum, "etag": "x-1", "dataFileS3Key": key})
    (folder / "manifest-files.json").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    whole = {"version": "2020-06-30", "itemCount": sum(map(len, parts)), "outputFormat": "DYNAMODB_JSON", **summary}
    (folder / "manifest-summary.json").write_text(json.dumps(whole))
    return folder


def test_a_complete_export_is_read_in_key_order_and_can_be_replayed(tmp_path: Path) -> None:
    stream = read(export(tmp_path / "e", IMAGES[7:], IMAGES[:7]))
    assert stream.images() == IN_ORDER
    done = MemoryProjector().replay(shuffled(stream, seed=3), batch_sizes=5)
    done.assert_delivered()
    done.assert_each_once()


def test_one_data_file_or_a_folder_of_them_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(lines(IMAGES))
    assert read(tmp_path / "one.json").images() == IN_ORDER
    (tmp_path / "one.json").write_bytes(lines(IMAGES[:3]))
    (tmp_path / "two.json.gz").write_bytes(gzip.compress(lines(IMAGES[3:])))
    assert read(str(tmp_path)).images() == IN_ORDER
    (tmp_path / "data").mkdir()
    (tmp_path / "two.json.gz").rename(tmp_path / "data" / "two.json.gz")
    (tmp_path / "data" / "empty.json.gz").write_bytes(gzip.compress(b""))  # the file of an empty partition
    assert read(tmp_path).images() == IN_ORDER


DEEP, LONG = "[" * 100_000, "1" * 5_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (DEEP.encode(), "line 1: nested too deeply"),
        (f'{{"Item": {LONG}}}'.encode(), "line 1: a number with thousands of digits"),
        (
            f'{{"Item": {{"AccountId": {{"S": "a"}}, "Version": {{"N": "{LONG}"}}}}}}'.encode(),
            "line 1: not an item of this table: its key attribute Version has 5000 characters",
        ),
        (b"", "it contains no item"),
        (lines(IMAGES[:2]) + b'{"Item": ', "line 3: not JSON"),
        (lines(IMAGES[:1]) + b'{"Ite": {}}', r"line 2: expected \{\"Item\": .* and nothing else"),
        (b'{"Keys": {}, "NewImage": {}}', "line 1: from an incremental export"),
        (b'{"NewImage": {}}', "line 1: from an incremental export"),
        (b'{"OldImage": {}}', "line 1: from an incremental export"),
        (lines(IMAGES[:1])[:-2] + b', "Size": 1}', "and nothing else"),
        (b'{"Item": {}, "Item": {}}', "line 1: an object has two members 'Item'"),
        ("\u2028\n".encode(), "line 1: not JSON"),
        (
            b'{"Item": {"AccountId": {"S": "a"}}}',
            "line 1: not an item of this table: .* Version is missing",
        ),
        (
            b'{"Item": {"AccountId": {"S": "a"}, "Version": {"N": "x"}}}',
            "line 1: .* Version is not a number",
        ),
        (lines([IMAGES[0], IMAGES[0]]), "line 2: item b/1 appears a second time"),
        (gzip.compress(lines(IMAGES), mtime=0)[:-4], "the gzip data is damaged"),
    ],
)
def test_an_invalid_data_file_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "data.json.gz").write_bytes(content)
    with pytest.raises(BadSource, match=message):
        read(tmp_path / "data.json.gz")


def test_missing_damaged_and_shortened_data_files_are_refused(tmp_path: Path) -> None:
    missing = export(tmp_path / "missing", IMAGES[:3], IMAGES[3:])
    (missing / "data/part1.json.gz").unlink()
    with pytest.raises(BadSource, match=r"manifest-files.json, line 2: part1.json.gz is missing"):
        read(missing)
    damaged = export(tmp_path / "damaged", IMAGES)
    (damaged / "data/part0.json.gz").write_bytes(gzip.compress(lines(IMAGES[:-1])))
    with pytest.raises(BadSource, match=r"part0.json.gz: its MD5 differs from the manifest's"):
        read(damaged)
    shortened = export(tmp_path / "shortened", IMAGES, itemCount=99)
    with pytest.raises(BadSource, match=r"26 items in all, but manifest-summary\.json has 99"):
        read(shortened)
    overcounted = export(tmp_path / "overcounted", IMAGES, itemCount=27)
    entry = json.loads((overcounted / "manifest-files.json").read_text()) | {"itemCount": 27}
    (overcounted / "manifest-files.json").write_text(json.dumps(entry))
    with pytest.raises(BadSource, match="26 items, but the manifest has 27"):
        read(overcounted)


def test_other_formats_empty_folders_and_bad_manifests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"neither manifest-files.json nor"):
        read(tmp_path)
    with pytest.raises(BadSource, match="outputFormat is ION"):
        read(export(tmp_path / "ion", IMAGES, outputFormat="ION"))
    with pytest.raises(BadSource, match="exportType is INCREMENTAL_EXPORT; export the table in full"):
        read(export(tmp_path / "incremental", IMAGES, exportType="INCREMENTAL_EXPORT"))
    bad = export(tmp_path / "bad", IMAGES)
    (bad / "manifest-files.json").write_text('{"itemCount": 3}')
    with pytest.raises(BadSource, match="line 1: dataFileS3Key and itemCount are required"):
        read(bad)


def part(folder: Path, name: str, images: list[Any]) -> Path:
    """Write a data file with this name below `data`, and return the folder."""
    file = folder / "data" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(lines(images)))
    return folder


@pytest.mark.parametrize(
    "name",
    [
        *("b.json.gz.crdownload", "b.json.gz.4Fe2aB1c", ".b.json.gz.Ab12", "b.json.gz.part", "b.json.gz (1)"),
        *("b.json.zst", "b.json.bz2", "b.JSON.GZ", "b.jsonl", "b", "part2/b.csv", "_started", "manifest-files.json"),
    ],
)
def test_a_file_with_an_unexpected_name_is_refused(name: str, tmp_path: Path) -> None:
    folder = part(part(tmp_path, "a.json.gz", IMAGES[:3]), name, IMAGES[3:])
    with pytest.raises(BadSource, match=rf"data/{re.escape(name)}: "):
        read(folder)


def test_nested_folders_are_read_and_desktop_files_are_ignored(tmp_path: Path) -> None:
    folder = part(part(tmp_path, "a.json.gz", IMAGES[:3]), "part2/b.json.gz", IMAGES[3:])
    for name in (".DS_Store", "data/.DS_Store", "data/._a.json.gz", "data/part2/Thumbs.db"):
        (folder / name).write_bytes(b"\0\5\x16\7")
    assert read(folder).images() == IN_ORDER


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    folder = part(tmp_path, "a.json.gz", IMAGES)
    (folder / "data/b.json.gz").touch()
    with pytest.raises(BadSource, match=r"data/b\.json\.gz: empty, and only manifest-files\.json can confirm"):
        read(folder)


def test_links_are_followed_and_broken_or_circular_ones_are_refused(tmp_path: Path) -> None:
    folder, elsewhere = part(tmp_path / "e", "a.json.gz", IMAGES[:3]), part(tmp_path / "f", "b.json.gz", IMAGES[3:])
    (folder / "data/part2").symlink_to(elsewhere / "data")
    assert read(folder).images() == IN_ORDER
    for name, target, message in (
        ("up", folder, "a link to a folder that contains the link; delete it"),
        ("gone.json.gz", tmp_path / "nothing", "not a readable file"),
    ):
        (folder / "data" / name).symlink_to(target)
        with pytest.raises(BadSource, match=rf"data/{re.escape(name)}: {message}"):
            read(folder)
        (folder / "data" / name).unlink()


def test_a_folder_of_several_exports_is_refused(tmp_path: Path) -> None:
    export(tmp_path / "AWSDynamoDB" / "0123-abc", IMAGES)
    with pytest.raises(BadSource, match=r"json: the start of another export; pass that export's folder"):
        read(tmp_path)


@pytest.mark.parametrize(
    "name", ["data/other.json.gz", "data/part0.json.gz.crdownload", "other.json", "data/sub/x.json"]
)
def test_a_file_that_the_manifest_does_not_list_is_refused(name: str, tmp_path: Path) -> None:
    folder = export(tmp_path / "e", IMAGES)
    (folder / "_started").touch()
    assert read(folder).images() == IN_ORDER
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(gzip.compress(b""))
    with pytest.raises(BadSource, match=rf"{re.escape(name)}: not in manifest-files\.json; move it elsewhere"):
        read(folder)


def test_without_a_manifest_the_summarys_item_count_is_checked(tmp_path: Path) -> None:
    folder = export(tmp_path / "e", IMAGES[:3], IMAGES[3:])
    (folder / "manifest-files.json").unlink()
    assert read(folder).images() == IN_ORDER
    (folder / "data/part1.json.gz").unlink()
    with pytest.raises(BadSource, match=r"3 items in all, but manifest-summary\.json has 26"):
        read(folder)


@pytest.mark.parametrize("name", ["manifest-files.checksum", "manifest-summary.md5"])
def test_a_manifest_that_differs_from_its_checksum_is_refused(name: str, tmp_path: Path) -> None:
    folder = export(tmp_path / "e", IMAGES)
    manifest = (folder / name).with_suffix(".json")
    digest = hashlib.md5(manifest.read_bytes(), usedforsecurity=False)
    for checksum in (base64.b64encode(digest.digest()).decode(), f"{digest.hexdigest()}  {manifest.name}\n"):
        (folder / name).write_text(checksum)
        assert read(folder).images() == IN_ORDER
    (folder / name).write_text("")
    with pytest.raises(BadSource, match=rf"{manifest.name}: its MD5 is not in {name}: fetch both again"):
        read(folder)
    manifest.unlink()
    with pytest.raises(BadSource, match=rf"{manifest.name}: missing, but its checksum {name} is there"):
        read(folder)


ION = b'$ion_1_0 {Item:{AccountId:"alma",Version:1.}}\n'


@pytest.mark.parametrize("name", ["a.ion.gz", "a.ion", "a.json.gz"])
def test_ion_is_recognised_without_a_summary(name: str, tmp_path: Path) -> None:
    part(tmp_path, name, [])
    (tmp_path / "data" / name).write_bytes(gzip.compress(ION))
    for path in (tmp_path, tmp_path / "data" / name):
        with pytest.raises(BadSource, match=r"Amazon Ion; export in DynamoDB JSON \(ExportFormat=DYNAMODB_JSON\)"):
            read(path)
    (tmp_path / "manifest-files.json").write_text(json.dumps({"dataFileS3Key": f"x/data/{name}", "itemCount": 1}))
    with pytest.raises(BadSource, match=r"Amazon Ion; export in DynamoDB JSON"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ION, "Amazon Ion"),
        (b'{Item:{AccountId:"alma"}}', "Amazon Ion"),
        (b"\xe0\x01\x00\xea\xee\x95", "Amazon Ion"),
        (b"$ion_symbol_table::{symbols:[]}", "Amazon Ion"),
        (b"AccountId,Version\nalma,1\n", "CSV or other text, not JSON"),
        (b"1,2,3\n", "CSV or other text, not JSON"),
        (b"data/".ljust(257, b"\x00") + b"ustar", "a tar archive; unpack it first"),
        (b'\xef\xbb\xbf"AccountId";"Version"\n', "CSV or other text, not JSON"),
        (b"PAR1\x15\x04", "Apache Parquet, not JSON; export in DynamoDB JSON"),
        (b"PK\x03\x04\x14", "a zip archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd\x04", "Zstandard; decompress it first"),
        (b"BZh91AY", "bzip2; decompress it first"),
        (gzip.compress(lines(IMAGES), mtime=0), "gzip within gzip; decompress it once"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied', "an error page saved in place of the file; fetch it again"),
        (lines(IMAGES).decode().encode("utf-16"), "UTF-16, or not text; save it as UTF-8"),
        (lines(IMAGES).decode().encode("utf-16-le"), "UTF-16-LE, or not text; save it as UTF-8"),
        (b"\x00\x01", "UTF-16-BE, or not text; save it as UTF-8"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7; save it as UTF-8"),
    ],
)
def test_a_file_in_another_format_is_refused_and_its_format_named(content: bytes, message: str, tmp_path: Path) -> None:
    for data in (content, gzip.compress(content)):
        (tmp_path / "a.json.gz").write_bytes(data)
        if data is not content or not message.startswith("gzip"):
            with pytest.raises(BadSource, match=rf"a\.json\.gz: .*{message}"):
                read(tmp_path)


def test_a_utf_8_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + lines(IMAGES).replace(b"\n", b"\r\n"))
    assert read(tmp_path).images() == IN_ORDER


def test_a_damaged_or_truncated_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(lines(IMAGES))
    for data in (whole[:5], whole[:-4], whole[:20] + b"\xff" * 9 + whole[29:], whole + b"more"):
        (tmp_path / "a.json.gz").write_bytes(data)
        with pytest.raises(BadSource, match=r"a\.json\.gz: the gzip data is damaged or truncated; fetch it again"):
            read(tmp_path)


@pytest.mark.parametrize("count", ["26", 26.0, None, True])
def test_a_summary_whose_item_count_is_not_a_number_is_refused(tmp_path: Path, count: object) -> None:
    folder = export(tmp_path, IMAGES, itemCount=count)
    with pytest.raises(BadSource, match=r"manifest-summary\.json.*itemCount is .*, not a number"):
        read(folder)


def test_a_data_file_with_an_impossible_name_is_missing(tmp_path: Path) -> None:
    folder = export(tmp_path, IMAGES)
    entry = json.loads((folder / "manifest-files.json").read_text().splitlines()[0])
    (folder / "manifest-files.json").write_text(json.dumps(entry | {"dataFileS3Key": "data/a\0b.json.gz"}))
    with pytest.raises(BadSource, match="is missing"):
        read(folder)
