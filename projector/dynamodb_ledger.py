"""The table as the projector reads it: events by their sequence, strongly consistent, where the stream shows a hole."""

from typing import TYPE_CHECKING, Any

from account_core.attributes import is_whole_number
from account_core.items import version_of
from projector.dynamodb_errors import translated
from projector.outgoing import Arrival
from projector.parse import read_events
from schemas.encoder import ENCODERS, Encoders

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBLedger:
    """A Ledger on the accounts' table."""

    def __init__(self, client: "DynamoDBClient", table_name: str, encoders: Encoders = ENCODERS) -> None:
        self._client = client
        self._table_name = table_name
        self._encoders = encoders

    def events(self, account_id: str, first: int, last: int, position: int) -> list[Arrival]:
        """The events from sequence `first` to `last`, in sequence; it ends with the first that can never be published.

        Args:
            account_id: whose.
            first: a sequence.
            last: a sequence.
            position: in the batch, of the record for whose sake they are read.

        Raises:
            Unavailable: DynamoDB did not answer in time.
        """
        images = self._images(account_id, version_of(first), version_of(last))
        return read_events(images, account_id, first, last, position, encoders=self._encoders)

    def _images(self, account_id: str, first: int, last: int) -> dict[int, Any]:
        """The rows by version. A stray row between two versions, like 1.5, is no event's, and its record is parked."""
        with translated():
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table_name,
                KeyConditionExpression="AccountId = :account_id AND Version BETWEEN :first AND :last",
                ExpressionAttributeValues={
                    ":account_id": {"S": account_id},
                    ":first": {"N": str(first)},
                    ":last": {"N": str(last)},
                },
                ConsistentRead=True,
            )
            images = [image for page in pages for image in page["Items"]]
        return {int(image["Version"]["N"]): image for image in images if is_whole_number(image["Version"]["N"])}
