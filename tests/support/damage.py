"""Ways to damage a ledger and its lake, each in one event."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.lake import LakeRow

Items = list[dict[str, Any]]
Sides = tuple[Items, list[LakeRow]]
Make = Callable[[Items, list[LakeRow]], Sides]


@dataclass(frozen=True, slots=True)
class Corruption:
    """Attributes: `expected` are the findings: kind, account, sequence, and the fields that differ."""

    name: str
    make: Make
    expected: tuple[tuple[str, str, int | None, tuple[str, ...]], ...]


def is_event(item: dict[str, Any], account_id: str, sequence: int) -> bool:
    is_of_event = item["Type"]["S"] != "SNAPSHOT"
    return is_of_event and (item["AccountId"]["S"], item["Sequence"]["N"]) == (account_id, str(sequence))


def in_lake(account_id: str, sequence: int, **values: Any) -> Make:  # noqa: ANN401
    """Change an event in the lake."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        key = (account_id, sequence)
        return items, [row | values if (row["account_id"], row["sequence"]) == key else row for row in rows]

    return make


def in_ledger(account_id: str, sequence: int, **values: Any) -> Make:  # noqa: ANN401
    """Change an event in the ledger."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        return [item | values if is_event(item, account_id, sequence) else item for item in items], rows

    return make


def without(side: str, account_id: str, *sequences: int) -> Make:
    """Delete events from the ledger, from the lake or from both."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        keys = {(account_id, each) for each in sequences}
        kept = [item for item in items if not any(is_event(item, *key) for key in keys)]
        left = [row for row in rows if (row["account_id"], row["sequence"]) not in keys]
        return (items if side == "lake" else kept), (rows if side == "ledger" else left)

    return make


def copied(account_id: str, sequence: int, /, **values: Any) -> Make:  # noqa: ANN401
    """Add a copy of an event to the lake."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        [row] = [row for row in rows if (row["account_id"], row["sequence"]) == (account_id, sequence)]
        return items, [*rows, row | values]

    return make


def both(*makes: Make) -> Make:
    def make(items: Items, rows: list[LakeRow]) -> Sides:
        for each in makes:
            items, rows = each(items, rows)
        return items, rows

    return make


def added(account_id: str, sequence: int, balance: str) -> Make:
    """Add an event to ledger and lake that repeats the event before it."""

    def make(items: Items, rows: list[LakeRow]) -> Sides:
        [item] = [item for item in items if is_event(item, account_id, sequence - 1)]
        [row] = [row for row in rows if (row["account_id"], row["sequence"]) == (account_id, sequence - 1)]
        number = {"N": str(sequence)}
        again = item | {"Version": number, "Sequence": number, "Balance": {"N": balance}}
        values = {"sequence": sequence, "event_id": f"{account_id}:{sequence}", "balance": balance}
        return [*items, again], [*rows, row | values]

    return make
