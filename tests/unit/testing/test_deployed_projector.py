"""Replays with the projector's own Lambda module and its environment and clients, which are removed afterwards."""

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_lambda_powertools import Metrics

from account_events.testing import Died, Fault, MemoryKinesis, TableStream, from_export, shuffled
from account_events.testing.mapping import Handler
from tests.support.module_projector import deployed_projector as deployed
from tests.support.poison import unknown_type
from tests.support.replay import replay
from tests.support.rows import KEY
from tests.unit.testing.streams import table_stream

Deployed = Callable[..., Callable[[], Handler]]


def test_it_publishes_parks_and_crashes_like_the_in_memory_projector(
    deployed_projector: Deployed, memory_kinesis: MemoryKinesis
) -> None:
    stream = table_stream("abc", 12).poisoned(22, unknown_type)
    new_handler = deployed_projector(rows=stream.images())
    done = replay(stream, new_handler=new_handler, kinesis=memory_kinesis, batch_sizes=8, crash_after_put=2)
    done.assert_delivered()
    assert done.sequences() == {"a": [*range(1, 13)], "b": [*range(1, 8)], "c": [*range(1, 13)]}
    assert [type(one.error) for one in done.deliveries[:3]] == [type(None), Died, type(None)]


def test_crashes_and_duplicates_break_no_guarantee(
    deployed_projector: Deployed, memory_kinesis: MemoryKinesis, tmp_path: Path
) -> None:
    """The stream comes from an export, with its accounts mixed."""
    lines = [json.dumps({"Item": image}) for image in table_stream("abc", 12).images()]
    (tmp_path / "export.json").write_text("\n".join(lines))
    stream = shuffled(from_export(tmp_path / "export.json", KEY), seed=7)
    done = replay(
        stream,
        new_handler=deployed_projector(rows=stream.images()),
        kinesis=memory_kinesis,
        batch_sizes=10,
        crash_after_put=[2, 3],
        duplicates="all",
        overlap=2,
    )
    done.assert_delivered()
    assert [type(one.error).__name__ for one in done.deliveries].count("Died") == 2
    assert {one.environment for one in done.deliveries} == {1, 2, 3}


def test_events_missing_from_the_stream_are_read_from_the_table(
    deployed_projector: Deployed, memory_kinesis: MemoryKinesis
) -> None:
    complete = table_stream("a", 12)
    new_handler = deployed_projector(rows=complete.images())
    with_gap = TableStream.of([*complete.records[:3], *complete.records[6:]])
    done = replay(with_gap, new_handler=new_handler, kinesis=memory_kinesis, ledger=complete.images())
    assert done.sequences() == {"a": [*range(1, 13)]}
    done.assert_delivered()


@pytest.mark.parametrize("aggregation", ["on", "off"])
def test_waits_of_minutes_after_refusals_take_no_real_time(aggregation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real_sleeps: list[float] = []
    sleep, this_thread = time.sleep, threading.current_thread()

    def sleep_of_this_thread(seconds: float) -> None:
        """Record the sleeps of this thread. Other threads of the test run, such as a local stack's, really sleep."""
        if threading.current_thread() is this_thread:
            real_sleeps.append(seconds)
        else:
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep_of_this_thread)
    kinesis = MemoryKinesis([Fault(throttled=True)] * 300)
    stream = table_stream("ab", 4)
    with deployed(kinesis, stream.images(), {"AGGREGATION": aggregation}) as new_handler:
        replay(stream, new_handler=new_handler, kinesis=kinesis).assert_delivered()
    assert sum(kinesis.clock.slept_s) > 200
    assert real_sleeps == []


def test_none_of_its_metrics_are_left_for_the_next_test(memory_kinesis: MemoryKinesis) -> None:
    stream = table_stream("a", 3)
    with deployed(memory_kinesis, stream.images()) as new_handler:
        replay(stream, new_handler=new_handler, kinesis=memory_kinesis).assert_each_once()
    metrics = Metrics(namespace="AccountEvents", service="projector")
    assert metrics.metric_set == metrics.dimension_set == {}


def test_the_process_is_restored_afterwards(memory_kinesis: MemoryKinesis) -> None:
    sys.setswitchinterval(0.004)  # a value that no code here sets

    def state() -> tuple[object, ...]:
        return (
            *(dict(os.environ), sys.getswitchinterval(), gc.isenabled(), gc.get_freeze_count()),
            *(sys.modules.get("projector.handler"), sys.modules["time"]),
        )

    before = state()
    with deployed(memory_kinesis) as new_handler:
        new_handler()
        assert "projector.handler" in sys.modules
    assert state() == before
    sys.setswitchinterval(0.005)
