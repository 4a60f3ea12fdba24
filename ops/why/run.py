"""Explains where the events of an id are: searches for it, gathers the facts, and names what each event waits for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from ops.deployment.stack import Deployment
from ops.doctor.checks import lake as lake_check
from ops.doctor.checks import mappings
from ops.doctor.finding import Finding
from ops.doctor.run import stack_view
from ops.doctor.stack_view import StackView
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.grace import grace_of
from ops.why.diagnosis import REFUSED, Surroundings, diagnosis, diagnosis_of
from ops.why.facts import EventKey, Facts, RequestLine
from ops.why.gather import RETENTION, Gatherer
from ops.why.identifier import Identifier
from ops.why.readers import Readers
from ops.why.search import Found, Search, event_of
from ops.why.sources import ledger, stream
from ops.why.timeline import FAILED_FROM, LAKE, READ_MODEL, TABLE, Hop, timeline

SERVICES = ("dynamodb", "kinesis", "logs")
FOR_PROGRESS = ("cloudwatch", "firehose", "lambda")
"""The services that are asked only if an event waits."""
REQUESTS_MAX = 20
STREAM_RETENTION = timedelta(hours=168)
"""The default of the parameter EventRetentionHours, if the stream's own is unknown."""


@dataclass(frozen=True, slots=True)
class ExplainedEvent:
    """An event, its timeline, and what it waits for: nothing if it is everywhere."""

    facts: Facts
    hops: Sequence[Hop]
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class ExplainedRequest:
    """A request that made no event. `finding` is None for one that was not refused, such as a read."""

    line: RequestLine
    finding: Finding | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known about an id.

    Attributes:
        kinds: what the id is; empty if it was not found.
        events: the newest events of the id, newest first, and then the other events of their transfers.
        events_found: the number of events found, of which `events` has the newest.
        requests: the newest requests of the id that made no event, newest first.
        searched: where was searched, and how far.
        not_searched: where could not be searched, and why.
        may_have_more: whether the id may have more events than were found.
        others: the events that are here only because they are the other event of a transfer.
    """

    kinds: Sequence[str]
    events: Sequence[ExplainedEvent]
    events_found: int
    requests: Sequence[ExplainedRequest]
    searched: Sequence[str]
    not_searched: Sequence[str]
    may_have_more: bool = False
    others: frozenset[EventKey] = frozenset()

    @property
    def asked(self) -> Sequence[ExplainedEvent]:
        """The events of the id."""
        return [each for each in self.events if each.facts.key not in self.others]

    @property
    def is_found(self) -> bool:
        return bool(self.events or self.requests)

    @property
    def waits(self) -> bool:
        """Whether an event is not everywhere, or the outcome of a command is unknown. A refusal is an outcome."""
        findings = [finding for event in self.events for finding in event.findings]
        findings += [each.finding for each in self.requests if each.finding]
        return any(finding.kind != REFUSED.name for finding in findings)


def explain(
    deployment: Deployment,
    stack: str | None,
    identifier: Identifier,
    *,
    account_id: str | None,
    days: int,
    progress: Callable[[str], None],
) -> Explanation:
    """Explain where the events of an id are. Changes nothing.

    Args:
        deployment: the stack.
        stack: its name; None for the local stack.
        identifier: the id.
        account_id: the account of the command, for an idempotency key; None if it is not known.
        days: how many days the log and the lake are searched for the id.
        progress: called with the name of each source that was read.

    Raises:
        ClientError, BotoCoreError: the stack cannot be described, or the accounts table cannot be read.
    """
    with Readers(progress) as readers:
        engine = readers.begin(partial(Lake.of(deployment).engine, has_views=False))
        described = stack_view(deployment, stack or deployment.outputs["StackName"], None, SERVICES, template={})
        view = replace(described, wait=readers.wait)
        search = Search(view, readers, identifier, account_id, view.now - timedelta(days=days), engine)
        found = search.run()
        _add_lost_answers(view, found)
        events = found.newest()
        gatherer = Gatherer(view, readers, found, engine)
        others = gatherer.others(events)
        facts = gatherer.facts(events, others) if events else []
        incomplete = [each for each in facts if not each.is_everywhere]
        caused = {each.key: each for each in gatherer.causes(incomplete)} if incomplete else {}
        around = _surroundings(view, readers) if incomplete else _quiet(view)
        explained = [_explained(caused.get(each.key, each), around) for each in facts]
        requests = [line for line in found.requests if not event_of(line)][::-1][:REQUESTS_MAX]
        unread = dict.fromkeys(line for each in caused.values() for line in each.unread)
        problems = (f"{name}: {problem}" for name, problem in readers.problems.items())
        return Explanation(
            list(found.kinds),
            explained,
            found.events,
            [ExplainedRequest(line, diagnosis_of(line, around)) for line in requests],
            found.searched,
            [*found.left_out, *problems, *unread],
            found.may_have_more,
            frozenset(others.values()) - frozenset(events),
        )


def _explained(facts: Facts, around: Surroundings) -> ExplainedEvent:
    return ExplainedEvent(facts, timeline(facts), diagnosis(facts, around))


def _add_lost_answers(view: StackView, found: Found) -> None:
    """Looks up the events of failed commands, which may have been carried out, by their idempotency keys.

    A refused command made no event, so an event with its key is that of a later request.
    """
    client, table = view.client("dynamodb"), view.deployment.outputs["TableName"]
    failed = [line for line in found.requests if line.command_id and line.account_id and not event_of(line)]
    for line in failed[-REQUESTS_MAX:]:
        if line.command_id and (event := ledger.of_command(client, table, line.account_id, line.command_id)):
            found.add(event, line.at)
            if line.status >= FAILED_FROM:
                found.requests[found.requests.index(line)] = replace(line, sequence=event.sequence)


def _quiet(view: StackView) -> Surroundings:
    """The surroundings of events that are everywhere: nothing about them has to be read."""
    return Surroundings(
        view.now,
        timedelta(seconds=view.grace_s),
        timedelta(seconds=grace_of(view.lake)),
        STREAM_RETENTION,
        view.name,
        view.option,
        view.deployment.outputs["EventStreamName"],
        view.physical_ids["ProjectorFunctionLogs"],
    )


def _surroundings(view: StackView, readers: Readers) -> Surroundings:
    view = replace(view, clients={**view.clients, **{each: view.deployment.client(each) for each in FOR_PROGRESS}})
    reads: dict[str, Callable[[], Finding | None]] = {
        TABLE: lambda: mappings.standstill(view, "ProjectorMapping"),
        READ_MODEL: lambda: mappings.standstill(view, "AccountsByOwnerMapping"),
        LAKE: lambda: lake_check.standstill(view),
    }
    running = {name: readers.start(f"the progress of the {name}", read, None) for name, read in reads.items()}
    kept_for = readers.start(RETENTION, lambda: stream.retention(view), STREAM_RETENTION)
    standstills = {name: finding for name, result in running.items() if (finding := result())}
    return replace(_quiet(view), retention=kept_for(), standstills=standstills)
