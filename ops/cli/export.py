"""The command `export`: makes an export of the accounts table, for commands that read the whole ledger."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from local_stack.table_export import TableExports
from ops.cli.exit_handling import on_interruption
from ops.cli.options import Stack
from ops.deployment.stack import Deployment
from ops.ledger.export.location import S3Prefix, find_export
from ops.ledger.export.manifest import SUMMARY, Table
from ops.ledger.export.request import ExportRequest, Exports, completed, encryption_of, start
from ops.terminal import counted, err, out

app = typer.Typer()
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
REPORT_EVERY_S = 60.0


@app.command("export", epilog="Example: account-events export --stack account-events")
def command(
    name: Annotated[
        str | None,
        typer.Option(
            help="Name of the export. Repeat it to wait again for an export that is running. The default is the time."
        ),
    ] = None,
    stack: Stack = None,
) -> None:
    """Export the accounts table to the stack's bucket of exports, and print the export's location.

    An export is a whole copy of the ledger as of now. It uses no read units and takes 10 minutes or more on AWS. Other
    commands read it with --from-export. S3 deletes it after a week. If you interrupt the command, the export goes on.
    """
    if name is None:
        name = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    if not NAME.fullmatch(name):
        raise typer.BadParameter(f"{name!r} is not a valid name: use letters, digits, dots and dashes, at most 64")
    deployment = Deployment.connect(stack)
    dynamodb, s3 = deployment.client("dynamodb"), deployment.client("s3")
    found = dynamodb.describe_table(TableName=deployment.outputs["TableName"])["Table"]
    table = Table(found["TableArn"], found.get("TableId") or found["TableArn"])
    bucket = deployment.outputs["LedgerExportsName"]
    encryption = {} if deployment.is_local else encryption_of(s3, bucket)
    request = ExportRequest(table.arn, bucket, name, encryption)
    client: Exports = TableExports(dynamodb, s3, datetime.now(UTC)) if deployment.is_local else dynamodb
    prefix = S3Prefix(s3, bucket, f"{request.prefix}/")
    if not any(key.endswith(SUMMARY) for key in prefix.names()):
        arn = start(client, request)
        again = f"account-events export --name {name}" + (f" --stack {stack}" if stack else "")
        with on_interruption(f"the export goes on; to wait for it again, run `{again}`"):
            completed(client, request, arn, time.sleep, _Report(name).waiting)
    export = find_export(s3, prefix.name, table, bucket).export
    err.print(
        f"{counted(export.items, 'row')} as of {export.export_time:%Y-%m-%d %H:%M:%S} UTC, give or take a minute",
        style="dim",
        highlight=False,
    )
    out.print(export.location, highlight=False, markup=False, soft_wrap=True)


class _Report:
    """Reports now and then that an export is still running."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun_s = self._reported_s = time.monotonic()
        err.print(f"exporting as {name}; on AWS this takes 10 minutes or more", style="dim", highlight=False)

    def waiting(self) -> None:
        now_s = time.monotonic()
        if now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            text = f"{self._name} is still running after {(now_s - self._begun_s) / 60:.0f} min"
            err.print(text, style="dim", highlight=False)
