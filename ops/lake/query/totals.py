"""The table `daily_totals`: for each day, what its events sum up to. Made again for the days whose files have changed.

An object holds a month's days, so that all of history is few and small files. Each row tells what it was made of: a
digest of the statement and of its day's files, by names and ETags. A file that came since, in the same second or not,
changes that. So the totals can be made by anybody at any time, also by several at once: what one overwrites of another
is found by the next who looks.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from consumers.lake import table
from consumers.lake.delivery.parquet import arrow_schema, parquet
from ops.lake.query.engine import Engine
from ops.lake.query.files import LakeFiles, listed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SQL = (Path(table.__file__).with_name("tables") / "daily_totals.sql").read_text(encoding="utf-8")
_MONTH_LENGTH = len("2026-11")

_FILE = re.compile(rf"{table.TOTALS_PREFIX}month=[0-9]{{4}}-[0-9]{{2}}/[^/._][^/]*\.parquet")
_SCHEMA: pa.Schema = arrow_schema(table.TOTALS_COLUMNS)

Days = dict[str, list[dict[str, Any]]]
"""Rows of the table by their day."""


class Totals:
    """Of one lake.

    Args:
        s3: a client.
        bucket: the lake's.
        engine: makes an engine that knows the files as they are now.
        first_day: the first partition that the table projects: earlier ones no engine sees.
    """

    def __init__(self, s3: "S3Client", bucket: str, engine: Callable[[], Engine], first_day: str = "") -> None:
        self._s3, self._bucket, self._engine, self._first_day = s3, bucket, engine, first_day

    def refresh(self, tell: Callable[[str], object] = lambda _: None) -> int:
        """Make what is not up to date; how many days that were.

        Args:
            tell: told each day, before it is made.
        """
        digests = self._digests()
        made = self._made()
        engine: Engine | None = None
        changed = 0
        for month in sorted({day[:_MONTH_LENGTH] for day in digests.keys() | made.keys()}):
            due = {day: digest for day, digest in digests.items() if day.startswith(month)}
            days = {day: rows for day, rows in made.items() if day in due and rows[0]["made_of"] == due[day]}
            missing = sorted(due.keys() - days.keys())
            if not missing and len(days) == sum(day.startswith(month) for day in made):
                continue
            for day in missing:
                tell(day)
                engine = engine or self._engine()
                days[day] = _rows(engine, day, due[day])
                if not changed:
                    self._write(month, days)  # who may not is told now: every day costs a query
                changed += 1
            self._write(month, days)
            changed += not missing
        return changed

    def _digests(self) -> dict[str, str]:
        """What each day's totals have to be made of."""
        return {
            day: hashlib.sha256(f"{SQL}{digest}".encode()).hexdigest()[:16]
            for day, digest in LakeFiles.of(self._s3, self._bucket).digests.items()
            if day >= self._first_day
        }

    def _made(self) -> Days:
        days: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for key, _ in listed(self._s3, self._bucket, table.TOTALS_PREFIX):
            if not _FILE.fullmatch(key):
                continue
            rows = _rows_of(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
            if rows is None:  # no engine reads a table with such a file
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=parquet([], _SCHEMA))
                continue
            for row in rows:
                days[row["dt"]].append(row)
        return dict(days)

    def _write(self, month: str, days: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        rows = [{name: _text(value) for name, value in row.items()} for day in sorted(days) for row in days[day]]
        body = parquet(rows, _SCHEMA)
        self._s3.put_object(Bucket=self._bucket, Key=totals_key(month), Body=body)


def totals_key(month: str) -> str:
    """Where a month's totals are, `YYYY-MM`."""
    return f"{table.TOTALS_PREFIX}month={month}/totals.parquet"


def _rows_of(body: bytes) -> list[dict[str, Any]] | None:
    """A file's; None if it is damaged, or not of this table."""
    try:
        found = pq.read_table(BytesIO(body))
        if not found.schema.equals(_SCHEMA) or found["dt"].null_count:
            return None
        rows: list[dict[str, Any]] = found.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None
    return rows


def _rows(engine: Engine, day: str, digest: str) -> list[dict[str, Any]]:
    """The digest is older than the sums: a file that came in between changes it, and the day is made once more."""
    return [{"dt": day, "made_of": digest, **record} for record in engine.query(SQL, [day]).records()]


def _text(value: object) -> object:
    """Decimals are text in rows; see `consumers.lake.delivery.parquet`."""
    return value if isinstance(value, int | str) or value is None else str(value)
