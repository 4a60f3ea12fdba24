"""The consumer kit: what a service needs to apply domain events exactly once and in order.

    handler = LambdaHandler(Consumer(Inbox(store, handle)), now=time.time, report=print)

`handle` gets each account's events in sequence, each once. See docs/consuming.md. Nothing here needs AWS but
`dynamodb_inbox` and `glue_registry`, which are imported by their names.
"""

from consumers.kit.consumer import Consumer, Failure, KinesisRecord, Outcome
from consumers.kit.decoding import Decoder
from consumers.kit.events import AccountCreated, BalanceCredited, BalanceWithdrawn, Event, OtherEvent
from consumers.kit.inbox import Inbox, InboxStore
from consumers.kit.lambda_handler import LambdaHandler
from consumers.kit.memory_inbox import MemoryInbox
from consumers.kit.position import Gap

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
