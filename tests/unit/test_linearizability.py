"""The linearizability checker accepts exactly the possible histories."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.linearizability import CONFLICT, Answer, Operation, Outcome, Request, State, after, violation

CREATE, READ = Request("create"), Request("read")
OPENED = Answer(0, 1)


def credit(cents: int, key: str | None = None, sequences: frozenset[int] | None = None) -> Request:
    return Request("credit", cents, key, sequences)


def withdraw(cents: int, key: str | None = None) -> Request:
    return Request("withdraw", cents, key)


Line = tuple[int, int, Request, Outcome]


def history(*operations: Line) -> list[Operation]:
    """An account with balance 100 at sequence 2, then operations: invoked, answered, request, outcome."""
    before: list[Line] = [(0, 1, CREATE, OPENED), (2, 3, credit(100), Answer(100, 2))]
    return [
        Operation(f"client-{n}", request, invoked, answered, outcome)
        for n, (invoked, answered, request, outcome) in enumerate([*before, *operations])
    ]


ACCEPTED: dict[str, list[Line]] = {
    "nothing": [],
    "the later one first": [
        (10, 20, withdraw(60), "insufficient_funds"),
        (11, 19, withdraw(50), Answer(50, 3)),
    ],
    "a read before or after": [
        (10, 20, credit(1), Answer(101, 3)),
        (11, 12, READ, Answer(101, 3)),
        (10, 13, READ, Answer(100, 2)),
    ],
    "an unanswered request that took effect late": [
        (10, 11, withdraw(100), None),
        (12, 13, READ, Answer(100, 2)),
        (14, 15, READ, Answer(0, 3)),
    ],
    "an unanswered request that never took effect": [
        (10, 11, withdraw(100), None),
        (12, 13, withdraw(100), Answer(0, 3)),
    ],
    "a retry after the first attempt took effect": [
        (10, 11, withdraw(60, "k"), None),
        (12, 13, withdraw(60, "k"), Answer(40, 3, is_replay=True)),
        (14, 15, credit(1), Answer(41, 4)),
        (16, 17, withdraw(60, "k"), Answer(40, 3, is_replay=True)),
        (18, 19, withdraw(61, "k"), "idempotency_key_reused"),
    ],
    "a retry after the first attempt was lost": [
        (10, 11, withdraw(60, "k"), None),
        (12, 13, withdraw(60, "k"), Answer(40, 3)),
    ],
    "the same request twice at once": [
        (10, 20, withdraw(60, "k"), Answer(40, 3, is_replay=True)),
        (11, 21, withdraw(60, "k"), Answer(40, 3)),
    ],
    "a refusal leaves its key free": [
        (10, 11, withdraw(101, "k"), "insufficient_funds"),
        (12, 13, credit(1, "k"), Answer(101, 3)),
    ],
    "a conflict that did nothing": [(10, 11, withdraw(60), CONFLICT), (12, 13, READ, Answer(100, 2))],
    "a condition that holds, and one that does not": [
        (10, 11, credit(1, sequences=frozenset({1, 2})), Answer(101, 3)),
        (12, 13, credit(1, sequences=frozenset({2})), "precondition_failed"),
    ],
    "the same creation": [(10, 11, CREATE, Answer(100, 2))],
}

REFUSED: dict[str, list[Line]] = {
    "lost update": [
        (10, 20, credit(1), Answer(101, 3)),
        (11, 21, credit(2), Answer(102, 3)),
    ],
    "an accepted credit that disappeared": [(10, 20, credit(1), Answer(101, 3)), (21, 22, credit(2), Answer(102, 3))],
    "doubled retry": [
        (10, 11, withdraw(30, "k"), None),
        (12, 13, withdraw(30, "k"), Answer(40, 4)),
    ],
    "doubled retry, seen by a read": [
        (10, 11, withdraw(30, "k"), None),
        (12, 13, withdraw(30, "k"), Answer(70, 3)),
        (14, 15, READ, Answer(40, 4)),
    ],
    "a replay of a request that never took effect": [(10, 11, withdraw(30, "k"), Answer(70, 3, is_replay=True))],
    "a replay that returns the newest state": [
        (10, 11, withdraw(30, "k"), Answer(70, 3)),
        (12, 13, credit(1), Answer(71, 4)),
        (14, 15, withdraw(30, "k"), Answer(71, 4, is_replay=True)),
    ],
    "a key of another command, replayed": [
        (10, 11, withdraw(30, "k"), Answer(70, 3)),
        (12, 13, credit(30, "k"), Answer(70, 3, is_replay=True)),
    ],
    "stale read": [(10, 11, credit(1), Answer(101, 3)), (12, 13, READ, Answer(100, 2))],
    "a read that goes back in time": [
        (10, 20, credit(1), Answer(101, 3)),
        (11, 12, READ, Answer(101, 3)),
        (13, 14, READ, Answer(100, 2)),
    ],
    "a read of a balance that never existed": [(10, 11, READ, Answer(99, 2))],
    "a read of a refused withdrawal": [
        (10, 11, withdraw(101), "insufficient_funds"),
        (12, 13, READ, Answer(-1, 3)),
    ],
    "a conflict that did something": [(10, 11, withdraw(60), CONFLICT), (12, 13, READ, Answer(40, 3))],
    "stale refusal": [
        (10, 11, credit(50), Answer(150, 3)),
        (12, 13, withdraw(150), "insufficient_funds"),
    ],
    "a condition refused on a stale sequence": [
        (10, 11, credit(1), Answer(101, 3)),
        (12, 13, credit(1, sequences=frozenset({3})), "precondition_failed"),
    ],
    "a condition that was ignored": [
        (10, 20, credit(1), Answer(101, 3)),
        (11, 21, credit(1, sequences=frozenset({2})), Answer(102, 4)),
    ],
    "overdraft": [
        (10, 20, withdraw(60), Answer(40, 3)),
        (11, 21, withdraw(60), Answer(-20, 4)),
    ],
    "an unanswered request that would overdraw": [(10, 11, withdraw(101), None), (12, 13, READ, Answer(-1, 3))],
    "an unanswered request with an effect before it was sent": [
        (10, 11, READ, Answer(0, 3)),
        (12, 13, withdraw(100), None),
    ],
    "an unanswered request that took effect twice": [(10, 11, withdraw(50), None), (12, 13, READ, Answer(0, 4))],
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_possible_history_is_accepted(name: str) -> None:
    assert violation(history(*ACCEPTED[name])) is None


@pytest.mark.parametrize("name", REFUSED)
def test_an_impossible_history_is_refused_with_a_reason(name: str) -> None:
    found = violation(history(*REFUSED[name]))
    assert found is not None
    assert "no order explains the history" in found


keys = st.sampled_from([None, None, "k1", "k2", "k3"])
sequences = st.sampled_from([None, None, None, *(frozenset({n, n + 1}) for n in (2, 5, 9))])
requests = st.one_of(
    st.just(READ),
    st.builds(Request, st.sampled_from(["credit", "withdraw"]), st.sampled_from([1, 5, 20]), keys, sequences),
)
STEP = 10


def _executed(wanted: Sequence[Request], answers_lost: Sequence[tuple[bool, bool]] = ()) -> list[Operation]:
    """A sequential execution. `answers_lost`: per request, whether its answer is lost and whether it took effect."""
    state, executed = State(), []
    lost = [*answers_lost, *[(False, False)] * (len(wanted) + 1)]
    for n, request in enumerate([CREATE, *wanted]):
        changed, outcome = after(state, request)
        is_lost, has_happened = lost[n]
        state = changed if has_happened or not is_lost else state
        executed.append(Operation(f"client-{n}", request, n * STEP, n * STEP + 1, None if is_lost else outcome))
    return executed


@given(st.lists(st.tuples(requests, st.integers(0, 40), st.integers(0, 40)), max_size=40), st.data())
def test_a_sequential_execution_with_overlaps_is_accepted(
    wanted: list[tuple[Request, int, int]], data: st.DataObject
) -> None:
    """Each operation is invoked up to four steps early and answered up to four steps late: nine overlap."""
    lost = st.tuples(st.integers(0, 9).map(lambda draw: draw == 0), st.booleans())
    answers_lost = data.draw(st.lists(lost, max_size=len(wanted)))
    executed = _executed([request for request, _, _ in wanted], answers_lost)
    overlapped = [
        replace(operation, invoked=operation.invoked - early, answered=operation.answered + late)
        for operation, (_, early, late) in zip(executed, [(CREATE, 0, 0), *wanted], strict=True)
    ]
    assert violation(overlapped) is None


def _is_explained_by_some_order(history: list[Operation]) -> bool:
    """The definition, by brute force: every order of every set of operations that may have taken effect."""
    return any(
        _is_explained_by(order)
        for count in range(len(history) + 1)
        for happened in combinations(history, count)
        if all(operation in happened or operation.outcome is None for operation in history)
        for order in permutations(happened)
    )


def _is_explained_by(order: Sequence[Operation]) -> bool:
    state = State()
    for n, operation in enumerate(order):
        if any(later.deadline <= operation.invoked for later in order[n + 1 :]):
            return False
        state, outcome = after(state, operation.request)
        if operation.outcome not in (None, outcome):
            return False
    return True


@given(st.lists(st.tuples(requests, st.integers(0, 40), st.integers(0, 40)), max_size=4), st.data())
def test_the_checker_agrees_with_trying_every_order(
    wanted: list[tuple[Request, int, int]], data: st.DataObject
) -> None:
    """Overlapping executions with lost and swapped answers, so that both results occur."""
    lost = data.draw(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=len(wanted)))
    executed = _executed([request for request, _, _ in wanted], lost)
    outcomes = data.draw(st.permutations([operation.outcome for operation in executed]))
    executed_late = [
        replace(operation, invoked=operation.invoked - early, answered=operation.answered + late, outcome=outcome)
        for operation, outcome, (_, early, late) in zip(executed, outcomes, [(CREATE, 0, 9), *wanted], strict=True)
    ]
    assert (violation(executed_late) is None) == _is_explained_by_some_order(executed_late)


@given(st.lists(requests, max_size=12), st.data())
def test_without_overlap_only_the_right_outcome_is_accepted(wanted: list[Request], data: st.DataObject) -> None:
    executed = _executed(wanted)
    at = data.draw(st.integers(0, len(executed) - 1))
    right = executed[at].outcome
    shown = right if isinstance(right, Answer) else Answer(0, 0)
    wrong: list[Outcome] = [
        replace(shown, cents=shown.cents + 1),
        replace(shown, sequence=shown.sequence + 1),
        replace(shown, is_replay=not shown.is_replay),
        "insufficient_funds" if isinstance(right, Answer) else shown,
    ]
    executed[at] = replace(executed[at], outcome=data.draw(st.sampled_from(wrong)))
    assert violation(executed) is not None


@pytest.mark.parametrize("lost_every", [3, 7])
def test_a_wrong_read_after_many_concurrent_operations_is_refused(lost_every: int) -> None:
    """After eighty operations, eight at a time, some without an answer."""
    wanted = [(credit if n % 3 else withdraw)(n % 7 + 1, f"k{n // 5}" if n % 4 == 0 else None) for n in range(80)]
    executed = _executed(wanted, [(n % lost_every == lost_every - 1, n % 2 == 0) for n in range(81)])
    overlapped = [replace(operation, answered=operation.answered + 8 * STEP) for operation in executed]
    assert violation(overlapped) is None
    last = Operation("reader", READ, 10_000, 10_001, Answer(1, 2))
    assert violation([*overlapped, last]) is not None
