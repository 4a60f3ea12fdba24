"""Our stand-in for AWS Lambda's event source mapping for DynamoDB and Kinesis streams.

It is ours, not AWS's: it follows what the AWS Lambda Developer Guide documents, and where that guide is silent the
docstrings say what we chose. The rules are pure (`config`, `filters`, `lineage`, `records`, `outcome`, `retry`,
`shard`, `destination`, `source`: time comes in as an argument, in seconds since the epoch) and the same for both kinds
of stream; what differs is behind the protocol of `source`. The edge that talks to AWS is `clients`, `deployed`,
`dynamodb_source`, `kinesis_source`, `reader`, `delivery`, `poller` and `runner`.

Not modelled: parallelisation factors above 1, tumbling windows, SNS and Kafka destinations, consumers
with enhanced fan-out, and a throttle that the stream itself would apply.
"""
