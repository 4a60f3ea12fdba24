"""The Spark session of the job."""

import os
import sys

from pyspark.sql import SparkSession

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    # Times without a zone, as pyarrow writes them, are UTC, like INT96, which Hive writes. No old calendar is assumed.
    "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96TimestampConversion": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    # Both sides are partitioned by account alone, although they are joined by account and sequence.
    "spark.sql.requireAllClusterKeysForCoPartition": "false",
    # Otherwise Spark would move the filter on parsed lines below the parsing, and parse each line once per attribute.
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PushDownPredicates",
    # The lake has many small files. Spark's default would make a task of 30 of them.
    "spark.sql.files.openCostInBytes": "1048576",
}
"""Settings that the results or the speed depend on. They can be changed in a session that exists, as on Glue."""

LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # HotSpot interprets methods of more than 8,000 bytes, which Spark generates for wide rows, by default.
    "spark.driver.extraJavaOptions": "-XX:+UseParallelGC -XX:-DontCompileHugeMethods",
}


def start(*, cores: int | None = None, memory: str = "4g", folder: str | None = None) -> SparkSession:
    """Start Spark.

    Args:
        cores: how many cores of this machine to use; None for the session that the environment provides, as on Glue.
        memory: the heap of the local session's JVM.
        folder: a folder for the local session's temporary files.
    """
    builder = SparkSession.builder.appName("account-events reconcile")
    if cores is not None:
        local = {**LOCAL, "spark.driver.memory": memory, **({"spark.local.dir": folder} if folder else {})}
        os.environ["PYSPARK_PYTHON"] = sys.executable  # Python's workers need the same packages
        builder = builder.master(f"local[{cores}]").config(map=local)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    for name, value in SETTINGS.items():
        session.conf.set(name, value)
    return session
