"""How commands check transfers: with temporary files, and without those that may still be being written."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ops.lake.query.files import AHEAD_MAX
from ops.ledger.transfer_check import TransferCheck, Unpaired
from ops.terminal import counted, err, print_error

SHOWN_MAX = 20
YOUNG = timedelta(minutes=1)
"""The age from which a transfer is checked: more than the clocks of writers and of this machine ever differ."""
ADVICE = (
    "A transfer whose events do not agree needs a decision: docs/backup.md#half-a-transfer has the cases. Do not "
    "delete or store a row before."
)


@contextmanager
def transfer_check() -> Iterator[TransferCheck]:
    """A check of the transfers that are written until now."""
    now = datetime.now(UTC)
    with (
        tempfile.TemporaryDirectory(prefix="account-events-", ignore_cleanup_errors=True) as folder,
        TransferCheck(Path(folder), cut=now - YOUNG, latest=now + AHEAD_MAX) as transfers,
    ):
        yield transfers


def print_unpaired(unpaired: Iterable[Unpaired], young: int = 0) -> set[str]:
    """Print the first transfers whose events do not agree, and what to do. Returns the accounts of all of them."""
    accounts, number = set[str](), 0
    for number, each in enumerate(unpaired, 1):
        accounts.add(each.account_id)
        if number <= SHOWN_MAX:
            print_error(f"{each.account_id}: {each.finding}")
    if number > SHOWN_MAX:
        err.print(f"and {number - SHOWN_MAX} more transfers", highlight=False)
    if number:
        err.print(ADVICE, highlight=False, soft_wrap=True)
    if young:
        err.print(f"not checked yet, because they are too young: {counted(young, 'transfer')}", highlight=False)
    return accounts
