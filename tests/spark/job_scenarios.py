"""The Spark job as a process: as Glue starts it, as `account-events reconcile` starts it, and interrupted.

Because of its name, pytest does not collect this file by default; `make test-spark` runs it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from local_stack.address import Address
from local_stack.emulator import REGION, Emulator, client
from local_stack.local_tables import make_table
from local_stack.table_export import write_export
from ops.lake.reconcile.result import LATEST_KEY, from_json
from tests.spark.environment import PYTHON, ROOT, as_on_glue, environment
from tests.support.corruptions import CORRUPTIONS, sides
from tests.support.exports import TABLE, write_files
from tests.support.lake import write
from tests.unit.lake.reconcile_given import NOW

pytestmark = pytest.mark.timeout(900)  # each starts Spark
RUN_S = 600.0


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """The job's options for a ledger and a lake of which one event is missing."""
    [missing] = [each for each in CORRUPTIONS if each.name == "missing"]
    items, rows = missing.make(*sides())
    write(tmp_path / "lake", rows)
    given = {
        "--export": str(write_files(tmp_path / "export", items, export_time=NOW)),
        "--lake": str(tmp_path / "lake"),
        "--table-arn": TABLE.arn,
        "--first-day": "2026-08-01",
        "--grace-s": "600",
        "--result": str(tmp_path / "result.json"),
    }
    return [text for option in given.items() for text in option]


def test_the_job_runs_from_a_zip_as_glue_starts_it(tmp_path: Path, options: list[str]) -> None:
    done = as_on_glue(tmp_path, options, RUN_S)
    assert done.returncode == 0, done.stderr[-2000:]
    result = from_json((tmp_path / "result.json").read_bytes())
    assert [(each.kind, each.account_id, each.sequence) for each in result.findings] == [
        ("missing", "a-1", 2),
        ("missing", "a-1", 13),
    ]
    assert set(result.files.days) == {"2026-08-01"}


def test_a_refusal_ends_the_script_with_an_error(tmp_path: Path, options: list[str]) -> None:
    """Glue takes the end of a script without an error for success, and shows the message of an error."""
    options[options.index(TABLE.arn)] = TABLE.arn.replace("accounts", "others")
    done = as_on_glue(tmp_path, options, RUN_S)
    assert done.returncode != 0
    assert "OtherExport" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "result.json").exists()


def test_an_export_of_another_table_is_refused_before_spark_starts(tmp_path: Path, options: list[str]) -> None:
    options[options.index(TABLE.arn)] = TABLE.arn.replace("accounts", "others")
    done = subprocess.run(  # noqa: S603 -- fixed arguments, no shell
        [PYTHON, "-m", "ops.lake.spark.job", *options, "--cores", "1"],
        check=False,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        env=environment(),
    )
    assert done.returncode == 1
    [line] = done.stdout.splitlines()
    assert "it is an export of another table" in json.loads(line)["refused"]
    assert not (tmp_path / "result.json").exists()


def test_an_interrupted_job_ends_spark_and_keeps_no_result(tmp_path: Path, options: list[str]) -> None:
    with subprocess.Popen(  # noqa: S603 -- fixed arguments, no shell
        [PYTHON, "-m", "ops.lake.spark.job", *options, "--cores", "1", "--folder", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
        start_new_session=True,
    ) as job:
        assert job.stdout is not None
        while "comparing" not in job.stdout.readline():
            assert job.poll() is None
        job.terminate()
        assert job.wait(RUN_S) == 130
        job.stdout.read()  # until Java has closed it, too
    assert not (tmp_path / "result.json").exists()


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def test_reconcile_with_the_newest_export_keeps_the_result(emulator: Emulator, tmp_path: Path) -> None:
    items, rows = sides()
    dynamodb, s3 = client("dynamodb", emulator.endpoint_url), client("s3", emulator.endpoint_url)
    table = make_table(dynamodb)
    for item in items:
        dynamodb.put_item(TableName=table, Item=item)
    for bucket in ("lake", "exports"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    write(tmp_path / "lake", [row for row in rows if row["event_id"] != "a-1:2"])
    for path in (tmp_path / "lake").rglob("*.parquet"):
        s3.upload_file(str(path), "lake", path.relative_to(tmp_path / "lake").as_posix())
    described = dynamodb.describe_table(TableName=table)["Table"]
    write_export(
        dynamodb,
        s3,
        table_name=table,
        table_arn=described["TableArn"],
        table_id=described.get("TableId") or described["TableArn"],
        bucket="exports",
        prefix="exports/one",
        export_time=NOW,
        export_id="01234567890123-a1b2c3d4",
    )
    outputs = {
        "StackName": "test",
        "TableName": table,
        "LakeBucketName": "lake",
        "LedgerExportsName": "exports",
        "LakeFirstDay": "2026-08-01",
        "EventStreamName": "none",
        "Aggregation": "on",
        "Buckets": "32",
        "Framing": "single-object",
    }
    address = tmp_path / "address.json"
    address.write_text(json.dumps(asdict(Address(emulator.endpoint_url, os.getpid(), outputs, None, None))))
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "reconcile", "--engine", "spark", "--export", "latest", "--output", "found"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=RUN_S,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ACCOUNT_EVENTS_LOCAL_STACK": str(address), "COLUMNS": "200"},
    )
    assert "a-1 event 2 missing" in done.stderr, done.stderr
    assert "33 events of 6 accounts" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1
    [line] = (tmp_path / "found").read_text().splitlines()
    assert (json.loads(line)["kind"], json.loads(line)["sequence"]) == ("missing", 2)
    kept = from_json(s3.get_object(Bucket="lake", Key=LATEST_KEY)["Body"].read())
    assert (kept.missing, kept.compared_at, len(kept.files.days)) == (1, NOW, 1)
