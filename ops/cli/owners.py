"""The commands for the read model of accounts by owner: `owners check` and `owners rebuild`."""

import sys
import time
from collections.abc import Mapping
from typing import Annotated

import typer

from account_events.consumer import Decoder
from ops.cli.exit_handling import on_interruption
from ops.cli.options import AccountIds, AllAccounts, FromExport, ReadUnitsMax, Stack
from ops.deployment.stack import Deployment
from ops.owners.read_model import FoldingSink, RebuildingSink, row_differences, rows_of
from ops.replay.engine import ReplayResult
from ops.replay.pace import READ_UNITS_MAX
from ops.replay.reading import Ledger, replayed
from ops.replay.selection import Accounts, Everything, Selection
from ops.replay.sinks import Sink
from ops.terminal import counted, err, out, print_error
from projector.dynamodb_ledger import DynamoDBLedger

app = typer.Typer(
    no_args_is_help=True, help="Compare the read model of accounts by owner with the ledger, and rebuild it."
)
SETTLE_S = 2.0
"""Seconds before differing accounts are compared again: events in flight have usually arrived by then."""


@app.command(epilog="Example: account-events owners check --stack account-events")
def check(stack: Stack = None, read_units_max: ReadUnitsMax = READ_UNITS_MAX) -> None:
    """Compare every account's row with its events in the ledger.

    An account that differs is compared a second time, since events take a moment to arrive. Exit code 1 if a row still
    differs.
    """
    with on_interruption("nothing is lost; run the command again"):
        model = _ReadModel(Deployment.connect(stack), read_units_max)
        wrong, accounts = model.differences(Everything())
        if wrong:
            time.sleep(SETTLE_S)
            again, _ = model.differences(Accounts(tuple(wrong)))
            wrong = {account_id: again[account_id] for account_id in wrong if account_id in again}
    for account_id, difference in wrong.items():
        print_error(f"{account_id}: {difference}")
    out.print(f"{counted(accounts, 'account')}: {len(wrong)} differ from the ledger", highlight=False)
    if wrong:
        err.print("To repair: `account-events owners rebuild ACCOUNT`, or --all for all accounts.", highlight=False)
        sys.exit(1)


@app.command(epilog="Example: account-events owners rebuild --all --stack account-events")
def rebuild(
    account_ids: AccountIds = None,
    *,
    everyone: AllAccounts = False,
    reset: Annotated[
        bool,
        typer.Option(
            "--reset",
            help="Also discard buffered events, and move an account's position back if the ledger has fewer events. "
            "Disable the event source mapping of the read model's function first.",
        ),
    ] = False,
    from_export: FromExport = None,
    stack: Stack = None,
    read_units_max: ReadUnitsMax = READ_UNITS_MAX,
) -> None:
    """Rebuild the rows and positions of accounts from the ledger's events.

    The read model's function may keep running meanwhile. You can interrupt the command and run it again. With an
    export, the events after its time must still be on the event stream, or the function must have applied them. Exit
    code 1 if an account could not be rebuilt up to its last event; all other accounts are rebuilt.
    """
    if bool(account_ids) + everyone != 1:
        raise typer.BadParameter("give exactly one of: account ids, --all")
    if reset and from_export is not None:
        raise typer.BadParameter("--reset needs the ledger as it is now: omit --from-export")
    with on_interruption("nothing is lost; run the command again"):
        model = _ReadModel(Deployment.connect(stack), read_units_max)
        selection = Everything() if everyone else Accounts(tuple(dict.fromkeys(account_ids or ())))
        result, failed = model.rebuild(selection, resets=reset, from_export=from_export)
    for account_id, why in failed.items():
        print_error(f"{account_id} was not rebuilt: {why}")
    counts = result.counts
    rebuilt = counted(counts.accounts - len(failed), "account")
    out.print(f"{rebuilt} rebuilt from {counted(counts.events, 'event')}", highlight=False)
    if result.stopped or failed:
        sys.exit(1)


class _ReadModel:
    """A stack's ledger and read model."""

    def __init__(self, deployment: Deployment, read_units_max: float) -> None:
        outputs = deployment.outputs
        self._dynamodb, self._read_units_max = deployment.client("dynamodb"), read_units_max
        self._s3, self._outputs = deployment.client("s3"), outputs
        self._ledger_name, self._table_name = outputs["TableName"], outputs["OwnedTableName"]
        self._inbox_name = outputs["OwnedInboxTableName"]
        self._decoder, self._encoders = Decoder(deployment.codec()), deployment.encoders()

    def rebuild(
        self, selection: Selection, *, resets: bool, from_export: str | None
    ) -> tuple[ReplayResult, Mapping[str, str]]:
        """The replay's result, and the accounts that could not be rebuilt, each with the reason."""
        sink = RebuildingSink(
            self._dynamodb,
            self._table_name,
            self._inbox_name,
            ledger=DynamoDBLedger(self._dynamodb, self._ledger_name, self._encoders),
            decoder=self._decoder,
            now=time.time,
            resets=resets,
        )
        return self._replay(selection, sink, from_export), sink.failed

    def differences(self, selection: Selection) -> tuple[dict[str, str], int]:
        """The differences by account, and the number of accounts in the ledger."""
        folded = FoldingSink(self._decoder)
        self._replay(selection, folded)
        found = {row["AccountId"]["S"]: row for row in rows_of(self._dynamodb, self._table_name)}
        if isinstance(selection, Accounts):
            found = {account_id: row for account_id, row in found.items() if account_id in selection.account_ids}
        return row_differences(folded.rows, found), len(folded.rows)

    def _replay(self, selection: Selection, sink: Sink, from_export: str | None = None) -> ReplayResult:
        ledger = Ledger(self._dynamodb, self._s3, self._ledger_name, lambda: self._outputs["LedgerExportsName"])
        return replayed(
            ledger,
            selection,
            sink,
            from_export=from_export,
            read_units_max=self._read_units_max,
            encoders=self._encoders,
        )
