"""The consumer kit: what a service needs to apply domain events exactly once and in order.

    handler = LambdaHandler(Consumer(Inbox(store, handle)), now=time.time, report=print)

`handle` gets each account's events in sequence, each once. See docs/consuming.md. Nothing here needs AWS but
`dynamodb_inbox` and `glue_registry`, which are imported by their names.
"""

from account_events.consumer.consumer import Consumer, Failure, KinesisRecord, Outcome
from account_events.consumer.decoding import Decoder
from account_events.consumer.events import AccountCreated, BalanceCredited, BalanceWithdrawn, Event, OtherEvent
from account_events.consumer.inbox import Inbox, InboxStore
from account_events.consumer.lambda_handler import LambdaHandler
from account_events.consumer.memory_inbox import MemoryInbox
from account_events.consumer.position import Gap

__all__ = [
    "AccountCreated",
    "BalanceCredited",
    "BalanceWithdrawn",
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
]
