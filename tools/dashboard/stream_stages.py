"""The dashboard's widgets of the event stream and the read model. Pure."""

from tools.dashboard.series import function, mapping_failures, ours, polls, stream
from tools.dashboard.widgets import Graph, Series, Stage

STREAM = Stage(
    "4. Kinesis keeps the events for consumers",
    (
        (
            Graph(
                "Records written",
                "Records per minute",
                (
                    stream("IncomingRecords", "records that arrived"),
                    ours("projector", "KinesisRecords", "records that the projector sent"),
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
                    stream("WriteProvisionedThroughputExceeded", "records refused: a shard's limit"),
                    ours("projector", "KinesisRefusals", "records that the projector must send again"),
                    stream("ReadProvisionedThroughputExceeded", "reads throttled"),
                ),
            ),
            Graph("Bytes written", "Bytes per minute", (stream("IncomingBytes", "bytes that arrived"),)),
            Graph(
                "Age of records when read, all consumers",
                "Milliseconds",
                (stream("GetRecords.IteratorAgeMilliseconds", "the slowest consumer", "Maximum"),),
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
                (function("AccountsByOwnerFunction", "IteratorAge", "age of the events when read", "Maximum"),),
                ("AccountsByOwnerIsBehind",),
            ),
            Graph(
                "Events applied",
                "Events per minute",
                (
                    ours("accounts-by-owner", "Applied", "applied"),
                    ours("accounts-by-owner", "Duplicates", "skipped: duplicates"),
                    ours("accounts-by-owner", "Held", "buffered: an earlier event is missing"),
                    polls("AccountsByOwnerMapping"),
                ),
                ("AccountsByOwnerStopped",),
                right_unit="Polls per minute",
            ),
            Graph(
                "Gaps and refused events",
                "Accounts, or events in five minutes",
                (
                    ours("accounts-by-owner", "Gaps", "accounts that wait for a missing event", "Maximum"),
                    ours("accounts-by-owner", "Failures", "events not applied"),
                ),
                period_s=300,
            ),
            Graph(
                "The read model: failures",
                "Per minute",
                (
                    *mapping_failures("AccountsByOwnerFunction", "AccountsByOwnerMapping"),
                    Series(
                        "AWS/Events", "FailedInvocations", ("RuleName", "${AccountsByOwnerLook}"), "by the schedule"
                    ),
                ),
            ),
        ),
    ),
)
