"""The commands for accounts that wait: `parked` lists them, `release` lets them go."""

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
from ops.recovery.failures import FailureBucket, FailureReleaser, GivenUp
from ops.recovery.release import Released, Releaser
from ops.terminal import complain, err, out
from projector.dynamodb_errors import translated
from projector.dynamodb_ledger import DynamoDBLedger
from projector.dynamodb_parking import DynamoDBParking
from projector.errors import Refused
from projector.parking import Parked
from projector.publish import KinesisPublisher

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

app = typer.Typer()
INTERRUPTED = "what is not told to be released is still parked; run it again"


@dataclass(frozen=True, slots=True)
class Desk:
    """All that it takes to look at a stack's parked accounts and to release them."""

    parking: DynamoDBParking
    failures: FailureBucket
    releaser: Releaser
    newest: Callable[[str], int]

    @classmethod
    def of(cls, deployment: Deployment) -> "Desk":
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
            Releaser(parking, ledger, publisher, clock=time.monotonic, progress=_tell_progress),
            lambda account_id: newest(dynamodb, table_name, account_id),
        )


def newest(client: "DynamoDBClient", table_name: str, account_id: str) -> int:
    """The sequence of an account's newest event in the table, strongly consistent; 0 where there is none.

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
    except Refused:  # no table has an account of this id
        return 0
    versions = (int(Decimal(item[VERSION]["N"])) for item in answer["Items"])  # a stray row's may be a fraction
    return sequence_through(next(versions, 0))


@app.command(epilog="Example: account-events parked --stack account-events")
def parked(stack: Stack = None) -> None:
    """List the accounts that wait for a repair: at which event, in which row (its Version), since when, and why.

    Also counts what the trigger gave up.
    """
    with on_interruption(INTERRUPTED):
        desk = Desk.of(Deployment.connect(stack))
        waiting = sorted(desk.parking.list_parked().values(), key=lambda each: each.at)
        objects = desk.failures.count()
    if waiting:
        out.print(_table(waiting))
    else:
        out.print("No account is parked.")
    out.print(
        f"{objects} objects are in the failure bucket {desk.failures.name}"
        + (": `account-events release --failures`" if objects else ""),
        soft_wrap=True,
        highlight=False,
    )


@app.command(epilog="Example: account-events release 8c1f2e0a-5d3b-4f57-9a53-0f6a4f1d2b11 --stack account-events")
def release(
    account_ids: Annotated[list[str] | None, typer.Argument(metavar="ACCOUNT", help="Parked accounts.")] = None,
    *,
    everyone: Annotated[bool, typer.Option("--all", help="All parked accounts.")] = False,
    failures: Annotated[
        bool, typer.Option("--failures", help="All accounts in the failure bucket; then its objects are deleted.")
    ] = False,
    stack: Stack = None,
) -> None:
    """Publish what repaired accounts hold back, in order, from the table, and let them go.

    Safe to interrupt and to run again: at worst, events are on the stream twice. Exit code 1 if an account still waits.
    """
    if bool(account_ids) + everyone + failures != 1:
        raise typer.BadParameter("give either accounts, or --all, or --failures")
    with on_interruption(INTERRUPTED):
        desk = Desk.of(Deployment.connect(stack))
        done = _show(_given_up(desk) if failures else _parked(desk, account_ids))
    if not done:
        sys.exit(1)


def _parked(desk: Desk, account_ids: Iterable[str] | None) -> Iterator[Released]:
    there = desk.parking.list_parked()
    for account_id in dict.fromkeys(account_ids or there):
        if account_id in there:
            yield desk.releaser.release(there[account_id])
        else:
            out.print(f"[dim]·[/] {escape(account_id)} is not parked", soft_wrap=True, highlight=False)


def _given_up(desk: Desk) -> Iterator[Released | GivenUp]:
    objects = list(desk.failures.objects())
    yield from (each for each in objects if each.problem)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    releaser = FailureReleaser(desk.parking, desk.newest, desk.releaser, now=lambda: now, delete=desk.failures.delete)
    yield from releaser.release(objects)


def _show(results: Iterable[Released | GivenUp]) -> bool:
    """Tells each as it comes; whether nothing waits."""
    released = waits = 0
    for each in results:
        if isinstance(each, GivenUp):
            waits += 1
            complain(f"{each.url} stays: {each.problem}. See to it by hand, then delete it.")
        elif each.waits is None:
            released += 1
            out.print(
                f"[bold green]✓[/] {escape(each.account_id)} released, {each.published} events published",
                soft_wrap=True,
                highlight=False,
            )
        else:
            waits += 1
            complain(f"{each.account_id} {_why(each.waits)}; {each.published} events before it published")
    out.print(f"{released} accounts released" + (f", {waits} still to be seen to" if waits else ""), highlight=False)
    return not waits


def _why(waits: Parked) -> str:
    return f"waits at event {waits.first}, row {_row(waits)}: {waits.reason}"


def _row(waits: Parked) -> str:
    return key_of(key(waits.account_id, waits.version))


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


def _tell_progress(account_id: str, through: int, last: int) -> None:
    if through < last:  # the last page is told by its result
        err.print(f"[dim]{escape(account_id)}: published through event {through} of {last}[/]", highlight=False)
