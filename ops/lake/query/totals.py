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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumers.lake import table
from ops.lake.query.engine import Engine, QueryFailed
from ops.lake.query.files import LakeFiles, listed
from ops.lake.query.totals_file import TotalsRow, from_parquet, to_parquet

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SQL = (Path(table.__file__).with_name("tables") / "daily_totals.sql").read_text(encoding="utf-8")
_MONTH_LENGTH = len("2026-11")

_FILE = re.compile(rf"{table.TOTALS_PREFIX}month=[0-9]{{4}}-[0-9]{{2}}/[^/._][^/]*\.parquet")

Days = dict[str, list[TotalsRow]]
"""Rows of the table, by day."""


class OutOfTime(Exception):
    """The time ended before all totals were up to date. The days updated until then are stored.

    Attributes:
        updated: the number of days that were updated.
        left: the number of days that are still out of date.
    """

    def __init__(self, updated: int, left: int) -> None:
        super().__init__(f"{left} days are still out of date")
        self.updated, self.left = updated, left


def _raised(_day: str, error: QueryFailed) -> None:
    raise error


class Totals:
    """The daily totals of one lake.

    Args:
        s3: a client.
        bucket: the lake's bucket.
        engine: returns an engine for the events of a day, over the files that are in the bucket now.
        first_day: the table's first partition; engines ignore earlier ones.
    """

    def __init__(self, s3: "S3Client", bucket: str, engine: Callable[[str], Engine], first_day: str = "") -> None:
        self._s3, self._bucket, self._engine, self._first_day = s3, bucket, engine, first_day

    def refresh(
        self,
        on_day: Callable[[str], object] = lambda _: None,
        *,
        on_failure: Callable[[str, QueryFailed], object] = _raised,
        has_time: Callable[[], bool] = lambda: True,
    ) -> int:
        """Update the days that are out of date, and return their number.

        A month is written after each of its days. So an interruption loses at most one day's work, and without write
        access the update fails after one query. Until a day is updated, its old rows stay.

        Args:
            on_day: called with each day before its totals are computed.
            on_failure: called if a day's query fails. If it returns, the other days are updated nevertheless.
            has_time: called before each day.

        Raises:
            OutOfTime: `has_time` returned False.
            QueryFailed: a day's query failed, and `on_failure` is not given.
        """
        digests, made = self._digests(), self._made(self._replace_damaged)
        outdated = _outdated(digests, made)
        removed = made.keys() - digests.keys()
        updated = failed = 0
        for month in sorted({_month(day) for day in (*outdated, *removed)}):
            days = {day: rows for day, rows in made.items() if _month(day) == month and day in digests}
            is_written = False
            for day in outdated:
                if _month(day) != month:
                    continue
                if not has_time():
                    raise OutOfTime(updated, len(outdated) - updated - failed)
                on_day(day)
                try:
                    rows = _rows(self._engine(day), day, digests[day])
                    self._write(month, days | {day: rows})
                except QueryFailed as error:
                    on_failure(day, error)
                    failed += 1
                    continue
                days[day], is_written = rows, True
                updated += 1
            if not is_written and any(_month(day) == month for day in removed):
                self._write(month, days)
                updated += 1
        return updated

    def _digests(self) -> dict[str, str]:
        """The current digest of each day, for `made_of`."""
        return {
            day: hashlib.sha256(f"{SQL}{digest}".encode()).hexdigest()[:16]
            for day, digest in LakeFiles.of(self._s3, self._bucket).digests.items()
            if day >= self._first_day
        }

    def outdated(self) -> list[str]:
        """The days whose totals are missing or do not include all of their files. Changes nothing."""
        return _outdated(self._digests(), self._made())

    def _made(self, on_damaged: Callable[[str], object] = lambda _key: None) -> Days:
        days: defaultdict[str, list[TotalsRow]] = defaultdict(list)
        for key, _ in listed(self._s3, self._bucket, table.TOTALS_PREFIX):
            if not _FILE.fullmatch(key):
                continue
            rows = from_parquet(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())
            if rows is None:
                on_damaged(key)
                continue
            for row in rows:
                days[row["dt"]].append(row)
        return dict(days)

    def _replace_damaged(self, key: str) -> None:
        """Replace a damaged file with an empty one, because no engine could read the table otherwise."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=to_parquet([]))

    def _write(self, month: str, days: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        body = to_parquet([row for day in sorted(days) for row in days[day]])
        self._s3.put_object(Bucket=self._bucket, Key=totals_key(month), Body=body)


def _outdated(digests: Mapping[str, str], made: Days) -> list[str]:
    return [day for day in sorted(digests) if day not in made or made[day][0]["made_of"] != digests[day]]


def totals_key(month: str) -> str:
    """The key of a month's totals; the month is `YYYY-MM`."""
    return f"{table.TOTALS_PREFIX}month={month}/totals.parquet"


def _month(day: str) -> str:
    return day[:_MONTH_LENGTH]


def _rows(engine: Engine, day: str, digest: str) -> list[TotalsRow]:
    """A day's rows. The digest was computed first, so a file that arrived since then makes the day out of date."""
    return [{"dt": day, "made_of": digest, **record} for record in engine.query(SQL, [day]).records()]
