"""The hops of an event, and what their times were. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import linear_regression, median

P50, P99, P999 = 0.5, 0.99, 0.999
GROWS_S_PER_S = 0.02
"""The lag grows if it gains more than this in each second of a steady rate: more than polling makes it vary."""


@dataclass(frozen=True, slots=True)
class Times:
    """When an event passed each stage, in seconds since 1970.

    Attributes:
        planned_s: when the steady rate called for the command.
        sent_s, accepted_s: when the client sent the command and had the response.
        projected_s: when the projector was invoked with the row.
        arrived_s: when Kinesis received the event for the first time.
        delivered_s: when the consumer was invoked with the event.
        applied_s: when an invocation that did not return the event as a failure had ended, so the consumer's
            transaction is committed.
        in_lake_s: when the object with the event's row was written.
    """

    planned_s: float
    sent_s: float
    accepted_s: float
    projected_s: float
    arrived_s: float
    delivered_s: float
    applied_s: float
    in_lake_s: float


@dataclass(frozen=True, slots=True)
class Hop:
    """Attributes: `took_s` is an event's time in this part of the path."""

    name: str
    took_s: Callable[[Times], float]


TO_APPLIED = Hop("accepted -> applied by the consumer", lambda times: times.applied_s - times.accepted_s)
HOPS = (
    Hop("API: sent -> accepted", lambda times: times.accepted_s - times.sent_s),
    Hop("table stream: accepted -> projector invoked", lambda times: times.projected_s - times.accepted_s),
    Hop("projector: invoked -> event on the stream", lambda times: times.arrived_s - times.projected_s),
    Hop("event stream: arrived -> consumer invoked", lambda times: times.delivered_s - times.arrived_s),
    Hop("consumer: invoked -> applied", lambda times: times.applied_s - times.delivered_s),
    TO_APPLIED,
    Hop("Firehose: arrived -> row in the lake", lambda times: times.in_lake_s - times.arrived_s),
    Hop("accepted -> row in the lake", lambda times: times.in_lake_s - times.accepted_s),
)
"""In the order of the path. The second can be negative, because the row is committed before the client has the
response."""

STAGES = (Hop("clients: planned -> sent", lambda times: times.sent_s - times.planned_s), *HOPS[:5])
"""Parts that add up to the lag from the planned command to the applied event."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A hop's times in seconds."""

    name: str
    samples: int
    p50_s: float
    p99_s: float
    p999_s: float


def distribution(hop: Hop, events: Sequence[Times]) -> Distribution:
    took = sorted(hop.took_s(times) for times in events)
    return Distribution(hop.name, len(took), *(round(percentile(took, share), 4) for share in (P50, P99, P999)))


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Step:
    """What one rate did.

    Attributes:
        rate: planned commands a second.
        accepted_rate: accepted commands a second.
        lag_s: the median from the planned command to the applied event.
        growth: seconds that the lag gained in each second.
        growing_hop: the stage that gained most, if the lag grew; otherwise None.
        emulator_share, others_share: the shares of the machine that the emulator with its functions, and processes
            outside of the measurement used.
    """

    rate: float
    accepted_rate: float
    lag_s: float
    growth: float
    growing_hop: str | None
    emulator_share: float
    others_share: float


def step(rate: float, events: Sequence[Times], *, emulator_share: float, others_share: float) -> Step:
    took_s = max(times.accepted_s for times in events) - min(times.planned_s for times in events)
    lag = Hop("lag", lambda times: times.applied_s - times.planned_s)
    gained = growth(lag, events)
    growing = max(STAGES, key=lambda stage: growth(stage, events)).name if gained > GROWS_S_PER_S else None
    lag_s = median(lag.took_s(times) for times in events)
    return Step(
        rate,
        round(len(events) / took_s, 1),
        round(lag_s, 2),
        round(gained, 4),
        growing,
        round(emulator_share, 2),
        round(others_share, 2),
    )


def growth(hop: Hop, events: Sequence[Times]) -> float:
    """Seconds that the hop's time gained in each second of the run."""
    return linear_regression([times.planned_s for times in events], [hop.took_s(times) for times in events]).slope
