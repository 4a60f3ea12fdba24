"""Writes the ledger of a generated lake as an export of the table: every event's row, and a snapshot as every tenth.

DuckDB writes the lines as the service's rows are in an export. `local_stack.table_export` writes the same files from
rows in memory, which ten million do not fit into.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from account_core.rows import layout
from account_core.rows.items import (
    CREATED,
    CREDIT,
    EVENT_FORMAT,
    EVENTS_PER_INTERVAL,
    SNAPSHOT,
    SNAPSHOT_FORMAT,
    WITHDRAW,
)
from local_stack.table_export import export_files

EXPORT_TIME = datetime(2040, 1, 1, tzinfo=UTC)
"""Later than every generated event, so that all are compared."""
TABLE_ARN, TABLE_ID = "arn:aws:dynamodb:eu-central-1:123456789012:table/generated", "generated"
ROWS_PER_FILE = 700_000
"""Of a large table, DynamoDB writes many files. A gzip file is read by one core only."""


def write_export(folder: Path, events: int, connection: duckdb.DuckDBPyConnection) -> None:
    """Write an export of the events in the table `made` to a folder that does not exist."""
    (folder / "data").mkdir(parents=True)
    listed, rows = [], 0
    for number in range(max(2, events // ROWS_PER_FILE)):
        path = folder / "data" / f"{number:04d}.json.gz"
        [[written]] = connection.execute(_copy(path, number, max(2, events // ROWS_PER_FILE))).fetchall()
        rows += written
        listed.append(_entry(path, written))
    small = dict(
        export_files([], table_arn=TABLE_ARN, table_id=TABLE_ID, export_time=EXPORT_TIME, export_id=folder.name)
    )
    summary = json.loads(small["manifest-summary.json"]) | {"itemCount": rows}
    manifest = "".join(f"{json.dumps(each)}\n" for each in listed)
    for name, text in (("manifest-files", manifest), ("manifest-summary", json.dumps(summary))):
        (folder / f"{name}.json").write_text(text)
        (folder / f"{name}.checksum").write_text(_md5(text.encode()))


def _entry(path: Path, rows: int) -> dict[str, object]:
    return {
        "itemCount": rows,
        "md5Checksum": _md5(path.read_bytes()),
        "etag": "generated",
        "dataFileS3Key": f"generated/data/{path.name}",
    }


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _copy(path: Path, number: int, files: int) -> str:
    """SQL that writes one data file. Each account is in one file."""
    mine = f"FROM made WHERE hash(account_id) % {files} = {number}"
    return (
        f"COPY (SELECT {_line(_EVENT)} {mine} UNION ALL SELECT {_line(_SNAPSHOT)} {mine} "
        f"AND sequence % {EVENTS_PER_INTERVAL} = 0) TO '{path}' "
        "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', COMPRESSION gzip)"
    )


def _line(attributes: dict[str, tuple[str, str]]) -> str:
    """SQL for a line; an attribute whose value is null is left out."""
    fragments = ", ".join(
        f"""'"{name}":{{"{kind}":"' || {value} || '"}}'""" for name, (kind, value) in attributes.items()
    )
    return f"""'{{"Item":{{' || concat_ws(',', {fragments}) || '}}}}'"""


def _number(column: str) -> str:
    """Without trailing zeros, as DynamoDB returns numbers."""
    return rf"regexp_replace(regexp_replace(CAST({column} AS varchar), '0+$', ''), '\.$', '')"


_VERSION = f"sequence + (sequence - 1) // {EVENTS_PER_INTERVAL}"
_TYPE = (
    f"CASE event_type WHEN 'AccountCreated' THEN '{CREATED}' WHEN 'BalanceCredited' THEN '{CREDIT}' "
    f"ELSE '{WITHDRAW}' END"
)
_COMMON = {
    layout.ACCOUNT_ID: ("S", "account_id"),
    layout.SEQUENCE: ("N", "sequence"),
    layout.TIMESTAMP: ("S", "strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%fZ')"),
    layout.CURRENCY: ("S", "currency"),
    layout.BALANCE: ("N", _number("balance")),
}
_EVENT = {
    **_COMMON,
    layout.ROW_FORMAT: ("N", f"'{EVENT_FORMAT}'"),
    layout.VERSION: ("N", f"({_VERSION})"),
    layout.TYPE: ("S", f"({_TYPE})"),
    layout.OWNER: ("S", "owner"),
    layout.AMOUNT: ("N", _number("amount")),
    layout.CORRELATION_ID: ("S", "correlation_id"),
    layout.REQUEST_ID: ("S", "request_id"),
    layout.COMMAND_ID: ("S", "causation_id"),
}
_SNAPSHOT = {
    **_COMMON,
    layout.ROW_FORMAT: ("N", f"'{SNAPSHOT_FORMAT}'"),
    layout.VERSION: ("N", f"({_VERSION} + 1)"),
    layout.TYPE: ("S", f"'{SNAPSHOT}'"),
    layout.OWNER: ("S", "'owner-' || account_id"),
    layout.DIGEST: ("S", "sha256(event_id)"),
}
