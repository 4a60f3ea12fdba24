"""Updates the daily totals, with progress on stderr."""

from botocore.exceptions import ClientError

from ops.lake.deployed_lake import Lake
from ops.terminal import err


def refresh_totals(lake: Lake) -> bool:
    """Update the daily totals before a query. If the credentials do not allow it, print a warning instead.

    Returns:
        Whether they are up to date.
    """
    try:
        lake.totals().refresh(report_day)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "403"}:
            raise
        err.print(
            "[yellow]![/] Your credentials do not allow you to update the daily totals. Balances may lack the newest "
            "events and late ones. Ask someone with write access to run `account-events lake totals`.",
            highlight=False,
            soft_wrap=True,
        )
        return False
    return True


def report_day(day: str) -> None:
    """Print the day whose totals are computed next."""
    err.print(f"[dim]updating the totals of {day}[/]", highlight=False)
