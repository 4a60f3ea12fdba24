"""The stack that a console shows, and what only a local one has."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.console.local_progress import Fakes
from ops.deployment.stack import READ_TIMEOUT_S, Deployment

FaultAnswer = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the stack is looked at while a page is open, in seconds."""

    events_s: float
    status_s: float
    doctor_s: float


LOCAL_PACE = Pace(0.3, 3.0, 60.0)
AWS_PACE = Pace(1.0, 30.0, 300.0)
"""All readers of a shard share five GetRecords a second, and each metric that is requested costs money."""
UNWATCHED = 10.0
"""While no page is open, the event stream is read so many times more rarely, and nothing else."""


@dataclass(frozen=True, slots=True)
class LocalParts:
    """What a console of the local stack can do in addition. The console's server runs in the process of the stack.

    Attributes:
        fakes: the fakes of AWS services.
        alarms: returns the alarms that would fire on AWS, each with its `name`, `reason` and `runbook`.
        answer_faults: answers a request about faults: method, path, body, and whether faults may begin.
        scripts_may_break: whether scripts may let faults begin (`account-events up --faults`).
        swagger_url: the address of Swagger UI.
        preparation: what to type once in another terminal, before the commands that the page shows; empty if nothing.
    """

    fakes: Fakes
    alarms: Callable[[], Sequence[Mapping[str, str]]]
    answer_faults: Callable[[str, str, bytes, bool], FaultAnswer]
    scripts_may_break: bool
    swagger_url: str
    preparation: str = ""

    def faults(self) -> list[dict[str, Any]]:
        """The faults and their states."""
        _, found = self.answer_faults("GET", "/api/faults", b"", False)
        faults: list[dict[str, Any]] = found.get("faults", [])
        return faults


@dataclass(frozen=True, slots=True)
class Subject:
    """The stack that a console shows.

    Attributes:
        deployment: the stack.
        name: its name.
        local: what only a local stack has; None if the stack is on AWS, which is shown read-only.
    """

    deployment: Deployment
    name: str
    local: LocalParts | None = None

    @property
    def pace(self) -> Pace:
        return AWS_PACE if self.local is None else LOCAL_PACE

    @property
    def preparation(self) -> str:
        """What to type once in another terminal, before the commands that the page shows; empty if nothing."""
        return self.local.preparation if self.local else ""

    @property
    def option(self) -> str:
        """The option with which a command works on this stack: empty locally."""
        return f" --stack {self.name}" if self.local is None else ""


@dataclass(frozen=True, slots=True)
class SharedClients(Deployment):
    """A deployment that makes each client once, because making one is slow. Several threads may use a client."""

    _made: dict[tuple[str, float], Any] = field(default_factory=dict, compare=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def client(self, service: str, read_timeout_s: float = READ_TIMEOUT_S) -> Any:  # noqa: ANN401 -- boto3's clients have no common type
        key = (service, read_timeout_s)
        with self._lock:
            if key not in self._made:
                self._made[key] = Deployment.client(self, service, read_timeout_s)
            return self._made[key]
