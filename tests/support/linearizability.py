"""Is there an order in which a concurrent history could have happened, one operation after the other?

The search of Wing & Gong ("Testing and Verifying Concurrent Objects", 1993) with the memory of Lowe ("Testing for
linearizability", 2017): of all operations that may come next, try each; never twice from the same position. What an
account is, is said here once more, in whole cents and without a line of account_core. Pure.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self

CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked for.

    Attributes:
        cents: of a credit or a withdrawal.
        sequences: the account has to be at one of these; None: at any.
    """

    kind: Literal["create", "credit", "withdraw", "read"]
    cents: int = 0
    key: str | None = None
    sequences: frozenset[int] | None = None

    def is_same_command(self, other: Self) -> bool:
        return (self.kind, self.cents) == (other.kind, other.cents)


@dataclass(frozen=True, slots=True)
class Answer:
    """The account as a client was shown it."""

    cents: int
    sequence: int
    is_replay: bool = False


Outcome = Answer | str | None
"""An answer, the code of a refusal, or None: no answer came, so that it may have happened, at any time, or not."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request and what came of it, by a clock that all clients share."""

    client: str
    request: Request
    invoked: int
    answered: int
    outcome: Outcome

    @property
    def deadline(self) -> float:
        """When it has happened at the latest, if it has."""
        return math.inf if self.outcome is None else self.answered


@dataclass(frozen=True, slots=True)
class State:
    """An account; `firsts` are the requests with a key that changed it, and what they were answered."""

    cents: int = 0
    sequence: int = 0
    firsts: tuple[tuple[Request, Answer], ...] = ()


def after(state: State, request: Request) -> tuple[State, Outcome]:
    """The sequential account: what becomes of it, and what is answered. Unchanged, it is the same object."""
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
    """Why no order explains `history`, a history of one account from its beginning; None where one does.

    A conflict promises that nothing has happened, which holds in any order: the others have to do without it.
    """
    return _Search(history).violation()


class _Search:
    """Sets of operations are integers, bit by bit, in the order of their invocation."""

    def __init__(self, history: Sequence[Operation]) -> None:
        relevant = (operation for operation in history if operation.outcome != CONFLICT)
        self._operations = sorted(relevant, key=lambda operation: operation.invoked)
        self._due = sum(1 << n for n, operation in enumerate(self._operations) if operation.outcome is not None)
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
            if self._due & ~done == 0:
                return None
            furthest = max(furthest, (done, state), key=lambda position: position[0].bit_count())
            for step in self._steps(done, state):
                if step not in seen:
                    seen.add(step)
                    positions.append(step)
        return self._stuck(*furthest)

    def _steps(self, done: int, state: State) -> list[tuple[int, State]]:
        """Where one can go from here. What changes nothing and may come now need not be tried later: it goes alone."""
        steps = []
        lost: set[Request] = set()
        for n in self._next(done):
            operation = self._operations[n]
            changed, outcome = after(state, operation.request)
            position = (done | 1 << n, changed)
            if operation.outcome is None:
                if operation.request not in lost and self._may_be_lost(state, changed):
                    steps.append(position)
                lost.add(operation.request)  # of several alike the first asked for will do, for it may come later too
            elif operation.outcome == outcome:
                if changed is state:
                    return [position]
                steps.append(position)
        return steps

    def _may_be_lost(self, state: State, changed: State) -> bool:
        """Whether the step may be one whose answer was lost: nobody else's, and nobody was shown another balance."""
        is_free = changed is not state and changed.sequence not in self._taken
        return is_free and self._cents.get(changed.sequence, changed.cents) == changed.cents

    def _next(self, done: int) -> Iterator[int]:
        """Whatever began before any that is still to come was over."""
        rest = [n for n in range(len(self._operations)) if not done >> n & 1]
        first_deadline = min(self._operations[n].deadline for n in rest)
        return (n for n in rest if self._operations[n].invoked < first_deadline)

    def _stuck(self, done: int, state: State) -> str:
        lines = [f"no order explains it; at best {done.bit_count()} operations, which lead to {state};"]
        for n in self._next(done):
            operation = self._operations[n]
            lines.append(f"  next could be {operation}: {after(state, operation.request)[1]}")
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
