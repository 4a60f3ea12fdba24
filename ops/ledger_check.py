"""Does an account's ledger follow from its events? Everything is recomputed, no snapshot is trusted. Pure."""

from dataclasses import dataclass, field

from account_core.errors import Corrupt
from account_core.events import EventRow, SnapshotRow, StoredRow
from account_core.head import Head, advance


@dataclass
class LedgerCheck:
    """Add an account's rows, oldest first; memory does not grow with their number.

    Attributes:
        head: the state, from the events alone.
        rows: how many have been added.
        snapshots: how many of them can be used.
        outdated: snapshots of another format, which are ignored and not wrong.
        findings: what does not agree; empty if the ledger is sound.
    """

    account_id: str
    head: Head = field(default_factory=Head)
    rows: int = 0
    snapshots: int = 0
    outdated: int = 0
    findings: list[str] = field(default_factory=list)
    _last_version: int = 0
    _is_broken: bool = False

    def add(self, row: StoredRow) -> None:
        self.rows += 1
        if row.version != self._last_version + 1:
            self.findings.append(f"row {row.version} follows row {self._last_version}: versions have no holes")
        self._last_version = row.version
        if isinstance(row, EventRow):
            self._add_event(row)
        elif isinstance(row, SnapshotRow):
            self.snapshots += 1
            self._compare(row)
        elif row.is_damaged:
            self.findings.append(f"snapshot {row.version} is ignored: {row.reason}")
        else:
            self.outdated += 1

    def _add_event(self, row: EventRow) -> None:
        """After one that does not fit, there is no state that later ones could be judged by."""
        if self._is_broken:
            return
        try:
            self.head = advance(self.head, row)
        except Corrupt as error:
            self.findings.append(str(error))
            self._is_broken = True

    def _compare(self, snapshot: SnapshotRow) -> None:
        account = self.head.account
        if self._is_broken or account is None:
            return
        due = (self.head.version, self.head.sequence, account.owner, account.currency, account.balance)
        if due != (snapshot.version, snapshot.sequence, snapshot.owner, snapshot.currency, snapshot.balance):
            self.findings.append(f"snapshot {snapshot.version} differs from the events before it")
