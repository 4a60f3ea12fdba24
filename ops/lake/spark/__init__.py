"""The Spark job that reconciles the lake with an export of the ledger; it runs locally and on AWS Glue.

`job` is the entry point, `run` starts it for `account-events reconcile --engine spark`. docs/adr/0021 has the reasons.
"""
