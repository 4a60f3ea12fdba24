"""The states of template.yaml's alarms, computed from what the local stack emits.

The alarms exist only on AWS. Here each is evaluated once, over the data since a time instead of its periods: its
statistic, over the data that the functions' logs (embedded metric format) and the emulator's CloudWatch have.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from local_stack.address import Address
from local_stack.alarms.deployed_alarms import deployed_alarms
from local_stack.alarms.emitted import EmittedMetrics
from local_stack.alarms.evaluation import (
    NO_DATA,
    Evaluation,
    Metric,
    combined,
    evaluated,
    inputs_of,
    merged,
    metrics_of,
    statistic_of,
)

WINDOW_S = 30.0
"""How far back the alarms are evaluated for somebody who watches the local stack."""
CONTINUOUS = {("AWS/Lambda", "PolledEventCount"), ("AWS/Firehose", "DataReadFromKinesisStream.Records")}
"""The metrics that the local stack publishes every few seconds, so that missing data mean something.

On AWS, other metrics are published regularly as well: by backups and schedules that do not run here, or only hourly.
"""
EMITTED_NAMESPACE = "AccountEvents"
CLOCK_SKEW_S = 60
QUERIES_MAX = 500
PERIOD_S = 86_400


@dataclass(frozen=True, slots=True)
class AlarmState:
    """The state of an alarm.

    Attributes:
        name: its logical id in template.yaml, for example `ProjectorParks`.
        is_alarm: whether it would be in ALARM; None if that is not known, for example because there are no data.
        reason: the value and what it is compared with.
        runbook: the anchor of its entry in docs/runbook.md.
        since: when the state changed the last time, UTC; None if it has not changed since the first evaluation.
    """

    name: str
    is_alarm: bool | None
    reason: str
    runbook: str
    since: datetime | None = None


class LocalAlarms:
    """Evaluates the alarms of a local stack. Use it in one thread.

    Args:
        address: the running local stack.
        now: returns the current time, UTC.

    Raises:
        BotoCoreError, ClientError: the stack does not answer.
    """

    def __init__(self, address: Address, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._alarms = deployed_alarms(address)
        self._cloudwatch = address.client("cloudwatch")
        self._metrics = {name: metrics_of(each) for name, each in self._alarms.plain.items()}
        emitted = {each for metrics in self._metrics.values() for each in metrics.values() if _is_emitted(each)}
        self._emitted = EmittedMetrics(address.client("logs"), self._alarms.log_groups, emitted)
        self._states: dict[str, AlarmState] = {}

    def evaluate(self, since_s: float) -> tuple[AlarmState, ...]:
        """The states of all alarms that send a message, in the order of template.yaml, given the data since this time.

        It reads only new lines of the logs, and is cheap enough to run every five seconds with a time WINDOW_S ago. An
        alarm keeps its state while there are no data, unless missing data mean that something has stopped.

        Args:
            since_s: seconds since 1970.

        Raises:
            BotoCoreError, ClientError: the stack does not answer.
        """
        found = self._evaluations([*self._alarms.plain, *self._alarms.rules], since_s)
        self._states = {name: self._next_state(name, found[name]) for name in self._alarms.with_message}
        return tuple(self._states.values())

    def state(self, alarm: str, since_s: float) -> AlarmState:
        """The state of one alarm given the data since this time, by CloudWatch's rules for missing data."""
        found = self._evaluations([alarm], since_s)[alarm]
        return AlarmState(alarm, found.is_alarm, found.reason, self._alarms.runbooks[alarm])

    def metrics(self, alarm: str) -> Mapping[str, Metric]:
        """The metrics that an alarm reads, by their ids in its expression; a plain alarm's has the id `m`."""
        return self._metrics[alarm]

    def put(self, metric: Metric, *values: float) -> None:
        """Put data of a metric into the emulator's CloudWatch, as an AWS service would."""
        dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
        self._cloudwatch.put_metric_data(
            Namespace=metric.namespace,
            MetricData=[{"MetricName": metric.name, "Dimensions": dimensions, "Value": value} for value in values],
        )

    def _evaluations(self, alarms: Iterable[str], since_s: float) -> dict[str, Evaluation]:
        names = list(alarms)
        inputs = {name: inputs_of(rule) for name, rule in self._alarms.rules.items() if name in names}
        plain = {name for name in names if name not in inputs} | {name for each in inputs.values() for name in each}
        values = self._values({metric for name in plain for metric in self._metrics[name].values()}, since_s)
        found = {
            name: evaluated(
                {key: values[metric] for key, metric in self._metrics[name].items()}, self._alarms.plain[name]
            )
            for name in plain
        }
        found |= {name: combined({each: found[each] for each in of}) for name, of in inputs.items()}
        return {name: found[name] for name in names}

    def _values(self, metrics: Iterable[Metric], since_s: float) -> dict[Metric, float | None]:
        """The statistic of each metric since this time; None without data."""
        wanted = list(metrics)
        found = self._stored(wanted, since_s)
        if any(map(_is_emitted, wanted)):
            self._emitted.read(since_s)
        for metric in filter(_is_emitted, wanted):
            logged = statistic_of(metric.statistic, self._emitted.values(metric, since_s))
            found[metric] = merged(metric.statistic, logged, found[metric])
        return found

    def _stored(self, metrics: list[Metric], since_s: float) -> dict[Metric, float | None]:
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": metric.namespace,
                        "MetricName": metric.name,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                    },
                    "Period": PERIOD_S,
                    "Stat": metric.statistic,
                },
            }
            for number, metric in enumerate(metrics)
        ]
        found: dict[Metric, float | None] = dict.fromkeys(metrics)
        for start in range(0, len(queries), QUERIES_MAX):
            pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries[start : start + QUERIES_MAX],
                StartTime=since_s,
                EndTime=time.time() + CLOCK_SKEW_S,
            )
            for result in (result for page in pages for result in page["MetricDataResults"]):
                metric = metrics[int(result["Id"].removeprefix("m"))]
                for value in result["Values"]:
                    found[metric] = merged(metric.statistic, found[metric], value)
        return found

    def _next_state(self, name: str, found: Evaluation) -> AlarmState:
        """The alarm's new state, given the last one."""
        before = self._states.get(name)
        is_alarm, reason = found.is_alarm, found.reason
        if is_alarm and reason == NO_DATA and not self._is_continuous(name):
            is_alarm, reason = None, "There are no data, because the local stack emits this metric rarely or never"
        if is_alarm is None and before is not None:
            return before
        state = AlarmState(name, is_alarm, reason, self._alarms.runbooks[name])
        if before is None:
            return state
        return replace(state, since=before.since if before.is_alarm == is_alarm else self._now())

    def _is_continuous(self, alarm: str) -> bool:
        return all((each.namespace, each.name) in CONTINUOUS for each in self._metrics[alarm].values())


def _is_emitted(metric: Metric) -> bool:
    """Whether functions emit this metric in their logs."""
    return metric.namespace.startswith(EMITTED_NAMESPACE)
