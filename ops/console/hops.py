"""The parts of an event's path, in its order, and the state of each. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from ops.console.waiting import Waiting

Name = Literal["ledger", "projector", "stream", "read model", "lake"]
State = Literal["working", "waiting", "stopped", "unknown"]
NAMES: Sequence[Name] = ("ledger", "projector", "stream", "read model", "lake")


@dataclass(frozen=True, slots=True)
class Hop:
    """A part of the path.

    Attributes:
        lag_ms: the age of the oldest record that waits there, or how long the newest one took; None if unknown.
        command: what repairs it, or shows the cause; empty if there is nothing to do.
        runbook: the entry in docs/runbook.md, as its anchor; empty if there is nothing to do.
    """

    name: Name
    state: State
    detail: str
    lag_ms: int | None = None
    command: str = ""
    runbook: str = ""

    def as_json(self) -> dict[str, Any]:
        """The hop for the page."""
        return asdict(self)


def unknown(name: Name, detail: str) -> Hop:
    """A part whose state could not be found out."""
    return Hop(name, "unknown", detail)


def path(found: Mapping[Name, Hop], waiting: Waiting, option: str) -> list[Hop]:
    """All parts, in order. One that works is shown as waiting if accounts or records wait there.

    Args:
        found: the parts that are known.
        waiting: what waits for an operator.
        option: the option with which a command works on the stack.
    """
    hops = [found.get(name, unknown(name, "Its state is not known.")) for name in NAMES]
    shown = {"projector": _projector(waiting, option), "read model": _read_model(waiting, option)}
    return [_with(hop, shown.get(hop.name)) for hop in hops]


def _with(hop: Hop, reason: Hop | None) -> Hop:
    if reason is None or hop.state in {"stopped", "unknown"}:
        return hop
    return replace(reason, lag_ms=hop.lag_ms)


def _projector(waiting: Waiting, option: str) -> Hop | None:
    if waiting.failed:
        what = f"{_number(waiting.failed, 'batch', 'batches')} in the failure bucket: their events may be missing."
        return Hop("projector", "waiting", what, None, f"account-events release --failures{option}", "projectorgaveup")
    if waiting.parked:
        what = f"{_number(len(waiting.parked), 'account is', 'accounts are')} parked; all others go on."
        return Hop("projector", "waiting", what, None, f"account-events release --all{option}", "projectorparks")
    return None


def _read_model(waiting: Waiting, option: str) -> Hop | None:
    if waiting.failed_by_consumer:
        batches = _number(waiting.failed_by_consumer, "batch", "batches")
        what = f"{batches} in the consumers' failure bucket: balances may be old."
        return Hop("read model", "waiting", what, None, f"account-events owners check{option}", "accountsbyownergaveup")
    if waiting.gaps:
        what = f"{_number(len(waiting.gaps), 'account waits', 'accounts wait')} for a missing event."
        return Hop("read model", "waiting", what, None, waiting.gaps[0].command, "accountsbyownerwaits")
    return None


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
