"""A table's export becomes a stream with every item of it, or is refused by file and line."""

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from account_events.testing import BadSource, MemoryProjector, from_export, shuffled
from tests.unit.testing.streams import bank

IMAGES = bank("ba", 12).images()
IN_ORDER = sorted(IMAGES, key=lambda image: (image["AccountId"]["S"], int(image["Version"]["N"])))


def lines(images: list[Any]) -> bytes:
    return b"".join(json.dumps({"Item": image}).encode() + b"\n" for image in images)


def export(folder: Path, *parts: list[Any], **summary: Any) -> Path:  # noqa: ANN401 -- of the manifest
    """As DynamoDB writes it."""
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


def test_a_whole_export_is_read_in_the_order_of_its_keys_and_replays(tmp_path: Path) -> None:
    stream = from_export(export(tmp_path / "e", IMAGES[7:], IMAGES[:7]))
    assert stream.images() == IN_ORDER
    done = MemoryProjector().replay(shuffled(stream, seed=3), batch_sizes=5)
    done.assert_delivered()
    done.assert_each_once()


def test_a_data_file_plain_or_gzip_and_a_folder_of_them(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(lines(IMAGES))
    assert from_export(tmp_path / "one.json").images() == IN_ORDER
    (tmp_path / "one.json").write_bytes(lines(IMAGES[:3]))
    (tmp_path / "two.json.gz").write_bytes(gzip.compress(lines(IMAGES[3:])))
    assert from_export(str(tmp_path)).images() == IN_ORDER
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "three.json.gz").write_bytes(gzip.compress(lines(IMAGES[:1])))
    assert from_export(tmp_path).images() == IMAGES[:1]


DEEP, LONG = "[" * 100_000, "1" * 5_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (DEEP.encode(), "line 1: nested too deeply"),
        (f'{{"Item": {LONG}}}'.encode(), "line 1: a number of thousands of digits"),
        (
            f'{{"Item": {{"AccountId": {{"S": "a"}}, "Version": {{"N": "{LONG}"}}}}}}'.encode(),
            "line 1: no row of the accounts",
        ),
        (b"", "no item in it"),
        (lines(IMAGES[:2]) + b'{"Item": ', "line 3: not JSON"),
        (lines(IMAGES[:1]) + b'{"Ite": {}}', r"line 2: \{\"Item\": .* is due"),
        (b'{"Keys": {}, "NewImage": {}}', "line 1: an incremental export's"),
        (b'{"Item": {"AccountId": {"S": "a"}}}', "line 1: no row of the accounts' table"),
        (b'{"Item": {"AccountId": {"S": "a"}, "Version": {"N": "x"}}}', "line 1: no row of the accounts' table"),
        (lines([IMAGES[0], IMAGES[0]]), "line 2: row b/1 is there a second time"),
        (gzip.compress(lines(IMAGES))[:-4], "the gzip is damaged"),
    ],
)
def test_a_data_file_that_is_not_whole_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "data.json.gz").write_bytes(content)
    with pytest.raises(BadSource, match=said):
        from_export(tmp_path / "data.json.gz")


def test_a_missing_and_a_damaged_and_a_shortened_file_are_noticed(tmp_path: Path) -> None:
    missing = export(tmp_path / "missing", IMAGES[:3], IMAGES[3:])
    (missing / "data/part1.json.gz").unlink()
    with pytest.raises(BadSource, match=r"manifest-files.json, line 2: part1.json.gz is not there"):
        from_export(missing)
    damaged = export(tmp_path / "damaged", IMAGES)
    (damaged / "data/part0.json.gz").write_bytes(gzip.compress(lines(IMAGES[:-1])))
    with pytest.raises(BadSource, match=r"part0.json.gz: its MD5 is not the manifest's"):
        from_export(damaged)
    shortened = export(tmp_path / "shortened", IMAGES, itemCount=99)
    with pytest.raises(BadSource, match=r"26 items in all, where manifest-summary\.json has 99"):
        from_export(shortened)
    promising = export(tmp_path / "promising", IMAGES, itemCount=27)
    entry = json.loads((promising / "manifest-files.json").read_text()) | {"itemCount": 27}
    (promising / "manifest-files.json").write_text(json.dumps(entry))
    with pytest.raises(BadSource, match="26 items, where the manifest has 27"):
        from_export(promising)


def test_ion_and_an_empty_folder_and_a_bad_manifest_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSource, match=r"neither manifest-files.json nor"):
        from_export(tmp_path)
    with pytest.raises(BadSource, match="outputFormat is ION"):
        from_export(export(tmp_path / "ion", IMAGES, outputFormat="ION"))
    (tmp_path / "x.ion.gz").write_bytes(b"")
    with pytest.raises(BadSource, match="Amazon Ion"):
        from_export(tmp_path)
    bad = export(tmp_path / "bad", IMAGES)
    (bad / "manifest-files.json").write_text('{"itemCount": 3}')
    with pytest.raises(BadSource, match="line 1: dataFileS3Key and itemCount are due"):
        from_export(bad)
