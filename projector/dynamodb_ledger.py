"""The projector's strongly consistent reads of the accounts' table."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from account_core.rows.items import version_in, version_of
from account_core.rows.layout import ACCOUNT_ID, TIMESTAMP, VERSION, key, rows_query
from account_events.avro.encoder import ENCODERS, Encoders
from projector.dynamodb_errors import translated
from projector.errors import Refused
from projector.outgoing import Arrival, Poison
from projector.parse import first_recent, newest_us, occurred_us, read_events
from projector.predecessors import Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RECENT_ROWS = 20
"""Rows in the first page: an order window rarely holds more. Further pages have no limit."""


class DynamoDBLedger:
    """The `project.Table` on DynamoDB."""

    def __init__(self, client: "DynamoDBClient", table_name: str, encoders: Encoders = ENCODERS) -> None:
        self._client = client
        self._table_name = table_name
        self._encoders = encoders

    def events(self, account_id: str, first: int, last: int, position: int) -> list[Arrival]:
        """Read the events from sequence `first` to `last`, up to the first one that can never be published.

        If DynamoDB refuses the account id, the result is a Poison for the first event.

        Args:
            account_id: the account's id.
            first: a sequence.
            last: a sequence.
            position: the position in the batch of the record that required the read.

        Raises:
            Unavailable: DynamoDB did not answer in time.
        """
        try:
            images = self._images(account_id, version_of(first), version_of(last))
        except Refused as error:
            return [_unreadable(Key(account_id, first), error, position)]
        return read_events(images, account_id, first, last, position, encoders=self._encoders)

    def times(self, keys: Sequence[Key]) -> dict[str, int | None]:
        """See `Predecessors.times`. Costs one read unit per key if the row is at most 4 KB.

        One invalid key makes DynamoDB refuse the whole request. The keys are then halved until that key is found; its
        time is None.
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
        """See `Predecessors.recent`. Makes further requests only if the window holds more than RECENT_ROWS rows."""
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
        # Without an older row the window reaches back to the account's first event, even if its row is missing.
        return read_events(images, last.account_id, first or 1, last.sequence, position, encoders=self._encoders)

    def _images(self, account_id: str, first: int, last: int) -> dict[int, Any]:
        """The account's rows by version."""
        query = self._query(account_id, first, last)
        images: dict[int, Any] = {}
        for page in self._pages(query):
            images |= page
        return images

    def _query(self, account_id: str, first: int | None = None, last: int | None = None) -> dict[str, Any]:
        return {"TableName": self._table_name, "ConsistentRead": True, **rows_query(account_id, first, last)}

    def _pages(self, query: dict[str, Any]) -> Iterator[dict[int, Any]]:
        """Yield an account's rows by version, one page per request. The caller may change `query` between pages.

        A row whose version is not a whole number is left out.
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
