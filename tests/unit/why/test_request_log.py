"""The API's log, read as CloudWatch Logs answers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.why.sources import request_log
from ops.why.sources.request_log import PAGES_MAX, LogSearch, search

NOW = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)


class Logs:
    """A client of CloudWatch Logs whose every second page is empty.

    Attributes:
        requests: the parameters of each request.
    """

    def __init__(self, *lines: tuple[timedelta, dict[str, Any]], endless: bool = False) -> None:
        self._lines = [(NOW - age, fields) for age, fields in lines]
        self._endless = endless
        self.requests: list[dict[str, Any]] = []

    def filter_log_events(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- any parameter
        self.requests.append(request)
        span = (request["startTime"], request["endTime"])
        found = [
            {"timestamp": round(at.timestamp() * 1000), "message": json.dumps(fields)}
            for at, fields in self._lines
            if span[0] <= at.timestamp() * 1000 <= span[1]
        ]
        if self._endless or "nextToken" not in request:
            return {"events": [], "nextToken": "more"}
        return {"events": found}


def line(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- fields of a log line
    return {"message": "request", "operation": "credit", "status": 200, "request_id": "r-1"} | fields


def searched(client: Logs, text: str = "r-1", days: int = 7) -> LogSearch:
    span = (NOW - timedelta(days=days), NOW)
    return search(client, "/api", text, lambda line: line.request_id == text, span=span, wait=lambda _: None)


def test_all_pages_of_all_steps_are_read() -> None:
    client = Logs((timedelta(days=3), line(sequence=1)), (timedelta(minutes=5), line(sequence=2)))
    found = searched(client)
    assert [each.sequence for each in found.lines] == [1, 2]
    assert (found.is_complete, found.start) == (True, NOW - timedelta(days=7))
    spans = [(each["endTime"] - each["startTime"]) // 3_600_000 for each in client.requests]
    assert spans == [1, 1, 5, 5, 18, 18, 144, 144], "the newest first, each in two pages"
    assert {each["filterPattern"] for each in client.requests} == {'"r-1"'}


def test_a_search_ends_after_a_number_of_pages_and_reports_it() -> None:
    client = Logs(endless=True)
    found = searched(client)
    assert len(client.requests) == PAGES_MAX
    assert (found.is_complete, found.start) == (False, NOW)


def test_too_many_lines_end_the_search_with_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "LINES_MAX", 2)
    ages = [timedelta(minutes=number) for number in range(1, 6)]
    found = searched(Logs(*((age, line(sequence=number)) for number, age in enumerate(ages))))
    assert not found.is_complete
    assert [each.sequence for each in found.lines] == [1, 0]


def test_lines_beyond_the_maximum_in_the_last_step_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "LINES_MAX", 2)
    ages = [timedelta(days=5, minutes=number) for number in range(1, 6)]
    found = searched(Logs(*((age, line(sequence=number)) for number, age in enumerate(ages))))
    assert (found.is_complete, found.has_more) == (False, True)
    assert [each.sequence for each in found.lines] == [1, 0]


def test_the_newest_lines_of_a_step_with_several_pages_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page has the oldest lines first."""
    monkeypatch.setattr(request_log, "LINES_MAX", 2)

    class Pages(Logs):
        def filter_log_events(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 -- any parameter
            page = super().filter_log_events(**{**request, "nextToken": "more"})
            number = int(request.get("nextToken", 0))
            events = page["events"][number : number + 1]
            return {"events": events, **({"nextToken": str(number + 1)} if number < len(page["events"]) else {})}

    ages = [timedelta(minutes=number) for number in range(6, 0, -1)]
    found = searched(Pages(*((age, line(sequence=number)) for number, age in enumerate(ages))))
    assert [each.sequence for each in found.lines] == [4, 5]
    assert (found.is_complete, found.has_more) == (False, True)


def test_other_lines_and_lines_without_json_are_left_out() -> None:
    others = [{"message": "request failed", "request_id": "r-1"}, ["r-1"], line(request_id="r-12")]
    client = Logs(*((timedelta(minutes=1), each) for each in others))  # type: ignore[arg-type]  # one is no object
    assert searched(client).lines == []


@pytest.mark.parametrize(
    ("text", "pattern"),
    [('a"longer', '"longer"'), ("back\\slash", '"slash"'), ("a*b?c", '"a"'), ('"', None)],
)
def test_what_a_phrase_cannot_have_is_left_out_of_the_pattern(text: str, pattern: str | None) -> None:
    client = Logs()
    searched(client, text)
    assert {each.get("filterPattern") for each in client.requests} == {pattern}


def test_an_interruption_ends_the_search() -> None:
    def stopped(_seconds: float) -> None:
        raise InterruptedError

    client = Logs()
    with pytest.raises(InterruptedError):
        search(client, "/api", "r-1", lambda _: True, span=(NOW - timedelta(days=1), NOW), wait=stopped)
    assert client.requests == []
