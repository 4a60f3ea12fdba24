"""Makes each event's times from what the clients sent and what the journal recorded. Pure."""

from collections.abc import Iterable

from benchmarks.path.hops import Times
from benchmarks.path.journal import Journal, events_in, keys_in, rows_in
from benchmarks.path.load import EventKey, Sent


class NotOnThePath(Exception):
    """An accepted command's event was not seen at a stage, so it is lost or the journal is wrong."""


def timeline(sent: Iterable[Sent], journal: Journal, *, projector: str, consumer: str) -> list[Times]:
    """The times of all accepted commands. If a stage had an event more than once, its first time counts.

    An event that the consumer returned as a failure is applied when a later invocation has ended.

    Args:
        sent: the accepted commands.
        journal: everything until the event of the last command was in the lake.
        projector: name of the projector's function.
        consumer: name of the consumer's function.

    Raises:
        NotOnThePath: an event is missing at a stage.
    """
    projected: dict[EventKey, float] = {}
    arrived: dict[EventKey, float] = {}
    delivered: dict[EventKey, float] = {}
    applied: dict[EventKey, float] = {}
    in_lake: dict[EventKey, float] = {}
    for invocation in journal.invocations:
        if invocation.function == projector:
            for key in rows_in(invocation.payload):
                projected.setdefault(key, invocation.begun_s)
        elif invocation.function == consumer:
            for key, arrived_s, is_done in events_in(invocation):
                arrived.setdefault(key, arrived_s)
                delivered.setdefault(key, invocation.begun_s)
                if is_done:
                    applied.setdefault(key, invocation.ended_s)
    for written in journal.written:
        for key in keys_in(written.body):
            in_lake.setdefault(key, written.ended_s)
    try:
        return [
            Times(
                command.planned_s,
                command.sent_s,
                command.accepted_s,
                projected[command.key],
                arrived[command.key],
                delivered[command.key],
                applied[command.key],
                in_lake[command.key],
            )
            for command in sent
        ]
    except KeyError as missing:
        raise NotOnThePath(f"The event {missing} was accepted, but not seen at every stage.") from None
