"""More faults that `doctor` must find: permissions and settings that somebody changed."""

import json

from tests.e2e.doctor_faults import FAULTS, fault
from tests.e2e.doctor_world import World


@fault("the API's gateway may not invoke its function", "permission-missing")
def may_not_invoke(world: World) -> None:
    client, name = world.client("lambda"), world.outputs["ApiFunctionName"]
    for statement in json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]:
        client.remove_permission(FunctionName=name, StatementId=statement["Sid"])


@fault("a role cannot be assumed by its function", "permission-missing")
def may_not_assume(world: World) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    world.client("iam").update_assume_role_policy(
        RoleName=world.physical("LakeTotalsFunctionRole"),
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


@fault("the API answers without authorisation", "api-route-differs")
def without_authorisation(world: World) -> None:
    api, route = world.outputs["ApiId"], world.physical("HttpApiRoute").rpartition("/")[2]
    world.client("apigatewayv2").update_route(ApiId=api, RouteId=route, AuthorizationType="NONE")


@fault("the schedule of the totals invokes another function", "schedule-differs")
def another_target(world: World) -> None:
    client, group = world.client("scheduler"), world.outputs["LakeTotalsScheduleGroupName"]
    [schedule] = client.list_schedules(GroupName=group)["Schedules"]
    found = client.get_schedule(Name=schedule["Name"], GroupName=group)
    kept = {key: found[key] for key in ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow")}
    target = found["Target"] | {"Arn": found["Target"]["Arn"].replace("LakeTotals", "Other")}
    client.update_schedule(**kept, Target=target)


@fault("logs are kept for a day", "log-retention-differs")
def short_logs(world: World) -> None:
    world.client("logs").put_retention_policy(logGroupName=world.physical("ProjectorFunctionLogs"), retentionInDays=1)


@fault("a bucket may become public", "bucket-settings-differ")
def may_be_public(world: World) -> None:
    world.client("s3").delete_public_access_block(Bucket=world.outputs["LakeBucketName"])


@fault("a bucket does not keep earlier versions", "bucket-settings-differ")
def no_versions(world: World) -> None:
    world.client("s3").put_bucket_versioning(
        Bucket=world.outputs["LakeBucketName"], VersioningConfiguration={"Status": "Suspended"}
    )


@fault("a bucket accepts requests without TLS", "bucket-settings-differ")
def no_policy(world: World) -> None:
    world.client("s3").delete_bucket_policy(Bucket=world.outputs["ConsumerFailureBucketName"])


@fault("the read model's mapping invokes another function", "mapping-settings-differ")
def another_function(world: World) -> None:
    world.client("lambda").update_event_source_mapping(
        UUID=world.outputs["OwnedMappingId"], FunctionName=world.outputs["ApiFunctionName"]
    )


@fault("a function has the role of another one", "function-settings-differ")
def another_role(world: World) -> None:
    role = world.client("iam").get_role(RoleName=world.physical("LakeTotalsFunctionRole"))["Role"]["Arn"]
    world.client("lambda").update_function_configuration(
        FunctionName=world.physical("LakeTransformFunction"), Role=role
    )


@fault("a function logs to another group", "function-settings-differ")
def another_log_group(world: World) -> None:
    world.client("lambda").update_function_configuration(
        FunctionName=world.physical("LakeTransformFunction"), LoggingConfig={"LogGroup": "/aws/other"}
    )


@fault("the API invokes another function", "api-route-differs")
def another_integration(world: World) -> None:
    client, integration = world.client("apigatewayv2"), world.physical("HttpApiIntegration").rpartition("/")[2]
    names = {"ApiId": world.outputs["ApiId"], "IntegrationId": integration}
    uri = client.get_integration(**names)["IntegrationUri"]
    client.update_integration(**names, IntegrationUri=uri.replace("ApiFunction", "Other"))


@fault("a table has provisioned capacity", "table-settings-differ")
def provisioned(world: World) -> None:
    world.client("dynamodb").update_table(
        TableName=world.outputs["OwnedTableName"],
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )


@fault("an index is deleted", "table-settings-differ")
def no_index(world: World) -> None:
    world.client("dynamodb").update_table(
        TableName=world.outputs["OwnedTableName"],
        GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "ByOwner"}}],
    )


@fault("the lake's table lacks a column", "lake-table-differs")
def no_column(world: World) -> None:
    client, database = world.client("glue"), world.outputs["LakeDatabaseName"]
    table = client.get_table(DatabaseName=database, Name="account_events")["Table"]
    kept = {key: table[key] for key in ("Name", "TableType", "Parameters", "PartitionKeys", "StorageDescriptor")}
    kept["StorageDescriptor"]["Columns"].pop()
    client.update_table(DatabaseName=database, TableInput=kept)


@fault("a query may read any number of bytes", "lake-workgroup-differs")
def no_limit(world: World) -> None:
    world.client("athena").update_work_group(
        WorkGroup=world.outputs["LakeWorkgroupName"], ConfigurationUpdates={"BytesScannedCutoffPerQuery": 10**16}
    )


@fault("the event stream has one shard", "event-stream-settings-differ")
def one_shard(world: World) -> None:
    world.client("kinesis").update_shard_count(
        StreamName=world.outputs["EventStreamName"], TargetShardCount=1, ScalingType="UNIFORM_SCALING"
    )


ALL_FAULTS = FAULTS
"""These, and those of `doctor_faults`."""
