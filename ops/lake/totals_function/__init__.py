"""The Lambda function that refreshes the daily totals every hour, as `account-events lake totals` does.

The only package of `ops` that is deployed. Its zip file contains this package and `ops.lake.query`.
"""
