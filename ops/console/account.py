"""An account's rows as the page shows them, and the fold over the rows that a read fetches. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from account_core.domain.errors import Corrupt
from account_core.domain.events import (
    Created,
    Credited,
    EventRow,
    IgnoredSnapshot,
    SnapshotRow,
    StoredRow,
    Transfer,
    Withdrawn,
)
from account_core.rows.items import CREATED, CREDIT, SNAPSHOT, SNAPSHOT_EVERY, WITHDRAW, from_item, version_in
from account_core.rows.layout import TYPE, VERSION
from account_core.service.head import Head, advance, fold, is_enough

READ_ROWS = SNAPSHOT_EVERY
"""The rows that a read fetches."""
ROWS_MAX = 50
"""The rows of one page."""
TEXT_MAX = 40
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Read:
    """A row that was read: `row` is None if it cannot be used, and `problem` states why."""

    version: int
    kind: str
    row: StoredRow | None
    problem: str = ""


def read(item: Item) -> Read:
    """The row of an item."""
    version = version_in(str(item[VERSION]["N"])) or 0
    kind = str(item.get(TYPE, {}).get("S", "?"))[:TEXT_MAX]
    try:
        row = from_item(item)
    except Corrupt as error:
        return Read(version, kind, None, str(error))
    return Read(version, kind, row, row.reason if isinstance(row, IgnoredSnapshot) else "")


def page(account_id: str, newest: Sequence[Item], items: Sequence[Item]) -> dict[str, Any]:
    """The account's rows for the page, newest first, with the steps of the fold.

    Args:
        account_id: the account's id.
        newest: its newest rows, newest first, as many as a read fetches.
        items: the rows to show, newest first, at most ROWS_MAX.
    """
    fetched, shown = [read(item) for item in newest], [read(item) for item in items]
    newest_version = fetched[0].version
    oldest = shown[-1].version if shown else 1
    found, problem = steps([each for each in fetched if each.version > newest_version - READ_ROWS])
    return {
        "account_id": account_id,
        "rows": [_row(each, is_read=each.version > newest_version - READ_ROWS) for each in shown],
        "newest_version": newest_version,
        "next_before": oldest if oldest > 1 and len(shown) == ROWS_MAX else None,
        "steps": found,
        "problem": problem,
    }


def steps(fetched: Sequence[Read]) -> tuple[list[dict[str, Any]], str]:
    """The state after each row of the fold, oldest first, and why the fold ends before the newest row or cannot begin.

    Args:
        fetched: the rows of a read, newest first.
    """
    start = next((n for n, each in enumerate(fetched) if isinstance(each.row, SnapshotRow)), len(fetched) - 1)
    rows = [each.row for each in fetched if each.row is not None]
    if not fetched or not is_enough(rows):
        return [], "No row of these can begin the fold: a read fetches earlier rows until one can."
    found: list[dict[str, Any]] = []
    head = Head()
    for each in reversed(fetched[: start + 1]):
        if isinstance(each.row, IgnoredSnapshot):
            continue
        if each.row is None:
            return found, each.problem
        try:
            head = fold([each.row]) if isinstance(each.row, SnapshotRow) else advance(head, each.row)
        except Corrupt as error:
            return found, str(error)
        assert head.account is not None  # noqa: S101 -- after a row
        account = head.account
        found.append(
            {
                "version": each.version,
                "sequence": each.row.sequence,
                "kind": each.kind,
                "amount": _amount(each.row),
                "balance": f"{account.balance:.2f}",
                "currency": account.currency,
            }
        )
    return found, ""


def summary(account_id: str, newest: Sequence[Item]) -> dict[str, Any] | None:
    """The account for the list, from its newest rows; None if the newest row cannot be used."""
    rows = [each.row for each in map(read, newest)]
    newest_row = next((row for row in rows if isinstance(row, EventRow | SnapshotRow)), None)
    if newest_row is None:
        return None
    return {
        "account_id": account_id,
        "owner": next((owner for row in rows if (owner := _owner(row))), None),
        "currency": newest_row.currency,
        "balance": f"{newest_row.balance:.2f}",
        "sequence": newest_row.sequence,
        "at": newest_row.occurred_at,
    }


def _row(each: Read, *, is_read: bool) -> dict[str, Any]:
    row = each.row
    shown: dict[str, Any] = {
        "version": each.version,
        "kind": each.kind,
        "is_snapshot": each.kind == SNAPSHOT,
        "is_read": is_read,
        "problem": each.problem,
        **dict.fromkeys(("sequence", "at", "amount", "balance", "owner", "currency")),
        **dict.fromkeys(("correlation_id", "request_id", "command_id", "transfer_id", "counterparty")),
    }
    if isinstance(row, EventRow | SnapshotRow):
        shown |= {
            "sequence": row.sequence,
            "at": row.occurred_at,
            "amount": _amount(row),
            "balance": f"{row.balance:.2f}",
            "owner": _owner(row),
            "currency": row.currency,
        }
    if isinstance(row, EventRow):
        shown |= {
            "kind": _kind(row),
            "correlation_id": row.correlation_id,
            "request_id": row.request_id,
            "command_id": row.command_id,
        }
    match row:
        case EventRow(event=Credited(transfer=Transfer() as transfer) | Withdrawn(transfer=Transfer() as transfer)):
            shown |= {"transfer_id": transfer.transfer_id, "counterparty": transfer.counterparty}
    return shown


def _kind(row: EventRow) -> str:
    match row.event:
        case Created():
            return CREATED
        case Credited():
            return CREDIT
        case _:
            return WITHDRAW


def _amount(row: StoredRow) -> str | None:
    match row:
        case EventRow(event=Credited(amount=amount) | Withdrawn(amount=amount)):
            return f"{amount:.2f}"
        case _:
            return None


def _owner(row: StoredRow | None) -> str | None:
    match row:
        case SnapshotRow(owner=owner) | EventRow(event=Created(owner=owner)):
            return owner
        case _:
            return None
