"""The dashboard's widgets of the API, the accounts table and the projector. Pure."""

from tools.dashboard.series import (
    api,
    by_operation,
    failures,
    function,
    internal_errors,
    mapping_failures,
    ours,
    polls,
    throttled,
)
from tools.dashboard.widgets import Graph, LogTable, Series, Stage

COMMANDS = ("create_account", "credit", "withdraw", "transfer")
READS = ("read_account", "list_events", "read_statement", "list_accounts")

API = Stage(
    "1. The API receives requests",
    (
        (
            Graph(
                "Requests and refusals",
                "Requests per minute",
                (
                    api("Count", "requests"),
                    api("4xx", "4xx: refused"),
                    api("5xx", "5xx: failed"),
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
                    api("Latency", "half of the requests", "p50"),
                    api("Latency", "99 of 100 requests", "p99"),
                    api("IntegrationLatency", "99 of 100 requests, the function alone", "p99"),
                ),
                ("ApiIsSlow",),
            ),
            Graph("The API's function: failures", "Invocations per minute", failures("ApiFunction")),
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
                by_operation("WriteUnits", COMMANDS, "Average"),
            ),
            Graph(
                "Cost of a request: read units",
                "Read units per request",
                by_operation("ReadUnits", COMMANDS + READS, "Average"),
            ),
            Graph(
                "Version conflicts",
                "Conflicts per minute",
                by_operation("Conflicts", COMMANDS, "Sum"),
                stacked=True,
            ),
            Graph(
                "All tables: throttled requests and internal errors",
                "Requests per minute",
                (
                    *throttled("accounts table: throttled", {"ledger": ("TableName", "${AccountsTable}")}),
                    *throttled("parked accounts: throttled", {"parked": ("TableName", "${ParkedAccounts}")}),
                    *throttled(
                        "read model: throttled",
                        {
                            "owned": ("TableName", "${AccountsByOwner}"),
                            "by_owner": ("TableName", "${AccountsByOwner}", "GlobalSecondaryIndexName", "ByOwner"),
                            "inbox": ("TableName", "${AccountsByOwnerInbox}"),
                            "waiting": ("TableName", "${AccountsByOwner}", "GlobalSecondaryIndexName", "ByWaiting"),
                            "inbox_waiting": (
                                "TableName",
                                "${AccountsByOwnerInbox}",
                                "GlobalSecondaryIndexName",
                                "ByWaiting",
                            ),
                        },
                    ),
                    *internal_errors(),
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
                    function("ProjectorFunction", "IteratorAge", "age of the rows when read", "Maximum"),
                    ours("projector", "PublishLag", "from occurred_at to publication", "Maximum"),
                    ours("projector", "PublishLag", "from occurred_at to publication, average", "Average"),
                ),
                ("ProjectorIsBehind",),
            ),
            Graph(
                "Rows read and events published",
                "Rows or events per minute",
                (
                    ours("projector", "BatchRecords", "rows read"),
                    ours("projector", "EventsPublished", "events published"),
                    ours("projector", "EventsFromTable", "of these, read from the table"),
                    polls("ProjectorMapping"),
                ),
                ("ProjectorStopped",),
                right_unit="Polls per minute",
            ),
            Graph(
                "Accounts whose events are not published",
                "Accounts",
                (
                    ours("projector", "ParkedAccounts", "parked: an event cannot be published", "Maximum"),
                    ours("projector", "AccountsWaiting", "waiting for an earlier event or a retry", "Maximum"),
                ),
            ),
            Graph("The projector: failures", "Per minute", mapping_failures("ProjectorFunction", "ProjectorMapping")),
        ),
    ),
)
