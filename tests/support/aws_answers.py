"""The answers of AWS to what `doctor` asks about a stack, by the names of the operations.

Source: the API references of the services. The values are those of template.yaml, in the form of the APIs.
"""
# ruff: noqa: N803, ARG002, ANN401 -- the parameters and answers are those of the APIs

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from account_core.domain.events import EventRow, Row
from account_core.rows.items import to_item
from account_events.aggregation.packing import aggregate
from account_events.avro.encoder import ENCODERS
from projector.translate import translate
from tests.support.athena_views import stored
from tests.support.aws_s3_answers import Refused, S3Answers

REGION, ACCOUNT = "eu-central-1", "123456789012"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/bank/0d9c2c5e-6b1f-4d5e-9d5c-3f6f0f8a7b11"
ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
ALARM_SETTINGS = (
    *("ComparisonOperator", "DatapointsToAlarm", "EvaluationPeriods", "Period", "Threshold", "TreatMissingData"),
)
ALARMS_PER_PAGE = 50
"""CloudWatch API reference, DescribeAlarms: the default of MaxRecords."""


class Answers(S3Answers):
    """The answers, from the stack that a subclass builds.

    Attributes:
        rows: the ledger's rows by account.
        firing: logical ids of the alarms that are in ALARM.
        polls: whether the mappings poll, and everything else emits its metrics.
        gaps: items of the read model's inbox that wait for an event.
        backups: the states of the recent backups.
        views: the views in Athena, with their SELECTs.
        lagging: accounts whose newest event is not in the read model.
        published: the events on the stream.
        log: the events of the API's log group, oldest first.
        read_from: the time from which the stream was read.
        stream_behind_ms: how far from the newest record each read of the stream ends.
    """

    now: datetime
    created_at: datetime
    alarms_created_at: datetime
    rows: Mapping[str, list[Row]]
    parameters: dict[str, str]
    outputs: dict[str, str]
    firing: set[str]
    gaps: list[dict[str, Any]]
    lagging: set[str]
    published: list[EventRow]
    log: list[dict[str, Any]]
    views: dict[str, str]
    read_from: datetime = datetime.min.replace(tzinfo=UTC)
    polls: bool = True
    stream_behind_ms: int = 0
    backups: tuple[str, ...] = ("COMPLETED",)

    def events(self, account_id: str) -> list[EventRow]:
        """The events of an account."""
        return [row for row in self.rows[account_id] if isinstance(row, EventRow)]

    def _apigatewayv2_get_authorizer(self, ApiId: str, AuthorizerId: str) -> Any:
        return {"JwtConfiguration": self.properties["HttpApiAuthorizer"]["JwtConfiguration"]}

    def _apigatewayv2_get_integration(self, ApiId: str, IntegrationId: str) -> Any:
        return {"IntegrationUri": self.properties["HttpApiIntegration"]["IntegrationUri"]}

    def _apigatewayv2_get_stage(self, ApiId: str, StageName: str) -> Any:
        stage = self.properties["HttpApiStage"]
        logs = {"DestinationArn": stage["AccessLogSettings"]["DestinationArn"].removesuffix(":*")}
        limits = {key: float(value) for key, value in stage["DefaultRouteSettings"].items() if "Rate" in key}
        limits |= {key: value for key, value in stage["DefaultRouteSettings"].items() if "Burst" in key}
        return {"StageName": StageName, "AccessLogSettings": logs, "DefaultRouteSettings": limits}

    def _apigatewayv2_get_routes(self, ApiId: str) -> Any:
        route = {"RouteId": self.names["HttpApiRoute"], "ApiKeyRequired": False}
        names = ("AuthorizationType", "AuthorizerId", "RouteKey", "Target")
        properties = self.properties["HttpApiRoute"]
        return {"Items": [route | {each: properties[each] for each in names if each in properties}]}

    def _athena_get_work_group(self, WorkGroup: str) -> Any:
        settings = self.properties["LakeWorkgroup"]["WorkGroupConfiguration"]
        limits = {"BytesScannedCutoffPerQuery": int(settings["BytesScannedCutoffPerQuery"])}
        configuration = limits | {"EnforceWorkGroupConfiguration": True}
        return {"WorkGroup": {"Name": WorkGroup, "State": "ENABLED", "Configuration": configuration}}

    def _backup_describe_backup_vault(self, BackupVaultName: str) -> Any:
        return {"BackupVaultName": BackupVaultName, "CreationDate": self.created_at, "Locked": True}

    def _backup_list_recovery_points_by_backup_vault(self, ByResourceArn: str, **_: Any) -> Any:
        point = {"ResourceArn": ByResourceArn, "CreationDate": self.now - timedelta(hours=20)}
        return {"RecoveryPoints": [point | {"Status": each} for each in self.backups]}

    def _cloudformation_describe_stacks(self, StackName: str) -> Any:
        stack: dict[str, Any] = {"StackId": STACK_ID, "StackName": "bank", "StackStatus": "CREATE_COMPLETE"}
        stack["Parameters"] = [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()]
        stack["Outputs"] = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [stack | {"CreationTime": self.created_at}]}

    def _cloudformation_list_stack_resources(self, StackName: str, NextToken: str = "0") -> Any:
        first, names = int(NextToken), list(self.names.items())
        answer: dict[str, Any] = {"NextToken": str(first + 100)} if first + 100 < len(names) else {}
        answer["StackResourceSummaries"] = [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": each,
                "ResourceType": self.template["Resources"][name]["Type"],
                "LastUpdatedTimestamp": self.created_at,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name, each in names[first : first + 100]
        ]
        return answer

    def _cloudwatch_describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str], NextToken: str = "0") -> Any:
        first = int(NextToken)
        page = AlarmNames[first : first + ALARMS_PER_PAGE]
        answer: dict[str, Any] = {"NextToken": str(first + len(page))} if first + len(page) < len(AlarmNames) else {}
        for key, kind in zip(("MetricAlarms", "CompositeAlarms"), ALARMS, strict=True):
            answer[key] = [self._alarm(name) for name in page if self.named(name) in self.of(kind)]
        return answer

    def _alarm(self, name: str) -> Any:
        state, properties = "ALARM" if self.named(name) in self.firing else "OK", self.properties[self.named(name)]
        alarm = {"AlarmName": name, "ActionsEnabled": True, "StateValue": state}
        alarm |= {each: properties[each] for each in (*ALARM_SETTINGS, "AlarmActions") if each in properties}
        return alarm | {"AlarmConfigurationUpdatedTimestamp": self.alarms_created_at}

    def _cloudwatch_get_metric_statistics(self, Namespace: str, StartTime: datetime, **_: Any) -> Any:
        points = [{"Timestamp": StartTime, "SampleCount": 6.0, "Sum": 3.0, "Unit": "Count"}]
        return {"Label": "x", "Datapoints": points if self.polls else []}

    def _dynamodb_describe_table(self, TableName: str) -> Any:
        properties = self.template["Resources"][self.named(TableName)]["Properties"]
        table: dict[str, Any] = {"TableName": TableName, "TableStatus": "ACTIVE", "ItemCount": 9}
        table["BillingModeSummary"] = {"BillingMode": properties["BillingMode"]}
        indexes = properties.get("GlobalSecondaryIndexes", ())
        table["GlobalSecondaryIndexes"] = [{"IndexName": each["IndexName"]} for each in indexes]
        if key := self.parameters["KmsKeyArn"]:
            table["SSEDescription"] = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
        table["DeletionProtectionEnabled"] = "DeletionProtectionEnabled" in properties
        if stream := properties.get("StreamSpecification"):
            table["StreamSpecification"] = {"StreamEnabled": True, **stream}
            table["LatestStreamArn"] = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TableName}/stream/2026"
        return {"Table": table}

    def _dynamodb_describe_continuous_backups(self, TableName: str) -> Any:
        has = "PointInTimeRecoverySpecification" in self.properties[self.named(TableName)]
        recovery = {"PointInTimeRecoveryStatus": "ENABLED" if has else "DISABLED"}
        found = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}
        return {"ContinuousBackupsDescription": found}

    def _dynamodb_scan(self, Segment: int, **_: Any) -> Any:
        return {"Items": [{"AccountId": {"S": each}} for each in self.rows if not Segment]}

    def _dynamodb_query(
        self, TableName: str, ExpressionAttributeValues: Mapping[str, Any], Limit: int | None = None, **_: Any
    ) -> Any:
        if TableName != self.names["AccountsTable"]:
            return {"Items": self.gaps if TableName == self.names["AccountsByOwner"] else []}
        values = ExpressionAttributeValues
        last, command_id = int(values.get(":last", {"N": "999"})["N"]), values.get(":command_id")
        rows = self.rows.get(values[":account_id"]["S"], [])[::-1]
        items = [to_item(row) for row in rows if row.version <= last][:Limit]
        return {"Items": [item for item in items if command_id in (None, item.get("CommandId"))]}

    def _dynamodb_batch_get_item(self, RequestItems: Mapping[str, Any]) -> Any:
        keys = RequestItems[self.names["AccountsByOwner"]]["Keys"]
        owned = [each | {"Owner": {"S": "owner-1"}} for each in keys if each["AccountId"]["S"] in self.rows]
        return {"Responses": {self.names["AccountsByOwner"]: owned}}

    def _dynamodb_get_item(self, TableName: str, Key: Mapping[str, Any], **_: Any) -> Any:
        account_id = Key["AccountId"]["S"]
        if TableName == self.names["AccountsTable"]:
            items = {item["Version"]["N"]: item for item in map(to_item, self.rows.get(account_id, []))}
            return {"Item": item} if (item := items.get(Key["Version"]["N"])) else {}
        last = self.events(account_id)[-2 if account_id in self.lagging else -1]
        if TableName == self.names["AccountsByOwnerInbox"]:
            return {}
        sequence = {"N": str(last.sequence)}
        position = {"Last": sequence, "Seen": sequence, "Revision": sequence}
        values = {"Balance": {"N": str(last.balance)}, "Sequence": sequence}
        return {"Item": {**position, **values, "Currency": {"S": last.currency}}}

    def _events_describe_rule(self, Name: str) -> Any:
        rate = self.properties[self.named(Name)]["ScheduleExpression"]
        return {"Name": Name, "State": "ENABLED", "ScheduleExpression": rate, "EventBusName": "default"}

    def _events_list_targets_by_rule(self, Rule: str) -> Any:
        return {"Targets": self.properties[self.named(Rule)]["Targets"]}

    def _firehose_describe_delivery_stream(self, DeliveryStreamName: str) -> Any:
        names = {"DeliveryStreamName": DeliveryStreamName, "DeliveryStreamARN": "arn", "VersionId": "1"}
        state = {"DeliveryStreamStatus": "ACTIVE", "DeliveryStreamType": "KinesisStreamAsSource"}
        settings = self.properties["LakeDelivery"]["ExtendedS3DestinationConfiguration"]
        hints = {key: int(value) for key, value in settings["BufferingHints"].items()}
        encryption = {"NoEncryptionConfig": "NoEncryption"}
        s3 = settings | {"BufferingHints": hints, "EncryptionConfiguration": encryption}
        destination = {"DestinationId": "destinationId-000000000001", "ExtendedS3DestinationDescription": s3}
        more = {"CreateTimestamp": self.created_at, "Destinations": [destination], "HasMoreDestinations": False}
        return {"DeliveryStreamDescription": names | state | more}

    def _glue_get_job(self, JobName: str) -> Any:
        properties = self.properties[self.named(JobName)]
        return {"Job": {"Name": JobName, **properties, "NumberOfWorkers": int(properties["NumberOfWorkers"])}}

    def _glue_get_table(self, DatabaseName: str, Name: str) -> Any:
        if Name in ("events", "account_history"):
            if Name not in self.views:
                raise Refused("EntityNotFoundException")
            text = stored(self.views[Name])
            return {"Table": {"Name": Name, "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text}}
        tables = (self.properties[each]["TableInput"] for each in self.of("AWS::Glue::Table"))
        return {"Table": next(each for each in tables if each["Name"] == Name)}

    def _iam_simulate_principal_policy(self, ActionNames: list[str], ResourceArns: list[str], **_: Any) -> Any:
        allowed = [{"EvalResourceName": each, "EvalResourceDecision": "allowed"} for each in ResourceArns]
        results = [{"EvalActionName": each, "EvalDecision": "allowed"} for each in ActionNames]
        return {"EvaluationResults": [each | {"ResourceSpecificResults": allowed} for each in results]}

    def _iam_get_role(self, RoleName: str) -> Any:
        document = json.dumps(self.properties[self.named(RoleName)]["AssumeRolePolicyDocument"])
        role = {"RoleName": RoleName, "Path": "/", "RoleId": "AROAEXAMPLEEXAMPLE", "Arn": f"arn:aws:iam::1:{RoleName}"}
        return {"Role": role | {"CreateDate": self.created_at, "AssumeRolePolicyDocument": quote(document)}}

    def _kinesis_describe_stream_summary(self, StreamName: str) -> Any:
        state = {"StreamStatus": "ACTIVE", "RetentionPeriodHours": 168, "StreamCreationTimestamp": self.created_at}
        more = {"EnhancedMonitoring": [], "OpenShardCount": 1, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}
        more |= {"EncryptionType": "KMS", "KeyId": self.parameters["KmsKeyArn"] or "alias/aws/kinesis"}
        return {"StreamDescriptionSummary": {"StreamName": StreamName, "StreamARN": "arn:stream", **state, **more}}

    def _kinesis_list_shards(self, **_: Any) -> Any:
        key_range = {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)}
        shard = {
            "ShardId": "shard-0",
            "HashKeyRange": key_range,
            "SequenceNumberRange": {"StartingSequenceNumber": "1"},
        }
        return {"Shards": [shard]}

    def _kinesis_get_shard_iterator(self, Timestamp: datetime | None = None, **_: Any) -> Any:
        self.read_from = Timestamp or self.read_from
        return {"ShardIterator": "0"}

    def _kinesis_get_records(self, ShardIterator: str, Limit: int) -> Any:
        events = [ENCODERS[name].encode(fields) for name, fields in map(translate, self.published)]
        record = {"SequenceNumber": "1", "PartitionKey": "1", "ApproximateArrivalTimestamp": self.now}
        records = [record | {"Data": aggregate("1", "1", events)}] if events and ShardIterator == "0" else []
        return {"Records": records, "NextShardIterator": "1", "MillisBehindLatest": self.stream_behind_ms}

    def _lambda_get_function(self, FunctionName: str) -> Any:
        properties = self.properties[self.named(FunctionName)]
        settings = ("Handler", "LoggingConfig", "MemorySize", "Role", "Timeout")
        configuration = {name: properties[name] for name in settings}
        configuration["Runtime"] = self.template["Globals"]["Function"]["Runtime"]
        variables = {name: str(value) for name, value in properties["Environment"]["Variables"].items()}
        if "SCHEMA_VERSIONS" in variables:
            variables["SCHEMA_VERSIONS"] = self.outputs["SchemaVersions"]
        state = {"State": "Active", "LastUpdateStatus": "Successful", "Environment": {"Variables": variables}}
        return {"Configuration": {"FunctionName": FunctionName, **configuration, **state}}

    def _lambda_get_event_source_mapping(self, UUID: str) -> Any:
        properties = self.properties[self.named(UUID)]
        left_out = {"FunctionName", "Enabled", "Tags"}
        settings = {name: value for name, value in properties.items() if name not in left_out}
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{properties['FunctionName']}"
        return {"UUID": UUID, "FunctionArn": arn, "State": "Enabled", "LastProcessingResult": "OK", **settings}

    def _lambda_get_policy(self, FunctionName: str) -> Any:
        statements = [
            {
                "Sid": f"bank-{name}-1A2B3C",
                "Effect": "Allow",
                "Principal": {"Service": permission["Principal"]},
                "Action": "lambda:InvokeFunction",
                "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FunctionName}",
                "Condition": {"ArnLike": {"AWS:SourceArn": permission["SourceArn"]}},
            }
            for name in self.of("AWS::Lambda::Permission")
            if (permission := self.properties[name])["FunctionName"] == FunctionName
        ]
        return {"Policy": json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})}

    def _logs_describe_log_groups(self, logGroupNamePrefix: str) -> Any:
        group = {"logGroupName": logGroupNamePrefix, "retentionInDays": 30}
        return {"logGroups": [group, {"logGroupName": f"{logGroupNamePrefix}2"}]}

    def _logs_describe_metric_filters(self, logGroupName: str, filterNamePrefix: str) -> Any:
        pattern = self.properties["HttpApiTooManyRequests"]["FilterPattern"]
        return {"metricFilters": [{"filterName": filterNamePrefix, "filterPattern": pattern}]}

    def _logs_filter_log_events(
        self, startTime: int, endTime: int, filterPattern: str, nextToken: str = "0", **_: Any
    ) -> Any:
        """The lines of the API's log that contain the phrase, each on a page of its own after an empty one."""
        found = [
            each
            for each in self.log
            if startTime <= each["timestamp"] <= endTime and filterPattern.strip('"') in each["message"]
        ]
        number = int(nextToken)
        page = found[number // 2 : number // 2 + 1] if number % 2 else []
        return {"events": page, **({"nextToken": str(number + 1)} if number < 2 * len(found) else {})}

    def _scheduler_get_schedule(self, Name: str, GroupName: str) -> Any:
        return {"Name": Name, **self.properties[self.named(Name)]}

    def _sns_get_topic_attributes(self, TopicArn: str) -> Any:
        return {"Attributes": {"TopicArn": TopicArn, "SubscriptionsConfirmed": "1", "SubscriptionsPending": "0"}}

    def _stepfunctions_describe_state_machine(self, stateMachineArn: str) -> Any:
        properties = self.properties[self.named(stateMachineArn)]
        names = {"stateMachineArn": stateMachineArn, "name": "bank", "type": "STANDARD", "status": "ACTIVE"}
        definition = {"definition": json.dumps(properties["Definition"]), "roleArn": properties["RoleArn"]}
        return {**names, **definition, "creationDate": self.created_at}

    def _sqs_get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> Any:
        return {"Attributes": dict.fromkeys(AttributeNames, "0")}
