"""Fixtures for every kind of test."""

from collections.abc import Callable

import pytest

from ops.emulator import forget_aws_settings
from schemas.codec import DomainEvent
from tests.fake_kinesis import FakeKinesis
from tests.stream_replay import StreamReplay, recording

forget_aws_settings()

ReplayStream = Callable[..., list[DomainEvent]]


@pytest.fixture
def replay_stream() -> ReplayStream:
    """Replays a recorded table stream into the projector: `replay_stream("four-accounts", batch_size=3)`.

    What the projector reports is delivered again. The answer is what reached Kinesis, decoded, in its order; with a
    `FakeKinesis` of your own, things go wrong on the way.
    """

    def replay(name: str, batch_size: int, kinesis: FakeKinesis | None = None) -> list[DomainEvent]:
        return StreamReplay(kinesis).run(recording(name), batch_size)

    return replay
