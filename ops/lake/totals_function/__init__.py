"""The Lambda function that refreshes the daily totals every hour, as `account-events lake totals` does.

It also replaces the text of the view `account_history` if files of compacted days have changed.

The only package of `ops` that is deployed. Its zip file contains this package and `ops.lake.query`.
"""
