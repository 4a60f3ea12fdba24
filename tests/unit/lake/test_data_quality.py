"""The query data_quality finds and names planted defects: two engines and plain Python agree."""

import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from consumers.lake import table
from tests.support.lake import FIRST_DAY, LakeRow, event, made_up, made_up_transfers
from tests.unit.lake.both_engines import lake_on_both_engines, run_query
from tests.unit.lake.oracle import KINDS, ORACLES

HEALTHY = [
    event("a-1", 1, "AccountCreated", FIRST_DAY, "EUR", None, Decimal(0), owner="o"),
    event("a-1", 2, "BalanceCredited", FIRST_DAY + timedelta(days=1), "EUR", Decimal("5.00"), Decimal("5.00")),
    event("a-1", 3, "BalanceWithdrawn", FIRST_DAY + timedelta(days=2), "EUR", Decimal("2.00"), Decimal("3.00")),
]
SECOND = HEALTHY[1]
DAYS = {"from": "2026-08-02", "until": "2026-08-03", "late_seconds": "300"}


@pytest.mark.parametrize(
    ("kind", "count", "example", "second"),
    [
        ("late", 1, "a-1 2", [{**SECOND, "published_at": "2026-08-02 00:05:00.001000"}]),
        ("duplicate", 2, "a-1 2", [SECOND, {**SECOND, "published_at": None}, {**SECOND, "schema_fingerprint": "00"}]),
        *[
            ("contradiction", 1, "a-1 2", [SECOND, {**SECOND, **difference}])
            for difference in (
                {"amount": "5.01"},
                {"amount": None},
                {"balance": "5.01"},
                {"occurred_at": "2026-08-02 01:00:00.000000"},
                {"currency": "USD"},
                {"owner": "somebody"},
                {"correlation_id": "another"},
                {"causation_id": "another"},
                {"request_id": None},
                {"event_id": "a-1:2x"},
                {"event_type": "BalanceWithdrawn"},
                {"transfer_id": "t-1"},
                {"counterparty_account_id": "a-2"},
                {"dt": "2026-08-03"},
            )
        ],
        ("gap", 1, "a-1 3", []),
        ("negative_balance", 1, "a-1 2", [{**SECOND, "balance": "-0.01"}]),
        ("broken_balance", 2, "a-1 2", [{**SECOND, "balance": "5.01"}]),
        ("broken_balance", 1, "a-1 2", [{**SECOND, "amount": "5.01"}]),
    ],
)
def test_every_defect_is_found_and_named(
    tmp_path: Path, kind: str, count: int, example: str, second: list[LakeRow]
) -> None:
    """The defect is in an account's second event. Its neighbours are on other days."""
    duckdb, datafusion = lake_on_both_engines(tmp_path, [HEALTHY[0], *second[:1], HEALTHY[2]], second[1:])
    answer = run_query(duckdb, "data_quality", DAYS)
    assert answer.rows == run_query(datafusion, "data_quality", DAYS).rows
    assert (kind, count, example) in answer.rows


PAID = event("t-1", 3, "BalanceWithdrawn", FIRST_DAY, "EUR", Decimal(5), Decimal(5), transfer=("t", "t-2"))
PAID_AGAIN = {**PAID, "sequence": 4, "event_id": "t-1:4"}
RECEIVED = event("t-2", 4, "BalanceCredited", FIRST_DAY, "EUR", Decimal(5), Decimal(9), transfer=("t", "t-1"))
THIRD = event("t-3", 2, "BalanceCredited", FIRST_DAY, "EUR", Decimal(5), Decimal(5), transfer=("t", "t-1"))
NEXT_DAY = {"dt": "2026-08-02", "occurred_at": "2026-08-02 00:00:00.000000"}
HALVES: list[tuple[list[LakeRow], str]] = [
    ([PAID], "t-1 3"),
    ([RECEIVED], "t-2 4"),
    ([PAID, RECEIVED, THIRD], "t-1 3"),
    ([RECEIVED, THIRD], "t-2 4"),
    ([PAID, PAID_AGAIN], "t-1 3"),
    ([PAID, PAID_AGAIN, RECEIVED], "t-1 3"),
    ([PAID, PAID_AGAIN, RECEIVED, {**RECEIVED, "sequence": 5, "event_id": "t-2:5"}], "t-1 3"),
    (
        [{**PAID, "counterparty_account_id": "t-1"}, {**RECEIVED, "account_id": "t-1", "event_id": "t-1:4"}],
        "t-1 3",
    ),
    ([PAID, {**RECEIVED, "dt": "2026-08-02"}], "t-1 3"),
    ([PAID, {**RECEIVED, "amount": "5.01"}], "t-1 3"),
    ([PAID, {**RECEIVED, "currency": "USD"}], "t-1 3"),
    ([PAID, {**RECEIVED, "counterparty_account_id": "t-3"}], "t-1 3"),
    ([PAID, {**RECEIVED, "counterparty_account_id": "t-0"}], "t-1 3"),
    ([PAID, {**RECEIVED, "counterparty_account_id": None}], "t-1 3"),
    ([{**PAID, "counterparty_account_id": "t-1"}, {**RECEIVED, "counterparty_account_id": "t-2"}], "t-1 3"),
    ([{**PAID, "counterparty_account_id": "t-3"}, RECEIVED], "t-1 3"),
    ([PAID, {**RECEIVED, **NEXT_DAY}], "t-1 3"),
    ([PAID, {**RECEIVED, "occurred_at": "2026-08-01 00:00:00.000001"}], "t-1 3"),
    ([PAID, {**RECEIVED, "transfer_id": None}], "t-1 3"),
]


@pytest.mark.parametrize(("rows", "example"), HALVES)
def test_each_half_transfer_is_found_and_is_not_complete(tmp_path: Path, rows: list[LakeRow], example: str) -> None:
    arguments = DAYS | {"from": "2026-08-01", "until": "2026-08-02"}
    engines = lake_on_both_engines(tmp_path, rows)
    for engine in engines:
        assert ("half_transfer", 1, example) in run_query(engine, "data_quality", arguments).rows
        [found] = run_query(engine, "transfers", arguments).records()
        assert (found["transfer_id"], found["is_complete"]) == ("t", False)
    assert run_query(engines[0], "transfers", arguments).rows == run_query(engines[1], "transfers", arguments).rows


def test_a_whole_transfer_is_complete_also_if_delivered_twice(tmp_path: Path) -> None:
    later = {"published_at": "2026-08-03 00:00:00.000000"}
    rows = [PAID, RECEIVED, {**PAID, **later}, {**RECEIVED, **later}]
    for engine in lake_on_both_engines(tmp_path, rows):
        arguments = DAYS | {"from": "2026-08-01"}
        assert ("half_transfer", 0, None) in run_query(engine, "data_quality", arguments).rows
        assert [each["is_complete"] for each in run_query(engine, "transfers", arguments).records()] == [True]


def test_a_half_transfer_names_the_account_that_lacks_its_event(tmp_path: Path) -> None:
    duckdb, _ = lake_on_both_engines(tmp_path, [RECEIVED])
    [found] = run_query(duckdb, "transfers", {"from": "2026-08-01", "until": "2026-08-01"}).records()
    assert (found["paying_account_id"], found["receiving_account_id"]) == ("t-1", "t-2")
    assert (found["paying_sequence"], found["receiving_sequence"]) == (None, 4)
    assert (found["amount"], found["currency"]) == (Decimal("5.00"), "EUR")


@pytest.mark.parametrize("difference", [{}, {"balance": "5.01"}, {"event_type": "BalanceWithdrawn"}])
@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("2026-08-02", "2026-08-02", 0),
        ("2026-08-03", "2026-08-03", 1),
        ("2026-08-04", "2026-08-04", 1),
        ("2026-08-05", "2026-08-05", 0),
        ("2026-08-02", "2026-08-03", 1),
        ("2026-08-03", "2026-08-04", 1),
        ("2026-08-01", "2026-08-05", 1),
    ],
)
def test_a_copy_of_another_day_is_a_contradiction_on_the_later_day(
    tmp_path: Path, first: str, last: str, found: int, difference: LakeRow
) -> None:
    """The query reports no other defect for it, for one day or for several, and whatever else differs."""
    later = [{**SECOND, **difference, "dt": day} for day in ("2026-08-03", "2026-08-04")]
    rows = [*HEALTHY[:2], *later]
    duckdb, datafusion = lake_on_both_engines(tmp_path, rows)
    arguments = DAYS | {"from": first, "until": last}
    answer = run_query(duckdb, "data_quality", arguments).rows
    assert answer == run_query(datafusion, "data_quality", arguments).rows
    assert answer == ORACLES["data_quality"](rows, arguments)
    expected = {"contradiction": (found, "a-1 2" if found else None)}
    assert answer == [(kind, *expected.get(kind, (0, None))) for kind in KINDS]


@pytest.mark.parametrize("wrong", ["0.01", "-0.01"])
def test_a_first_balance_other_than_zero_is_a_broken_balance(tmp_path: Path, wrong: str) -> None:
    duckdb, _ = lake_on_both_engines(tmp_path, [{**HEALTHY[0], "balance": wrong}])
    answer = run_query(duckdb, "data_quality", DAYS | {"from": "2026-08-01"})
    assert ("broken_balance", 1, "a-1 1") in answer.rows


def test_a_lake_without_defects_has_no_findings(tmp_path: Path) -> None:
    duckdb, _ = lake_on_both_engines(tmp_path, HEALTHY)
    for first in ("2026-08-01", "2026-08-02"):
        found = run_query(duckdb, "data_quality", DAYS | {"from": first}).rows
        assert found == [(kind, 0, None) for kind in KINDS]


@pytest.mark.parametrize("seed", range(8))
def test_both_engines_and_the_oracle_find_the_same_defects(tmp_path: Path, seed: int) -> None:
    jitter = random.Random(seed)  # noqa: S311 -- test data
    rows = [*made_up(seed, 12, 6, 250), *made_up_transfers(seed, 6, 6, 60)]
    copies = [dict(row) for row in jitter.sample(rows, 40)]
    for row in copies[:20]:
        row.update(published_at=jitter.choice([None, table.timestamp(FIRST_DAY + timedelta(days=9))]))
    for row in (*copies[20:30], *jitter.sample(rows, 12)):
        row.update(balance=f"{Decimal(jitter.randrange(-999, 9999)) / 100:.2f}")
    for row in copies[28:40]:
        row.update(dt=f"{FIRST_DAY + timedelta(days=jitter.randrange(6)):%Y-%m-%d}")
    rows = [row for row in rows if jitter.random() > 0.05]
    duckdb, datafusion = lake_on_both_engines(tmp_path, rows, copies)
    for first, last in (("2026-08-01", "2026-08-06"), ("2026-08-03", "2026-08-04"), ("2026-08-05", "2026-08-05")):
        arguments = DAYS | {"from": first, "until": last}
        found = run_query(duckdb, "data_quality", arguments).rows
        assert found == run_query(datafusion, "data_quality", arguments).rows
        assert found == ORACLES["data_quality"]([*rows, *copies], arguments)
    assert any(count for _, count, _ in found)
