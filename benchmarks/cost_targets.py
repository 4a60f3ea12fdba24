"""The operations whose costs are measured, the store for each measurement, and the targets."""

import math
from dataclasses import dataclass
from typing import Literal

from account_core.rows.items import EVENTS_PER_INTERVAL, SNAPSHOT_EVERY, version_of
from account_core.service.head import version_after
from benchmarks import operations as measured
from benchmarks import transfer_costs as transfers
from benchmarks.meter import Cost
from benchmarks.operations import TOO_MUCH, YOUNG, Measured
from benchmarks.row_sizes import READ_UNIT_BYTES, row_sizes

StoreName = Literal["DynamoDB Local", "ministack"]
LOCAL: StoreName = "DynamoDB Local"
MINISTACK: StoreName = "ministack"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement, and for RCU and for WCU the store that reports them correctly.

    DynamoDB Local reports correct figures except for transactions and for a query that finds nothing. It reports such a
    query as free, whereas AWS bills it ("DynamoDB read and write operations") and ministack reports it accordingly.
    """

    run: Measured
    reads_from: StoreName = LOCAL
    writes_from: StoreName = LOCAL


@dataclass(frozen=True, slots=True)
class Operation:
    """Attributes: `target` is None if there is no target, `baseline` if the published design lacks the operation."""

    name: str
    target: Cost | None
    ours: Measurement
    baseline: Measurement | None = None


def operations(long_events: int) -> list[Operation]:
    """Return all operations; the longest account has `long_events` events."""
    return [*_commands(), *_keyed_commands(), *_transfers(), *_balances(long_events), *_history(long_events)]


def _commands() -> list[Operation]:
    before_snapshot = EVENTS_PER_INTERVAL - 1
    return [
        Operation("command", Cost(1, 0, 1), Measurement(measured.plain), _baseline(measured.published(YOUNG))),
        Operation(
            "command with snapshot",
            Cost(1, 0, 4),
            Measurement(measured.snapshot, writes_from=MINISTACK),
            _baseline(measured.published(before_snapshot)),
        ),
        Operation(
            "command, average over a snapshot interval",
            Cost(1, 0, 1.34),
            Measurement(measured.snapshot_interval, writes_from=MINISTACK),
            _baseline(measured.published_interval),
        ),
        Operation(
            "command, account not cached",
            Cost(2, 1, 1),
            Measurement(measured.not_cached),
            _baseline(measured.published(YOUNG)),
        ),
        Operation(
            "command with one version conflict",
            Cost(2, 0, 2),
            Measurement(measured.conflict),
            _baseline(measured.published(YOUNG, rivals=1)),
        ),
        Operation(
            "command refused by the domain",
            Cost(1, 1, 0),
            Measurement(measured.refusal),
            _baseline(measured.published(YOUNG, TOO_MUCH)),
        ),
        Operation(
            "creation",
            Cost(1, 0, 1),
            Measurement(measured.creation),
            _baseline(measured.published_creation, reads_from=MINISTACK),
        ),
    ]


def _keyed_commands() -> list[Operation]:
    found_nothing = MINISTACK
    return [
        Operation("command, keyed", Cost(2, 1, 2), Measurement(measured.keyed, reads_from=found_nothing)),
        Operation(
            "command with snapshot, keyed",
            Cost(2, 1, 5),
            Measurement(measured.keyed_snapshot, reads_from=found_nothing, writes_from=MINISTACK),
        ),
        Operation("command repeated, keyed", Cost(2, 2, 0), Measurement(measured.replay)),
        Operation("creation, keyed", Cost(1, 0, 2), Measurement(measured.keyed_creation)),
    ]


def _transfers() -> list[Operation]:
    """DynamoDB Local reports a transaction as two units less than AWS bills, so ministack reports all of their WCU."""

    def transfer(run: Measured, reads_from: StoreName = LOCAL) -> Measurement:
        return Measurement(run, reads_from, writes_from=MINISTACK)

    return [
        Operation("transfer", Cost(1, 0, 4), transfer(transfers.cached)),
        Operation("transfer with one snapshot", Cost(1, 0, 6), transfer(transfers.one_snapshot)),
        Operation("transfer with two snapshots", Cost(1, 0, 8), transfer(transfers.two_snapshots)),
        Operation("transfer, keyed", Cost(2, 1, 5), transfer(transfers.keyed, reads_from=MINISTACK)),
        Operation("transfer, one account not cached", Cost(2, 1, 4), transfer(transfers.one_not_cached)),
        Operation("transfer, no account cached", Cost(3, 2, 4), transfer(transfers.none_cached)),
        Operation("transfer with one version conflict", Cost(2, 0, 8), transfer(transfers.conflict)),
        Operation("transfer repeated, keyed", Cost(2, 2, 0), Measurement(transfers.repeated)),
        Operation("transfer refused by the domain", Cost(2, 2, 0), Measurement(transfers.refused)),
    ]


def _balances(long_events: int) -> list[Operation]:
    reads = [
        Operation(
            f"balance of {events:,} events",
            Cost(1, 1, 0),
            Measurement(measured.balance(events)),
            _baseline(measured.published_balance(events), writes_from=LOCAL),
        )
        for events in (10, 1_000, long_events)
    ]
    return [*reads, Operation("balance, rows of the largest size", None, Measurement(measured.largest_balance))]


def _history(events: int) -> list[Operation]:
    versions = version_after(version_of(events))
    searches = 2 + math.ceil(math.log2(versions / SNAPSHOT_EVERY))
    page_rows = measured.PAGE + measured.PAGE // EVENTS_PER_INTERVAL + 1  # its snapshots are read too
    page_units = math.ceil(page_rows * row_sizes().typical / READ_UNIT_BYTES)
    return [
        Operation(f"as of a sequence, {events:,} events", Cost(1, 1, 0), Measurement(measured.as_of_sequence(events))),
        Operation(
            f"as of the worst moment, {events:,} events",
            Cost(searches, searches, 0),
            Measurement(measured.as_of_moment(events)),
        ),
        Operation(
            f"page of {measured.PAGE} of {events:,} events",
            Cost(1, page_units, 0),
            Measurement(measured.page(events)),
        ),
        Operation(
            f"statement of the worst day, {events:,} events",
            Cost(2 * searches - 2, 2 * searches - 3 + page_units, 0),
            Measurement(measured.statement(events)),
        ),
        Operation(
            f"further page of a statement, {events:,} events",
            Cost(3, 2 + page_units, 0),
            Measurement(measured.statement_page(events)),
        ),
    ]


def _baseline(run: Measured, reads_from: StoreName = LOCAL, writes_from: StoreName = MINISTACK) -> Measurement:
    return Measurement(run, reads_from, writes_from)
