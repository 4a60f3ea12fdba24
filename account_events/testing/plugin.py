"""The pytest plugin: fixtures for replaying a stream into a handler. docs/testing.md explains them.

pytest loads it wherever the package is installed, so it imports other modules only when a fixture is used.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from account_events.testing.kinesis import MemoryKinesis
    from account_events.testing.mapping import Handler
    from account_events.testing.replayed import Replayed


@pytest.fixture
def memory_kinesis() -> "MemoryKinesis":
    """An in-memory Kinesis stream without faults."""
    from account_events.testing.kinesis import MemoryKinesis  # noqa: PLC0415 -- see above

    return MemoryKinesis()


@pytest.fixture
def attach_kinesis(memory_kinesis: "MemoryKinesis") -> Iterator[Callable[[Any], None]]:
    """`attach_kinesis(client)`: until the test ends, this boto3 client puts to `memory_kinesis`, offline."""
    from account_events.testing.wire import attached  # noqa: PLC0415 -- see above

    with ExitStack() as stack:
        yield lambda client: stack.enter_context(attached(client, memory_kinesis))


@pytest.fixture
def replay_stream(memory_kinesis: "MemoryKinesis") -> Callable[..., "Replayed"]:
    """`replay_stream(stream, handler, **options)`: `account_events.testing.replay` with `memory_kinesis`."""
    from account_events.testing.mapping import replay  # noqa: PLC0415 -- see above

    def replayed(stream: Any, handler: "Handler | None" = None, **options: Any) -> "Replayed":  # noqa: ANN401 -- replay's
        return replay(stream, handler, **{"kinesis": memory_kinesis, **options})

    return replayed
