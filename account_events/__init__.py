"""Account Events for other teams: apply each domain event exactly once, and test your consumers.

- `account_events.consumer`: the consumer kit. Start here; docs/consuming.md is its guide.
- `account_events.testing`: streams for unit tests, and a pytest plugin; docs/testing.md is its guide.
- `account_events.avro`: the events' schemas and the codec. `account_events.schemas` holds the `.avsc` files.
- `account_events.aggregation`: packs and unpacks KPL aggregates.
- `account_events.lambda_mapping`, `account_events.streams`: the retry rules of Lambda's event source mappings, and
  readers of DynamoDB and Kinesis streams. `account_events.testing` is built on them.

Importing this package imports none of these, so that a function or a pytest run loads only what it uses.
"""

__version__ = "0.2.0"
