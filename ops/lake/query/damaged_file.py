"""The error for a damaged file of the lake, whichever engine has found it. Pure."""

import re

from consumers.lake import table
from ops.lake.query.engine import FileDamaged

_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def damaged(file: str, why: str) -> FileDamaged:
    """The error for a file that is damaged or does not match its table."""
    if f"/{table.TOTALS_PREFIX}" in file:
        what = "Run `account-events lake totals`, which writes it again."
    elif f"/{table.MONTHS_PREFIX}" in file:
        what = "Delete it and run `account-events lake compact`, which writes the month again."
    else:
        what = "Move it out of events/, then run `account-events lake backfill --all`, which writes its events again."
    return FileDamaged(f"{shown(file)} is not a valid file of the lake's table: {why.rstrip('.')}. {what}")


def shown(file: str) -> str:
    """The text on one line, with control characters escaped."""
    return _NOT_PRINTED.sub(lambda found: found[0].encode("unicode_escape").decode(), file)
