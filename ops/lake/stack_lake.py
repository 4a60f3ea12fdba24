"""A stack's lake, at home or on AWS: its bucket, and what runs SQL over it."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3

from local_stack.address import Address
from local_stack.emulator import REGION, ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, HouseError, forget_aws_settings
from ops.deployment.stack import AWS_CLIENTS, Outputs, outputs_of
from ops.lake.query.athena_engine import AthenaEngine
from ops.lake.query.duckdb_engine import DuckDBEngine, S3Access
from ops.lake.query.engine import Engine
from ops.lake.query.totals import Totals

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Lake:
    """Attributes: `access` is what DuckDB gets at the bucket with; `is_at_home` says whether there is no Athena."""

    s3: "S3Client"
    bucket: str
    outputs: Outputs
    access: S3Access
    is_at_home: bool

    @classmethod
    def of(cls, stack: str | None) -> "Lake":
        """Of a stack on AWS, by its name and with the AWS settings of this terminal; of the running house if None.

        Raises:
            HouseError: no house is running; or there are no credentials for AWS.
        """
        if stack is None:
            forget_aws_settings()
            return cls.of_house(Address.find())
        session = boto3.Session()
        found = session.get_credentials()
        if found is None:
            raise HouseError("There are no AWS credentials: set AWS_PROFILE, or leave out --stack for the house.")
        keys = found.get_frozen_credentials()
        region = session.region_name or REGION
        access = S3Access(str(keys.access_key), str(keys.secret_key), region, keys.token)
        outputs = Outputs(outputs_of(stack))
        return cls(boto3.client("s3", config=AWS_CLIENTS), outputs["LakeBucketName"], outputs, access, is_at_home=False)

    @classmethod
    def of_house(cls, address: Address) -> "Lake":
        """Of a house that is found already."""
        outputs = Outputs(address.outputs)
        access = S3Access(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, REGION, endpoint_url=address.endpoint_url)
        return cls(address.client("s3"), outputs["LakeBucketName"], outputs, access, is_at_home=True)

    def engine(self) -> Engine:
        """What runs queries: Athena on AWS, DuckDB at home."""
        if self.is_at_home:
            return self.duckdb()
        return self.athena()

    def athena(self) -> AthenaEngine:
        """In the stack's workgroup."""
        client = boto3.client("athena", config=AWS_CLIENTS)
        return AthenaEngine(
            client, self.outputs["LakeWorkgroupName"], self.outputs["LakeDatabaseName"], sleep=time.sleep
        )

    def totals(self) -> Totals:
        """The daily totals."""
        return Totals(self.s3, self.bucket, self.engine, self.outputs["LakeFirstDay"])

    def duckdb(self) -> DuckDBEngine:
        """DuckDB over the bucket's files as they are now; each call lists them anew."""
        return DuckDBEngine(
            f"s3://{self.bucket}",
            self.access,
            first_day=self.outputs["LakeFirstDay"],
            has_older_files=not self.is_at_home,  # a house's lake is as old as the house
        )
