"""An account's rows and its fold as the page shows them."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from account_core.domain.events import EventRow, Transfer, Withdrawn
from account_core.rows.items import to_item
from ops.console.account import ROWS_MAX, page, read, steps, summary
from tests.support.ledger_and_lake import history
from tests.unit.console.given import newest_first


def shown(amounts: int, before: int | None = None) -> dict[str, Any]:
    """The page of an account that was credited so many times."""
    items = newest_first(history("a", *["1.00"] * amounts))
    rows = [each for each in items if before is None or int(each["Version"]["N"]) < before]
    return page("a", items[:10], rows[:ROWS_MAX])


def test_the_ten_rows_that_a_read_fetches_are_marked() -> None:
    found = shown(24)
    assert found["newest_version"] == 27
    assert [each["version"] for each in found["rows"] if each["is_read"]] == list(range(27, 17, -1))
    assert [each["version"] for each in found["rows"] if each["is_snapshot"]] == [20, 10]
    assert found["next_before"] is None


def test_older_rows_follow_page_by_page() -> None:
    first = shown(60)
    assert (len(first["rows"]), first["next_before"], first["newest_version"]) == (50, 18, 67)
    second = shown(60, before=first["next_before"])
    assert [each["version"] for each in second["rows"]] == list(range(17, 0, -1))
    assert not any(each["is_read"] for each in second["rows"])
    assert second["next_before"] is None
    assert second["steps"] == first["steps"]


def test_the_fold_begins_with_the_snapshot() -> None:
    found = shown(11)["steps"]
    assert [(each["version"], each["sequence"], each["kind"], each["amount"], each["balance"]) for each in found] == [
        (10, 9, "SNAPSHOT", None, "8.00"),
        (11, 10, "CREDIT", "1.00", "9.00"),
        (12, 11, "CREDIT", "1.00", "10.00"),
        (13, 12, "CREDIT", "1.00", "11.00"),
    ]


def test_a_snapshot_as_the_newest_row_is_the_only_step() -> None:
    found = shown(8)
    assert [each["version"] for each in found["steps"]] == [10]


def test_without_a_snapshot_the_fold_begins_with_the_first_row() -> None:
    items = newest_first(history("a", "5.00", "-2.00"))
    found = page("a", items, items)["steps"]
    assert [(each["kind"], each["amount"], each["balance"], each["currency"]) for each in found] == [
        ("CREATED", None, "0.00", "EUR"),
        ("CREDIT", "5.00", "5.00", "EUR"),
        ("WITHDRAW", "2.00", "3.00", "EUR"),
    ]


def test_a_row_has_the_ids_of_its_command() -> None:
    items = newest_first(history("a", "5.00"))
    credited, created = page("a", items, items)["rows"]
    assert {name: credited[name] for name in ("correlation_id", "request_id", "command_id", "owner")} == {
        "correlation_id": "c-a-2",
        "request_id": "r-a-2",
        "command_id": "k-2",
        "owner": None,
    }
    assert (created["owner"], created["amount"], created["balance"], created["problem"]) == (
        "owner-1",
        None,
        "0.00",
        "",
    )


def test_a_row_that_cannot_be_read_ends_the_fold_with_the_reason() -> None:
    items = newest_first(history("a", "5.00", "6.00", "7.00"))
    items[1] = {**items[1], "Type": {"S": "BONUS"}}
    found = page("a", items, items)
    assert [each["version"] for each in found["steps"]] == [1, 2]
    assert found["problem"] == "row a/3: unknown type 'BONUS'"
    assert [(each["kind"], each["problem"]) for each in found["rows"]][1] == ("BONUS", found["problem"])
    assert found["rows"][1]["balance"] is None


def test_a_row_that_contradicts_the_one_before_ends_the_fold() -> None:
    items = newest_first(history("a", "5.00", "6.00"))
    items[0] = {**items[0], "Balance": {"N": "999"}}
    found = page("a", items, items)
    assert [each["version"] for each in found["steps"]] == [1, 2]
    assert "balance or currency does not follow" in found["problem"]


def test_a_damaged_snapshot_is_shown_and_the_fold_cannot_begin() -> None:
    items = newest_first(history("a", *["1.00"] * 12))
    items[4] = {**items[4], "Balance": {"N": "999"}}
    found = page("a", items[:10], items)
    assert found["rows"][4]["is_snapshot"]
    assert found["rows"][4]["problem"] == "its digest does not match its state"
    assert (found["steps"], found["problem"][:28]) == ([], "No row of these can begin th")


def test_a_damaged_snapshot_is_passed_over_if_the_first_row_is_there() -> None:
    items = newest_first(history("a", *["1.00"] * 8))
    items[0] = {**items[0], "Balance": {"N": "999"}}
    found, problem = steps([read(each) for each in items])
    assert ([each["version"] for each in found], problem) == (list(range(1, 10)), "")


@pytest.mark.parametrize("version", ["1.5", "-1", "1" * 40])
def test_a_version_that_no_row_can_have_is_shown_as_zero(version: str) -> None:
    [created] = newest_first(history("a"))
    assert read({**created, "Version": {"N": version}}).version == 0


def test_an_account_is_listed_with_its_newest_state() -> None:
    items = newest_first(history("a", "5.00"))
    assert summary("a", items) == {
        "account_id": "a",
        "owner": "owner-1",
        "currency": "EUR",
        "balance": "5.00",
        "sequence": 2,
        "at": "2026-08-01T10:30:00.000000Z",
    }
    broken = {**to_item(history("a")[0]), "Type": {"S": "BONUS"}}
    assert summary("a", [broken]) is None


def test_rows_of_transfers_have_the_counterparty() -> None:
    rows = history("a", "5.00", "-2.00")
    paid = rows[-1]
    assert isinstance(paid, EventRow)
    event = Withdrawn(Decimal("2.00"), Transfer("t-1", "b"))
    items = [to_item(replace(paid, event=event)), *newest_first(rows[:-1])]
    found = page("a", items, items)["rows"]
    assert [(each["kind"], each["transfer_id"], each["counterparty"]) for each in found] == [
        ("WITHDRAW", "t-1", "b"),
        ("CREDIT", None, None),
        ("CREATED", None, None),
    ]
