"""The lake's files as the bucket lists them: the table's files by day, and stray files."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING

from consumers.lake import table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AHEAD_MAX = timedelta(days=1)
"""How far ahead of today the table's partitions go (template.yaml). The transform refuses events dated later."""
_FILE = re.compile(
    rf"{table.EVENTS_PREFIX}dt=([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})/event_type=(?:{'|'.join(table.EVENT_TYPES)})"
    r"/[^/._][^/]*\.parquet"
)
"""Athena ignores names that begin with a dot or an underscore."""


class LakeFiles:
    """The files of one listing.

    Args:
        listed: keys below `events/` and their ETags.

    Attributes:
        digests: for each day, a digest of its files' keys and ETags. It changes if a file is added, removed or changed.
    """

    def __init__(self, listed: Iterable[tuple[str, str]]) -> None:
        self._strays: list[str] = []
        self._days: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for key, etag in listed:
            day = _day_of(key)
            if day is not None:
                self._days[day].append((key, etag))
            elif not key.endswith("/"):  # an empty object with which the S3 console marks a folder
                self._strays.append(key)
        self.digests = {
            day: hashlib.sha256(repr(sorted(files)).encode()).hexdigest()[:16] for day, files in self._days.items()
        }

    @classmethod
    def of(cls, s3: "S3Client", bucket: str, below: str = "") -> "LakeFiles":
        """Lists the files as they are now: all of them, or those whose names below `events/` begin with a text."""
        return cls(listed(s3, bucket, f"{table.EVENTS_PREFIX}{below}"))

    def keys(self, first_day: str) -> list[str]:
        """The table's files: those of its first day and later, also those that lie too far ahead."""
        return sorted(key for day, files in self._days.items() if day >= first_day for key, _ in files)

    def keys_of(self, days: Collection[str]) -> list[str]:
        """The table's files of these days."""
        return sorted(key for day in days for key, _ in self._days.get(day, ()))

    def strays(self, today: date) -> list[str]:
        """Files that belong to no partition of the table. It is undefined what Athena does with them."""
        last = f"{today + AHEAD_MAX}"
        ahead = [key for day, files in self._days.items() if day > last for key, _ in files]
        return sorted([*self._strays, *ahead])


def listed(s3: "S3Client", bucket: str, prefix: str) -> Iterator[tuple[str, str]]:
    """The keys and ETags below a prefix."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            yield found["Key"], found["ETag"]


def listed_size(s3: "S3Client", bucket: str, prefix: str) -> int:
    """The bytes of all objects below a prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sum(found["Size"] for page in pages for found in page.get("Contents", []))


def _day_of(key: str) -> str | None:
    """The day of a partition's file; None for other keys."""
    if found := _FILE.fullmatch(key):
        with suppress(ValueError):
            return f"{date.fromisoformat(found[1])}"
    return None
