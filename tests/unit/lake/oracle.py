"""The shipped queries' answers by plain Python, from rows that are all different: what the SQL has to agree with."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.lake import LakeRow

Rows = Sequence[LakeRow]
Given = Mapping[str, str]
NOTHING = Decimal("0.00")
LATE = timedelta(minutes=5)


def money(row: LakeRow, name: str) -> Decimal:
    return Decimal(row[name])


def sums(rows: Rows) -> tuple[int, int, Decimal, int, Decimal]:
    """Opened, credits, credited, withdrawals, withdrawn."""
    credits_ = [money(row, "amount") for row in rows if row["event_type"] == "BalanceCredited"]
    withdrawals = [money(row, "amount") for row in rows if row["event_type"] == "BalanceWithdrawn"]
    opened = sum(row["event_type"] == "AccountCreated" for row in rows)
    return opened, len(credits_), sum(credits_, NOTHING), len(withdrawals), sum(withdrawals, NOTHING)


def newest(rows: Rows) -> dict[str, LakeRow]:
    """Each account's."""
    found: dict[str, LakeRow] = {}
    for row in sorted(rows, key=lambda row: row["sequence"]):
        found[row["account_id"]] = row
    return found


def daily_report(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    day = given["day"]
    before = [row for row in rows if row["dt"] < day]
    answer = []
    for currency in sorted({row["currency"] for row in rows if row["dt"] <= day}):
        theirs = [row for row in rows if row["dt"] == day and row["currency"] == currency]
        opened, credits_, credited, withdrawals, withdrawn = sums(theirs)
        # Not a sum of movements: the balances that the events themselves tell.
        opening = sum(
            (money(row, "balance") for row in newest(before).values() if row["currency"] == currency), NOTHING
        )
        closing = sum(
            (
                money(row, "balance")
                for row in newest([row for row in rows if row["dt"] <= day]).values()
                if row["currency"] == currency
            ),
            NOTHING,
        )
        until = max((row["dt"] for row in before), default=None)
        flows = (opened, credits_, credited, withdrawals, withdrawn, credited - withdrawn)
        answer.append((currency, *flows, opening, closing, until))
    return answer


def instant(row: LakeRow, name: str = "occurred_at") -> datetime:
    return datetime.fromisoformat(row[name])


def balance_at(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    moment = datetime.fromisoformat(given["moment"])
    theirs = [row for row in rows if row["account_id"] == given["account"] and instant(row) <= moment]
    if not theirs:
        return []
    row = max(theirs, key=lambda row: row["sequence"])
    amount = None if row["amount"] is None else money(row, "amount")
    return [
        (
            *(row["account_id"], row["currency"], money(row, "balance"), row["sequence"], row["event_id"]),
            *(row["event_type"], amount, instant(row), row["correlation_id"], row["causation_id"]),
        )
    ]


def dormant_accounts(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    owners = {row["account_id"]: row["owner"] for row in rows if row["owner"] is not None}
    silent = [row for row in newest(rows).values() if row["dt"] < given["since"]]
    return [
        (
            *(row["account_id"], owners.get(row["account_id"]), row["currency"]),
            *(money(row, "balance"), row["sequence"], instant(row)),
        )
        for row in sorted(silent, key=lambda row: (row["occurred_at"], row["account_id"]))
    ]


def largest_movements(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    answer = []
    moved = [row for row in rows if given["from"] <= row["dt"] <= given["until"] and row["amount"] is not None]
    for currency in sorted({row["currency"] for row in moved}):
        theirs = [row for row in moved if row["currency"] == currency]
        theirs.sort(key=lambda row: (-money(row, "amount"), row["account_id"], row["sequence"]))
        for place, row in enumerate(theirs[: int(given["count"])], 1):
            answer.append(
                (
                    *(currency, place, row["event_type"], money(row, "amount"), row["account_id"], row["sequence"]),
                    *(money(row, "balance"), instant(row), row["correlation_id"]),
                )
            )
    return answer


def hourly_volume(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    of_day = [row for row in rows if row["dt"] == given["day"]]
    return [
        (hour, currency, *sums([row for row in of_day if (instant(row).hour, row["currency"]) == (hour, currency)]))
        for currency in sorted({row["currency"] for row in of_day})
        for hour in range(24)
    ]


def data_quality(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    """Of sound rows: only lateness can be found."""
    late = [
        row["event_id"]
        for row in rows
        if given["from"] <= row["dt"] <= given["until"] and instant(row, "published_at") > instant(row) + LATE
    ]
    others = (
        *("repeated", "contradicting copies", "gap in sequence", "sequence twice"),
        *("balance does not follow", "negative balance", "currency changed"),
    )
    return [("late", len(late), min(late, default=None)), *((kind, 0, None) for kind in others)]


ORACLES: dict[str, Callable[[Rows, Given], list[tuple[Any, ...]]]] = {
    "balance_at": balance_at,
    "daily_report": daily_report,
    "data_quality": data_quality,
    "dormant_accounts": dormant_accounts,
    "hourly_volume": hourly_volume,
    "largest_movements": largest_movements,
}
