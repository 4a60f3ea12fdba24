"""The parts of an event's path: their states, and what helps."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from ops.console.hops import Hop, Name, path, unknown
from ops.console.local_progress import WAITS_MS, Fakes, LocalProgress
from ops.console.waiting import Waiting, WaitingAccount

WORKING: dict[Name, Hop] = {name: Hop(name, "working", "fine", 7) for name in ("ledger", "projector", "read model")}
GAP = WaitingAccount("a", "account-events replay --account a --to-stream s --live", "now", missing="3")
PARKED = WaitingAccount("a", "account-events release a", "now", first=3, reason="poison")


def test_all_parts_are_shown_in_the_order_of_the_path() -> None:
    found = path(WORKING, Waiting(), "")
    assert [each.name for each in found] == ["ledger", "projector", "stream", "read model", "lake"]
    assert [each.state for each in found] == ["working", "working", "unknown", "working", "unknown"]


@pytest.mark.parametrize(
    ("waiting", "part", "command", "runbook"),
    [
        (Waiting(parked=[PARKED]), 1, "account-events release --all --stack bank", "projectorparks"),
        (Waiting(failed=2), 1, "account-events release --failures --stack bank", "projectorgaveup"),
        (Waiting(parked=[PARKED], failed=1), 1, "account-events release --failures --stack bank", "projectorgaveup"),
        (Waiting(gaps=[GAP]), 3, GAP.command, "accountsbyownerwaits"),
        (Waiting(failed_by_consumer=1), 3, "account-events owners check --stack bank", "accountsbyownergaveup"),
    ],
)
def test_a_part_where_something_waits_names_the_command(
    waiting: Waiting, part: int, command: str, runbook: str
) -> None:
    found = path(WORKING, waiting, " --stack bank")
    assert [each.state for each in found].count("waiting") == 1
    hop = found[part]
    assert (hop.state, hop.command, hop.runbook, hop.lag_ms) == ("waiting", command, runbook, 7)


@pytest.mark.parametrize("hop", [Hop("projector", "stopped", "stopped", None, "make up"), unknown("projector", "?")])
def test_a_stopped_or_unknown_part_stays_so_whatever_waits(hop: Hop) -> None:
    assert path({"projector": hop}, Waiting(parked=[PARKED]), "")[1] == hop


def mapping(*shards: tuple[int, int, int], running: bool = True) -> SimpleNamespace:
    """A mapping's status: for each shard, the buffered records, their age and the retries."""
    names = ("buffered", "iterator_age_ms", "retries")
    found = [SimpleNamespace(**dict(zip(names, each, strict=True))) for each in shards]
    return SimpleNamespace(running=running, shards=found, last_error=None)


def delivery(rows: int = 0, *, is_running: bool = True, is_idle: bool = True) -> SimpleNamespace:
    return SimpleNamespace(is_running=is_running, is_idle=is_idle, totals=SimpleNamespace(rows=rows))


@dataclass
class LocalFakes:
    """The fakes' statuses, which a test changes."""

    projector: Any = field(default_factory=mapping)
    read_model: Any = field(default_factory=mapping)
    delivery: Any = field(default_factory=delivery)
    now_s: float = 1_000.0

    def __post_init__(self) -> None:
        fakes = Fakes(lambda: self.projector, lambda: self.read_model, lambda: self.delivery)
        self.progress = LocalProgress(fakes, lambda: self.now_s)

    def hops(self) -> list[Hop]:
        return list(self.progress.hops())


def test_local_parts_that_are_idle_work() -> None:
    hops = LocalFakes(mapping((0, 0, 0)), delivery=delivery(1)).hops()
    assert [(each.name, each.state, each.lag_ms) for each in hops] == [
        ("projector", "working", 0),
        ("read model", "working", 0),
        ("lake", "working", 0),
    ]
    assert hops[2].detail == "1 event written since the start."


def test_local_parts_that_are_stopped_are_shown_as_stopped() -> None:
    stopped = mapping(running=False)
    hops = LocalFakes(stopped, stopped, delivery(is_running=False, is_idle=False)).hops()
    assert [(each.state, each.command) for each in hops] == [("stopped", "make up")] * 3
    assert [each.runbook for each in hops] == ["projectorstopped", "accountsbyownerstopped", "lakestopped"]


@pytest.mark.parametrize(
    ("shard", "state"),
    [
        ((3, 100, 0), "working"),
        ((3, WAITS_MS + 1, 0), "waiting"),
        ((3, 100, 2), "waiting"),
        ((0, 90_000, 0), "working"),
    ],
)
def test_a_mapping_waits_if_its_records_are_old_or_tried_again(shard: tuple[int, int, int], state: str) -> None:
    hop = LocalFakes(mapping(shard, (0, 0, 0))).hops()[0]
    assert (hop.state, hop.lag_ms) == (state, shard[1])
    assert ("projectorisbehind" in hop.runbook) == (state == "waiting")


def test_the_lake_lags_since_it_last_had_nothing_to_write() -> None:
    fakes = LocalFakes(delivery=delivery(is_idle=False))
    lags = []
    for fakes.now_s, is_idle in ((1_000.0, False), (1_002.5, False), (1_003.0, True), (1_004.0, False)):
        fakes.delivery = delivery(is_idle=is_idle)
        lags.append(fakes.hops()[2].lag_ms)
    assert lags == [0, 2_500, 0, 0]
