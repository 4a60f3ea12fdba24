"""The engine `spark` gives the results of `local`. Slow, and needs `.venv-spark` and Java: `make test-spark`.

Because of its name, pytest does not collect this file by default.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from account_core.domain.events import Created, EventRow, SnapshotRow, Transfer
from account_core.rows.items import to_item
from ops.lake.query.history import History
from ops.ledger.export.manifest import BadExport
from ops.replay.export_source import export_source
from tests.golden.test_rows import ROWS as GOLDEN
from tests.golden.test_rows import golden
from tests.spark.environment import SparkRefused, SparkWorker
from tests.spark.given import by_local, by_spark
from tests.spark.lines import damaged_lines
from tests.support.corruptions import ROWS, all_together, sides
from tests.support.exports import found, write_files
from tests.support.lake import put, write
from tests.support.ledger_and_lake import START, history, lake_rows
from tests.support.rows import head_of, transfer_rows
from tests.support.wrong_months import (
    COMPACTED_AT,
    COPIES,
    MONTH,
    WRONG_MONTHS,
    WrongMonth,
    compacted,
    in_another_bucket,
    with_copies,
)
from tests.unit.lake.reconcile_given import GRACE, NOW

pytestmark = pytest.mark.timeout(600)  # the first test starts Spark


def test_spark_finds_what_local_finds_field_by_field(spark: SparkWorker, tmp_path: Path) -> None:
    items, rows, every = all_together()
    lake = tmp_path / "lake"
    expected, expected_findings = by_local(lake, items, rows)
    result, findings = by_spark(spark, tmp_path, items, lake)
    assert findings == expected_findings
    assert result == expected
    found = [
        (each["kind"], each["account_id"], each["sequence"], tuple(one["field"] for one in each["differences"]))
        for each in findings
    ]
    assert sorted(found, key=str) == sorted(every, key=str), "all are found, and none too many"


def test_young_events_may_be_missing_on_either_side(spark: SparkWorker, tmp_path: Path) -> None:
    """The lake has events that are younger than the export, and the export has some that the lake lacks."""
    items, rows = sides()
    young = history("a-4", "1.00", start=NOW - timedelta(hours=1, minutes=5))  # the second is five minutes old
    later = history("a-5", "1.00", start=NOW + timedelta(minutes=10))
    lake = tmp_path / "lake"
    write(lake, [*rows, *lake_rows(young[:1]), *lake_rows(later[:1])])
    items += [to_item(row) for row in young]
    result, findings = by_spark(spark, tmp_path, items, lake, now=NOW + timedelta(minutes=20))
    assert not findings
    assert (result.agrees, result.on_their_way, result.events) == (True, 1, 34)
    assert result.through == NOW - GRACE
    assert result.compared_at == NOW


@pytest.mark.parametrize("lost", ["a-6", "a-7"])
def test_a_young_transfer_that_was_exported_in_part_is_on_its_way(
    spark: SparkWorker, tmp_path: Path, lost: str
) -> None:
    """An export may lack rows of its last minutes; the lake has both events already."""
    rows = {name: history(name, "10.00") for name in ("a-6", "a-7")}
    heads = {name: head_of(each) for name, each in rows.items()}
    both = transfer_rows(heads, "a-6", "a-7", "1.00", transfer_id="t-9", at=NOW - timedelta(minutes=1))
    items, lake_has = sides()
    lake = tmp_path / "lake"
    write(lake, [*lake_has, *lake_rows([*rows["a-6"], *rows["a-7"], *both])])
    items += [to_item(row) for row in (*rows["a-6"], *rows["a-7"], *both) if row not in both or row.account_id != lost]
    result, findings = by_spark(spark, tmp_path, items, lake)
    assert (findings, result.agrees, result.on_their_way, result.unpaired) == ([], True, 1, 0)
    _, findings = by_spark(spark, tmp_path / "later", items, lake, exported_at=NOW + timedelta(hours=1))
    assert "unpaired" in {each["kind"] for each in findings}


def test_only_the_files_of_the_table_are_read(spark: SparkWorker, tmp_path: Path) -> None:
    """Hidden files, strays and files before the first day have events that would be extra."""
    items, rows = sides()
    lake = tmp_path / "lake"
    write(lake, rows)
    other = lake_rows(history("a-9", "1.00", start=START + timedelta(hours=2)))
    write(lake, other, file_name="_hidden")
    write(lake, other, file_name=".hidden")
    write(lake, lake_rows(history("a-8", start=START - timedelta(days=1))))
    [created] = (lake / "events" / "dt=2026-08-01" / "event_type=AccountCreated").glob("_*")
    for name in ("nested/a.parquet", "b.csv"):
        put(created.parent / name, created.read_bytes())
    put(lake / "events" / "dt=2026-08-01" / "c.parquet", created.read_bytes())
    result, findings = by_spark(spark, tmp_path, items, lake, first_day="2026-08-01")
    assert not findings
    assert result.events == 33


def test_times_in_hives_format_are_equal(spark: SparkWorker, tmp_path: Path) -> None:
    items, rows = sides()
    lake = tmp_path / "lake"
    write(lake, rows)
    for path in lake.glob("events/*/*/*.parquet"):
        pq.write_table(pq.ParquetFile(path).read(), path, use_deprecated_int96_timestamps=True)
    result, _ = by_spark(spark, tmp_path, items, lake)
    assert result.agrees


@pytest.mark.parametrize(
    ("column", "kind", "found"),
    [
        ("amount", pa.float64(), "DOUBLE"),
        ("balance", pa.decimal128(18, 4), "DECIMAL(18,4)"),
        ("occurred_at", pa.timestamp("ms"), "TIMESTAMP_MS"),
        ("sequence", pa.string(), "VARCHAR"),
        ("owner", pa.binary(), "BLOB"),
    ],
)
def test_a_file_with_other_types_is_refused_by_name(
    spark: SparkWorker, tmp_path: Path, column: str, kind: pa.DataType, found: str
) -> None:
    items, rows = sides()
    lake = tmp_path / "lake"
    write(lake, rows)
    path = min(lake.glob("events/*/*/*.parquet"))  # of the accounts' creation
    read = pq.ParquetFile(path).read()
    at_column = read.column_names.index(column)
    pq.write_table(read.set_column(at_column, column, read.column(column).cast(kind)), path)
    with pytest.raises(SparkRefused) as refused:
        by_spark(spark, tmp_path, items, lake)
    assert f"{path} is not a valid file of the lake's table: its column {column} is {found}, not" in str(refused.value)


def test_a_damaged_file_of_the_lake_is_refused_by_name(spark: SparkWorker, tmp_path: Path) -> None:
    items, rows = sides()
    lake = tmp_path / "lake"
    write(lake, rows)
    path = max(lake.glob("events/*/*/*.parquet"))
    path.write_bytes(b"not Parquet")
    with pytest.raises(SparkRefused, match=f"FileDamaged: {path} is not a valid file"):
        by_spark(spark, tmp_path, items, lake)


def test_a_damaged_export_is_refused_by_name(spark: SparkWorker, tmp_path: Path) -> None:
    items, rows = sides()
    lake = tmp_path / "lake"
    write(lake, rows)
    path = next(path for path in write_files(tmp_path / "damaged", items).glob("data/*.gz") if path.stat().st_size > 99)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SparkRefused, match=f"BadExport: .*{path.name}: it is damaged"):
        by_spark(spark, tmp_path, (), lake, export=path.parents[1])


@pytest.mark.parametrize(
    ("repeated", "name"),
    [
        (lambda items: [items[1]], "a-1/2"),  # an event
        (lambda items: [next(item for item in items if item["Type"]["S"] == "SNAPSHOT")], "a-1/10"),
        (lambda items: [items[2] | {"Amount": {"N": "7"}}], "a-1/3"),  # with another amount
        (lambda items: [items[2] | {"Amount": {"N": "much"}}], "a-1/3"),  # unreadable
        (lambda items: [items[3] | {"Owner": {"S": 'a"b'}}, items[2]], "a-1/3"),  # one that Spark leaves to Python
    ],
)
def test_every_engine_refuses_an_export_that_has_a_row_twice(
    spark: SparkWorker, tmp_path: Path, repeated: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], name: str
) -> None:
    items, rows = sides()
    lake, work = tmp_path / "lake", tmp_path / "work"
    write(lake, rows)
    work.mkdir()
    export = write_files(tmp_path / "export", [*items, *repeated(items)], export_time=NOW)
    with pytest.raises(SparkRefused) as refused:
        by_spark(spark, tmp_path, (), lake, export=export)
    with pytest.raises(BadExport) as expected, export_source(found(export), work):
        pass
    assert f"it has the row {name} more than once" in str(expected.value)
    assert str(refused.value) == f"BadExport: {expected.value}"


@pytest.mark.parametrize("wrong", WRONG_MONTHS[1::2], ids=lambda wrong: wrong.name)  # each takes ten seconds
def test_spark_names_each_wrong_row_of_a_compacted_month(spark: SparkWorker, tmp_path: Path, wrong: WrongMonth) -> None:
    items, _ = sides()
    lake = compacted(tmp_path / "lake", wrong)
    result, findings = by_spark(
        spark, tmp_path, items, lake.root, exported_at=COMPACTED_AT, now=COMPACTED_AT, history=lake.store.history()
    )
    assert [(each["kind"], each["account_id"], each["sequence"], each["note"]) for each in findings] == [
        ("compacted", "a-1", *note) for note in wrong.notes
    ]
    assert (result.compacted, result.differences) == (len(findings), len(findings))


def test_spark_accepts_each_copy_that_may_be_in_a_compacted_month(spark: SparkWorker, tmp_path: Path) -> None:
    items, _ = sides()
    lake = with_copies(tmp_path / "lake")
    _, findings = by_spark(
        spark, tmp_path, items, lake.root, exported_at=COMPACTED_AT, now=COMPACTED_AT, history=lake.store.history()
    )
    assert [(each["sequence"], each["note"]) for each in findings if each["kind"] == "compacted"] == [
        (sequence, each.note) for sequence, each in enumerate(COPIES, 2) if each.note
    ]


def test_spark_compares_what_queries_read_from_a_compacted_month(spark: SparkWorker, tmp_path: Path) -> None:
    """Not a day that is read from `events`; also where no query looks, and only if the types are right."""
    items, _ = sides()
    lake = compacted(tmp_path / "lake", next(each for each in WRONG_MONTHS if each.name == "amount"))

    def found(history: History) -> list[str]:
        _, findings = by_spark(
            spark, tmp_path, items, lake.root, exported_at=COMPACTED_AT, now=COMPACTED_AT, history=history
        )
        return [each["note"] for each in findings]

    assert found(replace(lake.store.history(), reopened=frozenset({"2026-08-01"}))) == []
    other = in_another_bucket(lake)
    notes = found(lake.store.history())
    assert notes
    assert all(f"account_bucket '{other}', not '" in note for note in notes)
    lake.change_month(MONTH, other, lambda rows: rows, sequence=pa.string())
    with pytest.raises(SparkRefused, match="is not a valid file of the lake's table: its column sequence is VARCHAR"):
        found(lake.store.history())


OF_TRANSFERS = [
    replace(row, request_id=None, event=replace(row.event, transfer=Transfer(f"t-{row.sequence}", "a-9")))
    for row in ROWS
    if isinstance(row, EventRow) and not isinstance(row.event, Created)
]
LINES = [
    *(json.dumps({"Item": to_item(row)}, separators=(",", ":"), ensure_ascii=False) for row in (*ROWS, *OF_TRANSFERS)),
    *(json.dumps({"Item": golden(name)}, separators=(",", ":"), ensure_ascii=False) for name in GOLDEN),
]


def test_spark_reads_every_line_as_python_does(spark: SparkWorker) -> None:
    """Golden rows, generated rows, and damaged ones: Spark leaves a line to Python, or gives the same event."""
    lines = [*LINES, *damaged_lines(LINES)]
    answer = spark.ask("read", lines=lines)
    kinds = Counter[str]()
    for line, (kind, values), translated in zip(lines, answer["native"], answer["python"], strict=True):
        kinds[kind] += 1
        if kind == "event":
            kinds["event of a transfer"] += values["transfer_id"] is not None
            assert translated == [values | {"reason": None}], line
        elif kind == "snapshot":
            assert translated == [values | {"reason": "snapshot"}], line
    assert kinds["event"] > 100, "otherwise the comparison shows nothing"
    assert kinds["event of a transfer"] > 50
    assert kinds["snapshot"] > 10
    assert kinds["other"] > 1_000


def test_no_row_that_the_service_writes_is_left_to_python(spark: SparkWorker) -> None:
    """Otherwise a reconciliation would compare everything twice."""
    plain = [
        row for row in (*ROWS, *OF_TRANSFERS) if row.account_id != "a-3"
    ]  # its owner has quotes, which are escaped
    lines = [json.dumps({"Item": to_item(row)}, separators=(",", ":"), ensure_ascii=False) for row in plain]
    kinds = [kind for kind, _ in spark.ask("read", lines=lines)["native"]]
    assert kinds == ["snapshot" if isinstance(row, SnapshotRow) else "event" for row in plain]


@pytest.mark.parametrize(
    "changed",
    [
        {"CounterpartyId": {"S": "a-1"}},
        {"CounterpartyId": {"S": ""}},
        {"TransferId": {"S": ""}},
        {"TransferId": None},
        {"CounterpartyId": None},
        {"Format": {"N": "2"}},
    ],
)
def test_a_row_of_no_plain_transfer_is_left_to_python(spark: SparkWorker, changed: dict[str, Any]) -> None:
    [row, *_] = OF_TRANSFERS
    item = {name: value for name, value in (dict(to_item(row)) | changed).items() if value is not None}
    line = json.dumps({"Item": item}, separators=(",", ":"))
    assert [kind for kind, _ in spark.ask("read", lines=[line])["native"]] == ["other"]


def test_a_line_with_an_attribute_twice_is_left_to_python(spark: SparkWorker) -> None:
    """Which of the two counts is a rule of Python's parser, not of Spark's."""
    line = json.dumps({"Item": to_item(ROWS[0])}, separators=(",", ":"))
    twice = line.replace('{"Item":{', '{"Item":{"Owner":{"S":"other"},', 1)
    assert [kind for kind, _ in spark.ask("read", lines=[line, twice])["native"]] == ["event", "other"]
