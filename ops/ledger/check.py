"""Recomputes an account from its events alone, and compares its rows and snapshots with the result. Pure."""

from dataclasses import dataclass, field

from account_core.domain.errors import Corrupt
from account_core.domain.events import Created, EventRow, SnapshotRow, StoredRow, Transfer
from account_core.rows.items import is_snapshot_version
from account_core.service.head import Head, advance, snapshot_of


def transfer_of(row: EventRow) -> Transfer | None:
    """The transfer that an event belongs to."""
    return None if isinstance(row.event, Created) else row.event.transfer


@dataclass
class LedgerCheck:
    """Checks one account: call `add` for its rows, oldest first, then `end`.

    Stores only the events' idempotency keys and the events of transfers.

    Attributes:
        head: the state, computed from the events alone.
        rows: the number of rows added.
        snapshots: the number of usable snapshots.
        outdated: the number of snapshots in another format. They are ignored and are no findings.
        findings: the errors found; empty if all rows agree.
        snapshots_to_store: the snapshots that are missing or wrong, as they follow from the events.
        transfers: the events that belong to a transfer. `transfer_check` checks them with those of other accounts.
    """

    account_id: str
    head: Head = field(default_factory=Head)
    rows: int = 0
    snapshots: int = 0
    outdated: int = 0
    findings: list[str] = field(default_factory=list)
    snapshots_to_store: list[SnapshotRow] = field(default_factory=list)
    transfers: list[EventRow] = field(default_factory=list)
    _expected: SnapshotRow | None = None
    _last_version: int = 0
    _last_time: str = ""
    _keys: set[str] = field(default_factory=set)
    _is_broken: bool = False

    @property
    def is_repaired_by_snapshots(self) -> bool:
        """Whether every finding is a missing or wrong snapshot. Each of them is one finding."""
        return len(self.findings) == len(self.snapshots_to_store)

    def add(self, row: StoredRow) -> None:
        self._count(row.version)
        if isinstance(row, EventRow):
            self._add_event(row)
            return
        expected, self._expected = self._expected, None
        if isinstance(row, SnapshotRow):
            self.snapshots += 1
            is_wrong = row != expected and not self._is_broken and self.head.account is not None
            finding = f"snapshot {row.version} differs from the events before it"
        else:
            is_wrong, finding = row.is_damaged, f"snapshot {row.version} is ignored: {row.reason}"
            self.outdated += not is_wrong
        if is_wrong:
            self.findings.append(finding)
            self._store(expected)

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
        self._store(self._expected)

    def _count(self, version: int) -> None:
        self.rows += 1
        if version != self._last_version + 1:
            self.findings.append(f"row {version} follows row {self._last_version}: versions must have no gaps")
        self._last_version = version

    def _add_event(self, row: EventRow) -> None:
        """Evolves the state. After an event that does not follow, there is no state to check later rows against."""
        self._store(self._expected)  # an event instead of the snapshot: it is missing
        self._expected = None
        transfer = transfer_of(row)
        if transfer is not None:
            self.transfers.append(row)
        is_of_format_1 = row.request_id is None and transfer is None  # there, times may decrease
        if row.occurred_at < self._last_time and not is_of_format_1:
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
            return
        if is_snapshot_version(self.head.version):
            self._expected = snapshot_of(self.account_id, self.head)

    def _store(self, snapshot: SnapshotRow | None) -> None:
        if snapshot is not None:
            self.snapshots_to_store.append(snapshot)
