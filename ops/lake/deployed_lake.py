"""The lake of a deployment: its bucket and its query engines."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3

from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY
from ops.deployment.stack import Deployment, Outputs
from ops.lake.query.athena_engine import AthenaEngine
from ops.lake.query.duckdb_engine import DuckDBEngine, S3Access
from ops.lake.query.engine import LocatingEngine
from ops.lake.query.history_store import HistoryStore, Reopening
from ops.lake.query.totals import Totals

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Lake:
    """The lake of a deployment.

    Attributes:
        access: DuckDB's credentials for the bucket as they are now. Those of a role expire, often after an hour.
    """

    deployment: Deployment
    s3: "S3Client"
    access: Callable[[], S3Access]

    @classmethod
    def of(cls, deployment: Deployment) -> "Lake":
        """The lake of a deployment, with the deployment's AWS credentials."""
        return cls(deployment, deployment.client("s3"), _access_of(deployment))

    @property
    def outputs(self) -> Outputs:
        return self.deployment.outputs

    @property
    def is_local(self) -> bool:
        """Whether the lake belongs to the local stack, which has no Athena."""
        return self.deployment.is_local

    @property
    def bucket(self) -> str:
        return self.outputs["LakeBucketName"]

    def engine(self, *, has_views: bool = True) -> LocatingEngine:
        """The engine for queries: Athena on AWS, DuckDB locally; see `DuckDBEngine` for `has_views`."""
        if self.is_local:
            return self.duckdb(has_views=has_views)
        return self.athena()

    def athena(self) -> AthenaEngine:
        """Athena, in the stack's workgroup."""
        client = self.deployment.client("athena")
        return AthenaEngine(
            client, self.outputs["LakeWorkgroupName"], self.outputs["LakeDatabaseName"], sleep=time.sleep
        )

    def totals(self) -> Totals:
        """The daily totals, for one refresh, whose days share an engine."""
        engine = cache(self.engine)
        return Totals(self.s3, self.bucket, lambda _day: engine(), self.outputs["LakeFirstDay"])

    def history_store(self) -> HistoryStore:
        """The manifest of `account_months`."""
        return HistoryStore(self.s3, self.bucket)

    def publish_history(self) -> None:
        """Create the view `account_history` in Athena for the files that are in the bucket now. Locally, do nothing."""
        if not self.is_local:
            self.history_store().publish(self.athena().execute)

    def reopening(self) -> Reopening:
        """Reopens compacted days for a command that writes to them, see `Reopening`."""
        return Reopening(self.history_store(), self.publish_history, lambda: datetime.now(UTC), uuid.uuid4().hex)

    def duckdb(self, day: str | None = None, *, has_views: bool = True) -> DuckDBEngine:
        """DuckDB over the files that are in the bucket now, or only those of a day or of a pattern of days.

        Each call lists them again.
        """
        return DuckDBEngine(
            f"s3://{self.bucket}",
            self.access(),
            first_day=self.outputs["LakeFirstDay"],
            has_older_files=not self.is_local,  # a local lake is as old as its stack
            day=day,
            has_views=has_views,
            has_months=self.is_local,  # on AWS, Athena reads it, and opening its files would take time
        )

    def months(self) -> DuckDBEngine:
        """DuckDB over the table `account_months` only."""
        return DuckDBEngine(f"s3://{self.bucket}", self.access(), has_older_files=not self.is_local, has_events=False)

    def connection(self) -> "DuckDBPyConnection":
        """DuckDB with access to the bucket, without tables and views: it lists and opens no file of its own accord."""
        return DuckDBEngine(f"s3://{self.bucket}", self.access(), has_events=False, has_views=False).connection


def _access_of(deployment: Deployment) -> Callable[[], S3Access]:
    if deployment.address is not None:
        local = S3Access(
            ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, REGION, endpoint_url=deployment.address.endpoint_url
        )
        return lambda: local
    session = boto3.Session()
    found = session.get_credentials()
    assert found is not None  # noqa: S101 -- checked by `Deployment.connect`

    def access() -> S3Access:
        keys = found.get_frozen_credentials()  # which first renews those that expire soon
        return S3Access(str(keys.access_key), str(keys.secret_key), session.region_name or REGION, keys.token)

    return access
