"""Reads and replaces the manifest of `account_months` in the lake's bucket, and marks days that are about to change."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self

from consumers.lake import table
from local_stack.errors import CommandError
from ops.lake.query.files import LakeFiles, listed
from ops.lake.query.history import History, compaction_digests, history_of
from ops.lake.query.history_view import StoredView
from ops.lake.query.manifest import KEY, Manifest, Mark

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS_MAX = 20
"""How often a command tries to replace the manifest while other commands replace it."""
MARK_RENEWED = timedelta(hours=1)
"""The age at which a command that is still writing renews its mark, because compactions remove marks of a day ago."""
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class ManifestContended(CommandError):
    """Other commands keep replacing the manifest."""


class CatalogView(Protocol):
    """The view `account_history` in a catalog, see `history_view.HistoryView`."""

    def read(self) -> StoredView | None: ...

    def replace(self, view: StoredView, select: str) -> bool: ...


class HistoryStore:
    """The manifest and the files of one lake's `account_months`.

    Args:
        s3: a client.
        bucket: the lake's bucket.
    """

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

    def read(self) -> tuple[Manifest, str]:
        """The manifest and its ETag, which is empty if there is none."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=KEY)
        except self._s3.exceptions.NoSuchKey:
            return Manifest(), ""
        return Manifest.from_json(found["Body"].read()), found["ETag"]

    def update(self, change: Callable[[Manifest], Manifest]) -> Manifest:
        """Replace the manifest with a changed one. If another command replaces it first, change that one.

        Raises:
            ManifestContended: other commands keep replacing it.
        """
        for _ in range(ATTEMPTS_MAX):
            manifest, etag = self.read()
            changed = change(manifest)
            if changed == manifest:
                return manifest
            changed = replace(changed, revision=manifest.revision + 1)
            condition: Any = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
            try:
                self._s3.put_object(
                    Bucket=self._bucket, Key=KEY, Body=changed.to_json(), ContentType="application/json", **condition
                )
            except self._s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in _CHANGED:
                    raise
            else:
                return changed
        raise ManifestContended(f"Other commands keep replacing {KEY}: run the command again when they have ended.")

    def compactions(self) -> dict[str, str]:
        """The compactions whose files are in the bucket, each with a digest of the files."""
        return compaction_digests(listed(self._s3, self._bucket, table.MONTHS_PREFIX))

    def days(self) -> dict[str, str]:
        """The digest of each day's files below `events/`, as they are now."""
        return LakeFiles.of(self._s3, self._bucket).digests

    def history(self) -> History:
        """The history that is right for the files that are in the bucket now, not for files that are added later."""
        manifest, _ = self.read()
        return history_of(manifest, self.days(), self.compactions()) if manifest.months else History()

    def publish(self, create_view: Callable[[str], object]) -> None:
        """Create the view `account_history` for the files that are in the bucket now.

        Args:
            create_view: runs the statement.
        """
        for _ in range(ATTEMPTS_MAX):
            _, etag = self.read()
            create_view(self.history().view())
            if self.read()[1] == etag:  # otherwise, another command has reopened days, or published a month
                return
        raise ManifestContended(f"Other commands keep replacing {KEY}: run the command again when they have ended.")

    def refresh(self, view: CatalogView) -> bool:
        """Replace the text of the view if it is not right for the files that are in the bucket now.

        The view is read before the manifest, and replaced only if it has not changed since. So it never goes back to
        files that a compaction has replaced, also if the command is killed at any moment.

        Returns:
            Whether the view was replaced. It is not if nothing was ever compacted, or if there is no view. If the
            manifest has been deleted, the view reads all days from `events` afterwards.

        Raises:
            ManifestContended, BadManifest, OtherView: the view stays as it was.
        """
        is_replaced = False
        for _ in range(ATTEMPTS_MAX):
            if not (keys := self._keys()) or (found := view.read()) is None:
                return is_replaced
            manifest, etag = self._read_if_in(keys)
            select = history_of(manifest, self.days(), self.compactions()).select()
            if found.reads_as(select):
                return is_replaced
            if view.replace(found, select):
                is_replaced = True
                if self._read_if_in(self._keys())[1] == etag:  # as in `publish`
                    return True
        raise ManifestContended(f"Other commands keep replacing {KEY} or the view: the next run tries again.")

    def _keys(self) -> set[str]:
        return {key for key, _ in listed(self._s3, self._bucket, table.MONTHS_PREFIX)}

    def _read_if_in(self, keys: Collection[str]) -> tuple[Manifest, str]:
        """As `read`, for a role that may list only some prefixes: S3 denies it access to an object that is missing."""
        return self.read() if KEY in keys else (Manifest(), "")


class Reopening:
    """Reopens days before a command writes files to them: from then on, the view reads these days from `events`.

    A context manager, whose exit removes the mark: by then, the view reads the days from `events` because their files
    have changed. A mark that a killed command leaves only makes queries read more, until a compaction removes it.

    Args:
        store: the manifest.
        publish: creates the view again.
        now: the current time, UTC.
        name: a random name.
    """

    def __init__(
        self, store: HistoryStore, publish: Callable[[], object], now: Callable[[], datetime], name: str
    ) -> None:
        self._store, self._publish, self._now, self._name = store, publish, now, name
        self._days: frozenset[str] = frozenset()
        self._marked_at: datetime | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._days:
            self._store.update(
                lambda found: replace(
                    found, reopened={name: mark for name, mark in found.reopened.items() if name != self._name}
                )
            )

    def __call__(self, days: Iterable[str]) -> None:
        """Reopen the days. Call it before a file is written to one of them."""
        now = self._now()
        is_fresh = self._marked_at is not None and now - self._marked_at < MARK_RENEWED
        if self._days.issuperset(days := frozenset(days)) and (is_fresh or not self._days):
            return
        self._days |= days
        self._marked_at = now
        mark = Mark(now, tuple(sorted(self._days)))
        manifest = self._store.update(lambda found: replace(found, reopened={**found.reopened, self._name: mark}))
        if manifest.months:
            self._publish()

    @staticmethod
    def without(manifest: Manifest, before: datetime) -> dict[str, Mark]:
        """The manifest's marks without those that were left before a time."""
        return {name: mark for name, mark in manifest.reopened.items() if mark.at >= before}
