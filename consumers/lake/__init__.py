"""The lake: every domain event on S3, as Parquet, for analysts.

Firehose reads the stream, invokes the Lambda function `handler`, which turns each event into a row (`rows`), and writes
the rows to the table `account_events` (`table`). `tables/` and `queries/` contain SQL in Athena's dialect.
"""
