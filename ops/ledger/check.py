"""Recomputes an account from its events alone, and compares its rows and snapshots with the result. Pure."""

from dataclasses import dataclass, field

from account_core.domain.account import Account
from account_core.domain.errors import Corrupt
from account_core.domain.events import EventRow, SnapshotRow, StoredRow
from account_core.service.head import Head, advance


@dataclass
class LedgerCheck:
    """Checks one account: call `add` for its rows, oldest first, then `end`. Stores only the events' idempotency keys.

    Attributes:
        head: the state, computed from the events alone.
        rows: the number of rows added.
        snapshots: the number of usable snapshots.
        outdated: the number of snapshots in another format. They are ignored and are no findings.
        findings: the errors found; empty if all rows agree.
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
        """Adds a row that `from_item` rejects; `version` is None if its key's Version is not a valid row version."""
        if version is None:
            self.rows += 1
        else:
            self._count(version)
        self.findings.append(str(error))

    def end(self) -> None:
        """Completes the check after the last row."""
        if not self._is_broken and self._last_version < self.head.version:
            self.findings.append(f"snapshot {self.head.version} is missing after the account's last event")

    def _count(self, version: int) -> None:
        self.rows += 1
        if version != self._last_version + 1:
            self.findings.append(f"row {version} follows row {self._last_version}: versions must have no gaps")
        self._last_version = version

    def _add_event(self, row: EventRow) -> None:
        """Evolves the state. After an event that does not follow, there is no state to check later rows against."""
        if row.request_id is not None and row.occurred_at < self._last_time:  # in rows of format 1, times may decrease
            self.findings.append(f"event {row.sequence} is earlier than the one before it")
        self._last_time = row.occurred_at
        if row.command_id is not None and row.command_id in self._keys:
            self.findings.append(f"event {row.sequence} has the idempotency key of an earlier event")
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
        expected = (self.head.version, self.head.sequence, self.head.occurred_at)
        if (expected, account) != (
            (snapshot.version, snapshot.sequence, snapshot.occurred_at),
            Account(snapshot.owner, snapshot.currency, snapshot.balance),
        ):
            self.findings.append(f"snapshot {snapshot.version} differs from the events before it")
