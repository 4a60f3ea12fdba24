"""The address file: other terminals read it complete or not at all, and only while the local stack runs."""

import json
import stat
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


def test_only_the_owner_may_read_the_address_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It contains credentials and the console's token."""
    file = tmp_path / "address.json"
    file.write_text("previous")
    file.chmod(0o644)
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", file)
    with ADDRESS.published():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_file_of_an_older_release_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "address.json"
    older = {"endpoint_url": "http://127.0.0.1:1", "pid": 1, "outputs": {}, "access_key": None, "issuer_url": None}
    file.write_text(json.dumps(older))
    monkeypatch.setattr("local_stack.address.ADDRESS_FILE", file)
    monkeypatch.setattr("local_stack.address.answers", lambda _url: True)
    found = Address.find()
    assert (found.console_url, found.console_token, found.faults) == (None, None, False)
