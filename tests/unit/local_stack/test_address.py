"""The address file: other terminals read it complete or not at all, and only while the local stack runs."""

import json
from pathlib import Path

import pytest

from local_stack.address import Address

ADDRESS = Address("http://127.0.0.1:1", 1, {"TableName": "t"}, ("id", "secret"), None)


def test_the_address_file_is_written_atomically(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "folder" / "address.json"
    file.parent.mkdir()
    file.write_text("previous")
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", file)
    read: list[str] = []
    replace = Path.replace

    def read_first(unfinished: Path, target: Path) -> Path:
        read.append(file.read_text())
        assert json.loads(unfinished.read_text())["pid"] == ADDRESS.pid, "the file is renamed before it is complete"
        return replace(unfinished, target)

    monkeypatch.setattr(Path, "replace", read_first)
    with ADDRESS.published():
        assert read == ["previous"]
        assert json.loads(file.read_text())["outputs"] == ADDRESS.outputs
        assert list(file.parent.iterdir()) == [file]
    assert not file.exists()
