"""The lake: every domain event on S3, as Parquet, for analysts.

Firehose reads the stream, has the function here (`handler`) turn each event into a row (`rows`), and writes the rows to
the table `account_events` (`table`). `tables/` and `queries/` are SQL in Athena's dialect.
"""
