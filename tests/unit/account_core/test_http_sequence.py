"""The API counts events. It does not reveal how many rows the service stores, or which of them are snapshots.

Earlier releases showed `version`, the number of the account's newest row, and `"12"` was the ETag of row 12.
"""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from account_core.domain.events import SnapshotRow
from account_core.rows.items import SNAPSHOT_EVERY, from_item
from tests.support.api import Api

ACCOUNT = "/accounts/account-1"
CREDIT = ("POST", f"{ACCOUNT}/credit", '{"amount": "1.00"}')
AROUND_SNAPSHOTS = [*range(8, 13), *range(18, 23)]
EVENTS_MAX = 30


def account_of(events: int) -> Api:
    """An account with one event per minute. Each event except the first credits 1.00."""
    api = Api()
    api("POST", "/accounts", '{"owner": "owner-1", "currency": "EUR"}')
    for _ in range(events - 1):
        api.now += timedelta(minutes=1)
        assert api(*CREDIT)[0] == 200
    return api


def state(answer: tuple[int, Any, dict[str, Any]]) -> tuple[int, int, str, str]:
    status, body, headers = answer
    return status, body["sequence"], headers["ETag"], body["balance"]


def expected_state(sequence: int) -> tuple[int, int, str, str]:
    return 200, sequence, f'"s-{sequence}"', f"{sequence - 1}.00"


earlier_tags = st.builds(
    '{}"{}"'.format, st.sampled_from(["", "W/"]), st.integers(0, EVENTS_MAX + SNAPSHOT_EVERY) | st.integers(0, 10**20)
)


@given(st.integers(1, EVENTS_MAX), st.lists(earlier_tags, max_size=3))
def test_an_etag_of_an_earlier_release_never_matches(events: int, others: list[str]) -> None:
    """Neither the sequence without its prefix nor any other number matches, alone or in a list."""
    api = account_of(events)
    stored = api.items()
    tags = [f'"{events}"', f'"{len(stored)}"', *others]
    for sent in (*tags, ", ".join(tags)):
        for is_cached in (True, False):
            if not is_cached:
                api.forget()
            status, problem, _ = api(*CREDIT, if_match=sent)
            assert (status, problem["code"]) == (412, "precondition_failed")
        assert state(api("GET", ACCOUNT, if_none_match=sent)) == expected_state(events)
        assert state(api("GET", f"{ACCOUNT}?atSequence={events}", if_none_match=sent)) == expected_state(events)
    assert api.items() == stored


@given(st.integers(1, EVENTS_MAX), st.integers(-SNAPSHOT_EVERY, SNAPSHOT_EVERY))
def test_only_the_etag_of_the_newest_event_matches(events: int, ahead: int) -> None:
    api = account_of(events)
    for sequence in (events + ahead, events):
        tag = f'"s-{sequence}"'
        assert (api("GET", ACCOUNT, if_none_match=tag)[0] == 304) == (sequence == events)
        if sequence != events:
            assert api(*CREDIT, if_match=tag)[0] == 412
            api.forget()
            assert api(*CREDIT, if_match=tag)[0] == 412
    assert state(api(*CREDIT, if_match=f'"s-{events}"')) == expected_state(events + 1)


@pytest.mark.parametrize("sequence", AROUND_SNAPSHOTS)
def test_a_state_has_one_sequence_and_one_etag_however_it_is_read(sequence: int) -> None:
    """The command's answer, its repetition, the newest state, and the past by sequence and by time are the same."""
    api = account_of(sequence - 1)
    api.now += timedelta(minutes=1)
    answers = [api(*CREDIT, idempotency_key="key-1")]
    moment = api.now.isoformat().replace("+00:00", "Z")
    answers += [api("GET", ACCOUNT)]
    assert isinstance(from_item(api.items()[-1]), SnapshotRow) == (sequence % (SNAPSHOT_EVERY - 1) == 0)
    for _ in range(SNAPSHOT_EVERY):
        past = (f"{ACCOUNT}?atSequence={sequence}", f"{ACCOUNT}?at={moment}")
        answers += [api("GET", target) for target in past]
        answers += [api(*CREDIT, idempotency_key="key-1")]
        assert [api("GET", target, if_none_match=f'"s-{sequence}"')[0] for target in past] == [304, 304]
        api.now += timedelta(minutes=1)
        api(*CREDIT)
    assert {state(answer) for answer in answers} == {expected_state(sequence)}


@pytest.mark.parametrize("sequence", AROUND_SNAPSHOTS)
def test_if_match_accepts_one_command_per_sequence_near_a_snapshot(sequence: int) -> None:
    api = account_of(sequence)
    assert state(api(*CREDIT, if_match=f'"s-{sequence}"')) == expected_state(sequence + 1)
    status, problem, _ = api(*CREDIT, if_match=f'"s-{sequence}"')
    assert (status, problem["code"]) == (412, "precondition_failed")
    assert problem["detail"] == f"The account is at sequence {sequence + 1}: read it and decide again."


@pytest.mark.parametrize("sequence", AROUND_SNAPSHOTS)
def test_a_sequence_beyond_the_newest_event_is_not_found(sequence: int) -> None:
    status, problem, _ = account_of(sequence)("GET", f"{ACCOUNT}?atSequence={sequence + 1}")
    assert (status, problem["code"]) == (404, "sequence_not_found")
    assert problem["detail"] == f"The account has no event {sequence + 1} yet: it is at sequence {sequence}."


def test_answers_and_logs_never_mention_versions() -> None:
    api = account_of(SNAPSHOT_EVERY)
    targets = ["", "/events", "?atSequence=9", "?atSequence=99", "?at=1999-01-01T00:00Z", "/events?limit=0"]
    answers = [api("GET", f"{ACCOUNT}{target}") for target in targets]
    answers += [api(*CREDIT), api(*CREDIT, if_match='"s-1"'), api(*CREDIT, if_match='"1"'), api(*CREDIT, if_match="1")]
    answers += [api("POST", "/accounts", '{"owner": "o", "currency": "EUR"}', if_match='"s-1"')]
    answers += [api("GET", "/owners/owner-1/accounts")]
    assert {status for status, _, _ in answers} == {200, 400, 404, 412}
    assert "version" not in json.dumps(answers).lower()
    assert all("version" not in line for line in api.log.lines)
