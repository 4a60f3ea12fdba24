"""Settings that template.yaml must have."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

import account_events
from account_core.rows.layout import TABLE_SCHEMA
from account_events.lambda_mapping.config import PARALLELIZATION_MAX
from account_events.lambda_mapping.filters import FilterCriteria
from local_stack.build import PACKAGES, RUNTIME
from ops.lake.reconcile.metrics import NAMESPACE

TEMPLATE: dict[str, Any] = yaml_parse((Path(__file__).parents[2] / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function"}

BUCKETS = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::S3::Bucket"}


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def on_aws(value: Any, *, aws: bool = True) -> Any:  # noqa: ANN401 -- any value of the template
    """Return the value on AWS, or else the local one, if `value` is an `!If [OnAws, ...]`."""
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        condition, value_on_aws, local_value = value["Fn::If"]
        assert condition == "OnAws"
        return value_on_aws if aws else local_value
    return value


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in RESOURCES.items():
        if resource["Type"] in {"AWS::IAM::Policy", "AWS::IAM::Role"}:
            for policy in resource["Properties"].get("Policies", [resource["Properties"]]):
                for statement in policy["PolicyDocument"]["Statement"]:
                    yield name, statement


def test_the_release_is_that_of_the_code() -> None:
    assert TEMPLATE["Outputs"]["Release"]["Value"] == account_events.__version__


def test_aws_is_the_default_target() -> None:
    assert TEMPLATE["Parameters"]["Target"]["Default"] == "aws"
    assert TEMPLATE["Conditions"]["OnAws"] == {"Fn::Equals": [{"Ref": "Target"}, "aws"]}


def test_the_table_is_the_one_the_contract_tests_use() -> None:
    table = properties("AccountsTable")
    assert {name: table[name] for name in TABLE_SCHEMA} == TABLE_SCHEMA
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}


def test_the_ledger_is_protected_against_loss() -> None:
    table = properties("AccountsTable")
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert on_aws(table["DeletionProtectionEnabled"]) is True
    for name in ("AccountsTable", "ParkedAccounts", "DomainEventsStream", "ProjectorFailures"):
        assert RESOURCES[name]["DeletionPolicy"] in {"Retain", "RetainExceptOnCreate"}
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_the_projectors_mapping_has_the_required_settings() -> None:
    mapping = properties("ProjectorMapping")
    assert on_aws(mapping["Enabled"]) is True
    assert on_aws(mapping["Enabled"], aws=False) is False, "it must be disabled locally, where a fake replaces it"
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert 0 < mapping["MaximumRetryAttempts"] < 10_000
    assert 0 < mapping["MaximumRecordAgeInSeconds"] < 24 * 3600, "the stream keeps records for a day"
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["ProjectorFailures", "Arn"]}


def test_each_mapping_has_the_highest_factor_that_keeps_an_accounts_order() -> None:
    """Lambda keeps the order of a partition key in Kinesis, but only of an item in a table's stream."""
    assert properties("AccountsByOwnerMapping")["ParallelizationFactor"] == PARALLELIZATION_MAX
    assert properties("ProjectorMapping")["ParallelizationFactor"] == 1


def test_mappings_are_disabled_locally_and_have_bounded_retries() -> None:
    """Locally, fakes deliver the records. If a mapping were enabled, the emulator would deliver them as well."""
    mappings = [name for name, found in RESOURCES.items() if found["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert len(mappings) == 2
    for name in mappings:
        mapping = properties(name)
        assert (on_aws(mapping["Enabled"]), on_aws(mapping["Enabled"], aws=False)) == (True, False)
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert 0 < mapping["MaximumRetryAttempts"] < 10_000
        assert mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][1] == "Arn"


@pytest.mark.parametrize(
    ("event_name", "kind", "delivered"),
    [
        ("INSERT", "CREATED", True),
        ("INSERT", "CREDIT", True),
        ("INSERT", "WITHDRAW", True),
        ("INSERT", "A FUTURE TYPE", True),
        ("INSERT", "SNAPSHOT", True),
        ("MODIFY", "CREDIT", False),
    ],
)
def test_the_filter_delivers_only_inserts(event_name: str, kind: str, *, delivered: bool) -> None:
    patterns = [each["Pattern"] for each in properties("ProjectorMapping")["FilterCriteria"]["Filters"]]
    record = {"eventName": event_name, "dynamodb": {"NewImage": {"Type": {"S": kind}}}}
    assert FilterCriteria.of(patterns).accepts(record) is delivered


@pytest.mark.parametrize("image", [{}, {"Owner": {"S": "x"}}, {"Type": {"N": "1"}}])
def test_a_row_without_a_type_is_not_filtered_out(image: dict[str, Any]) -> None:
    patterns = [each["Pattern"] for each in properties("ProjectorMapping")["FilterCriteria"]["Filters"]]
    accepts = FilterCriteria.of(patterns).accepts
    assert accepts({"eventName": "INSERT", "dynamodb": {"NewImage": image}})
    assert not accepts({"eventName": "REMOVE", "dynamodb": {"NewImage": image}})


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_each_function_has_the_required_settings(name: str) -> None:
    function = properties(name)
    assert TEMPLATE["Globals"]["Function"]["Architectures"] == ["arm64"]
    assert TEMPLATE["Globals"]["Function"]["Runtime"] == "python" + ".".join(map(str, RUNTIME))
    assert RESOURCES[name]["Metadata"]["BuildMethod"] == "makefile"
    group = function["LoggingConfig"]["LogGroup"]["Ref"]
    assert properties(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert 0 < function["Timeout"] < 900
    assert "Events" not in function, "SAM's events would create resources that this template does not show"


def test_each_function_has_a_package() -> None:
    functions = {
        *("AccountsByOwnerFunction", "ApiFunction", "LakeTotalsFunction", "LakeTransformFunction", "ProjectorFunction"),
    }
    assert set(PACKAGES) == FUNCTIONS == functions


def test_every_log_group_has_a_retention() -> None:
    groups = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Logs::LogGroup"]
    assert len(groups) == 9
    assert all("RetentionInDays" in properties(name) for name in groups)


def test_policies_are_least_privilege() -> None:
    for role, statement in statements():
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not any("*" in action for action in actions), (role, actions)
        if statement["Resource"] == "*":
            lists = (
                ["dynamodb:ListStreams"],
                ["kinesis:ListStreams"],
                ["athena:ListDataCatalogs", "athena:ListWorkGroups"],
                ["cloudwatch:PutMetricData"],
            )
            assert actions in lists, (role, "only these do not support resource-level permissions")
        if "cloudwatch:PutMetricData" in actions:
            assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}, role
    granted = {
        action
        for role, statement in statements()
        if role == "ApiFunctionRole"
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert {action for action in granted if action.startswith("dynamodb:")} == {"dynamodb:Query", "dynamodb:PutItem"}


def test_the_projector_writes_only_events_and_parked_accounts() -> None:
    granted = {
        (action, str(statement["Resource"]))
        for role, statement in statements()
        if role == "ProjectorFunctionRole"
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if "Put" in action or "Update" in action or "Delete" in action or "Query" in action
    }
    parked, accounts = (str({"Fn::GetAtt": [name, "Arn"]}) for name in ("ParkedAccounts", "AccountsTable"))
    assert {one for one in granted if one[0].startswith("dynamodb:")} == {
        ("dynamodb:Query", accounts),
        ("dynamodb:Query", parked),
        ("dynamodb:PutItem", parked),
        ("dynamodb:UpdateItem", parked),
    }


def test_the_parked_accounts_are_found_with_one_query() -> None:
    assert properties("ParkedAccounts")["KeySchema"] == [
        {"AttributeName": "Stream", "KeyType": "HASH"},
        {"AttributeName": "AccountId", "KeyType": "RANGE"},
    ]


def test_the_alarm_for_parked_accounts_keeps_its_state_without_data() -> None:
    alarm = properties("ProjectorParks")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AccountEvents", "ParkedAccounts")
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (0, "ignore")


@pytest.mark.parametrize("name", sorted(BUCKETS))
def test_every_bucket_is_private_and_encrypted(name: str) -> None:
    bucket = properties(name)
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["BucketEncryption"]
    assert properties(f"{name}Policy")["Bucket"] == {"Ref": name}
    statements = properties(f"{name}Policy")["PolicyDocument"]["Statement"]
    [denied] = [statement for statement in statements if statement["Effect"] == "Deny"]
    assert (denied["Principal"], denied["Action"]) == ("*", "s3:*")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_requests_to_every_bucket_are_logged() -> None:
    """But not those to the logs' own bucket, where each line would cause another one."""
    logged = sorted(BUCKETS - {"BucketAccessLogs"})
    for name in logged:
        assert properties(name)["LoggingConfiguration"] == {
            "DestinationBucketName": {"Ref": "BucketAccessLogs"},
            "LogFilePrefix": f"{name}/",
        }
    [allowed] = [
        statement
        for statement in properties("BucketAccessLogsPolicy")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "logging.s3.amazonaws.com"}, "s3:PutObject")
    sources = allowed["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert sorted(source["Fn::GetAtt"][0] for source in sources) == logged


def test_every_check_that_is_skipped_has_a_reason() -> None:
    """What checkov reports and does not apply: the check and the reason are with the resource (`make check`)."""
    skips = [
        (name, skip)
        for name, resource in RESOURCES.items()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skips
    for name, skip in skips:
        assert re.fullmatch(r"CKV2?_AWS_\d+", skip["id"]), name
        assert re.fullmatch(r"(.{10,}\.)+", skip["comment"]), name


def test_the_api_answers_before_the_gateway_times_out() -> None:
    from account_core import settings  # noqa: PLC0415 -- only this test needs it

    timeout_s: int = properties("ApiFunction")["Timeout"]
    assert settings.ATTEMPT_MAX_S + settings.BACKOFF_MAX_S < timeout_s < 30


def test_the_outputs_exist() -> None:
    assert set(TEMPLATE["Outputs"]) >= {
        *("ApiUrl", "ApiId", "TableName", "TableStreamArn", "EventStreamName", "EventStreamArn"),
        *("ApiFunctionName", "ProjectorFunctionName", "MappingId", "FailureBucketName"),
        *("ParkedTableName", "Aggregation", "Buckets", "ConsumerFailureBucketName"),
        *("LakeBucketName", "LakeDatabaseName", "LakeWorkgroupName", "LakeTransformFunctionName"),
        *("LakeQueryResultsBucketName", "LakeAnalystRoleArn", "LakeBufferSeconds", "LakeDeliveryName"),
        *("LakeFirstDay", "LakeTotalsFunctionName", "LakeTotalsNotInvokedUrl", "LakeTotalsScheduleGroupName"),
        "LedgerExportsName",
        *("OwnedTableName", "OwnedInboxTableName", "OwnedFunctionName", "OwnedMappingId"),
    }
