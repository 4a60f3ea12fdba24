"""A new consumer reads the past by a replay and then the live stream: every event once, in order."""

import threading
import time
import uuid
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from account_events.consumer import Consumer, Event, Inbox, KinesisRecord, MemoryInbox, OtherEvent
from account_events.consumer.get_records import StreamReader
from local_stack.local_deployment import LocalDeployment
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.engine import replay
from ops.replay.file_format import events_in, to_frame
from ops.replay.file_sink import FileSink
from ops.replay.selection import Everything

IDLE_TIMEOUT_S = 60.0
ACCOUNTS, BEFORE, MEANWHILE = 3, 12, 10


class Balances:
    """The state of the new consumer."""

    def __init__(self) -> None:
        self.sequences: dict[str, list[int]] = {}
        self.balances: dict[str, Decimal] = {}

    def __call__(self, events: Sequence[Event]) -> None:
        for event in events:
            assert not isinstance(event, OtherEvent)
            self.sequences.setdefault(event.account_id, []).append(event.sequence)
            self.balances[event.account_id] = event.balance


def test_a_replay_and_the_live_stream_join_without_gaps_or_duplicates(
    deployment: LocalDeployment, tmp_path: Path
) -> None:
    address, applied = deployment.address, Balances()
    consumer = Consumer(Inbox(MemoryInbox(), applied))
    owner = f"owner-{uuid.uuid4()}"
    with address.http() as api:
        paths = [
            api.post("/accounts", json={"owner": owner, "currency": "EUR"}).headers["Location"] for _ in range(ACCOUNTS)
        ]
        for number in range(BEFORE):
            api.post(f"{paths[number % ACCOUNTS]}/credit", json={"amount": "10.00"})
        assert deployment.wait_until_idle(IDLE_TIMEOUT_S)

        live = StreamReader(address.client("kinesis"), address.outputs["EventStreamName"], consumer, "LATEST")
        live.open(time.time())  # first, so that later events are read from the live stream

        def withdraw_meanwhile() -> None:
            for number in range(MEANWHILE):
                api.post(f"{paths[number % ACCOUNTS]}/withdraw", json={"amount": "0.25"})

        traffic = threading.Thread(target=withdraw_meanwhile)
        traffic.start()
        source = DynamoDBSource(
            address.client("dynamodb"), address.outputs["TableName"], wait=threading.Event().wait, jitter=lambda: 0.5
        )
        past = FileSink(tmp_path / "events", None, to_frame)
        assert not replay(source, Everything(), past, segments=2).stopped
        past.close()
        traffic.join()
        assert deployment.wait_until_idle(IDLE_TIMEOUT_S)

        buffered = sum(outcome.buffered for _ in range(3) for outcome in live.poll(time.time()))
        assert buffered > 0, "no event of the live stream had to wait for the replay"
        with (tmp_path / "events").open("rb") as file:
            records = [KinesisRecord(str(number), data) for number, data in enumerate(events_in(file, "framed"))]
        outcome = consumer.receive(records, time.time())
        assert not outcome.failures
        for path in paths:
            account = api.get(path).json()
            assert applied.balances[account["accountId"]] == Decimal(account["balance"])
            assert applied.sequences[account["accountId"]] == list(range(1, account["sequence"] + 1))
    assert consumer.receive([], time.time() + 10_000).gaps == []
