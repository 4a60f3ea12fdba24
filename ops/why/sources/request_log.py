"""The API's log: one line for each request, with its ids and its outcome.

Source: Amazon CloudWatch Logs API reference, FilterLogEvents (a page may be empty although more follow; the oldest
event comes first), and user guide, "Filter pattern syntax" (a quoted phrase matches as it is).
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.why.facts import RequestLine

PAGES_MAX = 60
"""FilterLogEvents requests of one search. AWS allows five in a second."""
PAUSE_S = 0.2
LINES_MAX = 200
STEPS = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
"""The log is searched from now backwards in steps of this length, so that the newest lines are found first."""
_NOT_IN_A_PHRASE = re.compile(r'["\\*?\[\]]')


@dataclass(slots=True)
class LogSearch:
    """What was found in the log.

    Attributes:
        lines: the requests, oldest first.
        start: the time from which the log was searched completely.
        is_complete: whether that is the time that was asked for, and no line was left out.
        has_more: whether there are more lines than are kept, which are the newest.
    """

    start: datetime
    lines: list[RequestLine] = field(default_factory=list)
    is_complete: bool = True
    has_more: bool = False


def search(
    client: Any,  # noqa: ANN401 -- boto3-stubs[logs] is not installed
    group: str,
    text: str,
    is_wanted: Callable[[RequestLine], bool],
    *,
    span: tuple[datetime, datetime],
    wait: Callable[[float], object],
) -> LogSearch:
    """Searches the log for the lines of requests that contain a text.

    Args:
        client: of CloudWatch Logs.
        group: the log group.
        text: part of the line.
        is_wanted: whether a request is wanted.
        span: the first and the last time.
        wait: called before each request, with the seconds to wait; it may raise to end the search.
    """
    found, pages = LogSearch(span[1]), PAGES_MAX
    phrase = max(_NOT_IN_A_PHRASE.split(text), key=len)
    request: dict[str, Any] = (
        {"logGroupName": group, "filterPattern": f'"{phrase}"'} if phrase else {"logGroupName": group}
    )
    for start, end in _steps(*span):
        token: dict[str, str] = {}
        while True:
            if not pages:
                found.is_complete = False
                break
            wait(PAUSE_S if token else 0)
            page: Any = client.filter_log_events(
                **request, startTime=_milliseconds(start), endTime=_milliseconds(end), **token
            )
            pages -= 1
            found.lines += [line for event in page["events"] if (line := _line(event)) and is_wanted(line)]
            found.has_more = found.has_more or len(found.lines) > LINES_MAX
            if "nextToken" not in page:
                found.start = start
                break
            token = {"nextToken": page["nextToken"]}
        found.lines = sorted(found.lines, key=lambda line: line.at)[-LINES_MAX:]
        found.is_complete = found.is_complete and not found.has_more
        if not found.is_complete:
            break
    return found


def _steps(first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Consecutive parts of a span, the newest first."""
    end = last
    for step in STEPS:
        start = max(first, last - step)
        if start < end:
            yield start, end
        end = start
    if first < end:
        yield first, end


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _line(event: Any) -> RequestLine | None:  # noqa: ANN401 -- botocore's
    """The request of a log event; None for other lines."""
    try:
        line = json.loads(event["message"])
    except ValueError:
        return None
    if not isinstance(line, dict) or line.get("message") != "request" or "status" not in line:
        return None
    return RequestLine(
        datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        str(line.get("operation", "none")),
        int(line["status"]),
        str(line.get("request_id", "")),
        str(line.get("code") or ""),
        str(line.get("account_id") or ""),
        line.get("sequence"),
        bool(line.get("is_replay")),
        str(line.get("correlation_id") or ""),
        line.get("command_id"),
        str(line.get("transfer_id") or ""),
    )
