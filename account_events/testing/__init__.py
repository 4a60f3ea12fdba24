"""Unit tests for stream handlers. docs/testing.md is the guide.

For a consumer of domain events, `history` makes an account's events and `published` packs them into Kinesis records.
For a handler of any DynamoDB table's stream, records come from captured events (`from_lambda_events`), an export of the
table (`from_export`) or a recording (`from_recording`). `replay` delivers either kind as Lambda would, with the faults
that you request.

Wherever this package is installed, every run of pytest imports its plugin. So the names below are imported only when
they are used (PEP 562), and no module of this package may have the same name as one of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from account_events.extras import extra

if TYPE_CHECKING:
    from account_events.testing.applied import assert_applied_once
    from account_events.testing.context import Died
    from account_events.testing.damages import corrupt_aggregate, corrupt_body, not_an_event, unknown_schema
    from account_events.testing.errors import BadReplay, BadSource, NotOnStream, TestingError
    from account_events.testing.export import from_export
    from account_events.testing.faults import Fault, random_faults, refuse_every
    from account_events.testing.histories import history, mixed, out_of_order, republished, transferred, without
    from account_events.testing.kinesis import MemoryKinesis
    from account_events.testing.lambda_events import from_lambda_events
    from account_events.testing.mapping import replay
    from account_events.testing.mixing import in_turn, shuffled
    from account_events.testing.publishing import EventStream, published
    from account_events.testing.record_stream import RecordStream
    from account_events.testing.recording import from_recording, record
    from account_events.testing.replayed import Delivery, Replayed, Settings
    from account_events.testing.table_key import TableKey
    from account_events.testing.table_stream import TableStream
    from account_events.testing.wire import attached
    from account_events.testing.writing import EventWriter, newer_schema, of_a_later_type

_MODULES = {
    "applied": ("assert_applied_once",),
    "context": ("Died",),
    "damages": ("corrupt_aggregate", "corrupt_body", "not_an_event", "unknown_schema"),
    "errors": ("BadReplay", "BadSource", "NotOnStream", "TestingError"),
    "export": ("from_export",),
    "faults": ("Fault", "random_faults", "refuse_every"),
    "histories": ("history", "mixed", "out_of_order", "republished", "transferred", "without"),
    "kinesis": ("MemoryKinesis",),
    "lambda_events": ("from_lambda_events",),
    "mapping": ("replay",),
    "mixing": ("in_turn", "shuffled"),
    "publishing": ("EventStream", "published"),
    "record_stream": ("RecordStream",),
    "recording": ("from_recording", "record"),
    "replayed": ("Delivery", "Replayed", "Settings"),
    "table_key": ("TableKey",),
    "table_stream": ("TableStream",),
    "wire": ("attached",),
    "writing": ("EventWriter", "newer_schema", "of_a_later_type"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "BadReplay",
    "BadSource",
    "Delivery",
    "Died",
    "EventStream",
    "EventWriter",
    "Fault",
    "MemoryKinesis",
    "NotOnStream",
    "RecordStream",
    "Replayed",
    "Settings",
    "TableKey",
    "TableStream",
    "TestingError",
    "assert_applied_once",
    "attached",
    "corrupt_aggregate",
    "corrupt_body",
    "from_export",
    "from_lambda_events",
    "from_recording",
    "history",
    "in_turn",
    "mixed",
    "newer_schema",
    "not_an_event",
    "of_a_later_type",
    "out_of_order",
    "published",
    "random_faults",
    "record",
    "refuse_every",
    "replay",
    "republished",
    "shuffled",
    "transferred",
    "unknown_schema",
    "without",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with extra("testing"):
        found: object = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found
