"""Checks whether transfers between several accounts are strictly serializable: one order explains rows and answers.

An exhaustive search, as in `linearizability`, explodes with several accounts. But the rows are final, and each
account's sequence is the order of its events. So one graph decides: a transfer is one node on two accounts. An edge
leads to the next event of an account, and from an operation that was answered to each one that was sent later. An
order exists if the graph has no cycle. Money is in whole cents, and no code of account_core is used. Pure.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import accumulate, pairwise

from tests.support.linearizability import CONFLICT

REFUSED_FOR_FUNDS = "insufficient_funds"
KEY_REUSED = "idempotency_key_reused"
UNAVAILABLE = "unavailable"
"""Leaves open whether the request took effect, like no answer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored event of an account.

    Attributes:
        cents: the change of the balance.
        balance: the balance after it, in cents.
        key: the idempotency key of the command that caused the event.
    """

    account_id: str
    sequence: int
    cents: int
    balance: int
    transfer_id: str | None = None
    counterparty: str | None = None
    key: str | None = None

    @property
    def node(self) -> str:
        return self.transfer_id or f"{self.account_id}/{self.sequence}"


@dataclass(frozen=True, slots=True)
class Transfer:
    payer: str
    receiver: str
    cents: int
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    account_id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An account as a client was shown it; after a transfer, the paying account and the transfer's id."""

    sequence: int
    balance: int
    transfer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A request and its outcome; the times are those of a clock that all clients share.

    Attributes:
        outcome: the answer, the code of a refusal, or None without an answer: it may take effect at any time, or never.
        transfer_id: the id of the transfer that this request causes, if the client made it. Without one, the request
            has a key.
    """

    client: str
    request: Transfer | Read
    invoked: float
    answered: float
    outcome: Shown | str | None
    transfer_id: str | None = None


Ledger = Mapping[str, Sequence[Entry]]
"""The events of each account, by sequence."""


@dataclass(frozen=True, slots=True)
class _Span:
    """The time in which a node took effect."""

    begun: float = -math.inf
    ended: float = math.inf


def violations(ledger: Ledger, operations: Sequence[Operation]) -> list[str]:
    """Everything that is wrong with the rows of all accounts and the answers of all clients, from their beginning."""
    spans = _spans(ledger, operations)
    return [
        *_of_accounts(ledger),
        *_of_transfers(ledger),
        *_of_answers(ledger, operations),
        *_of_refusals(ledger, operations, spans),
        *_cycle(ledger, operations, spans),
    ]


def _of_accounts(ledger: Ledger) -> Iterator[str]:
    for account_id, entries in ledger.items():
        if [entry.sequence for entry in entries] != list(range(1, len(entries) + 1)):
            yield f"gap: the sequences of {account_id} are {[entry.sequence for entry in entries]}"
        if [entry.balance for entry in entries] != list(accumulate(entry.cents for entry in entries)):
            yield f"balance: those of {account_id} do not follow from its events"
        yield from (f"overdrawn: {entry}" for entry in entries if entry.balance < 0)
        keys = Counter(entry.key for entry in entries if entry.key is not None)
        yield from (
            f"doubled: key {key} has {number} events on {account_id}" for key, number in keys.items() if number > 1
        )
    balances = sum(entries[-1].balance for entries in ledger.values() if entries)
    deposits = sum(entry.cents for entries in ledger.values() for entry in entries if entry.transfer_id is None)
    if balances != deposits:
        yield f"total: the balances add up to {balances} cents, but {deposits} were deposited"


def _of_transfers(ledger: Ledger) -> Iterator[str]:
    for transfer_id, entries in _by_transfer(ledger).items():
        paid = [entry for entry in entries if entry.cents < 0]
        received = [entry for entry in entries if entry.cents > 0]
        if len(paid) > 1 or len(received) > 1:
            yield f"doubled: {transfer_id} has {len(paid)} withdrawals and {len(received)} credits"
        elif not (paid and received):
            yield f"half-done: {transfer_id} is only {entries}"
        elif paid[0].cents + received[0].cents:
            yield f"unequal: {transfer_id} is {entries}"
        elif (paid[0].account_id, received[0].account_id) != (received[0].counterparty, paid[0].counterparty):
            yield f"counterparty: {transfer_id} is {entries}"
        yield from (f"key of a credit: {entry}" for entry in received if entry.key is not None)


def _of_answers(ledger: Ledger, operations: Sequence[Operation]) -> Iterator[str]:
    """Each acknowledged transfer is stored as acknowledged, and each stored one was sent and is not refused."""
    paid = {entry.transfer_id: entry for entries in ledger.values() for entry in entries if _is_payment(entry)}
    acknowledged: dict[str, Transfer] = {}
    for operation in operations:
        request, outcome = operation.request, operation.outcome
        if isinstance(request, Read):
            continue
        if _is_refused(operation) and operation.transfer_id in paid:
            yield f"refused, but stored: {operation}"
        if not isinstance(outcome, Shown):
            continue
        if outcome.transfer_id is None or outcome.transfer_id not in paid:
            yield f"acknowledged, but not stored: {operation}"
            continue
        entry = paid[outcome.transfer_id]
        if not _is_of(request, entry) or (entry.sequence, entry.balance) != (outcome.sequence, outcome.balance):
            yield f"acknowledged, but stored as {entry}: {operation}"
        if acknowledged.setdefault(outcome.transfer_id, request) is not request and request.key is None:
            yield f"acknowledged twice: {operation}"
    for entry in paid.values():
        if not any(_may_cause(operation, entry) for operation in operations):
            refused = [each for each in operations if entry.key is not None and _asks_for(each, entry)]
            yield f"refused, but stored: {refused}" if refused else f"stored, but never sent: {entry}"


def _of_refusals(ledger: Ledger, operations: Sequence[Operation], spans: Mapping[str, _Span]) -> Iterator[str]:
    """A refusal needs a reason. A read never has one: each account was opened before the first operation."""
    for operation in filter(_is_refused, operations):
        request = operation.request
        if isinstance(request, Read) or not _has_reason(operation, request, ledger[request.payer], spans):
            yield f"refused without a reason: {operation}"


def _has_reason(operation: Operation, request: Transfer, entries: Sequence[Entry], spans: Mapping[str, _Span]) -> bool:
    """Whether a transfer may be refused with this code, at some moment between request and answer.

    Once a transfer with a key was acknowledged, its repetitions succeed. Otherwise, a conflict needs no reason.
    """
    stored = next((entry for entry in entries if request.key is not None and entry.key == request.key), None)
    if stored is not None and _is_of(request, stored) and spans[stored.node].ended < operation.invoked:
        return False
    if operation.outcome == REFUSED_FOR_FUNDS:
        return _had_too_little(operation, request, entries, spans)
    if operation.outcome == KEY_REUSED:
        return stored is not None and not _is_of(request, stored) and spans[stored.node].begun < operation.answered
    return operation.outcome == CONFLICT


def _had_too_little(
    operation: Operation, request: Transfer, entries: Sequence[Entry], spans: Mapping[str, _Span]
) -> bool:
    begun = accumulate((spans[entry.node].begun for entry in entries), max)
    until = [*accumulate((spans[entry.node].ended for entry in reversed(entries)), min)][::-1]
    states = zip(entries, begun, [*until[1:], math.inf], strict=True)
    return any(
        entry.balance < request.cents and start < operation.answered and end > operation.invoked
        for entry, start, end in _until_key(states, request.key)
    )


def _until_key(states: Iterator[tuple[Entry, float, float]], key: str | None) -> Iterator[tuple[Entry, float, float]]:
    """The states before the event with this key: from then on, the request is a repetition, which succeeds."""
    for state in states:
        if key is not None and state[0].key == key:
            return
        yield state


def _cycle(ledger: Ledger, operations: Sequence[Operation], spans: Mapping[str, _Span]) -> Iterator[str]:
    graph: TopologicalSorter[str] = TopologicalSorter()
    times = dict(spans)
    for entries in ledger.values():
        for earlier, later in pairwise(entries):
            graph.add(later.node, earlier.node)
    for number, operation in enumerate(operations):
        request, outcome = operation.request, operation.outcome
        if isinstance(request, Read) and isinstance(outcome, Shown):
            node, entries = f"read {number} of {request.account_id} at {outcome.sequence}", ledger[request.account_id]
            shown = next((entry for entry in entries if entry.sequence == outcome.sequence), None)
            if shown is None or shown.balance != outcome.balance:
                yield f"read what never was: {operation}"
                continue
            times[node] = _Span(operation.invoked, operation.answered)
            graph.add(node, shown.node)
            if shown.sequence < len(entries):
                graph.add(entries[shown.sequence].node, node)
    for node, before in _real_time(times):
        graph.add(node, before)
    try:
        graph.prepare()
    except CycleError as error:
        yield f"no order: {' -> '.join(error.args[1])}"


def _real_time(spans: Mapping[str, _Span]) -> Iterator[tuple[str, str]]:
    """Each node with those that were over before it began, except those that follow through another one of these."""
    for node, span in spans.items():
        over = [(earlier, times) for earlier, times in spans.items() if times.ended < span.begun]
        latest = max((times.begun for _, times in over), default=-math.inf)
        yield from ((node, earlier) for earlier, times in over if times.ended >= latest)


def _spans(ledger: Ledger, operations: Sequence[Operation]) -> dict[str, _Span]:
    """When each event took effect: after it was first sent, and before it was first acknowledged.

    Events that are not of a transfer opened the accounts, before the first operation.
    """
    spans: dict[str, _Span] = {}
    for entries in ledger.values():
        for entry in entries:
            if entry.transfer_id is None:
                spans[entry.node] = _Span(ended=-math.inf)
            elif _is_payment(entry):
                sent = [operation for operation in operations if _may_cause(operation, entry)]
                shown = [
                    operation.answered
                    for operation in sent
                    if isinstance(operation.outcome, Shown) and operation.outcome.transfer_id == entry.transfer_id
                ]
                begun = min((operation.invoked for operation in sent), default=-math.inf)
                spans[entry.node] = _Span(begun, min(shown, default=math.inf))
    return {entry.node: spans.get(entry.node, _Span()) for entries in ledger.values() for entry in entries}


def _may_cause(operation: Operation, entry: Entry) -> bool:
    """Whether this request caused the paying event, or repeated the one that did. A refused one wrote nothing."""
    if _is_refused(operation) or not _asks_for(operation, entry):
        return False
    return entry.key is not None or operation.transfer_id == entry.transfer_id


def _asks_for(operation: Operation, entry: Entry) -> bool:
    return isinstance(operation.request, Transfer) and _is_of(operation.request, entry)


def _is_refused(operation: Operation) -> bool:
    return isinstance(operation.outcome, str) and operation.outcome != UNAVAILABLE


def _is_of(request: Transfer, entry: Entry) -> bool:
    stored = entry.account_id, entry.counterparty, -entry.cents, entry.key
    return stored == (request.payer, request.receiver, request.cents, request.key)


def _is_payment(entry: Entry) -> bool:
    return entry.transfer_id is not None and entry.cents < 0


def _by_transfer(ledger: Ledger) -> Mapping[str, Sequence[Entry]]:
    found: defaultdict[str, list[Entry]] = defaultdict(list)
    for entries in ledger.values():
        for entry in entries:
            if entry.transfer_id is not None:
                found[entry.transfer_id].append(entry)
    return found
