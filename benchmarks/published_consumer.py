"""The peer's consumer of benchmarks/dollars: the pattern that Powertools documents for a function on a Kinesis stream.

Powertools' batch processor handles the records one by one. Its idempotency utility drops repeated events: it writes an
item for each event before and after the update of the account's row. It promises no order, detects no gaps and has no
metrics. The row is that of our read model.
"""

import base64
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

from account_events.consumer import Decoder, Event
from consumers.owners.rows import changes

IDEMPOTENCY = "idempotency"


class PublishedConsumer:
    """A consumer on a boto3 client of DynamoDB."""

    def __init__(self, client: Any, table_name: str) -> None:  # noqa: ANN401 -- a boto3 client
        self.client = client
        self._table_name = table_name
        self._decode = Decoder().decode
        self._processor = BatchProcessor(event_type=EventType.KinesisDataStreams)
        self._config = IdempotencyConfig(event_key_jmespath="event_id")
        self._apply = idempotent_function(
            self._update,
            data_keyword_argument="key",
            persistence_store=DynamoDBPersistenceLayer(IDEMPOTENCY, boto3_client=client),
            config=self._config,
        )

    def handler(self, event: dict[str, Any], context: Any) -> Any:  # noqa: ANN401 -- Lambda's, untyped
        self._config.register_lambda_context(context)
        return process_partial_response(event, self._take, self._processor, context)

    def _take(self, record: KinesisStreamRecord) -> None:
        event = self._decode(base64.b64decode(record["kinesis"]["data"]))
        self._apply(key={"event_id": event.event_id}, event=event)

    def _update(self, *, key: dict[str, str], event: Event) -> None:  # noqa: ARG002 -- `key` is for Powertools
        values = changes([event]).values
        self.client.update_item(
            TableName=self._table_name,
            Key={"AccountId": {"S": event.account_id}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )
