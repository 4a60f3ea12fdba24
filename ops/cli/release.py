"""The commands for parked accounts: `parked` lists them, `release` publishes their events and unparks them."""

import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from account_core.rows.items import VERSION_MAX, key_of, sequence_through
from account_core.rows.layout import VERSION, key, rows_query
from ops.cli.exit_handling import on_interruption
from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.recovery.failures import DiscardedBatch, FailureBucket, FailureReleaser
from ops.recovery.release import Released, Releaser
from ops.terminal import counted, err, out, print_error
from projector.dynamodb_errors import translated
from projector.dynamodb_ledger import DynamoDBLedger
from projector.dynamodb_parking import DynamoDBParking
from projector.errors import Refused
from projector.parking import Parked
from projector.publish import KinesisPublisher

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

app = typer.Typer()
INTERRUPTED = "accounts not reported as released are still parked; run the command again"


@dataclass(frozen=True, slots=True)
class Recovery:
    """Access to a stack's parked accounts and failure bucket, and the means to release them."""

    parking: DynamoDBParking
    failures: FailureBucket
    releaser: Releaser
    newest: Callable[[str], int]

    @classmethod
    def of(cls, deployment: Deployment) -> "Recovery":
        outputs, dynamodb = deployment.outputs, deployment.client("dynamodb")
        table_name = outputs["TableName"]
        parking = DynamoDBParking(dynamodb, outputs["ParkedTableName"])
        publisher = KinesisPublisher(
            deployment.kinesis(),
            outputs["EventStreamName"],
            deployment.pack(),
            clock=time.monotonic,
            sleep=time.sleep,
            jitter=random.random,
        )
        ledger = DynamoDBLedger(dynamodb, table_name, deployment.encoders())
        return cls(
            parking,
            FailureBucket(deployment.client("s3"), outputs["FailureBucketName"]),
            Releaser(parking, ledger, publisher, clock=time.monotonic, progress=_print_progress),
            lambda account_id: newest(dynamodb, table_name, account_id),
        )


def newest(client: "DynamoDBClient", table_name: str, account_id: str) -> int:
    """The sequence of an account's newest event in the table, read strongly consistently; 0 if it has no event.

    Raises:
        Unavailable: DynamoDB did not answer in time.
    """
    try:
        with translated():
            answer = client.query(
                TableName=table_name,
                ProjectionExpression=VERSION,
                ScanIndexForward=False,
                ConsistentRead=True,
                Limit=1,
                **rows_query(account_id, 1, VERSION_MAX),
            )
    except Refused:  # the id is not valid for DynamoDB
        return 0
    versions = (
        int(Decimal(item[VERSION]["N"])) for item in answer["Items"]
    )  # a row written by hand may have a fractional version
    return sequence_through(next(versions, 0))


@app.command(epilog="Example: account-events parked --stack account-events")
def parked(stack: Stack = None) -> None:
    """List the parked accounts, each with the event and row at which it waits, since when, and why.

    Also counts the objects in the failure bucket, which hold the records that the projector's event source mapping
    discarded.
    """
    with on_interruption(INTERRUPTED):
        recovery = Recovery.of(Deployment.connect(stack))
        waiting = sorted(recovery.parking.list_parked().values(), key=lambda each: each.at)
        objects = recovery.failures.count()
    if waiting:
        out.print(_table(waiting))
    else:
        out.print("No account is parked.")
    out.print(
        f"{counted(objects, 'object')} {'is' if objects == 1 else 'are'} in the failure bucket {recovery.failures.name}"
        + (": run `account-events release --failures`" if objects else ""),
        soft_wrap=True,
        highlight=False,
    )


@app.command(epilog="Example: account-events release 8c1f2e0a-5d3b-4f57-9a53-0f6a4f1d2b11 --stack account-events")
def release(
    account_ids: Annotated[list[str] | None, typer.Argument(metavar="ACCOUNT", help="Ids of parked accounts.")] = None,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="Release all parked accounts.")] = False,
    failures: Annotated[
        bool,
        typer.Option(
            "--failures",
            help="Release all accounts in the failure bucket, and delete each object once its accounts are released.",
        ),
    ] = False,
    stack: Stack = None,
) -> None:
    """Publish the waiting events of repaired accounts from the table, in order, and unpark the accounts.

    You can interrupt the command and run it again: at worst, some events are published twice. Exit code 1 if an account
    stays parked, or an object stays in the failure bucket.
    """
    if bool(account_ids) + everyone + failures != 1:
        raise typer.BadParameter("give exactly one of: account ids, --all, --failures")
    with on_interruption(INTERRUPTED):
        recovery = Recovery.of(Deployment.connect(stack))
        all_released = _show(_discarded(recovery) if failures else _parked(recovery, account_ids))
    if not all_released:
        sys.exit(1)


def _parked(recovery: Recovery, account_ids: Iterable[str] | None) -> Iterator[Released]:
    parked = recovery.parking.list_parked()
    for account_id in dict.fromkeys(account_ids or parked):
        if account_id in parked:
            yield recovery.releaser.release(parked[account_id])
        else:
            out.print(f"[dim]·[/] {escape(account_id)} is not parked", soft_wrap=True, highlight=False)


def _discarded(recovery: Recovery) -> Iterator[Released | DiscardedBatch]:
    objects = list(recovery.failures.objects())
    yield from (each for each in objects if each.problem)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    releaser = FailureReleaser(
        recovery.parking, recovery.newest, recovery.releaser, now=lambda: now, delete=recovery.failures.delete
    )
    yield from releaser.release(objects)


def _show(results: Iterable[Released | DiscardedBatch]) -> bool:
    """Prints each result as it arrives. Returns whether everything was released."""
    released = remaining = 0
    for each in results:
        if isinstance(each, DiscardedBatch):
            remaining += 1
            print_error(f"{each.url} stays: {each.problem}. Resolve it by hand, then delete the object.")
        elif each.still_parked is None:
            released += 1
            out.print(
                f"[bold green]✓[/] {escape(each.account_id)} released, {counted(each.published, 'event')} published",
                soft_wrap=True,
                highlight=False,
            )
        else:
            remaining += 1
            why, were = _why(each.still_parked), "was" if each.published == 1 else "were"
            print_error(f"{each.account_id} {why}; {counted(each.published, 'event')} before it {were} published")
    out.print(
        f"{counted(released, 'account')} released" + (f", {remaining} not released" if remaining else ""),
        highlight=False,
    )
    return not remaining


def _why(parked: Parked) -> str:
    return f"stays parked at event {parked.first}, row {_row(parked)}: {parked.reason}"


def _row(parked: Parked) -> str:
    return key_of(key(parked.account_id, parked.version))


def _table(waiting: Iterable[Parked]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("account", no_wrap=True)
    for heading in ("first event", "waiting", "row"):
        table.add_column(heading, justify="right")
    table.add_column("since", overflow="fold")
    table.add_column("reason", overflow="fold")
    for each in waiting:
        numbers = (each.first, each.held_through - each.first + 1, each.version)
        table.add_row(escape(each.account_id), *map(str, numbers), each.at, escape(each.reason))
    return table


def _print_progress(account_id: str, through: int, last: int) -> None:
    if through < last:  # the result reports the last page
        err.print(f"[dim]{escape(account_id)}: published through event {through} of {last}[/]", highlight=False)
