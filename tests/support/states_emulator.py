"""The emulator with our state machine of the nightly reconciliation, as in template.yaml."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from account_core.rows.layout import TABLE_SCHEMA
from local_stack.emulator import REGION, Emulator, client
from local_stack.template_values import TemplateValues
from tests.support.template_stack import TEMPLATE
from tests.support.waiting import await_condition

ACCOUNT = "000000000000"
TABLE, LAKE, EXPORTS, JOB, STACK = "accounts", "lake", "ledger-exports", "reconcile", "some-stack"
TABLE_ARN = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/reconcile"
WAIT_SCALE = "0.0002"
"""A minute of the definition becomes 12 ms."""
TIMEOUT_S = 60.0


class StatesEmulator(Emulator):
    """An emulator whose state machines' calls are recorded and can be made to fail; see `states_ministack`."""

    program = (str(Path(__file__).with_name("states_ministack.py")),)

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="account-events-states-"))

    def _environment(self, directory: Path) -> dict[str, str]:
        return super()._environment(directory) | {
            "STATES_FOLDER": str(self.folder),
            "SFN_WAIT_SCALE": WAIT_SCALE,
            "MINISTACK_DDB_EXPORT_COMPLETE_AFTER_SEC": "0",
        }

    def __enter__(self) -> Self:
        super().__enter__()
        self.client("dynamodb").create_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST", **TABLE_SCHEMA)
        for bucket in (LAKE, EXPORTS):
            self.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )
        trust = values({}).properties("ReconcileStateMachineRole")["AssumeRolePolicyDocument"]
        self.client("iam").create_role(RoleName=ROLE_ARN.rpartition("/")[2], AssumeRolePolicyDocument=json.dumps(trust))
        self.client("glue").create_job(Name=JOB, Role=ROLE_ARN, Command={"Name": "glueetl"}, GlueVersion="5.0")
        return self

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3's clients have no common type
        return client(service, self.endpoint_url)

    def create(self, changes: Mapping[str, Any] | None = None) -> str:
        """Create the template's state machine under a new name, and return its ARN."""
        definition = values(changes or {}).properties("ReconcileStateMachine")["Definition"]
        arn: str = self.client("stepfunctions").create_state_machine(
            name=f"reconcile-{uuid4()}", definition=json.dumps(definition), roleArn=ROLE_ARN
        )["stateMachineArn"]
        return arn

    def inject(self, faults: Sequence[Mapping[str, Any]], result: bytes | None = b"{}") -> None:
        """From now on, let calls fail, let a job leave this result, and forget the calls so far."""
        (self.folder / "calls.jsonl").write_text("")
        _replace(self.folder / "faults.json", json.dumps(faults).encode())
        if result is None:
            (self.folder / "result.json").unlink(missing_ok=True)
        else:
            _replace(self.folder / "result.json", result)

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """The parameters of the calls of an operation that state machines have made."""
        lines = map(json.loads, (self.folder / "calls.jsonl").read_text().splitlines())
        return [each["parameters"] for each in lines if each["operation"] == operation]

    def execute(self, state_machine: str) -> dict[str, Any]:
        """Run an execution to its end, and return its description."""
        states = self.client("stepfunctions")
        execution = states.start_execution(stateMachineArn=state_machine)["executionArn"]
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            found.update(states.describe_execution(executionArn=execution))
            return bool(found["status"] != "RUNNING")

        await_condition(has_ended, "the execution ends", TIMEOUT_S)
        return found


def values(changes: Mapping[str, Any]) -> TemplateValues:
    """The values of the template in a stack on the emulator."""
    known: dict[str, Any] = {
        "AccountsTable.Arn": TABLE_ARN,
        "LedgerExports": EXPORTS,
        "LedgerExports.Arn": f"arn:aws:s3:::{EXPORTS}",
        "Lake": LAKE,
        "Lake.Arn": f"arn:aws:s3:::{LAKE}",
        "ReconcileJob": JOB,
        "ReconcileJobOutput": f"{STACK}-reconcile/output",
        "ReconcileJobErrors": f"{STACK}-reconcile/error",
        "ReconcileStateMachineRole.Arn": ROLE_ARN,
        "AWS::AccountId": ACCOUNT,
        "AWS::StackName": STACK,
        "AWS::NoValue": None,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        **{name: str(each.get("Default", "")) for name, each in TEMPLATE["Parameters"].items()},
        **changes,
    }
    return TemplateValues(TEMPLATE, known.__getitem__)


def _replace(path: Path, content: bytes) -> None:
    """Exchange a file for one with another time of modification."""
    unfinished = path.with_suffix(f".{uuid4()}")
    unfinished.write_bytes(content)
    os.replace(unfinished, path)  # noqa: PTH105 -- atomic
