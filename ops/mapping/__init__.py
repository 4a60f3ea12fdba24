"""Our stand-in for AWS Lambda's event source mapping for DynamoDB streams.

It is ours, not AWS's: it follows what the AWS Lambda Developer Guide documents, and where that guide is silent the
docstrings say what we chose. The rules are pure (`config`, `filters`, `lineage`, `records`, `outcome`, `retry`,
`shard`, `destination`: time comes in as an argument, in seconds since the epoch); the edge that talks to AWS is
`clients`, `reader`, `delivery`, `poller` and `runner`.

Not modelled: parallelisation factors above 1, tumbling windows, SNS and Kafka destinations, and a throttle that the
DynamoDB stream itself would apply.
"""
