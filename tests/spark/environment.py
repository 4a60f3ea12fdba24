"""The environment of the Spark job, `.venv-spark`, and a worker that runs in it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.lake.spark.job_code import code

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-spark" / "bin" / "python"
STOP_S = 30.0


def environment(path: str = str(ROOT)) -> dict[str, str]:
    """The environment variables of a process that finds the job's modules in this path."""
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


class SparkRefused(Exception):
    """The error with which a request ended: its class and its message."""


class SparkWorker:
    """Runs requests in one Spark session; a context manager. See `tests/spark/worker.py`."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 -- fixed arguments, no shell
            [PYTHON, "-m", "tests.spark.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
            cwd=ROOT,
            env=environment(),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            assert self._process.stdout is not None
            self._process.stdout.close()

    def ask(self, operation: str, **given: Any) -> Mapping[str, Any]:  # noqa: ANN401 -- JSON
        """The answer of an operation of the worker."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"operation": operation, **given}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the worker has ended; its error is above"
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SparkRefused(answer["error"])
        return answer


def as_on_glue(tmp_path: Path, options: Sequence[str], timeout_s: float) -> "subprocess.CompletedProcess[str]":
    """Run the uploaded script. Glue adds the zip to the path and options of its own, and has started Spark."""
    modules, script = code()
    (tmp_path / "modules.zip").write_bytes(modules.content)
    (tmp_path / "script.py").write_bytes(script.content)
    return subprocess.run(  # noqa: S603 -- fixed arguments, no shell
        [PYTHON, tmp_path / "script.py", "--job-bookmark-option", "job-bookmark-disable", "--JOB_NAME", "x", *options],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=timeout_s,
        env=environment(str(tmp_path / "modules.zip"))
        | {
            "PYSPARK_SUBMIT_ARGS": "--master local[1] --conf spark.driver.host=127.0.0.1 pyspark-shell",
            "PYSPARK_PYTHON": str(PYTHON),
        },
    )
