"""The publisher: one record per lane in flight, only failures are repeated, and never after the deadline."""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import pytest

from account_events.aggregation.buckets import bucket_of, hash_key
from account_events.aggregation.unpacking import unpack
from account_events.testing.faults import Fault
from account_events.testing.kinesis import MemoryKinesis
from projector.lanes import BACKOFF_MAX_S, Lane, Pack, aggregated, backoff_s, calls_of, plain
from projector.outgoing import HeldBack, Outgoing, Published
from projector.publish import KinesisPublisher
from tests.unit.projector.refusing_kinesis import RefusingKinesis

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

THROTTLED = "ProvisionedThroughputExceededException"


def events(account_id: str, sequences: Iterable[int], size: int = 100) -> list[Outgoing]:
    return [Outgoing(account_id, n, 0, f"{n}".encode().ljust(size), n) for n in sequences]


def published(kinesis: MemoryKinesis, outgoing: Iterable[Outgoing], pack: Pack, time_s: float = 60.0) -> Published:
    clock = kinesis.clock
    client = cast("KinesisClient", kinesis)
    publisher = KinesisPublisher(client, "events", pack, clock=clock, sleep=clock.sleep, jitter=lambda: 0.5)
    return publisher.publish(outgoing, clock() + time_s)


def publish(kinesis: MemoryKinesis, outgoing: Iterable[Outgoing], time_s: float = 60.0) -> list[HeldBack]:
    """Publish without aggregation, which is easiest to check; the send rounds are the same."""
    return list(published(kinesis, outgoing, plain(32), time_s).held)


def accepted(kinesis: MemoryKinesis) -> list[str]:
    return [f"{entry['PartitionKey']}{entry['Data'].decode().strip()}" for entry in kinesis.accepted]


def sent(kinesis: MemoryKinesis) -> list[list[str]]:
    return [[f"{entry['PartitionKey']}{entry['Data'].decode().strip()}" for entry in call] for call in kinesis.calls]


def test_without_events_no_call_is_made() -> None:
    kinesis = MemoryKinesis()
    assert publish(kinesis, []) == []
    assert kinesis.calls == []


def test_each_send_round_holds_every_accounts_next_event() -> None:
    kinesis = MemoryKinesis()
    assert publish(kinesis, [*events("a", [1, 2, 3]), *events("b", [7])]) == []
    assert sent(kinesis) == [["a1", "b7"], ["a2"], ["a3"]]


def test_thirty_events_of_one_account_go_one_by_one_in_sequence() -> None:
    kinesis = MemoryKinesis()
    assert publish(kinesis, events("a", range(1, 31))) == []
    assert sent(kinesis) == [[f"a{n}"] for n in range(1, 31)]
    assert kinesis.clock.slept_s == []


def test_only_failed_events_are_sent_again_and_never_overtaken() -> None:
    kinesis = MemoryKinesis([Fault(refused=frozenset({0}))], latency_s=0.03)
    assert publish(kinesis, [*events("a", [1, 2]), *events("b", [1, 2])]) == []
    assert sent(kinesis) == [["a1", "b1"], ["b2"], ["a1"], ["a2"]]
    assert accepted(kinesis) == ["b1", "b2", "a1", "a2"]


@pytest.mark.parametrize("fault", [Fault(lost=True), Fault(late=True)])
def test_a_lost_response_may_repeat_events_but_never_reorders_them(fault: Fault) -> None:
    kinesis = MemoryKinesis([fault])
    assert publish(kinesis, events("a", [1, 2])) == []
    assert sorted(set(accepted(kinesis)), key=accepted(kinesis).index) == ["a1", "a2"]
    assert accepted(kinesis).count("a1") == 2


def test_a_call_refused_as_a_whole_is_repeated_as_a_whole() -> None:
    kinesis = MemoryKinesis([Fault(throttled=True)])
    assert publish(kinesis, [*events("a", [1]), *events("b", [1])]) == []
    assert sent(kinesis) == [["a1", "b1"], ["a1", "b1"]]


def test_events_refused_together_share_a_growing_backoff() -> None:
    kinesis = MemoryKinesis([Fault(throttled=True)] * 4)
    publish(kinesis, [*events("a", [1]), *events("b", [1])])
    assert kinesis.clock.slept_s == pytest.approx([0.025, 0.05, 0.1, 0.2])
    assert len(kinesis.calls) == 5


def test_a_refused_account_is_held_back_and_others_continue() -> None:
    kinesis = MemoryKinesis(refuse=["a"])
    held = publish(kinesis, [*events("a", [1, 2]), *events("b", range(1, 30))])
    assert [(one.event.sequence, one.reason) for one in held] == [(1, THROTTLED), (2, THROTTLED)]
    assert accepted(kinesis) == [f"b{n}" for n in range(1, 30)]
    assert sum("a1" in call for call in sent(kinesis)) > 10
    assert not any("a2" in call for call in sent(kinesis))


def test_the_backoff_starts_again_for_each_event() -> None:
    refused = Fault(throttled=True)
    kinesis = MemoryKinesis([refused, refused, Fault(), refused])
    assert publish(kinesis, events("a", [1, 2])) == []
    assert kinesis.clock.slept_s == pytest.approx([0.025, 0.05, 0.025])


def test_attempts_continue_as_long_as_there_is_time() -> None:
    kinesis = MemoryKinesis([Fault(throttled=True)] * 30)
    assert publish(kinesis, events("a", [1]), time_s=55.0) == []
    assert sum(kinesis.clock.slept_s) > 20


def test_other_accounts_do_not_wait_for_a_refused_accounts_backoff() -> None:
    kinesis = MemoryKinesis([Fault(refused=frozenset({0}))], latency_s=0.001)
    publish(kinesis, [*events("a", [1]), *events("b", range(1, 11))])
    assert accepted(kinesis) == [*(f"b{n}" for n in range(1, 11)), "a1"]
    assert sum(kinesis.clock.slept_s) < 0.025


def test_no_call_begins_at_or_after_the_deadline() -> None:
    kinesis = MemoryKinesis(latency_s=1.0)
    held = publish(kinesis, events("a", range(1, 6)), time_s=3.0)
    assert accepted(kinesis) == ["a1", "a2", "a3"]
    assert [(one.event.sequence, one.reason) for one in held] == [(4, "no time left"), (5, "no time left")]


def test_the_deadline_is_checked_between_the_calls_of_a_round() -> None:
    kinesis = MemoryKinesis(latency_s=1.0)
    held = publish(kinesis, [one for n in range(1_200) for one in events(f"a{n}", [1])], time_s=2.0)
    assert ([len(call) for call in kinesis.calls], len(held)) == ([500, 500], 200)


def test_without_time_nothing_is_published_and_everything_is_held() -> None:
    kinesis = MemoryKinesis()
    assert len(publish(kinesis, events("a", [1, 2]), time_s=0.0)) == 2
    assert kinesis.calls == []


def test_the_publisher_does_not_sleep_past_the_deadline() -> None:
    kinesis = MemoryKinesis(refuse=["a"], latency_s=0.0)
    (held,) = publish(kinesis, events("a", [1]), time_s=0.1)
    assert held.reason == THROTTLED
    assert sum(kinesis.clock.slept_s) < 0.1


def test_more_than_500_accounts_take_more_than_one_call() -> None:
    kinesis = MemoryKinesis()
    assert publish(kinesis, [one for n in range(1_001) for one in events(f"a{n}", [1])]) == []
    assert [len(call) for call in kinesis.calls] == [500, 500, 1]


def test_a_failed_call_does_not_stop_the_others_of_its_round() -> None:
    kinesis = MemoryKinesis([Fault(throttled=True)])
    assert publish(kinesis, [one for n in range(501) for one in events(f"a{n}", [1])]) == []
    assert [len(call) for call in kinesis.calls] == [500, 1, 500]


def test_a_call_holds_at_most_5_mebibytes_including_keys() -> None:
    lanes: list[Lane] = plain(32)(
        one for n in range(10) for one in events(f"{n}" * 24, [1], size=1024 * 1024 - 24 if n < 5 else 50)
    )
    assert [len(call) for call in calls_of(lanes)] == [5, 5]


def test_the_backoff_ceiling_doubles_up_to_its_maximum() -> None:
    assert [backoff_s(n, 1.0) for n in (1, 2, 3, 5_000)] == [0.05, 0.1, 0.2, BACKOFF_MAX_S]
    assert backoff_s(5, 0.0) == 0.0


def sequences(entry: Any) -> list[tuple[str, int]]:  # noqa: ANN401 -- as it was sent
    return [tuple(data.decode().split()) for data in unpack(entry["Data"])]  # type: ignore[misc]


def named(account_id: str, numbers: Iterable[int], size: int = 100) -> list[Outgoing]:
    return [Outgoing(account_id, n, 0, f"{account_id} {n}".encode().ljust(size), n) for n in numbers]


def test_with_aggregation_each_bucket_is_one_record() -> None:
    kinesis = MemoryKinesis()
    outgoing = [event for n in range(200) for event in named(f"account-{n}", [1, 2, 3])]
    done = published(kinesis, outgoing, aggregated(32))
    [call] = kinesis.calls
    assert (done.records, done.refusals, list(done.held)) == (32, 0, [])
    assert len(call) == len({entry["ExplicitHashKey"] for entry in call}) == 32
    assert sum(len(unpack(entry["Data"])) for entry in call) == 600
    for entry in call:
        bucket = int(entry["PartitionKey"])
        assert entry["ExplicitHashKey"] == hash_key(bucket, 32)
        assert {bucket_of(account_id, 32) for account_id, _ in sequences(entry)} == {bucket}


def test_aggregation_does_not_change_an_accounts_hash_key() -> None:
    keys = []
    for pack in (plain(7), aggregated(7)):
        kinesis = MemoryKinesis()
        published(kinesis, named("account-1", [1]), pack)
        keys.append(kinesis.accepted[0]["ExplicitHashKey"])
    assert keys[0] == keys[1] == hash_key(bucket_of("account-1", 7), 7)


def test_a_further_record_is_sent_after_the_first_is_accepted() -> None:
    kinesis = MemoryKinesis([Fault(throttled=True)])
    outgoing = named("account-1", range(1, 8), size=300 * 1024)
    done = published(kinesis, outgoing, aggregated(32))
    assert [[[int(n) for _, n in sequences(entry)] for entry in call] for call in kinesis.calls] == [
        [[1, 2, 3]],
        [[1, 2, 3]],
        [[4, 5, 6]],
        [[7]],
    ]
    assert (done.records, done.refusals) == (3, 1)


def test_a_record_is_filled_up_to_its_limit() -> None:
    kinesis = MemoryKinesis()  # enforces the limit
    published(kinesis, named("account-1", range(1, 101), size=20_964), aggregated(32))
    sizes = [len(entry["Data"]) + len(entry["PartitionKey"]) for entry in kinesis.accepted]
    assert max(sizes) > 1024 * 1024 - 21_000


def test_a_refused_bucket_waits_alone() -> None:
    kinesis = MemoryKinesis([Fault(refused=frozenset({0}))])
    outgoing = [event for n in range(100) for event in named(f"account-{n}", [1])]
    done = published(kinesis, outgoing, aggregated(32))
    first, again = kinesis.calls
    assert again == [first[0]]
    assert (done.records, done.refusals, len(done.held)) == (len(first), 1, 0)


def test_all_events_of_a_refused_bucket_are_held_back() -> None:
    kinesis = MemoryKinesis([Fault(refused=frozenset({0}))] * 1_000)
    outgoing = [event for n in range(100) for event in named(f"account-{n}", [1, 2])]
    done = published(kinesis, outgoing, aggregated(32), time_s=5.0)
    lost = unpack(kinesis.calls[0][0]["Data"])
    assert [one.event.data for one in done.held] == lost
    assert len(kinesis.accepted) == len(kinesis.calls[0]) - 1


def unwanted(account_id: str, sequence: int) -> Outgoing:
    return Outgoing(account_id, sequence, 0, b"unwanted", sequence)


@pytest.mark.parametrize("code", ["ValidationException", "InvalidArgumentException"])
@pytest.mark.parametrize("pack", [plain(32), aggregated(32), aggregated(1)], ids=["plain", "buckets", "one bucket"])
def test_an_event_that_is_always_refused_holds_back_its_account_only(pack: Pack, code: str) -> None:
    kinesis = RefusingKinesis(b"unwanted", code=code)
    others = [event for name in "bcdefgh" for event in events(name, [1, 2])]
    mine = [*events("a", [1]), unwanted("a", 2), *events("a", [3, 4])]
    done = published(kinesis, [*others[:5], *mine, *others[5:]], pack)
    assert [(held.event.account_id, held.event.sequence, held.reason, held.is_refused) for held in done.held] == [
        ("a", 2, code, True),
        ("a", 3, code, False),
        ("a", 4, code, False),
    ]
    assert Counter(kinesis.data()) == Counter(event.data for event in [*others, mine[0]])
    assert kinesis.refusals <= 14, "the search must halve calls and records"


def test_two_accounts_with_refused_events_are_both_found() -> None:
    kinesis = RefusingKinesis(b"unwanted")
    mixed = [unwanted("a", 1), *events("b", [1]), *events("c", [1]), unwanted("c", 2)]
    held = published(kinesis, mixed, aggregated(1)).held
    assert {(each.event.account_id, each.event.sequence) for each in held if each.is_refused} == {("a", 1), ("c", 2)}
    assert len(held) == 2
    assert len(kinesis.data()) == 2


@pytest.mark.parametrize("pack", [plain(32), aggregated(1)], ids=["plain", "one bucket"])
def test_if_kinesis_refuses_everything_no_event_counts_as_refused(pack: Pack) -> None:
    """The stream itself may need a repair, so everything is delivered again."""
    kinesis = RefusingKinesis(b"1")
    done = published(kinesis, [event for name in "abcd" for event in events(name, [1, 11])], pack)
    assert [held.is_refused for held in done.held] == [False] * 8
    assert kinesis.data() == []


def test_the_search_for_a_refused_event_ends_at_the_deadline() -> None:
    kinesis = RefusingKinesis(b"1", latency_s=1.0)
    held = published(kinesis, [event for n in range(100) for event in events(f"{n}", [1])], plain(32), time_s=5.0).held
    assert len(held) == 100
    assert kinesis.refusals == 5


def test_events_of_an_unfinished_search_have_the_calls_reason() -> None:
    kinesis = RefusingKinesis(b"unwanted", latency_s=1.0)
    held = published(kinesis, [unwanted("a", 1), *events("b", [1])], aggregated(1), time_s=1.0).held
    assert [(each.reason, each.is_refused) for each in held] == [("ValidationException", False)] * 2


def test_a_call_without_permission_is_retried_and_refuses_no_event() -> None:
    kinesis = RefusingKinesis(b"1", code="AccessDeniedException", latency_s=1.0)
    held = publish(kinesis, [*events("a", [1]), *events("b", [2])], time_s=10.0)
    assert kinesis.refusals > 1
    assert {each.reason for each in held if each.event.account_id == "a"} == {"AccessDeniedException"}
    assert not any(each.is_refused for each in held)
