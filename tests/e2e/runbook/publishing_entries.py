"""Scenarios of the alarms that compare what is written with what is published."""

import json
from collections.abc import Callable

from account_events.lambda_mapping.filters import FilterCriteria
from tests.e2e.runbook.api_entries import request
from tests.e2e.runbook.causes import UNDO, undo
from tests.e2e.runbook.lake_entries import AGREE, incoming_records
from tests.e2e.runbook.on_call import Operator
from tests.e2e.runbook.programs import continue_with
from tests.e2e.runbook.projector_entries import PUBLISH_AGAIN
from tests.e2e.runbook.scenarios import scenario

PATTERN = '{"eventName": ["REMOVE"]}'
PASSED_OVER = FilterCriteria.of([PATTERN], "dynamodb")


def write(op: Operator) -> None:
    """Write an event. The emulator counts no write units, so they are put here; so are the records that arrive."""
    op.mark()
    assert request(op).status_code == 200
    op.world.settle()
    op.metric(1, alarm="LedgerIsWritten")
    if arrived := incoming_records(op):
        op.metric(arrived, alarm="NoEventsArrive")


def set_filter(op: Operator, filters: FilterCriteria) -> None:
    """Set the mapping's filter, in the emulator, which describes it, and in the fake, which applies it."""
    criteria = {"Filters": [{"Pattern": pattern} for pattern in filters.patterns]}
    op.client("lambda").update_event_source_mapping(UUID=op.output("MappingId"), FilterCriteria=criteria)
    continue_with(op.world.deployment.mapping, {"filters": filters})


def pass_over(op: Operator, examine: Callable[[Callable[[], None]], object]) -> None:
    """A filter that matches no row is set by hand; `examine` follows the entry, given what undoes that."""
    intact = op.world.deployment.mapping.config.filters
    set_filter(op, PASSED_OVER)
    write(op)
    op.assert_alarm()
    examine(lambda: set_filter(op, intact))
    write(op)
    op.assert_ok("NothingPublished")
    op.assert_ok("NoEventsArrive")


@scenario("LedgerIsWritten")
def ledger_is_written(op: Operator) -> None:
    write(op)
    op.assert_alarm()
    op.assert_ok("NothingPublished")
    assert "OK" in op.look()


@scenario("NoEventsArrive", PUBLISH_AGAIN)
def no_events_arrive(op: Operator) -> None:
    def examine(restore: Callable[[], None]) -> None:
        assert "ALARM" in op.look()
        restore()
        op.procedure(PUBLISH_AGAIN, ACCOUNT=op.world.second)
        op.world.settle()

    pass_over(op, examine)


@scenario("NothingPublished", UNDO, PUBLISH_AGAIN)
def nothing_published(op: Operator) -> None:
    """No other alarm of the projector sees it: the mapping polls, and no row is too old or fails."""

    def examine(restore: Callable[[], None]) -> None:
        op.await_ok("ProjectorStopped")
        for alarm in ("ProjectorIsBehind", "ProjectorFails", "ProjectorThrottled", "ProjectorGaveUp", "ProjectorLost"):
            op.assert_ok(alarm)
        seen = op.look()
        assert "NothingPublished" in seen
        assert json.dumps(PATTERN) in seen
        assert op.output("TableStreamArn") in seen
        assert op.output("EventStreamName") in seen
        assert "batch projected" not in seen
        assert "No account is parked." in seen
        undo(op, restore, "ProjectorMapping")
        assert "1 missing" in op.repair("reconcile")
        op.procedure(PUBLISH_AGAIN, ACCOUNT=op.world.second)
        op.world.settle()

    pass_over(op, examine)
    assert AGREE in op.repair("reconcile")
