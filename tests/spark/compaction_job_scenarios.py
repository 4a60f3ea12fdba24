"""The Spark job of `lake compact` as a process: as Glue starts it, as the command starts it, killed and interrupted.

Because of its name, pytest does not collect this file by default; `make test-spark` runs it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.lake import table
from local_stack.address import Address
from local_stack.emulator import REGION, Emulator, client
from ops.lake.compact.compaction import KEPT, Compaction
from ops.lake.query.manifest import KEY, Manifest
from tests.spark.environment import PYTHON, ROOT, as_on_glue, environment
from tests.support import ctrl_c
from tests.support.compacted_lake import CompactedLake, at
from tests.support.lake import made_up, write

pytestmark = pytest.mark.timeout(900)  # each starts Spark
RUN_S = 600.0
ROWS = made_up(7, 60, 31, 600)
NOW = at("2026-09-10")


class Killed(Exception):
    """The job was killed."""


class SparkLake(CompactedLake):
    """A lake whose months are written by the Spark job."""

    kill_at = ""
    """The step at whose beginning the job is killed; empty to let it end."""

    def compaction(self, grace: timedelta = timedelta(0)) -> Compaction:
        return replace(super().compaction(grace), write=self._by_spark)

    def _by_spark(self, month: str, days: Sequence[str], name: str) -> int:
        options = {"--lake": str(self.root), "--month": month, "--days": ",".join(days), "--compaction": name}
        options |= {"--cores": "1", "--memory": "1g"}
        with subprocess.Popen(  # noqa: S603 -- fixed arguments, no shell
            [PYTHON, "-m", "ops.lake.spark.compaction_job", *(each for pair in options.items() for each in pair)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
            start_new_session=True,
        ) as job:
            assert job.stdout is not None
            last = ""
            for line in job.stdout:
                last = json.loads(line).get("doing", line)
                if self.kill_at and last.startswith(self.kill_at):
                    os.killpg(job.pid, signal.SIGKILL)
                    raise Killed
        assert job.returncode == 0, last
        return int(last.split()[1])

    def names(self) -> set[str]:
        return {path.stem for path in (self.root / table.MONTHS_PREFIX).rglob("*.parquet")}


def test_a_killed_job_leaves_nothing_readable_and_is_repeated(tmp_path: Path) -> None:
    lake = SparkLake(tmp_path, ROWS, NOW)
    lake.kill_at = "verifying"  # all files are there
    with pytest.raises(Killed):
        lake.compact()
    [killed] = lake.names()
    assert not (tmp_path / KEY).exists()
    lake.assert_exact()
    lake.begin_queries()
    lake.kill_at = ""
    assert sum(lake.compact().values()) == len(ROWS)
    lake.assert_exact()
    assert killed in lake.names()
    lake.now += KEPT
    lake.compact()
    lake.assert_exact()
    assert lake.names() == {each.compaction for each in lake.store.read()[0].months.values()}


def test_the_job_compacts_from_a_zip_as_glue_starts_it(tmp_path: Path) -> None:
    write(tmp_path / "lake", ROWS)
    options = ["--lake", str(tmp_path / "lake"), "--month", "2026-08", "--days", "2026-08-01,2026-08-02"]
    done = as_on_glue(tmp_path, [*options, "--compaction", "by-glue"], RUN_S)
    assert done.returncode == 0, done.stderr[-2000:]
    assert {path.stem for path in (tmp_path / "lake" / table.MONTHS_PREFIX).rglob("*.parquet")} == {"by-glue"}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def command(emulator: Emulator, tmp_path: Path) -> "tuple[list[str], dict[str, str]]":
    """The command with the engine spark, and its environment: a running local stack with an old month in its lake."""
    s3 = client("s3", emulator.endpoint_url)
    s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
    write(tmp_path / "lake", ROWS)
    for path in (tmp_path / "lake").rglob("*.parquet"):
        s3.upload_file(str(path), "lake", path.relative_to(tmp_path / "lake").as_posix())
    outputs = {
        "StackName": "test",
        "LakeBucketName": "lake",
        "LakeFirstDay": "2026-08-01",
        "LakeBufferSeconds": "60",
        "LakeDeliveryStreamName": "none",
    }
    address = tmp_path / "address.json"
    address.write_text(json.dumps(asdict(Address(emulator.endpoint_url, os.getpid(), outputs, None, None))))
    (tmp_path / "temporary").mkdir()
    given = {
        "PYTHONPATH": str(ROOT),
        "ACCOUNT_EVENTS_LOCAL_STACK": str(address),
        "COLUMNS": "200",
        "TMPDIR": str(tmp_path / "temporary"),
    }
    arguments = ["-m", "ops.cli", "lake", "compact", "--engine", "spark", "--month", "2026-08"]
    return [sys.executable, *arguments], {**os.environ, **given}


def test_an_interrupted_command_ends_spark_and_can_be_repeated(
    emulator: Emulator, command: "tuple[list[str], dict[str, str]]", tmp_path: Path
) -> None:
    arguments, given = command
    s3 = client("s3", emulator.endpoint_url)
    with (
        ctrl_c.enabled(),
        subprocess.Popen(  # noqa: S603 -- fixed arguments, no shell
            arguments, stderr=subprocess.PIPE, text=True, env=given
        ) as process,
    ):
        assert process.stderr is not None
        while "writing 2026-08" not in (line := process.stderr.readline()):
            assert line, process.wait()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()  # until Spark has ended, too
        assert process.wait(RUN_S) == 130, rest
    assert "interrupted: the view account_history is right; run the command again" in rest
    assert not list((tmp_path / "temporary").iterdir())
    assert "Contents" not in s3.list_objects_v2(Bucket="lake", Prefix=table.MONTHS_PREFIX)
    done = subprocess.run(  # noqa: S603 -- fixed arguments, no shell
        arguments, check=False, capture_output=True, text=True, timeout=RUN_S, env=given
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"2026-08: {len(ROWS)} events compacted"]
    month = Manifest.from_json(s3.get_object(Bucket="lake", Key=KEY)["Body"].read()).months["2026-08"]
    assert (month.events, month.through, len(month.days)) == (len(ROWS), "2026-08-31", 31)
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="lake", Prefix=table.MONTHS_PREFIX)["Contents"]]
    assert {key.rpartition("/")[2] for key in keys} == {"manifest.json", f"{month.compaction}.parquet"}
    assert not list((tmp_path / "temporary").iterdir())
