"""The pytest plugin: fixtures for replaying a table's stream. What they give is explained in docs/testing.md.

Loaded wherever the package is installed, so what takes time to import is imported when a fixture is asked for.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from account_events.testing.kinesis import MemoryKinesis
    from account_events.testing.mapping import Handler, Replayed
    from tests.support.memory_projector import MemoryProjector


@pytest.fixture
def memory_kinesis() -> "MemoryKinesis":
    """A Kinesis stream in memory, to which nothing happens."""
    from account_events.testing.kinesis import MemoryKinesis  # noqa: PLC0415 -- see above

    return MemoryKinesis()


@pytest.fixture
def memory_projector() -> "MemoryProjector":
    """The projector with everything behind it in memory: `memory_projector.replay(stream, batch_sizes=3)`."""
    from tests.support.memory_projector import MemoryProjector  # noqa: PLC0415 -- see above

    return MemoryProjector()


@pytest.fixture
def attach_kinesis(memory_kinesis: "MemoryKinesis") -> Iterator[Callable[[Any], None]]:
    """`attach_kinesis(client)`: until the test ends, that client of boto3's puts to `memory_kinesis`, offline."""
    from account_events.testing.wire import attached  # noqa: PLC0415 -- see above

    with ExitStack() as stack:
        yield lambda client: stack.enter_context(attached(client, memory_kinesis))


@pytest.fixture
def replay_stream(memory_kinesis: "MemoryKinesis") -> Callable[..., "Replayed"]:
    """`replay_stream(stream, handler, **options)`: `account_events.testing.mapping` with `memory_kinesis`."""
    from account_events.testing.mapping import replay  # noqa: PLC0415 -- see above

    def replayed(stream: Any, handler: "Handler | None" = None, **options: Any) -> "Replayed":  # noqa: ANN401 -- replay's
        return replay(stream, handler, **{"kinesis": memory_kinesis, **options})

    return replayed


@pytest.fixture
def deployed_projector(
    memory_kinesis: "MemoryKinesis",
) -> Iterator[Callable[..., Callable[[], "Handler"]]]:
    """`deployed_projector(rows=...)`: makes handlers of the projector's real Lambda module, offline; needs moto."""
    from tests.support.module_projector import deployed_projector as deployed  # noqa: PLC0415 -- see above

    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(deployed(memory_kinesis, **options))
