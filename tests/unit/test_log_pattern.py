"""The filter patterns of CloudWatch Logs that the runbook uses."""

import json

import pytest

from tests.support.log_pattern import matches

REQUEST = json.dumps({"message": "request", "status": 503, "latencyMs": "1204", "record": {"metrics": {"ms": 0.5}}})


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ('{ $.message = "request" }', REQUEST, True),
        ('{ $.message = "req*" }', REQUEST, True),
        ('{ $.message = "quest" }', REQUEST, False),
        ('{ $.message != "other" }', REQUEST, True),
        ('{ $.message = "request" && $.status >= 500 }', REQUEST, True),
        ('{ $.message = "request" && $.status > 503 }', REQUEST, False),
        ("{ $.record.metrics.ms > 0 }", REQUEST, True),
        ("{ $.record.other.ms > 0 }", REQUEST, False),
        ("{ $.latencyMs = %^[0-9][0-9][0-9][0-9]% }", REQUEST, True),
        ("{ $.latencyMs = %^[0-9]{5}% }", REQUEST, False),
        ("{ $.latencyMs > 5 }", REQUEST, False),
        ('{ $.message = "request" }', "START RequestId: 1", False),
        ('{ $.message = "request" }', '["request"]', False),
        ('?ERROR ?"Task timed out"', "2026 Task timed out after 25 s", True),
        ('?ERROR ?"Task timed out"', '{"level": "ERROR"}', True),
        ('?ERROR ?"Task timed out"', '{"level": "error"}', False),
    ],
)
def test_a_pattern_matches_as_the_guide_describes(pattern: str, message: str, *, expected: bool) -> None:
    assert matches(pattern, message) is expected


def test_a_pattern_of_another_form_is_refused() -> None:
    with pytest.raises(AssertionError):
        matches("[ip, user]", "1 2")
    with pytest.raises(AssertionError):
        matches('{ $.a = "1" || $.b = "2" }', '{"a": 1}')
