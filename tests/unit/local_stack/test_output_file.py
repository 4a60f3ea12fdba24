"""A command's output file is complete, or its previous content is unchanged."""

import os
import re
import threading
from pathlib import Path
from typing import IO

import pytest

from local_stack.output_file import open_atomically


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_file_is_replaced_when_the_context_ends(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("before")
    with open_atomically(path) as file:
        file.write("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert names(tmp_path) == {"f"}


def test_a_private_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with open_atomically(path, is_private=True) as file:
        assert [unfinished.stat().st_mode & 0o777 for unfinished in tmp_path.iterdir()] == [0o600]
        file.write("secret")
    assert path.stat().st_mode & 0o777 == 0o600


def test_after_an_error_the_previous_file_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), open_atomically(path) as file:
        _interrupted(file)
    assert path.read_text() == "before"
    assert names(tmp_path) == {"f"}


def _interrupted(file: IO[str]) -> None:
    file.write("half")
    raise KeyboardInterrupt


def test_a_symbolic_link_is_followed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "f")
    for text in ("new", "again"):
        with open_atomically(link) as file:
            file.write(text)
        assert link.is_symlink()
        assert (tmp_path / "there" / "f").read_text() == text


def test_a_pipe_is_written_to_directly(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with open_atomically(pipe) as file:
        file.write("through")
    reader.join(60)
    assert read == ["through"]
    assert pipe.is_fifo()


def test_a_device_is_written_to_directly() -> None:
    with open_atomically(Path(os.devnull)) as file:
        file.write("gone")
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("name", [".", "", "/", "no/such/f", "d"])
def test_a_path_that_cannot_be_a_file_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    with pytest.raises(OSError, match="directory"), open_atomically(Path(name)):
        pytest.fail("a file was opened")


def test_the_longest_possible_name_works(tmp_path: Path) -> None:
    with open_atomically(tmp_path / ("n" * 255)) as file:
        file.write("x")
    assert names(tmp_path) == {"n" * 255}


@pytest.mark.parametrize("name", ["nowhere/report.html", "file/report.html", "loop/report.html", "loop", "a" * 300])
def test_the_error_names_the_requested_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    path = tmp_path / name
    with pytest.raises(OSError, match=re.escape(f"'{path}'")), open_atomically(path) as file:
        file.write("x")


def test_a_full_disk_is_reported_with_the_files_name() -> None:
    with (
        pytest.raises(OSError, match=r"No space left on device: '/dev/full'"),
        open_atomically(Path("/dev/full")) as file,
    ):
        file.write("x" * 100_000)


def test_an_unrelated_error_is_passed_on(tmp_path: Path) -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    with pytest.raises(ConnectionRefusedError) as raised, open_atomically(tmp_path / "report.html"):
        raise refused
    assert raised.value is refused
