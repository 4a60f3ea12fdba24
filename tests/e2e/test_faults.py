"""Each fault to play with on a local stack: its effect, its end, and the documented commands that repair the damage.

Every test leaves the stack in order: the events of each account are on the stream in order, without gaps, and `doctor`
finds nothing. In the end, the ledger, the read model and the lake agree.
"""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial

import pytest

from local_stack import address
from local_stack.alarms.local_alarms import LocalAlarms
from local_stack.deploy import read_template
from local_stack.faults.errors import FaultRefused
from local_stack.faults.switch import FaultSwitch
from local_stack.faults.workers import worker_pids
from local_stack.local_deployment import LocalDeployment
from ops.cli import owners
from ops.deployment.stack import Deployment, Outputs
from ops.doctor import run
from ops.doctor.checks import lake, mappings
from ops.doctor.run import examine
from ops.lake.reconcile import grace
from tests.e2e.doctor_world import SharedClients, World
from tests.e2e.faults_server import TOKEN, FaultsServer
from tests.e2e.faults_world import (
    TIMEOUT_S,
    arrived,
    await_,
    await_alarm,
    listed,
    on_each_shard,
    published,
    repair,
    succeed,
)
from tests.e2e.test_local_deployment import Api, assert_no_findings, audited, credit_times
from tests.support.terminal import account_events


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalDeployment() as deployment, Api(deployment) as api, pytest.MonkeyPatch.context() as patched:
        examined = SharedClients(Outputs(deployment.address.outputs), deployment.address)
        patched.setattr(address, "ADDRESS_FILE", tmp_path_factory.mktemp("address") / "address.json")
        patched.setattr(Deployment, "connect", lambda _stack: examined)
        patched.setattr(run, "read_template", cache(read_template))
        patched.setattr(grace, "LOCAL_GRACE_S", 0.0)
        patched.setattr(owners, "SETTLE_S", 0.0)
        found = World(deployment, examined, api, api.open_account("10.00"), api.open_account("20.00"))
        found.settle()
        yield found
        found.settle()
        for command in ("check", "owners check", "reconcile"):
            succeed(command)


@pytest.fixture(scope="module")
def switch(world: World) -> Iterator[FaultSwitch]:
    with FaultSwitch(world.deployment) as switch:
        yield switch


@pytest.fixture(scope="module")
def local_alarms(world: World) -> LocalAlarms:
    return LocalAlarms(world.deployment.address)


@pytest.fixture(autouse=True)
def _in_order(world: World, switch: FaultSwitch) -> Iterator[None]:
    """After each test all faults are off, and everything agrees."""
    yield
    switch.end_all()
    assert not any(state.is_on for state in switch.states())
    world.settle()
    await_(lambda: not world.findings(), "a stack without findings")
    assert_no_findings(audited(world.deployment, *sorted({row.account_id for row in world.deployment.rows()})))


def test_a_throttled_shard_delays_only_its_accounts(
    world: World, switch: FaultSwitch, local_alarms: LocalAlarms
) -> None:
    waiting, other = on_each_shard(world)
    since_s = time.time()
    state = switch.begin("throttled-shard", {"account": waiting})
    assert state.settings["shard"].startswith("shardId-")
    switch.begin("stopped-projector-mapping")  # so that the rows are in one batch
    for account_id in (waiting, other, waiting, other):
        world.credit(account_id)
    switch.end("stopped-projector-mapping")
    await_(lambda: published(world, other) == [1, 2, 3, 4], "the other shard's events")
    assert published(world, waiting) == [1, 2]
    assert await_alarm(world, local_alarms, "EventStreamThrottled", since_s).runbook == state.runbook
    switch.end("throttled-shard")
    world.settle()
    assert published(world, waiting) == [1, 2, 3, 4]


def test_refused_entries_are_sent_again_in_order(world: World, switch: FaultSwitch, local_alarms: LocalAlarms) -> None:
    account_ids = [world.api.open_account() for _ in range(4)]
    world.settle()
    since_s = time.time()
    switch.begin("refused-entries", {"share": "0.5", "seed": "7"})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(partial(credit_times, world.api, 6), account_ids))
    world.settle()
    assert [published(world, each) for each in account_ids] == [list(range(1, 8))] * 4
    assert await_alarm(world, local_alarms, "EventStreamThrottled", since_s).is_alarm


def test_lost_answers_repeat_events_and_lose_none(world: World, switch: FaultSwitch) -> None:
    account_id = world.api.open_account("10.00")
    world.settle()
    switch.begin("lost-answers")  # with its default seed, the first answer is lost
    world.credit(account_id)
    world.settle()
    assert published(world, account_id) == [1, 2, 3]
    assert arrived(world, account_id).count(3) > 1


def test_a_poison_row_parks_its_account_until_repair_and_release(
    world: World, switch: FaultSwitch, local_alarms: LocalAlarms
) -> None:
    account_id = world.api.open_account("10.00")
    world.settle()
    since_s = time.time()
    state = switch.begin("poison-row")
    assert state.settings["account"] == account_id, "the last account that has an event"
    world.settle()
    assert account_id in succeed("parked")
    world.credit(world.first)
    world.settle()
    assert world.api.command(account_id, "credit", "1.00").status_code == 500
    assert await_alarm(world, local_alarms, "ProjectorParks", since_s).runbook == state.runbook
    ended = switch.end("poison-row")
    world.credit(account_id)
    world.settle()
    assert published(world, account_id) == [1, 2]
    assert "2 events published" in repair(ended.repair)
    assert published(world, account_id) == [1, 2, 3, 4]
    assert "No account is parked." in succeed("parked")


def test_a_poison_row_that_somebody_repaired_is_left_alone(world: World, switch: FaultSwitch) -> None:
    account_id = world.api.open_account("10.00")
    state = switch.begin("poison-row", {"account": account_id})
    version = int(state.settings["row"])
    row = world.row(account_id, version)
    world.put_row({**row, "Type": {"S": "CREDIT"}, "CorrelationId": {"S": "by hand"}})
    repaired = world.row(account_id, version)
    world.settle()
    ended = switch.end("poison-row")
    assert world.row(account_id, version) == repaired
    repair(ended.repair)


def test_a_killed_projector_is_started_again(world: World, switch: FaultSwitch) -> None:
    account_id = world.api.open_account("10.00")
    world.settle()
    name = world.outputs["ProjectorFunctionName"]
    before = list(worker_pids(world.deployment.emulator.pid, name))
    state = switch.begin("killed-projector")
    assert state.began_at is not None
    world.credit(account_id)
    world.settle()
    after = list(worker_pids(world.deployment.emulator.pid, name))
    assert before
    assert after
    assert not set(before) & set(after)
    assert published(world, account_id) == [1, 2, 3]


def test_a_stopped_projector_publishes_everything_after_its_end(
    world: World, switch: FaultSwitch, local_alarms: LocalAlarms
) -> None:
    account_id = world.api.open_account("10.00")
    world.settle()
    state = switch.begin("stopped-projector-mapping")
    world.deployment.metrics.publish()
    world.credit(account_id)
    assert await_alarm(world, local_alarms, "ProjectorStopped", time.time()).runbook == state.runbook
    assert published(world, account_id) == [1, 2]
    switch.end("stopped-projector-mapping")
    world.settle()
    assert published(world, account_id) == [1, 2, 3]


def test_a_stopped_read_model_catches_up_after_its_end(
    world: World, switch: FaultSwitch, local_alarms: LocalAlarms
) -> None:
    account_id = world.api.open_account("10.00")
    world.settle()
    state = switch.begin("stopped-reader-mapping")
    world.deployment.metrics.publish()
    world.credit(account_id)
    assert world.deployment.mapping.wait_until_idle(TIMEOUT_S)
    assert await_alarm(world, local_alarms, "AccountsByOwnerStopped", time.time()).runbook == state.runbook
    assert listed(world, account_id) == "10.00"
    switch.end("stopped-reader-mapping")
    world.settle()
    assert listed(world, account_id) == "11.00"


def test_a_stopped_lake_has_all_events_after_its_end(
    world: World, switch: FaultSwitch, local_alarms: LocalAlarms
) -> None:
    state = switch.begin("stopped-lake")
    world.deployment.metrics.publish()
    since_s = time.time()
    world.credit(world.second)
    assert world.deployment.mapping.wait_until_idle(TIMEOUT_S)
    assert await_alarm(world, local_alarms, "LakeStopped", since_s).runbook == state.runbook
    switch.end("stopped-lake")


def test_a_filled_failure_bucket_is_emptied_by_release(
    world: World, switch: FaultSwitch, local_alarms: LocalAlarms
) -> None:
    account_id = world.api.open_account("10.00")
    world.settle()
    since_s = time.time()
    mapping = world.deployment.mapping.config
    state = switch.begin("filled-failure-bucket")
    assert state.settings["account"] == account_id
    assert world.deployment.mapping.config == mapping
    assert "1 object is in the failure bucket" in succeed("parked")
    assert await_alarm(world, local_alarms, "ProjectorGaveUp", since_s).runbook == state.runbook
    assert published(world, account_id) == [1, 2]
    assert f"{account_id} released" in repair(state.repair)
    assert "0 objects are in the failure bucket" in succeed("parked")
    assert published(world, account_id) == [1, 2, 3]


def test_faults_that_are_on_together_end_one_by_one(world: World, switch: FaultSwitch) -> None:
    """The projector uses the proxy until the last of them has ended."""
    functions, name = world.client("lambda"), world.outputs["ProjectorFunctionName"]

    def variables() -> dict[str, str]:
        found: dict[str, str] = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        return found

    before = variables()
    switch.begin("refused-entries", {"share": "0.4"})
    switch.begin("lost-answers", {"share": "0.4"})
    world.credit(world.first)
    switch.end("refused-entries")
    assert variables() != before
    world.credit(world.first)
    switch.end("lost-answers")
    assert variables() == before


@pytest.mark.parametrize("name", ["throttled-shard", "poison-row", "filled-failure-bucket"])
def test_an_account_without_events_is_refused(switch: FaultSwitch, name: str) -> None:
    with pytest.raises(FaultRefused, match="no events"):
        switch.begin(name, {"account": "no-such-account"})


def test_the_command_lets_faults_begin_and_end(world: World, switch: FaultSwitch) -> None:
    with FaultsServer(switch) as server:
        local = replace(world.deployment.address, console_url=server.url, console_token=TOKEN, faults=True)
        begun = account_events(local, "faults", "begin", "refused-entries", "--share", "0.5", "--seed", "7")
        assert begun.returncode == 0, begun.stderr
        assert "share 0.5, seed 7" in begun.stdout
        again = account_events(local, "faults", "begin", "refused-entries")
        assert (again.returncode, again.stdout) == (1, "")
        assert "is on already" in again.stderr
        assert " on " in account_events(local, "faults").stdout
        assert "1 fault ended" in account_events(local, "faults", "end", "--all").stdout
        refused = account_events(replace(local, faults=False), "faults", "begin", "stopped-lake")
    assert refused.returncode == 1
    assert "account-events up --faults" in refused.stderr


def test_doctor_names_the_command_that_ends_a_fault(
    world: World, switch: FaultSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All parts count as stopped here; a fault has stopped only one of them."""
    for module in (mappings, lake):
        monkeypatch.setattr(module, "SILENT_LOCALLY", timedelta(seconds=-59))  # also what is read meanwhile
    switch.begin("stopped-lake")
    switch.begin("refused-entries")
    with FaultsServer(switch) as server:
        local = replace(world.deployment.address, console_url=server.url, console_token=TOKEN)
        stack = SharedClients(Outputs(local.outputs), local)
        findings = examine(stack, None, grace_s=None, progress=lambda _: None).findings
    repairs = {(each.kind, each.where): each.repair for each in findings}
    assert repairs["lake-stopped", "account-events-lake"] == "account-events faults end stopped-lake"
    assert repairs["function-environment-differs", "ProjectorFunction"] == "account-events faults end --all"
    assert repairs["mapping-not-polling", "ProjectorMapping"] == "make up"


def test_a_stack_that_stops_meanwhile_refuses_with_what_to_do(own_deployment: LocalDeployment) -> None:
    with FaultSwitch(own_deployment) as switch:
        with pytest.raises(FaultRefused, match="No account has an event"):
            switch.begin("poison-row")
        switch.begin("refused-entries")
        os.kill(own_deployment.emulator.pid, signal.SIGKILL)
        own_deployment.emulator.wait_for_exit(TIMEOUT_S)
        with pytest.raises(FaultRefused, match="make up"):
            switch.end("refused-entries")
        with pytest.raises(FaultRefused, match="make up"):
            switch.begin("lost-answers")
        with pytest.raises(FaultRefused, match="make up"):
            switch.begin("poison-row")
