"""The arithmetic of `benchmarks.path`."""

import base64
import json
from dataclasses import replace

import pytest

from account_core.domain.events import EventRow
from account_core.rows.items import from_item
from benchmarks.path.checks import inversions
from benchmarks.path.hops import HOPS, STAGES, TO_APPLIED, Times, distribution, growth, percentile, step
from benchmarks.path.journal import Invocation, Journal, Written, events_in
from benchmarks.path.load import Sent
from benchmarks.path.timeline import NotOnThePath, timeline
from benchmarks.projector_batches import Accounts
from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema, parquet
from projector.outgoing import outgoing

TIMES = Times(0.0, 0.1, 0.3, 0.4, 0.6, 1.2, 1.5, 9.0)


def test_a_percentile_is_the_smallest_value_that_covers_its_share() -> None:
    values = [float(number) for number in range(1, 1_001)]
    assert [percentile(values, share) for share in (0.5, 0.99, 0.999, 1.0)] == [500, 990, 999, 1_000]
    assert percentile(values[:10], 0.99) == 10, "nine of ten are less than 99%"
    assert percentile([7.0], 0.5) == 7


def test_stages_add_up_to_the_lag() -> None:
    assert sum(stage.took_s(TIMES) for stage in STAGES) == pytest.approx(TIMES.applied_s - TIMES.planned_s)
    assert distribution(TO_APPLIED, [TIMES]).p99_s == pytest.approx(1.2)
    assert [distribution(hop, [TIMES]).samples for hop in HOPS] == [1] * len(HOPS)


def at(planned_s: float, *, consumer_s: float = 0.3) -> Times:
    """An event whose times are those of TIMES, later, except that the consumer takes another time."""
    moved = Times(*(getattr(TIMES, name) + planned_s for name in Times.__slots__))
    return replace(moved, applied_s=moved.delivered_s + consumer_s)


def test_a_constant_lag_does_not_grow() -> None:
    found = step(10, [at(number / 10) for number in range(100)], emulator_share=0.5, others_share=0.01)
    assert found.growing_hop is None
    assert found.lag_s == 1.5
    assert found.accepted_rate == pytest.approx(100 / 10.2, abs=0.05)


def test_the_stage_that_gains_most_is_named() -> None:
    events = [at(number / 10, consumer_s=0.3 + number / 100) for number in range(100)]
    found = step(10, events, emulator_share=0.5, others_share=0.01)
    assert found.growth == pytest.approx(0.1)
    assert found.growing_hop == "consumer: invoked -> applied"
    assert growth(HOPS[0], events) == pytest.approx(0)


def test_events_after_a_later_one_of_their_account_are_out_of_order() -> None:
    assert inversions([1, 2, 3]) == 0
    assert inversions([1, 3, 2, 4]) == 1


def test_the_first_time_at_each_stage_counts() -> None:
    account, sent, journal = seen()
    again = [replace(each, begun_s=each.begun_s + 5, ended_s=each.ended_s + 5) for each in journal.invocations]
    journal.invocations += again
    [found] = timeline([sent], journal, projector="projector", consumer="consumer")
    assert found == Times(1.0, 1.1, 1.2, 2.0, 3.5, 4.0, 4.5, 6.0), account


def test_an_event_that_was_returned_is_applied_by_a_later_invocation() -> None:
    _, sent, journal = seen()
    answers = (["8", "7"], ["8"], list[str]())
    journal.invocations[1:] = [
        replace(
            journal.invocations[1],
            begun_s=4.0 + turn,
            ended_s=4.5 + turn,
            answer=json.dumps({"batchItemFailures": [{"itemIdentifier": each} for each in failed]}).encode(),
        )
        for turn, failed in enumerate(answers)
    ]
    [found] = timeline([sent], journal, projector="projector", consumer="consumer")
    assert (found.delivered_s, found.applied_s) == (4.0, 5.5)


def test_an_event_that_a_stage_did_not_see_is_reported() -> None:
    account, sent, journal = seen()
    journal.written.clear()
    with pytest.raises(NotOnThePath, match=account):
        timeline([sent], journal, projector="projector", consumer="consumer")


def seen() -> tuple[str, Sent, Journal]:
    """A journal with one event, its command and its account."""
    batch = Accounts(1, sequences=(2, 2)).batch()
    stored = from_item(batch["Records"][0]["dynamodb"]["NewImage"])
    assert isinstance(stored, EventRow)
    account, data = stored.account_id, outgoing(stored, 0).data
    schema = arrow_schema([(column.name, column.glue_type) for column in table.COLUMNS])
    row = dict.fromkeys((column.name for column in table.COLUMNS), None) | {"account_id": account, "sequence": 2}
    kinesis = {"sequenceNumber": "7", "data": base64.b64encode(data).decode(), "approximateArrivalTimestamp": 3.5}
    payload = json.dumps({"Records": [{"kinesis": kinesis}]}).encode()
    assert list(events_in(Invocation("consumer", payload, 4.0, 4.5))) == [((account, 2), 3.5, True)]
    journal = Journal(
        [
            Invocation("projector", json.dumps(batch).encode(), 2.0, 3.0),
            Invocation("consumer", payload, 4.0, 4.5),
        ],
        [Written(parquet([row], schema), 6.0)],
    )
    return account, Sent((account, 2), 1.0, 1.1, 1.2), journal
