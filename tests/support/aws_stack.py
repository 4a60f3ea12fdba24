"""A stack on AWS that nothing is wrong with: clients of botocore whose requests are answered as AWS would.

botocore checks each request against the service's model, and this module each answer, as botocore's Stubber does.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import boto3
from botocore import xform_name
from botocore.validate import validate_parameters

from local_stack.deploy import read_template
from ops.deployment.stack import Deployment, Outputs
from ops.doctor.stack_view import StackView
from ops.lake.query.duckdb_engine import EVENTS_SELECT, DuckDBEngine
from ops.lake.query.history import History
from ops.lake.query.totals import Totals
from ops.lake.reconcile.result import LATEST_KEY, ReconciliationResult, to_json
from ops.lake.spark.job_code import code
from tests.support.aws_answers import ACCOUNT, REGION, STACK_ID, Answers
from tests.support.aws_s3_answers import Refused
from tests.support.lake import put, write
from tests.support.ledger_and_lake import history, lake_rows

TEMPLATE = cache(read_template)
ACCOUNTS = ("a-1", "a-2", "a-3")
DESCRIBED = (
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Athena::WorkGroup",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::Glue::Job",
    "AWS::Glue::Table",
    "AWS::IAM::Role",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Logs::MetricFilter",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::Scheduler::Schedule",
    "AWS::Serverless::Function",
    "AWS::StepFunctions::StateMachine",
)
"""The types of resources whose properties are in answers."""


class AwsStack(Answers):
    """The stack `bank`, with three accounts of three events.

    Args:
        root: an empty folder for the lake's files.
        age: since the stack's creation.
        newest: the age of the newest event of each account.
        parameters: those of the stack that differ from the defaults.

    Attributes:
        errors: error codes by operation, such as `s3:GetObject`. The operation is refused with it.
        calls: the operations that were requested.
    """

    def __init__(
        self,
        root: Path,
        age: timedelta = timedelta(days=30),
        newest: timedelta = timedelta(hours=3),
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        self.now, self.root = datetime.now(UTC), root
        self.created_at = self.alarms_created_at = self.now - age
        self.errors: dict[str, str] = {}
        self.calls: set[str] = set()
        self.firing, self.lagging, self.gaps, self.published, self.log = set(), set(), [], [], []
        self.views = {"events": EVENTS_SELECT, "account_history": History().select()}
        self._clients: dict[str, Any] = {}
        start = self.now - newest - timedelta(hours=2)  # the events of a history are an hour apart
        self.rows = {each: history(each, "5.00", "-1.00", start=start) for each in ACCOUNTS}
        self.template = TEMPLATE()
        resources = self.template["Resources"]
        self.names = {name: f"bank-{name}" for name in resources}
        self.names |= {name: f"bank-{name.lower()}" for name in self.of("AWS::S3::Bucket")}
        mappings = self.of("AWS::Lambda::EventSourceMapping")
        self.names |= {name: f"{uuid5(NAMESPACE_URL, name)}" for name in mappings}
        for queue in self.of("AWS::SQS::Queue"):
            self.names[queue] = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/bank-{queue}"
        for machine in self.of("AWS::StepFunctions::StateMachine"):
            self.names[machine] = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:bank-{machine}"
        self.parameters = {name: str(each.get("Default", "")) for name, each in self.template["Parameters"].items()}
        self.parameters["AlarmTopicArn"] = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
        self.parameters |= parameters or {}
        exists = self._view().resources()
        self.names = {name: each for name, each in self.names.items() if name in exists}
        view = self._view()
        self.properties = {name: view.properties(name) for name in self.of(*DESCRIBED)}
        values = {name: view.values.value(each["Value"]) for name, each in self.template["Outputs"].items()}
        self.outputs = {name: str(value) for name, value in values.items()}
        self._fill_lake()
        self.calls.clear()

    def client(self, service: str, **_: object) -> Any:  # noqa: ANN401 -- a client
        """The client of a service."""
        if service not in self._clients:
            made = boto3.Session("id", "secret", region_name=REGION).client(service)  # type: ignore[call-overload]
            made.meta.events.register("before-parameter-build", _keep)
            made.meta.events.register("before-call", lambda model, context, **_: self._answer(service, model, context))
            self._clients[service] = made
        return self._clients[service]

    def engine(self, day: str | None = None) -> DuckDBEngine:
        """DuckDB on the lake's files."""
        return DuckDBEngine(str(self.root), first_day=self.outputs["LakeFirstDay"], day=day)

    def _fill_lake(self) -> None:
        """The events of all accounts, an earlier time of their files, the totals, and a reconciliation's result."""
        write(self.root, [each for rows in self.rows.values() for each in lake_rows(rows)])
        hours_ago = (self.now - timedelta(hours=3)).timestamp()
        for path in self.root.rglob("*.parquet"):
            os.utime(path, (hours_ago, hours_ago))
        Totals(self.client("s3"), self.outputs["LakeBucketName"], self.engine).refresh()
        result = ReconciliationResult(self.now - timedelta(hours=9), self.now - timedelta(hours=10), 9, 3)
        put(self.root / LATEST_KEY, to_json(result))
        for each in code():
            put(self.root / each.key, each.digest.encode())

    def _view(self) -> StackView:
        """For the values of the template."""
        return StackView(
            *(Deployment(Outputs({})), STACK_ID, "CREATE_COMPLETE", self.parameters, self.names, self.template),
            *(self.now, 0.0, lambda _: 0, lambda _: None, self.created_at, self.created_at),
            {"dynamodb": self.client("dynamodb")},
            None,  # type: ignore[arg-type]  # no value depends on the lake
        )

    def _answer(self, service: str, model: Any, context: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 -- botocore's
        operation = f"{service}:{model.name}"
        self.calls.add(operation)
        try:
            if operation in self.errors:
                raise Refused(self.errors[operation])  # noqa: TRY301 -- as the answers do
            answer = getattr(self, f"_{service}_{xform_name(model.name)}", None)
            if answer is None:  # it changes something
                return SimpleNamespace(status_code=200), {}
            found = answer(**context["asked"])
        except Refused as error:
            return SimpleNamespace(status_code=400), {"Error": {"Code": str(error), "Message": "no"}}
        validate_parameters(found, model.output_shape)
        headers = {"date": format_datetime(self.now, usegmt=True)}
        return SimpleNamespace(status_code=200), found | {"ResponseMetadata": {"HTTPHeaders": headers}}


def _keep(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
    context["asked"] = dict(params)
