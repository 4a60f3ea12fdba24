"""Our fake of AWS Lambda's event source mapping for DynamoDB and Kinesis streams.

It follows the AWS Lambda Developer Guide. Where the guide is silent, the docstrings state what we chose ("ours").
`account_events.lambda_mapping` has the pure rules, which are the same for both kinds of stream, and
`account_events.streams` reads the streams. This package polls them, invokes the functions and writes to destinations.

With a parallelisation factor, records are delivered in as many lanes (`account_events.lambda_mapping.lanes`), but the
lanes take turns: this fake runs one invocation at a time.

Not modelled: tumbling windows, SNS and Kafka destinations, enhanced fan-out, and throttling by the stream.
"""
