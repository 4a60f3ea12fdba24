"""The dashboard's widgets of the lake, its totals and its reconciliation. Pure."""

from ops.lake.reconcile.grace import BUFFER_FACTOR, delivery_s
from tools.dashboard.series import delivery, failures, ours, state_machine
from tools.dashboard.widgets import Graph, Math, Series, Stage

LAKE = Stage(
    "6. Firehose delivers the events to the lake",
    (
        (
            Graph(
                "Age of the oldest event not in the lake",
                "Seconds",
                (
                    delivery("DeliveryToS3.DataFreshness", "age", "Maximum"),
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
                (delivery("KinesisMillisBehindLatest", "behind the newest record", "Maximum"),),
                ("LakeReadsLate",),
                period_s=300,
            ),
            Graph(
                "Records read and rows delivered",
                "Per five minutes",
                (
                    delivery("DataReadFromKinesisStream.Records", "records read from the stream"),
                    ours("lake", "Rows", "rows that the transform returned"),
                    delivery("DeliveryToS3.Records", "rows delivered"),
                ),
                period_s=300,
            ),
        ),
        (
            Graph(
                "Refused rows",
                "Rows in five minutes",
                (
                    ours("lake", "Refused", "refused by the transform"),
                    delivery("FailedConversion.Records", "not converted"),
                    delivery("PartitionCountExceeded", "1: too many active partitions", "Maximum"),
                ),
                period_s=300,
            ),
            Graph(
                "Invocations and writes of Firehose that succeed",
                "Ratio",
                (
                    delivery("ExecuteProcessing.Success", "successful invocations of the transform", "Average"),
                    delivery("DeliveryToS3.Success", "successful writes to the lake's bucket", "Average"),
                ),
                ("LakeTransformNotInvoked", "LakeWritesFail"),
                period_s=300,
            ),
            Graph(
                "The lake: failures",
                "Per five minutes",
                (
                    *failures("LakeTransformFunction"),
                    delivery("ThrottledGetRecords", "throttled reads of the stream"),
                ),
                period_s=300,
            ),
        ),
        (
            Graph(
                "Refreshes of the daily totals",
                "Per hour",
                (
                    ours("lake-totals", "TotalsRuns", "runs after which all totals are up to date"),
                    ours("lake-totals", "TotalsRefreshed", "days updated"),
                ),
                period_s=3_600,
            ),
            Graph(
                "The daily totals: failures",
                "Per five minutes",
                (
                    *failures("LakeTotalsFunction"),
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
                (ours("reconciliation", "ReconciliationRuns", "reconciliations"),),
                period_s=3_600,
                start="-P7D",
            ),
            Graph(
                "Differences found, seven days",
                "Differences",
                (ours("reconciliation", "ReconciliationFindings", "differences", "Maximum"),),
                period_s=3_600,
                start="-P7D",
            ),
            Graph(
                "Age of the newest event compared, seven days",
                "Seconds",
                (ours("reconciliation", "ReconciliationAge", "age at the reconciliation's end", "Maximum"),),
                period_s=3_600,
                start="-P7D",
            ),
        ),
        (
            Graph(
                "The nightly reconciliation: failures, seven days",
                "Per five minutes",
                (
                    state_machine("ReconcileStateMachine", "ExecutionsFailed", "failed"),
                    state_machine("ReconcileStateMachine", "ExecutionsTimedOut", "timed out"),
                    state_machine("ReconcileStateMachine", "ExecutionsAborted", "stopped"),
                    Series(
                        "AWS/SQS",
                        "ApproximateNumberOfMessagesVisible",
                        ("QueueName", "${ReconcileNotStarted.QueueName}"),
                        "nights on which the schedule could not start it",
                        "Maximum",
                    ),
                ),
                period_s=300,
                start="-P7D",
            ),
        ),
    ),
)
