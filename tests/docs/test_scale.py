"""docs/scale.md: its computed tables are up to date, and what it names exists in the template and the code."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from account_events.aggregation.buckets import bucket_of
from ops.lake.reconcile.run import LOCAL_ROWS_MAX
from ops.lake.totals_function.settings import DAY_MAX_S
from ops.replay.pace import READ_UNITS_MAX
from tools import scale

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs/scale.md", ROOT / "docs/disaster-recovery.md"]
TEMPLATE = scale.TEMPLATE.read_text(encoding="utf-8")
TEXT = PAGES[0].read_text(encoding="utf-8")
GIVEN = scale.inputs(json.loads(scale.RESULTS.read_text(encoding="utf-8")), TEMPLATE)
OF_AWS = {
    *("AccountMaxTableLevelWrites", "AppendOnly", "ConsumedWriteCapacityUnits", "IteratorAge"),
    *("KinesisMillisBehindLatest", "GlobalTable"),
}
"""Names of AWS's that the template does not use."""
METRICS = {"Conflicts": "account_core", "EventsFromTable": "projector", "ReadUnits": "account_core"}


def test_the_tables_are_those_that_are_computed() -> None:
    assert scale.text() == TEXT, "docs/scale.md is out of date: run `make scale-doc`"


def test_a_change_of_an_input_changes_the_tables() -> None:
    for changed in (
        replace(GIVEN, keyed_writes=3.0),
        replace(GIVEN, event_bytes=300.0),
        replace(GIVEN, row_bytes=400.0),
        replace(GIVEN, buckets=64),
        replace(GIVEN, gateway_rate=2_000),
        replace(GIVEN, query_bytes=10**12),
    ):
        assert scale.filled(TEXT, changed) != TEXT


def test_a_document_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(LookupError, match="limits"):
        scale.filled(TEXT.replace("<!-- limits -->", ""), GIVEN)


def test_a_template_without_the_parameter_is_refused() -> None:
    with pytest.raises(LookupError, match="Buckets"):
        scale.default_of("Buckets", "Parameters: {}")


@pytest.mark.parametrize("events", [1, 6, 62, 107, 1_000])
def test_the_expected_buckets_of_a_batch_are_those_of_its_accounts(events: int) -> None:
    batches = 100_000 // events
    found = [
        len({bucket_of(f"a-{number}-{event}", GIVEN.buckets) for event in range(events)}) for number in range(batches)
    ]
    assert sum(found) / batches == pytest.approx(scale.distinct_buckets(events, GIVEN.buckets), rel=0.01)


def test_the_rates_at_which_limits_are_met_exhaust_them() -> None:
    met = {label: of(GIVEN) for label, of in scale.LIMITS}
    [one] = (rate for label, rate in met.items() if label.startswith("one account, every"))
    assert one * GIVEN.keyed_writes == pytest.approx(1_000)
    [split] = (rate for label, rate in met.items() if "500 KB" in label)
    assert split * GIVEN.event_bytes / GIVEN.buckets == pytest.approx(500_000)
    [parked] = (rate for label, rate in met.items() if "parked" in label)
    assert scale.partitions(parked - 1, GIVEN) * scale.STREAM_POLLS == pytest.approx(scale.PARTITION_READS, rel=0.01)


def test_numbers_of_the_code_are_those_of_the_computation() -> None:
    assert scale.TOTALS_DAY_MAX_S == DAY_MAX_S
    assert scale.LOCAL_ROWS == LOCAL_ROWS_MAX
    assert pytest.approx(READ_UNITS_MAX / 0.065) == scale.SCAN_EVENTS
    mapping = TEMPLATE.partition("  AccountsByOwnerMapping:\n")[2].partition("\n\n")[0]
    assert "ParallelizationFactor: 10\n" in mapping, "the page states that it cannot be raised"
    assert "`ParallelizationFactor` is 10, the highest" in " ".join(TEXT.split())
    shards = scale.NEW_TABLE_WRITES // scale.PARTITION_WRITES
    assert f"and the read model {min(GIVEN.buckets, 10 * shards)}" in TEXT
    assert "ThrottlingBurstLimit: 500, ThrottlingRateLimit: 1000" in TEMPLATE
    assert "MaximumBatchingWindowInSeconds: 0" in TEMPLATE.partition("  ProjectorMapping:\n")[2].partition("\n\n")[0]


def test_numbers_in_the_prose_are_the_computed_ones() -> None:
    met = {label: of(GIVEN) for label, of in scale.LIMITS}
    [alone] = (rate for label, rate in met.items() if label.startswith("one account, every"))
    [split] = (rate for label, rate in met.items() if "500 KB" in label)
    [writes] = (rate for label, rate in met.items() if "40,000 write units" in label)
    [totals] = (rate for label, rate in met.items() if label.startswith("daily totals"))
    for shown in (
        f"{alone:.0f} commands per second",
        f"at {round(split, -3):,.0f}.",
        f"at {round(writes, -3):,.0f}.",
        f"at {round(totals, -2):,.0f}.",
        f"{round(split / 2, -3):,.0f} commands per second",
        f"put {round(scale.records(100_000, replace(GIVEN, buckets=128)), -3):,.0f}\nrecords per second",
    ):
        assert shown.replace("\n", " ") in " ".join(TEXT.split()), shown


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_resource_setting_and_metric_named_exists(page: Path) -> None:
    named = set(re.findall(r"`(?:AWS::DynamoDB::)?([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", page.read_text(encoding="utf-8")))
    assert len(named) > 3
    missing = {name for name in named - OF_AWS - METRICS.keys() if not re.search(rf"\b{name}\b", TEMPLATE)}
    assert missing == set()
    for name, folder in METRICS.items():
        assert any(f'"{name}"' in path.read_text(encoding="utf-8") for path in (ROOT / folder).rglob("*.py")), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_section_linked_to_exists(page: Path) -> None:
    links = re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", page.read_text(encoding="utf-8"))
    assert len(links) > 3
    for file, anchor in links:
        text = (page.parent / (file or page.name)).read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in anchors, f"{file}#{anchor}"


def test_every_documented_limit_has_a_page() -> None:
    _, _, table = TEXT.partition("## Documented limits\n")
    rows = re.findall(r"^\| (?!limit|---)(.+) \| (.+) \| (.+) \|$", table, re.MULTILINE)
    assert len(rows) > 15
    assert [limit for limit, _, page in rows if "](https://docs.aws.amazon.com/" not in page] == []
