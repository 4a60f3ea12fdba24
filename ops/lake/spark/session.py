"""The Spark session of the job."""

from pyspark.sql import SparkSession

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",
    # Times without a zone, as Firehose and pyarrow write them, are read as UTC; old calendars and INT96 as they are.
    "spark.sql.parquet.inferTimestampNTZ.enabled": "false",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96TimestampConversion": "false",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    # Both sides are partitioned by account alone, although they are joined by account and sequence.
    "spark.sql.requireAllClusterKeysForCoPartition": "false",
    # Otherwise Spark would move the filter on parsed lines below the parsing, and parse each line once per attribute.
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.PushDownPredicates",
    "spark.sql.files.openCostInBytes": "1048576",
}
