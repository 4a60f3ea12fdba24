"""The consumer kit: apply each domain event exactly once, in order.

    handler = LambdaHandler(Consumer(Inbox(store, handle)), now=time.time, report=print)

`handle` receives each account's events in sequence, each once. See docs/consuming.md. Only `dynamodb_inbox`,
`dynamodb_item_inbox` and `glue_registry` need botocore; import them by their module names.
"""

from account_events.consumer.consumer import Consumer, Failure, KinesisRecord, Outcome
from account_events.consumer.decoding import Decoder
from account_events.consumer.events import AccountCreated, BalanceCredited, BalanceWithdrawn, Event, OtherEvent
from account_events.consumer.inbox import Inbox
from account_events.consumer.lambda_handler import LambdaHandler
from account_events.consumer.memory_inbox import MemoryInbox
from account_events.consumer.position import Gap
from account_events.consumer.store import BatchedReads, InboxStore
from account_events.consumer.workers import Threads

__all__ = [
    "AccountCreated",
    "BalanceCredited",
    "BalanceWithdrawn",
    "BatchedReads",
    "Consumer",
    "Decoder",
    "Event",
    "Failure",
    "Gap",
    "Inbox",
    "InboxStore",
    "KinesisRecord",
    "LambdaHandler",
    "MemoryInbox",
    "OtherEvent",
    "Outcome",
    "Threads",
]
