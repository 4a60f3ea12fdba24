"""What the console finds out about its stack: the events that arrive, and the status."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from account_events.streams.kinesis_source import KinesisSource
from ops.console import progress
from ops.console.hops import NAMES, Hop, Name, path, unknown
from ops.console.local_progress import LocalProgress
from ops.console.look import Look, reason, remedy
from ops.console.published import Arrived, as_time
from ops.console.stream import StreamReading
from ops.console.subject import Subject
from ops.console.waiting import SHOWN_MAX, Waiting, WaitingSource
from ops.doctor.run import stack_view
from ops.doctor.stack_view import StackView

VIEW_S = 300.0
"""How often the stack on AWS is described again, because it may be updated meanwhile."""
LEDGER_TIMEOUT_S = 5.0
"""The ledger is looked at first. If it does not answer, nothing else is waited for, so that the page shows it soon."""
STOPPING_FAULTS: Mapping[str, Name] = {
    "stopped-projector-mapping": "projector",
    "stopped-reader-mapping": "read model",
    "stopped-lake": "lake",
}


class Watch:
    """Looks at a stack. `read` and `status` may be called in different threads.

    Args:
        subject: the stack.
        clock: returns seconds since the epoch.
    """

    def __init__(self, subject: Subject, clock: Callable[[], float]) -> None:
        self._subject, self._clock = subject, clock
        self._stream: StreamReading | None = None
        self._stream_error: Exception | None = None
        self._waiting = WaitingSource(subject.deployment, subject.option, clock)
        self._local = LocalProgress(subject.local.fakes, clock) if subject.local else None
        self._known: dict[str, Any] = {}
        self._view: tuple[float, StackView] | None = None

    def read(self) -> Iterator[Arrived]:
        """The events that have arrived since the last call. It ends at an error, and the next call continues there."""
        try:
            if self._stream is None:
                deployment = self._subject.deployment
                source = KinesisSource(deployment.client("kinesis"), deployment.outputs["EventStreamArn"])
                self._stream = StreamReading(source, deployment.codec(), self._clock)
            yield from self._stream.read()
        except Exception as error:  # noqa: BLE001 -- the status reports it
            self._stream_error = error
        else:
            self._stream_error = None

    def status(self, newest: Mapping[str, Any] | None) -> dict[str, Any]:
        """The status for the page.

        Args:
            newest: the newest event that the console has seen.
        """
        look, local = Look(self._known), self._subject.local
        hops = {each.name: each for each in self._fresh(look, "ledger", self._ledger)}
        alarms: Sequence[Mapping[str, str]] = self._known.get("alarms", ())
        waiting: Waiting = self._known.get("waiting", Waiting())
        if not look.has_no_answer:
            waiting = self._known["waiting"] = self._look_at_waiting(look)
            hops |= self._hops(look)
            alarms = look.at("alarms", local.alarms if local else lambda: progress.firing(self._stack_view()), ())
        hops["stream"] = self._stream_hop(newest)
        is_reachable = look.answers > 0
        if not is_reachable:
            hops = {name: unknown(name, "The stack does not answer.") for name in NAMES}
        failure = None if is_reachable else look.first_failure
        faults = local.faults() if local else []
        return {
            "at": as_time(datetime.fromtimestamp(self._clock(), UTC)),
            "is_reachable": is_reachable,
            "reason": reason(failure) if failure else "",
            "advice": remedy(failure, is_local=local is not None) if failure else "",
            "hops": [each.as_json() for each in _explained(path(hops, waiting, self._subject.option), faults)],
            "parked": [each.parked_json() for each in waiting.parked[:SHOWN_MAX]],
            "gaps": [each.gap_json() for each in waiting.gaps[:SHOWN_MAX]],
            "failed_batches": {
                "count": waiting.failed,
                "command": f"account-events release --failures{self._subject.option}",
            },
            "alarms": list(alarms),
            "faults": faults,
            "incomplete": look.incomplete if is_reachable else [],
        }

    def _look_at_waiting(self, look: Look) -> Waiting:
        source = self._waiting
        return Waiting(
            look.at("parked", source.parked, ()),
            look.at("gaps", source.gaps, ()),
            look.at("failed", source.failed, 0),
            look.at("failed by consumer", source.failed_by_consumer, 0),
        )

    def _ledger(self) -> list[Hop]:
        deployment = self._subject.deployment
        client = deployment.client("dynamodb", LEDGER_TIMEOUT_S)
        table = client.describe_table(TableName=deployment.outputs["TableName"])["Table"]
        state = table["TableStatus"]
        return [Hop("ledger", "working" if state in {"ACTIVE", "UPDATING"} else "stopped", f"The table is {state}.")]

    def _hops(self, look: Look) -> dict[Name, Hop]:
        """The parts behind the ledger and the stream."""
        if self._local is not None:
            return {each.name: each for each in self._local.hops()}
        found: list[Hop] = []
        parts = (("mappings", progress.mapping_hops), ("lake", progress.lake_hops))
        for part, hops in parts:
            found += self._fresh(look, part, partial(lambda hops: list(hops(self._stack_view())), hops))
        return {each.name: each for each in found}

    @staticmethod
    def _fresh(look: Look, part: str, hops: Callable[[], list[Hop]]) -> list[Hop]:
        """The parts of the path as they are now. An earlier state is not shown, because it would mislead."""
        nothing: list[Hop] = []
        found = look.at(part, hops, nothing)
        return nothing if part in look.failures else found

    def _stack_view(self) -> StackView:
        """The stack on AWS as `doctor` sees it."""
        now_s = self._clock()
        if self._view is None or now_s - self._view[0] > VIEW_S:
            self._view = (now_s, stack_view(self._subject.deployment, self._subject.name, None))
        return replace(self._view[1], now=datetime.fromtimestamp(now_s, UTC))

    def _stream_hop(self, newest: Mapping[str, Any] | None) -> Hop:
        if self._stream_error is not None:
            return unknown("stream", f"It cannot be read: {reason(self._stream_error)}")
        if self._stream is None:
            return unknown("stream", "It has not been read yet.")
        if self._stream.unreadable:
            detail = f"{self._stream.unreadable} records cannot be read. {self._stream.last_unreadable}"
            return Hop("stream", "waiting", detail, runbook="accountsbyownerisbehind")
        shards = f"{self._stream.shards} {'shard' if self._stream.shards == 1 else 'shards'}"
        if newest is None:
            return Hop("stream", "working", f"{shards}; no event since the console was started.")
        arrived = f"{shards}; the newest event arrived at {newest['arrived_at'][11:19]} UTC."
        return Hop("stream", "working", arrived, newest["lag"]["to_stream_ms"])


def _explained(hops: Sequence[Hop], faults: Sequence[Mapping[str, Any]]) -> list[Hop]:
    """The parts that a fault has stopped name it."""
    titles = {
        STOPPING_FAULTS[each["name"]]: each for each in faults if each["is_on"] and each["name"] in STOPPING_FAULTS
    }
    return [
        replace(
            hop,
            detail=f"The fault \N{LEFT DOUBLE QUOTATION MARK}{fault['title']}\N{RIGHT DOUBLE QUOTATION MARK} stops it.",
            command=f"account-events faults end {fault['name']}",
        )
        if hop.state == "stopped" and (fault := titles.get(hop.name))
        else hop
        for hop in hops
    ]
