"""The table `daily_totals`: for each day, what its events sum up to. Made again for the days whose files have changed.

What a day's object was made of stands in its metadata, as a digest of its files' names and ETags: a file that came
since, in the same second or not, changes that. So it can be made by anybody at any time, also by several at once: each
writes the same.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from consumers.lake import table
from ops.lake.engine import Engine
from ops.parquet import arrow_schema, parquet

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SQL = Path(table.__file__).with_name("tables") / "daily_totals.sql"
DIGEST = "made-of"
RUN_DAYS_MAX = 31
"""Of one query: it holds a day's events in memory until their copies are told apart."""
ASKED_AT_ONCE = 8
_OF_A_DAY = re.compile(r"[a-z_]+/dt=(\d{4}-\d{2}-\d{2})/.*\.parquet")


@dataclass(frozen=True, slots=True)
class Changed:
    """A day whose totals are not those of its files."""

    day: str
    digest: str


class Totals:
    """Of one lake.

    Args:
        s3: a client.
        bucket: the lake's.
        engine: makes an engine that knows the files as they are now.
    """

    def __init__(self, s3: "S3Client", bucket: str, engine: Callable[[], Engine]) -> None:
        self._s3, self._bucket, self._engine = s3, bucket, engine

    def refresh(self, tell: Callable[[str], object] = lambda _: None) -> int:
        """Make what is not up to date; how many days that were.

        Args:
            tell: told each day, once it is made.
        """
        changed = self.changed()
        engine = self._engine() if changed else None
        for run in _runs(changed):
            assert engine is not None  # noqa: S101 -- there is something to do
            self._make(run, engine, tell)
        return len(changed)

    def changed(self) -> list[Changed]:
        """The days to be made, the oldest first: also those that have lost all their files.

        Lists the bucket, and asks each of its totals what it was made of, several at once.
        """
        files = self._files()
        days_made = self._days_made()
        with ThreadPoolExecutor(ASKED_AT_ONCE) as executor:
            made = dict(zip(days_made, executor.map(self._digest_of, days_made), strict=True))
        found = {day: _digest(files.get(day, [])) for day in files.keys() | made.keys()}
        return [Changed(day, digest) for day, digest in sorted(found.items()) if made.get(day) != digest]

    def _make(self, run: Sequence[Changed], engine: Engine, tell: Callable[[str], object]) -> None:
        """The digests are older than the sums: a file that came in between changes one, and its day is made once more."""
        answer = engine.query(SQL.read_text(encoding="utf-8"), [run[0].day, run[-1].day])
        sums: defaultdict[str, list[dict[str, object]]] = defaultdict(list)
        for record in answer.records():
            sums[record["dt"]].append({name: _text(value) for name, value in record.items()})
        for changed in run:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=_key(changed.day),
                Body=parquet(sums[changed.day], arrow_schema(table.TOTALS_COLUMNS), is_tiny=True),
                Metadata={DIGEST: changed.digest},
            )
            tell(changed.day)

    def _files(self) -> dict[str, list[tuple[str, str]]]:
        """Names and ETags of the events' files, by day."""
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for key, etag in self._listed(table.EVENTS_PREFIX):
            if day := _day(key):
                found[day].append((key, etag))
        return dict(found)

    def _days_made(self) -> list[str]:
        return [_day(key) for key, _ in self._listed(table.TOTALS_PREFIX) if key == _key(_day(key))]

    def _digest_of(self, day: str) -> str | None:
        return self._s3.head_object(Bucket=self._bucket, Key=_key(day))["Metadata"].get(DIGEST)

    def _listed(self, prefix: str) -> Iterator[tuple[str, str]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"], found["ETag"]


def _key(day: str) -> str:
    return f"{table.TOTALS_PREFIX}dt={day}/totals.parquet"


def _day(key: str) -> str:
    """Empty for what is no file of a day."""
    found = _OF_A_DAY.fullmatch(key)
    try:
        return date.fromisoformat(found[1]).isoformat() if found else ""
    except ValueError:
        return ""


def _digest(entries: Sequence[tuple[str, str]]) -> str:
    """Of the files, and of how they are summed up: another release's sums are made again."""
    made_by = (SQL.read_text(encoding="utf-8"), table.TOTALS_COLUMNS)
    return hashlib.sha256(repr((made_by, sorted(entries))).encode()).hexdigest()


def _runs(changed: Sequence[Changed]) -> Iterator[list[Changed]]:
    """Days that follow each other, for one query: one for each day is slow in Athena, one for all reads those between."""
    run: list[Changed] = []
    for each in changed:
        follows = run and date.fromisoformat(each.day) - date.fromisoformat(run[-1].day) == timedelta(days=1)
        if run and (not follows or len(run) == RUN_DAYS_MAX):
            yield run
            run = []
        run.append(each)
    if run:
        yield run


def _text(value: object) -> object:
    """Decimals are text in rows; see `ops.parquet`."""
    return value if isinstance(value, int | str) or value is None else str(value)
