"""The manifest of the table `account_months`: which compaction of each month is current. Pure.

It is one JSON object, `account_months/manifest.json`, which is replaced as a whole. No query reads it: commands make
the view `account_history` from it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from consumers.lake import table
from local_stack.errors import CommandError

KEY = f"{table.MONTHS_PREFIX}manifest.json"
FORMAT = 1


class BadManifest(CommandError):
    """The manifest is damaged, or a newer release has written it."""


@dataclass(frozen=True, slots=True)
class Month:
    """A compacted month.

    Attributes:
        through: the last day that the compaction covers, YYYY-MM-DD: the month's last day, or an earlier one.
        compaction: the name of its files, without `.parquet`, and the value of the column `compaction` in them.
        files: a digest of these files, see `history.compaction_digests`.
        days: the digest of each day's files below `events/` before the compaction read them, see `LakeFiles`.
        events: the number of rows.
    """

    through: str
    compaction: str
    files: str
    days: Mapping[str, str]
    events: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Days to which a command writes files, from a time on."""

    at: datetime
    days: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest.

    Attributes:
        months: the compacted months.
        replaced: compactions whose files are not read any more, with the time since when no new query reads them.
        reopened: marks of the commands that write to the lake at the moment, by a random name.
        revision: how often it was replaced. So its ETag differs after a mark was set and removed again.
    """

    months: Mapping[str, Month] = field(default_factory=dict)
    replaced: Mapping[str, datetime] = field(default_factory=dict)
    reopened: Mapping[str, Mark] = field(default_factory=dict)
    revision: int = 0

    def to_json(self) -> bytes:
        """The object's content."""
        return json.dumps({"format": FORMAT, **asdict(self)}, default=datetime.isoformat, indent=1).encode()

    @classmethod
    def from_json(cls, body: bytes) -> "Manifest":
        """Reads the object's content.

        Raises:
            BadManifest: it is damaged, or of another format.
        """
        try:
            found: dict[str, Any] = json.loads(body)
            if found["format"] != FORMAT:
                raise BadManifest(
                    f"{KEY} has the format {found['format']}, not {FORMAT}: use the release that wrote it."
                )
            return cls(
                {month: Month(**each) for month, each in found["months"].items()},
                {name: datetime.fromisoformat(at) for name, at in found["replaced"].items()},
                {
                    name: Mark(datetime.fromisoformat(each["at"]), tuple(each["days"]))
                    for name, each in found["reopened"].items()
                },
                int(found["revision"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadManifest(
                f"{KEY} in the lake's bucket is damaged ({type(error).__name__}: {error}). Delete it and run "
                "`account-events lake compact`, which compacts all months again."
            ) from error
