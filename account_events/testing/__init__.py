"""Replaying a table's stream into a handler, in a unit test: docs/testing.md has it from the beginning.

A stream comes from commands (`given`), captured events (`from_lambda_events`), an export of the table (`from_export`)
or a recording (`from_recording`); `replay` delivers it as Lambda would, with whatever is to go wrong; the answer's
assertions compare what reached Kinesis with what the stream told.
"""

from account_events.testing.errors import BadReplay, BadSource, NotOnStream, TestingError
from account_events.testing.export import from_export
from account_events.testing.faults import Fault, random_faults, refuse_every
from account_events.testing.given import given
from account_events.testing.kinesis import Died, MemoryKinesis
from account_events.testing.lambda_events import from_lambda_events
from account_events.testing.memory_projector import MemoryProjector
from account_events.testing.mixing import in_turn, shuffled
from account_events.testing.recording import from_recording, record
from account_events.testing.replay import Delivery, Replayed, Settings, replay
from account_events.testing.table_stream import TableStream
from account_events.testing.wire import attached

__all__ = [
    "BadReplay",
    "BadSource",
    "Delivery",
    "Died",
    "Fault",
    "MemoryKinesis",
    "MemoryProjector",
    "NotOnStream",
    "Replayed",
    "Settings",
    "TableStream",
    "TestingError",
    "attached",
    "from_export",
    "from_lambda_events",
    "from_recording",
    "given",
    "in_turn",
    "random_faults",
    "record",
    "refuse_every",
    "replay",
    "shuffled",
]
