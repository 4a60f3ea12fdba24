"""Options that several commands have, each with one name, one help text and one default."""

from typing import Annotated

import typer

Stack = Annotated[
    str | None,
    typer.Option(
        help="Name of a CloudFormation stack on AWS, reached with your AWS credentials. "
        "Omit it to use the local stack that is running."
    ),
]
ReadUnitsMax = Annotated[
    float, typer.Option(help="Read at most this many of the ledger's read units a second, on average.", min=0.5)
]
AccountIds = Annotated[list[str] | None, typer.Argument(metavar="ACCOUNT", help="Accounts.")]
AllAccounts = Annotated[bool, typer.Option("--all", help="All accounts of the ledger.")]
