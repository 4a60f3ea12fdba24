"""Queries the lake: with Athena on AWS, with DuckDB locally."""
