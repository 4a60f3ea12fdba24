"""Writes files to the lake: first under a prefix that no query reads, and to their partitions once all are verified."""

STAGING_PREFIX = "staging/"
