"""The lake in template.yaml: its tables, its delivery, its buckets and its queries."""

from pathlib import Path
from typing import Any

import pytest

from account_events.avro.codec import CONTRACT
from consumers.lake import table
from consumers.lake.added_columns import MONTH_KEYS, PARTITION_KEYS, Column
from ops.lake.query.catalog import queries
from ops.lake.query.duckdb_engine import EVENTS_VIEW
from ops.lake.query.history import HISTORY_VIEW
from ops.lake.query.totals import totals_key
from ops.lake.reconcile.result import FOLDER as RECONCILIATIONS_PREFIX
from ops.lake.repair.redrive import REDRIVEN_PREFIX
from ops.lake.repair.staged import STAGING_PREFIX
from ops.ledger.export.location import PREFIX
from tests.template.test_template import RESOURCES, TEMPLATE, properties
from tests.unit.lake.test_transform import TRANSFORM_BUFFER_MB
from tools.lake_columns import comment
from tools.named_queries import HISTORY_NAME, VIEW_NAME
from tools.template import ROOT, generated

DELIVERY = properties("LakeDelivery")
DESTINATION: dict[str, Any] = DELIVERY["ExtendedS3DestinationConfiguration"]
BUCKETS = ("Lake", "LakeQueryResults", "LedgerExports")
PARQUET = {"classification": "parquet", "EXTERNAL": "TRUE"}
HIVE_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


def table_input(name: str) -> dict[str, Any]:
    found: dict[str, Any] = properties(name)["TableInput"]
    return found


def described(columns: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(column["Name"], column["Type"], column["Comment"]) for column in columns]


def expected(columns: tuple[Column, ...]) -> list[tuple[str, str, str]]:
    return [(column.name, column.glue_type, comment(column, CONTRACT)) for column in columns]


def test_the_events_table_has_the_rows_columns_and_the_schemas_docs() -> None:
    events = table_input("LakeEventsTable")
    assert events["Name"] == "account_events"
    assert described(events["StorageDescriptor"]["Columns"]) == expected(table.COLUMNS)
    assert described(events["PartitionKeys"]) == expected(PARTITION_KEYS)


def test_the_months_table_has_the_columns_that_are_written() -> None:
    months = table_input("LakeMonthsTable")
    assert months["Name"] == "account_months"
    assert described(months["StorageDescriptor"]["Columns"]) == expected(table.MONTHS_COLUMNS)
    assert described(months["PartitionKeys"]) == expected(MONTH_KEYS)


def test_the_months_partitions_are_projected() -> None:
    found = table_input("LakeMonthsTable")
    year, month = ({"Fn::Select": [part, {"Fn::Split": ["-", {"Ref": "LakeFirstDay"}]}]} for part in (0, 1))
    assert found["Parameters"] == PARQUET | {
        "projection.enabled": "true",
        "projection.dt_month.type": "date",
        "projection.dt_month.format": "yyyy-MM",
        "projection.dt_month.range": {"Fn::Join": ["", [year, "-", month, ",NOW+1MONTHS"]]},
        "projection.dt_month.interval": "1",
        "projection.dt_month.interval.unit": "MONTHS",
        "projection.account_bucket.type": "enum",
        "projection.account_bucket.values": ",".join(table.BUCKETS),
        "storage.location.template": in_the_lake(table.month_prefix("${dt_month}", "${account_bucket}")),
    }
    assert found["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{Lake}}/{table.MONTHS_PREFIX}"}


def test_the_totals_table_has_the_columns_that_are_written() -> None:
    totals = table_input("LakeTotalsTable")
    assert totals["Name"] == "daily_totals"
    assert [(name, kind) for name, kind, _ in described(totals["StorageDescriptor"]["Columns"])] == list(
        table.TOTALS_COLUMNS
    )


def test_the_events_partitions_are_projected() -> None:
    """A wrong unit or range would hide days without an error.

    Athena user guide, Supported types for partition projection.
    """
    found = table_input("LakeEventsTable")
    assert found["Parameters"] == PARQUET | {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": {"Fn::Sub": "${LakeFirstDay},NOW+1DAYS"},
        "projection.dt.interval": "1",
        "projection.dt.interval.unit": "DAYS",
        "projection.event_type.type": "enum",
        "projection.event_type.values": ",".join(table.EVENT_TYPES),
        "storage.location.template": in_the_lake(table.partition_prefix("${dt}", "${event_type}")),
    }
    assert found["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{Lake}}/{table.EVENTS_PREFIX}"}
    environment = properties("LakeTransformFunction")["Environment"]["Variables"]
    assert environment["FIRST_DAY"] == {"Ref": "LakeFirstDay"}


def test_the_function_that_refreshes_the_view_has_the_views_database() -> None:
    variables = properties("LakeTotalsFunction")["Environment"]["Variables"]
    assert variables["LAKE_DATABASE_NAME"] == properties("LakeTotalsTable")["DatabaseName"] == {"Ref": "LakeDatabase"}


def test_the_totals_partitions_are_projected() -> None:
    found = table_input("LakeTotalsTable")
    year, month = ({"Fn::Select": [part, {"Fn::Split": ["-", {"Ref": "LakeFirstDay"}]}]} for part in (0, 1))
    assert found["Parameters"] == PARQUET | {
        "projection.enabled": "true",
        "projection.month.type": "date",
        "projection.month.format": "yyyy-MM",
        "projection.month.range": {"Fn::Join": ["", [year, "-", month, ",NOW+1MONTHS"]]},
        "projection.month.interval": "1",
        "projection.month.interval.unit": "MONTHS",
        "storage.location.template": in_the_lake(totals_key("${month}").removesuffix("totals.parquet")),
    }
    assert [column["Name"] for column in found["PartitionKeys"]] == ["month"]
    assert found["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{Lake}}/{table.TOTALS_PREFIX}"}


@pytest.mark.parametrize("name", ["LakeEventsTable", "LakeMonthsTable", "LakeTotalsTable"])
def test_the_tables_are_read_as_parquet(name: str) -> None:
    """The class names are those of Hive, which Athena and Firehose require."""
    found = table_input(name)
    assert found["TableType"] == "EXTERNAL_TABLE"
    assert {part: found["StorageDescriptor"][part] for part in ("InputFormat", "OutputFormat", "SerdeInfo")} == {
        "InputFormat": f"{HIVE_PARQUET}.MapredParquetInputFormat",
        "OutputFormat": f"{HIVE_PARQUET}.MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": f"{HIVE_PARQUET}.serde.ParquetHiveSerDe"},
    }


def in_the_lake(path: str) -> dict[str, Any]:
    """A path in the bucket, by Fn::Join, because Fn::Sub would replace the partition keys in it."""
    return {"Fn::Join": ["", ["s3://", {"Ref": "Lake"}, f"/{path}"]]}


def test_every_event_type_has_a_partition() -> None:
    values = table_input("LakeEventsTable")["Parameters"]["projection.event_type.values"]
    assert tuple(values.split(",")) == table.EVENT_TYPES == tuple(sorted(CONTRACT.working))


def test_firehose_writes_rows_where_the_table_reads_them() -> None:
    keys = {name: f"!{{partitionKeyFromLambda:{name}}}" for name in ("dt", "event_type")}
    assert DESTINATION["Prefix"] == table.partition_prefix(**keys)
    assert DESTINATION["ErrorOutputPrefix"].startswith(f"{table.ERRORS_PREFIX}!{{firehose:error-output-type}}/")
    assert DESTINATION["DynamicPartitioningConfiguration"]["Enabled"] is True
    assert DELIVERY["DeliveryStreamType"] == "KinesisStreamAsSource"
    assert RESOURCES["LakeDelivery"]["Condition"] == "OnAws"


def test_firehose_converts_rows_to_parquet_with_the_tables_columns() -> None:
    """With OpenX's reader, because Hive's refuses numbers written as text, as in the rows.

    Amazon Data Firehose developer guide, Convert input data format.
    """
    assert DESTINATION["DataFormatConversionConfiguration"] == {
        "Enabled": True,
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {"CaseInsensitive": False}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
        "SchemaConfiguration": {
            "CatalogId": {"Ref": "AWS::AccountId"},
            "DatabaseName": {"Ref": "LakeDatabase"},
            "TableName": {"Ref": "LakeEventsTable"},
            "Region": {"Ref": "AWS::Region"},
            "RoleARN": {"Fn::GetAtt": ["LakeDeliveryRole", "Arn"]},
            "VersionId": "LATEST",
        },
    }
    assert DESTINATION["CompressionFormat"] == "UNCOMPRESSED", "Firehose accepts no other value with conversion"
    assert DESTINATION["BufferingHints"]["SizeInMBs"] >= 64, "Firehose's minimum with conversion"


def test_the_transforms_buffer_has_the_size_that_is_tested() -> None:
    [processor] = DESTINATION["ProcessingConfiguration"]["Processors"]
    parameters = {each["ParameterName"]: each["ParameterValue"] for each in processor["Parameters"]}
    assert float(parameters["BufferSizeInMBs"]) == TRANSFORM_BUFFER_MB
    assert parameters["LambdaArn"] == {"Fn::GetAtt": ["LakeTransformFunction", "Arn"]}


@pytest.mark.parametrize("name", BUCKETS)
def test_the_buckets_are_private_and_encrypted(name: str) -> None:
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
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_events_never_expire_and_old_ones_move_to_cheaper_storage() -> None:
    """Athena cannot read archived objects, and other cheap classes than Intelligent-Tiering charge for each read."""
    rules = properties("Lake")["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert {rule["Id"]: {name: rule[name] for name in rule if name not in {"Id", "Status"}} for rule in rules} == {
        "old-events": {
            "Prefix": table.EVENTS_PREFIX,
            "Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 90}],
        },
        "old-months": {
            "Prefix": table.MONTHS_PREFIX,
            "Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 90}],
        },
        "errors": {"Prefix": table.ERRORS_PREFIX, "ExpirationInDays": 365},
        "redriven": {"Prefix": REDRIVEN_PREFIX, "ExpirationInDays": 90},
        "reconciliations": {"Prefix": RECONCILIATIONS_PREFIX, "ExpirationInDays": 365},
        "staging": {
            "Prefix": STAGING_PREFIX,
            "ExpirationInDays": 1,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
        "what-was-replaced": {
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
    }
    assert properties("Lake")["VersioningConfiguration"] == {"Status": "Enabled"}


def test_whole_copies_of_the_ledger_are_deleted_after_a_week() -> None:
    [rule] = properties("LedgerExports")["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["Prefix"], rule["ExpirationInDays"]) == ("Enabled", PREFIX, 7)
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "VersioningConfiguration" not in properties("LedgerExports"), "an old version would be kept"


def test_query_results_are_kept_for_30_days() -> None:
    [rule] = properties("LakeQueryResults")["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"], "Prefix" in rule) == ("Enabled", 30, False)


def test_the_workgroup_limits_every_query() -> None:
    configuration = properties("LakeWorkgroup")["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == {"Ref": "LakeQueryBytesMax"}
    assert TEMPLATE["Parameters"]["LakeQueryBytesMax"]["Default"] > 0


def test_the_shipped_queries_are_athenas_named_queries() -> None:
    shipped = {query.name: query.sql for query in queries().values()} | {
        VIEW_NAME: EVENTS_VIEW,
        HISTORY_NAME: HISTORY_VIEW,
    }
    named = {
        each["Properties"]["Name"]: each for each in RESOURCES.values() if each["Type"] == "AWS::Athena::NamedQuery"
    }
    assert {name: each["Properties"]["QueryString"] for name, each in named.items()} == shipped
    for each in named.values():
        assert each["Condition"] == "OnAws", "the emulator refuses them"
        assert each["Properties"]["WorkGroup"] == {"Ref": "LakeWorkgroup"}
        assert each["Properties"]["Database"] == {"Ref": "LakeDatabase"}


@pytest.mark.parametrize("path", generated())
def test_the_generated_parts_are_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == generated()[path], "run: make template"


def test_a_file_without_the_marker_lines_is_refused(tmp_path: Path) -> None:
    for path in generated():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("Resources: {}")
    with pytest.raises(ValueError, match="must have the lines"):
        generated(tmp_path)


def test_no_named_query_has_a_semicolon() -> None:
    """Athena accepts one statement, and refuses a semicolon after it."""
    queries = {name: each for name, each in RESOURCES.items() if each["Type"] == "AWS::Athena::NamedQuery"}
    assert len(queries) > 5
    assert [name for name, each in queries.items() if ";" in each["Properties"]["QueryString"]] == []
