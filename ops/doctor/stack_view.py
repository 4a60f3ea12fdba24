"""What `doctor` looks at: the deployed stack next to this release's template.yaml."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local_stack.template_values import TemplateValues
from ops.deployment.stack import Deployment
from ops.doctor.finding import IN_COMMAND_MAX, quoted
from ops.lake.deployed_lake import Lake

ARN = {
    "AWS::Backup::BackupVault": "arn:{partition}:backup:{region}:{account}:backup-vault:{name}",
    "AWS::DynamoDB::Table": "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::Rule": "arn:{partition}:events:{region}:{account}:rule/{name}",
    "AWS::Glue::Registry": "{name}",
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::Kinesis::Stream": "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
    "AWS::Serverless::Function": "arn:{partition}:lambda:{region}:{account}:function:{name}",
    "AWS::Scheduler::Schedule": "arn:{partition}:scheduler:{region}:{account}:schedule/{name}",
    "AWS::Scheduler::ScheduleGroup": "arn:{partition}:scheduler:{region}:{account}:schedule-group/{name}",
    "AWS::SQS::Queue": "arn:{partition}:sqs:{region}:{account}:{last}",
    "AWS::StepFunctions::StateMachine": "{name}",
}
"""ARNs by type of resource. `name` is the physical id; `last` is its last part after a slash."""
SERVICES = (
    "apigatewayv2",
    "athena",
    "backup",
    "cloudwatch",
    "dynamodb",
    "events",
    "firehose",
    "glue",
    "iam",
    "kinesis",
    "lambda",
    "logs",
    "scheduler",
    "sns",
    "sqs",
    "stepfunctions",
)
NEW = timedelta(minutes=15)
"""After a deployment, mappings and schedules may not have begun to work yet."""


@dataclass(frozen=True, slots=True)
class StackView:
    """A deployed stack.

    Attributes:
        stack_id: the stack's ARN.
        status: its status, for example UPDATE_COMPLETE.
        parameters: the values of its parameters.
        physical_ids: the physical ids of its resources, by logical id.
        template: this release's template.yaml, in its long form.
        now: the current time, UTC.
        grace_s: the age in seconds below which an event may still be on its way to the stream or the read model.
        draw: returns a random number below its argument.
        wait: waits for this number of seconds.
        created_at: when the stack was created.
        changed_at: when the stack was created or last updated.
        clients: the clients of SERVICES, by service. Several threads may use them.
        faults: the faults that somebody lets the local stack have on purpose, by name.
    """

    deployment: Deployment
    stack_id: str
    status: str
    parameters: Mapping[str, str]
    physical_ids: Mapping[str, str]
    template: Mapping[str, Any]
    now: datetime
    grace_s: float
    draw: Callable[[int], int]
    wait: Callable[[float], object]
    created_at: datetime
    changed_at: datetime
    clients: Mapping[str, Any]
    lake: Lake
    faults: frozenset[str] = frozenset()

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3's clients have no common type
        """The client of a service."""
        return self.clients[service]

    @property
    def is_local(self) -> bool:
        return self.deployment.is_local

    @property
    def is_new(self) -> bool:
        """Whether the stack was deployed so recently that a part of it may not have begun to work yet."""
        return not self.is_local and self.now - self.changed_at < NEW

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.stack_id.split("/")[1]

    @property
    def option(self) -> str:
        """The option with which a command works on this stack: empty locally."""
        return "" if self.is_local else f" --stack {self.name}"

    @property
    def deploy(self) -> str:
        """The command that deploys the stack again; the local stack has to be started again."""
        return "make up" if self.is_local else f"sam build && sam deploy --stack-name {self.name}"

    @property
    def undo(self) -> str:
        """The command that prepares to undo what was changed by hand. A deployment of the same template would not."""
        if self.is_local:
            return "make up"
        parameters = " ".join(f"ParameterKey={each},UsePreviousValue=true" for each in self.parameters)
        return (
            f"aws cloudformation create-change-set --stack-name {self.name} --change-set-name undo "
            "--deployment-mode REVERT_DRIFT --use-previous-template "
            f"--capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --parameters {parameters}"
        )

    def start(self, fault: str) -> str:
        """The command that starts a stopped part of the local stack again.

        Args:
            fault: the fault that stops this part.
        """
        return f"account-events faults end {fault}" if fault in self.faults else self.deploy

    def replay(self, accounts: Sequence[str]) -> str:
        """The command that publishes all events of accounts again; consumers drop those that they have."""
        stream, options = self.deployment.outputs["EventStreamName"], _each("--account", accounts)
        return f"account-events replay {options} --to-stream {stream} --live{self.option}"

    def has_metric(self, namespace: str, metric: str, dimensions: list[dict[str, str]], since: timedelta) -> bool:
        """Whether a metric has a data point that is younger than this."""
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=self.now - since,
            EndTime=self.now + timedelta(minutes=1),
            Period=60,
            Statistics=["SampleCount"],
        )
        return bool(found["Datapoints"])

    def active_periods(
        self, namespace: str, metric: str, dimension: tuple[str, str], since: datetime, period: timedelta
    ) -> list[datetime]:
        """The beginnings of the periods since then in which the sum of a metric is more than zero."""
        seconds = int(period.total_seconds())
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[dict(zip(("Name", "Value"), dimension, strict=True))],
            StartTime=datetime.fromtimestamp(since.timestamp() // seconds * seconds, UTC),
            EndTime=self.now,
            Period=seconds,
            Statistics=["Sum"],
        )
        return [each["Timestamp"] for each in found["Datapoints"] if each["Sum"] > 0]

    def resources(self) -> set[str]:
        """The logical ids of the resources that this stack should have according to the template."""
        return {
            name
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.values.condition(resource["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, Any]:
        """The stack's resources of a type, by logical id."""
        resources = self.template["Resources"]
        return {
            name: resources[name] for name in self.physical_ids if name in resources and resources[name]["Type"] == kind
        }

    def properties(self, logical_id: str) -> dict[str, Any]:
        """The properties that the template gives a resource, with this stack's names and ARNs."""
        return self.values.properties(logical_id)

    @property
    def values(self) -> TemplateValues:
        return TemplateValues(self.template, self._ref)

    def arn(self, logical_id: str) -> str:
        """The ARN of a resource."""
        name = self.physical_ids.get(logical_id, logical_id)
        _, partition, _, region, account, _ = self.stack_id.split(":", 5)
        form = ARN[self.template["Resources"][logical_id]["Type"]]
        return form.format(partition=partition, region=region, account=account, name=name, last=name.rpartition("/")[2])

    def _ref(self, name: str) -> Any:  # noqa: ANN401 -- any value of the template
        _, partition, _, region, account, _ = self.stack_id.split(":", 5)
        pseudo = {
            "AWS::AccountId": account,
            "AWS::NoValue": None,
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::StackId": self.stack_id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        if (parameter := self.template["Parameters"].get(name)) is not None:
            return self.parameters.get(name, str(parameter.get("Default", "")))
        logical_id, _, attribute = name.partition(".")
        if attribute == "StreamArn":  # a table whose stream was enabled again has a stream with another ARN
            table = self.client("dynamodb").describe_table(TableName=self.physical_ids[logical_id])["Table"]
            return table.get("LatestStreamArn", "none")
        if attribute == "Arn":
            return self.arn(logical_id)
        return self.physical_ids.get(logical_id, name) if not attribute else name


def _each(option: str, values: Sequence[str]) -> str:
    return " ".join(f"{option} {quoted(value)}" for value in values[:IN_COMMAND_MAX])
