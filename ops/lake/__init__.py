"""Operates the lake: queries (Athena on AWS, DuckDB locally), reconciliation and repair."""
