"""Readers of DynamoDB and Kinesis streams: shards, their lineage, and records from a position."""
