"""Generated lakes for tests, in a folder: rows as the transform makes them, written without its code."""

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema, parquet

LakeRow = dict[str, Any]
"""A row of `account_events`, with the partition keys; decimals and times are text, as in Firehose's JSON."""

FIRST_DAY = datetime(2026, 8, 1)  # noqa: DTZ001 -- UTC
CURRENCIES = ("EUR", "EUR", "USD", "CHF")


def event(  # noqa: PLR0917 -- an event's fields
    account_id: str,
    sequence: int,
    event_type: str,
    occurred_at: datetime,
    currency: str,
    amount: Decimal | None,
    balance: Decimal,
    *,
    owner: str | None = None,
    late: timedelta = timedelta(seconds=1),
    transfer: tuple[str, str] | None = None,
) -> LakeRow:
    """A row; `late` is the time from the event to its publication, `transfer` a transfer's id and its other account."""
    transfer_id, counterparty = transfer or (None, None)
    return {
        "event_id": f"{account_id}:{sequence}",
        "account_id": account_id,
        "sequence": sequence,
        "occurred_at": table.timestamp(occurred_at),
        "correlation_id": f"c-{account_id}-{sequence}",
        "causation_id": None,
        "request_id": f"r-{account_id}-{sequence}",
        "owner": owner,
        "currency": currency,
        "amount": None if amount is None else f"{amount:.2f}",
        "balance": f"{balance:.2f}",
        "published_at": table.timestamp(occurred_at + late),
        "schema_fingerprint": "34c8165f77476d94",
        "occurred_at_us": (occurred_at - datetime(1970, 1, 1, tzinfo=occurred_at.tzinfo)) // timedelta(microseconds=1),
        "transfer_id": transfer_id,
        "counterparty_account_id": counterparty,
        "dt": f"{occurred_at:%Y-%m-%d}",
        "event_type": event_type,
    }


def made_up(seed: int, accounts: int, days: int, events: int) -> list[LakeRow]:
    """Random but valid histories: no gaps, exact balances, no overdraft. The rows are in order of time."""
    generator = random.Random(seed)  # noqa: S311 -- test data
    step = timedelta(days=days) / events
    state: dict[str, tuple[int, Decimal, str]] = {}
    rows = []
    for number in range(events):
        at = FIRST_DAY + step * number
        account_id = f"a-{generator.randrange(accounts):05d}"
        if account_id not in state:
            currency = generator.choice(CURRENCIES)
            state[account_id] = (1, Decimal(0), currency)
            owner = f"owner-{generator.randrange(accounts)}"
            rows.append(event(account_id, 1, "AccountCreated", at, currency, None, Decimal(0), owner=owner))
            continue
        sequence, balance, currency = state[account_id]
        amount = Decimal(generator.randrange(1, 50_000)) / 100
        is_credit = amount > balance or generator.random() < 0.5
        balance += amount if is_credit else -amount
        state[account_id] = (sequence + 1, balance, currency)
        kind = "BalanceCredited" if is_credit else "BalanceWithdrawn"
        rows.append(event(account_id, sequence + 1, kind, at, currency, amount, balance))
    return rows


def made_up_transfers(seed: int, accounts: int, days: int, transfers: int) -> list[LakeRow]:
    """Random transfers among accounts of their own. The rows are in order of time."""
    generator = random.Random(seed)  # noqa: S311 -- test data
    names = [f"t-{number:05d}" for number in range(accounts)]
    state = {name: (1, Decimal(0)) for name in names}
    rows = [event(name, 1, "AccountCreated", FIRST_DAY, "EUR", None, Decimal(0), owner="owner-t") for name in names]
    for name in names:
        state[name] = (2, Decimal(10_000))
        rows.append(event(name, 2, "BalanceCredited", FIRST_DAY, "EUR", *[Decimal(10_000)] * 2))
    for number in range(transfers):
        at = FIRST_DAY + timedelta(days=days) / transfers * number
        amount = Decimal(generator.randrange(1, 1_000)) / 100
        paying, receiving = generator.sample(names, 2)
        for name, other, kind, sign in (
            (paying, receiving, "BalanceWithdrawn", -1),
            (receiving, paying, "BalanceCredited", 1),
        ):
            sequence, balance = state[name]
            state[name] = (sequence + 1, balance + sign * amount)
            transfer = (f"transfer-{number:05d}", other)
            rows.append(event(name, sequence + 1, kind, at, "EUR", amount, state[name][1], transfer=transfer))
    return rows


def write(root: Path, rows: Iterable[LakeRow], *, file_name: str = "part-0") -> None:
    """Writes a file per partition. Writing again under another file name duplicates the rows."""
    schema = arrow_schema([(column.name, column.glue_type) for column in table.COLUMNS])
    partitions: defaultdict[str, list[LakeRow]] = defaultdict(list)
    for row in rows:
        partitions[table.partition_prefix(row["dt"], row["event_type"])].append(row)
    for prefix, mine in partitions.items():
        put(root / prefix / f"{file_name}.parquet", parquet(mine, schema))


def put(path: Path, body: bytes) -> None:
    """Writes a file atomically, as S3 does: readers of the folder never see a part of it. They ignore hidden names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(body)
    unfinished.replace(path)
