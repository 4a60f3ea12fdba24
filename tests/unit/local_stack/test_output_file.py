"""A command's file is there whole, or what was there before is."""

import os
import re
import threading
from pathlib import Path
from typing import IO

import pytest

from local_stack.output_file import written


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_it_takes_its_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("before")
    with written(path) as file:
        file.write("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert names(tmp_path) == {"f"}


def test_what_fails_leaves_nothing_and_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), written(path) as file:
        _interrupted(file)
    assert path.read_text() == "before"
    assert names(tmp_path) == {"f"}


def _interrupted(file: IO[str]) -> None:
    file.write("half")
    raise KeyboardInterrupt


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "f")
    for text in ("new", "again"):
        with written(link) as file:
            file.write(text)
        assert link.is_symlink()
        assert (tmp_path / "there" / "f").read_text() == text


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with written(pipe) as file:
        file.write("through")
    reader.join(60)
    assert read == ["through"]
    assert pipe.is_fifo()


def test_a_device_stays_one() -> None:
    with written(Path(os.devnull)) as file:
        file.write("gone")
    assert Path(os.devnull).is_char_device()


@pytest.mark.parametrize("name", [".", "", "/", "no/such/f", "d"])
def test_where_no_file_can_be_it_says_so(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    with pytest.raises(OSError, match="directory"), written(Path(name)):
        pytest.fail("it did not")


def test_the_longest_name_is_no_trouble(tmp_path: Path) -> None:
    with written(tmp_path / ("n" * 255)) as file:
        file.write("x")
    assert names(tmp_path) == {"n" * 255}


@pytest.mark.parametrize("name", ["nowhere/report.html", "file/report.html", "loop/report.html", "loop", "a" * 300])
def test_where_no_file_can_be_the_error_names_the_file_that_was_asked_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    path = tmp_path / name
    with pytest.raises(OSError, match=re.escape(f"'{path}'")), written(path) as file:
        file.write("x")


def test_a_full_disk_names_the_file() -> None:
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"), written(Path("/dev/full")) as file:
        file.write("x" * 100_000)


def test_an_error_from_elsewhere_is_passed_on(tmp_path: Path) -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    with pytest.raises(ConnectionRefusedError) as raised, written(tmp_path / "report.html"):
        raise refused
    assert raised.value is refused
