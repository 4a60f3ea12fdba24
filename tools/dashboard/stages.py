"""The dashboard's widgets, by the stages of an event's path. Pure."""

from collections.abc import Mapping

from ops.lake.reconcile.grace import BUFFER_FACTOR, delivery_s
from tools.dashboard.widgets import Graph, LogTable, Math, Series, Stage

COMMANDS = ("create_account", "credit", "withdraw")
READS = ("read_account", "list_events", "list_accounts")
INTRODUCTION = (
    "# ${AWS::StackName}: the path of an event\n"
    "Read it row by row, from left to right. A line at a threshold is named like the alarm that it raises. "
    "`docs/runbook.md` has an entry for each alarm, with the commands that repair it."
)


def _api(name: str, label: str, stat: str = "Sum") -> Series:
    return Series("AWS/ApiGateway", name, ("ApiId", "${HttpApi}"), label, stat)


def _function(logical_id: str, name: str, label: str, stat: str = "Sum") -> Series:
    return Series("AWS/Lambda", name, ("FunctionName", f"${{{logical_id}}}"), label, stat)


def _mapping(logical_id: str, name: str, label: str) -> Series:
    return Series("AWS/Lambda", name, ("EventSourceMappingUUID", f"${{{logical_id}}}"), label)


def _stream(name: str, label: str, stat: str = "Sum") -> Series:
    return Series("AWS/Kinesis", name, ("StreamName", "${DomainEventsStream}"), label, stat)


def _delivery(name: str, label: str, stat: str = "Sum") -> Series:
    return Series("AWS/Firehose", name, ("DeliveryStreamName", "${LakeDelivery}"), label, stat)


def _ours(service: str, name: str, label: str, stat: str = "Sum", *, operation: str = "") -> Series:
    """A metric that this project's own code emits."""
    of_operation = ("operation", operation) if operation else ()
    dimensions = ("Stack", "${AWS::StackName}", "service", service, *of_operation)
    return Series("AccountEvents", name, dimensions, label, stat)


def _by_operation(name: str, operations: tuple[str, ...], stat: str) -> list[Series]:
    return [_ours("account-api", name, operation, stat, operation=operation) for operation in operations]


def _polls(logical_id: str) -> Series:
    """The number of polls of a mapping, on the right axis. Empty polls count; a disabled mapping has none."""
    dimensions = ("EventSourceMappingUUID", f"${{{logical_id}}}")
    return Series("AWS/Lambda", "PolledEventCount", dimensions, "polls (right)", "SampleCount", on_right=True)


def _failures(function: str) -> list[Series]:
    return [_function(function, "Errors", "errors"), _function(function, "Throttles", "throttled invocations")]


def _mapping_failures(function: str, mapping: str) -> list[Series]:
    return [
        *_failures(function),
        _mapping(mapping, "OnFailureDestinationDeliveredEventCount", "records given up, stored in the failure bucket"),
        _mapping(mapping, "DroppedEventCount", "records lost"),
        _function(function, "DestinationDeliveryFailures", "failed writes to the failure bucket"),
    ]


def _throttled(label: str, tables: Mapping[str, tuple[str, ...]]) -> list[Series | Math]:
    """The throttled requests to tables and their indexes. DynamoDB emits these metrics only if they are not zero."""
    metrics = [
        Series("AWS/DynamoDB", f"{kind}ThrottleEvents", dimensions, id=f"{prefix}_{kind.lower()}s")
        for prefix, dimensions in tables.items()
        for kind in ("Read", "Write")
    ]
    total = " + ".join(f"FILL({each.id}, 0)" for each in metrics)
    return [*metrics, Math(f"{next(iter(tables))}_throttled", label, total)]


def _internal_errors() -> list[Series | Math]:
    """DynamoDB emits this metric for each operation. These are the operations of the alarm LedgerFails."""
    operations = {
        "query": "Query",
        "put": "PutItem",
        "transaction": "TransactWriteItems",
        "batch": "BatchGetItem",
    }
    dimensions = ("TableName", "${AccountsTable}", "Operation")
    metrics = [
        Series("AWS/DynamoDB", "SystemErrors", (*dimensions, operation), id=name)
        for name, operation in operations.items()
    ]
    total = " + ".join(f"FILL({each.id}, 0)" for each in metrics)
    return [*metrics, Math("internal_errors", "accounts table: internal errors", total)]


API = Stage(
    "1. The API receives requests",
    (
        (
            Graph(
                "Requests and refusals",
                "Requests per minute",
                (
                    _api("Count", "requests"),
                    _api("4xx", "4xx: refused"),
                    _api("5xx", "5xx: failed"),
                    Series("AccountEvents/${AWS::StackName}", "TooManyRequests", (), "429: beyond the rate limit"),
                ),
            ),
            LogTable(
                "Problems by type",
                "SOURCE '${ApiFunctionLogs}' | filter message = 'request' and status >= 400 "
                "| stats count(*) as requests by status, code, operation | sort requests desc | limit 20",
            ),
            Graph(
                "Latency",
                "Milliseconds",
                (
                    _api("Latency", "half of the requests", "p50"),
                    _api("Latency", "99 of 100 requests", "p99"),
                    _api("IntegrationLatency", "99 of 100 requests, the function alone", "p99"),
                ),
                ("ApiIsSlow",),
            ),
            Graph("The API's function: failures", "Invocations per minute", _failures("ApiFunction")),
        ),
    ),
)

LEDGER = Stage(
    "2. The accounts table stores events",
    (
        (
            # The API emits one data point for each request, so the average is the cost of one command.
            Graph(
                "Cost of a command: write units",
                "Write units per command",
                _by_operation("WriteUnits", COMMANDS, "Average"),
            ),
            Graph(
                "Cost of a request: read units",
                "Read units per request",
                _by_operation("ReadUnits", COMMANDS + READS, "Average"),
            ),
            Graph(
                "Version conflicts",
                "Conflicts per minute",
                _by_operation("Conflicts", COMMANDS, "Sum"),
                stacked=True,
            ),
            Graph(
                "All tables: throttled requests and internal errors",
                "Requests per minute",
                (
                    *_throttled("accounts table: throttled", {"ledger": ("TableName", "${AccountsTable}")}),
                    *_throttled("parked accounts: throttled", {"parked": ("TableName", "${ParkedAccounts}")}),
                    *_throttled(
                        "read model: throttled",
                        {
                            "owned": ("TableName", "${AccountsByOwner}"),
                            "by_owner": ("TableName", "${AccountsByOwner}", "GlobalSecondaryIndexName", "ByOwner"),
                            "inbox": ("TableName", "${AccountsByOwnerInbox}"),
                            "waiting": (
                                "TableName",
                                "${AccountsByOwnerInbox}",
                                "GlobalSecondaryIndexName",
                                "ByWaiting",
                            ),
                        },
                    ),
                    *_internal_errors(),
                ),
            ),
            # One a day, so the range of the other graphs may contain none.
            Graph(
                "Backups of the accounts table, seven days",
                "Per hour",
                (
                    Series(
                        "AWS/Backup",
                        "NumberOfBackupJobsCompleted",
                        ("BackupVaultName", "${BackupVault}"),
                        "backups in the vault",
                    ),
                ),
                period_s=3_600,
                start="-P7D",
            ),
        ),
    ),
)

PROJECTOR = Stage(
    "3. The projector publishes events",
    (
        (
            Graph(
                "Age of rows and publish lag",
                "Milliseconds",
                (
                    _function("ProjectorFunction", "IteratorAge", "age of the rows when read", "Maximum"),
                    _ours("projector", "PublishLag", "from occurred_at to publication", "Maximum"),
                    _ours("projector", "PublishLag", "from occurred_at to publication, average", "Average"),
                ),
                ("ProjectorIsBehind",),
            ),
            Graph(
                "Rows read and events published",
                "Rows or events per minute",
                (
                    _ours("projector", "BatchRecords", "rows read"),
                    _ours("projector", "EventsPublished", "events published"),
                    _ours("projector", "EventsFromTable", "of these, read from the table"),
                    _polls("ProjectorMapping"),
                ),
                ("ProjectorStopped",),
                right_unit="Polls per minute",
            ),
            Graph(
                "Accounts whose events are not published",
                "Accounts",
                (
                    _ours("projector", "ParkedAccounts", "parked: an event cannot be published", "Maximum"),
                    _ours("projector", "AccountsWaiting", "waiting for an earlier event or a retry", "Maximum"),
                ),
            ),
            Graph("The projector: failures", "Per minute", _mapping_failures("ProjectorFunction", "ProjectorMapping")),
        ),
    ),
)

STREAM = Stage(
    "4. Kinesis keeps the events for consumers",
    (
        (
            Graph(
                "Records written",
                "Records per minute",
                (
                    _stream("IncomingRecords", "records that arrived"),
                    _ours("projector", "KinesisRecords", "records that the projector sent"),
                    Series(
                        "AWS/DynamoDB",
                        "ConsumedWriteCapacityUnits",
                        ("TableName", "${AccountsTable}"),
                        "written to the accounts table (right)",
                        on_right=True,
                    ),
                ),
                right_unit="Write units per minute",
            ),
            Graph(
                "Records refused and reads throttled",
                "Per minute",
                (
                    _stream("WriteProvisionedThroughputExceeded", "records refused: a shard's limit"),
                    _ours("projector", "KinesisRefusals", "records that the projector must send again"),
                    _stream("ReadProvisionedThroughputExceeded", "reads throttled"),
                ),
            ),
            Graph("Bytes written", "Bytes per minute", (_stream("IncomingBytes", "bytes that arrived"),)),
            Graph(
                "Age of records when read, all consumers",
                "Milliseconds",
                (_stream("GetRecords.IteratorAgeMilliseconds", "the slowest consumer", "Maximum"),),
            ),
        ),
    ),
)

OWNERS = Stage(
    "5. The read model lists accounts by owner",
    (
        (
            Graph(
                "Lag of the read model",
                "Milliseconds",
                (_function("AccountsByOwnerFunction", "IteratorAge", "age of the events when read", "Maximum"),),
                ("AccountsByOwnerIsBehind",),
            ),
            Graph(
                "Events applied",
                "Events per minute",
                (
                    _ours("accounts-by-owner", "Applied", "applied"),
                    _ours("accounts-by-owner", "Duplicates", "skipped: duplicates"),
                    _ours("accounts-by-owner", "Held", "buffered: an earlier event is missing"),
                    _polls("AccountsByOwnerMapping"),
                ),
                ("AccountsByOwnerStopped",),
                right_unit="Polls per minute",
            ),
            Graph(
                "Gaps and refused events",
                "Accounts, or events in five minutes",
                (
                    _ours("accounts-by-owner", "Gaps", "accounts that wait for a missing event", "Maximum"),
                    _ours("accounts-by-owner", "Failures", "events not applied"),
                ),
                period_s=300,
            ),
            Graph(
                "The read model: failures",
                "Per minute",
                (
                    *_mapping_failures("AccountsByOwnerFunction", "AccountsByOwnerMapping"),
                    Series(
                        "AWS/Events", "FailedInvocations", ("RuleName", "${AccountsByOwnerLook}"), "by the schedule"
                    ),
                ),
            ),
        ),
    ),
)

LAKE = Stage(
    "6. Firehose delivers the events to the lake",
    (
        (
            Graph(
                "Age of the oldest event not in the lake",
                "Seconds",
                (
                    _delivery("DeliveryToS3.DataFreshness", "age", "Maximum"),
                    # CloudFormation has no arithmetic, so the threshold of this alarm depends on the parameter here.
                    Math(
                        "limit",
                        "LakeIsBehind",
                        f"TIME_SERIES({BUFFER_FACTOR} * ${{LakeBufferSeconds}} + {delivery_s(0):g})",
                    ),
                ),
                period_s=300,
            ),
            Graph(
                "Lag of Firehose's reads",
                "Milliseconds",
                (_delivery("KinesisMillisBehindLatest", "behind the newest record", "Maximum"),),
                ("LakeReadsLate",),
                period_s=300,
            ),
            Graph(
                "Records read and rows delivered",
                "Per five minutes",
                (
                    _delivery("DataReadFromKinesisStream.Records", "records read from the stream"),
                    _ours("lake", "Rows", "rows that the transform returned"),
                    _delivery("DeliveryToS3.Records", "rows delivered"),
                ),
                period_s=300,
            ),
        ),
        (
            Graph(
                "Refused rows",
                "Rows in five minutes",
                (
                    _ours("lake", "Refused", "refused by the transform"),
                    _delivery("FailedConversion.Records", "not converted"),
                    _delivery("PartitionCountExceeded", "1: too many active partitions", "Maximum"),
                ),
                period_s=300,
            ),
            Graph(
                "Invocations and writes of Firehose that succeed",
                "Ratio",
                (
                    _delivery("ExecuteProcessing.Success", "successful invocations of the transform", "Average"),
                    _delivery("DeliveryToS3.Success", "successful writes to the lake's bucket", "Average"),
                ),
                ("LakeTransformNotInvoked", "LakeWritesFail"),
                period_s=300,
            ),
            Graph(
                "The lake: failures",
                "Per five minutes",
                (
                    *_failures("LakeTransformFunction"),
                    _delivery("ThrottledGetRecords", "throttled reads of the stream"),
                ),
                period_s=300,
            ),
        ),
        (
            Graph(
                "Refreshes of the daily totals",
                "Per hour",
                (
                    _ours("lake-totals", "TotalsRuns", "runs after which all totals are up to date"),
                    _ours("lake-totals", "TotalsRefreshed", "days updated"),
                ),
                period_s=3_600,
            ),
            Graph(
                "The daily totals: failures",
                "Per five minutes",
                (
                    *_failures("LakeTotalsFunction"),
                    Series(
                        "AWS/SQS",
                        "ApproximateNumberOfMessagesVisible",
                        ("QueueName", "${LakeTotalsNotInvoked.QueueName}"),
                        "runs that the schedule could not start",
                        "Maximum",
                    ),
                ),
                period_s=300,
            ),
        ),
    ),
)

# A reconciliation runs once a night, so the range of the other graphs may contain none.
RECONCILIATION = Stage(
    "7. A reconciliation compares the lake with the accounts table",
    (
        (
            Graph(
                "Reconciliations that ended, seven days",
                "Per hour",
                (_ours("reconciliation", "ReconciliationRuns", "reconciliations"),),
                period_s=3_600,
                start="-P7D",
            ),
            Graph(
                "Differences found, seven days",
                "Differences",
                (_ours("reconciliation", "ReconciliationFindings", "differences", "Maximum"),),
                period_s=3_600,
                start="-P7D",
            ),
            Graph(
                "Age of the newest event compared, seven days",
                "Seconds",
                (_ours("reconciliation", "ReconciliationAge", "age at the reconciliation's end", "Maximum"),),
                period_s=3_600,
                start="-P7D",
            ),
        ),
    ),
)

STAGES = (API, LEDGER, PROJECTOR, STREAM, OWNERS, LAKE, RECONCILIATION)
