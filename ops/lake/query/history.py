"""From which table the view `account_history` reads each day: compacted days from `account_months`. Pure.

A day is read from exactly one table. It is read from `account_months` if the compaction of its month covers it, the
files of that compaction are complete, and the day's files are those that the compaction has read. All other days are
read from the view `events`, which is always right. See docs/adr/0023-account-months.md.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from consumers.lake import table
from consumers.lake.added_columns import MONTH_KEYS, PARTITION_KEYS
from ops.lake.query.manifest import Manifest

NAME = "account_history"
HISTORY_FILE = Path(table.__file__).with_name("tables") / f"{NAME}.sql"
HISTORY_VIEW = HISTORY_FILE.read_text(encoding="utf-8")
"""The statement that creates the view over all events, for a lake that was never compacted."""
MONTH_LENGTH = len("2026-11")

_FROM = re.compile(rf"\bFROM {NAME}\b")
_EVENTS = HISTORY_VIEW.partition(f"CREATE OR REPLACE VIEW {NAME} AS\n")[2].rstrip()
COLUMNS = tuple(column.name for column in (*table.COLUMNS, *PARTITION_KEYS, *MONTH_KEYS))
"""The columns of the view."""
_FILE = re.compile(
    rf"{table.MONTHS_PREFIX}dt_month=[0-9]{{4}}-[0-9]{{2}}/account_bucket=(?:{'|'.join(table.BUCKETS)})/([^/._][^/.]*)\.parquet"
)


@dataclass(frozen=True, slots=True)
class History:
    """Which days are read from `account_months`.

    Attributes:
        months: for each compacted month, YYYY-MM, the last day that is read, and the compaction whose rows are read.
        reopened: the days up to these that are read from `events` nevertheless.
    """

    months: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    reopened: frozenset[str] = frozenset()

    def select(self) -> str:
        """The SELECT of the view, in Athena's dialect."""
        if not self.months:
            return _EVENTS
        return (
            f"{_EVENTS}\nWHERE {self.of_events()}\n"
            f"UNION ALL\nSELECT {', '.join(COLUMNS)}\nFROM account_months\nWHERE {self.of_months()}"
        )

    def of_events(self) -> str:
        """The condition, in SQL, for the rows of the view `events` that are read; others are of compacted days."""
        return " OR ".join(self._from_events())

    def of_months(self) -> str:
        """The condition, in SQL, for the rows of the table `account_months` that are read."""
        months, compactions = _listed(self.months), _listed(name for _, name in self.months.values())
        reopened = f"\n  AND dt NOT IN ({_listed(self.reopened)})" if self.reopened else ""
        return f"dt_month IN ({months})\n  AND compaction IN ({compactions}){reopened}"

    def meeting(self, other: "History") -> "History":
        """The history that reads from `account_months` only what both read from there."""
        months = {month: each for month, each in self.months.items() if other.months.get(month) == each}
        return History(months, self.reopened | other.reopened)

    def view(self) -> str:
        """The statement that creates the view."""
        return f"CREATE OR REPLACE VIEW {NAME} AS\n{self.select()}"

    def in_query(self, sql: str) -> str:
        """The query with the SELECT in place of the view, so that it does not depend on when the view was created."""
        return _FROM.sub(lambda _: f"FROM (\n{self.select()}\n) AS {NAME}", sql)

    def files(self, keys: Iterable[str]) -> list[str]:
        """Those of the files below `account_months/` that have rows to read."""
        compactions = {name for _, name in self.months.values()}
        return sorted(key for key in keys if (found := _FILE.fullmatch(key)) and found[1] in compactions)

    def to_json(self) -> str:
        """The history as text."""
        return json.dumps({"months": dict(self.months), "reopened": sorted(self.reopened)})

    @classmethod
    def from_json(cls, text: str) -> "History":
        """The history in a text that `to_json` made."""
        found = json.loads(text)
        return cls({month: (each[0], each[1]) for month, each in found["months"].items()}, frozenset(found["reopened"]))

    def _from_events(self) -> Iterator[str]:
        """Conditions on dt, one of which is true for a day that is read from `events`."""
        after = ""
        for first, last in _ranges({month: through for month, (through, _) in self.months.items()}):
            yield f"(dt > '{after}' AND dt < '{first}')" if after else f"dt < '{first}'"
            after = last
        yield f"dt > '{after}'"
        if self.reopened:
            yield f"dt IN ({_listed(self.reopened)})"


def is_about_history(sql: str) -> bool:
    """Whether a shipped query reads the view `account_history`."""
    return _FROM.search(sql) is not None


def history_of(manifest: Manifest, digests: Mapping[str, str], compactions: Mapping[str, str]) -> History:
    """The history that is right for these files.

    Args:
        manifest: the manifest.
        digests: the digest of each day's files below `events/`, see `LakeFiles`.
        compactions: the digest of each compaction's files, see `compaction_digests`.
    """
    complete = {
        month: each for month, each in manifest.months.items() if compactions.get(each.compaction) == each.files
    }
    found = defaultdict[str, dict[str, str]](dict)
    for day, digest in digests.items():
        found[day[:MONTH_LENGTH]][day] = digest
    marked = {day for mark in manifest.reopened.values() for day in mark.days}
    reopened = {
        day
        for month, each in complete.items()
        for day in marked | each.days.keys() | found[month].keys()
        if day[:MONTH_LENGTH] == month
        and day <= each.through
        and (day in marked or each.days.get(day) != found[month].get(day))
    }
    return History({month: (each.through, each.compaction) for month, each in complete.items()}, frozenset(reopened))


def compaction_digests(listed: Iterable[tuple[str, str]]) -> dict[str, str]:
    """For each compaction, a digest of its files, given the keys and ETags below `account_months/`."""
    files = defaultdict[str, list[tuple[str, str]]](list)
    for key, etag in listed:
        if found := _FILE.fullmatch(key):
            files[found[1]].append((key, etag))
    return {name: hashlib.sha256(repr(sorted(each)).encode()).hexdigest()[:16] for name, each in files.items()}


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


def _ranges(months: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The first and the last day of each run of consecutive days, given the last day of each month."""
    first = last = ""
    for month, through in sorted(months.items()):
        if not last or f"{date.fromisoformat(last) + timedelta(days=1)}" != f"{month}-01":
            if first:
                yield first, last
            first = f"{month}-01"
        last = through
    if first:
        yield first, last
