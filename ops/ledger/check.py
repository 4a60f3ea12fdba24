"""Does an account's ledger follow from its events? Everything is recomputed, no snapshot is trusted. Pure."""

from dataclasses import dataclass, field

from account_core.domain.account import Account
from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow, SnapshotRow, StoredRow
from account_core.service.head import Head, advance


@dataclass
class LedgerCheck:
    """Add an account's rows, oldest first, then `end`; of the events only their idempotency keys are kept.

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
    _last_time: str = ""
    _keys: set[str] = field(default_factory=set)
    _is_broken: bool = False

    def add(self, row: StoredRow) -> None:
        self._count(row.version)
        if isinstance(row, EventRow):
            self._add_event(row)
        elif isinstance(row, SnapshotRow):
            self.snapshots += 1
            self._compare(row)
        elif row.is_damaged:
            self.findings.append(f"snapshot {row.version} is ignored: {row.reason}")
        else:
            self.outdated += 1

    def add_unreadable(self, version: int | None, error: Corrupt) -> None:
        """A row that `from_item` refuses; without a version if its key has none that a row can have."""
        if version is None:
            self.rows += 1
        else:
            self._count(version)
        self.findings.append(str(error))

    def end(self) -> None:
        """There are no more rows."""
        if not self._is_broken and self._last_version < self.head.version:
            self.findings.append(f"snapshot {self.head.version} is missing behind the account's last event")

    def _count(self, version: int) -> None:
        self.rows += 1
        if version != self._last_version + 1:
            self.findings.append(f"row {version} follows row {self._last_version}: versions have no holes")
        self._last_version = version

    def _add_event(self, row: EventRow) -> None:
        """After one that does not fit, there is no state that later ones could be judged by."""
        if row.request_id is not None and row.occurred_at < self._last_time:  # rows of format 1 made no such promise
            self.findings.append(f"event {row.sequence} is earlier than the one before it")
        self._last_time = row.occurred_at
        if row.command_id is not None and row.command_id in self._keys:
            self.findings.append(f"event {row.sequence} has the idempotency key of an earlier one")
        self._keys |= {row.command_id} if row.command_id is not None else set()
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
        due = (self.head.version, self.head.sequence, self.head.occurred_at)
        if (due, account) != (
            (snapshot.version, snapshot.sequence, snapshot.occurred_at),
            Account(snapshot.owner, snapshot.currency, snapshot.balance),
        ):
            self.findings.append(f"snapshot {snapshot.version} differs from the events before it")
