"""Checks whether a concurrent history is linearizable: some order, one operation after the other, explains it.

The search of Wing & Gong ("Testing and Verifying Concurrent Objects", 1993) with the memory of Lowe ("Testing for
linearizability", 2017): try each operation that may come next, but never twice from the same position. The sequential
account is defined again here, in whole cents and without any code of account_core. Pure.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self

CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request.

    Attributes:
        cents: the amount of a credit or a withdrawal.
        sequences: the account must be at one of these sequences; None means at any.
    """

    kind: Literal["create", "credit", "withdraw", "read"]
    cents: int = 0
    key: str | None = None
    sequences: frozenset[int] | None = None

    def is_same_command(self, other: Self) -> bool:
        return (self.kind, self.cents) == (other.kind, other.cents)


@dataclass(frozen=True, slots=True)
class Answer:
    """The account as it was shown to a client."""

    cents: int
    sequence: int
    is_replay: bool = False


Outcome = Answer | str | None
"""An answer, the code of a refusal, or None without an answer: the request may take effect at any time, or never."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A request and its outcome; the times are those of a clock that all clients share."""

    client: str
    request: Request
    invoked: int
    answered: int
    outcome: Outcome

    @property
    def deadline(self) -> float:
        """The latest time at which the request took effect, if it did."""
        return math.inf if self.outcome is None else self.answered


@dataclass(frozen=True, slots=True)
class State:
    """An account; `firsts` are the requests with a key that changed it, with their answers."""

    cents: int = 0
    sequence: int = 0
    firsts: tuple[tuple[Request, Answer], ...] = ()


def after(state: State, request: Request) -> tuple[State, Outcome]:
    """Apply a request to the sequential account; return its state (the same object if unchanged) and the outcome."""
    if request.kind == "read":
        return state, _shown(state) if state.sequence else "account_not_found"
    for first, answer in state.firsts:
        if first.key == request.key:
            is_replay = first.is_same_command(request)
            return state, _as_replay(answer) if is_replay else "idempotency_key_reused"
    if state.sequence:
        return _after_next(state, request)
    return _changed(state, request, 0) if request.kind == "create" else (state, "account_not_found")


def _after_next(state: State, request: Request) -> tuple[State, Outcome]:
    if request.sequences is not None and state.sequence not in request.sequences:
        return state, "precondition_failed"
    if request.kind == "create":
        return state, _shown(state)
    cents = request.cents if request.kind == "credit" else -request.cents
    if state.cents + cents < 0:
        return state, "insufficient_funds"
    return _changed(state, request, cents)


def violation(history: Sequence[Operation]) -> str | None:
    """Why no order explains `history`, which is one account's from its beginning; None if an order does.

    An operation with a conflict is left out: it promises to have had no effect, so the others must be explained without
    it.
    """
    return _Search(history).violation()


class _Search:
    """The search. A set of operations is an integer with one bit per operation, in the order of their invocation."""

    def __init__(self, history: Sequence[Operation]) -> None:
        relevant = (operation for operation in history if operation.outcome != CONFLICT)
        self._operations = sorted(relevant, key=lambda operation: operation.invoked)
        self._answered = sum(1 << n for n, operation in enumerate(self._operations) if operation.outcome is not None)
        with_outcomes = [(operation.request, operation.outcome) for operation in self._operations]
        answers = [(request, answer) for request, answer in with_outcomes if isinstance(answer, Answer)]
        self._cents = {answer.sequence: answer.cents for _, answer in answers}
        self._taken = {
            answer.sequence
            for request, answer in answers
            if request.kind in ("credit", "withdraw") and not answer.is_replay
        }

    def violation(self) -> str | None:
        positions: list[tuple[int, State]] = [(0, State())]
        seen = set(positions)
        furthest = positions[0]
        while positions:
            done, state = positions.pop()
            if self._answered & ~done == 0:
                return None
            furthest = max(furthest, (done, state), key=lambda position: position[0].bit_count())
            for step in self._steps(done, state):
                if step not in seen:
                    seen.add(step)
                    positions.append(step)
        return self._stuck(*furthest)

    def _steps(self, done: int, state: State) -> list[tuple[int, State]]:
        """The positions after one more operation. If one of them changes nothing, it suffices to try that one."""
        steps = []
        lost: set[Request] = set()
        for n in self._next(done):
            operation = self._operations[n]
            changed, outcome = after(state, operation.request)
            position = (done | 1 << n, changed)
            if operation.outcome is None:
                if operation.request not in lost and self._may_be_lost(state, changed):
                    steps.append(position)
                lost.add(operation.request)  # of equal requests, the first suffices: it may take effect at any time
            elif operation.outcome == outcome:
                if changed is state:
                    return [position]
                steps.append(position)
        return steps

    def _may_be_lost(self, state: State, changed: State) -> bool:
        """Whether a request without an answer can explain the step: no answer claims it or shows another balance."""
        is_free = changed is not state and changed.sequence not in self._taken
        return is_free and self._cents.get(changed.sequence, changed.cents) == changed.cents

    def _next(self, done: int) -> Iterator[int]:
        """The operations that may come next: no remaining operation was over before they began."""
        rest = [n for n in range(len(self._operations)) if not done >> n & 1]
        first_deadline = min(self._operations[n].deadline for n in rest)
        return (n for n in rest if self._operations[n].invoked < first_deadline)

    def _stuck(self, done: int, state: State) -> str:
        lines = [f"no order explains the history; the longest has {done.bit_count()} operations and ends at {state};"]
        for n in self._next(done):
            operation = self._operations[n]
            lines.append(f"  next could be {operation}, but its outcome would be {after(state, operation.request)[1]}")
        return "\n".join(lines)


def _changed(state: State, request: Request, cents: int) -> tuple[State, Answer]:
    changed = State(state.cents + cents, state.sequence + 1, state.firsts)
    answer = _shown(changed)
    if request.key is None:
        return changed, answer
    return State(changed.cents, changed.sequence, (*state.firsts, (request, answer))), answer


def _shown(state: State) -> Answer:
    return Answer(state.cents, state.sequence)


def _as_replay(answer: Answer) -> Answer:
    return Answer(answer.cents, answer.sequence, is_replay=True)
