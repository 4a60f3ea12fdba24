"""Exchanges the files of compacted months. A query returns every event once at every moment, also after a crash.

The order of the steps is the protocol of docs/adr/0023-account-months.md:

1. List the files of the month's days.
2. Write the new files under the name of a new compaction, which nothing reads yet, and verify them.
3. Replace the manifest: the month has the new compaction, made of the files listed in step 1.
4. Create the view again.
5. Note in the manifest that the replaced compactions are not read by new queries any more.
6. Delete compactions for which that was noted `KEPT` ago.

Steps 4 to 6 are repeated by every run, so a later run completes one that was interrupted.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from local_stack.errors import CommandError
from ops.lake.query.history import MONTH_LENGTH
from ops.lake.query.history_store import HistoryStore, Reopening
from ops.lake.query.manifest import Manifest, Month

KEPT = timedelta(days=1)
"""How long replaced files are kept. Athena ends a query after 30 minutes by default (its quota "DML query timeout")."""
MARGIN = timedelta(days=1)
"""How long a day stays open after the longest delivery of its last event, so that few days are reopened."""


class ConcurrentCompaction(CommandError):
    """Another command has compacted the month at the same time."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """Compacts the closed days of a lake, month by month.

    Attributes:
        store: the manifest.
        write: writes and verifies a month's files; takes the month, its days and the compaction's name, and returns the
            number of events.
        publish: creates the view again.
        delete: deletes the files of a compaction.
        now: the current time, UTC.
        new_name: makes the name of a compaction of a month, which is never used again.
        grace: how long an event may take to reach the lake.
        first_day: the table's first partition.
    """

    store: HistoryStore
    write: Callable[[str, Sequence[str], str], int]
    publish: Callable[[], object]
    delete: Callable[[str], object]
    now: Callable[[], datetime]
    new_name: Callable[[str], str]
    grace: timedelta
    first_day: str = ""

    def outdated(self) -> list[str]:
        """The months with closed days that are not compacted, or whose files have changed since."""
        manifest, _ = self.store.read()
        days, compactions = self.store.days(), self.store.compactions()
        return sorted(
            month
            for month in self._months(days, manifest)
            if (found := manifest.months.get(month)) is None
            or (found.through, found.days) != self._covered(month, days)
            or found.files != compactions.get(found.compaction, "")
            or (found.days and not found.files)  # read from `events`, until the month is written again
        )

    def has(self, month: str) -> bool:
        """Whether the month can be compacted, outdated or not: it has closed days, or was compacted."""
        manifest, _ = self.store.read()
        return month in self._months(self.store.days(), manifest)

    def closed_through(self) -> str:
        """The last day that is closed: no event of it should be on its way any more."""
        return f"{self.now() - self.grace - MARGIN - timedelta(days=1):%Y-%m-%d}"

    def run(self, months: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Compact the months, one after the other; yields each with its number of events. Then clean up.

        Raises:
            QueryFailed, NotVerified, ConcurrentCompaction: the month stays as it was. The months before it are
                compacted, and the view reads them.
        """
        try:
            for month in months:
                yield month, self._compact(month)
        except CommandError:
            self._complete()
            raise
        self._complete()

    def _complete(self) -> None:
        """Steps 4 to 6."""
        published, _ = self.store.read()  # the view will be of this manifest or of a later one
        self.publish()
        self._clean_up(published)

    def _compact(self, month: str) -> int:
        before, _ = self.store.read()
        through, days = self._covered(month, self.store.days())
        name = self.new_name(month)
        events = self.write(month, sorted(days), name) if days else 0
        files = self.store.compactions().get(name, "")

        def with_month(manifest: Manifest) -> Manifest:
            if manifest.months.get(month) != before.months.get(month):
                raise ConcurrentCompaction(
                    f"Another command has compacted {month} at the same time: run the command again."
                )
            if manifest.replaced.get(name, self.now()) <= self.now() - KEPT / 2:
                raise ConcurrentCompaction(
                    f"Compacting {month} took too long, and its new files may be deleted: run it again."
                )
            return replace(manifest, months={**manifest.months, month: Month(through, name, files, days, events)})

        self.store.update(with_month)
        return events

    def _clean_up(self, published: Manifest) -> None:
        """Delete files; but not those of `published`: if another command has replaced them, the view may read them."""
        there, now = self.store.compactions(), self.now()

        def settled(manifest: Manifest) -> Manifest:
            current = {each.compaction for each in (*published.months.values(), *manifest.months.values())}
            unread = {name: manifest.replaced.get(name, now) for name in there if name not in current}
            return replace(manifest, replaced=unread, reopened=Reopening.without(manifest, now - KEPT))

        manifest = self.store.update(settled)
        for name, since in manifest.replaced.items():
            if since <= now - KEPT:
                self.delete(name)

    def _months(self, days: Iterable[str], manifest: Manifest) -> set[str]:
        """The months that have closed days, or were compacted."""
        return {day[:MONTH_LENGTH] for day in days if day <= self.closed_through()} | manifest.months.keys()

    def _covered(self, month: str, days: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """The last day of the month that is closed, and the digests of its days up to then."""
        through = min(_last_day(month), self.closed_through())
        return through, {
            day: digest
            for day, digest in days.items()
            if day[:MONTH_LENGTH] == month and self.first_day <= day <= through
        }


def _last_day(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{month}-{monthrange(year, number)[1]:02d}"
