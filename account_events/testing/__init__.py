"""Replaying a table's stream into a handler, in a unit test: docs/testing.md has it from the beginning.

A stream comes from commands (`given`), captured events (`from_lambda_events`), an export of the table (`from_export`)
or a recording (`from_recording`); `replay` delivers it as Lambda would, with whatever is to go wrong; the answer's
assertions compare what reached Kinesis with what the stream told.

The plugin in here is imported by every run of pytest where the package is installed, so names are only then imported
when they are asked for (PEP 562); no module may have the name of one of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from account_events.testing.errors import BadReplay, BadSource, NotOnStream, TestingError
    from account_events.testing.export import from_export
    from account_events.testing.faults import Fault, random_faults, refuse_every
    from account_events.testing.kinesis import Died, MemoryKinesis
    from account_events.testing.lambda_events import from_lambda_events
    from account_events.testing.mapping import Delivery, Replayed, Settings, replay
    from account_events.testing.mixing import in_turn, shuffled
    from account_events.testing.recording import from_recording, record
    from account_events.testing.table_stream import TableStream
    from account_events.testing.wire import attached

_MODULES = {
    "errors": ("BadReplay", "BadSource", "NotOnStream", "TestingError"),
    "export": ("from_export",),
    "faults": ("Fault", "random_faults", "refuse_every"),
    "kinesis": ("Died", "MemoryKinesis"),
    "lambda_events": ("from_lambda_events",),
    "mapping": ("Delivery", "Replayed", "Settings", "replay"),
    "mixing": ("in_turn", "shuffled"),
    "recording": ("from_recording", "record"),
    "table_stream": ("TableStream",),
    "wire": ("attached",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "BadReplay",
    "BadSource",
    "Delivery",
    "Died",
    "Fault",
    "MemoryKinesis",
    "NotOnStream",
    "Replayed",
    "Settings",
    "TableStream",
    "TestingError",
    "attached",
    "from_export",
    "from_lambda_events",
    "from_recording",
    "in_turn",
    "random_faults",
    "record",
    "refuse_every",
    "replay",
    "shuffled",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found
