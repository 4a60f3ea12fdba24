"""Access to the lake and to exports in template.yaml: every permission of each role, and no other."""

from collections import defaultdict
from typing import Any

import pytest

from consumers.lake import table
from ops.lake.query.history import NAME as HISTORY
from ops.lake.query.manifest import KEY as MANIFEST
from ops.lake.reconcile.metrics import NAMESPACE
from ops.lake.reconcile.result import FOLDER as RECONCILIATIONS_PREFIX
from tests.template.test_template import RESOURCES, properties, statements

Grants = dict[str, set[str]]
"""The actions that are allowed, by resource."""

MULTIPART = {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}


def arn(service: str, name: str) -> str:
    """The ARN of a resource in this account and Region, in the syntax of Fn::Sub."""
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{name}"


def granted(role: str) -> Grants:
    """The permissions in the role's policies."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, statement in statements():
        if name == role:
            assert set(statement) - {"Condition"} == {"Effect", "Action", "Resource"}
            assert statement["Effect"] == "Allow"
            assert statement.get("Condition") == CONDITIONS.get((role, str(statement["Action"])))
            for resource in listed(statement["Resource"]):
                found[named(resource)] |= set(listed(statement["Action"]))
    return dict(found)


def listed(value: Any) -> list[Any]:  # noqa: ANN401 -- any value of the template
    return value if isinstance(value, list) else [value]


def named(resource: Any) -> str:  # noqa: ANN401 -- any value of the template
    """A resource in the syntax of Fn::Sub."""
    match resource:
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(text)}:
            return text
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case "*":
            return "*"
    raise AssertionError(resource)


CATALOG, DATABASE = arn("glue", "catalog"), arn("glue", "database/${LakeDatabase}")
CATALOG_READS = {
    *("glue:GetDatabase", "glue:GetDatabases", "glue:GetPartition", "glue:GetPartitions"),
    *("glue:GetTable", "glue:GetTables"),
}
# Firehose needs a table's versions as well; without them, it delivers nothing (Amazon Data Firehose developer guide,
# Grant Firehose access to AWS Glue for data format conversion).
COLUMN_READS = {"glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"}
VIEW_CHANGES = {"glue:GetTable", "glue:UpdateTable"}
JOB_LOGS = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
ROLES: dict[str, Grants] = {
    "LakeDeliveryRole": {
        "${DomainEventsStream.Arn}": {
            *("kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"),
        },
        "${LakeTransformFunction.Arn}": {"lambda:GetFunctionConfiguration", "lambda:InvokeFunction"},
        "${LakeTransformFunction.Arn}:*": {"lambda:GetFunctionConfiguration", "lambda:InvokeFunction"},
        f"${{Lake.Arn}}/{table.EVENTS_PREFIX}*": {"s3:GetObject", "s3:PutObject"} | MULTIPART,
        f"${{Lake.Arn}}/{table.ERRORS_PREFIX}*": {"s3:GetObject", "s3:PutObject"} | MULTIPART,
        "${Lake.Arn}": {"s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"},
        CATALOG: COLUMN_READS,
        DATABASE: COLUMN_READS,
        arn("glue", "table/${LakeDatabase}/account_events"): COLUMN_READS,
        arn("logs", "log-group:${LakeDeliveryLogs}:*"): {"logs:PutLogEvents"},
    },
    "LakeTransformFunctionRole": {
        f"${{Lake.Arn}}/{table.REASONS_PREFIX}*": {"s3:PutObject"},
        arn("logs", "log-group:${LakeTransformFunctionLogs}:*"): {"logs:CreateLogStream", "logs:PutLogEvents"},
    },
    "LakeTotalsFunctionRole": {
        "${Lake.Arn}": {"s3:ListBucket"},
        f"${{Lake.Arn}}/{table.EVENTS_PREFIX}*": {"s3:GetObject"},
        f"${{Lake.Arn}}/{table.TOTALS_PREFIX}*": {"s3:GetObject", "s3:PutObject"},
        f"${{Lake.Arn}}/{MANIFEST}": {"s3:GetObject"},
        # Glue requires all three for a table (AWS Glue developer guide, Specifying AWS Glue resource ARNs).
        CATALOG: VIEW_CHANGES,
        DATABASE: VIEW_CHANGES,
        arn("glue", f"table/${{LakeDatabase}}/{HISTORY}"): VIEW_CHANGES,
        arn("logs", "log-group:${LakeTotalsFunctionLogs}:*"): {"logs:CreateLogStream", "logs:PutLogEvents"},
    },
    "LakeTotalsScheduleRole": {
        "${LakeTotalsFunction.Arn}": {"lambda:InvokeFunction"},
        "${LakeTotalsNotInvoked.Arn}": {"sqs:SendMessage"},
    },
    "LakeAnalystRole": {
        arn("athena", "workgroup/${LakeWorkgroup}"): {
            *("athena:BatchGetNamedQuery", "athena:BatchGetQueryExecution", "athena:GetNamedQuery"),
            *("athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup"),
            *("athena:ListNamedQueries", "athena:ListQueryExecutions"),
            *("athena:StartQueryExecution", "athena:StopQueryExecution"),
        },
        arn("athena", "datacatalog/AwsDataCatalog"): {
            *("athena:GetDataCatalog", "athena:GetDatabase", "athena:GetTableMetadata"),
            *("athena:ListDatabases", "athena:ListTableMetadata"),
        },
        "*": {"athena:ListDataCatalogs", "athena:ListWorkGroups"},
        CATALOG: CATALOG_READS,
        # Athena requires this database, but none of its tables, for every query (Athena user guide, Configure access to
        # databases and tables in the AWS Glue Data Catalog, per Region).
        arn("glue", "database/default"): CATALOG_READS,
        DATABASE: CATALOG_READS,
        arn("glue", "table/${LakeDatabase}/*"): CATALOG_READS,
        # Not errors/ and redriven/, which contain no rows and are for operators.
        f"${{Lake.Arn}}/{table.EVENTS_PREFIX}*": {"s3:GetObject"},
        f"${{Lake.Arn}}/{table.MONTHS_PREFIX}*": {"s3:GetObject"},
        f"${{Lake.Arn}}/{table.TOTALS_PREFIX}*": {"s3:GetObject"},
        f"${{Lake.Arn}}/{RECONCILIATIONS_PREFIX}*": {"s3:GetObject"},
        "${Lake.Arn}": {"s3:GetBucketLocation", "s3:ListBucket"},
        "${LakeQueryResults.Arn}": {"s3:GetBucketLocation", "s3:ListBucket"},
        "${LakeQueryResults.Arn}/results/*": {"s3:GetObject", "s3:PutObject"} | MULTIPART,
        # `--stack` requests the stack by name, for which IAM requires NAME/* instead of the stack's id.
        arn("cloudformation", "stack/${AWS::StackName}/*"): {"cloudformation:DescribeStacks"},
    },
    "ReconcileStateMachineRole": {
        "${AccountsTable.Arn}": {"dynamodb:ExportTableToPointInTime"},
        "${AccountsTable.Arn}/export/*": {"dynamodb:DescribeExport"},
        # What DynamoDB needs for an export (DynamoDB developer guide, Requesting a table export in DynamoDB).
        "${LedgerExports.Arn}/exports/*": {"s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectAcl"},
        arn("glue", "job/${ReconcileJob}"): {"glue:GetJobRun", "glue:StartJobRun"},
        "${Lake.Arn}": {"s3:ListBucket"},
    },
    "ReconcileJobRole": {
        "${LedgerExports.Arn}": {"s3:GetBucketLocation", "s3:ListBucket"},
        "${LedgerExports.Arn}/exports/*": {"s3:GetObject"},
        "${Lake.Arn}": {"s3:GetBucketLocation", "s3:ListBucket"},
        # Also the names `events` and `events_$folder$`, which Spark looks for before it lists the folder.
        f"${{Lake.Arn}}/{table.EVENTS_PREFIX.rstrip('/')}*": {"s3:GetObject"},
        f"${{Lake.Arn}}/{table.MONTHS_PREFIX.rstrip('/')}*": {"s3:GetObject"},
        f"${{Lake.Arn}}/{table.MONTHS_PREFIX}dt_month=*": {"s3:AbortMultipartUpload", "s3:PutObject"},
        "${Lake.Arn}/jobs/*": {"s3:GetObject"},
        f"${{Lake.Arn}}/{RECONCILIATIONS_PREFIX}*": {"s3:PutObject"},
        "*": {"cloudwatch:PutMetricData"},
        arn("logs", "log-group:${ReconcileJobOutput}:*"): JOB_LOGS,
        arn("logs", "log-group:${ReconcileJobErrors}:*"): JOB_LOGS,
    },
    "ReconcileScheduleRole": {
        "${ReconcileStateMachine}": {"states:StartExecution"},
        "${ReconcileNotStarted.Arn}": {"sqs:SendMessage"},
    },
}
CONDITIONS = {
    ("LakeTotalsFunctionRole", "s3:ListBucket"): {
        "StringLike": {"s3:prefix": [f"{table.EVENTS_PREFIX}*", f"{table.TOTALS_PREFIX}*", f"{table.MONTHS_PREFIX}*"]}
    },
    ("ReconcileStateMachineRole", "s3:ListBucket"): {
        "StringLike": {"s3:prefix": f"{RECONCILIATIONS_PREFIX}executions/*"}
    },
    ("ReconcileJobRole", "s3:ListBucket"): {
        "StringLike": {
            "s3:prefix": [f"{table.MONTHS_PREFIX.rstrip('/')}*", f"{table.EVENTS_PREFIX.rstrip('/')}*", "exports/*"]
        }
    },
    ("ReconcileJobRole", "cloudwatch:PutMetricData"): {"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
}
"""By role and action."""


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_of_the_lake_has_exactly_the_listed_permissions(role: str) -> None:
    assert granted(role) == ROLES[role]
    assert set(properties(role)) == {"AssumeRolePolicyDocument", "Policies"}


def test_every_role_of_the_lake_is_covered() -> None:
    roles = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::Role"}
    assert {name for name in roles if name.startswith(("Lake", "Reconcile"))} == set(ROLES)


def test_only_the_job_reads_exports_and_only_the_state_machine_writes_them() -> None:
    """Each is a whole copy of the ledger."""
    allowed = {
        (name, action)
        for name, statement in statements()
        if "LedgerExports" in str(statement["Resource"])
        for action in listed(statement["Action"])
        if action.endswith("Object")
    }
    assert allowed == {("ReconcileJobRole", "s3:GetObject"), ("ReconcileStateMachineRole", "s3:PutObject")}


def test_only_the_view_of_the_history_may_be_changed_in_the_catalog() -> None:
    changed = {
        (name, named(resource))
        for name, statement in statements()
        for action in listed(statement["Action"])
        if action.startswith("glue:") and not action.startswith("glue:Get") and "Job" not in action
        for resource in listed(statement["Resource"])
    }
    view = arn("glue", f"table/${{LakeDatabase}}/{HISTORY}")
    assert changed == {("LakeTotalsFunctionRole", resource) for resource in (CATALOG, DATABASE, view)}


def test_the_job_may_write_what_a_compaction_writes_but_not_its_manifest() -> None:
    [written] = [
        name
        for name, actions in granted("ReconcileJobRole").items()
        if table.MONTHS_PREFIX in name and "s3:PutObject" in actions
    ]
    prefix = written.removeprefix("${Lake.Arn}/").removesuffix("*")
    assert table.month_prefix("2026-08", "00").startswith(prefix)
    assert not MANIFEST.startswith(prefix)


def test_analysts_may_write_only_query_results() -> None:
    writes = {
        (action, resource)
        for resource, actions in granted("LakeAnalystRole").items()
        for action in actions
        if "Put" in action or "Delete" in action
    }
    assert writes == {("s3:PutObject", "${LakeQueryResults.Arn}/results/*")}


def test_query_results_are_written_where_analysts_may_write() -> None:
    configuration = properties("LakeWorkgroup")["WorkGroupConfiguration"]["ResultConfiguration"]
    assert configuration["OutputLocation"] == {"Fn::Sub": "s3://${LakeQueryResults}/results/"}


@pytest.mark.parametrize(
    ("role", "trusted"),
    [
        (
            "LakeDeliveryRole",
            {
                "Principal": {"Service": "firehose.amazonaws.com"},
                "Condition": {"StringEquals": {"sts:ExternalId": {"Ref": "AWS::AccountId"}}},
            },
        ),
        ("LakeTransformFunctionRole", {"Principal": {"Service": "lambda.amazonaws.com"}}),
        ("LakeTotalsFunctionRole", {"Principal": {"Service": "lambda.amazonaws.com"}}),
        (
            "LakeTotalsScheduleRole",
            {
                "Principal": {"Service": "scheduler.amazonaws.com"},
                # The schedule's group, not the schedule (EventBridge Scheduler user guide, Confused deputy prevention).
                "Condition": {
                    "StringEquals": {
                        "aws:SourceAccount": {"Ref": "AWS::AccountId"},
                        "aws:SourceArn": {"Fn::GetAtt": ["LakeTotalsSchedules", "Arn"]},
                    }
                },
            },
        ),
        (
            "ReconcileStateMachineRole",
            {
                "Principal": {"Service": "states.amazonaws.com"},
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                    "ArnLike": {"aws:SourceArn": {"Fn::Sub": arn("states", "stateMachine:*")}},
                },
            },
        ),
        ("ReconcileJobRole", {"Principal": {"Service": "glue.amazonaws.com"}}),
        (
            "ReconcileScheduleRole",
            {
                "Principal": {"Service": "scheduler.amazonaws.com"},
                "Condition": {
                    "StringEquals": {
                        "aws:SourceAccount": {"Ref": "AWS::AccountId"},
                        "aws:SourceArn": {"Fn::GetAtt": ["ReconcileSchedules", "Arn"]},
                    }
                },
            },
        ),
        (
            "LakeAnalystRole",
            {"Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}},
        ),
    ],
)
def test_only_the_expected_principals_assume_the_lakes_roles(role: str, trusted: dict[str, Any]) -> None:
    [statement] = properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {"Effect": "Allow", "Action": "sts:AssumeRole"} | trusted
