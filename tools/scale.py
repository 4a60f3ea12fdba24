"""Computes the tables of docs/scale.md from measurements, the template's defaults and AWS's documented limits.

`make scale-doc` writes them into the document. The limits' pages are linked there.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DOCUMENT, RESULTS, TEMPLATE = ROOT / "docs/scale.md", ROOT / "benchmarks/results.json", ROOT / "template.yaml"
STEPS = (10, 100, 1_000, 10_000, 100_000)
DAY_S, YEAR_DAYS = 86_400, 365

# Documented by AWS.
PARTITION_WRITES, PARTITION_READS, PARTITION_BYTES = 1_000, 3_000, 10 * 2**30
NEW_TABLE_WRITES, TABLE_WRITES = 4_000, 40_000
STREAM_POLLS = 4
PARKING_SHARDS = PARTITION_READS // STREAM_POLLS
"""Shards of the table's stream for which the projector may list the parked accounts: one read unit for each batch, from
one partition."""
REQUESTS_PER_ENVIRONMENT, CONCURRENCY, GATEWAY_REQUESTS = 10, 1_000, 10_000
SHARD_BYTES, SPLIT_BYTES, NEW_STREAM_BYTES = 10**6, 500_000, 4 * 10**6

# Measured elsewhere in the documents.
LAKE_BYTES = 1_216_000_000 / 10**7
"""Of an event: 1.2 GB for ten million (docs/lake.md, At scale)."""
TOTALS_S = 40 / (20 * 10**6)
"""Processor time of the daily totals for an event: 40 s for twenty million (docs/adr/0018)."""
TOTALS_DAY_MAX_S = 120
"""The longest query of the function (`DAY_MAX_S` in ops/lake/totals_function/settings.py)."""
SCAN_EVENTS = 500 / 0.065
"""Events that a Scan reads per second at 500 read units, the commands' default: 65 for a thousand events
(docs/lake-operations.md)."""
NIGHT_S = 8 * 3_600
LOCAL_ROWS = 20_000_000
"""Rows above which the engine `local` of `reconcile` refuses (`LOCAL_ROWS_MAX` in ops/lake/reconcile/run.py)."""
EVENTS_PER_ROW = 9 / 10
"""Each ninth event has a snapshot, which is a row, too."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the results of the benchmarks and the template contribute.

    Attributes:
        plain_writes: write units of a command without an idempotency key, on average over a snapshot interval.
        keyed_writes: the same with a key.
        event_bytes: bytes of an event on the event stream, in a full aggregated record.
        row_bytes: bytes of an event's row and its part of a snapshot, without the index and AWS's own.
    """

    plain_writes: float
    keyed_writes: float
    event_bytes: float
    row_bytes: float
    buckets: int
    gateway_rate: int
    query_bytes: int


def inputs(results: Mapping[str, Any], template: str) -> Inputs:
    units = {each["name"]: each["ours"]["cost"]["write_units"] for each in results["costs"]["operations"]}
    keyed = "command, keyed", "command with snapshot, keyed"
    [billed] = (each["ours"] for each in results["timings"] if each["name"].startswith("1,000 keyed events billed, on"))
    return Inputs(
        plain_writes=units["command, average over a snapshot interval"],
        keyed_writes=(8 * units[keyed[0]] + units[keyed[1]]) / 9,
        event_bytes=billed * 1024 / 1_000,
        row_bytes=results["costs"]["rows"]["typical_keyed"] * 10 / 9,
        buckets=default_of("Buckets", template),
        gateway_rate=_number(r"ThrottlingRateLimit: (\d+)", template),
        query_bytes=default_of("LakeQueryBytesMax", template),
    )


def default_of(parameter: str, template: str) -> int:
    return _number(rf"^  {parameter}:\n    Type: Number\n    Default: (\d+)$", template)


def _number(pattern: str, template: str) -> int:
    found = re.search(pattern, template, re.MULTILINE)
    if not found:
        raise LookupError(f"template.yaml has nothing like {pattern}")
    return int(found[1])


def partitions(rate: float, given: Inputs) -> int:
    """How many partitions the writes need. A new table has four."""
    return max(NEW_TABLE_WRITES // PARTITION_WRITES, math.ceil(rate * given.keyed_writes / PARTITION_WRITES))


def batch(rate: float, given: Inputs) -> float:
    """The projector's events per batch and stream shard, if every shard is polled at the base rate."""
    return rate / partitions(rate, given) / STREAM_POLLS


def distinct_buckets(events: float, buckets: int) -> float:
    """How many buckets a batch's events are expected to be in; each bucket is a Kinesis record."""
    return min(events, buckets * (1 - math.pow(1 - 1 / buckets, events)))


def records(rate: float, given: Inputs) -> float:
    """Kinesis records per second."""
    return rate / batch(rate, given) * distinct_buckets(batch(rate, given), given.buckets)


def row_bytes_per_day(rate: float, given: Inputs) -> float:
    return rate * given.row_bytes * DAY_S


Row = tuple[str, Callable[[float, Inputs], float]]
LOADS: Sequence[Row] = (
    ("write units per second, no command with an `Idempotency-Key`", lambda rate, given: rate * given.plain_writes),
    ("write units per second, every command with a key", lambda rate, given: rate * given.keyed_writes),
    ("partitions of the accounts table for these writes", partitions),
    ("API function: concurrency by AWS's rule, a tenth of the rate", lambda rate, _: rate / REQUESTS_PER_ENVIRONMENT),
    ("projector: events per batch", batch),
    ("event stream: records per second", records),
    ("event stream: events per record", lambda rate, given: rate / records(rate, given)),
    ("event stream: MB per second", lambda rate, given: rate * given.event_bytes / 1e6),
    ("event stream: KB per second and bucket", lambda rate, given: rate * given.event_bytes / given.buckets / 1e3),
    ("accounts table: GB per day", lambda rate, given: row_bytes_per_day(rate, given) / 1e9),
    (
        "accounts table: partitions of 10 GB after a year",
        lambda rate, given: row_bytes_per_day(rate, given) * YEAR_DAYS / PARTITION_BYTES,
    ),
    (
        f"accounts table: days until it has {PARKING_SHARDS} partitions of 10 GB",
        lambda rate, given: PARKING_SHARDS * PARTITION_BYTES / row_bytes_per_day(rate, given),
    ),
    ("lake: GB per day", lambda rate, _: rate * LAKE_BYTES * DAY_S / 1e9),
    (
        "lake: days until reading everything exceeds `LakeQueryBytesMax`",
        lambda rate, given: given.query_bytes / (rate * LAKE_BYTES * DAY_S),
    ),
    ("daily totals: seconds for one day", lambda rate, _: rate * DAY_S * TOTALS_S),
    (
        "`reconcile --engine local`: days until the table has 20 million rows",
        lambda rate, _: LOCAL_ROWS * EVENTS_PER_ROW / (rate * DAY_S),
    ),
    (
        "a command that reads the table: days of history in 8 hours",
        lambda rate, _: NIGHT_S * SCAN_EVENTS / (rate * DAY_S),
    ),
)

LIMITS: Sequence[tuple[str, Callable[[Inputs], float]]] = (
    (
        "`reconcile --engine local` refuses a year's history: 20 million rows",
        lambda _: LOCAL_ROWS * EVENTS_PER_ROW / YEAR_DAYS / DAY_S,
    ),
    (
        "a command that reads the table needs more than 8 hours for a year's history",
        lambda _: NIGHT_S * SCAN_EVENTS / YEAR_DAYS / DAY_S,
    ),
    ("one account, every command with a key: 1,000 write units", lambda given: PARTITION_WRITES / given.keyed_writes),
    ("one account, no keys: 1,000 write units", lambda given: PARTITION_WRITES / given.plain_writes),
    (
        f"daily totals: the function's {TOTALS_DAY_MAX_S} s for one day",
        lambda _: TOTALS_DAY_MAX_S / TOTALS_S / DAY_S,
    ),
    ("the API stage's `ThrottlingRateLimit`", lambda given: given.gateway_rate),
    ("a new table's 4,000 write units", lambda given: NEW_TABLE_WRITES / given.keyed_writes),
    (
        "Athena cancels a query that reads all columns of one day",
        lambda given: given.query_bytes / LAKE_BYTES / DAY_S,
    ),
    (
        "Lambda's default concurrency of 1,000, ten requests a second each",
        lambda _: CONCURRENCY * REQUESTS_PER_ENVIRONMENT,
    ),
    ("API Gateway's default quota in most Regions", lambda _: GATEWAY_REQUESTS),
    ("the default quota of 40,000 write units for a table", lambda given: TABLE_WRITES / given.keyed_writes),
    ("a new event stream's 4 MB per second", lambda given: NEW_STREAM_BYTES / given.event_bytes),
    (
        "event stream: a bucket carries 500 KB per second, so Kinesis splits its shard in vain",
        lambda given: SPLIT_BYTES * given.buckets / given.event_bytes,
    ),
    (
        "event stream: a bucket carries 1 MB per second, a shard's limit",
        lambda given: SHARD_BYTES * given.buckets / given.event_bytes,
    ),
    (
        "table of parked accounts: 3,000 reads per second of its one partition",
        lambda given: PARKING_SHARDS * PARTITION_WRITES / given.keyed_writes,
    ),
)


def shown(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if value >= 9.95:  # noqa: PLR2004 -- shown as 10
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def loads(given: Inputs) -> Iterable[str]:
    yield f"| | {' | '.join(f'{rate:,}/s' for rate in STEPS)} |"
    yield "|---|" + "---:|" * len(STEPS)
    for label, of in LOADS:
        yield f"| {label} | {' | '.join(shown(of(rate, given)) for rate in STEPS)} |"


def limits(given: Inputs) -> Iterable[str]:
    yield "| limit | met at commands per second |"
    yield "|---|---:|"
    for label, of in sorted(LIMITS, key=lambda limit: limit[1](given)):
        yield f"| {label} | {shown(of(given))} |"


def filled(document: str, given: Inputs) -> str:
    """The document with its tables computed."""
    for name, rows in ("loads", loads(given)), ("limits", limits(given)):
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->\n)"
        if not re.search(pattern, document, re.DOTALL):
            raise LookupError(f"docs/scale.md has no place for the table {name}")
        table = "".join(f"{row}\n" for row in rows)
        document = re.sub(pattern, lambda found, table=table: found[1] + table + found[2], document, flags=re.DOTALL)  # type: ignore[misc]
    return document


def text() -> str:
    given = inputs(json.loads(RESULTS.read_text(encoding="utf-8")), TEMPLATE.read_text(encoding="utf-8"))
    return filled(DOCUMENT.read_text(encoding="utf-8"), given)


if __name__ == "__main__":
    try:
        DOCUMENT.write_text(text(), encoding="utf-8")
    except LookupError as error:
        sys.exit(f"docs/scale.md was not written: {error.args[0]}")
