"""The shipped queries' answers by plain Python: what the SQL has to agree with.

From rows that are all different; `data_quality` from all copies.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.support.lake import LakeRow

Rows = Sequence[LakeRow]
Given = Mapping[str, str]
NOTHING = Decimal("0.00")
KINDS = ("late", "duplicate", "contradiction", "gap", "negative_balance", "broken_balance")


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
        # Not a sum of movements: the balances in the events themselves.
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
        accounts = len({row["account_id"] for row in theirs})
        flows = (accounts, opened, credits_, credited, withdrawals, withdrawn, credited - withdrawn)
        answer.append((currency, *flows, opening, closing, until))
    return answer


def instant(row: LakeRow, name: str = "occurred_at") -> datetime:
    return datetime.fromisoformat(row[name])


def balance_at(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    moment = datetime.fromisoformat(given["moment"])
    theirs = [row for row in rows if row["account_id"] == given["account"] and instant(row) <= moment]
    if not theirs:
        return [(False, *[None] * 11)]
    row = max(theirs, key=lambda row: row["sequence"])
    amount = None if row["amount"] is None else money(row, "amount")
    return [
        (
            *(True, row["account_id"], money(row, "balance"), row["currency"], row["sequence"], row["event_id"]),
            *(row["event_type"], amount, instant(row), row["correlation_id"], row["causation_id"], row["request_id"]),
        )
    ]


def dormant_accounts(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    owners = {row["account_id"]: row["owner"] for row in rows if row["owner"] is not None}
    silent = [row for row in newest(rows).values() if row["dt"] < given["since"]]
    silent.sort(key=lambda row: (row["dt"], row["account_id"]))
    return [
        (
            *(place, row["account_id"], owners.get(row["account_id"]), row["currency"], money(row, "balance")),
            *(row["dt"], row["sequence"], row["event_type"], instant(row)),
        )
        for place, row in enumerate(silent[: int(given["count"])], 1)
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
                    *(currency, place, money(row, "amount"), row["event_type"], row["account_id"], row["sequence"]),
                    *(instant(row), money(row, "balance"), row["correlation_id"], row["causation_id"]),
                )
            )
    return answer


def hourly_volume(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    of_day = [row for row in rows if row["dt"] == given["day"]]
    midnight = datetime.fromisoformat(given["day"])

    def hour_of(row: LakeRow) -> int:
        """Since the day's midnight; what an engine has rounded up to the next one is still the day's."""
        return min(23, (instant(row) - midnight) // timedelta(hours=1))

    return [
        (hour, currency, *sums([row for row in of_day if (hour_of(row), row["currency"]) == (hour, currency)]))
        for hour in range(24)
        for currency in sorted({row["currency"] for row in of_day}) or [None]
    ]


def change(row: LakeRow) -> Decimal:
    return {
        "AccountCreated": NOTHING,
        "BalanceCredited": Decimal(row["amount"] or 0),
        "BalanceWithdrawn": -Decimal(row["amount"] or 0),
    }[row["event_type"]]


def content_of(row: LakeRow) -> tuple[Any, ...]:
    """What has to be the same in all copies of an event."""
    return tuple(value for name, value in sorted(row.items()) if name not in {"published_at", "schema_fingerprint"})


def data_quality(rows: Rows, given: Given) -> list[tuple[Any, ...]]:
    """Of all copies that there are."""
    found: dict[str, list[tuple[str, int]]] = {kind: [] for kind in KINDS}
    copies: dict[tuple[str, int], list[LakeRow]] = {}
    for row in rows:
        if row["dt"] <= given["until"]:
            copies.setdefault((row["account_id"], row["sequence"]), []).append(row)
    for (account_id, sequence), every in copies.items():
        theirs = [row for row in every if row["dt"] >= given["from"]]
        if not theirs:
            continue
        name, row = f"{account_id} {sequence}", theirs[0]
        versions = len({content_of(each) for each in theirs})
        before = copies.get((account_id, sequence - 1), [])
        balances = {money(each, "balance") for each in before} if sequence > 1 else {NOTHING}
        due = {balance + change(row) for balance in balances}
        published = [instant(each, "published_at") for each in theirs if each["published_at"]]
        late_s = timedelta(seconds=int(given["late_seconds"]))
        # All copies until then, and a copy's day is part of its content: one on an earlier day contradicts.
        is_contradicted = len(set(map(content_of, every))) > 1
        is_found = {
            "late": bool(published) and min(published) - min(map(instant, theirs)) > late_s,
            "duplicate": len(theirs) > versions,
            "contradiction": is_contradicted,
            "gap": sequence > 1 and not before,
            "negative_balance": min(money(each, "balance") for each in theirs) < 0,
            "broken_balance": not is_contradicted and len(balances) == 1 and money(row, "balance") not in due,
        }
        for kind in KINDS:
            if is_found[kind]:
                found[kind].append((name, len(theirs) - versions if kind == "duplicate" else 1))
    return [
        (kind, sum(count for _, count in each), min((name for name, _ in each), default=None))
        for kind, each in found.items()
    ]


ORACLES: dict[str, Callable[[Rows, Given], list[tuple[Any, ...]]]] = {
    "balance_at": balance_at,
    "daily_report": daily_report,
    "data_quality": data_quality,
    "dormant_accounts": dormant_accounts,
    "hourly_volume": hourly_volume,
    "largest_movements": largest_movements,
}
