"""How often events are published if several execution environments share the shards of the table's stream."""

import random

import pytest

from account_events.testing.records import StreamRecord
from tests.support.memory_projector import MemoryProjector
from tests.support.rows import history, stream_record

ACCOUNTS, EVENTS, BATCH = 10, 80, 5


def records(accounts: int, events: int, chosen: random.Random) -> list[StreamRecord]:
    """The accounts' events, each account's in order, mixed."""
    waiting = {
        f"a{number}": [row for row in history(f"a{number}", events) if row.version % 10] for number in range(accounts)
    }
    mixed = []
    while waiting:
        account_id = chosen.choice(list(waiting))
        mixed.append(waiting[account_id].pop(0))
        if not waiting[account_id]:
            del waiting[account_id]
    return [stream_record(row, number) for number, row in enumerate(mixed)]


@pytest.mark.parametrize(("environments", "times"), [(1, 1.0), (2, 1.9), (4, 3.7)])
def test_each_environment_that_knows_an_account_publishes_its_events(environments: int, times: float) -> None:
    """An environment fills the gap since its last batch of an account from the table (docs/scale.md has the numbers).

    In the long run, each environment publishes each event once. Here the last environments are not asked again.
    """
    chosen = random.Random(1)  # noqa: S311 -- a simulation's
    written = records(ACCOUNTS, EVENTS, chosen)
    projectors = [MemoryProjector() for _ in range(environments)]
    for each in projectors:
        each.ledger.put(record["dynamodb"]["NewImage"] for record in written)
    for start in range(0, len(written), BATCH):
        batch = written[start : start + BATCH]
        assert chosen.choice(projectors).deliver(batch) == {"batchItemFailures": []}
    published = sum(outcome.published for each in projectors for outcome in each.outcomes)
    assert published / len(written) == pytest.approx(times, abs=0.1)
    filled = sum(outcome.filled for each in projectors for outcome in each.outcomes)
    assert published - filled == len(written)
