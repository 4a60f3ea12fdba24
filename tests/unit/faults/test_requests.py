"""Requests of scripts and of the console about faults."""

import json
from typing import Any

import pytest

from local_stack.faults.catalogue import FAULTS
from local_stack.faults.requests import answer
from tests.unit.faults.given import Given


def post(given: Given, path: str, body: object) -> tuple[int, dict[str, Any]]:
    return answer(given.switch, "POST", path, json.dumps(body).encode())


def test_get_lists_every_fault(given: Given) -> None:
    given.switch.begin("refused-entries")
    status, found = answer(given.switch, "GET", "/api/faults", b"")
    assert status == 200
    assert [each["name"] for each in found["faults"]] == list(FAULTS)
    [on] = [each for each in found["faults"] if each["is_on"]]
    assert on == {
        "name": "refused-entries",
        "title": "Refused entries",
        "what": FAULTS["refused-entries"].what,
        "watch": FAULTS["refused-entries"].watch,
        "repair": "",
        "runbook": "eventstreamthrottled",
        "is_momentary": False,
        "is_on": True,
        "began_at": "2026-01-31T09:30:00.000+00:00",
        "settings": {"share": "0.3", "seed": "1"},
    }
    assert json.loads(json.dumps(found)) == found


def test_post_begins_and_ends_a_fault(given: Given) -> None:
    status, begun = post(given, "/api/faults/lost-answers", {"on": True, "settings": {"share": "1"}})
    assert (status, begun["is_on"], begun["settings"]) == (200, True, {"share": "1", "seed": "1"})
    status, ended = post(given, "/api/faults/lost-answers", {"on": False})
    assert (status, ended["is_on"]) == (200, False)


def test_post_without_a_name_ends_all_faults(given: Given) -> None:
    for name in ("lost-answers", "stopped-lake"):
        given.switch.begin(name)
    status, found = post(given, "/api/faults", {"on": False})
    assert status == 200
    assert not any(each["is_on"] for each in found["faults"])


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/api/faults/earthquake", '{"on": true}', (404, "unknown_fault")),
        ("POST", "/api/faults/stopped-lake", '{"on": false}', (409, "fault_refused")),
        ("POST", "/api/faults/refused-entries", '{"on": true, "settings": {"share": "2"}}', (409, "fault_refused")),
        ("POST", "/api/faults/refused-entries", '{"on": true, "settings": {"share": 0.3}}', (400, "invalid_request")),
        ("POST", "/api/faults/refused-entries", '{"on": true, "settings": []}', (400, "invalid_request")),
        ("POST", "/api/faults/refused-entries", '{"on": true, "sure": true}', (400, "invalid_request")),
        ("POST", "/api/faults/refused-entries", '{"on": 1}', (400, "invalid_request")),
        ("POST", "/api/faults/refused-entries", "[]", (400, "invalid_request")),
        ("POST", "/api/faults/refused-entries", "", (400, "invalid_request")),
        ("POST", "/api/faults/refused-entries", "[" * 100_000, (400, "invalid_request")),
        ("POST", "/api/faults", '{"on": true}', (400, "invalid_request")),
        ("GET", "/api/faults/refused-entries", "", (405, "method_not_allowed")),
        ("DELETE", "/api/faults", "", (405, "method_not_allowed")),
        ("GET", "/api/faultsy", "", (404, "not_found")),
        ("POST", "/api", '{"on": true}', (404, "not_found")),
    ],
)
def test_anything_else_is_refused_with_what_to_do(
    given: Given, method: str, path: str, body: str, expected: tuple[int, str]
) -> None:
    status, found = answer(given.switch, method, path, body.encode())
    assert (status, found["code"]) == expected
    assert found["message"]
    assert found["advice"]
    assert not any(effect.calls for effect in given.effects.values())


def test_a_body_that_is_no_utf8_is_refused(given: Given) -> None:
    assert answer(given.switch, "POST", "/api/faults/stopped-lake", b"\xff\xfe{")[0] == 400


def test_a_script_that_may_not_begin_a_fault_may_end_one(given: Given) -> None:
    given.switch.begin("stopped-lake")
    begin, end = json.dumps({"on": True}).encode(), json.dumps({"on": False}).encode()
    status, found = answer(given.switch, "POST", "/api/faults/stopped-reader-mapping", begin, may_begin=False)
    assert (status, found["code"]) == (403, "faults_off")
    assert "account-events up --faults" in found["advice"]
    assert [state.name for state in given.switch.states() if state.is_on] == ["stopped-lake"]
    status, found = answer(given.switch, "POST", "/api/faults/stopped-lake", end, may_begin=False)
    assert (status, found["is_on"]) == (200, False)
