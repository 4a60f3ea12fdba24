"""Many events in one Kinesis record: packing, unpacking, and the buckets of accounts."""
