"""Fixtures for every kind of test."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from ops.emulator import forget_aws_settings
from schemas.codec import DomainEvent
from tests.fake_kinesis import FakeKinesis
from tests.stream_replay import StreamReplay, recording

forget_aws_settings()
# No test asserts a time, and a machine that is slow today is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

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
