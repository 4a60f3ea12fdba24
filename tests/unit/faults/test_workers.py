"""The emulator's processes that run a function."""

from pathlib import Path

import pytest

from local_stack.faults import workers


def process(folder: Path, pid: int, parent: int, command: str) -> None:
    (folder / str(pid)).mkdir()
    (folder / str(pid) / "stat").write_text(f"{pid} (python (3) x) S {parent} 1 1 0")
    (folder / str(pid) / "cmdline").write_text(command)


def test_only_the_functions_own_workers_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PROCESSES", tmp_path)
    process(tmp_path, 11, 10, "python\0/tmp/ministack-lambda-projector-1/worker.py")
    process(tmp_path, 12, 10, "python\0/tmp/ministack-lambda-api-1/worker.py")
    process(tmp_path, 13, 99, "python\0/tmp/ministack-lambda-projector-1/worker.py")
    (tmp_path / "14").mkdir()
    (tmp_path / "self").mkdir()
    assert list(workers.worker_pids(10, "projector")) == [11]
