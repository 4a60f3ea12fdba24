"""Compares everything that the path carried with the ledger, after the run."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from account_core.domain.events import EventRow
from benchmarks.path.load import EventKey, Sent
from local_stack.local_deployment import LocalDeployment
from ops.demo.demo import read_published
from ops.deployment.stack import Deployment
from ops.lake.deployed_lake import Lake
from ops.lake.reconcile.run import run_reconciliation
from ops.ledger.audit import audit


@dataclass(frozen=True, slots=True)
class Check:
    """What the stack made of the accepted commands.

    Attributes:
        events: in the ledger.
        lost: accepted commands without an event in the ledger, and events of the ledger that are missing on the stream,
            in the read model or in the lake.
        out_of_order: events that were first published after a later event of their account.
        repeated: events that were published again.
        differing: accounts and rows with other values than the ledger's.
    """

    events: int
    lost: int
    out_of_order: int
    repeated: int
    differing: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.out_of_order or self.differing)


def check(stack: LocalDeployment, accepted: Iterable[Sent]) -> Check:
    """Compare the stream, the read model and the lake with the ledger. The stack must be idle."""
    rows = stack.rows()
    newest: dict[str, EventRow] = {}
    stored: set[EventKey] = set()
    for row in rows:
        if isinstance(row, EventRow):
            stored.add((row.account_id, row.sequence))
            known = newest.get(row.account_id)
            newest[row.account_id] = row if known is None or row.sequence > known.sequence else known
    audits = audit(rows, read_published(stack, len(stored))).values()
    published = {(found.account_id, sequence) for found in audits for sequence in found.published}
    behind, differing = _read_model(stack, newest)
    lake = run_reconciliation(Lake.of(Deployment.local(stack.address)), grace_s=0)
    return Check(
        events=len(stored),
        lost=len({each.key for each in accepted} - stored) + len(stored - published) + behind + lake.missing,
        out_of_order=sum(inversions(found.published) for found in audits),
        repeated=sum(found.duplicates for found in audits),
        differing=sum(bool(found.findings) for found in audits) + differing + lake.extra + lake.differing,
    )


def inversions(published: list[int]) -> int:
    """How many events follow directly on a later one of their account."""
    return sum(later < earlier for earlier, later in pairwise(published))


def _read_model(stack: LocalDeployment, newest: dict[str, EventRow]) -> tuple[int, int]:
    """How many events of the ledger the read model lacks, and how many of its accounts have another balance."""
    pages = (
        stack.address.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=stack.address.outputs["OwnedTableName"])
    )
    read = {item["AccountId"]["S"]: item for page in pages for item in page["Items"] if "Sequence" in item}
    behind = differing = 0
    for account_id, row in newest.items():
        item = read.get(account_id)
        behind += row.sequence - (int(item["Sequence"]["N"]) if item else 0)
        differing += item is not None and Decimal(item["Balance"]["N"]) != row.balance
    return behind, differing
