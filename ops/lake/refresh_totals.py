"""Bringing the daily totals up to date, with progress on stderr."""

from botocore.exceptions import ClientError

from ops.lake.deployed_lake import Lake
from ops.terminal import err


def refresh_totals(lake: Lake) -> bool:
    """Bring the daily totals up to date before a query. If you may not write them, a warning is printed instead.

    Returns:
        Whether they are up to date.
    """
    try:
        lake.totals().refresh(report_day)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "403"}:
            raise
        err.print(
            "[yellow]![/] The daily totals are not up to date, and you may not write them. Balances are as of the last "
            "day in them. Ask someone with write access to run `account-events lake totals`.",
            highlight=False,
            soft_wrap=True,
        )
        return False
    return True


def report_day(day: str) -> None:
    """Print the day that is summed up next."""
    err.print(f"[dim]summing up {day}[/]", highlight=False)
