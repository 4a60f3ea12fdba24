"""Refusals of an account's events are counted, unlike what the store did not answer and what was not attempted."""

import pytest

from account_events.consumer import Outcome
from account_events.consumer.consumer import Failure
from account_events.consumer.errors import NotAttempted, Unavailable
from account_events.consumer.refusals import Refusals

REFUSED, UNANSWERED = RuntimeError("refused"), Unavailable("throttled")
NOT_ATTEMPTED = Failure("1", None, NotAttempted("later"))
NOT_DECODED = Failure("3", None, OSError("The schema registry did not answer."))
"""Of a record before the account's, so that the account is not attempted."""


def outcome(*failures: Failure) -> Outcome:
    return Outcome(failures=list(failures))


@pytest.fixture
def refusals() -> Refusals:
    counted = Refusals(3)
    for _ in range(2):
        counted.count(outcome(Failure("5", "a", REFUSED)))
    assert counted.accounts == frozenset()
    return counted


def test_an_account_is_named_once_it_was_refused_often_enough(refusals: Refusals) -> None:
    refusals.count(outcome(Failure("5", "a", REFUSED), Failure("6", "b", REFUSED)))
    assert refusals.accounts == {"a"}


@pytest.mark.parametrize(
    "between",
    [
        [Failure("5", "a", UNANSWERED)],
        [NOT_ATTEMPTED],
        [NOT_ATTEMPTED, Failure("2", "b", REFUSED)],
        [NOT_DECODED],
        [Failure("2", "b", REFUSED), NOT_DECODED],
    ],
    ids=repr,
)
def test_what_was_not_attempted_neither_counts_nor_begins_again(refusals: Refusals, between: list[Failure]) -> None:
    for _ in range(5):
        refusals.count(outcome(*between))
    assert "a" not in refusals.accounts
    refusals.count(outcome(Failure("5", "a", REFUSED)))
    assert "a" in refusals.accounts


@pytest.mark.parametrize(
    "between",
    [
        [],
        [Failure("6", "a", REFUSED)],
        [Failure(None, "a", REFUSED)],
        [Failure("7", "b", REFUSED)],
        [Failure("5", "a", REFUSED, 1)],
    ],
    ids=repr,
)
def test_an_account_that_advances_begins_again(refusals: Refusals, between: list[Failure]) -> None:
    refusals.count(outcome(*between))
    refusals.count(outcome(Failure("5", "a", REFUSED)))
    assert refusals.accounts == frozenset()


def test_a_record_that_cannot_be_decoded_is_of_no_account(refusals: Refusals) -> None:
    for _ in range(5):
        refusals.count(outcome(Failure("5", None, REFUSED)))
    assert refusals.accounts == frozenset()
