"""A verdict comes back from its file as it was written, and nothing else is taken for one."""

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
SOUND = ReconciliationResult(AT, AT, 10, 2, totals=(Total("EUR", Decimal("1.10"), Decimal("1.10")),))
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


@pytest.mark.parametrize("verdict", [SOUND, FULL])
def test_it_comes_back(verdict: ReconciliationResult) -> None:
    assert from_json(to_json(verdict)) == verdict


def test_its_file_is_the_documented_one() -> None:
    found = json.loads(to_json(FULL))
    assert found["format"] == 1
    assert found["compared_at"] == "2026-08-01T12:00:00.000001+00:00"
    assert found["totals"] == [{"currency": "EUR", "ledger": "99999999999999999999.99", "lake": "-0.01"}]
    assert found["findings"][0] == json.loads(finding_line(FULL.findings[0]))
    assert {"missing", "extra", "differing", "contradicting", "unreadable", "on_their_way"} <= found.keys()
    assert FULL.key == "reconciliations/2026-08-01T12-00-00.000001Z.json"


def test_what_a_later_release_adds_is_passed_over() -> None:
    assert from_json(json.dumps(json.loads(to_json(FULL)) | {"new": 1}).encode()) == FULL


@pytest.mark.parametrize("kind", KINDS)
def test_any_finding_makes_it_unsound(kind: str) -> None:
    assert SOUND.is_sound
    assert not replace(SOUND, **{kind: 1}).is_sound  # type: ignore[arg-type]


def test_a_stray_file_makes_it_unsound() -> None:
    """Nobody knows what Athena makes of it."""
    assert not replace(SOUND, files=Files(stray=1)).is_sound


def test_a_cent_makes_it_unsound_and_what_is_on_its_way_does_not() -> None:
    assert not replace(SOUND, totals=(Total("EUR", Decimal("1.10"), Decimal("1.11")),)).is_sound
    assert replace(SOUND, on_their_way=3).is_sound


@pytest.mark.parametrize(
    "spoiled",
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
def test_what_is_none_is_refused(spoiled: dict[str, Any]) -> None:
    with pytest.raises(UnknownResult, match="reconcile again"):
        from_json(json.dumps(json.loads(to_json(FULL)) | spoiled).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"1"])
def test_what_is_no_file_of_ours_is_refused(body: bytes) -> None:
    with pytest.raises(UnknownResult):
        from_json(body)
