"""The table `daily_totals`: for each day, what its events sum up to. Made again for the days whose files have changed.

What a day's object was made of stands in its metadata, as a digest of its files' names and ETags: a file that came
since, in the same second or not, changes that. So it can be made by anybody at any time, also by several at once: each
writes the same.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumers.lake import table
from ops.lake.engine import Engine
from ops.parquet import arrow_schema, parquet

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SQL = Path(table.__file__).with_name("tables") / "daily_totals.sql"
DIGEST = "made-of"


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
            tell: told each day, before it is made.
        """
        changed = self.changed()
        engine = self._engine() if changed else None
        for each in changed:
            assert engine is not None  # noqa: S101 -- there is something to do
            tell(each.day)
            self._make(each, engine)
        return len(changed)

    def changed(self) -> list[Changed]:
        """The days to be made, the oldest first. Lists the bucket, and asks each of its totals what it was made of."""
        files = self._files()
        made = {day: self._digest_of(day) for day in self._days_made() & files.keys()}
        found = {day: _digest(entries) for day, entries in files.items()}
        return [Changed(day, digest) for day, digest in sorted(found.items()) if made.get(day) != digest]

    def _make(self, changed: Changed, engine: Engine) -> None:
        """The digest is older than the sums: a file that came in between changes it, and the day is made once more."""
        answer = engine.query(SQL.read_text(encoding="utf-8"), [changed.day])
        rows = [{name: _text(value) for name, value in record.items()} for record in answer.records()]
        self._s3.put_object(
            Bucket=self._bucket,
            Key=_key(changed.day),
            Body=parquet(rows, arrow_schema(table.TOTALS_COLUMNS)),
            Metadata={DIGEST: changed.digest},
        )

    def _files(self) -> dict[str, list[tuple[str, str]]]:
        """Names and ETags of the events' files, by day."""
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for key, etag in self._listed(table.EVENTS_PREFIX):
            if key.endswith(".parquet"):
                found[_day(key)].append((key, etag))
        return dict(found)

    def _days_made(self) -> set[str]:
        return {_day(key) for key, _ in self._listed(table.TOTALS_PREFIX)}

    def _digest_of(self, day: str) -> str | None:
        return self._s3.head_object(Bucket=self._bucket, Key=_key(day))["Metadata"].get(DIGEST)

    def _listed(self, prefix: str) -> Iterator[tuple[str, str]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"], found["ETag"]


def _key(day: str) -> str:
    return f"{table.TOTALS_PREFIX}dt={day}/totals.parquet"


def _day(key: str) -> str:
    return key.split("dt=", 1)[1].split("/", 1)[0]


def _digest(entries: Sequence[tuple[str, str]]) -> str:
    return hashlib.sha256(repr(sorted(entries)).encode()).hexdigest()


def _text(value: object) -> object:
    """Decimals are text in rows; see `ops.parquet`."""
    return value if isinstance(value, int | str) or value is None else str(value)
