"""The arithmetic of `benchmarks.dollars`, with values computed by hand."""

import inspect
import json
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.dollars import prices
from benchmarks.dollars.batches import billed_s, mean_batch
from benchmarks.dollars.deployed import RECONCILIATION_METRICS, TOTALS_METRICS, monitoring
from benchmarks.dollars.functions import Call
from benchmarks.dollars.hops import Charge, Design, Invocation, Lake, Monitoring, Published, Scene, bill, shards, shared
from benchmarks.dollars.prices import Price, Prices
from benchmarks.dollars.units import Units
from ops.lake.reconcile.metrics import metric_data

GB = 2**30
PUBLISHED = Published(records=0.5, bytes=256, kb_units=0.5, put_units=0.5)
DESIGN = Design(
    command=Invocation(cpu_ms=2, wait_ms=5, log_bytes=1_000, memory_mb=1_024),
    access_log_bytes=100,
    read_units=1,
    write_units=2,
    projector=Invocation(cpu_ms=1, wait_ms=9, log_bytes=500, memory_mb=1_769),
    projector_read_units=1,
    published=PUBLISHED,
    consumer=Invocation(cpu_ms=1, wait_ms=99, log_bytes=100, memory_mb=512),
    consumer_read_units=1,
    consumer_write_units=4,
    consumer_idle_read_units=5,
    lake=Lake(Invocation(cpu_ms=1, wait_ms=0, log_bytes=0, memory_mb=2_048), 1_000, 80, 300),
    monitoring=Monitoring(metrics=10, alarm_metrics=20, composite_alarms=2, dashboards=1),
)


@pytest.fixture(scope="module")
def listed() -> Prices:
    return prices.load()


def lines(listed: Prices, scene: Scene, *, on_demand: bool = True) -> dict[tuple[str, str], Charge]:
    return {(line.hop, line.what): line for line in bill(scene, DESIGN, listed, on_demand=on_demand)}


def test_a_price_is_for_a_number_of_units() -> None:
    assert Price("requests", 0.20, 1_000_000, "requests", "").of(5_000_000) == pytest.approx(1.00)


def test_every_price_has_a_source_and_is_used(listed: Prices) -> None:
    scene = Scene(100, 100, 1, 168)
    used = {line.price.name for on_demand in (True, False) for line in bill(scene, DESIGN, listed, on_demand=on_demand)}
    assert used == listed.by_name.keys()
    assert all(price.source.startswith("https://aws.amazon.com/") for price in listed.by_name.values())


def test_few_events_make_polls_of_one_and_many_fill_each_poll() -> None:
    assert mean_batch(0.0001, 1.0) == pytest.approx(1.0, rel=1e-3)
    assert mean_batch(4, 0.25) == pytest.approx(1 / (1 - 0.36788), rel=1e-4), "e to the power of -1 is 0.36788"
    assert mean_batch(1_000, 1.0) == pytest.approx(1_000)


def test_a_function_is_billed_by_its_share_of_a_core() -> None:
    assert billed_s(cpu_ms=2, wait_ms=5, memory_mb=1_769) == 0.007
    assert billed_s(cpu_ms=2, wait_ms=5, memory_mb=512) == 0.012, "2 / (512 / 1,769) + 5 is 11.91"
    assert billed_s(cpu_ms=2, wait_ms=5, memory_mb=3_538) == 0.007, "one thread uses one core"


def test_a_million_commands_by_hand(listed: Prices) -> None:
    found = lines(listed, Scene(100, 100, 1, 24))
    assert found["API", "requests to the HTTP API"].dollars == pytest.approx(1.00)
    assert found["API", "Lambda, requests"].dollars == pytest.approx(0.20)
    duration = found["API", "Lambda, 9 ms each"]  # 2 / (1,024 / 1,769) + 5 is 8.46, so 9 ms of one GB
    assert duration.quantity == pytest.approx(9_000)
    assert duration.dollars == pytest.approx(0.12, rel=1e-4)
    assert found["API", "logs"].dollars == pytest.approx(1e9 / GB * 0.50)
    assert found["ledger", "writes"].dollars == pytest.approx(1.25)
    assert found["ledger", "reads"].dollars == pytest.approx(0.125)


def test_events_share_the_invocations_of_projector_and_consumer(listed: Prices) -> None:
    found = lines(listed, Scene(100, 100, 1, 24))
    batch = 6.25 / (1 - 0.0019305)  # 25 events a second and shard, four polls a second
    assert found["projector", "Lambda, requests"].quantity == pytest.approx(1e6 / batch, rel=1e-4)
    assert found["projector", "reads"].dollars == pytest.approx(1 / batch * 0.125, rel=1e-4)
    assert found["consumer", "Lambda, requests"].quantity == pytest.approx(40_000), "25 events in each poll"
    assert found["consumer", "writes"].dollars == pytest.approx(4 * 0.625)
    assert found["consumer", "reads"].dollars == pytest.approx((1 + 5 / 25) * 0.125)


def test_the_mappings_batch_size_limits_the_consumers_batch() -> None:
    assert Scene(4_000, 100, 1, 24).consumer_batch(PUBLISHED) == 200, "100 records of two events"


def test_lanes_divide_the_consumers_batch() -> None:
    scene = Scene(400, 100, 10, 24)
    assert scene.consumer_batch(PUBLISHED) == pytest.approx(10, rel=1e-3), "a tenth of 100"
    assert scene.consumer_batch(replace(PUBLISHED, keys=16)) == pytest.approx(25), "four keys on each of four shards"


def test_an_invocation_between_two_others() -> None:
    fewer, more = Invocation(2, 10, 100, 512), Invocation(4, 20, 300, 512)
    assert fewer.towards(more, 0.25) == Invocation(2.5, 12.5, 150, 512)


def test_a_stream_on_demand_by_hand(listed: Prices) -> None:
    found = lines(listed, Scene(100, 100, 1, 168))
    written = 0.5 * 1_024 * 1e6 / GB
    assert found["event stream", "hours"].dollars == pytest.approx(10_000 / 3_600 * 0.04)
    assert found["event stream", "written"].dollars == pytest.approx(written * 0.08)
    assert found["event stream", "read"].dollars == pytest.approx(2 * 256 * 1e6 / GB * 0.04)
    assert found["event stream", "kept"].dollars == pytest.approx(written * 144 / 730 * 0.10)


def test_provisioned_shards_by_hand(listed: Prices) -> None:
    found = lines(listed, Scene(100, 100, 1, 168), on_demand=False)
    assert found["event stream", "shard hours"].dollars == pytest.approx(10_000 / 3_600 * 0.015)
    assert found["event stream", "shard hours with longer retention"].dollars == pytest.approx(10_000 / 3_600 * 0.020)
    assert found["event stream", "PUT units"].dollars == pytest.approx(0.5 * 0.014)


def test_records_or_bytes_decide_the_number_of_shards() -> None:
    assert shards(1_000, PUBLISHED) == 1
    assert shards(2_001, PUBLISHED) == 2, "more than 1,000 records"
    assert shards(1_000, replace(PUBLISHED, bytes=2_000)) == 2, "more than 1 MB"


def test_firehose_bills_each_event_as_five_kilobytes(listed: Prices) -> None:
    found = lines(listed, Scene(100, 100, 1, 24))
    assert found["lake", "Firehose, ingestion"].dollars == pytest.approx(5 * 1_024 * 1e6 / GB * 0.029)
    assert found["lake", "Firehose, conversion to Parquet"].dollars == pytest.approx(5 * 1_024 * 1e6 / GB * 0.018)
    assert found["lake", "Firehose, objects"].quantity == pytest.approx(3 * 10_000 / 300)
    assert found["lake", "Athena, a report that reads each row once"].dollars == pytest.approx(80e6 / 1e12 * 5)


def test_what_is_billed_by_the_month_costs_more_per_slow_command(listed: Prices) -> None:
    found = lines(listed, Scene(10, 100, 1, 24))
    months = 100_000 / 3_600 / 730
    assert found["monitoring", "custom metrics"].dollars == pytest.approx(10 * 0.30 * months)
    assert found["monitoring", "alarms"].dollars == pytest.approx(20 * 0.10 * months)
    assert found["monitoring", "composite alarms"].dollars == pytest.approx(2 * 0.50 * months)
    assert found["monitoring", "dashboards"].dollars == pytest.approx(3.00 * months)


def test_charges_with_nearly_equal_quantities_are_shared() -> None:
    price = Price("x", 2.0, 1, "", "")
    ours, peer = (
        [Charge("a", "x", 1, price), Charge("b", "y", 1, price)],
        [Charge("a", "x", 1.01, price), Charge("b", "y", 2, price)],
    )
    assert shared(ours, peer) == 2.0


def test_monitoring_is_counted_from_the_template_and_the_functions_lines() -> None:
    template = {
        "Resources": {
            "One": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}},
            "Sum": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {"Metrics": [{"Expression": "a + b"}, {"MetricStat": {}}, {"MetricStat": {}}]},
            },
            "Both": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {}},
            "Filter": {"Type": "AWS::Logs::MetricFilter", "Properties": {}},
        }
    }
    line = json.dumps({"_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "Requests"}]}]}})
    calls = {"api": [Call(1, 1, f"{line}\n")], "projector": [Call(1, 1, f'{line}\n{{"level":"INFO"}}\n')] * 2}
    operations = 8  # of the API: each has its own metric
    jobs = TOTALS_METRICS + RECONCILIATION_METRICS
    assert monitoring(template, calls) == Monitoring(operations + 1 + 1 + jobs, 1 + 2, 1, 0)
    assert inspect.getsource(metric_data).count('("Reconciliation') == RECONCILIATION_METRICS


@pytest.mark.parametrize(
    ("operation", "request_", "expected"),
    [
        ("GetItem", {"TableName": "rows"}, Units(reads=1)),
        ("BatchGetItem", {"RequestItems": {"rows": {"Keys": [1, 2, 3]}, "other": {"Keys": [1]}}}, Units(reads=4)),
        ("Query", {"TableName": "rows"}, Units(idle_reads=0.5)),
        ("PutItem", {"TableName": "other"}, Units(writes=1)),
        ("UpdateItem", {"TableName": "rows"}, Units(writes=2)),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "other"}}, {"Update": {"TableName": "rows"}}]},
            Units(writes=5),
        ),
    ],
)
def test_units_are_counted_by_awss_rules(operation: str, request_: dict[str, Any], expected: Units) -> None:
    units = Units()
    units.add(operation, request_, "rows")
    assert units == expected


def test_an_operation_without_a_rule_is_not_counted_as_free() -> None:
    with pytest.raises(ValueError, match="DeleteItem"):
        Units().add("DeleteItem", {"TableName": "rows"}, "rows")
