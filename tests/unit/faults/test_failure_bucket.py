"""Filling the failure bucket leaves the projector and its mapping as they were, whatever happens."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from local_stack.faults import failure_bucket
from local_stack.faults.errors import FaultRefused
from local_stack.faults.failure_bucket import BROKEN_HANDLER, DISCARD_TIMEOUT_S, FilledFailureBucket

HANDLER, RETRIES = "projector.handler.handler", 100


class FakeStack:
    """A projector with its mapping, an API and a clock. A batch is discarded when it fails without retries."""

    def __init__(self) -> None:
        self.outputs = {"ProjectorFunctionName": "projector"}
        self.handler, self.retries, self.is_running = HANDLER, RETRIES, True
        self.credits, self.status_of_credit, self.discards = 0, 200, True
        self.stops: list[bool] = []
        self.stops_with_credit = False
        self.now_s, self.published = 0.0, 0

    # the address

    def client(self, service: str) -> "FakeStack":
        assert service == "lambda"
        return self

    def get_function_configuration(self, **_: object) -> dict[str, str]:
        return {"Handler": self.handler}

    def update_function_configuration(self, FunctionName: str, Handler: str) -> None:  # noqa: N803 -- boto3's
        assert FunctionName == "projector"
        self.handler = Handler

    def http(self) -> httpx.Client:
        return httpx.Client(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(self._credit))

    def _credit(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/accounts/a-1/credit"
        self.credits += 1
        self.is_running &= not self.stops_with_credit
        return httpx.Response(self.status_of_credit, text="refused")

    # the mapping

    @property
    def config(self) -> SimpleNamespace:
        return SimpleNamespace(retry_attempts_max=self.retries)

    def stop(self, _timeout_s: float) -> bool:
        self.is_running = False
        return self.stops.pop(0) if self.stops else True

    def start(self) -> None:
        self.is_running = True

    resume = start

    def begin_again(self, resume_after: dict[str, str], retry_attempts_max: int) -> None:
        assert not self.is_running
        assert resume_after == {"shard-1": "7"}
        self.retries = retry_attempts_max

    def status(self) -> SimpleNamespace:
        is_discarded = self.discards and self.credits and (self.handler, self.retries) == (BROKEN_HANDLER, 0)
        shards = [SimpleNamespace(shard_id="shard-1", checkpoint="7"), SimpleNamespace(shard_id="2", checkpoint=None)]
        totals = SimpleNamespace(discarded=int(bool(is_discarded)))
        return SimpleNamespace(totals=totals, shards=shards, running=self.is_running)

    # the rest

    def sleep(self, _seconds: float) -> None:
        self.now_s += DISCARD_TIMEOUT_S

    def publish(self) -> None:
        self.published += self.status().totals.discarded

    def is_as_before(self) -> bool:
        return (self.handler, self.retries, self.is_running) == (HANDLER, RETRIES, True)


@pytest.fixture
def stack() -> FakeStack:
    return FakeStack()


@pytest.fixture
def begin(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:  # noqa: ANN401 -- it replaces several
    monkeypatch.setattr(failure_bucket, "newest_rows", lambda _address, _account_id: ())
    fault = FilledFailureBucket(
        stack, lambda: stack, publish_metrics=stack.publish, monotonic=lambda: stack.now_s, sleep=stack.sleep
    )
    return lambda: fault.begin({"account": "a-1"})


def test_a_batch_is_discarded_and_everything_is_as_before(stack: FakeStack, begin: Callable[[], object]) -> None:
    assert begin() == {"account": "a-1"}
    assert (stack.credits, stack.published) == (1, 1)
    assert stack.is_as_before()


def test_a_refused_credit_is_reported_and_nothing_stays_broken(stack: FakeStack, begin: Callable[[], object]) -> None:
    stack.status_of_credit = 422
    with pytest.raises(FaultRefused, match="cannot be credited: 422"):
        begin()
    assert stack.is_as_before()


def test_a_batch_that_is_not_discarded_in_time_is_reported(stack: FakeStack, begin: Callable[[], object]) -> None:
    stack.discards = False
    with pytest.raises(FaultRefused, match="discarded in time"):
        begin()
    assert stack.is_as_before()


def test_a_busy_projector_is_left_alone(stack: FakeStack, begin: Callable[[], object]) -> None:
    stack.stops = [False]
    with pytest.raises(FaultRefused, match="busy"):
        begin()
    assert stack.is_as_before()
    assert stack.credits == 0


def test_the_handler_is_restored_even_if_the_mapping_is_busy(stack: FakeStack, begin: Callable[[], object]) -> None:
    stack.stops = [True, False]
    with pytest.raises(FaultRefused, match="one attempt"):
        begin()
    assert (stack.handler, stack.is_running) == (HANDLER, True)


def test_a_local_stack_that_stops_meanwhile_is_not_waited_for(stack: FakeStack, begin: Callable[[], object]) -> None:
    stack.discards, stack.stops_with_credit = False, True
    with pytest.raises(FaultRefused, match="is stopping"):
        begin()
    assert (stack.handler, stack.retries, stack.is_running, stack.now_s) == (HANDLER, RETRIES, False, 0)
