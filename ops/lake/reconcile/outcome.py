"""Makes the reconciliation result from a comparison, whichever engine compared. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Protocol

from ops.lake.reconcile.differences import Evidence, Tally, findings
from ops.lake.reconcile.result import AccountFound, Files, Finding, Lateness, ReconciliationResult, Total


@dataclass(frozen=True, slots=True)
class Counted:
    """The numbers of events and accounts that were compared; see `ReconciliationResult`.

    Attributes:
        through: None if there are no events.
    """

    events: int
    accounts: int
    on_their_way: int
    through: datetime | None


class Compared(Protocol):
    """What an engine found."""

    def evidence(self) -> Iterator[Evidence]:
        """The evidence of all events that differ, ordered by account and sequence."""

    def compacted(self) -> Iterator[Evidence]:
        """The evidence of all events of which `account_months` has other rows than the view `events`, in this order."""

    def unpaired(self) -> Iterator[Evidence]:
        """The evidence of all transfers whose events in the ledger do not agree, in this order."""

    def counted(self) -> Counted:
        """The numbers of events and accounts that were compared."""

    def totals(self) -> tuple[Total, ...]:
        """The totals by currency."""

    def accounts(self, account_ids: Sequence[str]) -> tuple[AccountFound, ...]:
        """These accounts, as they are in the ledger and in the lake."""

    def lateness(self) -> Lateness:
        """How late the lake is, over all events."""


def result_of(compared: Compared, at: datetime, found: Callable[[Finding], None]) -> ReconciliationResult:
    """The result. The caller adds the lake's files, which it has listed.

    Args:
        compared: the comparison.
        at: when it began, UTC.
        found: called with every finding, ordered by account and sequence.
    """
    tally = Tally()
    for finding in findings(merge(compared.evidence(), compared.unpaired(), compared.compacted(), key=_position)):
        tally.add(finding)
        found(finding)
    counted = compared.counted()
    return ReconciliationResult(
        at,
        counted.through or at,
        counted.events,
        counted.accounts,
        **{str(kind): number for kind, number in tally.counts.items()},
        on_their_way=counted.on_their_way,
        differing_accounts=tally.accounts,
        totals=compared.totals(),
        lateness=compared.lateness(),
        findings=tuple(tally.first),
        accounts_found=compared.accounts(tally.account_ids),
        files=Files(),
    )


def _position(evidence: Evidence) -> tuple[str, bool, int]:
    return evidence.account_id, evidence.sequence is None, evidence.sequence or 0
