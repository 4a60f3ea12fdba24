"""The order of an event's findings does not depend on the engine that collected the evidence."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from ops.lake.reconcile.differences import FIELDS, KEYS, Evidence, findings

LEDGER: dict[str, Any] = dict.fromkeys((*KEYS, *FIELDS)) | {"event_id": "a-1:3", "request_id": "r-3"}


def evidence(role: Any, lake: dict[str, Any] | None, reason: str | None = None) -> Evidence:  # noqa: ANN401
    return Evidence("a-1", 3, role, LEDGER, lake, reason)


@pytest.mark.parametrize(
    "collected",
    [
        [evidence("shown", LEDGER | {"event_id": each}) for each in (None, "a-1:4", "a-1:5")],
        [
            evidence("shown", LEDGER),
            *(evidence("copy", LEDGER | {"request_id": each}) for each in (None, "r-4", "r-5")),
        ],
        [evidence("unreadable", None, each) for each in ("its amount is zero", "unknown type", "")],
    ],
)
def test_findings_are_the_same_in_whatever_order_engines_sort(collected: Sequence[Evidence]) -> None:
    [one, *others] = [list(findings(each)) for each in permutations(collected)]
    assert len(one) > 1
    assert all(each == one for each in others)
