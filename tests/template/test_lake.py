"""What template.yaml must say of the lake."""

from typing import Any

import pytest

from consumers.lake import table
from consumers.lake.comments import comment
from ops.lake.catalog import queries
from ops.lake.duckdb_engine import EVENTS_VIEW
from ops.lake.named_queries import TEMPLATE as TEMPLATE_FILE
from ops.lake.named_queries import VIEW_NAME, replaced
from ops.lake.totals import totals_key
from schemas.codec import CONTRACT
from tests.template.test_template import RESOURCES, TEMPLATE, properties, statements
from tests.unit.lake.test_transform import TRANSFORM_BUFFER_MB

DELIVERY = properties("LakeDelivery")
DESTINATION: dict[str, Any] = DELIVERY["ExtendedS3DestinationConfiguration"]
BUCKETS = ("Lake", "LakeQueryResults")


def table_input(name: str) -> dict[str, Any]:
    found: dict[str, Any] = properties(name)["TableInput"]
    return found


def described(columns: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(column["Name"], column["Type"], column["Comment"]) for column in columns]


def due(columns: tuple[table.Column, ...]) -> list[tuple[str, str, str]]:
    return [(column.name, column.glue_type, comment(column, CONTRACT)) for column in columns]


def test_the_events_table_has_the_rows_columns_documented_as_in_the_schemas() -> None:
    events = table_input("LakeEventsTable")
    assert events["Name"] == "account_events"
    assert described(events["StorageDescriptor"]["Columns"]) == due(table.COLUMNS)
    assert described(events["PartitionKeys"]) == due(table.PARTITION_KEYS)


def test_the_totals_table_has_the_columns_that_are_written() -> None:
    totals = table_input("LakeTotalsTable")
    assert totals["Name"] == "daily_totals"
    assert [(name, kind) for name, kind, _ in described(totals["StorageDescriptor"]["Columns"])] == list(
        table.TOTALS_COLUMNS
    )


def test_the_events_partitions_are_projected() -> None:
    found = table_input("LakeEventsTable")
    parameters = found["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert (parameters["projection.dt.type"], parameters["projection.dt.format"]) == ("date", "yyyy-MM-dd")
    assert parameters["projection.dt.range"] == {"Fn::Sub": "${LakeFirstDay},NOW+1DAYS"}
    assert parameters["projection.event_type.type"] == "enum"
    assert found["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{Lake}}/{table.EVENTS_PREFIX}"}
    assert located(parameters) == f"/{table.partition_prefix('${dt}', '${event_type}')}"
    environment = properties("LakeTransformFunction")["Environment"]["Variables"]
    assert environment["FIRST_DAY"] == {"Ref": "LakeFirstDay"}


def test_the_totals_partitions_are_projected() -> None:
    found = table_input("LakeTotalsTable")
    parameters = found["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert (parameters["projection.month.type"], parameters["projection.month.format"]) == ("date", "yyyy-MM")
    assert [column["Name"] for column in found["PartitionKeys"]] == ["month"]
    assert f"{located(parameters)}totals.parquet" == f"/{totals_key('${month}')}"


def located(parameters: dict[str, Any]) -> str:
    """The path in storage.location.template."""
    _, (start, bucket, path) = parameters["storage.location.template"]["Fn::Join"]
    assert (start, bucket) == ("s3://", {"Ref": "Lake"})
    return str(path)


def test_every_event_type_has_a_partition() -> None:
    values = table_input("LakeEventsTable")["Parameters"]["projection.event_type.values"]
    assert tuple(values.split(",")) == table.EVENT_TYPES == tuple(sorted(CONTRACT.working))


def test_firehose_puts_rows_where_the_table_looks_for_them() -> None:
    keys = {name: f"!{{partitionKeyFromLambda:{name}}}" for name in ("dt", "event_type")}
    assert DESTINATION["Prefix"] == table.partition_prefix(**keys)
    assert DESTINATION["ErrorOutputPrefix"].startswith(f"{table.ERRORS_PREFIX}!{{firehose:error-output-type}}/")
    assert DESTINATION["DynamicPartitioningConfiguration"]["Enabled"] is True
    assert DELIVERY["DeliveryStreamType"] == "KinesisStreamAsSource"
    assert RESOURCES["LakeDelivery"]["Condition"] == "OnAws"
    conversion = DESTINATION["DataFormatConversionConfiguration"]
    assert conversion["Enabled"] is True
    assert conversion["SchemaConfiguration"]["TableName"] == {"Ref": "LakeEventsTable"}
    assert DESTINATION["BufferingHints"]["SizeInMBs"] >= 64, "Firehose's least with conversion"


def test_a_batch_of_the_transform_fits_its_answer() -> None:
    [processor] = DESTINATION["ProcessingConfiguration"]["Processors"]
    parameters = {each["ParameterName"]: each["ParameterValue"] for each in processor["Parameters"]}
    assert float(parameters["BufferSizeInMBs"]) == TRANSFORM_BUFFER_MB
    assert parameters["LambdaArn"] == {"Fn::GetAtt": ["LakeTransformFunction", "Arn"]}


@pytest.mark.parametrize("name", BUCKETS)
def test_the_buckets_are_closed(name: str) -> None:
    bucket = properties(name)
    assert bucket["BucketEncryption"]
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["LifecycleConfiguration"]["Rules"]
    assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES[f"{name}Policy"]["Condition"] == "OnAws"
    [statement] = properties(f"{name}Policy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_events_never_expire() -> None:
    for rule in properties("Lake")["LifecycleConfiguration"]["Rules"]:
        if "ExpirationInDays" in rule:
            assert not table.EVENTS_PREFIX.startswith(rule["Prefix"])
            assert not rule["Prefix"].startswith((table.EVENTS_PREFIX, table.TOTALS_PREFIX))


def test_the_workgroup_bounds_every_query() -> None:
    configuration = properties("LakeWorkgroup")["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "LakeQueryBytesMax"}
    assert TEMPLATE["Parameters"]["LakeQueryBytesMax"]["Default"] > 0
    assert configuration["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


def granted(role: str) -> set[tuple[str, str]]:
    """Actions, each with the resources as text."""
    return {
        (action, str(statement["Resource"]))
        for name, statement in statements()
        if name == role
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_analysts_may_describe_the_stack_by_its_name() -> None:
    """As `--stack` does. IAM asks for NAME/* then, and not for the id that the name stands for."""
    [resource] = [on for action, on in granted("LakeAnalystRole") if action == "cloudformation:DescribeStacks"]
    assert "stack/${AWS::StackName}/*" in str(resource)


def test_analysts_may_see_the_database_that_athena_asks_for_whatever_the_query() -> None:
    """Athena user guide, Configure AWS Glue access to your catalog and database per AWS Region; no table of it."""
    [resources] = [on for action, on in granted("LakeAnalystRole") if action == "glue:GetDatabase"]
    assert ":database/default'" in resources
    assert ":table/default" not in resources


def test_analysts_write_nothing_but_their_answers() -> None:
    writes = {
        (action, resource) for action, resource in granted("LakeAnalystRole") if "Put" in action or "Delete" in action
    }
    assert writes == {("s3:PutObject", str({"Fn::Sub": "${LakeQueryResults.Arn}/results/*"}))}
    assert not any(action.startswith(("dynamodb:", "kinesis:", "lambda:")) for action, _ in granted("LakeAnalystRole"))


def test_firehose_writes_rows_and_errors_only() -> None:
    writes = {resource for action, resource in granted("LakeDeliveryRole") if action == "s3:PutObject"}
    assert writes == {str([{"Fn::Sub": "${Lake.Arn}/events/*"}, {"Fn::Sub": "${Lake.Arn}/errors/*"}])}
    trust = properties("LakeDeliveryRole")["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "AWS::AccountId"}}}


def test_the_transform_writes_reasons_only() -> None:
    assert {one for one in granted("LakeTransformFunctionRole") if not one[0].startswith("logs:")} == {
        ("s3:PutObject", str({"Fn::Sub": f"${{Lake.Arn}}/{table.REASONS_PREFIX}*"}))
    }


def test_the_shipped_queries_are_athenas_named_queries() -> None:
    assert replaced(TEMPLATE_FILE.read_text(encoding="utf-8")) == TEMPLATE_FILE.read_text(encoding="utf-8"), (
        "make named-queries"
    )
    due = {query.name: query.sql for query in queries().values()} | {VIEW_NAME: EVENTS_VIEW}
    named = {
        each["Properties"]["Name"]: each for each in RESOURCES.values() if each["Type"] == "AWS::Athena::NamedQuery"
    }
    assert {name: each["Properties"]["QueryString"] for name, each in named.items()} == due
    for each in named.values():
        assert each["Condition"] == "OnAws", "the emulator refuses them"
        assert each["Properties"]["WorkGroup"] == {"Ref": "LakeWorkgroup"}
        assert each["Properties"]["Database"] == {"Ref": "LakeDatabase"}


def test_a_template_without_a_place_for_them_is_told() -> None:
    with pytest.raises(ValueError, match="make named-queries"):
        replaced("Resources: {}")
