"""The Spark job of `account-events lake compact`: `python -m ops.lake.spark.compaction_job`, or the script on AWS Glue.

See `process` for its messages. A job that is stopped leaves files that nothing reads.
"""

import argparse
import sys
from collections.abc import Sequence

from ops.lake.spark.compaction import MonthTask, compacted
from ops.lake.spark.locations import root_of
from ops.lake.spark.process import add_options, exit_code, report, spark_session


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options. Others are ignored, because Glue passes its own."""
    parser = argparse.ArgumentParser(
        prog="python -m ops.lake.spark.compaction_job", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--lake", required=True, help="the lake: a folder or s3://BUCKET")
    parser.add_argument("--month", required=True, help="the month, YYYY-MM")
    parser.add_argument("--days", required=True, help="the days whose events are written, separated by commas")
    parser.add_argument("--compaction", required=True, help="the name of the new files")
    add_options(parser)
    return parser.parse_known_args(arguments)[0]


def run(given: argparse.Namespace) -> int:
    """Compact the month, and return its number of events. On Glue, an exception is what makes a run fail."""
    task = MonthTask(root_of(given.lake), given.month, frozenset(given.days.split(",")), given.compaction)
    with spark_session(given) as spark:
        return compacted(spark, task, lambda step: report(doing=step))


def _work(arguments: Sequence[str]) -> str:
    return f"done: {run(parsed(arguments))} events"


if __name__ == "__main__":
    sys.exit(exit_code(lambda: _work(sys.argv[1:])))
