"""The expected answers of the shipped queries, computed in plain Python.

Pass rows without copies; only `data_quality` takes all copies.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.support.lake import LakeRow

Rows = Sequence[LakeRow]
Arguments = Mapping[str, str]
NOTHING = Decimal("0.00")
KINDS = ("late", "duplicate", "contradiction", "gap", "negative_balance", "broken_balance", "half_transfer")


def money(row: LakeRow, name: str) -> Decimal:
    return Decimal(row[name])


def sums(rows: Rows) -> tuple[int, int, Decimal, int, Decimal]:
    """Accounts opened, number of credits, amount credited, number of withdrawals, amount withdrawn."""
    credits_ = [money(row, "amount") for row in rows if row["event_type"] == "BalanceCredited"]
    withdrawals = [money(row, "amount") for row in rows if row["event_type"] == "BalanceWithdrawn"]
    opened = sum(row["event_type"] == "AccountCreated" for row in rows)
    return opened, len(credits_), sum(credits_, NOTHING), len(withdrawals), sum(withdrawals, NOTHING)


def newest(rows: Rows) -> dict[str, LakeRow]:
    """The newest row of each account."""
    found: dict[str, LakeRow] = {}
    for row in sorted(rows, key=lambda row: row["sequence"]):
        found[row["account_id"]] = row
    return found


def daily_report(rows: Rows, arguments: Arguments) -> list[tuple[Any, ...]]:
    day = arguments["day"]
    before = [row for row in rows if row["dt"] < day]
    answer = []
    for currency in sorted({row["currency"] for row in rows if row["dt"] <= day}):
        selected = [row for row in rows if row["dt"] == day and row["currency"] == currency]
        opened, credits_, credited, withdrawals, withdrawn = sums(selected)
        # Not a sum of movements, but the balances that the events contain.
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
        accounts = len({row["account_id"] for row in selected})
        flows = (accounts, opened, credits_, credited, withdrawals, withdrawn, credited - withdrawn)
        answer.append((currency, *flows, opening, closing, until))
    return answer


def instant(row: LakeRow, name: str = "occurred_at") -> datetime:
    return datetime.fromisoformat(row[name])


def balance_at(rows: Rows, arguments: Arguments) -> list[tuple[Any, ...]]:
    moment = datetime.fromisoformat(arguments["moment"])
    selected = [row for row in rows if row["account_id"] == arguments["account"] and instant(row) <= moment]
    if not selected:
        return [(False, *[None] * 11)]
    row = max(selected, key=lambda row: row["sequence"])
    amount = None if row["amount"] is None else money(row, "amount")
    return [
        (
            *(True, row["account_id"], money(row, "balance"), row["currency"], row["sequence"], row["event_id"]),
            *(row["event_type"], amount, instant(row), row["correlation_id"], row["causation_id"], row["request_id"]),
        )
    ]


def account_statement(rows: Rows, arguments: Arguments) -> list[tuple[Any, ...]]:
    until = [row for row in rows if row["account_id"] == arguments["account"] and row["dt"] <= arguments["until"]]
    until.sort(key=lambda row: row["sequence"])
    before = [row for row in until if row["dt"] < arguments["from"]]
    opening, closing = (rows[-1] if rows else None for rows in (before, until))
    lines = [("opening", opening), *(("event", row) for row in until[len(before) :]), ("closing", closing)]
    return [
        (entry, *[None] * 12)
        if row is None
        else (
            *(entry, row["dt"], row["sequence"], row["event_type"]),
            None if row["amount"] is None else change(row),
            *(money(row, "balance"), row["currency"], instant(row)),
            *(row["event_id"], row["correlation_id"], row["causation_id"]),
            *(row["transfer_id"], row["counterparty_account_id"]),
        )
        for entry, row in lines
    ]


def dormant_accounts(rows: Rows, arguments: Arguments) -> list[tuple[Any, ...]]:
    owners = {row["account_id"]: row["owner"] for row in rows if row["owner"] is not None}
    silent = [row for row in newest(rows).values() if row["dt"] < arguments["since"]]
    silent.sort(key=lambda row: (row["dt"], row["account_id"]))
    return [
        (
            *(rank, row["account_id"], owners.get(row["account_id"]), row["currency"], money(row, "balance")),
            *(row["dt"], row["sequence"], row["event_type"], instant(row)),
        )
        for rank, row in enumerate(silent[: int(arguments["count"])], 1)
    ]


def largest_movements(rows: Rows, arguments: Arguments) -> list[tuple[Any, ...]]:
    answer = []
    moved = [row for row in rows if arguments["from"] <= row["dt"] <= arguments["until"] and row["amount"] is not None]
    for currency in sorted({row["currency"] for row in moved}):
        selected = [row for row in moved if row["currency"] == currency]
        selected.sort(key=lambda row: (-money(row, "amount"), row["account_id"], row["sequence"]))
        for rank, row in enumerate(selected[: int(arguments["count"])], 1):
            answer.append(
                (
                    *(currency, rank, money(row, "amount"), row["event_type"], row["account_id"], row["sequence"]),
                    *(instant(row), money(row, "balance"), row["correlation_id"], row["causation_id"]),
                )
            )
    return answer


def hourly_volume(rows: Rows, arguments: Arguments) -> list[tuple[Any, ...]]:
    of_day = [row for row in rows if row["dt"] == arguments["day"]]
    midnight = datetime.fromisoformat(arguments["day"])

    def hour_of(row: LakeRow) -> int:
        """The hour of the day. A time that an engine has rounded up to the next midnight is in the last hour."""
        return min(23, (instant(row) - midnight) // timedelta(hours=1))

    return [
        (hour, currency, *sums([row for row in of_day if (hour_of(row), row["currency"]) == (hour, currency)]))
        for hour in range(24)
        for currency in sorted({row["currency"] for row in of_day}) or [None]
    ]


def transfers_of(rows: Rows, arguments: Arguments) -> dict[str, list[LakeRow]]:
    """The events of each transfer in the range of days, the withdrawals first."""
    found: dict[str, list[LakeRow]] = {}
    for row in sorted(rows, key=lambda row: (change(row) > 0, row["event_id"])):
        if row["transfer_id"] is not None and arguments["from"] <= row["dt"] <= arguments["until"]:
            found.setdefault(row["transfer_id"], []).append(row)
    return found


def is_complete(events: Rows) -> bool:
    if [row["event_type"] for row in events] != ["BalanceWithdrawn", "BalanceCredited"]:
        return False
    paid, received = events
    same = ("amount", "currency", "occurred_at", "dt")
    names = (paid["account_id"], paid["counterparty_account_id"])
    return (
        all(paid[name] == received[name] for name in same)
        and names == (received["counterparty_account_id"], received["account_id"])
        and len(set(names)) == len(names)
    )


def transfers(rows: Rows, arguments: Arguments) -> list[tuple[Any, ...]]:
    """For transfers with at most one withdrawal and one credit."""
    answer = []
    for transfer_id, events in transfers_of(rows, arguments).items():
        paid = next((row for row in events if row["event_type"] == "BalanceWithdrawn"), None)
        received = next((row for row in events if row["event_type"] == "BalanceCredited"), None)
        first = paid or events[0]
        answer.append(
            (
                *(min(row["dt"] for row in events), min(map(instant, events)), transfer_id),
                paid["account_id"] if paid else first["counterparty_account_id"],
                received["account_id"] if received else first["counterparty_account_id"],
                *(money(first, "amount"), first["currency"], is_complete(events)),
                *(row and row["sequence"] for row in (paid, received)),
            )
        )
    return sorted(answer, key=lambda row: row[1:3])


def change(row: LakeRow) -> Decimal:
    return {
        "AccountCreated": NOTHING,
        "BalanceCredited": Decimal(row["amount"] or 0),
        "BalanceWithdrawn": -Decimal(row["amount"] or 0),
    }[row["event_type"]]


def content_of(row: LakeRow) -> tuple[Any, ...]:
    """The values that must be equal in all copies of an event."""
    return tuple(value for name, value in sorted(row.items()) if name not in {"published_at", "schema_fingerprint"})


def data_quality(rows: Rows, arguments: Arguments) -> list[tuple[Any, ...]]:
    """Takes all copies of all events."""
    found: dict[str, list[tuple[str, int]]] = {kind: [] for kind in KINDS}
    several, first_copies = set[str](), list[LakeRow]()
    copies: dict[tuple[str, int], list[LakeRow]] = {}
    for row in rows:
        if row["dt"] <= arguments["until"]:
            copies.setdefault((row["account_id"], row["sequence"]), []).append(row)
    for (account_id, sequence), every in copies.items():
        selected = [row for row in every if row["dt"] >= arguments["from"]]
        if not selected:
            continue
        name, row = f"{account_id} {sequence}", selected[0]
        versions = len({content_of(each) for each in selected})
        before = copies.get((account_id, sequence - 1), [])
        balances = {money(each, "balance") for each in before} if sequence > 1 else {NOTHING}
        expected = {balance + change(row) for balance in balances}
        published = [instant(each, "published_at") for each in selected if each["published_at"]]
        late_s = timedelta(seconds=int(arguments["late_seconds"]))
        # All copies up to `until` count, and the day is part of the content: a copy of an earlier day contradicts.
        is_contradicted = len(set(map(content_of, every))) > 1
        is_found = {
            "late": bool(published) and min(published) - min(map(instant, selected)) > late_s,
            "duplicate": len(selected) > versions,
            "contradiction": is_contradicted,
            "gap": sequence > 1 and not before,
            "negative_balance": min(money(each, "balance") for each in selected) < 0,
            "broken_balance": not is_contradicted and len(balances) == 1 and money(row, "balance") not in expected,
        }
        several |= {name} if versions > 1 else set()
        first_copies.append(row)
        for kind, is_one in is_found.items():
            if is_one:
                found[kind].append((name, len(selected) - versions if kind == "duplicate" else 1))
    for events in transfers_of(first_copies, arguments).values():
        names = [f"{row['account_id']} {row['sequence']}" for row in events]
        if not several.intersection(names) and not is_complete(events):
            found["half_transfer"].append((min(names), 1))
    return [
        (kind, sum(count for _, count in each), min((name for name, _ in each), default=None))
        for kind, each in found.items()
    ]


ORACLES: dict[str, Callable[[Rows, Arguments], list[tuple[Any, ...]]]] = {
    "account_statement": account_statement,
    "balance_at": balance_at,
    "daily_report": daily_report,
    "data_quality": data_quality,
    "dormant_accounts": dormant_accounts,
    "hourly_volume": hourly_volume,
    "largest_movements": largest_movements,
    "transfers": transfers,
}
