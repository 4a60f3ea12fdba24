"""Options that several commands share, each with one name, one help text and one default."""

from enum import StrEnum
from typing import Annotated

import typer


class Engine(StrEnum):
    """Where a command works on the lake."""

    local = "local"
    spark = "spark"
    aws = "aws"


Stack = Annotated[
    str | None,
    typer.Option(
        help="Name of a CloudFormation stack on AWS, reached with your AWS credentials. "
        "Omit it to use the running local stack."
    ),
]
ReadUnitsMax = Annotated[
    float, typer.Option(help="Maximum average read rate on the accounts table, in read units per second.", min=0.5)
]
FromExport = Annotated[
    str | None,
    typer.Option(
        "--from-export",
        metavar="LOCATION",
        help="Read an export of the accounts table instead of the table, without read units: a folder, an s3:// URI, "
        "or latest for the newest one of the stack.",
    ),
]
AccountIds = Annotated[list[str] | None, typer.Argument(metavar="ACCOUNT", help="Account ids.")]
AllAccounts = Annotated[bool, typer.Option("--all", help="Include all accounts in the ledger.")]
