"""Querying the lake: Athena on AWS, DuckDB locally."""
