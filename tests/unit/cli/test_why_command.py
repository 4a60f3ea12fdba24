"""The command `why`: its output, its JSON and its exit codes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from typer.testing import CliRunner

from ops.cli.app import app
from ops.why.diagnosis import diagnosis, diagnosis_of
from ops.why.facts import Facts
from ops.why.run import ExplainedEvent, ExplainedRequest, Explanation
from ops.why.timeline import timeline
from tests.unit.why.given import AROUND, EVERYWHERE, REQUEST, ROW, only_written, parked_at

SEARCHED = ("the accounts table, as an event id",)
REFUSAL = replace(REQUEST, status=422, code="insufficient_funds", sequence=None)


def explained(facts: Facts) -> ExplainedEvent:
    return ExplainedEvent(facts, timeline(facts), diagnosis(facts, AROUND))


NOTHING = Explanation((), (), 0, (), SEARCHED, ("the lake: it is on strike",))
COMPLETE = Explanation(("event id",), (explained(EVERYWHERE),), 1, (), SEARCHED, ())
PARKED = explained(only_written(parked=parked_at(3)))
SEVERAL = Explanation(("account id",), (explained(EVERYWHERE), PARKED, PARKED), 21, (), SEARCHED, ())
REFUSED = Explanation(("request id",), (), 0, (ExplainedRequest(REFUSAL, diagnosis_of(REFUSAL, AROUND)),), SEARCHED, ())


@pytest.fixture
def asked(request: pytest.FixtureRequest) -> Iterator[None]:
    with patch("ops.cli.why.Deployment") as deployment, patch("ops.cli.why.explain", side_effect=[request.param]):
        deployment.connect.return_value.address = None
        yield


def run(*arguments: str) -> Any:  # noqa: ANN401 -- click's result
    return CliRunner().invoke(app, ["why", "an-id", *arguments])


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("asked", [COMPLETE], indirect=True)
def test_an_event_that_is_everywhere_exits_with_0() -> None:
    done = run()
    assert done.exit_code == 0
    assert "an-id is the event id of event a-1:3.\n" in done.stdout
    assert "2026-08-01 11:30:01.000      +0.960 s  event stream  shard-0, sequence number 4961\n" in done.stdout
    assert "✓ It is everywhere: in the table, on the event stream, in the read model and in the lake." in done.stdout
    assert "Searched: the accounts table, as an event id.\n" in done.stderr


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("asked", [SEVERAL], indirect=True)
def test_several_events_are_listed_with_one_timeline() -> None:
    done = run()
    assert done.exit_code == 1
    assert "an-id is the account id of 21 events; these are the newest 3:" in done.stdout
    assert done.stdout.count("a-1:3  CREDIT  parked accounts: parked\n") == 2
    assert "the account is parked at this event: unknown type 'INTEREST'" in done.stdout
    assert done.stderr.count("Repair: account-events release a-1 --stack bank") == 1, "once for all events"
    assert "✓" not in done.stdout


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("asked", "what", "newest"),
    [
        (replace(SEVERAL, events=2 * (explained(EVERYWHERE),)), "21 events", "The newest 2 are everywhere: "),
        (
            Explanation(("correlation id",), 2 * (explained(EVERYWHERE),), 2, (), SEARCHED, (), may_have_more=True),
            "at least 2 events",
            "The newest 2 are everywhere: ",
        ),
        (replace(SEVERAL, events=2 * (explained(EVERYWHERE),), events_found=2), "2 events:", "All of them are every"),
    ],
    indirect=["asked"],
)
def test_events_that_were_not_followed_are_not_called_everywhere(what: str, newest: str) -> None:
    done = run()
    assert done.exit_code == 0
    assert what in done.stdout
    assert f"✓ {newest}" in done.stdout
    assert ("these are the newest 2" in done.stdout) == newest.startswith("The")


@pytest.mark.parametrize("text", ["svc:bank:42", "[/x]", "[bold]", "a:key:b"])
def test_ids_and_stored_text_are_printed_as_they_are(text: str) -> None:
    facts = replace(EVERYWHERE, row=replace(ROW, kind=text))
    request = replace(REFUSAL, correlation_id=text, code=text)
    found = Explanation(
        *(("correlation id",), 2 * (explained(facts),), 2),
        *((ExplainedRequest(request, diagnosis_of(request, AROUND)),), (f"the log, {text}",), (f"the lake: {text}",)),
    )
    with patch("ops.cli.why.Deployment") as deployment, patch("ops.cli.why.explain", return_value=found):
        deployment.connect.return_value.address = None
        done = CliRunner().invoke(app, ["why", text])
    assert done.exit_code == 0, done.exception
    for line in (f"{text} is the correlation id", f"a-1:3  {text}  everywhere", f"{text}, version 3", f"422 {text}; "):
        assert line in done.stdout
    for line in (f"answered 422 {text}.", f"the log, {text}.", f"the lake: {text}."):
        assert line in done.stderr


@pytest.mark.parametrize("account", ["", "a b", "x" * 65, "a:1", "é"])
def test_an_account_that_cannot_be_one_is_a_usage_error(account: str) -> None:
    with patch("ops.cli.why.Deployment") as deployment:
        assert run("--account", account).exit_code == 2
    assert not deployment.connect.called


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("asked", [COMPLETE], indirect=True)
def test_json_keeps_its_fields() -> None:
    found = json.loads(run("--json").stdout)
    assert list(found) == [
        *("format", "id", "kinds", "events_found", "may_have_more", "events", "requests", "searched", "not_searched"),
        "is_everywhere",
    ]
    [event] = found["events"]
    assert list(event) == ["event_id", "account_id", "sequence", "transfer", "is_everywhere", "timeline", "findings"]
    assert {tuple(hop) for hop in event["timeline"]} == {("where", "at", "what", "is_reached", "after_s")}


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("asked", [NOTHING], indirect=True)
def test_an_unknown_id_exits_with_2_and_names_what_was_not_searched() -> None:
    done = run()
    assert done.exit_code == 2
    assert "✗ an-id was not found.\n" in done.stderr
    assert "Not searched: the lake: it is on strike.\n" in done.stderr


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("asked", [REFUSED], indirect=True)
def test_a_refused_command_is_shown_and_exits_with_0() -> None:
    done = run()
    assert done.exit_code == 0
    assert "1 request of an-id made no event, newest first:" in done.stdout
    assert "credit answered 422 insufficient_funds; request id r-1" in done.stdout
    assert "refused: credit was answered 422 insufficient_funds." in done.stderr
    assert "Look: account-events why a-1 --stack bank" in done.stderr
    assert "Runbook" not in done.stderr


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("asked", [SEVERAL], indirect=True)
def test_json_has_each_event_with_its_timeline_and_findings() -> None:
    done = run("--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["format"], found["id"], found["events_found"], found["is_everywhere"]) == (1, "an-id", 21, False)
    assert found["events"][0]["is_everywhere"]
    event = found["events"][1]
    assert (event["event_id"], event["account_id"], event["sequence"]) == ("a-1:3", "a-1", 3)
    assert event["timeline"][1] == {
        "where": "table",
        "at": "2026-08-01T11:30:00+00:00",
        "what": "CREDIT, version 3, sequence 3",
        "is_reached": True,
        "after_s": None,
    }
    assert event["findings"][0]["kind"] == "parked"


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("asked", [REFUSED], indirect=True)
def test_json_has_each_request_without_an_event() -> None:
    [request] = json.loads(run("--json").stdout)["requests"]
    assert (request["status"], request["code"], request["finding"]["kind"]) == (422, "insufficient_funds", "refused")


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("asked", [KeyboardInterrupt()], indirect=True)
def test_ctrl_c_is_reported_in_a_line() -> None:
    done = run()
    assert "interrupted: nothing was changed; run the command again" in done.stderr
    assert done.exit_code != 0
    assert done.stdout == ""
