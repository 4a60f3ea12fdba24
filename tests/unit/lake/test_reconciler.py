"""The reconciliation finds and names every difference between ledger and lake, and nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ops.lake.query.engine import QueryFailed
from ops.lake.reconcile.differences import COPY_AGREES, FIELDS, FINDINGS_MAX, TWICE
from ops.lake.reconcile.result import AccountFound, Difference, Finding, ReconciliationResult, Standing, Total
from tests.support.ledger_and_lake import START, history, lake_rows
from tests.unit.lake.reconcile_given import NOW, A, B, LedgerAndLake, changed, without


def test_equal_sides_agree_to_the_cent(given: Callable[..., LedgerAndLake]) -> None:
    result, found = given([*A, *B], lake_rows([*A, *B])).reconciled()
    assert not found
    assert result == ReconciliationResult(
        compared_at=NOW,
        through=START + timedelta(hours=13),
        events=16,
        accounts=2,
        totals=(Total("EUR", Decimal("119.99"), Decimal("119.99")), Total("USD", Decimal("5.50"), Decimal("5.50"))),
        lateness=result.lateness,
    )
    assert result.agrees
    assert (result.lateness.behind_s, result.lateness.longest_s) == (0.0, 1.0)


def test_equal_copies_are_not_a_finding(given: Callable[..., LedgerAndLake]) -> None:
    rows = lake_rows(A)
    sides = given(A, rows)
    sides.add(changed(rows, "a-1", 3, published_at=None, schema_fingerprint="0123456789abcdef"))
    result, found = sides.reconciled()
    assert result.agrees
    assert not found


def test_missing_events_are_named_with_their_account(given: Callable[..., LedgerAndLake]) -> None:
    sides = given([*A, *B], without(lake_rows([*A, *B]), "a-1", 2, 13))
    second_reads: list[None] = []
    sides.settle = lambda: second_reads.append(None)
    result, found = sides.reconciled()
    assert len(second_reads) == 1
    assert found == [Finding("missing", "a-1", n, f"a-1:{n}") for n in (2, 13)]
    assert (result.missing, result.differing_accounts, result.findings) == (2, 1, tuple(found))
    assert result.accounts_found == (
        AccountFound("a-1", "EUR", Standing(14, 14, Decimal("119.99")), Standing(12, 14, Decimal("99.99"))),
    )
    assert result.totals[0] == Total("EUR", Decimal("119.99"), Decimal("99.99"))
    assert not result.agrees


def test_extra_events_are_named(given: Callable[..., LedgerAndLake]) -> None:
    result, found = given(B, lake_rows([*A[:2], *B])).reconciled()
    assert found == [Finding("extra", "a-1", n, f"a-1:{n}") for n in (1, 2)]
    assert (result.extra, result.events, result.accounts) == (2, 2, 1)
    [account] = result.accounts_found
    assert account == AccountFound("a-1", "EUR", Standing(0, 0, Decimal(0)), Standing(2, 2, Decimal("10.00")))


@pytest.mark.parametrize(
    ("field", "value", "ledger", "lake"),
    [
        ("event_id", "a-1:99", "a-1:3", "a-1:99"),
        ("event_type", "BalanceWithdrawn", "BalanceCredited", "BalanceWithdrawn"),
        ("dt", "2026-07-31", "2026-08-01", "2026-07-31"),
        ("occurred_at", "2026-08-01 11:30:00.000001", "2026-08-01 11:30:00.000000", "2026-08-01 11:30:00.000001"),
        ("currency", "USD", "EUR", "USD"),
        ("owner", "somebody", None, "somebody"),
        ("amount", "10.01", "10.00", "10.01"),
        ("amount", None, "10.00", None),
        ("balance", "20.01", "20.00", "20.01"),
        ("correlation_id", "c", "c-a-1-3", "c"),
        ("causation_id", None, "k-3", None),
        ("request_id", "r", "r-a-1-3", "r"),
        ("occurred_at_us", 1_785_583_800_000_001, "1785583800000000", "1785583800000001"),
        ("transfer_id", "t-1", None, "t-1"),
        ("counterparty_account_id", "a-2", None, "a-2"),
    ],
)
def test_every_field_that_differs_is_named(
    given: Callable[..., LedgerAndLake], field: str, value: str | int | None, ledger: str | None, lake: str | None
) -> None:
    result, found = given(A, changed(lake_rows(A), "a-1", 3, **{field: value})).reconciled()
    assert found == [Finding("differing", "a-1", 3, "a-1:3", (Difference(field, ledger, lake),))]
    assert (result.differing, result.missing, result.extra) == (1, 0, 0)
    assert not result.agrees


def test_files_of_older_releases_agree_without_occurred_at_us(given: Callable[..., LedgerAndLake]) -> None:
    """They are also copies of newer files."""
    rows = lake_rows(A)
    sides = given(A, changed(rows, "a-1", 3, occurred_at_us=None))
    sides.add([row | {"occurred_at_us": None} for row in rows if row["sequence"] in {2, 4}])
    result, found = sides.reconciled()
    assert found == []
    assert result.agrees


def test_each_field_has_a_case_of_a_difference() -> None:
    [marker] = [m for m in test_every_field_that_differs_is_named.pytestmark if m.name == "parametrize"]
    assert {field for field, *_ in marker.args[1]} == set(FIELDS)


def test_a_contradicting_copy_that_queries_do_not_see_is_found(given: Callable[..., LedgerAndLake]) -> None:
    rows = lake_rows(A)
    sides = given(A, rows)
    [third] = [row for row in rows if row["sequence"] == 3]
    sides.add([third | {"amount": "999.00", "published_at": "2026-08-02 00:00:00.000000"}])
    result, found = sides.reconciled()
    assert found == [Finding("contradicting", "a-1", 3, "a-1:3", (Difference("amount", "10.00", "999.00"),))]
    assert (result.contradicting, result.differing) == (1, 0)
    assert not result.agrees
    assert all(total.ledger == total.lake for total in result.totals)


def test_a_copy_with_another_id_that_queries_do_not_see_is_found(given: Callable[..., LedgerAndLake]) -> None:
    """The view recognises copies by account and sequence, whatever their event id."""
    rows = lake_rows(A)
    sides = given(A, rows)
    [third] = [row for row in rows if row["sequence"] == 3]
    sides.add([third | {"event_id": "a-1:77", "published_at": "2026-08-02 00:00:00.000000"}])
    result, found = sides.reconciled()
    assert found == [Finding("contradicting", "a-1", 3, "a-1:3", (Difference("event_id", "a-1:3", "a-1:77"),))]
    assert not result.agrees


def test_a_wrong_copy_that_queries_see_mentions_the_right_one(given: Callable[..., LedgerAndLake]) -> None:
    rows = lake_rows(A)
    sides = given(A, changed(rows, "a-1", 3, amount="999.00", published_at="2026-08-01 00:00:00.000000"))
    sides.add([row for row in rows if row["sequence"] == 3])
    _, found = sides.reconciled()
    assert found == [Finding("differing", "a-1", 3, "a-1:3", (Difference("amount", "10.00", "999.00"),), COPY_AGREES)]


def test_a_second_event_of_a_sequence_is_extra(given: Callable[..., LedgerAndLake]) -> None:
    rows = lake_rows(A)
    sides = given(A, rows)
    [third] = [row for row in rows if row["sequence"] == 3]
    sides.add([third | {"dt": "2026-08-09"}])
    result, found = sides.reconciled()
    assert found == [
        Finding("extra", "a-1", 3, "a-1:3", (Difference("dt", "2026-08-01", "2026-08-09"),), TWICE),
    ]
    assert (result.extra, result.totals[0].lake - result.totals[0].ledger) == (1, Decimal("10.00"))


def test_a_corrupt_row_is_reported_and_the_rest_is_compared(given: Callable[..., LedgerAndLake]) -> None:
    sides = given([*A, *B], lake_rows([*A, *B]))
    [third] = [
        item for item in sides.source.rows.values() if item["AccountId"]["S"] == "a-1" and item["Version"]["N"] == "3"
    ]
    sides.source.put_item({**third, "Amount": {"N": "0.001"}})
    sides.source.put_item({**third, "Version": {"N": "-7"}})
    result, found = sides.reconciled()
    assert [(each.kind, each.account_id, each.sequence, each.event_id) for each in found] == [
        ("unreadable", "a-1", 3, "a-1:3"),
        ("unreadable", "a-1", None, ""),
    ]
    assert "Amount" in found[0].note
    assert "0.001" not in found[0].note
    assert (result.unreadable, result.extra, result.events) == (2, 0, 15)
    assert all(total.ledger == total.lake for total in result.totals)
    assert not result.agrees


@pytest.mark.parametrize(("version", "sequence"), [("9" * 38, "3"), ("11111111111111111111", "10000000000000000000")])
def test_numbers_out_of_range_are_reported(given: Callable[..., LedgerAndLake], version: str, sequence: str) -> None:
    sides = given(A, lake_rows(A))
    [third] = [item for item in sides.source.rows.values() if item["Version"]["N"] == "3"]
    sides.source.put_item({**third, "Version": {"N": version}, "Sequence": {"N": sequence}})
    result, found = sides.reconciled()
    assert [(each.kind, each.account_id, each.sequence) for each in found] == [("unreadable", "a-1", None)]
    assert result.events == 14


def test_an_empty_ledger_and_an_empty_lake_agree(given: Callable[..., LedgerAndLake]) -> None:
    result, found = given([], []).reconciled()
    assert not found
    assert (result.agrees, result.events, result.through, result.totals) == (True, 0, NOW, ())
    assert result.lateness.behind_s is None


def test_with_an_empty_lake_all_is_missing_and_the_result_stays_small(given: Callable[..., LedgerAndLake]) -> None:
    ledger = [row for number in range(70) for row in history(f"a-{number:03d}", "1.00")]
    sides = given(ledger, [])
    sides.settle = lambda: None
    result, found = sides.reconciled()
    assert (result.missing, result.differing_accounts, len(found)) == (140, 70, 140)
    assert (len(result.findings), len(result.accounts_found)) == (FINDINGS_MAX, 20)
    assert result.totals == (Total("EUR", Decimal("70.00"), Decimal("0.00")),)


def test_with_an_empty_ledger_everything_is_extra(given: Callable[..., LedgerAndLake]) -> None:
    result, _ = given([], lake_rows(B)).reconciled()
    assert (result.extra, result.events, result.agrees) == (2, 0, False)
    assert result.totals == (Total("USD", Decimal("0.00"), Decimal("5.50")),)


def test_missing_young_events_count_as_on_their_way(given: Callable[..., LedgerAndLake]) -> None:
    sides = given([*A, *B], without(lake_rows([*A, *B]), "a-1", 13, 14))
    sides.now = START + timedelta(hours=13, minutes=5)
    sides.settle = lambda: None
    result, found = sides.reconciled()
    assert found == [Finding("missing", "a-1", 13, "a-1:13")], "event 13 is older than the grace period"
    assert (result.on_their_way, result.events) == (1, 15)
    assert result.through == START + timedelta(hours=13) - timedelta(microseconds=1)
    assert result.totals[0] == Total("EUR", Decimal("120.00"), Decimal("110.00"))
    assert result.lateness.behind_s == 2 * 3600


def test_events_dated_far_ahead_are_not_on_their_way(given: Callable[..., LedgerAndLake]) -> None:
    """A writer's clock was wrong. The transform refuses the event, and it would count as young for years."""
    ahead, far = history("a-3", start=NOW + timedelta(hours=23)), history("a-4", start=NOW + timedelta(days=2))
    result, found = given([*A, *ahead, *far], lake_rows(A)).reconciled()
    assert found == [Finding("missing", "a-4", 1, "a-4:1")]
    assert (result.on_their_way, result.agrees) == (1, False)


def test_the_largest_amounts_and_unicode_survive(given: Callable[..., LedgerAndLake]) -> None:
    rows = history("konto-ß-💶", "9999999999999999.98", "0.01", owner="Ωner")
    rows += [row for number in range(100) for row in history(f"a-{number}", "9999999999999999.99")]
    result, found = given(rows, lake_rows(rows)).reconciled()
    assert not found
    assert result.totals == (Total("EUR", *[Decimal("1009999999999999998.99")] * 2),)


def test_an_invalid_file_fails_the_reconciliation_and_is_named(given: Callable[..., LedgerAndLake]) -> None:
    sides = given(A, lake_rows(A))
    (sides.folder / "events" / "dt=2026-08-01" / "event_type=AccountCreated" / "broken.parquet").write_bytes(b"nothing")
    with pytest.raises(QueryFailed, match=r"broken\.parquet"):
        sides.reconciled()


@pytest.mark.parametrize(
    ("column", "type_", "found"),
    [
        ("amount", pa.float64(), "DOUBLE"),
        ("balance", pa.decimal128(18, 4), r"DECIMAL\(18,4\)"),
        ("occurred_at", pa.timestamp("ns"), "TIMESTAMP_NS"),
        ("sequence", pa.string(), "VARCHAR"),
        ("owner", pa.binary(), "BLOB"),
    ],
)
@pytest.mark.parametrize("dt", ["2026-08-01", "2026-08-09"])
def test_a_file_with_other_types_fails_wherever_it_is_listed(
    given: Callable[..., LedgerAndLake], column: str, type_: pa.DataType, found: str, dt: str
) -> None:
    """If it were read together with others, values would be rounded to another file's type."""
    later = [*A, *history("a-3", "1.00", start=START + timedelta(days=8))]
    sides = given(later, lake_rows(later))
    [path, *_] = sorted(sides.folder.glob(f"events/dt={dt}/event_type=BalanceCredited/*.parquet"))
    read = pq.ParquetFile(path).read()
    at_column = read.column_names.index(column)
    pq.write_table(read.set_column(at_column, column, read.column(column).cast(type_)), path)
    with pytest.raises(QueryFailed, match=rf"dt={dt}/.*its column {column} is {found}, not"):
        sides.reconciled()


def test_times_in_hives_format_are_equal(given: Callable[..., LedgerAndLake]) -> None:
    sides = given(A, lake_rows(A))
    for path in sides.folder.glob("events/*/*/*.parquet"):
        pq.write_table(pq.ParquetFile(path).read(), path, use_deprecated_int96_timestamps=True)
    result, found = sides.reconciled()
    assert not found
    assert result.agrees


def test_findings_are_ordered_by_account_and_sequence(given: Callable[..., LedgerAndLake]) -> None:
    """An event with one copy that agrees and one that does not is a single finding."""
    rows = [row for number in range(400) for row in history(f"a-{number:03}", *["1.00"] * 5)]
    lake = lake_rows(rows)
    sides = given(rows, [row | {"owner": "x"} if row["sequence"] % 2 else row for row in lake])
    sides.add([row for row in lake if row["sequence"] % 2])
    _, found = sides.reconciled()
    keys = [(each.account_id, each.sequence) for each in found]
    assert keys == sorted((row["account_id"], row["sequence"]) for row in lake if row["sequence"] % 2)
    assert {each.kind for each in found} <= {"differing", "contradicting"}


def test_a_row_of_the_lake_without_an_account_is_extra(given: Callable[..., LedgerAndLake]) -> None:
    [row, *_] = lake_rows(A)
    sides = given(A, lake_rows(A))
    sides.add([row | {"account_id": None, "sequence": None, "event_id": None}])
    _, found = sides.reconciled()
    assert [(each.kind, each.account_id, each.sequence, each.event_id) for each in found] == [("extra", "", 0, "")]


def test_times_are_utc_in_any_local_time_zone(
    given: Callable[..., LedgerAndLake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    result, _ = given(B, lake_rows(B)).reconciled()
    assert result.through == datetime(2026, 8, 1, 10, 30, tzinfo=UTC)
