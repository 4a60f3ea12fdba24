"""The lake of a deployment: its engines and its totals."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import boto3
import pytest
from botocore.credentials import ReadOnlyCredentials

from local_stack.address import Address
from ops.deployment.stack import Deployment, Outputs
from ops.lake.deployed_lake import Lake
from ops.lake.query.duckdb_engine import DuckDBEngine, S3Access
from tests.support.lake import FIRST_DAY, made_up, write
from tests.unit.lake.test_totals import Folder


@pytest.mark.parametrize("is_local", [True, False])
def test_only_a_lake_on_aws_may_have_files_of_older_releases(
    monkeypatch: pytest.MonkeyPatch, *, is_local: bool
) -> None:
    """A local lake is as new as its stack, so its files have every column and need not be inspected."""
    engine = create_autospec(DuckDBEngine)
    monkeypatch.setattr("ops.lake.deployed_lake.DuckDBEngine", engine)
    access = S3Access("id", "secret", "eu-central-1")
    outputs = {"LakeBucketName": "lake", "LakeFirstDay": "2026-08-01"}
    deployment = Deployment(Outputs(outputs), create_autospec(Address) if is_local else None)
    Lake(deployment, create_autospec(object), lambda: access).duckdb()
    engine.assert_called_once_with(
        "s3://lake",
        access,
        first_day="2026-08-01",
        has_older_files=not is_local,
        day=None,
        has_views=True,
        has_months=is_local,
    )


class Credentials:
    """Those of a role: they are renewed before they expire."""

    def __init__(self) -> None:
        self.token = "first"

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return ReadOnlyCredentials("id", "secret", self.token)


def test_each_engine_has_the_credentials_of_its_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command may run for longer than credentials are valid."""
    credentials, engine = Credentials(), create_autospec(DuckDBEngine)
    monkeypatch.setattr("ops.lake.deployed_lake.DuckDBEngine", engine)
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda _session: credentials)
    monkeypatch.setattr(Deployment, "client", create_autospec(object))
    lake = Lake.of(Deployment(Outputs({"LakeBucketName": "lake", "LakeFirstDay": "2026-08-01"})))
    for create in (lake.duckdb, lake.months, lake.connection):
        credentials.token = create.__name__
        create()
        assert engine.call_args.args[1].token == create.__name__


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A local lake in a folder, with events from the day before its first day."""

    def over_the_folder(root: str, _access: S3Access, **options: Any) -> DuckDBEngine:  # noqa: ANN401 -- its own
        assert root == "s3://lake"
        return DuckDBEngine(str(tmp_path), **options)

    monkeypatch.setattr("ops.lake.deployed_lake.DuckDBEngine", over_the_folder)
    write(tmp_path, made_up(1, 5, 3, 60))
    outputs = {"LakeBucketName": "lake", "LakeFirstDay": f"{FIRST_DAY + timedelta(days=1):%Y-%m-%d}"}
    s3: Any = Folder(tmp_path)
    deployment = Deployment(Outputs(outputs), create_autospec(Address))
    return Lake(deployment, s3, lambda: S3Access("id", "secret", "eu-central-1"))


def test_queries_see_no_day_before_the_lakes_first(lake: Lake) -> None:
    """Athena does not see them either, because its partition projection begins at the first day."""
    assert lake.engine().query("SELECT DISTINCT dt FROM events ORDER BY dt").rows == [("2026-08-02",), ("2026-08-03",)]


def test_totals_are_made_only_of_days_that_queries_see(lake: Lake) -> None:
    """An earlier day would be summed up again by each refresh, without a result."""
    summed_up: list[str] = []
    lake.totals().refresh(summed_up.append)
    assert summed_up == ["2026-08-02", "2026-08-03"]
    assert lake.totals().refresh() == 0


def test_a_connection_alone_opens_and_lists_no_file(lake: Lake) -> None:
    """A month may have ten thousands of files."""
    logged = "SELECT count(*) FROM duckdb_logs WHERE type = 'FileSystem'"
    found = [each.execute(logged).fetchall()[0][0] for each in (lake.connection(), lake.duckdb().connection)]
    assert found[0] == 0 < found[1]
