"""What a command reads the ledger from: the table, or an export of it. Shared by all commands that run a replay."""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from account_events.avro.encoder import Encoders
from ops.ledger.export.location import find_export
from ops.ledger.export.manifest import INEXACT_S, Export, Table
from ops.replay.display import Display
from ops.replay.dynamodb_source import DynamoDBSource
from ops.replay.engine import SEGMENTS, ReplayResult, replay
from ops.replay.estimate import TableSize
from ops.replay.export_source import export_source
from ops.replay.pace import Pace, ReadPace, Unpaced
from ops.replay.selection import Accounts, Selection
from ops.replay.sinks import Sink
from ops.replay.source import Source
from ops.replay.state import Counts
from ops.terminal import counted, err, print_error

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Ledger:
    """A stack's accounts table, and where its exports are.

    Attributes:
        bucket: returns the bucket of exports; called only for an export.
    """

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    table_name: str
    bucket: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A source of the ledger's rows.

    Attributes:
        size: that of the table, according to DynamoDB.
        export: the export that is read; None for the table.
    """

    source: Source
    selection: Selection
    size: TableSize
    export: Export | None

    def display(self, before: Counts) -> Display:
        """The progress: for a table by read units, for an export by rows, and for single accounts without an end."""
        if self.export is not None:
            return Display(err, self._unless_accounts(self.export.items), before, unit="rows")
        return Display(err, self._unless_accounts(self.size.read_units), before)

    def pace(self, read_units_max: float, wait: Callable[[float], object]) -> Pace:
        return ReadPace(read_units_max, time.monotonic, wait) if self.export is None else Unpaced()

    def _unless_accounts(self, total: int) -> int | None:
        return None if isinstance(self.selection, Accounts) else total


@contextmanager
def opened(
    ledger: Ledger,
    selection: Selection,
    from_export: str | None,
    *,
    stop: threading.Event,
    page_rows: int | None = None,
) -> Iterator[Reading]:
    """Opens the table, or an export of it: its files are verified and sorted in a temporary folder.

    Args:
        ledger: the table.
        selection: what will be read.
        from_export: the export's location, or LATEST; None to read the table.
        stop: ends the waits of the table's source.
        page_rows: the maximum number of rows in a page.

    Raises:
        BadExport: the export cannot be used.
        InvalidRequest: there is no such table, or it is not an accounts table.
        Interrupted: DynamoDB does not answer, or the export cannot be read.
    """
    table = DynamoDBSource(
        ledger.dynamodb, ledger.table_name, wait=stop.wait, jitter=random.random, page_rows=page_rows
    )
    size = table.size()
    if from_export is None:
        yield Reading(table, selection, size, None)
        return
    found = find_export(ledger.s3, from_export, Table(size.arn, size.table_id), ledger.bucket(), skipped=_print)
    _print(f"{found.export.location}: {counted(found.export.items, 'row')} as of {found.export.export_time}")
    with (
        tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as folder,
        _bar() as bar,
    ):
        task = bar.add_task("verifying the export", total=found.export.items)
        with export_source(
            found,
            Path(folder),
            account_ids=selection.account_ids if isinstance(selection, Accounts) else None,
            page_rows=page_rows,
            progress=lambda items: bar.advance(task, items),
        ) as source:
            bar.stop()
            if source.cut_off:
                _print(
                    f"{counted(source.cut_off, 'account')}: the export lacks a row of its last {INEXACT_S:g} s and has "
                    "later ones, which are left out. It is no damage: the table and a later export have them.",
                )
            yield Reading(source, selection, size, found.export)


def replayed(
    ledger: Ledger,
    selection: Selection,
    sink: Sink,
    *,
    from_export: str | None,
    read_units_max: float,
    encoders: Encoders,
) -> ReplayResult:
    """Replays the ledger into a sink without a checkpoint, with progress, and prints the accounts that stopped."""
    stop = threading.Event()
    with (
        opened(ledger, selection, from_export, stop=stop) as reading,
        reading.display(Counts()) as display,
        ThreadPoolExecutor(SEGMENTS) as executor,
        _set_at_the_end(stop),
    ):
        result = replay(
            reading.source,
            selection,
            sink,
            executor=executor,
            pace=reading.pace(read_units_max, stop.wait),
            page_units=reading.size.page_units(SEGMENTS),
            save=lambda state: display.update(state.counts),
            encoders=encoders,
        )
    for stopped in result.stopped:
        print_error(
            f"{stopped.account_id}: stopped before event {stopped.sequence}, row {stopped.version}: {stopped.reason}"
        )
    return result


@contextmanager
def _set_at_the_end(stop: threading.Event) -> Iterator[None]:
    """Set the event at the end, so that the executor's threads stop waiting after an interrupt."""
    try:
        yield
    finally:
        stop.set()


@contextmanager
def _bar() -> Iterator[Progress]:
    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield bar


def _print(text: str) -> None:
    err.print(text, style="dim", soft_wrap=True, highlight=False, markup=False, emoji=False)
