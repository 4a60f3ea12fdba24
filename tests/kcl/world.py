"""The world of a KCL run: accounts, their events on a stream, the guide's tables, and the checks."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from account_core.domain.events import EventRow
from local_stack.emulator import REGION, client
from projector.lanes import aggregated
from projector.outgoing import outgoing
from projector.publish import KinesisPublisher
from tests.support.read_model import make_table
from tests.support.rows import history

STREAM, BALANCES, INBOX, UNREADABLE = "events", "balances", "inbox", "unreadable-events"
BUCKETS = 32
PUBLISH_S = 60.0
EVENTS_PER_CALL = 5
"""Events of an account per call of PutRecords."""


class World:
    """A stream and its consumer's tables on an emulator, and the ledger to compare them with.

    Attributes:
        rows: the rows of each account, in sequence.
    """

    def __init__(self, endpoint_url: str, shards: int, accounts: int, events: int) -> None:
        self.kinesis: Any = client("kinesis", endpoint_url, attempts_max=1)
        self.dynamodb: Any = client("dynamodb", endpoint_url)
        self.s3: Any = client("s3", endpoint_url)
        self._streams: Any = client("dynamodbstreams", endpoint_url)
        self.rows = {
            account_id: [row for row in history(account_id, events) if isinstance(row, EventRow)]
            for account_id in (f"account-{number}" for number in range(accounts))
        }
        self._published = 0
        self.kinesis.create_stream(StreamName=STREAM, ShardCount=shards)
        self.s3.create_bucket(Bucket=UNREADABLE, CreateBucketConfiguration={"LocationConstraint": REGION})
        make_table(self.dynamodb, "AccountsByOwnerInbox", INBOX)
        self.dynamodb.create_table(
            TableName=BALANCES,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "AccountId", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "AccountId", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )

    def publish(self, through: int) -> None:
        """Publish every account's events up to a sequence as the projector does, a few per account at a time."""
        publisher = KinesisPublisher(
            self.kinesis,
            STREAM,
            aggregated(BUCKETS),
            clock=time.monotonic,
            sleep=time.sleep,
            jitter=lambda: 0.5,
        )
        for start in range(self._published, through, EVENTS_PER_CALL):
            end = min(start + EVENTS_PER_CALL, through)
            rows = (row for rows in self.rows.values() for row in rows[start:end])
            events = [outgoing(row, position) for position, row in enumerate(rows)]
            published = publisher.publish(events, time.monotonic() + PUBLISH_S)
            assert not published.held
        self._published = through

    def applied(self) -> int:
        """The number of events applied to the balances."""
        return sum(int(item["Events"]["N"]) for item in self._scan(BALANCES))

    @property
    def published(self) -> int:
        return self._published * len(self.rows)

    def is_done(self) -> bool:
        return self.applied() >= self.published

    def leases(self, application: str, attribute: str) -> Mapping[str, str | None]:
        """An attribute of each lease, by shard. The KCL keeps leases in a table with the application's name."""
        if application not in self.dynamodb.list_tables()["TableNames"]:
            return {}
        return {item["leaseKey"]["S"]: item.get(attribute, {}).get("S") for item in self._scan(application)}

    def check(self) -> None:
        """Every published event is applied once and in order, by the balances, their history and the inbox."""
        last = self._published
        states = {item["AccountId"]["S"]: _state(item) for item in self._scan(BALANCES)}
        for account_id, rows in self.rows.items():
            state, expected = states.get(account_id), (last, last, rows[last - 1].balance)
            assert state == expected, f"{account_id}: last sequence, events and balance are {state}, not {expected}"
        assert states.keys() == self.rows.keys()
        before: dict[str, int] = defaultdict(int)
        for image in self._history():
            account_id = image["AccountId"]["S"]
            sequence, events, balance = _state(image)
            assert sequence == events > before[account_id], f"{account_id}: lost, repeated or not in order"
            assert balance == self.rows[account_id][sequence - 1].balance
            before[account_id] = sequence
        assert before == dict.fromkeys(self.rows, last)
        inbox = {item["AccountId"]["S"]: item for item in self._scan(INBOX)}
        assert {account_id: int(item["Last"]["N"]) for account_id, item in inbox.items()} == before
        assert not [account_id for account_id, item in inbox.items() if "Waiting" in item]

    def _history(self) -> Iterator[Any]:
        """Each state of each balance, from the table's stream, which is independent of the kit's inbox."""
        arn = self.dynamodb.describe_table(TableName=BALANCES)["Table"]["LatestStreamArn"]
        for shard in self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            position = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = self._streams.get_shard_iterator(**position)["ShardIterator"]
            while iterator:
                page = self._streams.get_records(ShardIterator=iterator)
                yield from (record["dynamodb"]["NewImage"] for record in page["Records"])
                iterator = page.get("NextShardIterator") if page["Records"] else None

    def _scan(self, table: str) -> list[Any]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]


def _state(item: Mapping[str, Any]) -> tuple[int, int, Decimal]:
    return int(item["LastSequence"]["N"]), int(item["Events"]["N"]), Decimal(item["Balance"]["N"])
