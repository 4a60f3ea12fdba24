"""How the parts behind the ledger and the stream get on, locally: from the fakes, which run in this process. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ops.console.hops import Hop, Name

WAITS_MS = 5_000
"""Records that are older than this wait. A first invocation takes seconds, because the function's process starts."""
START = "make up"
STOPPED = {"projector": "projectorstopped", "read model": "accountsbyownerstopped", "lake": "lakestopped"}
BEHIND = {"projector": "projectorisbehind", "read model": "accountsbyownerisbehind"}
"""The entries in docs/runbook.md."""


class ShardStatus(Protocol):
    """What is used of a mapping's shard."""

    @property
    def buffered(self) -> int: ...
    @property
    def iterator_age_ms(self) -> int: ...
    @property
    def retries(self) -> int: ...


class MappingStatus(Protocol):
    """What is used of a mapping's status."""

    @property
    def running(self) -> bool: ...
    @property
    def shards(self) -> Sequence[ShardStatus]: ...
    @property
    def last_error(self) -> str | None: ...


class Totals(Protocol):
    """What is used of the delivery's totals."""

    @property
    def rows(self) -> int: ...


class DeliveryStatus(Protocol):
    """What is used of the delivery's status."""

    @property
    def is_running(self) -> bool: ...
    @property
    def is_idle(self) -> bool: ...
    @property
    def totals(self) -> Totals: ...


@dataclass(frozen=True, slots=True)
class Fakes:
    """The fakes of a local stack: each returns its status."""

    projector: Callable[[], MappingStatus]
    read_model: Callable[[], MappingStatus]
    delivery: Callable[[], DeliveryStatus]


class LocalProgress:
    """The states of the projector, the read model and the lake.

    Args:
        fakes: what does their work locally.
        clock: returns seconds since the epoch.
    """

    def __init__(self, fakes: Fakes, clock: Callable[[], float]) -> None:
        self._fakes, self._clock = fakes, clock
        self._busy_since_s: float | None = None

    def hops(self) -> Iterator[Hop]:
        """The three parts."""
        yield _mapping("projector", self._fakes.projector())
        yield _mapping("read model", self._fakes.read_model())
        yield self._lake(self._fakes.delivery())

    def _lake(self, status: DeliveryStatus) -> Hop:
        if status.is_idle or not status.is_running:
            self._busy_since_s = None
        elif self._busy_since_s is None:
            self._busy_since_s = self._clock()
        if not status.is_running:
            return _stopped("lake", "The delivery to the lake is stopped.")
        lag_ms = 0 if self._busy_since_s is None else round((self._clock() - self._busy_since_s) * 1_000)
        events = f"{status.totals.rows} {'event' if status.totals.rows == 1 else 'events'}"
        return Hop("lake", "working", f"{events} written since the start.", lag_ms)


def _mapping(name: Name, status: MappingStatus) -> Hop:
    if not status.running:
        return _stopped(name, "Its event source mapping is stopped.")
    buffered = sum(each.buffered for each in status.shards)
    lag_ms = max((each.iterator_age_ms for each in status.shards), default=0)
    retries = max((each.retries for each in status.shards), default=0)
    if buffered and (lag_ms > WAITS_MS or retries):
        tried = f", and the function has failed {retries} times in a row" if retries else ""
        records = f"{buffered} {'record waits' if buffered == 1 else 'records wait'}"
        return Hop(name, "waiting", f"{records}{tried}.", lag_ms, runbook=BEHIND[name])
    return Hop(name, "working", "It has read everything." if not buffered else "It is working.", lag_ms)


def _stopped(name: Name, detail: str) -> Hop:
    return Hop(name, "stopped", detail, None, START, STOPPED[name])
