"""The lake: every domain event on S3, as Parquet, for analysts.

Firehose reads the stream, asks the function here (`handler`) to make each event a row (`rows`), and keeps the rows in
the table `account_events` (`table`). `tables/` and `queries/` are SQL in Athena's dialect.
"""
