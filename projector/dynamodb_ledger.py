"""The accounts' table as the projector reads it: events by their sequence, with strong consistency."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from account_core.rows.items import version_in, version_of
from account_core.rows.layout import ACCOUNT_ID, TIMESTAMP, VERSION, key, rows_query
from account_events.avro.encoder import ENCODERS, Encoders
from projector.dynamodb_errors import translated
from projector.errors import Refused
from projector.first_sight import Key
from projector.outgoing import Arrival, Poison
from projector.parse import first_of, first_recent, newest_us, occurred_us, read_events

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RECENT_ROWS = 20
"""In the first page: an order window rarely holds more, and more would be read for nothing. Further pages are full."""


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

        An account that DynamoDB refuses to look up for good ends with its first.

        Raises:
            Unavailable: DynamoDB did not answer in time.
        """
        try:
            images = self._images(account_id, version_of(first), version_of(last))
        except Refused as error:
            return [_unreadable(Key(account_id, first), error, position)]
        return read_events(images, account_id, first, last, position, encoders=self._encoders)

    def times(self, keys: Sequence[Key]) -> dict[str, int | None]:
        """As `first_sight.Predecessors`. One read unit for each key whose row has up to 4 KB.

        A key that DynamoDB refuses makes it refuse the whole request: it is found by halves, and has no time.
        """
        try:
            return self._times(keys)
        except Refused:
            if len(keys) == 1:
                return {keys[0].account_id: None}
            middle = len(keys) // 2
            return self.times(keys[:middle]) | self.times(keys[middle:])

    def _times(self, keys: Sequence[Key]) -> dict[str, int | None]:
        rows = [key(each.account_id, version_of(each.sequence)) for each in keys]
        with translated():
            answer = self._client.batch_get_item(
                RequestItems={
                    self._table_name: {
                        "Keys": rows,
                        "ConsistentRead": True,
                        "ProjectionExpression": f"{ACCOUNT_ID}, #timestamp",
                        "ExpressionAttributeNames": {"#timestamp": TIMESTAMP},
                    }
                }
            )
        found = {image[ACCOUNT_ID]["S"]: occurred_us(image) for image in answer["Responses"].get(self._table_name, ())}
        left: Any = answer.get("UnprocessedKeys", {}).get(self._table_name, {"Keys": ()})
        unknown = {row[ACCOUNT_ID]["S"] for row in left["Keys"]}
        return {each.account_id: found.get(each.account_id) for each in keys if each.account_id not in unknown}

    def recent(self, last: Key, before_us: int | None, window_us: int, position: int) -> list[Arrival]:
        """As `first_sight.Predecessors`. Further requests only where the window holds more than RECENT_ROWS rows."""
        images: dict[int, Any] = {}
        first: int | None = None
        query = self._query(last.account_id, last=version_of(last.sequence))
        query |= {"ScanIndexForward": False, "Limit": RECENT_ROWS}
        try:
            for page in self._pages(query):
                images |= page
                if before_us is None:
                    before_us = newest_us(page)
                first = first_recent(page, last.sequence, before_us, window_us)
                if first is not None:
                    break
                query.pop("Limit", None)
        except Refused as error:
            return [_unreadable(last, error, position)]
        if first is None:
            first = first_of(images, last.sequence)
        return read_events(images, last.account_id, first, last.sequence, position, encoders=self._encoders)

    def _images(self, account_id: str, first: int, last: int) -> dict[int, Any]:
        """The rows by version."""
        query = self._query(account_id, first, last)
        images: dict[int, Any] = {}
        for page in self._pages(query):
            images |= page
        return images

    def _query(self, account_id: str, first: int | None = None, last: int | None = None) -> dict[str, Any]:
        return {"TableName": self._table_name, "ConsistentRead": True, **rows_query(account_id, first, last)}

    def _pages(self, query: dict[str, Any]) -> Iterator[dict[int, Any]]:
        """An account's rows by version, a request at a time, each as `query` then is.

        A row with a version such as 5.5 is left out.
        """
        while True:
            with translated():
                answer = self._client.query(**query)
            rows = [(version_in(image[VERSION]["N"]), image) for image in answer["Items"]]
            yield {version: image for version, image in rows if version is not None}
            if "LastEvaluatedKey" not in answer:
                return
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _unreadable(event: Key, error: Refused, position: int) -> Poison:
    reason = f"DynamoDB refuses to read the account's rows: {error}"
    return Poison(event.account_id, event.sequence, version_of(event.sequence), reason, position)
