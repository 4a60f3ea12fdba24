"""Many events in one Kinesis record: packing, unpacking, and the bucket of an account."""
