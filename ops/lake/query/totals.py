"""The table `daily_totals`: the sums of each day's events, updated for the days whose files have changed.

An object holds the days of a month, so that all of history is in few, small files. Each row has a digest of its
sources: the SQL statement, and the names and ETags of its day's files. Any new file changes the digest. Therefore
several processes may update the totals at any time, even concurrently: if one overwrites another's rows, the next
update corrects them.
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
"""Rows of the table, by day."""


class Totals:
    """The daily totals of one lake.

    Args:
        s3: a client.
        bucket: the lake's bucket.
        engine: creates an engine over the files that are in the bucket now.
        first_day: the table's first partition; engines ignore earlier ones.
    """

    def __init__(self, s3: "S3Client", bucket: str, engine: Callable[[], Engine], first_day: str = "") -> None:
        self._s3, self._bucket, self._engine, self._first_day = s3, bucket, engine, first_day

    def refresh(self, on_day: Callable[[str], object] = lambda _: None) -> int:
        """Update the days that are out of date, and return their number.

        Args:
            on_day: called with each day before its totals are computed.
        """
        digests = self._digests()
        made = self._made()
        engine: Engine | None = None
        changed = 0
        for month in sorted({day[:_MONTH_LENGTH] for day in digests.keys() | made.keys()}):
            current = {day: digest for day, digest in digests.items() if day.startswith(month)}
            days = {day: rows for day, rows in made.items() if day in current and rows[0]["made_of"] == current[day]}
            missing = sorted(current.keys() - days.keys())
            if not missing and len(days) == sum(day.startswith(month) for day in made):
                continue
            for day in missing:
                on_day(day)
                engine = engine or self._engine()
                days[day] = _rows(engine, day, current[day])
                if not changed:
                    self._write(month, days)  # so that without write access the update fails after one query
                changed += 1
            self._write(month, days)
            changed += not missing
        return changed

    def _digests(self) -> dict[str, str]:
        """The current digest of each day, for `made_of`."""
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
            if rows is None:  # replaced with an empty file, because no engine could read the table otherwise
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
    """The key of a month's totals; the month is `YYYY-MM`."""
    return f"{table.TOTALS_PREFIX}month={month}/totals.parquet"


def _rows_of(body: bytes) -> list[dict[str, Any]] | None:
    """The rows of a file; None if it is damaged or belongs to another table."""
    try:
        found = pq.read_table(BytesIO(body))
        if not found.schema.equals(_SCHEMA) or found["dt"].null_count:
            return None
        rows: list[dict[str, Any]] = found.to_pylist()
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return None
    return rows


def _rows(engine: Engine, day: str, digest: str) -> list[dict[str, Any]]:
    """A day's rows. The digest was computed first, so a file that arrived since then makes the day out of date."""
    return [{"dt": day, "made_of": digest, **record} for record in engine.query(SQL, [day]).records()]


def _text(value: object) -> object:
    """The value for `consumers.lake.delivery.parquet`, which expects decimals as text."""
    return value if isinstance(value, int | str) or value is None else str(value)
