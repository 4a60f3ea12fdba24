"""The metrics that functions emit in their logs, read piece by piece."""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from local_stack.alarms.evaluation import Metric, values_in

OVERLAP_MS = 10_000
"""How far each read goes back behind the newest line, because lines of several processes arrive out of order."""
SKIPPED_MS = 60_000
"""If nobody asked for so long, the lines in between are skipped: there may be hundreds of thousands."""
VALUES_MAX = 10_000
"""How many values of a metric are kept; the oldest are dropped."""


_Line = tuple[str, int, int]
"""What identifies a line, because the emulator's have no ids: its stream, its time, and its message's hash."""


class EmittedMetrics:
    """Reads the log groups, each line once, and keeps the values of some metrics.

    Args:
        logs: a client of CloudWatch Logs.
        groups: the names of the log groups.
        metrics: the metrics whose values are kept.
    """

    def __init__(self, logs: Any, groups: Sequence[str], metrics: Iterable[Metric]) -> None:  # noqa: ANN401 -- a boto3 client
        self._logs, self._groups = logs, groups
        self._wanted = tuple(metrics)
        self._begins_ms: int | None = None
        self._since_ms = 0
        self._newest_ms: dict[str, int] = {}
        self._seen: dict[str, Counter[_Line]] = {}
        self._values: dict[Metric, deque[tuple[int, float]]] = defaultdict(lambda: deque(maxlen=VALUES_MAX))

    def read(self, since_s: float) -> None:
        """Read the new lines. The values since this time, in seconds since 1970, are available afterwards."""
        since_ms = int(since_s * 1_000)
        if self._begins_ms is None or since_ms < self._begins_ms or since_ms > self._since_ms + SKIPPED_MS:
            self._begins_ms = since_ms
            self._newest_ms, self._seen = {}, {}
            self._values.clear()
        self._since_ms = since_ms
        for group in self._groups:
            self._read_group(group)

    def values(self, metric: Metric, since_s: float) -> list[float]:
        """The metric's values since this time."""
        return [value for at_ms, value in self._values[metric] if at_ms >= int(since_s * 1_000)]

    def _read_group(self, group: str) -> None:
        begins_ms = self._begins_ms or 0
        start_ms = max(begins_ms, self._newest_ms.get(group, begins_ms) - OVERLAP_MS)
        seen, found = self._seen.get(group, Counter()), Counter[_Line]()
        for event in self._lines(group, start_ms):
            line = (event["logStreamName"], event["timestamp"], hash(event["message"]))
            found[line] += 1
            if found[line] > seen[line]:
                self._keep(event["timestamp"], json.loads(event["message"]))
        self._seen[group] = found
        self._newest_ms[group] = max((at_ms for _, at_ms, _ in found), default=start_ms)

    def _keep(self, at_ms: int, line: Mapping[str, Any]) -> None:
        for metric in self._wanted:
            self._values[metric].extend((at_ms, value) for value in values_in(metric, line))

    def _lines(self, group: str, start_ms: int) -> Iterator[Any]:
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=start_ms, filterPattern='"_aws"'
        )
        for page in pages:
            yield from page["events"]
