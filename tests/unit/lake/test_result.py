"""A reconciliation result is read from its file as it was written, and other files are refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ops.lake.reconcile.result import (
    KINDS,
    AccountFound,
    Difference,
    Files,
    Finding,
    Lateness,
    ReconciliationResult,
    Standing,
    Total,
    UnknownResult,
    finding_line,
    from_json,
    to_json,
)

AT = datetime(2026, 8, 1, 12, 0, 0, 1, tzinfo=UTC)
AGREEING = ReconciliationResult(AT, AT, 10, 2, totals=(Total("EUR", Decimal("1.10"), Decimal("1.10")),))
FULL = ReconciliationResult(
    AT,
    datetime(2026, 8, 1, 11, tzinfo=UTC),
    10,
    2,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    (Total("EUR", Decimal("99999999999999999999.99"), Decimal("-0.01")),),
    Lateness(AT, AT, 0.5, 1.25),
    (
        Finding(
            "differing", "a-ß", 3, "a-ß:3", (Difference("owner", None, "o"), Difference("amount", "1.00", None)), "n"
        ),
        Finding("unreadable", "a", None, ""),
    ),
    (AccountFound("a", "EUR", Standing(3, 3, Decimal("1.00")), Standing(0, 0, Decimal("0.00"))),),
    Files({"2026-08-01": "0123456789abcdef"}, 2, ("events/x", "events/y")),
)


@pytest.mark.parametrize("result", [AGREEING, FULL])
def test_a_result_is_read_from_its_file_unchanged(result: ReconciliationResult) -> None:
    assert from_json(to_json(result)) == result


def test_the_file_has_the_documented_format() -> None:
    found = json.loads(to_json(FULL))
    assert found["format"] == 1
    assert found["compared_at"] == "2026-08-01T12:00:00.000001+00:00"
    assert found["totals"] == [{"currency": "EUR", "ledger": "99999999999999999999.99", "lake": "-0.01"}]
    assert found["findings"][0] == json.loads(finding_line(FULL.findings[0]))
    assert {"missing", "extra", "differing", "contradicting", "unreadable", "on_their_way"} <= found.keys()
    assert FULL.key == "reconciliations/2026-08-01T12-00-00.000001Z.json"


def test_fields_of_a_later_release_are_ignored() -> None:
    assert from_json(json.dumps(json.loads(to_json(FULL)) | {"new": 1}).encode()) == FULL


@pytest.mark.parametrize("kind", KINDS)
def test_with_any_finding_the_sides_do_not_agree(kind: str) -> None:
    assert AGREEING.agrees
    assert not replace(AGREEING, **{kind: 1}).agrees  # type: ignore[arg-type]


def test_with_a_stray_file_the_sides_do_not_agree() -> None:
    """It is not documented how Athena reads such a file."""
    assert not replace(AGREEING, files=Files(stray=1)).agrees


def test_a_cent_is_a_difference_and_events_on_their_way_are_not() -> None:
    assert not replace(AGREEING, totals=(Total("EUR", Decimal("1.10"), Decimal("1.11")),)).agrees
    assert replace(AGREEING, on_their_way=3).agrees


@pytest.mark.parametrize(
    "invalid",
    [
        {"format": 2},
        {"compared_at": "2026-08-01T12:00:00"},
        {"through": None},
        {"missing": -1},
        {"missing": True},
        {"events": "10"},
        {"totals": [{"currency": "EUR", "ledger": "x", "lake": "1"}]},
        *[
            {"totals": [{"currency": "EUR", "ledger": amount, "lake": "1"}]}
            for amount in ("NaN", "sNaN", "inf", 1.5, None)
        ],
        {"totals": [{"currency": None, "ledger": "1", "lake": "1"}]},
        {"compared_at": "0001-01-01T00:00:00+14:00"},
        {"findings": [{"kind": "odd"}]},
        {"findings": [json.loads(finding_line(FULL.findings[0])) | {"account_id": ["a"]}]},
        {"findings": [json.loads(finding_line(FULL.findings[0])) | {"note": None}]},
        {"accounts_found": [{"account_id": "a", "currency": {}, "ledger": {}, "lake": {}}]},
        {"lateness": {"newest_in_ledger": None, "newest_in_lake": None, "behind_s": float("nan"), "longest_s": None}},
        {"lateness": {"newest_in_ledger": None, "newest_in_lake": None, "behind_s": None, "longest_s": "1"}},
        {"lateness": None},
        {"files": {"days": {}, "stray": -1, "strays": []}},
        {"files": {"days": [], "stray": 0, "strays": []}},
    ],
)
def test_an_invalid_value_is_refused(invalid: dict[str, Any]) -> None:
    with pytest.raises(UnknownResult, match="Run `account-events reconcile` again"):
        from_json(json.dumps(json.loads(to_json(FULL)) | invalid).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"1"])
def test_a_foreign_file_is_refused(body: bytes) -> None:
    with pytest.raises(UnknownResult):
        from_json(body)
