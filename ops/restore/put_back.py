"""Puts the rows back that follow from published events or from the account's own events."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow
from ops.ledger.check import LedgerCheck
from ops.restore.missing_rows import Missing, missing_rows
from ops.restore.published_events import AccountEvents
from ops.restore.table import LedgerTable

Source = Callable[[], Iterable[AccountEvents]]
"""Each call reads all published events of one place, for example of the lake."""


@dataclass
class PutBack:
    """What was put back.

    Attributes:
        accounts: the accounts that got rows.
        events, snapshots: the rows that were stored.
        findings: why events of an account could not be put back, by account.
    """

    accounts: set[str] = field(default_factory=set)
    events: int = 0
    snapshots: int = 0
    findings: dict[str, str] = field(default_factory=dict)


def put_published(
    sources: Sequence[Source], table: LedgerTable, progress: Callable[[PutBack], None] = lambda _: None
) -> PutBack:
    """Stores the rows of all published events that the table lacks, and their snapshots.

    A source may lack events that another has. So all sources are read again while there are findings and rows are
    stored. Findings are those of the last round: a source without the events in question clears no other's finding.

    Args:
        sources: where events were published.
        table: a restored table that nothing else writes to.
        progress: called after each account.
    """
    done = PutBack()
    while True:
        done.findings, before = {}, done.events + done.snapshots
        for source in sources:
            for account_id, events in source():
                _put_account(account_id, events, table, done)
                progress(done)
        if not done.findings or done.events + done.snapshots == before:
            return done


def put_snapshots(checks: Iterable[LedgerCheck], table: LedgerTable) -> Iterator[tuple[LedgerCheck, int]]:
    """Stores the snapshots that are missing or wrong, and yields each account with the number of its new snapshots."""
    for check in checks:
        for snapshot in check.snapshots_to_store:
            table.put(snapshot)
        yield check, len(check.snapshots_to_store)


def _put_account(account_id: str, events: Sequence[EventRow], table: LedgerTable, done: PutBack) -> None:
    missing = _missing(account_id, events, table)
    for row in missing.rows:
        table.put(row)
        done.accounts.add(account_id)
        if isinstance(row, EventRow):
            done.events += 1
        else:
            done.snapshots += 1
    if missing.finding:
        done.findings.setdefault(account_id, missing.finding)


def _missing(account_id: str, events: Sequence[EventRow], table: LedgerTable) -> Missing:
    try:
        head = table.head_before(account_id, events[0].version)
        return missing_rows(head, table.rows(account_id, max(head.version, 1)), events)
    except Corrupt as error:
        return Missing(finding=str(error))
